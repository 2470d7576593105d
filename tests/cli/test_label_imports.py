"""``modag label --from`` and ``--from-folders``: labels as others keep them, and what a preview shows."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest

from modag_search import ReadingOptions
from tests.made_media import GREEN, RED, picture, sound
from tests.toy_encoders import toy_index

if TYPE_CHECKING:
    from pathlib import Path

    from tests.cli.command_line import CommandLine

Said = set[tuple[str, str, float | None, float | None]]


def said(modag: CommandLine) -> Said:
    """Path below the folder for media, label and part of each annotation."""
    media = f"{modag.folder}/media/"
    return {
        (row["path"].removeprefix(media), row["label"], row["start_s"], row["end_s"])
        for row in modag("label", "export").data
    }


def written(path: Path, *lines: str) -> Path:
    path.parent.mkdir(exist_ok=True)
    path.write_text("".join(f"{line}\n" for line in lines))
    return path


def added(modag: CommandLine, *paths: Path) -> None:
    with toy_index(modag.folder / "index") as index:
        index.add(list(paths))


def test_a_collection_is_found_beside_its_table(filled: CommandLine, tmp_path: Path) -> None:
    table = written(tmp_path / "meta" / "esc50.csv", "filename,fold,target,category", "a.wav,1,0,dog", "b.wav,1,1,cat")
    outcome = filled("label", "--from", table)
    assert outcome.status == 0
    assert outcome.stderr.splitlines() == [
        f"{table}: read as ESC-50",
        f"{table}: matched by the ends of paths: a.wav is {tmp_path}/media/a.wav, b.wav is {tmp_path}/media/b.wav",
    ]
    assert said(filled) == {("a.wav", "dog", None, None), ("b.wav", "cat", None, None)}
    assert [row["name"] for row in outcome.data[0]["by_name"]] == ["a.wav", "b.wav"]


def test_paths_of_windows(filled: CommandLine) -> None:
    written(filled.folder / "l.csv", "path,label", "media\\a.wav,x", "C:\\Users\\me\\media\\b.wav,y")
    outcome = filled("label", "--from", "l.csv")
    assert outcome.error == (
        f"l.csv: matched by the ends of paths: C:\\Users\\me\\media\\b.wav is {filled.folder}/media/b.wav"
    )
    assert said(filled) == {("a.wav", "x", None, None), ("b.wav", "y", None, None)}


def test_what_could_be_several_is_named_or_passed_over(filled: CommandLine, media: Path) -> None:
    for folder in ("one", "two"):
        picture(media / folder / "t.png", RED)
    added(filled, media)
    written(filled.folder / "l.csv", "path,label", "a.png,x", "t.png,x", "n.png,x", "b.png,")
    several = f"{media}/one/t.png or {media}/two/t.png"
    assert filled("label", "--from", "l.csv").error == (
        f"error: {filled.folder}/l.csv: line 3: t.png: is {several}? write more of its path, `--skip-missing` labels "
        "the others (1 more of its files cannot be labelled)"
    )
    outcome = filled("label", "--from", "l.csv", "--skip-missing")
    assert outcome.status == 3
    assert outcome.stderr.splitlines()[-3:] == [
        f"skipped: {filled.folder}/t.png: could be {several}",
        f"skipped: {filled.folder}/n.png: is not in the index, or failed",
        "l.csv: passed over: 1 without a label; --format json lists them",
    ]
    (row,) = outcome.data
    assert (row["added"], row["skipped"]) == (1, 2)
    assert {(one["name"], one["line"]) for one in row["passed_over"]} == {
        ("b.png", 5),
        (f"{filled.folder}/t.png", 3),
        (f"{filled.folder}/n.png", 4),
    }


def test_names_that_mean_one_file_alike_are_refused(filled: CommandLine) -> None:
    written(filled.folder / "l.csv", "path,label", "cats/a.png,cat", "dogs/a.png,dog")
    outcome = filled("label", "--from", "l.csv")
    assert (outcome.status, "could be meant, and by dogs/a.png as well" in outcome.error) == (2, True)
    assert said(filled) == set()


def test_a_preview_writes_nothing(filled: CommandLine) -> None:
    filled("label", "media/a.wav", "--as", "x")
    written(
        filled.folder / "l.csv",
        "path,label,start_s,end_s",
        "media/a.wav,x,,",
        "media/a.wav,y,0,0.5",
        "media/b.wav,y,,",
        "media/gone.wav,y,,",
    )
    before = said(filled), filled("label", "runs").stdout
    outcome = filled("label", "--from", "l.csv", "--dry-run", "--format", "table")
    assert outcome.status == 3
    assert [line.split() for line in outcome.stdout.decode().splitlines()] == [
        ["label", "items", "denied", "parts", "example"],
        ["x", "1", "0", "0", "media/a.wav"],
        ["y", "2", "0", "1", "media/a.wav"],
    ]
    assert outcome.stderr.splitlines() == [
        f"skipped: {filled.folder}/media/gone.wav: is not in the index, or failed",
        "l.csv: would give 2 labels, beside 1 there already; --skip-missing passes over 1 file; nothing was written",
    ]
    (row,) = filled("label", "--from", "l.csv", "--dry-run").data
    assert (row["run"], row["added"], row["unchanged"], row["skipped"]) == (None, 2, 1, 1)
    assert (said(filled), filled("label", "runs").stdout) == before
    assert filled("label", "--from", "l.csv", "--skip-missing").data[0]["added"] == 2


def test_a_preview_tells_what_is_said_not_to_be(filled: CommandLine) -> None:
    written(filled.folder / "sheet.csv", "path,label,start_s,end_s,answer", "media/a.wav,x,,,y", "media/b.wav,x,,,n")
    (row,) = filled("label", "--from", "sheet.csv", "--dry-run").data
    assert [(one["label"], one["items"], one["denied"]) for one in row["labels"]] == [("x", 1, 1)]


def test_a_preview_of_folders(toy: CommandLine, media: Path) -> None:
    for name in ("dog/1.png", "cat/2.png"):
        picture(media / name, RED)
    added(toy, media)
    outcome = toy("label", "--from-folders", "media", "--dry-run")
    assert (outcome.status, outcome.error) == (0, "media: would give 2 labels; nothing was written")
    assert [(one["label"], one["items"]) for one in outcome.data[0]["labels"]] == [("cat", 1), ("dog", 1)]
    assert said(toy) == set()


@pytest.mark.parametrize("command", ["label media/a.png --as x --dry-run", "label media/a.png --as x --separator ;"])
def test_options_of_imports_need_one(filled: CommandLine, command: str) -> None:
    outcome = filled(*command.split())
    assert outcome.status == 2
    assert "name these with --from or --from-folders" in outcome.stderr
    assert said(filled) == set()


def test_columns_separator_and_encoding(filled: CommandLine) -> None:
    content = "Datei;Was;ab;bis\r\nmedia/a.wav;hoch|Fl\u00f6te;0,25;0,5\r\n"
    (filled.folder / "l.csv").write_bytes(content.encode("utf-16"))
    columns = {"path": "Datei", "label": "was", "start": "ab", "end": "bis"}
    options = [one for name, column in columns.items() for one in (f"--{name}-column", column)]
    assert filled("label", "--from", "l.csv", *options, "--separator", "|").status == 0
    assert said(filled) == {("a.wav", "hoch", 0.25, 0.5), ("a.wav", "Fl\u00f6te", 0.25, 0.5)}
    (filled.folder / "m.csv").write_bytes("path,label\nmedia/b.wav,\u0444\n".encode("cp1251"))
    assert filled("label", "--from", "m.csv", "--encoding", "cp1251").stderr == ""
    assert ("b.wav", "\u0444", None, None) in said(filled)


def test_guesses_of_a_program_are_taken_from_a_confidence_on(filled: CommandLine, tmp_path: Path) -> None:
    head = "Start (s),End (s),Scientific name,Common name,Confidence"
    table = written(
        tmp_path / "a.BirdNET.results.csv", head, "0.0,3.0,Strix varia,Barred Owl,0.9", "0.0,3.0,Canis lupus,Wolf,0.3"
    )
    outcome = filled("label", "--from", table)
    assert f"{table}: passed over: 1 below a confidence of 0.5; --format json lists them" in outcome.stderr
    assert said(filled) == {("a.wav", "Barred Owl", 0.0, 1.0)}, "a window ends where the sound does"
    assert [row["confidence"] for row in filled("label", "export").data] == [0.9]
    filled("label", "--from", table, "--min-confidence", "0.2")
    assert len(said(filled)) == 2


def test_what_is_exported_comes_back_however_sure(filled: CommandLine, tmp_path: Path) -> None:
    track = written(tmp_path / "a.txt", "0.0\t0.5\tStrix varia, Barred Owl\t0.3")
    filled("label", "--from", track, "--min-confidence", "0")
    before = said(filled)
    for kind in ("csv", "jsonl", "json"):
        (tmp_path / f"l.{kind}").write_bytes(filled("label", "export", "--format", kind).stdout)
        filled("label", "remove", "Barred Owl", "--all")
        assert filled("label", "--from", f"l.{kind}").status == 0
        assert said(filled) == before


def test_tracks_and_tables_name_the_sound_that_they_are_called_like(filled: CommandLine, media: Path) -> None:
    written(media / "a.txt", "0.1\t0.4\tcall", "0.5\t0.5\tclick")
    written(media / "b.Table.1.selections.txt", "Selection\tBegin Time (s)\tEnd Time (s)\tSpecies", "1\t0.2\t0.4\towl")
    outcome = filled("label", "--from", media / "a.txt", "--from", media / "b.Table.1.selections.txt")
    assert outcome.status == 0
    assert "matched" not in outcome.stderr, "the sound lies beside"
    assert said(filled) == {("a.wav", "call", 0.1, 0.4), ("a.wav", "click", 0.5, 0.501), ("b.wav", "owl", 0.2, 0.4)}


def test_annotation_programs(filled: CommandLine, tmp_path: Path) -> None:
    documents: dict[str, Any] = {
        "via.json": {"a.png9": {"filename": "a.png", "regions": [], "file_attributes": {"class": "harp"}}},
        "coco.json": {
            "images": [{"id": 1, "file_name": "b.png"}],
            "categories": [{"id": 1, "name": "lute"}],
            "annotations": [{"image_id": 1, "category_id": 1}],
        },
        "studio.json": [
            {
                "data": {"audio": "/data/upload/1/8c3f0a1b-c.wav"},
                "annotations": [{"result": [{"value": {"start": 0, "end": 0.5, "labels": ["owl"]}}]}],
            }
        ],
    }
    for name, document in documents.items():
        (tmp_path / name).write_text(json.dumps(document))
        assert filled("label", "--from", name).status == 0
    assert said(filled) == {("a.png", "harp", None, None), ("b.png", "lute", None, None), ("c.wav", "owl", 0.0, 0.5)}


SPLIT = ("train/dog/1.png", "train/cat/2.png", "valid/dog/3.png", "test/cat/4.png")


def folders(toy: CommandLine, media: Path, *names: str) -> None:
    for name in names:
        picture(media / name, GREEN)
    added(toy, media)


def test_parts_of_a_collection_are_no_labels(toy: CommandLine, media: Path) -> None:
    folders(toy, media, *SPLIT, "README.png")
    outcome = toy("label", "--from-folders", "media")
    assert outcome.stderr.splitlines() == [
        "media: test, train, valid divide it; labels are the folders in them (--level 0: they themselves)",
        "media: 1 of its files lie in no folder that could name them",
    ]
    assert {(path, label) for path, label, *_ in said(toy)} == {(name, name.split("/")[1]) for name in SPLIT}


@pytest.mark.parametrize(
    ("names", "labels"),
    [
        (("train/1.png", "car/2.png"), {"train", "car"}),
        (("train/old/1.png", "car/2.png"), {"train", "car"}),
        (("train/1.png",), {"train"}),
        (("train/old/1.png",), {"train"}),
        (("Train/dog/1.png", "Val/dog/2.png"), {"dog"}),
    ],
)
def test_a_train_may_be_a_train(toy: CommandLine, media: Path, names: tuple[str, ...], labels: set[str]) -> None:
    folders(toy, media, *names)
    toy("label", "--from-folders", "media")
    assert {label for _, label, *_ in said(toy)} == labels


@pytest.mark.parametrize(
    ("level", "labels", "n_without"),
    [("0", {"a"}, 0), ("1", {"b", "c"}, 1), ("2", {"d"}, 2), ("innermost", {"a", "c", "d"}, 0)],
)
def test_the_level_of_folders_that_are_labels(
    toy: CommandLine, media: Path, level: str, labels: set[str], n_without: int
) -> None:
    folders(toy, media, "a/1.png", "a/b/d/2.png", "a/c/3.png")
    outcome = toy("label", "--from-folders", "media", "--level", level)
    assert {label for _, label, *_ in said(toy)} == labels
    expected = f"media: {n_without} of its files lie in no folder that could name them\n" if n_without else ""
    assert (outcome.status, outcome.stderr) == (0, expected)
    assert toy("label", "--from", "x.csv", "--level", level).status == 2


def test_labels_from_files_in_python(filled: CommandLine, media: Path) -> None:
    sound(media / "d.wav", (300, 1))
    written(media / "l.csv", "what,where", "x;y,a.wav", "z,gone.wav")
    with toy_index(filled.folder / "index") as index:
        options = ReadingOptions(path_column="where", label_column="what", separator=";")
        foreseen = index.import_labels(media / "l.csv", skip_missing=True, dry_run=True, options=options)
        report = index.import_labels(media / "l.csv", skip_missing=True, options=options)
        assert foreseen.run is None
        assert (foreseen.added, report.added) == (2, 2)
        assert [(one.label, one.items, one.parts, one.example) for one in report.labels] == [
            ("x", 1, 0, str(media / "a.wav")),
            ("y", 1, 0, str(media / "a.wav")),
        ]
        assert report.run is not None
        assert index.labels.undo(report.run).changed == 2


@pytest.mark.parametrize("format_", ["csv", "jsonl"])
def test_names_that_are_not_utf_8_are_written_alike_by_every_verb_and_read_again(
    filled: CommandLine, media: Path, format_: str
) -> None:
    odd, literal = media / "fl\udcfcgel.png", media / "c\\xfc.png"
    (media / "a.png").rename(odd)
    (media / "c.png").rename(literal)
    filled("index", media)
    filled("label", odd, "--as", "red")
    filled("label", literal, "--as", "blue")
    for verb in (["classify", odd, literal], ["label", "export"]):
        outcome = filled(*verb, "--format", format_)
        assert (outcome.status, outcome.stderr) == (0, "")
        if format_ == "csv":
            assert f"{media}/fl\\xfcgel.png,red" in outcome.stdout.decode()
        (filled.folder / f"l.{format_}").write_bytes(outcome.stdout)
        for label in ("red", "blue"):
            filled("label", "remove", label, "--all")
        assert filled("label", "--from", f"l.{format_}").status == 0
        rows = filled("label", "export").data
        assert [(row["path"], row["label"]) for row in rows] == [(str(odd), "red"), (str(literal), "blue")]
    elsewhere = written(filled.folder / "l.csv", "path,label", "other/fl\\xfcgel.png,moved")
    assert filled("label", "--from", elsewhere).data[0]["by_name"][0]["path"] == str(odd)


def test_what_is_missing_is_called_as_the_file_calls_it(filled: CommandLine) -> None:
    written(filled.folder / "l.csv", "path,label", "C:\\Photos\\B.PNG,x")
    outcome = filled("label", "--from", "l.csv")
    assert outcome.error == (
        f"error: {filled.folder}/l.csv: line 2: C:\\Photos\\B.PNG: is not in the index, and no such file is there; "
        f"`--skip-missing` labels the others; did you mean {filled.folder}/media/b.png (id:3)?"
    )
