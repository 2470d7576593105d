"""Making the encoders' own classifiers part of a space, and teaching them from labelled examples."""

from __future__ import annotations

import csv
from dataclasses import dataclass
from importlib import resources
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt
import torch

from modag_search.errors import UsageError
from modag_search.space import NameTree, SharedClassHead
from modag_search.space.class_head import REST
from modag_search.training.threads import training_threads
from modag_search.values import MODALITIES, Float32Array, Int64Array, Modality

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from modag_search.encoders.base import ClassHead
    from modag_search.training.space import Examples

_TAXONOMIES = ("audioset", "imagenet")
EXCLUSIVE = ("imagenet",)
"""Taxonomies whose classes exclude each other: there, a class without a name speaks against those with one. AudioSet's
hold together, and those left out are mostly kinds of what has a name: music, animals, vehicles."""


@dataclass(frozen=True, slots=True)
class CommonName:
    """A name for which both taxonomies, or one of them, have classes.

    Attributes
    ----------
    name : str
    kind, group : str
        What it is a kind of, closely and at large: a ``canine``, an ``animal``.
    classes : Mapping of taxonomy to tuple of int
        Numbers of its classes: its kinds, parts, and sounds.
    """

    name: str
    kind: str
    group: str
    classes: Mapping[str, tuple[int, ...]]


def common_names() -> list[CommonName]:
    """Read the names that AudioSet and ImageNet share, and those that one of them has beside its kin in the other.

    The table lists numbers of classes; AudioSet's are those of its ``class_labels_indices.csv``.
    """
    text = resources.files("modag_search.training").joinpath("common_names.csv").read_text(encoding="utf-8")
    return [
        CommonName(
            row["name"],
            row["kind"],
            row["group"],
            {t: tuple(int(number) for number in row[t].split()) for t in _TAXONOMIES},
        )
        for row in csv.DictReader(text.splitlines())
    ]


@dataclass(frozen=True, slots=True, kw_only=True)
class SharedClassHeadSettings:
    """How the encoders' classifiers become part of a space.

    Attributes
    ----------
    share : float
        See `space.Space.class_head_share`; 0 leaves the class heads out.
    levels : tuple of float
        How much names, kinds and groups count; see `space.NameTree.weights`.
    corrected : tuple of modality
        Whose classifier is taught from the labelled examples; the others stay as they are.
    strength : float
        Weight of the squared distance from the encoder's own classifier; the less, the further examples may move it.
    rehearsals : int
        Features made up for each name that has no example, so that teaching others does not make it forgotten.
    kept : float
        Weight of saying of unlabelled media what the encoder's own classifier says of them; see
        `fit_shared_class_head`.
    """

    share: float = 0.9
    levels: tuple[float, float, float] = (0.5, 0.3, 0.2)
    corrected: tuple[Modality, ...] = ("sound",)
    strength: float = 0.01
    rehearsals: int = 10
    kept: float = 1.0

    def __post_init__(self) -> None:
        if not 0 <= self.share <= 1:
            raise UsageError(f"the share of knowledge must be from 0 to 1, not {self.share}")
        if min(self.strength, self.rehearsals, self.kept) < 0:
            raise UsageError("strength, rehearsals and what is kept must not be negative")


@training_threads()
def fit_shared_class_head(
    examples: Mapping[Modality, Examples],
    groups: Sequence[str],
    heads: Mapping[Modality, ClassHead | None],
    *,
    settings: SharedClassHeadSettings,
    seed: int = 0,
    unlabelled: Mapping[Modality, Float32Array] | None = None,
    taught: Mapping[Modality, SharedClassHead] | None = None,
) -> tuple[NameTree, dict[Modality, SharedClassHead]] | None:
    """Make the class heads of both modalities.

    Parameters
    ----------
    examples : Mapping of modality to Examples
    groups : sequence of str
        Names of the groups of the examples, by number; those that are no common names teach nothing here.
    heads : Mapping of modality to ClassHead or None
    settings : SharedClassHeadSettings
    seed : int
    unlabelled : Mapping of modality to np.ndarray [shape=(n, d), float32], optional
        Features of media of all kinds, of which a corrected classifier must go on saying what it said: it would
        otherwise hear in everything what it was taught.
    taught : Mapping of modality to SharedClassHead, optional
        What such classifiers of the same encoders and names were taught before: they begin there.

    Returns
    -------
    tree : NameTree
    class_heads : dict of modality to SharedClassHead
        None in the stead of both where an encoder has no classifier or `settings` leave them out.
    """
    if settings.share == 0 or any(heads[modality] is None for modality in MODALITIES):
        return None
    names = common_names()
    levels = (tuple(entry.kind for entry in names), tuple(entry.group for entry in names))
    tree = NameTree(tuple(entry.name for entry in names), levels, settings.levels)
    class_heads = {}
    for modality in MODALITIES:
        corrected = modality in settings.corrected
        shown = {groups[g] for g in np.unique(examples[modality].groups)} if corrected else set()
        start = taught[modality] if taught else _own_head(_head(heads, modality), names)
        classifier = _NamesClassifier(start, names, examples[modality].features, shown=shown)
        if corrected:
            kept = (unlabelled or {}).get(modality)
            _teach(classifier, examples[modality], groups, names, settings=settings, seed=seed, unlabelled=kept)
        class_heads[modality] = classifier.shared_head()
    return tree, class_heads


def _head(heads: Mapping[Modality, ClassHead | None], modality: Modality) -> ClassHead:
    head = heads[modality]
    assert head is not None
    return head


def _own_head(head: ClassHead, names: Sequence[CommonName]) -> SharedClassHead:
    """Take of an encoder's classes those that mean a name, and the rest where classes exclude each other."""
    rows = [(number, i) for i, entry in enumerate(names) for number in entry.classes[head.taxonomy]]
    if head.taxonomy in EXCLUSIVE:
        named = {number for number, _ in rows}
        rows += [(number, REST) for number in range(len(head.bias)) if number not in named]
    numbers, name_of = map(np.array, zip(*rows, strict=True))
    return SharedClassHead(head.weight[numbers], head.bias[numbers], name_of.astype(np.int64))


class _NamesClassifier:
    """Classes, summed by name, with a linear correction to be learnt.

    Names that have no class and are `shown` by examples get one, which begins as the mean of all.
    """

    def __init__(
        self, head: SharedClassHead, names: Sequence[CommonName], features: Float32Array, *, shown: set[str]
    ) -> None:
        missing = [i for i, entry in enumerate(names) if entry.name in shown and i not in head.name_of]
        weight, bias = head.weight, head.bias
        self.weight = torch.from_numpy(np.concatenate([weight, np.tile(weight.mean(0), (len(missing), 1))]))
        self.bias = torch.from_numpy(np.concatenate([bias, np.full(len(missing), bias.mean(), np.float32)]))
        self.name_of: Int64Array = np.concatenate([head.name_of, np.array(missing, dtype=np.int64)])
        self.mean = torch.from_numpy(features.mean(axis=0))
        spread = features.std(axis=0)
        self.spread = torch.from_numpy(spread + 0.1 * spread.mean() + 1e-3)
        self.weight_change = torch.zeros_like(self.weight).requires_grad_()
        self.bias_change = torch.zeros_like(self.bias).requires_grad_()
        # REST, -1, stands in the last column.
        self._sums = torch.nn.functional.one_hot(
            torch.from_numpy(self.name_of % (len(names) + 1)), len(names) + 1
        ).float()

    def shares(self, features: torch.Tensor) -> torch.Tensor:
        logits = features @ self.weight.T + self.bias
        standard = (features - self.mean) / self.spread
        return torch.softmax(logits + standard @ self.weight_change.T + self.bias_change, dim=1) @ self._sums

    @torch.no_grad()
    def shared_head(self) -> SharedClassHead:
        """Fold the correction into the weights."""
        change = self.weight_change / self.spread
        weight = (self.weight + change).half().float()
        bias = self.bias + self.bias_change - change @ self.mean
        return SharedClassHead(weight.numpy().copy(), bias.numpy().copy(), self.name_of)


def _teach(
    classifier: _NamesClassifier,
    examples: Examples,
    groups: Sequence[str],
    names: Sequence[CommonName],
    *,
    settings: SharedClassHeadSettings,
    seed: int,
    unlabelled: Float32Array | None,
) -> None:
    """Correct a classifier by logistic regression, drawn towards what it was; every name weighs the same."""
    number = {entry.name: i for i, entry in enumerate(names)}
    taught = np.array([number.get(groups[g], -1) for g in examples.groups])
    features, targets = examples.features[taught >= 0], taught[taught >= 0]
    if len(targets) == 0:
        return
    counts = np.bincount(targets, minlength=len(names))
    weights = 1.0 / counts[targets]
    if settings.rehearsals:
        made_up, made_up_as = _rehearsals(
            classifier,
            examples.features,
            np.setdiff1d(classifier.name_of[classifier.name_of != REST], targets),
            n=settings.rehearsals,
            seed=seed,
        )
        features, targets = np.concatenate([features, made_up]), np.concatenate([targets, made_up_as])
        weights = np.concatenate([weights, np.full(len(made_up_as), 1.0 / settings.rehearsals)])
    weights /= np.count_nonzero(counts)
    inputs, wanted = torch.from_numpy(features), torch.from_numpy(targets)
    weighing = torch.from_numpy(weights.astype(np.float32))
    kept = torch.from_numpy(unlabelled if unlabelled is not None else features[:0])
    with torch.no_grad():
        said = classifier.shares(kept)
    changes = [classifier.weight_change, classifier.bias_change]
    optimiser = torch.optim.LBFGS(changes, max_iter=80, history_size=10, line_search_fn="strong_wolfe")

    def loss() -> torch.Tensor:
        optimiser.zero_grad()
        likelihoods = classifier.shares(inputs)[torch.arange(len(wanted)), wanted]
        value = -(weighing * torch.log(likelihoods + 1e-8)).sum()
        value = value + settings.strength * classifier.weight_change.square().sum()
        if len(kept):
            cross_entropy = -(said * torch.log(classifier.shares(kept) + 1e-8)).sum(dim=1).mean()
            value = value + settings.kept * cross_entropy
        value.backward()  # type: ignore[no-untyped-call]
        return value

    optimiser.step(loss)  # type: ignore[no-untyped-call]


def _rehearsals(
    classifier: _NamesClassifier, features: Float32Array, names: npt.NDArray[np.int64], *, n: int, seed: int
) -> tuple[Float32Array, Int64Array]:
    """Make up features of names that have no example.

    Each is a real feature, moved along the direction that raises the logit of one of the name's classes most for the
    distance that the features' covariance allows, until that class is the likeliest, by 0 to 3.
    """
    random = np.random.default_rng(seed)
    centred = features - features.mean(axis=0)
    covariance = centred.T @ centred / len(features)
    weight, bias = classifier.weight.numpy(), classifier.bias.numpy()
    made_up, made_up_as = [np.zeros((0, features.shape[1]), np.float32)], []
    for name in names:
        classes = random.choice(np.flatnonzero(classifier.name_of == name), n)
        bases = features[random.integers(len(features), size=n)]
        directions = weight[classes] @ covariance
        gains = np.einsum("nd,nd->n", weight[classes], directions) + 1e-9
        logits = bases @ weight.T + bias
        lacking = logits.max(axis=1) - logits[np.arange(n), classes] + random.uniform(0, 3, n)
        made_up.append((bases + directions * (np.maximum(lacking, 0) / gains)[:, None]).astype(np.float32))
        made_up_as += [int(name)] * n
    return np.concatenate(made_up), np.array(made_up_as, dtype=np.int64)
