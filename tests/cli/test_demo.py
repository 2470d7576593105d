"""``modag demo`` on a collection that is there already, with the toy encoders."""

from __future__ import annotations

import shlex
from typing import TYPE_CHECKING

import pytest

from tests.made_media import BLUE, GREEN, HIGH_HZ, LOW_HZ, MIDDLE_HZ, RED, picture, sound
from tests.toy_encoders import toy_index

if TYPE_CHECKING:
    from pathlib import Path

    from tests.cli.command_line import CommandLine

THINGS = {"animals/cow": (RED, LOW_HZ), "animals/dog": (GREEN, MIDDLE_HZ), "instruments/violin": (BLUE, HIGH_HZ)}


@pytest.fixture
def demo(toys: None, modag: CommandLine, tmp_path: Path) -> CommandLine:
    """``modag`` in a folder with a collection of three things, and an index for it."""
    media = tmp_path / "indexes" / "demo-media"
    for thing, (colour, hz) in THINGS.items():
        for number in ("", "_2"):
            picture(media / "pictures" / f"{thing}{number}.png", (colour[0], colour[1], colour[2] - len(number)))
            sound(media / "sounds" / f"{thing}{number}.wav", (hz + len(number), 1))
    (media / "SOURCES.md").write_text("# The demo's sounds and pictures: pypi\n")
    toy_index(tmp_path / "indexes" / "demo").close()
    return modag


def commands(stdout: bytes) -> list[list[str]]:
    return [shlex.split(line)[2:] for line in stdout.decode().splitlines() if line.startswith("$ modag ")]


def test_it_says_what_it_does_and_shows_what_can_be_run_again(demo: CommandLine) -> None:
    outcome = demo("demo", "--index", "indexes/demo")
    assert outcome.status == 0, outcome.stderr
    steps = [line for line in outcome.stderr.splitlines() if line[:1].isdigit()]
    assert [step.partition(" ")[0] for step in steps] == ["1.", "2.", "3.", "4."]
    assert "6 pictures and 6 sounds, from pypi (0 s)" in outcome.stderr
    assert "12 files taken in, 0 unchanged" in outcome.stderr
    shown = commands(outcome.stdout)
    assert [command[0] for command in shown] == ["search"] * 2 + ["label"] * 3 + ["classify"]
    for command in shown:
        again = demo(*command)
        assert again.status == 0, again.stderr


def test_a_bad_file_stops_neither_the_others_nor_the_words_at_the_end(demo: CommandLine, tmp_path: Path) -> None:
    (tmp_path / "bad.wav").write_bytes(b"no sound at all")
    mine = picture(tmp_path / "mine.png", RED)
    outcome = demo("demo", "--index", "indexes/demo", tmp_path / "bad.wav", mine)
    assert outcome.status == 3
    assert f"failed: {tmp_path / 'bad.wav'}: " in outcome.stderr
    assert "The index stays in indexes/demo. Next:" in outcome.stderr
    assert [command[1] for command in commands(outcome.stdout)[-2:]] == [str(mine)] * 2


def test_the_answers_are_those_of_the_index(demo: CommandLine) -> None:
    lines = demo("demo", "--index", "indexes/demo").stdout.decode().splitlines()
    asked = lines.index("Which pictures go with this sound (dog)?")
    assert [line.split()[1] for line in lines[asked + 3 : asked + 5]] == ["dog", "dog"]
    named = [line.split() for line in lines[-3:]]
    assert [(name, path.rpartition("/")[2]) for name, _, path in named] == [
        ("cow", "cow.wav"),
        ("dog", "dog.wav"),
        ("violin", "violin.wav"),
    ]


def test_a_second_call_leaves_labels_as_they_are_and_asks_with_files(demo: CommandLine, tmp_path: Path) -> None:
    demo("demo", "--index", "indexes/demo")
    assert demo("label", "undo", "2", "--index", "indexes/demo").status == 0
    before = demo("label", "list", "--index", "indexes/demo").data
    assert before
    mine = picture(tmp_path / "mine.png", RED)
    outcome = demo("demo", "--index", "indexes/demo", mine)
    assert outcome.status == 0, outcome.stderr
    assert "0 files taken in, 12 unchanged" in outcome.stderr
    verbs = [command[0] for command in commands(outcome.stdout)]
    assert verbs == ["search"] * 2 + ["classify"] + ["search"] * 2
    assert demo("label", "list", "--index", "indexes/demo").data == before
