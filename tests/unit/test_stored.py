"""Whether files are as the catalog holds them."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

import pytest

from modag_search.features.stored import is_as_indexed, scanned
from modag_search.values import ScannedFile
from tests.made_media import RED, picture

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from modag_search import Index


def test_a_file_is_seen_as_a_scan_sees_it(media: Path) -> None:
    path = picture(media / "a.png", RED)
    assert scanned(str(path)) == ScannedFile(str(path), path.stat().st_size, path.stat().st_mtime_ns)


@pytest.mark.parametrize("name", ["missing.png", "missing/a.png", "a\0b.png"])
def test_what_no_file_is_at_is_none(media: Path, name: str) -> None:
    assert scanned(str(media / name)) is None


def grown(path: Path) -> None:
    modified_ns = path.stat().st_mtime_ns
    path.write_bytes(path.read_bytes() + b"more")
    os.utime(path, ns=(modified_ns, modified_ns))


def touched(path: Path) -> None:
    os.utime(path, ns=(0, 0))


def gone(path: Path) -> None:
    path.unlink()


@pytest.mark.parametrize("change", [grown, touched, gone])
def test_an_item_is_as_indexed_until_its_file_changes(
    index: Index, media: Path, change: Callable[[Path], None]
) -> None:
    path = picture(media / "a.png", RED)
    index.add([media])
    assert is_as_indexed(index.item(path))
    change(path)
    assert not is_as_indexed(index.item(path))
