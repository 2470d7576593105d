"""What second labels and denials do to names of real photographs."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pytest

from modag_search import Index
from tests.as_it_was import opened_as_it_was
from tests.shared_folder import shared

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

CLASSES = (
    *("accordion", "alphorn", "bagpipes", "banjo", "bongo", "cabasa", "clarinet", "clavichord", "concertina"),
    *("didgeridoo", "dulcimer", "flute", "guiro", "guitar", "harp", "ocarina", "piano", "saxophone", "sitar"),
    *("tambourine", "trombone", "trumpet", "tuba", "violin", "xylophone"),
)
EACH, LABELLED = 12, 3
NOISE = 1e-5


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An index of photographs of many instruments, some of each labelled; not to be changed."""
    photos = {name: sorted(shared(f"data/photo/kaggle30/{name}").glob("*.jpg"))[:EACH] for name in CLASSES}
    folder = tmp_path_factory.mktemp("photographs") / "index"
    with Index.open(folder, create=True) as index:
        index.add([path for paths in photos.values() for path in paths])
        for name, paths in photos.items():
            index.label(paths[:LABELLED], name)
    return folder


@pytest.fixture
def index(folder: Path) -> Iterator[Index]:
    """The index, which is afterwards as it was."""
    with opened_as_it_was(folder) as opened:
        yield opened


def answers(index: Index) -> dict[str, tuple[str | None, float]]:
    return {answer.path: (answer.label, answer.confidence) for answer in index.classify()}


def labelled(name: str) -> list[Path]:
    return sorted(shared(f"data/photo/kaggle30/{name}").glob("*.jpg"))[:LABELLED]


def truth(path: str) -> str:
    return path.rsplit("/", 2)[1]


@pytest.mark.parametrize("n", [1, 16])
def test_favourite_changes_no_answer(index: Index, n: int) -> None:
    index.train_head()
    before, by_head = answers(index), {one.path: one.label for one in index.classify(by="head")}
    sure = index.transfer(dry_run=True).given
    assert len(sure) > 50
    index.label([labelled(name)[place] for place in range(2) for name in CLASSES][:n], "favourite")
    after = answers(index)
    assert {path: label for path, (label, _) in after.items()} == {path: label for path, (label, _) in before.items()}
    assert max(abs(after[path][1] - before[path][1]) for path in before) < NOISE
    assert [(one.path, one.label) for one in index.transfer(dry_run=True).given] == [(s.path, s.label) for s in sure]
    index.train_head()
    assert {one.path: one.label for one in index.classify(by="head")} == by_head
    assert [issue for issue in index.audit() if issue.label == "favourite"] == [], "it says nothing of what they show"


def test_one_photograph_of_two_things_leaves_labels_exclusive(index: Index) -> None:
    before = index.transfer(dry_run=True).given
    index.label(labelled("trumpet")[:1], "violin")
    assert index.labels.groups == [sorted(CLASSES)]
    assert set(index.item(labelled("trumpet")[0]).labels) == {"trumpet", "violin"}
    assert len(index.transfer(dry_run=True).given) > 0.95 * len(before)
    for answer in index.classify():
        assert sum(score.score for score in answer.scores) < 1 + NOISE


def test_wrong_answers_that_are_denied_teach_their_like(index: Index) -> None:
    before = answers(index)
    wrong = [path for path, (label, confidence) in sorted(before.items()) if label != truth(path) and confidence > 0.4]
    denied = wrong[::2]
    assert len(denied) >= 5
    for path in denied:
        index.deny([path], str(before[path][0]))
    after = answers(index)
    assert all(after[path][0] != before[path][0] for path in denied)
    others = [path for path in before if path not in denied]

    def right(found: dict[str, tuple[str | None, float]]) -> np.ndarray:
        return np.array([found[path][0] == truth(path) for path in others])

    assert right(after).sum() >= right(before).sum(), "nothing else is the worse for it"
    sure = [path for path in others if before[path][0] != truth(path)]
    assert np.mean([after[path][1] for path in sure]) < np.mean([before[path][1] for path in sure])


def test_a_label_that_only_sounds_have_asks_for_a_photograph(tmp_path: Path) -> None:
    """Photographs of trumpets beside labelled saxophones: hearsay calls them so, and one photograph would tell."""
    photos = {
        name: sorted(shared(f"data/photo/kaggle30/{name}").glob("*.jpg"))[:EACH] for name in ("saxophone", "violin")
    }
    trumpets = sorted(shared("data/photo/kaggle30/trumpet").glob("*.jpg"))[:EACH]
    sounds = {
        name: sorted(shared(f"data/sound/philharmonia/{name}").glob("*.ogg"))[:EACH]
        for name in ("trumpet", "saxophone", "violin")
    }
    with Index.open(tmp_path / "index", create=True) as index:
        index.add([path for paths in (*photos.values(), *sounds.values(), trumpets) for path in paths])
        for name, paths in (*photos.items(), *sounds.items()):
            index.label(paths, name)
        wanted = [one for one in index.suggest(n=3) if one.wanted]
        assert [(one.wanted, one.modality) for one in wanted] == [("trumpet", "image")]
        assert truth(wanted[0].path) == "trumpet"
        index.label([wanted[0].path], "trumpet")
        named = [one.label for one in index.classify(unlabelled=True)]
    assert named.count("trumpet") > len(named) / 2
