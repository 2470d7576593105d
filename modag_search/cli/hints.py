"""Hints: commands that messages propose, in backquotes, go to the index that was asked.

Messages come from all rooms, most of which do not know how their index was named; so what is told to people is
completed as it is printed.
"""

from __future__ import annotations

import re
import shlex
from typing import TYPE_CHECKING

from modag_search.addresses import without_password

if TYPE_CHECKING:
    import click

_COMMAND = re.compile(r"(?<![^\s(])`(modag ([a-z]+)( [a-z]+)?[^`]*)`(?![^\s,.:;)])")
"""A command as messages propose it, between words; within one, it is part of a name."""
WITHOUT_INDEX = frozenset({"copy", "demo", "models", "restore", "train names"})
"""Verbs that take no ``--index``, or one that is not the index that was asked: what is restored is a new one."""
_named: list[str] = []


def note_index(name: str | None) -> None:
    """Have hints name an index from now on; None lets them be as they are, since they go to the same one so."""
    _named[:] = [] if name is None else [shlex.quote(without_password(name))]


def index_given(ctx: click.Context, param: click.Parameter, value: str | None) -> str | None:
    """Have hints name the index that ``--index`` gave; one of the environment, or the default, goes without saying."""
    from click.core import ParameterSource

    if ctx.get_parameter_source(str(param.name)) is ParameterSource.COMMANDLINE:
        note_index(value)
    return value


def completed(text: str) -> str:
    """Add ``--index`` to the commands in a message that take one, and name none.

    Examples
    --------
    >>> note_index("my sounds")
    >>> completed("nothing has a label; `modag label PATH... --as NAME` gives one")
    "nothing has a label; `modag label PATH... --as NAME --index 'my sounds'` gives one"
    >>> note_index(None)
    """
    return _COMMAND.sub(_with_index, text) if _named and "`modag " in text else text


def _with_index(command: re.Match[str]) -> str:
    whole, verb, of_group = command[1], command[2], f"{command[2]}{command[3]}"
    if "--index" in whole or not WITHOUT_INDEX.isdisjoint({verb, of_group}):
        return command[0]
    return f"`{whole} --index {_named[0]}`"
