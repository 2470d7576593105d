"""What stands in a cell: a label or several, a number of seconds, how sure a program was."""

from __future__ import annotations

import ast
import json
import re
from typing import TYPE_CHECKING

from modag_search.errors import UsageError
from modag_search.labels.checks import looks_like_several

if TYPE_CHECKING:
    from collections.abc import Collection

_ANSWERS = {"y": True, "yes": True, "n": False, "no": False, "?": None, "": None}
_TRUE, _FALSE = {"1", "true", "yes"}, {"", "0", "false", "no"}
_ESCAPES = {"\\t": "\t", "\\n": "\n"}
_LATIN_NAME = re.compile(r"[A-Z][a-z]+ [a-z-]+(?:_|, )(?P<common>\S.*)")


def labels_in(cell: object, *, separator: str | None, known: Collection[str], where: str) -> list[str]:
    """Return the labels in a cell; none where it is empty.

    Parameters
    ----------
    cell : object
        Text, or of JSON a list of texts, too.
    separator : str or None
        What stands between several labels; empty where a cell is one label. None where nobody has said.
    known : collection of str
        Labels of the index: one of these is one label, whatever it looks like.
    where : str
        Where it stands, in words for errors.

    Returns
    -------
    list of str

    Raises
    ------
    UsageError
        If it is no text, or looks like several labels and nobody has said what stands between them.
    """
    if cell is None:
        return []
    if isinstance(cell, list) and all(isinstance(one, str) for one in cell):
        return [one for one in cell if one.strip()]
    if not isinstance(cell, str):
        raise UsageError(f"{where}: lacks label")
    text = cell.strip()
    if separator:
        return [one for part in text.split(_ESCAPES.get(separator, separator)) if (one := part.strip())]
    if separator is None and text not in known:
        if (listed := _written_list(text)) is not None:
            return listed
        _refuse_several(text, where=where)
    return [text] if text else []


def _written_list(text: str) -> list[str] | None:
    """Return what a list in the notation of JSON or Python holds, as pandas writes it into a cell; None for others."""
    if not (text.startswith("[") and text.endswith("]")):
        return None
    for read in (json.loads, ast.literal_eval):
        try:
            listed = read(text)
        except (ValueError, SyntaxError, RecursionError, MemoryError):
            continue
        if isinstance(listed, list) and all(isinstance(one, str) for one in listed):
            return [one for one in listed if one.strip()]
    return None


def _refuse_several(text: str, *, where: str) -> None:
    if (several := looks_like_several(text)) is not None:
        sign, labels = several
        shown = sign.replace("\n", "\\n")
        for_one = "" if sign == "\n" else ", --separator '' for one"  # no label has two lines
        raise UsageError(
            f"{where}: {text!r} looks like {len(labels)} labels; --separator '{shown}' takes it for these{for_one}"
        )


def seconds_in(value: object, column: str, *, where: str) -> float | None:
    """Return a number of seconds; None where the cell is empty, and a UsageError says `where` it is none."""
    if value is None or (isinstance(value, str) and not value.strip()):
        return None
    if isinstance(value, (int, float, str)) and not isinstance(value, bool):
        # A comma is what divides decimals in much of Europe, and so in its spreadsheets.
        number = value.replace(",", ".") if isinstance(value, str) else value
        try:
            return float(number)
        except (ValueError, OverflowError):
            pass
    raise UsageError(f"{where}: {column} must be a number of seconds, not {value!r}")


def confidence_in(value: object) -> float | None:
    """Return how sure a program was, from 0 to 1; None where a cell does not say so."""
    try:
        number = float(str(value).strip().replace(",", "."))
    except ValueError:
        return None
    return number if 0 <= number <= 1 else None


def answer_in(cell: object, *, where: str) -> bool | None:
    """Return whether a person said that a label holds; None where they did not know, or did not say.

    Raises
    ------
    UsageError
        If it is no answer.
    """
    answer = "" if cell is None else str(cell).strip().lower()
    if answer not in _ANSWERS:
        raise UsageError(f"{where}: {str(cell)!r} is no answer; y, n and ? are")
    return _ANSWERS[answer]


def common_name(label: str) -> str:
    """Return the common name of a species, where a label gives the Latin one before it, as BirdNET's tracks do.

    Examples
    --------
    >>> common_name("Strix varia_Barred Owl"), common_name("Strix varia, Barred Owl"), common_name("dog")
    ('Barred Owl', 'Barred Owl', 'dog')
    """
    both = _LATIN_NAME.fullmatch(label)
    return both["common"] if both else label


def is_true(cell: object, column: str, *, where: str) -> bool:
    """Return whether a cell says that something is so; one that is empty, or not there, says that it is not.

    Raises
    ------
    UsageError
        If it says neither.
    """
    written = "" if cell is None else str(cell).strip().lower()
    if isinstance(cell, (bool, int, str, type(None))) and written in _TRUE | _FALSE:
        return written in _TRUE
    raise UsageError(f"{where}: {column} must be true or false, or 1 or 0, not {cell!r}")
