"""Asking a person about names: on the terminal, or by a sheet that is filled in and read again."""

from __future__ import annotations

import os
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import click

from modag_search.cli.options import PathNamed
from modag_search.cli.output import counted, csv_line, harmless, put, say, shortened
from modag_search.errors import UsageError
from modag_search.spelling import printable

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence

    from modag_search.cli.options import Command
    from modag_search.values import PrecisionEstimate, Question

_COLUMNS = ("path", "proposed", "confidence", "answer")
_MEANT = {"y": True, "n": False, "?": None}
_STDOUT = Path("-")
_NOT_WRITTEN = "interrupted; nothing was written"


def check_options(of_what: str) -> Callable[[Command], Command]:
    """Add ``--check`` and ``--answers``."""

    def decorate(command: Command) -> Command:
        asked = click.option(
            "--check", "n_questions", type=click.IntRange(1), metavar="N", help=f"Ask about N items first: {of_what}"
        )
        sheet = click.option(
            "--answers",
            "sheet",
            type=PathNamed(dir_okay=False, allow_dash=True),
            metavar="FILE",
            help="With --check: a CSV of the questions, which is written where there is none, and read once its column "
            "answer is filled in with y, n or ?; - prints it.",
        )
        return asked(sheet(command))

    return decorate


def on_terminal() -> bool:
    """Tell whether a person can be asked."""
    return sys.stdin.isatty() and sys.stderr.isatty()


def confirmed(question: str, *, default: bool) -> bool:
    """Ask whether to do something."""
    try:
        return click.confirm(harmless(question), default=default, err=True)
    except click.Abort:
        raise click.Abort(_NOT_WRITTEN) from None


def say_precision(names: str, estimate: PrecisionEstimate) -> None:
    """Say how many of some names are right."""
    if estimate.confidence is None:
        say(f"of 0 {names}")
        return
    said = f"of {estimate.names} {names}, {estimate.answered} answered, {estimate.right} of them with y"
    if estimate.precision is None or estimate.low is None or estimate.high is None:
        say(f"{said}: too few to tell how many of all are right")
        return
    interval = f"{estimate.low:.3f} to {estimate.high:.3f}"
    say(f"{said}: precision {estimate.precision:.3f} (95 %: {interval}); confidence says {estimate.confidence:.3f}")


def check_can_ask(sheet: Path | None) -> None:
    """Refuse to work out questions that nobody could be asked, or that could not be written.

    Raises
    ------
    UsageError
        If there is neither a terminal nor a sheet, or the sheet's folder is not there, or does not allow writing.
    """
    if sheet is None and not on_terminal():
        raise UsageError(
            "--check asks on a terminal; elsewhere --answers FILE.csv writes a sheet to be filled in, and the same "
            "command reads it then"
        )
    if sheet is None or sheet == _STDOUT or sheet.exists():
        return
    if not sheet.parent.is_dir():
        raise UsageError(
            f"{sheet}: cannot be written: there is no folder {sheet.parent}; make it first, or name another"
        )
    if not os.access(sheet.parent, os.W_OK | os.X_OK):
        raise UsageError(f"{sheet}: cannot be written: {sheet.parent} does not allow it; name a file elsewhere")


def answers_to(questions: Sequence[Question], *, sheet: Path | None) -> list[bool | None] | None:
    """Get answers to questions.

    Parameters
    ----------
    questions : sequence of Question
    sheet : Path or None
        Where they are written, or read from; without it they are asked on the terminal. See `check_can_ask`.

    Returns
    -------
    list of (bool or None), length n_questions, or None
        None where the sheet has only been written.

    Raises
    ------
    UsageError
        If the sheet is not of these questions, or holds no answer, or cannot be written.
    """
    if sheet is None:
        return _asked(questions)
    if sheet == _STDOUT:
        for line in _as_sheet(questions).removesuffix(b"\n").split(b"\n"):
            put(line)
        return None
    if not sheet.exists():
        _write(sheet, questions)
        return None
    return _read(sheet, questions)


def _asked(questions: Sequence[Question]) -> list[bool | None]:
    """Ask one question after the other; q leaves the rest without an answer."""
    answers: list[bool | None] = []
    choice = click.Choice(["y", "n", "?", "q"], case_sensitive=False)
    try:
        for number, question in enumerate(questions, start=1):
            say(f"{number} of {len(questions)}: {shortened(question.path)}")
            text = f"  {harmless(question.label)} ({question.confidence:.3f})?"
            answer = click.prompt(text, type=choice, prompt_suffix=" ", err=True)
            if answer == "q":
                break
            answers.append(_MEANT[answer])
    except click.Abort:
        raise click.Abort(_NOT_WRITTEN) from None
    return answers + [None] * (len(questions) - len(answers))


def _as_sheet(questions: Iterable[Question]) -> bytes:
    rows = ([printable(one.path), one.label, f"{one.confidence:.3f}", ""] for one in questions)
    return b"".join(csv_line(row).encode() + b"\n" for row in (_COLUMNS, *rows))


def _write(sheet: Path, questions: Sequence[Question]) -> None:
    from modag_search.files import write_atomically

    write_atomically(sheet, [_as_sheet(questions)], error=UsageError)
    say(
        f"{sheet}: {counted(len(questions), 'question')}; fill in the column answer with y, n or ?, and give the same "
        "command again"
    )


def _read(sheet: Path, questions: Sequence[Question]) -> list[bool | None]:
    """Read a sheet that must hold these questions, in whatever order."""
    from modag_search.labels.files.cells import answer_in
    from modag_search.tables import read_rows, text_in

    found: dict[tuple[str, str], bool | None] = {}
    columns = ",".join(_COLUMNS)
    for line, cells in read_rows(sheet, columns=columns, suffice=set(_COLUMNS).issubset, noun="a sheet of answers"):
        where = f"{sheet}: line {line}"
        key = (text_in(cells, "path", where=where), text_in(cells, "proposed", where=where))
        if key in found:
            raise UsageError(f"{where}: asks the same as a line above")
        found[key] = answer_in(cells.get("answer"), where=where)
    asked = [(printable(one.path), one.label) for one in questions]
    if set(asked) != found.keys():
        raise UsageError(
            f"{sheet}: holds other questions than would be asked now: labels, items or options are not what they were "
            "when it was written; name a new file, which is written then"
        )
    if all(answer is None for answer in found.values()):
        raise UsageError(f"{sheet}: holds no answer yet; fill in the column answer with y, n or ?")
    return [found[key] for key in asked]
