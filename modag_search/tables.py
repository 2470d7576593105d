"""Rows of CSV and JSONL files, each with the number of its line."""

from __future__ import annotations

import csv
import json
from collections.abc import Mapping
from typing import TYPE_CHECKING

from modag_search.errors import UsageError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator
    from pathlib import Path

Row = tuple[int, Mapping[str, object]]
"""The number of a line, and what stands in it by column."""

JSON_LINES = (".jsonl", ".ndjson")
"""Endings of files with a JSON object a line; files of other endings are CSV."""


def read_rows(path: Path, *, columns: str, suffice: Callable[[Iterable[str]], object], noun: str) -> Iterator[Row]:
    """Iterate over the rows of a CSV or JSONL file in UTF-8.

    Parameters
    ----------
    path : Path
        CSV is separated by commas, or by semicolons or tabs where its first line has no comma.
    columns : str
        What a row must have, in words for errors.
    suffice : callable
        Tells whether the names in the first line of a CSV file are enough.
    noun : str
        What the file is, in words for errors: "a manifest".

    Yields
    ------
    int
        The number of the line; the last one, where a cell goes over several.
    Mapping of str to object
        What stands in it by column; of CSV, None where the line is too short.

    Raises
    ------
    UsageError
        If the file is absent, empty, no text, or a line cannot be read; the message names the line.
    """
    is_json = path.suffix.lower() in JSON_LINES
    is_empty = True
    try:
        with path.open(newline="", encoding="utf-8-sig") as file:
            for row in _json_rows(file, path, columns) if is_json else _csv_rows(file, path, columns, suffice):
                is_empty = False
                yield row
    except UnicodeDecodeError as error:
        raise UsageError(f"{path}: is not a text file; {noun} is CSV or JSONL in UTF-8") from error
    except OSError as error:
        raise UsageError(f"{path}: cannot be read: {error.strerror}") from error
    except csv.Error as error:
        raise UsageError(f"{path}: is not CSV: {error}") from error
    if is_empty:
        raise UsageError(f"{path}: holds no rows")


def text_in(cells: Mapping[str, object], column: str, *, where: str) -> str:
    """Return the text in a column, without the white space around it; a UsageError says `where` there is none."""
    value = cells.get(column)
    if not isinstance(value, str) or not value.strip():
        raise UsageError(f"{where}: lacks {column}")
    return value.strip()


def _csv_rows(
    lines: Iterable[str], path: Path, columns: str, suffice: Callable[[Iterable[str]], object]
) -> Iterator[Row]:
    rest = iter(lines)
    head = next(rest, "").strip().lower()
    separator = next((sign for sign in ",;\t" if sign in head), ",")
    fields = [name.strip().strip('"') for name in head.split(separator)]
    if not suffice(fields):
        raise UsageError(f"{path}: line 1: must name the columns {columns}, not {head!r}")
    reader = csv.DictReader(rest, fields, restkey="", delimiter=separator)
    for row in reader:
        if any(str(cell).strip() for cell in row.get("", ())):
            raise UsageError(
                f"{path}: line {reader.line_num + 1}: has more cells than line 1 has columns; "
                f"put a name that holds {separator} in quotes"
            )
        yield reader.line_num + 1, row


def _json_rows(lines: Iterable[str], path: Path, columns: str) -> Iterator[Row]:
    for number, line in enumerate(lines, start=1):
        if not line.strip():
            continue
        try:
            row = json.loads(line)
        except (ValueError, RecursionError) as error:
            raise UsageError(f"{path}: line {number}: is not JSON: {error}") from error
        if not isinstance(row, dict):
            raise UsageError(f"{path}: line {number}: must be an object with {columns}")
        yield number, row
