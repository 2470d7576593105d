"""``modag classify``, ``train head``, ``transfer``, ``suggest``, ``audit`` and ``duplicates``."""

from __future__ import annotations

import csv
import io
import json
import os
import shutil
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
import soundfile
from PIL import Image

from modag_search.cli.output import print_rows
from modag_search.hierarchy import Hierarchy
from tests.made_media import GREEN, HIGH_HZ, LOW_HZ, MIDDLE_HZ, RATE_HZ, RED, picture, sound
from tests.toy_encoders import toy_index

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from tests.cli.command_line import CommandLine

FIELDS = ["path", "label", "confidence", "scores", "neighbours", "copy_of"]
NEIGHBOUR_FIELDS = ["id", "path", "modality", "label", "similarity", "weight", "start_s", "end_s"]


@pytest.fixture
def named(filled: CommandLine, media: Path, tmp_path: Path) -> CommandLine:
    """``modag`` with a label on each of the three pictures."""
    with toy_index(tmp_path / "index") as index:
        for name, label in (("a", "violin"), ("b", "viola"), ("c", "horn")):
            index.label(media / f"{name}.png", label)
    return filled


@pytest.fixture
def crowd(toy: CommandLine, media: Path, tmp_path: Path) -> CommandLine:
    """``modag`` with six reddish violins and six greenish horns."""
    with toy_index(tmp_path / "index") as index:
        for n in range(6):
            picture(media / f"r{n}.png", (230, 20 + 3 * n, 20))
            picture(media / f"g{n}.png", (20, 230, 20 + 3 * n))
        index.add([media])
        index.label([media / f"r{n}.png" for n in range(6)], "violin")
        index.label([media / f"g{n}.png" for n in range(6)], "horn")
    return toy


def answers(rows: list[dict[str, Any]]) -> list[tuple[str, str | None]]:
    return [(os.path.basename(row["path"]), row["label"]) for row in rows]


def n_labels(modag: CommandLine) -> int:
    """Count the annotations of the index, transferred ones too."""
    with toy_index(modag.folder / "index") as index:
        return len(list(index.catalog.labels.annotations()))


def table(stdout: bytes) -> list[list[str]]:
    """The cells of a table whose cells hold no spaces, its head first."""
    return [line.split() for line in stdout.decode().splitlines()]


def test_files_folders_and_items_are_named_in_the_order_given(named: CommandLine, tmp_path: Path) -> None:
    single = sound(tmp_path / "new.wav", (MIDDLE_HZ, 1))
    sound(tmp_path / "more" / "x.wav", (HIGH_HZ, 1))
    picture(tmp_path / "more" / "deep" / "y.png", RED)
    (tmp_path / "more" / "notes.txt").write_text("no media")
    outcome = named("classify", single, "more", "id:2")
    assert (outcome.status, outcome.stderr) == (0, "")
    assert [list(row) for row in outcome.data] == [FIELDS] * 4
    assert [row["label"] for row in outcome.data] == ["viola", "violin", "horn", "violin"]
    assert answers(outcome.data[:3]) == [("new.wav", "viola"), ("y.png", "violin"), ("x.wav", "horn")]
    lines = b"new.wav\nmore/x.wav\n"
    assert answers(named("classify", "-", stdin=lines).data) == [("new.wav", "viola"), ("x.wav", "horn")]
    outcome = named("classify", "-", "-0", "--format", "paths", stdin=lines.replace(b"\n", b"\0"))
    assert (outcome.status, outcome.stdout) == (0, lines.replace(b"\n", b"\0"))


def test_the_items_of_the_index_are_named(named: CommandLine, media: Path, tmp_path: Path) -> None:
    outcome = named("classify", "--all")
    assert (outcome.status, outcome.stderr) == (0, "")
    assert [row["path"] for row in outcome.data] == sorted(map(str, media.iterdir()))
    outcome = named("classify", "--unlabelled", "--format", "table")
    assert [line[:2] for line in table(outcome.stdout)] == [
        ["path", "label"],
        ["media/a.wav", "violin"],
        ["media/b.wav", "viola"],
        ["media/c.wav", "horn"],
    ]
    wrong = named("classify", "--all", media)
    assert (wrong.status, wrong.stdout) == (2, b"")
    assert "name files to classify, or --all, or --unlabelled: one of the three" in wrong.stderr
    with toy_index(tmp_path / "index") as index:
        index.label([media / f"{name}.wav" for name in "abc"], "horn")
    outcome = named("classify", "--unlabelled")
    assert (outcome.status, outcome.data, outcome.error) == (4, [], "no item is left without a label")


def test_each_answer_lists_who_voted(named: CommandLine, media: Path, tmp_path: Path) -> None:
    with toy_index(tmp_path / "index") as index:
        index.label(media / "a.wav", "violin")
    query = sound(tmp_path / "q.wav", (1.2 * LOW_HZ, 1))
    (answer,) = named("classify", query).data
    assert answer["copy_of"] is None
    voters = answer["neighbours"]
    assert [list(voter) for voter in voters] == [NEIGHBOUR_FIELDS] * 4
    weights = [voter["weight"] for voter in voters]
    assert weights == sorted(weights, reverse=True)
    assert sum(weights) == pytest.approx(sum(score["score"] for score in answer["scores"]), abs=1e-3)
    by_path = {voter["path"]: voter for voter in voters}
    heard, seen = by_path[str(media / "a.wav")], by_path[str(media / "a.png")]
    assert (heard["modality"], heard["label"], heard["start_s"], heard["end_s"]) == ("sound", "violin", 0, 1)
    assert (seen["modality"], seen["label"], seen["start_s"], seen["end_s"]) == ("image", "violin", None, None)
    assert heard["similarity"] == pytest.approx(1)
    assert seen["similarity"] > 0.9
    assert heard["weight"] + seen["weight"] == pytest.approx(answer["confidence"])
    (answer,) = named("classify", query, "-k", "1").data
    assert [voter["path"] for voter in answer["neighbours"]] == [str(media / "a.wav")]
    (answer,) = named("classify", media / "a.wav").data
    assert str(media / "a.wav") not in {voter["path"] for voter in answer["neighbours"]}


def test_a_low_temperature_heeds_the_nearest_most(crowd: CommandLine, tmp_path: Path) -> None:
    query = picture(tmp_path / "q.png", (230, 20, 20))

    def spread(temperature: float) -> float:
        (answer,) = crowd("classify", query, "--temperature", temperature).data
        weights = [voter["weight"] for voter in answer["neighbours"] if voter["label"] == answer["label"] == "violin"]
        return float(max(weights) / min(weights))

    assert spread(0.001) > 1.5 > spread(5) >= 1


def test_unknown_is_an_answer(named: CommandLine, media: Path, tmp_path: Path) -> None:
    between = picture(tmp_path / "q.png", (140, 140, 10))
    outcome = named("classify", between, "--min-confidence", "0.9")
    assert outcome.status == 4
    assert outcome.error == "no label is sure enough for --min-confidence 0.9"
    (answer,) = outcome.data
    assert answer["label"] is None
    assert answer["confidence"] == answer["scores"][0]["score"] < 0.9
    assert answer["neighbours"]
    outcome = named("classify", between, "id:2", "--min-confidence", "0.9", "--format", "table")
    assert (outcome.status, outcome.stderr) == (0, "")
    assert [line[:2] for line in table(outcome.stdout)[1:]] == [["q.png", "(unknown)"], ["media/a.wav", "violin"]]


def test_answers_on_each_level_of_the_hierarchy(named: CommandLine, tmp_path: Path) -> None:
    pairs = [("violin", "bowed"), ("viola", "bowed"), ("bowed", "string"), ("horn", "brass")]
    with toy_index(tmp_path / "index") as index:
        index.labels.set_hierarchy(Hierarchy.of(pairs))
    clear, between = picture(tmp_path / "clear.png", RED), picture(tmp_path / "between.png", (140, 140, 10))

    def labels(*options: object) -> list[str]:
        return [row["label"] for row in named("classify", clear, between, *options).data]

    assert labels("--level", "0") == ["string", "string"]
    assert labels("--level", "1") == ["bowed", "bowed"]
    assert labels("--level", "deepest", "--min-confidence", "0.8") == ["violin", "bowed"]
    assert labels("--min-confidence", "0.8") == ["violin", None]
    wrong = named("classify", clear, "--level", "-1")
    assert (wrong.status, wrong.stdout) == (2, b"")
    assert "'-1' is neither a number from 0 nor deepest" in wrong.stderr


def test_csv_names_its_columns_with_and_without_rows(named: CommandLine, tmp_path: Path) -> None:
    head, *lines = csv.reader(io.StringIO(named("classify", "--unlabelled", "--format", "csv").stdout.decode()))
    assert head == FIELDS[:3]
    assert [(os.path.basename(line[0]), line[1]) for line in lines] == [
        ("a.wav", "violin"),
        ("b.wav", "viola"),
        ("c.wav", "horn"),
    ]
    outcome = named("classify", tmp_path / "nowhere.wav", "--format", "csv")
    assert (outcome.status, outcome.stdout.decode()) == (3, "path,label,confidence\n")
    assert outcome.error.startswith(f"failed: {tmp_path / 'nowhere.wav'}: ")


def test_what_cannot_be_named_says_what_it_is(named: CommandLine, tmp_path: Path) -> None:
    silent = sound(tmp_path / "silent.wav", (0, 1))
    pipe, nowhere, dangling = tmp_path / "pipe.wav", tmp_path / "nowhere.wav", tmp_path / "dangling.wav"
    os.mkfifo(pipe)
    dangling.symlink_to(nowhere)
    outcome = named("classify", "/dev/null", pipe, nowhere, dangling, silent)
    assert outcome.status == 3
    assert outcome.stderr.splitlines() == [
        "failed: /dev/null: is not a regular file",
        f"failed: {pipe}: is not a regular file",
        f"failed: {nowhere}: does not exist (any more)",
        f"failed: {dangling}: does not exist (any more)",
        f"failed: {silent}: is silent throughout, so nothing is like it",
    ]


def test_what_a_folder_to_name_holds_beside_media_is_said(named: CommandLine, tmp_path: Path) -> None:
    folder = tmp_path / "new"
    red = picture(folder / "red.png", RED)
    (folder / "notes.txt").touch()
    assert named("classify", folder).stderr == ""
    (folder / "raw.dng").touch()
    (folder / "link.png").symlink_to(red)
    assert named("classify", folder).error == (
        f"warning: {folder}: passed over: 1 symbolic link, 1 .dng (an ending that is not read)"
    )


@pytest.mark.parametrize("output_format", ["jsonl", "csv", "paths"])
def test_rows_are_printed_as_they_come(output_format: str, capfdbinary: pytest.CaptureFixture[bytes]) -> None:
    def rows() -> Iterator[dict[str, Any]]:
        yield {"path": "first.wav", "label": "violin"}
        assert b"first.wav" in capfdbinary.readouterr().out, "before the next is asked for"
        yield {"path": "second.wav", "label": None}
        assert b"second.wav" in capfdbinary.readouterr().out

    print_rows(rows(), output_format=output_format, columns=("path", "label"))
    assert capfdbinary.readouterr().out == b""


def test_each_format_has_every_answer(named: CommandLine, media: Path) -> None:
    rows = named("classify", "--all").data
    assert len(rows) == 6
    lines = named("classify", "--all", "--format", "jsonl").stdout.splitlines()
    assert [json.loads(line) for line in lines] == rows
    assert [list(row) for row in rows] == [FIELDS] * 6
    assert [list(score) for score in rows[0]["scores"]] == [["label", "score"]] * len(rows[0]["scores"])
    cells = list(csv.DictReader(io.StringIO(named("classify", "--all", "--format", "csv").stdout.decode())))
    assert [(row["path"], row["label"]) for row in cells] == [(row["path"], row["label"]) for row in rows]


def test_a_head_names_until_labels_change_and_says_so(named: CommandLine, media: Path, tmp_path: Path) -> None:
    with toy_index(tmp_path / "index") as index:
        index.label([media / "a.wav"], "violin")
    outcome = named("train", "head")
    assert (outcome.status, outcome.stderr) == (0, "")
    assert (outcome.data["labels"], outcome.data["examples"]) == (3, {"image": 3, "sound": 1})
    query = sound(tmp_path / "q.wav", (LOW_HZ, 1))
    outcome = named("classify", query, media / "b.png", "--by", "head")
    assert (outcome.status, outcome.stderr) == (0, "")
    assert answers(outcome.data) == [("q.wav", "violin"), ("b.png", "viola")]
    assert [row["neighbours"] for row in outcome.data] == [[], []]
    assert sum(score["score"] for score in outcome.data[0]["scores"]) == pytest.approx(1)

    with toy_index(tmp_path / "index") as index:
        index.label([media / "c.wav"], "whistle")
    stale = named("classify", query, media / "c.wav", "--by", "head")
    assert (stale.status, answers(stale.data)) == (0, [("q.wav", "violin"), ("c.wav", "horn")])
    assert stale.error == (
        "warning: labels have changed since the head was fitted; `modag train head --update` takes the changes in"
    )
    updated = named("train", "head", "--update")
    assert (updated.status, updated.stderr) == (0, "")
    assert (updated.data["labels"], updated.data["examples"]) == (4, {"image": 3, "sound": 2})
    fresh = named("classify", media / "c.wav", "--by", "head")
    assert (fresh.status, fresh.stderr, answers(fresh.data)) == (0, "", [("c.wav", "whistle")])


def test_labels_spread_and_are_taken_back(named: CommandLine, media: Path, tmp_path: Path) -> None:
    dry = named("transfer", "--dry-run")
    assert dry.status == 0
    assert dry.error == "3 labels would be given, 0 items left unknown; nothing was written"
    assert [list(row) for row in dry.data] == [["path", "label", "confidence", "copy_of"]] * 3
    assert answers(dry.data) == [("a.wav", "violin"), ("b.wav", "viola"), ("c.wav", "horn")]
    counts = named("transfer", "--dry-run", "--format", "table").stdout.decode().splitlines()
    assert [line.split() for line in counts] == [
        ["label", "items", "0.95", "to", "1"],
        ["horn", "1", "1"],
        ["viola", "1", "1"],
        ["violin", "1", "1"],
    ]
    assert n_labels(named) == 3

    done = named("transfer")
    assert (done.status, done.data) == (0, dry.data)
    given, run = done.error.split("; run ")
    assert given == "3 labels given, 0 items left unknown"
    assert {row["label"]: (row["items"], row["transferred"]) for row in named("label", "list").data} == {
        "horn": (2, 1),
        "viola": (2, 1),
        "violin": (2, 1),
    }
    (last,) = (row for row in named("label", "runs").data if row["run"] == int(run))
    assert (last["verb"], last["labels"]) == ("transfer", 3)
    assert last["arguments"] == {"by": "knn", "min_confidence": 0.8}
    (answer,) = named("classify", media / "a.png").data
    assert {voter["modality"] for voter in answer["neighbours"]} == {"image"}, "what was transferred has no vote"
    again = named("transfer")
    assert (again.status, again.data) == (4, [])
    assert again.error == "0 labels given, 0 items left unknown; nothing was written"

    assert named("label", "undo", run).data == {"run": int(run), "removed": 3}
    assert n_labels(named) == 3


def test_only_what_is_sure_enough_is_given(named: CommandLine, media: Path, tmp_path: Path) -> None:
    picture(media / "between.png", (140, 140, 10))
    with toy_index(tmp_path / "index") as index:
        index.add([media])
    outcome = named("transfer", "--dry-run", "--format", "paths")
    assert outcome.stdout.decode().splitlines() == [str(media / f"{name}.wav") for name in "abc"]
    assert outcome.error == "3 labels would be given, 1 item left unknown; nothing was written"
    counts = named("transfer", "--dry-run", "--min-confidence", "0.4", "--format", "table")
    assert counts.stdout.decode().splitlines()[0].split() == ["label", "items", "0.95", "to", "1", "below", "0.5"]
    nothing = named("transfer", "--min-confidence", "1")
    assert nothing.status == 4
    assert nothing.error == "0 labels given, 4 items left unknown; nothing was written"
    assert n_labels(named) == 3


def test_the_least_sure_are_listed_first_for_review(named: CommandLine, media: Path, tmp_path: Path) -> None:
    picture(media / "between.png", (140, 140, 10))
    with toy_index(tmp_path / "index") as index:
        index.add([media])
    rows = named("classify", "--unlabelled", "--sort", "confidence").data
    assert [row["confidence"] for row in rows] == sorted(row["confidence"] for row in rows)
    assert len(rows) == 4
    lines = named("classify", "--all", "--max-confidence", "0.7", "--format", "paths").stdout.decode().splitlines()
    assert str(media / "between.png") in lines
    assert str(media / "a.wav") not in lines
    outcome = named("classify", "--unlabelled", "--max-confidence", "0.1")
    assert (outcome.status, outcome.data) == (4, [])
    assert outcome.error == "no answer has a confidence of 0.1 or less"

    dry = named("transfer", "--dry-run", "--min-confidence", "0.4", "--sort", "confidence", "--format", "table")
    assert [line.split()[0] for line in dry.stdout.decode().splitlines()[:2]] == ["path", "media/between.png"]
    few = named("transfer", "--dry-run", "--min-confidence", "0.4", "--max-confidence", "0.7")
    assert answers(few.data) == [("between.png", few.data[0]["label"])]
    assert few.error == "1 label would be given, 0 items left unknown, 3 labels left out as surer; nothing was written"


def test_what_to_label_next(filled: CommandLine, media: Path, tmp_path: Path) -> None:
    outcome = filled("suggest", "-n", "2")
    assert (outcome.status, outcome.stderr) == (0, "")
    fields = ["path", "modality", "label", "confidence", "covers", "id", "wanted"]
    assert [list(row) for row in outcome.data] == [fields] * 2
    assert {row["label"] for row in outcome.data} == {None}
    assert {row["path"] for row in filled("suggest", "--modality", "sound").data} == {
        str(media / f"{name}.wav") for name in "abc"
    }
    with toy_index(tmp_path / "index") as index:
        for name, label in (("a", "violin"), ("b", "viola")):
            index.label([media / f"{name}.png", media / f"{name}.wav"], label)
    rows = table(filled("suggest", "--format", "table").stdout)
    assert rows[0] == fields
    assert {row[0] for row in rows[1:]} == {"media/c.png", "media/c.wav"}
    assert {row[2] for row in rows[1:]} <= {"violin", "viola"}
    with toy_index(tmp_path / "index") as index:
        index.label([media / "c.png", media / "c.wav"], "horn")
    outcome = filled("suggest")
    assert (outcome.status, outcome.stdout, outcome.error) == (4, b"", "no item is left without a label")


def test_what_lies_at_a_border(named: CommandLine, media: Path, tmp_path: Path) -> None:
    picture(media / "between.png", (140, 140, 10))
    with toy_index(tmp_path / "index") as index:
        index.add([media])
    outcome = named("suggest", "--near", "0.5", "-n", "1")
    assert (outcome.status, outcome.stderr) == (0, "")
    (one,) = outcome.data
    assert list(one) == ["path", "modality", "label", "confidence", "covers", "id", "wanted"]
    assert (one["path"], one["covers"]) == (str(media / "between.png"), None)
    (one,) = named("suggest", "--near", "0", "--label", "horn", "-n", "1").data
    assert (one["label"], one["confidence"]) == ("horn", pytest.approx(0, abs=0.01))
    outcome = named("suggest", "--label", "horn")
    assert outcome.status == 2
    assert "--label goes with --near" in outcome.stderr
    assert named("suggest", "--near", "0.5", "--label", "oboe").status == 4


def test_labels_that_the_others_contradict(crowd: CommandLine, media: Path, tmp_path: Path) -> None:
    outcome = crowd("audit")
    assert (outcome.status, outcome.data, outcome.error) == (4, [], "nothing to look at again")
    with toy_index(tmp_path / "index") as index:
        index.unlabel(media / "r5.png", "violin")
        index.label(media / "r5.png", "horn")
    outcome = crowd("audit", "--max-probability", "0.2")
    assert (outcome.status, outcome.stderr) == (0, "")
    (doubt,) = outcome.data
    fields = {"id", "path", "modality", "label", "probability", "suggested", "confidence", "reason", "copy_of"}
    assert set(doubt) == fields
    assert (doubt["path"], doubt["label"], doubt["suggested"]) == (str(media / "r5.png"), "horn", "violin")
    assert doubt["probability"] < 0.1
    assert 0.8 < doubt["probability"] + doubt["confidence"] < 1, "the rest is that none holds"
    head, line = table(crowd("audit", "--max-probability", "0.2", "--format", "table").stdout)
    assert head == ["path", "modality", "label", "reason", "probability", "suggested", "confidence", "id"]
    assert line[:4] == ["media/r5.png", "image", "horn", "neighbours"]


def test_pairs_that_do_not_fit(filled: CommandLine, media: Path, tmp_path: Path) -> None:
    outcome = filled("audit", "--pairs")
    assert (outcome.status, outcome.data, outcome.error) == (4, [], "nothing to look at again")
    sound(media / "wrong.wav", (HIGH_HZ, 1))
    picture(media / "wrong.png", RED)
    with toy_index(tmp_path / "index") as index:
        index.add([media])
    outcome = filled("audit", "--pairs")
    assert (outcome.status, outcome.stderr) == (0, "")
    (pair,) = outcome.data
    assert (pair["sound"], pair["image"]) == (str(media / "wrong.wav"), str(media / "wrong.png"))
    assert 0.5 <= pair["rank"] <= 1
    assert pair["similarity"] < 0.5
    head, line = table(filled("audit", "--pairs", "--format", "table").stdout)
    assert head == ["rank", "similarity", "sound", "image"]
    assert line[2:] == ["media/wrong.wav", "media/wrong.png"]
    assert filled("audit", "--pairs", "--format", "csv").stdout.splitlines()[0] == b"rank,similarity,sound,image"


def test_the_same_picture_twice(filled: CommandLine, media: Path, tmp_path: Path) -> None:
    outcome = filled("duplicates")
    assert (outcome.status, outcome.data, outcome.error) == (4, [], "no duplicates")
    shutil.copy(media / "a.png", media / "copy.png")
    picture(media / "tinted.png", (230, 24, 20))
    picture(media / "b2.png", GREEN)
    with toy_index(tmp_path / "index") as index:
        index.add([media])
    outcome = filled("duplicates")
    assert (outcome.status, outcome.stderr) == (0, "")
    assert list(outcome.data[0]) == [
        *("group", "path", "similarity", "exact", "size_bytes", "duration_s", "width_px", "height_px", "id"),
        *("labels", "confirmed_by", "kept_because", "part_start_s", "part_end_s"),
    ]
    found = [(row["group"], os.path.basename(row["path"]), row["exact"]) for row in outcome.data]
    assert found == [
        (1, "a.png", True),
        (1, "copy.png", True),
        (1, "tinted.png", False),
        (2, "b.png", True),
        (2, "b2.png", True),
    ]
    assert outcome.data[2]["similarity"] == pytest.approx(1, abs=0.01)
    assert [row["confirmed_by"] for row in outcome.data] == [None, "content", "pixels", None, "content"]
    assert (outcome.data[0]["width_px"], outcome.data[0]["height_px"]) == (8, 6)
    rows = table(filled("duplicates", "--format", "table").stdout)
    assert rows[0] == ["group", "path", "labels", "similarity", "exact", "confirmed_by", "kept_because"]
    assert [row[1] for row in rows[1:]] == [f"media/{name}" for _, name, _ in found]
    outcome = filled("duplicates", "--modality", "sound", "--format", "paths")
    assert (outcome.status, outcome.stdout, outcome.error) == (4, b"", "no duplicates among the sounds")


def test_the_copy_that_has_labels_is_the_one_to_keep(filled: CommandLine, media: Path, tmp_path: Path) -> None:
    shutil.copy(media / "a.png", media / "z.png")
    with toy_index(tmp_path / "index") as index:
        index.add([media])
    before = filled("duplicates").data
    assert [os.path.basename(row["path"]) for row in before] == ["a.png", "z.png"]
    assert [row["kept_because"] for row in before] == ["its path comes first", None]
    filled("label", "media/z.png", "--as", "red", "--as", "warm")
    after = filled("duplicates").data
    assert [os.path.basename(row["path"]) for row in after] == ["z.png", "a.png"]
    assert [row["labels"] for row in after] == [["red", "warm"], []]
    assert [row["kept_because"] for row in after] == ["has labels", None]
    csv = filled("duplicates", "--format", "csv").stdout.decode().splitlines()
    assert csv[0].endswith(",labels,confirmed_by,kept_because,part_start_s,part_end_s")
    assert csv[1].endswith(",red;warm,,has labels,,")
    assert csv[2].endswith(",,content,,,")


def test_copies_told_by_features_alone_are_counted(filled: CommandLine, media: Path, tmp_path: Path) -> None:
    picture(media / "tinted.png", (230, 24, 20))
    with toy_index(tmp_path / "index") as index:
        index.add([media])
    (media / "tinted.png").unlink()
    outcome = filled("duplicates")
    assert [row["confirmed_by"] for row in outcome.data] == [None, "features"]
    assert outcome.error == (
        "1 is told by features alone, which may be wrong: files are gone, have changed, or hold nothing to compare"
    )


def test_what_is_merely_alike_is_a_list_of_its_own(filled: CommandLine, media: Path, tmp_path: Path) -> None:
    outcome = filled("duplicates", "--alike")
    assert (outcome.status, outcome.data, outcome.error) == (4, [], "nothing is merely alike")
    stripes = np.tile(np.where(np.arange(64) // 8 % 2, 180, 60).astype(np.uint8), (64, 1))
    Image.fromarray(stripes).save(media / "upright.png")
    Image.fromarray(stripes.T.copy()).save(media / "across.png")
    with toy_index(tmp_path / "index") as index:
        index.add([media])
    assert filled("duplicates").status == 4
    outcome = filled("duplicates", "--alike")
    assert (outcome.status, outcome.stderr) == (0, "")
    assert {os.path.basename(row["path"]) for row in outcome.data} == {"upright.png", "across.png"}
    assert [row["kept_because"] for row in outcome.data] == [None, None]
    head, *_ = table(filled("duplicates", "--alike", "--format", "table").stdout)
    assert head == ["group", "path", "labels", "similarity"]


def test_it_is_said_which_sounds_are_parts_of_longer_ones(filled: CommandLine, media: Path, tmp_path: Path) -> None:
    samples = 0.1 * np.random.default_rng(0).standard_normal(10 * RATE_HZ)
    soundfile.write(media / "whole.wav", samples, RATE_HZ)
    soundfile.write(media / "part.wav", samples[4 * RATE_HZ : 8 * RATE_HZ], RATE_HZ)
    with toy_index(tmp_path / "index") as index:
        index.add([media])
    outcome = filled("duplicates")
    assert outcome.error == "1 is a part of a longer sound, the first of the group, which holds more"
    assert [os.path.basename(row["path"]) for row in outcome.data] == ["whole.wav", "part.wav"]
    assert [row["part_start_s"] for row in outcome.data] == [None, pytest.approx(4, abs=0.01)]
    assert [row["part_end_s"] for row in outcome.data] == [None, pytest.approx(8, abs=0.01)]
    assert outcome.data[0]["kept_because"] == "holds the others"
    assert table(filled("duplicates", "--format", "table").stdout)[0][-2:] == ["part_start_s", "part_end_s"]
