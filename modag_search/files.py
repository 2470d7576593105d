"""Files that are either wholly old or wholly new, and that know when they have been altered."""

from __future__ import annotations

import glob
import hashlib
import json
import os
import secrets
from typing import TYPE_CHECKING, Any

from modag_search.errors import DamagedStoreError, StoreError

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

_MAGIC = b"modag-store/1\n"


def write_atomically(path: Path, parts: list[bytes | memoryview]) -> None:
    """Replace `path` by the concatenation of `parts`, and see it on the disk.

    One process at a time may write a path: what others left beside it, killed while they did, is removed.
    """
    partial = path.with_name(f".{path.name}-{secrets.token_hex(8)}")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with partial.open("xb") as file:
            for part in parts:
                file.write(part)
            file.flush()
            os.fsync(file.fileno())
        os.replace(partial, path)
        _sync_folder(path.parent)
        for leftover in path.parent.glob(f".{glob.escape(path.name)}-{'[0-9a-f]' * 16}"):
            leftover.unlink(missing_ok=True)
    except OSError as error:
        partial.unlink(missing_ok=True)
        raise StoreError(f"{path}: cannot write: {error}") from error


def _sync_folder(folder: Path) -> None:
    """Make a rename in `folder` survive a power cut."""
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def write_checked(path: Path, header: Mapping[str, Any], payload: memoryview) -> None:
    """Write a header and a payload, after the checksum of both, atomically."""
    line = json.dumps(header, sort_keys=True).encode() + b"\n"
    write_atomically(path, [_MAGIC, _checksum(line, payload), line, payload])


def read_checked(path: Path) -> tuple[dict[str, Any], bytes]:
    """Read what `write_checked` wrote.

    Raises
    ------
    DamagedStoreError
        If a bit of it differs.
    """
    try:
        with path.open("rb") as file:
            magic, checksum, line, payload = file.read(len(_MAGIC)), file.readline(), file.readline(), file.read()
    except OSError as error:
        raise DamagedStoreError(f"{path}: cannot be read: {error}") from error
    if magic != _MAGIC:
        raise DamagedStoreError(f"{path}: is not a store of modag-search")
    if checksum != _checksum(line, payload):
        raise DamagedStoreError(f"{path}: its checksum is off; `modag rebuild` makes it anew")
    header: dict[str, Any] = json.loads(line)
    return header, payload


def _checksum(line: bytes, payload: bytes | memoryview) -> bytes:
    """Hash header and payload to a line of hex digits."""
    digest = hashlib.blake2b(line, digest_size=16)
    digest.update(payload)
    return digest.hexdigest().encode() + b"\n"
