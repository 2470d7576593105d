"""An index that threads share while others write to it: each answer is of one moment, and nobody waits for readers."""

from __future__ import annotations

import os
import threading
from contextlib import contextmanager
from dataclasses import replace
from typing import TYPE_CHECKING

import pytest
from filelock import FileLock

from modag_search import Index
from modag_search.catalog import Catalog
from modag_search.catalog.labels import Labels
from modag_search.index.places import WriterLock
from modag_search.search.snapshot import STORES, Part
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
    impatient = Index.open(index.folder, wait_s=0)
    with impatient, asking_threads(lambda: index.search(red, n=5)) as errors:
        for number in range(20):
            impatient.add([picture(media / f"{number}.png", (number, 100, 5))])
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
    filled.label([media / "a.png"], "red")
    filled.label([media / "c.png"], "blue")
    assert filled.classify(media / "a.wav")[0].label == "red"
    space = tmp_path / "other.safetensors"
    space.write_bytes(toy_space(turned=True).to_bytes())
    with Index.open(filled.folder) as other:
        other.rebuild(space=space)
        expected = [names(other, media / f"{name}.wav") for name in "abc"]
    before = {path.name: path.read_bytes() for path in (filled.folder / "stores").iterdir()}
    assert [names(filled, media / f"{name}.wav") for name in "abc"] == expected
    assert expected[0][0] != "a.png"
    assert filled.classify(media / "a.wav")[0].label == "blue", "by the labels in their new places"
    assert {path.name: path.read_bytes() for path in (filled.folder / "stores").iterdir()} == before
    assert filled.space.fingerprint != toy_space().fingerprint
    assert filled.add([picture(media / "new.png", RED)]).added == 1
    assert filled.verify() == []


def test_a_snapshot_keeps_its_moment_while_the_next_is_made(index: Index, media: Path) -> None:
    red = picture(media / "red.png", RED)
    index.add([red])
    with index._rooms.snapshots.present() as before:
        store = before.get(STORES["image"])
        with Index.open(index.folder) as other:
            other.add([picture(media / "green.png", GREEN)])
        assert len(before.catalog.count().items) == 1
        assert index.catalog.count().items == {"image": 1}, "this thread reads of one moment"
        with index._rooms.snapshots.present() as within:
            assert within is before
    with index._rooms.snapshots.present() as after:
        assert after is not before
        assert len(after.get(STORES["image"]).reader) == 2
        assert after.get(STORES["image"]).reader.base is store.reader.base
        assert len(store.reader) == 1


def test_a_snapshot_serves_until_the_catalog_moves(index: Index, media: Path) -> None:
    index.add([picture(media / "blue.png", BLUE)])
    with index._rooms.snapshots.present() as first:
        made = first.get(STORES["image"])
    with index._rooms.snapshots.present() as second:
        assert second is first
        assert second.get(STORES["image"]) is made
    index.label([media / "blue.png"], "sky")
    with index._rooms.snapshots.present() as third:
        assert third is not first
        assert third.get(STORES["image"]) is made, "labels change no vectors"


def test_what_is_written_within_a_snapshot_is_refused(index: Index, media: Path) -> None:
    index.add([picture(media / "blue.png", BLUE)])
    with index._rooms.snapshots.present(), pytest.raises(RuntimeError, match="view"):
        index.label([media / "blue.png"], "sky")


def test_a_writer_that_waited_works_with_what_it_finds(
    index: Index, media: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    long = sound(media / "long.wav", (LOW_HZ, 12))
    waits = threading.Event()
    wait_for = WriterLock._wait_for

    def noted(self: WriterLock, lock: FileLock) -> None:
        waits.set()
        wait_for(self, lock)

    monkeypatch.setattr(WriterLock, "_wait_for", noted)
    reports: list[int] = []
    with FileLock(index.folder / "lock"):
        thread = threading.Thread(target=lambda: reports.append(index.add([long]).added))
        thread.start()
        assert waits.wait(60)
        replace(index.settings, window_s=4.0, hop_s=4.0).save(index.folder)
    thread.join()
    assert reports == [1]
    assert index.outdated() == 0
    assert index.catalog.count().segments == {("sound", "ok"): 3}


def test_what_another_process_changed_while_an_index_was_opened_is_seen(
    filled: Index, media: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    space = tmp_path / "other.safetensors"
    space.write_bytes(toy_space(turned=True).to_bytes())
    opened = Catalog.open

    def later(*arguments: object, **options: object) -> Catalog:
        monkeypatch.setattr(Catalog, "open", opened)
        filled.rebuild(space=space)
        return opened(*arguments, **options)  # type: ignore[arg-type]

    monkeypatch.setattr(Catalog, "open", later)
    with Index.open(filled.folder) as late:
        assert late.space.fingerprint == filled.space.fingerprint
        assert names(late, media / "a.wav") == names(filled, media / "a.wav")


def test_who_asks_for_one_part_waits_for_no_other_that_is_being_made(filled: Index, media: Path) -> None:
    filled.label([media / "a.png"], "warm")
    began, found = threading.Event(), threading.Event()

    def slowly(*_: object) -> bool:
        began.set()
        return found.wait(timeout=60)

    slow: Part[bool] = Part("slow", slowly)
    made: list[bool] = []

    def make() -> None:
        with filled._rooms.snapshots.present() as snapshot:
            made.append(snapshot.get(slow))

    thread = threading.Thread(target=make)
    thread.start()
    assert began.wait(timeout=60)
    try:
        assert names(filled, media / "a.wav", n=1) == ["a.png"]
        assert filled.classify([media / "a.wav"])
    finally:
        found.set()
        thread.join()
    assert made == [True], "the answers came while the part was being made"


def test_threads_that_ask_for_one_part_share_it(filled: Index) -> None:
    calls: list[int] = []

    def make(*_: object) -> object:
        calls.append(1)
        began.wait(timeout=60)
        return object()

    part: Part[object] = Part("shared", make)
    began = threading.Event()
    made: list[object] = []

    def ask() -> None:
        with filled._rooms.snapshots.present() as snapshot:
            made.append(snapshot.get(part))

    threads = [threading.Thread(target=ask) for _ in range(N_THREADS)]
    for thread in threads:
        thread.start()
    began.set()
    for thread in threads:
        thread.join()
    assert len(made) == N_THREADS
    assert len({*map(id, made)}) == len(calls) == 1


def test_labels_are_read_once_for_all_questions_of_a_moment(
    filled: Index, media: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    filled.label([media / "a.png"], "warm")
    reads: list[object] = []
    read = Labels.labelled_segments

    def counted(labels: Labels, *, given: bool = False) -> object:
        reads.append(labels)
        return read(labels, given=given)

    monkeypatch.setattr(Labels, "labelled_segments", counted)
    first = filled.classify([media / "a.wav"])
    assert len(reads) == 1
    assert filled.classify([media / "a.wav"]) == first
    assert len(reads) == 1
