"""The paths in what verbs print: JSON, JSONL, CSV, or paths alone."""

from __future__ import annotations

import codecs
import json
import os
import re
from pathlib import Path
from typing import TYPE_CHECKING, Any

from modag_search import media
from modag_search.errors import UsageError
from modag_search.spelling import lines_of, on_disk, unescaped
from modag_search.tables import WINDOWS, csv_rows, head_of

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

_PATH = "path"
_NO_LIST = "and no list of files, as --format json, jsonl, csv or paths prints one"
_CONTROL = re.compile(rb"[\x01-\x08\x0b\x0c\x0e-\x1f\x7f]")
"""What ends no line and no name, and stands in no text."""
_UTF_16 = (codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)


def paths_listed(content: bytes, *, source: str, folder: str | None = None) -> list[str]:
    """Read the paths in what `modag search --format json|jsonl|csv|paths`, or another verb, has printed.

    Parameters
    ----------
    content : bytes
        Told by its looks. Paths end with NUL where there is one, else with their lines. CSV may have been through a
        spreadsheet.
    source : str
        Where it comes from, for errors.
    folder : str, optional
        Where it lies: relative paths that lead nowhere from the working folder are taken from here.

    Returns
    -------
    list of str
        Each once, in order.

    Raises
    ------
    UsageError
        If no path is in it, or it is a table for people, or no text.
    """
    found = dict.fromkeys(_beside(path, folder) for path in _paths(content, source) if path)
    if not _is_text(content) and not any(map(os.path.lexists, found)):  # names of files may hold any sign
        raise UsageError(f"{source}: is no text, {_NO_LIST}")
    if not found:
        raise UsageError(f"{source}: lists no files; what --format json, jsonl, csv or paths prints does")
    return list(found)


def refuse_media(source: str) -> None:
    """Refuse a file that is no list, but one of those that a list names.

    Raises
    ------
    UsageError
        If the name is that of a media file.
    """
    if media.kind_of(source) is not None:
        raise UsageError(f"{source}: is a media file, {_NO_LIST}")


def _is_text(content: bytes) -> bool:
    """Tell whether bytes may be lines, or names that end with NUL: without signs that only programs write."""
    return content.startswith(_UTF_16) or _CONTROL.search(content) is None


def _paths(content: bytes, source: str) -> Iterable[str]:
    if content.startswith(_UTF_16):
        return _in_text(content.decode("utf-16", errors="replace"), source)
    if b"\0" in content:
        return map(os.fsdecode, content.split(b"\0"))
    return _in_text(os.fsdecode(content.removeprefix(codecs.BOM_UTF8)), source)


def _in_text(text: str, source: str) -> Iterable[str]:
    if text.lstrip()[:1] in ("[", "{"):
        documents = _documents(text)
        if documents is not None:
            return _in_documents(documents, source)
    first = text.split("\n", 1)[0].rstrip("\r")
    separator, fields = head_of(text, suffice=lambda names: _PATH in names)
    if _PATH in fields and not (len(fields) == 1 and os.path.lexists(first)):
        rows = csv_rows(text, Path(source), separator=separator, fields=fields)
        return (_from_cell(str(row[_PATH] or "")) for _, row in rows)
    columns = re.split(r"  +", first.strip())
    if len(columns) > 1 and _PATH in columns:
        raise UsageError(
            f"{source}: is a table for people, in which paths may be shortened; "
            "take what --format json, jsonl, csv or paths prints"
        )
    return map(os.fsdecode, lines_of(os.fsencode(text)))


def _from_cell(written: str) -> str:
    """Return the path that a cell of CSV names: bytes of names may be escapes, and letters those of a spreadsheet."""
    forms = (written, unescaped(written), os.fsencode(written).decode(WINDOWS, errors="replace"))
    there = (form for form in map(on_disk, forms) if os.path.lexists(form))
    return next(there, written)


def _beside(path: str, folder: str | None) -> str:
    """Return a path as it is, or from a folder, where it leads somewhere from there alone."""
    if folder is None or os.path.isabs(path) or os.path.lexists(path):
        return path
    beside = os.path.join(folder, path)
    return beside if os.path.lexists(beside) else path


def _documents(text: str) -> list[Any] | None:
    """Read one JSON document, or one a line; None where it is neither, for a path may begin with a bracket, too."""
    for parts in ([text], text.split("\n")):
        try:
            return [json.loads(part) for part in parts if part.strip()]
        except (ValueError, RecursionError):
            continue
    return None


def _in_documents(documents: Iterable[Any], source: str) -> Iterator[str]:
    rows = (row for document in documents for row in (document if isinstance(document, list) else [document]))
    for row in rows:
        path = row.get(_PATH) if isinstance(row, dict) else row
        if not isinstance(path, str):
            raise UsageError(f"{source}: holds {json.dumps(row)[:60]} where an object with a path must stand")
        yield path
