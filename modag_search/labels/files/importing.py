"""Labels from a file or from the names of folders, all or none of them."""

from __future__ import annotations

import os
from dataclasses import replace
from typing import TYPE_CHECKING, NoReturn

from modag_search.catalog import Annotation
from modag_search.errors import LabelConflictError, UsageError
from modag_search.labels.book import annotate
from modag_search.labels.checks import check_part_of
from modag_search.labels.files.exclusion import check_exclusive, check_judgements
from modag_search.labels.files.folders import read_folders
from modag_search.labels.files.reading import read_label_file
from modag_search.values import ImportReport

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from modag_search.catalog import Catalog
    from modag_search.labels.files.entries import LabelEntry
    from modag_search.values import ItemRecord


def import_labels(
    catalog: Catalog, source: str | os.PathLike[str], *, from_folders: bool = False, skip_missing: bool = False
) -> ImportReport:
    """Give items the labels that a file or the names of folders say, all or none of them.

    Parameters
    ----------
    catalog : Catalog
    source : str or os.PathLike
        A file that `read_label_file` reads, or a folder of JAMS files. A label that is an id of AudioSet's means the
        label of the index that has the id.
    from_folders : bool
        `source` is a folder of folders, whose names are the labels.
    skip_missing : bool
        Pass over files that are not in the index or failed.

    Returns
    -------
    ImportReport

    Raises
    ------
    UsageError
        If the source cannot be read, names what is not in the index or failed, a part that an item does not have, or
        labels that exclude each other; the message names the file and the line, and nothing has been done then.
    """
    origin = os.path.abspath(source)
    entries, without_class = read_folders(catalog, origin) if from_folders else (read_label_file(origin), 0)
    if not entries:
        raise UsageError(f"{origin}: holds no labels")
    entries = _with_names(entries, catalog.hierarchy.audioset_ids())
    items = catalog.items.at_many(dict.fromkeys(entry.path for entry in entries))
    found = [entry for entry in entries if entry.path in items and items[entry.path].status == "ok"]
    known = {entry.path for entry in found}
    skipped = tuple(dict.fromkeys(entry.path for entry in entries if entry.path not in known))
    if skipped and not skip_missing:
        _refuse(catalog, next(entry for entry in entries if entry.path == skipped[0]), others=len(skipped) - 1)
    check_judgements(found, catalog)
    for entry in found:
        check_part_of(items[entry.path], entry.start_s, entry.end_s, where=entry.where)
    if catalog.hierarchy.mode == "single":
        check_exclusive(found, {path: item.id for path, item in items.items()}, catalog)
    run, added = _annotate(catalog, found, items, origin) if found else (None, 0)
    return ImportReport(
        run=run,
        added=added,
        entries=len(entries),
        unchanged=len(found) - added,
        skipped=skipped,
        without_class=without_class,
    )


def _with_names(entries: Sequence[LabelEntry], audioset_ids: Mapping[str, str]) -> list[LabelEntry]:
    """Put names for ids of AudioSet's; an id and its name say the same."""
    names = {identifier: name for name, identifier in audioset_ids.items()}
    named = (replace(entry, label=names[entry.label]) if entry.label in names else entry for entry in entries)
    return list(dict.fromkeys(named))


def _refuse(catalog: Catalog, entry: LabelEntry, *, others: int) -> NoReturn:
    """Say why a file cannot have labels, and how many cannot have any either."""
    reason = next((failure.reason for failure in catalog.failures.all() if failure.path == entry.path), None)
    problem = (
        f"failed when it was indexed ({reason}); `modag index --retry-failed` reads it again"
        if reason is not None
        else "is not in the index; `modag index` takes files in"
    )
    also = f" ({others} more of its files cannot be labelled)" if others else ""
    raise UsageError(f"{entry.where}: {entry.path}: {problem}, `--skip-missing` labels the others{also}")


def _annotate(
    catalog: Catalog, entries: Sequence[LabelEntry], items: Mapping[str, ItemRecord], origin: str
) -> tuple[int, int]:
    """Give the labels, and return the run and how many are new."""
    run = catalog.runs.start("label", arguments={"from": _printable(origin)})
    try:
        added = annotate(
            catalog,
            (
                Annotation(
                    item_id=items[entry.path].id,
                    label=entry.label,
                    origin="import",
                    start_s=entry.start_s,
                    end_s=entry.end_s,
                    source=_printable(entry.source),
                    run_id=run,
                    is_not=entry.is_not,
                )
                for entry in entries
            ),
            run=run,
            tags={entry.label for entry in entries if entry.is_tag},
        )
    except LabelConflictError as error:
        # Another process has given a label since they were checked.
        where = next(
            entry.where for entry in reversed(entries) if entry.path == error.path and entry.label in error.labels
        )
        raise UsageError(f"{where}: {error}") from error
    return run, added


def _printable(path: str) -> str:
    """Make a path that is not UTF-8 fit for the catalog's texts."""
    return os.fsencode(path).decode(errors="backslashreplace")
