"""Manifests: which sounds and pictures belong together."""

from __future__ import annotations

import os
from collections.abc import Hashable
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Literal, TypeVar

from modag_search import media
from modag_search.errors import UsageError
from modag_search.spelling import composed, on_disk, unescaped
from modag_search.tables import Row, read_rows, text_in

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping
    from pathlib import Path

Name = TypeVar("Name", bound=Hashable)
_PAIR, _LABELLED, _VIDEO = ("sound", "image"), ("path", "label"), ("video",)
_KINDS = (_PAIR, _LABELLED, _VIDEO)
_COLUMNS = "path,label or sound,image or video"
_CALLED = {"sound": "a sound", "image": "a picture", "video": "a video"}
_TAKES = {"sound": ("sound", "video"), "image": ("image", "video"), "video": ("video",)}


@dataclass(frozen=True, slots=True)
class ManifestEntry:
    """A media file and the group that it belongs to; files of one group belong together.

    Attributes
    ----------
    path : str
    group : str
    kind : {"label", "pair", "moments"}
        What the group is: a label; the first file of those that pairs join; or nothing, for a video whose moments are
        groups of their own.
    line : int
        Where the manifest names it first; 0 where none does.
    """

    path: str
    group: str
    kind: Literal["label", "pair", "moments"] = "label"
    line: int = field(default=0, compare=False)


def read_manifest(path: Path, *, videos: bool = False) -> list[ManifestEntry]:
    """Read a CSV or JSONL file of pairs, of labelled media or of videos.

    Parameters
    ----------
    path : Path
        Rows with ``sound`` and ``image``, two paths that belong together; or with ``path`` and ``label``, where a video
        may do without a label; or with ``video``. Paths are relative to the manifest's folder; bytes that are not UTF-8
        may be escapes, as `spelling.printable` writes them into files of labels. In pairs, a file that stands in
        several rows joins them; a file may have several labels, each in a row.
    videos : bool
        Take labelled videos for videos without a label: each moment is a group of its own.

    Returns
    -------
    list of ManifestEntry
        Each file once a label, with an absolute path.

    Raises
    ------
    UsageError
        If the file is absent or empty, or a row lacks a field or is of another kind than the first; the message names
        the line.
    """
    rows = list(read_rows(path, columns=_COLUMNS, suffice=_kinds_in, noun="a manifest"))
    kind = _kind_of_all(rows, path)
    if kind == _LABELLED:
        return _labelled(rows, path, videos=videos)
    if kind == _VIDEO:
        videos_named = (
            ManifestEntry(name := _file(row, "video", path, i), name, kind="moments", line=i) for i, row in rows
        )
        return list(dict.fromkeys(videos_named))
    pairs = [tuple(_file(row, column, path, line) for column in _PAIR) for line, row in rows]
    lines: dict[str, int] = {}
    for (line, _), pair in zip(rows, pairs, strict=True):
        for name in pair:
            lines.setdefault(name, line)
    return [ManifestEntry(name, group, kind="pair", line=lines[name]) for name, group in joined(pairs).items()]


def _labelled(rows: Iterable[Row], path: Path, *, videos: bool) -> list[ManifestEntry]:
    entries = []
    for line, row in rows:
        name = _file(row, "path", path, line)
        is_video = media.kind_of(name) == "video"
        if is_video and (videos or not str(row.get("label") or "").strip()):
            entries.append(ManifestEntry(name, name, kind="moments", line=line))
        else:
            label = composed(text_in(row, "label", where=f"{path}: line {line}"))
            entries.append(ManifestEntry(name, label, line=line))
    return list(dict.fromkeys(entries))


def joined(pairs: Iterable[tuple[Name, ...]]) -> dict[Name, Name]:
    """Give all that pairs connect, directly or through others, one of them for a leader."""
    leaders: dict[Name, Name] = {}

    def leader(name: Name) -> Name:
        while leaders.setdefault(name, name) != name:
            leaders[name] = leaders[leaders[name]]
            name = leaders[name]
        return name

    for first, second in pairs:
        leaders[leader(second)] = leader(first)
    return {name: leader(name) for name in list(leaders)}


def _kinds_in(fields: Iterable[str]) -> list[tuple[str, ...]]:
    """Find what kinds of row the columns make."""
    there = set(fields)
    return [kind for kind in _KINDS if there.issuperset(kind)]


def _kind_of_all(rows: Iterable[Row], path: Path) -> tuple[str, ...]:
    """Find the one kind that all rows are of."""
    first: tuple[str, ...] | None = None
    first_line = 0
    for line, row in rows:
        kinds = _kinds_in(row) or ([_LABELLED] if "path" in row else [])
        if len(kinds) > 1:
            columns = " and ".join(",".join(kind) for kind in kinds)
            raise UsageError(f"{path}: line {line}: has columns of two kinds, {columns}; write a manifest for each")
        if not kinds and first is None:
            lacking = next((kind for kind in _KINDS if set(kind) & set(row)), _LABELLED)
            raise UsageError(f"{path}: line {line}: lacks {' and '.join(c for c in lacking if c not in row)}")
        kind = kinds[0] if kinds else first
        if first is None:
            assert kind is not None
            first, first_line = kind, line
        elif kind != first:
            raise UsageError(
                f"{path}: line {line}: has {' and '.join(kind or ())} where line {first_line} has "
                f"{' and '.join(first)}; write a manifest for each kind of row"
            )
    assert first is not None
    return first


def _file(row: Mapping[str, object], column: str, path: Path, line: int) -> str:
    """Return the absolute path in a column; a file of another kind than the column's is a slip."""
    name = text_in(row, column, where=f"{path}: line {line}")
    kind = media.kind_of(name)
    if kind is not None and kind not in _TAKES.get(column, (kind,)):
        raise UsageError(f"{path}: line {line}: {name} is {_CALLED[kind]}, and cannot be the {column}")
    paths = [on_disk(str(path.absolute().parent / form)) for form in (name, unescaped(name))]
    return os.path.normpath(next(filter(os.path.lexists, paths), paths[0]))
