"""Whether a space names each modality better or worse than what was there before it.

A space fits the labels that it was trained on: among its own training examples, each finds its like. So what is asked
here was left out. Files with labels are dealt to folds, and for each fold a space is trained on the others alone, as
the space to be judged was. The files of the fold are then named by those others, of their own modality: once in that
space, once by the features as they came from the encoder, once in the space that was in use. Who votes, how, and for
whom, is the same each time; the comparison is paired.
"""

from __future__ import annotations

import hashlib
import logging
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from modag_search.metrics.accuracy import chance_of_a_loss, macro_accuracy
from modag_search.training.space import shares_of_votes
from modag_search.unit_vectors import of_unit_length
from modag_search.values import MODALITIES

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from modag_search.space import Space
    from modag_search.training.collecting import Collected
    from modag_search.training.space import Examples
    from modag_search.values import Float32Array, Int64Array, Modality

    # Of each way of comparing, what makes unit vectors of features.
    Ways = Mapping[str, Callable[[Float32Array], Float32Array]]

logger = logging.getLogger(__name__)

MADE_BY = "modag train space"
FOLDS = 4
"""A label of up to so many files is left out one file at a time."""
_MOST_ASKED = 2000
"""Files of a modality: enough to tell 0.03 of a macro accuracy from nothing."""
_BY_CHANCE = 0.025
_STAYS = -1
_PLURAL: Mapping[Modality, str] = {"image": "pictures", "sound": "sounds"}


@dataclass(frozen=True, slots=True, kw_only=True)
class NamingComparison:
    """How many files of a modality that were left out are named right by the others of it.

    Attributes
    ----------
    files, labels : int
        How many were asked, and how many labels they have.
    space, features : float
        Macro accuracy in the space, and by the features as they are.
    former : float or None
        In the space that was in use; None without one that could be compared.
    loss_by_chance : dict of str to float
        For ``"features"`` and ``"former"``, how likely the space falls as far behind by chance; see
        `metrics.accuracy.chance_of_a_loss`.
    """

    files: int
    labels: int
    space: float
    features: float
    former: float | None
    loss_by_chance: Mapping[str, float]

    @property
    def worse_than(self) -> tuple[str, ...]:
        """Which of ``"features"`` and ``"former"`` name better, by more than chance would explain."""
        return tuple(way for way, chance in self.loss_by_chance.items() if chance < _BY_CHANCE)

    def card(self) -> dict[str, Any]:
        """Describe the comparison, in JSON values."""
        return {
            "files": self.files,
            "labels": self.labels,
            "space": round(self.space, 4),
            "features": round(self.features, 4),
            "former": None if self.former is None else round(self.former, 4),
            "loss_by_chance": {way: round(chance, 4) for way, chance in self.loss_by_chance.items()},
            "worse_than": list(self.worse_than),
        }


def compare_naming(
    collected: Collected,
    fit: Callable[[Mapping[Modality, Examples], int], Space],
    *,
    former: Space | None = None,
    seed: int = 0,
) -> dict[Modality, NamingComparison]:
    """Name what is left out of a training, in the space that it makes and without it.

    Parameters
    ----------
    collected : Collected
        All examples. Files of pairs and moments have no labels by which they could be named, and are never left out.
    fit : callable
        Trains a space, given examples and the number of the fold that is left out of them.
    former : Space, optional
        A space that was not trained on these labels.
    seed : int
        Deals the folds.

    Returns
    -------
    dict of modality to NamingComparison
        Without a modality of which no label has two files, copies being one.
    """
    fold = deal(collected, seed=seed)
    random = np.random.default_rng(seed)
    asked = {modality: _asked(collected.entries[modality], fold, random) for modality in MODALITIES}
    answers: dict[Modality, list[_Answers]] = {modality: [] for modality in MODALITIES}
    for number in np.unique(fold[fold != _STAYS]).tolist():
        left_out = {modality: fold[collected.entries[modality]] == number for modality in MODALITIES}
        taught = {modality: collected.examples[modality].only(~left_out[modality]) for modality in MODALITIES}
        space = fit(taught, number)
        for modality in MODALITIES:
            chosen = left_out[modality] & asked[modality]
            if chosen.any():
                is_pair = np.isin(taught[modality].groups, list(collected.pairs))
                voters, files = taught[modality].only(~is_pair), collected.entries[modality][chosen]
                ways = _ways(modality, space, former, taught=voters)
                answers[modality].append(_answers(collected.examples[modality].only(chosen), files, voters, ways))
    return {modality: _compared(found) for modality, found in answers.items() if found}


def was_trained_elsewhere(space: Space) -> bool:
    """Tell whether a space can be compared: it joins its encoders, and was not trained on a user's labels.

    What `modag train space` made may have been trained on the very labels that are left out here.
    """
    return space.joins and space.card.get("made_by") != MADE_BY


def warn_of_losses(naming: Mapping[Modality, NamingComparison], *, former: Space | None) -> None:
    """Warn of each modality that the space names worse than its features or `former` do, with the way out."""
    for modality, found in naming.items():
        ways = {"features": "by their features alone"}
        keep = ""
        if former and found.former is not None:
            ways["former"] = f"in {former.name}, the space in use"
            keep = f"keep {former.name}, or " if found.former > found.space else ""
        better = [f"{ways[way]} ({getattr(found, way):.2f})" for way in found.worse_than]
        if better:
            logger.warning(
                "%s are named worse in this space (%.2f right) than %s: %slabel more %s and train again",
                _PLURAL[modality],
                found.space,
                " and ".join(better),
                keep,
                _PLURAL[modality],
            )


def deal(collected: Collected, *, seed: int) -> Int64Array:
    """Deal files to folds, so that each of them leaves something of every label in every modality.

    Parameters
    ----------
    collected : Collected
    seed : int

    Returns
    -------
    np.ndarray [shape=(n_files,), int64]
        Fold of each file, by its number in `collected`; -1 for those that are never left out. Copies, whose features
        are equal to the last bit, are left out together.
    """
    original = _originals(collected)
    triples = {
        (group, place, int(original[file]))
        for place, modality in enumerate(MODALITIES)
        for group, file in zip(
            collected.examples[modality].groups.tolist(), collected.entries[modality].tolist(), strict=True
        )
    }
    paired = {file for group, _, file in triples if group in collected.pairs}
    shuffled = np.random.default_rng(seed).permutation(len(original)).tolist()
    folds: dict[int, int] = dict.fromkeys(paired, _STAYS)
    n_dealt = 0
    # Those of one label one after the other, like cards: a label of few files has each in a fold of its own.
    for _, _, file in sorted(triples, key=lambda triple: (triple[0], triple[1], shuffled[triple[2]])):
        if file not in folds:
            folds[file] = n_dealt % FOLDS
            n_dealt += 1
    folds_of: dict[tuple[int, int], set[int]] = {}
    for group, place, file in triples:
        folds_of.setdefault((group, place), set()).add(folds[file])
    for group, place, file in triples:
        if len(folds_of[group, place]) == 1:
            folds[file] = _STAYS
    return np.array([folds.get(file, _STAYS) for file in original.tolist()], dtype=np.int64)


def _originals(collected: Collected) -> Int64Array:
    """Give each file the number of the first whose features are the same."""
    by_file: dict[int, list[bytes]] = {}
    for modality in MODALITIES:
        for file, feature in zip(
            collected.entries[modality].tolist(), collected.examples[modality].features, strict=True
        ):
            looks = hashlib.blake2b(modality.encode() + feature.tobytes(), digest_size=16)
            by_file.setdefault(file, []).append(looks.digest())
    original = np.arange(max(by_file, default=-1) + 1)
    first: dict[bytes, int] = {}
    for file in sorted(by_file):
        # A file with two labels stands here twice: what it is made of counts, and not how often.
        original[file] = first.setdefault(b"".join(sorted(set(by_file[file]))), file)
    return original


def _asked(files: Int64Array, fold: Int64Array, random: np.random.Generator) -> npt.NDArray[np.bool_]:
    """Choose the examples of files that are asked: of all that are left out once, not too many."""
    able = np.unique(files[fold[files] != _STAYS])
    return np.isin(files, random.permutation(able)[:_MOST_ASKED])


def _ways(modality: Modality, space: Space, former: Space | None, *, taught: Examples) -> Ways:
    """Return the ways of comparing: in the space, by features seen from their middle, in the former space."""
    ways = {"space": partial(space.project, modality), "features": partial(_directions, taught.features.mean(axis=0))}
    return ways | ({"former": partial(former.project, modality)} if former else {})


def _directions(middle: Float32Array, features: Float32Array) -> Float32Array:
    return of_unit_length(features - middle)


@dataclass(frozen=True, slots=True, eq=False)
class _Answers:
    """What was answered, a row for each label of each file.

    Attributes
    ----------
    files, labels : np.ndarray [shape=(n,), int64]
    guesses : dict of str to np.ndarray [shape=(n,), int64]
        By way of comparing.
    """

    files: Int64Array
    labels: Int64Array
    guesses: Mapping[str, Int64Array]


def _answers(asked: Examples, files: Int64Array, voters: Examples, ways: Ways) -> _Answers:
    """Name files by voters: the shares of their segments' votes are averaged; another label of a file is no rival."""
    pairs, pair_of = np.unique(np.stack([files, asked.groups], axis=1), axis=0, return_inverse=True)
    classes, class_of_voter = np.unique(voters.groups, return_inverse=True)
    own = np.searchsorted(classes, pairs[:, 1])
    distinct, file_of = np.unique(pairs[:, 0], return_inverse=True)
    holds = np.zeros((len(distinct), len(classes)), dtype=bool)
    holds[file_of, own] = True
    others = holds[file_of]
    others[np.arange(len(pairs)), own] = False
    guesses = {}
    for way, project in ways.items():
        totals = np.zeros(others.shape)
        shares = shares_of_votes(
            project(asked.features), project(voters.features), class_of_voter, n_classes=len(classes)
        )
        np.add.at(totals, pair_of.reshape(-1), shares)
        guesses[way] = classes[np.where(others, -1.0, totals).argmax(axis=1)]
    return _Answers(pairs[:, 0], pairs[:, 1], guesses)


def _compared(found: Sequence[_Answers]) -> NamingComparison:
    labels = np.concatenate([part.labels for part in found])
    guesses = {way: np.concatenate([part.guesses[way] for part in found]) for way in found[0].guesses}
    accuracies = {way: macro_accuracy(labels, guessed) for way, guessed in guesses.items()}
    return NamingComparison(
        files=len(np.unique(np.concatenate([part.files for part in found]))),
        labels=len(np.unique(labels)),
        space=accuracies["space"],
        features=accuracies["features"],
        former=accuracies.get("former"),
        loss_by_chance={
            way: chance_of_a_loss(labels, guesses[way], guesses["space"]) for way in guesses if way != "space"
        },
    )
