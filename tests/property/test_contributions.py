"""Scores divided among those who speak for labels."""

from __future__ import annotations

import hypothesis.strategies as st
import numpy as np
from hypothesis import given, settings

from modag_search.classify.arithmetic.pooling import EVIDENCE_KINDS, EvidenceWeights

WEIGHTS = EvidenceWeights(
    (4.0, 5.0, 1.0, 2.0),
    (3.0, 4.0, -1.0, 2.5),
    name=2.0,
    name_only=(9.0, -1.5),
    linear=3.0,
    imputation=0.6,
    name_imputation=0.5,
)


@st.composite
def made_evidence(draw: st.DrawFn) -> np.ndarray:
    """Evidence of a query in which some labels lack voters of a modality, or a name, or all of it."""
    n_labels = draw(st.integers(1, 4))
    values = st.floats(-1, 1, width=16)
    rows = []
    for _ in range(n_labels):
        own, other, named = draw(st.booleans()), draw(st.booleans()), draw(st.booleans())
        numbers = [draw(values) for _ in range(6)]
        there = [own, own, other, other, named, own and draw(st.booleans())]
        rows.append([number if is_there else -np.inf for number, is_there in zip(numbers, there, strict=True)])
    return np.array([rows], dtype=np.float32)


@settings(max_examples=60, deadline=None)
@given(made_evidence())
def test_contributions_add_up_to_the_difference_of_any_two_scores(evidence: np.ndarray) -> None:
    contributions, scores = WEIGHTS.contributions(evidence), WEIGHTS.scores(evidence)
    assert contributions.shape == (*scores.shape, len(EVIDENCE_KINDS))
    there = np.isfinite(scores)
    assert (contributions[~there] == 0).all()
    added, known = contributions.sum(axis=-1)[there], scores[there]
    np.testing.assert_allclose(added[:, None] - added, known[:, None] - known, atol=1e-5)


@settings(max_examples=60, deadline=None)
@given(made_evidence())
def test_who_says_nothing_contributes_nothing(evidence: np.ndarray) -> None:
    contributions = dict(zip(EVIDENCE_KINDS, np.moveaxis(WEIGHTS.contributions(evidence), -1, 0), strict=True))
    has_own, has_other, has_name = np.moveaxis(np.isfinite(evidence[..., [0, 2, 4]]), -1, 0)
    assert not contributions["own"][~has_own].any()
    assert not contributions["other"][~has_other].any()
    assert not contributions["name"][~has_name].any()
    assert not contributions["added"][has_own].any()
    assert not contributions["features"][~np.isfinite(evidence[..., 5])].any()
