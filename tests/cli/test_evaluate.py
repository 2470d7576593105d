"""``modag evaluate``: who asks, who answers, and what is said about it."""

from __future__ import annotations

import os
import shutil
from html.parser import HTMLParser
from typing import TYPE_CHECKING

import pytest
from PIL import Image

from tests.made_media import BLACK, BLUE, GREEN, HIGH_HZ, LOW_HZ, MIDDLE_HZ, RED, picture, set_mtime, sound, video
from tests.toy_encoders import toy_index

if TYPE_CHECKING:
    from pathlib import Path
    from typing import Any

    from tests.cli.command_line import CommandLine, Outcome

THINGS = {"low": (RED, LOW_HZ), "middle": (GREEN, MIDDLE_HZ), "high": (BLUE, HIGH_HZ)}
METRICS = ["R@1", "R@5", "R@10", "median rank", "MRR", "mAP", "nDCG@10"]


def shade(colour: tuple[int, int, int], number: int) -> tuple[int, int, int]:
    return (colour[0] - number, colour[1], colour[2])


@pytest.fixture
def labelled(toy: CommandLine, media: Path, tmp_path: Path) -> CommandLine:
    """``modag`` with an index of three pictures and three sounds of each of three labels."""
    with toy_index(tmp_path / "index") as index:
        for label, (colour, hz) in THINGS.items():
            for number in range(3):
                picture(media / label / f"{number}.png", shade(colour, number))
                # To the toy encoders, what sounds in one band alone is the very same.
                other_hz = MIDDLE_HZ if label == "low" else LOW_HZ
                sound(media / label / f"{number}.wav", (hz, 1), (other_hz, 0.03 * (number + 1)))
        index.add([media])
        for label in THINGS:
            index.label(sorted((media / label).iterdir()), label)
    return toy


def manifest_of(folder: Path, **files: str) -> Path:
    """List files by label."""
    path = folder / "questions.csv"
    rows = [f"{name},{label}" for label, names in files.items() for name in names.split()]
    path.write_text("\n".join(["path,label", *rows]) + "\n")
    return path


def of_pair(outcome: Outcome, asking: str, answering: str) -> dict[str, Any]:
    (result,) = (one for one in outcome.data["retrieval"] if (one["queries"], one["answers"]) == (asking, answering))
    found: dict[str, Any] = result
    return found


def test_labelled_items_ask_each_other(labelled: CommandLine) -> None:
    outcome = labelled("evaluate")
    assert (outcome.status, outcome.stderr) == (0, "")
    data = outcome.data
    assert (data["index"], data["space"], data["manifest"]) == ("index", "toy", None)
    assert (data["k"], data["seed"]) == (20, 0)
    assert data["labels"] == ["high", "low", "middle"]
    assert data["items"] == data["queries"] == {"image": 9, "sound": 9}
    across = of_pair(outcome, "sound", "image")
    assert list(across["scores"]) == METRICS
    assert (across["n_queries"], across["n_answers"]) == (9, 9)
    first = across["scores"]["R@1"]
    assert (first["estimate"], first["low"], first["high"]) == (1, 1, 1)
    assert first["chance"] == pytest.approx(1 / 3, abs=1e-6)
    # Itself left out, two of eight are right.
    assert of_pair(outcome, "sound", "sound")["scores"]["R@1"]["chance"] == pytest.approx(1 / 4)
    ways = {(one["voters"], one["queries"]) for one in data["classification"]}
    assert ways == {(voters, asking) for voters in ("sound", "image", "both") for asking in ("sound", "image")}
    for one in data["classification"]:
        for way in ("pooled", "knn", "head"):
            assert one[way]["accuracy"]["estimate"] == 1
            assert one[way]["accuracy"]["chance"] == pytest.approx(1 / 3, abs=1e-6)
            assert one[way]["confusion"] == [[3, 0, 0], [0, 3, 0], [0, 0, 3]]
            assert [row["label"] for row in one[way]["by_class"]] == data["labels"]
    assert data["centroids"]["same"] < 0.1 < data["centroids"]["different"]


def test_an_item_never_answers_itself_nor_does_its_copy(toy: CommandLine, media: Path, tmp_path: Path) -> None:
    with toy_index(tmp_path / "index") as index:
        for name, colour, label in (("a", RED, "x"), ("b", BLUE, "x"), ("c", (200, 60, 60), "y"), ("d", GREEN, "y")):
            index.add([picture(media / f"{name}.png", colour)])
            index.label(media / f"{name}.png", label)
    before = toy("evaluate")
    (found,) = before.data["retrieval"]
    assert found["n_queries"] == 4
    copy = shutil.copy(media / "a.png", media / "copy.png")
    with toy_index(tmp_path / "index") as index:
        index.add([copy])
        index.label(copy, "x")
    after = toy("evaluate")
    (found,) = after.data["retrieval"]
    assert found["n_queries"] == 5
    # Only green finds its like first; red and its copy would, if they found each other.
    assert found["scores"]["R@1"]["estimate"] == pytest.approx(1 / 5)
    with Image.open(copy) as image:
        image.save(media / "same.bmp")
    os.remove(copy)
    with toy_index(tmp_path / "index") as index:
        index.add([media], prune=True)
        index.label(media / "same.bmp", "x")
    (found,) = toy("evaluate").data["retrieval"]
    assert (found["n_queries"], found["scores"]["R@1"]["estimate"]) == (5, pytest.approx(1 / 5)), "other bytes"


def test_files_of_a_manifest_ask_and_are_not_added(labelled: CommandLine, tmp_path: Path, media: Path) -> None:
    picture(tmp_path / "red.png", shade(RED, 7))
    picture(tmp_path / "blue.png", shade(BLUE, 7))
    sound(tmp_path / "low.wav", (LOW_HZ + 7, 1))
    picture(tmp_path / "grey.png", (128, 128, 128))
    manifest = manifest_of(tmp_path, low="red.png low.wav", high="blue.png", unheard="grey.png")
    outcome = labelled("evaluate", manifest)
    assert outcome.status == 0
    assert outcome.data["manifest"] == "questions.csv"
    assert outcome.data["queries"] == {"image": 2, "sound": 1}
    assert outcome.data["left_out"]["unknown_label"] == 1
    assert "1 files of the manifest left out: no item of the index has their label" in outcome.stderr
    across = of_pair(outcome, "image", "sound")
    assert (across["n_queries"], across["n_answers"]) == (2, 9)
    assert across["scores"]["mAP"]["estimate"] == 1
    (way,) = (one for one in outcome.data["classification"] if (one["voters"], one["queries"]) == ("sound", "image"))
    assert (way["classes"], way["n_queries"], way["n_voters"]) == (["high", "low"], 2, 6)
    # One sound has one class: there is nothing to tell apart.
    assert not [one for one in outcome.data["classification"] if one["queries"] == "sound"]
    assert "sounds named by pictures: they share fewer than two classes" in outcome.stderr
    assert labelled("info").data["items"] == {"image": 9, "sound": 9}


def test_files_that_the_index_holds_unchanged_are_not_decoded(
    labelled: CommandLine, tmp_path: Path, media: Path
) -> None:
    for path in (media / "low" / "0.png", media / "high" / "0.png"):
        status = path.stat()
        path.write_bytes(b"?" * status.st_size)
        set_mtime(path, status.st_mtime_ns)
    outcome = labelled("evaluate", manifest_of(tmp_path, low="media/low/0.png", high="media/high/0.png"))
    assert outcome.status == 0, outcome.stderr
    # Neither answers itself: two of eight are right, not three of nine.
    assert of_pair(outcome, "image", "image")["scores"]["R@1"]["chance"] == pytest.approx(1 / 4)


def test_a_changed_file_is_not_answered_by_what_it_was(labelled: CommandLine, media: Path) -> None:
    picture(media / "low" / "1.png", shade(RED, 9))
    outcome = labelled("evaluate", manifest_of(media, low="low/1.png"))
    assert of_pair(outcome, "image", "image")["scores"]["R@1"]["chance"] == pytest.approx(1 / 4)


def test_a_file_that_cannot_be_read_is_named(labelled: CommandLine, tmp_path: Path) -> None:
    (tmp_path / "bad.wav").write_bytes(b"no sound")
    picture(tmp_path / "black.png", BLACK)
    picture(tmp_path / "red.png", RED)
    outcome = labelled("evaluate", manifest_of(tmp_path, low="bad.wav red.png nowhere.png black.png"))
    assert outcome.status == 3
    named = [line for line in outcome.stderr.splitlines() if line.startswith("failed: ")]
    assert [line.split(": ")[1] for line in named] == [
        str(tmp_path / name) for name in ("bad.wav", "nowhere.png", "black.png")
    ]
    assert outcome.data["queries"] == {"image": 1}
    assert outcome.data["left_out"]["failed"] == 3
    only_bad = labelled("evaluate", manifest_of(tmp_path, low="bad.wav"))
    assert (only_bad.status, only_bad.stdout) == (4, b"")
    assert only_bad.stderr.splitlines()[0].startswith(f"failed: {tmp_path / 'bad.wav'}: ")


@pytest.mark.parametrize("ending", ["csv", "jsonl"])
def test_labels_that_were_exported_evaluate_though_names_are_not_utf_8(
    labelled: CommandLine, media: Path, ending: str
) -> None:
    low, *_ = (media / next(iter(THINGS))).iterdir()
    low.rename(low.with_name(f"caf\udce9{low.suffix}"))
    labelled("index", media)
    labelled("label", "export", "--to", f"labels.{ending}")
    outcome = labelled("evaluate", f"labels.{ending}")
    assert (outcome.status, outcome.stderr) == (0, "")


def test_nothing_to_evaluate_leaves_with_4(filled: CommandLine, media: Path, tmp_path: Path) -> None:
    outcome = filled("evaluate")
    assert (outcome.status, outcome.stdout) == (4, b"")
    assert outcome.error.startswith("nothing to evaluate: no item has a label; `modag label")
    filled("label", media / "a.png", media / "a.wav", "--as", "low")
    assert filled("evaluate").error.startswith("nothing to evaluate: 'low' is the only label, and it takes two")
    filled("label", media / "b.png", "--as", "middle")
    outcome = filled("evaluate", manifest_of(tmp_path, other="media/a.wav"))
    assert outcome.status == 4
    assert outcome.error.endswith("no label of the manifest is one of the index, which has low, middle")
    filled("label", "remove", "low", media / "a.wav")
    outcome = filled("evaluate")
    assert outcome.status == 4
    assert outcome.error.endswith("no item that asks has the label of another that could answer")


def test_a_manifest_without_labels_leaves_with_2(labelled: CommandLine, media: Path, tmp_path: Path) -> None:
    pairs = tmp_path / "pairs.csv"
    pairs.write_text("sound,image\nmedia/low/0.wav,media/low/0.png\n")
    outcome = labelled("evaluate", pairs)
    assert (outcome.status, outcome.stdout) == (2, b"")
    assert outcome.error == f"error: {pairs}: holds no labels; to evaluate takes the columns path,label"
    assert labelled("evaluate", tmp_path / "nowhere.csv").status == 2


def test_a_modality_that_is_absent_only_lacks_its_rows(toy: CommandLine, media: Path, tmp_path: Path) -> None:
    with toy_index(tmp_path / "index") as index:
        for name, colour, label in (("a", RED, "x"), ("b", shade(RED, 1), "x"), ("c", BLUE, "y"), ("d", GREEN, "y")):
            index.add([picture(media / f"{name}.png", colour)])
            index.label(media / f"{name}.png", label)
    page = tmp_path / "report.html"
    outcome = toy("evaluate", "--report", page)
    assert outcome.status == 0
    assert "the index has no sounds with a single label, so none answer or vote" in outcome.stderr
    assert [(one["queries"], one["answers"]) for one in outcome.data["retrieval"]] == [("image", "image")]
    assert [(one["voters"], one["queries"]) for one in outcome.data["classification"]] == [("image", "image")]
    assert outcome.data["centroids"] is None
    assert "no sounds with a single label" in page.read_text()


def test_what_takes_no_part_is_counted(labelled: CommandLine, media: Path, tmp_path: Path) -> None:
    with toy_index(tmp_path / "index") as index:
        index.label(media / "low" / "0.png", "high")
        index.label(media / "low" / "1.png", "also")
        index.add([sound(media / "silent.wav", (0, 1))])
        index.label(media / "silent.wav", "low")
    outcome = labelled("evaluate")
    assert outcome.status == 0
    assert outcome.data["items"] == {"image": 8, "sound": 9}
    left_out = {"without_vector": 1, "several_labels": 1, "unknown_label": 0, "failed": 0}
    assert outcome.data["left_out"] == left_out
    assert "1 items left out: they have several labels" in outcome.stderr
    assert "also" not in outcome.data["labels"]


def test_a_video_asks_with_sound_and_picture_and_answers_neither_of_its_own(
    labelled: CommandLine, media: Path, tmp_path: Path
) -> None:
    with toy_index(tmp_path / "index") as index:
        index.add([video(media / "one.mp4")])
        index.label(media / "one.mp4", "low")
    outcome = labelled("evaluate")
    assert outcome.data["items"] == {"image": 10, "sound": 10}
    # Of ten pictures, nine for the sound of the video.
    across = of_pair(outcome, "sound", "image")
    assert across["scores"]["R@1"]["chance"] == pytest.approx((3 * 4 / 10 + 1 * 3 / 9 + 6 * 3 / 10) / 10, abs=1e-6)


class Page(HTMLParser):
    """What a page is made of."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.tags: list[str] = []
        self.fetched: list[str] = []
        self.text = ""
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append(tag)
        self.fetched += [value or "" for name, value in attrs if name in {"src", "href", "xlink:href"}]

    def handle_data(self, data: str) -> None:
        self.text += data


def test_the_report_stands_alone_and_is_the_same_each_time(labelled: CommandLine, media: Path, tmp_path: Path) -> None:
    one, other = tmp_path / "one.html", tmp_path / "other.html"
    for page in (one, other):
        outcome = labelled("evaluate", "--report", page, "--seed", "3", "-k", "5")
        assert outcome.status == 0
        assert outcome.stderr == f"{page}: written\n"
    assert one.read_bytes() == other.read_bytes()
    page_found = Page(one.read_text())
    assert page_found.tags.count("svg") == 7
    assert page_found.fetched == []
    assert "script" not in page_found.tags
    for word in (
        "index",
        "toy",
        "5 nearest",
        "for what by pooled neighbours",
        "3; 1000 draws",
        "chance 0.333",
        "prefers-color-scheme: dark",
    ):
        assert word in page_found.text


def test_names_in_the_report_are_escaped(labelled: CommandLine, media: Path, tmp_path: Path) -> None:
    label = "<script>alert('&')</script>"
    with toy_index(tmp_path / "index") as index:
        for number in range(3):
            index.unlabel(media / "low" / f"{number}.png", "low")
            index.label(media / "low" / f"{number}.png", label)
    page = tmp_path / "report.html"
    assert labelled("evaluate", "--report", page).status == 0
    found = Page(page.read_text())
    assert "script" not in found.tags
    assert "alert" not in found.tags
    assert label in found.text


def test_a_table_for_people(labelled: CommandLine) -> None:
    outcome = labelled("evaluate", "--format", "table")
    assert (outcome.status, outcome.stderr) == (0, "")
    lines = outcome.stdout.decode().splitlines()
    assert lines[0] == "index index, space toy, seed 0, k 20"
    assert lines[2].split() == ["asks", "for", "metric", "score", "interval", "chance", "queries"]
    assert lines[3].split() == ["sound", "image", "R@1", "1.000", "[1.000,", "1.000]", "0.333", "9"]
    assert len(lines) == 3 + 4 * len(METRICS) + 2 + 18


def test_a_report_that_cannot_be_written_is_found_before_anything_else(
    labelled: CommandLine, media: Path, tmp_path: Path
) -> None:
    outcome = labelled("evaluate", "--report", media)
    assert (outcome.status, outcome.stdout) == (2, b"")
    assert outcome.error == f"error: {media}: is a folder; name a file by --report"
    (tmp_path / "file").write_bytes(b"")
    outcome = labelled("evaluate", "--report", tmp_path / "file" / "report.html")
    assert outcome.status == 2
    assert "cannot be written" in outcome.error


def test_a_folder_that_is_made_for_a_report_is_told(labelled: CommandLine, tmp_path: Path) -> None:
    outcome = labelled("evaluate", "--report", tmp_path / "new" / "folder" / "report.html")
    assert outcome.status == 0
    assert outcome.stderr.splitlines()[0] == f"{tmp_path / 'new' / 'folder'}: this folder was not there, and was made"
    assert (tmp_path / "new" / "folder" / "report.html").exists()


def test_a_report_does_not_replace_a_file_of_another_kind(labelled: CommandLine, tmp_path: Path) -> None:
    manifest = tmp_path / "mine.csv"
    manifest.write_text("path,label\n")
    outcome = labelled("evaluate", "--report", manifest)
    assert outcome.status == 2
    assert "is a file of another kind, and would be lost" in outcome.error
    assert manifest.read_text() == "path,label\n"
    for _ in range(2):
        assert labelled("evaluate", "--report", tmp_path / "report.html").status == 0
