"""Labels to files: CSV, JSONL, JAMS, and folders that are called like the labels."""

from __future__ import annotations

import csv
import io
import json
import os
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Literal, get_args

from modag_search.catalog.database import batches
from modag_search.errors import UsageError
from modag_search.labels.files.entries import LABEL_COLUMNS
from modag_search.labels.files.folders import write_folders
from modag_search.labels.files.jams import jams_of
from modag_search.labels.files.names import UniqueNames
from modag_search.labels.files.writing import new_folder, write_file
from modag_search.spelling import printable, seen_from, whole_path
from modag_search.values import ExportReport

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Iterator, Mapping

    from modag_search.catalog import Annotation, Catalog, Origin
    from modag_search.values import ItemRecord

LabelFormat = Literal["csv", "jsonl", "jams", "folders"]

GIVEN: tuple[Origin, ...] = ("hand", "import")
"""What people said: labels that were transferred would come back as if somebody had given them."""

_HEAD = ",".join(LABEL_COLUMNS).encode() + b"\n"
_MARK = ",".join(LABEL_COLUMNS[:7]).encode()
"""With which files begin that earlier versions wrote, too."""
_JSON_MARK = b'"origin": '
_AT_ONCE = 1000


def label_rows(
    catalog: Catalog, *, origins: Collection[Origin] = GIVEN, relative_to: str | os.PathLike[str] | None = None
) -> Iterator[dict[str, str | float | bool | None]]:
    """Iterate over the labels on items as rows, oldest first.

    Parameters
    ----------
    catalog : Catalog
    origins : collection of {"hand", "import", "transfer"}
        Leaves out labels of other ones.
    relative_to : str or os.PathLike, optional
        A folder that paths start from; default absolute ones.

    Yields
    ------
    dict
        By the names of `LABEL_COLUMNS`.
    """
    tags = catalog.labels.tags()
    for batch in batches(_annotations(catalog, origins), _AT_ONCE):
        items = catalog.items.get_many({annotation.item_id for annotation in batch})
        for annotation in batch:
            if annotation.item_id in items:
                yield {
                    "path": _path_from(relative_to, items[annotation.item_id].path),
                    "label": annotation.label,
                    "start_s": annotation.start_s,
                    "end_s": annotation.end_s,
                    "origin": annotation.origin,
                    "source": annotation.source,
                    "confidence": annotation.confidence,
                    "is_not": annotation.is_not,
                    "is_tag": annotation.label in tags,
                }


def export_labels(
    catalog: Catalog,
    target: str | os.PathLike[str],
    *,
    output_format: LabelFormat,
    origins: Collection[Origin] = GIVEN,
    relative: bool = False,
    copy: bool = False,
) -> ExportReport:
    """Write the labels on items to a file or a folder, wholly or not at all.

    Parameters
    ----------
    catalog : Catalog
    target : str or os.PathLike
        A file for CSV and JSONL; a new or empty folder for JAMS, which has a file an item, and for folders, which
        have a link to each item in a folder for each of its labels: of what items are as a whole.
    output_format : {"csv", "jsonl", "jams", "folders"}
    origins : collection of {"hand", "import", "transfer"}
        Leaves out labels of other ones.
    relative : bool
        Write paths from the target's folder on, so that it can move together with the media. Not so by default: a file
        of labels is more often moved alone, and would then name nothing.
    copy : bool
        Copies for links, where folders are written.

    Returns
    -------
    ExportReport

    Raises
    ------
    UsageError
        If a file of another kind or a folder with files in it would be written over, or the target cannot be written.
    """
    if output_format not in get_args(LabelFormat):
        raise UsageError(f"the format must be one of {', '.join(get_args(LabelFormat))}, not {output_format!r}")
    if copy and output_format != "folders":
        raise UsageError(f"only folders hold copies of files, not {output_format}")
    report = _exported(catalog, Path(whole_path(target)), output_format, origins=origins, relative=relative, copy=copy)
    return replace(report, kept=catalog.kept_labels.count(origins))


def _exported(
    catalog: Catalog,
    path: Path,
    output_format: LabelFormat,
    *,
    origins: Collection[Origin],
    relative: bool,
    copy: bool,
) -> ExportReport:
    if output_format == "jams":
        return _export_jams(catalog, path, origins, relative=relative)
    if output_format == "folders":
        return _export_folders(catalog, path, origins, relative=relative, copy=copy)
    rows = label_rows(catalog, origins=origins, relative_to=path.parent if relative else None)
    if output_format == "csv":
        return ExportReport(labels=write_file(path, csv_lines(rows), mark=_MARK) - 1, files=1)
    return ExportReport(labels=write_file(path, json_lines(rows), mark=_JSON_MARK), files=1)


def _annotations(catalog: Catalog, origins: Collection[Origin]) -> Iterator[Annotation]:
    return (annotation for annotation in catalog.labels.annotations() if annotation.origin in origins)


def _labelled(catalog: Catalog, origins: Collection[Origin]) -> Iterator[tuple[ItemRecord, list[Annotation]]]:
    """Iterate over the items that have labels, in order of their ids, with these."""
    by_item: dict[int, list[Annotation]] = {}
    for annotation in _annotations(catalog, origins):
        by_item.setdefault(annotation.item_id, []).append(annotation)
    for batch in batches(sorted(by_item), _AT_ONCE):
        for item_id, item in sorted(catalog.items.get_many(batch).items()):
            yield item, by_item[item_id]


def _path_from(folder: str | os.PathLike[str] | None, path: str) -> str:
    if folder is None:
        return path
    relative = seen_from(folder, path)
    # Readers strip cells.
    return relative if relative == relative.strip() else os.path.join(".", relative)


def csv_lines(rows: Iterable[Mapping[str, object]]) -> Iterator[bytes]:
    """Iterate over the lines of a CSV file of rows, those of `label_rows`.

    Yields
    ------
    bytes
        In UTF-8, with escapes for the bytes of names that are not; the first one names the columns.
    """
    yield _HEAD
    line = io.StringIO()
    # Python 3.11 quotes a carriage return only where it is part of what ends a line.
    writer = csv.DictWriter(line, LABEL_COLUMNS, lineterminator="\r\n")
    for row in rows:
        writer.writerow({name: _written(cell) for name, cell in row.items()})
        yield printable(line.getvalue()).removesuffix("\r\n").encode() + b"\n"
        line.seek(0)
        line.truncate()


def _written(cell: object) -> object:
    """Write 1 for what is true, and nothing for what is not, as for what is missing."""
    return (1 if cell else None) if isinstance(cell, bool) else cell


def json_lines(rows: Iterable[Mapping[str, object]]) -> Iterator[bytes]:
    """Iterate over the lines of a JSONL file of rows, those of `label_rows`."""
    for row in rows:
        yield json.dumps(row).encode() + b"\n"


def _export_jams(catalog: Catalog, target: Path, origins: Collection[Origin], *, relative: bool) -> ExportReport:
    names, tags = UniqueNames(), catalog.labels.tags()
    labels = files = 0
    with new_folder(target) as folder:
        for item, given in _labelled(catalog, origins):
            stem = os.path.splitext(os.path.basename(item.path))[0]
            path = seen_from(target, item.path) if relative else item.path
            document = jams_of(item, given, path=path, tags=tags)
            (folder / names.take(f"{stem}.jams", number=item.id)).write_text(json.dumps(document, indent=2) + "\n")
            labels += len(given)
            files += 1
    return ExportReport(labels=labels, files=files)


def _export_folders(
    catalog: Catalog, target: Path, origins: Collection[Origin], *, relative: bool, copy: bool
) -> ExportReport:
    left_out, tags = 0, catalog.labels.tags()

    def wholes() -> Iterator[tuple[ItemRecord, list[str]]]:
        nonlocal left_out
        for item, given in _labelled(catalog, origins):
            on_whole = [each.label for each in given if _is_class_of_whole(each, tags)]
            left_out += len(given) - len(on_whole)
            yield item, list(dict.fromkeys(on_whole))

    with new_folder(target) as folder:
        written, renamed = write_folders(wholes(), folder, final=str(target), copy=copy, relative=relative)
    return ExportReport(labels=written, files=written, left_out=left_out, renamed=renamed)


def _is_class_of_whole(annotation: Annotation, tags: Collection[str]) -> bool:
    on_whole = annotation.start_s is None and annotation.end_s is None
    return on_whole and not annotation.is_not and annotation.label not in tags
