"""Where the store of one modality is kept: what every place can do, and the one that is files of the index."""

from __future__ import annotations

import dataclasses
from abc import ABC, abstractmethod
from typing import TYPE_CHECKING

from modag_search.errors import DamagedStoreError
from modag_search.stores.layered import LayeredReader
from modag_search.stores.saved import StampedReader, StoreFile

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator
    from pathlib import Path

    from modag_search.errors import StoreError
    from modag_search.stores.base import StoreStamp
    from modag_search.stores.kinds import StoreKinds
    from modag_search.values import Float32Array, Int64Array, Modality

    Batches = Iterable[tuple[Int64Array, Float32Array]]
    """Ids ``[shape=(n,), int64]`` and their vectors ``[shape=(n, dimension), float32]``, thousands at once."""
    OnDamage = Callable[[StoreError], None]


class StoreHome(ABC):
    """Where the store of one modality is kept; any number of processes read, one at a time writes.

    Who reads follows the catalog in memory from what is kept here, and never changes it. Any method may raise
    StoreError where what is kept is out of reach.

    Parameters
    ----------
    kinds : StoreKinds
        Of stores that are made in memory.
    dimension : int
        Length of the vectors.
    """

    def __init__(self, *, kinds: StoreKinds, dimension: int) -> None:
        self._kinds = kinds
        self._dimension = dimension

    @abstractmethod
    def kept(self, *, on_damage: OnDamage) -> StampedReader | None:
        """Return the latest that is kept, which a writer goes on from; None where there is none.

        Parameters
        ----------
        on_damage : callable
            Called with what says that something is damaged, and is passed over.

        Returns
        -------
        StampedReader or None
        """

    def reflects(self, stamp: StoreStamp) -> bool:  # noqa: ARG002  servers are asked for a reader
        """Tell whether what is kept reflects a state already, where that is told without making a reader of it."""
        return False

    @abstractmethod
    def starts(self, *, on_damage: OnDamage) -> Iterator[StampedReader]:
        """Iterate over all that a reader could follow from, the latest first; `on_damage` as in `kept`."""

    def has_moved_on(self, former: StampedReader) -> bool:  # noqa: ARG002  files that were replaced can be read on
        """Tell whether a reader that follows on from an earlier one had better begin with what is kept now."""
        return False

    def in_memory(self, batches: Batches, *, n: int, stamp: StoreStamp) -> StampedReader:
        """Make a store without keeping it.

        Parameters
        ----------
        batches : iterable of (np.ndarray, np.ndarray)
            Ids and vectors.
        n : int
            How many vectors there are, about.
        stamp : StoreStamp
            What they reflect.

        Returns
        -------
        StampedReader
        """
        kind = self._kinds.for_size(n)
        builder = kind(self._dimension)
        for number, (ids, vectors) in enumerate(batches):
            if number == 0:
                builder.train(vectors)
            builder.add(ids, vectors)
        return StampedReader(reader=LayeredReader(builder.build()), stamp=stamp, built=stamp, kind=kind)

    def keep(
        self,
        store: StampedReader,  # noqa: ARG002  what is on a server is for who writes
        *,
        unless: Callable[[StoreStamp], bool],  # noqa: ARG002
    ) -> bool:
        """Keep what `in_memory` made, where that is for whoever reads; for who alone does so on this machine.

        Parameters
        ----------
        store : StampedReader
        unless : callable
            Tells of what is kept already whether it is to stay.

        Returns
        -------
        bool
            Whether it is kept.
        """
        return False

    @abstractmethod
    def make_anew(self, batches: Batches, *, n: int, stamp: StoreStamp) -> int:
        """Keep other vectors in place of those that are kept, wholly or not at all; parameters as of `in_memory`.

        Returns
        -------
        int
            How many there are.
        """

    @abstractmethod
    def update(self, store: StampedReader, *, kept: StampedReader) -> None:
        """Keep what `store` makes of `kept`, which this home gave: all of it, or nothing that would be answered from.

        Parameters
        ----------
        store : StampedReader
            It followed from `kept`.
        kept : StampedReader
        """

    def compact(self, *, on_damage: OnDamage) -> None:  # noqa: B027  for who keeps changes apart
        """Take changes into what was built, where they are many; `on_damage` as in `kept`."""

    @abstractmethod
    def tidy(self) -> None:
        """Remove what killed writers left; for the only one who writes."""

    @abstractmethod
    def remove(self) -> None:
        """Keep nothing any more; who reads goes on as long as it can."""

    def is_kept_in(self, other: StoreHome) -> bool:  # noqa: ARG002  one of files has a folder of its own
        """Tell whether another home keeps the very same, as under another spelling of its address."""
        return False

    @abstractmethod
    def examined(self, *, n: int) -> Iterator[tuple[str, StampedReader | DamagedStoreError]]:
        """Iterate over all that is kept: where, and a reader that compared it with its checksums or what is amiss.

        Parameters
        ----------
        n : int
            How many vectors there should be.
        """

    @abstractmethod
    def kind(self) -> str | None:
        """Name the kind of store that is kept; None where none is."""


class StoreFiles(StoreHome):
    """The store of one modality in files of the index.

    Parameters
    ----------
    folder : Path
    modality : {"image", "sound"}
    kinds : StoreKinds
    dimension : int
    """

    def __init__(self, folder: Path, modality: Modality, *, kinds: StoreKinds, dimension: int) -> None:
        super().__init__(kinds=kinds, dimension=dimension)
        self._files = {
            kind: StoreFile(folder / f"{modality}.{kind.name}", kind=kind, dimension=dimension) for kind in kinds.known
        }

    def kept(self, *, on_damage: OnDamage) -> StampedReader | None:
        """Read what is on the disk; where another kind was built since, and the former one could not go, the latest."""
        there: list[StampedReader] = []
        for file in self._files.values():
            try:
                there += filter(None, [file.read()])
            except DamagedStoreError as error:
                on_damage(error)
        return max(there, key=lambda store: store.stamp.generation, default=None)

    def reflects(self, stamp: StoreStamp) -> bool:
        """Compare the files; see `StoreHome.reflects`."""
        return any(file.reflects(stamp) for file in self._files.values())

    def starts(self, *, on_damage: OnDamage) -> Iterator[StampedReader]:
        """Iterate over what is on the disk; see `StoreHome.starts`."""
        kept = self.kept(on_damage=on_damage)
        if kept is not None:
            yield kept
            # Where the disk is ahead of the moment that is wanted, what was built may not be.
            yield dataclasses.replace(kept, reader=LayeredReader(kept.reader.base), stamp=kept.built)

    def make_anew(self, batches: Batches, *, n: int, stamp: StoreStamp) -> int:
        """Build a store in memory, and write it; see `StoreHome.make_anew`."""
        store = self.in_memory(batches, n=n, stamp=stamp)
        self._write(store, kept=None)
        return len(store.reader)

    def keep(self, store: StampedReader, *, unless: Callable[[StoreStamp], bool]) -> bool:
        """Write it; see `StoreHome.keep`."""
        kept = self.kept(on_damage=lambda _: None)  # who made it has said so
        if kept is None or not unless(kept.stamp):
            self._write(store, kept=None)
        return True

    def update(self, store: StampedReader, *, kept: StampedReader) -> None:
        """Write what has changed; see `StoreHome.update`."""
        if kept.stamp != store.stamp:
            self._write(store, kept=kept)

    def _write(self, store: StampedReader, *, kept: StampedReader | None) -> None:
        assert store.kind is not None
        self._files[store.kind].write(store, on_disk=kept)
        for kind, other in self._files.items():
            if kind is not store.kind:
                other.remove()

    def compact(self, *, on_damage: OnDamage) -> None:
        """Write layers as one; see `StoreHome.compact`. Where it is broken off, what was there stays."""
        if not any(kind.can_merge and file.path.exists() for kind, file in self._files.items()):
            return
        kept = self.kept(on_damage=on_damage)
        if kept is None or not kept.reader.is_due:
            return
        assert kept.kind is not None
        try:
            base = kept.reader.merged(kept.kind)
        except DamagedStoreError as error:
            on_damage(error)
            return
        if base is not None:
            self._write(dataclasses.replace(kept, reader=LayeredReader(base), built=kept.stamp), kept=None)

    def tidy(self) -> None:
        """Remove what killed writers left; see `StoreHome.tidy`."""
        for file in self._files.values():
            file.tidy()

    def remove(self) -> None:
        """Take the files away; see `StoreHome.remove`."""
        for file in self._files.values():
            file.remove()

    def examined(self, *, n: int) -> Iterator[tuple[str, StampedReader | DamagedStoreError]]:  # noqa: ARG002
        """Read each file as a whole; see `StoreHome.examined`. One that is not there is made when it is needed."""
        for file in self._files.values():
            try:
                store = file.read(whole=True)
            except DamagedStoreError as error:
                yield str(file.path), error
            else:
                if store is not None:
                    yield str(file.path), store

    def kind(self) -> str | None:
        """Name the kind on the disk; see `StoreHome.kind`."""
        there = [kind.name for kind, file in self._files.items() if file.path.exists()]
        return there[-1] if there else None
