"""Indexes of the encoders clip and clap, from the files that they are fetched as to answers."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest

from tests.made_media import BLUE, GREEN, HIGH_HZ, LOW_HZ, RED, picture, sound
from tests.tiny_towers import tiny_towers

if TYPE_CHECKING:
    from pathlib import Path

    from tests.cli.command_line import CommandLine, Outcome
    from tests.tiny_towers import TinyTowers

__all__ = ["tiny_towers"]  # a fixture

TOWERS = ("--sound-encoder", "clap", "--image-encoder", "clip")


@pytest.fixture
def towers(modag: CommandLine, tiny_towers: TinyTowers, tmp_path: Path) -> CommandLine:
    """``modag`` with the two encoders, whose files the user has, and with a few media."""
    modag.environment |= {"MODAG_MODELS": str(tiny_towers.models), "MODAG_INDEX": str(tmp_path / "index")}
    for name, colour in (("red", RED), ("green", GREEN), ("blue", BLUE)):
        picture(tmp_path / "media" / f"{name}.png", colour)
    for name, hz in (("low", LOW_HZ), ("high", HIGH_HZ)):
        sound(tmp_path / "media" / f"{name}.wav", (hz, 1))
    return modag


def found(outcome: Outcome) -> list[str]:
    assert outcome.status == 0, outcome.stderr
    return [row["path"].rpartition("/")[2] for row in outcome.data]


def test_media_are_indexed_and_found(towers: CommandLine, tiny_towers: TinyTowers, tmp_path: Path) -> None:
    tiny_towers.add()
    outcome = towers("index", "media", *TOWERS)
    assert (outcome.status, outcome.data["added"]) == (0, 5)
    assert "no space joins these two encoders" in outcome.stderr
    picture(tmp_path / "new.png", (200, 30, 25))
    sound(tmp_path / "new.wav", (LOW_HZ, 2))
    assert found(towers("search", "new.png"))[0] == "red.png"
    assert found(towers("search", "new.wav"))[0] == "low.wav"
    assert towers("verify").status == 0
    assert towers("index", "media").data["unchanged"] == 5


def test_files_are_added_in_any_order_and_each_is_known_by_its_content(
    towers: CommandLine, tiny_towers: TinyTowers, tmp_path: Path
) -> None:
    from modag_search.encoders.clip import Clip

    for file in reversed(Clip().weights_files()):
        here = (tiny_towers.published / file.file_name).rename(tmp_path / "download")
        outcome = towers("models", "add", "clip", here)
        assert (outcome.status, outcome.error) == (0, f"{file.path}: installed")
        here.unlink()
    rows = {row["name"]: row for row in map(json.loads, towers("models", "--format", "jsonl").stdout.splitlines())}
    assert rows["clip"]["here"]
    assert not rows["clap"]["here"]
    (tmp_path / "other").write_bytes(b"something else")
    outcome = towers("models", "add", "clip", tmp_path / "other")
    assert (outcome.status, outcome.stdout) == (1, b"")
    assert "not the weights of clip" in outcome.error


def test_first_use_fetches_and_says_so(towers: CommandLine) -> None:
    outcome = towers("index", "media", *TOWERS)
    assert (outcome.status, outcome.data["added"]) == (0, 5)
    assert outcome.stderr.count("is fetched from file://") == 2
