"""An index whose vectors are on PostgreSQL, as a user has it: the same answers, and one line where it fails."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest

from modag_search import Index
from modag_search.errors import StoreServerError
from modag_search.stores.servers import engine_at
from tests import vector_servers
from tests.postgres import OWNER, WITH_PASSWORD

if TYPE_CHECKING:
    from pathlib import Path

    from tests.cli.command_line import CommandLine
    from tests.postgres import Server


@pytest.fixture(scope="module")
def server() -> Server:
    return vector_servers.postgres_server()


@pytest.fixture
def url(server: Server) -> str:
    return server.new_database()


def answers(modag: CommandLine, media: Path) -> list[Any]:
    """Ask with everything there is, in each direction."""
    asked = [("search", media / name, *rest) for name in ("a.png", "a.wav") for rest in ((), ("--modality", "sound"))]
    asked.append(("search", media / "a.wav", "--modality", "image", "--under", media))
    found = []
    for one in asked:
        outcome = modag(*one)
        assert outcome.status == 0, outcome.stderr
        found.append(sorted((round(-row["similarity"], 5), row["path"]) for row in outcome.data))
    return found


def test_an_index_moves_to_a_server_and_back_and_answers_the_same(
    filled: CommandLine, media: Path, url: str, server: Server
) -> None:
    before = answers(filled, media)
    files = filled.folder / "index" / "stores"
    moved = filled("rebuild", "--store", url)
    assert moved.status == 0, moved.stderr
    assert moved.data["store"] == url
    assert not list(files.iterdir()), "files that nobody reads any more"
    assert answers(filled, media) == before
    info = filled("info").data
    assert (info["store"], info["stores"]) == (url, {"image": "pgvector", "sound": "pgvector"})
    assert filled("verify").status == 0

    filled("forget", media / "a.png")
    less = answers_of_sound(filled, media)
    assert str(media / "a.png") not in less
    filled("forget", "--undo")
    filled("index", media)
    assert answers(filled, media) == before

    assert filled("rebuild", "--store", "auto").status == 0
    assert answers(filled, media) == before
    assert engine_at(url).tables() == set()
    assert engine_at(url).records() == {}


def test_every_verb_that_compares_vectors_says_the_same(filled: CommandLine, media: Path, url: str) -> None:
    for name in "ab":
        filled("label", media / f"{name}.png", "--as", name)
        filled("label", media / f"{name}.wav", "--as", name)
    verbs: list[tuple[object, ...]] = [
        ("classify", media / "c.png", media / "c.wav"),
        ("classify", "--all"),
        ("transfer", "--dry-run"),
        ("suggest",),
        ("audit",),
        ("duplicates",),
        ("explain", media / "c.wav"),
        ("map",),
        ("search", media / "a.png", "--label", "b"),
        ("search", media / "a.png", "+", media / "b.wav"),
    ]

    def said() -> list[Any]:
        outcomes = [filled(*verb, "--format", "json") for verb in verbs]
        assert {outcome.status for outcome in outcomes} <= {0, 4}, [outcome.stderr for outcome in outcomes]
        return [json.loads(outcome.stdout, parse_float=lambda text: round(float(text), 4)) for outcome in outcomes]

    before = said()
    assert filled("rebuild", "--store", url).status == 0
    assert said() == before


def answers_of_sound(modag: CommandLine, media: Path) -> list[str]:
    return [row["path"] for row in modag("search", media / "a.wav").data]


def test_a_new_index_may_have_its_vectors_on_a_server(filled: CommandLine, media: Path, url: str) -> None:
    encoders = ("--sound-encoder", "toy-sound", "--image-encoder", "toy-image", "--feature-dtype", "<f4")
    where = ("--index", filled.folder / "another")
    made = filled("index", media, *encoders, "--store", url, *where)
    assert made.status == 0, made.stderr
    assert filled("info", *where).data["stores"] == {"image": "pgvector", "sound": "pgvector"}


@pytest.mark.parametrize(
    ("url", "status", "words"),
    [
        ("postgresql://me:hidden@127.0.0.1/db", 2, "no password may stand in it"),
        ("postgresql://nobody@127.0.0.1:1/db", 1, "onnection refused; see whether the address is right"),
        ("postgresql://modag@127.0.0.1:PORT/nowhere", 1, "there is no such database; `createdb` makes one"),
        ("postgresql://stranger@127.0.0.1:PORT/db", 1, "there is no such user; `createuser` makes one"),
        ("mysql://host/db", 2, "no store is kept at mysql://"),
    ],
)
def test_a_server_that_will_not_do_changes_nothing(
    filled: CommandLine, media: Path, server: Server, url: str, status: int, words: str
) -> None:
    before = (filled.folder / "index" / "settings.json").read_bytes()
    outcome = filled("rebuild", "--store", url.replace("PORT", str(server.port)))
    assert outcome.status == status
    assert words in outcome.error
    assert "hidden" not in outcome.error
    assert "--store auto" not in outcome.error, "it has not moved"
    assert (filled.folder / "index" / "settings.json").read_bytes() == before
    assert filled("search", media / "a.png").status == 0


def test_a_wrong_password_is_told_in_one_line(filled: CommandLine, server: Server, url: str) -> None:
    server.execute(f"CREATE ROLE {WITH_PASSWORD} LOGIN PASSWORD 'right secret'")
    filled.environment["PGPASSWORD"] = "wrong secret"
    guarded = url.replace(f"{OWNER}@", f"{WITH_PASSWORD}@")
    outcome = filled("rebuild", "--store", guarded)
    assert outcome.status == 1
    assert "the password is wrong" in outcome.error
    assert "PGPASSWORD" in outcome.error
    assert "wrong secret" not in outcome.error


def test_while_the_server_is_away_answers_come_of_the_catalog_and_what_is_written_waits(
    filled: CommandLine, media: Path, server: Server, url: str
) -> None:
    assert filled("rebuild", "--store", url).status == 0
    before = answers(filled, media)
    server.kill()
    try:
        outcome = filled("search", media / "a.png")
        assert outcome.status == 0
        assert outcome.data
        assert all("vectors are made of the catalog meanwhile" in line for line in outcome.stderr.splitlines())
        assert "://" in outcome.stderr
        forgotten = filled("forget", media / "b.wav")
        assert forgotten.status == 0
        assert "the next command does the same work again" in forgotten.stderr
        assert filled("info").status == 0
        assert filled("verify").status == 1
        assert filled("rebuild").status == 1
    finally:
        server.start()
    filled("forget", "--undo")
    assert filled("verify").status == 0
    assert answers(filled, media) == before


def test_a_database_that_an_index_has_moved_to_and_that_is_gone_can_be_left(
    filled: CommandLine, media: Path, server: Server
) -> None:
    url = server.new_database()
    assert filled("rebuild", "--store", url).status == 0
    engine_at(url).close()
    server.execute(f"DROP DATABASE {url.rpartition('/')[2]} WITH (FORCE)")
    told = filled("rebuild")
    assert told.status == 1
    assert told.error.endswith(
        "there is no such database; `createdb` makes one, or `modag rebuild --store auto` keeps the stores in files"
        " again"
    )
    left = filled("rebuild", "--store", "auto")
    assert left.status == 0
    assert "what it kept of this index is there still: the next `modag rebuild` clears it away, unless " in left.error
    assert "--store auto" not in left.error
    assert filled("search", media / "a.wav").status == 0
    (problem,) = filled("verify").data
    assert problem["problem"].startswith(f"{url}: the index has moved away")
    note = filled.folder / "index" / "former-stores"
    assert problem["problem"].endswith(f"where that is gone for ever, remove {note}")
    note.unlink()
    assert filled("verify").status == 0


def test_an_address_may_begin_as_libpq_lets_it(filled: CommandLine, media: Path, url: str) -> None:
    before = answers(filled, media)
    short = url.replace("postgresql://", "postgres://")
    assert filled("rebuild", "--store", short).data["store"] == short
    assert answers(filled, media) == before
    assert filled("rebuild", "--store", url).status == 0
    assert filled("verify").status == 0
    assert not (filled.folder / "index" / "former-stores").exists()
    assert answers(filled, media) == before
    engine_at(short).close()


def test_a_move_that_is_refused_leaves_no_note(filled: CommandLine, url: str) -> None:
    refused = filled("rebuild", "--store", url, "--space", "mistyped")
    assert refused.status == 1
    assert "there is no space 'mistyped'" in refused.error
    assert filled("verify").status == 0
    note = filled.folder / "index" / "former-stores"
    note.write_text("auto\n")  # as by a move that was killed before the settings changed
    assert filled("verify").status == 0
    assert filled("rebuild").status == 0
    assert not note.exists()


@pytest.mark.parametrize("way", [("rebuild",), ("verify", "--repair")])
def test_a_move_that_was_killed_before_it_left_is_named_and_ended_by_the_next(
    filled: CommandLine, media: Path, url: str, monkeypatch: pytest.MonkeyPatch, way: tuple[str, ...]
) -> None:
    before = answers(filled, media)
    assert filled("rebuild", "--store", url).status == 0
    with monkeypatch.context() as patch:
        patch.setattr("modag_search.index.workings.Workings.leave_former", lambda _: 1 / 0)
        with Index.open(filled.folder / "index") as index, pytest.raises(ZeroDivisionError):
            index.rebuild(store="auto")
    assert answers(filled, media) == before
    assert len(engine_at(url).tables()) == 2
    found = filled("verify")
    assert found.status == 1
    assert f"{url}: the index has moved away" in found.data[0]["problem"]
    assert filled(*way).status == 0
    assert engine_at(url).tables() == set()
    assert engine_at(url).records() == {}
    assert filled("verify").status == 0
    assert answers(filled, media) == before


def test_a_move_to_a_server_that_was_killed_leaves_no_files(
    filled: CommandLine, media: Path, url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    before = answers(filled, media)
    with monkeypatch.context() as patch:
        patch.setattr("modag_search.search.store_sync.StoreSync.rebuild", lambda _: 1 / 0)
        with Index.open(filled.folder / "index") as index, pytest.raises(ZeroDivisionError):
            index.rebuild(store=url)
    assert answers(filled, media) == before
    assert filled("verify").status == 1
    assert filled("rebuild").status == 0
    assert not list((filled.folder / "index" / "stores").iterdir())
    assert filled("verify").status == 0
    assert answers(filled, media) == before


def test_what_a_server_kept_that_was_away_goes_when_it_is_back(
    filled: CommandLine, media: Path, server: Server, url: str
) -> None:
    assert filled("rebuild", "--store", url).status == 0
    server.kill()
    try:
        assert filled("rebuild", "--store", "auto").status == 0
    finally:
        server.start()
    assert len(engine_at(url).tables()) == 2
    assert filled("verify").status == 1
    assert filled("rebuild").status == 0
    assert engine_at(url).tables() == set()
    assert filled("verify").status == 0


def test_a_process_that_reads_does_without_a_server_that_has_died(
    filled: CommandLine, media: Path, server: Server, url: str
) -> None:
    assert filled("rebuild", "--store", url).status == 0
    with Index.open(filled.folder / "index") as index:

        def found() -> list[tuple[int, str]]:
            return sorted((round(hit.similarity * 1e4), hit.path) for hit in index.search(media / "a.wav"))

        before = found()
        server.kill()
        try:
            with pytest.raises(StoreServerError):
                found()
            assert found() == before
        finally:
            server.start()
        assert found() == before


def test_a_reader_needs_no_right_to_write(filled: CommandLine, media: Path, server: Server, url: str) -> None:
    filled.environment["PGUSER"] = OWNER
    of_whoever_asks = url.replace(f"{OWNER}@", "")
    assert filled("rebuild", "--store", of_whoever_asks).status == 0
    before = answers(filled, media)
    name = url.rpartition("/")[2]
    server.execute("DROP ROLE IF EXISTS reader", "CREATE ROLE reader LOGIN")
    server.execute("GRANT SELECT ON ALL TABLES IN SCHEMA public TO reader", database=name)
    filled.environment["PGUSER"] = "reader"
    engine_at(of_whoever_asks).close()
    assert answers(filled, media) == before
    denied = filled("rebuild")
    assert denied.status == 1
    assert "permission denied" in denied.error
    engine_at(of_whoever_asks).close()
    server.execute("DROP OWNED BY reader", "DROP ROLE reader", database=name)
