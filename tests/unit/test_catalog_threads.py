"""Reading from several threads, and seeing one moment in many reads."""

from __future__ import annotations

import threading
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from modag_search.catalog import Annotation, Catalog, items, sqlite
from tests.catalog_builders import SOUND, image, new_catalog, of_a_file, put, sound

if TYPE_CHECKING:
    from collections.abc import Iterator


@pytest.fixture
def catalog(place: str) -> Iterator[Catalog]:
    with new_catalog(place) as catalog:
        put(catalog, sound("/m/a.wav"), image("/m/b.png"))
        yield catalog


@pytest.fixture
def other(catalog: Catalog) -> Iterator[Catalog]:
    """The same catalog, as another process has it."""
    with Catalog.open(catalog.path) as other:
        yield other


def write(catalog: Catalog) -> None:
    """Change all that a catalog counts."""
    [item] = put(catalog, sound("/m/new.wav", "new"))
    catalog.labels.annotate([Annotation(item_id=item, label="violin", origin="hand")])


def seen(catalog: Catalog) -> tuple[object, ...]:
    paths = [item.path for item in catalog.items.all()]
    features = [tuple(ids) for ids, _ in catalog.segments.features(SOUND.fingerprint)]
    return catalog.moment, catalog.count(), catalog.labels.counts(), paths, features


def test_a_view_shows_one_moment_while_others_write(catalog: Catalog, other: Catalog) -> None:
    before = seen(catalog)

    with catalog.view():
        write(other)
        within = seen(catalog)
        write(other)
        again = seen(catalog)

    assert within == again == before
    assert seen(catalog) == seen(other) != before


def test_the_moment_of_a_view_is_that_of_its_beginning(catalog: Catalog, other: Catalog) -> None:
    before = other.moment

    with catalog.view():
        write(other)

        assert catalog.moment == before


def test_the_moment_is_all_three_counts(catalog: Catalog) -> None:
    write(catalog)

    assert catalog.moment == (catalog.generation, catalog.generation_token, catalog.label_generation)
    assert catalog.moment[:2] == catalog.latest_generation
    assert catalog.moment.label_generation == 1


def test_a_view_in_a_view_is_part_of_it(catalog: Catalog, other: Catalog) -> None:
    with catalog.view():
        before = seen(catalog)
        write(other)
        with catalog.view():
            within = seen(catalog)
        after = seen(catalog)

    assert before == within == after


def test_a_view_is_that_of_its_thread_and_of_its_catalog_alone(catalog: Catalog, other: Catalog) -> None:
    with catalog.view(), ThreadPoolExecutor(1) as pool:
        write(other)

        assert pool.submit(seen, catalog).result() == seen(other) != seen(catalog)


def test_nothing_is_written_within_a_view(catalog: Catalog) -> None:
    before = seen(catalog)

    with catalog.view(), pytest.raises(RuntimeError, match="view"):
        catalog.remove([1])

    assert seen(catalog) == before
    write(catalog)
    assert seen(catalog) != before


def test_a_view_that_breaks_off_is_over(catalog: Catalog, other: Catalog) -> None:
    with pytest.raises(ZeroDivisionError), catalog.view():
        1 / 0  # noqa: B018
    write(other)

    assert seen(catalog) == seen(other)


@pytest.mark.parametrize("items_at_once", [1, 1000])
def test_an_iterator_does_not_outlive_its_view(
    catalog: Catalog, items_at_once: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(items, "ITEMS_AT_ONCE", items_at_once)
    with catalog.view():
        iterator = catalog.items.all()
        next(iterator)

    with pytest.raises(RuntimeError, match="view"):
        list(iterator)


def test_any_number_of_threads_read_at_once(catalog: Catalog) -> None:
    readers = 40
    all_reading = threading.Barrier(readers, timeout=60)

    def read(_: int) -> list[str]:
        paths: list[str] = []
        for item in catalog.items.all():  # holds its connection until the last one
            if not paths:
                all_reading.wait()
            paths.append(item.path)
        return paths

    with ThreadPoolExecutor(readers) as pool:
        assert list(pool.map(read, range(readers))) == [["/m/a.wav", "/m/b.png"]] * readers


def test_threads_that_write_wait_for_each_other(catalog: Catalog) -> None:
    before = catalog.moment

    with ThreadPoolExecutor(8) as pool:
        ids = list(pool.map(lambda n: put(catalog, sound(f"/m/{n}.wav", f"sound {n}"))[0], range(8)))

    assert len(set(ids)) == 8
    assert catalog.moment.generation == before.generation + 8


@of_a_file
def test_the_log_stays_short_while_there_is_always_someone_who_reads(
    catalog: Catalog, other: Catalog, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Two readers hand over to each other: there is no moment without a view."""
    monkeypatch.setattr(sqlite, "_LONG_LOG_BYTES", 2**18)
    turns = [threading.Semaphore(0), threading.Semaphore(1)]
    ended = threading.Event()

    def read(own: int) -> None:
        while True:
            turns[own].acquire()
            with catalog.view():
                catalog.count()
                turns[1 - own].release()
                # Until the other one is within its view, this one stays in its own.
                if ended.is_set() or not turns[own].acquire(timeout=60):
                    turns[1 - own].release()
                    return
                turns[own].release()

    readers = [threading.Thread(target=read, args=(own,)) for own in (0, 1)]
    for reader in readers:
        reader.start()
    log = Path(f"{catalog.path}-wal")
    longest = 0
    for number in range(60):
        put(other, *(image(f"/m/{number}-{each}.png", f"{number}-{each}") for each in range(30)))
        longest = max(longest, log.stat().st_size)
    ended.set()
    for turn in turns:
        turn.release()
    for reader in readers:
        reader.join(60)
    assert longest < 4 * 2**18
