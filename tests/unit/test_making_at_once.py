"""Several who make one index at the same moment: one makes it, the others wait for that and have it too."""

from __future__ import annotations

import threading
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import pytest
from filelock import FileLock

from modag_search import Index, IndexSettings
from modag_search.errors import IndexFolderError, IndexLockedError, UsageError
from modag_search.index import making
from modag_search.index.places import FolderPlace, WriterLock
from tests.made_media import BLUE, RED, picture

if TYPE_CHECKING:
    from pathlib import Path

TOYS = IndexSettings(sound_encoder="toy-sound", image_encoder="toy-image")
ENOUGH_S = 30.0
"""How long a thread may take to come to a place; it is there at once unless the test fails."""


def make(folder: Path, *, settings: IndexSettings = TOYS, wait_s: float = ENOUGH_S) -> Index:
    return Index.open(folder, create=True, settings=settings, wait_s=wait_s)


class Held:
    """Holds the first thread that comes to save the settings of a new index, until another waits for it."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.is_making, self.is_awaited = threading.Event(), threading.Event()
        save, wait_for = IndexSettings.save, WriterLock._wait_for

        def saving(settings: IndexSettings, folder: Path) -> None:
            if not self.is_making.is_set():
                self.is_making.set()
                assert self.is_awaited.wait(ENOUGH_S), "nobody waits for who makes the index"
            save(settings, folder)

        def waiting(lock: WriterLock, file: Any) -> None:
            self.is_awaited.set()
            wait_for(lock, file)

        monkeypatch.setattr(IndexSettings, "save", saving)
        monkeypatch.setattr(WriterLock, "_wait_for", waiting)


def test_who_comes_while_an_index_is_being_made_waits_and_opens_it(
    tmp_path: Path, toys: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    held = Held(monkeypatch)
    pictures = [picture(tmp_path / "media" / name, colour) for name, colour in (("a.png", RED), ("b.png", BLUE))]
    with ThreadPoolExecutor(2) as threads:
        first = threads.submit(make, tmp_path / "index")
        assert held.is_making.wait(ENOUGH_S)
        second = threads.submit(make, tmp_path / "index")
        with first.result() as one, second.result() as other:
            for index, path in zip((one, other), pictures, strict=True):
                index.add([path])
            assert [sum(1 for _ in index.catalog.items.all()) for index in (one, other)] == [2, 2]


def test_who_waited_is_told_of_other_settings(tmp_path: Path, toys: None, monkeypatch: pytest.MonkeyPatch) -> None:
    held = Held(monkeypatch)
    others = replace(TOYS, window_s=4.0, hop_s=2.0)
    with ThreadPoolExecutor(2) as threads:
        first = threads.submit(make, tmp_path / "index")
        assert held.is_making.wait(ENOUGH_S)
        second = threads.submit(make, tmp_path / "index", settings=others)
        with first.result() as index, pytest.raises(UsageError, match=r"has other settings \(window_s is 10\.0"):
            second.result()
        assert index.settings.window_s == 10.0


@pytest.mark.parametrize(
    ("where", "step"), [(making, "load_space"), (FolderPlace, "require_room"), (making, "MediaEncoder")]
)
def test_an_index_that_came_since_one_looked_is_opened(
    where: object, step: str, tmp_path: Path, toys: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = tmp_path / "index"
    real = getattr(where, step)

    def after_another(*arguments: Any) -> Any:
        monkeypatch.setattr(where, step, real)
        make(folder).close()
        return real(*arguments)

    monkeypatch.setattr(where, step, after_another)
    with make(folder) as index:
        assert index.add([picture(tmp_path / "a.png", RED)]).added == 1


def test_who_makes_an_index_is_not_waited_for_longer_than_was_said(tmp_path: Path, toys: None) -> None:
    folder = tmp_path / "index"
    folder.mkdir()
    with FileLock(folder / "lock"), pytest.raises(IndexLockedError, match="another process is writing"):
        make(folder, wait_s=0)
    make(folder, wait_s=0).close()


def test_that_another_is_waited_for_is_said_once_and_again_of_the_next(
    tmp_path: Path, toys: None, caplog: pytest.LogCaptureFixture
) -> None:
    media = [picture(tmp_path / "media" / "a.png", RED)]

    def waits_again(index: Index) -> int:
        with FileLock(index.folder / "lock"), pytest.raises(IndexLockedError):
            index.add(media)
        return caplog.text.count("another process is writing to this index; waiting for it, 0.01 s at the most")

    with make(tmp_path / "index", wait_s=0.01) as index:
        assert [waits_again(index), waits_again(index)] == [1, 1]
        index.add(media)
        assert [waits_again(index), waits_again(index)] == [2, 2]


def test_files_of_another_kind_are_still_no_place_for_an_index(tmp_path: Path, toys: None) -> None:
    picture(tmp_path / "index" / "a.png", RED)
    with pytest.raises(IndexFolderError, match=r"holds a\.png and is no index"):
        make(tmp_path / "index")
    assert [path.name for path in (tmp_path / "index").iterdir()] == ["a.png"]
