"""An index that threads share while others write to it: each answer is of one moment, and nobody waits for readers."""

from __future__ import annotations

import os
import threading
from contextlib import contextmanager
from typing import TYPE_CHECKING

import pytest

from modag_search import Index
from modag_search.search.snapshot import STORES
from tests.made_media import BLUE, GREEN, LOW_HZ, RED, picture, sound
from tests.toy_encoders import toy_space

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

N_THREADS = 8


@contextmanager
def asking_threads(ask: Callable[[], object]) -> Iterator[list[BaseException]]:
    """Ask from several threads, over and over, until the block ends; gives the errors that came."""
    done = threading.Event()
    began = threading.Barrier(N_THREADS + 1)
    errors: list[BaseException] = []

    def run() -> None:
        began.wait()
        try:
            while not done.is_set():
                ask()
        except BaseException as error:  # noqa: BLE001  handed to the test
            errors.append(error)

    threads = [threading.Thread(target=run) for _ in range(N_THREADS)]
    for thread in threads:
        thread.start()
    began.wait()
    try:
        yield errors
    finally:
        done.set()
        for thread in threads:
            thread.join()


def family(folder: Path, number: int) -> list[Path]:
    """Four pictures that come and go together."""
    return [picture(folder / f"{number:03d}-{i}.png", (200 + i, 30 + number, 40)) for i in range(4)]


def names(index: Index, query: Path | str, *, n: int = 1000) -> list[str]:
    return [os.path.basename(hit.path) for hit in index.search(query, n=n)]


def test_threads_search_while_others_add_and_each_answer_is_of_one_moment(index: Index, media: Path) -> None:
    index.add(family(media, 0))
    query = sound(media.parent / "query.wav", (LOW_HZ, 1))

    def ask() -> None:
        found = names(index, query)
        families = {name[:3] for name in found}
        assert sorted(found) == sorted(f"{one}-{i}.png" for one in families for i in range(4)), found

    with asking_threads(ask) as errors, Index.open(index.folder) as writer:
        for number in range(1, 25):
            assert writer.add(family(media, number)).added == 4
            assert len(names(index, query)) == 4 * (number + 1), "what was added shows at the next question"
    assert errors == []


def test_threads_that_search_turn_no_writer_away(index: Index, media: Path) -> None:
    red = picture(media / "red.png", RED)
    index.add([media])
    with asking_threads(lambda: index.search(red, n=5)) as errors:
        for number in range(20):
            index.add([picture(media / f"{number}.png", (number, 100, 5))])
    assert errors == []
    assert len(names(index, red)) == 20


def test_writers_wait_for_each_other(index: Index, media: Path) -> None:
    reports: list[int] = []

    def add(folder: Path) -> None:
        with Index.open(index.folder) as opened:
            reports.append(opened.add([folder]).added)

    folders = [media / str(number) for number in range(4)]
    for number, folder in enumerate(folders):
        family(folder, number)
    threads = [threading.Thread(target=add, args=(folder,)) for folder in folders]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert reports == [4] * 4
    assert index.verify() == []


def test_labels_that_were_given_show_at_the_next_question(filled: Index, media: Path) -> None:
    with Index.open(filled.folder) as other:
        other.label([media / "a.png"], "warm")
    (hit, *_) = filled.search(media / "a.wav", modality="image")
    assert hit.labels == ("warm",)


def test_a_reader_goes_on_in_the_space_that_another_process_has_moved_to(
    filled: Index, media: Path, tmp_path: Path
) -> None:
    assert names(filled, media / "a.wav", n=1) == ["a.png"]
    space = tmp_path / "other.safetensors"
    space.write_bytes(toy_space(turned=True).to_bytes())
    with Index.open(filled.folder) as other:
        other.rebuild(space=space)
        expected = [names(other, media / f"{name}.wav") for name in "abc"]
    before = {path.name: path.read_bytes() for path in (filled.folder / "stores").iterdir()}
    assert [names(filled, media / f"{name}.wav") for name in "abc"] == expected
    assert expected[0][0] != "a.png"
    assert {path.name: path.read_bytes() for path in (filled.folder / "stores").iterdir()} == before
    assert filled.space.fingerprint != toy_space().fingerprint
    assert filled.add([picture(media / "new.png", RED)]).added == 1
    assert filled.verify() == []


def test_a_snapshot_keeps_its_moment_while_the_next_is_made(index: Index, media: Path) -> None:
    red = picture(media / "red.png", RED)
    index.add([red])
    with index._snapshots.present() as before:
        store = before.get(STORES["image"])
        with Index.open(index.folder) as other:
            other.add([picture(media / "green.png", GREEN)])
        assert len(before.catalog.count().items) == 1
        assert index.catalog.count().items == {"image": 1}, "this thread reads of one moment"
        with index._snapshots.present() as within:
            assert within is before
    with index._snapshots.present() as after:
        assert after is not before
        assert len(after.get(STORES["image"]).reader) == 2
        assert after.get(STORES["image"]).reader.base is store.reader.base
        assert len(store.reader) == 1


def test_a_snapshot_serves_until_the_catalog_moves(index: Index, media: Path) -> None:
    index.add([picture(media / "blue.png", BLUE)])
    with index._snapshots.present() as first:
        made = first.get(STORES["image"])
    with index._snapshots.present() as second:
        assert second is first
        assert second.get(STORES["image"]) is made
    index.label([media / "blue.png"], "sky")
    with index._snapshots.present() as third:
        assert third is not first
        assert third.get(STORES["image"]) is made, "labels change no vectors"


def test_what_is_written_within_a_snapshot_is_refused(index: Index, media: Path) -> None:
    index.add([picture(media / "blue.png", BLUE)])
    with index._snapshots.present(), pytest.raises(RuntimeError, match="view"):
        index.label([media / "blue.png"], "sky")
