"""Labels to files, and from there back again."""

from __future__ import annotations

import csv
import json
import os
import platform
from typing import TYPE_CHECKING, Any

import pytest

from modag_search import Index
from modag_search.catalog import Annotation
from modag_search.errors import UsageError
from modag_search.labels.files import LABEL_COLUMNS, LabelFormat, export_labels, import_labels, label_rows
from tests.made_media import GREEN, LOW_HZ, RED, picture, sound, video

if TYPE_CHECKING:
    from pathlib import Path

Label = tuple[str, str, float | None, float | None]


def annotate(index: Index, path: Path, label: str, **fields: Any) -> None:
    item = index.item(path)
    index.catalog.labels.annotate([Annotation(item_id=item.id, label=label, **({"origin": "hand"} | fields))])


@pytest.fixture
def labelled(filled: Index, media: Path) -> Index:
    """An index with labels of each origin, on items and on parts of them."""
    video(media / "v.mp4")
    filled.add([media])
    annotate(filled, media / "a.png", "red, or so")
    annotate(filled, media / "a.wav", 'a "low" tone', start_s=0.1, end_s=0.3)
    annotate(filled, media / "b.wav", "lüte", origin="import", source="/there/l.csv", end_s=0.5)
    annotate(filled, media / "c.wav", "guess", origin="transfer", confidence=0.5)
    annotate(filled, media / "v.mp4", "film", start_s=0.5)
    return filled


def given(index: Index) -> set[Label]:
    return {
        (index.item(f"id:{a.item_id}").path, a.label, a.start_s, a.end_s)
        for a in index.catalog.labels.annotations()
        if a.origin != "transfer"
    }


def emptied(index: Index) -> Index:
    for annotation in list(index.catalog.labels.annotations()):
        index.catalog.labels.delete(annotation.label)
    return index


def test_rows_say_where_labels_come_from(labelled: Index, media: Path) -> None:
    rows = list(label_rows(labelled.catalog))
    assert [tuple(row) for row in rows] == [LABEL_COLUMNS] * 4
    assert rows[0]["path"] == str(media / "a.png")
    assert list(rows[1].values())[1:] == ['a "low" tone', 0.1, 0.3, "hand", None, None, False, False]
    assert list(rows[2].values())[1:] == ["lüte", None, 0.5, "import", "/there/l.csv", None, False, False]
    (guess,) = label_rows(labelled.catalog, origins=["transfer"])
    assert (guess["label"], guess["confidence"]) == ("guess", 0.5)
    assert next(label_rows(labelled.catalog, relative_to=media / "x"))["path"] == "../a.png"


def test_paths_below_a_root_that_is_not_on_this_machine_are_exported_as_they_are(
    labelled: Index, media: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    labelled.roots.add("NAS", media)
    monkeypatch.setattr(platform, "node", lambda: "another")
    with Index.open(labelled.folder) as index:
        assert next(label_rows(index.catalog, relative_to=tmp_path))["path"] == "@NAS/a.png"
        export_labels(index.catalog, tmp_path / "out", output_format="jams", relative=True)
        annotations = (tmp_path / "out" / "a.jams").read_text()
        assert '"@NAS/a.png"' in annotations
        with pytest.raises(UsageError, match=r"@NAS/.*: cannot be copied: root NAS has no folder on this machine; "):
            export_labels(index.catalog, tmp_path / "copies", output_format="folders", copy=True)


@pytest.mark.parametrize("output_format", ["csv", "jsonl", "jams"])
@pytest.mark.parametrize("relative", [False, True])
def test_labels_come_back_as_they_were(labelled: Index, tmp_path: Path, output_format: Any, relative: bool) -> None:
    before = given(labelled)
    target = tmp_path / f"out.{output_format}"
    report = export_labels(labelled.catalog, target, output_format=output_format, relative=relative)
    assert (report.labels, report.left_out) == (4, 0)
    assert import_labels(emptied(labelled).catalog, target).added == 4
    if output_format == "jams":
        # JAMS has no parts that are open on a side.
        opened = {(start_s, end_s) for path, _, start_s, end_s in given(labelled) if not path.endswith(".png")}
        film_s = labelled.item(tmp_path / "media" / "v.mp4").duration_s
        assert opened == {(0.1, 0.3), (0.0, 0.5), (0.5, film_s)}
        assert {each[:2] for each in given(labelled)} == {each[:2] for each in before}
    else:
        assert given(labelled) == before


@pytest.mark.parametrize("output_format", ["csv", "jsonl", "jams"])
def test_a_collection_can_move_with_its_labels(index: Index, media: Path, tmp_path: Path, output_format: Any) -> None:
    # Readers strip cells: the space must survive that.
    picture(media / " a.png", RED)
    index.add([media])
    annotate(index, media / " a.png", "red")
    export_labels(index.catalog, media / "labels", output_format=output_format, relative=True)
    moved = tmp_path / "elsewhere"
    media.rename(moved)
    (moved / "labels").rename(source := moved / f"labels.{output_format}")
    index.add([moved], prune=True)
    import_labels(emptied(index).catalog, source)
    assert given(index) == {(str(moved / " a.png"), "red", None, None)}


def test_csv_is_what_other_programs_read(labelled: Index, media: Path, tmp_path: Path) -> None:
    export_labels(labelled.catalog, tmp_path / "l.csv", output_format="csv", origins=["hand", "import", "transfer"])
    with (tmp_path / "l.csv").open(newline="", encoding="utf-8") as file:
        rows = list(csv.DictReader(file))
    assert len(rows) == 5
    assert rows[0] == dict.fromkeys(LABEL_COLUMNS, "") | {
        "path": str(media / "a.png"),
        "label": "red, or so",
        "origin": "hand",
    }


def test_jams_has_what_a_reader_of_jams_needs(labelled: Index, media: Path, tmp_path: Path) -> None:
    report = export_labels(
        labelled.catalog, tmp_path / "out", output_format="jams", origins=["hand", "import", "transfer"]
    )
    assert (report.labels, report.files) == (5, 5)
    second = max(labelled.item(media / name).id for name in ("a.png", "a.wav"))
    assert sorted(os.listdir(tmp_path / "out")) == [f"a-{second}.jams", "a.jams", "b.jams", "c.jams", "v.jams"]
    document = json.loads((tmp_path / "out" / "c.jams").read_text())
    assert document["file_metadata"] == {
        "title": "c.wav",
        "artist": "",
        "release": "",
        "duration": 1.0,
        "identifiers": {},
        "jams_version": "0.3.4",
    }
    item = labelled.item(media / "c.wav")
    assert document["sandbox"] == {"modag": {"path": item.path, "content_hash": item.content_hash}}
    (annotation,) = document["annotations"]
    assert (annotation["namespace"], annotation["annotation_metadata"]["data_source"]) == ("tag_open", "transfer")
    assert annotation["data"] == [{"time": 0.0, "duration": 1.0, "value": "guess", "confidence": 0.5}]
    (annotation,) = json.loads((tmp_path / "out" / "b.jams").read_text())["annotations"]
    assert annotation["annotation_metadata"]["data_source"] == "import from /there/l.csv"
    assert annotation["data"] == [{"time": 0.0, "duration": 0.5, "value": "lüte", "confidence": None}]


def test_folders_of_links(index: Index, media: Path, tmp_path: Path) -> None:
    one, two = picture(media / "x" / "1.png", RED), picture(media / "y" / "1.png", GREEN)
    tone = sound(media / "1.wav", (LOW_HZ, 1))
    index.add([media])
    for path, label in ((one, "red"), (two, "red"), (one, "R/B"), (one, "R_B"), (tone, ".low")):
        annotate(index, path, label)
    annotate(index, one, "red", origin="import")
    annotate(index, tone, "part", start_s=0.5)
    target = tmp_path / "new" / "folders"
    report = export_labels(index.catalog, target, output_format="folders")
    assert (report.labels, report.left_out) == (5, 1)
    links = {str(path.relative_to(target)): os.readlink(path) for path in target.rglob("*.*") if path.is_symlink()}
    numbered = f"red/1-{index.item(two).id}.png"
    assert links == {
        "_.low/1.wav": str(tone),
        "R_B/1.png": str(one),
        "R_B-2/1.png": str(one),
        "red/1.png": str(one),
        numbered: str(two),
    }
    export_labels(index.catalog, tmp_path / "relative", output_format="folders", relative=True)
    assert os.readlink(tmp_path / "relative" / "red" / "1.png") == "../../media/x/1.png"
    assert (tmp_path / "relative" / "red" / "1.png").read_bytes() == one.read_bytes()


def test_copies_are_an_index_of_their_own(labelled: Index, media: Path, tmp_path: Path) -> None:
    target = tmp_path / "folders"
    target.mkdir()
    assert export_labels(labelled.catalog, target, output_format="folders", copy=True).left_out == 3
    assert (target / "red, or so" / "a.png").read_bytes() == (media / "a.png").read_bytes()
    labelled.add([target])
    assert import_labels(labelled.catalog, target, from_folders=True).added == 1
    assert labelled.item(target / "red, or so" / "a.png").labels == ("red, or so",)


def test_a_copy_that_fails_leaves_nothing(labelled: Index, media: Path, tmp_path: Path) -> None:
    (media / "a.png").unlink()
    with pytest.raises(UsageError, match=r"a\.png: cannot be copied: No such file"):
        export_labels(labelled.catalog, tmp_path / "out" / "folders", output_format="folders", copy=True)
    assert os.listdir(tmp_path / "out") == []
    with pytest.raises(UsageError, match="only folders hold copies of files, not csv"):
        export_labels(labelled.catalog, tmp_path / "l.csv", output_format="csv", copy=True)


@pytest.mark.parametrize("output_format", ["csv", "jsonl"])
def test_only_exports_are_written_over(labelled: Index, tmp_path: Path, output_format: Any) -> None:
    target = tmp_path / f"l.{output_format}"
    target.touch()
    for _ in range(2):
        assert export_labels(labelled.catalog, target, output_format=output_format).labels == 4
    content = target.read_bytes()
    for other in (b"path,label\na.wav,x\n", b'{"path": "a.wav", "label": "x"}\n'):
        target.write_bytes(other)
        with pytest.raises(UsageError, match=rf"l\.{output_format}: is a file of another kind, and would be lost"):
            export_labels(labelled.catalog, target, output_format=output_format)
        assert target.read_bytes() == other
    assert content.count(b"\n") == (5 if output_format == "csv" else 4)
    with pytest.raises(UsageError, match="is a folder; name a file"):
        export_labels(labelled.catalog, tmp_path, output_format=output_format)


@pytest.mark.parametrize("output_format", ["jams", "folders"])
def test_only_empty_folders_are_written_into(labelled: Index, tmp_path: Path, output_format: Any) -> None:
    (kept := tmp_path / "kept").touch()
    for target in (tmp_path, kept):
        with pytest.raises(UsageError, match="is there already; name a folder that is new or empty"):
            export_labels(labelled.catalog, target, output_format=output_format)
    with pytest.raises(UsageError, match=r"kept.*: cannot be written"):
        export_labels(labelled.catalog, kept / "below", output_format=output_format)
    assert kept.read_bytes() == b""


def test_names_that_are_not_utf_8_come_back(index: Index, media: Path, tmp_path: Path) -> None:
    path = media / "\udcff.png"
    picture(media / "a.png", RED).rename(path)
    index.add([media])
    annotate(index, path, "red")
    formats: tuple[LabelFormat, ...] = ("csv", "jsonl", "jams")
    for output_format in formats:
        target = tmp_path / f"l.{output_format}"
        export_labels(index.catalog, target, output_format=output_format)
        assert import_labels(emptied(index).catalog, target).added == 1
        assert given(index) == {(str(path), "red", None, None)}


def test_long_labels_make_folders_too(filled: Index, media: Path, tmp_path: Path) -> None:
    for last in "xy":
        annotate(filled, media / "a.png", "ü" * 300 + last)
    assert export_labels(filled.catalog, tmp_path / "out", output_format="folders").labels == 2


def test_an_index_without_labels(filled: Index, tmp_path: Path) -> None:
    assert export_labels(filled.catalog, tmp_path / "l.csv", output_format="csv").labels == 0
    assert (tmp_path / "l.csv").read_text() == "path,label,start_s,end_s,origin,source,confidence,is_not,is_tag\n"
    with pytest.raises(UsageError, match="the format must be one of csv, jsonl, jams, folders, not 'xml'"):
        export_labels(filled.catalog, tmp_path / "l.xml", output_format="xml")  # type: ignore[arg-type]
