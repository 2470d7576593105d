"""Which labelled items queries are copies of: by content, by the very same features, by pixels or waveforms."""

from __future__ import annotations

import logging
import os
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from modag_search import media
from modag_search.classify.labelled_wholes import THE_SAME
from modag_search.classify.queries import OUTSIDE
from modag_search.copies.limits import DEFAULT_MIN_SIMILARITY
from modag_search.copies.pixels import Pixels
from modag_search.copies.recordings import Recordings
from modag_search.copies.waveforms import Waveforms
from modag_search.errors import MediaError
from modag_search.features.stored import is_as_indexed, scanned
from modag_search.spelling import on_disk
from modag_search.values import ItemRecord, ScannedFile

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterable, Mapping, Sequence

    from modag_search.catalog import Catalog
    from modag_search.classify.labelled_wholes import Candidate, LabelledWholes
    from modag_search.classify.queries import QueryBatch
    from modag_search.values import ConfirmedBy, MediaFacts, Modality

logger = logging.getLogger(__name__)

MOST_ALIKE: Final = 2500
MOST_LESS_ALIKE: Final = 500
"""So many are compared with the files of labelled ones in one call to name many, of those that features alone would
take for copies and of the others: what decoding takes is bounded."""

MOST_OF_OTHER_LENGTH: Final = 500
"""So many sounds are compared, likewise, with labelled ones of other lengths."""


@dataclass(frozen=True, slots=True)
class Original:
    """What a query is a copy of.

    Attributes
    ----------
    items : tuple of int
        Ids of labelled items, of several contents if it is a copy of several.
    confirmed_by : {"content", "pixels", "waveform", "features"}
        What tells that it is a copy of the first.
    """

    items: tuple[int, ...]
    confirmed_by: ConfirmedBy


@dataclass(frozen=True, slots=True)
class _Asked:
    """A query by its place in its batch, and the labelled items that it may be a copy of, the most alike first."""

    place: int
    item: ItemRecord
    candidates: Sequence[Candidate]


class Originals:
    """Finds the labelled items that queries are copies of, in one call to name many.

    Parameters
    ----------
    catalog : Catalog
    items_of : Mapping of str to sequence of int
        Ids of the labelled items, by content.
    content_of : Mapping of int to str
        Of each of these, by id.
    wholes : callable
        Returns these items as they are compared by features.
    """

    def __init__(
        self,
        catalog: Catalog,
        items_of: Mapping[str, Sequence[int]],
        content_of: Mapping[int, str],
        wholes: Callable[[], LabelledWholes],
    ) -> None:
        self._catalog = catalog
        self._items_of = items_of
        self._content_of = content_of
        self._wholes = wholes
        self._pixels = Pixels()
        self._waveforms = Waveforms()
        self._recordings = Recordings()
        self._left_of_other_length = MOST_OF_OTHER_LENGTH
        self._left = {True: MOST_ALIKE, False: MOST_LESS_ALIKE}

    def by_content(self, batch: QueryBatch) -> dict[int, Original]:
        """Return the labelled items of the same content as queries, by place; first the query itself, if it is one.

        A file that stands at the path of an item, and is not as it was, is another content.
        """
        stored = {
            place: item
            for place, item in enumerate(batch.items.tolist())
            if item != OUTSIDE and place not in batch.facts
        }
        hashes = self._catalog.items.content_hashes(stored.values())
        contents = {place: hashes.get(item) for place, item in stored.items()}
        if batch.facts:
            files = {place: scanned(os.path.abspath(on_disk(batch.paths[place]))) for place in batch.facts}
            sizes = self._catalog.items.sizes_among({file.size_bytes for file in files.values() if file is not None})
            contents |= {place: _hash_of(file, sizes) for place, file in files.items()}
        return {
            place: Original(tuple(sorted(items, key=lambda item: item != stored.get(place))), "content")
            for place, content in contents.items()
            if (items := self._items_of.get(content or ""))
        }

    def by_features(self, batch: QueryBatch, places: Collection[int]) -> dict[int, Original]:
        """Return the labelled items that queries at some places are copies of, by more than similar features."""
        asked = self._asked(batch, places)
        copies = self._copies(asked)
        chosen = self._within_bounds(asked)
        with ThreadPoolExecutor(os.cpu_count() or 1, thread_name_prefix="modag") as pool:
            confirmed = pool.map(lambda one: self._confirmed(one, copies, decode=one.place in chosen), asked)
            found = {
                one.place: self._original(candidates, by)
                for one, (candidates, by) in zip(asked, confirmed, strict=True)
                if candidates
            }
            others = self._asked_of_other_length(batch, [place for place in places if place not in found])
            copies = self._copies(others)
            held = pool.map(lambda one: self._held(one, copies), others)
            return found | {
                one.place: self._original(items, "waveform") for one, items in zip(others, held, strict=True) if items
            }

    def _copies(self, asked: Sequence[_Asked]) -> dict[int, Sequence[ItemRecord]]:
        """Return the items with the content of each candidate, by its id."""
        contents = {self._content_of[one.item]: one.item for each in asked for one in each.candidates}
        return {contents[content]: items for content, items in self._catalog.items.with_hashes(contents).items()}

    def _held(self, one: _Asked, copies: Mapping[int, Sequence[ItemRecord]]) -> list[int]:
        """Return the ids of the candidates of any length that hold the sound that a query holds."""
        items = [candidate.item for candidate in one.candidates if candidate.item in copies]
        verdicts = self._recordings.hold_the_same([one.item], [copies[item] for item in items])
        return [item for item, verdict in zip(items, verdicts, strict=True) if verdict]

    def _asked(self, batch: QueryBatch, places: Collection[int]) -> list[_Asked]:
        """List the queries that are much like labelled items of about their length or shape."""
        facts = self._facts(batch, places)
        # Of what nobody can look at only the very same features tell; a video is compared by what it sounds like, too.
        gone = {place for place in _gone(batch, facts) if facts[place].kind != "video"}
        of_gone = {place: facts.pop(place) for place in gone}
        found = {
            m: self._wholes().candidates(m, segments, facts, least=self._least(m))
            | self._wholes().candidates(m, segments, of_gone, least=THE_SAME)
            for m, segments in batch.segments.items()
        }
        asked = []
        for place, item in self._items(batch, {place for of_queries in found.values() for place in of_queries}):
            own = {m: found[m].get(place, []) for m, part in batch.segments.items() if place in part.queries}
            candidates = self._not_heard_otherwise(own, without=item.id)
            asked += [_Asked(place, item, candidates)] if candidates else []
        return asked

    def _asked_of_other_length(self, batch: QueryBatch, places: Collection[int]) -> list[_Asked]:
        """List the queries that sound somewhat like labelled sounds, however long, as far as they are compared."""
        if "sound" not in batch.segments or self._left_of_other_length < 0:
            return []
        sounds = {place: facts for place, facts in self._facts(batch, places).items() if facts.kind == "sound"}
        for place in _gone(batch, sounds):
            del sounds[place]
        found = self._wholes().sounds_of_any_length(batch.segments["sound"], sounds)
        asked = []
        for place, item in self._items(batch, found.keys()):
            candidates = [one for one in found[place] if one.item != item.id]
            asked += [_Asked(place, item, candidates)] if candidates and is_as_indexed(item) else []
        asked.sort(key=lambda one: -one.candidates[0].similarity)
        kept = asked[: self._left_of_other_length]
        self._left_of_other_length -= len(asked)
        if self._left_of_other_length < 0:
            logger.warning(
                "more than %d are somewhat like labelled sounds; the others of these are not sought in longer ones, "
                "nor behind silence, but named by their neighbours: `modag duplicates` finds all copies",
                MOST_OF_OTHER_LENGTH,
            )
        return kept

    def _facts(self, batch: QueryBatch, places: Collection[int]) -> dict[int, MediaFacts]:
        """Return what is known of the files of queries, by place."""
        stored = {place: int(batch.items[place]) for place in places if place not in batch.facts}
        known = self._catalog.items.facts(stored.values())
        facts = {place: known[item] for place, item in stored.items() if item in known}
        return facts | {place: batch.facts[place] for place in places if place in batch.facts}

    def _items(self, batch: QueryBatch, places: Collection[int]) -> list[tuple[int, ItemRecord]]:
        """Return queries with their items, or what they would be in the index; files that are gone are none."""
        stored = {place: int(batch.items[place]) for place in places if place not in batch.facts}
        records = self._catalog.items.get_many(stored.values())
        items = {
            place: records.get(stored[place]) if place in stored else _as_item(batch.paths[place], batch.facts[place])
            for place in sorted(places)
        }
        return [(place, item) for place, item in items.items() if item is not None]

    def _least(self, modality: Modality) -> float:
        """Tell how alike those must be that are looked at: when no more are decoded, only the very same count."""
        if self._left[False] > 0:
            return 0.0
        return DEFAULT_MIN_SIMILARITY[modality] if self._left[True] > 0 else THE_SAME

    def _not_heard_otherwise(self, found: Mapping[Modality, Sequence[Candidate]], *, without: int) -> list[Candidate]:
        """Keep the candidates of a query, by each modality that it has; of a video, those that sound like it.

        Those that have no sound are not compared by it.
        """
        heard = {one.item for one in found.get("sound", ()) if one.similarity >= DEFAULT_MIN_SIMILARITY["sound"]}
        lead: Modality = "image" if "image" in found else "sound"
        return [
            one
            for one in found[lead]
            if one.item != without
            and (len(found) == 1 or one.item in heard or not self._wholes().holds("sound", one.item))
        ]

    def _within_bounds(self, asked: Sequence[_Asked]) -> set[int]:
        """Choose the places of those whose files are decoded: the most alike, as many as are left to this call."""
        chosen = set()
        there = (one for one in asked if is_as_indexed(one.item))
        for one in sorted(there, key=lambda one: -one.candidates[0].similarity):
            least = DEFAULT_MIN_SIMILARITY["sound" if one.item.kind == "sound" else "image"]
            is_alike = one.candidates[0].similarity >= least
            if self._left[is_alike] > 0:
                chosen.add(one.place)
            elif self._left[is_alike] == 0:
                logger.warning(
                    "more than %d are %s labelled ones; the others of these are not compared by pixels or waveforms, "
                    "but named by their neighbours: `modag duplicates` finds all copies",
                    MOST_ALIKE if is_alike else MOST_LESS_ALIKE,
                    "nearly the same as" if is_alike else "much like",
                )
            self._left[is_alike] -= 1
        return chosen

    def _confirmed(
        self, one: _Asked, copies: Mapping[int, Sequence[ItemRecord]], *, decode: bool
    ) -> tuple[list[int], ConfirmedBy]:
        """Return the ids of the candidates that a query is a copy of, and what tells so of the first."""
        # The very same features may stand for other media, as encoders see what is transparent on white alone. Where
        # nobody can look, they tell.
        candidates = [candidate for candidate in one.candidates if candidate.item in copies]
        verdicts: list[bool | None] = [None] * len(candidates)
        by_sound = one.item.kind == "sound"
        if decode:
            compare = self._waveforms.are_alike if by_sound else self._pixels.are_alike
            verdicts = compare([one.item], [copies[candidate.item] for candidate in candidates])
        confirmed = [candidate.item for candidate, verdict in zip(candidates, verdicts, strict=True) if verdict]
        if confirmed:
            return confirmed, "waveform" if by_sound else "pixels"
        unseen = [candidate for candidate, verdict in zip(candidates, verdicts, strict=True) if verdict is None]
        return [candidate.item for candidate in unseen if candidate.is_same], "features"

    def _original(self, items: Sequence[int], by: ConfirmedBy) -> Original:
        """Return some items with all labelled ones of their contents."""
        every = {other: None for item in items for other in (item, *self._items_of[self._content_of[item]])}
        return Original(tuple(every), by)


def _gone(batch: QueryBatch, places: Iterable[int]) -> set[int]:
    """Return the places, among some, of stored queries whose files are not there."""
    return {place for place in places if place not in batch.facts and scanned(batch.paths[place]) is None}


def _as_item(path: str, facts: MediaFacts) -> ItemRecord | None:
    """Describe a file that was decoded as the index would; None where it is gone."""
    path = os.path.abspath(on_disk(path))
    file = scanned(path)
    if file is None:
        return None
    return ItemRecord(
        id=OUTSIDE,
        path=path,
        content_hash=path,  # by which what is decoded of it is kept
        size_bytes=file.size_bytes,
        mtime_ns=file.mtime_ns,
        kind=facts.kind,
        duration_s=facts.duration_s,
        width_px=facts.width_px,
        height_px=facts.height_px,
        status="ok",
        updated_at="",
    )


def _hash_of(file: ScannedFile | None, sizes: Collection[int]) -> str | None:
    """Hash a file, if an item has its size."""
    try:
        return media.content_hash(file.path) if file is not None and file.size_bytes in sizes else None
    except MediaError:
        return None
