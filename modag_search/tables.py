"""Rows of CSV and JSONL files, each with the number of its line."""

from __future__ import annotations

import codecs
import csv
import io
import json
import logging
from collections.abc import Mapping
from typing import TYPE_CHECKING

from modag_search.errors import UsageError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Sequence
    from pathlib import Path

logger = logging.getLogger(__name__)

Row = tuple[int, Mapping[str, object]]
"""The number of a line, and what stands in it by column."""

JSON_LINES = (".jsonl", ".ndjson")
"""Endings of files with a JSON object a line; files of other endings are CSV."""

WINDOWS = "Windows-1252"
"""What spreadsheets write in western Europe and America, where they do not write UTF-8; much the same as Latin-1."""

_MARKS = (
    (codecs.BOM_UTF8, "utf-8-sig"),
    (codecs.BOM_UTF32_LE, "utf-32"),  # begins as that of UTF-16 does
    (codecs.BOM_UTF32_BE, "utf-32"),
    (codecs.BOM_UTF16_LE, "utf-16"),
    (codecs.BOM_UTF16_BE, "utf-16"),
)
_SEPARATORS = (",", ";", "\t", "|")
_LOOKED_AT = 4096
_LONGEST_LINE = 1_000_000
_MOST_BYTES = 2**30


def read_text(path: Path, *, noun: str, encoding: str | None = None) -> tuple[str, str]:
    """Read a text file, whatever program wrote it.

    Parameters
    ----------
    path : Path
    noun : str
        What the file is, in words for errors: "a manifest".
    encoding : str, optional
        By default UTF-8 or UTF-16, which can be told, and `WINDOWS` for what is neither.

    Returns
    -------
    text : str
        Line ends as they are.
    encoding : str
        In which it was read.

    Raises
    ------
    UsageError
        If the file cannot be read, is no text, or not in the encoding.
    """
    try:
        with path.open("rb") as file:  # a pipe, too: shells make one of what a program prints
            content = file.read(_MOST_BYTES + 1)
    except OSError as error:
        raise UsageError(f"{path}: cannot be read: {error.strerror}") from error
    if len(content) > _MOST_BYTES:
        raise UsageError(f"{path}: has more than {_MOST_BYTES // 2**20} MiB, and {noun} has less")
    if encoding is not None:
        return _decoded(content, path, encoding), encoding
    if content.startswith(b"PK\3\4"):
        raise UsageError(f"{path}: is a workbook or an archive; save what it holds as CSV in UTF-8")
    for likely in _likely_encodings(content):
        try:
            text = content.decode(likely)
        except UnicodeDecodeError:
            continue
        # Nearly all bytes are something in this encoding, but control characters stand in no text of a spreadsheet.
        if likely != WINDOWS or not any(one < " " and one not in "\t\n\r\f" for one in text[:_LOOKED_AT]):
            return text, likely
    raise UsageError(f"{path}: is not a text file; {noun} is CSV or JSONL in UTF-8")


def _decoded(content: bytes, path: Path, encoding: str) -> str:
    try:
        return content.decode(encoding).removeprefix("\ufeff")
    except LookupError as error:
        raise UsageError(
            f"{encoding}: there is no such encoding; utf-8, cp1252, latin-1 and utf-16 are some"
        ) from error
    except UnicodeError as error:
        raise UsageError(f"{path}: is not in {encoding}: {error}") from error


def _likely_encodings(content: bytes) -> list[str]:
    """List the encodings that a text may be in, the likeliest first."""
    marked = [name for mark, name in _MARKS if content.startswith(mark)]
    # Without a mark, UTF-16 shows by the zeros that every other byte of Latin letters is.
    begin = content[:_LOOKED_AT]
    halves = ((1, "utf-16-le"), (0, "utf-16-be"))
    unmarked = [name for place, name in halves if begin[place::2].count(0) > len(begin) // 4]
    return [*marked, *unmarked, "utf-8", WINDOWS]


def read_rows(path: Path, *, columns: str, suffice: Callable[[Iterable[str]], object], noun: str) -> Iterator[Row]:
    """Iterate over the rows of a CSV or JSONL file.

    Parameters
    ----------
    path : Path
        CSV is separated by commas, semicolons, tabs or bars: by what makes of its first line the columns that are
        needed.
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
    text, encoding = read_text(path, noun=noun)
    if encoding == WINDOWS:
        logger.warning("%s: is not in UTF-8, and was read as %s", path, WINDOWS)
    if path.suffix.lower() in JSON_LINES:
        yield from _not_empty(json_rows(text, path, columns=columns), path)
        return
    separator, fields = head_of(text, suffice=suffice)
    if not suffice(fields):
        raise UsageError(f"{path}: line 1: must name the columns {columns}, not {separator.join(fields)!r}")
    yield from _not_empty(csv_rows(text, path, separator=separator, fields=fields), path)


def head_of(text: str, *, suffice: Callable[[Iterable[str]], object]) -> tuple[str, list[str]]:
    """Read the first line of a CSV file.

    Parameters
    ----------
    text : str
    suffice : callable
        Tells whether names of columns are enough, which tells what separates them.

    Returns
    -------
    separator : str
        The one whose columns are enough, or else the first of comma, semicolon, tab and bar that the line has.
    fields : list of str
        In lower case.
    """
    line = _first_line(text[_head_begins(text) :]).strip("\r\n")
    there = [sign for sign in _SEPARATORS if sign in line] or [","]
    read = {sign: _fields_in(line, sign) for sign in there}
    separator = next((sign for sign in there if suffice(read[sign])), there[0])
    return separator, read[separator]


def _head_begins(text: str) -> int:
    """Find where the line with the names begins: Excel may say first what separates them, as ``sep=;``."""
    line = _first_line(text)
    return len(line) if line.strip().lower().startswith("sep=") else 0


def _first_line(text: str) -> str:
    return next(io.StringIO(text[:_LONGEST_LINE], newline=""), "")


def _fields_in(line: str, separator: str) -> list[str]:
    try:
        (cells,) = csv.reader([line], delimiter=separator, skipinitialspace=True)
    except (csv.Error, ValueError):
        cells = line.split(separator)
    return [cell.strip().lower() for cell in cells]


def csv_rows(text: str, path: Path, *, separator: str, fields: Sequence[str]) -> Iterator[Row]:
    """Iterate over the rows of CSV below its first line, which `head_of` has read; errors as in `read_rows`."""
    begin = _head_begins(text)
    lines = io.StringIO(text[begin:], newline="")
    above = (1 if begin else 0) + 1
    next(lines, None)
    # No cell is longer than the text, which is read already; csv itself takes 131,072 characters at the most.
    csv.field_size_limit(max(csv.field_size_limit(), len(text)))
    reader = csv.DictReader(lines, fields, delimiter=separator)  # surplus cells come under None
    try:
        for row in reader:
            line = reader.line_num + above
            if any(str(cell).strip() for cell in row.pop(None, ())):
                raise UsageError(
                    f"{path}: line {line}: has more cells than line {above} has columns; "
                    f"put a name that holds {separator} in quotes"
                )
            yield line, row
    except csv.Error as error:
        raise UsageError(f"{path}: is not CSV: {error}") from error


def json_rows(text: str, path: Path, *, columns: str) -> Iterator[Row]:
    """Iterate over the rows of JSONL; errors as in `read_rows`."""
    for number, line in enumerate(io.StringIO(text, newline=""), start=1):
        if not line.strip():
            continue
        try:
            row = json.loads(line)
        except (ValueError, RecursionError) as error:
            raise UsageError(f"{path}: line {number}: is not JSON: {error}") from error
        if not isinstance(row, dict):
            raise UsageError(f"{path}: line {number}: must be an object with {columns}")
        yield number, row


def text_in(cells: Mapping[str, object], column: str, *, where: str) -> str:
    """Return the text in a column, without the white space around it; a UsageError says `where` there is none."""
    value = cells.get(column)
    if not isinstance(value, str) or not value.strip():
        raise UsageError(f"{where}: lacks {column}")
    return value.strip()


def _not_empty(rows: Iterable[Row], path: Path) -> Iterator[Row]:
    is_empty = True
    for row in rows:
        is_empty = False
        yield row
    if is_empty:
        raise UsageError(f"{path}: holds no rows")
