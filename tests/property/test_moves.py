"""A folder under random changes: after each `add`, the index is the folder."""

from __future__ import annotations

import hashlib
import itertools
import os
import shutil
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

import hypothesis.strategies as st
import numpy as np
import pytest
from hypothesis import HealthCheck, settings
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from tests.made_media import picture, set_mtime
from tests.toy_encoders import toy_index

if TYPE_CHECKING:
    from modag_search.values import IndexReport

NAMES = st.sampled_from(["a.png", "b.png", "c.png", "x/a.png", "x/b.png", "y/z/c.png"])
COLOURS = st.sampled_from([(230, 20, 20), (20, 230, 20), (20, 20, 230), (120, 120, 20), (90, 10, 200)])
KEPT = "kept.png"

pytestmark = pytest.mark.usefixtures("toys")


class FolderChanges(RuleBasedStateMachine):
    def __init__(self) -> None:
        super().__init__()
        self.folder = tempfile.mkdtemp()
        self.media = Path(self.folder, "media")
        self.index = toy_index(Path(self.folder, "index"))
        self.clock = itertools.count(1_700_000_000)
        self.ids: set[int] = set()
        self.ids_gone: set[int] = set()
        self.labels: set[str] = set()
        self.is_indexed = False

    def teardown(self) -> None:
        self.index.close()
        shutil.rmtree(self.folder)

    @initialize()
    def begin(self) -> None:
        self.write(KEPT, (200, 200, 200))
        self.write("a.png", (230, 20, 20))
        self.write("b.png", (20, 230, 20))
        self.take_in(foresee=True)

    def stamp(self, path: Path) -> None:
        """Give each write a time of its own, as a user's clock does."""
        set_mtime(path, next(self.clock) * 1_000_000_000)

    def there(self) -> list[Path]:
        return sorted(path for path in self.media.rglob("*.png") if path.name != KEPT)

    def chosen(self, choice: int) -> Path | None:
        paths = self.there()
        return paths[choice % len(paths)] if paths else None

    @rule(name=NAMES, colour=COLOURS)
    def write(self, name: str, colour: tuple[int, int, int]) -> None:
        self.stamp(picture(self.media / name, colour))
        self.is_indexed = False

    @rule(choice=st.integers(0, 99), name=NAMES)
    def move(self, choice: int, name: str) -> None:
        source = self.chosen(choice)
        if source is not None:
            (self.media / name).parent.mkdir(parents=True, exist_ok=True)
            source.rename(self.media / name)
            self.is_indexed = False

    @rule(choice=st.integers(0, 99), name=NAMES)
    def copy(self, choice: int, name: str) -> None:
        source = self.chosen(choice)
        if source is not None and source != self.media / name:
            (self.media / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(source, self.media / name)
            self.stamp(self.media / name)
            self.is_indexed = False

    @rule(choice=st.integers(0, 99))
    def delete(self, choice: int) -> None:
        source = self.chosen(choice)
        if source is not None:
            source.unlink()
            self.is_indexed = False

    @rule(choice=st.integers(0, 99))
    def touch(self, choice: int) -> None:
        source = self.chosen(choice)
        if source is not None:
            self.stamp(source)
            self.is_indexed = False

    @rule(choice=st.integers(0, 99))
    def damage(self, choice: int) -> None:
        source = self.chosen(choice)
        if source is not None:
            source.write_bytes(b"no picture")
            self.stamp(source)
            self.is_indexed = False

    @precondition(lambda self: self.is_indexed)
    @rule(choice=st.integers(0, 99))
    def label(self, choice: int) -> None:
        source = self.chosen(choice)
        if source is not None and _hash(source) is not None:
            self.labels.add(name := f"label {len(self.labels)}")
            assert self.index.label(source, name) == 1

    @rule(foresee=st.booleans())
    def take_in(self, *, foresee: bool) -> None:
        foreseen = self.index.add([self.media], prune=True, dry_run=True) if foresee else None
        known = {item.path: item.content_hash for item in self.index.catalog.items.all() if item.status == "ok"}
        report = self.index.add([self.media], prune=True, workers=1)
        self.check_counts(report, known)
        if foreseen is not None and not report.failed:
            assert _counts(foreseen) == _counts(report)
            assert {one.path for one in foreseen.replaced} >= {one.path for one in report.replaced}
        self.is_indexed = True

    def check_counts(self, report: IndexReport, known: dict[str, str]) -> None:
        hashes = {str(path): _hash(path) for path in self.media.rglob("*.png")}
        assert report.failed == sum(content is None for content in hashes.values())
        same = {path for path, content in hashes.items() if content is not None and known.get(path) == content}
        assert report.unchanged == len(same)
        assert report.added + report.updated + report.moved == len(hashes) - report.failed - len(same)
        left = {path for path, content in known.items() if hashes.get(path) != content}
        assert report.moved <= len(left)

    @precondition(lambda self: self.is_indexed)
    @rule()
    def take_in_again_changes_nothing(self) -> None:
        generation = self.index.catalog.generation
        report = self.index.add([self.media], prune=True)
        assert report.added == report.updated == report.moved == report.removed == 0
        assert self.index.catalog.generation == generation

    @precondition(lambda self: self.is_indexed)
    @invariant()
    def the_index_is_the_folder(self) -> None:
        items = list(self.index.catalog.items.all())
        contents = {str(path): _hash(path) for path in self.media.rglob("*.png")}
        assert {item.path: item.content_hash for item in items if item.status == "ok"} == {
            path: content for path, content in contents.items() if content is not None
        }
        assert {failure.path for failure in self.index.failures()} == {
            path for path, content in contents.items() if content is None
        }
        ids = {item.id for item in items}
        self.ids_gone |= self.ids - ids
        self.ids = ids
        assert not ids & self.ids_gone, "an id was used again"
        assert self.index.verify() == []

    @invariant()
    def labels_are_on_items_or_wait_for_their_content(self) -> None:
        items = list(self.index.catalog.items.all())
        kept = self.index.catalog.kept_labels.count_by_label()
        assert {name for item in items for name in item.labels} | kept.keys() == self.labels

    @precondition(lambda self: self.is_indexed)
    @rule(choice=st.integers(0, 99))
    def every_picture_finds_all_others_as_near_as_their_colours_are(self, choice: int) -> None:
        whole = [path for path in [self.media / KEPT, *self.there()] if _hash(path) is not None]
        query = whole[choice % len(whole)]
        found = {hit.path: hit.similarity for hit in self.index.search(query, n=100, copies=True)}
        assert found.keys() == {str(path) for path in whole if path != query}
        for path, similarity in found.items():
            assert similarity == pytest.approx(_likeness(query, Path(path)), abs=2e-3)


def _hash(path: Path) -> str | None:
    content = path.read_bytes()
    return None if content == b"no picture" else hashlib.blake2b(content, digest_size=16).hexdigest()


def _likeness(first: Path, second: Path) -> float:
    from PIL import Image

    colours = [np.asarray(Image.open(os.fspath(path))).mean(axis=(0, 1)) for path in (first, second)]
    return float(colours[0] @ colours[1] / np.prod([np.linalg.norm(colour) for colour in colours]))


def _counts(report: IndexReport) -> tuple[int, ...]:
    return report.added, report.updated, report.unchanged, report.moved, report.removed


FolderChanges.TestCase.settings = settings(
    max_examples=20, stateful_step_count=15, deadline=None, suppress_health_check=[HealthCheck.too_slow]
)
TestFolderChanges = FolderChanges.TestCase
