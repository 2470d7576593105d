"""Collections of train or test media in an index of their own, to be labelled in part and named by the labels."""

from __future__ import annotations

import os
import shutil
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

import numpy as np
from sources import MERGED, recording

import modag_search as modag

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Mapping, Sequence
    from pathlib import Path

    from modag_search.classify.classify import By
    from modag_search.values import Modality

KINDS: dict[Modality, Literal["image", "sound"]] = {"image": "image", "sound": "sound"}


@dataclass(frozen=True, slots=True, eq=False)
class Part:
    """Recordings or photographs of a collection; excerpts of one recording are one.

    Attributes
    ----------
    items : list of list of int
        Ids of the excerpts of each.
    classes : np.ndarray [shape=(n,), str]
    """

    items: list[list[int]]
    classes: np.ndarray

    def __len__(self) -> int:
        return len(self.items)

    def only(self, chosen: Iterable[int]) -> Part:
        """Return some of them."""
        places = list(chosen)
        return Part([self.items[place] for place in places], self.classes[places])

    def of(self, classes: Sequence[str]) -> Part:
        """Return those of some classes."""
        return self.only(np.flatnonzero(np.isin(self.classes, list(classes))).tolist())

    def counted(self, *, least: int) -> list[str]:
        """List the classes of which there are enough."""
        names, counts = np.unique(self.classes, return_counts=True)
        return [str(name) for name in names[counts >= least]]


@dataclass(frozen=True, slots=True, eq=False)
class Named:
    """What recordings or photographs were named.

    Attributes
    ----------
    right : np.ndarray [shape=(n,), bool]
    confidences : np.ndarray [shape=(n,), float64]
    classes : np.ndarray [shape=(n,), str]
        What they are.
    """

    right: np.ndarray
    confidences: np.ndarray
    classes: np.ndarray

    @property
    def accuracy(self) -> float:
        """Averaged over classes."""
        return float(np.mean([self.right[self.classes == name].mean() for name in np.unique(self.classes)]))


def indexed(folder: Path, sources: Sequence[Path]) -> modag.Index:
    """Open an index of sources; what it holds already is not encoded again."""
    index = modag.Index.open(folder, create=True)
    index.add([str(source) for source in sources])
    return index


def parts_of(index: modag.Index, sources: Mapping[Modality, Collection[str]]) -> dict[Modality, Part]:
    """Arrange the items of an index by modality and recording; classes are the names of their folders.

    Parameters
    ----------
    index : Index
    sources : Mapping of modality to collection of str
        Names of the sources that count.
    """
    found: dict[Modality, dict[str, list[int]]] = {modality: {} for modality in KINDS}
    class_of: dict[str, str] = {}
    for item in index.catalog.items.all():
        folder = os.path.dirname(item.path)
        source = os.path.basename(os.path.dirname(folder))
        if source not in sources[item.kind]:  # type: ignore[index]
            continue
        name = recording(item.path)
        class_of[name] = MERGED.get(os.path.basename(folder), os.path.basename(folder))
        found[item.kind].setdefault(name, []).append(item.id)  # type: ignore[index]
    return {
        modality: Part(list(by_name.values()), np.array([class_of[name] for name in by_name]))
        for modality, by_name in found.items()
    }


def give(index: modag.Index, part: Part) -> None:
    """Label what is in a part by its class."""
    for name in np.unique(part.classes):
        ids = [item for place in np.flatnonzero(part.classes == name) for item in part.items[place]]
        index.label([f"id:{item}" for item in ids], str(name))


def take_all(index: modag.Index) -> None:
    """Take all labels back."""
    for summary in index.labels.summaries():
        index.labels.remove(summary.label)


def named(index: modag.Index, part: Part, *, by: By = "knn") -> Named:
    """Name what is in a part, unlabelled, by the labels of the index, as `modag transfer` would at any confidence."""
    if by == "head":
        index.train_head()
    answers = index.transfer(min_confidence=0.0, by=by, dry_run=True).given
    paths = {item.id: item.path for item in index.catalog.items.get_many(i for own in part.items for i in own).values()}
    by_path = {answer.path: answer for answer in answers}
    right, confidences = [], []
    for own, name in zip(part.items, part.classes.tolist(), strict=True):
        said: dict[str, float] = {}
        for item in own:
            answer = by_path.get(paths[item])
            if answer is not None:
                said[answer.label] = said.get(answer.label, 0.0) + answer.confidence / len(own)
        best = max(said, key=lambda label: (said[label], label), default=None)
        right.append(best == name)
        confidences.append(said.get(best, 0.0) if best is not None else 0.0)
    return Named(np.array(right), np.array(confidences), part.classes)


def split(part: Part, *, labelled: int, seed: int) -> tuple[Part, Part]:
    """Deal each class to what may be labelled, in a random order, and what is asked.

    At most `labelled` of a class may be labelled, and at most half of it.
    """
    random = np.random.default_rng(seed)
    pool: list[int] = []
    asked: list[int] = []
    for name in np.unique(part.classes):
        places = random.permutation(np.flatnonzero(part.classes == name))
        most = min(labelled, max(len(places) // 2, len(places) - 10))
        pool += places[:most].tolist()
        asked += places[most:].tolist()
    return part.only(pool), part.only(asked)


def first_of_each(part: Part, n: int) -> Part:
    """Return the first `n` of each class."""
    places = [place for name in np.unique(part.classes) for place in np.flatnonzero(part.classes == name)[:n].tolist()]
    return part.only(places)


def copied(index: modag.Index, folder: Path, *, without: Part) -> modag.Index:
    """Open a copy of an index that lacks some items."""
    if folder.exists():
        shutil.rmtree(folder)
    shutil.copytree(index.folder, folder)
    copy = modag.Index.open(folder)
    copy.catalog.remove(item for own in without.items for item in own)
    return copy
