"""The linear classifier of features against plain fits, one without each example or group."""

from __future__ import annotations

import hypothesis.strategies as st
import numpy as np
import pytest
from hypothesis import given, settings

from modag_search.classify.arithmetic.least_squares import LeastSquares

LABELS = 4


def made(random: np.random.Generator, *, n: int, d: int, several: bool = False) -> tuple[np.ndarray, np.ndarray]:
    """Examples around a mean for each label; with `several`, some have two labels."""
    labels = np.concatenate([np.repeat(np.arange(LABELS), 2), random.integers(0, LABELS, max(n - 2 * LABELS, 0))])
    features = random.normal(0, 1, (LABELS, d))[labels] + random.normal(0, 0.7, (len(labels), d))
    holds = np.eye(LABELS, dtype=bool)[labels]
    if several:
        holds[np.arange(0, len(labels), 5), (labels[::5] + 1) % LABELS] = True
    return features.astype(np.float32), holds


def ridge(fit: LeastSquares, features: np.ndarray, chosen: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Solve the same problem for some of the examples from the beginning, with the same weights and ridge."""
    weights = fit._roots[chosen, 0].astype(float) ** 2
    targets = fit._targets[chosen].astype(float)
    centre = weights @ features[chosen] / weights.sum()
    base = weights @ targets / weights.sum()
    rows = np.sqrt(weights)[:, None] * (features[chosen] - centre)
    wanted = np.sqrt(weights)[:, None] * (targets - base)
    solved = np.linalg.solve(rows.T @ rows + fit._ridge(fit._strength) * np.eye(rows.shape[1]), rows.T @ wanted)
    return solved, base - centre @ solved


@given(st.integers(0, 2**31), st.integers(8, 40), st.integers(2, 60), st.booleans())
@settings(deadline=None)
def test_what_is_left_out_is_as_if_it_were_not_there(seed: int, n: int, d: int, several: bool) -> None:
    """With more examples than dimensions and fewer, one or two labels an example, and copies that go together."""
    random = np.random.default_rng(seed)
    features, holds = made(random, n=n, d=d, several=several)
    groups = np.arange(len(features))
    groups[1] = groups[0]
    fit = LeastSquares(features, holds, np.unique(groups, return_inverse=True)[1])
    rows = random.permutation(len(features))
    left_out = fit.left_out(rows)
    for row, scores in zip(rows.tolist(), left_out, strict=True):
        weight, bias = ridge(fit, features, groups != groups[row])
        np.testing.assert_allclose(scores, features[row] @ weight + bias, atol=2e-2)
    weight, bias = ridge(fit, features, np.ones(len(features), dtype=bool))
    np.testing.assert_allclose(fit.classifier.scores(features), features @ weight + bias, atol=1e-3)


@given(st.integers(0, 2**31), st.integers(12, 40), st.integers(2, 60), st.booleans())
@settings(deadline=None)
def test_labels_that_nobody_had_given_say_nothing(seed: int, n: int, d: int, several: bool) -> None:
    random = np.random.default_rng(seed)
    features, holds = made(random, n=n, d=d, several=several)
    fit = LeastSquares(features, holds, np.arange(len(features)))
    rows = np.arange(len(features))
    for row, scores in zip(rows.tolist(), fit.unseen(rows), strict=True):
        others = ~(holds & holds[row]).any(axis=1)
        if others.sum() < 2:
            continue
        weight, bias = ridge(fit, features, others)
        np.testing.assert_allclose(scores[~holds[row]], (features[row] @ weight + bias)[~holds[row]], atol=2e-2)


@given(st.integers(0, 2**31), st.integers(1, 4))
@settings(deadline=None)
def test_copies_weigh_no_more_than_one(seed: int, n_copies: int) -> None:
    random = np.random.default_rng(seed)
    features, holds = made(random, n=20, d=6)
    groups = np.arange(len(features))
    once = LeastSquares(features, holds, groups)
    copied = np.concatenate([np.arange(len(features)), np.repeat(3, n_copies)])
    several = LeastSquares(features[copied], holds[copied], groups[copied])
    np.testing.assert_allclose(several.classifier.scores(features), once.classifier.scores(features), atol=1e-3)


def test_frequent_labels_weigh_no_more_than_rare_ones() -> None:
    random = np.random.default_rng(0)
    means = np.array([[1.0, 0.0], [-1.0, 0.0]])
    labels = np.repeat([0, 1], [300, 6])
    features = (means[labels] + random.normal(0, 0.5, (len(labels), 2))).astype(np.float32)
    fit = LeastSquares(features, np.eye(2, dtype=bool)[labels], np.arange(len(labels)))
    between = fit.classifier.scores(np.zeros((1, 2), dtype=np.float32))[0]
    assert between == pytest.approx([0, 0], abs=0.25)


@pytest.mark.parametrize("n_labels", [1, 3])
def test_what_holds_of_everything_tells_nothing(n_labels: int) -> None:
    """One label alone has no rival; nor has a label that all examples have."""
    features = np.random.default_rng(0).normal(size=(6, 3)).astype(np.float32)
    holds = np.zeros((6, n_labels), dtype=bool)
    holds[:, 0] = True
    fit = LeastSquares(features, holds, np.arange(6))
    scores = fit.classifier.scores(features * 5)
    np.testing.assert_allclose(scores[:, 0], 0, atol=1e-5)
    assert np.isneginf(scores[:, 1:]).all()
    np.testing.assert_allclose(fit.left_out(np.arange(6))[:, 0], 0, atol=1e-5)


def test_one_example_can_be_fitted_to() -> None:
    fit = LeastSquares(np.ones((1, 4), dtype=np.float32), np.array([[True, False]]), np.zeros(1, dtype=np.int64))
    assert fit.classifier.scores(np.ones((2, 4), dtype=np.float32))[:, 0].tolist() == [0, 0]
