"""Options that several verbs share."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, TypeVar

import click
from click_default_group import DefaultGroup

from modag_search.cli.hints import index_given
from modag_search.cli.output import NUL_PATHS
from modag_search.errors import UsageError
from modag_search.spelling import given_path, lines_of

Command = TypeVar("Command", bound=Callable[..., Any])

PRESETS = ("audioset", "hornbostel-sachs", "ucs")
"""Vocabularies of the package; see `labels.presets`."""
_NUL = "modag.nul"
FORMATS = ("table", "json", "jsonl", "csv", "paths")


class NumberOrWord(click.ParamType[Any]):
    """A number from 0, or a word.

    Parameters
    ----------
    word : str
    """

    name = "level"

    def __init__(self, word: str) -> None:
        self._word = word

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Any:
        """Take a number, or the word."""
        if value == self._word:
            return value
        if not str(value).isdecimal():
            self.fail(f"{value!r} is neither a number from 0 nor {self._word}", param, ctx)
        return int(value)


class PathNamed(click.Path):
    """A file or folder as a `Path`; an empty name is refused, for `Path` takes it for the working folder."""

    def __init__(self, **checks: bool) -> None:
        super().__init__(path_type=Path, **checks)

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Any:
        """Take a path that is none yet, or is one."""
        try:
            return super().convert(given_path(value), param, ctx)
        except UsageError as error:
            self.fail(str(error), param, ctx)


class Workers(click.ParamType[Any]):
    """How many files at once here, or the scheduler of a cluster whose workers encode."""

    name = "workers"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Any:
        """Take a number, or an address."""
        from modag_search.features.cluster import checked_workers

        try:
            return checked_workers(int(value) if str(value).lstrip("-").isdecimal() else value)
        except UsageError as error:
            self.fail(str(error), param, ctx)


class VerbsOrPaths(DefaultGroup):
    """Verbs, and one for what begins with no verb, but with a path.

    Parameters
    ----------
    elsewhere : Mapping of str to str
        Words that people try for verbs, with what does it; a file of such a name goes before.
    **settings
        Those of `click.Group`, and `default`: the verb for paths.
    """

    def __init__(self, *, elsewhere: Mapping[str, str], **settings: Any) -> None:
        super().__init__(default_if_no_args=False, **settings)
        self._elsewhere = elsewhere

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        """Take what stands behind a leading ``--`` for paths, whatever verbs and options they are called as."""
        if args[:1] == ["--"] and self.default_cmd_name is not None:
            args = [self.default_cmd_name, *args]
        return super().parse_args(ctx, args)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        """Find a verb."""
        if cmd_name in self._elsewhere and not os.path.lexists(cmd_name):
            raise click.UsageError(
                f"{cmd_name} is no verb of modag {ctx.info_name}: `{self._elsewhere[cmd_name]}` does it"
            )
        return super().get_command(ctx, cmd_name)


def index_option(command: Command) -> Command:
    """Add ``--index``."""
    return click.option(
        "--index",
        "index_name",
        metavar="NAME_OR_DIR",
        envvar="MODAG_INDEX",
        show_envvar=True,
        callback=index_given,
        help="The index. A bare name means indexes/NAME where that folder exists, else one in the user's data folder; "
        "postgresql://USER@HOST/DATABASE one in a database. "
        "[default: default]",
    )(command)


def format_option(*, choices: Sequence[str] = FORMATS, with_nul: bool = True) -> Callable[[Command], Command]:
    """Add ``--format``, and ``-0`` where paths can be printed, unless the verb has it already (`nul_option`)."""

    def decorate(command: Command) -> Command:
        if with_nul and "paths" in choices:
            command = nul_option("With --format paths: paths end with NUL rather than with a newline.")(command)
        return click.option(
            "--format",
            "output_format",
            type=click.Choice(choices),
            default=None,
            callback=_with_nul,
            help="How to print data. [default: table on a terminal, else json]",
        )(command)

    return decorate


def nul_option(help_text: str, *, exposed: bool = False) -> Callable[[Command], Command]:
    """Add ``-0``, which ``--format`` heeds; a verb that reads paths has it passed on as `nul_separated`."""
    return click.option(
        "-0",
        "nul_separated",
        is_flag=True,
        is_eager=True,
        expose_value=exposed,
        callback=_note_nul,
        help=help_text,
    )


def _note_nul(ctx: click.Context, param: click.Parameter, value: bool) -> bool:  # noqa: ARG001  click's signature
    ctx.meta[_NUL] = value
    return value


def _with_nul(ctx: click.Context, param: click.Parameter, value: str | None) -> str | None:  # noqa: ARG001
    return NUL_PATHS if value == "paths" and ctx.meta.get(_NUL) else value


def progress_option(command: Command) -> Command:
    """Add ``--no-progress``."""
    return click.option(
        "--no-progress", is_flag=True, help="Show no progress bar; none is shown off a terminal either."
    )(command)


def workers_option(command: Command) -> Command:
    """Add ``--workers``, for what a cluster may do as well."""
    return click.option(
        "--workers",
        type=Workers(),
        metavar="N_OR_SCHEDULER",
        help="Files decoded and encoded at once; or dask://HOST:PORT, the scheduler of a Dask cluster whose workers do "
        "that. [default: one a processor]",
    )(command)


def wait_option(command: Command) -> Command:
    """Add ``--wait``."""
    return click.option(
        "--wait",
        "wait_s",
        type=click.FloatRange(0),
        default=30.0,
        show_default=True,
        metavar="SECONDS",
        help="How long to wait for another process that is writing to the index.",
    )(command)


def paths_arguments(*, required: bool = True) -> Callable[[Command], Command]:
    """Add ``PATH...`` and ``-0``."""

    def decorate(command: Command) -> Command:
        with_paths = click.argument("paths", metavar="PATH...", nargs=-1, required=required)(command)
        return nul_option(
            "Paths end with NUL rather than with a newline: on stdin, and those that are printed.", exposed=True
        )(with_paths)

    return decorate


def expand_stdin(paths: Sequence[str], *, nul_separated: bool, what: str = "paths") -> list[str]:
    """Replace ``-`` by the paths on stdin, or `what` else it holds; names that are not UTF-8 survive."""
    expanded: list[str] = []
    for path in paths:
        expanded.extend(_stdin_paths(nul_separated=nul_separated) if path == "-" else [given_path(path)])
    if not expanded:
        holding = f": standard input was empty; - reads {what} from it, one a line, or each followed by NUL with -0"
        raise click.UsageError(f"no {what} were given{holding if '-' in paths else ''}")
    return expanded


def _stdin_paths(*, nul_separated: bool) -> Iterator[str]:
    content = sys.stdin.buffer.read()
    for name in content.split(b"\0") if nul_separated else lines_of(content):
        if name:
            yield os.fsdecode(name)
