"""Catalogs as each release wrote them, kept as text by scripts/keep_catalog, are read, and brought up to date."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from pathlib import Path

import pytest

from modag_search.catalog import Catalog, migrations

KEPT = sorted((Path(__file__).parents[1] / "catalogs").glob("*.sql"))


def test_todays_revision_is_kept() -> None:
    assert KEPT[-1].stem == migrations.CURRENT_REVISION, "run scripts/keep_catalog"


@pytest.mark.parametrize("kept", KEPT, ids=[path.stem for path in KEPT])
def test_a_released_catalog_is_read(kept: Path, tmp_path: Path) -> None:
    path = tmp_path / "catalog.sqlite"
    with closing(sqlite3.connect(path)) as connection:
        connection.executescript(kept.read_text())

    with Catalog.open(path) as catalog:
        assert catalog.check() == []
        items = {item.path: item for item in catalog.items.all()}
        assert items.keys() == {f"/media/{name}" for name in ("0.png", "0.wav", "1.png", "2.png", "2.wav")}
        assert {items[f"/media/0.{ending}"].labels for ending in ("png", "wav")} == {("low",)}
        assert {"favourite", "high"} & {*items["/media/1.png"].labels} == {"favourite", "high"}
        assert catalog.hierarchy.get().ancestors("low") == {"tone"}
        assert [failure.path for failure in catalog.failures.all()] == ["/media/torn.wav"]
        assert catalog.exclusions.all() == ["*.tmp"]
        counts = catalog.count()
        assert (counts.kept_annotations, sum(counts.segments.values())) == (2, 5)
        recalled = catalog.recall()
        assert recalled is not None
        assert [*recalled.paths] == ["/media/1.wav"]
        assert recalled.failures == (kept.stem >= "0009"), "what failed was not kept before"
        assert [*catalog.items.paths_under("/media/1.wav")] == [(4, "/media/1.wav")]
        assert catalog.check() == []
