"""The store of one modality on a server that many machines read, and one process at a time writes.

Rows are versioned (see `VectorEngine`): who reads asks for those of one generation of the catalog, and gets the same
answers while the writer brings the server to the next. A record says which generations are whole. It is known by its
tokens: whatever catalog went through the generation that a record reflects may read it, wherever the index was moved or
copied to, so an index keeps nothing about its record. Of two copies of an index the one that writes first goes on with
the record, and the other one finds there what it never went through, and makes a record of its own.
"""

from __future__ import annotations

import dataclasses
import functools
import json
import logging
import secrets
import time
from contextlib import contextmanager, suppress
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Self

import numpy as np

from modag_search.errors import DamagedStoreError, StoreChangedError, StoreError
from modag_search.stores.base import (
    StoreReader,
    StoreStamp,
    chosen,
    filled_up,
    greatest_products,
    nearest,
    nothing_found,
)
from modag_search.stores.homes import StoreHome
from modag_search.stores.kinds import MOST_COMPARED
from modag_search.stores.layered import LayeredReader
from modag_search.stores.saved import StampedReader
from modag_search.stores.selection import KeptByArray, are_among

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from modag_search.stores.engine import VectorEngine
    from modag_search.stores.homes import Batches, OnDamage
    from modag_search.stores.kinds import StoreKinds
    from modag_search.values import Float32Array, Int64Array, Modality

logger = logging.getLogger(__name__)

_FORMAT = "modag-shared/1"
_KEPT_FOR_S = 3600.0
"""What a call read that began so long ago may be cleared away."""
_FEW = 2000
"""So many vectors are fetched and compared here: the index of a server is slow to find them among many others."""
_SEVERAL = 8
"""For so many queries at once, all vectors that a server would compare without an index are fetched instead."""
_SURE_FOR_S = 3.0
"""So long after a count a server has all that it had: one that loses rows was started again, which takes longer."""
_BLOCK = 8192
_GROWN = 2


@dataclass(frozen=True, slots=True, kw_only=True)
class Moment:
    """A generation that a record reflects, whole.

    Attributes
    ----------
    generation : int
    token : str
    count : int
        How many vectors there are.
    written_s : float
        When it was written, in seconds since 1970.
    """

    generation: int
    token: str
    count: int
    written_s: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Record:
    """What a server says of the store of one modality of an index.

    Attributes
    ----------
    modality, space, pipeline : str
        What made the vectors.
    table : str
        Where they are; empty before the first were written.
    arranged : int
        How many vectors there were when they were last arranged for searching.
    writer : str
        Tells the machine and the folder that it was last written from.
    moments : tuple of Moment
        The generations that can be read, ascending; the last is the present one.
    pending : (int, str) or None
        Generation and token of what is being written, or was when its writer was killed.
    former : tuple of (str, float)
        Tables that took the present one's place before, and until when, in seconds since 1970, they may be read.
    """

    modality: str
    space: str
    pipeline: str
    table: str = ""
    arranged: int = 0
    writer: str = ""
    moments: tuple[Moment, ...] = ()
    pending: tuple[int, str] | None = None
    former: tuple[tuple[str, float], ...] = ()

    @property
    def latest(self) -> tuple[int, str] | None:
        """Generation and token of what it reflects; where nothing has been written yet, of what is being."""
        return (self.moments[-1].generation, self.moments[-1].token) if self.moments else self.pending

    def to_text(self) -> str:
        """Write it as JSON."""
        return json.dumps({"format": _FORMAT, **asdict(self)}, sort_keys=True)

    @classmethod
    def of_text(cls, text: str) -> Self | None:
        """Read what `to_text` wrote; None where it is something else."""
        try:
            content = json.loads(text)
            if content.pop("format") != _FORMAT:
                return None
            content["moments"] = tuple(Moment(**moment) for moment in content["moments"])
            content["former"] = tuple((str(table), float(until_s)) for table, until_s in content["former"])
            content["pending"] = content["pending"] and (int(content["pending"][0]), str(content["pending"][1]))
            return cls(**content)
        except (KeyError, TypeError, ValueError, AttributeError):
            return None


class SharedReader(StoreReader):
    """The vectors that a server keeps, as they were at one generation.

    Parameters
    ----------
    engine : VectorEngine
    key : str
        Of the record.
    table : str
    moment : Moment
    dimension : int
    """

    def __init__(self, engine: VectorEngine, *, key: str, table: str, moment: Moment, dimension: int) -> None:
        self.engine = engine
        self.key = key
        self.table = table
        self.moment = moment
        self.dimension = dimension
        self._here: KeptByArray[Int64Array] = KeptByArray()
        self._sure_until_s = 0.0

    @property
    def _at(self) -> int:
        return self.moment.generation

    def __len__(self) -> int:
        """Count the vectors."""
        return self.moment.count

    def ids(self) -> Int64Array:
        """Return the ids of all vectors, ascending; see `StoreReader.ids`."""
        return self._ids

    @functools.cached_property
    def _ids(self) -> Int64Array:
        with self._reading():
            ids = self.engine.ids(self.table, at=self._at)
        self._require_whole()
        self._require_count(len(ids))
        ids.setflags(write=False)
        return ids

    def require_all(self) -> None:
        """See to it that no row is lost, where the server may lose some.

        Raises
        ------
        DamagedStoreError
            If the server holds fewer rows than were acknowledged, or more.
        """
        if time.monotonic() < self._sure_until_s:
            return
        began_s = time.monotonic()
        with self._reading():
            count = self.engine.count(self.table, at=self._at)
        if count is not None and count != len(self):
            self._require_whole()
            self._require_count(count)
        self._sure_until_s = began_s + _SURE_FOR_S

    def _require_count(self, count: int) -> None:
        if count != len(self):
            raise DamagedStoreError(
                f"{self.engine.address}: holds {count} vectors, must hold {len(self)}; `modag rebuild` makes them anew"
            )

    def is_whole(self) -> bool:
        """Tell whether nothing of it has been cleared away, or may be by now."""
        record = self._record()
        if record is None:
            return False
        if record.table == self.table:
            return record.moments[0].generation <= self._at
        return dict(record.former).get(self.table, 0.0) > time.time()

    def _record(self) -> Record | None:
        text = self.engine.record(self.key)
        return None if text is None else Record.of_text(text)

    @contextmanager
    def _reading(self) -> Iterator[None]:
        """Tell a table that was replaced from one that is lost: the record names this one as the present one still."""
        try:
            yield
        except StoreChangedError as error:
            record = self._record()
            if record is not None and record.table == self.table:
                raise DamagedStoreError(
                    f"{self.engine.address}: lacks the table {self.table}; `modag rebuild` makes it anew"
                ) from error
            raise

    def _require_whole(self) -> None:
        """Look at the record after what was read: who clears something away says so there before."""
        if not self.is_whole():
            raise StoreChangedError(
                f"{self.engine.address}: what was read of the store has been replaced meanwhile; ask again"
            )

    def search(
        self, vectors: Float32Array, *, k: int, among: Int64Array | None = None, without: Int64Array | None = None
    ) -> tuple[Float32Array, Int64Array]:
        """Find neighbours; see `StoreReader.search`."""
        vectors = np.ascontiguousarray(vectors, dtype=np.float32)
        among, without = chosen(among, without)
        if len(self) == 0 or len(vectors) == 0 or k < 1 or (among is not None and len(among) == 0):
            return nothing_found(len(vectors), k)
        if among is not None:
            among = self._here.get(among, self._those_here)
        elif without is not None:
            without = self._here.get(without, self._those_here)
            without = without if len(without) else None
        n = len(self) - (0 if without is None else len(without)) if among is None else len(among)
        if n == 0:
            return nothing_found(len(vectors), k)
        self.require_all()
        if n <= (_FEW if len(vectors) < _SEVERAL else MOST_COMPARED):
            similarities, ids = self._compared(vectors, self._counting(among, without), k=min(k, n))
        else:
            with self._reading():
                similarities, ids = self.engine.search(
                    self.table, vectors, at=self._at, k=min(k, n), among=among, without=without, n=len(self)
                )
        self._require_whole()
        return filled_up(similarities, ids, k=k)

    def _those_here(self, ids: Int64Array) -> Int64Array:
        distinct = np.unique(ids)
        here = distinct[self.holds(distinct)]
        here.setflags(write=False)
        return here

    def _counting(self, among: Int64Array | None, without: Int64Array | None) -> Int64Array:
        if among is not None:
            return among
        return self.ids() if without is None else self.ids()[~are_among(self.ids(), without)]

    def _compared(self, vectors: Float32Array, ids: Int64Array, *, k: int) -> tuple[Float32Array, Int64Array]:
        """Compare vectors with all of some that are here, which are fetched some at a time."""
        similarities, found = nothing_found(len(vectors), 0)
        for start in range(0, len(ids), _BLOCK):
            some = ids[start : start + _BLOCK]
            near = vectors @ self._vectors_of(some).T
            seen = np.hstack([found, np.broadcast_to(some, near.shape)])
            similarities, found = nearest(np.hstack([similarities, near]), seen, k=k)
        return similarities, found

    def _vectors_of(self, ids: Int64Array) -> Float32Array:
        vectors = np.full((len(ids), self.dimension), np.nan, dtype=np.float32)
        for start in range(0, len(ids), _BLOCK):
            some = ids[start : start + _BLOCK]
            with self._reading():
                found, stored = self.engine.vectors(self.table, some, at=self._at)
            order = np.argsort(some)
            vectors[start + order[np.searchsorted(some, found, sorter=order)]] = stored
        if n_lost := int(np.isnan(vectors).any(axis=1).sum()):
            self._require_whole()
            raise DamagedStoreError(
                f"{self.engine.address}: has lost {n_lost} vectors; `modag rebuild` makes them anew"
            )
        return vectors

    def nearest_to_any(self, vectors: Float32Array) -> Float32Array:
        """Fetch vectors some at a time, and compare here; see `StoreReader.nearest_to_any`."""
        self.require_all()
        ids = self.ids()
        greatest = np.full(len(ids), -np.inf, dtype=np.float32)
        for start in range(0, len(ids) if len(vectors) else 0, _BLOCK):
            some = slice(start, start + _BLOCK)
            greatest[some] = greatest_products(self._vectors_of(ids[some]), vectors)
        self._require_whole()
        return greatest


class SharedStore(StoreHome):
    """The store of one modality on a server.

    Parameters
    ----------
    engine : VectorEngine
    modality : {"image", "sound"}
    kinds : StoreKinds
        Of what is made in memory where the server has nothing that helps.
    dimension : int
    knows : callable
        Tells whether the catalog went through a generation with a token.
    writer : str
        Tells this index from copies of it, as far as that can be told: it takes nothing away that another one wrote.
    """

    def __init__(
        self,
        engine: VectorEngine,
        modality: Modality,
        *,
        kinds: StoreKinds,
        dimension: int,
        knows: Callable[[int, str], bool],
        writer: str,
    ) -> None:
        super().__init__(kinds=kinds, dimension=dimension)
        self._engine = engine
        self._modality = modality
        self._knows = knows
        self._writer = writer

    def kept(self, *, on_damage: OnDamage) -> StampedReader | None:
        """Return a reader of what the server holds; see `StoreHome.kept`."""
        own = self._own()
        if own is None or not own[1].moments:
            return None
        return self._with_all(self._reader(own[0], own[1], own[1].moments[-1]), on_damage)

    def starts(self, *, on_damage: OnDamage) -> Iterator[StampedReader]:
        """Iterate over the generations that can be read, of all records; see `StoreHome.starts`."""
        found = [(key, record, moment) for key, record in self._records() for moment in record.moments]
        damaged: set[str] = set()
        for key, record, moment in sorted(found, key=lambda one: one[2].generation, reverse=True):
            if record.table not in damaged and self._knows(moment.generation, moment.token):
                start = self._with_all(self._reader(key, record, moment), on_damage)
                if start is None:
                    damaged.add(record.table)
                else:
                    yield start

    def _with_all(self, store: StampedReader, on_damage: OnDamage) -> StampedReader | None:
        """Return a store that has lost nothing, as far as counting tells."""
        base = store.reader.base
        assert isinstance(base, SharedReader)
        try:
            base.require_all()
        except DamagedStoreError as error:
            on_damage(error)
            return None
        return store

    def has_moved_on(self, former: StampedReader) -> bool:
        """Tell whether an earlier reader has been left behind; see `StoreHome.has_moved_on`."""
        base = former.reader.base
        # One that was made while the server was away may be had from it now.
        return not isinstance(base, SharedReader) or former.reader.is_due or not base.is_whole()

    def _reader(self, key: str, record: Record, moment: Moment) -> StampedReader:
        reader = SharedReader(self._engine, key=key, table=record.table, moment=moment, dimension=self._dimension)
        stamp = StoreStamp(
            space=record.space, pipeline=record.pipeline, generation=moment.generation, token=moment.token
        )
        return StampedReader(reader=LayeredReader(reader), stamp=stamp, built=stamp, kind=None)

    def _records(self) -> list[tuple[str, Record]]:
        read = [(key, Record.of_text(text)) for key, text in sorted(self._engine.records().items())]
        return [(key, record) for key, record in read if record is not None and record.modality == self._modality]

    def _own(self) -> tuple[str, Record] | None:
        """Find the record whose present state the catalog went through: the latest of them."""
        own = [
            (key, record)
            for key, record in self._records()
            if record.latest is not None and self._knows(*record.latest)
        ]
        # Of two that are alike, as a race of two copies may leave them, the same one again.
        return max(own, key=lambda one: one[1].latest or (0, ""), default=None)

    # Writing.

    def make_anew(self, batches: Batches, *, n: int, stamp: StoreStamp) -> int:  # noqa: ARG002
        """Fill a new table beside the present one, and then let it take its place; see `StoreHome.make_anew`."""
        engine = self._engine
        engine.prepare()
        key, former = self._own() or (secrets.token_hex(8), None)
        record = former or Record(modality=self._modality, space=stamp.space, pipeline=stamp.pipeline)
        before = None if former is None else former.to_text()
        record = dataclasses.replace(record, pending=(stamp.generation, stamp.token))
        engine.put_record(key, record.to_text(), former=before)
        self._drop_leftovers(key, record)
        table = f"modag_{key}_{secrets.token_hex(4)}"
        try:
            engine.create(table, dimension=self._dimension)
            count = engine.fill(table, batches, born=stamp.generation)
            engine.arrange(table, n=count)
        except BaseException:
            with suppress(StoreError):
                engine.drop(table)
            raise
        now_s = time.time()
        made = Moment(generation=stamp.generation, token=stamp.token, count=count, written_s=now_s)
        read = [(of_then, until_s) for of_then, until_s in record.former if until_s > now_s]
        if record.table:
            read.append((record.table, now_s + _KEPT_FOR_S))
        written = Record(
            modality=self._modality,
            space=stamp.space,
            pipeline=stamp.pipeline,
            table=table,
            arranged=count,
            writer=self._writer,
            moments=(made,),
            former=tuple(read),
        )
        # Where this fails, the record may name the new table all the same: it stays, and who writes next looks.
        engine.put_record(key, written.to_text(), former=record.to_text())
        return count

    def update(self, store: StampedReader, *, kept: StampedReader) -> None:
        """Let rows come and go at the generation that is reached; see `StoreHome.update`."""
        if kept.stamp == store.stamp:
            return
        base, reader, engine = kept.reader.base, store.reader, self._engine
        assert isinstance(base, SharedReader)
        assert reader.base is base
        before = engine.record(base.key)
        record = None if before is None else Record.of_text(before)
        if record is None or record.table != base.table or record.moments[-1] != base.moment:
            raise StoreChangedError(f"{engine.address}: another process writes to this store")
        now = Moment(
            generation=store.stamp.generation, token=store.stamp.token, count=len(reader), written_s=time.time()
        )
        moments = _readable((*record.moments, now))
        began = dataclasses.replace(record, pending=(now.generation, now.token))
        # A few at a time, they may have become many, or others, since they were arranged.
        is_due = (
            now.count > max(MOST_COMPARED, _GROWN * record.arranged) or record.arranged <= MOST_COMPARED < now.count
        )
        arranged = now.count if is_due else record.arranged
        written = dataclasses.replace(record, moments=moments, arranged=arranged, writer=self._writer, pending=None)
        with engine.step():
            engine.put_record(base.key, began.to_text(), former=before)
            if record.pending is not None:
                engine.undo(record.table, after=base.moment.generation)
            if len(reader.gone) or len(reader.delta_ids):
                engine.change(
                    record.table,
                    generation=now.generation,
                    gone=reader.gone,
                    ids=reader.delta_ids,
                    vectors=reader.delta_vectors,
                )
            if is_due:
                engine.arrange(record.table, n=now.count)
            engine.put_record(base.key, written.to_text(), former=began.to_text())
        if moments[0] != record.moments[0]:
            engine.purge(record.table, until=moments[0].generation)

    def tidy(self) -> None:
        """Drop tables that nobody reads any more; see `StoreHome.tidy`."""
        own = self._own()
        if own is not None:
            self._drop_leftovers(*own)

    def _drop_leftovers(self, key: str, record: Record) -> None:
        """Drop tables of killed writers, and those that were replaced long ago; the record may name them still."""
        read = {record.table, *(table for table, until_s in record.former if until_s > time.time())}
        for table in sorted(self._engine.tables()):
            if table.startswith(f"modag_{key}_") and table not in read:
                self._engine.drop(table)

    def remove(self) -> None:
        """Drop the tables and the record of this index; see `StoreHome.remove`."""
        own = self._own()
        if own is None:
            return
        key, record = own
        if record.writer not in ("", self._writer):
            logger.warning(
                "%s: the %s vectors stay there, since they were last written from another folder or machine,"
                " whose index may read them; the names of their tables begin with modag_%s",
                self._engine.address,
                self._modality,
                key,
            )
            return
        # The record goes last: as long as it is there, who is broken off here finds what is left of the tables.
        leaving = dataclasses.replace(record, table="", arranged=0, moments=(), former=(), pending=record.latest)
        self._engine.put_record(key, leaving.to_text(), former=record.to_text())
        self._drop_leftovers(key, leaving)
        self._engine.drop_record(key)

    def is_kept_in(self, other: StoreHome) -> bool:
        """Compare the keys of records; see `StoreHome.is_kept_in`."""
        if not isinstance(other, SharedStore):
            return False
        own, of_other = self._own(), other._own()  # noqa: SLF001  of this very class
        return own is not None and of_other is not None and own[0] == of_other[0]

    # Looking.

    def examined(self, *, n: int) -> Iterator[tuple[str, StampedReader | DamagedStoreError]]:
        """Read what the server holds; see `StoreHome.examined`."""
        where = f"{self._engine.address}: the {self._modality} store"
        own = self._own()
        if own is None or not own[1].moments:
            if n and not any(self._knows(one.generation, one.token) for _, of in self._records() for one in of.moments):
                yield where, DamagedStoreError(f"{where} is not there; `modag rebuild` makes it anew")
            return
        store = self._reader(own[0], own[1], own[1].moments[-1])
        try:
            store.reader.ids()
        except DamagedStoreError as error:
            yield where, error
        else:
            yield where, store

    def kind(self) -> str | None:
        """Name the engine; see `StoreHome.kind`."""
        own = self._own()
        return self._engine.name if own is not None and own[1].moments else None


def _readable(moments: tuple[Moment, ...]) -> tuple[Moment, ...]:
    """Leave out moments that another one took the place of so long ago that nobody reads them any more."""
    left_at = [later.written_s for later in moments[1:]]
    stale = sum(left_s < time.time() - _KEPT_FOR_S for left_s in left_at)
    return moments[stale:]
