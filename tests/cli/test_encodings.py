"""Names that stdout's encoding lacks: data come out as they are, words with escapes."""

from __future__ import annotations

import csv
import io
import json
import os
from typing import TYPE_CHECKING

import pytest

from tests.made_media import BLUE, RED, picture

if TYPE_CHECKING:
    from pathlib import Path

    from tests.cli.command_line import CommandLine

LABEL = "façade ♪"
ENCODINGS = ("ascii", "latin-1")


@pytest.fixture
def named(filled: CommandLine, media: Path) -> CommandLine:
    """``modag`` with an index in which an item and a label have names that no encoding but Unicode's has."""
    filled("index", picture(media / "Ørsted ♪.png", BLUE))
    assert filled("label", media / "Ørsted ♪.png", "--as", LABEL).status == 0
    return filled


@pytest.mark.parametrize("encoding", ENCODINGS)
def test_csv_is_utf8_whatever_the_locale(named: CommandLine, encoding: str) -> None:
    outcome = named.process("label", "list", "--format", "csv", LC_ALL="C", PYTHONIOENCODING=encoding)

    assert (outcome.status, outcome.stderr) == (0, "")
    [row] = csv.DictReader(io.StringIO(outcome.stdout.decode()))
    assert row["label"] == LABEL


@pytest.mark.parametrize("encoding", ENCODINGS)
def test_a_table_shows_escapes_for_what_the_terminal_lacks(named: CommandLine, encoding: str) -> None:
    outcome = named.process("label", "list", "--format", "table", LC_ALL="C", PYTHONIOENCODING=encoding)

    assert (outcome.status, outcome.stderr) == (0, "")
    escaped = LABEL.encode(encoding, errors="backslashreplace")
    assert outcome.stdout.splitlines()[1].startswith(escaped + b" ")


def test_paths_are_bytes_whatever_the_locale(named: CommandLine, media: Path) -> None:
    asked = ("search", media / "b.png", "--modality", "image", "-n", "9", "--format", "paths")

    outcome = named.process(*asked, LC_ALL="C", PYTHONIOENCODING="ascii")

    assert os.fsencode(media / "Ørsted ♪.png") in outcome.stdout.splitlines()


def test_words_show_escapes_for_what_the_terminal_lacks(named: CommandLine) -> None:
    outcome = named.process("label", "id:9", "--as", "♪ ♪", LC_ALL="C", PYTHONIOENCODING="ascii")
    document = named.process("label", "remove", LABEL, "--all", "--format", "table", PYTHONIOENCODING="ascii")

    assert outcome.status == 2
    assert outcome.stderr.isascii()
    assert rb"fa\xe7ade \u266a" in document.stdout


def test_a_hierarchy_shows_escapes_for_what_the_terminal_lacks(named: CommandLine, tmp_path: Path) -> None:
    (tmp_path / "kinds.csv").write_text(f"child,parent\n{LABEL},wall\n", encoding="utf-8")

    outcome = named.process("label", "hierarchy", "kinds.csv", "--format", "table", PYTHONIOENCODING="ascii")

    assert (outcome.status, outcome.stderr) == (0, "")
    assert rb"fa\xe7ade \u266a" in outcome.stdout


@pytest.mark.parametrize("style", ["json", "jsonl"])
def test_json_is_utf8_whatever_the_locale(named: CommandLine, media: Path, style: str) -> None:
    asked = ("search", media / "b.png", "--modality", "image", "-n", "9", "--format", style)

    outcome = named.process(*asked, LC_ALL="C", PYTHONIOENCODING="ascii")

    assert "Ørsted ♪.png" in outcome.stdout.decode()
    rows = json.loads(outcome.stdout) if style == "json" else [*map(json.loads, outcome.stdout.splitlines())]
    assert [row["labels"] for row in rows if row["path"] == str(media / "Ørsted ♪.png")] == [[LABEL]]


@pytest.mark.parametrize("style", ["json", "jsonl"])
def test_json_holds_names_that_are_not_utf8(named: CommandLine, media: Path, style: str) -> None:
    odd = os.fsencode(media) + b"/caf\xe9 \xff.png"
    os.rename(picture(media / "odd.png", (200, 200, 0)), odd)
    named("index", media)

    outcome = named("search", media / "b.png", "--modality", "image", "-n", "9", "--format", style)

    rows = json.loads(outcome.stdout) if style == "json" else [*map(json.loads, outcome.stdout.splitlines())]
    assert odd in [os.fsencode(row["path"]) for row in rows]


def test_names_and_labels_do_not_steer_the_terminal(toy: CommandLine, media: Path) -> None:
    odd, bad = "red\x1b[31m\n\u202e.png", "bad\x1b]0;title\x07.png"
    picture(media / odd, RED)
    (media / bad).write_bytes(b"no picture")
    label = "oboe\u202e"
    outcome = toy("index", media)
    assert outcome.stderr.splitlines()[0].startswith(f"failed: {media}/bad\\x1b]0;title\\x07.png: ")
    assert toy("label", media / odd, "--as", label).status == 0
    query = picture(toy.folder / "q.png", RED)
    for verb in (["failures"], ["label", "list"], ["label", "export"], ["search", query], ["search", f"label:{label}"]):
        outcome = toy(*verb, "--format", "table")
        assert not {"\x1b", "\x07", "\u202e"}.intersection(outcome.stdout.decode() + outcome.stderr)
    assert r"red\x1b[31m\n\u202e.png  oboe\u202e" in toy("label", "export", "--format", "table").stdout.decode()


def test_data_holds_names_and_labels_as_they_are(toy: CommandLine, media: Path) -> None:
    odd = picture(media / "red\x1b[31m.png", RED)
    toy("index", media)
    toy("label", odd, "--as", "oboe\u202e")
    query = picture(toy.folder / "q.png", RED)
    assert toy("search", query, "--format", "paths").stdout == os.fsencode(odd) + b"\n"
    assert os.fsencode(odd) in toy("search", query, "--format", "csv").stdout
    (hit,) = toy("search", query, "--format", "json").data
    assert (hit["path"], hit["labels"]) == (str(odd), ["oboe\u202e"])
