"""Catalogs that are copied from one database to another."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import pytest

from modag_search.catalog import Annotation, Catalog, changes, copying
from modag_search.errors import DamagedCatalogError
from modag_search.hierarchy import Hierarchy
from tests.catalog_builders import failure, id_at, image, new_catalog, put, sound, video

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from modag_search.values import SegmentStatus
    from tests.postgres import Server


@pytest.fixture(autouse=True)
def small_batches(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(copying, "_AT_ONCE", 20)


@pytest.fixture
def catalog(place: str) -> Iterator[Catalog]:
    """One with something in every table."""
    with new_catalog(place) as catalog:
        run = catalog.runs.start("index", arguments={"paths": ["/m"]})
        put(catalog, *(image(f"/m/{number}.png", f"{number}") for number in range(50)))
        a, b, c = put(catalog, sound("/m/a.wav", statuses=("ok", "silent")), video("/m/b.mp4"), image("/m/caf\udce9"))
        said = [Annotation(item_id=item, label="dog", origin="hand", start_s=1.25, end_s=None) for item in (a, b)]
        catalog.labels.annotate([*said, Annotation(item_id=b, label="cat", origin="import", source="x", is_not=True)])
        catalog.hierarchy.replace(Hierarchy.of([("dog", "animal")]))
        catalog.exclusions.add(["*.tmp"])
        catalog.fail([failure("/m/d.png"), failure("/m/e.png")], run_id=run, keep_items=False)
        catalog.forget([c], failures=["/m/e.png"], run_id=run)
        catalog.remove([a])
        yield catalog


@pytest.fixture(params=["to a file", "to a server"])
def target(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Catalog]:
    if request.param == "to a file":
        place = str(tmp_path / "copy.sqlite")
    else:
        server: Server = request.getfixturevalue("postgres")
        place = server.new_catalog()
    with new_catalog(place) as catalog:
        yield catalog


def test_a_copy_has_all_rows_and_goes_on_as_the_catalog_does(
    catalog: Catalog, target: Catalog, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(changes, "now", lambda: "2026-01-01T00:00:00+00:00")  # at both, whenever a second begins
    with catalog.view():
        assert target.fill_from(catalog) > 150
        assert target.count_rows() == catalog.count_rows()
        assert (target.moment, target.change_count) == (catalog.moment, catalog.change_count)
        assert target.fill_from(catalog) == catalog.generation + 2, "all is there but what counts changes"
    assert target.check() == catalog.check() == []
    assert put(catalog, image("/m/new.png")) == put(target, image("/m/new.png")), "no id is given again"
    assert catalog.recall() == target.recall()
    assert list(catalog.items.all()) == list(target.items.all())
    assert len(catalog.failures.all()) == len(target.failures.all()) == 2
    assert list(catalog.labels.annotations()) == list(target.labels.annotations())


def test_a_copy_that_was_broken_off_goes_on(catalog: Catalog, target: Catalog) -> None:
    def break_off(n_rows: int) -> None:
        raise KeyboardInterrupt

    with catalog.view():
        with pytest.raises(KeyboardInterrupt):
            target.fill_from(catalog, on_rows=break_off)
        first = target.count_rows()
        rest = target.fill_from(catalog)
        assert 0 < rest < catalog.count_rows()
        assert first < target.count_rows() == catalog.count_rows()


def test_a_row_that_is_not_as_it_was_copied_is_told(catalog: Catalog, target: Catalog) -> None:
    with catalog.view():
        target.fill_from(catalog)
    target.labels.add({"bird": None})
    with catalog.view(), pytest.raises(DamagedCatalogError, match=r"table label: row \[\d+\] is not as it was copied"):
        target.fill_from(catalog)


def test_a_copy_in_one_file_is_what_a_backup_holds(catalog: Catalog, tmp_path: Path) -> None:
    catalog.copy_to(tmp_path / "one.sqlite")
    assert [path.name for path in tmp_path.iterdir() if path.name.startswith("one")] == ["one.sqlite"]
    with Catalog.open(tmp_path / "one.sqlite") as copy:
        assert copy.check() == []
        assert copy.count() == catalog.count()


def test_labels_that_are_kept_come_back_in_the_copy_to_what_has_the_same_features(
    catalog: Catalog, target: Catalog
) -> None:
    with catalog.view():
        target.fill_from(catalog)
    statuses: tuple[SegmentStatus, ...] = ("ok", "silent")
    same = sound("/m/a.wav", statuses=statuses).segments
    put(target, sound("/m/another.wav", "noise", statuses=statuses))
    [again] = put(target, replace(sound("/m/a.flac", "as FLAC", statuses=statuses), segments=same))
    [passage] = target.reunite(["/m/another.wav", "/m/a.flac"])
    assert (passage.path, passage.labels, passage.fate, passage.to) == ("/m/a.wav", ("dog",), "returned", "/m/a.flac")
    given = {one.item_id for one in target.labels.annotations() if one.label == "dog" and not one.is_not}
    assert given == {again, id_at(target, "/m/b.mp4")}
