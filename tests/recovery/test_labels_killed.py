"""Labels that a killed process was giving: all of a run's are there, or none, and the next run completes them."""

from __future__ import annotations

import shutil
import signal
import sqlite3
import subprocess
from contextlib import closing
from typing import TYPE_CHECKING

import pytest

from modag_search import Index
from modag_search.labels.files import import_labels
from tests.cli.command_line import CommandLine
from tests.made_media import BLUE, RED, picture
from tests.toy_encoders import toy_index

if TYPE_CHECKING:
    from pathlib import Path

UNLABELLED = 9
LABELS_AT_ONCE = 4
"""So that a run is in the middle of its labels more than once."""

PROGRAM = f"""
import os, re, signal, sys
from sqlalchemy import Engine, event
from modag_search.catalog import labels, remnants
from modag_search.cli import main

labels.ANNOTATIONS_AT_ONCE = {LABELS_AT_ONCE}
remnants.SEGMENTS_AT_ONCE = 1
moment, countdown = sys.argv[1], [int(sys.argv[2])]

def reach(what):
    if re.match(moment, what):
        countdown[0] -= 1
        if countdown[0] == 0:
            os.kill(os.getpid(), signal.SIGKILL)

real_sync = os.fsync
def sync(descriptor):
    reach("a file is written")
    real_sync(descriptor)
os.fsync = sync

@event.listens_for(Engine, "before_cursor_execute")
def statement(connection, cursor, words, *rest):
    reach(words)

@event.listens_for(Engine, "commit")
def commit(connection):
    reach("commit")

del sys.argv[1:3]
main()
"""

MOMENTS = {
    "before the run is noted": ("INSERT INTO run", 1, 0),
    "when the run is noted and nothing else": ("INSERT (OR REPLACE )?INTO annotation", 1, 0),
    "when some labels are written": ("INSERT (OR REPLACE )?INTO annotation", 2, 0),
    "when the labels are about to be there": ("commit", 2, 0),
    "when the run is about to come to its end": ("UPDATE run", 1, 0),
}
"""Statement or event, how many of it come to pass, and how many labels the process leaves."""


@pytest.fixture(scope="module")
def prepared(tmp_path_factory: pytest.TempPathFactory, toys: None) -> Path:
    """A folder with an index in which two pictures have labels, and those that do not are like the one or the other."""
    folder = tmp_path_factory.mktemp("prepared")
    for name, colour in (("red", RED), ("blue", BLUE)):
        picture(folder / "media" / f"{name}.png", colour)
    for number in range(UNLABELLED):
        picture(folder / "media" / f"{number}.png", (220, number, 20) if number % 2 else (20, number, 220))
    with toy_index(folder / "index") as index:
        index.add([folder / "media"])
        for name in ("red", "blue"):
            index.label([folder / "media" / f"{name}.png"], name)
    (folder / "labels.csv").write_text(
        "path,label\n" + "".join(f"media/{number}.png,number {number % 3}\n" for number in range(UNLABELLED))
    )
    return folder


class Killing:
    """Runs ``modag`` on a copy of the index, to its end or to some moment."""

    def __init__(self, folder: Path, prepared: Path, plugins: Path) -> None:
        self.index = shutil.copytree(prepared / "index", folder / "index")
        self.modag = CommandLine(folder, plugins=plugins)

    def kill_at(self, moment: str, count: int, *arguments: object) -> None:
        python = self.modag.command()[0]
        own = self.modag.command(*arguments, "--index", self.index)[3:]
        command = [python, "-c", PROGRAM, moment, str(count), *own]
        done = subprocess.run(command, env=self.modag.environment, capture_output=True, check=False, timeout=60)
        assert done.returncode == -signal.SIGKILL, done.stderr.decode()

    def finish(self, *arguments: object) -> None:
        """Do what the command does, in this process."""
        with Index.open(self.index) as opened:
            if arguments[0] == "transfer":
                opened.transfer()
            else:
                import_labels(opened.catalog, str(arguments[-1]))

    def labels(self) -> list[tuple[int, str]]:
        """Item and name of each label that a person did not give, in an index where nothing is wrong."""
        with Index.open(self.index) as opened:
            assert opened.verify() == []
            return sorted((a.item_id, a.label) for a in opened.catalog.labels.annotations() if a.origin != "hand")

    def runs(self) -> list[tuple[str, int | None]]:
        """The runs that did not come to their end, with how many labels they gave."""
        with Index.open(self.index) as opened:
            counts = opened.catalog.labels.count_by_run()
            return [(run.verb, counts.get(run.id)) for run in opened.catalog.runs.all() if run.finished_at is None]


@pytest.fixture
def killing(tmp_path: Path, prepared: Path, toys: None, toy_plugins: Path) -> Killing:
    return Killing(tmp_path, prepared, toy_plugins)


@pytest.fixture(scope="module", params=["transfer", "label"])
def verb(request: pytest.FixtureRequest, prepared: Path) -> list[object]:
    return ["transfer"] if request.param == "transfer" else ["label", "--from", prepared / "labels.csv"]


@pytest.fixture(scope="module")
def expected(
    tmp_path_factory: pytest.TempPathFactory, prepared: Path, toy_plugins: Path, toys: None, verb: list[object]
) -> list[tuple[int, str]]:
    """What a process gives that nobody kills."""
    undisturbed = Killing(tmp_path_factory.mktemp("undisturbed"), prepared, toy_plugins)
    undisturbed.finish(*verb)
    assert undisturbed.runs() == []
    return undisturbed.labels()


@pytest.mark.parametrize("moment", MOMENTS)
def test_a_killed_run_gives_all_of_its_labels_or_none_and_the_next_completes_them(
    killing: Killing, verb: list[object], expected: list[tuple[int, str]], moment: str
) -> None:
    what, count, n_left = MOMENTS[moment]
    assert len(expected) == UNLABELLED
    killing.kill_at(what, count, *verb)
    assert killing.labels() == (expected if n_left else [])
    killing.finish(*verb)
    assert killing.labels() == expected


def test_labels_of_a_run_that_has_not_come_to_its_end_can_be_undone(
    killing: Killing, verb: list[object], expected: list[tuple[int, str]]
) -> None:
    """As where it was killed by an earlier version, which noted the end behind them."""
    killing.finish(*verb)
    with closing(sqlite3.connect(killing.index / "catalog.sqlite")) as catalog, catalog:
        catalog.execute("UPDATE run SET finished_at = NULL, outcome = NULL WHERE verb = ?", (verb[0],))
    assert (verb[0], UNLABELLED) in killing.runs()
    with Index.open(killing.index) as opened:
        (run,) = [run.id for run, n in opened.labels.runs() if run.finished_at is None and n == UNLABELLED]
        assert opened.labels.undo(run).changed == UNLABELLED
    assert killing.labels() == []
    assert killing.modag(*verb, "--index", killing.index).status == 0
    assert killing.labels() == expected


def test_a_calibration_whose_writing_was_broken_off_does_no_harm(killing: Killing) -> None:
    killing.kill_at("a file is written", 1, "transfer")
    assert [path.name[:25] for path in killing.index.glob(".calibration*")] == [".calibration.safetensors-"]
    assert not (killing.index / "calibration.safetensors").exists()
    assert killing.labels() == []
    killing.finish("transfer")
    assert len(killing.labels()) == UNLABELLED
    assert (killing.index / "calibration.safetensors").exists()
    assert list(killing.index.glob(".calibration*")) == []
