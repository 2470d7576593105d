"""An index in one file: made while it is in use, and put back here or on another machine."""

from __future__ import annotations

import hashlib
import io
import json
import os
import zipfile
import zlib
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING, BinaryIO, Final

from modag_search.catalog import Catalog
from modag_search.classify.namer import CALIBRATION_FILE, HEAD_FILE
from modag_search.errors import IndexFolderError, UsageError
from modag_search.files import Mark, check_replaceable, mark_of, replacing, scratch_beside, see_on_disk
from modag_search.index.description import indexed_folders
from modag_search.index.opening import CATALOG_FILE, OWN_SPACE_FILE, require_room
from modag_search.settings import SETTINGS_FILE, is_index
from modag_search.spelling import printable, unescaped
from modag_search.values import BackupReport, RestoreReport

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from pathlib import Path

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


def back_up(folder: Path, catalog: Catalog, target: Path) -> BackupReport:
    """Write a backup of an index; see `Index.back_up`."""
    if target.is_relative_to(folder):
        raise UsageError(f"{target}: lies in the index itself, and would go with it; name a file elsewhere")
    check_replaceable(target, mark=_FORMAT.encode())
    with replacing(target, error=UsageError) as partial, scratch_beside(target) as scratch:
        copy = scratch / CATALOG_FILE
        beside = _copied(folder, catalog, copy)
        with Catalog.open(copy) as copied:
            problems = tuple(copied.check())
            n_items = sum(copied.count().items.values())
            roots = tuple(root.path for root in indexed_folders(copied))
        with partial.open("x+b") as file:
            _write(file, beside, copy, roots=roots)
    return BackupReport(path=str(target), items=n_items, size_bytes=target.stat().st_size, problems=problems)


def restore(source: Path, folder: Path, roots: Mapping[str, str]) -> RestoreReport:
    """Make an index of a backup; see `Index.restore`."""
    if is_index(folder):
        raise UsageError(f"{folder}: is an index already; name a new folder, and remove the other once all is well")
    require_room(folder)
    with _opened(source) as archive:
        manifest = _manifest_of(archive, source)
        with replacing(folder, error=IndexFolderError) as partial:
            partial.mkdir()
            for name, member in manifest.files.items():
                _extract(archive, name, member, partial / name, source=source)
            with Catalog.open(partial / CATALOG_FILE) as catalog:
                _relocate(catalog, roots, manifest)
            _leave_the_catalog_alone(partial)
    with Catalog.open(folder / CATALOG_FILE) as catalog:
        return _report(folder, catalog)


def _copied(folder: Path, catalog: Catalog, copy: Path) -> dict[str, bytes]:
    """Copy the catalog, and return the contents of the files beside it, all of one moment."""
    for _ in range(_ATTEMPTS):
        before = _marks(folder)
        copy.unlink(missing_ok=True)
        catalog.copy_to(copy)
        beside = {name: (folder / name).read_bytes() for name, mark in before.items() if mark is not None}
        if _marks(folder) == before:
            return beside
    raise IndexFolderError(f"{folder}: changes all the time; try again once `modag rebuild` is done")


def _marks(folder: Path) -> dict[str, Mark | None]:
    return {name: mark_of(folder / name) for name in _BESIDE}


def _write(file: BinaryIO, beside: Mapping[str, bytes], copy: Path, *, roots: tuple[str, ...]) -> None:
    """Write the manifest, which tells a backup from other files, and then what it names."""
    with copy.open("rb") as catalog:
        members = {CATALOG_FILE: _Member(copy.stat().st_size, _checksum_of(catalog))}
    for name, content in beside.items():
        members[name] = _Member(len(content), _checksum_of(io.BytesIO(content)))
    manifest = {
        "format": _FORMAT,
        "made_at": datetime.now(UTC).isoformat(timespec="seconds"),
        "roots": [printable(root) for root in roots],
        "files": {name: asdict(member) for name, member in members.items()},
    }
    with zipfile.ZipFile(file, "w", zipfile.ZIP_STORED) as archive:
        archive.writestr(_MANIFEST, json.dumps(manifest, indent=2))
        for name, content in beside.items():
            archive.writestr(name, content)
        archive.write(copy, CATALOG_FILE)


def _checksum_of(file: io.BufferedReader | io.BytesIO) -> str:
    return hashlib.file_digest(file, lambda: hashlib.blake2b(digest_size=16)).hexdigest()


@contextmanager
def _opened(source: Path) -> Iterator[zipfile.ZipFile]:
    """Open a backup; what is wrong with it becomes an error that names it."""
    try:
        with zipfile.ZipFile(source) as archive:
            yield archive
    except OSError as error:
        raise UsageError(f"{source}: cannot be read: {error.strerror or error}") from error
    except (zipfile.BadZipFile, zlib.error, NotImplementedError, EOFError) as error:
        raise UsageError(f"{source}: is no backup, or not the whole of one; take another") from error


def _manifest_of(archive: zipfile.ZipFile, source: Path) -> _Manifest:
    """Read what a backup says of itself, and look whether all of it is there."""
    try:
        with archive.open(_MANIFEST) as file:
            written = json.loads(file.read(_MOST_BYTES))
        form, roots = written["format"], tuple(unescaped(root) for root in written["roots"])
        files = {name: _Member(int(one["size_bytes"]), str(one["checksum"])) for name, one in written["files"].items()}
    except (KeyError, TypeError, ValueError, AttributeError, RecursionError) as error:
        raise UsageError(f"{source}: is no backup of modag-search") from error
    if form != _FORMAT:
        raise UsageError(f"{source}: is of the format {form!r}; a later modag-search wrote it, and that can read it")
    lacking = [name for name in _NEEDED if name not in files]
    strange = [name for name in files if name not in (*_NEEDED, *_BESIDE)]
    if lacking or strange or any(name not in archive.namelist() for name in files):
        raise UsageError(f"{source}: is not whole; take another backup")
    return _Manifest(files, roots)


def _extract(archive: zipfile.ZipFile, name: str, member: _Member, target: Path, *, source: Path) -> None:
    """Write one file of a backup, which must be as it was when the backup was made."""
    digest, left = hashlib.blake2b(digest_size=16), member.size_bytes
    with archive.open(name) as content, target.open("xb") as file:
        while left >= 0 and (part := content.read(_COPIED_AT_ONCE)):
            left -= len(part)
            digest.update(part)
            file.write(part)
    if left or digest.hexdigest() != member.checksum:
        raise UsageError(f"{source}: is damaged: {name} is not what was backed up; take another backup")
    see_on_disk(target)


def _relocate(catalog: Catalog, roots: Mapping[str, str], manifest: _Manifest) -> None:
    for root in roots:
        if not catalog.items.count_under([root]):
            folders = ", ".join(manifest.roots[:_FOLDERS_NAMED]) or "none"
            raise UsageError(f"{root}: nothing of the backup lies there; its folders: {folders}")
    if roots:
        catalog.relocate(roots)


def _leave_the_catalog_alone(folder: Path) -> None:
    """Remove what an upgrade leaves: the backup is the copy of what was before."""
    for path in folder.glob(f"{CATALOG_FILE}.bak-*"):
        path.unlink()
    see_on_disk(folder / CATALOG_FILE)


def _report(folder: Path, catalog: Catalog) -> RestoreReport:
    paths = [path for _, path in catalog.items.paths_under("/")]
    return RestoreReport(
        folder=str(folder),
        items=len(paths),
        missing=sum(not os.path.exists(path) for path in paths),
        missing_roots=tuple(root.path for root in indexed_folders(catalog) if not os.path.exists(root.path)),
    )
