"""Patterns mean what they mean to Git."""

from __future__ import annotations

import os
import shutil
import subprocess
import tempfile
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from modag_search.media import Exclusion

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
