"""What a user asks with, made into vectors: a file, an item, a label."""

from __future__ import annotations

import collections
import logging
import math
import os
import re
import shlex
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any

import numpy as np

from modag_search import media
from modag_search.catalog.notices import emptiness_in_words, statuses_in_words
from modag_search.errors import (
    AbsentMediaError,
    MediaError,
    ModagError,
    NothingFoundError,
    NotMediaError,
    UnsupportedMediaError,
    UsageError,
)
from modag_search.features.files import FeatureReader, FileFeatures
from modag_search.features.vectors import SegmentVectors
from modag_search.labels.book import LabelBook
from modag_search.labels.items import find_item, items_meant
from modag_search.space.words import NONE_KNOWN
from modag_search.spelling import bare, meant, near, no_place_of, on_disk, root_without_place, whole_path
from modag_search.unit_vectors import of_unit_length
from modag_search.values import MODALITIES, Float32Array, Int64Array, ItemRecord, MediaFacts, Modality

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping

    from modag_search.catalog import Catalog
    from modag_search.features.encoding import MediaEncoder
    from modag_search.space import QueryModality, Space
    from modag_search.space.words import Reading
    from modag_search.values import EncodedSegment

logger = logging.getLogger(__name__)

_LOOKS_LIKE_PATH = re.compile(r"^[~.]|[/\\\0]|\.[A-Za-z0-9]{1,5}$|^[a-z]+:")
"""What has a separator or an ending, or begins as a hidden file or as ``id:`` does."""
_HAS_SIGN = re.compile(r"\s[-+\u2013\u2212]\s|\w\+\w")
_NEGATION = re.compile(r"(?<![\w-])(?:not|no|without|except|never|neither|nor)(?![\w-])|n['\u2019]t\b", re.IGNORECASE)
"""What takes back the words around it, for people; as a part of a compound (forget-me-not) it does not."""
_ABSENT_LOOKED_UP = 3
"""Of files that are asked with and are not there, how many may be looked for elsewhere: each takes a look at all."""
_FAILED = "failed, so nothing is known of it; `modag failures` says why"
_OUTDATED = "was made by another encoder, or another version of one; `modag rebuild` renews it"
_MEANS_NOTHING = "means nothing to be seen or heard; such words only join others"


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Query:
    """What is asked with.

    Attributes
    ----------
    vectors : Mapping of {"image", "sound", "text"} to np.ndarray [shape=(n, d), float32]
        Vectors of the query's segments, by the modality that they come from.
    features : Mapping of {"image", "sound"} to np.ndarray [shape=(n, d_features), float32]
        What these were made of, of unit length, where they were made of media.
    without : frozenset of int
        Ids of items that are no answer: the query itself.
    facts : MediaFacts or None
        Of a file that was decoded as a whole: what asks is not what the index holds, though it may stand at its path.
    medium : {"image", "sound"}, optional
        What words ask for: "a photo of ...".
    """

    vectors: Mapping[QueryModality, Float32Array]
    features: Mapping[Modality, Float32Array] = field(default_factory=dict)
    without: frozenset[int] = frozenset()
    facts: MediaFacts | None = None
    medium: Modality | None = None


class QueryMaker:
    """Makes queries over an index.

    Parameters
    ----------
    catalog : Catalog
    encoder : MediaEncoder
    space : Space
    """

    def __init__(self, catalog: Catalog, encoder: MediaEncoder, space: Space) -> None:
        self._catalog = catalog
        self._encoder = encoder
        self._space = space
        self._reader = FeatureReader(catalog, encoder)

    def make(self, name: str, *, start_s: float | None = None, end_s: float | None = None) -> Query:
        """Make a query of a media file's path, ``id:N``, ``label:NAME``, or words.

        Words are what stands behind ``text:``, and what neither is a file nor looks like the path of one. A file that
        is in the index as it is on the disk is not decoded again.

        Raises
        ------
        UsageError, MediaError
            If it cannot be meant or read.
        NothingFoundError
            If there is nothing in it to search by.
        """
        is_part = start_s is not None or end_s is not None
        if name.startswith("label:"):
            if is_part:
                raise UsageError(f"{name}: a label has no duration, so no part of it can be chosen by time")
            return self._of_label(name)
        if name.startswith("id:"):
            return self._of_item(find_item(self._catalog, name), start_s=start_s, end_s=end_s)
        name = on_disk(name)
        if (words := self._words_in(name)) is not None:
            if is_part:
                raise UsageError(f"{name}: words have no duration, so no part of them can be chosen by time")
            return self._of_words(words)
        try:
            file = self._reader.of_file(os.path.abspath(name), start_s=start_s, end_s=end_s)
        except UnsupportedMediaError as error:
            raise _of_usage(error, self._as_words(name)) from error
        return self._of(file)

    def make_of_lent(
        self, lent: Any, *, sample_rate_hz: int | None, start_s: float | None = None, end_s: float | None = None
    ) -> Query:
        """Make a query of samples or of a picture; see `media.lent_file`, and errors as of `make`."""
        return self._of(self._reader.of_lent(lent, sample_rate_hz=sample_rate_hz, start_s=start_s, end_s=end_s))

    def _words_in(self, name: str) -> str | None:
        """Return the words that are asked with; None for a file.

        Raises
        ------
        NotMediaError
            If it is a folder.
        AbsentMediaError
            If it looks like the path of a file, and there is none.
        """
        if name.startswith("text:"):
            return name.removeprefix("text:")
        if not name:
            return ""
        if os.path.isdir(name):
            reason = f"is a folder; ask with one of the files in it{self._as_words(name)}"
            raise NotMediaError(os.path.abspath(name), reason)
        if os.path.lexists(name):
            return None
        if self._space.reads_words and not _LOOKS_LIKE_PATH.search(name):
            return name
        if root := root_without_place(name):
            reason = f"does not exist (any more); if an index holds it: {no_place_of(root)}"
            raise AbsentMediaError(os.path.abspath(name), reason)
        raise self._absent(
            os.path.abspath(name), _label_called(name, self._catalog.labels.names()) or self._hint_of_words(name)
        )

    def _as_words(self, name: str) -> str:
        """Say, of what is there and no media file, how words of its name are asked with; nothing if it is a path."""
        if _LOOKS_LIKE_PATH.search(name):
            return ""
        return f"{_label_called(name, self._catalog.labels.names())}{self._hint_of_words(name)}"

    def _hint_of_words(self, name: str) -> str:
        return f"; words are asked with as {shlex.quote(f'text:{name}')}" if self._space.reads_words else ""

    def _absent(self, path: str, hint: str = "") -> AbsentMediaError:
        """Say that a file is not there, and which items it may have been meant for."""
        if (item := self._catalog.items.at(path)) is not None and item.status == "ok":
            hint = f"; the index holds what it was: ask with id:{item.id}"
        else:
            hint = items_meant(self._catalog, path) or hint
        return AbsentMediaError(path, f"does not exist (any more){hint}")

    def _of_words(self, words: str) -> Query:
        """Ask with what words mean, and say which of them mean nothing here."""
        if not words.strip():
            raise UsageError("a query is empty; name a file, id:N, label:NAME, or words in English")
        if _HAS_SIGN.search(words):
            logger.warning("%r: read as words alone; what combines queries stands outside the quotes", words)
        if self._space.reads_words and (negation := _NEGATION.search(words)):
            logger.warning(
                "%r: %r negates nothing here, and what it stands beside is looked for; a - before a QUERY takes that "
                'away, as in "a street" - "dog"',
                words,
                negation[0],
            )
        if not self._space.reads_words:
            raise UsageError(f"{words!r}: space {self._space.name!r} understands no words; ask with media")
        if self._space.text_towers:
            return Query(vectors={"text": self._space.tower_vectors(self._encoder.encode_texts([words]))})
        reading = self._space.read(words)
        if not reading.means_something:
            raise UsageError(f"{words!r}: {self._why_not_understood(words, reading)}")
        vectors = self._space.text_vectors([words])
        if reading.unknown:
            logger.warning(
                "%r: not understood: %s; asking with: %s%s",
                words,
                ", ".join(reading.unknown),
                " ".join(reading.understood),
                meant(self._words_like(reading)),
            )
        return Query(vectors={"text": vectors}, medium=reading.medium)

    def _why_not_understood(self, words: str, reading: Reading) -> str:
        """Say that words mean nothing here, and what they may have been meant for: a label, or words like them."""
        why = NONE_KNOWN if reading.unknown or not reading.understood else _MEANS_NOTHING
        labels = self._catalog.labels.names()
        if hint := _label_called(words, labels):
            return f"{why}{hint}"
        return f"{why}{meant([*map(_as_label, near(words, labels)), *self._words_like(reading)])}"

    def _words_like(self, reading: Reading) -> list[str]:
        """List what words with a typing error may have been meant for."""
        if reading.is_foreign:
            return []
        most = 1 if len(reading.unknown) > 1 else 3
        return [known for word in reading.unknown for known in self._space.near_words(word, most=most)]

    def make_all(
        self,
        names: Iterable[str],
        *,
        workers: int | None = None,
        on_failure: Callable[[str, ModagError], None] | None = None,
    ) -> Iterator[tuple[str, Query]]:
        """Make queries of media files and ``id:N``, decoding several files at once.

        Parameters
        ----------
        names : iterable of str
            Taken as the queries are: few are looked at ahead.
        workers : int, optional
            Files that are decoded and encoded at a time; default one a processor.
        on_failure : callable, optional
            Called with the path of each that cannot be read, or has nothing in it to ask with, as below, and its error;
            without it, the first such error is raised.

        Yields
        ------
        path : str
            As it was named, or that of ``id:N``; in the order given.
        query : Query

        Raises
        ------
        UsageError
            If an ``id:N`` is not in the catalog.
        """
        taken: collections.deque[str] = collections.deque()

        def asked() -> Iterator[str | ItemRecord]:
            for name in names:
                item = find_item(self._catalog, name) if name.startswith("id:") else None
                taken.append(name if item is None else item.path)
                yield item or whole_path(on_disk(name))

        n_absent = 0
        for found in self._reader.of_each(asked(), workers=workers):
            name = taken.popleft()
            try:
                if isinstance(found, MediaError):
                    path = os.path.abspath(on_disk(name))
                    if os.path.lexists(path) or root_without_place(name) or n_absent >= _ABSENT_LOOKED_UP:
                        raise _of_usage(found)
                    n_absent += 1
                    raise self._absent(path) from found
                query = self._of(found)
            except (MediaError, NothingFoundError) as error:
                if on_failure is None:
                    raise
                on_failure(name, error)
            else:
                yield name, query

    def _of(self, file: FileFeatures) -> Query:
        """Ask with all of a file or an item."""
        features = file.features()
        if features:
            without = frozenset({file.item.id} if file.item else ())
            return replace(self._projected(features, without=without), facts=file.facts)
        statuses = {segment.status for segment in file.segments}
        if "ok" in statuses:
            reason = _OUTDATED
        else:
            n_frames = sum(one.modality == "image" and one.start_s is not None for one in file.segments)
            state = emptiness_in_words(statuses, n_frames=n_frames)
            reason = f"is {state}, so nothing is like it" if statuses else _FAILED
        name = f"id:{file.item.id} ({file.path})" if file.item and file.is_stored else file.path
        raise NothingFoundError(f"{name}: {reason}")

    def _of_item(self, item: ItemRecord, *, start_s: float | None = None, end_s: float | None = None) -> Query:
        """Ask with the stored features of an item, or of a part of it: nothing is decoded."""
        is_time = (one is None or 0 <= one < math.inf for one in (start_s, end_s))
        if not all(is_time):
            raise UsageError(f"id:{item.id}: {start_s} s to {end_s} s is not a part of any file")
        if item.kind == "image" and not (start_s is None and end_s is None):
            raise UsageError(f"{item.path}: a picture has no duration, so no part of it can be chosen by time")
        if (start_s or 0.0) >= (math.inf if end_s is None else end_s):
            raise UsageError(f"id:{item.id}: {start_s} s to {end_s} s is empty; the start must lie before the end")
        if item.duration_s is not None and start_s is not None and start_s >= item.duration_s:
            until = "the end" if end_s is None else f"{end_s:g} s"
            raise UsageError(
                f"id:{item.id} ({item.path}): the range from {start_s:g} s to {until} lies outside the file, which "
                f"lasts {item.duration_s:.3f} s"
            )
        stored = self._reader.of_item(item)
        if start_s is None and end_s is None:
            return self._of(stored)
        within = tuple(segment for segment in stored.segments if _overlaps(segment, start_s, end_s))
        if not any(segment.status == "ok" for segment in within):
            state = statuses_in_words({segment.status for segment in within})
            reason = f"is {state} in that part" if state else "ends before that part" if stored.segments else _FAILED
            raise NothingFoundError(f"id:{item.id} ({item.path}): {reason}")
        return self._of(replace(stored, segments=within))

    def _of_label(self, name: str) -> Query:
        """Ask with the mean of what was given a label, or a kind of it, for each modality; that is no answer itself."""
        book, label = LabelBook(self._catalog), name.removeprefix("label:")
        labels = book.with_descendants(label)
        if not len(self._catalog.labels.items_labelled(*labels)):
            raise NothingFoundError(f"{name}: no item has this label{book.did_you_mean(label)}")
        found = {m: self._catalog.labels.labelled_segments(m, labels=labels, given=True) for m in MODALITIES}
        if not any(len(ids) for ids, _, _ in found.values()):
            found = {m: self._catalog.labels.labelled_segments(m, labels=labels) for m in MODALITIES}
        segment_ids = {modality: ids for modality, (ids, _, _) in found.items()}
        item_ids = {item for _, items, _ in found.values() for item in items.tolist()}
        if not any(len(ids) for ids in segment_ids.values()):
            segments = self._catalog.segments.of_items(self._catalog.labels.items_labelled(*labels).tolist())
            state = emptiness_in_words({segment.status for segment in segments})
            raise NothingFoundError(f"{name}: what has this label {f'is {state}' if state else _FAILED}")
        means = {modality: self._mean(modality, ids) for modality, ids in segment_ids.items()}
        vectors: dict[QueryModality, Float32Array] = {
            modality: mean for modality, mean in means.items() if mean is not None
        }
        if not vectors:
            raise NothingFoundError(f"{name}: what has this label {_OUTDATED}")
        return Query(vectors=vectors, without=frozenset(item_ids))

    def _mean(self, modality: Modality, segment_ids: Int64Array) -> Float32Array | None:
        """Return the direction that the vectors of segments have in common, ``[shape=(1, d)]``; None without any."""
        _, vectors = SegmentVectors(self._catalog, self._space, self._encoder).of(modality, segment_ids.tolist())
        return common_direction(vectors) if len(vectors) else None

    def _projected(self, features: Mapping[Modality, Float32Array], *, without: frozenset[int]) -> Query:
        vectors: dict[QueryModality, Float32Array] = {
            modality: self._space.project(modality, rows) for modality, rows in features.items()
        }
        scaled = {modality: of_unit_length(rows) for modality, rows in features.items()}
        return Query(vectors=vectors, features=scaled, without=without)


def _of_usage(error: MediaError, hint: str = "") -> MediaError:
    """Return the error of a file that is none of media by its name as one of usage; any other as it is."""
    if isinstance(error, UnsupportedMediaError) and media.kind_of(error.path) is None:
        return NotMediaError(error.path, f"{error.reason}{hint}")
    return error


def _label_called(words: str, labels: Iterable[str]) -> str:
    """Say, at the end of a message, that a label is called as what was asked for; nothing where none is."""
    called = sorted(label for label in labels if bare(label) == bare(words.strip()))
    return f"; a label here is called so: ask {' or '.join(map(_as_label, called))}" if called else ""


def _as_label(label: str) -> str:
    return shlex.quote(f"label:{label}")


def common_direction(vectors: Float32Array) -> Float32Array:
    """Return the direction that vectors have in common.

    Parameters
    ----------
    vectors : np.ndarray [shape=(n, d), float32]

    Returns
    -------
    np.ndarray [shape=(1, d), float32]
        Of unit length.
    """
    return of_unit_length(vectors.sum(axis=0, dtype=np.float64, keepdims=True))


def _overlaps(segment: EncodedSegment, start_s: float | None, end_s: float | None) -> bool:
    if segment.start_s is None or segment.end_s is None:
        return True
    return segment.start_s < (math.inf if end_s is None else end_s) and segment.end_s > (start_s or 0.0)
