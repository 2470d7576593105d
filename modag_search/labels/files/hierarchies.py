"""Hierarchies of labels from files."""

from __future__ import annotations

from bisect import bisect_left
from typing import TYPE_CHECKING

from modag_search.errors import UsageError
from modag_search.hierarchy import Hierarchy
from modag_search.labels.checks import checked_name
from modag_search.tables import read_rows, text_in

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping
    from pathlib import Path

_COLUMNS = "child,parent[,audioset_id][,means]"


def read_hierarchy_file(path: Path) -> tuple[Hierarchy, dict[str, str], dict[str, str]]:
    """Read which labels are kinds of which, what AudioSet calls them, and words that say what they mean.

    Parameters
    ----------
    path : Path
        CSV or JSONL with the columns ``child`` and ``parent``, and ``audioset_id`` and ``means`` of the child where it
        has these; a row without a parent is a label at the top.

    Returns
    -------
    hierarchy : Hierarchy
    audioset_ids, means : dict of str to str
        By label.

    Raises
    ------
    UsageError
        If the file cannot be read, a label would be a kind of itself, or two labels have one id; the message names the
        lines.
    """
    pairs: dict[tuple[str, str], int] = {}
    ids: dict[str, str] = {}
    means: dict[str, str] = {}
    owners: dict[str, tuple[str, int]] = {}
    for line, row in read_rows(path, columns=_COLUMNS, suffice={"child", "parent"}.issubset, noun="a hierarchy"):
        where = f"{path}: line {line}"
        child = checked_name(text_in(row, "child", where=where), where=where)
        if parent := _text(row, "parent", where=where):
            pairs.setdefault((child, parent), line)
        if identifier := _text(row, "audioset_id", where=where):
            _note_id(ids, owners, child, identifier, line=line, where=where)
        if words := _text(row, "means", where=where):
            means.setdefault(child, words)
    try:
        return Hierarchy.of(pairs), ids, means
    except UsageError as error:
        raise UsageError(f"{path}: line {_closing_line(pairs)}: {error}") from error


def _text(row: Mapping[str, object], column: str, *, where: str) -> str:
    """Return what stands in a column that may be empty."""
    value = row.get(column)
    if value is None or value == "":
        return ""
    if not isinstance(value, str):
        raise UsageError(f"{where}: {column} must be text, not {value!r}")
    return checked_name(value, where=where) if value.strip() else ""


def _note_id(
    ids: dict[str, str], owners: dict[str, tuple[str, int]], child: str, identifier: str, *, line: int, where: str
) -> None:
    owner, first_line = owners.setdefault(identifier, (child, line))
    if owner != child:
        raise UsageError(f"{where}: {identifier} is the id of {owner} already, in line {first_line}")
    if ids.get(child, identifier) != identifier:
        raise UsageError(f"{where}: {child} has the id {ids[child]} already, from line {owners[ids[child]][1]}")
    ids[child] = identifier


def _closing_line(pairs: Mapping[tuple[str, str], int]) -> int:
    """Find the line that closes a circle: the first one with which those before it make one."""
    ordered = list(pairs)
    # By bisection: what has a circle has one with any more lines, too.
    last = bisect_left(range(len(ordered)), True, key=lambda place: _has_circle(ordered[: place + 1]))
    return pairs[ordered[last]]


def _has_circle(pairs: Iterable[tuple[str, str]]) -> bool:
    try:
        Hierarchy.of(pairs)
    except UsageError:
        return True
    return False
