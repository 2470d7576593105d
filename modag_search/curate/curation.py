"""What to label next, and which labels and pairs to look at again."""

from __future__ import annotations

import os
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from modag_search.classify.decision import classify_queries, query_segments
from modag_search.classify.leave_one_out import left_out
from modag_search.classify.transfer import stored_queries
from modag_search.values import MODALITIES, Float32Array, Int64Array, LabelIssue, Modality, PairIssue, Suggestion

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from modag_search.catalog import Catalog
    from modag_search.classify.arithmetic.pooling import FloatArray
    from modag_search.classify.decision import NeighbourClassifier
    from modag_search.classify.neighbours import UnrelatedSimilarity
    from modag_search.features.vectors import SegmentVectors
    from modag_search.values import ItemRecord

CANDIDATES = 4000
"""As many items are compared with each other, at the most; of larger collections some are drawn."""
_SURE_STILL_COUNTS = 0.1


@dataclass(frozen=True, slots=True, eq=False)
class _Sides:
    """Items of one modality or the other, a row each; a video has one of each.

    Attributes
    ----------
    items : list of ItemRecord
    sources : np.ndarray [shape=(n,), int64]
        Number of the modality, in `MODALITIES`.
    vectors : np.ndarray [shape=(n, d), float32]
        Mean of the segments, of unit length.
    """

    items: list[ItemRecord]
    sources: Int64Array
    vectors: Float32Array


class Curation:
    """Looks over a collection; changes nothing.

    Parameters
    ----------
    catalog : Catalog
    vectors : SegmentVectors
    background : callable
        See `space.Space.unrelated_similarity`.
    """

    def __init__(self, catalog: Catalog, vectors: SegmentVectors, *, background: UnrelatedSimilarity) -> None:
        self._catalog = catalog
        self._vectors = vectors
        self._background = background

    def suggest(
        self, judge: NeighbourClassifier | None, *, n: int, modality: Modality | None, seed: int
    ) -> list[Suggestion]:
        """List what to label next; see `Index.suggest`.

        The suggestions cover what is unlabelled, the unsure more than the sure: each is the one that brings most of it
        nearer to something labelled or suggested (a facility location, whose greedy solution is within 1 - 1/e of the
        best). So they are diverse, and seldom near to what is labelled already.

        References
        ----------
        Wei, Iyer, Bilmes, "Submodularity in data subset selection and active learning", ICML 2015.
        """
        unlabelled = [item for item in self._catalog.items.all(unlabelled=True) if item.status == "ok"]
        if modality is not None:
            unlabelled = [item for item in unlabelled if item.kind in (modality, "video")]
        drawn = _draw(unlabelled, most=CANDIDATES, seed=seed)
        sides = self._sides(drawn)
        if modality is not None:
            sides = _only(sides, sides.sources == MODALITIES.index(modality))
        if not sides.items:
            return []
        labels, confidences = self._named(judge, sides.items)
        alike = self._alike(sides, sides)
        covered = self._covered(judge, sides)
        unsure = 1.0 - confidences + _SURE_STILL_COUNTS
        chosen = _greedy_cover(alike, covered, unsure, n=n, same=_places_of_items(sides.items))
        covers = _covers(alike, covered, chosen)
        return [
            Suggestion(
                id=sides.items[place].id,
                path=sides.items[place].path,
                modality=MODALITIES[int(sides.sources[place])],
                label=labels[place],
                confidence=float(confidences[place]),
                covers=count,
            )
            for place, count in zip(chosen, covers, strict=True)
        ]

    def label_issues(self, judge: NeighbourClassifier, *, max_probability: float) -> list[LabelIssue]:
        """List labels that their neighbours contradict, the least likely first; see `Index.audit`."""
        found = [doubt for modality in MODALITIES for doubt in self._label_issues_of(modality, judge, max_probability)]
        return sorted(found, key=lambda one: (one.probability - one.confidence, one.path))

    def _label_issues_of(
        self, modality: Modality, judge: NeighbourClassifier, max_probability: float
    ) -> Iterator[LabelIssue]:
        bench = judge.voters.benches[modality]
        if len(bench) == 0:
            return
        asked = left_out(judge.voters, modality)
        probabilities = judge.evidence_weights[modality].probabilities(asked.evidence, exclusive=judge.is_exclusive)
        records = self._catalog.items.get_many(asked.items.tolist())
        for place, label in np.argwhere(asked.given).tolist():
            row = probabilities[place]
            item, likely = records.get(int(asked.items[place])), float(probabilities[place, label])
            has, best = judge.names[label], judge.names[int(row.argmax())]
            is_heard = np.isfinite(asked.evidence[place, label]).any()
            if item is None or not is_heard or likely > max_probability or row.max() <= likely:
                continue
            if judge.hierarchy.are_related(has, best):
                continue
            yield LabelIssue(
                id=item.id,
                path=item.path,
                modality=modality,
                label=has,
                probability=likely,
                suggested=best,
                confidence=float(row.max()),
            )

    def pair_issues(self, *, min_rank: float, seed: int) -> list[PairIssue]:
        """List sounds and pictures that stand together and do not fit each other; see `Index.audit`."""
        items = [item for item in self._catalog.items.all() if item.status == "ok"]
        pairs = _pairs(items)
        if not pairs:
            return []
        wanted = {item.id: item for pair in pairs for item in pair}
        others = _draw([item for item in items if item.id not in wanted], most=CANDIDATES, seed=seed)
        sides = self._sides([*wanted.values(), *others])
        sounds: dict[int, int] = {}
        images: dict[int, int] = {}
        for place, (item, source) in enumerate(zip(sides.items, sides.sources.tolist(), strict=True)):
            (sounds if MODALITIES[source] == "sound" else images)[item.id] = place
        found = []
        for sound, image in pairs:
            if sound.id in sounds and image.id in images:
                heard, seen = sounds[sound.id], images[image.id]
                similarity = float(sides.vectors[heard] @ sides.vectors[seen])
                ranks = (
                    _share_nearer(sides.vectors, heard, similarity, among=list(images.values())),
                    _share_nearer(sides.vectors, seen, similarity, among=list(sounds.values())),
                )
                if (rank := sum(ranks) / 2) >= min_rank:
                    found.append(PairIssue(sound=sound.path, image=image.path, similarity=similarity, rank=rank))
        return sorted(found, key=lambda one: (-one.rank, one.sound))

    # What these share.

    def _sides(self, items: Sequence[ItemRecord]) -> _Sides:
        records, sources, vectors = [], [], []
        for part in stored_queries(self._catalog, self._vectors, items):
            for item, query in part:
                for modality, own in query.vectors.items():
                    mean = own.mean(axis=0)
                    records.append(item)
                    sources.append(MODALITIES.index(modality))
                    vectors.append(mean / max(float(np.linalg.norm(mean)), 1e-12))
        stacked = np.stack(vectors).astype(np.float32) if vectors else np.zeros((0, 0), dtype=np.float32)
        return _Sides(records, np.array(sources, dtype=np.int64), stacked)

    def _alike(self, first: _Sides, second: _Sides) -> Float32Array:
        """Compare all of one with all of another: similarity above that of unlike things, 0 at the least."""
        alike = first.vectors @ second.vectors.T
        for a, asking in enumerate(MODALITIES):
            for b, answering in enumerate(MODALITIES):
                cells = np.ix_(first.sources == a, second.sources == b)
                alike[cells] -= np.float32(self._background(asking, answering)[0])
        clipped: Float32Array = np.maximum(alike, 0)
        return clipped

    def _covered(self, judge: NeighbourClassifier | None, sides: _Sides) -> Float32Array:
        """How alike each is to what is labelled nearest to it."""
        covered = np.zeros(len(sides.items), dtype=np.float32)
        if judge is None:
            return covered
        for source, modality in enumerate(MODALITIES):
            bench = judge.voters.benches[modality]
            labelled = _Sides([], np.full(len(bench), source, dtype=np.int64), bench.vectors)
            if len(bench):
                covered = np.maximum(covered, self._alike(sides, labelled).max(axis=1))
        return covered

    def _named(
        self, judge: NeighbourClassifier | None, items: Sequence[ItemRecord]
    ) -> tuple[list[str | None], FloatArray]:
        """Name items as they would be now, and say how sure that is."""
        if judge is None:
            return [None] * len(items), np.zeros(len(items))
        distinct = list({item.id: item for item in items}.values())
        named: dict[int, tuple[str | None, float]] = {}
        for part in stored_queries(self._catalog, self._vectors, distinct):
            rows = classify_queries(judge, query_segments([query for _, query in part]), n=len(part))
            for (item, _), row in zip(part, rows, strict=True):
                named[item.id] = (judge.names[int(row.argmax())], float(row.max()))
        answers = [named.get(item.id, (None, 0.0)) for item in items]
        return [label for label, _ in answers], np.array([confidence for _, confidence in answers])


def _draw(items: Sequence[ItemRecord], *, most: int, seed: int) -> list[ItemRecord]:
    if len(items) <= most:
        return list(items)
    places = np.sort(np.random.default_rng(seed).choice(len(items), most, replace=False))
    return [items[place] for place in places.tolist()]


def _only(sides: _Sides, chosen: np.ndarray) -> _Sides:
    return _Sides(
        [item for item, keep in zip(sides.items, chosen, strict=True) if keep],
        sides.sources[chosen],
        sides.vectors[chosen],
    )


def _places_of_items(items: Sequence[ItemRecord]) -> dict[int, list[int]]:
    """Return, for the place of each row, the places of all rows of its item."""
    of_item: dict[int, list[int]] = {}
    for place, item in enumerate(items):
        of_item.setdefault(item.id, []).append(place)
    return {place: of_item[item.id] for place, item in enumerate(items)}


def _greedy_cover(
    alike: Float32Array, covered: Float32Array, weights: FloatArray, *, n: int, same: dict[int, list[int]]
) -> list[int]:
    """Choose, one after the other, what brings most weight nearer to something chosen; rows of one item go together."""
    best = covered.astype(np.float64)
    left = np.ones(len(alike), dtype=bool)
    chosen: list[int] = []
    while len(chosen) < n and left.any():
        gains = np.maximum(alike - best[:, None], 0).T @ weights
        gains[~left] = -1.0
        place = int(gains.argmax())
        chosen.append(place)
        for row in same[place]:
            left[row] = False
            best = np.maximum(best, alike[:, row])
    return chosen


def _covers(alike: Float32Array, covered: Float32Array, chosen: Sequence[int]) -> list[int]:
    """Count what each chosen one is the nearest to."""
    if not chosen:
        return []
    near = alike[:, list(chosen)]
    nearest = near.argmax(axis=1)
    counts = np.bincount(nearest[near.max(axis=1) > covered], minlength=len(chosen))
    return [int(count) for count in counts]


def _pairs(items: Sequence[ItemRecord]) -> list[tuple[ItemRecord, ItemRecord]]:
    """Find sounds and pictures that stand together: a video's own, and files of one name in one folder."""
    pairs = [(item, item) for item in items if item.kind == "video"]
    by_stem: dict[str, dict[str, list[ItemRecord]]] = {}
    for item in items:
        if item.kind != "video":
            by_stem.setdefault(os.path.splitext(item.path)[0], {}).setdefault(item.kind, []).append(item)
    for kinds in by_stem.values():
        pairs += [(sound, image) for sound in kinds.get("sound", ()) for image in kinds.get("image", ())]
    return pairs


def _share_nearer(vectors: Float32Array, asking: int, similarity: float, *, among: list[int]) -> float:
    """Share of candidates, but for the partner itself, that are nearer than it; half of those that are as near."""
    similarities = vectors[among] @ vectors[asking]
    nearer = float((similarities > similarity + 1e-6).sum())
    as_near = float((np.abs(similarities - similarity) <= 1e-6).sum()) - 1.0
    return (nearer + 0.5 * max(as_near, 0.0)) / max(len(among) - 1, 1)
