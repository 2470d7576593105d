"""Printing: data to stdout in the format asked for, words to stderr.

What other programs read is bytes, whatever the locale: csv and JSON in UTF-8, paths as the system has them. What people
read is in the terminal's encoding, with escapes for what that lacks and for what would steer the terminal.
"""

from __future__ import annotations

import csv
import io
import os
import shlex
import sys
from collections.abc import Iterable, Mapping, Sequence
from itertools import chain
from typing import TYPE_CHECKING, Any, TextIO

import click

from modag_search.cli.hints import completed
from modag_search.labels.vocabulary import some_of
from modag_search.rows import HIT, as_json, hit_row
from modag_search.spelling import printable
from modag_search.wording import far_in_words

if TYPE_CHECKING:
    from pathlib import Path

    from modag_search.values import Delivery, Failure, Hit, LabelPassage

Row = Mapping[str, Any]

FAILURES_SHOWN = 20
PATHS_SHOWN = 5
NUL_PATHS = "paths, each with a NUL behind it"
"""What becomes of the format ``paths`` with ``-0``."""
_HIT_COLUMNS = (
    *("similarity", "relevance", "modality", "path", "copies"),
    *("start_s", "end_s", "duration_s", "labels", "id"),
)
_PATHS = frozenset({"example", "image", "path", "sound", "to"})
"""Columns of tables that hold paths, where they hold text."""
_WORDS = frozenset({"problem", "reason"})
"""Columns of tables that hold words of ours, which propose commands; others hold names, which stay as they are."""

_STEERING = (*range(0x20), *range(0x7F, 0xA0), 0x2028, 0x2029, *range(0x202A, 0x202F), *range(0x2066, 0x206A))
"""Control characters, ends of lines, and what turns the direction of writing: names may hold all of them."""
_ESCAPES = {code: chr(code).encode("unicode_escape").decode() for code in _STEERING}
_JSON_ESCAPES = {code: f"\\u{code:04x}" for code in _STEERING if code != ord("\n")}


def chosen_format(output_format: str | None) -> str:
    """Return the format asked for, or the one that suits where stdout goes."""
    return output_format or ("table" if sys.stdout.isatty() else "json")


def print_rows(
    rows: Iterable[Row], *, output_format: str | None, columns: Sequence[str], fields: Sequence[str] | None = None
) -> None:
    """Print rows to stdout: each as it comes, but for formats that hold them all together (table and json).

    Parameters
    ----------
    rows : iterable of Mapping
        Those of ``paths`` format must have ``"path"``.
    output_format : str or None
    columns : sequence of str
        What a table shows, and in which order; the other formats show all.
    fields : sequence of str, optional
        What a row holds, where that is more than `columns`: the head of csv, with and without rows.
    """
    chosen = chosen_format(output_format)
    if chosen == "table":
        _print_table(list(rows), columns)
    elif chosen == "json":
        _put_json(list(rows), indented=True)
    elif chosen == "jsonl":
        for row in rows:
            _put_json(row)
    elif chosen == "csv":
        _print_csv(rows, fields or columns)
    else:
        for row in rows:
            put(os.fsencode(str(row["path"])), ending=b"\0" if chosen == NUL_PATHS else b"\n")


def print_groups(groups: Iterable[Sequence[str]]) -> None:
    """Print groups of paths to stdout, a NUL behind each path, and one more between groups."""
    for number, paths in enumerate(groups):
        click.echo(b"\0" * (number > 0), nl=False)
        for path in paths:
            put(os.fsencode(path), ending=b"\0")


def print_answers(
    answers: Iterable[tuple[str, Sequence[Hit]]],
    *,
    with_query: bool = False,
    with_places: bool = False,
    output_format: str | None,
) -> None:
    """Print what searches found, each as it comes where the format allows."""
    fields = [*HIT, *["places"] * with_places, *["query"] * with_query]
    columns = [*["query"] * with_query, *_HIT_COLUMNS, *["places"] * with_places]
    found = ((query, hit) for query, hits in answers for hit in hits)
    if chosen_format(output_format) != "table":
        rows = ({key: value for key, value in _answer_row(*one).items() if key in fields} for one in found)
        print_rows(rows, output_format=output_format, columns=columns, fields=fields)
        return
    shown = [_answer_row(query, hit) | _for_people(hit) for query, hit in found]
    columns = [column for column in columns if column != "copies" or any(row["copies"] for row in shown)]
    print_rows(shown, output_format=output_format, columns=columns)


def _answer_row(query: str, hit: Hit) -> dict[str, Any]:
    return hit_row(hit) | {"query": query}


def _for_people(hit: Hit) -> dict[str, str]:
    """Word the cells of a table that hold lists."""
    are_of_both = len({one.modality for one in hit.places}) > 1
    places = (
        f"{f'{one.modality} ' if are_of_both else ''}{one.start_s:.1f}-{one.end_s:.1f} s ({one.similarity:.3f})"
        for one in hit.places
        if one.start_s is not None and one.end_s is not None
    )
    return {
        "path": hit.path if hit.exists else f"{hit.path} (gone)",
        "copies": f"+{len(hit.copies)} cop{'y' if len(hit.copies) == 1 else 'ies'}" if hit.copies else "",
        "places": ", ".join(places),
    }


def say_if_far(hits: Sequence[Hit], *, query: str | None = None) -> None:
    """Say on stderr where not even the best of some answers, to one of several queries, is close."""
    far = far_in_words(hits)
    if far is not None:
        say(f"{f'{query}: ' if query else ''}{far}")


def print_json(value: Any) -> None:
    """Print one JSON value to stdout."""
    _put_json(value, indented=True)


def put(line: bytes, *, ending: bytes = b"\n") -> None:
    """Print a line of data to stdout: exact for programs, with escapes for what would steer a terminal on one."""
    if sys.stdout.isatty():
        line = harmless(os.fsdecode(line)).encode()
    click.echo(line + ending, nl=False)


def _put_json(value: Any, *, indented: bool = False) -> None:
    """Print JSON to stdout, on a terminal with JSON's own escapes: it stays JSON that says the same."""
    text = as_json(value, indented=indented)
    if sys.stdout.isatty():
        text = text.decode().translate(_JSON_ESCAPES).encode()
    click.echo(text)


def print_document(document: Row, *, output_format: str | None) -> None:
    """Print one mapping to stdout: as JSON, or as a line a key."""
    if chosen_format(output_format) == "json":
        print_json(document)
        return
    width = max(len(key) for key in document)
    for key, value in document.items():
        show(f"{key:<{width}}  {_cell(value)}")


def show(line: str = "") -> None:
    """Print a line for people, to stdout; commands that it proposes are to be `completed` before."""
    click.echo(_in_encoding_of(sys.stdout, harmless(line)))


def say(message: str) -> None:
    """Tell the user something, on stderr."""
    _say(completed(message))


def say_failed(path: str, reason: str) -> None:
    """Say of a file, on stderr, that it failed, and why."""
    _say(f"failed: {path}: {completed(reason)}")


def _say(message: str) -> None:
    click.echo(_in_encoding_of(sys.stderr, harmless(message)), err=True)


def say_failures(failures: Sequence[Failure]) -> None:
    """Name the files that failed, with their reasons, on stderr."""
    for failure in failures[:FAILURES_SHOWN]:
        say_failed(failure.path, failure.reason)
    if len(failures) > FAILURES_SHOWN:
        say(f"… and {len(failures) - FAILURES_SHOWN} more; `modag failures` lists all")


def say_passages(passages: Sequence[LabelPassage], *, foreseen: bool) -> None:
    """Say on stderr what became, or would become, of labels whose files went or came back."""
    from modag_search.ingest.wording import passages_in_words

    for line in passages_in_words(passages, foreseen=foreseen):
        say(line)


def shown(names: Sequence[str]) -> str:
    """List the first few of many paths."""
    return some_of(names, most=PATHS_SHOWN)


def counted(count: int, noun: str) -> str:
    """Say how many there are: 1 label, 2 labels."""
    return f"{count} {noun}" if count == 1 else f"{count} {noun}s"


def say_delivery(delivery: Delivery, *, link: bool) -> None:
    """Say on stderr what was put into a folder, and which files were not."""
    already = f", {delivery.already} there already" if delivery.already else ""
    say(f"{counted(delivery.written, 'file')} {'linked' if link else 'copied'} to {delivery.folder}{already}")
    for path, reason in delivery.failures:
        say_failed(path, reason)


def warn_of_root(root: str | None, folder: Path) -> None:
    """Say on stderr that a folder will be indexed together with the one that it lies in."""
    if root is not None:
        pattern = shlex.quote(os.path.join(os.path.abspath(folder), ""))
        say(
            f"warning: {folder}: lies in {root}, which is indexed: its next `modag index` takes in these files, "
            f"too; `modag exclude add {pattern}` keeps them out"
        )


def harmless(text: str) -> str:
    """Replace what a terminal would obey, or that would end a line, beside what is not UTF-8: names may hold it."""
    return printable(text).translate(_ESCAPES)


def shortened(path: str) -> str:
    """Show a path below the working folder relative to it."""
    return path.removeprefix(os.path.join(os.getcwd(), ""))


def _in_encoding_of(stream: TextIO, text: str) -> str:
    """Replace the characters that a stream's encoding lacks."""
    encoding = stream.encoding or "utf-8"
    return text.encode(encoding, errors="backslashreplace").decode(encoding)


def _cell(value: Any) -> str:
    if value is None:
        return ""
    if isinstance(value, float):
        return f"{value:.3f}"
    if isinstance(value, Mapping):
        return ", ".join(f"{key} {_cell(content)}" for key, content in value.items())
    if isinstance(value, (list, tuple)):
        return ", ".join(_cell(content) for content in value)
    return harmless(str(value))


def _print_table(rows: Sequence[Row], columns: Sequence[str]) -> None:
    """Print aligned columns; long paths wrap nowhere, so that they can be copied."""
    cells = [
        [_in_encoding_of(sys.stdout, _cell(_as_shown(column, row.get(column)))) for column in columns] for row in rows
    ]
    widths = [max(len(line[i]) for line in [columns, *cells]) for i in range(len(columns))]
    numeric = [all(isinstance(row.get(column), (int, float, type(None))) for row in rows) for column in columns]

    def line(texts: Sequence[str]) -> str:
        padded = (
            text.rjust(width) if right else text.ljust(width)
            for text, width, right in zip(texts, widths, numeric, strict=True)
        )
        return "  ".join(padded).rstrip()

    click.echo(click.style(line(columns), bold=True))
    for texts in cells:
        show(line(texts))


def _as_shown(column: str, value: Any) -> Any:
    """Shorten what is a path, and complete what is words."""
    if not isinstance(value, str):
        return value
    return shortened(value) if column in _PATHS else completed(value) if column in _WORDS else value


def _print_csv(rows: Iterable[Row], names: Sequence[str]) -> None:
    for cells in chain([names], ([_csv_cell(row[name]) for name in names] for row in rows)):
        put(printable(csv_line(cells)).encode())


def _csv_cell(value: Any) -> Any:
    if isinstance(value, Mapping):
        return as_json(value).decode()
    if isinstance(value, (list, tuple)):
        if any(isinstance(one, Mapping) for one in value):
            return ";".join(as_json(one).decode() for one in value)
        return csv_line(value, delimiter=";")  # a path may hold a semicolon: it stands in quotes of its own then
    return printable(value) if isinstance(value, str) else value


def csv_line(cells: Sequence[Any], *, delimiter: str = ",") -> str:
    """Return a line of CSV, without what ends it; cells that hold ends of lines stand in quotes."""
    line = io.StringIO()
    if cells:
        # Only what ends lines by the terminator is quoted: all of it must be, as readers go by it.
        csv.writer(line, delimiter=delimiter, lineterminator="\r\n").writerow(cells)
    return line.getvalue().removesuffix("\r\n")
