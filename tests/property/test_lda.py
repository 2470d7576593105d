"""Laws of the head that learns from sums, and an independent implementation of it."""

from __future__ import annotations

from typing import TYPE_CHECKING

import hypothesis.strategies as st
import numpy as np
import pytest
from hypothesis import given, settings
from sklearn.discriminant_analysis import LinearDiscriminantAnalysis

from modag_search.classify.arithmetic.lda import Discriminant, Examples, LdaSettings, SufficientStatistics, discriminant
from modag_search.values import MODALITIES

if TYPE_CHECKING:
    from modag_search.values import Modality

LABELS, DIMENSION = 4, 5
SEEDS = st.integers(0, 2**31)


def examples(n: int, seed: int) -> Examples:
    """Vectors without meaning."""
    random = np.random.default_rng(seed)
    return Examples(
        random.normal(0, 1, (n, DIMENSION)).astype(np.float32),
        random.integers(LABELS, size=n),
        random.integers(2, size=n),
        np.arange(n),
        np.arange(n),
    )


def sums_of(some: Examples) -> SufficientStatistics:
    return SufficientStatistics.of(some, n_labels=LABELS)


def assert_same(first: SufficientStatistics, second: SufficientStatistics) -> None:
    for name in ("counts", "totals", "products"):
        np.testing.assert_allclose(getattr(first, name), getattr(second, name), rtol=1e-9, atol=1e-9)


def scores(head: Discriminant, seed: int) -> np.ndarray:
    """Ask a head with vectors that it was not taught."""
    return head.scores(np.random.default_rng([seed, 1]).normal(0, 1, (7, DIMENSION)).astype(np.float32))


def assert_same_answers(first: SufficientStatistics, second: SufficientStatistics, seed: int) -> None:
    for modality in MODALITIES:
        one, other = (scores(discriminant(sums, modality, LdaSettings()), seed) for sums in (first, second))
        np.testing.assert_allclose(one, other, rtol=1e-6, atol=1e-6)


@given(st.integers(0, 40), SEEDS)
def test_sums_against_a_plain_loop(n: int, seed: int) -> None:
    some = examples(n, seed)
    counts, totals = np.zeros((2, LABELS)), np.zeros((2, LABELS, DIMENSION))
    products = np.zeros((2, DIMENSION, DIMENSION))
    for vector, label, source in zip(some.vectors.astype(float), some.labels, some.sources, strict=True):
        counts[source, label] += 1
        totals[source, label] += vector
        products[source] += np.outer(vector, vector)
    assert_same(sums_of(some), SufficientStatistics(counts, totals, products, np.ones(LABELS, dtype=bool)))


@given(st.integers(0, 40), st.integers(1, 4), SEEDS)
def test_sums_of_parts_add_up_to_those_of_the_whole(n: int, n_parts: int, seed: int) -> None:
    whole = examples(n, seed)
    part = np.random.default_rng(seed).integers(n_parts, size=n)
    together = sums_of(whole.only(part == 0))
    for number in range(1, n_parts):
        together += sums_of(whole.only(part == number))
    assert_same(together, sums_of(whole))


@given(st.integers(1, 40), st.integers(1, 40), SEEDS)
def test_what_is_added_and_taken_off_again_leaves_no_trace(n: int, m: int, seed: int) -> None:
    kept, passing = sums_of(examples(n, seed)), sums_of(examples(m, seed + 1))
    again = kept + passing - passing
    assert_same(again, kept)
    assert_same_answers(again, kept, seed)


@given(st.integers(1, 40), SEEDS)
def test_the_order_of_examples_does_not_matter(n: int, seed: int) -> None:
    some = examples(n, seed)
    order = np.random.default_rng(seed).permutation(n)
    assert_same_answers(sums_of(some), sums_of(some.only(order)), seed)


@given(st.integers(1, 40), st.permutations(range(LABELS)), SEEDS)
def test_other_numbers_for_the_labels_are_the_same_labels(n: int, numbers: list[int], seed: int) -> None:
    some = examples(n, seed)
    renumbered = Examples(some.vectors, np.array(numbers)[some.labels], some.sources, some.groups, some.queries)
    for modality in MODALITIES:
        first, second = (
            scores(discriminant(sums_of(one), modality, LdaSettings()), seed) for one in (some, renumbered)
        )
        np.testing.assert_allclose(second[:, numbers], first, rtol=1e-6, atol=1e-6)


@given(st.integers(1, 40), st.integers(0, 3), SEEDS)
def test_room_for_more_labels_changes_nothing_for_those_there(n: int, more: int, seed: int) -> None:
    sums = sums_of(examples(n, seed))
    head, wider = (discriminant(one, "image", LdaSettings()) for one in (sums, sums.with_labels(LABELS + more)))
    np.testing.assert_array_equal(scores(wider, seed)[:, :LABELS], scores(head, seed))
    assert (scores(wider, seed)[:, LABELS:] == -np.inf).all()


@given(st.integers(1, 40), SEEDS, st.floats(0.05, 1), st.floats(0, 1), st.floats(0, 1))
def test_answers_are_probabilities(n: int, seed: int, shrinkage: float, share: float, covariance: float) -> None:
    some = examples(n, seed)
    present = np.isin(np.arange(LABELS), some.labels)
    for modality in MODALITIES:
        head = discriminant(sums_of(some), modality, LdaSettings(shrinkage, share, covariance))
        for exclusive in (True, False):
            likely = head.probabilities(examples(9, seed + 1).vectors, exclusive=exclusive)
            assert ((likely >= 0) & (likely <= 1)).all()
            assert (likely[:, ~present] == 0).all(), "what has no example cannot be"
            if exclusive:
                np.testing.assert_allclose(likely.sum(axis=1), 1)


@settings(max_examples=40)
@given(
    st.lists(st.integers(2, 9), min_size=2, max_size=5),
    st.floats(0.02, 1),
    st.sampled_from(MODALITIES),
    SEEDS,
)
def test_with_one_modality_it_is_the_discriminant_of_scikit_learn(
    counts: list[int], shrinkage: float, modality: Modality, seed: int
) -> None:
    """Theirs weighs the covariance of each label by its prior, so it gets the shares of the labels, which are taken
    off the answers again; and divides by n where ours divides by what is free, which a temperature makes good.
    """
    random = np.random.default_rng(seed)
    labels = np.repeat(np.arange(len(counts)), counts)
    n, source = len(labels), MODALITIES.index(modality)
    vectors = (random.normal(0, 1, (len(counts), DIMENSION))[labels] + random.normal(0, 1, (n, DIMENSION))).astype("f4")
    ours = discriminant(
        SufficientStatistics.of(
            Examples(vectors, labels, np.full(n, source), np.arange(n), np.arange(n)), n_labels=len(counts)
        ),
        modality,
        LdaSettings(shrinkage, own_share=1.0, own_covariance=1.0, temperature=n / (n - len(counts))),
    )
    theirs = LinearDiscriminantAnalysis(solver="lsqr", shrinkage=shrinkage).fit(vectors.astype(float), labels)
    asked = random.normal(0, 1, (11, DIMENSION)).astype(np.float32)
    if len(counts) == 2:
        weight, bias = np.stack([0 * theirs.coef_[0], theirs.coef_[0]]), np.array([0, theirs.intercept_[0]])
    else:
        weight, bias = theirs.coef_, theirs.intercept_
    expected = asked @ weight.T + bias - np.log(theirs.priors_)
    found = ours.settings.temperature * ours.scores(asked)
    np.testing.assert_allclose(
        found - found[:, :1], expected - expected[:, :1], rtol=1e-5, atol=1e-5 * np.abs(expected).max()
    )


def test_labels_of_equal_size_are_as_likely_as_scikit_learn_says() -> None:
    random = np.random.default_rng(0)
    labels = np.repeat(np.arange(3), 10)
    vectors = (random.normal(0, 1, (3, DIMENSION))[labels] + random.normal(0, 1, (30, DIMENSION))).astype(np.float32)
    ones = np.zeros(30, dtype=np.int64)
    sums = SufficientStatistics.of(Examples(vectors, labels, ones, np.arange(30), np.arange(30)), n_labels=3)
    ours = discriminant(sums, "image", LdaSettings(0.3, own_share=1.0, own_covariance=1.0, temperature=30 / 27))
    theirs = LinearDiscriminantAnalysis(solver="lsqr", shrinkage=0.3, priors=[1 / 3] * 3).fit(vectors, labels)
    asked = random.normal(0, 1, (50, DIMENSION)).astype(np.float32)
    assert ours.probabilities(asked, exclusive=True) == pytest.approx(theirs.predict_proba(asked), abs=1e-5)
