"""An index in one file: made while it is in use, and put back here or on another machine."""

from __future__ import annotations

import hashlib
import itertools
import json
import os
import struct
import zipfile
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, BinaryIO, Final

from modag_search.catalog import Catalog
from modag_search.catalog.relocation import relocated
from modag_search.classify.linear_head import Head
from modag_search.classify.namer import CALIBRATION_FILE, HEAD_FILE
from modag_search.errors import IndexFolderError, IndexNotFoundError, ModagError, UsageError
from modag_search.files import (
    Mark,
    check_replaceable,
    json_of,
    mark_of,
    open_regular,
    read_regular,
    replacing,
    scratch_beside,
    see_on_disk,
)
from modag_search.index.description import indexed_folders
from modag_search.index.places import CATALOG_FILE, OWN_SPACE_FILE
from modag_search.labels.vocabulary import some_of
from modag_search.settings import NO_FOLDER, SETTINGS_FILE, IndexSettings, is_index
from modag_search.space import Space
from modag_search.spelling import printable, unescaped
from modag_search.values import BackupReport, RestoreReport

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterator, Mapping
    from io import BufferedReader

    from modag_search.values import ItemRecord

_FORMAT: Final = "modag-backup/1"
_MANIFEST: Final = "manifest.json"
_BESIDE: Final = (SETTINGS_FILE, OWN_SPACE_FILE, CALIBRATION_FILE, HEAD_FILE)
"""What a backup holds beside the catalog; stores, maps and relevance make themselves anew."""
_NEEDED: Final = (SETTINGS_FILE, CATALOG_FILE)
_MOST_BYTES: Final = 16 * 2**20
"""Of a manifest."""
_ATTEMPTS: Final = 5
_COPIED_AT_ONCE: Final = 2**20
_FOLDERS_NAMED: Final = 5
_FILES_LOOKED_FOR: Final = 100
"""Of a folder that may have moved."""
_LEAST_SHARE: Final = 0.5
"""Of these, to be where the folder is or has moved to; some may have been deleted since."""
_ZIP_MAGIC: Final = b"PK\x03\x04"
_LOCAL_HEADER: Final = 30
"""Bytes, before the name of a part."""
_LOOKED_AT: Final = 1024
_IS_ENCRYPTED: Final = 1
_NO_BACKUP: Final = "is no backup, or not the whole of one; take another"


@dataclass(frozen=True, slots=True)
class _Member:
    """A file of a backup: how long it is, and the blake2b (16 bytes, in hex) of its content."""

    size_bytes: int
    checksum: str


@dataclass(frozen=True, slots=True)
class _Manifest:
    """What a backup says of itself."""

    files: Mapping[str, _Member]
    roots: tuple[str, ...]
    relative_roots: Mapping[str, str]
    """Where folders lie, seen from the backup: on one disk it finds them wherever that is mounted."""
    problems: tuple[str, ...]
    """What was wrong with the index."""
    began_at: str | None
    """When its first run started, by which an index is known wherever it and its media go; earlier backups lack it."""


def back_up(folder: Path, catalog: Catalog, target: Path) -> BackupReport:
    """Write a backup of an index; see `Index.back_up`."""
    _require_replaceable(target, folder)
    with replacing(target, error=UsageError) as partial, scratch_beside(target) as parts:
        _copy(folder, catalog, parts)
        with Catalog.open(parts / CATALOG_FILE) as copied:
            found = (*copied.check(), *_problems_beside(parts))
            problems = tuple(problem.replace(str(parts), str(folder)) for problem in found)
            n_items = sum(copied.count().items.values())
            roots = tuple(root.path for root in indexed_folders(copied))
            began_at = next((run.started_at for run in copied.runs.all()), None)
        if problems and _is_backup(target):
            raise IndexFolderError(
                f"{target}: this backup is kept, since the index is damaged by now: {some_of(problems)}; name another "
                "file for a backup of it, and see `modag verify`"
            )
        seen = {root: _seen_from(target, root) for root in roots}
        _require_same_index(target, set(roots), began_at)
        with partial.open("x+b") as file:
            _write(file, parts, roots=seen, problems=problems, began_at=began_at)
    return BackupReport(path=str(target), items=n_items, size_bytes=target.stat().st_size, problems=problems)


def restore(source: Path, folder: Path, roots: Mapping[str, str]) -> RestoreReport:
    """Make an index of a backup; see `Index.restore`."""
    _require_new(folder)
    with _opened(source) as archive:
        manifest = _manifest_of(archive, source)  # before any folder is made
    with replacing(folder, error=IndexFolderError) as partial:
        unpack(source, partial)
        with Catalog.open(partial / CATALOG_FILE) as catalog:
            _require_known(catalog, roots, manifest)
            found = {} if roots else _found_from(source, catalog, manifest)
            catalog.relocate(roots or found)
        _leave_the_catalog_alone(partial)
    with Catalog.open(folder / CATALOG_FILE) as catalog:
        return _report(folder, catalog, found, manifest.problems)


def unpack(source: Path, folder: Path) -> None:
    """Write the files of a backup to a new folder, as they were when it was made.

    Raises
    ------
    UsageError
        If it is no backup, or damaged; the folder may hold some of them.
    """
    with _opened(source) as archive:
        files = _manifest_of(archive, source).files
        folder.mkdir()
        for name, member in files.items():
            _extract(archive, name, member, folder / name, source=source)


def _require_replaceable(target: Path, folder: Path) -> None:
    """Refuse to write over anything but a backup, or into the index."""
    if not target.parent.is_dir():
        raise UsageError(f"{target.parent}: there is no such folder; is its drive mounted?")
    beside = os.path.join(os.path.realpath(target.parent), target.name)
    if any(Path(path).is_relative_to(os.path.realpath(folder)) for path in (beside, os.path.realpath(target))):
        raise UsageError(f"{target}: lies in the index itself, and would go with it; name a file elsewhere")
    check_replaceable(target, mark=None)
    try:
        is_lost = target.exists() and target.stat().st_size > 0 and not _is_backup(target)
    except OSError as error:
        raise UsageError(f"{target}: cannot be written: {error.strerror or error}") from error
    if is_lost:
        raise UsageError(f"{target}: is a file of another kind, and would be lost; name another")


def _require_same_index(target: Path, roots: Collection[str], began_at: str | None) -> None:
    """Refuse to replace the backup of an index that is neither this one nor of any folder that is indexed here."""
    try:
        with _opened(target) as archive:
            former = _manifest_of(archive, target)
    except UsageError:
        return  # there is none, or none that anything could be restored from
    is_other = former.began_at is not None and former.began_at != began_at
    if is_other and former.roots and set(roots).isdisjoint(former.roots):
        raise UsageError(
            f"{target}: is the backup of another index, of {some_of(former.roots)}; name another file, or remove it"
        )


def _is_backup(target: Path) -> bool:
    """Tell whether a file begins as `_write` begins one: ZIP, whose first part is the manifest."""
    try:
        with open_regular(target) as file:
            beginning = file.read(_LOOKED_AT)
    except FileNotFoundError:
        return False
    name, after = _MANIFEST.encode(), _LOCAL_HEADER + len(_MANIFEST)
    is_manifest = beginning.startswith(_ZIP_MAGIC) and beginning[_LOCAL_HEADER:after] == name
    return is_manifest and f'"format": "{_FORMAT}"'.encode() in beginning[after:]


def _require_new(folder: Path) -> None:
    """Refuse to put an index in the place of anything but an empty folder; nothing was read or written by then."""
    if is_index(folder):
        raise UsageError(f"{folder}: is an index already; name a new folder, and remove the other once all is well")
    if folder.is_symlink():
        raise IndexFolderError(f"{folder}: is a link; name a new folder, or what the link leads to")
    if not folder.exists():
        return
    if not folder.is_dir():
        raise IndexFolderError(f"{folder}: {NO_FOLDER}")
    try:
        held = os.listdir(folder)
    except OSError as error:
        raise IndexFolderError(f"{folder}: cannot be read: {error.strerror}; name a new folder") from error
    if held:
        raise IndexFolderError(f"{folder}: holds {printable(held[0])} and is no index; name an empty or a new folder")
    if os.path.ismount(folder) or os.path.realpath(folder) == os.path.realpath(os.curdir):
        raise IndexFolderError(f"{folder}: is in use, and cannot be replaced; name a new folder in it")


def _copy(folder: Path, catalog: Catalog, parts: Path) -> None:
    """Copy the catalog and the files beside it to a folder, all of one moment."""
    for _ in range(_ATTEMPTS):
        before = _marks(folder)
        if before[SETTINGS_FILE] is None:
            raise IndexNotFoundError(f"{folder}: there is no index here any more; is its drive mounted?")
        for path in parts.iterdir():
            path.unlink()
        catalog.copy_to(parts / CATALOG_FILE)
        for name, mark in before.items():
            if mark is not None:
                _copy_file(folder / name, parts / name)
        if _marks(folder) == before:
            return
    raise IndexFolderError(f"{folder}: changes all the time; try again once `modag rebuild` is done")


def _copy_file(path: Path, copy: Path) -> None:
    try:
        content = read_regular(path)
    except FileNotFoundError:
        return  # it was there a moment ago: its mark is another one now
    except OSError as error:
        raise IndexFolderError(f"{path}: cannot be read: {error.strerror or error}") from error
    copy.write_bytes(content)


def _marks(folder: Path) -> dict[str, Mark | None]:
    return {name: mark_of(folder / name) for name in _BESIDE}


def _problems_beside(parts: Path) -> Iterator[str]:
    """Describe what is wrong with what was copied beside the catalog, a line each.

    What labels taught does not count: it is learnt anew. Nor does an own space that the settings name no more.
    """
    checks: dict[str, Callable[[], object]] = {SETTINGS_FILE: lambda: IndexSettings.load(parts)}
    if _names_own_space(parts):
        checks[OWN_SPACE_FILE] = lambda: Space.load(parts / OWN_SPACE_FILE)
    if (parts / HEAD_FILE).exists():
        checks[HEAD_FILE] = lambda: Head.load(parts / HEAD_FILE)
    for check in checks.values():
        try:
            check()
        except ModagError as error:
            yield str(error)


def _names_own_space(parts: Path) -> bool:
    try:
        return IndexSettings.load(parts).space == "own"
    except ModagError:
        return (parts / OWN_SPACE_FILE).exists()


def _write(
    file: BinaryIO, parts: Path, *, roots: Mapping[str, str], problems: tuple[str, ...], began_at: str | None
) -> None:
    """Write the manifest, which tells a backup from other files, and then what it names.

    `roots` are folders, and where each lies, seen from the backup.
    """
    names = [name for name in (*_BESIDE, CATALOG_FILE) if (parts / name).exists()]
    members = {}
    for name in names:
        with (parts / name).open("rb") as part:
            members[name] = _Member((parts / name).stat().st_size, _checksum_of(part))
    manifest = {
        "format": _FORMAT,
        "made_at": datetime.now(UTC).isoformat(timespec="seconds"),
        "began_at": began_at,
        "roots": [printable(root) for root in roots],
        "relative_roots": {printable(root): printable(relative) for root, relative in roots.items()},
        "problems": [printable(problem) for problem in problems],
        "files": {name: asdict(member) for name, member in members.items()},
    }
    with zipfile.ZipFile(file, "w", zipfile.ZIP_STORED) as archive:
        archive.writestr(_MANIFEST, json.dumps(manifest, indent=2))
        for name in names:
            archive.write(parts / name, name)


def _checksum_of(file: BufferedReader) -> str:
    return hashlib.file_digest(file, lambda: hashlib.blake2b(digest_size=16)).hexdigest()


@contextmanager
def _reading(source: Path) -> Iterator[None]:
    """Let what is wrong with a backup become an error that names it."""
    try:
        yield
    except OSError as error:
        raise UsageError(f"{source}: cannot be read: {error.strerror or error}") from error
    except (zipfile.BadZipFile, RuntimeError, EOFError, ValueError, OverflowError, struct.error) as error:
        raise UsageError(f"{source}: {_NO_BACKUP}") from error


@contextmanager
def _opened(source: Path) -> Iterator[zipfile.ZipFile]:
    """Open a backup."""
    with _reading(source):
        file = open_regular(source)
    with file:
        with _reading(source):
            archive = zipfile.ZipFile(file)
        with archive:
            yield archive


def _parts_of(archive: zipfile.ZipFile, name: str, source: Path) -> Iterator[bytes]:
    """Read a file of a backup, a part at a time."""
    with _reading(source):
        info = archive.getinfo(name)
        if info.compress_type != zipfile.ZIP_STORED or info.flag_bits & _IS_ENCRYPTED:
            raise UsageError(f"{source}: {_NO_BACKUP}")  # we never write one so
        with archive.open(info) as content:
            while part := content.read(_COPIED_AT_ONCE):
                yield part


def _manifest_of(archive: zipfile.ZipFile, source: Path) -> _Manifest:
    """Read what a backup says of itself, and look whether all of it is there."""
    try:
        parts = itertools.islice(_parts_of(archive, _MANIFEST, source), _MOST_BYTES // _COPIED_AT_ONCE)
        written = json_of(b"".join(parts))
        form, roots = written["format"], tuple(unescaped(root) for root in written["roots"])
        relative_roots = {unescaped(root): unescaped(path) for root, path in written.get("relative_roots", {}).items()}
        problems = tuple(unescaped(problem) for problem in written.get("problems", ()))
        began_at = None if written.get("began_at") is None else str(written["began_at"])
        files = {name: _Member(int(one["size_bytes"]), str(one["checksum"])) for name, one in written["files"].items()}
    except (KeyError, TypeError, ValueError, AttributeError, OverflowError) as error:
        raise UsageError(f"{source}: is no backup of modag-search") from error
    if form != _FORMAT:
        raise UsageError(f"{source}: is of the format {form!r}; a later modag-search wrote it, and that can read it")
    lacking = [name for name in _NEEDED if name not in files]
    strange = [name for name in files if name not in (*_NEEDED, *_BESIDE)]
    if lacking or strange or any(name not in archive.namelist() for name in files):
        raise UsageError(f"{source}: is not whole; take another backup")
    return _Manifest(files, roots, relative_roots, problems, began_at)


def _extract(archive: zipfile.ZipFile, name: str, member: _Member, target: Path, *, source: Path) -> None:
    """Write one file of a backup, which must be as it was when the backup was made."""
    digest, left = hashlib.blake2b(digest_size=16), member.size_bytes
    with target.open("xb") as file:
        for part in _parts_of(archive, name, source):
            left -= len(part)
            digest.update(part)
            file.write(part)
            if left < 0:
                break
    if left or digest.hexdigest() != member.checksum:
        raise UsageError(f"{source}: is damaged: {name} is not what was backed up; take another backup")
    see_on_disk(target)


def _require_known(catalog: Catalog, roots: Mapping[str, str], manifest: _Manifest) -> None:
    elsewhere = [os.path.join(folder, "") for one in catalog.roots.all() for folder in one.machines.values()]
    for root in roots:
        holds_root = any(folder.startswith(os.path.join(root, "")) for folder in elsewhere)
        if not holds_root and not catalog.items.count_under([root]):
            folders = ", ".join(manifest.roots[:_FOLDERS_NAMED]) or "none"
            raise UsageError(f"{root}: nothing of the backup lies there; its folders: {folders}")


def _seen_from(backup: Path, folder: str) -> str:
    return os.path.relpath(os.path.realpath(folder), os.path.realpath(backup.parent))


def _found_from(source: Path, catalog: Catalog, manifest: _Manifest) -> dict[str, str]:
    """Return the folders that are not where they were, and lie as they did seen from the backup: old and new paths."""
    here, found = os.path.realpath(source.parent), {}
    for root in indexed_folders(catalog):
        relative, some = manifest.relative_roots.get(root.path), _some_items(catalog, root.path)
        if relative is None:
            continue
        new = os.path.normpath(os.path.join(here, relative))
        least = max(_LEAST_SHARE, _share_there(some))
        if _share_there(some, {root.path: new}) > least and not catalog.items.count_under([new]):
            found[root.path] = new
    return found


def _some_items(catalog: Catalog, folder: str) -> list[ItemRecord]:
    """Return items of a folder, from the first to the last by path."""
    step = max(catalog.items.count_under([folder]) // _FILES_LOOKED_FOR, 1)
    paths = (path for _, path in itertools.islice(catalog.items.paths_under(folder), 0, None, step))
    return list(catalog.items.at_many(paths).values())


def _share_there(items: Collection[ItemRecord], moves: Mapping[str, str] | None = None) -> float:
    """Return how many of some files are where they were, or would have moved to, and as long as they were."""
    there = [_size_of(relocated(item.path, moves or {})) == item.size_bytes for item in items]
    return sum(there) / len(there) if there else 0.0


def _size_of(path: str) -> int | None:
    try:
        return os.path.getsize(path)
    except (OSError, ValueError):  # ValueError: no path can be so, whoever wrote the backup
        return None


def _leave_the_catalog_alone(folder: Path) -> None:
    """Remove what an upgrade leaves: the backup is the copy of what was before."""
    for path in folder.glob(f"{CATALOG_FILE}.bak-*"):
        path.unlink()
    see_on_disk(folder / CATALOG_FILE)


def _report(folder: Path, catalog: Catalog, found: Mapping[str, str], problems: tuple[str, ...]) -> RestoreReport:
    paths = [item.path for item in catalog.items.all()]
    return RestoreReport(
        folder=str(folder),
        items=len(paths),
        missing=sum(not os.path.exists(path) for path in paths),
        missing_roots=tuple(
            root.path
            for root in indexed_folders(catalog)
            if _share_there(_some_items(catalog, root.path)) <= _LEAST_SHARE
        ),
        found_roots=found,
        problems=problems,
    )
