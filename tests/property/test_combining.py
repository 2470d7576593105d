"""Combined queries, against a plain sum over the terms and as laws."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import hypothesis.strategies as st
import numpy as np
import pytest
from hypothesis import assume, given

from modag_search.errors import UsageError
from modag_search.search.probes import ADDED, TAKEN_AWAY, Question, Term, alone, together
from modag_search.search.query import Query
from modag_search.values import MODALITIES
from tests.toy_encoders import toy_space

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from modag_search.space import QueryModality, Space
    from modag_search.values import Float32Array, Modality

ASKING: tuple[QueryModality, ...] = ("image", "sound", "text")
PAIRS = ("image-image", "image-sound", "sound-sound", "image-text", "sound-text")
STORED = np.random.default_rng(0).standard_normal((40, 3))
STORED /= np.linalg.norm(STORED, axis=1, keepdims=True)
CALIBRATIONS = st.fixed_dictionaries(dict.fromkeys(PAIRS, st.tuples(st.floats(-0.5, 0.9), st.floats(0.01, 1.0))))
DIRECTIONS = st.tuples(*[st.integers(-9, 9)] * 3).filter(any).map(lambda numbers: unit(np.array([numbers])))
SINGLE = st.tuples(st.sampled_from(ASKING), DIRECTIONS).map(lambda one: Query(vectors={one[0]: one[1]}))
SEVERAL = st.dictionaries(
    st.sampled_from(ASKING), st.lists(DIRECTIONS, min_size=1, max_size=3).map(np.concatenate), min_size=1
).map(lambda vectors: Query(vectors=vectors))
TERMS = st.lists(st.tuples(SEVERAL, st.booleans()), max_size=4)


def unit(rows: np.ndarray) -> Float32Array:
    units: Float32Array = (rows / np.linalg.norm(rows, axis=1, keepdims=True)).astype(np.float32)
    return units


def calibrated(unrelated: dict[str, tuple[float, float]]) -> Space:
    return replace(toy_space(), unrelated=unrelated)


def named(query: Query, *, is_added: bool = True) -> Term:
    return Term(name="x", query=query, weight=ADDED if is_added else TAKEN_AWAY)


def ranks(ask: Callable[[], Question], stored: Modality) -> np.ndarray:
    (probe,) = ask().probes[stored]
    assert np.linalg.norm(probe.vectors) == pytest.approx(1, abs=1e-6)
    return probe.ranks((STORED @ probe.vectors[0]).astype(np.float64))


def by_hand(terms: Sequence[Term], space: Space, stored: Modality) -> np.ndarray:
    """Add up the terms' scores, each with the mean and the scale of its own pair of modalities."""
    score, most = np.zeros(len(STORED)), 0.0
    for term in terms:
        for asking, vectors in term.query.vectors.items():
            mean, deviation = space.unrelated_similarity(asking, stored)
            total = vectors.astype(np.float64).sum(axis=0)
            weight = term.weight / len(term.query.vectors) / np.sqrt((1 - mean) * deviation)
            score += weight * (STORED @ (total / max(np.linalg.norm(total), 1e-12)) - mean)
            most += (1 - mean) * weight * (term.weight > 0)
    return np.asarray(score / most)


@given(SEVERAL, TERMS, CALIBRATIONS)
def test_ranks_are_sums_over_the_terms(
    first: Query, others: list[tuple[Query, bool]], unrelated: dict[str, tuple[float, float]]
) -> None:
    space = calibrated(unrelated)
    terms = [named(first), *(named(query, is_added=is_added) for query, is_added in others)]
    for stored in MODALITIES:
        try:
            found = ranks(lambda of=stored: together(terms, space, [of]), stored)  # type: ignore[misc]
        except UsageError:
            assert np.ptp(by_hand(terms, space, stored)) < 1e-3
        else:
            np.testing.assert_allclose(found, by_hand(terms, space, stored), rtol=1e-4, atol=1e-3)


@given(SINGLE, st.integers(1, 3), CALIBRATIONS)
def test_a_single_vector_however_often_ranks_as_it_does_alone(
    query: Query, times: int, unrelated: dict[str, tuple[float, float]]
) -> None:
    space, terms = calibrated(unrelated), [named(query)] * times
    for stored in MODALITIES:
        expected = ranks(lambda of=stored: alone(terms[0], space, [of]), stored)  # type: ignore[misc]
        found = ranks(lambda of=stored: together(terms, space, [of]), stored)  # type: ignore[misc]
        np.testing.assert_allclose(found, expected, rtol=1e-5, atol=1e-5)


@given(SEVERAL, TERMS, st.randoms(), CALIBRATIONS)
def test_the_order_of_terms_does_not_matter(
    first: Query,
    others: list[tuple[Query, bool]],
    random: np.random.Generator,
    unrelated: dict[str, tuple[float, float]],
) -> None:
    terms = [named(first), *(named(query, is_added=is_added) for query, is_added in others)]
    shuffled = list(terms)
    random.shuffle(shuffled)
    space = calibrated(unrelated)
    for stored in MODALITIES:
        try:
            expected = ranks(lambda of=stored: together(terms, space, [of]), stored)  # type: ignore[misc]
            found = ranks(lambda of=stored: together(shuffled, space, [of]), stored)  # type: ignore[misc]
        except UsageError:
            assume(False)
        np.testing.assert_allclose(found, expected, rtol=1e-4, atol=1e-3)
