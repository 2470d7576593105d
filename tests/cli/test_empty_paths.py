"""An empty path, as of a shell variable that is not set: no verb may take it for the working folder."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

import pytest

from modag_search import Index, UsageError

if TYPE_CHECKING:
    from pathlib import Path

    from tests.cli.command_line import CommandLine

EMPTY = "is empty: is a shell variable unset?"


@pytest.mark.parametrize(
    "arguments",
    [
        ["forget", ""],
        ["forget", "a.png", ""],
        ["index", ""],
        ["index", "--prune", ""],
        ["failures", ""],
        ["failures", "--all", ""],
        ["info", ""],
        ["label", "", "--as", "low"],
        ["label", "remove", "low", ""],
        ["label", "--from", ""],
        ["label", "--from-folders", ""],
        ["label", "export", "--to", ""],
        ["tag", "", "--as", "low"],
        ["classify", ""],
        ["explain", ""],
        ["search", "id:1", "--under", ""],
        ["search", "id:1", "--copy-to", ""],
        ["export", "", "there"],
        ["export", "hits.json", ""],
        ["gallery", "--under", "", "--to", "page.html"],
        ["gallery", "--to", ""],
        ["roots", "set", "NAS", ""],
        ["backup", ""],
        ["restore", ""],
        ["restore", "backup.zip", "--root", "", "/media"],
        ["verify", "--index", ""],
        ["index", "media", "--index", ""],
        ["copy", "--from", "", "--to", "there"],
        ["copy", "--from", "default", "--to", ""],
    ],
    ids=" ".join,
)
def test_an_empty_path_is_an_error_of_usage(filled: CommandLine, arguments: list[str]) -> None:
    held = filled("info").data["items"]
    outcome = filled(*arguments)
    assert (outcome.status, outcome.stdout) == (2, b"")
    assert EMPTY in outcome.stderr
    assert filled("info").data["items"] == held


def test_an_empty_path_is_an_error_in_python_too(filled: CommandLine, tmp_path: Path) -> None:
    with Index.open(filled.folder / "index") as index:
        for act in (
            lambda: index.add([""]),
            lambda: index.forget([""]),
            lambda: index.forget(""),
            lambda: index.search("id:1", under=""),
            lambda: index.item(""),
            lambda: index.describe(""),
            lambda: index.label("", "low"),
            lambda: index.classify([""]),
            lambda: index.explain(""),
            lambda: index.passed_over([""]),
            lambda: index.roots.place("NAS", ""),
            lambda: index.import_labels(""),
            lambda: index.back_up(""),
            lambda: Index.restore("", tmp_path / "new"),
            lambda: Index.restore(tmp_path / "file", ""),
            lambda: Index.open(""),
            lambda: Index.copy("", tmp_path / "new"),
        ):
            with pytest.raises(UsageError, match=re.escape(EMPTY)):
                act()
        with pytest.raises(UsageError, match="a query is empty"):
            list(index.search_many([""]))


def test_an_empty_variable_of_the_index_is_as_none(filled: CommandLine) -> None:
    outcome = filled("info", MODAG_INDEX="")
    assert outcome.status == 1
    assert "indexes/default" in outcome.error
