"""`modag train space` killed in the middle: the same command goes on, and makes the very same file."""

from __future__ import annotations

import signal
import subprocess
from typing import TYPE_CHECKING

import pytest

from tests.cli.command_line import CommandLine
from tests.made_media import BLUE, GREEN, HIGH_HZ, LOW_HZ, MIDDLE_HZ, RED, picture, sound

if TYPE_CHECKING:
    from pathlib import Path

SETTINGS = ("--steps", "120", "--sound-encoder", "toy-sound", "--image-encoder", "toy-image", "--dimension", "16")
KILLED_AFTER = 70
"""Steps; the last note of the state is that of step 50."""

PROGRAM = f"""
import os, signal, sys
from modag_search.cli import main
from modag_search.training import space
real = space._Run.step
def step(run):
    if run.steps_done == {KILLED_AFTER}:
        os.kill(os.getpid(), signal.SIGKILL)
    return real(run)
space._Run.step = step
sys.argv = ['modag', *sys.argv[1:]]
main()
"""


@pytest.fixture
def manifest(tmp_path: Path) -> Path:
    lines = ["path,label"]
    for number in range(5):
        for label, colour, hz in (("x", RED, HIGH_HZ), ("y", GREEN, MIDDLE_HZ), ("z", BLUE, LOW_HZ)):
            shade = (colour[0] - number, colour[1], colour[2])
            lines.append(f"{picture(tmp_path / 'media' / f'{label}{number}.png', shade)},{label}")
            lines.append(f"{sound(tmp_path / 'media' / f'{label}{number}.wav', (hz + number, 1))},{label}")
    path = tmp_path / "lessons.csv"
    path.write_text("\n".join(lines) + "\n")
    return path


def test_a_killed_training_goes_on_and_ends_with_the_same_bytes(
    tmp_path: Path, manifest: Path, toy_plugins: Path
) -> None:
    modag = CommandLine(tmp_path, plugins=toy_plugins)
    arguments = ("train", "space", manifest, *SETTINGS, "--output")
    killed = subprocess.run(
        [modag.command()[0], "-c", PROGRAM, *map(str, arguments), "killed.safetensors"],
        env=modag.environment,
        cwd=tmp_path,
        capture_output=True,
        check=False,
        timeout=120,
    )
    assert killed.returncode == -signal.SIGKILL, killed.stderr
    assert (tmp_path / "killed.checkpoint").is_file()
    assert not (tmp_path / "killed.safetensors").exists()

    other = modag(*arguments, "killed.safetensors", "--seed", "1")
    assert other.status == 2
    assert "is of another training: seed was 0, not 1; --restart begins anew" in other.error

    resumed, unbroken = modag(*arguments, "killed.safetensors"), modag(*arguments, "unbroken.safetensors")
    assert (resumed.status, unbroken.status) == (0, 0), resumed.stderr
    assert resumed.data == unbroken.data
    for suffix in ("safetensors", "png"):
        assert (tmp_path / f"killed.{suffix}").read_bytes() == (tmp_path / f"unbroken.{suffix}").read_bytes()
    assert not list(tmp_path.glob("*.checkpoint"))
