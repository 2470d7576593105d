"""What is said of a verb that is broken off (Ctrl-C)."""

from __future__ import annotations

import shlex
from typing import TYPE_CHECKING
from unittest import mock

import pytest

from modag_search import Index

if TYPE_CHECKING:
    from tests.cli.command_line import CommandLine


@pytest.mark.parametrize(
    ("command", "method", "said"),
    [
        ("search id:1", "search", "nothing was changed"),
        ("search id:1 --copy-to out", "search", "what was finished is kept, and the same command goes on from there"),
        ("suggest", "suggest", "nothing was changed"),
        ("duplicates", "duplicates", "nothing was changed"),
        ("transfer --dry-run", "transfer", "nothing was changed"),
        ("transfer", "transfer", "what was finished is kept, and the same command goes on from there"),
        ("map", "map", "nothing was written, and the same command begins anew"),
        ("report id:1 --to page.html", "search", "nothing was written, and the same command begins anew"),
        ("gallery --to sheet.html", "open", "nothing was written, and the same command begins anew"),
        ("evaluate --report page.html", "open", "nothing was written, and the same command begins anew"),
        ("evaluate", "open", "nothing was changed"),
        ("backup there.zip", "back_up", "nothing was written, and the same command begins anew"),
        ("restore there.zip --index new", "restore", "nothing was written, and the same command begins anew"),
        ("index media --dry-run", "add", "nothing was changed"),
        ("index media", "add", "what was finished is kept, and the same command goes on from there"),
    ],
)
def test_what_is_broken_off_says_what_there_is_of_it(filled: CommandLine, command: str, method: str, said: str) -> None:
    with mock.patch.object(Index, method, side_effect=KeyboardInterrupt):
        outcome = filled(*shlex.split(command))
    assert outcome.status == 130
    assert outcome.stderr.split() == ["interrupted;", *said.split()]
