"""What a power cut may take: the order of the system calls by which verbs write, replayed.

A file system may keep a rename and lose what the file held, unless that was seen on the disk before; and it may lose
the rename, unless its folder was seen there before anything was acknowledged.
"""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

import crashing
import pytest

from tests.cli.command_line import CommandLine

if TYPE_CHECKING:
    from collections.abc import Iterator

SCRIPT = Path(crashing.__file__)
CALLS = "openat,write,pwrite64,writev,fsync,fdatasync,mkdir,mkdirat,rename,renameat,renameat2,ftruncate"
CALL = re.compile(r"^(?P<process>\d+) +(?P<name>\w+)\((?P<arguments>.*)\) += (?P<result>\S+)")
BEGUN = re.compile(r"^(?P<process>\d+) +(?P<text>\w+\(.*) <unfinished \.\.\.>$")
RESUMED = re.compile(r"^(?P<process>\d+) +<\.\.\. \w+ resumed>(?P<text>.*)$")
OPENED = re.compile(r"^(?:\d+|AT_FDCWD)<(?P<path>[^>]*)>")


class Call(NamedTuple):
    """A system call that succeeded, and the paths that it is about."""

    name: str
    paths: list[str]
    text: str


def calls(trace: str) -> Iterator[Call]:
    """Read what strace has written; a call that others interrupt is told where it comes to its end."""
    begun: dict[str, str] = {}
    for line in trace.splitlines():
        if started := BEGUN.match(line):
            begun[started["process"]] = started["text"]
            continue
        if resumed := RESUMED.match(line):
            line = f"{resumed['process']} {begun.pop(resumed['process'], '')}{resumed['text']}"  # noqa: PLW2901
        call = CALL.match(line)
        if call is None or call["result"] == "-1":
            continue
        opened = OPENED.match(call["arguments"])
        named = re.findall(r'"((?:[^"\\]|\\.)*)"', call["arguments"])
        paths = named if call["name"].startswith(("rename", "openat", "mkdir")) else [opened["path"]] if opened else []
        yield Call(call["name"], paths, call["arguments"])


class Disk:
    """What of a folder would be there after a power cut.

    Parameters
    ----------
    folder : str
        Other files do not count.
    """

    def __init__(self, folder: str) -> None:
        self._folder = folder
        self.unseen: set[str] = set()
        """Files whose content was written and not seen on the disk."""
        self.unnamed: set[str] = set()
        """Folders in which a name was changed that was not seen on the disk."""
        self.renames: list[str] = []
        self._known = {os.path.join(parent, name) for parent, _, names in os.walk(folder) for name in names}

    def take(self, call: Call) -> None:
        """Follow a call; an AssertionError says what it would cost."""
        if call.name.startswith("rename"):
            old, new = call.paths
            if new.startswith(self._folder):
                lost = [path for path in self.unseen if path == old or path.startswith(f"{old}/")]
                assert not lost, f"{new} is there before what it holds: {lost}"
                self.unnamed.add(os.path.dirname(new))
                self.renames.append(new)
                moved = {path for path in self._known if path == old or path.startswith(f"{old}/")}
                self._known |= {new + path.removeprefix(old) for path in moved}
            return
        self._name(call)
        for path in call.paths:
            if not path.startswith(self._folder) or path.endswith(("-shm", "/lock")):
                continue
            if call.name in ("fsync", "fdatasync"):
                self.unseen.discard(path)
                self.unnamed.discard(path)
            elif call.name != "openat":
                self.unseen.add(path)

    def _name(self, call: Call) -> None:
        """Follow how folders and catalogs come to be; SQLite sees to the files beside these itself."""
        for path in call.paths:
            is_made = call.name.startswith("mkdir") or (
                "O_CREAT" in call.text and path.endswith("catalog.sqlite") and path not in self._known
            )
            if is_made and path.startswith(self._folder):
                self._known.add(path)
                self.unnamed.add(os.path.dirname(path))

    def acknowledged(self) -> None:
        """Assert that nothing could be lost of what a user is told now."""
        log = {path for path in self.unseen if path.endswith("-wal")}
        assert not log, f"acknowledged before it was seen on the disk: {log}"
        assert not self.unnamed, f"acknowledged before names were seen on the disk: {self.unnamed}"


@pytest.fixture
def modag(tmp_path: Path, toy_plugins: Path) -> CommandLine:
    modag = CommandLine(tmp_path, plugins=toy_plugins)
    modag.environment["PYTHONPATH"] += f"{os.pathsep}{SCRIPT.parent}"
    return modag


@pytest.mark.parametrize(
    "verb", ["index", "new", "compaction", "label", "forget", "rebuild", "naming", "migrate", "backup"]
)
def test_what_was_acknowledged_outlives_a_power_cut(verb: str, tmp_path: Path, modag: CommandLine) -> None:
    strace = shutil.which("strace")
    if strace is None:
        pytest.skip("strace is not installed")
    place = tmp_path / "place"
    place.mkdir()
    trace = tmp_path / "trace"
    run = [sys.executable, str(SCRIPT)]
    subprocess.run([*run, "prepare", verb, str(place)], env=modag.environment, check=True, capture_output=True)
    disk = Disk(str(place))
    traced = [strace, "-f", "-y", "-qq", "-s", "64", "-o", str(trace), "-e", f"trace={CALLS}"]
    done = subprocess.run(
        [*traced, *run, "act", verb, str(place)], env=modag.environment, capture_output=True, text=True, check=False
    )
    if done.returncode and "ptrace" in done.stderr.lower():
        pytest.skip("strace may not trace here")
    assert done.returncode == 0, done.stderr
    acknowledged = 0
    for call in calls(trace.read_text(errors="replace")):
        if call.name == "write" and '"done: ' in call.text:
            disk.acknowledged()
            acknowledged += 1
        disk.take(call)
    assert acknowledged == done.stdout.count("done: ")
    assert disk.renames or verb in ("label", "migrate")
