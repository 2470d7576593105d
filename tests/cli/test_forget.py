"""``modag forget`` and ``modag exclude``, and what ``modag index`` says of files and labels that went or came."""

from __future__ import annotations

import os
import shutil
from typing import TYPE_CHECKING

import pytest

from tests.made_media import BLUE, GREEN, HIGH_HZ, LOW_HZ, RED, picture, set_mtime, sound
from tests.toy_encoders import toy_index

if TYPE_CHECKING:
    from pathlib import Path

    from tests.cli.command_line import CommandLine

LONG_AGO_NS = 10**18


def told(stderr: str) -> list[str]:
    """What a run says after its first line, which tells how long it took."""
    return stderr.splitlines()[1:]


def test_files_are_forgotten_and_taken_back(filled: CommandLine, media: Path) -> None:
    filled("label", media / "a.png", "--as", "low")
    foreseen = filled("forget", media / "a.*", "--dry-run", "--format", "paths")
    assert foreseen.stdout.decode().splitlines() == [str(media / "a.png"), str(media / "a.wav")]
    assert foreseen.stderr.splitlines() == [
        f"{filled.folder}/index: would be forgotten: 2 files",
        (
            "still there, so that the next `modag index` of their folders takes them in again, unless `modag exclude "
            f"add PATTERN` keeps them out: 2 files: {media}/a.png, {media}/a.wav"
        ),
        f"labels of 1 file would be kept until their content comes back: {media}/a.png (low)",
    ]
    (media / "a.wav").unlink()
    outcome = filled("forget", media / "a.png", media / "a.wav")
    assert outcome.status == 0
    assert outcome.data == [
        {"path": str(media / "a.png"), "labels": ["low"], "fate": "kept", "to": None},
        {"path": str(media / "a.wav"), "labels": [], "fate": None, "to": None},
    ]
    assert outcome.stderr.splitlines() == [
        f"{filled.folder}/index: forgotten: 2 files; until the next, `modag forget --undo` takes this back",
        (
            "still there, so that the next `modag index` of their folders takes them in again, unless `modag exclude "
            f"add PATTERN` keeps them out: 1 file: {media}/a.png"
        ),
        f"labels of 1 file are kept until their content comes back: {media}/a.png (low)",
    ]
    assert filled("info").data["kept_annotations"] == 1
    outcome = filled("forget", "--undo", "--format", "csv")
    assert outcome.stdout.decode().splitlines() == ["path,labels,fate,to", f"{media}/a.png,,,", f"{media}/a.wav,,,"]
    assert outcome.error == f"{filled.folder}/index: 2 files taken back"
    assert filled("info").data["annotations"] == 1
    outcome = filled("forget", "--undo")
    assert (outcome.status, outcome.stdout) == (4, b"")
    assert outcome.error == "nothing was forgotten, or it was taken back"


def test_what_is_not_in_the_index_leaves_with_3_or_4(filled: CommandLine, media: Path) -> None:
    outcome = filled("forget", media / "a.png", "nowhere.png")
    assert (outcome.status, len(outcome.data)) == (3, 1)
    assert outcome.stderr.splitlines()[0] == "nowhere.png: is not in the index"
    outcome = filled("forget", "nowhere.png", "*.gif")
    assert (outcome.status, outcome.stdout) == (4, b"")
    assert outcome.error == "nowhere.png: is not in the index, and holds nothing that is, nor is 1 other"
    assert filled("forget", "--undo").status == 0
    for arguments in ([], ["--undo", media], ["--undo", "--dry-run"]):
        assert filled("forget", *arguments).status == 2


def test_what_could_not_be_indexed_is_taken_back_too(filled: CommandLine, media: Path) -> None:
    torn = media / "torn.png"
    torn.write_bytes(b"no picture")
    filled("index", media)
    failures = filled("failures").data
    outcome = filled("forget", torn)
    assert outcome.error == (
        f"{filled.folder}/index: forgotten: 0 files, and 1 file that could not be indexed; until the next, `modag "
        "forget --undo` takes this back"
    )
    outcome = filled("forget", "--undo")
    assert outcome.error == f"{filled.folder}/index: 0 files taken back, and 1 file that could not be indexed"
    assert filled("failures").data == failures


def test_an_unknown_id_costs_the_others_nothing(filled: CommandLine, media: Path) -> None:
    outcome = filled("forget", "id:99", media / "a.png", "id:2")
    assert outcome.status == 3
    assert [row["path"] for row in outcome.data] == [str(media / "a.png"), str(media / "a.wav")]
    assert outcome.stderr.splitlines()[0] == "id:99: is not in the index"
    outcome = filled("forget", "id:98", "id:99")
    assert (outcome.status, outcome.stdout) == (4, b"")
    assert outcome.error == "id:98: is not in the index, nor is 1 other"
    outcome = filled("forget", media / "b.png", "id:first")
    assert (outcome.status, outcome.error) == (2, "error: id:first: an id is a whole number, as in id:12")
    assert filled("info").data["items"] == {"image": 2, "sound": 2}


def test_paths_to_forget_come_from_stdin(filled: CommandLine, media: Path) -> None:
    found = filled("search", media / "a.png", "--modality", "sound", "-n", "2", "--format", "paths").stdout
    assert len(filled("forget", "-", stdin=found).data) == 2
    assert filled("info").data["items"] == {"image": 3, "sound": 1}
    outcome = filled("forget", "-0", "-", stdin=os.fsencode(media / "b.png") + b"\0")
    assert [row["path"] for row in outcome.data] == [str(media / "b.png")]
    assert filled("verify").status == 0


def test_patterns_are_kept_and_what_they_cover_is_taken_out(filled: CommandLine, media: Path) -> None:
    picture(media / "drafts" / "d.png", GREEN)
    filled("index", media)
    outcome = filled("exclude", "add", "drafts/", "*.wav", "!b.wav")
    assert (outcome.status, outcome.data) == (0, {"patterns": ["drafts/", "*.wav", "!b.wav"], "added": 3})
    assert outcome.error == (
        "the next `modag index` passes over what matches; with --prune, it takes out what the index holds of it"
    )
    rows = filled("exclude", "list").data
    assert rows[0] == {"pattern": ".*", "origin": "built in"}
    assert [row["pattern"] for row in rows if row["origin"] == "index"] == ["drafts/", "*.wav", "!b.wav"]
    outcome = filled("index", media)
    assert told(outcome.stderr) == [
        "passed over: 2 *.wav, 1 drafts/",
        (
            f"passed over, but in the index: 3 files: {media}/a.wav, {media}/c.wav, {media}/drafts/d.png; --prune "
            "takes them out"
        ),
    ]
    assert (outcome.data["passed_over"], len(outcome.data["covered"])) == ({"*.wav": 2, "drafts/": 1}, 3)
    outcome = filled("index", media, "--prune")
    assert outcome.data["removed"] == 3
    assert told(outcome.stderr)[1] == (
        f"passed over, and taken out: 3 files: {media}/a.wav, {media}/c.wav, {media}/drafts/d.png"
    )
    assert filled("exclude", "remove", "*.wav").data == {"patterns": ["*.wav"], "removed": 1}
    assert filled("index", media).data["added"] == 2
    refused = filled("exclude", "remove", "*.wav")
    assert (refused.status, refused.stdout) == (2, b"")
    assert refused.error == "error: *.wav: is no pattern of this index; `modag exclude list` lists them"
    assert filled("exclude", "add", "a[b").status == 2


def test_thumbnails_of_a_nas_are_passed_over_and_counted(toy: CommandLine, media: Path) -> None:
    for name in ("1.png", "2.png", "@eaDir/1.png/SYNOPHOTO_THUMB_M.png", "#recycle/3.png", "._1.png"):
        picture(media / name, RED)
    (media / "link.png").symlink_to(media / "1.png")
    outcome = toy("index", media)
    assert outcome.data["added"] == 2
    assert told(outcome.stderr) == ["passed over: 1 #recycle/, 1 hidden (.*), 1 @eaDir/, 1 symbolic link"]
    assert toy("index", media, "--exclude", "!#recycle").data["added"] == 1
    outcome = toy("index", media)
    assert told(outcome.stderr)[1] == (
        f"passed over, but in the index: 1 file: {media}/#recycle/3.png; --prune takes them out"
    )


def test_what_is_gone_is_named_with_the_way_out(filled: CommandLine, media: Path) -> None:
    filled("label", media / "b.png", "--as", "green")
    for name in ("a.png", "b.png"):
        (media / name).unlink()
    outcome = filled("index", media)
    assert told(outcome.stderr) == [
        f"gone, but in the index: 2 files: {media}/a.png, {media}/b.png; --prune takes them out"
    ]
    assert outcome.data["missing"] == [str(media / "a.png"), str(media / "b.png")]
    outcome = filled("index", media, "--prune", "--dry-run")
    assert "would be: 4 unchanged, 2 removed in " in outcome.stderr
    assert told(outcome.stderr) == [
        f"labels of 1 file would be kept until their content comes back: {media}/b.png (green)"
    ]
    outcome = filled("index", media, "--prune")
    assert told(outcome.stderr) == [f"labels of 1 file are kept until their content comes back: {media}/b.png (green)"]
    assert [(row["label"], row["items"], row["kept"]) for row in filled("label", "list").data] == [("green", 0, 1)]
    assert filled("label", "runs").data[0]["labels"] == 1
    picture(media / "new.png", GREEN)
    outcome = filled("index", media)
    assert told(outcome.stderr) == [
        f"labels of 1 file came back with their content: {media}/b.png (green) to {media}/new.png"
    ]


def test_a_folder_that_was_deleted_is_pruned_alone(filled: CommandLine, media: Path) -> None:
    shutil.rmtree(media)
    refused = filled("index", media)
    assert refused.status == 2
    assert refused.error == (
        f"error: {media}: does not exist; is the drive mounted? If it was removed, --prune takes out the 6 files that "
        "the index holds of it"
    )
    assert filled("index", media, "--prune").data["removed"] == 6
    assert filled("info").data["items"] == {}


def test_labels_that_pass_to_copies_are_named(filled: CommandLine, media: Path) -> None:
    filled("label", media / "a.png", "--as", "red")
    shutil.copy(media / "a.png", media / "copy.png")
    filled("index", media)
    (media / "a.png").unlink()
    outcome = filled("index", media, "--prune")
    assert told(outcome.stderr) == [
        f"labels of 1 file went to files that hold the same: {media}/a.png (red) to {media}/copy.png"
    ]
    assert outcome.data["passages"] == [
        {
            "path": str(media / "a.png"),
            "labels": ["red"],
            "fate": "passed",
            "to": str(media / "copy.png"),
            "opposed_by": [],
        }
    ]


def test_labels_that_a_copy_contradicts_are_kept_apart(filled: CommandLine, media: Path) -> None:
    shutil.copy(media / "a.png", media / "copy.png")
    filled("index", media)
    filled("label", media / "a.png", "--as", "red")
    filled("label", media / "copy.png", "--as", "rose")
    (media / "a.png").unlink()
    assert told(filled("index", media, "--prune").stderr) == [
        (
            "labels of 1 file are kept apart, since labels exclude each other and files of the same content have "
            f"others: {media}/a.png (red against rose)"
        )
    ]


def test_a_sample_that_was_replaced_under_its_name_is_told_of_and_audited(toy: CommandLine, media: Path) -> None:
    sample = sound(media / "sample.wav", (LOW_HZ, 1))
    toy("index", media)
    toy("label", sample, "--as", "kick")
    set_mtime(sound(sample, (HIGH_HZ, 2)), LONG_AGO_NS)
    outcome = toy("index", media)
    assert told(outcome.stderr) == [
        (
            f"1 updated; 1 of them has labels that were given to its former content: {sample} (kick); `modag audit` "
            "lists them"
        )
    ]
    assert outcome.data["replaced"] == [{"id": 1, "path": str(sample), "kind": "sound", "labels": ["kick"]}]
    (issue,) = toy("audit").data
    assert issue == {
        "id": 1,
        "path": str(sample),
        "modality": "sound",
        "label": "kick",
        "probability": None,
        "suggested": None,
        "confidence": None,
        "reason": "replaced",
        "copy_of": None,
    }
    assert b"sample.wav  sound     kick   replaced" in toy("audit", "--format", "table").stdout
    toy("label", sample, "--as", "kick")
    assert toy("audit").status == 4


def test_labels_that_are_kept_are_counted_where_they_get_another_name(filled: CommandLine, media: Path) -> None:
    filled("label", media / "a.png", media / "b.png", "--as", "laser")
    filled("forget", media / "a.png")
    assert filled("label", "rename", "laser", "zap").data == {"label": "zap", "annotations": 1, "kept": 1}
    filled("forget", media / "b.png")
    assert filled("label", "merge", "zap", "--into", "pew").data == {"label": "pew", "annotations": 0, "kept": 2}


@pytest.mark.parametrize("verb", ["forget", "exclude"])
def test_an_index_must_be_there(modag: CommandLine, verb: str) -> None:
    arguments = {"forget": ["a.png"], "exclude": ["add", "a/"]}[verb]
    outcome = modag(verb, *arguments, "--index", "nowhere")
    assert (outcome.status, outcome.stdout) == (1, b"")
    assert "there is no index here" in outcome.error


def test_a_changed_picture_whose_labels_are_many_is_told_in_few_words(toy: CommandLine, media: Path) -> None:
    paths = [picture(media / f"{number}.png", (200, number, 9)) for number in range(8)]
    with toy_index(toy.folder / "index") as index:
        index.add([media])
        index.label(paths, "warm")
    for path in paths:
        set_mtime(picture(path, BLUE), LONG_AGO_NS)
    (line,) = told(toy("index", media).stderr)
    assert line.startswith("8 updated; 8 of them have labels that were given to their former content: ")
    assert "/4.png (warm) and 3 more; `modag audit` lists them" in line
