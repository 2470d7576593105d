"""What looks a collection over, in blocks, against plain loops over everything."""

from __future__ import annotations

import hypothesis.strategies as st
import numpy as np
import pytest
from hypothesis import given

from modag_search.curate import pairs, suggest

CELLS = st.integers(1, 200)


def units(random: np.random.Generator, n: int) -> np.ndarray:
    vectors = random.normal(0, 1, (n, 4)).astype(np.float32)
    vectors[n // 2] = vectors[0]  # a copy
    unit: np.ndarray = vectors / np.linalg.norm(vectors, axis=1, keepdims=True)
    return unit


@given(st.integers(0, 2**31), st.integers(1, 9), st.integers(1, 9), CELLS)
def test_a_pair_ranks_by_how_many_others_fit_better(seed: int, n_sounds: int, n_pictures: int, cells: int) -> None:
    random = np.random.default_rng(seed)
    sounds, pictures = units(random, n_sounds), units(random, n_pictures)
    heard, seen = random.integers(0, n_sounds, 12), random.integers(0, n_pictures, 12)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(pairs, "_CELLS_AT_ONCE", cells)
        similarities, shares = pairs._shares_nearer(sounds, pictures, heard, seen, seed=0)
    for pair in range(12):
        to_all = [float(sounds[heard[pair]].astype(float) @ picture.astype(float)) for picture in pictures]
        others = [one for place, one in enumerate(to_all) if place != seen[pair]]
        partner = to_all[seen[pair]]
        assert similarities[pair] == pytest.approx(partner, abs=1e-6)
        nearer = sum(one > partner + 1e-5 for one in others)
        as_near = sum(abs(one - partner) <= 1e-5 for one in others)
        assert shares[pair] == pytest.approx(
            (nearer + 0.5 * as_near) / max(len(others), 1), abs=0.5 / max(len(others), 1)
        )
        if as_near == 0:
            assert shares[pair] == pytest.approx(nearer / max(len(others), 1))


def test_where_there_are_many_some_are_drawn_and_shares_are_near_those_of_all() -> None:
    random = np.random.default_rng(0)
    sounds, pictures = units(random, 60), units(random, 9000)
    partners = random.integers(0, 9000, 60)

    _, shares = pairs._shares_nearer(sounds, pictures, np.arange(60), partners, seed=0)

    similarities = sounds @ pictures.T
    of_all = (similarities > similarities[np.arange(60), partners, None] + 1e-6).mean(axis=1)
    np.testing.assert_allclose(shares, of_all, atol=0.03)


@given(st.integers(0, 2**31), st.integers(1, 12), st.integers(1, 15), CELLS)
def test_each_suggestion_brings_most_nearer(seed: int, n: int, wanted: int, cells: int) -> None:
    random = np.random.default_rng(seed)
    alike = np.maximum(random.normal(0.2, 0.4, (n, n)), 0).astype(np.float32)
    covered = np.maximum(random.normal(0, 0.3, n), 0).astype(np.float32)
    weights = random.random(n)
    same = {row: [row ^ 1, row] if row ^ 1 < n else [row] for row in range(n)}  # two rows an item, as of videos
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(suggest, "_CELLS_AT_ONCE", cells)
        chosen = suggest._greedy_cover(alike, covered, weights, n=wanted, same=same)
    best, left = covered.astype(float), set(range(n))
    expected: list[int] = []
    while len(expected) < wanted and left:
        gains = {row: float(np.maximum(alike[:, row] - best, 0) @ weights) for row in left}
        expected.append(max(sorted(left), key=gains.__getitem__))
        for row in same[expected[-1]]:
            left.discard(row)
            best = np.maximum(best, alike[:, row])
    assert chosen == expected
