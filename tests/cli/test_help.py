"""Every verb says what it does."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click
import pytest

from modag_search import __version__
from modag_search.cli import modag as group

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.cli.command_line import CommandLine


def context(command: click.Command, name: str | None = None) -> click.Context:
    """What a call makes; a command keeps the option that asks for help as the first of them has it."""
    return click.Context(command, info_name=name, **command.context_settings)


def commands(command: click.Command, *names: str) -> Iterator[tuple[str, click.Command]]:
    """Walk all verbs and what is below them."""
    yield " ".join(names), command
    if isinstance(command, click.Group):
        for name in command.list_commands(context(command)):
            below = command.get_command(context(command), name)
            assert below is not None
            yield from commands(below, *names, name)


COMMANDS = dict(commands(group, "modag"))


@pytest.mark.parametrize("name", COMMANDS)
def test_every_command_and_every_option_has_help(name: str) -> None:
    command = COMMANDS[name]
    assert command.help
    assert command.get_short_help_str()
    for parameter in command.params:
        if isinstance(parameter, click.Option):
            assert parameter.help or parameter.show_default, f"{name} {parameter.opts} says nothing"
            assert any(len(option) == 2 or option.startswith("--") for option in parameter.opts)
        else:
            assert parameter.human_readable_name in command.get_usage(context(command))
    assert "Usage: " in command.get_help(context(command, name))


def test_the_verbs_of_the_contract_are_there() -> None:
    verbs = {name.split()[1] for name in COMMANDS if name != "modag"}
    assert {"index", "search", "label", "classify", "train", "rebuild", "verify", "failures", "info", "models"} <= verbs


OF_NO_INDEX = {"modag copy", "modag models add", "modag models check", "modag train names"}
PRINT_NO_DATA = {"modag demo", "modag migrate", "modag models add", "modag serve"}


@pytest.mark.parametrize("name", [name for name, command in COMMANDS.items() if not isinstance(command, click.Group)])
def test_verbs_take_format_and_index(name: str) -> None:
    options = {option for parameter in COMMANDS[name].params for option in parameter.opts}
    assert ("--index" in options) == (name not in OF_NO_INDEX)
    assert ("--format" in options) == (name not in PRINT_NO_DATA)


def test_help_and_version(modag: CommandLine) -> None:
    for option in ("--help", "-h"):
        outcome = modag(option)
        assert outcome.status == 0
        assert b"Exit status: 0 done" in outcome.stdout
        assert outcome.stderr == ""
    assert __version__.encode() in modag("--version").stdout


def test_usage_errors_leave_with_2(modag: CommandLine) -> None:
    wrong: tuple[list[str], ...] = (
        [],
        ["no-such-verb"],
        ["search"],
        ["search", "x", "--modality", "smell"],
        ["search", "x", "-n", "0"],
    )
    for arguments in wrong:
        outcome = modag(*arguments)
        assert outcome.status == 2
        assert outcome.stdout == b""
        assert "Usage: " in outcome.stderr
