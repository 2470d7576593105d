"""What to label next, so that few labels name much."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from modag_search.classify.classifiers import answer_all
from modag_search.classify.queries import unread_batches
from modag_search.curate.item_means import ItemMeans, drawn, item_means, means_of_batch
from modag_search.curate.unheard import Example, UnheardLabels
from modag_search.values import MODALITIES, Float32Array, Modality, Suggestion

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from modag_search.catalog import Catalog
    from modag_search.classify.arithmetic.logistic import FloatArray
    from modag_search.classify.classifiers import NeighbourClassifier
    from modag_search.classify.labelled_set import LabelledVectors
    from modag_search.classify.neighbours import UnrelatedSimilarity
    from modag_search.classify.queries import UnreadBatch
    from modag_search.features.vectors import SegmentVectors

_CANDIDATES = 4000
"""As many items are compared with each other, at the most; of larger collections some are drawn."""
_SURE_STILL_COUNTS = 0.1
_CELLS_AT_ONCE = 4_000_000
_OF_FOUR = 4

_Named = dict[int, tuple[str | None, float]]
"""What items would be called, and how likely that is, by id."""


def suggest(
    catalog: Catalog,
    vectors: SegmentVectors,
    classifier: NeighbourClassifier | None,
    *,
    unrelated_similarity: UnrelatedSimilarity,
    n: int,
    modality: Modality | None,
    seed: int,
) -> list[Suggestion]:
    """List what to label next; see `Index.suggest`.

    The suggestions cover what is unlabelled, the unsure more than the sure: each is the one that brings most of it
    nearer to something labelled or suggested (a facility location, whose greedy solution is within 1 - 1/e of the
    best). So they are diverse, and seldom near to what is labelled already.

    Every second one is the likeliest example of a label that no item of its modality has, as long as there are such:
    what is called by such a label is called so by hearsay.

    One of four at least is of each modality that has labels, as long as there are such: what is unlike all that is
    labelled, as pictures beside sounds that have labels, brings more nearer to something, but who labels sounds has
    more of them to label.

    Parameters
    ----------
    catalog : Catalog
    vectors : SegmentVectors
    classifier : NeighbourClassifier, optional
        None where nothing is labelled yet.
    unrelated_similarity : callable
        See `space.Space.unrelated_similarity`.
    n : int
    modality : {"image", "sound"}, optional
    seed : int
        Of the draw.

    Returns
    -------
    list of Suggestion

    References
    ----------
    Wei, Iyer, Bilmes, "Submodularity in data subset selection and active learning", ICML 2015.
    """
    unlabelled = [
        (item_id, path)
        for item_id, path, kind in catalog.items.found(unlabelled=True)
        if modality is None or kind in (modality, "video")
    ]
    candidates = drawn(unlabelled, most=_CANDIDATES, seed=seed)
    means, named, unheard = _named(classifier, unread_batches(catalog, vectors, candidates))
    if means is not None and modality is not None:
        means = means.only(np.flatnonzero(means.sources == MODALITIES.index(modality)))
    if means is None or len(means) == 0:
        return []
    alike = _alike(means, unrelated_similarity)
    covered = _covered(means, classifier, unrelated_similarity)
    confidences = np.array([named.get(item, (None, 0.0))[1] for item in means.items.tolist()])
    wanted = _rows_wanted(means, unheard, most=(n + 1) // 2)
    chosen = _greedy_cover(
        alike,
        covered,
        1.0 - confidences + _SURE_STILL_COUNTS,
        n=n,
        same=_rows_of_items(means),
        every_second=list(wanted),
        kinds=[means.sources == number for number in _modalities_with_labels(classifier)],
    )
    return [
        Suggestion(
            id=int(means.items[row]),
            path=means.paths[row],
            modality=MODALITIES[int(means.sources[row])],
            label=named.get(int(means.items[row]), (None, 0.0))[0],
            confidence=float(confidences[row]),
            covers=count,
            wanted=wanted.get(row),
        )
        for row, count in zip(chosen, _covers(alike, covered, chosen), strict=True)
    ]


def _named(
    classifier: NeighbourClassifier | None, batches: Iterable[UnreadBatch]
) -> tuple[ItemMeans | None, _Named, list[Example]]:
    """Read items once, name them as they would be now, and see which labels are given by hearsay."""
    if classifier is None:
        return item_means(batch.read() for batch in batches), {}, []
    parts: list[ItemMeans] = []
    named: _Named = {}
    unheard = UnheardLabels(classifier)
    for batch, answers in answer_all(classifier, batches):
        if len(batch):
            unheard.take(batch)
            parts.append(means_of_batch(batch))
            leading = np.where(classifier.groups.leading, answers.probabilities, -1.0)
            best, likely = leading.argmax(axis=1).tolist(), leading.max(axis=1).tolist()
            for item, place, confidence in zip(batch.items.tolist(), best, likely, strict=True):
                named[item] = (classifier.names[place], confidence)
    return (ItemMeans.joined(parts) if parts else None), named, unheard.examples()


def _modalities_with_labels(classifier: NeighbourClassifier | None) -> list[int]:
    """Return the numbers of the modalities of which something is labelled."""
    if classifier is None:
        return []
    by_modality = classifier.neighbours.labelled.by_modality
    return [number for number, modality in enumerate(MODALITIES) if len(by_modality[modality])]


def _rows_wanted(means: ItemMeans, unheard: Sequence[Example], *, most: int) -> dict[int, str]:
    """Return the rows of the first examples that labels want, of different items, with these labels."""
    row_of = {
        (item, MODALITIES[source]): row
        for row, (item, source) in enumerate(zip(means.items.tolist(), means.sources.tolist(), strict=True))
    }
    rows: dict[int, str] = {}
    items: set[int] = set()
    for example in unheard:
        row = row_of.get((example.item, example.modality))
        if row is not None and example.item not in items and len(rows) < most:
            rows[row] = example.label
            items.add(example.item)
    return rows


def _alike(means: ItemMeans, unrelated_similarity: UnrelatedSimilarity) -> Float32Array:
    """Compare all with all ``[shape=(n, n)]``: similarity above that of unlike things, 0 at the least."""
    unlike = np.array(
        [[unrelated_similarity(first, second)[0] for second in MODALITIES] for first in MODALITIES], dtype=np.float32
    )
    alike: Float32Array = means.vectors @ means.vectors.T
    # What unlike things are at depends on both modalities: a table of four, spread over rows and columns by block,
    # since a second matrix of this size would double the memory.
    for start in range(0, len(means), _rows_at_once(len(means))):
        rows = slice(start, start + _rows_at_once(len(means)))
        alike[rows] -= unlike[means.sources[rows]][:, means.sources]
    return np.maximum(alike, 0, out=alike)


def _covered(
    means: ItemMeans, classifier: NeighbourClassifier | None, unrelated_similarity: UnrelatedSimilarity
) -> Float32Array:
    """How alike each is to what is labelled nearest to it ``[shape=(n,)]``."""
    covered = np.zeros(len(means), dtype=np.float32)
    if classifier is None:
        return covered
    for modality, labelled in classifier.neighbours.labelled.by_modality.items():
        nearest = _nearest(means.vectors, labelled)
        unlike = np.array([unrelated_similarity(asking, modality)[0] for asking in MODALITIES], dtype=np.float32)
        covered = np.maximum(covered, nearest - unlike[means.sources])
    return covered


def _nearest(vectors: Float32Array, labelled: LabelledVectors) -> Float32Array:
    """Similarity of each to the nearest that has a label ``[shape=(n,)]``; -inf where none has."""
    nearest = np.full(len(vectors), -np.inf, dtype=np.float32)
    if len(labelled):
        step = _rows_at_once(len(labelled))
        for start in range(0, len(vectors), step):
            rows = slice(start, start + step)
            nearest[rows] = (vectors[rows] @ labelled.vectors.T).max(axis=1)
    return nearest


def _rows_at_once(width: int) -> int:
    return max(1, _CELLS_AT_ONCE // width)


def _rows_of_items(means: ItemMeans) -> dict[int, list[int]]:
    """Return, for each row, all rows of its item."""
    of_item: dict[int, list[int]] = {}
    for row, item in enumerate(means.items.tolist()):
        of_item.setdefault(item, []).append(row)
    return {row: of_item[item] for row, item in enumerate(means.items.tolist())}


def _greedy_cover(
    alike: Float32Array,
    covered: Float32Array,
    weights: FloatArray,
    *,
    n: int,
    same: dict[int, list[int]],
    every_second: Sequence[int] = (),
    kinds: Sequence[np.ndarray] = (),
) -> list[int]:
    """Choose, one after the other, what brings most weight nearer to something chosen; rows of one item go together.

    What is to be `every_second` is chosen in any case, as long as it lasts; and of four at least one of each of
    `kinds`, which are masks of rows.
    """
    # The gain of a candidate only falls as others are chosen (submodularity), so greedy choice is within 1 - 1/e of the
    # best: Nemhauser, Wolsey, Fisher, 1978.
    best = covered.astype(np.float64)
    left = np.ones(len(alike), dtype=bool)
    chosen: list[int] = []
    while len(chosen) < n and left.any():
        waiting = [row for row in every_second if left[row]]
        if waiting and len(chosen) % 2:
            place = waiting[0]
        else:
            # Looked at for the third of each four: the fourth may be wanted by a label.
            owed = (kind & left for kind in kinds if kind[chosen].sum() < (len(chosen) + 2) // _OF_FOUR)
            among = next((rows for rows in owed if rows.any()), left)
            place = int(np.where(among, _gains(alike, best, weights), -1.0).argmax())
        chosen.append(place)
        for row in same[place]:
            left[row] = False
            best = np.maximum(best, alike[:, row])
    return chosen


def _gains(alike: Float32Array, best: FloatArray, weights: FloatArray) -> FloatArray:
    """Weight that choosing each would bring nearer ``[shape=(n,)]``: how far above the best so far, over all."""
    # Columns in blocks: the difference from the best is a temporary as large as the block.
    step = _rows_at_once(len(alike))
    gains = [
        np.maximum(alike[:, start : start + step] - best[:, None], 0).T @ weights
        for start in range(0, len(alike), step)
    ]
    return np.concatenate(gains)


def _covers(alike: Float32Array, covered: Float32Array, chosen: Sequence[int]) -> list[int]:
    """Count what each chosen one is the nearest to."""
    if not chosen:
        return []
    near = alike[:, list(chosen)]
    nearest = near.argmax(axis=1)
    counts = np.bincount(nearest[near.max(axis=1) > covered], minlength=len(chosen))
    return [int(count) for count in counts]
