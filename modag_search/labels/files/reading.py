"""Files of labels, told by their looks: tables, label tracks, JSON of annotation programs, JAMS."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

from modag_search.errors import UsageError
from modag_search.labels.files.documents import is_via_3_table, read_document, read_via_3_table, read_via_rows
from modag_search.labels.files.entries import LabelFile, ReadingOptions
from modag_search.labels.files.jams import read_jams
from modag_search.labels.files.layouts import is_known, layout_of, read_table
from modag_search.labels.files.tracks import is_track, read_track
from modag_search.spelling import whole_path
from modag_search.tables import JSON_LINES, WINDOWS, Row, csv_rows, head_of, json_rows, read_text

if TYPE_CHECKING:
    import os
    from collections.abc import Collection, Iterable, Mapping, Sequence

_JAMS = ".jams"
_VIA = "region_attributes"
_KINDS = (
    "CSV and JSONL with path and label, JAMS, tracks of Audacity, tables of Raven and BirdNET, CSV of ESC-50, "
    "UrbanSound8K and FSD50K, VIA, Label Studio, COCO"
)


def read_label_file(
    path: str | os.PathLike[str], options: ReadingOptions | None = None, *, known: Collection[str] = ()
) -> LabelFile:
    """Read a file of labels, or all JAMS files in a folder and below it.

    Parameters
    ----------
    path : str or os.PathLike
        CSV or JSONL, with ``path`` and ``label`` and, for a label on a part, ``start_s`` or ``end_s`` or both, or with
        other columns that `options` names. Or what a program or a collection writes, which is told by its looks: see
        docs/labels.md. Paths are relative to the file's folder.
    options : ReadingOptions, optional
    known : collection of str
        Labels of the index: a cell that is one of these holds one label, whatever it looks like.

    Returns
    -------
    LabelFile
        Its entries in the order of the file; what it says twice, once.

    Raises
    ------
    UsageError
        If the file cannot be read, is of no kind that is known, or something in it cannot be meant; the message names
        the file and the line.
    """
    source = Path(whole_path(path))
    file = LabelFile(source=str(source))
    options = options or ReadingOptions()
    if source.is_dir():
        file.kind = "JAMS"
        read_jams(_jams_below(source), file, min_confidence=options.min_confidence)
    elif source.suffix.lower() == _JAMS:
        file.kind = "JAMS"
        read_jams([source], file, min_confidence=options.min_confidence)
    else:
        _read_text_file(source, file, options, known)
    file.entries = list(dict.fromkeys(file.entries))
    return file


def _jams_below(folder: Path) -> list[Path]:
    found = sorted(path for path in folder.rglob("*") if path.suffix.lower() == _JAMS and path.is_file())
    if not found:
        raise UsageError(f"{folder}: holds no {_JAMS} files; `--from-folders` takes the names of folders for labels")
    return found


def _read_text_file(path: Path, file: LabelFile, options: ReadingOptions, known: Collection[str]) -> None:
    text, encoding = read_text(path, noun="a file of labels", encoding=options.encoding)
    if encoding == WINDOWS and options.encoding is None:
        file.remark(f"is not in UTF-8, and was read as {WINDOWS}; --encoding names another")
    if path.suffix.lower() in JSON_LINES:
        file.kind = "JSONL"
        _read_objects(list(json_rows(text, path, columns="path,label")), file, options, known)
    elif text.lstrip()[:1] in {"{", "["}:
        _read_json(text, path, file, options, known)
    elif is_track(text):
        read_track(text, file, options, known=known)
    elif is_via_3_table(text):
        read_via_3_table(text, file, options)
    else:
        _read_table(text, path, file, options, known)


def _read_table(text: str, path: Path, file: LabelFile, options: ReadingOptions, known: Collection[str]) -> None:
    named = {name.lower() for name in (options.path_column, options.label_column) if name}

    def suffice(fields: Iterable[str]) -> bool:
        there = set(fields)
        return _VIA in there or (named <= there if named else is_known(there))

    separator, fields = head_of(text, suffice=suffice)
    if path.suffix.lower() not in {".csv", ".tsv"} and not suffice(fields):
        raise UsageError(f"{path}: is of no kind that labels are read from: {_KINDS}")
    where = f"{path}: line 1"
    layout = None if _VIA in fields else layout_of(fields, options, where=where)
    rows = list(csv_rows(text, path, separator=separator, fields=fields))
    if not rows:
        raise UsageError(f"{path}: holds no rows")
    if layout is None:
        read_via_rows(rows, file, options)
    else:
        read_table(rows, layout, file, min_confidence=options.min_confidence, known=known)


def _read_json(text: str, path: Path, file: LabelFile, options: ReadingOptions, known: Collection[str]) -> None:
    try:
        document: Any = json.loads(text)
    except (ValueError, RecursionError) as error:
        if _is_lines(text):
            file.kind = "JSONL"
            _read_objects(list(json_rows(text, path, columns="path,label")), file, options, known)
            return
        raise UsageError(f"{path}: is not JSON: {error}") from error
    if isinstance(document, dict) and isinstance(document.get("annotations"), list) and "file_metadata" in document:
        file.kind = "JAMS"
        read_jams([path], file, min_confidence=options.min_confidence)
    elif not read_document(document, file, options):
        if not (isinstance(document, list) and document and all(isinstance(row, dict) for row in document)):
            raise UsageError(f"{path}: is JSON of no kind that labels are read from: {_KINDS}")
        file.kind, file.unit = "JSON", "entry"
        _read_objects(list(enumerate(document, start=1)), file, options, known)


def _is_lines(text: str) -> bool:
    first = text.lstrip().partition("\n")[0]
    try:
        return isinstance(json.loads(first), dict)
    except (ValueError, RecursionError):
        return False


def _read_objects(rows: Sequence[Row], file: LabelFile, options: ReadingOptions, known: Collection[str]) -> None:
    """Take the labels of objects with a column a key."""
    if not rows:
        raise UsageError(f"{file.source}: holds no rows")
    kind = file.kind
    lower: list[tuple[int, Mapping[str, object]]] = [
        (line, {str(key).lower(): value for key, value in row.items()}) for line, row in rows
    ]
    fields = list(dict.fromkeys(key for _, row in lower for key in row))
    layout = layout_of(fields, options, where=file.where(lower[0][0]))
    read_table(lower, layout, file, min_confidence=options.min_confidence, known=known)
    file.kind = kind if layout.kind == "CSV" else layout.kind
