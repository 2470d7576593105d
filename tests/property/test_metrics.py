"""Metrics against scikit-learn and as laws."""

from __future__ import annotations

import warnings

import hypothesis.strategies as st
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis.extra.numpy import arrays
from scipy.stats import binomtest
from sklearn.metrics import balanced_accuracy_score

from modag_search.errors import UsageError
from modag_search.metrics.accuracy import bootstrap_macro_accuracy, chance_of_a_loss, macro_accuracy, recall_at

CLASSES = st.integers(0, 5)


@st.composite
def guesses(draw: st.DrawFn) -> tuple[np.ndarray, np.ndarray]:
    n = draw(st.integers(1, 40))
    both = [draw(arrays(np.int64, n, elements=CLASSES)) for _ in range(2)]
    return both[0], both[1]


@given(guesses())
def test_macro_accuracy_is_balanced_accuracy(pair: tuple[np.ndarray, np.ndarray]) -> None:
    expected, guessed = pair
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # it warns of guesses that name no class of the truth
        reference = balanced_accuracy_score(expected, guessed)
    assert macro_accuracy(expected, guessed) == pytest.approx(reference)


@given(st.integers(1, 9), st.integers(1, 5))
def test_guessing_one_class_scores_chance(n_classes: int, n_each: int) -> None:
    expected = np.repeat(np.arange(n_classes), np.arange(n_classes) + n_each)
    assert macro_accuracy(expected, np.zeros_like(expected)) == pytest.approx(1 / n_classes)


@settings(max_examples=25)
@given(guesses(), st.booleans())
def test_the_interval_holds_the_estimate_and_is_repeatable(pair: tuple[np.ndarray, np.ndarray], grouped: bool) -> None:
    expected, guessed = pair
    groups = np.arange(len(expected)) // 2 if grouped else None
    interval = bootstrap_macro_accuracy(expected, guessed, groups=groups, draws=200)
    assert interval.estimate == macro_accuracy(expected, guessed)
    assert 0 <= interval.low <= interval.high <= 1 + 1e-12
    assert interval == bootstrap_macro_accuracy(expected, guessed, groups=groups, draws=200)


@settings(max_examples=25)
@given(st.integers(0, 15), st.integers(0, 15), st.integers(0, 9))
def test_the_chance_of_a_loss_is_that_of_the_sign_test_where_there_is_one_class(
    lost: int, gained: int, same: int
) -> None:
    before = np.repeat([0, 1, 0], [lost, gained, same + 1])
    after = np.repeat([1, 0, 0], [lost, gained, same + 1])
    found = chance_of_a_loss(np.zeros_like(before), before, after)
    if lost <= gained:
        assert found == 1
    else:
        exact = binomtest(lost, lost + gained, alternative="greater").pvalue
        assert found == pytest.approx(exact, abs=0.05)


@given(guesses(), st.integers(0, 99))
def test_either_guess_may_be_worse_and_not_both(pair: tuple[np.ndarray, np.ndarray], seed: int) -> None:
    expected, before = pair
    after = np.random.default_rng(seed).permutation(before)
    chances = [chance_of_a_loss(expected, *both, draws=50) for both in ((before, after), (after, before))]
    assert max(chances) == 1
    assert min(chances) > 0


def test_the_interval_narrows_with_more_examples_and_widens_with_groups() -> None:
    random = np.random.default_rng(5)
    expected = np.tile(np.arange(4), 400)
    guessed = np.where(random.random(len(expected)) < 0.7, expected, (expected + 1) % 4)
    large = bootstrap_macro_accuracy(expected, guessed)
    small = bootstrap_macro_accuracy(expected[:160], guessed[:160])
    assert large.low < large.estimate < large.high
    assert large.high - large.low < small.high - small.low
    doubled = bootstrap_macro_accuracy(
        np.tile(expected[:160], 2), np.tile(guessed[:160], 2), groups=np.tile(np.arange(160), 2)
    )
    assert doubled.high - doubled.low == pytest.approx(small.high - small.low, rel=0.2)


@given(arrays(np.int64, st.integers(1, 30), elements=st.integers(1, 50)), st.integers(1, 60))
def test_recall_counts_ranks_up_to_k(ranks: np.ndarray, k: int) -> None:
    assert recall_at(ranks, k) == pytest.approx(sum(rank <= k for rank in ranks.tolist()) / len(ranks))
    assert recall_at(ranks, k) <= recall_at(ranks, k + 1)


def test_what_cannot_be_scored() -> None:
    with pytest.raises(UsageError, match="equally long"):
        macro_accuracy(np.array([1, 2]), np.array([1]))
    with pytest.raises(UsageError, match="non-empty"):
        macro_accuracy(np.array([], dtype=np.int64), np.array([], dtype=np.int64))
    for ranks in ([], [0, 1]):
        with pytest.raises(UsageError, match="ranks begin at 1"):
            recall_at(np.array(ranks, dtype=np.int64), 1)
