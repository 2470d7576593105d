"""Looking again at files whose size and time are as they were."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

import modag_search.media
from modag_search.errors import UnreadableMediaError
from tests.made_media import BLUE, HIGH_HZ, LOW_HZ, RED, picture, set_mtime, sound
from tests.unit.test_index_adding import counts, found

if TYPE_CHECKING:
    from pathlib import Path

    from modag_search import Index


def test_rehashing_finds_what_changed_under_the_same_size_and_time(index: Index, media: Path) -> None:
    first, second = picture(media / "first.png", RED), sound(media / "second.wav", (LOW_HZ, 1))
    changed = sound(media / "changed.wav", (LOW_HZ, 1))
    index.add([media])
    before, generation = changed.stat(), index.catalog.generation
    ids = [index.item(path).id for path in (first, second, changed)]
    touched = index.item(second).updated_at
    sound(changed, (HIGH_HZ, 1))
    set_mtime(changed, before.st_mtime_ns)
    assert changed.stat().st_size == before.st_size
    report = index.add([media])
    assert (counts(report), report.rehashed, report.altered) == ({"unchanged": 3}, 0, ())
    foreseen = index.add([media], rehash=True, dry_run=True)
    assert index.catalog.generation == generation
    report = index.add([media], rehash=True)
    for one in (foreseen, report):
        assert (counts(one), one.rehashed) == ({"unchanged": 2, "updated": 1}, 3)
        assert one.altered == (str(changed),)
    assert [index.item(path).id for path in (first, second, changed)] == ids
    assert index.item(second).updated_at == touched
    assert "second.wav" not in found(index, changed, min_similarity=0.9)
    again = index.add([media], rehash=True)
    assert (counts(again), again.altered) == ({"unchanged": 3}, ())


@pytest.mark.parametrize("rehash", [False, True])
def test_what_could_not_be_read_again_is_tried_by_the_next_run(
    index: Index, media: Path, rehash: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    closed = picture(media / "closed.png", RED)
    picture(media / "other.png", BLUE)
    index.add([media])
    index.label([closed], "red")
    real = modag_search.media.content_hash

    def content_hash(path: str) -> str:
        if path == str(closed):
            raise UnreadableMediaError(path, "may not be read: the system denies access")
        return real(path)

    with monkeypatch.context() as patch:
        patch.setattr(modag_search.media, "content_hash", content_hash)
        report = index.add([media], rehash=True)
        assert (counts(report), report.rehashed, report.altered) == ({"unchanged": 1, "failed": 1}, 1, ())
        assert counts(index.add([media], rehash=rehash)) == {"unchanged": 1, "failed": 1}
    assert [failure.path for failure in index.failures()] == [str(closed)]
    report = index.add([media], rehash=rehash)
    assert (counts(report), report.rehashed, report.altered) == ({"unchanged": 2}, 2 * rehash, ())
    assert (index.failures(), index.describe(closed).reason) == ([], None)
    assert index.item(closed).labels == ("red",)


def test_rehashing_finds_what_was_damaged_on_the_disk(index: Index, media: Path) -> None:
    red = picture(media / "red.png", RED)
    picture(media / "blue.png", BLUE)
    index.add([media])
    index.label([red], "red")
    before = red.stat()
    red.write_bytes(b"?" * before.st_size)
    set_mtime(red, before.st_mtime_ns)
    report = index.add([media], rehash=True)
    assert (counts(report), report.altered) == ({"unchanged": 1, "failed": 1}, (str(red),))
    assert index.item(red).labels == ("red",)


def test_rehashing_follows_names_that_were_exchanged(index: Index, media: Path) -> None:
    one, other = sound(media / "one.wav", (LOW_HZ, 1)), sound(media / "other.wav", (HIGH_HZ, 1))
    for path in (one, other):
        set_mtime(path, 1_600_000_000_000_000_000)
    index.add([media])
    index.label([one], "low")
    one.rename(media / "x")
    other.rename(one)
    (media / "x").rename(other)
    assert counts(index.add([media])) == {"unchanged": 2}
    report = index.add([media], rehash=True)
    assert (counts(report), len(report.altered)) == ({"moved": 2}, 2)
    assert index.item(other).labels == ("low",)
