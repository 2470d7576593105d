"""Indexes of toys in all sorts of states, and folders in which verbs are run on them; for `prove_limits`."""

from __future__ import annotations

import hashlib
import json
import os
import shlex
import shutil
import sqlite3
import subprocess
import sys
from contextlib import closing
from dataclasses import dataclass, field, replace
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
TIMEOUT_S = 60.0


@dataclass(frozen=True)
class Ran:
    """How a command ended."""

    status: int
    stdout: str
    stderr: str

    @property
    def outcome(self) -> str:
        """What it did, in a few words."""
        if self.status < 0:
            return f"killed by signal {-self.status}"
        if "Traceback" in self.stderr:
            return "traceback"
        if self.status in (0, 3, 4):
            return "answered"
        errors = [line for line in self.stderr.splitlines() if not line.startswith("warning: ")]
        return (
            "refused in one line" if len(errors) == 1 and errors[0].startswith("error: ") else "refused in many lines"
        )

    @property
    def warnings(self) -> int:
        """How many warnings it gave of an index that is read-only."""
        return sum(line.startswith("warning: ") and "read-only" in line for line in self.stderr.splitlines())


@dataclass(frozen=True)
class Place:
    """A folder with an index, media and what verbs read and write.

    Attributes
    ----------
    folder : Path
    plugins : Path
        Where the toy encoders are installed.
    before : tuple of str
        What stands before each command, such as who runs it.
    environment : dict
    """

    folder: Path
    plugins: Path
    before: tuple[str, ...] = ()
    environment: dict[str, str] = field(default_factory=dict)

    @property
    def index(self) -> Path:
        """The index."""
        return self.folder / "index"

    def run(self, command: str, *, program: str | None = None) -> Ran:
        """Run a verb; or a program, with what stands behind it."""
        with self.start(command, program=program) as process:
            try:
                stdout, stderr = process.communicate(timeout=TIMEOUT_S)
            except subprocess.TimeoutExpired:
                process.kill()
                stdout, stderr = process.communicate()
                stderr += "Traceback: none, it hangs"
        return Ran(process.returncode, stdout, stderr)

    def start(self, command: str, *, program: str | None = None) -> subprocess.Popen[str]:
        """Begin what `run` waits for."""
        python = (sys.executable, "-c", program) if program else (sys.executable, "-m", "modag_search")
        environment = {
            "PATH": os.environ["PATH"],
            "HOME": str(self.folder / "home"),
            "PYTHONPATH": f"{ROOT}{os.pathsep}{self.plugins}",
            "LC_ALL": "C.UTF-8",
            "OMP_NUM_THREADS": "1",
            "OPENBLAS_NUM_THREADS": "1",
            "MODAG_INDEX": str(self.index),
            **self.environment,
        }
        return subprocess.Popen(
            [*self.before, *python, *shlex.split(command)],
            cwd=self.folder,
            env=environment,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            errors="replace",
        )

    def reset(self, index: Path) -> None:
        """Put a copy of an index in the place of what is there."""
        empty(self.index)
        for entry in index.iterdir():
            copied = shutil.copytree if entry.is_dir() else shutil.copy2
            copied(entry, self.index / entry.name)


def empty(folder: Path) -> None:
    """Make a folder, or remove what is in it."""
    folder.mkdir(exist_ok=True)
    for entry in folder.iterdir():
        shutil.rmtree(entry) if entry.is_dir() else entry.unlink()


def mount(*arguments: object) -> None:
    """Mount something, in this namespace alone."""
    subprocess.run(["mount", *map(str, arguments)], check=True)


def unmount(folder: Path) -> None:
    """Unmount what is mounted at a folder."""
    subprocess.run(["umount", "-l", str(folder)], check=True)


def fingerprint(folder: Path) -> str:
    """Tell whether a file in a folder has changed, come or gone."""
    digest = hashlib.sha256()
    for path in sorted(folder.rglob("*")):
        if path.name == "catalog.sqlite-wal" and path.stat().st_size == 0:
            continue  # as good as none
        digest.update(f"{path.relative_to(folder)} {path.is_dir()} ".encode())
        digest.update(path.read_bytes() if path.is_file() else b"")
    return digest.hexdigest()


# Indexes.


def make_media(folder: Path) -> None:
    """Make two folders of media, of which the first is to be indexed at once, and what verbs read."""
    from tests.made_media import BLUE, HIGH_HZ, LOW_HZ, RED, picture, sound

    for number in range(4):
        for name, colour, hz in (("low", RED, LOW_HZ), ("high", BLUE, HIGH_HZ)):
            shade = (colour[0] - number, colour[1] + 3 * number, colour[2])
            picture(folder / "media" / f"{number}-{name}.png", shade)
            sound(folder / "media" / f"{number}-{name}.wav", (hz + 10 * number, 1))
    for number in range(60):
        picture(folder / "more" / f"{number:02}.png", (200, 3 * number, 9))
    (folder / "out").mkdir()
    (folder / "out" / "in.csv").write_text(
        f"path,label\n{folder}/media/2-low.png,low\n{folder}/media/2-high.png,high\n"
    )
    (folder / "out" / "kinds.csv").write_text("child,parent\nlow,tone\n")
    (folder / "out" / "hits.json").write_text(json.dumps([{"path": f"{folder}/media/0-low.png"}]))


def make_states(place: Place, states: Path) -> None:
    """Make an index, and of it one in each state."""
    from tests.earlier_files import settings_without_checksum
    from tests.toy_encoders import toy_index

    media = place.folder / "media"
    with toy_index(place.index) as index:
        index.add(sorted(str(path) for path in media.iterdir() if not path.name.startswith("3")))
        for name in ("low", "high"):
            index.label([media / f"{number}-{name}.{kind}" for number in (0, 1) for kind in ("png", "wav")], name)
        shutil.copytree(place.index / "stores", states / "former stores")
        index.add([media])
    for warming in ("train head", "map --format csv", "search id:1", "classify media/2-low.png"):
        assert place.run(warming).status == 0, warming

    def state(name: str, of: Path = place.index) -> Path:
        return shutil.copytree(of, states / name)

    state("clean")
    shutil.rmtree(state("stores missing") / "stores")
    behind = state("stores behind")
    shutil.rmtree(behind / "stores")
    shutil.copytree(states / "former stores", behind / "stores")
    settings_without_checksum(state("unknown store"), store="nonesuch")
    older = state("older")
    downgrade(older / "catalog.sqlite")
    killed = state("killed writer")
    replace(place, environment={"MODAG_INDEX": str(killed)}).run(str(media / "2-low.wav"), program=KILLED_WRITER)
    state("killed writer without -shm", killed)
    (states / "killed writer without -shm" / "catalog.sqlite-shm").unlink()


KILLED_WRITER = """
import os, sys
from modag_search import Index
Index.open(os.environ["MODAG_INDEX"]).label([sys.argv[1]], "low")
os.kill(os.getpid(), 9)
"""


def downgrade(path: Path, revision: str = "0005") -> None:
    """Make a catalog of an earlier revision of a catalog, with all that this has room for."""
    from alembic import command
    from sqlalchemy import create_engine

    from modag_search.catalog import migrations

    newer = path.rename(path.with_name("newer.sqlite"))
    engine = create_engine(f"sqlite:///{path}")
    with engine.begin() as connection:
        configuration = migrations.configuration()
        configuration.attributes["connection"] = connection
        command.upgrade(configuration, revision)
    engine.dispose()
    with closing(sqlite3.connect(path, isolation_level=None)) as older:
        older.execute("PRAGMA journal_mode = WAL")
        older.execute("ATTACH ? AS newer", [str(newer)])
        tables = [name for (name,) in older.execute("SELECT name FROM sqlite_master WHERE type = 'table'")]
        for table in sorted(set(tables) - {"alembic_version", "sqlite_sequence"}):
            columns = [
                [row[1] for row in older.execute(f"PRAGMA {of}.table_info({table})")] for of in ("main", "newer")
            ]
            shared = ", ".join(column for column in columns[0] if column in columns[1])
            older.execute(f"DELETE FROM {table}")  # noqa: S608  names that SQLite gave
            older.execute(f"INSERT INTO {table} ({shared}) SELECT {shared} FROM newer.{table}")  # noqa: S608
    newer.unlink()
