"""Files of labels: CSV, JSONL and JAMS."""

from __future__ import annotations

import logging
import os
from pathlib import Path
from typing import TYPE_CHECKING

from modag_search.errors import UsageError
from modag_search.labels.checks import check_part, checked_name
from modag_search.labels.files.entries import LabelEntry, checked_path
from modag_search.labels.files.jams import read_jams
from modag_search.tables import JSON_LINES, read_rows, text_in

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

_COLUMNS = ("path", "label")
_ENDINGS = (".csv", ".tsv", *JSON_LINES)
_JAMS = ".jams"


logger = logging.getLogger(__name__)

_TRUE, _FALSE = {"1", "true", "yes"}, {"", "0", "false", "no"}
_SLIPS = {"start", "end", "stop", "onset", "offset", "duration", "start_time", "end_time", "from", "to"}


def read_label_file(path: str | os.PathLike[str]) -> list[LabelEntry]:
    """Read a file of labels, or all JAMS files in a folder and below it.

    Parameters
    ----------
    path : str or os.PathLike
        CSV or JSONL, with ``path`` and ``label`` and, for a label on a part, ``start_s`` or ``end_s`` or both; where
        ``is_not`` is true the label does not hold, and where ``is_tag`` is, it is a tag; other columns are passed over.
        Or JAMS, whose tags are taken. Paths are relative to the file's folder.

    Returns
    -------
    list of LabelEntry
        In the order of the file; what it says twice, once.

    Raises
    ------
    UsageError
        If the file cannot be read, or a line of it cannot be meant; the message names the file and the line.
    """
    source = Path(os.path.abspath(path))
    if source.is_dir():
        entries = read_jams(_jams_below(source))
    elif source.suffix.lower() == _JAMS:
        entries = read_jams([source])
    elif source.suffix.lower() in _ENDINGS:
        entries = _read_rows(source)
    else:
        raise UsageError(f"{source}: is of no kind that labels are read from: {', '.join((*_ENDINGS, _JAMS))}")
    return list(dict.fromkeys(entries))


def _jams_below(folder: Path) -> list[Path]:
    found = sorted(path for path in folder.rglob("*") if path.suffix.lower() == _JAMS and path.is_file())
    if not found:
        raise UsageError(f"{folder}: holds no {_JAMS} files; `--from-folders` takes the names of folders for labels")
    return found


def _read_rows(path: Path) -> list[LabelEntry]:
    """Read rows; those that an index transferred are passed over, since they are nobody's word."""
    entries, transferred = [], 0
    for line, cells in read_rows(path, columns=",".join(_COLUMNS), suffice=_suffice, noun="a file of labels"):
        _check_names(cells, where=f"{path}: line {line}")
        if cells.get("origin") == "transfer":
            transferred += 1
        else:
            entries.append(_entry(cells, path, line))
    if transferred:
        logger.warning("%s: %d transferred labels were passed over; they are guesses of an index", path, transferred)
    return entries


def _check_names(cells: Mapping[str, object], *, where: str) -> None:
    """Refuse a column that looks as if it were meant for a part: passed over, the whole would be labelled."""
    if slips := sorted(set(cells) & _SLIPS):
        raise UsageError(f"{where}: has {' and '.join(slips)}; the columns of a part are called start_s and end_s")


def _suffice(columns: Iterable[str]) -> bool:
    return set(_COLUMNS) <= set(columns)


def _entry(cells: Mapping[str, object], path: Path, line: int) -> LabelEntry:
    where = f"{path}: line {line}"
    start_s, end_s = (_seconds(cells, column, where=where) for column in ("start_s", "end_s"))
    check_part(start_s, end_s, where=where)
    return LabelEntry(
        path=checked_path(text_in(cells, "path", where=where), folder=path.parent, where=where),
        label=checked_name(text_in(cells, "label", where=where), where=where),
        start_s=start_s,
        end_s=end_s,
        is_not=_is_true(cells, "is_not", where=where),
        is_tag=_is_true(cells, "is_tag", where=where),
        line=line,
        source=str(path),
    )


def _seconds(cells: Mapping[str, object], column: str, *, where: str) -> float | None:
    value = cells.get(column)
    if value is None or (isinstance(value, str) and not value.strip()):
        return None
    if isinstance(value, (int, float, str)) and not isinstance(value, bool):
        try:
            return float(value)
        except (ValueError, OverflowError):
            pass
    raise UsageError(f"{where}: {column} must be a number of seconds, not {value!r}")


def _is_true(cells: Mapping[str, object], column: str, *, where: str) -> bool:
    value = cells.get(column)
    written = "" if value is None else str(value).strip().lower()
    if isinstance(value, (bool, int, str, type(None))) and written in _TRUE | _FALSE:
        return written in _TRUE
    raise UsageError(f"{where}: {column} must be true or false, or 1 or 0, not {value!r}")
