"""How well asking with an item finds those of its label."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

import numpy as np

from modag_search.evaluation.items import count_right, similarities_in_parts
from modag_search.evaluation.results import Retrieval, Score
from modag_search.metrics import ranking
from modag_search.metrics.accuracy import bootstrap, recall_at
from modag_search.values import MODALITIES

if TYPE_CHECKING:
    from modag_search.evaluation.items import Items
    from modag_search.values import Int64Array

_DEPTHS = (1, 5, 10)


def score_retrieval(queries: Items, answers: Items, *, draws: int, seed: int) -> Retrieval | None:
    """Rank all answers for each query; those of its label are right.

    Parameters
    ----------
    queries, answers : Items
        Each of one modality.
    draws, seed : int
        Of the intervals.

    Returns
    -------
    Retrieval or None
        None where no query has a right answer.
    """
    candidates, relevant = count_right(queries, answers)
    asking = queries.only(relevant > 0)
    if len(asking) == 0:
        return None
    return Retrieval(
        queries=MODALITIES[int(queries.sources[0])],
        answers=MODALITIES[int(answers.sources[0])],
        n_queries=len(asking),
        n_answers=len(answers),
        n_left_out=len(queries) - len(asking),
        scores=_scores(asking, answers, candidates[relevant > 0], relevant[relevant > 0], draws=draws, seed=seed),
    )


def _scores(
    queries: Items, answers: Items, candidates: Int64Array, relevant: Int64Array, *, draws: int, seed: int
) -> dict[str, Score]:
    ranks, precisions, gains = _outcomes(queries, answers)
    interval = partial(bootstrap, draws=draws, seed=seed)
    depth = _DEPTHS[-1]
    return {
        **{
            f"R@{k}": Score.of(
                interval(ranks, partial(recall_at, k=k)),
                chance=ranking.chance_of_recall_at(candidates, relevant, k),
            )
            for k in _DEPTHS
        },
        "median rank": Score.of(
            interval(ranks, ranking.median_rank), chance=ranking.chance_of_median_rank(candidates, relevant)
        ),
        "MRR": Score.of(
            interval(ranks, ranking.mean_reciprocal_rank),
            chance=ranking.chance_of_reciprocal_rank(candidates, relevant),
        ),
        "mAP": Score.of(interval(precisions, _mean), chance=ranking.chance_of_average_precision(candidates, relevant)),
        f"nDCG@{depth}": Score.of(
            interval(gains, _mean), chance=ranking.chance_of_ndcg_at(candidates, relevant, depth)
        ),
    }


def _outcomes(queries: Items, answers: Items) -> tuple[Int64Array, np.ndarray, np.ndarray]:
    """Return first rank, average precision and discounted gain of each query."""
    ranks, precisions, gains = [], [], []
    for rows, similarities in similarities_in_parts(queries, answers):
        relevance = ranking.ranked_relevance(similarities, queries.classes[rows, None] == answers.classes)
        ranks.append(ranking.first_ranks(relevance))
        precisions.append(ranking.average_precisions(relevance))
        gains.append(ranking.discounted_gains(relevance, _DEPTHS[-1]))
    return np.concatenate(ranks), np.concatenate(precisions), np.concatenate(gains)


def _mean(values: np.ndarray) -> float:
    return float(values.mean())
