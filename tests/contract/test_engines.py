"""What every server of stores keeps to; `VectorEngine` says it."""

from __future__ import annotations

import secrets
from typing import TYPE_CHECKING

import numpy as np
import pytest

from modag_search.errors import StoreChangedError
from modag_search.stores import kinds, milvus, pgvector, shared
from modag_search.stores.engine import VectorEngine
from tests import vector_servers
from tests.contract.test_stores import brute_force, numbers, units
from tests.memory_engine import Killed

if TYPE_CHECKING:
    from modag_search.values import Float32Array, Int64Array

NOTHING = numbers()
NO_VECTORS = units(0)


@pytest.fixture(params=vector_servers.ENGINES)
def name(request: pytest.FixtureRequest) -> str:
    chosen: str = request.param
    return chosen


@pytest.fixture
def engine(name: str) -> VectorEngine:
    return vector_servers.engine(name)


@pytest.fixture
def table(engine: VectorEngine) -> str:
    """Twenty vectors, of which two went at generation 5, and two came, one of them under the id of one that went."""
    table = f"modag_{secrets.token_hex(8)}_t"
    engine.create(table, dimension=16)
    assert engine.fill(table, [(np.arange(12), units(12)), (np.arange(12, 20), units(8, seed=1))], born=2) == 20
    engine.arrange(table, n=20)
    engine.change(table, generation=5, gone=numbers(3, 4), ids=numbers(4, 30), vectors=units(2, seed=2))
    return table


def vectors_at(engine: VectorEngine, table: str, *, at: int) -> dict[int, list[float]]:
    ids, vectors = engine.vectors(table, np.arange(100), at=at)
    return dict(zip(ids.tolist(), vectors.tolist(), strict=True))


def test_each_generation_has_its_own_rows(engine: VectorEngine, table: str) -> None:
    assert engine.ids(table, at=1).tolist() == []
    for at in (2, 4):
        assert engine.ids(table, at=at).tolist() == list(range(20))
        assert vectors_at(engine, table, at=at)[4] == units(12)[4].tolist(), "to the bit"
    for at in (5, 100):
        assert engine.ids(table, at=at).tolist() == [*range(3), *range(4, 20), 30]
        assert vectors_at(engine, table, at=at)[4] == units(2, seed=2)[0].tolist()
    for at, there in ((4, True), (5, False)):
        _, found = engine.search(table, units(12)[3:4], at=at, k=1, among=None, without=None, n=20)
        assert (found.tolist() == [[3]]) == there


def test_a_change_is_undone_and_done_again(engine: VectorEngine, table: str) -> None:
    before = vectors_at(engine, table, at=4)
    engine.undo(table, after=4)
    engine.undo(table, after=4)
    assert vectors_at(engine, table, at=4) == vectors_at(engine, table, at=5) == before
    engine.change(table, generation=6, gone=numbers(0), ids=numbers(31), vectors=units(1))
    engine.undo(table, after=6)
    assert engine.ids(table, at=6).tolist() == [*range(1, 20), 31]


def test_what_went_long_ago_is_purged(engine: VectorEngine, table: str) -> None:
    engine.change(table, generation=8, gone=numbers(0), ids=NOTHING, vectors=NO_VECTORS)
    engine.purge(table, until=5)
    assert engine.ids(table, at=4).tolist() == [i for i in range(20) if i not in (3, 4)]
    assert 0 in engine.ids(table, at=7)
    assert engine.ids(table, at=8).tolist() == [1, 2, *range(4, 20), 30]
    engine.change(table, generation=9, gone=numbers(5), ids=numbers(0), vectors=units(1))
    assert engine.ids(table, at=9).tolist() == [0, 1, 2, 4, *range(6, 20), 30]


def test_an_empty_table_is_a_table(engine: VectorEngine) -> None:
    table = f"modag_{secrets.token_hex(8)}_t"
    engine.create(table, dimension=16)
    assert engine.fill(table, [], born=1) == 0
    engine.arrange(table, n=0)
    assert engine.ids(table, at=1).dtype == np.int64
    assert len(engine.vectors(table, numbers(1), at=1)[0]) == 0
    engine.change(table, generation=2, gone=NOTHING, ids=numbers(7), vectors=units(1))
    assert engine.ids(table, at=2).tolist() == [7]


def test_tables_are_listed_until_they_are_dropped(engine: VectorEngine, table: str) -> None:
    assert table in engine.tables()
    assert all(name.startswith("modag_") for name in engine.tables())
    engine.drop(table)
    engine.drop(table)
    assert table not in engine.tables()
    for ask in (
        lambda: engine.ids(table, at=1),
        lambda: engine.vectors(table, numbers(1), at=1),
        lambda: engine.search(table, units(1), at=1, k=1, among=None, without=None, n=9),
    ):
        with pytest.raises(StoreChangedError):
            ask()


def test_a_record_is_put_in_place_of_the_one_that_was_read(engine: VectorEngine) -> None:
    key = secrets.token_hex(8)
    assert engine.record(key) is None
    with pytest.raises(StoreChangedError):
        engine.put_record(key, "first", former="what was never there")
    engine.put_record(key, "first", former=None)
    with pytest.raises(StoreChangedError):
        engine.put_record(key, "second", former=None)
    engine.put_record(key, "second: 'ä' 100 % \\", former="first")
    with pytest.raises(StoreChangedError):
        engine.put_record(key, "third", former="first")
    assert engine.record(key) == engine.records()[key] == "second: 'ä' 100 % \\"
    engine.drop_record(key)
    engine.drop_record(key)
    assert key not in engine.records()


def test_a_step_that_is_broken_off_leaves_nothing_where_the_engine_can(engine: VectorEngine, table: str) -> None:
    key = secrets.token_hex(8)
    before = vectors_at(engine, table, at=9)

    def write() -> None:
        with engine.step():
            engine.put_record(key, "of a step", former=None)
            engine.change(table, generation=9, gone=numbers(0), ids=numbers(50), vectors=units(1))
            raise Killed

    with pytest.raises(Killed):
        write()
    if type(engine).step is not VectorEngine.step:
        assert engine.record(key) is None
        assert vectors_at(engine, table, at=9) == before
    engine.undo(table, after=5)
    with engine.step():
        engine.change(table, generation=9, gone=numbers(0), ids=numbers(50), vectors=units(1))
    assert 50 in vectors_at(engine, table, at=9)


def clustered(n: int, *, seed: int = 0) -> Float32Array:
    random = np.random.default_rng(seed)
    vectors = units(60)[random.integers(0, 60, n)] + 0.3 * units(n, seed=seed + 1)
    lengths: Float32Array = np.linalg.norm(vectors, axis=1, keepdims=True).astype(np.float32)
    return vectors.astype(np.float32) / lengths


@pytest.mark.parametrize("is_large", [False, True])
def test_nearly_all_true_neighbours_are_found_among_any(
    name: str, engine: VectorEngine, is_large: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(shared, "_FEW", 0)
    monkeypatch.setattr(shared, "_SEVERAL", 10**9)
    for room in (kinds, milvus, pgvector):
        monkeypatch.setattr(room, "MOST_COMPARED", 1000 if is_large else 10**9)
    ids, vectors = np.arange(3000, dtype=np.int64) * 3, clustered(3000)
    reader = vector_servers.kept(name, ids, vectors)
    queries = clustered(20, seed=7)
    cases: list[tuple[Int64Array | None, Int64Array | None, int]] = [
        (None, None, 10),
        (None, None, 1500),
        (None, None, 3000),
        (ids[::2], None, 10),
        (ids[::100], None, 10),
        (ids[:4], None, 10),
        (None, ids[::2], 10),
        (None, ids[5:], 10),
        (None, ids[:5], 10),
        (np.append(ids[::3], [1, 10**15, -4]), np.array([-4, 0, 10**15]), 10),
    ]
    for among, without, k in cases:
        counts = np.ones(3000, dtype=bool) if among is None else np.isin(ids, among)
        if without is not None:
            counts &= ~np.isin(ids, without)
        similarities, found = reader.search(queries, k=k, among=among, without=without)
        expected = brute_force(queries, ids[counts], vectors[counts], k=k)
        m = expected[1].shape[1]
        assert (found[:, m:] == -1).all()
        if is_large:
            true = [len(set(one) & set(other)) for one, other in zip(found.tolist(), expected[1].tolist(), strict=True)]
            assert sum(true) >= 0.98 * expected[1].size
        else:
            assert (found[:, :m] == expected[1]).mean() > 0.999, "but for those that are equally near"
            assert similarities[:, :m] == pytest.approx(expected[0], abs=vector_servers.PRECISION)
        products = np.einsum("qd,qkd->qk", queries, vectors[found[:, :m] // 3])
        assert similarities[:, :m] == pytest.approx(products, abs=vector_servers.PRECISION)
        assert (np.diff(similarities[:, :m], axis=1) <= 0).all()


def test_many_rows_that_went_are_looked_up_by_postgresql_and_not_gone_through_for_each_row() -> None:
    """As its plan says where memory is short; a hundred thousand are too many for what it takes unasked."""
    engine = pgvector.PgVector(f"{vector_servers.postgres_server().new_database()}?options=-c%20work_mem%3D64kB")
    table, ids = "modag_many", np.arange(8000, dtype=np.int64)
    engine.prepare()
    engine.create(table, dimension=4)
    engine.fill(table, [(ids, np.ones((8000, 4), dtype=np.float32))], born=1)
    engine.change(table, generation=2, gone=ids[:6000], ids=NOTHING, vectors=np.ones((0, 4), dtype=np.float32))
    question = pgvector._said("EXPLAIN SELECT id FROM {table} WHERE {there}", table=table, at=2)
    with engine._connections.connected() as connection:
        connection.execute(f"ANALYZE {table}_gone")
        plan = str(connection.execute(question).fetchall())
    engine.close()
    assert "hashed SubPlan" in plan
    assert engine.ids(table, at=2).tolist() == ids[6000:].tolist()
    engine.close()


def test_a_database_without_an_encoding_will_do() -> None:
    """As initdb makes it where the locale is C."""
    server = vector_servers.postgres_server()
    server.execute("CREATE DATABASE bare ENCODING 'SQL_ASCII' LOCALE 'C' TEMPLATE template0")
    engine = pgvector.PgVector(server.url("bare"))
    engine.prepare()
    engine.put_record("key", "a text", former=None)
    assert engine.records() == {"key": "a text"}
    assert engine.record("key") == "a text"
    engine.close()
