"""What is not a file's fault: nothing is lost by it, and the next run tries again."""

from __future__ import annotations

import os
import shutil
from typing import TYPE_CHECKING

import numpy as np
import pytest

from modag_search import Index
from modag_search import media as decoding
from modag_search.errors import MissingExtraError, ModelError, NoMediaError
from modag_search.ingest import failures
from tests.made_media import BLUE, GREEN, LOW_HZ, RED, picture, set_mtime, sound
from tests.toy_encoders import ToyImage

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from modag_search.values import ItemRecord

MOMENTARY = (MemoryError(), RuntimeError("CUDA out of memory"), ValueError("a plugin's bug"))


def raising(error: Exception, *, when: Callable[[np.ndarray], bool] = lambda _: True) -> Callable[..., object]:
    """An encoder's `_feature` that fails for real media, or some of them; examples go through."""

    def feature(self: object, media: np.ndarray) -> np.ndarray:
        if media.shape[0] != 8 and len(media) != 8000 and when(media):
            raise error
        return np.ones(3)

    return feature


def is_blue(pixels: np.ndarray) -> bool:
    return bool((pixels.mean(axis=(0, 1)) == BLUE).all())


def edited(index: Index, media: Path) -> ItemRecord:
    """An item with a label whose file has changed since it was indexed, beside one that has not."""
    one = picture(media / "one.png", RED)
    picture(media / "other.png", GREEN)
    index.add([media])
    index.label([one], "flag")
    picture(one, BLUE)
    set_mtime(one, 1)
    return index.item(one)


@pytest.mark.parametrize("error", MOMENTARY, ids=lambda error: type(error).__name__)
def test_an_encoder_that_fails_for_the_moment_costs_an_edited_file_nothing(
    index: Index, media: Path, monkeypatch: pytest.MonkeyPatch, error: Exception
) -> None:
    before = edited(index, media)
    segments = index.catalog.segments.of_items([before.id])

    with monkeypatch.context() as patch:
        patch.setattr(ToyImage, "_feature", raising(error))
        report = index.add([media])
    after = index.item(before.path)

    assert (report.failed, report.unchanged) == (1, 1)
    assert (after.status, after.labels) == ("ok", ("flag",))
    assert index.catalog.segments.of_items([before.id]) == segments
    assert "the next run tries it again" in report.failures[0].reason
    assert type(error).__name__ in report.failures[0].reason
    healthy = index.add([media])
    assert (healthy.updated, healthy.failed) == (1, 0)
    assert index.failures() == []


def test_a_file_that_there_was_no_memory_to_hash_is_tried_again(
    index: Index, media: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    before = edited(index, media)
    fresh = picture(media / "fresh.png", (9, 9, 200))
    real = decoding.content_hash

    def full(path: str) -> str:
        if path == before.path:
            raise MemoryError
        return real(path)

    with monkeypatch.context() as patch:
        patch.setattr(decoding, "content_hash", full)
        report = index.add([media])

    assert (report.added, report.failed) == (1, 1)
    assert index.item(before.path).status == "ok"
    assert index.item(fresh).status == "ok"
    assert index.add([media]).updated == 1


def test_what_is_the_fault_of_a_file_is_not_tried_again(index: Index, media: Path) -> None:
    before = edited(index, media)
    (media / "one.png").write_bytes(b"no picture")

    index.add([media])

    assert index.item(before.path).status == "failed"
    assert index.failures()[0].size_bytes == len(b"no picture")


def test_an_extra_that_is_missing_ends_the_run_and_costs_nothing(
    index: Index, media: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    before = edited(index, media)

    with monkeypatch.context() as patch:
        patch.setattr(ToyImage, "_feature", raising(MissingExtraError("toy-image", "train")))
        with pytest.raises(MissingExtraError):
            index.add([media])

    assert index.item(before.path).status == "ok"
    assert index.failures() == []
    assert index.add([media]).updated == 1


def test_an_encoder_that_fails_on_every_file_ends_the_run(
    index: Index, media: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(failures, "PATIENCE", 5)
    for number in range(20):
        picture(media / f"{number}.png", (number + 1, 200, 9))
        sound(media / f"{number}.wav", (LOW_HZ + number, 1))

    with monkeypatch.context() as patch:
        patch.setattr(ToyImage, "_feature", raising(RuntimeError("CUDA error")))
        with pytest.raises(ModelError, match=r"no image went through, and 5 failed alike, .*RuntimeError: CUDA error"):
            index.add([media], workers=1)

    assert index.catalog.count().items["sound"] >= 4, "what was finished is kept"
    healthy = index.add([media])
    assert healthy.failed == 0
    assert healthy.added + healthy.unchanged == 40


def test_many_odd_files_do_not_end_a_run_in_which_others_go_through(
    index: Index, media: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(failures, "PATIENCE", 5)
    for number in range(4):
        picture(media / f"a{number}.png", BLUE)
    picture(media / "b.png", RED)
    for number in range(20):
        picture(media / f"c{number}.png", BLUE)
    monkeypatch.setattr(ToyImage, "_feature", raising(RuntimeError("blue"), when=is_blue))

    report = index.add([media], workers=1)

    assert (report.added, report.failed) == (1, 24)


def test_an_encoder_that_does_not_run_at_all_is_named_before_anything_is_read(
    index: Index, media: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    before = edited(index, media)

    def broken(self: object, media: np.ndarray) -> np.ndarray:
        raise RuntimeError("no kernel image")

    monkeypatch.setattr(ToyImage, "_feature", broken)

    with Index.open(index.folder) as anew:
        with pytest.raises(ModelError, match="encoder 'toy-image' does not run: RuntimeError: no kernel image"):
            anew.add([media])
        assert anew.item(before.path).status == "ok"
        assert anew.failures() == []


@pytest.mark.parametrize("change", ["deleted", "moved"])
def test_failures_of_a_folder_that_is_gone_go_by_pruning_it(index: Index, media: Path, change: str) -> None:
    (media / "old").mkdir()
    (media / "old/bad.png").write_bytes(b"no picture")
    picture(media / "old/good.png", RED)
    index.add([media / "old"])
    if change == "moved":
        (media / "old").rename(media / "new")
        index.add([media / "new"])
    else:
        shutil.rmtree(media / "old")
        index.forget([media / "old/good.png"])
    old = str(media / "old/bad.png")
    assert old in [failure.path for failure in index.failures()]
    with pytest.raises(NoMediaError, match="If it was removed, --prune takes 1 failed file off the list"):
        index.add([media / "old"])

    foreseen = index.add([media / "old"], prune=True, dry_run=True)
    assert (foreseen.gone_failures, foreseen.removed) == (1, 0)
    assert old in [failure.path for failure in index.failures()]
    assert index.add([media / "old"], prune=True).gone_failures == 1
    assert old not in [failure.path for failure in index.failures()]


def test_failures_of_single_files_that_are_gone_are_counted_and_go_by_pruning(index: Index, media: Path) -> None:
    bad, other = media / "bad.png", media / "other.png"
    bad.write_bytes(b"no picture")
    other.write_bytes(b"no picture either")
    picture(media / "good.png", RED)
    index.add([media])
    bad.unlink()

    assert index.add([media]).gone_failures == 1
    assert len(index.failures()) == 2
    assert index.add([media], prune=True).gone_failures == 1
    assert [failure.path for failure in index.failures()] == [str(other)]
    assert index.add([media], prune=True).gone_failures == 0


def test_failures_on_a_drive_that_is_away_stay(index: Index, media: Path) -> None:
    bad = media / "drive/bad.png"
    bad.parent.mkdir()
    bad.write_bytes(b"no picture")
    picture(media / "good.png", RED)
    index.add([media])
    bad.unlink()
    os.utime(bad.parent, (1, 1))  # as a mount point is that has been empty all along

    assert index.add([media], prune=True).gone_failures == 0
    assert [failure.path for failure in index.failures()] == [str(bad)]
