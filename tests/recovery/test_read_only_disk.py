"""An index on a disk that is mounted read-only: it answers, and says of what it cannot do why."""

from __future__ import annotations

import shlex
import shutil
import subprocess
from typing import TYPE_CHECKING

import pytest

from tests.cli.command_line import CommandLine
from tests.made_media import BLUE, HIGH_HZ, LOW_HZ, RED, picture, sound
from tests.toy_encoders import toy_index

if TYPE_CHECKING:
    from pathlib import Path

IN_A_MOUNT = 'mount --bind "$1" "$1" && mount -o remount,ro,bind "$1" || exit 77; shift; exec "$@"'
"""Runs a command while a folder is mounted read-only, for this command alone."""

REFUSED = (
    "the index is read-only here (its disk is mounted read-only); "
    "copy the index to where it can be written to, and name the copy with --index"
)


@pytest.fixture
def modag(tmp_path: Path, toys: None, toy_plugins: Path) -> CommandLine:
    for name, colour, hz in (("low", RED, LOW_HZ), ("high", BLUE, HIGH_HZ)):
        picture(tmp_path / "media" / f"{name}.png", colour)
        sound(tmp_path / "media" / f"{name}.wav", (hz, 1))
    with toy_index(tmp_path / "index") as index:
        index.add([tmp_path / "media"])
        index.label([tmp_path / "media" / "low.png"], "low")
        index.label([tmp_path / "media" / "high.png"], "high")
    modag = CommandLine(tmp_path, plugins=toy_plugins)
    modag.environment["MODAG_INDEX"] = str(tmp_path / "index")
    return modag


@pytest.fixture
def unshare(tmp_path: Path) -> list[str]:
    """What stands before a command that runs while the index is mounted read-only."""
    found = shutil.which("unshare")
    wrapper = [found or "", "--user", "--map-root-user", "--mount", "sh", "-c", IN_A_MOUNT, "sh"]
    if found is None or subprocess.run([*wrapper, tmp_path, "true"], capture_output=True, check=False).returncode:
        pytest.skip("this system lets nobody mount a folder for one command: `unshare --user --mount` fails")
    return [*wrapper, str(tmp_path / "index")]


@pytest.mark.parametrize(
    ("arguments", "status", "told"),
    [
        ("search media/low.wav --modality image -n 1 --format paths", 0, "low.png"),
        ("search id:1 -n 1 --format csv", 0, "similarity"),
        ("classify media/low.wav --format csv", 0, "media/low.wav,low,"),
        ("suggest --format paths", 0, ".wav"),
        ("duplicates", 4, "no duplicates"),
        ("label list --format csv", 0, "low,1,"),
        ("verify", 0, "all is well"),
        ("label media/low.wav --as low", 1, REFUSED),
        ("transfer --min-confidence 0", 1, REFUSED),
        ("index media", 1, REFUSED),
        ("rebuild", 1, REFUSED),
        ("train head", 1, REFUSED),
    ],
)
def test_questions_are_answered_and_changes_refused(
    modag: CommandLine, unshare: list[str], arguments: str, status: int, told: str
) -> None:
    done = subprocess.run(
        [*unshare, *modag.command(*shlex.split(arguments))],
        capture_output=True,
        cwd=modag.folder,
        env=modag.environment,
        text=True,
        check=False,
    )
    assert (done.returncode, "Traceback" in done.stderr) == (status, False), done.stderr
    assert told in done.stdout + done.stderr
