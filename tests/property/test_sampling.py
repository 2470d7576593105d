"""Samples spread over an order, and shares with their intervals, as laws and against scipy."""

from __future__ import annotations

import math
from itertools import pairwise

import hypothesis.strategies as st
import numpy as np
import pytest
from hypothesis import given, settings
from scipy.stats import binomtest

from modag_search.errors import UsageError
from modag_search.metrics.sampling import Stratum, spread_sample, stratified_share, wilson_interval


@st.composite
def strata(draw: st.DrawFn) -> list[Stratum]:
    made = []
    for _ in range(draw(st.integers(1, 4))):
        size = draw(st.integers(1, 200))
        answered = draw(st.integers(1, min(size, 15)))
        made.append(Stratum(size, answered, draw(st.integers(0, answered))))
    return made


@given(st.integers(1, 60).flatmap(lambda size: st.tuples(st.just(size), st.integers(0, size))), st.integers(0, 9))
def test_a_sample_is_spread_and_holds_each_place_once(sizes: tuple[int, int], seed: int) -> None:
    size, n = sizes
    places = spread_sample(size, n, seed=seed).tolist()
    assert len(set(places)) == n
    assert places == sorted(places)
    assert all(0 <= place < size for place in places)
    for before, after in pairwise(places):
        assert abs((after - before) - size / n) < 1


def test_every_place_is_as_likely() -> None:
    drawn = np.bincount(np.concatenate([spread_sample(7, 3, seed=seed) for seed in range(2000)]), minlength=7)
    assert drawn / 2000 == pytest.approx([3 / 7] * 7, abs=0.05)


@given(st.integers(1, 60).flatmap(lambda n: st.tuples(st.integers(0, n), st.just(n))))
def test_the_interval_of_a_share_is_wilsons(counts: tuple[int, int]) -> None:
    right, n = counts
    expected = binomtest(right, n).proportion_ci(method="wilson")
    found = wilson_interval(right / n, n)
    assert (found.low, found.high) == pytest.approx((expected.low, expected.high), abs=1e-6)


@given(strata())
def test_a_share_lies_within_its_interval_and_that_within_0_and_1(made: list[Stratum]) -> None:
    found = stratified_share(made)
    assert 0 <= found.low <= found.estimate <= found.high <= 1
    larger = stratified_share([Stratum(one.size * 3, one.answered, one.right) for one in made])
    assert larger.estimate == pytest.approx(found.estimate)
    assert larger.high - larger.low >= found.high - found.low - 1e-9, "the same answers tell less of more things"


@given(strata())
def test_what_is_answered_wholly_is_known(made: list[Stratum]) -> None:
    found = stratified_share([Stratum(one.answered, one.answered, one.right) for one in made])
    exact = sum(one.right for one in made) / sum(one.answered for one in made)
    assert (found.low, found.estimate, found.high) == pytest.approx((exact, exact, exact))


@settings(max_examples=20)
@given(st.integers(0, 10), st.integers(1, 8))
def test_strata_that_are_drawn_alike_are_as_one(right: int, n_strata: int) -> None:
    one = wilson_interval(right / 10, n_strata * 10 / (1 - 10 / 1_000_000))
    several = stratified_share([Stratum(1_000_000, 10, right)] * n_strata)
    assert (several.low, several.high) == pytest.approx((one.low, one.high), abs=1e-6)


def test_intervals_hold_the_truth_as_often_as_they_say() -> None:
    random = np.random.default_rng(0)
    held = 0
    for _ in range(400):
        sizes, shares = random.integers(40, 400, 3), random.uniform(0.5, 1, 3)
        truths = [random.random(size) < share for size, share in zip(sizes, shares, strict=True)]
        drawn = [Stratum(len(truth), 8, int(random.permutation(truth)[:8].sum())) for truth in truths]
        found = stratified_share(drawn)
        held += found.low <= np.concatenate(truths).mean() <= found.high
    assert held / 400 > 0.92


def test_what_cannot_be_estimated_is_refused() -> None:
    for wrong in ([], [Stratum(5, 0, 0)], [Stratum(5, 6, 6)]):
        with pytest.raises(UsageError):
            stratified_share(wrong)
    with pytest.raises(UsageError):
        spread_sample(3, 4, seed=0)
    assert wilson_interval(0.5, math.inf).low == 0.5
