"""Votes of neighbours, against a plain sum and as laws."""

from __future__ import annotations

import math

import hypothesis.strategies as st
import numpy as np
import pytest
from hypothesis import given
from hypothesis.extra.numpy import arrays

from modag_search.classify.arithmetic.knn import (
    TEMPERATURE,
    K,
    label_evidence,
    label_kernels,
    label_means,
    like_sized,
    padded,
    vote_all,
    vote_weights,
)

COSINES = st.floats(-1, 1, width=32)


def test_neighbours_that_are_not_there_weigh_nothing() -> None:
    weights = vote_weights(np.array([[0.3, -np.inf], [-np.inf, -np.inf]], dtype=np.float32))
    assert weights.tolist() == [[1, 0], [0, 0]]


@given(
    arrays(np.float32, st.tuples(st.integers(1, 5), st.integers(1, 12)), elements=COSINES, unique=True),
    st.integers(1, 15),
    st.integers(0, 2**31),
)
def test_many_at_once_vote_as_one_by_one(similarities: np.ndarray, k: int, seed: int) -> None:
    n_voters: int = similarities.shape[1]
    classes = np.random.default_rng(seed).integers(0, 4, n_voters)
    shares = vote_all(similarities, classes, n_classes=4, k=k)
    np.testing.assert_allclose(shares.sum(axis=1), 1, rtol=1e-5)
    for row, share in zip(similarities, shares, strict=True):
        sums = dict.fromkeys(range(4), 0.0)
        for voter in np.argsort(-row)[:k]:
            sums[int(classes[voter])] += math.exp(row[voter] / TEMPERATURE)
        assert share.tolist() == pytest.approx([sums[c] / sum(sums.values()) for c in range(4)], rel=1e-3, abs=1e-5)


@given(
    arrays(np.float32, st.tuples(st.integers(1, 5), st.integers(1, 40)), elements=COSINES),
    st.integers(1, 50),
    st.integers(0, 2**31),
)
def test_what_the_voters_of_each_label_say_against_plain_sums(similarities: np.ndarray, k: int, seed: int) -> None:
    n_voters: int = similarities.shape[1]
    labels = np.random.default_rng(seed).integers(0, 4, n_voters)
    means = label_means(similarities, labels, n_labels=5)
    kernels = label_kernels(similarities, labels, n_labels=5, k=k)
    for row, mean, kernel in zip(similarities.astype(float), means, kernels, strict=True):
        for label in range(5):
            own = sorted(row[labels == label], reverse=True)
            if not own:
                assert mean[label] == kernel[label] == -np.inf
                continue
            assert mean[label] == pytest.approx(sum(own) / len(own), abs=1e-5)
            density = sum(math.exp((s - own[0]) / TEMPERATURE) for s in own[:k]) / len(own)
            assert kernel[label] == pytest.approx(own[0] + TEMPERATURE * math.log(density), abs=1e-5)


@given(st.integers(1, 60), st.integers(1, 60), COSINES)
def test_a_label_weighs_no_more_for_having_more_voters(few: int, more: int, similarity: float) -> None:
    similarities = np.full((1, 2 * few + more), similarity, dtype=np.float32)
    labels = np.repeat([0, 1], [few, few + more])
    first, second = label_means(similarities, labels, n_labels=2)[0]
    assert first == pytest.approx(second, abs=1e-5)
    first, second = label_kernels(similarities, labels, n_labels=2)[0]
    assert second <= first + 1e-5
    if few + more <= K:
        assert first == pytest.approx(second, abs=1e-5)


def test_who_must_not_be_heard_says_nothing() -> None:
    similarities = np.array([[-np.inf, 0.4, -np.inf]], dtype=np.float32)
    labels = np.array([0, 0, 1])
    for said in (label_means(similarities, labels, n_labels=2), label_kernels(similarities, labels, n_labels=2)):
        np.testing.assert_allclose(said, [[0.4, -np.inf]], rtol=1e-6)


@given(st.integers(0, 2**31), st.integers(0, 60), st.integers(1, 12), st.integers(1, 9))
def test_votes_that_are_not_heard_are_as_if_they_were_not_there(seed: int, n_votes: int, k: int, n_labels: int) -> None:
    random = np.random.default_rng(seed)
    similarities = random.uniform(-1, 1, (3, n_votes)).astype(np.float32)
    labels = random.integers(0, n_labels, n_votes)
    heard = random.random((3, n_votes)) < random.choice([0.1, 0.6, 1.0])
    hidden = np.where(heard, similarities, np.float32(-np.inf))
    both = label_evidence(hidden, labels, n_labels=n_labels, k=k)
    for row, some in enumerate(heard):
        alone, of = similarities[row : row + 1, some], labels[some]
        np.testing.assert_allclose(both[row, :, 0], label_means(alone, of, n_labels=n_labels)[0], atol=1e-5)
        np.testing.assert_allclose(both[row, :, 1], label_kernels(alone, of, n_labels=n_labels, k=k)[0], atol=1e-5)
    in_order = np.argsort(labels, kind="stable")
    sorted_ones = label_evidence(hidden[:, in_order], labels[in_order], n_labels=n_labels, k=k)
    np.testing.assert_allclose(sorted_ones, both, atol=1e-5)


@given(st.lists(st.integers(1, 500), max_size=30))
def test_spans_of_about_one_size_make_tables_without_much_padding(sizes: list[int]) -> None:
    spans = np.array(sizes, dtype=np.int64)
    firsts = np.cumsum(spans) - spans
    groups = like_sized(spans)
    assert sorted(place for group in groups for place in group.tolist()) == list(range(len(sizes)))
    for group in groups:
        places, there = padded(firsts[group], spans[group])
        assert there.size < 2 * there.sum()
        for span, row, own in zip(group.tolist(), places, there, strict=True):
            assert row[own].tolist() == list(range(firsts[span], firsts[span] + sizes[span]))
            assert set(row.tolist()) == set(row[own].tolist())
