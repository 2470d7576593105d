"""``modag label --from``, ``--from-folders`` and ``label export``: labels from files, and to files."""

from __future__ import annotations

import csv
import io
import json
import os
from typing import TYPE_CHECKING, Any

import pytest

from tests.made_media import GREEN, RED, picture
from tests.toy_encoders import toy_index

if TYPE_CHECKING:
    from pathlib import Path

    from tests.cli.command_line import CommandLine

FIELDS = ["path", "label", "start_s", "end_s", "origin", "source", "confidence", "is_not", "is_tag"]
Said = set[tuple[str, str, float | None, float | None]]


@pytest.fixture
def labelled(filled: CommandLine, media: Path) -> CommandLine:
    """``modag`` with labels on wholes and on a part, one of which needs quotes in CSV."""
    with toy_index(filled.folder / "index") as index:
        index.label([media / "a.png", media / "a.wav"], "violin")
        index.label(media / "b.wav", "note", start_s=0.25, end_s=0.5)
        index.label(media / "b.png", 'a "flat", b')
    return filled


def rows(modag: CommandLine) -> list[dict[str, Any]]:
    """What ``label export`` prints."""
    return [json.loads(line) for line in modag("label", "export", "--format", "jsonl").stdout.splitlines()]


def said(modag: CommandLine) -> Said:
    """Name of the file, label and part of each annotation."""
    with toy_index(modag.folder / "index") as index:
        annotations = list(index.catalog.labels.annotations())
        items = index.catalog.items.get_many({annotation.item_id for annotation in annotations})
    return {(os.path.basename(items[one.item_id].path), one.label, one.start_s, one.end_s) for one in annotations}


def forget_labels(modag: CommandLine) -> Said:
    """Take all labels from all items, and return what they were."""
    before = said(modag)
    with toy_index(modag.folder / "index") as index:
        for label in {label for _, label, _, _ in before}:
            index.labels.remove(label)
    assert said(modag) == set()
    return before


def written(path: Path, *lines: str) -> Path:
    path.write_text("".join(f"{line}\n" for line in lines))
    return path


def jams(path: Path, about: str, *tags: tuple[float, float, str]) -> Path:
    data = [{"time": time, "duration": duration, "value": value, "confidence": 1} for time, duration, value in tags]
    document = {
        "file_metadata": {"duration": 1.0},
        "annotations": [{"namespace": "tag_open", "data": data}, {"namespace": "beat", "data": []}],
        "sandbox": {"modag": {"path": about}},
    }
    path.write_text(json.dumps(document))
    return path


@pytest.mark.parametrize("kind", ["csv", "jsonl", "jams"])
def test_a_file_gives_labels_and_is_named_as_their_source(filled: CommandLine, tmp_path: Path, kind: str) -> None:
    source = tmp_path / f"labels.{kind}"
    if kind == "csv":
        written(source, "path,label,start_s,end_s", "media/a.wav,tone,,", "media/a.wav,attack,0,0.25")
    elif kind == "jsonl":
        whole = {"path": "media/a.wav", "label": "tone"}
        part = {"path": "media/a.wav", "label": "attack", "start_s": 0, "end_s": 0.25}
        written(source, json.dumps(whole), json.dumps(part))
    else:
        jams(source, "media/a.wav", (0, 1, "tone"), (0, 0.25, "attack"))
    outcome = filled("label", "--from", source)
    assert (outcome.status, outcome.stderr) == (0, "")
    (row,) = outcome.data
    assert {key: row[key] for key in ("source", "run", "added", "unchanged", "skipped", "passed_over")} == {
        "source": str(source),
        "run": 2,
        "added": 2,
        "unchanged": 0,
        "skipped": 0,
        "passed_over": [],
    }
    given = rows(filled)
    assert [list(row) for row in given] == [FIELDS] * 2
    assert {(row["path"], row["label"], row["start_s"], row["end_s"]) for row in given} == {
        (str(tmp_path / "media" / "a.wav"), "tone", None, None),
        (str(tmp_path / "media" / "a.wav"), "attack", 0.0, 0.25),
    }
    confidence = 1.0 if kind == "jams" else None  # only JAMS says how sure anybody was
    assert {(row["origin"], row["source"], row["confidence"]) for row in given} == {("import", str(source), confidence)}
    with toy_index(tmp_path / "index") as index:
        assert index.labels.undo(2).changed == 2


def test_a_file_says_no_more_for_being_read_twice(filled: CommandLine, tmp_path: Path) -> None:
    source = written(tmp_path / "labels.csv", "path,label", "media/a.wav,tone", "media/b.wav,tone")
    filled("label", "media/a.wav", "--as", "tone")
    assert [(row["added"], row["unchanged"]) for row in filled("label", "--from", source).data] == [(1, 1)]
    assert [(row["path"][-5:], row["origin"], row["source"]) for row in rows(filled)] == [
        ("a.wav", "hand", None),
        ("a.wav", "import", str(source)),
        ("b.wav", "import", str(source)),
    ], "who says the same stands there too, so that each can be undone"
    table = filled("label", "--from", "labels.csv", "--format", "table").stdout.decode().splitlines()
    assert [line.split() for line in table] == [
        ["source", "run", "added", "unchanged", "skipped"],
        ["labels.csv", "4", "0", "2", "0"],
    ]


def test_each_of_several_files_is_a_run(filled: CommandLine, tmp_path: Path) -> None:
    first = written(tmp_path / "first.csv", "path,label", "media/a.wav,tone")
    second = written(tmp_path / "second.csv", "path,label", "media/b.wav,tone", "media/c.wav,beep")
    outcome = filled("label", "--from", first, "--from", second)
    assert [(row["source"], row["run"], row["added"]) for row in outcome.data] == [
        (str(first), 2, 1),
        (str(second), 3, 2),
    ]
    filled("label", "undo", "3")
    bad = written(tmp_path / "bad.csv", "path,label", "media/b.wav,tone", "media/nowhere.wav,tone")
    outcome = filled("label", "--from", second, "--from", bad)
    assert outcome.status == 2
    assert [(row["source"], row["added"]) for row in outcome.data] == [(str(second), 2)]
    assert outcome.error.startswith(
        f"error: {bad}: line 3: {tmp_path / 'media' / 'nowhere.wav'}: is not in the index, "
    )
    assert said(filled) == {
        ("a.wav", "tone", None, None),
        ("b.wav", "tone", None, None),
        ("c.wav", "beep", None, None),
    }


def test_lines_about_other_media_are_passed_over_where_told_to(
    filled: CommandLine, media: Path, tmp_path: Path
) -> None:
    source = written(
        tmp_path / "labels.csv", "path,label", "media/n.wav,tone", "media/a.wav,tone", "media/bad.png,tone"
    )
    (media / "bad.png").write_bytes(b"no picture")
    assert filled("index", media).status == 3
    outcome = filled("label", "--from", source, "--skip-missing")
    assert outcome.status == 3
    assert [(row["added"], row["skipped"]) for row in outcome.data] == [(1, 2)]
    assert outcome.stderr.splitlines() == [
        f"skipped: {media / name}: is not in the index, or failed" for name in ("n.wav", "bad.png")
    ]
    assert said(filled) == {("a.wav", "tone", None, None)}


def test_names_of_folders_are_labels(toy: CommandLine, media: Path, tmp_path: Path) -> None:
    for name in ("violin/1.png", "violin/old/2.png", "French horn/3.png", "4.png"):
        picture(media / name, RED)
    with toy_index(tmp_path / "index") as index:
        index.add([media])
    outcome = toy("label", "--from-folders", media)
    assert outcome.status == 0
    assert [(row["source"], row["added"]) for row in outcome.data] == [(str(media), 3)]
    assert outcome.error == f"{media}: 1 of its files lie in no folder that could name them"
    assert said(toy) == {
        ("1.png", "violin", None, None),
        ("2.png", "violin", None, None),
        ("3.png", "French horn", None, None),
    }
    assert {(row["origin"], row["source"]) for row in rows(toy)} == {("import", str(media))}


@pytest.mark.parametrize("output_format", ["csv", "jsonl"])
def test_what_is_printed_can_be_read_again(labelled: CommandLine, media: Path, output_format: str) -> None:
    outcome = labelled("label", "export", "--format", output_format)
    assert (outcome.status, outcome.stderr) == (0, "")
    path = labelled.folder / f"labels.{output_format}"
    path.write_bytes(outcome.stdout)
    before = forget_labels(labelled)
    assert labelled("label", "--from", path).data[0]["added"] == 4
    assert said(labelled) == before


def test_formats_of_what_is_printed(labelled: CommandLine, media: Path) -> None:
    from_json = labelled("label", "export").data
    assert [list(row) for row in from_json] == [FIELDS] * 4
    assert {row["origin"] for row in from_json} == {"hand"}
    from_csv = list(csv.DictReader(io.StringIO(labelled("label", "export", "--format", "csv").stdout.decode())))
    assert from_csv == [
        {field: "" if value in (None, False) else str(value) for field, value in row.items()} for row in from_json
    ]
    head, *lines = labelled("label", "export", "--format", "table").stdout.decode().splitlines()
    assert head.split() == [*FIELDS[:6], *FIELDS[7:]]
    assert lines[2].split() == ["media/b.wav", "note", "0.250", "0.500", "hand", "False", "False"]


@pytest.mark.parametrize(
    ("name", "options", "summary"),
    [
        ("labels.csv", [], "4 labels in 1 file"),
        ("labels.jsonl", ["--relative"], "4 labels in 1 file"),
        ("jams", ["--kind", "jams"], "4 labels in 4 files"),
    ],
)
def test_what_is_written_can_be_read_again(labelled: CommandLine, name: str, options: list[str], summary: str) -> None:
    outcome = labelled("label", "export", "--to", name, *options)
    assert (outcome.status, outcome.stdout) == (0, b"")
    assert outcome.error == f"{name}: {summary}"
    before = forget_labels(labelled)
    assert labelled("label", "--from", name).data[0]["added"] == 4
    assert said(labelled) == before


@pytest.mark.parametrize(
    ("name", "options"),
    [("labels.csv", []), ("labels.jsonl", []), ("jams", ["--kind", "jams"]), ("sorted", ["--kind", "folders"])],
)
def test_a_folder_that_is_made_for_labels_is_told(
    labelled: CommandLine, tmp_path: Path, name: str, options: list[str]
) -> None:
    outcome = labelled("label", "export", "--to", f"typo/{name}", *options)
    first, summary = outcome.stderr.splitlines()
    assert (outcome.status, first) == (0, "typo: this folder was not there, and was made")
    assert summary.startswith(f"typo/{name}: ")
    assert (tmp_path / "typo" / name).exists()


def test_jams_files_keep_where_labels_come_from(labelled: CommandLine, tmp_path: Path) -> None:
    labelled("label", "--from", written(tmp_path / "labels.csv", "path,label", "media/a.wav,tone"))
    labelled("label", "export", "--to", "jams", "--kind", "jams")
    annotations = json.loads((tmp_path / "jams" / "a-2.jams").read_text())["annotations"]
    assert {one["annotation_metadata"]["data_source"]: one["data"][0]["value"] for one in annotations} == {
        "hand": "violin",
        f"import from {tmp_path / 'labels.csv'}": "tone",
    }


def test_folders_of_links_and_of_copies(labelled: CommandLine, media: Path, tmp_path: Path) -> None:
    outcome = labelled("label", "export", "--to", "sorted", "--kind", "folders")
    assert (outcome.status, outcome.stdout) == (0, b"")
    assert outcome.error == "sorted: 3 labels in 3 files; 1 left out: on parts of items, denied, or tags"
    links = {path for path in (tmp_path / "sorted").rglob("*") if path.is_symlink()}
    assert {(link.parent.name, os.readlink(link)) for link in links} == {
        ("violin", str(media / "a.png")),
        ("violin", str(media / "a.wav")),
        ('a "flat", b', str(media / "b.png")),
    }
    again = labelled("label", "export", "--to", "sorted", "--kind", "folders")
    assert again.status == 2
    assert again.error == f"error: {tmp_path / 'sorted'}: is there already; name a folder that is new or empty"
    assert labelled("label", "export", "--to", "copies", "--kind", "folders", "--copy").status == 0
    assert (tmp_path / "copies" / "violin" / "a.png").read_bytes() == (media / "a.png").read_bytes()
    with toy_index(tmp_path / "index") as index:
        index.add([tmp_path / "copies"])
    assert labelled("label", "--from-folders", "copies").data[0]["added"] == 3


def test_folders_of_links_can_be_read_again(labelled: CommandLine) -> None:
    """As the help of ``label export`` says."""
    labelled("label", "export", "--to", "sorted", "--kind", "folders")
    before = {one for one in forget_labels(labelled) if one[2] is None}
    assert labelled("label", "--from-folders", "sorted").status == 0
    assert said(labelled) == before


def test_transferred_labels_are_exported_where_told_to(filled: CommandLine, media: Path, tmp_path: Path) -> None:
    with toy_index(tmp_path / "index") as index:
        for name, label in (("a", "low"), ("b", "middle"), ("c", "high")):
            index.label(media / f"{name}.png", label)
        index.transfer(min_confidence=0)
    given = filled("label", "export").data
    assert {row["origin"] for row in given} == {"hand"}
    every = filled("label", "export", "--transferred").data
    transferred = [row for row in every if row not in given]
    assert {(os.path.basename(row["path"]), row["label"]) for row in transferred} == {
        ("a.wav", "low"),
        ("b.wav", "middle"),
        ("c.wav", "high"),
    }
    assert all(row["origin"] == "transfer" and 0 < row["confidence"] <= 1 for row in transferred)


@pytest.mark.parametrize("target", [(), ("--to", "labels.csv"), ("--to", "sorted", "--kind", "folders")])
def test_an_export_says_what_it_leaves_out_of_files_that_are_gone(
    labelled: CommandLine, media: Path, target: tuple[str, ...]
) -> None:
    assert "no file has" not in labelled("label", "export", "--to", "before.csv").stderr
    labelled("forget", media / "a.png")
    lines = labelled("label", "export", *target).stderr.splitlines()
    (line,) = [line for line in lines if line.startswith("left out: 1 label of contents that no file has now")]
    assert line.endswith("; `modag backup` keeps those, too")


def test_folders_that_are_called_otherwise_than_their_labels_are_named(filled: CommandLine, media: Path) -> None:
    for name, label in (("a", "dog"), ("b", "Dog"), ("c", "R/B")):
        filled("label", media / f"{name}.png", "--as", label)
    exported = filled("label", "export", "--to", "sorted", "--kind", "folders")
    assert "read again as they are called: Dog (Dog-2), R/B (R_B)" in exported.stderr


def test_only_exports_are_written_over(labelled: CommandLine, media: Path, tmp_path: Path) -> None:
    theirs = written(tmp_path / "theirs.csv", "path,label", "mine,forever")
    outcome = labelled("label", "export", "--to", theirs)
    assert (outcome.status, outcome.stdout) == (2, b"")
    assert outcome.error == f"error: {theirs}: is a file of another kind, and would be lost; name another"
    assert theirs.read_text() == "path,label\nmine,forever\n"
    (tmp_path / "ours.csv").write_bytes(labelled("label", "export", "--format", "csv").stdout)
    assert labelled("label", "export", "--to", "ours.csv").status == 0


def test_an_index_moves_with_its_labels(labelled: CommandLine, media: Path, tmp_path: Path) -> None:
    """A file of relative paths, beside the media, names them wherever both lie."""
    assert labelled("label", "export", "--to", media / "labels.csv", "--relative").status == 0
    elsewhere = tmp_path / "elsewhere"
    media.rename(elsewhere)
    picture(elsewhere / "d.png", GREEN)
    labelled.environment["MODAG_INDEX"] = str(tmp_path / "other")
    with toy_index(tmp_path / "other") as index:
        index.add([elsewhere])
    assert labelled("label", "--from", elsewhere / "labels.csv").data[0]["added"] == 4
