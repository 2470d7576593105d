"""What all that are compared are given: the same vectors, ids, metadata and queries, and the true answers."""

from __future__ import annotations

import functools
import os
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import scale

from modag_search.values import MODALITIES

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from pathlib import Path

    import numpy.typing as npt

    from modag_search.space import Space
    from modag_search.values import Float32Array, Int64Array, Modality

ASKED, TUNED_BY = 1_000, 100
"""Queries that are measured, and others that a peer's effort is chosen by."""
K = 10
FILTERS = ("half", "hundredth", "rare")
"""Labels that 50 %, 1 % and 0.01 % have."""
_ASKING = 1_000_000_000
"""Seed of the queries; those of vectors are their numbers."""
_AT_ONCE = 5_000
_COMPARED_AT_ONCE = 20_000
_SAME = 1e-5
_PERIOD = 10_000
"""Numbers after which `scale.folder_of` repeats itself."""


@dataclass(frozen=True, slots=True)
class Made:
    """What a number stands for: a sound with metadata."""

    id: int

    @property
    def label(self) -> str:
        """What peers filter by."""
        return scale.folder_of(self.id)

    @property
    def path(self) -> str:
        """Where it would lie."""
        return f"/made/{self.label}/{self.id % 997:03d}/{self.id:09d}.sound"

    @property
    def duration_s(self) -> float:
        """How long it would last."""
        return 3.0 + self.id % 57

    @property
    def columns(self) -> dict[str, Any]:
        """Return what a peer stores beside the vector."""
        return {"id": self.id, "path": self.path, "label": self.label, "duration_s": self.duration_s}


class Material:
    """Vectors of `n` sounds in a file, queries, and which answers are right.

    Half of the queries are sounds, half pictures: near to what is stored, and far from it.

    Parameters
    ----------
    folder : Path
        Where `make` wrote it.
    n : int
    """

    def __init__(self, folder: Path, *, n: int) -> None:
        self.n = n
        self._folder = folder
        self._file = folder / "vectors.f32"
        self.asking: Float32Array = np.load(folder / "asking.npy")
        self.dimension: int = self.asking.shape[1]
        with np.load(folder / "right.npz") as right:
            self._right: Mapping[str, Any] = dict(right)

    def batches(self, at_once: int = _AT_ONCE) -> Iterator[tuple[Int64Array, Float32Array]]:
        """Read ids and vectors; not by map, since a map would count as memory of who reads."""
        for start in range(0, self.n, at_once):
            ids = np.arange(start, min(start + at_once, self.n), dtype=np.int64)
            yield ids, self.vectors(start, len(ids))

    def vectors(self, start: int, count: int) -> Float32Array:
        """Read vectors ``[shape=(count, dimension), float32]``."""
        size = self.dimension * 4
        found = np.fromfile(self._file, dtype=np.float32, count=count * self.dimension, offset=start * size)
        return found.reshape(count, self.dimension)

    @functools.cached_property
    def seeds(self) -> Mapping[Modality, scale.Seeds]:
        """Return what vectors were drawn from."""
        with np.load(self._folder / "seeds.npz") as features:
            return {
                modality: scale.Seeds(features[modality], ("",) * len(features[modality])) for modality in MODALITIES
            }

    @functools.cached_property
    def _labels(self) -> npt.NDArray[np.str_]:
        return labels_of(self.n)

    @functools.cache  # noqa: B019  one a process
    def with_label(self, label: str) -> Int64Array:
        """Return the ids that have a label, ascending; not to be written to, as those that an index filters by."""
        ids = np.flatnonzero(self._labels == label).astype(np.int64)
        ids.setflags(write=False)
        return ids

    def share_right(self, place: int, found: list[int], *, where: str | None = None) -> float:
        """Return which share of the true `K` nearest was found.

        Ids from `n` on are queries that lie among what is stored, as those of an index do, in the order of `asking`.
        """
        name = where or "all"
        right, least = self._right[f"{name}_ids"][place], self._right[f"{name}_least"][place]
        there = right[right >= 0]
        asking = [one - self.n for one in found if one >= self.n]
        as_near = int((self.asking[asking] @ self.asking[place] >= least - _SAME).sum()) if asking else 0
        return min((len(np.intersect1d(there, found)) + as_near) / len(there), 1.0)


def labels_of(n: int) -> npt.NDArray[np.str_]:
    """Return the labels of the first `n` numbers."""
    return np.resize(np.array([scale.folder_of(number) for number in range(_PERIOD)]), n)


def features(seeds: Mapping[Modality, scale.Seeds], n: int) -> Iterator[tuple[Int64Array, Float32Array]]:
    """Draw the features of all sounds, some at once, with their ids."""
    for start in range(0, n, _AT_ONCE):
        ids = np.arange(start, min(start + _AT_ONCE, n), dtype=np.int64)
        yield ids, seeds["sound"].drawn(len(ids), np.random.default_rng(start))[0]


def asking_features(seeds: Mapping[Modality, scale.Seeds]) -> list[tuple[Modality, Float32Array]]:
    """Draw the features of queries: by turns of a sound and of a picture, ``[shape=(1, d)]``."""
    random = np.random.default_rng(_ASKING)
    half = (ASKED + TUNED_BY) // 2
    sounds, pictures = (seeds[modality].drawn(half, random)[0] for modality in ("sound", "image"))
    by_turns: list[tuple[Modality, Float32Array]] = []
    for sound, picture in zip(sounds, pictures, strict=True):
        by_turns += [("sound", sound[None]), ("image", picture[None])]
    return by_turns


def make(folder: Path, *, n: int, seeds: Mapping[Modality, scale.Seeds], space: Space) -> None:
    """Write vectors, queries and right answers into a folder, where they are not there yet."""
    if (folder / "right.npz").exists():
        return
    folder.mkdir(parents=True, exist_ok=True)
    np.savez(folder / "seeds.npz", **{modality: one.features for modality, one in seeds.items()})  # type: ignore[arg-type]
    with (folder / "vectors.f32").open("wb") as file:
        for _, some in features(seeds, n):
            file.write(space.project("sound", some).astype(np.float32).tobytes())
    asking = np.concatenate([space.project(modality, one) for modality, one in asking_features(seeds)])
    np.save(folder / "asking.npy", asking.astype(np.float32))
    right = _right_answers(folder / "vectors.f32", asking, n=n)
    np.savez(folder / "right.partly.npz", **right)  # type: ignore[arg-type]
    os.replace(folder / "right.partly.npz", folder / "right.npz")


def _right_answers(file: Path, asking: Float32Array, *, n: int) -> dict[str, npt.NDArray[Any]]:
    """Compare queries with all vectors, and keep the nearest of all, and of those with each label."""
    vectors = np.memmap(file, dtype=np.float32, mode="r", shape=(n, asking.shape[1]))
    labels = labels_of(n)
    names = ("all", *FILTERS)
    best = {name: np.full((len(asking), K), -np.inf, dtype=np.float32) for name in names}
    ids = {name: np.full((len(asking), K), -1, dtype=np.int64) for name in names}
    for start in range(0, n, _COMPARED_AT_ONCE):
        part = slice(start, start + _COMPARED_AT_ONCE)
        near = asking @ np.asarray(vectors[part]).T
        for name in names:
            places = np.arange(near.shape[1]) if name == "all" else np.flatnonzero(labels[part] == name)
            both = np.hstack([best[name], near[:, places]])
            both_ids = np.hstack([ids[name], np.broadcast_to(start + places, (len(asking), len(places)))])
            order = np.argpartition(-both, K - 1, axis=1)[:, :K]
            best[name] = np.take_along_axis(both, order, axis=1)
            ids[name] = np.take_along_axis(both_ids, order, axis=1)
    least = {name: np.where(ids[name] >= 0, best[name], np.inf).min(axis=1) for name in names}
    return {f"{name}_ids": ids[name] for name in names} | {f"{name}_least": least[name] for name in names}
