"""Scanning folders: what is found, what is passed over, and what is told as a problem."""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
from pathlib import Path

import pytest

from modag_search.errors import UnreadableMediaError, UsageError
from modag_search.media import check_roots, content_hash, kind_of, passed_over_in_words, scan, scan_rows
from modag_search.media.kinds import UNREAD_EXTENSIONS
from modag_search.values import Excluded, ScannedFile, ScanProblem, Unread


def make(folder: Path, *names: str) -> Path:
    for name in names:
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(b"x")
    return folder


def found(*roots: object, exclude: tuple[str, ...] = (), follow_symlinks: bool = False) -> list[str]:
    entries = scan([str(root) for root in roots], exclude=exclude, follow_symlinks=follow_symlinks)
    return [entry.path for entry in entries if isinstance(entry, ScannedFile)]


def problems(*roots: object, follow_symlinks: bool = False) -> list[ScanProblem]:
    entries = scan([str(root) for root in roots], follow_symlinks=follow_symlinks)
    return [entry for entry in entries if isinstance(entry, ScanProblem)]


@pytest.mark.parametrize(
    ("name", "kind"),
    [
        ("a.wav", "sound"),
        ("a.OPUS", "sound"),
        ("a.m4a", "sound"),
        ("a.JPeG", "image"),
        ("a.heic", "image"),
        ("a.webm", "video"),
        ("folder.wav/a.txt", None),
        ("wav", None),
        (".wav", None),
    ],
)
def test_the_extension_tells_the_kind(name: str, kind: str | None) -> None:
    assert kind_of(name) == kind


def test_folders_are_walked_in_order_and_others_files_passed_over(tmp_path: Path) -> None:
    make(tmp_path, "b/2.wav", "b/1.png", "a.mp3", "c.MP4", "notes.txt", ".hidden.wav", ".git/x.png")
    names = [os.path.relpath(path, tmp_path) for path in found(tmp_path)]
    assert names == ["a.mp3", "b/1.png", "b/2.wav", "c.MP4"]


def test_what_is_not_read_is_told_by_its_ending(tmp_path: Path) -> None:
    make(tmp_path, "a.wav", "b.DNG", "c.jxl", "notes.txt", "._b.dng", ".DS_Store")
    (tmp_path / "link.dng").symlink_to(tmp_path / "b.DNG")
    (tmp_path / "link.txt").symlink_to(tmp_path / "notes.txt")
    told = {
        os.path.basename(entry.path): getattr(entry, "extension", None) or getattr(entry, "pattern", "")
        for entry in scan([str(tmp_path)])
        if isinstance(entry, (Excluded, Unread))
    }
    assert told == {
        "b.DNG": ".dng",
        "c.jxl": ".jxl",
        "notes.txt": "",
        "._b.dng": ".*",
        ".DS_Store": "",
        "link.dng": "symbolic link",
        "link.txt": "",
    }


def test_files_come_in_lists_in_the_same_order(tmp_path: Path) -> None:
    make(tmp_path, "a/1.wav", "a/2.WAV", "a/3.wav", "a/4.txt", "a/5.png", "a/.6.png", "b/1.wav", "c.mp3")
    entries = list(scan_rows([str(tmp_path)]))
    rows = [entry for entry in entries if isinstance(entry, list)]
    assert [[os.path.relpath(path, tmp_path) for path, *_ in some] for some in rows] == [
        ["a/1.wav"],  # the first at once
        ["a/2.WAV", "a/3.wav"],
        ["a/5.png"],
        ["b/1.wav"],
        ["c.mp3"],
    ]
    one_by_one = [one for entry in entries for one in (entry if isinstance(entry, list) else [entry])]
    assert list(scan([str(tmp_path)])) == one_by_one


def test_a_folder_of_more_files_than_are_listed_at_once_comes_whole_and_in_order(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sys.modules["modag_search.media.scan"], "_ROWS_AT_ONCE", 3)
    names = [f"{number}.wav" for number in range(9)]
    make(tmp_path, *names)
    assert [os.path.basename(path) for path in found(tmp_path)] == names
    overlapping = found(tmp_path / "1.wav", tmp_path, tmp_path / "2.wav")
    assert [os.path.basename(path) for path in overlapping] == ["1.wav", "0.wav", *names[2:]]


def test_what_is_not_read_comes_once_where_roots_overlap(tmp_path: Path) -> None:
    make(tmp_path, "a.wav", "x/b.wav", "x/c.dng", "x/.d.wav")
    entries = list(scan([str(tmp_path), str(tmp_path / "x")]))
    assert len(entries) == len({entry.path for entry in entries}) == 4


def test_no_ending_is_both_read_and_not_read() -> None:
    assert [extension for extension in UNREAD_EXTENSIONS if kind_of(f"a{extension}")] == []


def test_many_endings_are_cut_short() -> None:
    unread = dict.fromkeys([".dng", ".nef", ".jxl", ".mid", ".svg", ".ts"], 1) | {".mxf": 4}
    words = "4 .mxf, 1 .dng, 1 .jxl, 1 .mid, 1 .nef, 2 of 2 other endings (endings that are not read)"
    assert passed_over_in_words({}, unread, 0) == words


def test_size_and_time_are_those_of_the_file(tmp_path: Path) -> None:
    make(tmp_path, "a.wav")
    os.utime(tmp_path / "a.wav", ns=(1, 123_456_789))
    assert list(scan([str(tmp_path)])) == [ScannedFile(str(tmp_path / "a.wav"), 1, 123_456_789)]


def test_paths_come_absolute_and_once_where_roots_overlap(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    make(tmp_path, "sub/a.wav", "b.wav")
    monkeypatch.chdir(tmp_path)
    paths = found("sub", ".", "sub/../sub/a.wav", "sub")
    assert paths == [str(tmp_path / "sub/a.wav"), str(tmp_path / "b.wav")]


def test_exclude_takes_names_and_relative_paths(tmp_path: Path) -> None:
    make(tmp_path, "keep.wav", "skip-1.wav", "cache/x.wav", "a/b/y.wav", "a/z.wav")
    paths = found(tmp_path, exclude=("skip-*", "cache/", "a/b/*"))
    assert [os.path.relpath(path, tmp_path) for path in paths] == ["a/z.wav", "keep.wav"]


def test_links_are_passed_over_unless_asked_for(tmp_path: Path) -> None:
    make(tmp_path, "real/a.wav", "other/b.wav")
    os.symlink(tmp_path / "other", tmp_path / "real/linked")
    os.symlink(tmp_path / "other/b.wav", tmp_path / "real/b.wav")
    root = tmp_path / "real"
    assert [os.path.relpath(path, root) for path in found(root)] == ["a.wav"]
    followed = found(root, follow_symlinks=True)
    assert [os.path.relpath(path, root) for path in followed] == ["a.wav", "b.wav", "linked/b.wav"]


def test_a_root_may_itself_be_a_link(tmp_path: Path) -> None:
    make(tmp_path, "real/a.wav")
    os.symlink(tmp_path / "real", tmp_path / "link")
    assert found(tmp_path / "link") == [str(tmp_path / "link/a.wav")]


@pytest.mark.parametrize("link", ["a_link", "zz_link"])
def test_a_folder_that_is_also_behind_a_link_is_walked_once_by_its_own_path(tmp_path: Path, link: str) -> None:
    make(tmp_path, "m/z_real/deep/1.wav", "n/2.wav")
    os.symlink(tmp_path / "m/z_real", tmp_path / link)
    os.symlink(tmp_path / "m", tmp_path / "n" / link)
    paths = [os.path.relpath(path, tmp_path) for path in found(tmp_path, follow_symlinks=True)]
    assert paths == ["m/z_real/deep/1.wav", "n/2.wav"]


def test_links_behind_links_are_followed_once(tmp_path: Path) -> None:
    make(tmp_path, "root/a.wav", "other/b.wav", "third/c.wav")
    os.symlink(tmp_path / "other", tmp_path / "root/1")
    os.symlink(tmp_path / "other", tmp_path / "root/2")
    os.symlink(tmp_path / "third", tmp_path / "other/3")
    os.symlink(tmp_path, tmp_path / "third/all")
    root = tmp_path / "root"
    paths = [os.path.relpath(path, root) for path in found(root, follow_symlinks=True)]
    assert paths == ["a.wav", "1/b.wav", "1/3/c.wav"]


def test_link_loops_end(tmp_path: Path) -> None:
    make(tmp_path, "a/1.wav", "b/2.wav")
    os.symlink(tmp_path, tmp_path / "a/up")
    os.symlink(tmp_path / "b", tmp_path / "b/self")
    os.symlink(tmp_path / "self", tmp_path / "self")
    assert found(tmp_path, follow_symlinks=True) == [str(tmp_path / "a/1.wav"), str(tmp_path / "b/2.wav")]


def test_dangling_links_are_problems_where_links_are_followed(tmp_path: Path) -> None:
    make(tmp_path, "a.wav")
    os.symlink(tmp_path / "nowhere", tmp_path / "b.wav")
    assert problems(tmp_path) == []
    (problem,) = problems(tmp_path, follow_symlinks=True)
    assert problem.path == str(tmp_path / "b.wav")
    assert "link to nothing" in problem.reason


def test_a_file_named_directly_must_be_media(tmp_path: Path) -> None:
    make(tmp_path, "notes.txt", ".hidden.wav")
    (problem,) = problems(tmp_path / "notes.txt")
    assert "extension" in problem.reason
    assert found(tmp_path / ".hidden.wav") == [str(tmp_path / ".hidden.wav")]


def test_pipes_never_hang(tmp_path: Path) -> None:
    make(tmp_path, "a.wav")
    pipe = tmp_path / "pipe.wav"
    os.mkfifo(pipe)
    os.mkfifo(tmp_path / "pipe")
    assert found(tmp_path) == [str(tmp_path / "a.wav")]
    assert [entry for entry in scan([str(tmp_path)]) if not isinstance(entry, ScannedFile)] == [
        Excluded(str(tmp_path / "pipe"), "special file"),
        Excluded(str(pipe), "special file"),
    ]
    assert "regular file" in problems(pipe)[0].reason
    with pytest.raises(UnreadableMediaError, match="regular file"):
        content_hash(str(pipe))


def test_names_that_are_not_utf8_survive(tmp_path: Path) -> None:
    name = os.fsdecode(b"caf\xe9.wav")
    make(tmp_path, name)
    assert found(tmp_path) == [os.path.join(str(tmp_path), name)]


def test_a_missing_root_is_an_error_before_anything_is_scanned(tmp_path: Path) -> None:
    make(tmp_path, "here/a.wav")
    missing = str(tmp_path / "gone")
    with pytest.raises(UsageError, match="does not exist"):
        check_roots([str(tmp_path / "here"), missing])
    with pytest.raises(UsageError, match="does not exist"):
        scan([str(tmp_path / "here"), missing])


def test_a_folder_without_media_is_an_error_by_the_call_itself(tmp_path: Path) -> None:
    make(tmp_path, "full/a.wav")
    (tmp_path / "empty").mkdir()
    with pytest.raises(UsageError, match="holds no media; is the drive mounted"):
        scan([str(tmp_path / "full"), str(tmp_path / "empty")])


def test_a_folder_of_files_that_are_not_read_says_what_it_holds(tmp_path: Path) -> None:
    make(tmp_path, "1.dng", "2.DNG", "3.nef", "x/4.xmp", "._1.dng")
    with pytest.raises(UsageError) as raised:
        scan([str(tmp_path)])
    assert str(raised.value) == (
        f"{tmp_path}: holds nothing that is read, but 1 hidden (.*), 2 .dng, 1 .nef (endings that are not read), "
        "1 other file; what is converted, as to JPEG, FLAC or MP4, is taken in"
    )


def test_a_folder_of_links_says_how_to_follow_them(tmp_path: Path) -> None:
    make(tmp_path, "real/a.wav")
    (tmp_path / "links").mkdir()
    (tmp_path / "links/a.wav").symlink_to(tmp_path / "real/a.wav")
    with pytest.raises(UsageError, match="but 1 symbolic link; --follow-symlinks takes in what lies behind links"):
        scan([str(tmp_path / "links")])


def test_hidden_files_do_not_show_that_a_drive_is_mounted(tmp_path: Path) -> None:
    make(tmp_path, ".keep", ".Trashes/a.wav")
    with pytest.raises(UsageError, match=r"what is passed over: 1 hidden \(\.\*\), 1 other file; is the drive mounted"):
        scan([str(tmp_path)])


def test_a_folder_that_empties_meanwhile_is_an_error_too(tmp_path: Path) -> None:
    make(tmp_path, "a.wav")
    entries = scan([str(tmp_path)])
    (tmp_path / "a.wav").unlink()
    with pytest.raises(UsageError, match="mounted"):
        list(entries)


def test_a_file_that_vanishes_while_scanning_is_a_problem(tmp_path: Path) -> None:
    make(tmp_path, "a.wav", "b.wav")
    entries = iter(scan([str(tmp_path)]))
    next(entries)
    (tmp_path / "b.wav").unlink()
    assert [type(entry) for entry in entries] == [ScanProblem]


SCAN_AS_NOBODY = """
import os, sys
from modag_search.media import scan
os.chdir(sys.argv[1])
if os.geteuid() == 0:  # who may read everything
    os.setgroups([])
    os.setgid(65534)
    os.setuid(65534)
for entry in scan(["."]):
    print(type(entry).__name__, os.path.relpath(entry.path), getattr(entry, "reason", ""))
"""


def test_a_folder_that_may_not_be_read_is_a_problem() -> None:
    with tempfile.TemporaryDirectory(dir="/tmp") as folder:  # which others may enter, unlike pytest's, or TMPDIR
        make(Path(folder), "a.wav", "locked/b.wav")
        Path(folder).chmod(0o755)
        (Path(folder) / "locked").chmod(0)
        try:
            done = subprocess.run(
                [sys.executable, "-c", SCAN_AS_NOBODY, folder], check=False, capture_output=True, text=True
            )
        finally:
            (Path(folder) / "locked").chmod(0o700)
    assert done.stdout.splitlines() == [
        "ScannedFile a.wav ",
        "ScanProblem locked may not be read: the system denies access",
    ], done.stderr


def test_the_hash_is_that_of_the_bytes(tmp_path: Path) -> None:
    make(tmp_path, "a.wav", "b.wav")
    (tmp_path / "c.wav").write_bytes(b"y")
    hashes = [content_hash(str(tmp_path / name)) for name in ("a.wav", "b.wav", "c.wav")]
    assert hashes[0] == hashes[1] != hashes[2]
    assert hashes[0] == "442a44457137672b3218c1007dc8f76a"  # printf x | b2sum -l 128
    with pytest.raises(UnreadableMediaError, match="does not exist"):
        content_hash(str(tmp_path / "gone.wav"))
