"""Training a space by cross-modal retrieval."""

from __future__ import annotations

import copy
import itertools
import math
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt
import torch

from modag_search.errors import UsageError
from modag_search.knn import vote_all
from modag_search.metrics import macro_accuracy
from modag_search.training.losses import LOSSES
from modag_search.training.networks import BranchNetwork
from modag_search.values import MODALITIES, Float32Array, Modality

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from modag_search.space import Branch

_ACROSS: tuple[tuple[Modality, Modality], ...] = (("sound", "image"), ("image", "sound"))


@dataclass(frozen=True, slots=True, kw_only=True)
class SpaceTrainingSettings:
    """How to train a space.

    Attributes
    ----------
    loss : {"supcon", "infonce", "hinge"}
        ``hinge`` is the paper's.
    steps : int
        At the most.
    groups_a_batch, examples_a_group : int
        A batch holds so many groups, and of each so many sounds and so many images.
    learning_rate, weight_decay : float
        Of AdamW; the rate falls as a cosine. The paper uses Adam at 1e-4.
    dropout, mixing : float
        Share of input features left out; greatest share of another example of the same group mixed in.
    hidden, dimension : int
    patience : int
        Checks without progress before training stops; a check every 25 steps. 0: no early stopping.
    seed : int
    """

    loss: str = "supcon"
    steps: int = 600
    groups_a_batch: int = 16
    examples_a_group: int = 6
    learning_rate: float = 1e-3
    weight_decay: float = 0.05
    dropout: float = 0.2
    mixing: float = 0.5
    hidden: int = 256
    dimension: int = 128
    patience: int = 10
    seed: int = 0

    def __post_init__(self) -> None:
        if self.loss not in LOSSES:
            raise UsageError(f"loss must be one of {', '.join(LOSSES)}, not {self.loss!r}")
        for name in ("steps", "groups_a_batch", "examples_a_group", "hidden", "dimension"):
            if getattr(self, name) < 1:
                raise UsageError(f"{name} must be 1 at least, not {getattr(self, name)}")


@dataclass(frozen=True, slots=True, eq=False)
class Examples:
    """Features of one modality and the group of each.

    Attributes
    ----------
    features : np.ndarray [shape=(n, d), float32]
    groups : np.ndarray [shape=(n,), int64]
        Numbers that both modalities share: what has the same number belongs together.
    """

    features: Float32Array
    groups: npt.NDArray[np.int64]

    def only(self, chosen: npt.NDArray[np.bool_]) -> Examples:
        """Return some of the examples."""
        return Examples(self.features[chosen], self.groups[chosen])


@dataclass(slots=True)
class TrainedBranches:
    """What training made, and how it went.

    Attributes
    ----------
    branches : dict of modality to Branch
    history : list of dict
        Step, loss and, at checks, validation accuracy.
    best_step : int
    background : dict of str to (float, float)
        See `space.Space`.
    """

    branches: dict[Modality, Branch]
    history: list[dict[str, float]]
    best_step: int
    background: dict[str, tuple[float, float]] = field(default_factory=dict)


def train_branches(
    examples: Mapping[Modality, Examples],
    *,
    validation: Mapping[Modality, Examples] | None,
    settings: SpaceTrainingSettings,
    progress: Callable[[int, float], None] | None = None,
) -> TrainedBranches:
    """Train the two branches.

    Parameters
    ----------
    examples : Mapping of modality to Examples
    validation : Mapping of modality to Examples, optional
        Held-out examples; naming them by the training examples of the other modality decides when to stop.
    settings : SpaceTrainingSettings
    progress : callable, optional
        Called with step and loss.

    Returns
    -------
    TrainedBranches

    Raises
    ------
    UsageError
        If fewer than two groups have examples of both modalities.
    """
    shared = np.intersect1d(examples["sound"].groups, examples["image"].groups)
    if len(shared) < 2:
        raise UsageError(f"a space needs two groups at least that have both sounds and images; there are {len(shared)}")
    torch.manual_seed(settings.seed)
    run = _Run(examples, settings, shared)
    history: list[dict[str, float]] = []
    best, best_step, best_state, checks_since = -math.inf, 0, run.state(), 0
    for step in range(1, settings.steps + 1):
        loss = run.step(step)
        history.append({"step": step, "loss": loss})
        if progress:
            progress(step, loss)
        if validation is None or step % 25:
            continue
        accuracy = cross_modal_accuracy(run.folded(), examples, validation)
        history[-1]["validation_accuracy"] = accuracy
        checks_since += 1
        if accuracy > best:
            best, best_step, best_state, checks_since = accuracy, step, run.state(), 0
        elif settings.patience and checks_since >= settings.patience:
            break
    if validation is not None:
        run.restore(best_state)
    branches = run.folded()
    return TrainedBranches(branches, history, best_step or len(history), background_similarity(branches, examples))


class _Run:
    """The networks, the optimiser and the sampler of one training."""

    def __init__(
        self, examples: Mapping[Modality, Examples], settings: SpaceTrainingSettings, shared: npt.NDArray[np.int64]
    ) -> None:
        self._settings = settings
        self._random = np.random.default_rng(settings.seed)
        self._features = {modality: torch.from_numpy(examples[modality].features) for modality in MODALITIES}
        self._members = {
            modality: {group: np.flatnonzero(examples[modality].groups == group) for group in shared.tolist()}
            for modality in MODALITIES
        }
        self._groups = shared
        self._networks = {
            modality: BranchNetwork(
                self._features[modality],
                hidden=settings.hidden,
                dimension=settings.dimension,
                dropout=settings.dropout,
            )
            for modality in MODALITIES
        }
        parameters = [p for modality in MODALITIES for p in self._networks[modality].parameters()]
        self._optimiser = torch.optim.AdamW(parameters, lr=settings.learning_rate, weight_decay=settings.weight_decay)

    def step(self, step: int) -> float:
        settings = self._settings
        for group in self._optimiser.param_groups:
            group["lr"] = settings.learning_rate * 0.5 * (1 + math.cos(math.pi * (step - 1) / settings.steps))
        chosen = self._random.permutation(self._groups)[: settings.groups_a_batch]
        groups = torch.from_numpy(np.repeat(chosen, settings.examples_a_group))
        vectors = {modality: self._networks[modality].train()(self._drawn(modality, chosen)) for modality in MODALITIES}
        loss = LOSSES[settings.loss](vectors["sound"], vectors["image"], groups, groups)
        self._optimiser.zero_grad(set_to_none=True)
        loss.backward()  # type: ignore[no-untyped-call]
        self._optimiser.step()
        return float(loss.detach())

    def _drawn(self, modality: Modality, groups: Sequence[int] | npt.NDArray[np.int64]) -> torch.Tensor:
        """Draw examples of each group, each mixed with another of its group."""
        n = self._settings.examples_a_group
        members = self._members[modality]
        first = np.concatenate([self._random.choice(members[int(group)], n) for group in groups])
        second = np.concatenate([self._random.choice(members[int(group)], n) for group in groups])
        share = torch.from_numpy(self._random.uniform(0, self._settings.mixing, (len(first), 1)).astype(np.float32))
        features = self._features[modality]
        return (1 - share) * features[first] + share * features[second]

    def folded(self) -> dict[Modality, Branch]:
        return {modality: self._networks[modality].eval().folded() for modality in MODALITIES}

    def state(self) -> dict[Modality, dict[str, torch.Tensor]]:
        return {modality: copy.deepcopy(self._networks[modality].state_dict()) for modality in MODALITIES}

    def restore(self, state: Mapping[Modality, Mapping[str, torch.Tensor]]) -> None:
        for modality in MODALITIES:
            self._networks[modality].load_state_dict(state[modality])


def cross_modal_accuracy(
    branches: Mapping[Modality, Branch], voters: Mapping[Modality, Examples], queries: Mapping[Modality, Examples]
) -> float:
    """Mean over both directions of the macro accuracy of naming queries by 20 neighbours of the other modality."""
    scores = []
    for modality, other in _ACROSS:
        asked, voting = queries[modality], voters[other]
        known = np.isin(asked.groups, voting.groups)
        if not known.any():
            continue
        classes, voter_class = np.unique(voting.groups, return_inverse=True)
        similarities = branches[modality](asked.features[known]) @ branches[other](voting.features).T
        shares = vote_all(similarities, voter_class, n_classes=len(classes), k=20)
        scores.append(macro_accuracy(asked.groups[known], classes[shares.argmax(axis=1)]))
    return float(np.mean(scores)) if scores else 0.0


def background_similarity(
    branches: Mapping[Modality, Branch], examples: Mapping[Modality, Examples], *, most: int = 2000, seed: int = 0
) -> dict[str, tuple[float, float]]:
    """Measure mean and standard deviation of the similarity of examples of different groups; see `space.Space`."""
    random = np.random.default_rng(seed)
    chosen = {modality: random.permutation(len(examples[modality].groups))[:most] for modality in MODALITIES}
    vectors = {modality: branches[modality](examples[modality].features[chosen[modality]]) for modality in MODALITIES}
    background = {}
    for first, second in itertools.combinations_with_replacement(MODALITIES, 2):
        unlike = examples[first].groups[chosen[first]][:, None] != examples[second].groups[chosen[second]][None, :]
        similarities = (vectors[first] @ vectors[second].T)[unlike]
        background[f"{first}-{second}"] = (round(float(similarities.mean()), 5), round(float(similarities.std()), 5))
    return background
