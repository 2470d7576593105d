"""Pairs that are near are all found, however few are compared in full."""

from __future__ import annotations

from typing import Any
from unittest.mock import patch

import hypothesis.strategies as st
import numpy as np
import pytest
from hypothesis import given, settings

from modag_search.curate import cells, similarity_join
from modag_search.curate.cells import Slab, slabs
from modag_search.curate.similarity_join import SimilarityJoin


def unit(vectors: np.ndarray) -> np.ndarray:
    return np.asarray(vectors / np.linalg.norm(vectors, axis=1, keepdims=True), np.float32)


def spread(n: int, d: int, *, kinds: int, spread: float, seed: int) -> np.ndarray:
    """Unit vectors round a few centres; the first tenth has copies, which lie at the end."""
    random = np.random.default_rng(seed)
    vectors = random.standard_normal((kinds, d))[np.arange(n) % kinds] + spread * random.standard_normal((n, d))
    n_copied = n // 10
    vectors[n - n_copied :] = vectors[:n_copied] + 0.1 * spread * random.standard_normal((n_copied, d))
    return unit(vectors)


def joined(join: SimilarityJoin, n: int, floors: np.ndarray, *, rows_at_once: int) -> set[tuple[int, int]]:
    """Find pairs as one who confirms candidates does."""
    found = set()
    for start in range(0, n, rows_at_once):
        rows = np.arange(start, min(start + rows_at_once, n))
        candidates = join.candidates(rows)
        for place, row in enumerate(rows.tolist()):
            others, cosines = candidates.of(place)
            assert (others > row).all()
            assert (np.diff(others) > 0).all()
            assert cosines.tolist() == join.cosines(row, others).tolist()
            are_near = cosines >= np.minimum(floors[row], floors[others])
            found |= {(row, other) for other in others[are_near].tolist()}
    return found


def all_near(vectors: np.ndarray, floors: np.ndarray, *, margin: float) -> set[tuple[int, int]]:
    """Compare all pairs; those that rounding may decide fall on one side or the other by the margin."""
    cosines = vectors.astype(np.float64) @ vectors.T.astype(np.float64)
    are_near = np.triu(cosines >= np.minimum.outer(floors, floors) + margin, 1)
    return set(zip(*(places.tolist() for places in np.nonzero(are_near)), strict=True))


@settings(max_examples=60, deadline=None)
@given(
    seed=st.integers(0, 1000),
    n=st.integers(0, 120),
    d=st.integers(1, 30),
    width=st.integers(1, 20),
    floor=st.sampled_from([-0.5, 0.3, 0.8, 0.95, 0.999]),
    lower=st.sampled_from([0.0, 0.4]),
    strewn=st.sampled_from([0.0, 0.1, 1.0]),
    at_once=st.sampled_from([(3, 7), (500, 500)]),
    many=st.sampled_from([-1.0, 0.2, 1.0]),
    of_cell=st.sampled_from([1, 5, 500]),
)
def test_no_near_pair_is_left_out(
    seed: int,
    n: int,
    d: int,
    width: int,
    floor: float,
    lower: float,
    strewn: float,
    at_once: tuple[int, int],
    many: float,
    of_cell: int,
) -> None:
    vectors = spread(n, d, kinds=3, spread=strewn, seed=seed)
    floors = floor - lower * np.random.default_rng(seed).random(n)
    # As if there were many: directions of a few, and never all.
    few: dict[str, Any] = {
        "_FITTED": 20,
        "_JUDGED": 10,
        "_WIDTHS": (width,),
        "_COST_OF_PAIR": 0.0,
        "_COLUMNS_AT_ONCE": at_once[1],
        "_MANY": many,
    }
    with patch.multiple(similarity_join, **few), patch.object(cells, "_ROWS_OF_CELL", of_cell):
        join = SimilarityJoin(vectors, floors=floors, keys=np.zeros(n), ranges=np.zeros((n, 2)))
        assert join.width == (width if n >= 30 and width < d else d)
        found = joined(join, n, floors, rows_at_once=at_once[0])
    assert found >= all_near(vectors, floors, margin=1e-6)
    assert found <= all_near(vectors, floors, margin=-1e-6)


@settings(max_examples=30, deadline=None)
@given(seed=st.integers(0, 1000), rows_at_once=st.sampled_from([1, 10, 200]), of_cell=st.sampled_from([1, 7, 40, 500]))
def test_what_has_a_key_out_of_range_need_not_come_and_all_else_does(
    seed: int, rows_at_once: int, of_cell: int
) -> None:
    random = np.random.default_rng(seed)
    keys = random.integers(0, 6, 80).astype(np.float64)
    ranges = np.stack([keys - 1, keys + 1], axis=1)
    vectors, floors = np.ones((80, 1), np.float32), np.full(80, 0.9)
    with patch.object(cells, "_ROWS_OF_CELL", of_cell):
        join = SimilarityJoin(vectors, floors=floors, keys=keys, ranges=ranges)
        found = joined(join, 80, floors, rows_at_once=rows_at_once)
    pairs = [(one, two) for one in range(80) for two in range(one + 1, 80)]
    assert found >= {(one, two) for one, two in pairs if abs(keys[one] - keys[two]) <= 1}
    if of_cell == 1:  # keys of one slab differ by 1 at most, and what is near to them by 1 more
        assert found <= {(one, two) for one, two in pairs if abs(keys[one] - keys[two]) <= 2}


@settings(max_examples=30, deadline=None)
@given(
    seed=st.integers(0, 1000),
    share=st.sampled_from([0.0, 0.3, 1.0]),
    lower=st.sampled_from([0.0, 0.4]),
    of_cell=st.sampled_from([2, 10, 500]),
)
def test_what_either_requires_holds_whatever_the_floors_are(
    seed: int, share: float, lower: float, of_cell: int
) -> None:
    random = np.random.default_rng(seed)
    n = 80
    vectors, floors = spread(n, 8, kinds=3, spread=0.5, seed=seed), 0.8 - lower * random.random(n)
    required = np.where(random.random(n) < share, 0.9, -1.0)
    with patch.object(cells, "_ROWS_OF_CELL", of_cell):
        join = SimilarityJoin(vectors, floors=floors, keys=np.zeros(n), ranges=np.zeros((n, 2)), required=required)
        found = joined(join, n, floors, rows_at_once=30)
    cosines = vectors.astype(np.float64) @ vectors.T.astype(np.float64)
    limits = np.maximum(np.minimum.outer(floors, floors), np.maximum.outer(required, required))
    near = np.triu(cosines >= limits, 1)
    assert found >= set(zip(*(places.tolist() for places in np.nonzero(near)), strict=True))
    nearly = np.triu(cosines >= limits - 1e-3, 1)
    assert found <= set(zip(*(places.tolist() for places in np.nonzero(nearly)), strict=True))


@settings(max_examples=60, deadline=None)
@given(
    seed=st.integers(0, 1000),
    n=st.integers(1, 150),
    d=st.integers(1, 12),
    strewn=st.sampled_from([0.0, 3e-4, 1e-3, 0.1, 1.0]),
    reach=st.sampled_from([0.0, 0.05, 0.3, 1.0]),
    of_cell=st.sampled_from([1, 4, 500]),
)
def test_cells_hold_each_row_once_and_what_is_in_reach_lies_in_those_that_may_hold_it(
    seed: int, n: int, d: int, strewn: float, reach: float, of_cell: int
) -> None:
    """Of any vectors, not only of unit ones."""
    random = np.random.default_rng(seed)
    matrix = (spread(n, d, kinds=3, spread=strewn, seed=seed) * random.uniform(0, 1, (n, 1))).astype(np.float32)
    keys = random.uniform(0, 5, n)
    with patch.object(cells, "_ROWS_OF_CELL", of_cell):
        laid_out = list(slabs(matrix, keys, np.stack([keys - 1, keys + 1], axis=1)))
    held = [cell for slab in laid_out for cell in slab.cells]
    assert sorted(np.concatenate(held).tolist()) == list(range(n))
    assert all(len(cell) and (np.diff(cell) > 0).all() for cell in held)
    asked = matrix + reach * spread(n, d, kinds=1, spread=10.0, seed=seed + 1) * random.uniform(0, 1, (n, 1))
    for slab in laid_out:
        may = slab.may_hold(asked.astype(np.float32), np.full((1, 1), reach, np.float32))
        for number, cell in enumerate(slab.cells):
            distances = np.linalg.norm(asked[:, None] - matrix[cell].astype(np.float64), axis=2)
            assert may[(distances <= reach).any(axis=1), number].all()


@pytest.mark.parametrize("seed", range(3))
@pytest.mark.parametrize("spacing", [1e-4, 3e-4, 1e-3])
def test_altered_copies_of_what_is_nearly_equal_are_found(spacing: float, seed: int) -> None:
    """Frames of a still video lie in cells that are next to nothing apart."""
    n, d, floor = 1100, 64, 0.98
    random = np.random.default_rng(seed)
    one, across = np.linalg.qr(random.standard_normal((d, 2)))[0].T
    angles = np.concatenate([[0.19, -0.19], np.where(random.random(n) < 0.5, spacing, -spacing)])
    vectors = (np.outer(np.cos(angles), one) + np.outer(np.sin(angles), across)).astype(np.float32)
    join = SimilarityJoin(vectors, floors=np.full(n + 2, floor), keys=np.zeros(n + 2), ranges=np.zeros((n + 2, 2)))
    candidates = join.candidates(np.arange(2))
    for row in range(2):
        near = np.flatnonzero(vectors.astype(np.float64) @ vectors[row].astype(np.float64) >= floor)
        assert set(near[near > row].tolist()) <= set(candidates.of(row)[0].tolist())


def test_of_many_that_gather_most_cells_need_no_look() -> None:
    matrix = spread(6000, 16, kinds=40, spread=0.1, seed=0)
    slab = Slab.of(matrix, np.arange(6000), lowest=0.0, highest=0.0)
    assert len(slab.cells) > 5
    assert slab.may_hold(matrix, np.full((1, 1), 0.1, np.float32)).mean() < 0.5


@pytest.mark.parametrize("kinds", [1, 20])
def test_of_many_few_are_compared_in_full(kinds: int) -> None:
    """Half of what vectors have is of their kind, and the rest lies in no direction of its own."""
    n, d, floors = 6000, 200, np.full(6000, 0.9)
    vectors = spread(n, d, kinds=kinds, spread=1.0, seed=0)
    join = SimilarityJoin(vectors, floors=floors, keys=np.zeros(n), ranges=np.zeros((n, 2)))
    assert join.width < d
    rows = [np.arange(start, start + 500) for start in range(0, n, 500)]
    compared = sum(len(candidates.of(place)[0]) for candidates in map(join.candidates, rows) for place in range(500))
    assert 600 <= compared < 0.001 * n * n
    assert joined(join, n, floors, rows_at_once=500) >= {(copied, n - 600 + copied) for copied in range(600)}


def test_bounds_are_made_of_the_directions_in_which_most_lies() -> None:
    random = np.random.default_rng(0)
    vectors = unit(random.standard_normal((6000, 10)) @ random.standard_normal((10, 200)))
    vectors = unit(vectors + 0.01 * random.standard_normal(vectors.shape))
    join = SimilarityJoin(vectors, floors=np.full(6000, 0.9), keys=np.zeros(6000), ranges=np.zeros((6000, 2)))
    assert join.width < 40


def test_a_cosine_does_not_depend_on_what_else_is_compared() -> None:
    vectors = spread(500, 40, kinds=3, spread=1.0, seed=0)
    join = SimilarityJoin(vectors, floors=np.full(500, 0.9), keys=np.zeros(500), ranges=np.zeros((500, 2)))
    together = join.cosines(7, np.arange(500))
    assert together.tolist() == [join.cosines(7, np.array([other]))[0] for other in range(500)]
    assert together.tolist() == [join.cosines(other, np.array([7]))[0] for other in range(500)]
    np.testing.assert_allclose(together, vectors @ vectors[7], atol=1e-6)
