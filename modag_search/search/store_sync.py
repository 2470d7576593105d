"""The vector stores of an index, kept in step with its catalog: readers in memory, writers where they are kept."""

from __future__ import annotations

import dataclasses
import logging
from contextlib import AbstractContextManager, closing, contextmanager, nullcontext, suppress
from typing import TYPE_CHECKING

import numpy as np

from modag_search.errors import DamagedStoreError, StoreChangedError, StoreError, StoreServerError
from modag_search.labels.vocabulary import some_of
from modag_search.spelling import printable
from modag_search.stores import StampedReader, StoreStamp, homes_of
from modag_search.values import MODALITIES, Modality

if TYPE_CHECKING:
    from collections.abc import Callable, Generator, Iterable, Iterator, Mapping
    from pathlib import Path

    from modag_search.catalog import Catalog
    from modag_search.space import Space
    from modag_search.stores import StoreHome
    from modag_search.values import Float32Array, Int64Array

logger = logging.getLogger(__name__)

_SAME = 0.04
"""How far apart two vectors of one feature may be, computed by whatever machine: a cosine of 0.999."""
_SAVED_BY = "`modag rebuild` saves it"
_MANY = 20_000
"""Vectors that every new process would have to make anew: worth a word."""
_MOST_WITHOUT_SERVER = 100_000
"""Vectors that are made anew, in a second or two, for an answer while the server that keeps them is out of reach."""


class StoreSync:
    """Makes readers that reflect the catalog, one a modality, from what is kept and from what has changed since.

    It keeps nothing itself, so threads may share it. A reader follows the catalog in memory, and keeps a store that it
    had to make only where stores are of this machine alone; otherwise only who holds the index's lock writes, by
    `save` and `rebuild`.

    Parameters
    ----------
    folder : Path
        Where stores are kept that are files.
    catalog : Catalog
    space : Space
    fingerprints : Mapping of modality to str
        Of the pipelines whose features count.
    store : str
        Name of the kind of store, ``auto``, or the address of the server that keeps them.
    keeping : callable, optional
        Gives a context for keeping what a reader has made, which says whether it may; default, it may not.
    """

    def __init__(
        self,
        folder: Path,
        *,
        catalog: Catalog,
        space: Space,
        fingerprints: Mapping[Modality, str],
        store: str,
        keeping: Callable[[], AbstractContextManager[bool]] = lambda: nullcontext(False),
    ) -> None:
        self._catalog = catalog
        self._space = space
        self._space_fingerprint = space.fingerprint
        self._fingerprints = fingerprints
        self._keeping = keeping
        self._homes = homes_of(store, folder=folder, dimension=space.dimension, knows=catalog.has_generation)

    def present(self, modality: Modality, former: StampedReader | None = None) -> StampedReader:
        """Return a reader of what the catalog holds now; within a view of the catalog, of that moment.

        Parameters
        ----------
        modality : {"image", "sound"}
        former : StampedReader, optional
            An earlier one, to follow from; otherwise what is kept.

        Returns
        -------
        StampedReader

        Raises
        ------
        StoreServerError
            If the server that keeps them is out of reach, and they are too many to be made anew for an answer.
        """
        with self._catalog.view():
            try:
                store = self._brought_up(modality, self._starts(modality, former))
            except StoreServerError as error:
                n = self._count(modality)
                if n > _MOST_WITHOUT_SERVER:
                    raise
                logger.warning("%s; %d vectors are made of the catalog meanwhile", error, n)
                return self._built(modality)
            except DamagedStoreError as error:
                self._say_that_it_is_made_anew(error)
                store = None
            if store is None:
                store = self._built(modality)
                if not self._is_kept_here(modality, store) and len(store.reader) > _MANY:
                    self._say_that_many_were_made(len(store.reader))
        return store

    def _is_kept_here(self, modality: Modality, store: StampedReader) -> bool:
        """Keep what had to be made, where that is for whoever reads; what has been kept meanwhile stays."""

        def is_ahead(kept: StoreStamp) -> bool:
            # The catalog may have been put back to an earlier moment, and know nothing of the later ones.
            is_of_now = self._catalog.has_generation(kept.generation, kept.token)
            return is_of_now and kept.generation > store.stamp.generation

        with self._keeping() as may_keep, _or_later():
            if may_keep:
                return self._homes[modality].keep(store, unless=is_ahead)
        return False

    def _say_that_many_were_made(self, n: int) -> None:
        way_out = "the index is read-only here, so each command does it" if self._catalog.is_read_only else _SAVED_BY
        logger.warning("%d vectors had to be made anew; %s", n, way_out)

    def save(self) -> None:
        """Bring what is kept up to date; for who holds the index's lock."""
        try:
            for modality in MODALITIES:
                self._save(modality)
        except StoreServerError as error:
            _say_that_it_is_left(error)  # once: one server keeps them all

    def _save(self, modality: Modality) -> None:
        home = self._homes[modality]
        with self._catalog.view(), _or_later():
            if not home.reflects(self.stamp(modality)):
                self._bring_up(modality, home)
            home.tidy()

    def _bring_up(self, modality: Modality, home: StoreHome) -> None:
        kept = home.kept(on_damage=self._say_that_it_is_made_anew)
        try:
            store = self._brought_up(modality, filter(None, [kept]))
        except DamagedStoreError as error:
            logger.warning("%s", error)
            store = None
        if kept is None or store is None:
            self._make_anew(modality)
        else:
            home.update(store, kept=kept)

    def compact(self) -> None:
        """Take changes that are on the disk into what was built, where they are many; for who holds the index's lock.

        It looks at what is kept alone, and not at the catalog, so that it may go on while another thread writes to
        that. Where it is broken off, what was there stays, and the next one begins anew.
        """
        for home in self._homes.values():
            with suppress(StoreServerError), _or_later():  # `save` comes next, and says so
                home.compact(on_damage=self._say_that_it_is_made_anew)

    def rebuild(self) -> int:
        """Make all stores anew, and return how many vectors they hold; for who holds the index's lock.

        They are made from the features in the catalog. Damaged ones in which a single bit has changed are mended;
        others are discarded: the next run over their files makes them anew. None is where what tells whether they are
        damaged has changed itself.

        Raises
        ------
        StoreServerError, StoreChangedError
            If the server that keeps them is out of reach, or fails, or a copy of the index writes to it at the moment.
        """
        damaged = self._catalog.mend_features()
        if damaged.mended:
            features = "1 feature" if damaged.mended == 1 else f"{damaged.mended} features"
            logger.warning("in %s a bit had changed, and is as it was stored again", features)
        if damaged.discarded:
            logger.warning(
                "damaged features are discarded (%d); `modag index` on their folders makes them anew: %s",
                damaged.discarded,
                some_of([printable(path) for path in damaged.paths]),
            )
        for problem in damaged.left:
            logger.warning("%s; no feature is discarded by what it says; `modag restore` brings a backup back", problem)
        return self.make_anew()

    def make_anew(self) -> int:
        """Make all stores anew of features that are whole, as `rebuild` does once it has seen to the others."""
        for modality in MODALITIES:
            with self._catalog.view():
                try:
                    self._make_anew(modality)
                    self._homes[modality].tidy()
                except (StoreServerError, StoreChangedError):
                    raise
                except StoreError as error:
                    _say_that_it_is_left(error)
        return sum(map(self._count, MODALITIES))

    def leave(self, *, moved_to: StoreSync) -> None:
        """Keep no stores any more where these are kept: the index has moved to others.

        Raises
        ------
        StoreServerError
            If the server that keeps them is out of reach.
        """
        for modality, home in self._homes.items():
            if not home.is_kept_in(moved_to._homes[modality]):
                home.remove()

    def problems(self) -> list[str]:
        """Describe stores that cannot be read or that do not hold what the catalog says, without mending them."""
        found: list[str] = []
        for modality in MODALITIES:
            try:
                for where, store in self._homes[modality].examined(n=self._count(modality)):
                    if isinstance(store, DamagedStoreError):
                        found.append(str(store))
                    else:
                        different = self._differences(modality, store)
                        found += [f"{where}: {one}; run `modag rebuild`" for one in different]
            except StoreError as error:
                found.append(str(error))
        return list(dict.fromkeys(found))

    def kinds(self) -> dict[Modality, str]:
        """Return the kind of each store that is kept; none, with a word, while the server that keeps them is away."""
        try:
            kinds = {modality: self._homes[modality].kind() for modality in MODALITIES}
        except StoreServerError as error:
            logger.warning("%s", error)
            return {}
        return {modality: kind for modality, kind in kinds.items() if kind is not None}

    # Following the catalog.

    def _starts(self, modality: Modality, former: StampedReader | None) -> Iterator[StampedReader]:
        """Iterate over what there is to follow from."""
        home = self._homes[modality]
        if former is not None and (former.stamp == self.stamp(modality) or not home.has_moved_on(former)):
            yield former
        yield from home.starts(on_damage=self._say_that_it_is_made_anew)

    def _say_that_it_is_made_anew(self, error: StoreError) -> None:
        saved = "" if self._catalog.is_read_only else f"; {_SAVED_BY}"
        logger.warning("%s; making it anew from the catalog%s", error, saved)

    def _leads_to(self, now: StoreStamp, then: StoreStamp) -> bool:
        """Tell whether the catalog's changes since `then` are all that separates it from `now`."""
        of_same_maker = (then.space, then.pipeline) == (now.space, now.pipeline)
        return (
            of_same_maker
            and then.generation <= now.generation
            and self._catalog.has_generation(then.generation, then.token)
        )

    def _brought_up(self, modality: Modality, starts: Iterable[StampedReader]) -> StampedReader | None:
        """Follow from the first start that leads to now; None where none does, or too much has changed since."""
        now = self.stamp(modality)
        start = next((one for one in starts if self._leads_to(now, one.stamp)), None)
        if start is None or start.stamp == now:
            return start
        since = start.stamp.generation
        removed = self._catalog.segments.removed_since(since)
        ids, vectors = [np.zeros(0, dtype=np.int64)], [np.zeros((0, self._space.dimension), dtype=np.float32)]
        for some, of_some in self._vectors(modality, after_generation=since):
            ids.append(some)
            vectors.append(of_some)
            if sum(map(len, ids)) > start.reader.most_changes:
                return None
        # Most changes concern the other modality: the reader is then the same.
        reader = start.reader
        if len(ids) > 1 or reader.holds(removed).any():
            reader = reader.followed(removed=removed, ids=np.concatenate(ids), vectors=np.concatenate(vectors))
        return None if reader.is_heavy else dataclasses.replace(start, reader=reader, stamp=now)

    def _built(self, modality: Modality) -> StampedReader:
        """Make a store in memory."""
        with closing(self._vectors(modality, after_generation=0)) as batches:
            return self._homes[modality].in_memory(batches, n=self._count(modality), stamp=self.stamp(modality))

    def _make_anew(self, modality: Modality) -> None:
        """Make a store where it is kept."""
        # Closed where that fails: what is left of it would outlive the view, and be told of with a traceback.
        with closing(self._vectors(modality, after_generation=0)) as batches:
            self._homes[modality].make_anew(batches, n=self._count(modality), stamp=self.stamp(modality))

    def _count(self, modality: Modality) -> int:
        return self._catalog.segments.count(self._fingerprints[modality])

    def _vectors(self, modality: Modality, *, after_generation: int) -> Generator[tuple[Int64Array, Float32Array]]:
        fingerprint = self._fingerprints[modality]
        for ids, features in self._catalog.segments.features(fingerprint, after_generation=after_generation):
            yield ids, self._space.project(modality, features)

    def stamp(self, modality: Modality) -> StoreStamp:
        """Return what a store would reflect that was made now."""
        generation, token = self._catalog.latest_generation
        return StoreStamp(
            space=self._space_fingerprint,
            pipeline=self._fingerprints[modality],
            generation=generation,
            token=token,
        )

    # Checking.

    def _differences(self, modality: Modality, store: StampedReader) -> Iterator[str]:
        """Compare a store with the catalog; one that lags behind is no problem, since it catches up."""
        with self._catalog.view():
            now = self.stamp(modality)
            if not self._leads_to(now, store.stamp):
                return  # nobody believes it
            if store.stamp == now:
                expected = self._catalog.segments.ids(self._fingerprints[modality])
                missing = len(expected) - int(np.count_nonzero(store.reader.holds(expected)))
                extra = len(store.reader) - (len(expected) - missing)
                if missing or extra:
                    yield f"lacks {missing} vectors and holds {extra} that the catalog does not know"
            reader = store.reader
            differing = [reader.differing(ids, vectors, tolerance=_SAME) for ids, vectors in self._whole(modality)]
            if n := sum(map(len, differing)):
                first = np.concatenate(differing)[0]
                yield f"{n} vectors are not what the space makes of the features, the first that of segment {first}"

    def _whole(self, modality: Modality) -> Iterator[tuple[Int64Array, Float32Array]]:
        """Make the vectors of all features that are not damaged; `Catalog.check` tells of the others."""
        for ids, features in self._catalog.segments.features(self._fingerprints[modality], whole_only=True):
            yield ids, self._space.project(modality, features)


@contextmanager
def _or_later() -> Iterator[None]:
    """Leave to the next command what cannot be written now: the catalog has all of it."""
    try:
        yield
    except StoreServerError:
        raise
    except StoreError as error:
        _say_that_it_is_left(error)


def _say_that_it_is_left(error: StoreError) -> None:
    logger.warning("%s; the next command does the same work again", error)
