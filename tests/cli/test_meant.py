"""Options and verbs that are not there: what they were meant for is asked back, and nothing that is far from it."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click
import pytest

from modag_search.cli import modag as program
from modag_search.cli.meant import _OPTIONS, _VERBS
from tests.cli.test_hints import COMMANDS

if TYPE_CHECKING:
    from tests.cli.command_line import CommandLine


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        *((f"search x --{word} 3", f"'--{word}'. Did you mean '-n'?") for word in ("limit", "top", "count", "number")),
        ("search x --k 3", "'--k'. Did you mean '-n'?"),
        ("search x -k 3", "'-k'. Did you mean '-n'?"),
        ("search x --limit=3", "'--limit'. Did you mean '-n'?"),
        ("suggest --limit 3", "'--limit'. Did you mean '-n'?"),
        ("classify x -n 3", "'-n'. Did you mean '-k'?"),
        ("classify x --top 3", "'--top'."),
        ("search x --output y", "'--output'. Did you mean '--format'?"),
        ("report x --output y", "'--output'. Did you mean '--to'?"),
        ("transfer --threshold 0.5", "'--threshold'. Did you mean '--min-confidence'?"),
        ("search x --modalty image", "'--modalty'. Did you mean '--modality'?"),
        ("search x --min-rel 1", "'--min-rel'. Did you mean '--min-relevance'?"),
        ("search x --verbose", "'--verbose'."),
        ("index x --recursive", "'--recursive'."),
        ("audit -n 3", "'-n'."),
    ],
)
def test_options_that_are_not_there(modag: CommandLine, arguments: str, said: str) -> None:
    outcome = modag(*arguments.split())
    assert outcome.status == 2
    assert outcome.stderr.splitlines()[-1] == f"Error: No such option {said}"


@pytest.mark.skipif(
    not hasattr(click.exceptions, "NoSuchCommand"), reason="click says of no command that it is not there"
)
@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        ("serach x", "'serach'. Did you mean 'search'?"),
        ("find x", "'find'. Did you mean 'search'?"),
        ("roots lst", "'lst'. Did you mean 'list'?"),
        ("nonsense", "'nonsense'."),
    ],
)
def test_verbs_that_are_not_there(modag: CommandLine, arguments: str, said: str) -> None:
    outcome = modag(*arguments.split())
    assert outcome.status == 2
    assert outcome.stderr.splitlines()[-1] == f"Error: No such command {said}"


def test_what_is_proposed_exists() -> None:
    parameters = {one.name for command in COMMANDS.values() for one in command.params}
    assert {name for names in _OPTIONS.values() for name in names} <= parameters
    verbs = set(program.list_commands(click.Context(program)))
    assert set(_VERBS.values()) <= verbs
    assert not verbs & _VERBS.keys()


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        ("label -- -n.ogg --as jet", "name the label with --as NAME, or a file of labels with --from FILE"),
        ("label -- list --as jet", "name the label with --as NAME, or a file of labels with --from FILE"),
        ("tag -- -n.ogg --as jet", "Missing option '--as'"),
    ],
)
def test_options_behind_dashes_are_paths(modag: CommandLine, arguments: str, said: str) -> None:
    outcome = modag(*arguments.split())
    assert outcome.status == 2
    hint = "options stand before --: behind it, --as is taken for a path"
    assert outcome.stderr.splitlines()[-1] == f"Error: {said}; {hint}"


def test_a_file_may_be_called_as_an_option_or_a_verb(filled: CommandLine) -> None:
    for name in ("-n.png", "list"):
        (filled.folder / name).write_bytes((filled.folder / "media" / "a.png").read_bytes())
    filled("index", "--", "-n.png")
    assert filled("label", "--as", "jet", "--", "-n.png").data["added"] == 1
    assert "list: is not in the index" in filled("label", "--as", "jet", "--", "list").error
