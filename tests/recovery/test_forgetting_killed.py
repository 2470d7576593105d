"""Items that a killed process was taking out: each is there with its label, or gone and its label kept."""

from __future__ import annotations

import os
import shutil
import sqlite3
from contextlib import closing
from typing import TYPE_CHECKING

import pytest

from modag_search import Index
from tests.made_media import BLUE, GREEN, RED, picture
from tests.recovery.test_labels_killed import Killing
from tests.toy_encoders import toy_index

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from modag_search.values import Failure, ItemRecord

LABELS = {"red", "green", "blue"}

MOMENTS = {
    "before anything is done": ("INSERT INTO run", 1),
    "when labels are about to be kept": ("INSERT INTO kept_annotation", 1),
    "when labels are about to leave their items": ("DELETE FROM annotation", 2),
    "when a label is about to pass to a copy": ("UPDATE annotation SET item_id", 1),
    "when items are about to go": ("DELETE FROM item", 1),
    "when all is done and about to be there": ("commit", 2),
    "when all is there and stores are to be saved": ("a file is written", 1),
}
"""Statement or event, and how many of it come to pass."""
OF_FORGETTING = {
    "when a failure is about to be put aside": ("INSERT INTO forgotten_failure", 1),
    "when segments are about to be left": ("INSERT INTO remnant", 1),
}
OF_PRUNING = {"when segments are about to go": ("DELETE FROM segment", 1)}


@pytest.fixture(scope="module")
def prepared(tmp_path_factory: pytest.TempPathFactory, toys: None) -> Path:
    """A folder with an index of three pictures with labels, a copy of one without, and a file that is no picture."""
    folder = tmp_path_factory.mktemp("prepared")
    for name, colour in (("red", RED), ("green", GREEN), ("blue", BLUE)):
        picture(folder / "media" / "gone" / f"{name}.png", colour)
    (folder / "media" / "left").mkdir()
    shutil.copy(folder / "media" / "gone" / "red.png", folder / "media" / "left" / "copy.png")
    (folder / "media" / "gone" / "torn.png").write_bytes(b"no picture")
    with toy_index(folder / "index") as index:
        index.add([folder / "media"])
        for name in sorted(LABELS):
            index.label([folder / "media" / "gone" / f"{name}.png"], name)
    return folder


@pytest.fixture
def killing(tmp_path: Path, prepared: Path, toys: None, toy_plugins: Path) -> Killing:
    return Killing(tmp_path, prepared, toy_plugins)


State = tuple[set[str], set[str], set[str], set[str]]
"""Names of the items, labels that they have, labels that are kept, and names of what failed."""

BEFORE: State = ({"red.png", "green.png", "blue.png", "copy.png"}, LABELS, set(), {"torn.png"})
AFTER: State = ({"copy.png"}, {"red"}, {"green", "blue"}, set())
PRUNED: State = (*AFTER[:3], {"torn.png"})
"""What failed is known while its file is there."""


def whole(index: Index) -> State:
    """Return the state of an index, in which nothing is wrong."""
    assert index.verify() == []
    items = list(index.catalog.items.all())
    labels = {label for item in items for label in item.labels}
    return names_of(items), labels, set(index.catalog.kept_labels.count_by_label()), names_of(index.failures())


def names_of(files: Sequence[ItemRecord | Failure]) -> set[str]:
    return {os.path.basename(file.path) for file in files}


@pytest.mark.parametrize("moment", [*MOMENTS, *OF_FORGETTING])
def test_a_killed_forget_is_done_wholly_or_not_at_all(killing: Killing, prepared: Path, moment: str) -> None:
    what, count = (MOMENTS | OF_FORGETTING)[moment]
    gone = prepared / "media" / "gone"
    killing.kill_at(what, count, "forget", gone)
    with Index.open(killing.index) as index:
        is_done = moment.endswith("saved")
        assert whole(index) == (AFTER if is_done else BEFORE)
        if not is_done:
            index.forget(gone)
        assert whole(index) == AFTER
        index.undo_forget()
        assert whole(index) == BEFORE


@pytest.mark.parametrize("moment", [*MOMENTS, *OF_PRUNING])
def test_a_killed_prune_is_done_wholly_or_not_at_all(killing: Killing, prepared: Path, moment: str) -> None:
    what, count = (MOMENTS | OF_PRUNING)[moment]
    media = prepared / "media"
    killing.kill_at(what, count, "index", media, "--prune", "--exclude", "gone/")
    with Index.open(killing.index) as index:
        assert whole(index) == (PRUNED if moment.endswith("saved") else BEFORE)
        index.add([media], prune=True, exclude=["gone/"])
        assert whole(index) == PRUNED
        index.add([media])
        assert whole(index) == BEFORE


@pytest.mark.parametrize(
    ("what", "count"),
    [
        ("INSERT INTO segment", 1),
        ("INSERT INTO feature", 1),
        ("DELETE FROM segment", 1),
        ("INSERT INTO annotation", 1),
        ("DELETE FROM kept_annotation", 1),
        ("INSERT INTO failure", 1),
        ("DELETE FROM forgotten_item", 1),
        ("commit", 1),
    ],
)
def test_what_was_being_taken_back_can_be_taken_back(killing: Killing, prepared: Path, what: str, count: int) -> None:
    with Index.open(killing.index) as index:
        index.forget(prepared / "media" / "gone")
    killing.kill_at(what, count, "forget", "--undo")
    with Index.open(killing.index) as index:
        assert whole(index) == AFTER
        index.undo_forget()
        assert whole(index) == BEFORE


@pytest.mark.parametrize(
    ("what", "count", "n_left"),
    [("UPDATE run", 1, 3), ("DELETE FROM segment", 1, 3), ("DELETE FROM segment", 2, 2)],
)
def test_the_next_run_sweeps_on_where_one_was_killed(
    killing: Killing, prepared: Path, what: str, count: int, n_left: int
) -> None:
    media = prepared / "media"
    with Index.open(killing.index) as index:
        index.forget([media / "gone" / "red.png", media / "gone" / "green.png"])
        index.forget([media / "gone" / "blue.png"])
    killing.kill_at(what, count, "index", media / "left")
    with Index.open(killing.index) as index:
        assert whole(index) == ({"copy.png"}, {"red"}, {"green", "blue"}, {"torn.png"})
        *_, killed = index.catalog.runs.all()
        assert (killed.finished_at is None) == (what == "UPDATE run")
        assert remnants(killing) == n_left
        index.add([media / "left"])
        assert remnants(killing) == 1, "it can be taken back"
        index.undo_forget()
        assert whole(index) == ({"copy.png", "blue.png"}, {"red", "blue"}, {"green"}, {"torn.png"})


def remnants(killing: Killing) -> int:
    with closing(sqlite3.connect(killing.index / "catalog.sqlite")) as connection:
        return int(connection.execute("SELECT count(*) FROM remnant").fetchone()[0])
