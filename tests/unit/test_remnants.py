"""Segments of forgotten items: gone for all who ask, there for who takes them back, deleted by a later run."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable
from contextlib import closing, contextmanager
from dataclasses import replace
from itertools import count
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import pytest

from modag_search.catalog import Annotation, Catalog, remnants
from modag_search.errors import DamagedCatalogError
from modag_search.index.workings import Workings
from tests.catalog_builders import (
    FINGERPRINTS,
    IMAGE,
    SOUND,
    image,
    of_a_file,
    put,
    sound,
    tamper,
    video,
)
from tests.made_media import BLUE, GREEN, RED, picture

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from sqlalchemy import Connection

    from modag_search import Index


def forget(catalog: Catalog, *item_ids: int) -> None:
    catalog.forget(item_ids, run_id=catalog.runs.start("forget", arguments={}))


def rows(catalog: Catalog, table: str) -> int:
    """Count what the database has, whoever may see it."""
    with closing(sqlite3.connect(catalog.path)) as connection:
        return int(connection.execute(f"SELECT count(*) FROM {table}").fetchone()[0])


def interrupted_at(step: int) -> Callable[[Connection, Iterable[int]], None]:
    """Sweep as ever, but for Ctrl-C within one of the steps."""
    sweep, steps = remnants.sweep, count(1)

    def until_then(connection: Connection, segment_ids: Iterable[int]) -> None:
        sweep(connection, segment_ids)
        if next(steps) == step:
            raise KeyboardInterrupt

    return until_then


@contextmanager
def sqlite_of(catalog: Catalog) -> Iterator[sqlite3.Connection]:
    """Lend the connection that answers within the block."""
    with catalog.view(), catalog._database.read() as connection:
        of_sqlite = connection.connection.driver_connection
        assert isinstance(of_sqlite, sqlite3.Connection)
        yield of_sqlite
        of_sqlite.set_progress_handler(None, 0)
        of_sqlite.set_trace_callback(None)


def test_nobody_finds_what_was_forgotten(catalog: Catalog) -> None:
    a, b, c = put(catalog, sound("/m/a.wav"), video("/m/b.mp4"), image("/m/c.png"))
    forgotten = [segment.id for segment in catalog.segments.of_items([a, b])]
    (left,) = (segment.id for segment in catalog.segments.of_items([c]))

    forget(catalog, a, b)

    segments = catalog.segments
    assert segments.ids(SOUND.fingerprint).tolist() == []
    assert segments.ids(IMAGE.fingerprint).tolist() == [left]
    assert (segments.count(SOUND.fingerprint), segments.count(IMAGE.fingerprint)) == (0, 1)
    assert list(segments.features(SOUND.fingerprint)) == []
    assert list(segments.features_of([*forgotten, left])) == [left]
    assert list(segments.get_many([*forgotten, left])) == [left]
    assert segments.owners(np.array([*forgotten, left])).tolist() == [-1] * 6 + [c]
    assert segments.owners_and_contents(np.array([*forgotten, left]))[0].tolist() == [-1] * 6 + [c]
    assert segments.feature_rows([*forgotten, left], fingerprint=IMAGE.fingerprint)[0].tolist() == [left]
    assert segments.with_features_of_items([a, b], fingerprints=FINGERPRINTS) == []
    assert np.isnan(segments.spans(np.array(forgotten))).all()
    assert segments.of_items([a, b]) == []
    assert segments.count_by_item([a, b, c]) == {c: 1}
    assert segments.selected().tolist() == [left]
    assert segments.count_items(most=9) == 1
    assert [drawn.tolist() for drawn in segments.drawn(SOUND.fingerprint, n=9)] == [[], []]
    assert catalog.pipelines.of_item(a) == []
    assert segments.removed_since(0).tolist() == forgotten

    counts = catalog.count()
    assert counts.segments == {("image", "ok"): 1}
    assert counts.feature_bytes == IMAGE.dimension * 2
    assert catalog.totals().segments == {"image": 1}
    assert catalog.check() == []


def test_features_of_other_encoders_that_were_forgotten_are_not_waited_for(catalog: Catalog) -> None:
    a, b = put(catalog, sound("/m/a.wav"), image("/m/b.png"))
    now = {**FINGERPRINTS, "sound": "sound-2"}
    assert catalog.items.has_outdated(now)
    assert catalog.items.are_outdated(now)
    forget(catalog, a)
    assert not catalog.items.has_outdated(now)
    assert not catalog.items.are_outdated(now)
    assert catalog.items.outdated([a, b], fingerprints=now) == set()


def test_an_item_that_is_gone_cannot_go_again(catalog: Catalog) -> None:
    (a,) = put(catalog, sound("/m/a.wav"))
    forget(catalog, a)
    generation = catalog.generation
    assert catalog.remove([a]).removed == 0
    assert catalog.generation == generation
    recalled = catalog.recall()
    assert recalled is not None
    assert recalled.paths == ["/m/a.wav"]
    forget(catalog, a)
    forget(catalog, a)
    assert catalog.recall() is None, "the second time, nothing was forgotten"
    assert catalog.check() == []


def test_what_can_be_taken_back_is_not_swept(catalog: Catalog) -> None:
    a, b = put(catalog, sound("/m/a.wav", "a"), sound("/m/b.wav", "b"))
    features = catalog.segments.features_of(segment.id for segment in catalog.segments.of_items([b]))

    forget(catalog, a)
    forget(catalog, b)
    catalog.sweep()
    recalled = catalog.recall()

    assert recalled is not None
    assert recalled.paths == ["/m/b.wav"]
    again = catalog.segments.features_of(segment.id for segment in catalog.segments.of_items([b]))
    assert [one.tolist() for one in again.values()] == [one.tolist() for one in features.values()]
    assert not again.keys() & features.keys(), "stores know by the ids what has come"
    assert catalog.check() == []


@of_a_file
def test_what_cannot_be_taken_back_is_deleted_in_steps_each_of_which_stays(
    catalog: Catalog, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(remnants, "SEGMENTS_AT_ONCE", 2)
    a, b, c = put(catalog, sound("/m/a.wav"), video("/m/b.mp4"), image("/m/c.png"))
    for item in (a, b, c):
        forget(catalog, item)
    before = rows(catalog, "feature")
    assert before == 7, "nothing is deleted yet"

    with monkeypatch.context() as patch:
        patch.setattr(remnants, "sweep", interrupted_at(2))
        with pytest.raises(KeyboardInterrupt):
            catalog.sweep()
    assert (rows(catalog, "feature"), rows(catalog, "segment"), rows(catalog, "remnant")) == (5, 5, 5)
    catalog.sweep()
    assert (rows(catalog, "feature"), rows(catalog, "segment"), rows(catalog, "remnant")) == (1, 1, 1)

    count = catalog.change_count
    catalog.sweep()
    assert catalog.change_count == count, "where there is nothing to sweep, nothing is written"

    assert catalog.recall() is not None
    assert rows(catalog, "remnant") == 0
    assert catalog.check() == []


@pytest.mark.parametrize("is_swept", [False, True])
def test_a_path_that_was_forgotten_can_be_taken_again(catalog: Catalog, *, is_swept: bool) -> None:
    (a,) = put(catalog, sound("/m/a.wav"))
    forget(catalog, a)
    if is_swept:
        forget(catalog)
        catalog.sweep()
    (again,) = put(catalog, sound("/m/a.wav", statuses=("ok", "silent", "ok")))
    assert again != a
    assert catalog.segments.count(SOUND.fingerprint) == 2
    assert len(catalog.segments.of_items([again])) == 3
    recalled = catalog.recall()
    assert recalled is None if is_swept else recalled is not None and recalled.taken == ["/m/a.wav"]
    catalog.sweep()
    assert catalog.segments.count(SOUND.fingerprint) == 2
    assert catalog.check() == []


@of_a_file
def test_damage_to_what_was_forgotten_is_told_of_until_it_cannot_be_taken_back(catalog: Catalog) -> None:
    a, _ = put(catalog, image("/m/a.png", "a"), image("/m/b.png", "b"))
    (segment,) = catalog.segments.of_items([a])
    forget(catalog, a)
    tamper(catalog, f"UPDATE feature SET data = x'0000' WHERE segment_id = {segment.id}")
    (problem,) = catalog.check()
    assert problem.startswith(
        f"segment {segment.id} of what was forgotten has no feature, or one that is not what was stored; "
    )

    forget(catalog)
    assert catalog.check() == [], "nobody will ever read it"
    assert catalog.mend_features().discarded == 0


@of_a_file
@pytest.mark.parametrize("damage", ["UPDATE feature SET data = x'0000'", "DELETE FROM feature"])
def test_a_feature_of_what_was_forgotten_that_cannot_be_mended_is_made_anew_with_its_file(
    catalog: Catalog, damage: str
) -> None:
    a, _ = put(catalog, image("/m/a.png", "a"), image("/m/b.png", "b"))
    (segment,) = catalog.segments.of_items([a])
    forget(catalog, a)
    tamper(catalog, f"{damage} WHERE segment_id = {segment.id}")
    (problem,) = catalog.check()
    assert problem.endswith("`modag verify --repair` mends or discards it")
    assert catalog.mend_features()[:3] == (0, 1, ())
    assert catalog.check() == []
    catalog.recall()
    assert catalog.items.outdated([a], fingerprints=FINGERPRINTS) == {a}


@of_a_file
def test_segments_and_items_that_do_not_belong_together_are_told_of(catalog: Catalog) -> None:
    a, b = put(catalog, image("/m/a.png", "a"), image("/m/b.png", "b"))
    of_a, of_b = (segment.id for segment in catalog.segments.of_items([a, b]))
    tamper(catalog, f"DELETE FROM item WHERE id = {a}", f"INSERT INTO remnant VALUES ({of_b})")
    way_out = "`modag restore` brings a backup back"
    assert catalog.check() == [
        f"segment {of_a} belongs to an item that is not there; {way_out}",
        f"segment {of_b} is noted as what is left of a forgotten item, which is there; {way_out}",
    ]


@of_a_file
def test_an_id_that_would_be_given_again_is_told_of_and_what_it_was_of_is_no_part_of_what_gets_it(
    catalog: Catalog,
) -> None:
    _, gone = put(catalog, image("/m/a.png", "a"), image("/m/b.png", "b"))
    forget(catalog, gone)
    forget(catalog)
    tamper(catalog, "UPDATE sqlite_sequence SET seq = 1 WHERE name = 'item'")
    (problem,) = catalog.check()
    assert problem.startswith("table item has ids above the last one that it has given, and would give them again")

    (again,) = put(catalog, image("/m/c.png", "c"))
    assert again == gone
    digest = catalog.items.digests([again])
    copy = catalog.copy(again, image("/m/d.png", "c").file)
    assert len(catalog.segments.of_items([copy])) == 1
    catalog.sweep()
    assert catalog.items.digests([again]) == digest
    assert catalog.check() == []


@pytest.mark.parametrize("content", ["a picture", "the same with other tags"])
def test_labels_do_not_pass_to_what_was_forgotten(catalog: Catalog, content: str) -> None:
    a, b = put(catalog, replace(image("/m/a.png"), content_hash=content), image("/m/b.png"))
    catalog.labels.annotate([Annotation(item_id=b, label="red", origin="hand")])
    forget(catalog, a)
    forget(catalog, b)
    assert catalog.kept_labels.count_by_label() == {"red": 1}
    put(catalog, image("/m/c.png"))
    assert [item.labels for item in catalog.items.all()] == [("red",)]


@of_a_file
def test_however_much_was_forgotten_a_count_stops_at_the_first_item(catalog: Catalog) -> None:
    forgotten = put(catalog, *(image(f"/m/{n}.png", str(n)) for n in range(1000)))
    put(catalog, image("/m/left.png"))
    forget(catalog, *forgotten)
    instructions: list[None] = []
    with sqlite_of(catalog) as answering:
        answering.set_progress_handler(lambda: instructions.append(None), 1)
        assert catalog.segments.count_items(most=1) == 1
    assert len(instructions) < 1000


@of_a_file
def test_what_was_forgotten_is_not_compared_with_what_is_about_to_be(catalog: Catalog) -> None:
    former, left = put(catalog, image("/m/a.png"), replace(image("/m/b.png"), content_hash="another"))
    catalog.labels.annotate([Annotation(item_id=left, label="red", origin="hand")])
    forget(catalog, former)
    asked: list[str] = []
    with sqlite_of(catalog) as answering:
        answering.set_trace_callback(asked.append)
        (passage,) = catalog.kept_labels.foresee([left])
    assert passage.fate == "kept"
    assert not [statement for statement in asked if "feature.data" in statement]


@pytest.fixture
def forgetful(index: Index, media: Path) -> Index:
    """An index of c.png, of which a.png and b.png were forgotten; b.png alone can be taken back."""
    for name, colour in (("a", RED), ("b", GREEN), ("c", BLUE)):
        picture(media / f"{name}.png", colour)
    index.add([media])
    index.forget(media / "a.png")
    index.forget(media / "b.png")
    assert (rows(index.catalog, "feature"), len(index.search(media / "a.png", n=9))) == (3, 1)
    return index


Run = Callable[[], int]
"""`modag index` or `modag rebuild` of an index of one picture; returns how many there are."""


@pytest.fixture(params=["index", "rebuild"])
def run(request: pytest.FixtureRequest, forgetful: Index, media: Path) -> Run:
    return forgetful.rebuild if request.param == "rebuild" else lambda: forgetful.add([media / "c.png"]).unchanged


def test_a_run_sweeps_what_was_forgotten_before(forgetful: Index, media: Path, run: Run) -> None:
    assert run() == 1
    assert rows(forgetful.catalog, "feature") == 2, "the last one can be taken back"
    forgetful.undo_forget()
    assert names(forgetful, media / "a.png") == {"b.png", "c.png"}
    assert rows(forgetful.catalog, "feature") == 2
    assert forgetful.verify() == []


def test_a_run_whose_sweep_fails_is_done_and_says_so(
    forgetful: Index, run: Run, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    def fail(*_: object) -> None:
        raise DamagedCatalogError("a page is torn")

    with monkeypatch.context() as patch:
        patch.setattr(remnants, "sweep", fail)
        assert run() == 1
    (warning,) = [record.getMessage() for record in caplog.records if record.levelname == "WARNING"]
    assert warning == (
        "what is left of forgotten files stays until a later run deletes it; `modag verify` says whether the index is "
        "whole: a page is torn"
    )
    assert all(run.finished_at for run in forgetful.catalog.runs.all())
    assert rows(forgetful.catalog, "feature") == 3
    assert run() == 1
    assert rows(forgetful.catalog, "feature") == 2


def test_all_but_sweeping_is_done_where_that_is_interrupted(
    forgetful: Index, run: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    cleared: list[str] = []
    monkeypatch.setattr(Workings, "leave_former", lambda _: cleared.append("former stores"))
    monkeypatch.setattr(remnants, "sweep", interrupted_at(1))
    with pytest.raises(KeyboardInterrupt):
        run()
    assert all(run.finished_at for run in forgetful.catalog.runs.all())
    assert cleared == (["former stores"] if run == forgetful.rebuild else [])
    assert forgetful.verify() == []


def names(index: Index, query: Path) -> set[str]:
    return {Path(hit.path).name for hit in index.search(query, n=9)}
