"""Finding items by a query, at one moment of an index."""

from __future__ import annotations

import logging
import math
import os
import threading
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, Literal

from modag_search.errors import SpaceMismatchError, UsageError
from modag_search.media import is_picture
from modag_search.search.emptiness import filtered_out, short_of
from modag_search.search.filters import SELECTIONS
from modag_search.search.items import ItemSearch
from modag_search.search.places import Places
from modag_search.search.probes import ADDED, TAKEN_AWAY, Question, Term, alone, together
from modag_search.search.query import Query, QueryMaker
from modag_search.search.relevance import UnlikeThings, kept_or_measured
from modag_search.search.snapshot import STORES, Part
from modag_search.values import MODALITIES, Modality

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

    from modag_search.catalog import Catalog
    from modag_search.search.filters import Filters
    from modag_search.search.snapshot import Snapshot, Snapshots
    from modag_search.settings import IndexSettings
    from modag_search.values import Hit, Int64Array

logger = logging.getLogger(__name__)

RELEVANCE_FILE = "relevance"


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Asked:
    """What is asked with; a part that is chosen by time is one of the first query. See `Index.search`."""

    query: Any
    sample_rate_hz: int | None
    plus: Sequence[Any]
    minus: Sequence[Any]
    start_s: float | None
    end_s: float | None

    @property
    def _lent(self) -> list[Any]:
        """What is asked with and is no name."""
        return [one for one in (self.query, *self.plus, *self.minus) if not _is_name(one)]

    def check(self) -> None:
        """Refuse what does not go together; raises UsageError."""
        name = _name_of(self.query)
        if not self._lent and self.sample_rate_hz is not None:
            raise UsageError(f"{name}: only samples are given a sample_rate_hz; a file has its own")

    def terms(self, maker: QueryMaker) -> list[Term]:
        """Make a term of each query: of the first, of what is added, and of what is taken away."""
        weights = [*[ADDED] * (1 + len(self.plus)), *[TAKEN_AWAY] * len(self.minus)]
        made = [
            self._made(maker, self.query, start_s=self.start_s, end_s=self.end_s),
            *(self._made(maker, one) for one in (*self.plus, *self.minus)),
        ]
        names = map(_name_of, (self.query, *self.plus, *self.minus))
        return [
            Term(name=name, query=query, weight=weight)
            for name, query, weight in zip(names, made, weights, strict=True)
        ]

    def _made(self, maker: QueryMaker, one: Any, **part: float | None) -> Query:
        if _is_name(one):
            return maker.make(os.fspath(one), **part)
        # The rate is that of the samples; a picture that is asked with beside them has none.
        beside_samples = is_picture(one) and not all(map(is_picture, self._lent))
        return maker.make_of_lent(one, sample_rate_hz=None if beside_samples else self.sample_rate_hz, **part)


def _say_what_answers_too(terms: Sequence[Term], hits: Sequence[Hit]) -> None:
    """Say, where "a photo of" something is asked for and sounds answer, how pictures alone are asked for."""
    for term in terms:
        medium = term.query.medium
        if medium and any(hit.modality != medium for hit in hits):
            others, own = ("sounds", "pictures") if medium == "image" else ("pictures", "sounds")
            logger.warning("%r: %s answer, too; --modality %s asks for %s alone", term.name, others, medium, own)


def _is_name(query: Any) -> bool:
    return isinstance(query, (str, os.PathLike))


def _name_of(query: Any) -> str:
    return os.fspath(query) if _is_name(query) else "what is asked with"


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Wanted:
    """What answers are wanted; see `Index.search`."""

    modality: Modality | Literal["any"]
    n: int
    min_similarity: float
    min_relevance: float
    filters: Filters
    copies: bool
    places: int | Literal["all"]

    @property
    def most_places(self) -> float:
        """How many places of each answer are listed."""
        return math.inf if self.places == "all" else self.places

    @property
    def floors(self) -> dict[str, float]:
        """What is asked of answers beyond what any has."""
        least = {"min_similarity": -1.0, "min_relevance": 0.0}
        return {name: floor for name, none in least.items() if (floor := getattr(self, name)) > none}

    def check(self) -> None:
        """Refuse what no search can be asked for; raises UsageError."""
        if self.modality not in (*MODALITIES, "any"):
            raise UsageError(f"modality must be image, sound or any, not {self.modality!r}")


class Finder:
    """Finds items of an index.

    Parameters
    ----------
    folder : Path
        Of the index.
    catalog : Catalog
    snapshots : Snapshots
    """

    def __init__(self, folder: Path, catalog: Catalog, snapshots: Snapshots) -> None:
        self._catalog = catalog
        self._snapshots = snapshots
        self._warned_of: tuple[int, str] | None = None
        self._filtered_out: tuple[Any, str | None] | None = None
        self._lock = threading.Lock()
        self._unlike_things: Part[UnlikeThings] = Part(
            "unlike things", lambda snapshot, _: kept_or_measured(folder / RELEVANCE_FILE, snapshot)
        )

    def find(self, asked: Asked, wanted: Wanted) -> tuple[list[Hit], str]:
        """Find the items that are nearest to a query, and say why there is none; see `Index.search`."""
        wanted.check()
        asked.check()
        modalities = MODALITIES if wanted.modality == "any" else (wanted.modality,)
        with self._snapshots.present() as snapshot:
            terms = asked.terms(QueryMaker(self._catalog, snapshot.encoder, snapshot.space))
            question = self._question(snapshot, terms, wanted=modalities)
            search = ItemSearch(self._catalog, {one: snapshot.get(STORES[one]).reader for one in question.probes})
            among = snapshot.get(SELECTIONS).segments(wanted.filters, self._catalog)
            hits = search.hits(
                question,
                n=wanted.n,
                among=among,
                min_similarity=wanted.min_similarity,
                min_relevance=wanted.min_relevance,
                copies=wanted.copies,
            )
            if wanted.most_places:
                listing = Places(
                    self._catalog,
                    snapshot.vectors,
                    most=wanted.most_places,
                    among=among,
                    min_similarity=wanted.min_similarity,
                    min_relevance=wanted.min_relevance,
                )
                hits = [replace(hit, places=listing.of_hit(hit, question)) for hit in hits]
            _say_what_answers_too(terms, hits)
            why_none = "" if hits else self._why_none(search, question, wanted, among)
            self._warn_of_outdated(snapshot)
        return hits, why_none

    def _why_none(self, search: ItemSearch, question: Question, wanted: Wanted, among: Int64Array | None) -> str:
        """Say how far the best answer is from what is asked of it, or which filters leave nothing."""
        if asked := wanted.floors:

            def best(least: Mapping[str, float]) -> Hit | None:
                return next(iter(search.hits(question, n=1, among=among, copies=wanted.copies, **least)), None)

            if why := short_of(asked, best):
                return why
        # Many queries are asked with the same filters; these are looked at once.
        key = self._catalog.change_count, os.getcwd(), wanted.filters, wanted.modality
        kept = self._filtered_out
        if kept is None or kept[0] != key:
            kept = self._filtered_out = key, filtered_out(self._catalog, wanted.filters, modality=wanted.modality)
        return kept[1] or f"nothing found{': nothing is left but what asks itself' if question.without else ''}"

    def _question(self, snapshot: Snapshot, terms: Sequence[Term], *, wanted: Sequence[Modality]) -> Question:
        """Put terms together; each must be comparable with some of what is wanted, or would count for nothing."""
        space = snapshot.space
        unlike = snapshot.get(self._unlike_things).similarity
        if len(terms) > 1:
            question = together(terms, space, wanted, unlike=unlike)
        else:
            question = alone(terms[0], space, wanted, unlike=unlike)
        for term in terms:
            if not any(term.comparable(space, stored) for stored in question.probes):
                what = f"sounds find sounds and pictures find pictures alone, and {term.name} has nothing to find"
                raise no_space_joins(snapshot.encoder.settings, what)
        return question

    def _warn_of_outdated(self, snapshot: Snapshot) -> None:
        """Say how many items are not searched, once for each generation of the catalog that has such."""
        generation = snapshot.moment.generation, snapshot.moment.token
        with self._lock:
            if generation == self._warned_of:
                return
            self._warned_of = generation
        fingerprints = snapshot.encoder.fingerprints
        if not self._catalog.items.are_outdated(fingerprints):
            return  # to count them means to walk through all segments
        if outdated := self._catalog.items.count_outdated(fingerprints):
            logger.warning(
                "%d items were made by another encoder, or another version of one, and are not searched; "
                "`modag rebuild` renews them",
                outdated,
            )


def no_space_joins(settings: IndexSettings, what: str) -> SpaceMismatchError:
    """Word that something takes a space, where sounds and pictures are kept apart."""
    return SpaceMismatchError(
        f"no space joins {settings.sound_encoder} and {settings.image_encoder} in this index, so {what}; label some "
        "sounds and pictures and make one: `modag train space --output FILE`, then `modag rebuild --space FILE`"
    )
