"""Training a space by cross-modal retrieval."""

from __future__ import annotations

import copy
import dataclasses
import hashlib
import itertools
import json
import math
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt
import torch

from modag_search.classify.arithmetic.knn import vote_all
from modag_search.errors import UsageError
from modag_search.metrics.accuracy import macro_accuracy, recall_at
from modag_search.training.losses import LOSSES, loss_options, within_modality
from modag_search.training.networks import BranchNetwork
from modag_search.training.settings import SpaceTrainingSettings
from modag_search.training.threads import training_threads
from modag_search.values import MODALITIES, Float32Array, Modality

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from modag_search.space import Branch
    from modag_search.training.checkpoint import Checkpoint

    # Of each modality, what makes unit vectors of features: a branch, or a whole space.
    Projections = Mapping[Modality, Callable[[Float32Array], Float32Array]]

__all__ = [
    "Examples",
    "SpaceTrainingSettings",
    "TrainedBranches",
    "cross_modal_accuracy",
    "cross_modal_recall",
    "identity_of",
    "shares_of_votes",
    "train_branches",
    "unrelated_similarities",
]

_ACROSS: tuple[tuple[Modality, Modality], ...] = (("sound", "image"), ("image", "sound"))
_CHECK_EVERY = 25
_QUERIES_AT_ONCE = 256
_MORE_GROUPS = 3
"""Of one modality, as many times the groups of a batch are told apart."""


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
        Step, loss and, at checks, ``recall_at_1`` and ``recall_at_5`` among what was held out, and
        ``validation_accuracy`` where its groups were taught.
    best_step : int
    unrelated : dict of str to (float, float)
        See `space.Space`.
    """

    branches: dict[Modality, Branch]
    history: list[dict[str, float]]
    best_step: int
    unrelated: dict[str, tuple[float, float]] = field(default_factory=dict)


@training_threads()
def train_branches(
    examples: Mapping[Modality, Examples],
    *,
    validation: Mapping[Modality, Examples] | None,
    settings: SpaceTrainingSettings,
    stop_after: int | None = None,
    progress: Callable[[int, float], None] | None = None,
    checkpoint: Checkpoint | None = None,
) -> TrainedBranches:
    """Train the two branches.

    Parameters
    ----------
    examples : Mapping of modality to Examples
    validation : Mapping of modality to Examples, optional
        Held-out examples, which decide when to stop: naming them by the training examples of the other modality, or,
        where none of their groups is taught, finding those of the other modality that they belong to.
    settings : SpaceTrainingSettings
    stop_after : int, optional
        Steps after which it ends before its time, with the learning rate as it is then.
    progress : callable, optional
        Called with step and loss.
    checkpoint : Checkpoint, optional
        Where the training notes its state, and goes on from: it then ends with the same branches, bit for bit, as one
        that was never interrupted. Whoever keeps the branches removes it.

    Returns
    -------
    TrainedBranches

    Raises
    ------
    UsageError
        If fewer than two groups have examples of both modalities, or the checkpoint is of another training.
    """
    shared = np.intersect1d(examples["sound"].groups, examples["image"].groups)
    if len(shared) < 2:
        raise UsageError(
            f"a space needs two groups at least that have both sounds and images; there are {len(shared)}: "
            f"give the same label to sounds and to pictures, or name more pairs"
        )
    identity = identity_of(settings) | {"examples": _fingerprint(examples, validation)}
    torch.manual_seed(settings.seed)
    run = _Run(examples, settings, shared)
    if checkpoint and (state := checkpoint.load(identity)):
        run.restore(state)
        if checkpoint.on_resume:
            checkpoint.on_resume(run.steps_done)
    last = min(settings.steps, stop_after or settings.steps)
    while run.steps_done < last and not run.is_stuck:
        loss = run.step()
        if validation is not None and run.steps_done % _CHECK_EVERY == 0:
            run.check(examples, validation)
        if progress:
            progress(run.steps_done, loss)
        if checkpoint and run.steps_done % checkpoint.every == 0:
            checkpoint.save(run.state(), identity)
    branches = run.best_branches()
    return TrainedBranches(branches, run.history, run.best_step, unrelated_similarities(branches, examples))


def identity_of(settings: SpaceTrainingSettings) -> dict[str, Any]:
    """Return what decides how a training goes beside its examples, as JSON values."""
    return {"settings": dataclasses.asdict(settings), "versions": {"torch": torch.__version__}}


def _fingerprint(*sets: Mapping[Modality, Examples] | None) -> str:
    digest = hashlib.blake2b(digest_size=16)
    for examples, modality in itertools.product(sets, MODALITIES):
        if examples is None:
            digest.update(b"none")
            continue
        for array in (examples[modality].features, examples[modality].groups):
            digest.update(f"{modality} {array.dtype} {array.shape}".encode() + np.ascontiguousarray(array).tobytes())
    return digest.hexdigest()


class _Run:
    """The networks, the optimiser and the sampler of one training, and how it goes."""

    def __init__(
        self, examples: Mapping[Modality, Examples], settings: SpaceTrainingSettings, shared: npt.NDArray[np.int64]
    ) -> None:
        self._settings = settings
        self._random = np.random.default_rng(settings.seed)
        self._features = {modality: torch.from_numpy(examples[modality].features) for modality in MODALITIES}
        self._members = {modality: _members(examples[modality].groups, shared) for modality in MODALITIES}
        self._groups = shared
        self._members_of_all = _members_of_all(examples) if settings.loss == "supcon" and settings.within else {}
        largest = max(len(members) for modality in MODALITIES for members in self._members[modality].values())
        self._examples_a_group = min(settings.examples_a_group, largest)
        self._groups_a_batch = settings.groups_a_batch * settings.examples_a_group // self._examples_a_group
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
        self.history: list[dict[str, float]] = []
        self._best_score, self._best_check, self._checks_since = -math.inf, 0, 0
        self._best: dict[str, dict[str, torch.Tensor]] | None = None

    @property
    def steps_done(self) -> int:
        return len(self.history)

    @property
    def best_step(self) -> int:
        return self._best_check or self.steps_done

    @property
    def is_stuck(self) -> bool:
        return bool(self._settings.patience) and self._checks_since >= self._settings.patience

    def step(self) -> float:
        settings = self._settings
        for group in self._optimiser.param_groups:
            group["lr"] = settings.learning_rate * 0.5 * (1 + math.cos(math.pi * self.steps_done / settings.steps))
        chosen = self._random.permutation(self._groups)[: self._groups_a_batch]
        n = self._examples_a_group
        groups = torch.from_numpy(np.repeat(chosen, n))
        drawn = {modality: self._drawn(modality, self._members[modality], chosen, n) for modality in MODALITIES}
        vectors = {modality: self._networks[modality].train()(drawn[modality]) for modality in MODALITIES}
        loss = LOSSES[settings.loss](vectors["sound"], vectors["image"], groups, groups, **loss_options(settings))
        for modality, members in self._members_of_all.items():
            loss = loss + settings.within * self._loss_within(modality, members)
        self._optimiser.zero_grad(set_to_none=True)
        loss.backward()  # type: ignore[no-untyped-call]
        self._optimiser.step()
        value = float(loss.detach())
        if not math.isfinite(value):
            raise UsageError(f"the loss is {value} at step {self.steps_done + 1}; lower the learning rate")
        self.history.append({"step": self.steps_done + 1, "loss": value})
        return value

    def check(self, examples: Mapping[Modality, Examples], validation: Mapping[Modality, Examples]) -> None:
        """Score what was held out, and keep the networks where they were never better."""
        branches = self.folded()
        recalls = cross_modal_recall(branches, validation)
        found = {name: recalls[name]["recall"] for name in recalls}
        if any(_known(examples, validation, modality, other).any() for modality, other in _ACROSS):
            score = found["validation_accuracy"] = cross_modal_accuracy(branches, examples, validation)
        else:
            score = sum(found.values())
        self.history[-1] |= found
        self._checks_since += 1
        if score > self._best_score:
            self._best_score, self._best_check, self._checks_since = score, self.steps_done, 0
            self._best = copy.deepcopy(self._weights())

    def _loss_within(self, modality: Modality, members: dict[int, npt.NDArray[np.int64]]) -> torch.Tensor:
        """Tell groups of a modality apart, more of them than a batch has, with fewer examples of each."""
        n = max(2, self._settings.examples_a_group // 2)
        chosen = self._random.permutation(list(members))[: _MORE_GROUPS * self._settings.groups_a_batch]
        vectors = self._networks[modality](self._drawn(modality, members, chosen, n))
        groups = torch.from_numpy(np.repeat(chosen, n))
        return within_modality(vectors, groups, temperature=self._settings.temperature)

    def _drawn(
        self,
        modality: Modality,
        members: Mapping[int, npt.NDArray[np.int64]],
        groups: Sequence[int] | npt.NDArray[np.int64],
        n: int,
    ) -> torch.Tensor:
        """Draw examples of each group, each mixed with another of its group."""
        first = np.concatenate([self._random.choice(members[int(group)], n) for group in groups])
        second = np.concatenate([self._random.choice(members[int(group)], n) for group in groups])
        share = torch.from_numpy(self._random.uniform(0, self._settings.mixing, (len(first), 1)).astype(np.float32))
        features = self._features[modality]
        return (1 - share) * features[first] + share * features[second]

    def folded(self) -> dict[Modality, Branch]:
        return {modality: self._networks[modality].eval().folded() for modality in MODALITIES}

    def best_branches(self) -> dict[Modality, Branch]:
        """Fold the networks that did best at a check; the last ones where there was none."""
        if self._best is not None:
            self._take(self._best)
        return self.folded()

    def state(self) -> dict[str, Any]:
        """Return all that decides how the training goes on: tensors, numbers and JSON."""
        return {
            "networks": self._weights(),
            "optimiser": self._optimiser.state_dict(),
            "numpy_random": json.dumps(self._random.bit_generator.state),
            "torch_random": torch.get_rng_state(),
            "history": json.dumps(self.history),
            "best": {"networks": self._best, "score": self._best_score, "step": self._best_check},
            "checks_since": self._checks_since,
        }

    def restore(self, state: Mapping[str, Any]) -> None:
        """Go back to where `state` was taken."""
        self._take(state["networks"])
        self._optimiser.load_state_dict(state["optimiser"])
        self._random.bit_generator.state = json.loads(state["numpy_random"])
        torch.set_rng_state(state["torch_random"])
        self.history = json.loads(state["history"])
        best = state["best"]
        self._best, self._best_score, self._best_check = best["networks"], best["score"], best["step"]
        self._checks_since = state["checks_since"]

    def _weights(self) -> dict[str, dict[str, torch.Tensor]]:
        return {modality: self._networks[modality].state_dict() for modality in MODALITIES}

    def _take(self, weights: Mapping[str, Mapping[str, torch.Tensor]]) -> None:
        for modality in MODALITIES:
            self._networks[modality].load_state_dict(weights[modality])


def _members(groups: npt.NDArray[np.int64], shared: npt.NDArray[np.int64]) -> dict[int, npt.NDArray[np.int64]]:
    """Find the examples of each of the shared groups; one sort, since pairs make as many groups as examples."""
    order = np.argsort(groups, kind="stable")
    starts, ends = (np.searchsorted(groups[order], shared, side=side) for side in ("left", "right"))
    return {group: order[start:end] for group, start, end in zip(shared.tolist(), starts, ends, strict=True)}


def _members_of_all(examples: Mapping[Modality, Examples]) -> dict[Modality, dict[int, npt.NDArray[np.int64]]]:
    """Find the examples of the groups of each modality that have several; a modality with one such group has none."""
    found: dict[Modality, dict[int, npt.NDArray[np.int64]]] = {}
    for modality in MODALITIES:
        groups, counts = np.unique(examples[modality].groups, return_counts=True)
        if (counts > 1).sum() > 1:
            found[modality] = _members(examples[modality].groups, groups[counts > 1])
    return found


def _known(
    voters: Mapping[Modality, Examples], queries: Mapping[Modality, Examples], modality: Modality, other: Modality
) -> npt.NDArray[np.bool_]:
    """Tell which queries of a modality are of a group that voters of the other have."""
    return np.isin(queries[modality].groups, voters[other].groups)


def cross_modal_accuracy(
    branches: Projections, voters: Mapping[Modality, Examples], queries: Mapping[Modality, Examples]
) -> float:
    """Mean over both directions of the macro accuracy of naming queries by 20 neighbours of the other modality."""
    scores = []
    for modality, other in _ACROSS:
        asked, voting = queries[modality].only(_known(voters, queries, modality, other)), voters[other]
        if not len(asked.groups):
            continue
        classes, voter_class = np.unique(voting.groups, return_inverse=True)
        vectors, voter_vectors = branches[modality](asked.features), branches[other](voting.features)
        shares = shares_of_votes(vectors, voter_vectors, voter_class, n_classes=len(classes))
        scores.append(macro_accuracy(asked.groups, classes[shares.argmax(axis=1)]))
    return float(np.mean(scores)) if scores else 0.0


def shares_of_votes(
    vectors: Float32Array, voter_vectors: Float32Array, voter_class: npt.NDArray[np.int64], *, n_classes: int
) -> Float32Array:
    """Let the 20 nearest of all voters vote, for so many queries at once as memory bears; see `vote_all`.

    Parameters
    ----------
    vectors, voter_vectors : np.ndarray [shape=(n, d), float32]
        Of unit length.
    voter_class : np.ndarray [shape=(n_voters,), int64]
        From 0 to ``n_classes - 1``.
    n_classes : int

    Returns
    -------
    np.ndarray [shape=(n, n_classes), float32]
    """
    parts = np.split(vectors, range(_QUERIES_AT_ONCE, len(vectors), _QUERIES_AT_ONCE))
    return np.concatenate([vote_all(part @ voter_vectors.T, voter_class, n_classes=n_classes, k=20) for part in parts])


def cross_modal_recall(
    branches: Projections, examples: Mapping[Modality, Examples], *, at: Sequence[int] = (1, 5)
) -> dict[str, dict[str, float]]:
    """Ask with each example for those of the other modality, and see whether the first few are of its group.

    Parameters
    ----------
    branches : Mapping of modality to Branch
    examples : Mapping of modality to Examples
        They ask and they are asked for.
    at : sequence of int
        How many answers count.

    Returns
    -------
    dict of str to dict
        For each k, ``recall_at_k`` with its ``recall`` and that of ``chance``, each the mean of both directions.
    """
    directions = [_ranks(branches, examples, modality, other) for modality, other in _ACROSS]
    answered = [(ranks, right, n) for ranks, right, n in directions if len(ranks)]
    recalls = {}
    for k in at:
        recall = [recall_at(ranks, k) for ranks, _, _ in answered]
        chance = [_chance(right, n, k) for _, right, n in answered]
        recalls[f"recall_at_{k}"] = {
            "recall": float(np.mean(recall)) if recall else 0.0,
            "chance": float(np.mean(chance)) if chance else 0.0,
        }
    return recalls


def _ranks(
    branches: Projections, examples: Mapping[Modality, Examples], modality: Modality, other: Modality
) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.int64], int]:
    """Rank the first right answer to each query that has one; count its right answers, and all answers."""
    asked, answers = examples[modality].only(_known(examples, examples, modality, other)), examples[other]
    vectors, answer_vectors = branches[modality](asked.features), branches[other](answers.features)
    ranks, counts = [np.empty(0, dtype=np.int64)], [np.empty(0, dtype=np.int64)]
    for start in range(0, len(vectors), _QUERIES_AT_ONCE):
        rows = slice(start, start + _QUERIES_AT_ONCE)
        similarities = vectors[rows] @ answer_vectors.T
        right = asked.groups[rows, None] == answers.groups[None, :]
        nearest_right = np.where(right, similarities, -np.inf).max(axis=1, keepdims=True)
        ranks.append(1 + ((similarities >= nearest_right) & ~right).sum(axis=1))
        counts.append(right.sum(axis=1))
    return np.concatenate(ranks), np.concatenate(counts), len(answers.groups)


def _chance(right: npt.NDArray[np.int64], n: int, k: int) -> float:
    """Probability that one of k answers drawn of n is among the right ones, averaged over queries."""
    missed = np.ones(len(right))
    for drawn in range(min(k, n)):
        missed *= np.maximum(n - drawn - right, 0) / (n - drawn)
    return float(np.mean(1 - missed))


def unrelated_similarities(
    branches: Projections, examples: Mapping[Modality, Examples], *, most: int = 2000, seed: int = 0
) -> dict[str, tuple[float, float]]:
    """Measure mean and standard deviation of the similarity of examples of different groups; see `space.Space`."""
    random = np.random.default_rng(seed)
    chosen = {modality: random.permutation(len(examples[modality].groups))[:most] for modality in MODALITIES}
    vectors = {modality: branches[modality](examples[modality].features[chosen[modality]]) for modality in MODALITIES}
    unrelated = {}
    for first, second in itertools.combinations_with_replacement(MODALITIES, 2):
        unlike = examples[first].groups[chosen[first]][:, None] != examples[second].groups[chosen[second]][None, :]
        similarities = (vectors[first] @ vectors[second].T)[unlike]
        unrelated[f"{first}-{second}"] = (round(float(similarities.mean()), 5), round(float(similarities.std()), 5))
    return unrelated
