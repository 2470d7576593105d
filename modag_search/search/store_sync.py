"""The vector stores of an index, kept in step with its catalog: readers in memory, writers on the disk."""

from __future__ import annotations

import dataclasses
import logging
from typing import TYPE_CHECKING

import numpy as np

from modag_search.errors import DamagedStoreError, StoreError
from modag_search.labels.vocabulary import some_of
from modag_search.spelling import printable
from modag_search.stores import LayeredReader, StampedReader, StoreFile, StoreKinds, StoreStamp
from modag_search.values import MODALITIES, Modality

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping
    from pathlib import Path

    from modag_search.catalog import Catalog
    from modag_search.space import Space
    from modag_search.stores import VectorStore
    from modag_search.values import Float32Array, Int64Array

logger = logging.getLogger(__name__)

_SAME = 0.04
"""How far apart two vectors of one feature may be, computed by whatever machine: a cosine of 0.999."""
_SAVED_BY = "`modag rebuild` saves it"
_MANY = 20_000
"""Vectors that every new process would have to make anew: worth a word."""


class StoreSync:
    """Makes readers that reflect the catalog, one a modality, from the disk and from what has changed since.

    It keeps nothing itself, so threads may share it. A reader follows the catalog in memory alone; only who holds the
    index's lock calls `save` and `rebuild`, which write.

    Parameters
    ----------
    folder : Path
        Where the stores are kept.
    catalog : Catalog
    space : Space
    fingerprints : Mapping of modality to str
        Of the pipelines whose features count.
    store : str
        Name of the kind of store, or ``auto``.
    """

    def __init__(
        self, folder: Path, *, catalog: Catalog, space: Space, fingerprints: Mapping[Modality, str], store: str
    ) -> None:
        self._folder = folder
        self._catalog = catalog
        self._space = space
        self._space_fingerprint = space.fingerprint
        self._fingerprints = fingerprints
        self._kinds = StoreKinds(store)

    def present(self, modality: Modality, former: StampedReader | None = None) -> StampedReader:
        """Return a reader of what the catalog holds now; within a view of the catalog, of that moment.

        Parameters
        ----------
        modality : {"image", "sound"}
        former : StampedReader, optional
            An earlier one, to follow from; otherwise what is on the disk.

        Returns
        -------
        StampedReader
        """
        with self._catalog.view():
            starts = self._starts(modality, former)
            store = self._brought_up(modality, starts)
            if store is None:
                store = self._built(modality)
                if len(store.reader) > _MANY:
                    self._say_that_many_were_made(len(store.reader))
        return store

    def _say_that_many_were_made(self, n: int) -> None:
        way_out = "the index is read-only here, so each command does it" if self._catalog.is_read_only else _SAVED_BY
        logger.warning("%d vectors had to be made anew; %s", n, way_out)

    def save(self) -> int:
        """Bring the disk up to date, and return how many vectors the stores hold; for who holds the index's lock."""
        total = 0
        for modality in MODALITIES:
            on_disk = self._on_disk(modality)
            with self._catalog.view():
                store = self._brought_up(modality, filter(None, [on_disk])) or self._built(modality)
            self._write(modality, store, on_disk=on_disk)
            for kind in self._kinds.known:
                self._file(modality, kind).tidy()
            total += len(store.reader)
        return total

    def compact(self) -> None:
        """Take changes that are on the disk into what was built, where they are many; for who holds the index's lock.

        It looks at the disk alone, and not at the catalog, so that it may go on while another thread writes to that.
        Where it is broken off, what was there stays, and the next one begins anew.
        """
        for modality in MODALITIES:
            if not any(kind.can_merge and self._file(modality, kind).path.exists() for kind in self._kinds.known):
                continue
            on_disk = self._on_disk(modality)
            if on_disk is None or not on_disk.reader.is_due:
                continue
            try:
                base = on_disk.reader.merged(on_disk.kind)
            except DamagedStoreError as error:
                logger.warning("%s", error)
                continue
            if base is not None:
                merged = dataclasses.replace(on_disk, reader=LayeredReader(base), built=on_disk.stamp)
                self._write(modality, merged, on_disk=None)

    def rebuild(self) -> int:
        """Make all stores anew, and return how many vectors they hold; for who holds the index's lock.

        They are made from the features in the catalog. Damaged ones in which a single bit has changed are mended;
        others are discarded: the next run over their files makes them anew. None is where what tells whether they are
        damaged has changed itself.
        """
        damaged = self._catalog.mend_features()
        if damaged.mended:
            logger.warning("in %d features a bit had changed, and is as it was stored again", damaged.mended)
        if damaged.discarded:
            logger.warning(
                "%d features were damaged, and are discarded; `modag index` on their folders makes them anew: %s",
                damaged.discarded,
                some_of([printable(path) for path in damaged.paths]),
            )
        for problem in damaged.left:
            logger.warning("%s; no feature is discarded by what it says; `modag restore` brings a backup back", problem)
        return self.make_anew()

    def make_anew(self) -> int:
        """Make all stores anew of features that are whole, as `rebuild` does once it has seen to the others."""
        total = 0
        for modality in MODALITIES:
            with self._catalog.view():
                built = self._built(modality)
            self._write(modality, built, on_disk=None)
            total += len(built.reader)
        return total

    def problems(self) -> list[str]:
        """Describe stores that cannot be read or that do not hold what the catalog says, without mending them."""
        found = []
        for modality in MODALITIES:
            for kind in self._kinds.known:
                file = self._file(modality, kind)
                try:
                    store = file.read(whole=True)
                    differences = [] if store is None else list(self._differences(modality, store))
                except DamagedStoreError as error:
                    found.append(str(error))
                else:
                    found += [f"{file.path}: {one}; run `modag rebuild`" for one in differences]
        return found

    def kinds(self) -> dict[Modality, str]:
        """Return the kind of each store on the disk."""
        return {
            modality: kind.name
            for modality in MODALITIES
            for kind in self._kinds.known
            if self._file(modality, kind).path.exists()
        }

    # Following the catalog.

    def _starts(self, modality: Modality, former: StampedReader | None) -> Iterator[StampedReader]:
        """Iterate over what there is to follow from."""
        if former is not None:
            yield former
        on_disk = self._on_disk(modality)
        if on_disk is not None:
            yield on_disk
            # Where the disk is ahead of the moment that is wanted, what was built may not be.
            yield dataclasses.replace(on_disk, reader=LayeredReader(on_disk.reader.base), stamp=on_disk.built)

    def _on_disk(self, modality: Modality) -> StampedReader | None:
        """Read what is on the disk; where another kind was built since, and the former one could not go, the latest."""
        there: list[StampedReader] = []
        for kind in self._kinds.known:
            try:
                there += filter(None, [self._file(modality, kind).read()])
            except DamagedStoreError as error:
                saved = "" if self._catalog.is_read_only else f"; {_SAVED_BY}"
                logger.warning("%s; making it anew from the catalog%s", error, saved)
        return max(there, key=lambda store: store.stamp.generation, default=None)

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
        kind = self._kinds.for_size(self._catalog.segments.count(self._fingerprints[modality]))
        builder, now = kind(self._space.dimension), self.stamp(modality)
        for number, (ids, vectors) in enumerate(self._vectors(modality, after_generation=0)):
            if number == 0:
                builder.train(vectors)
            builder.add(ids, vectors)
        return StampedReader(reader=LayeredReader(builder.build()), stamp=now, built=now, kind=kind)

    def _vectors(self, modality: Modality, *, after_generation: int) -> Iterator[tuple[Int64Array, Float32Array]]:
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

    # Writing to the disk.

    def _file(self, modality: Modality, kind: type[VectorStore]) -> StoreFile:
        return StoreFile(self._folder / f"{modality}.{kind.name}", kind=kind, dimension=self._space.dimension)

    def _write(self, modality: Modality, store: StampedReader, *, on_disk: StampedReader | None) -> None:
        if on_disk is not None and on_disk.stamp == store.stamp:
            return
        try:
            self._file(modality, store.kind).write(store, on_disk=on_disk)
            for other in self._kinds.known:
                if other is not store.kind:
                    self._file(modality, other).remove()
        except StoreError as error:
            logger.warning("%s; the next command does the same work again", error)

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
