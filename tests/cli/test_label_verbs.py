"""``modag label``: to give labels, take them back, count, rename and relate them."""

from __future__ import annotations

import json
import os
from typing import TYPE_CHECKING

import click
import pytest

from modag_search.cli.relating import hierarchy
from modag_search.labels.presets import packaged_presets
from tests.toy_encoders import toy_index

if TYPE_CHECKING:
    from pathlib import Path

    from tests.cli.command_line import CommandLine

COUNTS = ["label", "items", "image", "sound", "video", "transferred"]
LIST_FIELDS = [*COUNTS, "parents", "audioset_id", "means", "denied", "is_tag", "kept"]


@pytest.fixture
def families(filled: CommandLine, media: Path, tmp_path: Path) -> CommandLine:
    """``modag`` with a red violin, a green guitar and a blue horn, and a hierarchy over these three."""
    with toy_index(filled.folder / "index") as index:
        for name, label in (("a", "violin"), ("b", "guitar"), ("c", "horn")):
            index.label(media / f"{name}.png", label)
    written = tmp_path / "families.csv"
    written.write_text("child,parent,audioset_id\nviolin,bowed,/m/07y_7\nbowed,string,\nguitar,string,\nhorn,brass,\n")
    assert filled("label", "hierarchy", written).status == 0
    return filled


def labels(modag: CommandLine) -> list[tuple[str, str, float | None, float | None]]:
    """Name of the file, label and part of each annotation, oldest first."""
    with toy_index(modag.folder / "index") as index:
        annotations = list(index.catalog.labels.annotations())
        items = index.catalog.items.get_many({annotation.item_id for annotation in annotations})
    return [(os.path.basename(items[one.item_id].path), one.label, one.start_s, one.end_s) for one in annotations]


def names(modag: CommandLine, *arguments: object) -> list[str]:
    found = modag(*arguments, "--format", "paths").stdout.decode().splitlines()
    return [os.path.basename(path) for path in found]


def test_several_labels_on_several_items_are_one_run(filled: CommandLine, media: Path) -> None:
    outcome = filled("label", media / "a.png", "id:2", "--as", "violin", "--as", " loud ")
    assert (outcome.status, outcome.stderr) == (0, "")
    assert outcome.data == {"label": "violin, loud", "items": 2, "added": 4, "run": 2}
    assert labels(filled) == [
        ("a.png", "violin", None, None),
        ("a.png", "loud", None, None),
        ("a.wav", "violin", None, None),
        ("a.wav", "loud", None, None),
    ]
    (run,) = filled("label", "runs").data
    assert (run["run"], run["verb"], run["labels"]) == (2, "label", 4)
    assert run["arguments"] == {"labels": ["violin", "loud"], "items": 2}
    assert filled("label", "undo", "2").data == {"run": 2, "removed": 4}
    assert labels(filled) == []


def test_a_label_on_a_part_of_a_sound(filled: CommandLine, media: Path) -> None:
    sound = media / "a.wav"
    assert filled("label", sound, "--as", "attack", "--end", "0.2").data["added"] == 1
    assert filled("label", sound, "--as", "note", "--start", "0.2", "--end", "0.75").data["added"] == 1
    assert labels(filled) == [("a.wav", "attack", None, 0.2), ("a.wav", "note", 0.2, 0.75)]


def test_paths_with_odd_names_come_from_stdin(filled: CommandLine, media: Path) -> None:
    odd = media / "line\nbreak \udcff.png"
    (media / "a.png").rename(odd)
    assert filled("index", media).status == 0
    nul_separated = b"\0".join([os.fsencode(odd), os.fsencode(media / "b.png"), b""])
    assert filled("label", "-", "-0", "--as", "odd", stdin=nul_separated).data["items"] == 2
    assert filled("label", "-", "--as", "plain", stdin=os.fsencode(media / "b.png")).data["items"] == 1
    assert labels(filled)[0][0] == odd.name
    nothing = filled("label", "-", "--as", "odd", stdin=b"")
    assert (nothing.status, nothing.stdout) == (2, b"")
    assert "no paths were given" in nothing.stderr


def test_labels_are_added_with_words_and_removed(filled: CommandLine) -> None:
    assert filled("label", "add", "dog", "cat").data == {"label": "dog, cat", "means": None, "added": 2}
    assert filled("label", "add", "cat", "--means", "a small beast").data["added"] == 0
    rows = {row["label"]: row for row in filled("label", "list").data}
    assert (rows["cat"]["items"], rows["cat"]["means"], rows["dog"]["means"]) == (0, "a small beast", None)

    assert filled("label", "remove", "cat", "--all").data == {"label": "cat", "removed": 0}
    assert [row["label"] for row in filled("label", "list").data] == ["dog"]
    several = filled("label", "add", "a", "b", "--means", "both")
    assert (several.status, several.error) == (2, "error: 'both': can say what one label means, not what 2 do")


def test_labels_are_counted_by_kind_of_media(families: CommandLine, media: Path) -> None:
    with toy_index(families.folder / "index") as index:
        index.label([media / "a.wav", media / "b.wav"], "violin")
    outcome = families("label", "list")
    assert (outcome.status, outcome.stderr) == (0, "")
    assert [list(row) for row in outcome.data] == [LIST_FIELDS] * 6
    assert [row["label"] for row in outcome.data] == ["bowed", "brass", "guitar", "horn", "string", "violin"]
    assert outcome.data[-1] == {
        "label": "violin",
        "items": 3,
        "image": 1,
        "sound": 2,
        "video": 0,
        "transferred": 0,
        "parents": ["bowed"],
        "audioset_id": "/m/07y_7",
        "means": None,
        "denied": 0,
        "is_tag": False,
        "kept": 0,
    }
    head, *lines = families("label", "list", "--format", "table").stdout.decode().splitlines()
    assert head.split() == LIST_FIELDS
    assert lines[-1].split() == ["violin", "3", "1", "2", "0", "0", "bowed", "/m/07y_7", "0", "False", "0"]
    assert families("label", "list", "--format", "csv").stdout.splitlines()[0] == ",".join(LIST_FIELDS).encode()


def test_no_labels_leave_with_4(filled: CommandLine) -> None:
    for verb in ("list", "export"):
        outcome = filled("label", verb)
        assert (outcome.status, outcome.data) == (4, [])
        assert outcome.error == "no item has been given a label yet; `modag label PATH... --as NAME` gives one"


def test_a_label_gets_another_name(families: CommandLine) -> None:
    taken = families("label", "rename", "violin", "horn")
    assert (taken.status, taken.stdout) == (2, b"")
    assert taken.error == "error: horn: is a label already; `modag label merge violin --into horn` makes the two one"
    families("label", "rename", "guitar", "steel guitar")
    assert "`modag label merge 'steel guitar' --into horn`" in families("label", "rename", "steel guitar", "horn").error
    assert families("label", "rename", "violin", "fiddle").data == {"label": "fiddle", "annotations": 1, "kept": 0}
    assert ("a.png", "fiddle", None, None) in labels(families)
    (fiddle,) = (row for row in families("label", "list").data if row["label"] == "fiddle")
    assert (fiddle["parents"], fiddle["audioset_id"]) == (["bowed"], "/m/07y_7")
    assert families("label", "rename", "bowed", "with a bow").data == {
        "label": "with a bow",
        "annotations": 0,
        "kept": 0,
    }


def test_labels_become_one(families: CommandLine, media: Path) -> None:
    families("label", media / "a.png", "--as", "guitar")
    assert families("label", "merge", "guitar", "horn", "--into", "violin").data == {
        "label": "violin",
        "annotations": 3,
        "kept": 0,
    }
    assert sorted(labels(families)) == [(f"{name}.png", "violin", None, None) for name in "abc"]
    assert [row["label"] for row in families("label", "list").data] == ["bowed", "brass", "string", "violin"]


def test_labels_become_the_one_that_audioset_calls_so(families: CommandLine) -> None:
    families("label", "merge", "horn", "--into", "/m/07y_7")
    assert sorted(labels(families)) == [
        ("a.png", "violin", None, None),
        ("b.png", "guitar", None, None),
        ("c.png", "violin", None, None),
    ]


def test_a_label_is_taken_from_items_or_from_all(filled: CommandLine, media: Path) -> None:
    filled("label", media / "a.png", media / "b.png", media / "c.png", "--as", "violin", "--as", "loud")
    filled("label", media / "a.wav", "--as", "violin", "--start", "0.5")
    taken = filled("label", "remove", "violin", "-", "id:2", stdin=os.fsencode(media / "b.png"))
    assert (taken.data["label"], taken.data["removed"]) == ("violin", 2)
    assert filled("label", "remove", "violin", "--all").data == {"label": "violin", "removed": 2}
    assert labels(filled) == [(f"{name}.png", "loud", None, None) for name in "abc"]
    unclear = filled("label", "remove", "loud", "--all", media / "a.png")
    assert (unclear.status, unclear.stdout) == (2, b"")
    assert "name the items to take loud from, or --all to take it from all" in unclear.stderr


def test_a_run_takes_back_only_what_it_gave(filled: CommandLine, media: Path) -> None:
    first = filled("label", media / "a.png", "--as", "violin").data["run"]
    second = filled("label", media / "a.png", media / "b.png", "--as", "violin", "--as", "loud").data["run"]
    assert [(run["run"], run["labels"]) for run in filled("label", "runs").data] == [(first, 1), (second, 3)]
    assert filled("label", "undo", second).data == {"run": second, "removed": 3}
    assert labels(filled) == [("a.png", "violin", None, None)]
    again = filled("label", "undo", second)
    assert (again.status, again.stdout) == (2, b"")
    assert again.error.startswith(
        f"error: run {second} gave no labels that are still there, and took none that could come back; `modag label"
    )
    head, line = filled("label", "runs", "--format", "table").stdout.decode().splitlines()
    assert head.split() == ["run", "verb", "labels", "started_at", "arguments"]
    assert line.split()[:3] == [str(first), "label", "1"]


def test_what_is_a_kind_of_what_shows_as_a_tree(families: CommandLine) -> None:
    assert families("label", "hierarchy", "--format", "table").stdout.decode().splitlines() == [
        "brass  (0)",
        "  horn  (1)",
        "string  (0)",
        "  bowed  (0)",
        "    violin  (1)  /m/07y_7",
        "  guitar  (1)",
    ]
    rows = families("label", "hierarchy").data
    assert [(row["label"], row["level"], row["parents"]) for row in rows] == [
        ("brass", 0, []),
        ("horn", 1, ["brass"]),
        ("string", 0, []),
        ("bowed", 1, ["string"]),
        ("violin", 2, ["bowed"]),
        ("guitar", 1, ["string"]),
    ]
    assert [row["items"] for row in rows] == [0, 1, 0, 0, 1, 1]
    assert rows[4]["audioset_id"] == "/m/07y_7"
    cleared = families("label", "hierarchy", "--clear")
    assert [(row["label"], row["level"]) for row in cleared.data] == [("guitar", 0), ("horn", 0), ("violin", 0)]
    assert len(labels(families)) == 3


def test_a_label_of_two_parents_stands_below_each(families: CommandLine, tmp_path: Path) -> None:
    written = tmp_path / "other.jsonl"
    pairs = (("violin", "bowed"), ("violin", "wooden"), ("guitar", "wooden"))
    written.write_text("".join(json.dumps({"child": child, "parent": parent}) + "\n" for child, parent in pairs))
    outcome = families("label", "hierarchy", written, "--format", "table")
    assert outcome.stdout.decode().splitlines() == [
        "bowed  (0)",
        "  violin  (1)",
        "horn  (1)",
        "wooden  (0)",
        "  guitar  (1)",
        "  violin  (1)",
    ]


def test_labels_fall_into_place_in_a_vocabulary_of_the_package(families: CommandLine) -> None:
    outcome = families("label", "hierarchy", "--preset", "hornbostel-sachs")
    assert (outcome.status, outcome.stderr) == (0, "")
    rows = {row["label"]: row for row in outcome.data}
    assert len(rows) == 390  # "horn" stays, beside the 389
    assert {label for label, row in rows.items() if row["items"]} == {"violin", "guitar", "horn"}
    assert (rows["violin"]["level"], rows["violin"]["parents"]) == (7, ["bowed box lutes"])
    assert (rows["horn"]["level"], rows["horn"]["parents"]) == (0, [])
    assert names(families, "search", "id:2", "--label", "chordophones", "--modality", "image") == ["a.png", "b.png"]
    assert names(families, "search", "id:2", "--label", "/m/07y_7", "--modality", "image") == ["a.png"]


def test_all_vocabularies_of_the_package_are_offered() -> None:
    (option,) = (one for one in hierarchy.params if "--preset" in one.opts)
    assert isinstance(option.type, click.Choice)
    assert tuple(option.type.choices) == tuple(packaged_presets())


def test_a_vocabulary_takes_the_place_of_the_hierarchy_before_it(families: CommandLine) -> None:
    outcome = families("label", "hierarchy", "--preset", "ucs", "--format", "table")
    lines = outcome.stdout.decode().splitlines()
    assert len(lines) == 82 + 753 + 3
    assert lines[:3] == ["AIR  (0)", "  AIR-BLOW  (0)", "  AIR-BURST  (0)"]
    assert lines[-3:] == ["guitar  (1)", "horn  (1)", "violin  (1)"]
    assert [row["label"] for row in families("label", "hierarchy", "--clear").data] == ["guitar", "horn", "violin"]


def test_labels_that_a_vocabulary_spells_otherwise_are_named_in_one_line(filled: CommandLine, media: Path) -> None:
    for label in ("speech", "Truck", "church_bell", "car alarm", "DOG", "unheard of"):
        assert filled("label", media / "a.png", "--as", label).status == 0
    outcome = filled("label", "hierarchy", "--preset", "audioset")
    assert outcome.status == 0
    (line,) = outcome.stderr.splitlines()
    assert line == (
        "warning: audioset spells 4 labels of this index otherwise: DOG (Dog), car alarm (Car alarm), "
        "church_bell (Church bell) and 1 more; `modag label merge DOG --into Dog` makes the two one"
    )
    assert filled("label", "merge", "DOG", "--into", "Dog").status == 0
    for label, name in (("church_bell", "Church bell"), ("car alarm", "Car alarm"), ("speech", "Speech")):
        assert filled("label", "merge", label, "--into", name).status == 0
    again = filled("label", "hierarchy", "--preset", "audioset")
    assert again.stderr == ""
    with_items = {row["label"] for row in again.data if row["items"]}
    assert with_items == {"Car alarm", "Church bell", "Dog", "Speech", "Truck", "unheard of"}


def test_a_hierarchy_brings_words_for_its_labels(filled: CommandLine, tmp_path: Path) -> None:
    (tmp_path / "kinds.csv").write_text("child,parent,means\nfx-7,water,waves on a beach\nwater,,\n")

    filled("label", "hierarchy", tmp_path / "kinds.csv")
    means = {row["label"]: row["means"] for row in filled("label", "list").data}
    assert means == {"fx-7": "waves on a beach", "water": None}

    filled("label", "hierarchy", "--preset", "ucs")
    means = {row["label"]: row["means"] for row in filled("label", "list").data}
    assert "forest" in means["AMBIENCE-FOREST"]
    assert "fx-7" not in means


@pytest.mark.parametrize("others", [["--preset", "ucs", "--clear"], ["FILE", "--preset", "ucs"], ["FILE", "--clear"]])
def test_one_hierarchy_at_a_time(families: CommandLine, tmp_path: Path, others: list[str]) -> None:
    before = families("label", "hierarchy").data
    outcome = families("label", "hierarchy", *(tmp_path / "families.csv" if one == "FILE" else one for one in others))
    assert (outcome.status, outcome.stdout) == (2, b"")
    assert outcome.stderr.splitlines()[-1] == "Error: FILE, --preset and --clear exclude each other; name one"
    assert families("label", "hierarchy").data == before


def test_a_wider_label_finds_its_kinds(families: CommandLine, media: Path) -> None:
    query = media / "a.wav"
    assert names(families, "search", query, "--label", "string") == ["a.png", "b.png"]
    assert names(families, "search", query, "--label", "/m/07y_7") == ["a.png"]
    assert names(families, "search", "label:string", "--modality", "image") == ["c.png"]
    assert names(families, "search", "label:/m/07y_7", "--modality", "sound", "-n", "1") == ["a.wav"]


def test_an_id_of_audioset_gives_its_label(families: CommandLine, media: Path) -> None:
    outcome = families("label", media / "a.wav", "--as", "/m/07y_7")
    assert (outcome.status, outcome.data["label"]) == (0, "violin")
    assert labels(families)[-1] == ("a.wav", "violin", None, None)
    assert families("label", "remove", "/m/07y_7", media / "a.wav").data["removed"] == 1
    assert families("label", media / "a.wav", "--as", "/m/other").data["added"] == 1
    assert labels(families)[-1] == ("a.wav", "/m/other", None, None)


def test_labels_exclude_each_other_where_told_to(families: CommandLine, media: Path) -> None:
    assert families("label", "mode").data["mode"] == "auto"
    assert families("label", "mode", "single").data["mode"] == "single"
    before = labels(families)
    second = families("label", media / "c.png", media / "a.png", "--as", "horn")
    assert (second.status, second.stdout) == (2, b"")
    assert second.error == (
        f"error: {media / 'a.png'}: cannot be both 'violin' and 'horn', since labels exclude each other in this index; "
        "`modag label remove` takes one back, `modag label mode multi` allows both"
    )
    assert labels(families) == before
    assert families("label", media / "a.png", "--as", "string").data["added"] == 1
    shown = families("label", "mode", "multi", "--format", "table").stdout.decode().splitlines()
    assert [line.split() for line in shown] == [["mode", "multi"], ["exclude_each_other", "False"]]
    groups = families("label", "mode", "auto").data["groups"]
    assert groups == [["bowed", "brass", "guitar", "horn", "string", "violin"]], "a violin is a string"
    assert families("label", media / "a.png", "--as", "horn").data["added"] == 1
