"""Copies and links in a folder, on disks that are full or do not know what others do."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from modag_search.export.delivery import deliver

if TYPE_CHECKING:
    from pathlib import Path


@pytest.fixture
def files(tmp_path: Path) -> list[Path]:
    """Three files; a disk of Windows cannot hold the name of the second."""
    paths = [tmp_path / name for name in ("a.wav", "what?.wav", "z.wav")]
    for path in paths:
        path.write_text(path.name)
    return paths


@pytest.fixture
def out(tmp_path: Path) -> Path:
    return tmp_path / "out"


def test_nothing_comes_twice(files: list[Path], out: Path) -> None:
    a, *_ = files
    for link in (False, True):
        delivery = deliver([a, str(a), a.parent / "." / "a.wav"], out / str(link), link=link)
        assert (delivery.written, delivery.already, delivery.failures) == (1, 0, ())
        assert [path.name for path in (out / str(link)).iterdir()] == ["a.wav"]
    gone = a.parent / "gone.wav"
    assert deliver([gone, gone], out).failures == ((str(gone), "does not exist (any more)"),)
