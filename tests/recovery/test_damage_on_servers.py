"""An index on servers, catalog and vectors, that is damaged there: each damage is named in a line, and mended."""

from __future__ import annotations

from contextlib import closing, contextmanager
from typing import TYPE_CHECKING, Any

import pytest

from modag_search import Index
from modag_search.index.places import SharedPlace
from modag_search.settings import SETTINGS_FILE
from modag_search.stores.servers import engine_at
from tests import vector_servers
from tests.cli.command_line import CommandLine
from tests.made_media import BLUE, GREEN, HIGH_HZ, LOW_HZ, MIDDLE_HZ, RED, picture, sound
from tests.toy_encoders import toy_index

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from tests.postgres import Server

pytestmark = pytest.mark.usefixtures("toys")


@pytest.fixture(scope="module")
def server() -> Server:
    return vector_servers.postgres_server()


@pytest.fixture
def vectors(server: Server) -> Iterator[str]:
    """The URL of a database for vectors."""
    url = server.new_database()
    yield url
    engine_at(url).close()


@pytest.fixture(params=["folder", "database"])
def modag(
    request: pytest.FixtureRequest, tmp_path: Path, media: Path, toy_plugins: Path, server: Server, vectors: str
) -> CommandLine:
    """``modag`` with an index of five items, whose catalog is a file, or in a database; its vectors are on a server."""
    for name, colour, hz in (("a", RED, LOW_HZ), ("b", GREEN, MIDDLE_HZ), ("c", BLUE, HIGH_HZ)):
        picture(media / f"{name}.png", colour)
        if name != "c":
            sound(media / f"{name}.wav", (hz, 1))
    with toy_index(tmp_path / "index") as index:
        index.add([media])
        index.label(media / "a.png", "red")
    modag = CommandLine(tmp_path, plugins=toy_plugins)
    modag.environment["MODAG_INDEX"] = str(tmp_path / "index")
    if request.param == "database":
        url = server.new_database()
        Index.copy(tmp_path / "index", url)
        modag.environment["MODAG_INDEX"] = url
    assert modag("rebuild", "--store", vectors).status == 0
    return modag


def said(modag: CommandLine, media: Path) -> list[Any]:
    found = [modag("search", media / "a.wav").data, modag("search", media / "b.png", "--modality", "sound").data]
    return [[(round(row["similarity"], 4), row["path"], row["labels"]) for row in rows] for rows in found]


def problems(modag: CommandLine) -> list[str]:
    outcome = modag("verify")
    rows = outcome.data
    assert outcome.status == (1 if rows else 0)
    return [row["problem"] for row in rows]


def of_sounds(url: str) -> str:
    """The table of the two sounds; there are three pictures."""
    import psycopg

    with psycopg.connect(url) as connection:
        for table in engine_at(url).tables():
            if connection.execute(f"SELECT count(*) FROM {table}").fetchall() == [(2,)]:
                return table
    raise AssertionError


@pytest.mark.parametrize(
    ("statement", "expected"),
    [
        ("DELETE FROM {table} WHERE id = (SELECT min(id) FROM {table})", ["holds 1 vectors, must hold 2"]),
        ("TRUNCATE {table}", ["holds 0 vectors, must hold 2"]),
        ("INSERT INTO {table} SELECT id + 1000, born, vector FROM {table} LIMIT 1", ["holds 3 vectors, must hold 2"]),
        ("UPDATE {table} SET id = id + 1000", ["lacks 2 vectors and holds 2 that the catalog does not know"]),
        ("UPDATE {table} SET vector = '[0,0,1]'", ["2 vectors are not what the space makes of the features"]),
        ("DROP TABLE {table}", ["lacks the table {table}"]),
        ("DROP TABLE {table}_gone", ["lacks the table {table}"]),
        ("DELETE FROM modag_record", ["the image store is not there", "the sound store is not there"]),
        (
            "UPDATE modag_record SET content = left(content, 90)",
            ["the image store is not there", "the sound store is not there"],
        ),
        ("DROP TABLE modag_record", ["the image store is not there", "the sound store is not there"]),
    ],
)
def test_damaged_vectors_are_named_and_made_anew(
    modag: CommandLine, media: Path, server: Server, vectors: str, statement: str, expected: list[str]
) -> None:
    before, table = said(modag, media), of_sounds(vectors)
    server.execute(statement.format(table=table), database=vectors.rpartition("/")[2])
    found = problems(modag)
    assert len(found) == len(expected)
    for problem, words in zip(found, expected, strict=True):
        assert problem.startswith(vectors)
        assert words.format(table=table) in problem
        assert "`modag rebuild`" in problem
    mended = modag("verify", "--repair")
    assert mended.status == 0, mended.stderr
    assert [row["state"] for row in mended.data] == ["mended"]
    assert problems(modag) == []
    assert said(modag, media) == before


def test_what_a_killed_writer_left_is_no_damage_and_goes_with_the_next_change(
    modag: CommandLine, media: Path, server: Server, vectors: str
) -> None:
    """As a server without transactions would have it."""
    before, table, database = said(modag, media), of_sounds(vectors), vectors.rpartition("/")[2]
    pending = """UPDATE modag_record SET content = replace(content, '"pending": null', '"pending": [999, "torn"]')"""
    rows = f"INSERT INTO {table} SELECT id + 1000, 999, vector FROM {table}"
    gone = f"INSERT INTO {table}_gone SELECT id, born, 999 FROM {table} WHERE born < 999"
    server.execute(pending, rows, gone, database=database)
    assert problems(modag) == []
    assert said(modag, media) == before
    assert modag("index", sound(media / "d.wav", (HIGH_HZ, 1))).status == 0
    assert problems(modag) == []
    server.execute(
        f"DO $$ BEGIN ASSERT (SELECT count(*) FROM {table} WHERE born = 999) = 0; END $$",
        f"DO $$ BEGIN ASSERT (SELECT count(*) FROM {table}_gone) = 0; END $$",
        database=database,
    )


@pytest.mark.parametrize("modag", ["database"], indirect=True)
@pytest.mark.parametrize(
    ("statement", "problem", "states"),
    [
        (
            "UPDATE feature SET data = set_bit(data, 3, 1 - get_bit(data, 3)) WHERE segment_id = 2",
            "segment 2 has a feature that is not what was stored",
            {"mended"},
        ),
        (
            "UPDATE feature SET data = '\\x00' WHERE segment_id = 2",
            "segment 2 has a feature that is not",
            {"discarded"},
        ),
        ("DELETE FROM feature WHERE segment_id = 2", "segment 2 has no feature; index its file again", {"left"}),
        (
            "UPDATE document SET content = 'x' WHERE name = 'settings.json'",
            "the document settings.json is not",
            {"mended"},
        ),
        (
            "UPDATE document SET content = 'x' WHERE name = 'space.safetensors'",
            "the document space.safetensors is not what was stored",
            {"mended"},
        ),
        (
            "DELETE FROM document WHERE name = 'space.safetensors'",
            "the document space.safetensors is not there",
            {"mended"},
        ),
        ("SELECT setval('segment_id_seq', 1)", "table segment has ids above the last one", {"left"}),
    ],
)
def test_a_damaged_catalog_is_named_and_mended_as_far_as_can_be(
    modag: CommandLine, media: Path, server: Server, statement: str, problem: str, states: set[str]
) -> None:
    before = said(modag, media)
    database = modag.environment["MODAG_INDEX"].rpartition("/")[2]
    server.execute("SET search_path = modag", statement, database=database)
    assert problem in problems(modag)[0]
    mended = modag("verify", "--repair")
    assert states <= {row["state"] for row in mended.data}
    if states != {"mended"}:
        assert modag("index", media).status == 0
    if "setval" not in statement:
        assert problems(modag) == []
        assert said(modag, media) == before


@pytest.mark.parametrize("modag", ["database"], indirect=True)
def test_settings_that_are_lost_are_put_back_by_a_machine_that_has_them(
    modag: CommandLine, media: Path, server: Server
) -> None:
    before = said(modag, media)
    url = modag.environment["MODAG_INDEX"]
    server.execute("DELETE FROM modag.document WHERE name = 'settings.json'", database=url.rpartition("/")[2])
    outcome = modag("search", media / "a.wav")
    assert outcome.status == 1
    assert f"{url}: its settings.json is gone, and its catalog is there; " in outcome.error
    made = modag("index", media)
    assert made.status == 1, "an index with other settings must not take its place"
    assert "its settings.json is gone" in made.error
    strange = modag("verify", "--repair", XDG_CACHE_HOME=str(modag.folder / "another machine"))
    assert strange.status == 1
    assert "its settings.json is gone" in strange.error
    assert modag("verify", "--repair").status == 0
    assert said(modag, media) == before
    assert problems(modag) == []


@pytest.mark.parametrize("modag", ["database"], indirect=True)
def test_what_another_machine_has_written_anew_meanwhile_stays(
    modag: CommandLine, server: Server, monkeypatch: pytest.MonkeyPatch
) -> None:
    url = modag.environment["MODAG_INDEX"]
    database = url.rpartition("/")[2]
    with Index.open(url):
        pass  # this machine has copies
    with closing(SharedPlace(url, wait_s=0.0)) as place:
        whole = place._catalog().documents.get(SETTINGS_FILE)
        assert whole is not None
        server.execute(f"UPDATE modag.document SET content = 'x' WHERE name = '{SETTINGS_FILE}'", database=database)
        writing = place.writing

        @contextmanager
        def waited() -> Iterator[None]:
            with writing():
                place._catalog().documents.write(SETTINGS_FILE, whole + b" ")
                yield

        monkeypatch.setattr(place, "writing", waited)
        assert list(place.mend()) == []
        assert place._catalog().documents.get(SETTINGS_FILE) == whole + b" "


@pytest.mark.parametrize("modag", ["database"], indirect=True)
@pytest.mark.parametrize("table", ["feature", "annotation", "state"])
def test_a_table_that_is_lost_is_told_with_the_way_to_a_backup(
    modag: CommandLine, media: Path, server: Server, table: str
) -> None:
    url = modag.environment["MODAG_INDEX"]
    server.execute(f"DROP TABLE modag.{table} CASCADE", database=url.rpartition("/")[2])
    for verb in (("search", media / "a.wav"), ("verify",), ("verify", "--repair")):
        outcome = modag(*verb)
        assert outcome.status == 1
        assert f"{url}: lacks column" in outcome.error
        assert "`modag restore FILE --index NEW`" in outcome.error
