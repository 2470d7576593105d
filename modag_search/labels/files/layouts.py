"""Tables of labels as programs and collections lay them out, told by the names of their columns."""

from __future__ import annotations

import os
import re
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from modag_search.errors import UsageError
from modag_search.labels.files.cells import answer_in, confidence_in, is_true, labels_in, seconds_in

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Mapping, Sequence

    from modag_search.labels.files.entries import LabelFile, ReadingOptions
    from modag_search.tables import Row

_PATHS = (
    "path",
    "file_path",
    "filepath",
    "file",
    "filename",
    "file_name",
    "fname",
    "slice_file_name",
    "image",
    "audio",
    "video",
)
_LABELS = ("label", "labels", "category", "class", "class_name", "classname", "tag", "tags", "species", "annotation")
_TIMES = r"t|time|times|timestamp|s|secs?|seconds?|ms|msecs?|milliseconds?|mins?|minutes?|samples?|frames?"
_TIME_OF_PART = re.compile(
    rf"(({_TIMES}|event|segment|clip|call|label)[\W_]*)?(start|begin|onset|end|stop|finish|offset)[\W_]*"
    rf"(({_TIMES})[\W_]*)*|from|to|until|till|duration"
)
"""Names of columns that a part would be lost by, if they were passed over: `start (s)`, `starttime`, `t_end`."""
_IN_MILLISECONDS = re.compile(r"(.*[\W_])?(ms|msecs?|milliseconds?)\W*")
_RAVEN_LABELS = (
    "species",
    "label",
    "annotation",
    "tag",
    "common name",
    "class",
    "call type",
    "sound type",
    "type",
    "species code",
    "code",
)
_RAVEN_OWN = re.compile(
    r"selection|view|channel|(begin|end) (file|path|date|hour|sample|clock time).*|occupancy|score|confidence"
    r"|.*\(.*\).*"
)
"""What Raven writes by itself; names of measurements hold their units."""
_NO_CALL = "nocall"
_FILE_OF_A_PROGRAM = re.compile(
    r"((\.Table\.\d+)?\.selections?|_selections|\.BirdNET\.[a-z.]+)?\.(txt|csv|tsv)$", re.IGNORECASE
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Layout:
    """Which columns of a table say what.

    Attributes
    ----------
    kind : str
        What such a table is called.
    label : str
    path : tuple of str
        What makes the path, put together.
    start, end, length : str or None
        Of the part that a label holds for, in seconds; None where it holds for the whole.
    offset : str or None
        The start in the media file itself, where `start` counts through several.
    confidence : str or None
    separator : str or None
        What stands between labels in a cell; see `cells.labels_in`.
    of_sound : bool
        Names are those of sounds or videos.
    is_of_one : bool
        Where no path stands in it, it is called as the one sound is that it speaks of.
    is_guess : bool
        A program gave the labels, by windows that may reach beyond the end.
    answer : str or None
        What a person said of each label: y, n or ?.
    remarks : tuple of str
        How it is understood, where that could be otherwise.
    """

    kind: str
    label: str
    path: tuple[str, ...] = ()
    start: str | None = None
    end: str | None = None
    length: str | None = None
    offset: str | None = None
    confidence: str | None = None
    separator: str | None = None
    of_sound: bool = False
    is_of_one: bool = False
    is_guess: bool = False
    answer: str | None = None
    remarks: tuple[str, ...] = ()


_URBAN = "start and end are times in the recordings that slices were cut from; labels hold for whole slices"
_KNOWN: tuple[tuple[set[str], Layout], ...] = (
    (
        {"path", "label", "start_s", "end_s", "origin"},
        Layout(
            kind="CSV",
            path=("path",),
            label="label",
            start="start_s",
            end="end_s",
            confidence="confidence",
            separator="",
        ),
    ),
    (
        {"path", "label", "start_s", "end_s", "answer"},
        Layout(
            kind="review sheet",
            path=("path",),
            label="label",
            start="start_s",
            end="end_s",
            separator="",
            answer="answer",
        ),
    ),
    (
        {"filename", "fold", "target", "category"},
        Layout(kind="ESC-50", path=("filename",), label="category", of_sound=True),
    ),
    (
        {"slice_file_name", "fsid", "class"},
        Layout(kind="UrbanSound8K", path=("slice_file_name",), label="class", of_sound=True, remarks=(_URBAN,)),
    ),
    (
        {"fname", "labels", "mids"},
        Layout(
            kind="FSD50K",
            path=("fname",),
            label="labels",
            separator=",",
            of_sound=True,
            remarks=("labels in one cell are divided at commas",),
        ),
    ),
    (
        {"filepath", "start", "end", "common_name", "confidence"},
        Layout(
            kind="BirdNET table for R",
            path=("filepath",),
            label="common_name",
            start="start",
            end="end",
            confidence="confidence",
            separator="",
            of_sound=True,
            is_guess=True,
        ),
    ),
    (
        {"start (s)", "end (s)", "common name", "confidence"},
        Layout(
            kind="BirdNET results",
            path=("file",),
            label="common name",
            start="start (s)",
            end="end (s)",
            confidence="confidence",
            separator="",
            of_sound=True,
            is_of_one=True,
            is_guess=True,
        ),
    ),
    *(
        (
            {"in file", "offset", "duration", label},
            Layout(
                kind="Kaleidoscope table",
                path=("indir", "folder", "in file"),
                label=label,
                start="offset",
                length="duration",
                confidence="confidence",
                of_sound=True,
                is_guess=label != "manual id",
            ),
        )
        for label in ("manual id", "common_name", "top1match")
    ),
)
_RAVEN = {"begin time (s)", "end time (s)"}


def layout_of(fields: Sequence[str], options: ReadingOptions, *, where: str) -> Layout:
    """Recognise a table by the names of its columns.

    Parameters
    ----------
    fields : sequence of str
        In lower case.
    options : ReadingOptions
        Columns that it names are taken in the place of the usual ones.
    where : str
        Which table it is, in words for errors.

    Returns
    -------
    Layout

    Raises
    ------
    UsageError
        If it names no media files or labels, or several that could be meant.
    """
    there = set(fields)
    known = next((layout for needs, layout in _KNOWN if needs <= there), None)
    if known is None and there >= _RAVEN:
        known = _raven(fields, options, where=where)
        known = replace(known, path=known.path or tuple(name for name in _PATHS if name in fields)[:1])
    if known is None:
        known = _plain(fields, options, where=where)
    return _with_choices(known, fields, options, where=where)


def is_known(fields: Iterable[str]) -> bool:
    """Tell whether names of columns say what a table holds, without any option."""
    there = set(fields)
    return any(needs <= there for needs, _ in _KNOWN) or there >= _RAVEN or {"path", "label"} <= there


def _raven(fields: Sequence[str], options: ReadingOptions, *, where: str) -> Layout:
    usual = [name for name in _RAVEN_LABELS if name in fields]
    own = [name for name in fields if name and not _RAVEN_OWN.fullmatch(name) and name not in _PATHS]
    if options.label_column is None and not usual and len(own) != 1:
        holds = f"one of {', '.join(own)}" if own else "none is there"
        raise UsageError(f"{where}: which column holds the labels? {holds}; name it with --label-column")
    label = (usual or own or [""])[0]
    others = [name for name in usual[1:] if name != "species code"]
    taken = f"labels are from the column {label}; --label-column takes those of {' or '.join(others)}"
    is_birdnet = {"common name", "confidence"} <= set(fields)
    return Layout(
        kind="BirdNET selection table" if is_birdnet else "Raven selection table",
        path=tuple(name for name in ("begin path", "begin file") if name in fields)[:1],
        label=label,
        start="begin time (s)",
        end="end time (s)",
        offset="file offset (s)" if "file offset (s)" in fields else None,
        confidence="confidence" if is_birdnet else None,
        separator="" if is_birdnet else None,
        of_sound=True,
        is_of_one=True,
        is_guess=is_birdnet,
        remarks=(taken,) if others and options.label_column is None else (),
    )


def _plain(fields: Sequence[str], options: ReadingOptions, *, where: str) -> Layout:
    """Take the columns of a table that is as its author liked."""
    path = _one_of(_PATHS, fields, options.path_column, option="--path-column", where=where)
    label = _one_of(_LABELS, fields, options.label_column, option="--label-column", where=where)
    slips = _times_in(fields)  # where one side is named, `_with_part` looks at them
    if slips and options.start_column is None and options.end_column is None:
        # Passed over, the whole would be labelled.
        raise UsageError(
            f"{where}: has {' and '.join(slips)}; the columns of a part are called start_s and end_s, or named with "
            "--start-column and --end-column; --start-column '' takes labels for the whole"
        )
    named = f"paths are from the column {path}, labels from {label}"
    is_usual = (path, label) == ("path", "label") or (options.path_column and options.label_column)
    return Layout(
        kind="CSV",
        path=(path,),
        label=label,
        start="start_s",
        end="end_s",
        confidence="confidence",
        is_guess="confidence" in fields,
        remarks=() if is_usual else (named,),
    )


def _one_of(usual: Sequence[str], fields: Sequence[str], named: str | None, *, option: str, where: str) -> str:
    """Find the column that one of the usual names stands over; the first usual name beats all others."""
    if named is not None:
        return named.lower()
    there = [name for name in usual if name in fields]
    if usual[0] in there or len(there) == 1:
        return there[0]
    if there:
        raise UsageError(f"{where}: which column is meant, {' or '.join(there)}? {option} names it")
    columns = ", ".join(repr(name) for name in fields if name)
    raise UsageError(
        f"{where}: must name the columns path,label, or others that --path-column and --label-column name, "
        f"not {columns or 'none'}"
    )


def _with_choices(layout: Layout, fields: Sequence[str], options: ReadingOptions, *, where: str) -> Layout:
    """Put columns that the user named in the place of the usual ones."""
    chosen = {
        name: column.lower()
        for name, column in (
            ("path", options.path_column),
            ("label", options.label_column),
            ("start", options.start_column),
            ("end", options.end_column),
        )
        if column is not None
    }
    for column in chosen.values():
        if column and column not in fields:
            raise UsageError(f"{where}: has no column {column!r}; it has {', '.join(filter(None, fields))}")
    if "label" in chosen:
        layout = replace(layout, label=chosen["label"])
    if "path" in chosen:
        layout = replace(layout, path=(chosen["path"],))
    if "start" in chosen or "end" in chosen:
        layout = _with_part(layout, fields, chosen.get("start"), chosen.get("end"), where=where)
    return layout if options.separator is None else replace(layout, separator=options.separator)


def _with_part(layout: Layout, fields: Sequence[str], start: str | None, end: str | None, *, where: str) -> Layout:
    """Take the part that labels hold for from columns that the user named; a side that is not named goes by its looks.

    An empty name is no column: the whole, or a part that is open there where the other side is named.
    """
    if not (start or end) or (start is not None and end is not None):
        return replace(layout, start=start or None, end=end or None, length=None, offset=None)
    missing, option = (layout.end or layout.length, "--end-column") if start else (layout.start, "--start-column")
    left = [name for name in _times_in(fields) if name not in (start, end)] if missing not in fields else []
    if layout.offset:
        left = [layout.offset]  # times count through several files: of one side in its file, the other tells nothing
    if left:
        other = f"{option} names the other side of a part, {option} '' leaves it open"
        raise UsageError(f"{where}: has {' and '.join(left)}, too; {other}")
    return replace(layout, start=start) if start else replace(layout, end=end, length=None)


def _times_in(fields: Iterable[str]) -> list[str]:
    """Return the columns that look like the times of parts, but for those that are called as they should be."""
    there = set(fields)
    both = {"in", "out"} if {"in", "out"} <= there else set()
    times = {name for name in there - {"start_s", "end_s"} if _TIME_OF_PART.fullmatch(name)}
    return sorted(times | both)


def read_table(
    rows: Iterable[Row], layout: Layout, file: LabelFile, *, min_confidence: float, known: Collection[str]
) -> None:
    """Take the labels of a table's rows.

    Parameters
    ----------
    rows : iterable of Row
    layout : Layout
    file : LabelFile
        What they are added to.
    min_confidence : float
        Leaves out labels of which a program was less sure.
    known : collection of str
        Labels of the index.

    Raises
    ------
    UsageError
        If a line cannot be meant; the message names it.
    """
    file.kind = layout.kind
    for words in layout.remarks:
        file.remark(words)
    for line, cells in rows:
        where = file.where(line)
        name = _name_in(cells, layout) or (named_by(file.source) if layout.is_of_one else "")
        labels = labels_in(cells.get(layout.label), separator=layout.separator, known=known, where=where)
        if not labels and not any(_text(cell) for cell in cells.values()):
            continue  # what spreadsheets add at the end
        if cells.get("origin") == "transfer":
            file.pass_over(name, "given by an index, which guessed", line=line)
        elif not labels or (layout.is_guess and labels == [_NO_CALL]):
            file.pass_over(name, "without a label", line=line)
        elif not name:
            raise UsageError(f"{where}: lacks {layout.path[-1] if layout.path else 'path'}")
        elif layout.answer and answer_in(cells.get(layout.answer), where=where) is None:
            file.pass_over(name, "without an answer", line=line)
        else:
            _take_row(cells, labels, name, layout, file, line=line, min_confidence=min_confidence)


def _take_row(
    cells: Mapping[str, object],
    labels: Sequence[str],
    name: str,
    layout: Layout,
    file: LabelFile,
    *,
    line: int,
    min_confidence: float,
) -> None:
    confidence = confidence_in(cells.get(layout.confidence)) if layout.confidence else None
    if layout.is_guess and confidence is not None and confidence < min_confidence:
        file.pass_over(name, f"below a confidence of {min_confidence:g}", line=line)
        return
    start_s, end_s = _part_in(cells, layout, where=file.where(line))
    if layout.answer is None:
        is_not = is_true(cells.get("is_not"), "is_not", where=file.where(line))
    else:
        is_not = answer_in(cells.get(layout.answer), where=file.where(line)) is False
    for label in labels:
        file.take(
            name,
            label,
            line=line,
            start_s=start_s,
            end_s=end_s,
            confidence=confidence,
            of_sound=layout.of_sound,
            is_not=is_not,
            is_answer=layout.answer is not None,
            is_tag=is_true(cells.get("is_tag"), "is_tag", where=file.where(line)),
        )


def _name_in(cells: Mapping[str, object], layout: Layout) -> str:
    return os.path.join("", *filter(None, (_text(cells.get(column)) for column in layout.path)))


def _part_in(cells: Mapping[str, object], layout: Layout, *, where: str) -> tuple[float | None, float | None]:
    start_s, end_s, length_s, offset_s = (
        _seconds(cells, column, where=where) if column else None
        for column in (layout.start, layout.end, layout.length, layout.offset)
    )
    if length_s is not None:
        end_s = (start_s or 0.0) + length_s
    if offset_s is None:
        return start_s, end_s
    return offset_s, None if end_s is None else offset_s + end_s - (start_s or 0.0)


def _seconds(cells: Mapping[str, object], column: str, *, where: str) -> float | None:
    time = seconds_in(cells.get(column), column, where=where)
    return time / 1000 if time is not None and _IN_MILLISECONDS.fullmatch(column) else time


def named_by(source: str) -> str:
    """Return the name, without its ending, of the sound that a file of labels speaks of, and is called like.

    Examples
    --------
    >>> named_by("/birds/5.Table.1.selections.txt"), named_by("/birds/5.BirdNET.results.csv"), named_by("/birds/5.txt")
    ('5', '5', '5')
    """
    return _FILE_OF_A_PROGRAM.sub("", os.path.basename(source))


def _text(cell: object) -> str:
    return cell.strip() if isinstance(cell, str) else "" if cell is None else str(cell)
