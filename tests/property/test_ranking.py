"""Rankings against scikit-learn, chance against every order there is, and laws."""

from __future__ import annotations

import itertools
from typing import TYPE_CHECKING

import hypothesis.strategies as st
import numpy as np
import pytest
from hypothesis import given, settings
from sklearn.metrics import average_precision_score, label_ranking_average_precision_score, ndcg_score

from modag_search.metrics import ranking
from modag_search.metrics.accuracy import bootstrap, recall_at

if TYPE_CHECKING:
    from collections.abc import Callable
    from random import Random

DEPTHS = st.integers(1, 12)


@st.composite
def questions(draw: st.DrawFn) -> tuple[np.ndarray, np.ndarray]:
    """Similarities without ties, and which candidates are right: one at least for each query."""
    n_queries, n_candidates = draw(st.integers(1, 6)), draw(st.integers(2, 15))
    rows = [draw(st.permutations(range(n_candidates))) for _ in range(n_queries)]
    right = [
        draw(st.sets(st.integers(0, n_candidates - 1), min_size=1, max_size=n_candidates)) for _ in range(n_queries)
    ]
    relevant = np.array([[candidate in chosen for candidate in range(n_candidates)] for chosen in right])
    return np.array(rows, dtype=np.float32) / n_candidates, relevant


@given(questions(), DEPTHS)
def test_rankings_score_as_in_scikit_learn(question: tuple[np.ndarray, np.ndarray], k: int) -> None:
    similarities, relevant = question
    ranked = ranking.ranked_relevance(similarities, relevant)
    expected = [average_precision_score(right, row) for right, row in zip(relevant, similarities, strict=True)]
    assert ranking.average_precisions(ranked) == pytest.approx(expected)
    assert ranking.mean_average_precision(ranked) == pytest.approx(
        label_ranking_average_precision_score(relevant, similarities)
    )
    assert ranking.ndcg_at(ranked, k) == pytest.approx(ndcg_score(relevant, similarities, k=k))


@given(questions())
def test_with_one_right_answer_precision_is_the_reciprocal_rank(question: tuple[np.ndarray, np.ndarray]) -> None:
    similarities, relevant = question
    relevant[:] = False
    relevant[:, 0] = True
    ranked = ranking.ranked_relevance(similarities, relevant)
    reciprocal = ranking.mean_reciprocal_rank(ranking.first_ranks(ranked))
    assert reciprocal == pytest.approx(label_ranking_average_precision_score(relevant, similarities))


@given(questions(), DEPTHS, st.randoms(use_true_random=False))
def test_the_order_of_the_candidates_does_not_matter(
    question: tuple[np.ndarray, np.ndarray], k: int, random: Random
) -> None:
    similarities, relevant = question
    order = list(range(similarities.shape[1]))
    random.shuffle(order)
    one = ranking.ranked_relevance(similarities, relevant)
    other = ranking.ranked_relevance(similarities[:, order], relevant[:, order])
    assert one.tolist() == other.tolist()
    ranks = ranking.first_ranks(one)
    scores = [ranking.mean_average_precision(one), ranking.ndcg_at(one, k), ranking.mean_reciprocal_rank(ranks)]
    assert all(0 <= score <= 1 + 1e-12 for score in scores)
    assert 1 <= ranking.median_rank(ranks) <= similarities.shape[1]


@given(questions(), DEPTHS)
def test_a_perfect_ranking_scores_one(question: tuple[np.ndarray, np.ndarray], k: int) -> None:
    _, relevant = question
    ranked = ranking.ranked_relevance(relevant.astype(np.float32), relevant)
    assert ranking.first_ranks(ranked).tolist() == [1] * len(relevant)
    assert ranking.mean_average_precision(ranked) == 1
    assert ranking.ndcg_at(ranked, k) == pytest.approx(1)


@settings(max_examples=25, deadline=None)
@given(st.integers(1, 7), st.data())
def test_chance_is_the_mean_over_every_order(n: int, data: st.DataObject) -> None:
    r, k = data.draw(st.integers(1, n)), data.draw(st.integers(1, 9))
    places = list(itertools.combinations(range(n), r))
    ranked = np.array([[rank in chosen for rank in range(n)] for chosen in places])
    ranks = ranking.first_ranks(ranked)
    # Two queries alike: they count as one.
    candidates, relevant = np.array([n, n]), np.array([r, r])
    pairs: list[tuple[float, float]] = [
        (ranking.chance_of_recall_at(candidates, relevant, k), recall_at(ranks, k)),
        (ranking.chance_of_reciprocal_rank(candidates, relevant), ranking.mean_reciprocal_rank(ranks)),
        (ranking.chance_of_average_precision(candidates, relevant), ranking.mean_average_precision(ranked)),
        (ranking.chance_of_ndcg_at(candidates, relevant, k), ranking.ndcg_at(ranked, k)),
        (ranking.chance_of_median_rank(candidates, relevant), np.percentile(ranks, 50, method="inverted_cdf")),
    ]
    for chance, mean in pairs:
        assert chance == pytest.approx(mean)


def test_chance_over_queries_that_differ_is_the_mean_of_each() -> None:
    candidates, relevant = np.array([5, 9, 9]), np.array([1, 3, 4])
    metrics: tuple[Callable[[np.ndarray, np.ndarray], float], ...] = (
        ranking.chance_of_reciprocal_rank,
        ranking.chance_of_average_precision,
        lambda n, r: ranking.chance_of_recall_at(n, r, 3),
        lambda n, r: ranking.chance_of_ndcg_at(n, r, 3),
    )
    for metric in metrics:
        each = [metric(candidates[i : i + 1], relevant[i : i + 1]) for i in range(3)]
        assert metric(candidates, relevant) == pytest.approx(np.mean(each))


def test_the_interval_of_a_mean_is_that_of_theory() -> None:
    values = np.random.default_rng(3).normal(size=500)
    interval = bootstrap(values, lambda drawn: float(drawn.mean()), draws=2000)
    half = 1.96 * values.std() / np.sqrt(500)
    assert interval.estimate == values.mean()
    assert (interval.low, interval.high) == pytest.approx((values.mean() - half, values.mean() + half), abs=0.02)
    assert interval == bootstrap(values, lambda drawn: float(drawn.mean()), draws=2000)
