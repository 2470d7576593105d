"""Stores on a server: whatever a writer does or leaves, who reads is not wrong, and an index keeps to its own."""

from __future__ import annotations

import copy
import gc
import shutil
import sqlite3
import time
from contextlib import closing
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import pytest

from modag_search.catalog import Catalog
from modag_search.errors import DamagedStoreError, StoreChangedError, StoreServerError, UsageError
from modag_search.search import store_sync
from modag_search.search.store_sync import StoreSync
from modag_search.stores import LayeredReader, StampedReader, layered, servers, shared
from tests.catalog_builders import FINGERPRINTS, feature, image, new_catalog, put, sound
from tests.memory_engine import Killed, MemoryEngine
from tests.unit.test_store_sync import held, space

if TYPE_CHECKING:
    from collections.abc import Iterator

    from modag_search.values import Float32Array
    from tests.memory_engine import Row

ADDRESS = "memory://here"


@pytest.fixture
def engine(monkeypatch: pytest.MonkeyPatch) -> MemoryEngine:
    engine = MemoryEngine()
    monkeypatch.setitem(servers._ENGINES, "memory", ("tests.memory_engine", "MemoryEngine", ""))
    monkeypatch.setattr(servers, "_engine", lambda address: engine)
    return engine


@pytest.fixture
def catalog(tmp_path: Path, engine: MemoryEngine) -> Iterator[Catalog]:
    with new_catalog(tmp_path / "catalog.sqlite") as catalog:
        yield catalog


def stores(catalog: Catalog) -> StoreSync:
    folder = Path(catalog.path).with_suffix(".stores")
    return StoreSync(folder, catalog=catalog, space=space(), fingerprints=FINGERPRINTS, store=ADDRESS)


def in_files(catalog: Catalog) -> StoreSync:
    folder = Path(catalog.path).with_suffix(".stores")
    return StoreSync(folder, catalog=catalog, space=space(), fingerprints=FINGERPRINTS, store="auto")


def copied(catalog: Catalog, path: Path) -> Path:
    with closing(sqlite3.connect(catalog.path)) as source, closing(sqlite3.connect(path)) as target:
        source.backup(target)
    return path


def told(store: StampedReader, names: str) -> str:
    """Say which of some contents a store holds."""
    return "".join(name for name in names if held(store, name))


def put_sounds(catalog: Catalog, names: str) -> None:
    put(catalog, *(sound(f"/m/{name}.wav", name, statuses=("ok",)) for name in names))


def test_what_is_saved_is_on_the_server_and_read_from_it(catalog: Catalog, engine: MemoryEngine) -> None:
    put_sounds(catalog, "ab")
    assert stores(catalog).kinds() == {}
    stores(catalog).save()
    assert stores(catalog).kinds() == {"image": "memory", "sound": "memory"}
    assert not Path(catalog.path).with_suffix(".stores").exists()
    store = stores(catalog).present("sound")
    assert isinstance(store.reader.base, shared.SharedReader)
    assert told(store, "abc") == "ab"
    assert stores(catalog).problems() == []


def test_readers_follow_in_memory_and_leave_the_server_to_writers(catalog: Catalog, engine: MemoryEngine) -> None:
    put_sounds(catalog, "ab")
    stores(catalog).save()
    before = copy.deepcopy((engine.texts, engine.rows))
    put_sounds(catalog, "c")
    catalog.remove([1])
    assert told(stores(catalog).present("sound"), "abc") == "bc"
    after = copy.deepcopy((engine.texts, engine.rows))
    assert str(after) == str(before)


def test_who_reads_goes_on_at_its_moment_while_the_server_moves_on(catalog: Catalog, engine: MemoryEngine) -> None:
    put_sounds(catalog, "ab")
    stores(catalog).save()
    reading = stores(catalog).present("sound")
    put_sounds(catalog, "c")
    catalog.remove([1])
    stores(catalog).save()
    assert told(reading, "abc") == "ab"
    assert reading.reader.ids().tolist() == [1, 2]
    later = stores(catalog).present("sound")
    assert told(later, "abc") == "bc"
    assert len(later.reader.delta_ids) == 0, "the server has all of it"
    assert told(stores(catalog).present("sound", reading), "abc") == "bc"


def test_a_view_of_an_earlier_moment_is_answered_from_the_rows_of_that_moment(
    catalog: Catalog, engine: MemoryEngine
) -> None:
    put_sounds(catalog, "ab")
    stores(catalog).save()
    with catalog.view():
        with Catalog.open(catalog.path) as other:
            put_sounds(other, "c")
            other.remove([1])
            stores(other).save()
        store = stores(catalog).present("sound")
        assert isinstance(store.reader.base, shared.SharedReader)
        assert told(store, "abc") == "ab"


def test_a_writer_that_is_killed_anywhere_spoils_no_answer_and_the_next_one_goes_on(
    tmp_path: Path, engine: MemoryEngine, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(shared, "_KEPT_FOR_S", -1.0)  # so that what is read no more is cleared away each time
    for acts in range(40):
        engine.texts.clear()
        engine.rows.clear()
        with new_catalog(tmp_path / f"{acts}.sqlite") as catalog:
            put_sounds(catalog, "abc")
            stores(catalog).save()
            before = stores(catalog).present("sound")
            put_sounds(catalog, "def")
            catalog.remove([1, 2])
            engine.fails_after = acts
            try:
                stores(catalog).save()
                was_killed = False
                assert acts > 3
            except Killed:
                was_killed = True
            engine.fails_after = None
            if was_killed and before.reader.base.is_whole():  # type: ignore[attr-defined]
                assert told(before, "abcdef") == "abc"
            assert told(stores(catalog).present("sound"), "abcdef") == "cdef"
            put_sounds(catalog, "g")
            assert told(stores(catalog).present("sound"), "abcdefg") == "cdefg"
            stores(catalog).save()
            store = stores(catalog).present("sound")
            assert told(store, "abcdefg") == "cdefg"
            assert len(store.reader.delta_ids) == len(store.reader.gone) == 0
            assert stores(catalog).problems() == []
            if not was_killed:
                return
    pytest.fail("it was never done")


def test_a_rebuild_that_is_killed_anywhere_leaves_what_was_there(
    tmp_path: Path, engine: MemoryEngine, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(shared, "_KEPT_FOR_S", -1.0)
    with new_catalog(tmp_path / "catalog.sqlite") as catalog:
        put_sounds(catalog, "abc")
        for acts in range(30):
            engine.fails_after = acts
            try:
                stores(catalog).rebuild()
                was_killed = False
            except Killed:
                was_killed = True
            engine.fails_after = None
            assert told(stores(catalog).present("sound"), "abc") == "abc"
            if not was_killed:
                break
        assert not was_killed
        stores(catalog).save()
        assert len(engine.texts) == len(engine.rows) == 2, "a table and a record of each modality"


def test_a_copy_of_an_index_goes_its_own_way_beside_the_original(catalog: Catalog, tmp_path: Path) -> None:
    put_sounds(catalog, "ab")
    stores(catalog).save()
    with Catalog.open(copied(catalog, tmp_path / "copy.sqlite")) as other:
        assert isinstance(stores(other).present("sound").reader.base, shared.SharedReader), "the copy reads the same"
        put_sounds(other, "c")
        put_sounds(catalog, "x")
        for _ in range(2):
            stores(other).save()
            stores(catalog).save()
            for of, names in ((catalog, "abx"), (other, "abc")):
                store = stores(of).present("sound")
                assert told(store, "abcx") == names
                assert len(store.reader.delta_ids) == 0
                assert stores(of).problems() == []
        stores(other).leave(moved_to=in_files(other))
        assert told(stores(catalog).present("sound"), "abcx") == "abx"
        assert stores(catalog).kinds() == {"image": "memory", "sound": "memory"}
        assert stores(other).kinds() == {}


def test_a_copy_that_leaves_takes_nothing_away_from_the_original(
    catalog: Catalog, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    put_sounds(catalog, "ab")
    stores(catalog).save()
    with Catalog.open(copied(catalog, tmp_path / "copy.sqlite")) as other:
        stores(other).leave(moved_to=in_files(other))
    assert all("whose index may read them" in message for message in caplog.messages)
    assert isinstance(stores(catalog).present("sound").reader.base, shared.SharedReader)


def test_who_moves_to_another_name_of_the_same_server_loses_nothing(catalog: Catalog, engine: MemoryEngine) -> None:
    put_sounds(catalog, "ab")
    stores(catalog).save()
    stores(catalog).leave(moved_to=stores(catalog))
    assert stores(catalog).kinds() == {"image": "memory", "sound": "memory"}
    stores(catalog).leave(moved_to=in_files(catalog))
    assert (engine.texts, engine.rows) == ({}, {})


def test_a_leave_that_is_broken_off_anywhere_is_ended_by_the_next(catalog: Catalog, engine: MemoryEngine) -> None:
    put_sounds(catalog, "abc")
    for acts in range(30):
        stores(catalog).save()
        engine.fails_after = acts
        try:
            stores(catalog).leave(moved_to=in_files(catalog))
            was_killed = False
        except Killed:
            was_killed = True
        engine.fails_after = None
        assert told(stores(catalog).present("sound"), "abc") == "abc"
        stores(catalog).leave(moved_to=in_files(catalog))
        assert (engine.texts, engine.rows) == ({}, {})
        if not was_killed:
            return
    pytest.fail("it was never done")


def test_indexes_on_one_server_know_nothing_of_each_other(
    catalog: Catalog, tmp_path: Path, engine: MemoryEngine
) -> None:
    put_sounds(catalog, "ab")
    stores(catalog).save()
    before = copy.deepcopy(engine.texts)
    (tmp_path / "other").mkdir()
    with new_catalog(tmp_path / "other" / "catalog.sqlite") as other:
        put_sounds(other, "cd")
        assert told(stores(other).present("sound"), "abcd") == "cd"
        stores(other).save()
        stores(other).rebuild()
        stores(other).leave(moved_to=in_files(other))
    assert engine.texts == before
    assert told(stores(catalog).present("sound"), "abcd") == "ab"


def test_what_was_replaced_long_ago_is_cleared_away_and_who_read_it_is_told(
    catalog: Catalog, engine: MemoryEngine, monkeypatch: pytest.MonkeyPatch
) -> None:
    put_sounds(catalog, "ab")
    stores(catalog).save()
    reading = stores(catalog).present("sound")
    catalog.remove([1])
    stores(catalog).save()
    assert told(reading, "ab") == "ab"
    monkeypatch.setattr(shared, "_KEPT_FOR_S", -1.0)
    put_sounds(catalog, "c")
    stores(catalog).save()
    assert sum(len(rows) for rows in engine.rows.values()) == 2
    with pytest.raises(StoreChangedError, match="ask again"):
        held(reading, "a")
    assert told(stores(catalog).present("sound", reading), "abc") == "bc"


def test_who_read_a_store_that_was_made_anew_goes_on_and_then_is_told(
    catalog: Catalog, engine: MemoryEngine, monkeypatch: pytest.MonkeyPatch
) -> None:
    put_sounds(catalog, "ab")
    stores(catalog).save()
    reading = stores(catalog).present("sound")
    stores(catalog).rebuild()
    assert told(reading, "ab") == "ab"
    monkeypatch.setattr(time, "time", lambda: 1e12)
    stores(catalog).rebuild()
    with pytest.raises(StoreChangedError):
        held(reading, "a")
    assert told(stores(catalog).present("sound"), "ab") == "ab"


def test_who_read_a_store_that_was_made_anew_begins_with_the_present_one_once_its_time_is_over(
    catalog: Catalog, engine: MemoryEngine, monkeypatch: pytest.MonkeyPatch
) -> None:
    put_sounds(catalog, "ab")
    stores(catalog).save()
    reading = stores(catalog).present("sound")
    stores(catalog).rebuild()
    put_sounds(catalog, "c")
    assert told(stores(catalog).present("sound", reading), "abc") == "abc"
    monkeypatch.setattr(time, "time", lambda: 1e12)
    stores(catalog).save()  # which drops the former table, while the record names it still
    with pytest.raises(StoreChangedError):
        held(reading, "a")
    assert told(stores(catalog).present("sound", reading), "abc") == "abc"


def test_so_many_changes_that_all_is_made_anew(
    catalog: Catalog, engine: MemoryEngine, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(layered, "_LEAST_HEAVY", 1)
    put_sounds(catalog, "ab")
    stores(catalog).save()
    put_sounds(catalog, "cdef")
    stores(catalog).save()
    assert told(stores(catalog).present("sound"), "abcdef") == "abcdef"
    assert stores(catalog).problems() == []


def test_vectors_that_have_become_many_a_few_at_a_time_are_arranged(
    catalog: Catalog, engine: MemoryEngine, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(shared, "MOST_COMPARED", 3)
    arranged = []
    monkeypatch.setattr(engine, "arrange", lambda table, *, n: arranged.append(n))
    for name in "abcdefgh":
        put_sounds(catalog, name)
        stores(catalog).save()
    assert [n for n in arranged if n] == [1, 4]
    assert told(stores(catalog).present("sound"), "abcdefgh") == "abcdefgh"
    put_sounds(catalog, "x")
    stores(catalog).save()
    assert [n for n in arranged if n] == [1, 4, 9]


def test_a_change_of_the_other_modality_costs_a_record_alone(catalog: Catalog, engine: MemoryEngine) -> None:
    put_sounds(catalog, "ab")
    stores(catalog).save()
    before = str({table: rows for table, rows in engine.rows.items() if rows})
    put(catalog, image("/m/c.png"))
    stores(catalog).save()
    assert before[1:-1] in str(engine.rows)
    assert stores(catalog).present("sound").stamp == stores(catalog).stamp("sound")


def test_while_the_server_is_away_few_vectors_are_made_of_the_catalog(
    catalog: Catalog,
    engine: MemoryEngine,
    caplog: pytest.LogCaptureFixture,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    put_sounds(catalog, "ab")
    stores(catalog).save()
    engine.is_out_of_reach = True
    put_sounds(catalog, "c")
    assert told(stores(catalog).present("sound"), "abc") == "abc"
    assert caplog.messages == [f"{ADDRESS}: is out of reach; 3 vectors are made of the catalog meanwhile"]
    caplog.clear()
    stores(catalog).save()
    assert caplog.messages == [f"{ADDRESS}: is out of reach; the next command does the same work again"]
    assert stores(catalog).problems() == [f"{ADDRESS}: is out of reach"]
    with pytest.raises(StoreServerError):
        stores(catalog).rebuild()
    monkeypatch.setattr(store_sync, "_MOST_WITHOUT_SERVER", 2)
    with pytest.raises(StoreServerError, match="is out of reach"):
        stores(catalog).present("sound")
    engine.is_out_of_reach = False
    stores(catalog).save()
    assert len(stores(catalog).present("sound").reader.delta_ids) == 0


@pytest.mark.parametrize(
    ("spoil", "problem"),
    [
        (lambda rows: rows.pop(), "holds 1 vectors, must hold 2; `modag rebuild`"),
        (lambda rows: rows[0][0].__setitem__(0, 9), "lacks 1 vectors and holds 1 that the catalog does not know"),
        (lambda rows: rows.__setitem__(0, (rows[0][0], -rows[0][1])), "1 vectors are not what the space makes"),
    ],
)
def test_a_server_that_holds_something_else_is_found_out_and_mended(
    catalog: Catalog, engine: MemoryEngine, spoil: object, problem: str
) -> None:
    put_sounds(catalog, "ab")
    stores(catalog).save()
    (rows,) = (rows for rows in engine.rows.values() if rows)
    spoil(rows)  # type: ignore[operator]
    (found,) = stores(catalog).problems()
    assert found.startswith(ADDRESS)
    assert problem in found
    stores(catalog).rebuild()
    assert stores(catalog).problems() == []


def test_a_server_that_has_lost_rows_is_made_good_by_who_writes_next(
    catalog: Catalog, engine: MemoryEngine, caplog: pytest.LogCaptureFixture
) -> None:
    put_sounds(catalog, "ab")
    stores(catalog).save()
    (rows,) = (rows for rows in engine.rows.values() if rows)
    rows.pop()
    put_sounds(catalog, "c")
    catalog.remove([1])
    assert told(stores(catalog).present("sound"), "abc") == "bc"
    assert "holds 1 vectors, must hold 2; `modag rebuild` makes them anew; making it anew" in caplog.text
    stores(catalog).save()
    assert stores(catalog).problems() == []
    assert told(stores(catalog).present("sound"), "abc") == "bc"


def test_who_is_cut_off_in_the_middle_of_filling_leaves_nothing_that_fails_later(
    catalog: Catalog, engine: MemoryEngine, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr("modag_search.catalog.segments.FEATURES_AT_ONCE", 1)
    put_sounds(catalog, "abc")

    def cut(_: str, batches: Iterator[object], *, born: int) -> int:
        if next(batches, None) is None:
            return 0  # of pictures
        raise StoreServerError(f"cut off at {born}")

    monkeypatch.setattr(engine, "fill", cut)
    with pytest.raises(StoreServerError) as told_of:
        stores(catalog).rebuild()
    catalog.close()
    del told_of  # and with it all that was under way
    gc.collect()
    assert caplog.messages == []


def reading_of_three(catalog: Catalog, engine: MemoryEngine) -> tuple[StampedReader, list[tuple[Row, Float32Array]]]:
    """Return a reader of three sounds that has answered, and their rows on the server."""
    put_sounds(catalog, "abc")
    stores(catalog).save()
    reading = stores(catalog).present("sound")
    assert told(reading, "abc") == "abc"
    (rows,) = (rows for rows in engine.rows.values() if rows)
    return reading, rows


def test_a_server_that_may_lose_rows_is_counted_before_it_answers(
    catalog: Catalog, engine: MemoryEngine, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(shared, "_FEW", 0)
    engine.may_lose = True
    reading, rows = reading_of_three(catalog, engine)
    lost = rows.pop()
    assert told(stores(catalog).present("sound"), "abc") == "abc", "made of the catalog"
    (message,) = caplog.messages
    assert message == (
        f"{ADDRESS}: holds 2 vectors, must hold 3; `modag rebuild` makes them anew; making it anew from the catalog; "
        "`modag rebuild` saves it"
    )
    monkeypatch.setattr(time, "monotonic", lambda: 1e12)  # it may have been killed, and be back
    with pytest.raises(DamagedStoreError, match="holds 2 vectors, must hold 3"):
        held(reading, "a")
    rows.append(lost)
    assert told(reading, "abc") == "abc"


@pytest.mark.parametrize("may_lose", [True, False])
def test_of_few_vectors_a_loss_is_told_too(
    catalog: Catalog, engine: MemoryEngine, monkeypatch: pytest.MonkeyPatch, *, may_lose: bool
) -> None:
    engine.may_lose = may_lose
    reading, rows = reading_of_three(catalog, engine)
    rows.pop()
    monkeypatch.setattr(time, "monotonic", lambda: 1e12)  # it may have been killed, and be back
    for ask in (lambda: held(reading, "a", n=3), lambda: reading.reader.base.nearest_to_any(feature("a")[None])):
        with pytest.raises(DamagedStoreError, match="holds 2 vectors, must hold 3" if may_lose else "lost 1 vectors"):
            ask()
    if may_lose:
        assert told(stores(catalog).present("sound"), "abc") == "abc", "made of the catalog"


def test_who_writes_next_makes_good_what_a_server_has_lost_though_nothing_has_changed(
    catalog: Catalog, engine: MemoryEngine
) -> None:
    engine.may_lose = True
    put_sounds(catalog, "ab")
    stores(catalog).save()
    (rows,) = (rows for rows in engine.rows.values() if rows)
    rows.pop()
    stores(catalog).save()
    store = stores(catalog).present("sound")
    assert isinstance(store.reader.base, shared.SharedReader)
    assert told(store, "ab") == "ab"
    assert stores(catalog).problems() == []


def test_a_table_that_somebody_has_dropped_is_told_as_lost_and_made_anew(
    catalog: Catalog, engine: MemoryEngine
) -> None:
    put_sounds(catalog, "ab")
    stores(catalog).save()
    engine.rows.clear()
    with pytest.raises(DamagedStoreError, match=r"lacks the table modag_.*; `modag rebuild` makes it anew"):
        held(stores(catalog).present("sound"), "a")
    assert len(stores(catalog).problems()) == 2
    put_sounds(catalog, "c")
    assert told(stores(catalog).present("sound"), "abc") == "abc"
    stores(catalog).save()
    store = stores(catalog).present("sound")
    assert isinstance(store.reader.base, shared.SharedReader)
    assert told(store, "abc") == "abc"


def test_a_server_that_is_cut_off_once_it_has_a_record_keeps_the_table_that_it_names(
    catalog: Catalog, engine: MemoryEngine, monkeypatch: pytest.MonkeyPatch
) -> None:
    put_sounds(catalog, "ab")
    stores(catalog).save()
    put = engine.put_record

    def cut(key: str, text: str, *, former: str | None) -> None:
        put(key, text, former=former)
        if '"pending": null' in text and '"sound"' in text:
            raise StoreServerError("cut off")

    monkeypatch.setattr(engine, "put_record", cut)
    with pytest.raises(StoreServerError):
        stores(catalog).rebuild()
    monkeypatch.setattr(engine, "put_record", put)
    store = stores(catalog).present("sound")
    assert isinstance(store.reader.base, shared.SharedReader)
    assert told(store, "ab") == "ab"
    assert stores(catalog).problems() == []


def test_two_who_rebuild_at_once_do_not_both_say_that_it_is_done(
    catalog: Catalog, engine: MemoryEngine, monkeypatch: pytest.MonkeyPatch
) -> None:
    put_sounds(catalog, "ab")
    stores(catalog).save()
    fill = engine.fill

    def meanwhile(*arguments: object, **others: object) -> int:
        monkeypatch.setattr(engine, "fill", fill)
        stores(catalog).rebuild()
        return fill(*arguments, **others)  # type: ignore[arg-type]

    monkeypatch.setattr(engine, "fill", meanwhile)
    with pytest.raises(StoreChangedError):
        stores(catalog).rebuild()
    assert told(stores(catalog).present("sound"), "ab") == "ab"
    assert stores(catalog).problems() == []


def test_who_read_while_the_server_was_away_reads_from_it_when_it_is_back(
    catalog: Catalog, engine: MemoryEngine
) -> None:
    put_sounds(catalog, "ab")
    stores(catalog).save()
    engine.is_out_of_reach = True
    reading = stores(catalog).present("sound")
    engine.is_out_of_reach = False
    assert not isinstance(reading.reader.base, shared.SharedReader)
    put_sounds(catalog, "c")
    later = stores(catalog).present("sound", reading)
    assert isinstance(later.reader.base, shared.SharedReader)
    assert told(later, "abc") == "abc"


def test_records_that_cannot_be_read_are_passed_over(catalog: Catalog, engine: MemoryEngine) -> None:
    put_sounds(catalog, "a")
    engine.texts |= {"one": "[]", "two": "{", "three": '{"format": "modag-shared/99"}', "four": "3"}
    stores(catalog).save()
    assert told(stores(catalog).present("sound"), "a") == "a"


def test_many_queries_are_compared_here_rather_than_one_by_one(catalog: Catalog, engine: MemoryEngine) -> None:
    ids, vectors = np.arange(5000), np.random.default_rng(0).standard_normal((5000, 8)).astype(np.float32)
    engine.create("modag_t", dimension=8)
    engine._insert("modag_t", ids, vectors, born=1)
    moment = shared.Moment(generation=1, token="", count=5000, written_s=0)
    record = shared.Record(modality="sound", space="", pipeline="", table="modag_t", moments=(moment,))
    engine.texts["key"] = record.to_text()
    reader = LayeredReader(shared.SharedReader(engine, key="key", table="modag_t", moment=moment, dimension=8))
    queries = vectors[:20]
    expected = np.argsort(-(queries @ vectors.T), axis=1)[:, :5]
    for some in (slice(0, 1), slice(0, 20)):
        assert (reader.search(queries[some], k=5)[1] == expected[some]).all()
    assert engine.asked["search"] == 1


@pytest.mark.parametrize(
    "address",
    [
        "memory://me:hidden@host/db",
        "memory://host/db?password=hidden",
        "memory://host/db?token=hidden",
        "memory://me:hidden#1@host/db",
        "memory://me:hidden?1@host/db",
        "memory://me:0/hidden@host/db?password=1",
        "memory://me:not/hidden@host/db",
        "memory://me:not@hidden@host/db",
        "memory://me:hidden[@host/db",
    ],
)
def test_no_password_may_stand_in_an_address(engine: MemoryEngine, address: str) -> None:
    with pytest.raises(UsageError, match="no password may stand in it") as raised:
        servers.require_store(address)
    assert "hidden" not in str(raised.value)


@pytest.mark.parametrize(
    "address",
    [
        "memory://me@host:5432/db",
        "memory://me:@host/db",
        "memory://host:5432/db?user=me@realm",
        "memory://[::1]:5432/db?user=me@realm",
        "memory://one:1,two:2/db?user=me@realm",
        "memory://[::1/db",
    ],
)
def test_an_address_without_a_password_is_left_to_the_engine(engine: MemoryEngine, address: str) -> None:
    assert servers.engine_at(address) is engine


def test_a_server_of_an_unknown_kind_is_a_wrong_argument() -> None:
    with pytest.raises(UsageError, match=r"no store is kept at carrots://\.\.\."):
        servers.require_store("carrots://here")


def test_the_folder_of_an_index_may_be_moved(catalog: Catalog, tmp_path: Path) -> None:
    put_sounds(catalog, "a")
    stores(catalog).save()
    (tmp_path / "moved").mkdir()
    shutil.copy(copied(catalog, tmp_path / "whole.sqlite"), tmp_path / "moved" / "catalog.sqlite")
    with Catalog.open(tmp_path / "moved" / "catalog.sqlite") as moved:
        assert isinstance(stores(moved).present("sound").reader.base, shared.SharedReader)
