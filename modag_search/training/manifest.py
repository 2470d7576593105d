"""Manifests: which sounds and pictures belong together."""

from __future__ import annotations

import csv
import json
import os
from dataclasses import dataclass
from typing import TYPE_CHECKING

from modag_search.errors import UsageError

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping
    from pathlib import Path


@dataclass(frozen=True, slots=True)
class ManifestEntry:
    """A media file and the group that it belongs to; files of one group belong together."""

    path: str
    group: str


def read_manifest(path: Path) -> list[ManifestEntry]:
    """Read a CSV or JSONL file of pairs or of labelled media.

    Parameters
    ----------
    path : Path
        Rows with ``sound`` and ``image``, two paths that belong together; or with ``path`` and ``label``. Paths are
        relative to the manifest's folder. In pairs, a file that stands in several rows joins them.

    Returns
    -------
    list of ManifestEntry
        Each file once, with an absolute path.

    Raises
    ------
    UsageError
        If the file is absent or empty, or a row lacks a field; the message names the line.
    """
    try:
        with path.open(newline="", encoding="utf-8-sig") as file:
            rows = list(_json_rows(file, path) if path.suffix in (".jsonl", ".ndjson") else _csv_rows(file, path))
    except (OSError, UnicodeDecodeError, csv.Error) as error:
        raise UsageError(f"{path}: cannot be read: {error}") from error
    if not rows:
        raise UsageError(f"{path}: holds no rows")
    folder = path.absolute().parent
    if "label" in rows[0][1]:
        labelled = [(_field(row, "path", path, line), _field(row, "label", path, line)) for line, row in rows]
        entries = {os.path.normpath(folder / name): label for name, label in labelled}
        return [ManifestEntry(file_path, label) for file_path, label in entries.items()]
    pairs = [
        tuple(os.path.normpath(folder / _field(row, field, path, line)) for field in ("sound", "image"))
        for line, row in rows
    ]
    return [ManifestEntry(file_path, group) for file_path, group in _joined(pairs).items()]


def _csv_rows(lines: Iterable[str], path: Path) -> Iterator[tuple[int, Mapping[str, object]]]:
    rest = iter(lines)
    head = next(rest, "").strip().lower()
    separator = ";" if ";" in head and "," not in head else ","
    fields = [name.strip() for name in head.split(separator)]
    if not ({"path", "label"} <= set(fields) or {"sound", "image"} <= set(fields)):
        raise UsageError(f"{path}: line 1: must name the columns path,label or sound,image, not {head!r}")
    reader = csv.DictReader(rest, fields, delimiter=separator)
    for row in reader:
        yield reader.line_num + 1, row


def _json_rows(lines: Iterable[str], path: Path) -> Iterator[tuple[int, Mapping[str, object]]]:
    for number, line in enumerate(lines, start=1):
        if not line.strip():
            continue
        try:
            row = json.loads(line)
        except ValueError as error:
            raise UsageError(f"{path}: line {number}: is not JSON: {error}") from error
        if not isinstance(row, dict):
            raise UsageError(f"{path}: line {number}: must be an object with path and label, or sound and image")
        yield number, row


def _field(row: Mapping[str, object], name: str, path: Path, line: int) -> str:
    value = row.get(name)
    if not isinstance(value, str) or not value.strip():
        raise UsageError(f"{path}: line {line}: lacks {name}")
    return value.strip()


def _joined(pairs: Iterable[tuple[str, ...]]) -> dict[str, str]:
    """Give all files that pairs connect, directly or through others, the name of one of them."""
    leaders: dict[str, str] = {}

    def leader(name: str) -> str:
        while leaders.setdefault(name, name) != name:
            leaders[name] = leaders[leaders[name]]
            name = leaders[name]
        return name

    for first, second in pairs:
        leaders[leader(second)] = leader(first)
    return {name: leader(name) for name in list(leaders)}
