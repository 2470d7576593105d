"""The paths in what verbs print: JSON, JSONL, CSV, or paths alone."""

from __future__ import annotations

import codecs
import csv
import io
import json
import os
from typing import TYPE_CHECKING, Any

from modag_search.errors import UsageError
from modag_search.spelling import lines_of

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

_PATH = "path"


def paths_listed(content: bytes, *, source: str) -> list[str]:
    """Read the paths in what `modag search --format json|jsonl|csv|paths`, or another verb, has printed.

    Parameters
    ----------
    content : bytes
        Told by its looks. Paths end with NUL where there is one, else with their lines.
    source : str
        Where it comes from, for errors.

    Returns
    -------
    list of str
        Each once, in order.

    Raises
    ------
    UsageError
        If no path is in it.
    """
    found = dict.fromkeys(path for path in _paths(content, source) if path)
    if not found:
        raise UsageError(f"{source}: lists no files; what --format json, jsonl, csv or paths prints does")
    return list(found)


def _paths(content: bytes, source: str) -> Iterable[str]:
    if b"\0" in content:
        return map(os.fsdecode, content.split(b"\0"))
    content = content.removeprefix(codecs.BOM_UTF8)
    text = os.fsdecode(content)
    if text.lstrip()[:1] in ("[", "{"):
        documents = _documents(text)
        if documents is not None:
            return _in_documents(documents, source)
    head = next(csv.reader(io.StringIO(text[:100_000], newline="")), [])
    if len(head) > 1 and _PATH in head:
        return (row.get(_PATH) or "" for row in csv.DictReader(io.StringIO(text, newline="")))
    return map(os.fsdecode, lines_of(content))


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
