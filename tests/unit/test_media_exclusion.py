"""Patterns of paths: what they mean, and what is passed over without any."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

import pytest

from modag_search.errors import UsageError
from modag_search.media import Exclusion, PathPattern, scan
from modag_search.values import Excluded, ScannedFile
from tests.unit.test_media_scan import make

if TYPE_CHECKING:
    from pathlib import Path


def taken(root: Path, *exclude: str) -> list[str]:
    entries = scan([str(root)], exclude=exclude)
    return [os.path.relpath(entry.path, root) for entry in entries if isinstance(entry, ScannedFile)]


def passed_over(root: Path, *exclude: str, follow_symlinks: bool = False) -> dict[str, str]:
    entries = scan([str(root)], exclude=exclude, follow_symlinks=follow_symlinks)
    return {os.path.relpath(one.path, root): one.pattern for one in entries if isinstance(one, Excluded)}


@pytest.mark.parametrize(
    ("pattern", "matching", "others"),
    [
        ("*.wav", ["a.wav", "x/y/b.wav"], ["a.wav.png", "wav"]),
        ("a.wav", ["a.wav", "x/a.wav"], ["aa.wav", "x/b.wav"]),
        ("/a.wav", ["a.wav"], ["x/a.wav"]),
        ("x/a.wav", ["x/a.wav"], ["y/x/a.wav"]),
        ("x/*.wav", ["x/a.wav"], ["x/y/a.wav"]),
        ("**/x/a.wav", ["x/a.wav", "y/z/x/a.wav"], ["xx/a.wav"]),
        ("x/**/a.wav", ["x/a.wav", "x/y/z/a.wav"], ["a.wav", "y/x/a.wav"]),
        ("x/**", ["x/a.wav", "x/y/a.wav"], ["x"]),
        ("take ?.wav", ["take 1.wav"], ["take 12.wav", "take /.wav"]),
        ("take[0-9].wav", ["take1.wav"], ["takeA.wav", "take[0-9].wav"]),
        ("take[!0-9].wav", ["takeA.wav"], ["take1.wav"]),
        ("[[:digit:]_]*.wav", ["1a.wav", "_.wav"], ["a.wav"]),
        (r"take\[1\].wav", ["take[1].wav"], ["take1.wav"]),
        ("#recycle", ["#recycle"], ["recycle"]),
        (r"\!loud.wav", ["!loud.wav"], ["loud.wav"]),
        ("new\nline*", ["new\nline.wav"], ["newline.wav"]),
        (os.fsdecode(b"caf\xe9*"), [os.fsdecode(b"caf\xe9.wav")], ["café.wav"]),
    ],
)
def test_what_patterns_mean(pattern: str, matching: list[str], others: list[str]) -> None:
    compiled = PathPattern(pattern)
    assert [path for path in (*matching, *others) if compiled.matches(path, is_folder=False)] == matching


def test_patterns_match_names_in_any_unicode_form(tmp_path: Path) -> None:
    make(tmp_path, "a.wav", "Entwürfe/b.wav", "Su\u0308d/c.wav")
    assert taken(tmp_path, "Entwu\u0308rfe/", "Süd/") == ["a.wav"]
    assert taken(tmp_path, f"{tmp_path}/Süd") == ["Entwürfe/b.wav", "a.wav"]


def test_a_pattern_with_a_slash_at_its_end_is_of_folders() -> None:
    assert PathPattern("drafts/").matches("x/drafts", is_folder=True)
    assert not PathPattern("drafts/").matches("x/drafts", is_folder=False)


@pytest.mark.parametrize("pattern", ["", "/", "!", "!/", "//"])
def test_what_is_no_pattern_is_refused(pattern: str) -> None:
    with pytest.raises(UsageError, match="is no pattern of paths"):
        PathPattern(pattern)
    with pytest.raises(UsageError, match="is no pattern of paths"):
        scan(["/"], exclude=(pattern,))


def test_an_open_bracket_is_refused_with_the_way_out() -> None:
    with pytest.raises(UsageError, match=r"opens a bracket and does not close it; \\\[ is the character itself"):
        PathPattern("take[1.wav")


def test_the_last_pattern_that_matches_decides(tmp_path: Path) -> None:
    make(tmp_path, "a.wav", "b.wav", "keep.wav", "drafts/c.wav")
    assert taken(tmp_path, "*.wav", "!keep.wav") == ["keep.wav"]
    assert taken(tmp_path, "!keep.wav", "*.wav", "!b.wav") == ["b.wav"]
    assert taken(tmp_path, "/*", "!*.wav") == ["a.wav", "b.wav", "keep.wav"], "drafts/ is passed over, and all in it"


def test_a_pattern_may_be_an_absolute_path_below_the_root(tmp_path: Path) -> None:
    make(tmp_path, "a.wav", "mixes/old/b.wav", "x/mixes/old/c.wav")
    assert taken(tmp_path, str(tmp_path / "mixes" / "old")) == ["a.wav", "x/mixes/old/c.wav"]
    assert taken(tmp_path, "*.wav", f"!{tmp_path}/a.wav") == ["a.wav"]
    assert taken(tmp_path / "mixes", str(tmp_path / "mixes")) == ["old/b.wav"], "what is named itself is taken"


SYSTEM = [
    "@eaDir",
    "#recycle",
    "#snapshot",
    "$RECYCLE.BIN",
    "System Volume Information",
    "__MACOSX",
    "lost+found",
    ".Trashes",
    ".Spotlight-V100",
    ".fseventsd",
    ".@__thumb",
]


@pytest.mark.parametrize("name", SYSTEM)
def test_what_systems_keep_for_themselves_is_passed_over_unless_it_is_asked_for(tmp_path: Path, name: str) -> None:
    make(tmp_path, "a.wav", f"x/{name}/deep/b.wav", f"{name}.wav" if not name.startswith(".") else "c.wav")
    found = taken(tmp_path)
    assert len(found) == 2
    assert not [path for path in found if "deep" in path]
    assert list(passed_over(tmp_path)) == [f"x/{name}"]
    assert f"x/{name}/deep/b.wav" in taken(tmp_path, f"!{name}/")
    assert taken(tmp_path / "x" / name) == ["deep/b.wav"], "what is named itself is taken"


def test_files_that_only_systems_need_are_passed_over_and_counted(tmp_path: Path) -> None:
    make(tmp_path, "a.wav", "._a.wav", ".hidden.png", ".DS_Store", "notes.txt")
    assert taken(tmp_path) == ["a.wav"]
    assert passed_over(tmp_path) == {"._a.wav": ".*", ".hidden.png": ".*"}, "what is no media is not counted"


def test_a_folder_with_nomedia_is_passed_over_with_all_that_is_in_it(tmp_path: Path) -> None:
    make(tmp_path, "a.wav", "sent/.nomedia", "sent/b.wav", "sent/x/c.wav")
    assert taken(tmp_path) == ["a.wav"]
    assert passed_over(tmp_path) == {"sent": ".nomedia"}
    assert taken(tmp_path, "!.nomedia") == ["a.wav", "sent/b.wav", "sent/x/c.wav"]
    assert taken(tmp_path, "!/sent/.nomedia") == ["a.wav", "sent/b.wav", "sent/x/c.wav"]
    assert taken(tmp_path / "sent") == ["b.wav", "x/c.wav"]


def test_links_that_are_not_followed_are_counted_where_they_lead_to_media(tmp_path: Path) -> None:
    make(tmp_path, "in/a.wav", "out/b.wav", "out/notes.txt")
    for name, target in (("b.wav", "out/b.wav"), ("folder", "out"), ("notes", "out/notes.txt")):
        (tmp_path / "in" / name).symlink_to(tmp_path / target)
    assert passed_over(tmp_path / "in") == {"b.wav": "symbolic link", "folder": "symbolic link"}
    assert passed_over(tmp_path / "in", follow_symlinks=True) == {}


def test_a_file_that_is_named_itself_is_not_told_as_passed_over(tmp_path: Path) -> None:
    make(tmp_path, "a.wav", ".b.wav")
    entries = list(scan([str(tmp_path), str(tmp_path / ".b.wav")]))
    assert [type(entry) for entry in entries] == [ScannedFile, ScannedFile]


def test_a_folder_that_holds_nothing_but_what_is_passed_over_says_so(tmp_path: Path) -> None:
    make(tmp_path, "@eaDir/a.wav", ".b.wav")
    with pytest.raises(
        UsageError, match=r"holds no media but what is passed over: 1 hidden \(\.\*\), 1 @eaDir/; is the drive moun"
    ):
        scan([str(tmp_path)])
    make(tmp_path, "c.wav")
    assert taken(tmp_path, "*.wav") == [], "what a pattern covers shows that the drive is there"


@pytest.mark.parametrize(
    ("path", "pattern"),
    [
        ("a.wav", None),
        ("x/@eaDir/y/a.wav", "@eaDir/"),
        ("drafts/a.wav", "drafts/"),
        ("drafts", None),
        ("x/sent/y/a.wav", ".nomedia"),
        (".hidden/a.wav", None),
        (".hidden/@eaDir/a.wav", "@eaDir/"),
        ("b.tmp.wav", "*.tmp.wav"),
    ],
)
def test_what_an_index_holds_is_looked_at_with_the_folders_on_the_way(
    tmp_path: Path, path: str, pattern: str | None
) -> None:
    make(tmp_path, "x/sent/.nomedia")
    exclusion = Exclusion(str(tmp_path), ["drafts/", "*.tmp.wav"])
    for _ in range(2):
        assert exclusion.covering_item(str(tmp_path / path)) == pattern


def test_folders_may_be_nested_deeper_than_calls(tmp_path: Path) -> None:
    exclusion = Exclusion("/m", ["drafts/"])
    assert exclusion.covering_item("/m" + "/a" * 3000 + "/b.wav") is None
    assert exclusion.covering_item("/m" + "/a" * 3000 + "/drafts/b.wav") == "drafts/"
