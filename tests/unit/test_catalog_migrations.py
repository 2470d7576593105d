"""Opening catalogs: new, old, newer, damaged."""

from __future__ import annotations

import os
import sqlite3
import subprocess
import sys
from contextlib import closing
from functools import partial
from pathlib import Path
from typing import Any

import pytest
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import Column, Integer, MetaData, create_engine, inspect, text

from modag_search.catalog import Catalog, migrations
from modag_search.catalog.dialects import is_of
from modag_search.catalog.sqlite import SqliteDatabase
from modag_search.catalog.tables import Base
from modag_search.errors import CatalogError, DamagedCatalogError, NewerCatalogError
from tests.catalog_builders import make_tables_of, put, sound

# SQLAlchemy cannot read back an index on an expression; `schema` compares its SQL.
pytestmark = pytest.mark.filterwarnings("ignore:.*expression-based index")

ROOT = Path(__file__).parents[2]

OLDER = '''"""Add a column."""
import sqlalchemy as sa
from alembic import op

revision, down_revision, branch_labels, depends_on = "9001", "{head}", None, None


def upgrade():
    with op.batch_alter_table("item", recreate="always") as batch:
        batch.add_column(sa.Column("note", sa.Text()))
    {then}
'''


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "catalog.sqlite"


def execute(path: Path, statement: str) -> None:
    with closing(sqlite3.connect(path)) as connection, connection:
        connection.execute(statement)


def schema(path: Path) -> dict[str, Any]:
    """All that SQLite says of the tables, save the order of columns."""
    engine = create_engine(f"sqlite:///{path}")
    inspector = inspect(engine)
    tables = {
        name: (
            {column["name"]: (str(column["type"]), column["nullable"]) for column in inspector.get_columns(name)},
            inspector.get_pk_constraint(name),
            sorted(map(repr, inspector.get_foreign_keys(name))),
            sorted(map(repr, inspector.get_unique_constraints(name))),
            sorted(map(repr, inspector.get_check_constraints(name))),
        )
        for name in inspector.get_table_names()
        if name != "alembic_version"
    }
    with engine.connect() as connection:
        indexes = connection.execute(
            text("SELECT name, sql FROM sqlite_master WHERE type = 'index' AND sql IS NOT NULL ORDER BY name")
        )
        autoincrement = connection.execute(
            text("SELECT name FROM sqlite_master WHERE sql LIKE '%AUTOINCREMENT%' ORDER BY name")
        )
        facts = {"tables": tables, "indexes": indexes.all(), "autoincrement": autoincrement.all()}
    engine.dispose()
    return facts


@pytest.fixture
def with_a_newer_migration(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Any:
    """Put one more migration after the newest, as a later version would have."""

    def add(then: str = "pass") -> None:
        folder = tmp_path / "migrations"
        (folder / "versions").mkdir(parents=True)
        for name in ["env.py", *(f"versions/{p.name}" for p in (ROOT / "migrations/versions").glob("*.py"))]:
            (folder / name).write_bytes((ROOT / "migrations" / name).read_bytes())
        newer = OLDER.format(head=migrations.CURRENT_REVISION, then=then)
        (folder / "versions" / "9001_add_a_column.py").write_text(newer)
        monkeypatch.setattr(migrations, "_migrations_folder", lambda: str(folder))
        monkeypatch.setattr(migrations, "CURRENT_REVISION", "9001")

    return add


def test_a_catalog_is_made_only_where_asked(path: Path) -> None:
    with pytest.raises(CatalogError, match="there is no catalog"):
        Catalog.open(path)
    assert not path.exists()

    Catalog.open(path, create=True).close()
    Catalog.open(path).close()
    assert os.listdir(path.parent) == ["catalog.sqlite"], "no backup, no log left behind"


def test_a_folder_that_is_not_there_is_named(tmp_path: Path) -> None:
    with pytest.raises(CatalogError, match=r"nowhere.*folder must exist"):
        Catalog.open(tmp_path / "nowhere" / "catalog.sqlite", create=True)


@pytest.mark.parametrize("name", ["a b?mode=ro#.sqlite", "100%.sqlite", os.fsdecode(b"caf\xe9.sqlite")])
def test_a_catalog_may_have_any_name(tmp_path: Path, name: str) -> None:
    with Catalog.open(tmp_path / name, create=True) as catalog:
        put(catalog, sound("/m/a.wav"))
    assert os.listdir(tmp_path) == [name]


def test_a_catalog_whose_making_was_cut_short_is_made_anew(path: Path) -> None:
    path.touch()

    with Catalog.open(path, create=True) as catalog:
        assert catalog.generation == 0


def test_a_catalog_that_has_lost_everything_is_no_new_one(path: Path) -> None:
    Catalog.open(path, create=True).close()
    path.write_bytes(b"")

    for _ in range(2):
        with pytest.raises(DamagedCatalogError, match=r"is empty: what it held is lost; .*modag restore"):
            Catalog.open(path)


@pytest.mark.parametrize("content", [b"this is not SQLite" * 100, b"SQLite format 3\0" + b"\xff" * 4096])
def test_a_damaged_catalog_is_refused(path: Path, content: bytes) -> None:
    path.write_bytes(content)

    with pytest.raises(DamagedCatalogError, match=r"catalog\.sqlite"):
        Catalog.open(path)
    assert path.read_bytes() == content


def test_damage_within_is_found_by_a_check(path: Path) -> None:
    with Catalog.open(path, create=True) as catalog:
        put(catalog, *(sound(f"/m/{number}.wav", str(number)) for number in range(100)))
    last_page = path.stat().st_size - 4096
    with path.open("r+b") as stream:
        stream.seek(last_page)
        stream.write(b"\xff" * 4096)

    with Catalog.open(path) as catalog:
        assert catalog.check() != []


@pytest.mark.parametrize("place", [18, 21, 22, 23, 72, 80, 91])
def test_the_first_bytes_are_looked_at(path: Path, place: int) -> None:
    Catalog.open(path, create=True).close()
    content = bytearray(path.read_bytes())
    content[place] ^= 0x10
    path.write_bytes(content)
    try:
        with Catalog.open(path) as catalog:
            assert any("first bytes of the file" in problem for problem in catalog.check())
    except CatalogError as error:
        assert str(path) in str(error)  # noqa: PT017  SQLite notices some itself


def test_another_programs_database_is_refused(path: Path) -> None:
    execute(path, "CREATE TABLE bookmarks (url TEXT)")

    with pytest.raises(DamagedCatalogError, match="no catalog of modag-search"):
        Catalog.open(path)


def test_a_newer_catalog_is_refused_and_left_alone(path: Path) -> None:
    Catalog.open(path, create=True).close()
    execute(path, "UPDATE alembic_version SET version_num = '9999'")

    with pytest.raises(NewerCatalogError, match=r"revision 9999.*later version"):
        Catalog.open(path)
    with pytest.raises(NewerCatalogError):
        migrations.pending(path)
    assert os.listdir(path.parent) == ["catalog.sqlite"]


def test_pending_migrations_are_named_and_nothing_is_written(path: Path) -> None:
    assert migrations.pending(path)[0] == "0001 Create the catalog"
    assert not path.exists()

    Catalog.open(path, create=True).close()
    assert migrations.pending(path) == []


def test_opening_upgrades_an_older_catalog_and_keeps_a_copy(path: Path, with_a_newer_migration: Any) -> None:
    older = migrations.CURRENT_REVISION
    with Catalog.open(path, create=True) as catalog:
        put(catalog, sound("/m/a.wav"))
    with_a_newer_migration()
    assert migrations.pending(path) == ["9001 Add a column"]

    with Catalog.open(path) as catalog:
        assert migrations.pending(path) == []
        assert len(catalog.segments.ids("sound-1")) == 2, "altering a table drops no rows of its children"
        assert catalog.check() == []

    backup = path.with_name(f"catalog.sqlite.bak-{older}")
    assert sorted(os.listdir(path.parent)) == ["catalog.sqlite", backup.name, "migrations"]
    with closing(sqlite3.connect(backup)) as connection:
        assert connection.execute("SELECT version_num FROM alembic_version").fetchone() == (older,)
        assert connection.execute("SELECT count(*) FROM feature").fetchone() == (2,)


@pytest.mark.parametrize(
    ("then", "error"),
    [
        pytest.param("raise ZeroDivisionError", ZeroDivisionError, id="fails"),
        pytest.param('op.execute("DELETE FROM item")', DamagedCatalogError, id="loses rows"),
    ],
)
def test_a_failed_upgrade_leaves_the_catalog_as_it_was(
    path: Path, with_a_newer_migration: Any, then: str, error: type[Exception]
) -> None:
    with Catalog.open(path, create=True) as catalog:
        put(catalog, sound("/m/a.wav"))
    before = schema(path)
    with_a_newer_migration(then)

    with pytest.raises(error):
        Catalog.open(path)

    assert schema(path) == before
    assert migrations.pending(path) == ["9001 Add a column"]


def test_a_copy_from_an_earlier_upgrade_is_kept(path: Path, with_a_newer_migration: Any) -> None:
    Catalog.open(path, create=True).close()
    older = path.read_bytes()
    backup = path.with_name(f"catalog.sqlite.bak-{migrations.CURRENT_REVISION}")
    backup.write_bytes(b"precious")
    with_a_newer_migration()

    for _ in range(2):
        Catalog.open(path).close()
        path.write_bytes(older)

    assert backup.read_bytes() == b"precious"
    copies = sorted(copy.name for copy in path.parent.glob("*.bak-*"))
    assert copies == [backup.name, f"{backup.name}-2", f"{backup.name}-3"]


def test_nothing_lies_beside_a_copy_that_is_being_made(
    path: Path, with_a_newer_migration: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Who is killed then leaves one file at the most, which the next upgrade removes."""
    with Catalog.open(path, create=True) as catalog:
        put(catalog, *(sound(f"/m/{number}.wav", str(number)) for number in range(20)))
    with_a_newer_migration()
    beside: set[str] = set()

    class Watched(sqlite3.Connection):
        def backup(self, target: sqlite3.Connection, **_: Any) -> None:
            def look(*_: int) -> None:
                beside.update(name for name in os.listdir(path.parent) if name.startswith("."))

            super().backup(target, pages=1, progress=look)

    monkeypatch.setattr("modag_search.catalog.migrations.sqlite3.connect", partial(sqlite3.connect, factory=Watched))
    Catalog.open(path).close()

    assert len(beside) == 1, beside


def test_an_upgrade_that_another_process_was_quicker_with_is_not_done_again(
    path: Path, with_a_newer_migration: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    Catalog.open(path, create=True).close()
    with_a_newer_migration()
    begin = SqliteDatabase.write

    def after_the_other(database: SqliteDatabase) -> Any:
        monkeypatch.setattr(SqliteDatabase, "write", begin)
        migrations.upgrade(path)
        return begin(database)

    monkeypatch.setattr(SqliteDatabase, "write", after_the_other)
    Catalog.open(path).close()

    assert migrations.pending(path) == []
    assert len(list(path.parent.glob("*.bak-*"))) == 1


def test_the_newest_revision_is_the_one_that_opening_knows() -> None:
    scripts = ScriptDirectory.from_config(migrations.configuration())

    assert scripts.get_heads() == [migrations.CURRENT_REVISION]


def test_migrations_and_tables_give_the_same_schema(tmp_path: Path) -> None:
    migrations.upgrade(tmp_path / "migrated.sqlite", create=True)
    engine = create_engine(f"sqlite:///{tmp_path / 'created.sqlite'}")
    Base.metadata.create_all(engine)
    engine.dispose()

    assert schema(tmp_path / "migrated.sqlite") == schema(tmp_path / "created.sqlite")


def test_alembic_notices_a_column_without_a_migration(path: Path) -> None:
    migrations.upgrade(path, create=True)
    changed = MetaData(naming_convention=Base.metadata.naming_convention)
    for table in Base.metadata.sorted_tables:
        copied = table.to_metadata(changed)
        # A copy of an index does not know any more that it is another database's.
        names = {index.name for index in table.indexes if not is_of("sqlite")(index)}
        copied.indexes -= {index for index in copied.indexes if index.name in names}
    changed.tables["item"].append_column(Column("note", Integer))
    engine = create_engine(f"sqlite:///{path}")

    with engine.connect() as connection:
        context = MigrationContext.configure(connection, opts={"include_object": is_of("sqlite")})
        same = compare_metadata(context, Base.metadata)
        [difference] = compare_metadata(context, changed)

    engine.dispose()
    assert same == []
    assert difference[0] == "add_column"


def test_alembic_check_passes_in_a_fresh_checkout() -> None:
    command = [sys.executable, "-m", "alembic", "check"]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)

    assert done.returncode == 0, done.stdout + done.stderr
    assert "No new upgrade operations" in done.stdout


def test_opening_a_catalog_loads_nothing_heavy(path: Path) -> None:
    Catalog.open(path, create=True).close()
    code = (
        "import sys; from modag_search.catalog import Catalog; Catalog.open(sys.argv[1]).close(); "
        "print(sorted({'alembic', 'sqlalchemy.orm', 'torch', 'faiss', 'av'} & sys.modules.keys()))"
    )
    command = [sys.executable, "-c", code, str(path)]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True)

    assert done.stdout == "[]\n"


def make_of_revision_0004(path: Path) -> None:
    """Make a catalog as version 0004 did, of a sound with a feature, whose second segment is gone."""
    make_tables_of(path, "0004")
    execute(
        path, "INSERT INTO item VALUES (1, CAST('/m/a.wav' AS BLOB), 'a', 1, 1, 'sound', 1, NULL, NULL, 'ok', '', '')"
    )
    execute(path, "INSERT INTO pipeline VALUES (1, 'sound', 'toy', 1, '<f4', 'f', '{}')")
    for number in (1, 2):
        execute(path, f"INSERT INTO segment VALUES ({number}, 1, 1, 'sound', 0, 1, 'ok', 1)")
    execute(path, "INSERT INTO feature VALUES (1, x'0000803F')")
    execute(path, "DELETE FROM segment WHERE id = 2")


def test_the_revision_that_lets_pictures_be_flat_keeps_features_and_never_gives_an_id_again(path: Path) -> None:
    make_of_revision_0004(path)

    Catalog.open(path).close()

    with closing(sqlite3.connect(path)) as connection:
        assert connection.execute("SELECT * FROM feature").fetchall() == [(1, b"\0\0\x80?")]
        connection.execute("INSERT INTO segment SELECT NULL, 1, 1, 'image', NULL, NULL, 'flat', 2, NULL")
        assert connection.execute("SELECT id FROM segment ORDER BY id").fetchall() == [(1,), (3,)]


def test_the_revision_with_checksums_knows_those_of_earlier_features(path: Path) -> None:
    make_of_revision_0004(path)

    with Catalog.open(path) as catalog:
        assert catalog.check() == []
        [(ids, features)] = catalog.segments.features("f")
        assert (ids.tolist(), features.tolist()) == ([1], [[1.0]])

    execute(path, "UPDATE feature SET data = x'0000813F'")
    with Catalog.open(path) as catalog, pytest.raises(DamagedCatalogError, match="segment 1 has changed on the disk"):
        list(catalog.segments.features("f"))


def test_the_revision_that_leaves_segments_keeps_what_can_be_taken_back_and_never_gives_an_id_again(path: Path) -> None:
    kept = ROOT / "tests" / "catalogs" / "0009.sql"
    with closing(sqlite3.connect(path)) as connection:
        connection.executescript(kept.read_text())
        feature = connection.execute("SELECT id, data FROM forgotten_segment").fetchall()
    execute(path, "UPDATE sqlite_sequence SET seq = 50 WHERE name = 'segment'")

    Catalog.open(path).close()

    with closing(sqlite3.connect(path)) as connection:
        left = "SELECT feature.* FROM feature JOIN remnant USING (segment_id)"
        assert connection.execute(left).fetchall() == feature
        assert connection.execute("SELECT seq FROM sqlite_sequence WHERE name = 'segment'").fetchall() == [(50,)]
        assert connection.execute("PRAGMA foreign_key_list(segment)").fetchall()[0][2] == "pipeline"
        (definition,) = connection.execute("SELECT sql FROM sqlite_schema WHERE name = 'segment'").fetchone()
        assert definition.count("CHECK") == 2


def test_an_older_revision_than_its_tables_are_of_is_refused(path: Path) -> None:
    Catalog.open(path, create=True).close()
    execute(path, "UPDATE alembic_version SET version_num = '0006'")

    with pytest.raises(DamagedCatalogError, match=r"catalog\.sqlite: what its tables are is not as the last upgrade"):
        Catalog.open(path)
    assert os.listdir(path.parent) == ["catalog.sqlite"]


@pytest.mark.parametrize("column", [b"content_hasi TEXT", b"content_has\xe9 TEXT", b"content_has\xc0 TEXT"])
def test_tables_that_are_not_what_they_were_are_damage(path: Path, column: bytes) -> None:
    with Catalog.open(path, create=True) as catalog:
        put(catalog, sound("/m/a.wav"))
    path.write_bytes(path.read_bytes().replace(b"content_hash TEXT", column))

    with pytest.raises(DamagedCatalogError, match=r"catalog\.sqlite: "), Catalog.open(path) as catalog:
        list(catalog.items.all())
