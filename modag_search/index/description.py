"""What an index knows of one file, and why it does not hold others."""

from __future__ import annotations

import itertools
import os
from typing import TYPE_CHECKING

from modag_search import media
from modag_search.features.stored import is_as_indexed, scanned
from modag_search.labels.items import NO_SUCH_ID, item_named, items_meant, labels_of
from modag_search.spelling import on_disk, printable, unescaped, whole_path
from modag_search.values import Excluded, FileDescription, IndexedFolder, Notice, ScannedFile, Unread

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from modag_search.catalog import Catalog
    from modag_search.values import Failure, ItemRecord, Modality, RunRecord


def describe(catalog: Catalog, name: str, *, fingerprints: Mapping[Modality, str]) -> FileDescription:
    """Tell all about a file; see `Index.describe`."""
    with catalog.view():
        item = item_named(catalog, name)
        if item is not None:
            return _of_item(catalog, item, fingerprints)
        if name.startswith("id:"):
            return FileDescription(path=name, state="not indexed", reason=NO_SUCH_ID, exists=False)
        path = whole_path(on_disk(name))
        failure = catalog.failures.at(path)
        return FileDescription(
            path=path,
            state="failed" if failure else "not indexed",
            reason=failure.reason if failure else _why_absent(catalog, path),
            exists=os.path.exists(path),
            is_given_up=_is_given_up(failure),
        )


def passed_over(catalog: Catalog, paths: Sequence[str]) -> list[Notice]:
    """Return what is passed over below folders; see `Index.passed_over`."""
    return [
        Notice(id=None, path=entry.path, kind="passed over", text=media.reason_of(entry))
        for entry in media.scan_passed_over(paths, exclude=catalog.exclusions.all())
        if not _holds(catalog, entry.path)
    ]


def indexed_folders(catalog: Catalog) -> list[IndexedFolder]:
    """Return the folders that were indexed and of which anything is in the index, in order of path.

    What lies in another one of them, and was looked at alike, is left to that; single files are left out.
    """
    found: list[IndexedFolder] = []
    for root, run in sorted(_latest_runs(catalog).items()):
        path = root if os.path.exists(root) else unescaped(root)
        folder = IndexedFolder(path, tuple(_patterns_of_its_own(run)), _follows_symlinks(run))
        if os.path.isfile(path) or any(_covers(other, folder) for other in found):
            continue
        if any(held != path for _, held in itertools.islice(catalog.items.paths_under(path), 2)):
            found.append(folder)
    return found


def _covers(outer: IndexedFolder, inner: IndexedFolder) -> bool:
    return inner.path.startswith(os.path.join(outer.path, "")) and outer[1:] == inner[1:]


def as_root(path: str) -> str:
    """Return a path as the arguments of a run hold it: absolute, and fit for JSON though it be not UTF-8."""
    return printable(os.path.abspath(on_disk(path)))


def _of_item(catalog: Catalog, item: ItemRecord, fingerprints: Mapping[Modality, str]) -> FileDescription:
    failure = catalog.failures.at(item.path)
    exists = os.path.exists(item.path)
    segments = catalog.segments.of_items([item.id])
    return FileDescription(
        path=item.path,
        state="failed" if item.status == "failed" else "indexed",
        reason=failure.reason if failure else None,
        exists=exists,
        is_unchanged=is_as_indexed(item) if exists else None,
        is_given_up=_is_given_up(failure),
        item=item,
        is_outdated=bool(catalog.items.outdated([item.id], fingerprints=fingerprints)),
        encoders=tuple(dict.fromkeys(pipeline.encoder for pipeline in catalog.pipelines.of_item(item.id))),
        notices=tuple(catalog.notices.at([item.path])),
        segments=tuple(sorted(segments, key=lambda one: (one.modality, one.start_s or 0.0))),
        labels=labels_of(catalog, item.id),
        denied=labels_of(catalog, item.id, denied=True),
        copies=tuple(twin.path for twin in catalog.items.with_hash(item.content_hash) if twin.id != item.id),
    )


def _is_given_up(failure: Failure | None) -> bool:
    """Tell whether a file failed as it is now, and may be at fault; see `Items.classify_scan`."""
    if failure is None or failure.size_bytes is None:
        return False
    return scanned(failure.path) == ScannedFile(failure.path, failure.size_bytes, failure.mtime_ns or 0)


def _holds(catalog: Catalog, path: str) -> bool:
    """Tell whether an index holds a file, or anything in a folder: what was named itself is taken in."""
    return next(catalog.items.paths_under(path), None) is not None


def _why_absent(catalog: Catalog, path: str) -> str:
    """Say why an index does not hold a file that has not failed."""
    is_there = os.path.lexists(path)
    roots = list(_roots_of(catalog, path))
    if is_there and (why := _why_passed_over(catalog, path, roots)):
        return why
    if catalog.has_forgotten(path):
        state = "was forgotten" if is_there else "was forgotten, and does not exist (any more)"
        way = ", and so does `modag index`" if is_there else ""
        return f"{state}; `modag forget --undo` takes it back{way}"
    if not is_there:
        return f"does not exist, and is not in the index{items_meant(catalog, path)}"
    if not roots:
        return "lies in no folder that was indexed; `modag index` takes it in"
    return "has come since its folder was indexed, or that was broken off; `modag index` takes it in"


def _why_passed_over(catalog: Catalog, path: str, roots: Sequence[tuple[str, RunRecord]]) -> str | None:
    """Say why runs did not take in what is there; None for a file that the next one may take in."""
    found = [
        media.obstacle(root, path, exclude=_patterns(catalog, run), follow_symlinks=_follows_symlinks(run))
        for root, run in roots
    ]
    if not roots:  # then only what it is itself can be told
        found = [media.obstacle(path, path, exclude=(), follow_symlinks=False)]
    if None not in found and found[0] is not None:
        return _passed_over_at(found[0], path)
    if os.path.isdir(path):
        return "is a folder; `modag failures --all` lists what is passed over in it"
    return None


def _passed_over_at(entry: Excluded | Unread, path: str) -> str:
    reason = media.reason_of(entry)
    return f"is passed over: {reason if entry.path == path else f'{entry.path} {reason}'}"


def _roots_of(catalog: Catalog, path: str) -> Iterator[tuple[str, RunRecord]]:
    """Find what was indexed at a path or above it, the innermost first, each with its latest run."""
    latest = _latest_runs(catalog)
    place = path
    while True:
        if (run := latest.get(as_root(place))) is not None:
            yield place, run
        if place == os.path.dirname(place):
            return
        place = os.path.dirname(place)


def _latest_runs(catalog: Catalog) -> dict[str, RunRecord]:
    """Return by what was indexed, as `as_root` writes it, the run that did so last."""
    return {root: run for run in catalog.runs.all() if run.verb == "index" for root in run.arguments.get("paths", ())}


def _patterns(catalog: Catalog, run: RunRecord) -> list[str]:
    return [*catalog.exclusions.all(), *_patterns_of_its_own(run)]


def _patterns_of_its_own(run: RunRecord) -> list[str]:
    return list(map(unescaped, run.arguments.get("exclude", ())))


def _follows_symlinks(run: RunRecord) -> bool:
    return bool(run.arguments.get("follow_symlinks"))
