"""A server of stores without a server: what `VectorEngine` says, in plain numpy, and no more atomic than it must be."""

from __future__ import annotations

from collections import defaultdict
from typing import TYPE_CHECKING

import numpy as np

from modag_search.errors import StoreChangedError, StoreServerError
from modag_search.stores.engine import NEVER, VectorEngine

if TYPE_CHECKING:
    from collections.abc import Iterable

    from modag_search.values import Float32Array, Int64Array

    Row = list[int]


class MemoryEngine(VectorEngine):
    """Rows in a list; `fails_after` so many acts of writing it breaks off, as a writer does that is killed.

    Where it `may_lose` rows it counts those that it has.
    """

    name = "memory"

    def __init__(self, address: str = "memory://here") -> None:
        self.address = address
        self.texts: dict[str, str] = {}
        self.rows: dict[str, list[tuple[Row, Float32Array]]] = {}
        self.fails_after: int | None = None
        self.is_out_of_reach = False
        self.may_lose = False
        self.asked: dict[str, int] = defaultdict(int)

    def prepare(self) -> None:
        self._reach()

    def records(self) -> dict[str, str]:
        self._reach()
        return dict(self.texts)

    def record(self, key: str) -> str | None:
        self._reach()
        return self.texts.get(key)

    def put_record(self, key: str, text: str, *, former: str | None) -> None:
        self._act()
        if self.texts.get(key) != former:
            raise StoreChangedError(f"{self.address}: somebody else writes")
        self.texts[key] = text

    def drop_record(self, key: str) -> None:
        self._act()
        self.texts.pop(key, None)

    def tables(self) -> set[str]:
        self._reach()
        return set(self.rows)

    def create(self, table: str, *, dimension: int) -> None:
        self._act()
        self.rows[table] = []

    def drop(self, table: str) -> None:
        self._act()
        self.rows.pop(table, None)

    def fill(self, table: str, batches: Iterable[tuple[Int64Array, Float32Array]], *, born: int) -> int:
        for ids, vectors in batches:
            self._act()
            self._insert(table, ids, vectors, born=born)
        self._require(table)
        return len(self.rows[table])

    def arrange(self, table: str, *, n: int) -> None:
        self._act()
        assert n == len(self.rows[table])

    def change(self, table: str, *, generation: int, gone: Int64Array, ids: Int64Array, vectors: Float32Array) -> None:
        going = set(gone.tolist())
        for row, _ in self.rows[table]:
            if row[0] in going and row[2] == NEVER:
                self._act()
                row[2] = generation
        for number in range(len(ids)):
            self._act()
            self._insert(table, ids[number : number + 1], vectors[number : number + 1], born=generation)

    def undo(self, table: str, *, after: int) -> None:
        self._act()
        self.rows[table] = [(row, vector) for row, vector in self.rows[table] if row[1] <= after]
        for row, _ in self.rows[table]:
            if after < row[2]:
                row[2] = NEVER

    def purge(self, table: str, *, until: int) -> None:
        self._act()
        self.rows[table] = [(row, vector) for row, vector in self.rows[table] if row[2] > until]

    def count(self, table: str, *, at: int) -> int | None:
        return len(self._there(table, at)[0]) if self.may_lose else None

    def ids(self, table: str, *, at: int) -> Int64Array:
        return self._there(table, at)[0]

    def search(
        self,
        table: str,
        vectors: Float32Array,
        *,
        at: int,
        k: int,
        among: Int64Array | None,
        without: Int64Array | None,
        n: int,
    ) -> tuple[Float32Array, Int64Array]:
        self.asked["search"] += 1
        ids, stored = self._there(table, at)
        assert len(ids) == n
        counts = np.isin(ids, among) if among is not None else ~np.isin(ids, [] if without is None else without)
        near = vectors @ stored[counts].T
        order = np.argsort(-near, axis=1, kind="stable")[:, :k]
        return np.take_along_axis(near, order, axis=1), ids[counts][order]

    def vectors(self, table: str, ids: Int64Array, *, at: int) -> tuple[Int64Array, Float32Array]:
        assert len(ids) <= 10_000
        there, stored = self._there(table, at)
        wanted = np.isin(there, ids)
        return there[wanted], stored[wanted]

    def _insert(self, table: str, ids: Int64Array, vectors: Float32Array, *, born: int) -> None:
        self._require(table)
        self.rows[table] += [([i, born, NEVER], vector) for i, vector in zip(ids.tolist(), vectors, strict=True)]

    def _there(self, table: str, at: int) -> tuple[Int64Array, Float32Array]:
        self._reach()
        self._require(table)
        rows = sorted(
            ((row[0], vector) for row, vector in self.rows[table] if row[1] <= at < row[2]), key=lambda one: one[0]
        )
        ids = np.array([i for i, _ in rows], dtype=np.int64)
        assert len(np.unique(ids)) == len(ids)
        return ids, np.stack([vector for _, vector in rows]) if rows else np.zeros((0, 1), dtype=np.float32)

    def _require(self, table: str) -> None:
        if table not in self.rows:
            raise StoreChangedError(f"{self.address}: {table} is not there")

    def _reach(self) -> None:
        if self.is_out_of_reach:
            raise StoreServerError(f"{self.address}: is out of reach")

    def _act(self) -> None:
        self._reach()
        if self.fails_after is not None:
            self.fails_after -= 1
            if self.fails_after < 0:
                raise Killed


class Killed(BaseException):
    """A writer was killed."""
