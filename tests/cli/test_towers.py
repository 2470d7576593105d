"""Indexes of the encoders clip and clap, from the files that they are fetched as to answers."""

from __future__ import annotations

import json
import sys
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


def names_file(folder: Path) -> Path:
    """Combinations of the words that the small towers know."""
    words = ("dog", "cat", "rain", "red", "tone", "whistle", "engine", "sound")
    path = folder / "list.txt"
    path.write_text("\n".join(f"{first} {second}" for first in words for second in words))
    return path


def test_a_space_is_made_of_names_and_words_ask_in_it(
    towers: CommandLine, tiny_towers: TinyTowers, tmp_path: Path
) -> None:
    tiny_towers.add()
    made = towers("train", "names", "--names", names_file(tmp_path))
    assert made.status == 0, made.stderr
    assert made.data["names"] == 64
    assert set(made.data["metrics"]["names_held_out"]) == {"recall_at_1", "recall_at_10"}
    assert made.error.startswith("names.safetensors: written; `modag index PATH --sound-encoder clap")
    outcome = towers("index", "media", *TOWERS, "--space", "names.safetensors")
    assert (outcome.status, outcome.data["added"]) == (0, 5)
    assert "no space joins" not in outcome.stderr
    everything = {"red.png", "green.png", "blue.png", "low.wav", "high.wav"}
    assert set(found(towers("search", "a red dog"))) == everything
    assert set(found(towers("search", "text:rain", "--modality", "sound"))) == {"low.wav", "high.wav"}
    assert found(towers("search", "media/low.wav", "--modality", "image", "-n", "3"))
    by_id = towers("search", "id:1")
    assert by_id.status == 0
    assert towers("info").status == 0


def test_an_index_moves_to_a_space_by_names(towers: CommandLine, tiny_towers: TinyTowers, tmp_path: Path) -> None:
    tiny_towers.add()
    towers("index", "media", *TOWERS)
    outcome = towers("search", "a red dog")
    assert outcome.status != 0
    towers("train", "names", "--names", names_file(tmp_path), "--output", "mine.safetensors")
    assert towers("rebuild", "--space", "mine.safetensors").status == 0
    assert len(found(towers("search", "a red dog"))) == 5


def test_labels_count_by_what_the_towers_make_of_their_names(
    towers: CommandLine, tiny_towers: TinyTowers, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    tiny_towers.add()
    towers("train", "names", "--names", names_file(tmp_path))
    towers("index", "media", *TOWERS, "--space", "names.safetensors")
    by_names = towers("classify", "--all", "--names", "red dog,rain,whistle")
    assert by_names.status == 0, by_names.stderr
    assert all(len(row["scores"]) == 3 for row in by_names.data)

    towers("label", "media/red.png", "--as", "red dog")
    towers("label", "media/low.wav", "--as", "rain")
    with_networks = towers("classify", "media/high.wav").data[0]["scores"]
    monkeypatch.setitem(sys.modules, "transformers", None)
    outcome = towers("classify", "id:1")
    assert outcome.status == 0
    assert "what labels are called says nothing here: encoder " in outcome.stderr
    assert 'pip install "modag-search[transformers]"' in outcome.stderr
    assert len(with_networks) == 2


def test_encoders_without_text_towers_are_refused(towers: CommandLine, tmp_path: Path) -> None:
    for arguments, message in (
        (("--sound-encoder", "modag-sound"), "encoder 'modag-sound' has no text tower"),
        (("--sound-encoder", "clip"), "--sound-encoder clip: takes images"),
        (("--names", tmp_path / "nowhere"), "nowhere: cannot be read"),
    ):
        outcome = towers("train", "names", *arguments)
        assert (outcome.status, outcome.stdout) == (2, b"")
        assert message in outcome.error
    assert not (tmp_path / "names.safetensors").exists()
