"""Labels that files and the names of folders give to items: all or none of them."""

from __future__ import annotations

import json
import shutil
from typing import TYPE_CHECKING

import pytest

from modag_search.errors import LabelConflictError, UsageError
from modag_search.hierarchy import Hierarchy
from modag_search.labels.files import import_labels, importing, read_folders
from tests.made_media import BLUE, GREEN, LOW_HZ, RED, picture, set_mtime, sound

if TYPE_CHECKING:
    from pathlib import Path

    from modag_search import Index


def written(path: Path, *lines: str) -> Path:
    path.write_text("".join(f"{line}\n" for line in lines))
    return path


def labels(index: Index) -> set[tuple[str, str, float | None, float | None]]:
    """Every label with the name of its file and its part."""
    return {
        (index.catalog.items.get_many([a.item_id])[a.item_id].path.rsplit("/", 1)[1], a.label, a.start_s, a.end_s)
        for a in index.catalog.labels.annotations()
    }


def refused(index: Index, source: Path, *, from_folders: bool = False) -> str:
    """Return why labels are refused; that nothing was done is checked."""
    before = list(index.catalog.labels.annotations()), index.catalog.runs.all()
    with pytest.raises(UsageError) as caught:
        import_labels(index.catalog, source, from_folders=from_folders)
    assert (list(index.catalog.labels.annotations()), index.catalog.runs.all()) == before
    assert "\n" not in str(caught.value)
    return str(caught.value)


def test_a_file_gives_labels_once(filled: Index, media: Path) -> None:
    source = written(media / "l.csv", "path,label,start_s,end_s", "a.wav,harp,,", "b.wav,lute,0.2,0.8", "a.png,harp,,")
    report = import_labels(filled.catalog, source)
    assert (report.added, report.entries, report.unchanged, report.skipped) == (3, 3, 0, ())
    assert labels(filled) == {("a.wav", "harp", None, None), ("b.wav", "lute", 0.2, 0.8), ("a.png", "harp", None, None)}
    assert {(a.origin, a.source, a.run_id) for a in filled.catalog.labels.annotations()} == {
        ("import", str(source), report.run)
    }
    run = filled.catalog.runs.all()[-1]
    assert (run.id, run.verb, run.arguments, run.outcome) == (report.run, "label", {"from": str(source)}, {"added": 3})
    written(source, "path,label", "a.wav,harp", "c.wav,drum")
    again = import_labels(filled.catalog, source)
    assert (again.added, again.entries, again.unchanged) == (1, 2, 1)


def test_one_unknown_file_keeps_all_labels_out(filled: Index, media: Path) -> None:
    source = written(media / "l.csv", "path,label", "a.wav,x", "n.wav,x", "b.wav,x", "m.wav,x", "m.wav,y")
    assert refused(filled, source) == (
        f"{source}: line 3: {media}/n.wav: is not in the index, and no such file is there; "
        "`--skip-missing` labels the others (1 more of its files cannot be labelled)"
    )
    report = import_labels(filled.catalog, source, skip_missing=True)
    assert (report.added, report.entries, report.unchanged) == (2, 5, 0)
    assert report.skipped == (str(media / "n.wav"), str(media / "m.wav"))
    written(source, "path,label", "n.wav,x")
    assert import_labels(filled.catalog, source, skip_missing=True).run is None


def test_failed_files_get_no_labels(filled: Index, media: Path) -> None:
    (media / "bad.png").write_bytes(b"no picture")
    (media / "b.png").write_bytes(b"no picture any more")
    filled.add([media])
    source = media / "l.csv"
    for name in ("bad.png", "b.png"):
        written(source, "path,label", "a.wav,x", f"{name},x")
        words = refused(filled, source)
        assert words.startswith(f"{source}: line 3: {media}/{name}: failed when it was indexed (")
        assert words.endswith("`modag index --retry-failed` reads it again, `--skip-missing` labels the others")
        assert import_labels(filled.catalog, source, skip_missing=True).skipped == (str(media / name),)
        filled.catalog.labels.delete("x")


@pytest.mark.parametrize(
    ("row", "words"),
    [
        ("a.png,x,0,1", "a.png: a picture has no duration, so no part of it can have a label"),
        ("a.wav,x,0,3", "a.wav: lasts 1 s, and has no part from 0 s to 3 s"),
        ("a.wav,x,1.2,", "a.wav: lasts 1 s, and has no part from 1.2 s to its end"),
    ],
)
def test_parts_that_items_do_not_have(filled: Index, media: Path, row: str, words: str) -> None:
    source = written(media / "l.csv", "path,label,start_s,end_s", "b.wav,x,,", row)
    assert refused(filled, source) == f"{source}: line 3: {media}/{words}"


def test_an_end_that_another_program_measured(filled: Index, media: Path) -> None:
    source = written(media / "l.csv", "path,label,start_s,end_s", "a.wav,x,0.5,1.026")
    assert import_labels(filled.catalog, source).added == 1


def test_labels_that_exclude_each_other_in_one_file(filled: Index, media: Path) -> None:
    filled.catalog.hierarchy.set_mode("single")
    source = written(media / "l.csv", "path,label,start_s,end_s", "a.wav,x,,", "b.wav,x,0,0.5", "a.wav,y,0.5,0.6")
    assert refused(filled, source) == (
        f"{source}: line 4: {media}/a.wav: cannot be both the 'x' of line 2 and 'y', since labels exclude each other "
        "in this index; `modag label mode multi` allows both"
    )
    written(source, "path,label,start_s,end_s", "a.wav,x,,0.5", "a.wav,y,0.5,", "b.wav,z,,")
    assert import_labels(filled.catalog, source).added == 3


def test_kinds_of_one_another_do_not_exclude_each_other(filled: Index, media: Path) -> None:
    filled.catalog.hierarchy.replace(Hierarchy.of([("harp", "string")]))
    filled.catalog.hierarchy.set_mode("single")
    source = written(media / "l.csv", "path,label", "a.wav,harp", "a.wav,string")
    assert import_labels(filled.catalog, source).added == 2


def test_labels_that_exclude_what_is_there(filled: Index, media: Path) -> None:
    filled.label([media / "a.wav"], "x")
    filled.catalog.hierarchy.set_mode("single")
    source = written(media / "l.csv", "path,label", "b.wav,y", "a.wav,y")
    words = refused(filled, source)
    assert words.startswith(f"{source}: line 3: {media}/a.wav: cannot be both 'x' and 'y', since labels exclude")
    filled.catalog.hierarchy.set_mode("multi")
    assert import_labels(filled.catalog, source).added == 2


def test_labels_that_exclude_what_a_file_was_called_before_it_was_replaced(filled: Index, media: Path) -> None:
    filled.label([media / "a.png"], "x")
    set_mtime(picture(media / "a.png", (9, 99, 199)), 10**18)
    filled.add([media])
    filled.catalog.hierarchy.set_mode("single")
    source = written(media / "l.csv", "path,label", "a.png,y")
    assert import_labels(filled.catalog, source).added == 1


def test_what_a_person_denied_is_not_taken_and_counted(filled: Index, media: Path) -> None:
    shutil.copy(media / "a.png", media / "copy.png")
    filled.add([media])
    filled.deny([media / "a.png"], "tuba")
    filled.label([media / "b.png"], "harp")
    lines = ["path,label,is_not", "a.png,tuba,", "copy.png,tuba,", "b.png,harp,1", "b.png,lute,", "a.wav,tuba,"]
    source = written(media / "l.csv", *lines)
    foreseen = import_labels(filled.catalog, source, dry_run=True)
    report = import_labels(filled.catalog, source)
    assert report.run is not None
    for one in (foreseen, report):
        assert (one.added, one.unchanged, one.entries) == (2, 0, 5)
        assert [(over.name, over.reason, over.line) for over in one.passed_over] == [
            (str(media / "a.png"), "denied by hand", 2),
            (str(media / "copy.png"), "denied by hand", 3),
            (str(media / "b.png"), "given by hand", 4),
        ]
        assert [(each.label, each.items, each.denied) for each in one.labels] == [("lute", 1, 0), ("tuba", 1, 0)]
    again = import_labels(filled.catalog, source)
    assert (again.added, again.unchanged, len(again.passed_over)) == (0, 2, 3)


def test_a_label_that_another_process_gives_meanwhile(
    filled: Index, media: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    filled.label([media / "a.wav"], "x")
    filled.catalog.hierarchy.set_mode("single")
    source = written(media / "l.csv", "path,label", "b.wav,y", "a.wav,y")
    monkeypatch.setattr(importing, "check_exclusive", lambda *unseen: None)
    with pytest.raises(UsageError, match=r"l\.csv: line 3: .*a\.wav: cannot be both") as caught:
        import_labels(filled.catalog, source)
    assert isinstance(caught.value.__cause__, LabelConflictError)
    assert labels(filled) == {("a.wav", "x", None, None)}
    assert filled.catalog.runs.all()[-1].outcome == {"added": 0}


def test_ids_of_audioset_mean_their_labels(filled: Index, media: Path) -> None:
    filled.catalog.hierarchy.replace(Hierarchy(), audioset_ids={"violin": "/m/07y_7"})
    source = written(media / "l.csv", "path,label", "a.wav,/m/07y_7", "a.wav,violin", "b.wav,/m/unknown")
    report = import_labels(filled.catalog, source)
    assert (report.added, report.entries) == (2, 2)
    assert labels(filled) == {("a.wav", "violin", None, None), ("b.wav", "/m/unknown", None, None)}


def test_tags_of_jams_files(filled: Index, media: Path) -> None:
    def tagged(value: str) -> str:
        data = [{"time": 0, "duration": 1, "value": value, "confidence": 1}]
        return json.dumps({"file_metadata": {"duration": 1}, "annotations": [{"namespace": "tag_open", "data": data}]})

    written(media / "a.jams", tagged("x"))
    assert "a.jams: speaks of a.png or a.wav" in refused(filled, media)
    (media / "a.jams").unlink()
    folder = media / "jams"
    folder.mkdir()
    sound(folder / "d.wav", (LOW_HZ, 1))
    written(folder / "d.jams", tagged("x"))
    assert refused(filled, folder).startswith(
        f"{folder}/d.jams: {folder}/d.wav: is not in the index; `modag index {folder}/d.wav` takes it in; "
    )
    filled.add([media])
    assert import_labels(filled.catalog, folder).added == 1
    assert labels(filled) == {("d.wav", "x", None, None)}
    assert [a.source for a in filled.catalog.labels.annotations()] == [str(folder / "d.jams")]
    written(folder / "e.jams", '{"annotations": [{"namespace": "beat", "data": []}]}')
    assert "e.jams: holds no tags" in refused(filled, folder)


def test_a_source_without_labels(filled: Index, media: Path) -> None:
    source = written(media / "l.jams", '{"annotations": [{"namespace": "tag_open", "data": []}]}')
    (media / "l.wav").touch()
    assert refused(filled, source) == f"{source}: holds no labels"


def test_names_of_folders(index: Index, media: Path) -> None:
    picture(media / "red" / "1.png", RED)
    picture(media / "red" / "more" / "2.png", RED)
    picture(media / "green" / "1.png", GREEN)
    picture(media / "3.png", BLUE)
    index.add([media])
    file = read_folders(index.catalog, media)
    assert [(entry.label, entry.path) for entry in file.entries] == [
        ("green", f"{media}/green/1.png"),
        ("red", f"{media}/red/1.png"),
        ("red", f"{media}/red/more/2.png"),
    ]
    assert [one.name for one in file.passed_over] == [f"{media}/3.png"]
    report = import_labels(index.catalog, media, from_folders=True)
    assert (report.added, report.entries, report.without_class) == (3, 3, 1)
    assert {a.source for a in index.catalog.labels.annotations()} == {str(media)}
    assert import_labels(index.catalog, media, from_folders=True).unchanged == 3


def test_folders_that_name_nothing(filled: Index, media: Path, tmp_path: Path) -> None:
    assert refused(filled, media, from_folders=True) == (
        f"{media}: its 6 indexed files lie in no folder that could name them"
    )
    assert refused(filled, tmp_path / "x", from_folders=True) == (
        f"{tmp_path}/x: holds no file that is in the index; `modag index` takes files in"
    )
