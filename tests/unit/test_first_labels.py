"""A few labels of a few classes, in a collection of real sounds most of which is of classes that nobody labelled."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

import pytest

from modag_search import Index
from tests.as_it_was import opened_as_it_was
from tests.shared_folder import shared

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

CLASSES = (
    *("agogo", "banjo", "bassoon", "bell_tree", "castanets", "cello", "clarinet", "cymbals", "flute", "french_horn"),
    *("gong", "mandolin", "oboe", "saxophone", "sleigh_bells", "snare_drum", "tambourine", "trombone", "trumpet"),
    *("violin", "woodblock"),
)
EACH = 6
FIRST = ("flute", "gong", "woodblock")
SURE = 0.9


def files(name: str) -> list[Path]:
    return sorted(shared(f"data/sound/philharmonia/{name}").iterdir())[:EACH]


def truth(path: str) -> str:
    return os.path.basename(os.path.dirname(path))


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An index of sounds of many instruments; not to be changed."""
    folder = tmp_path_factory.mktemp("sounds") / "index"
    with Index.open(folder, create=True) as index:
        index.add([path for name in CLASSES for path in files(name)])
    return folder


@pytest.fixture
def index(folder: Path) -> Iterator[Index]:
    """The index without labels, which has none afterwards."""
    with opened_as_it_was(folder) as opened:
        yield opened


def test_an_only_label_is_sure_of_nothing_else(index: Index) -> None:
    index.label(files("flute")[:1], "flute")
    assert index.transfer(min_confidence=SURE, dry_run=True).given == ()
    (first, *_) = sorted(index.classify(unlabelled=True), key=lambda answer: -answer.confidence)
    assert truth(first.path) == "flute", "though what is most like it comes first"


@pytest.mark.parametrize("n", [1, 2, 3])
def test_a_few_labels_of_a_few_classes_do_not_spread_to_strangers(index: Index, n: int) -> None:
    for name in FIRST:
        index.label(files(name)[:n], name)
    given = index.transfer(min_confidence=SURE, dry_run=True).given
    assert [answer.path for answer in given if truth(answer.path) not in FIRST] == []
    unlabelled = index.classify(unlabelled=True)
    known = [answer.confidence for answer in unlabelled if truth(answer.path) in FIRST]
    strangers = [answer.confidence for answer in unlabelled if truth(answer.path) not in FIRST]
    assert min(len(known), len(strangers)) > 5
    assert sum(known) / len(known) > 3 * sum(strangers) / len(strangers)


def test_where_every_class_has_labels_names_are_sure(index: Index) -> None:
    for name in CLASSES:
        index.label(files(name)[: EACH // 2], name)
    given = index.transfer(min_confidence=SURE, dry_run=True).given
    assert len(given) > len(CLASSES) * EACH // 4, "half of what has no label, at the least"
    assert sum(answer.label == truth(answer.path) for answer in given) > 0.9 * len(given)


def test_how_much_of_the_collection_is_known_is_told(index: Index) -> None:
    for name in FIRST:
        index.label(files(name)[:2], name)
    (few,) = index.explain(files("flute")[-1]).heard
    for name in CLASSES:
        index.label(files(name)[:2], name)
    (all_of_them,) = index.explain(files("flute")[-1]).heard
    assert few.known_share is not None
    assert all_of_them.known_share is not None
    assert few.known_share < 0.4
    assert all_of_them.known_share > 0.8


def test_files_that_come_count_as_strangers(folder: Path, tmp_path: Path) -> None:
    """What looks like a labelled thing is less surely one, the more there is in the index that is not."""
    with Index.open(tmp_path / "index", create=True) as index:
        index.add([path for name in FIRST for path in files(name)])
        for name in FIRST:
            index.label(files(name)[:2], name)
        before = {answer.path: answer for answer in index.classify(unlabelled=True)}
        index.add([path for name in CLASSES for path in files(name)])
        after = {answer.path: answer for answer in index.classify(unlabelled=True)}
    assert len(after) > len(before) > 0
    assert all(after[path].label == answer.label for path, answer in before.items())
    assert all(after[path].confidence < answer.confidence for path, answer in before.items())
