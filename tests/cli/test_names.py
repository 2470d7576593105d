"""``modag classify --names`` with what ships: no labelled item is needed."""

from __future__ import annotations

import shutil
from typing import TYPE_CHECKING

import pytest

from tests.cli.command_line import CommandLine

if TYPE_CHECKING:
    from pathlib import Path


@pytest.fixture
def everyday(everyday_folder: Path, tmp_path: Path) -> CommandLine:
    """``modag`` where an index of pictures and sounds of dogs, roosters and the sea is."""
    shutil.copytree(everyday_folder, tmp_path / "index")
    modag = CommandLine(tmp_path)
    modag.environment["MODAG_INDEX"] = str(tmp_path / "index")
    return modag


def kinds_right(rows: list[dict[str, str]]) -> bool:
    return all(row["path"].rpartition("/")[2].startswith(row["label"]) for row in rows)


def test_names_stand_with_commas_between_them(everyday: CommandLine) -> None:
    outcome = everyday("classify", "--all", "--names", 'dog, rooster,sea,"car, old"')
    assert outcome.status == 0
    assert len(outcome.data) == 12
    assert kinds_right(outcome.data)
    assert {one["label"] for one in outcome.data[0]["scores"]} == {"dog", "rooster", "sea", "car, old"}


def test_names_that_say_nothing_are_told_when_they_are_added(everyday: CommandLine) -> None:
    outcome = everyday("label", "add", "dog", "DSC_001")
    assert (outcome.status, outcome.data["added"]) == (0, 2)
    assert outcome.error.startswith("warning: not understood, so that examples alone will count: DSC_001; --means")
    assert everyday("label", "add", "DSC_001", "--means", "a barking dog").stderr == ""


def test_names_may_be_given_several_times(everyday: CommandLine) -> None:
    outcome = everyday("classify", "--all", "--names", "dog,rooster", "--names", "sea")
    assert kinds_right(outcome.data)


def test_transfer_by_names_is_a_run_like_others(everyday: CommandLine) -> None:
    asked = ("transfer", "--by", "names", "--names", "dog,rooster,sea", "--min-confidence", "0.5")
    dry = everyday(*asked, "--dry-run")
    assert len(dry.data) >= 10
    assert kinds_right(dry.data)
    done = everyday(*asked)
    assert done.data == dry.data
    (run,) = everyday("label", "runs").data
    assert run["arguments"]["names"] == ["dog", "rooster", "sea"]
    everyday("label", "undo", run["run"])
    assert everyday("label", "runs").status == 4


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (("--all", "--names", ","), "names no label"),
        (("--all", "--names", "dog", "--by", "head"), "a head answers with the labels that it was fitted to"),
        (("--all", "--names", "dog", "--preset", "ucs"), "--names and --preset exclude each other"),
        (("--all", "--by", "names"), "no labels to choose among; name some, or `modag label add NAME`"),
    ],
)
def test_names_that_cannot_be_meant(everyday: CommandLine, arguments: tuple[str, ...], told: str) -> None:
    outcome = everyday("classify", *arguments)
    assert outcome.status == 2
    assert told in outcome.stderr


@pytest.mark.parametrize(
    ("level", "expected"),
    [
        (
            (),
            {
                "dog": {"ANIMALS-DOG"},
                "rooster": {"BIRDS", "BIRDS-FOWL"},
                "sea": {"AMBIENCE-SEASIDE", "WATER-WAVE", "WATER-SURF", "BEACH-SHORE"},
            },
        ),
        (("--level", "0"), {"dog": {"ANIMALS"}, "rooster": {"BIRDS"}, "sea": {"WATER"}}),
    ],
)
def test_a_library_is_sorted_by_a_vocabulary_of_the_package(
    everyday: CommandLine, level: tuple[str, ...], expected: dict[str, set[str]]
) -> None:
    outcome = everyday("transfer", "--by", "names", "--preset", "ucs", "--min-confidence", "0", "--dry-run", *level)
    assert outcome.status == 0
    named: dict[str, list[str]] = {}
    for row in outcome.data:
        named.setdefault(row["path"].rpartition("/")[2].partition("-")[0], []).append(row["label"])
    for kind, right in expected.items():
        assert sum(label in right for label in named[kind]) >= 3, named


def test_a_file_that_is_not_there_is_told_before_names(everyday: CommandLine) -> None:
    outcome = everyday("classify", "nothere.wav", "--names", "qzxv")
    assert (outcome.status, outcome.stdout) == (2, b"")
    assert "nothere.wav: does not exist" in outcome.stderr.splitlines()[-1]
    assert "qzxv" not in outcome.stderr.splitlines()[-1]


def test_names_that_are_not_understood(everyday: CommandLine) -> None:
    outcome = everyday("classify", "--all", "--names", "dog,qzxv")
    assert outcome.status == 0
    assert outcome.stderr == "warning: not understood, and so never answered: qzxv\n"
    assert everyday("classify", "--all", "--names", "qzxv").status == 4
