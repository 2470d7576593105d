"""Labels from a file or from the names of folders, all or none of them."""

from __future__ import annotations

import os
from collections import Counter
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, NamedTuple, NoReturn

from modag_search.catalog import Annotation
from modag_search.errors import LabelConflictError, UsageError
from modag_search.labels.book import annotate, warn_of_new
from modag_search.labels.changes import tell_of_short_parts
from modag_search.labels.checks import check_part_of
from modag_search.labels.files.exclusion import check_exclusive, check_judgements
from modag_search.labels.files.folders import NO_FOLDER, read_folders
from modag_search.labels.files.matches import match_entries
from modag_search.labels.files.reading import read_label_file
from modag_search.labels.items import items_meant, why_not_indexed
from modag_search.spelling import on_disk, printable, whole_path
from modag_search.values import ImportedLabel, ImportReport, PassedOver

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence

    from modag_search.catalog import Catalog
    from modag_search.labels.files.entries import LabelEntry, LabelFile, ReadingOptions
    from modag_search.labels.files.folders import FolderLevel
    from modag_search.labels.files.matches import Match
    from modag_search.values import ItemRecord

_REST = "`--skip-missing` labels the others"


def import_labels(
    catalog: Catalog,
    source: str | os.PathLike[str],
    *,
    from_folders: bool = False,
    level: FolderLevel = None,
    skip_missing: bool = False,
    dry_run: bool = False,
    options: ReadingOptions | None = None,
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
    level : int or "innermost", optional
        Which of these folders; see `read_folders`.
    skip_missing : bool
        Pass over files that are not in the index or failed, and names that could mean several.
    dry_run : bool
        Write nothing; report what would be given.
    options : ReadingOptions, optional
        How the file is read, where its looks do not say so.

    Returns
    -------
    ImportReport

    Raises
    ------
    UsageError
        If the source cannot be read, names what is not in the index or failed, a part that an item does not have, or
        labels that exclude each other; the message names the file and the line, and nothing has been done then.
    """
    origin = whole_path(on_disk(os.fspath(source)))
    known = catalog.labels.names()
    file = read_folders(catalog, origin, level=level) if from_folders else read_label_file(origin, options, known=known)
    entries = _with_names(file.entries, catalog.hierarchy.names_by_audioset_id())
    if not entries:
        _refuse_empty(file)
    given = _matched(catalog, entries, skip_missing=skip_missing)
    check_judgements(given.entries, catalog)
    if catalog.hierarchy.mode == "single":
        check_exclusive(given.entries, {path: item.id for path, item in given.items.items()}, catalog)
    come = _foreseen(catalog, given) if dry_run or not given.entries else _annotate(catalog, given, origin)
    tags = {entry.label for entry in given.entries if entry.is_tag}
    tell_of_short_parts(catalog, (one for one in _annotations(given, None) if one.label not in tags))
    warn_of_new([entry.label for entry in given.entries], known)
    return ImportReport(
        run=come.run,
        added=come.added,
        entries=len(entries),
        unchanged=len(given.entries) - come.added - len(come.refused),
        skipped=tuple(dict.fromkeys(_called(entry) for entry in given.lost)),
        without_class=sum(one.reason == NO_FOLDER for one in file.passed_over),
        kind=file.kind,
        labels=_counted(entry for entry in given.entries if entry not in come.refused),
        by_name=given.by_name,
        passed_over=(*file.passed_over, *given.passed_over, *map(_overruled, come.refused)),
        remarks=tuple(file.remarks),
    )


def _refuse_empty(file: LabelFile) -> NoReturn:
    """Say that a file holds no labels, and what else it holds."""
    reasons = Counter(one.reason for one in file.passed_over)
    holds = "; ".join(f"{count} {reason}" for reason, count in reasons.items())
    raise UsageError(f"{file.source}: holds no labels{f' ({holds})' if holds else ''}")


def _with_names(entries: Sequence[LabelEntry], names: Mapping[str, str]) -> list[LabelEntry]:
    """Put names for ids of AudioSet's; an id and its name say the same."""
    named = (replace(entry, label=names[entry.label]) if entry.label in names else entry for entry in entries)
    return list(dict.fromkeys(named))


@dataclass(frozen=True, slots=True, kw_only=True)
class _Given:
    """What entries give to items.

    Attributes
    ----------
    entries : list of LabelEntry
        With the paths of items.
    items : dict of str to ItemRecord
        By path.
    lost : list of LabelEntry
        Those that mean no item, or could mean several.
    passed_over : list of PassedOver
        The same, with the reasons.
    by_name : tuple of (str, str)
        See `ImportReport`.
    """

    entries: list[LabelEntry]
    items: dict[str, ItemRecord]
    lost: list[LabelEntry]
    passed_over: list[PassedOver]
    by_name: tuple[tuple[str, str], ...]


def _matched(catalog: Catalog, entries: Sequence[LabelEntry], *, skip_missing: bool) -> _Given:
    """Find the items that entries speak of; errors as in `import_labels`."""
    matches = match_entries(catalog, entries)
    items = catalog.items.at_many(dict.fromkeys(match.path for match in matches.values() if match.path))
    found, lost, passed_over, by_name = [], [], [], {}
    for entry in entries:
        match = matches[entry.path]
        item = items.get(match.path or "")
        if item is None or item.status != "ok":
            if not skip_missing:
                _refuse(catalog, entry, match, matches, items)
            lost.append(entry)
            passed_over.append(PassedOver(name=_called(entry), reason=_reason(match, item), line=entry.line))
            continue
        if match.is_by_name:
            by_name[entry.written or entry.path] = item.path
        found.append(_within(replace(entry, path=item.path), item))
    # Two names of one item may say the same.
    return _Given(
        entries=list(dict.fromkeys(found)), items=items, lost=lost, passed_over=passed_over, by_name=(*by_name.items(),)
    )


def _within(entry: LabelEntry, item: ItemRecord) -> LabelEntry:
    """Check the part that a label holds for; a window of a program may reach beyond the end, and then ends there."""
    if entry.confidence is not None and item.duration_s and (entry.start_s or 0.0) < item.duration_s:
        entry = replace(entry, end_s=None if entry.end_s is None else min(entry.end_s, item.duration_s))
    check_part_of(item, entry.start_s, entry.end_s, where=entry.where)
    return entry


def _reason(match: Match, item: ItemRecord | None) -> str:
    if match.rivals:
        return f"could be {match.candidates[0]}, as {' or '.join(match.rivals)} could"
    if match.candidates:
        return f"could be {' or '.join(match.candidates)}"
    return "failed when it was indexed" if item is not None else "is not in the index, or failed"


def _refuse(
    catalog: Catalog,
    entry: LabelEntry,
    match: Match,
    matches: Mapping[str, Match],
    items: Mapping[str, ItemRecord],
) -> NoReturn:
    """Say why a file cannot have labels, and how many cannot have any either."""
    ok = {path for path, item in items.items() if item.status == "ok"}
    others = sum(one.path not in ok for one in matches.values()) - 1
    also = f" ({others} more of its files cannot be labelled)" if others else ""
    name = entry.written or entry.path
    if match.rivals:
        meant = f"{match.candidates[0]} could be meant, and by {' or '.join(match.rivals)} as well"
        raise UsageError(f"{entry.where}: {name}: {meant}; write its path, {_REST}{also}")
    if match.candidates:
        several = " or ".join(match.candidates)
        raise UsageError(f"{entry.where}: {name}: is {several}? write more of its path, {_REST}{also}")
    path = match.path or entry.path
    reason = next((failure.reason for failure in catalog.failures.all() if failure.path == path), None)
    if reason is not None:
        problem = f"failed when it was indexed ({reason}); `modag index --retry-failed` reads it again"
        raise UsageError(f"{entry.where}: {path}: {problem}, {_REST}{also}")
    hint = items_meant(catalog, path.replace("\\", "/"))
    problem = f"is not in the index{why_not_indexed(path)}; {_REST}{also}{hint}"
    raise UsageError(f"{entry.where}: {_called(entry)}: {problem}")


def _called(entry: LabelEntry) -> str:
    """Return the path that was looked up; where that makes no sense here, as on Windows, what the file says."""
    return entry.written if "\\" in entry.written else entry.path


def _counted(given: Iterable[LabelEntry]) -> tuple[ImportedLabel, ...]:
    by_label: dict[str, list[LabelEntry]] = {}
    for entry in given:
        by_label.setdefault(entry.label, []).append(entry)
    return tuple(
        ImportedLabel(
            label=label,
            items=len({entry.path for entry in entries if not entry.is_not}),
            denied=len({entry.path for entry in entries if entry.is_not}),
            parts=sum((entry.start_s, entry.end_s) != (None, None) for entry in entries),
            example=entries[0].path,
        )
        for label, entries in sorted(by_label.items())
    )


class _Come(NamedTuple):
    """What came of entries, or would come."""

    run: int | None
    added: int
    refused: dict[LabelEntry, None]
    """What a person said otherwise of, which goes before what files say; in order."""


def _overruled(entry: LabelEntry) -> PassedOver:
    return PassedOver(name=entry.path, reason="given by hand" if entry.is_not else "denied by hand", line=entry.line)


def _refused(given: _Given, annotations: Iterable[Annotation]) -> dict[LabelEntry, None]:
    """Return the entries that annotations were made of."""
    entries = {(given.items[one.path].id, one.label, one.start_s, one.end_s, one.is_not): one for one in given.entries}
    return {entries[one.item_id, one.label, one.start_s, one.end_s, one.is_not]: None for one in annotations}


def _annotations(given: _Given, run: int | None) -> Iterator[Annotation]:
    for entry in given.entries:
        yield Annotation(
            item_id=given.items[entry.path].id,
            label=entry.label,
            origin="hand" if entry.is_answer else "import",
            start_s=entry.start_s,
            end_s=entry.end_s,
            source=None if entry.is_answer else printable(entry.source),
            confidence=entry.confidence,
            run_id=run,
            is_not=entry.is_not,
        )


def _foreseen(catalog: Catalog, given: _Given) -> _Come:
    """Tell what the labels would do, and give none."""
    foreseen = catalog.labels.foresee(_annotations(given, None))
    return _Come(None, foreseen.new, _refused(given, foreseen.refused))


def _annotate(catalog: Catalog, given: _Given, origin: str) -> _Come:
    """Give the labels."""
    run = catalog.runs.start("label", arguments={"from": printable(origin)})
    refused: list[Annotation] = []
    try:
        added = annotate(
            catalog,
            _annotations(given, run),
            run=run,
            tags={entry.label for entry in given.entries if entry.is_tag},
            on_refusal=refused.extend,
        )
    except LabelConflictError as error:
        # Another process has given a label since they were checked.
        where = next(
            entry.where for entry in reversed(given.entries) if entry.path == error.path and entry.label in error.labels
        )
        raise UsageError(f"{where}: {error}") from error
    return _Come(run, added, _refused(given, refused))
