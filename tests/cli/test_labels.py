"""``modag label`` and ``modag classify``."""

from __future__ import annotations

import json
import os
from typing import TYPE_CHECKING

import pytest

from tests.made_media import LOW_HZ, picture, sound

if TYPE_CHECKING:
    from pathlib import Path

    from tests.cli.command_line import CommandLine

FIELDS = ["path", "label", "confidence", "scores", "neighbours", "copy_of"]


def test_label_and_take_back(filled: CommandLine, media: Path) -> None:
    outcome = filled("label", media / "a.png", "id:2", "--as", "low")
    assert (outcome.status, outcome.data) == (0, {"label": "low", "items": 2, "added": 2, "run": 2})
    assert filled("label", media / "a.png", "--as", "low").data["added"] == 0
    taken = filled("label", "remove", "low", media / "a.png").data
    assert taken == {"label": "low", "removed": 1, "run": taken["run"]}
    assert filled("info").data["annotations"] == 1


NAMES_REFUSED = {
    "one\ntwo": "'one\\ntwo': a label is one line, without control characters",
    "bell\x07": "'bell\\x07': a label is one line, without control characters",
    "one\u2028two": "'one\\u2028two': a label is one line, without control characters",
    "x" * 256: f"'{'x' * 40}'...: has 256 characters, and a label at most 255",
}


@pytest.mark.parametrize("name", NAMES_REFUSED, ids=["newline", "control", "separator", "long"])
def test_what_is_no_name_of_a_label_is_refused_however_it_is_given(filled: CommandLine, media: Path, name: str) -> None:
    filled("label", media / "a.png", "--as", "low")
    before = filled("label", "list").data
    (filled.folder / "l.jsonl").write_text(json.dumps({"path": "media/a.wav", "label": name}) + "\n")
    (filled.folder / "tree.csv").write_text(f'child,parent\n"{name}",low\n')
    for command, where in (
        (["label", media / "a.wav", "--as", name], ""),
        (["label", media / "a.wav", "--not", name], ""),
        (["tag", media / "a.wav", "--as", name], ""),
        (["label", "add", name], ""),
        (["label", "rename", "low", name], ""),
        (["label", "merge", "low", "--into", name], ""),
        (["classify", media / "a.wav", "--names", name], ""),
        (["label", "--from", "l.jsonl", "--separator", ""], f"{filled.folder}/l.jsonl: line 1: "),
        (["label", "hierarchy", "tree.csv"], "tree.csv: line "),
    ):
        outcome = filled(*command)
        assert (outcome.status, outcome.stdout) == (2, b""), command
        assert outcome.error.startswith(f"error: {where}"), command
        assert outcome.error.endswith(NAMES_REFUSED[name]), command
    assert filled("label", "list").data == before
    assert filled("label", media / "a.wav", "--as", "x" * 255).status == 0


@pytest.mark.parametrize(
    "verb",
    [["label", "PATH", "--as", "x"], ["tag", "PATH", "--as", "x"], ["label", "remove", "low", "PATH"]],
    ids=["give", "tag", "remove"],
)
def test_what_there_is_of_a_path_that_is_not_in_the_index_is_said(
    filled: CommandLine, media: Path, verb: list[str]
) -> None:
    filled("label", "id:1", "--as", "low")
    (media / "new one.png").write_bytes(b"")
    for name, said in {
        "media/new one.png": "; `modag index 'media/new one.png'` takes it in",
        "media/nowhere.gif": ", and no such file is there",
        "media/z*.gif": ", and no file is called so or matches it",
        "media/[ab].png": "; as a pattern it matches 2 files: the shell names them where it stands without quotes",
    }.items():
        outcome = filled(*(name if one == "PATH" else one for one in verb))
        assert (outcome.status, outcome.stdout) == (2, b"")
        assert outcome.error == f"error: {name}: is not in the index{said}"


def test_all_or_none_are_labelled(filled: CommandLine, media: Path) -> None:
    nowhere = media / "nowhere.png"
    outcome = filled("label", media / "a.png", nowhere, "--as", "low")
    assert (outcome.status, outcome.stdout) == (2, b"")
    assert outcome.error == f"error: {nowhere}: is not in the index, and no such file is there"
    assert filled("info").data["annotations"] == 0
    assert filled("label", media / "a.png", "--as", " ").status == 2
    assert filled("label", media / "a.png").status == 2


def test_paths_from_a_search_can_be_labelled(filled: CommandLine, media: Path) -> None:
    found = filled("search", media / "a.wav", "--min-similarity", "0.9", "--format", "paths")
    assert filled("label", "-", "--as", "low", stdin=found.stdout).data["added"] == 1
    nul_separated = os.fsencode(media / "b.png") + b"\0" + os.fsencode(media / "c.png")
    assert filled("label", "-0", "-", "--as", "high", stdin=nul_separated).data["added"] == 2


def test_classify_shows_who_voted(filled: CommandLine, media: Path, tmp_path: Path) -> None:
    filled("label", media / "a.png", "--as", "low")
    filled("label", media / "b.png", media / "c.png", "--as", "other")
    query = sound(tmp_path / "q.wav", (LOW_HZ, 1))
    outcome = filled("classify", query, media / "c.wav", "-k", "2")
    assert (outcome.status, outcome.stderr) == (0, "")
    first, second = outcome.data
    assert list(first) == FIELDS
    assert (first["path"], first["label"]) == (str(query), "low")
    assert (second["path"], second["label"]) == (str(media / "c.wav"), "other")
    assert 0.9 < sum(score["score"] for score in first["scores"]) < 1, "or none holds"
    assert first["confidence"] == first["scores"][0]["score"]
    assert [list(neighbour) for neighbour in first["neighbours"]] == [
        ["id", "path", "modality", "label", "similarity", "weight", "start_s", "end_s"]
    ] * 2
    table = filled("classify", query, "--format", "table").stdout.decode().splitlines()
    assert len(table) == 2
    assert "low" in table[1]


def test_what_stays_open_leaves_with_4(filled: CommandLine, media: Path, tmp_path: Path) -> None:
    outcome = filled("classify", media / "a.wav")
    assert (outcome.status, outcome.stdout) == (4, b"")
    assert outcome.error.startswith("no item has a label yet")
    filled("label", media / "a.png", "--as", "a")
    filled("label", media / "b.png", "--as", "b")
    between = picture(tmp_path / "q.png", (100, 98, 0))
    outcome = filled("classify", between, "--min-confidence", "0.95")
    assert outcome.status == 4
    assert outcome.data[0]["label"] is None


def test_a_file_that_cannot_be_read_is_named_and_the_others_are_classified(
    filled: CommandLine, media: Path, tmp_path: Path
) -> None:
    filled("label", media / "a.png", "--as", "low")
    bad = tmp_path / "bad.wav"
    bad.write_bytes(b"no sound")
    silent = sound(tmp_path / "silent.wav", (0, 1))
    outcome = filled("classify", bad, silent, media / "a.wav")
    assert outcome.status == 3
    assert [(row["path"], row["label"]) for row in outcome.data] == [(str(media / "a.wav"), "low")]
    assert [line.split(": ")[:2] for line in outcome.stderr.splitlines()] == [
        ["failed", str(bad)],
        ["failed", str(silent)],
    ]
