"""Drives that go away in the middle of a run, files that may not grow, memory that is short: nothing is lost."""

from __future__ import annotations

import resource
import subprocess
from typing import TYPE_CHECKING

import pytest

from modag_search import Index, NoMediaError
from modag_search.errors import CatalogError
from tests.cli.command_line import CommandLine
from tests.made_media import picture
from tests.toy_encoders import ToyImage, toy_index

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

FILES = 60


@pytest.fixture
def more(media: Path) -> Path:
    """Pictures that are not in the index yet."""
    for number in range(FILES):
        picture(media.parent / "more" / f"{number:02}.png", (200, 3 * number, 9))
    return media.parent / "more"


def after_some_files(monkeypatch: pytest.MonkeyPatch, happens: Callable[[], object]) -> None:
    """Have something happen once forty pictures have been encoded: by then a batch is in the catalog."""
    real, seen = ToyImage._feature, []

    def feature(self: ToyImage, pixels: object) -> object:
        seen.append(1)
        if len(seen) == 40:
            happens()
        return real(self, pixels)  # type: ignore[arg-type]

    monkeypatch.setattr(ToyImage, "_feature", feature)


@pytest.mark.parametrize("prune", [False, True])
def test_media_that_go_away_in_the_middle_of_a_run_take_nothing_with_them(
    filled: Index, media: Path, more: Path, monkeypatch: pytest.MonkeyPatch, prune: bool
) -> None:
    filled.label("id:1", "kept")
    away = more.with_name("away")

    def unmount() -> None:
        more.rename(away)
        more.mkdir()

    after_some_files(monkeypatch, unmount)
    if prune:
        with pytest.raises(NoMediaError, match="more: holds no media; is the drive mounted"):
            filled.add([media, more], workers=1, prune=True)
    else:
        assert filled.add([media, more], workers=1).failed > 0
    held = filled.catalog.count()
    assert sum(held.items.values()) > 32
    assert filled.item("id:1").labels == ("kept",)
    more.rmdir()
    away.rename(more)
    assert filled.add([more], retry_failed=True).failed == 0
    assert sum(filled.catalog.count().items.values()) == 6 + FILES
    assert filled.verify() == []


def test_an_index_that_goes_away_in_the_middle_of_a_run_is_not_begun_anew(
    filled: Index, more: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    away = filled.folder.with_name("away")
    after_some_files(monkeypatch, lambda: filled.folder.rename(away))
    with pytest.raises(CatalogError, match=r"catalog\.sqlite: is gone, .*; is its drive mounted"):
        filled.add([more], workers=1)
    assert not filled.folder.exists()
    with Index.open(away) as index:
        assert index.verify() == []
        assert index.add([more]).failed == 0
        assert sum(index.catalog.count().items.values()) == 6 + FILES


def test_where_files_may_not_grow_an_index_stays_as_it_was(
    tmp_path: Path, toys: None, toy_plugins: Path, more: Path
) -> None:
    with toy_index(tmp_path / "index") as index:
        index.add([more / "00.png"])
    modag = CommandLine(tmp_path, plugins=toy_plugins)
    done = subprocess.run(
        modag.command("index", more, "--index", tmp_path / "index"),
        env=modag.environment,
        cwd=tmp_path,
        preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_FSIZE, (65_536, 65_536)),
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 1
    (line,) = done.stderr.splitlines()
    assert line.startswith(f"error: {tmp_path / 'index' / 'catalog.sqlite'}: ")
    assert list((tmp_path / "index").rglob(".*")) == []
    with Index.open(tmp_path / "index") as index:
        assert index.verify() == []
        assert index.add([more]).failed == 0
        assert sum(index.catalog.count().items.values()) == FILES


@pytest.mark.parametrize(
    "error",
    [
        MemoryError(),
        ImportError("libopenblas.so: failed to map segment from shared object"),
        RuntimeError("can't start new thread"),
        OSError(12, "Cannot allocate memory"),
    ],
)
def test_lack_of_memory_is_told_in_a_line(
    tmp_path: Path, filled: Index, toy_plugins: Path, monkeypatch: pytest.MonkeyPatch, error: Exception
) -> None:
    def fail(*_: object, **__: object) -> None:
        raise error

    monkeypatch.setattr(Index, "search", fail)
    outcome = CommandLine(tmp_path, plugins=toy_plugins)("search", "id:1", "--index", filled.folder)
    assert (outcome.status, outcome.stdout) == (1, b"")
    assert outcome.error.startswith("error: there is too little memory, or too few threads are allowed; ")
