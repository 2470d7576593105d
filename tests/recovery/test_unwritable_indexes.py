"""Indexes that were left in all sorts of states, where nothing can be written to them: they answer as elsewhere."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from modag_search import Index
from tests.cli.command_line import ROOT, CommandLine
from tests.earlier_files import settings_without_checksum
from tests.made_media import BLUE, HIGH_HZ, LOW_HZ, RED, picture, sound
from tests.recovery.test_read_only_disk import IN_A_MOUNT
from tests.toy_encoders import install, toy_index

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

NOBODY = 65534

ASKING = """
import json, sys
from modag_search import Index, ReadOnlyIndexError
from modag_search.rows import as_row
folder, media = sys.argv[1:]
with Index.open(folder) as index:
    refused = 0
    for write in (
        lambda: index.label(["id:1"], "new"), lambda: index.add([media]), lambda: index.forget(["id:1"]), index.rebuild,
        lambda: index.transfer(min_confidence=0), index.train_head,
    ):
        try:
            write()
        except ReadOnlyIndexError:
            refused += 1
    print(json.dumps({
        "hits": [[hit.path, hit.similarity, hit.relevance] for hit in index.search("id:1")],
        "called": [[one.path, one.label, one.confidence] for one in index.classify()],
        "by head": [[one.path, one.label, one.confidence] for one in index.classify(by="head")],
        "given": [one.path for one in index.transfer(min_confidence=0, dry_run=True).given],
        "suggested": [one.path for one in index.suggest()],
        "map": index.map().positions.tolist(),
        "problems": index.verify(),
        "refused": refused,
    }))
"""


@pytest.fixture
def place(toys: None) -> Iterator[Path]:
    """A folder that others may read, with an index of eight items, four of them labelled, in the folder ``index``."""
    with tempfile.TemporaryDirectory() as folder:
        place = Path(folder)
        place.chmod(0o755)
        install(place / "plugins")  # where others may read it
        for number in range(2):
            for name, colour, hz in (("low", RED, LOW_HZ), ("high", BLUE, HIGH_HZ)):
                picture(place / "media" / f"{number}-{name}.png", (colour[0], colour[1] + 9 * number, colour[2]))
                sound(place / "media" / f"{number}-{name}.wav", (hz + 20 * number, 1))
        with toy_index(place / "index") as index:
            index.add(sorted((place / "media").glob("0*")))
            for name in ("low", "high"):
                index.label(sorted((place / "media").glob(f"0-{name}.*")), name)
            shutil.copytree(index.folder / "stores", place / "former stores")
            index.add([place / "media"])
            index.train_head()
        yield place


def held(folder: Path) -> dict[Path, bytes]:
    return {path: path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def read_only_mount(index: Path) -> list[str]:
    if not (unshare := shutil.which("unshare")):
        pytest.skip("this system has no `unshare`, by which to mount a folder for one command")
    wrapper = [unshare, "--user", "--map-root-user", "--mount", "sh", "-c", IN_A_MOUNT, "sh"]
    if subprocess.run([*wrapper, index, "true"], capture_output=True, check=False).returncode:
        pytest.skip("this system lets nobody mount a folder for one command: `unshare --user --mount` fails")
    return [*wrapper, str(index)]


def folder_without_permission(index: Path) -> list[str]:
    """Root may write everywhere: what it runs is run by nobody."""
    for path in (index, *index.rglob("*")):
        path.chmod(0o555 if path.is_dir() else 0o444)
    return as_nobody()


def files_without_permission(index: Path) -> list[str]:
    for path in (index, *index.rglob("*")):
        path.chmod(0o777 if path.is_dir() else 0o444)
    return as_nobody()


def as_nobody() -> list[str]:
    if os.geteuid():
        return []
    wrapper = ["setpriv", f"--reuid={NOBODY}", f"--regid={NOBODY}", "--clear-groups"]
    if not shutil.which("setpriv"):
        pytest.skip("root may write everywhere, and this system has no `setpriv`")
    probe = [*wrapper, sys.executable, "-c", "import modag_search.index"]
    environment = CommandLine(ROOT).environment
    if subprocess.run(probe, env=environment, check=False, capture_output=True).returncode:
        pytest.skip("root may write everywhere, and nobody may read this Python's environment, or this checkout")
    return wrapper


def leave_stores_behind(index: Path) -> None:
    shutil.rmtree(index / "stores")
    shutil.copytree(index.parent / "former stores", index / "stores")


def remove_stores(index: Path) -> None:
    shutil.rmtree(index / "stores")


def lose_the_kind_of_stores(index: Path) -> None:
    settings_without_checksum(index, store="nonesuch")


def leave_a_log(index: Path) -> None:
    """Leave what a writer does that was killed, without the file by which readers of a log know of each other."""
    catalog, copied = index / "catalog.sqlite", index.parent / "copied"
    copied.mkdir()
    with Index.open(index) as opened:
        opened.label(["id:8"], "high")
        for ending in ("", "-wal"):
            shutil.copy(f"{catalog}{ending}", copied)
    for path in copied.iterdir():
        path.replace(index / path.name)


@pytest.mark.parametrize(
    ("leave", "protect"),
    [
        (leave_stores_behind, read_only_mount),
        (remove_stores, files_without_permission),
        (lose_the_kind_of_stores, read_only_mount),
        (leave_a_log, read_only_mount),
        (leave_a_log, folder_without_permission),
        (leave_a_log, files_without_permission),
    ],
)
def test_an_index_answers_where_it_cannot_be_written_to(
    place: Path, leave: Callable[[Path], None], protect: Callable[[Path], list[str]]
) -> None:
    leave(place / "index")
    shutil.copytree(place / "index", place / "elsewhere")
    settings = place / "elsewhere" / "settings.json"
    settings.write_text(settings.read_text().replace("nonesuch", "auto"))
    before = held(place / "index")
    modag = CommandLine(place, plugins=place / "plugins")

    def asked(*command: str) -> tuple[dict[str, object], str]:
        done = subprocess.run(
            [*command[:-1], sys.executable, "-c", ASKING, command[-1], str(place / "media")],
            env=modag.environment,
            capture_output=True,
            text=True,
            check=False,
        )
        assert done.returncode == 0, done.stderr
        return json.loads(done.stdout), done.stderr

    answers, said = asked(*protect(place / "index"), str(place / "index"))
    assert answers.pop("refused") == 6
    assert sum("read-only" in line for line in said.splitlines()) == (leave in (leave_a_log, lose_the_kind_of_stores))
    assert held(place / "index") == before
    with Index.open(place / "elsewhere") as index:
        assert answers["problems"] == index.verify() == []
        assert answers["hits"] == [[hit.path, hit.similarity, hit.relevance] for hit in index.search("id:1")]
        assert answers["called"] == [[one.path, one.label, one.confidence] for one in index.classify()]
        assert answers["by head"] == [[one.path, one.label, one.confidence] for one in index.classify(by="head")]
        assert answers["given"] == [one.path for one in index.transfer(min_confidence=0, dry_run=True).given]
        assert answers["suggested"] == [one.path for one in index.suggest()]
        assert answers["map"] == index.map().positions.tolist()
