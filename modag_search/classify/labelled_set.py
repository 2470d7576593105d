"""The labelled set: what people and files said of segments, and what labels are called, as it is at one moment."""

from __future__ import annotations

from dataclasses import dataclass, fields, replace
from functools import cached_property
from itertools import pairwise
from typing import TYPE_CHECKING

import numpy as np

from modag_search.errors import NothingFoundError
from modag_search.labels.vocabulary import readable
from modag_search.values import MODALITIES, Float32Array, Int64Array, Modality

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping

    from modag_search.catalog import Catalog, CatalogMoment
    from modag_search.classify.arithmetic.logistic import FloatArray
    from modag_search.features.vectors import SegmentVectors
    from modag_search.hierarchy import Hierarchy
    from modag_search.labels.vocabulary import Vocabulary
    from modag_search.rivalry import Rivalry

_Found = tuple[Int64Array, Float32Array, np.ndarray]
"""Ids, vectors, and features of segments."""

SEGMENTS_OF_AN_ITEM = 8
"""As many segments as stand for a long item where each would cost time."""


@dataclass(frozen=True, slots=True, eq=False)
class SortedVotes:
    """Votes in order of who casts them, so that those of a few are found without looking at all.

    Attributes
    ----------
    voters : np.ndarray [shape=(n_votes,), int64]
        Ids, or numbers, ascending.
    votes : np.ndarray [shape=(n_votes,), int64]
        Places of the votes.
    """

    voters: Int64Array
    votes: Int64Array

    @classmethod
    def of(cls, voters: Int64Array) -> SortedVotes:
        """Sort votes by who casts each."""
        order = np.argsort(voters, kind="stable")
        return cls(voters[order], order)

    def cast_by(self, voters: Int64Array) -> tuple[Int64Array, Int64Array]:
        """Find the votes of each of some voters.

        Parameters
        ----------
        voters : np.ndarray [shape=(n,), int64]

        Returns
        -------
        rows : np.ndarray [shape=(n_found,), int64]
            Places among `voters`, ascending.
        votes : np.ndarray [shape=(n_found,), int64]
            Places of the votes.
        """
        firsts = np.searchsorted(self.voters, voters, side="left")
        counts = np.searchsorted(self.voters, voters, side="right") - firsts
        rows = np.repeat(np.arange(len(voters)), counts)
        within = np.arange(len(rows)) - np.repeat(np.cumsum(counts) - counts, counts)
        return rows, self.votes[np.repeat(firsts, counts) + within]

    def voter_of_each(self) -> Int64Array:
        """Return who casts each vote, in order of the votes."""
        voters = np.empty_like(self.voters)
        voters[self.votes] = self.voters
        return voters


@dataclass(frozen=True, eq=False)
class LabelledVectors:
    """The labelled segments of one modality, in order of the first label of each; all arrays are read-only.

    Attributes
    ----------
    segments, items : np.ndarray [shape=(n,), int64]
        Ids.
    contents : np.ndarray [shape=(n,), int64]
        The same number for segments of items of the same content.
    spans_s : np.ndarray [shape=(n, 2), float64]
        Where segments begin and end in their files, in seconds; NaN for pictures.
    vectors : np.ndarray [shape=(n, d), float32]
    features : np.ndarray [shape=(n, d_features), float16]
        What these were made of, of unit length.
    rows, labels : np.ndarray [shape=(n_votes,), int64]
        Place of the segment, and number of the label, of each vote: a segment with two labels has two. In order of
        labels, and those of one label in order of segments' ids.
    """

    segments: Int64Array
    items: Int64Array
    contents: Int64Array
    spans_s: FloatArray
    vectors: Float32Array
    features: np.ndarray
    rows: Int64Array
    labels: Int64Array

    def __post_init__(self) -> None:
        """Make the arrays read-only, since threads share them."""
        for field in fields(self):
            getattr(self, field.name).setflags(write=False)

    def __len__(self) -> int:
        return len(self.segments)

    @cached_property
    def votes_by_item(self) -> SortedVotes:
        """The votes in order of their items."""
        return SortedVotes.of(self.items[self.rows])

    @cached_property
    def votes_by_content(self) -> SortedVotes:
        """The votes in order of their contents."""
        return SortedVotes.of(self.contents[self.rows])

    def in_order_of_votes(self, columns: Float32Array) -> Float32Array:
        """Arrange columns of segments ``[shape=(m, n)]`` as those of votes ``[shape=(m, n_votes)]``.

        Where each segment has one label that is what they are, and nothing is copied.
        """
        is_one_each = len(self.rows) == len(self) and bool((self.rows[1:] > self.rows[:-1]).all())
        return columns if is_one_each else columns[:, self.rows]


@dataclass(frozen=True, eq=False)
class LabelledSet:
    """All labels, with the labelled segments whose vectors can be compared, at one moment of the catalog; immutable.

    Transferred labels are left out, as they only repeat what others said. Of a label and one that it is a kind of, a
    segment has the former alone. Labels that were added stand here without any segment.

    Attributes
    ----------
    names : tuple of str
        The labels, sorted; others know them by their place here. Some may have no segment with a vector.
    texts : tuple of str
        Words that say what each means.
    hierarchy : Hierarchy
    rivalry : Rivalry
        Which labels exclude each other.
    vectors : np.ndarray [shape=(n, d), float32]
        Of both modalities, those of the first in `MODALITIES` first, then of texts: one product of matrices compares
        with all.
    by_modality : Mapping of modality to LabelledVectors
        Whose vectors are parts of these.
    understood : np.ndarray [shape=(n_texts,), int64]
        Labels whose texts have vectors, ascending.
    moment : CatalogMoment
        Of the catalog that it was read from.
    """

    names: tuple[str, ...]
    texts: tuple[str, ...]
    hierarchy: Hierarchy
    rivalry: Rivalry
    vectors: Float32Array
    by_modality: Mapping[Modality, LabelledVectors]
    understood: Int64Array
    moment: CatalogMoment

    @property
    def n_votes(self) -> int:
        """How many pairs of a segment and a label there are, of both modalities."""
        return sum(len(vectors.labels) for vectors in self.by_modality.values())

    @cached_property
    def speaking(self) -> Int64Array:
        """Labels that can be an answer, ascending: those with votes, and those whose text is understood."""
        return np.unique(np.concatenate([self.understood, *(part.labels for part in self.by_modality.values())]))


def read_labelled_set(catalog: Catalog, vectors: SegmentVectors, *, former: LabelledSet | None = None) -> LabelledSet:
    """Read the labelled segments and their vectors, all of one moment.

    Parameters
    ----------
    catalog : Catalog
    vectors : SegmentVectors
    former : LabelledSet, optional
        An earlier one. Segments never change, so that vectors which it holds are taken over and those alone are read
        that have come since. It must be of the same catalog, space and pipelines: that is not looked at here.

    Returns
    -------
    LabelledSet
        Without any names where nothing is labelled; see `require_labels`.
    """
    with catalog.view():
        hierarchy = catalog.hierarchy.get()
        added, meanings = catalog.labels.added(), catalog.labels.meanings()
        pairs = _given_labels(catalog, hierarchy, added)
        texts = tuple(meanings.get(name) or readable(name) for name in pairs.names)
        content_of = _contents(catalog, pairs.items)
        found = _vectors(np.unique(pairs.segments), vectors, former)
        understood, of_texts = vectors.of_words(texts)
        vectors_of_all, by_modality = _joined(
            {modality: _arranged(catalog, pairs, content_of, found[modality]) for modality in MODALITIES}, of_texts
        )
        return LabelledSet(
            names=pairs.names,
            texts=texts,
            hierarchy=hierarchy,
            rivalry=catalog.hierarchy.rivalry,
            moment=catalog.moment,
            vectors=vectors_of_all,
            by_modality=by_modality,
            understood=understood,
        )


def chosen_labels(
    labelled: LabelledSet, vocabulary: Vocabulary, vectors: SegmentVectors, *, with_votes: bool
) -> LabelledSet:
    """Choose among the labels of a vocabulary: by their texts, and by the votes that a labelled set has for them.

    Parameters
    ----------
    labelled : LabelledSet
    vocabulary : Vocabulary
    vectors : SegmentVectors
        That `labelled` was made with.
    with_votes : bool
        False leaves texts alone.

    Returns
    -------
    LabelledSet
        Whose names are the vocabulary's.
    """
    names = tuple(sorted(vocabulary.texts))
    texts = tuple(vocabulary.texts[name] for name in names)
    place = {name: number for number, name in enumerate(names)} if with_votes else {}
    numbers = np.array([_place_of(name, place, labelled.hierarchy) for name in labelled.names], dtype=np.int64)
    understood, of_texts = vectors.of_words(texts)
    parts = {modality: _voting_for(part, numbers) for modality, part in labelled.by_modality.items()}
    vectors_of_all, by_modality = _joined(parts, of_texts)
    return replace(
        labelled,
        names=names,
        texts=texts,
        hierarchy=vocabulary.hierarchy,
        vectors=vectors_of_all,
        by_modality=by_modality,
        understood=understood,
    )


def _place_of(name: str, place: Mapping[str, int], hierarchy: Hierarchy) -> int:
    """Return the place of a label among those chosen, or else of the lowest that it is a kind of; -1 without any."""
    if name in place:
        return place[name]
    above = sorted(hierarchy.ancestors(name) & place.keys(), key=lambda one: (-hierarchy.level(one), one))
    return place[above[0]] if above else -1


def _voting_for(part: LabelledVectors, numbers: Int64Array) -> LabelledVectors:
    """Keep the votes for some labels, and who casts them; `numbers` are the labels' new places, -1 for the others."""
    labels = numbers[part.labels]
    # A segment has one vote for a label, though it may have several kinds of it.
    votes = np.unique(np.stack([labels, part.rows], axis=1)[labels >= 0], axis=0)
    labels, rows = votes[:, 0], votes[:, 1]
    kept = np.unique(rows)
    return LabelledVectors(
        segments=part.segments[kept],
        items=part.items[kept],
        contents=part.contents[kept],
        spans_s=part.spans_s[kept],
        vectors=part.vectors[kept],
        features=part.features[kept],
        rows=np.searchsorted(kept, rows),
        labels=labels,
    )


def can_name(labelled: LabelledSet, added: Collection[str]) -> bool:
    """Tell whether anything could be named: some label has votes, or was added and says something by its name."""
    return bool(labelled.n_votes) or any(labelled.names[place] in added for place in labelled.understood.tolist())


def require_labels(labelled: LabelledSet, catalog: Catalog) -> None:
    """Refuse to name anything where nothing has a label that could be compared.

    Raises
    ------
    NothingFoundError
        With the way out.
    """
    added = catalog.labels.added()
    if can_name(labelled, added):
        return
    if not added.issuperset(labelled.names):
        raise NothingFoundError(
            "what has a label was made by another encoder, or another version of one; `modag rebuild` renews it"
        )
    if not catalog.count().items:
        raise NothingFoundError("the index is empty; `modag index PATH...` takes files in")
    if catalog.kept_labels.of_former_contents():
        raise NothingFoundError(
            "what has a label was replaced by another file since; `modag audit` lists it, and `modag label PATH... "
            "--as NAME` gives it a label again"
        )
    if added:
        raise NothingFoundError(
            "no item has a label yet, and no label that was added has a name that is understood; `modag label add NAME "
            "--means WORDS` says what one means, in English"
        )
    raise NothingFoundError(
        "no item has a label yet; `modag label PATH... --as NAME` gives one, and `--names NAME,...` asks by names alone"
    )


def spread(segments: Int64Array) -> Int64Array:
    """Choose some of an item's segments, from its beginning to its end."""
    if len(segments) <= SEGMENTS_OF_AN_ITEM:
        return segments
    return segments[np.linspace(0, len(segments) - 1, SEGMENTS_OF_AN_ITEM).round().astype(np.int64)]


@dataclass(frozen=True, slots=True, eq=False)
class _Pairs:
    """Segments and labels that hold for them, a row each, in order of segments."""

    segments: Int64Array
    items: Int64Array
    labels: Int64Array
    names: tuple[str, ...]


def _given_labels(catalog: Catalog, hierarchy: Hierarchy, added: set[str]) -> _Pairs:
    segments, items, names = catalog.labels.labelled_segments(given=True)
    if hierarchy:
        kept = _most_specific(segments, names, hierarchy)
        segments, items, names = segments[kept], items[kept], [names[row] for row in kept.tolist()]
    distinct = tuple(sorted(added.union(names)))
    number = {name: place for place, name in enumerate(distinct)}
    return _Pairs(segments, items, np.array([number[name] for name in names], dtype=np.int64), distinct)


def _most_specific(segments: Int64Array, names: list[str], hierarchy: Hierarchy) -> Int64Array:
    """Return the rows whose label no other one of the segment is a kind of."""
    starts = np.flatnonzero(np.diff(segments, prepend=-1)).tolist()
    specific: dict[tuple[str, ...], frozenset[str]] = {}
    kept: list[int] = []
    for start, stop in pairwise([*starts, len(names)]):
        own = tuple(names[start:stop])
        if own not in specific:
            specific[own] = hierarchy.most_specific(own)
        kept += [row for row in range(start, stop) if names[row] in specific[own]]
    return np.array(kept, dtype=np.int64)


def _contents(catalog: Catalog, items: Int64Array) -> dict[int, int]:
    """Give items of the same content the same number, by id."""
    numbers: dict[str, int] = {}
    hashes = catalog.items.content_hashes(np.unique(items).tolist())
    return {item: numbers.setdefault(digest, len(numbers)) for item, digest in hashes.items()}


def _vectors(segments: Int64Array, vectors: SegmentVectors, former: LabelledSet | None) -> dict[Modality, _Found]:
    """Return the segments of each modality, in no order; what `former` holds is not read again."""

    def found(modality: Modality, wanted: list[int]) -> _Found:
        ids, rows, features = vectors.with_features(modality, wanted)
        return ids, rows, features.astype(np.float16)

    if former is None:
        return {modality: found(modality, segments.tolist()) for modality in MODALITIES}
    held = {modality: np.isin(part.segments, segments) for modality, part in former.by_modality.items()}
    known = [part.segments[held[modality]] for modality, part in former.by_modality.items()]
    new = np.setdiff1d(segments, np.concatenate(known), assume_unique=True).tolist()
    joined = {}
    for modality, part in former.by_modality.items():
        ids, rows, features = found(modality, new)
        kept = held[modality]
        joined[modality] = (
            np.append(part.segments[kept], ids),
            np.concatenate([part.vectors[kept], rows]),
            np.concatenate([part.features[kept], features]),
        )
    return joined


def _joined(
    parts: Mapping[Modality, LabelledVectors], of_texts: Float32Array
) -> tuple[Float32Array, dict[Modality, LabelledVectors]]:
    """Put the vectors of both modalities and of texts into one array, and return it with parts that look into it."""
    vectors = np.concatenate([*(parts[modality].vectors for modality in MODALITIES), of_texts])
    vectors.setflags(write=False)
    within, start = {}, 0
    for modality in MODALITIES:
        stop = start + len(parts[modality])
        within[modality] = replace(parts[modality], vectors=vectors[start:stop])
        start = stop
    return vectors, within


def _arranged(catalog: Catalog, pairs: _Pairs, content_of: Mapping[int, int], found: _Found) -> LabelledVectors:
    """Arrange the segments of one modality by their first label, and their votes by label."""
    ids, vectors, features = found
    own = np.isin(pairs.segments, ids)
    segments, labels = pairs.segments[own], pairs.labels[own]
    # Pairs stand in order of segments, and those of a segment in order of names: the first of each has its first label.
    distinct, firsts = np.unique(segments, return_index=True)
    order = np.lexsort((distinct, labels[firsts]))
    place = np.empty(len(order), dtype=np.int64)
    place[order] = np.arange(len(order))
    votes = np.lexsort((segments, labels))
    items = pairs.items[own][firsts]
    return LabelledVectors(
        segments=distinct[order],
        items=items[order],
        contents=np.array([content_of.get(item, -1) for item in items.tolist()], dtype=np.int64)[order],
        spans_s=catalog.segments.spans(distinct)[order],
        vectors=vectors[np.argsort(ids)[order]],
        features=features[np.argsort(ids)[order]],
        rows=place[np.searchsorted(distinct, segments[votes])],
        labels=labels[votes],
    )
