"""Pipelines, runs, counts and checks."""

from __future__ import annotations

import random
import sqlite3
import zlib
from contextlib import closing, suppress
from dataclasses import replace
from functools import partial
from importlib.metadata import version
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from sqlalchemy import UniqueConstraint

from modag_search.catalog import Annotation, Catalog, CatalogCounts, CatalogTotals
from modag_search.catalog.tables import Base
from modag_search.errors import CatalogError, DamagedCatalogError
from tests.catalog_builders import (
    FINGERPRINTS,
    IMAGE,
    SOUND,
    failure,
    file,
    image,
    of_a_file,
    put,
    sound,
    tamper,
    video,
)

if TYPE_CHECKING:
    from collections.abc import Callable


def readers_of(catalog: Catalog, *segment_ids: int) -> list[Callable[[], object]]:
    """Return all that reads features of some segments of the first item."""
    segments = catalog.segments
    return [
        partial(segments.features_of, segment_ids),
        partial(segments.feature_rows, segment_ids, fingerprint=SOUND.fingerprint),
        partial(segments.with_features_of_items, [1], fingerprints=FINGERPRINTS),
    ]


def test_a_pipeline_has_one_id_for_good(catalog: Catalog) -> None:
    first = catalog.pipelines.ensure(SOUND)
    second = catalog.pipelines.ensure(IMAGE)

    assert first != second
    assert catalog.pipelines.ensure(SOUND) == first
    assert catalog.pipelines.all() == [SOUND, IMAGE]


def test_two_pipelines_cannot_share_a_fingerprint(catalog: Catalog) -> None:
    catalog.pipelines.ensure(SOUND)

    with pytest.raises(CatalogError, match="toy-other"):
        catalog.pipelines.ensure(replace(SOUND, encoder="toy-other", dimension=99))


def test_a_run_is_noted_from_start_to_end(catalog: Catalog) -> None:
    run = catalog.runs.start("index", arguments={"paths": ["/m"]})
    [begun] = catalog.runs.all()
    catalog.runs.finish(run, {"added": 3})
    [ended] = catalog.runs.all()

    assert (begun.id, begun.verb, begun.arguments) == (run, "index", {"paths": ["/m"]})
    assert (begun.finished_at, begun.outcome) == (None, None)
    assert begun.versions["modag-search"] == version("modag-search")
    assert ended.outcome == {"added": 3}
    assert ended.finished_at is not None
    assert ended.finished_at >= ended.started_at


def test_counts_say_what_is_there(catalog: Catalog) -> None:
    a, *_ = put(catalog, sound("/m/a.wav", statuses=("ok", "silent")), image("/m/b.png"), video("/m/c.mp4"))
    catalog.labels.annotate([Annotation(item_id=a, label="trumpet", origin="hand")])
    catalog.fail([failure("/m/b.png"), failure("/m/d.png")], keep_items=False)

    assert catalog.count() == CatalogCounts(
        items={"image": 1, "sound": 1, "video": 1},
        failed_items=1,
        segments={("image", "ok"): 2, ("sound", "ok"): 3, ("sound", "silent"): 1},
        labels=1,
        annotations=1,
        failures=2,
        feature_bytes=3 * 4 * 4 + 2 * 4 * 2,
    )
    assert catalog.totals() == CatalogTotals(
        items={"image": 1, "sound": 1, "video": 1}, segments={"image": 2, "sound": 4}, labels=1
    )


def test_a_sound_catalog_has_no_problems(catalog: Catalog) -> None:
    put(catalog, sound("/m/a.wav", statuses=("ok", "silent")), image("/m/b.png"), video("/m/c.mp4"))
    put(catalog, sound("/m/a.wav", "edited"))

    assert catalog.check() == []


@of_a_file
@pytest.mark.parametrize(
    ("statement", "problem"),
    [
        ("DELETE FROM feature WHERE segment_id = 1", "segment 1 has no feature"),
        ("UPDATE feature SET data = x'00' WHERE segment_id = 2", "segment 2 has a feature that is not what was stored"),
        (
            "UPDATE feature SET data = CAST(x'0000c07f' || substr(data, 5) AS BLOB) WHERE segment_id = 2",
            "segment 2 has a feature",
        ),
        ("UPDATE segment SET status = 'silent' WHERE id = 1", "segment 1 is silent, black or of one colour"),
        ("UPDATE segment SET modality = 'image' WHERE id = 1", "segment 1 is of another modality"),
        ("UPDATE item SET status = 'failed'", "segment 1 belongs to an item that failed"),
        ("INSERT INTO removal VALUES (2, 1)", "segment 2 is noted as removed"),
        ("DELETE FROM segment WHERE id = 1", "row 1 of table feature"),
        ("UPDATE sqlite_sequence SET seq = 1 WHERE name = 'segment'", "table segment has ids above the last one"),
        ("CREATE INDEX mine ON item (kind)", "what its tables are is not as the last upgrade left it"),
    ],
)
def test_each_kind_of_damage_is_named(catalog: Catalog, statement: str, problem: str) -> None:
    put(catalog, sound("/m/a.wav"))

    tamper(catalog, statement)

    assert any(line.startswith(problem) for line in catalog.check())


@of_a_file
def test_an_id_that_damage_gave_to_another_item_stays_its_own(catalog: Catalog) -> None:
    (a,) = put(catalog, sound("/m/a.wav"))
    catalog.forget([a], run_id=catalog.runs.start("forget", arguments={}))
    tamper(catalog, "UPDATE sqlite_sequence SET seq = 0 WHERE name = 'item'")
    assert put(catalog, sound("/m/b.wav")) == [a]
    with pytest.raises(DamagedCatalogError, match="an id of what was forgotten is another item's by now"):
        catalog.recall()
    assert [(item.id, item.path) for item in catalog.items.all()] == [(a, "/m/b.wav")]


def test_every_value_but_a_blob_is_in_an_index() -> None:
    """SQLite compares rows with indexes: a bit of what no index has would change without a trace."""
    for table in Base.metadata.sorted_tables:
        unique = [one for one in table.constraints if isinstance(one, UniqueConstraint)]
        indexed = {column.name for index in table.indexes for column in index.columns}
        indexed |= {column.name for one in unique for column in one.columns}
        keys = {column.name for column in table.primary_key}
        rest = {column.name for column in table.columns} - indexed - keys
        assert rest == ({"data"} if table.name == "feature" else set()), table.name


@of_a_file
@pytest.mark.parametrize(
    ("table", "value"),
    [
        ("item", b"/m/a.wav"),
        ("item", b"a sound"),
        ("segment", b"silent"),
        ("label", b"trumpet"),
        ("annotation", b"by/hand.csv"),
        ("generation", b"-token-"),
        ("pipeline", b"toy-sound"),
    ],
)
def test_a_bit_that_has_changed_in_a_row_is_found(catalog: Catalog, table: str, value: bytes) -> None:
    a, *_ = put(catalog, sound("/m/a.wav", statuses=("ok", "silent")))
    catalog.labels.annotate([Annotation(item_id=a, label="trumpet", origin="hand", source="by/hand.csv")])
    tamper(catalog, "UPDATE generation SET token = '-token-'")
    assert catalog.check() == []
    catalog.close()
    path = Path(catalog.path)
    with closing(sqlite3.connect(path)) as connection:
        (page,) = connection.execute("SELECT rootpage FROM sqlite_schema WHERE name = ?", (table,)).fetchone()
    content = bytearray(path.read_bytes())
    content[content.index(value, 4096 * (page - 1), 4096 * page)] ^= 1
    path.write_bytes(content)

    with Catalog.open(path) as damaged:
        assert any("missing from index" in problem for problem in damaged.check())


@of_a_file
def test_a_torn_feature_is_refused_and_its_file_is_read_again(catalog: Catalog) -> None:
    put(catalog, sound("/m/a.wav"))
    tamper(catalog, "UPDATE feature SET data = substr(data, 1, 7) WHERE segment_id = 2")

    with pytest.raises(DamagedCatalogError, match="segment 2"):
        list(catalog.segments.features(SOUND.fingerprint))
    for read in readers_of(catalog, 1, 2):
        with pytest.raises(DamagedCatalogError, match="segment 2"):
            read()
    verdicts = catalog.items.classify_scan([file("/m/a.wav")], fingerprints=FINGERPRINTS, retry_failed=False)
    assert verdicts == ["pending"]

    put(catalog, sound("/m/a.wav"))
    assert catalog.check() == []


@of_a_file
def test_a_feature_of_another_modality_than_its_segment_is_not_taken_for_one_of_it(catalog: Catalog) -> None:
    put(catalog, sound("/m/a.wav"))
    tamper(catalog, "UPDATE segment SET modality = 'image' WHERE id = 2")

    found = catalog.segments.with_features_of_items([1], fingerprints=FINGERPRINTS)

    assert [(record.modality, feature is None) for record, feature in found] == [("sound", False), ("image", True)]


@of_a_file
@pytest.mark.parametrize("first_number", ["0000c07f", "01000000"], ids=["not a number", "a bit off"])
def test_a_feature_that_has_changed_is_refused_until_it_is_discarded_and_made_anew(
    catalog: Catalog, first_number: str
) -> None:
    put(catalog, sound("/m/a.wav"), image("/m/b.png"))
    assert not catalog.items.has_outdated(FINGERPRINTS)
    tamper(
        catalog, f"UPDATE feature SET data = CAST(x'{first_number}' || substr(data, 5) AS BLOB) WHERE segment_id = 2"
    )

    assert any("segment 2" in line for line in catalog.check())
    with pytest.raises(DamagedCatalogError, match="the feature of segment 2 has changed on the disk"):
        list(catalog.segments.features(SOUND.fingerprint))
    for read in readers_of(catalog, 1, 2):
        with pytest.raises(DamagedCatalogError, match=r"segment 2 .*`modag verify --repair`"):
            read()

    assert catalog.mend_features() == (0, 1, ("/m/a.wav",), ())
    [(ids, _)] = catalog.segments.features(SOUND.fingerprint)
    assert ids.tolist() == [1]
    assert not catalog.items.is_seen_current(FINGERPRINTS)
    assert catalog.items.count_outdated(FINGERPRINTS) == 1
    put(catalog, sound("/m/a.wav"))
    assert catalog.check() == []
    assert catalog.mend_features() == (0, 0, (), ())


@of_a_file
def test_a_feature_in_which_a_bit_has_changed_is_mended(catalog: Catalog) -> None:
    put(catalog, sound("/m/a.wav"), image("/m/b.png"))
    [(ids, features)] = catalog.segments.features(SOUND.fingerprint)
    path = Path(catalog.path)
    catalog.close()
    content = bytearray(path.read_bytes())
    content[content.index(features[0].astype("<f4").tobytes()) + 5] ^= 8
    path.write_bytes(content)

    with Catalog.open(path) as damaged:
        assert any("segment 1 has a feature that is not what was stored" in problem for problem in damaged.check())
        assert damaged.mend_features() == (1, 0, (), ())
        assert damaged.check() == []
        [(ids_now, features_now)] = damaged.segments.features(SOUND.fingerprint)
    assert (ids_now.tolist(), features_now.tolist()) == (ids.tolist(), features.tolist())


@of_a_file
def test_a_bit_is_turned_back_in_any_number_of_features(catalog: Catalog) -> None:
    put(catalog, *(sound(f"/m/{number}.wav", f"sound {number}") for number in range(150)))
    before = _stored_features(Path(catalog.path))
    with closing(sqlite3.connect(catalog.path)) as connection, connection:
        changed = [(bytes([data[0] ^ 4]) + data[1:], segment_id) for segment_id, data in before.items()]
        connection.executemany("UPDATE feature SET data = ? WHERE segment_id = ?", changed)

    assert catalog.mend_features() == (300, 0, (), ())
    assert _stored_features(Path(catalog.path)) == before


@of_a_file
@pytest.mark.parametrize("table", ["segment", "pipeline"])
def test_no_feature_is_discarded_by_what_a_changed_row_says(catalog: Catalog, tmp_path: Path, table: str) -> None:
    put(catalog, *(sound(f"/m/{number}.wav", f"sound {number}") for number in range(8)), image("/m/b.png"))
    path = Path(catalog.path)
    catalog.close()
    before, content, places = _stored_features(path), path.read_bytes(), _written_places(path, table)
    chance = random.Random(table)
    for number in range(40):
        damaged = tmp_path / f"damaged-{number}.sqlite"
        changed, bit = bytearray(content), 8 * chance.choice(places) + chance.randrange(8)
        changed[bit // 8] ^= 1 << bit % 8
        damaged.write_bytes(changed)
        with suppress(CatalogError, ArithmeticError, LookupError, TypeError, ValueError), Catalog.open(damaged) as kept:
            kept.mend_features()
        assert _stored_features(damaged) == before, bit


@of_a_file
def test_a_length_that_has_changed_leaves_features_and_says_so(catalog: Catalog) -> None:
    put(catalog, sound("/m/a.wav"), image("/m/b.png"))
    path = Path(catalog.path)
    catalog.close()
    before = _stored_features(path)
    _flip(path, b"toy-sound\x04<f4sound-1", b"toy-sound\x06<f4sound-1")

    with Catalog.open(path) as damaged:
        mending = damaged.mend_features()
        assert mending[:3] == (0, 0, ())
        assert any("ix_pipeline_row" in line for line in mending.left)
        lines = [line for line in damaged.check() if "segment 1 has a feature that is not" in line]
    assert [line.rpartition("; ")[2] for line in lines] == ["`modag restore` brings a backup back"]
    assert _stored_features(path) == before


@of_a_file
@pytest.mark.parametrize("changed", ["segment", "ix_segment_feature_checksum"])
def test_a_checksum_that_has_changed_is_told_by_feature_and_index(catalog: Catalog, changed: str) -> None:
    put(catalog, sound("/m/a.wav"), image("/m/b.png"))
    path = Path(catalog.path)
    catalog.close()
    before = _stored_features(path)
    checksum = zlib.crc32(before[1]).to_bytes(4, "big")
    content = bytearray(path.read_bytes())
    start = _page(path, changed)[0]
    content[content.index(checksum, start) + 2] ^= 1
    path.write_bytes(content)

    with Catalog.open(path) as damaged:
        assert damaged.check()
        assert damaged.mend_features() == (1, 0, (), ())
        assert damaged.check() == []
    assert _stored_features(path) == before


def _stored_features(path: Path) -> dict[int, bytes]:
    with closing(sqlite3.connect(path)) as connection:
        return dict(connection.execute("SELECT segment_id, data FROM feature ORDER BY segment_id").fetchall())


def _page(path: Path, name: str) -> tuple[int, int]:
    """Where the first page of a table or an index begins and ends."""
    with closing(sqlite3.connect(path)) as connection:
        [(number,)] = connection.execute("SELECT rootpage FROM sqlite_schema WHERE name = ?", (name,)).fetchall()
        [(size,)] = connection.execute("PRAGMA page_size").fetchall()
    return size * (number - 1), size * number


def _written_places(path: Path, table: str) -> list[int]:
    """Bytes of a small table and its indexes that are not zero."""
    with closing(sqlite3.connect(path)) as connection:
        names = connection.execute(
            "SELECT name FROM sqlite_schema WHERE tbl_name = ? ORDER BY name", (table,)
        ).fetchall()
    content = path.read_bytes()
    return [place for (name,) in names for place in range(*_page(path, name)) if content[place]]


def _flip(path: Path, before: bytes, after: bytes) -> None:
    content = path.read_bytes()
    assert content.count(before) == 1
    path.write_bytes(content.replace(before, after))
