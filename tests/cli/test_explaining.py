"""``modag explain``."""

from __future__ import annotations

import re
import shutil
from typing import TYPE_CHECKING

import pytest

from modag_search.hierarchy import Hierarchy
from tests.made_media import LOW_HZ, MIDDLE_HZ, RED, picture, sound
from tests.toy_encoders import toy_index

if TYPE_CHECKING:
    from pathlib import Path

    from tests.cli.command_line import CommandLine

KEYS = [
    *("path", "label", "confidence", "decided_by", "kinds", "first", "second", "second_confidence", "none"),
    *("given", "denied", "heard", "copy_of", "by_head"),
]


@pytest.fixture
def crowd(toy: CommandLine, media: Path, tmp_path: Path) -> CommandLine:
    """``modag`` with three reddish violins, three greenish horns, a low sound of a violin, and none of a horn."""
    with toy_index(tmp_path / "index") as index:
        for n in range(3):
            picture(media / f"r{n}.png", (230, 20 + 3 * n, 20))
            picture(media / f"g{n}.png", (20, 230, 20 + 3 * n))
        sound(media / "low.wav", (LOW_HZ, 1))
        index.add([media])
        index.label([media / f"r{n}.png" for n in range(3)], "violin")
        index.label([media / f"g{n}.png" for n in range(3)], "horn")
        index.label([media / "low.wav"], "violin")
    return toy


def test_all_numbers_are_in_json(crowd: CommandLine, tmp_path: Path) -> None:
    outcome = crowd("explain", picture(tmp_path / "q.png", (230, 90, 20)))
    assert (outcome.status, outcome.stderr) == (0, "")
    why = outcome.data
    assert list(why) == KEYS
    assert (why["label"], why["second"]) == ("violin", "horn")
    (said,) = why["heard"]
    assert sum(part["log_odds"] for part in said["parts"]) == pytest.approx(said["log_odds"])
    assert [part["kind"] for part in said["parts"]] == ["own", "other", "name", "features", "added"]
    assert set(said["examples"][0]) == {
        *("label", "id", "path", "modality", "similarity", "deviations", "start_s", "end_s")
    }


def test_people_read_it_in_words(crowd: CommandLine, tmp_path: Path) -> None:
    query = sound(tmp_path / "q.wav", (LOW_HZ, 1), (MIDDLE_HZ, 1))
    outcome = crowd("explain", query, "--format", "table")
    lines = outcome.stdout.decode().splitlines()
    assert lines[0].startswith("q.wav: violin 0.")
    assert "; next horn 0." in lines[0]
    assert "; none of the labels 0." in lines[0]
    assert re.fullmatch(r"Any label holds for about \d+% of the sounds here, by a sample\.", lines[1])
    assert lines[3] == "What its sound says for violin rather than horn:"
    reasons = dict(line.split("  ", 1)[::-1] for line in (line.strip() for line in lines[5:10]) if "  " in line)
    assert float(reasons["like the sounds labelled violin"]) > 0
    assert float(reasons["like the pictures labelled horn, in place of sounds"]) < 0
    assert "no sound is labelled horn as yet" in reasons
    assert any(why.startswith("together: ") and why.endswith("as likely") for why in reasons)
    head = next(number for number, line in enumerate(lines) if line.startswith("label "))
    assert lines[head].split() == ["label", "modality", "deviations", "similarity", "path", "start_s", "end_s"]
    assert lines[head + 1].split()[:2] == ["violin", "sound"]
    assert "media/low.wav" in lines[head + 1]


def test_a_label_of_a_replaced_file_is_told_and_counts_no_more(crowd: CommandLine, media: Path) -> None:
    picture(media / "g0.png", (230, 90, 20))
    assert crowd("index", media).status == 0
    outcome = crowd("explain", media / "g0.png", "--format", "table")
    lines = outcome.stdout.decode().splitlines()
    assert lines[0].startswith("media/g0.png: violin ")
    assert lines[1] == "Before its file was replaced it was labelled horn (by hand), which counts no more."
    (given,) = crowd("explain", media / "g0.png").data["given"]
    assert (given["label"], given["is_of_former"]) == ("horn", True)
    assert [row["path"] for row in crowd("classify", "--unlabelled").data] == [str(media / "g0.png")]
    assert str(media / "g0.png") in [row["path"] for row in crowd("suggest").data]
    assert crowd("label", "count", "horn").data["labelled"] == 2
    assert "before the file was replaced)" in crowd("info", media / "g0.png", "--format", "table").stdout.decode()
    run = crowd("transfer", "--min-confidence", "0.3").data
    assert [(row["path"], row["label"]) for row in run] == [(str(media / "g0.png"), "violin")]
    picture(media / "g0.png", (20, 230, 20))
    assert crowd("index", media).status == 0
    again = crowd("transfer", "--min-confidence", "0.3")
    assert [row["label"] for row in again.data] in ([], ["horn"]), again.stderr


def test_what_the_head_says_otherwise_is_told(crowd: CommandLine, media: Path, tmp_path: Path) -> None:
    query = picture(tmp_path / "q.png", (230, 60, 20))
    assert crowd("explain", query).data["by_head"] is None
    assert crowd("train", "head").status == 0
    said = crowd("explain", query).data["by_head"]
    (by_head,) = crowd("classify", query, "--by", "head").data
    assert (said["label"], said["score"]) == (by_head["label"], pytest.approx(by_head["confidence"]))
    assert "The head" not in crowd("explain", query, "--format", "table").stdout.decode(), "they agree"
    with toy_index(tmp_path / "index") as index:
        index.unlabel([media / f"r{n}.png" for n in range(3)], "violin")
        index.label([media / f"r{n}.png" for n in range(3)], "fiddle")
        index.unlabel([media / "low.wav"], "violin")
    shown = crowd("explain", query, "--format", "table").stdout.decode().splitlines()
    assert shown[0].startswith("q.png: fiddle ")
    assert shown[1].startswith("The head would say violin ")
    assert shown[1].endswith(" (`modag classify --by head`).")


def test_labels_that_it_has_and_rules_are_told(crowd: CommandLine, media: Path, tmp_path: Path) -> None:
    (tmp_path / "labels.csv").write_text("path,label\nmedia/g0.png,horn\n")
    assert crowd("label", "--from", "labels.csv").status == 0
    outcome = crowd("explain", media / "g0.png", "--format", "table")
    given = outcome.stdout.decode().splitlines()[1]
    assert given.startswith("It is labelled horn (by hand), horn (from ")
    with toy_index(tmp_path / "index") as index:
        index.labels.set_hierarchy(Hierarchy.of([("violin", "instrument"), ("horn", "instrument")]))
    outcome = crowd("explain", picture(tmp_path / "q.png", (230, 60, 20)), "--level", "0", "--format", "table")
    assert outcome.stdout.decode().splitlines()[1].startswith("instrument by the hierarchy of labels: violin ")
    assert b"What its picture says for violin:" in outcome.stdout, "there is nothing beside instruments"


def test_what_a_copy_decided_is_told(crowd: CommandLine, media: Path, tmp_path: Path) -> None:
    outcome = crowd("explain", picture(tmp_path / "q.png", RED), "--format", "table")
    assert outcome.stdout.decode().splitlines()[:2] == [
        "q.png: violin 1.000",
        "It is a copy of media/r0.png, byte for byte; what follows is what all others say.",
    ]


@pytest.mark.parametrize("name", ["media/r1.png", "media/../media/r1.png", "id:{}"])
def test_a_labelled_item_is_no_copy_of_itself(crowd: CommandLine, media: Path, name: str) -> None:
    name = name.format(crowd("info", media / "r1.png").data[0]["id"])
    lines = crowd("explain", name, "--format", "table").stdout.decode().splitlines()
    assert lines[1] == "It is labelled violin (by hand); what follows is what all others say."
    assert "copy" not in lines[2]


def test_that_others_say_what_follows_is_said_once(crowd: CommandLine, media: Path, tmp_path: Path) -> None:
    shutil.copy(media / "low.wav", media / "copy.wav")
    assert crowd("index", media).status == 0
    with toy_index(tmp_path / "index") as index:
        index.label(media / "copy.wav", "violin", end_s=0.5)
    lines = crowd("explain", media / "copy.wav", "--format", "table").stdout.decode().splitlines()
    assert lines[1:3] == [
        "It is a copy of media/low.wav, byte for byte.",
        "It is labelled violin in part (by hand); what follows is what all others say.",
    ]


def test_what_cannot_be_explained_leaves_with_one_line(crowd: CommandLine, media: Path) -> None:
    outcome = crowd("explain", "absent.wav")
    assert outcome.status == 2
    assert "absent.wav" in outcome.error
    outcome = crowd("explain", media)
    assert outcome.status == 2
    assert "is a folder" in outcome.error
    (media / "notes.txt").write_text("a violin")
    outcome = crowd("explain", media / "notes.txt")
    assert outcome.status == 2
    assert "files ending in '.txt' are not read" in outcome.error
    assert crowd("explain", "id:999").status == 2
    assert crowd("explain", "id:1", "--names", "qzx").status == 4
