"""Answers that go somewhere: ``export``, ``search --copy-to`` and ``--link-to``, and paths that end with NUL."""

from __future__ import annotations

import csv
import io
import json
import os
from typing import TYPE_CHECKING

import pytest

from tests.made_media import BLUE, GREEN, RED, picture, sound

if TYPE_CHECKING:
    from pathlib import Path

    from tests.cli.command_line import CommandLine


def listed(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir())


@pytest.mark.parametrize("style", ["json", "jsonl", "csv", "paths", "paths -0"])
def test_what_search_prints_is_copied(filled: CommandLine, media: Path, tmp_path: Path, style: str) -> None:
    hits = filled("search", media / "a.wav", "-n", "3", "--format", *style.split()).stdout
    rows = filled("search", media / "a.wav", "-n", "3").data
    (tmp_path / "hits").write_bytes(hits)
    for number, asked in enumerate((("hits",), ("-",))):
        outcome = filled("export", *asked, tmp_path / f"out{number}", stdin=hits)
        assert (outcome.status, outcome.stderr) == (0, "")
        assert outcome.data == {"folder": str(tmp_path / f"out{number}"), "copied": 3, "already": 0, "failed": 0}
        for row in rows:
            copy = tmp_path / f"out{number}" / os.path.basename(row["path"])
            assert (copy.read_bytes(), copy.is_symlink()) == ((media / copy.name).read_bytes(), False)
        assert len(listed(tmp_path / f"out{number}")) == 3


@pytest.mark.parametrize("end", ["\n", "\r", "\r\n"])
def test_names_that_hold_ends_of_lines_come_through_csv(toy: CommandLine, tmp_path: Path, end: str) -> None:
    odd = picture(tmp_path / "media" / f"new{end}line.png", RED)
    plain = picture(tmp_path / "media" / "plain.png", BLUE)
    toy("index", odd.parent)
    toy("label", odd, "--as", "red")
    for verb, *more in (("search", str(plain)), ("classify", "--all"), ("map",)):
        rows = toy(verb, *more, "--format", "csv").stdout
        paths = [row["path"] for row in csv.DictReader(io.StringIO(rows.decode(), newline=""))]
        assert str(odd) in paths
        exported = toy("export", "-", tmp_path / verb, stdin=rows)
        assert (exported.status, exported.data["copied"]) == (0, len(paths))


def test_what_classify_prints_is_exported(filled: CommandLine, media: Path, tmp_path: Path) -> None:
    filled("label", media / "a.png", "--as", "red")
    answers = filled("classify", "--all", "--format", "jsonl").stdout
    assert filled("export", "-", tmp_path / "out", stdin=answers).data["copied"] == 6


def test_files_of_one_name_all_arrive_and_nothing_is_written_over(modag: CommandLine, tmp_path: Path) -> None:
    paths = [tmp_path / folder / name for folder, name in (("1", "kick.png"), ("2", "kick.png"), ("3", "KICK.PNG"))]
    for path, colour in zip(paths, (RED, GREEN, BLUE), strict=True):
        picture(path, colour)
    mine = tmp_path / "out" / "kick.png"
    mine.parent.mkdir()
    mine.write_bytes(b"mine")
    hits = "".join(f"{path}\n" for path in paths).encode()

    outcome = modag("export", "-", "out", stdin=hits)

    assert (outcome.status, outcome.stderr) == (0, "")
    assert listed(mine.parent) == ["KICK-4.PNG", "kick-2.png", "kick-3.png", "kick.png"]
    assert mine.read_bytes() == b"mine"
    assert [(mine.parent / name).read_bytes() for name in ("kick-2.png", "kick-3.png", "KICK-4.PNG")] == [
        path.read_bytes() for path in paths
    ]
    again = modag("export", "-", "out", stdin=hits).data
    assert (again["copied"], again["already"]) == (0, 3)
    assert len(listed(mine.parent)) == 4


def test_files_that_hold_the_same_under_one_name_all_arrive(modag: CommandLine, tmp_path: Path) -> None:
    hits = "".join(f"{picture(tmp_path / folder / 'a.png', RED)}\n" for folder in "12").encode()
    assert modag("export", "-", "out", stdin=hits).data["copied"] == 2
    assert modag("export", "-", "out", stdin=hits).data["already"] == 2


def test_links_lead_to_the_files(modag: CommandLine, tmp_path: Path) -> None:
    paths = [picture(tmp_path / folder / "a.png", RED) for folder in "12"]
    hits = "".join(f"{path}\n" for path in paths).encode()
    assert modag("export", "--link", "-", "out", stdin=hits).data["linked"] == 2
    assert [os.readlink(tmp_path / "out" / name) for name in ("a.png", "a-2.png")] == [str(path) for path in paths]
    assert modag("export", "--link", "-", "out", stdin=hits).data["already"] == 2


def test_files_that_cannot_be_copied_are_listed(modag: CommandLine, tmp_path: Path) -> None:
    there = picture(tmp_path / "a.png", RED)
    gone, folder, broken = tmp_path / "gone.png", tmp_path / "folder.png", tmp_path / "broken.png"
    folder.mkdir()
    broken.symlink_to(gone)
    hits = "\n".join(str(path) for path in (gone, folder, there, broken)).encode()
    for link in ([], ["--link"]):
        out = tmp_path / f"out{len(link)}"
        outcome = modag("export", *link, "-", out, stdin=hits)
        assert (outcome.status, outcome.data["failed"]) == (3, 3)
        assert outcome.stderr.splitlines() == [
            f"failed: {gone}: does not exist (any more)",
            f"failed: {folder}: is a folder",
            f"failed: {broken}: does not exist (any more)",
        ]
        assert listed(out) == ["a.png"]


def test_odd_and_long_names_arrive(modag: CommandLine, tmp_path: Path) -> None:
    odd = os.fsencode(tmp_path) + b"/caf\xe9\n\xff.png"
    os.rename(picture(tmp_path / "odd.png", RED), odd)
    long = picture(tmp_path / "1" / f"{'n' * 250}.png", GREEN)
    twin = picture(tmp_path / "2" / long.name, BLUE)
    hits = b"\0".join([odd, *map(os.fsencode, (long, twin))])

    assert modag("export", "-", "out", stdin=hits).data["copied"] == 3

    assert os.path.basename(odd) in os.listdir(os.fsencode(tmp_path / "out"))
    assert len(listed(tmp_path / "out")) == 3


@pytest.mark.parametrize("style", ["json", "jsonl", "csv", "paths"])
def test_lists_may_have_been_through_windows(filled: CommandLine, media: Path, style: str) -> None:
    hits = filled("search", media / "a.wav", "--format", style).stdout
    lines = hits.replace(b"\r\n", b"\n").replace(b"\n", b"\r\n")
    for number, content in enumerate((lines, b"\xef\xbb\xbf" + lines, lines.removesuffix(b"\r\n"))):
        outcome = filled("export", "-", f"out{number}", stdin=content)
        assert (outcome.status, outcome.stderr, outcome.data["copied"]) == (0, "", 5)


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16", "cp1252"])
@pytest.mark.parametrize("separator", [",", ";", "\t"])
def test_lists_may_have_been_through_a_spreadsheet(
    modag: CommandLine, tmp_path: Path, encoding: str, separator: str
) -> None:
    paths = [picture(tmp_path / name, RED) for name in ("Grün.png", "plain.png")]
    lines = [["similarity", "path"], *(["1.0", str(path)] for path in paths)]
    content = "".join(separator.join(line) + "\r\n" for line in lines).encode(encoding)
    outcome = modag("export", "-", "out", stdin=content)
    assert (outcome.status, outcome.stderr, outcome.data["copied"]) == (0, "", 2)


def test_names_that_are_not_utf_8_and_come_as_csv_are_found(toy: CommandLine, media: Path, tmp_path: Path) -> None:
    odd = os.fsencode(media) + b"/caf\xe9.png"
    media.mkdir(exist_ok=True)
    os.rename(picture(tmp_path / "odd.png", RED), odd)
    picture(media / "plain.png", RED)
    assert toy("index", media).status == 0
    hits = toy("search", media / "plain.png", "--format", "csv").stdout
    assert b"\\xe9" in hits
    outcome = toy("export", "-", "out", stdin=hits)
    assert (outcome.status, outcome.stderr, os.listdir(os.fsencode(tmp_path / "out"))) == (0, "", [b"caf\xe9.png"])


def test_a_column_of_paths_alone_is_a_table(modag: CommandLine, tmp_path: Path) -> None:
    hits = f"path\n{picture(tmp_path / 'a.png', RED)}\n".encode()
    outcome = modag("export", "-", "out", stdin=hits)
    assert (outcome.status, outcome.stderr, outcome.data["copied"]) == (0, "", 1)
    (tmp_path / "path").write_bytes(b"a file of that name")
    assert modag("export", "-", "more", stdin=hits).data["copied"] == 2


@pytest.mark.parametrize("style", ["json", "csv", "paths"])
def test_relative_paths_lead_from_here_or_from_where_the_list_is(
    filled: CommandLine, media: Path, tmp_path: Path, style: str
) -> None:
    content = {"json": b'[{"path": "a.png"}]', "csv": b"path,label\na.png,red\n", "paths": b"a.png\n"}[style]
    (media / "hits").write_bytes(content)
    assert filled("export", media / "hits", "out").data["copied"] == 1
    assert (tmp_path / "out" / "a.png").read_bytes() == (media / "a.png").read_bytes()
    here = picture(tmp_path / "a.png", GREEN)
    filled("export", media / "hits", "more")
    assert (tmp_path / "more" / "a.png").read_bytes() == here.read_bytes()
    here.unlink()
    assert filled("export", "-", "none", stdin=content).error == f"failed: {here}: does not exist (any more)"


@pytest.mark.parametrize("verb", [("search", "a.wav"), ("classify", "--all"), ("duplicates",)])
def test_a_table_for_people_is_refused(filled: CommandLine, media: Path, verb: tuple[str, ...]) -> None:
    filled("label", media / "a.png", "--as", "red")
    (media / "again.wav").write_bytes((media / "a.wav").read_bytes())
    filled("index", media)
    arguments = [media / word if word == "a.wav" else word for word in verb]
    table = filled(*arguments, "--format", "table").stdout
    outcome = filled("export", "-", "out", stdin=table)
    assert outcome.status == 2
    assert "stdin: is a table for people, in which paths may be shortened; take what --format json" in outcome.error


def test_a_picture_is_no_list_and_a_list_may_name_files_with_odd_signs(modag: CommandLine, tmp_path: Path) -> None:
    odd = picture(tmp_path / "bell\a.png", RED)
    outcome = modag("export", odd, "out")
    assert outcome.status == 2
    assert outcome.error.startswith(
        f"error: {odd}: is a media file, and no list of files, as --format json".replace("\a", "\\x07")
    )
    assert not (tmp_path / "out").exists()
    assert modag("export", "-", "out", stdin=f"{odd}\n".encode()).data["copied"] == 1


def test_a_name_may_end_with_what_ends_lines_on_windows(modag: CommandLine, tmp_path: Path) -> None:
    odd = picture(tmp_path / "1" / "odd.png\r", RED)
    usual = picture(tmp_path / "2" / "usual.png", RED)
    assert modag("export", "-", "out", stdin=f"{odd}\n{usual}\n".encode()).data["copied"] == 2


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (b"", "stdin: lists no files"),
        (b"[]\n", "stdin: lists no files"),
        (
            b"\xff\xd8\xff\xe0\x00\x10JFIF\x00\x01\n\x02",
            "stdin: is no text, and no list of files, as --format json, jsonl",
        ),
        (b'[{"label": "dog"}]', 'stdin: holds {"label": "dog"} where an object with a path must stand'),
    ],
)
def test_what_lists_no_files_is_refused(modag: CommandLine, tmp_path: Path, content: bytes, words: str) -> None:
    outcome = modag("export", "-", "out", stdin=content)
    assert (outcome.status, outcome.stdout) == (2, b"")
    assert outcome.error.startswith(f"error: {words}")
    assert not (tmp_path / "out").exists()


def test_a_folder_that_cannot_be_is_refused(modag: CommandLine, tmp_path: Path) -> None:
    path = picture(tmp_path / "a.png", RED)
    outcome = modag("export", "-", path, stdin=os.fsencode(path))
    assert outcome.status == 2
    assert outcome.error == f"error: {path}: cannot be a folder for files: File exists"
    missing = modag("export", "nowhere.json", "out")
    assert (missing.status, missing.error) == (2, "error: nowhere.json: cannot be read: No such file or directory")


def test_a_folder_that_is_indexed_is_warned_of(filled: CommandLine, media: Path, tmp_path: Path) -> None:
    picture(tmp_path / "b.png", GREEN)
    inside = filled("search", media / "a.wav", "-n", "1", "--copy-to", media / "out")
    warning, summary = inside.stderr.splitlines()
    assert warning.startswith(f"warning: {media / 'out'}: lies in {media}, which is indexed")
    assert summary == f"1 file copied to {media / 'out'}"
    assert filled("export", "-", media / "out", stdin=b"b.png").stderr.startswith("warning: ")
    filled("exclude", "add", f"{media / 'out'}/")
    assert "warning" not in filled("search", media / "a.wav", "-n", "1", "--copy-to", media / "out").stderr


def test_what_is_found_is_copied_or_linked_at_once(filled: CommandLine, media: Path, tmp_path: Path) -> None:
    found = filled("search", media / "a.wav", "-n", "2", "--copy-to", "out")
    assert (found.status, found.stderr) == (0, f"2 files copied to {tmp_path / 'out'}\n")
    assert listed(tmp_path / "out") == sorted(os.path.basename(row["path"]) for row in found.data)
    again = filled("search", media / "a.wav", "-n", "2", "--link-to", "links")
    assert again.stderr == f"2 files linked to {tmp_path / 'links'}\n"
    os.unlink(found.data[0]["path"])
    failed = filled("search", media / "a.wav", "-n", "2", "--copy-to", "other")
    assert failed.status == 3
    assert failed.stderr.splitlines()[-1] == f"failed: {found.data[0]['path']}: does not exist (any more)"
    both = filled("search", media / "a.wav", "--copy-to", "out", "--link-to", "out")
    assert both.status == 2


def test_paths_end_with_nul_where_asked(filled: CommandLine, media: Path) -> None:
    picture(media / "a\nb.png", (200, 200, 0))
    filled("index", media)
    rows = filled("search", "id:1", "-n", "9").data
    expected = b"".join(os.fsencode(row["path"]) + b"\0" for row in rows)
    assert filled("search", "id:1", "-n", "9", "-0", "--format", "paths").stdout == expected
    assert filled("search", "id:1", "-n", "9", "--format", "paths", "-0").stdout == expected
    assert b"\0" not in filled("search", "id:1", "-0", "--format", "jsonl").stdout
    filled("label", media / "a.png", "--as", "red")
    assert filled("suggest", "-n", "1", "--format", "paths", "-0").stdout.count(b"\0") == 1
    named = filled("classify", "-0", "-", "--format", "paths", stdin=os.fsencode(media / "b.png") + b"\0").stdout
    assert named == os.fsencode(media / "b.png") + b"\0"
    (media / "bad.png").write_bytes(b"no picture")
    filled("index", media)
    assert filled("failures", "--format", "paths", "-0").stdout == os.fsencode(media / "bad.png") + b"\0"


def test_groups_of_duplicates_are_kept_apart(filled: CommandLine, media: Path) -> None:
    for name in "ab":
        (media / f"{name}2.png").write_bytes((media / f"{name}.png").read_bytes())
    filled("index", media)
    stdout = filled("duplicates", "--format", "paths", "-0").stdout
    groups = [part.split(b"\0") for part in stdout.removesuffix(b"\0").split(b"\0\0")]
    assert [[os.path.basename(path) for path in group] for group in groups] == [
        [b"a.png", b"a2.png"],
        [b"b.png", b"b2.png"],
    ]


def test_several_queries_are_answered_each(filled: CommandLine, media: Path, tmp_path: Path) -> None:
    asked = [media / "a.wav", media / "b.wav", "id:1"]
    rows = filled("search", *asked, "--modality", "image", "-n", "1").data
    assert [row["query"] for row in rows] == [str(one) for one in asked]
    assert [os.path.basename(row["path"]) for row in rows[:2]] == ["a.png", "b.png"]
    stdin = "".join(f"{one}\n" for one in asked).encode()
    assert filled("search", "-", "--modality", "image", "-n", "1", stdin=stdin).data == rows
    nul = stdin.replace(b"\n", b"\0")
    assert filled("search", "-0", "-", "--modality", "image", "-n", "1", stdin=nul).data == rows
    table = filled("search", *asked, "-n", "1", "--format", "table").stdout.decode()
    assert table.split()[0] == "query"
    both = filled("search", *asked, "-n", "1", "--modality", "image", "--copy-to", "out")
    assert json.loads(both.stdout) == rows
    assert listed(tmp_path / "out") == sorted({os.path.basename(row["path"]) for row in rows})


def test_queries_that_fail_do_not_keep_others_from_being_answered(
    filled: CommandLine, media: Path, tmp_path: Path
) -> None:
    silent = sound(tmp_path / "silent.wav", (0, 1))
    stdin = f"{media / 'a.wav'}\nid:99\n{tmp_path / 'gone.wav'}\n{silent}\n{media / 'c.wav'}\n".encode()
    outcome = filled("search", "-", "-n", "1", "--modality", "image", "--format", "jsonl", stdin=stdin)
    assert outcome.status == 3
    assert [os.path.basename(json.loads(line)["path"]) for line in outcome.stdout.splitlines()] == ["a.png", "c.png"]
    failures = outcome.stderr.splitlines()
    assert [line.split(":")[0] for line in failures] == ["failed"] * 3
    assert all(words in line for words, line in zip(("id:99", "gone.wav", "silent.wav"), failures, strict=True))
    nothing = filled("search", "-", "--min-similarity", "1", "--kind", "video", stdin=b"id:1\nid:2\n")
    assert nothing.status == 4
    assert nothing.error.startswith("nothing found: the index holds no videos that can be found")
    assert filled("search", "-", stdin=b"").status == 2
