"""How many of many hold: what an estimate keeps to, and how often its interval holds the truth."""

from __future__ import annotations

import hypothesis.strategies as st
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis.extra.numpy import arrays

from modag_search.metrics.counts import CountEstimate

LIKELY = arrays(np.float64, st.integers(0, 60), elements=st.floats(0, 1))


@settings(max_examples=40, deadline=None)
@given(LIKELY)
def test_without_answers_the_estimate_is_what_likelihoods_add_up_to(likely: np.ndarray) -> None:
    found = CountEstimate.of(likely).interval()
    assert found.estimate == pytest.approx(likely.sum(), abs=1e-3 + 1e-6 * len(likely))
    assert -1e-9 <= found.low <= found.estimate <= found.high <= len(likely) + 1e-3
    assert found == CountEstimate.of(likely).interval(), "draws are the same each time"


@settings(max_examples=40, deadline=None)
@given(LIKELY, st.integers(0, 80))
def test_questions_are_divided_among_what_there_is(likely: np.ndarray, n: int) -> None:
    count = CountEstimate.of(likely)
    sizes = np.bincount(count.of_things, minlength=len(count.bands))
    divided = np.array(count.divided(n))
    assert divided.sum() == min(n, len(likely))
    assert (divided <= sizes).all()
    if n >= 2 * len(sizes):
        assert (divided[sizes > 0] > 0).all(), "each band is asked about"


@settings(max_examples=40, deadline=None)
@given(arrays(np.float64, st.integers(7, 200), elements=st.floats(0.001, 0.999), unique=True))
def test_bands_are_quantiles_in_which_each_counts_as_its_odds_matter(likely: np.ndarray) -> None:
    bands = CountEstimate.of(likely).of_things
    assert (np.diff(bands[np.argsort(likely)]) >= 0).all(), "what is likelier is in no band before"
    matter = likely * (1 - likely)
    sums = np.bincount(bands, weights=matter, minlength=7)
    assert np.abs(sums - matter.sum() / 7).max() <= 2 * matter.max()


def test_a_rare_label_has_bands_of_what_is_possible() -> None:
    likely = np.concatenate([np.full(100_000, 1e-6), np.linspace(0.1, 0.9, 300)])
    sizes = np.bincount(CountEstimate.of(likely).of_things, minlength=7)
    assert (sizes[1:] < 100).all(), "plain quantiles would all be of the 100,000"


def test_more_answers_narrow_it() -> None:
    likely = np.full(500, 0.3)
    widths = []
    for n in (0, 10, 40, 160):
        found = CountEstimate.of(likely, np.full(n, 0.3), np.arange(n) < 0.3 * n).interval()
        widths.append(found.high - found.low)
    assert widths == sorted(widths, reverse=True)
    assert widths[-1] < widths[0] / 4


def test_answers_outweigh_what_was_said_before() -> None:
    found = CountEstimate.of(np.full(1000, 0.97), np.full(100, 0.97), np.arange(100) < 50).interval()
    assert found.estimate == pytest.approx(500, abs=60)
    assert found.low < 500 < found.high < 700


def test_answers_in_one_band_tell_a_little_of_the_others() -> None:
    likely = np.full(400, 0.1)
    alone = CountEstimate.of(likely).interval().estimate
    wrong_above = CountEstimate.of(likely, np.full(30, 0.9), np.arange(30) < 3).interval().estimate
    assert wrong_above < 0.8 * alone


@pytest.mark.parametrize("off_by", [0.0, 1.0, -1.0], ids=["right", "too low", "too high"])
@pytest.mark.parametrize("n_answers", [0, 30])
@pytest.mark.parametrize("mean", [-3.0, 0.0], ids=["rare", "common"])
def test_intervals_hold_the_truth_where_confidence_is_off(off_by: float, n_answers: int, mean: float) -> None:
    random = np.random.default_rng(0)
    held = 0
    for _ in range(40):
        log_odds = random.normal(mean, 2.5, 800)
        likely = 1 / (1 + np.exp(-log_odds))
        truth = random.random(800) < 1 / (1 + np.exp(-log_odds - off_by))
        known = np.zeros(800, dtype=bool)
        count = CountEstimate.of(likely)
        for band, n in enumerate(count.divided(n_answers)):
            known[random.choice(np.flatnonzero(count.of_things == band), n, replace=False)] = True
        found = CountEstimate.of(likely[~known], likely[known], truth[known]).interval()
        held += found.low <= truth[~known].sum() <= found.high
    assert held >= 36


def test_about_how_many_answers_halve_it_is_said() -> None:
    count = CountEstimate.of(np.full(2000, 0.2))
    n = count.answers_to_halve()
    assert n is not None
    before = count.interval()
    after = CountEstimate.of(np.full(2000 - n, 0.2), np.full(n, 0.2), np.arange(n) < 0.2 * n).interval()
    assert (after.high - after.low) / (before.high - before.low) < 0.65
    assert CountEstimate.of(np.zeros(0)).answers_to_halve() in (None, 0)
