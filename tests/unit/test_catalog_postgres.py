"""A catalog on PostgreSQL, where that differs from a file: who may, what is refused, and who writes at once."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING

import pytest

from modag_search.catalog import Annotation, Catalog, migrations
from modag_search.errors import (
    CatalogError,
    CatalogServerError,
    DamagedCatalogError,
    IndexLockedError,
    IndexNotFoundError,
    MissingExtraError,
    NewerCatalogError,
    ReadOnlyIndexError,
    UsageError,
)
from tests.catalog_builders import IMAGE, image, put, sound
from tests.documents import DOCS, blocks
from tests.postgres import OWNER, PASSWORD, WITH_PASSWORD, Server, execute, make_earlier

if TYPE_CHECKING:
    from collections.abc import Iterator

    from sqlalchemy import Connection

psycopg = pytest.importorskip("psycopg")


@pytest.fixture
def url(postgres: Server) -> str:
    """Of a database with an empty catalog."""
    return postgres.new_catalog()


@pytest.fixture
def catalog(url: str) -> Iterator[Catalog]:
    with Catalog.open(url) as catalog:
        yield catalog


def refusal(url: str, expected: type[Exception] = CatalogError) -> str:
    """What opening a catalog says, in one line."""
    with pytest.raises(expected) as caught:
        Catalog.open(url)
    assert "\n" not in str(caught.value)
    return str(caught.value)


def test_a_catalog_is_made_where_there_is_none_and_only_where_it_is_wanted(postgres: Server) -> None:
    url = postgres.new_database()
    assert refusal(url, IndexNotFoundError) == (
        f"{url}: there is no index here; `modag index PATH... --index URL` makes one, and `modag copy` brings one there"
    )
    with Catalog.open(url, create=True) as catalog:
        put(catalog, image("/m/a.png"))
    with Catalog.open(url, create=True) as catalog:
        assert catalog.generation == 1


def test_any_number_of_processes_may_make_one_at_once(postgres: Server) -> None:
    url = postgres.new_database()

    def made(_: int) -> str:
        with Catalog.open(url, create=True) as catalog:
            return catalog.generation_token

    with ThreadPoolExecutor(6) as pool:
        assert len(set(pool.map(made, range(6)))) == 1


def test_several_catalogs_and_other_tables_live_in_one_database(postgres: Server) -> None:
    url = postgres.new_database()
    execute(url, "CREATE TABLE public.item (name text)")
    with Catalog.open(url, create=True) as one, Catalog.open(f"{url}?schema=birds", create=True) as other:
        put(one, image("/m/a.png"))
        assert (one.generation, other.generation) == (1, 0)


def test_a_schema_with_other_tables_is_left_alone(postgres: Server) -> None:
    url = postgres.new_database()
    execute(url, "CREATE SCHEMA music", "CREATE TABLE music.songs (name text)")
    with pytest.raises(DamagedCatalogError, match=r"schema music holds songs and is no catalog.*`\?schema=NAME`"):
        Catalog.open(f"{url}?schema=music", create=True)


@pytest.mark.parametrize("name", ["Birds", "a b", "a;b", ""])
def test_a_schema_has_a_plain_name(url: str, name: str) -> None:
    assert "small letters" in refusal(f"{url}?schema={name}x.", UsageError)


def test_the_tables_are_as_the_migrations_will_find_them(url: str) -> None:
    from alembic.autogenerate import compare_metadata
    from alembic.runtime.migration import MigrationContext
    from sqlalchemy import create_engine

    from modag_search.catalog.dialects import is_of
    from modag_search.catalog.postgres_tables import METADATA

    engine = create_engine(
        url.replace("postgresql:", "postgresql+psycopg:"), connect_args={"options": "-c search_path=modag"}
    )
    with engine.connect() as connection:
        options = {"compare_type": True, "include_object": is_of("postgresql")}
        context = MigrationContext.configure(connection, opts=options)
        assert context.get_current_revision() == migrations.CURRENT_REVISION
        assert compare_metadata(context, METADATA) == []  # type: ignore[arg-type]  # it takes several
    engine.dispose()


def test_a_catalog_of_a_later_version_is_left_alone(url: str) -> None:
    execute(url, "UPDATE alembic_version SET version_num = '9999'")
    assert "a later version of modag-search wrote it" in refusal(url, NewerCatalogError)
    execute(url, f"UPDATE alembic_version SET version_num = '{migrations.CURRENT_REVISION}'")
    Catalog.open(url).close()


def test_tables_that_are_not_whole_are_told(url: str) -> None:
    execute(url, "ALTER TABLE item DROP COLUMN remarks")
    assert "lacks column remarks of table item" in refusal(url, DamagedCatalogError)


@pytest.mark.parametrize(
    ("statement", "problem"),
    [
        ("DELETE FROM feature WHERE segment_id = 1", "segment 1 has no feature"),
        ("UPDATE feature SET data = '\\x00' WHERE segment_id = 2", "segment 2 has a feature that is not what was"),
        ("UPDATE segment SET status = 'silent' WHERE id = 1", "segment 1 is silent, black or of one colour"),
        ("INSERT INTO removal VALUES (2, 1)", "segment 2 is noted as removed"),
        ("SELECT setval('segment_id_seq', 1)", "table segment has ids above the last one"),
    ],
)
def test_each_kind_of_damage_is_named(catalog: Catalog, url: str, statement: str, problem: str) -> None:
    put(catalog, sound("/m/a.wav"))
    assert catalog.check() == []
    execute(url, statement)
    assert any(line.startswith(problem) for line in catalog.check())


def test_a_bit_that_has_changed_in_a_feature_is_turned_back(catalog: Catalog, url: str) -> None:
    put(catalog, sound("/m/a.wav"))
    execute(url, "UPDATE feature SET data = set_bit(data, 3, 1 - get_bit(data, 3)) WHERE segment_id = 2")
    assert len(catalog.check()) == 1
    assert catalog.mend_features().mended == 1
    assert catalog.check() == []


def test_an_id_is_never_given_again(catalog: Catalog, url: str) -> None:
    [first] = put(catalog, image("/m/a.png"))
    catalog.remove([first])
    with Catalog.open(url) as again:
        [second] = put(again, image("/m/a.png"))
    assert second > first


def test_an_id_of_what_was_forgotten_that_would_be_given_again_is_told_of(catalog: Catalog, url: str) -> None:
    _, gone = put(catalog, image("/m/a.png", "a"), image("/m/b.png", "b"))
    catalog.forget([gone], run_id=catalog.runs.start("forget", arguments={}))
    catalog.forget([], run_id=catalog.runs.start("forget", arguments={}))
    assert catalog.check() == []
    execute(url, "SELECT setval(pg_get_serial_sequence('item', 'id'), 1)")
    assert catalog.check() == [
        "table item has ids above the last one that it has given, and would give them again",
    ]


def test_names_sort_by_code_point_whatever_the_database_is_made_with(catalog: Catalog) -> None:
    [item] = put(catalog, image("/m/a.png"))
    names = ["b", "a", "B", "ä", "é", "z"]
    catalog.labels.annotate([Annotation(item_id=item, label=name, origin="hand") for name in names])
    record = catalog.items.get(item)
    assert record is not None
    assert list(record.labels) == sorted(names)


def test_a_name_that_the_file_system_gives_in_bytes_comes_back(catalog: Catalog) -> None:
    path = os.fsdecode(b"/m/caf\xe9\\.png")
    put(catalog, image(path))
    assert [item.path for item in catalog.items.all()] == [path]


def test_a_character_that_postgresql_does_not_keep_is_told(catalog: Catalog) -> None:
    [item] = put(catalog, image("/m/a.png"))
    with pytest.raises(CatalogError, match="keeps no texts with the character NUL"):
        catalog.labels.annotate([Annotation(item_id=item, label="a\0b", origin="hand")])


_LABELLING = """
import os, sys
from modag_search.catalog import Annotation, Catalog
own = 0
while own < 9 and not os.fork():
    own += 1
with Catalog.open(sys.argv[1]) as catalog:
    for number in range(5):
        catalog.labels.annotate([Annotation(item_id=1, label=f"{own}-{number}", origin="hand")])
if own < 9:
    _, status = os.wait()
    sys.exit(status != 0)
"""


def test_ten_processes_label_at_once_and_nothing_is_lost(catalog: Catalog, url: str) -> None:
    put(catalog, image("/m/a.png"))
    catalog.hierarchy.set_mode("multi")
    before = catalog.change_count
    subprocess.run([sys.executable, "-c", _LABELLING, url], check=True, timeout=120)
    assert catalog.labels.names() == {f"{own}-{number}" for own in range(10) for number in range(5)}
    assert catalog.change_count == before + 50
    assert catalog.label_generation == 51


_HOLDING = """
import sys, time
from modag_search.catalog import Catalog
with Catalog.open(sys.argv[1]) as catalog, catalog._database.write():
    print("writing", flush=True)
    time.sleep(600)
"""


def test_who_writes_too_long_is_told_of_and_who_is_killed_holds_nobody_up(catalog: Catalog, url: str) -> None:
    put(catalog, image("/m/a.png"))
    with subprocess.Popen([sys.executable, "-c", _HOLDING, url], stdout=subprocess.PIPE) as holder:
        assert holder.stdout is not None
        assert holder.stdout.readline() == b"writing\n"
        assert catalog.generation == 1, "readers wait for nobody"
        with Catalog.open(url, wait_s=0.1) as impatient, pytest.raises(IndexLockedError, match=r"within 0\.1 s"):
            impatient.labels.add({"dog": None})
        holder.send_signal(signal.SIGKILL)
    assert catalog.labels.add({"dog": None}) == 1


def test_a_wrong_password_is_told_without_it(postgres: Server, url: str) -> None:
    database = url.rpartition("/")[2]
    postgres.execute(
        f"DROP ROLE IF EXISTS {WITH_PASSWORD}",
        f"CREATE ROLE {WITH_PASSWORD} LOGIN SUPERUSER PASSWORD '{PASSWORD}'",
    )
    right = postgres.url(database, user=WITH_PASSWORD, password=PASSWORD)
    with Catalog.open(right) as catalog:
        assert catalog.path == postgres.url(database, user=WITH_PASSWORD), "for people to read"
        assert catalog.generation == 0
    for password in ("guess", None):
        said = refusal(postgres.url(database, user=WITH_PASSWORD, password=password))
        assert said.endswith("the password is wrong, or there is none; give it by PGPASSWORD or in ~/.pgpass")
        assert "guess" not in said


def test_what_is_not_there_is_named(postgres: Server) -> None:
    assert "there is no such database; `createdb` makes one" in refusal(postgres.url("nowhere"))
    assert "there is no such user" in refusal(postgres.url("postgres", user="nobody_at_all"))
    assert "cannot be reached" in refusal(f"postgresql://{OWNER}@127.0.0.1:1/postgres")
    assert "names no database" in refusal(f"postgresql://{OWNER}@127.0.0.1:1", UsageError)
    assert "cannot be read as a URL" in refusal("postgresql://a@b:port/c", UsageError)


@pytest.fixture
def visitor(postgres: Server, url: str) -> Iterator[str]:
    """The URL of an empty catalog for who may read it, by what docs/postgres.md says, also once it is brought up."""
    (granting,) = blocks(DOCS / "postgres.md", "sql")
    execute(url, "DROP ROLE IF EXISTS visitor", *granting.strip().split("\n"))
    yield postgres.url(url.rpartition("/")[2], user="visitor")
    execute(url, "DROP OWNED BY visitor", "DROP ROLE visitor")


def test_who_may_only_read_gets_answers_and_a_refusal(url: str, visitor: str) -> None:
    with Catalog.open(url) as catalog:
        put(catalog, image("/m/a.png"))
    with Catalog.open(visitor) as catalog:
        assert catalog.is_read_only
        assert [item.path for item in catalog.items.all()] == ["/m/a.png"]
        assert catalog.check() == []
        with pytest.raises(ReadOnlyIndexError, match="the user may only read it"):
            catalog.labels.add({"dog": None})


def test_who_may_only_read_gets_answers_of_a_catalog_that_was_brought_up(url: str, visitor: str) -> None:
    with Catalog.open(url) as catalog:
        put(catalog, image("/m/a.png"))
    make_earlier(url)
    assert "it is of an older version" in refusal(visitor, ReadOnlyIndexError)
    Catalog.open(url).close()
    with Catalog.open(visitor) as catalog:
        assert [item.path for item in catalog.items.all()] == ["/m/a.png"]
        assert catalog.segments.count(IMAGE.fingerprint) == 1
        assert catalog.check() == []


@pytest.mark.parametrize("added", ["root", "remnant"])
def test_who_may_not_read_what_an_upgrade_added_is_told_the_way_out(url: str, visitor: str, added: str) -> None:
    execute(url, f"REVOKE SELECT ON {added} FROM visitor")
    with pytest.raises(CatalogServerError) as caught, Catalog.open(visitor) as catalog:
        catalog.segments.count(IMAGE.fingerprint)
    assert str(caught.value) == (
        f"{visitor}: the user may not do that (permission denied for table {added}); GRANT it the rights, once more "
        "where an upgrade has added tables, or name another user in the URL"
    )


def test_a_database_that_keeps_other_texts_is_refused(postgres: Server) -> None:
    postgres.execute("CREATE DATABASE western TEMPLATE template0 ENCODING 'LATIN1' LC_COLLATE 'C' LC_CTYPE 'C'")
    assert "keeps texts as LATIN1" in refusal(postgres.url("western"))


def test_who_lacks_the_client_is_told_how_to_get_it(url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "psycopg", None)
    assert 'pip install "modag-search[postgres]"' in refusal(url, MissingExtraError)


def test_an_old_server_is_refused(url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("modag_search.catalog.postgres.OLDEST_VERSION", 99)
    assert "99 is the oldest that will do" in refusal(url)


@pytest.mark.parametrize(
    ("code", "told"),
    [
        ("53100", "the server's disk is full (no room); free some space on it, then run the same command again"),
        ("53200", "the server has no memory left (no room); try again later"),
        (
            "42501",
            "the user may not do that (no room); GRANT it the rights, once more where an upgrade has added tables",
        ),
        (
            "57P01",
            "the connection was lost (no room); what was acknowledged is kept; is the server there?",
        ),
        ("58030", "no room; see the server's log"),
    ],
)
def test_what_the_server_lacks_is_told_and_nothing_has_changed(
    catalog: Catalog, monkeypatch: pytest.MonkeyPatch, code: str, told: str
) -> None:
    [item] = put(catalog, image("/m/a.png"))
    before = catalog.change_count

    def fail(connection: Connection) -> None:
        connection.exec_driver_sql(f"DO $$ BEGIN RAISE EXCEPTION 'no room' USING ERRCODE = '{code}'; END $$")

    with monkeypatch.context() as patch:
        patch.setattr("modag_search.catalog.labels.count_label_change", fail)
        with pytest.raises(CatalogError) as caught:
            catalog.labels.annotate([Annotation(item_id=item, label="dog", origin="hand")])
    assert f"{catalog.path}: {told}" in str(caught.value)
    assert (catalog.change_count, catalog.labels.names()) == (before, set())


def test_a_server_that_takes_no_more_connections_is_told(postgres: Server, url: str) -> None:
    postgres.execute("DROP ROLE IF EXISTS crowd", "CREATE ROLE crowd LOGIN CONNECTION LIMIT 0")
    assert "takes no more connections; try again later" in refusal(postgres.url(url.rpartition("/")[2], user="crowd"))


def test_a_catalog_of_before_there_were_roots_is_brought_up(url: str, catalog: Catalog) -> None:
    _, b = put(catalog, image("/m/a.png", "a"), image("/m/b.png", "b"))
    catalog.forget([b], run_id=catalog.runs.start("forget", arguments={}))
    make_earlier(url)
    assert migrations.pending(url) == [
        "0008 Keep paths relative to named roots, which each machine may have elsewhere",
        "0009 Keep failures that are forgotten until that is undone, as items are",
        "0010 Leave the segments of forgotten items where they are, with their features, until a later run sweeps them",
        "0011 Note what a run takes from items, and what gives way to it, so that undoing the run gives that back",
        "0012 Keep, with labels that wait for their content, what the item was like that had them",
    ]
    with Catalog.open(url) as later:
        assert [item.path for item in later.items.all()] == ["/m/a.png"]
        assert later.roots.add("M", "/m") == 1
        assert later.check() == []
        recalled = later.recall()
        assert recalled is not None
        assert recalled.paths == ["/m/b.png"]
        assert later.segments.count(IMAGE.fingerprint) == 2
        assert later.check() == []
    test_the_tables_are_as_the_migrations_will_find_them(url)
