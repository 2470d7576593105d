"""What rankings score, on examples worked by hand."""

from __future__ import annotations

import numpy as np
import pytest

from modag_search.errors import UsageError
from modag_search.metrics import ranking

NONE = np.zeros((0, 3), dtype=bool)


def relevance(*rows: str) -> np.ndarray:
    """Rankings of which ``x`` is right and ``.`` is not."""
    return np.array([[answer == "x" for answer in row] for row in rows])


def test_what_may_not_answer_stands_last_and_is_not_right() -> None:
    similarities = np.array([[-np.inf, 0.2, 0.2, 0.9]], dtype=np.float32)
    right = np.array([[True, True, False, False]])
    assert ranking.ranked_relevance(similarities, right).tolist() == relevance(".x..").tolist()


def test_the_first_right_answer_decides_ranks() -> None:
    ranks = ranking.first_ranks(relevance("..x.x", "x....", ".x..."))
    assert ranks.tolist() == [3, 1, 2]
    assert ranking.median_rank(ranks) == 2
    assert ranking.median_rank(ranks[:2]) == 2
    assert ranking.mean_reciprocal_rank(ranks) == pytest.approx((1 / 3 + 1 + 1 / 2) / 3)


def test_precision_and_gain_count_all_right_answers() -> None:
    rankings = relevance(".x.x", "xx..")
    assert ranking.average_precisions(rankings).tolist() == [0.5, 1]
    assert ranking.mean_average_precision(rankings) == 0.75
    gain = (1 / np.log2(3)) / (1 + 1 / np.log2(3))
    assert ranking.discounted_gains(rankings, 3) == pytest.approx([gain, 1])
    assert ranking.ndcg_at(rankings, 3) == pytest.approx((gain + 1) / 2)


def test_more_right_answers_than_places_can_still_be_perfect() -> None:
    assert ranking.discounted_gains(relevance("xxxx"), 2).tolist() == [1]
    assert ranking.discounted_gains(relevance("xx"), 10).tolist() == [1]


def test_what_cannot_be_scored() -> None:
    for wrong in (NONE, relevance("x.", "..")):
        for metric in (ranking.first_ranks, ranking.average_precisions):
            with pytest.raises(UsageError, match="a right answer to each"):
                metric(wrong)
    with pytest.raises(UsageError, match="k must be 1 at least, not 0"):
        ranking.ndcg_at(relevance("x"), 0)
    with pytest.raises(UsageError, match="two matrices of one shape"):
        ranking.ranked_relevance(np.zeros((1, 2), dtype=np.float32), relevance("x"))
    for wrong_ranks in ([], [0]):
        with pytest.raises(UsageError, match="ranks begin at 1"):
            ranking.median_rank(np.array(wrong_ranks, dtype=np.int64))
    one, two, nothing = np.array([1]), np.array([2]), np.array([0])
    for candidates, right in ((one, two), (one, nothing)):
        with pytest.raises(UsageError, match="one right candidate at least"):
            ranking.chance_of_average_precision(candidates, right)
    with pytest.raises(UsageError, match="equally long"):
        ranking.chance_of_median_rank(one, np.array([1, 1]))
