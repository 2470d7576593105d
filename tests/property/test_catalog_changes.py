"""Any sequence of changes leaves the catalog as a dictionary says, and stores able to follow it."""

from __future__ import annotations

import os
import shutil
import sqlite3
import tempfile
from contextlib import closing
from dataclasses import dataclass, replace

from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule

from modag_search.catalog import Annotation, Catalog
from tests.catalog_builders import FINGERPRINTS, SOUND, failure, feature, file, new_catalog, pipelines, sound

PATHS = st.sampled_from(["/m/a", "/m/b", "/m/c", "/m/sub/a", os.fsdecode(b"/m/\xff")])
CONTENTS = st.sampled_from(["tune", "song", "noise"])
STATUSES = st.lists(st.sampled_from(["ok", "silent"]), min_size=1, max_size=3).map(tuple)
CHOICES = st.integers(0, 4)
LABELS = st.sampled_from(["trumpet", "violin"])


@dataclass
class Expected:
    """An item as it should be."""

    id: int
    content: str
    features: list[list[float]]
    failed: bool = False


class Follower:
    """A store that keeps up by increments alone."""

    def __init__(self) -> None:
        self.generation = 0
        self.features: dict[int, list[float]] = {}

    def catch_up(self, catalog: Catalog) -> None:
        for segment_id in catalog.segments.removed_since(self.generation).tolist():
            self.features.pop(segment_id, None)
        for ids, features in catalog.segments.features(SOUND.fingerprint, after_generation=self.generation):
            for segment_id, values in zip(ids.tolist(), features.tolist(), strict=True):
                assert segment_id not in self.features
                self.features[segment_id] = values
        self.generation = catalog.generation


class CatalogChanges(RuleBasedStateMachine):
    def __init__(self) -> None:
        super().__init__()
        self.folder = tempfile.mkdtemp()
        self.catalog = new_catalog(os.path.join(self.folder, "catalog.sqlite"))
        self.expected: dict[str, Expected] = {}
        self.failures: set[str] = set()
        self.labels: set[str] = set()
        self.ids_seen: set[int] = set()
        self.forgotten: dict[str, Expected] = {}
        self.prompt, self.lazy = Follower(), Follower()

    def teardown(self) -> None:
        ids = [item.id for item in self.expected.values()]
        assert self.catalog.items.outdated(ids, fingerprints=FINGERPRINTS) == set()
        assert self.catalog.check() == []
        self.forget(set())
        self.catalog.sweep()
        assert self.catalog.check() == []
        self.catalog.close()
        with closing(sqlite3.connect(self.catalog.path)) as connection:
            left = connection.execute("SELECT count(*) FROM feature").fetchone()[0]
            assert left == sum(len(item.features) for item in self.expected.values()), "what was forgotten is swept"
        shutil.rmtree(self.folder)

    def chosen(self, choice: int, *, whole: bool = False) -> str | None:
        """Return the path of an item that is there; where `whole`, of one that has not failed."""
        paths = sorted(path for path, item in self.expected.items() if not (whole and item.failed))
        return paths[choice % len(paths)] if paths else None

    @initialize()
    def begin_with_items(self) -> None:
        # Hypothesis leaves out whole rules in many of its examples: without these, most would stay empty.
        self.put([("/m/a", "tune", ("ok", "silent", "ok")), ("/m/b", "song", ("ok",)), ("/m/c", "noise", ("ok",))])

    @rule(batch=st.lists(st.tuples(PATHS, CONTENTS, STATUSES), min_size=1, max_size=3))
    def put(self, batch: list[tuple[str, str, tuple[str, ...]]]) -> None:
        items = [sound(path, content, statuses=statuses) for path, content, statuses in batch]  # type: ignore[arg-type]
        report = self.catalog.put(items, pipelines=pipelines(self.catalog))
        latest = {path: (content, statuses) for path, content, statuses in batch}
        known = latest.keys() & self.expected.keys()
        assert (report.added, report.updated) == (len(latest) - len(known), len(known))
        for path, (content, statuses) in latest.items():
            features = [feature(content, n).tolist() for n, status in enumerate(statuses) if status == "ok"]
            self.write(path, content, features)

    def write(self, path: str, content: str, features: list[list[float]]) -> None:
        record = self.catalog.items.at(path)
        assert record is not None
        old = self.expected.get(path)
        if old is None:
            assert record.id not in self.ids_seen
            self.ids_seen.add(record.id)
        self.expected[path] = Expected(record.id, content, features)
        self.failures.discard(path)

    @rule(choice=CHOICES, destination=PATHS)
    def move(self, choice: int, destination: str) -> None:
        source = self.chosen(choice, whole=True)
        if source is not None:
            item = self.expected.pop(source)
            self.catalog.move(item.id, file(destination))
            self.expected[destination] = item
            self.failures -= {source, destination}

    @rule(order=st.permutations(range(4)))
    def exchange(self, order: list[int]) -> None:
        """Let items that have not failed take each other's paths."""
        paths = sorted(path for path, item in self.expected.items() if not item.failed)
        destinations = {old: paths[place] for old, place in zip(paths, order, strict=False) if place < len(paths)}
        self.catalog.move_all([(self.expected[old].id, file(new)) for old, new in destinations.items()])
        moved = {new: self.expected[old] for old, new in destinations.items()}
        for old in destinations:
            del self.expected[old]
        self.expected |= moved
        self.failures -= destinations.keys() | moved.keys()

    @rule(choice=CHOICES, destination=PATHS)
    def copy(self, choice: int, destination: str) -> None:
        source = self.chosen(choice, whole=True)
        if source is not None:
            item = self.expected[source]
            self.catalog.copy(item.id, file(destination))
            self.write(destination, item.content, item.features)

    @rule(choice=CHOICES)
    def remove(self, choice: int) -> None:
        path = self.chosen(choice)
        if path is not None:
            assert self.catalog.remove([self.expected.pop(path).id]).removed == 1

    @rule(choices=st.sets(CHOICES, max_size=2))
    def forget(self, choices: set[int]) -> None:
        paths = {path for choice in choices if (path := self.chosen(choice)) is not None}
        self.forgotten = {path: self.expected.pop(path) for path in paths}
        run = self.catalog.runs.start("forget", arguments={})
        report = self.catalog.forget([item.id for item in self.forgotten.values()], run_id=run)
        assert report.removed == len(paths)

    @rule()
    def recall(self) -> None:
        self.catalog.recall()
        for path in self.forgotten.keys() - self.expected.keys():
            item = self.forgotten[path]
            has_failed = item.failed or path in self.failures
            self.expected[path] = replace(item, failed=has_failed, features=[] if has_failed else item.features)
        self.forgotten = {}

    @rule()
    def sweep(self) -> None:
        self.catalog.sweep()

    @rule(path=PATHS, keep=st.booleans())
    def fail(self, path: str, keep: bool) -> None:
        self.catalog.fail([failure(path)], keep_items=keep)
        self.failures.add(path)
        if path in self.expected and not keep:
            self.expected[path] = replace(self.expected[path], failed=True, features=[])

    @rule(choice=CHOICES, label=LABELS)
    def label(self, choice: int, label: str) -> None:
        path = self.chosen(choice)
        if path is not None:
            item = self.expected[path]
            self.catalog.labels.annotate([Annotation(item_id=item.id, label=label, origin="hand")])
            self.labels.add(label)

    @rule()
    def follow_after_a_while(self) -> None:
        self.lazy.catch_up(self.catalog)
        assert self.lazy.features == self.prompt.features

    @invariant()
    def items_are_as_expected(self) -> None:
        found = {record.path: record for record in self.catalog.items.all()}
        assert {path: (record.id, record.content_hash, record.status) for path, record in found.items()} == {
            path: (item.id, item.content, "failed" if item.failed else "ok") for path, item in self.expected.items()
        }
        kept = self.catalog.kept_labels.count_by_label()
        assert {name for record in found.values() for name in record.labels} | kept.keys() == self.labels
        assert {failed.path for failed in self.catalog.failures.all()} == self.failures

    @invariant()
    def segments_are_as_expected(self) -> None:
        self.prompt.catch_up(self.catalog)
        assert sorted(self.prompt.features) == self.catalog.segments.ids(SOUND.fingerprint).tolist()
        features: dict[int, list[list[float]]] = {item.id: [] for item in self.expected.values()}
        for segment in self.catalog.segments.of_items(features):
            if segment.status == "ok":
                features[segment.item_id].append(self.prompt.features[segment.id])
        assert features == {item.id: item.features for item in self.expected.values()}


CatalogChanges.TestCase.settings = settings(
    max_examples=30, stateful_step_count=20, deadline=None, suppress_health_check=[HealthCheck.too_slow]
)
TestCatalogChanges = CatalogChanges.TestCase
