"""Evidence of two modalities, pooled into one confidence; on made evidence whose truth is known."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from modag_search.classify.arithmetic.logistic import learn_sigmoid, sigmoid, softmax
from modag_search.classify.arithmetic.pooling import (
    CROSS_ONLY_PRIOR,
    MULTILABEL_PRIOR,
    PRIOR,
    EvidenceWeights,
    learn_evidence_weights,
)

LABELS = 5
ALL_KNOWN = 0.999
"""Share of a collection whose every class is labelled."""
OWN, OTHER = slice(0, 2), slice(2, 4)
NOBODY = (-np.inf, -np.inf)
NO_NAME = NO_FEATURES = -np.inf


def said(*labels: tuple[tuple[float, float], tuple[float, float]]) -> np.ndarray:
    """Evidence of one query: of each label, what the voters of its own modality say, and those of the other."""
    return np.array([[(*own, *other, NO_NAME, NO_FEATURES) for own, other in labels]], dtype=np.float32)


def unnamed(by_voters: np.ndarray) -> np.ndarray:
    """Evidence of voters alone: the labels' names say nothing."""
    return np.concatenate([by_voters, np.full((*by_voters.shape[:-1], 2), NO_NAME)], axis=-1, dtype=np.float32)


def made(n: int, *, right: slice | None, seed: int = 0) -> tuple[np.ndarray, np.ndarray]:
    """Queries of whose evidence one part rises for the right label, and all else is noise."""
    random = np.random.default_rng(seed)
    evidence = unnamed(random.normal(0, 0.3, (n, LABELS, 4)))
    holds = np.zeros((n, LABELS), dtype=bool)
    holds[np.arange(n), random.integers(LABELS, size=n)] = True
    if right is not None:
        evidence[holds, right] += 0.8
    return evidence, holds


def drawn(n: int, truth: EvidenceWeights, *, exclusive: bool, seed: int) -> tuple[np.ndarray, np.ndarray]:
    """Queries whose labels hold as often as a learnt says."""
    random = np.random.default_rng(seed)
    evidence = unnamed(random.normal(0, 0.35, (n, LABELS, 4)))
    probabilities = replace(truth, any_label=(0.0, 1e6)).probabilities(evidence, exclusive=exclusive)
    if exclusive:
        holds = np.zeros((n, LABELS), dtype=bool)
        holds[np.arange(n), [random.choice(LABELS, p=row) for row in probabilities]] = True
        return evidence, holds
    holds = random.random((n, LABELS)) < probabilities
    return evidence[holds.any(axis=1)], holds[holds.any(axis=1)]


def calibration_error(confidence: np.ndarray, is_right: np.ndarray) -> float:
    """Expected calibration error over ten bins (Naeini et al., 2015)."""
    bins = np.minimum((10 * confidence).astype(int), 9)
    gaps = np.bincount(bins, weights=confidence - is_right, minlength=10)
    return float(np.abs(gaps).sum() / len(confidence))


def share_right(learnt: EvidenceWeights, evidence: np.ndarray, holds: np.ndarray) -> float:
    best = learnt.scores(evidence).argmax(axis=1)
    return float(holds[np.arange(len(holds)), best].mean())


def test_where_one_label_holds_or_none_probabilities_add_up_to_one() -> None:
    evidence, _ = made(50, right=OWN)
    evidence[:, 1, OWN] = evidence[:, 2, OTHER] = evidence[:, 3] = -np.inf
    probabilities = EvidenceWeights().probabilities(evidence, exclusive=True)
    assert (probabilities >= 0).all()
    assert (probabilities.sum(axis=1) < 1).all(), "the rest is that none holds"
    certain = EvidenceWeights(any_label=(0.0, 1e6)).probabilities(evidence, exclusive=True)
    np.testing.assert_allclose(certain.sum(axis=1), 1)
    np.testing.assert_allclose(probabilities / probabilities.sum(axis=1, keepdims=True), certain)


def test_the_less_is_said_for_any_label_the_likelier_is_none() -> None:
    said_for_any = [((level, level), NOBODY) for level in (0.9, 0.5, 0.1, -0.3)]
    sums = [EvidenceWeights().probabilities(said(one, one), exclusive=True).sum(axis=1).item() for one in said_for_any]
    assert sums == sorted(sums, reverse=True)
    assert sums[0] > 0.9
    assert sums[-1] < 0.2


def test_hearsay_is_weighed_against_functions_that_never_saw_the_label() -> None:
    """Functions that have seen a label's examples know what is none of theirs; those of a label by hearsay do not."""
    evidence, holds = made(400, right=OTHER)
    random = np.random.default_rng(3)
    evidence[..., 5] = np.where(holds, 0.8, random.normal(-0.2, 0.05, holds.shape))
    fooled = evidence[..., 5].copy()
    fooled[np.arange(len(holds)), (holds.argmax(axis=1) + 1) % LABELS] = 0.6
    query = said((NOBODY, (0.9, 0.9)), ((0.1, 0.1), (0.0, 0.0)), ((0.0, 0.0), (0.0, 0.0)))
    query[0, 1:, 5] = (0.6, -0.2)

    def hearsay(unseen: np.ndarray | None) -> float:
        probabilities = learn_evidence_weights(evidence, holds, unseen=unseen).probabilities(query, exclusive=True)
        return float(probabilities[0, 0])

    assert hearsay(fooled) > hearsay(None)


def test_hearsay_is_not_measured_by_what_is_said_at_home() -> None:
    """Where no label has examples of the query's modality, none of them is less likely than beside such examples."""
    weights = EvidenceWeights()
    strong, weak = (0.5, 0.5), (0.1, 0.1)
    hearsay = weights.probabilities(said((NOBODY, strong), (NOBODY, weak)), exclusive=True).sum()
    beside = weights.probabilities(said((NOBODY, strong), (weak, NOBODY)), exclusive=True).sum()
    assert hearsay > 0.9
    assert beside < hearsay


def test_what_nobody_labelled_comes_out_unsure() -> None:
    evidence, holds = made(400, right=OWN)
    learnt = learn_evidence_weights(evidence, holds)
    fresh, right = made(400, right=OWN, seed=1)
    known = learnt.probabilities(fresh, exclusive=True).max(axis=1)
    unknown = learnt.probabilities(np.where(right[..., None], np.float32(-np.inf), fresh), exclusive=True).max(axis=1)
    assert known.mean() > 2 * unknown.mean()
    assert (unknown > 0.9).mean() < 0.1 * (known > 0.9).mean()


def test_features_count_as_far_as_they_tell_labels_apart() -> None:
    evidence, holds = made(400, right=None)
    told, noise = evidence.copy(), evidence.copy()
    random = np.random.default_rng(5)
    noise[..., 5] = random.normal(0, 0.2, holds.shape)
    told[..., 5] = noise[..., 5] + 0.8 * holds
    assert learn_evidence_weights(told, holds).linear > 5
    assert learn_evidence_weights(noise, holds).linear < 1
    assert share_right(learn_evidence_weights(told, holds), told, holds) > 0.95


@pytest.mark.parametrize("exclusive", [True, False])
def test_a_label_that_nobody_speaks_for_cannot_be(exclusive: bool) -> None:
    evidence = said(((0.1, 0.1), (0.1, 0.1)), (NOBODY, NOBODY))
    first, second = EvidenceWeights().probabilities(evidence, exclusive=exclusive)[0]
    assert second == 0 < first
    nobody = said((NOBODY, NOBODY), (NOBODY, NOBODY))
    assert EvidenceWeights().probabilities(nobody, exclusive=exclusive).tolist() == [[0, 0]]


def test_a_label_that_nobody_speaks_for_cannot_be_whatever_was_learnt() -> None:
    slope, offset = learn_sigmoid(np.array([1.0, 2.0, -1.0, -2.0]), np.array([False, False, True, True]), (1.0, 0.0))
    assert slope == 0, "what was said is no better than nothing"
    evidence = said(((0.1, 0.1), (0.1, 0.1)), (NOBODY, NOBODY))
    (row,) = EvidenceWeights(multilabel=(slope, offset)).probabilities(evidence, exclusive=False)
    assert row.tolist() == [pytest.approx(0.5), 0]


def test_a_label_with_voters_of_one_modality_alone_can_win() -> None:
    both = ((0.3, 0.3), (0.2, 0.2))
    (row,) = EvidenceWeights().probabilities(said(both, (NOBODY, (0.8, 0.8)), both), exclusive=True)
    assert row.argmax() == 1
    (row,) = EvidenceWeights().probabilities(said(both, ((0.6, 0.6), NOBODY), both), exclusive=True)
    assert row.argmax() == 1
    (row,) = EvidenceWeights().probabilities(said(both, (NOBODY, (0.1, 0.1)), both), exclusive=True)
    assert row.argmin() == 1, "and can lose"


def test_more_said_for_a_label_makes_it_likelier() -> None:
    for place in range(4):
        less, more = made(20, right=None)[0], made(20, right=None)[0]
        more[:, 2, place] += 0.2
        for exclusive in (True, False):
            likely = [EvidenceWeights().probabilities(one, exclusive=exclusive)[:, 2] for one in (less, more)]
            assert (likely[1] > likely[0]).all()


def test_labels_that_do_not_exclude_each_other_are_judged_each_for_itself() -> None:
    evidence, _ = made(30, right=OWN)
    alone = EvidenceWeights().probabilities(evidence[:, :1], exclusive=False)
    np.testing.assert_array_equal(EvidenceWeights().probabilities(evidence, exclusive=False)[:, :1], alone)
    assert not np.allclose(EvidenceWeights().probabilities(evidence, exclusive=True)[:, :1], alone)


@pytest.mark.parametrize(("right", "wrong"), [(OWN, OTHER), (OTHER, OWN)])
def test_learning_trusts_the_modality_that_is_right_and_not_the_noise(right: slice, wrong: slice) -> None:
    learnt = learn_evidence_weights(*made(400, right=right))
    weights = np.array(learnt.own_and_other)
    assert weights[right].sum() > 5 * weights[wrong].sum()
    assert learnt.learnt_from == 400
    assert share_right(learnt, *made(400, right=right, seed=1)) > 0.95


def test_learning_from_noise_alone_is_sure_of_nothing() -> None:
    learnt = learn_evidence_weights(*made(400, right=None))
    evidence, _ = made(400, right=None, seed=1)
    assert learnt.probabilities(evidence, exclusive=True, share=ALL_KNOWN).max() < 0.5
    assert EvidenceWeights().probabilities(evidence, exclusive=True, share=ALL_KNOWN).max() > 0.9


def test_without_examples_or_without_a_choice_the_prior_stays() -> None:
    evidence, holds = made(20, right=OTHER)
    assert (
        learn_evidence_weights(evidence[:0], holds[:0])
        == EvidenceWeights()
        == EvidenceWeights(PRIOR, multilabel=MULTILABEL_PRIOR, learnt_from=0)
    )
    of_one = learn_evidence_weights(evidence[:, :1], holds[:, :1])
    assert replace(of_one, any_label=EvidenceWeights().any_label) == EvidenceWeights()
    other = EvidenceWeights((1.0, 2.0, 3.0, 4.0))
    assert learn_evidence_weights(evidence[:0], holds[:0], prior=other) == other


@pytest.mark.parametrize("told", [True, False])
def test_a_label_that_holds_of_everything_is_no_rival_however_much_is_said_for_it(told: bool) -> None:
    evidence, holds = drawn(400, EvidenceWeights((6.0, 8.0, 2.0, 3.0)), exclusive=True, seed=0)
    with_wider = np.concatenate([evidence, evidence[holds][:, None] + 1], axis=1)
    both = np.pad(holds, ((0, 0), (0, 1)), constant_values=True)
    asked = np.pad(holds, ((0, 0), (0, 1)), constant_values=told)
    query = said(((0.2, 0.2), (0.0, 0.0)), ((0.0, 0.0), (0.0, 0.0)))
    ((sure, _),) = softmax(learn_evidence_weights(evidence, holds).scores(query))
    ((likely, _),) = softmax(learn_evidence_weights(with_wider, asked, also=both).scores(query))
    assert likely == pytest.approx(sure, abs=0.001)
    assert sure > 0.85


def test_few_examples_move_less_than_many() -> None:
    def moved(n: int) -> float:
        return float(np.linalg.norm(np.subtract(learn_evidence_weights(*made(n, right=OTHER)).own_and_other, PRIOR)))

    assert moved(1) < moved(5) < moved(400)


def test_the_other_modality_is_stood_in_for_as_far_as_the_two_agree() -> None:
    evidence, holds = made(400, right=OWN)
    evidence[..., OTHER] = 0.8 * evidence[..., OWN]
    assert learn_evidence_weights(evidence, holds).imputation == pytest.approx(0.8, abs=0.02)
    evidence[..., OTHER] = made(400, right=None, seed=3)[0][..., OTHER]
    assert learn_evidence_weights(evidence, holds).imputation == pytest.approx(0, abs=0.05)


def test_what_is_said_only_across_is_trusted_less_than_what_is_said_at_home() -> None:
    strong, weak, third = (0.5, 0.5), (0.2, 0.2), ((0.1, 0.1), NOBODY)
    begun = EvidenceWeights(cross_only=CROSS_ONLY_PRIOR)
    ((home, *_),) = begun.probabilities(said((strong, NOBODY), (weak, NOBODY), third), exclusive=True)
    ((across, less, _),) = begun.probabilities(said((NOBODY, strong), (NOBODY, weak), third), exclusive=True)
    assert home > across > 2 * less


def test_where_all_is_said_across_it_is_trusted_more_until_something_is_learnt() -> None:
    across = said((NOBODY, (0.5, 0.5)), (NOBODY, (0.2, 0.2)))
    ((alone, _),) = EvidenceWeights().probabilities(across, exclusive=True)
    ((among_others, _),) = EvidenceWeights(cross_only=CROSS_ONLY_PRIOR).probabilities(across, exclusive=True)
    assert alone > among_others
    learnt = learn_evidence_weights(*made(1, right=OWN))
    assert learnt.cross_only == pytest.approx(CROSS_ONLY_PRIOR, abs=1.0)


def test_learning_tells_how_far_hearsay_of_a_label_can_be_trusted() -> None:
    evidence = said(((0.8, 0.8), (0.0, 0.0)), (NOBODY, (0.8, 0.8)))
    ((_, trusted),) = learn_evidence_weights(*made(400, right=OTHER)).probabilities(evidence, exclusive=True)
    ((_, distrusted),) = learn_evidence_weights(*made(400, right=OWN)).probabilities(evidence, exclusive=True)
    assert trusted > 0.99 > distrusted


@pytest.mark.parametrize("seed", [1, 3, 5])
def test_of_what_is_said_with_a_confidence_that_share_is_right(seed: int) -> None:
    truth = EvidenceWeights((6.0, 8.0, 2.0, 3.0))
    learnt = learn_evidence_weights(*drawn(1500, truth, exclusive=True, seed=seed))
    evidence, holds = drawn(1500, truth, exclusive=True, seed=seed + 1)

    def error(weights: EvidenceWeights) -> float:
        probabilities = weights.probabilities(evidence, exclusive=True, share=ALL_KNOWN)
        best = probabilities.argmax(axis=1)
        return calibration_error(probabilities.max(axis=1), holds[np.arange(len(holds)), best])

    assert error(learnt) < 0.06
    assert error(learnt) < error(EvidenceWeights())


@pytest.mark.parametrize("seed", [1, 3, 5])
def test_few_examples_of_a_plain_truth_make_answers_as_sure_as_they_are_right(seed: int) -> None:
    truth = EvidenceWeights((30.0, 40.0, 10.0, 15.0))
    weights = learn_evidence_weights(*drawn(40, truth, exclusive=True, seed=seed))
    evidence, holds = drawn(1500, truth, exclusive=True, seed=seed + 1)
    sureness = weights.probabilities(evidence, exclusive=True, share=ALL_KNOWN).max(axis=1)
    right = share_right(weights, evidence, holds)
    assert right - 0.15 < sureness.mean() < right + 0.03, "with few, none of the labels may be what holds"


@pytest.mark.parametrize("n", [6, 16, 60])
def test_a_label_that_all_others_contradict_makes_them_hardly_less_sure(n: int) -> None:
    evidence, holds = made(n, right=OWN)
    evidence[holds, OWN] += 0.6
    mistaken = holds.copy()
    mistaken[0] = np.roll(holds[0], 1)
    fresh, right = made(400, right=OWN, seed=2)
    fresh[right, OWN] += 0.6

    def sureness(given: np.ndarray) -> float:
        likely = learn_evidence_weights(evidence, given).probabilities(fresh, exclusive=True)
        return float(likely[right].mean())

    assert sureness(mistaken) > sureness(holds) - 0.1


@pytest.mark.parametrize("seed", [1, 3, 5])
def test_of_labels_judged_each_for_itself_as_many_hold_as_is_said(seed: int) -> None:
    truth = EvidenceWeights((6.0, 8.0, 2.0, 3.0), multilabel=(1.2, -1.5))
    learnt = learn_evidence_weights(*drawn(1500, truth, exclusive=False, seed=seed))
    evidence, holds = drawn(1500, truth, exclusive=False, seed=seed + 1)
    probabilities = learnt.probabilities(evidence, exclusive=False)
    assert calibration_error(probabilities.ravel(), holds.ravel()) < 0.03


def test_a_sigmoid_is_learnt_from_statements_and_whether_they_held() -> None:
    random = np.random.default_rng(0)
    scores = random.normal(0, 2, 5000)
    holds = random.random(5000) < sigmoid(1.5 * scores - 0.7)
    assert learn_sigmoid(scores, holds, (1.0, 0.0)) == pytest.approx((1.5, -0.7), abs=0.12)
    assert learn_sigmoid(scores[:0], holds[:0], (0.3, -2.0)) == (0.3, -2.0)


def test_statements_that_all_held_leave_the_sigmoid_finite() -> None:
    slope, offset = learn_sigmoid(np.array([0.1, 0.2]), np.array([True, True]), (1.0, 0.0))
    assert 0 <= slope < 20
    assert 0 < offset < 20


def test_scores_of_any_size_make_probabilities() -> None:
    shares = softmax(np.array([[1e6, 0.0, -1e6], [0.0, 0.0, -np.inf]]))
    assert shares.tolist() == [[1, 0, 0], [0.5, 0.5, 0]]
    assert sigmoid(np.array([1e6, 0.0, -1e6, -np.inf])).tolist() == [1, 0.5, 0, 0]
    assert softmax(np.full((1, 2), -np.inf)).tolist() == [[0, 0]]


def with_names(by_voters: np.ndarray, names: np.ndarray) -> np.ndarray:
    evidence = by_voters.copy()
    evidence[..., 4] = names
    return evidence


def test_names_count_as_far_as_they_tell_labels_apart() -> None:
    evidence, holds = made(400, right=OWN)
    noise = np.random.default_rng(1).normal(0, 0.3, holds.shape)

    nothing = learn_evidence_weights(with_names(evidence, noise), holds)
    something = learn_evidence_weights(with_names(evidence, noise + 0.8 * holds), holds)

    assert nothing.name < 0.1 * sum(nothing.own_and_other)
    assert something.name > 0.25 * sum(something.own_and_other)
    fresh, right = made(400, right=OWN, seed=2)
    random_names = np.random.default_rng(3).normal(0, 0.3, right.shape)
    without = learn_evidence_weights(evidence, holds)
    assert share_right(nothing, with_names(fresh, random_names), right) > share_right(without, fresh, right) - 0.01
    assert share_right(something, with_names(fresh, random_names + 0.8 * right), right) > share_right(
        without, fresh, right
    )


def test_a_label_without_voters_goes_by_its_name() -> None:
    """Beside others that have voters: it wins where its name says much, and loses where it says nothing."""
    evidence = said(((0.3, 0.3), NOBODY), (NOBODY, NOBODY), ((0.1, 0.1), (0.1, 0.1)))
    names = {False: [0.1, 0.0, 0.1], True: [0.1, 0.6, 0.1]}
    for wins, row in names.items():
        (likely,) = EvidenceWeights().probabilities(with_names(evidence, np.array([row])), exclusive=True)
        assert (likely.argmax() == 1) == wins
    (silent,) = EvidenceWeights().probabilities(evidence, exclusive=True)
    assert silent[1] == 0


def test_a_label_whose_name_is_not_understood_is_not_held_back_by_others_names() -> None:
    alike = said(*[((0.5, 0.5), (0.4, 0.4))] * 2)
    (likely,) = EvidenceWeights().probabilities(with_names(alike, np.array([[NO_NAME, 0.3]])), exclusive=True)
    assert likely == pytest.approx([likely.mean()] * 2, abs=0.05)


def test_where_no_name_is_understood_names_change_nothing() -> None:
    evidence, holds = made(200, right=OTHER)
    learnt = learn_evidence_weights(evidence, holds)
    few = evidence[:3]
    np.testing.assert_array_equal(
        learnt.probabilities(few, exclusive=True),
        replace(learnt, name=9.0, name_only=(1.0, 1.0), name_imputation=0.1).probabilities(few, exclusive=True),
    )


def test_a_name_is_stood_in_for_as_far_as_names_and_examples_agree() -> None:
    evidence, holds = made(400, right=OWN)
    evidence[..., OTHER] = 0.8 * evidence[..., OWN]
    learnt = learn_evidence_weights(with_names(evidence, 0.3 * evidence[..., 0]), holds)
    assert learnt.name_imputation == pytest.approx(0.3, abs=0.02)
    assert learnt.imputation == pytest.approx(0.8, abs=0.02)

    weights = EvidenceWeights(imputation=0.9, name_imputation=0.5)
    voters = ((0.6, 0.5), (0.2, 0.2))
    both = said(voters, voters, voters)
    (silent, spoken, _) = weights.scores(with_names(both, np.array([[NO_NAME, 0.5 * 0.6, 0.1]])))[0]
    assert silent == pytest.approx(spoken)
