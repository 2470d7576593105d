"""The evaluation of an index: who asks, who answers, and all scores."""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

from modag_search.errors import NothingFoundError, UsageError
from modag_search.evaluation.centroids import centroid_distances
from modag_search.evaluation.classification import Spoken, UnrelatedSimilarity, score_classification
from modag_search.evaluation.items import Items, arranged, groups_of, joined
from modag_search.evaluation.results import Classification, Evaluation, LeftOut, Retrieval
from modag_search.evaluation.retrieving import score_retrieval
from modag_search.labels.vocabulary import some_of, vocabulary_of
from modag_search.training.manifest import read_manifest
from modag_search.values import MODALITIES, Modality

if TYPE_CHECKING:
    from collections.abc import Sequence

    from modag_search.errors import ModagError
    from modag_search.features.item_vectors import ItemVector
    from modag_search.index import Index
    from modag_search.rivalry import Rivalry

_DIRECTIONS: tuple[tuple[Modality, Modality], ...] = (
    ("sound", "image"),
    ("image", "sound"),
    ("sound", "sound"),
    ("image", "image"),
)
_VOTERS: tuple[tuple[Modality, ...], ...] = (("sound",), ("image",), ("image", "sound"))
_PLURAL: Mapping[Modality, str] = {"sound": "sounds", "image": "pictures"}
Tell = Callable[[str, int, int], None]
"""Hears what is being done, how much of it is done, and how much there is."""


@dataclass(frozen=True, slots=True, eq=False)
class _Sides:
    """Who votes and answers, who asks, and who does neither."""

    names: tuple[str, ...]
    labelled: Sequence[ItemVector]
    voters: dict[Modality, Items]
    queries: dict[Modality, Items]
    left_out: LeftOut


def evaluate(
    index: Index,
    manifest: str | os.PathLike[str] | None = None,
    *,
    k: int = 20,
    seed: int = 0,
    draws: int = 1000,
    workers: int | None = None,
    progress: Tell | None = None,
    on_failure: Callable[[ModagError], None] | None = None,
) -> Evaluation:
    """Score how well an index finds and names items across and within modalities.

    An item stands for all its segments, by the mean of their vectors. Items with more than one label take no part.
    What is the same, by path, by content or by features, neither answers nor names itself.

    Parameters
    ----------
    index : Index
        Its labelled items vote and answer.
    manifest : str or os.PathLike, optional
        CSV or JSONL with ``path`` and ``label``: these files ask. Without it the labelled items ask each other.
    k : int
        How many neighbours vote.
    seed : int
        Of folds and intervals.
    draws : int
        Of the bootstrap behind each 95 % interval.
    workers : int, optional
        Files that the index does not hold, decoded and encoded at a time; default one a processor.
    progress : callable, optional
        Called with what is being done, how much of it is done, and how much there is.
    on_failure : callable, optional
        Called with the error of each file of the manifest that cannot be read, or is silent, black or flat; without it,
        the first such error is raised.

    Returns
    -------
    Evaluation

    Raises
    ------
    UsageError
        If the manifest cannot be meant, or `k` or `draws` is less than 1.
    NothingFoundError
        If there is nothing to evaluate: the index has fewer than two labels, or no query has a label of the index.
    MediaError
        If a file cannot be read and there is no `on_failure`.
    """
    if k < 1 or draws < 1:
        raise UsageError(f"k and draws must be 1 at least, not {k} and {draws}")
    tell = progress or (lambda _what, _done, _all: None)
    listed = None if manifest is None else _listed(Path(manifest))
    sides = _sides(index)
    if listed is not None:
        sides = _asked_by_files(sides, index, listed, workers=workers, tell=tell, on_failure=on_failure)
    retrieval = [
        score_retrieval(sides.queries[asking], sides.voters[answering], draws=draws, seed=seed)
        for asking, answering in _DIRECTIONS
        if asking in sides.queries and answering in sides.voters
    ]
    classification = _classified(
        sides,
        Spoken(*index.vectors.of_words([*vocabulary_of(index.catalog, sides.names).texts.values()])),
        k=k,
        unrelated=index.space.unrelated_similarity,
        draws=draws,
        seed=seed,
        tell=tell,
    )
    if not any(retrieval):
        raise NothingFoundError("nothing to evaluate: no item that asks has the label of another that could answer")
    return Evaluation(
        index=os.path.basename(index.name),
        space=index.space.name,
        manifest=None if manifest is None else Path(manifest).name,
        k=k,
        seed=seed,
        draws=draws,
        items={modality: len(items) for modality, items in sides.voters.items()},
        queries={modality: len(items) for modality, items in sides.queries.items()},
        labels=sides.names,
        left_out=sides.left_out,
        notes=_notes(index, sides, retrieval, classification),
        retrieval=tuple(result for result in retrieval if result),
        classification=tuple(result for result in classification.values() if result),
        centroids=(
            centroid_distances(sides.voters["sound"], sides.voters["image"], names=sides.names)
            if len(sides.voters) == len(MODALITIES)
            else None
        ),
    )


# Who takes part.


def _listed(manifest: Path) -> dict[str, set[str]]:
    """Return the labels of each file that a manifest lists; none for those without."""
    entries = read_manifest(manifest)
    if not any(entry.kind == "label" for entry in entries):
        raise UsageError(f"{manifest}: holds no labels; to evaluate takes the columns path,label")
    labels: dict[str, set[str]] = {}
    for entry in entries:
        own = labels.setdefault(entry.path, set())
        if entry.kind == "label":
            own.add(entry.group)
    return labels


def _sides(index: Index) -> _Sides:
    """Let the labelled items ask each other."""
    every = index.vectors.labelled()
    labelled = _by_leading_labels(every, index.catalog.hierarchy.rivalry)
    voters = [one for one in labelled if len(one.labels) == 1]
    names = tuple(sorted({one.labels[0] for one in voters}))
    _check_labels(labelled, names)
    left_out = LeftOut(
        without_vector=index.vectors.count_labelled() - _count_files(every),
        several_labels=_count_files(every) - _count_files(voters),
    )
    arrays = arranged(voters, _own_labels(voters), names=names, groups=groups_of(voters))
    return _Sides(names, voters, arrays, arrays, left_out)


def _by_leading_labels(labelled: Sequence[ItemVector], rivalry: Rivalry) -> list[ItemVector]:
    """Leave out labels that stand beside those that answers are chosen from, and items that have no others."""
    names = sorted({label for one in labelled for label in one.labels})
    leading = {name for name, leads in zip(names, rivalry.leading(names), strict=True) if leads}
    own = (replace(one, labels=tuple(label for label in one.labels if label in leading)) for one in labelled)
    return [one for one in own if one.labels]


def _asked_by_files(
    sides: _Sides,
    index: Index,
    listed: Mapping[str, set[str]],
    *,
    workers: int | None,
    tell: Tell,
    on_failure: Callable[[ModagError], None] | None,
) -> _Sides:
    """Let files ask in the stead of the labelled items."""
    labels = {path: next(iter(own)) for path, own in listed.items() if len(own) == 1}
    known = [path for path, label in labels.items() if label in sides.names]
    if not known:
        some = some_of(sides.names)
        raise NothingFoundError(f"nothing to evaluate: no label of the manifest is one of the index, which has {some}")
    failures: list[ModagError] = []

    def fail(error: ModagError) -> None:
        if on_failure is None:
            raise error
        failures.append(error)
        on_failure(error)

    asking = index.vectors.of_files(
        known, workers=workers, progress=lambda done: tell("encoding", done, len(known)), on_failure=fail
    )
    if not asking:
        raise NothingFoundError("nothing to evaluate: no file of the manifest with a label of the index can be read")
    groups = groups_of([*sides.labelled, *asking])
    several = sum(len(own) > 1 for own in listed.values())
    return _Sides(
        sides.names,
        sides.labelled,
        arranged(sides.labelled, _own_labels(sides.labelled), names=sides.names, groups=groups),
        arranged(asking, labels, names=sides.names, groups=groups),
        replace(
            sides.left_out,
            several_labels=sides.left_out.several_labels + several,
            unknown_label=len(listed) - several - len(known),
            failed=len(failures),
        ),
    )


def _own_labels(voters: Sequence[ItemVector]) -> dict[str, str]:
    return {one.path: one.labels[0] for one in voters}


def _count_files(vectors: Sequence[ItemVector]) -> int:
    return len({one.path for one in vectors})


def _check_labels(labelled: Sequence[ItemVector], names: Sequence[str]) -> None:
    how = "`modag label PATH... --as NAME` gives one"
    if not labelled:
        raise NothingFoundError(f"nothing to evaluate: no item has a label; {how}")
    if not names:
        raise NothingFoundError("nothing to evaluate: every labelled item has several labels, and takes no part")
    if len(names) == 1:
        raise NothingFoundError(f"nothing to evaluate: {names[0]!r} is the only label, and it takes two; {how}")


# Scores and what is missing.

_Ways = dict[tuple[tuple[Modality, ...], Modality], Classification | None]


def _classified(
    sides: _Sides, spoken: Spoken, *, k: int, unrelated: UnrelatedSimilarity, draws: int, seed: int, tell: Tell
) -> _Ways:
    ways = [
        (voting, asking)
        for voting in _VOTERS
        for asking in ("sound", "image")
        if asking in sides.queries and all(modality in sides.voters for modality in voting)
    ]
    results: _Ways = {}
    for done, (voting, asking) in enumerate(ways):
        tell("classifying", done, len(ways))
        voters = joined([sides.voters[modality] for modality in voting])
        results[voting, asking] = score_classification(
            sides.queries[asking],
            voters,
            names=sides.names,
            spoken=spoken,
            k=k,
            unrelated=unrelated,
            draws=draws,
            seed=seed,
        )
    return results


def _notes(
    index: Index, sides: _Sides, retrieval: Sequence[Retrieval | None], classification: _Ways
) -> tuple[str, ...]:
    """Say what has no row, and why."""
    notes = [
        f"the index has no {_PLURAL[modality]} with a single label, so none answer or vote"
        for modality in MODALITIES
        if modality not in sides.voters
    ]
    notes += [f"no {_PLURAL[modality]} ask" for modality in MODALITIES if modality not in sides.queries]
    pairs = [pair for pair in _DIRECTIONS if pair[0] in sides.queries and pair[1] in sides.voters]
    notes += [
        f"{_PLURAL[asking]} that ask for {_PLURAL[answering]}: none has the label of another that could answer"
        for (asking, answering), result in zip(pairs, retrieval, strict=True)
        if result is None
    ]
    notes += [
        f"{_PLURAL[asking]} named by {' and '.join(_PLURAL[modality] for modality in voting)}: they share fewer than "
        "two classes"
        for (voting, asking), result in classification.items()
        if result is None
    ]
    if index.space.card.get("index") == os.path.basename(index.name):
        notes.append("the space was trained on labels of this index: how it does on these items says nothing of others")
    return tuple(notes)
