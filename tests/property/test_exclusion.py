"""Patterns mean what they mean to Git."""

from __future__ import annotations

import contextlib
import os
import shutil
import subprocess
import tempfile
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from modag_search.media import Exclusion, obstacle, scan
from modag_search.values import ScannedFile

NAMES = ["a", "b", "foo", "a.png", "b.wav", ".h", "@eaDir", "x y", "]", "-", "[a", "b^"]
PARTS = [
    *("a", "b", "foo", "*.png", "*", "**", "?", ".h", ".*", "@eaDir", "f*o", r"\a", "x y", "a.*"),
    *("[ab]", "[!a]*", "[a-b].png", "[^a]", "[]a]", "[]-]", "[[]a", "[[:alpha:]]", r"b[\^]", "*[!]]", "[a-]"),
]
FILES = st.lists(st.lists(st.sampled_from(NAMES), min_size=1, max_size=4).map("/".join), min_size=5, max_size=25)
PATTERNS = st.lists(
    st.builds(
        lambda sign, start, parts, end: f"{sign}{start}{'/'.join(parts)}{end}",
        st.sampled_from(["", "", "!"]),
        st.sampled_from(["", "", "/"]),
        st.lists(st.sampled_from(PARTS), min_size=1, max_size=3),
        st.sampled_from(["", "", "/"]),
    ),
    min_size=1,
    max_size=4,
)


@pytest.mark.skipif(shutil.which("git") is None, reason="asks Git")
@given(files=FILES, patterns=PATTERNS)
@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.too_slow])
def test_what_git_ignores_is_passed_over(files: list[str], patterns: list[str]) -> None:
    with tempfile.TemporaryDirectory() as folder:
        git("init", "-q", folder)
        Path(folder, ".git", "info", "exclude").write_text("\n".join(patterns) + "\n")
        made = {name for name in files if make(Path(folder), name)}
        listed = git("-C", folder, "ls-files", "-o", "-z", "--exclude-standard").split("\0")
        # Git passes over nothing of its own accord.
        exclusion = Exclusion(folder, ["!*", *patterns])
        taken = {name for name in made if exclusion.covering_item(os.path.join(folder, name)) is None}
        assert taken == set(filter(None, listed))


@given(
    files=st.lists(st.lists(st.sampled_from([*NAMES, "c.dng", ".nomedia"]), min_size=1, max_size=4).map("/".join)),
    links=st.lists(st.sampled_from(["a", "b.wav", "foo/l", "foo/l.png"]), max_size=2),
    patterns=PATTERNS,
    follow_symlinks=st.booleans(),
)
@settings(max_examples=100, deadline=None, suppress_health_check=[HealthCheck.too_slow])
def test_what_is_told_of_one_file_is_what_a_scan_does(
    files: list[str], links: list[str], patterns: list[str], follow_symlinks: bool
) -> None:
    with tempfile.TemporaryDirectory() as folder:
        make(Path(folder), "in/z.wav")
        make(Path(folder), "out/b.wav")
        for link in links:
            link_to(Path(folder, "out/b.wav" if "." in link else "out"), Path(folder, "in", link))
        made = {os.path.join(folder, "in", name) for name in files if make(Path(folder, "in"), name)}
        root = os.path.join(folder, "in")
        exclude = [*patterns, "!z.wav"]
        scanned = {
            one.path
            for one in scan([root], exclude=exclude, follow_symlinks=follow_symlinks)
            if isinstance(one, ScannedFile)
        }
        told = {path for path in made if obstacle(root, path, exclude=exclude, follow_symlinks=follow_symlinks) is None}
        assert told == made & scanned


def link_to(target: Path, link: Path) -> None:
    """Make a link, unless something is in its way."""
    with contextlib.suppress(OSError):
        link.parent.mkdir(parents=True, exist_ok=True)
        link.symlink_to(target)


def make(folder: Path, name: str) -> bool:
    """Make a file, unless one is in the way of its folders, or a folder in its own."""
    try:
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).touch()
    except OSError:
        return False
    return (folder / name).is_file()


def git(*arguments: str) -> str:
    nobodys = {"PATH": os.environ["PATH"], "HOME": "/nonexistent", "GIT_CONFIG_NOSYSTEM": "1"}
    return subprocess.run(["git", *arguments], check=True, capture_output=True, text=True, env=nobodys).stdout
