"""Any sequence of changes loses no label: each is on an item, or kept for the content that it was given to."""

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

from modag_search.catalog import Annotation, LabelMode
from modag_search.errors import LabelConflictError
from tests.catalog_builders import failure, file, new_catalog, pipelines, sound

PATHS = st.sampled_from(["/m/a", "/m/b", "/m/c", "/m/sub/a"])
CONTENTS = st.sampled_from(["tune", "tune, tagged", "song", "noise"])
"""Of the first two the features are the same."""
CHOICES = st.integers(0, 9)


@dataclass
class Said:
    """A label that was given."""

    heard: str
    run: int


class LabelChanges(RuleBasedStateMachine):
    def __init__(self) -> None:
        super().__init__()
        self.folder = tempfile.mkdtemp()
        self.catalog = new_catalog(os.path.join(self.folder, "catalog.sqlite"))
        self.mode: LabelMode = "multi"
        self.said: dict[str, Said] = {}
        self.before_forgetting: dict[str, tuple[str, tuple[str, ...]]] | None = None

    def teardown(self) -> None:
        assert self.catalog.check() == []
        self.catalog.close()
        shutil.rmtree(self.folder)

    def chosen(self, choice: int) -> int | None:
        ids = [item.id for item in self.catalog.items.all() if item.status == "ok"]
        return ids[choice % len(ids)] if ids else None

    @initialize(mode=st.sampled_from(["multi", "single", "auto"]))
    def begin_with_items(self, mode: LabelMode) -> None:
        self.mode = mode
        self.catalog.hierarchy.set_mode(mode)
        for path, content in (("/m/a", "tune"), ("/m/b", "song"), ("/m/c", "tune, tagged")):
            self.put(path, content)
        self.label(0)

    @rule(path=PATHS, content=CONTENTS)
    def put(self, path: str, content: str) -> None:
        item = replace(sound(path, heard_in(content)), content_hash=content)
        self.catalog.put([item], pipelines=pipelines(self.catalog))
        self.catalog.reunite([path])
        self.before_forgetting = None

    @rule(choice=CHOICES, destination=PATHS)
    def move(self, choice: int, destination: str) -> None:
        item_id = self.chosen(choice)
        if item_id is not None:
            self.catalog.move(item_id, file(destination))
            self.before_forgetting = None

    @rule(choice=CHOICES, destination=PATHS)
    def copy(self, choice: int, destination: str) -> None:
        item_id = self.chosen(choice)
        if item_id is not None:
            self.catalog.copy(item_id, file(destination))
            self.before_forgetting = None

    @rule(choice=CHOICES)
    def remove(self, choice: int) -> None:
        item_id = self.chosen(choice)
        if item_id is not None:
            self.catalog.remove([item_id])
            self.before_forgetting = None

    @rule(path=PATHS)
    def fail(self, path: str) -> None:
        self.catalog.fail([failure(path)], keep_items=False)
        self.before_forgetting = None

    @rule(choice=CHOICES)
    def label(self, choice: int) -> None:
        item_id = self.chosen(choice)
        if item_id is not None:
            name = f"label {len(self.said)} of {self.catalog.label_generation}"
            run = self.catalog.runs.start("label", arguments={})
            try:
                self.catalog.labels.annotate([Annotation(item_id=item_id, label=name, origin="hand", run_id=run)])
            except LabelConflictError:
                return
            self.said[name] = Said(heard_in(self.catalog.items.content_hashes([item_id])[item_id]), run)
            self.before_forgetting = None

    @rule(choice=CHOICES)
    def undo(self, choice: int) -> None:
        if self.said:
            name = sorted(self.said)[choice % len(self.said)]
            assert self.catalog.labels.undo(self.said.pop(name).run).removed >= 1
            self.before_forgetting = None

    @rule(choice=CHOICES)
    def rename(self, choice: int) -> None:
        if self.said:
            name = sorted(self.said)[choice % len(self.said)]
            self.said[f"{name}, renamed"] = self.said.pop(name)
            self.catalog.labels.merge([name], f"{name}, renamed")
            self.before_forgetting = None

    @rule(choices=st.sets(CHOICES, min_size=1, max_size=2))
    def forget(self, choices: set[int]) -> None:
        ids = {item_id for choice in choices if (item_id := self.chosen(choice)) is not None}
        if ids:
            before = self.state()
            self.catalog.forget(ids, run_id=self.catalog.runs.start("forget", arguments={}))
            assert not ids & {item.id for item in self.catalog.items.all()}
            self.before_forgetting = before

    @rule()
    def recall(self) -> None:
        self.catalog.recall()
        if self.before_forgetting is not None:
            after = self.state()
            for path, (content, labels) in self.before_forgetting.items():
                assert after[path][0] == content
                assert set(labels) == set(after[path][1]), "what passed to others is given back"
        self.before_forgetting = None

    def state(self) -> dict[str, tuple[str, tuple[str, ...]]]:
        return {item.path: (item.content_hash, item.labels) for item in self.catalog.items.all()}

    @invariant()
    def no_label_is_lost_and_none_comes_from_nowhere(self) -> None:
        on_items = {name for item in self.catalog.items.all() for name in item.labels}
        assert on_items | self.catalog.kept_labels.count_by_label().keys() == self.said.keys()

    @invariant()
    def what_is_kept_waits_for_what_no_item_holds(self) -> None:
        if self.mode != "multi":
            return  # an item of that content may have another label
        contents = {item.content_hash for item in self.catalog.items.all() if item.status == "ok"}
        with closing(sqlite3.connect(os.path.join(self.folder, "catalog.sqlite"))) as connection:
            waiting = connection.execute("SELECT content_hash, likeness FROM kept_annotation").fetchall()
        assert not contents & {content for content, _ in waiting}
        heard = {heard_in(content) for content in contents}
        assert not heard & {heard_in(content) for content, likeness in waiting if likeness is not None}

    @invariant()
    def labels_that_exclude_each_other_never_meet(self) -> None:
        if self.mode == "single":
            assert all(len(item.labels) <= 1 for item in self.catalog.items.all())

    @invariant()
    def what_has_a_label_of_something_else_is_listed(self) -> None:
        listed = {(one.path, name) for one in self.catalog.kept_labels.replaced() for name in one.labels}
        for item in self.catalog.items.all():
            for name in item.labels:
                if heard_in(item.content_hash) != self.said[name].heard:
                    assert (item.path, name) in listed


def heard_in(content: str) -> str:
    return content.partition(",")[0]


LabelChanges.TestCase.settings = settings(
    max_examples=40, stateful_step_count=20, deadline=None, suppress_health_check=[HealthCheck.too_slow]
)
TestLabelChanges = LabelChanges.TestCase
