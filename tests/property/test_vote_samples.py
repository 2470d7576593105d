"""What is said where there are very many votes: in full of labels that may hold, and roughly of the others."""

from __future__ import annotations

from typing import TYPE_CHECKING

import hypothesis.strategies as st
import numpy as np
import pytest
from hypothesis import given, settings

from modag_search.classify import neighbours as neighbours_module
from modag_search.classify import vote_samples as vote_samples_module
from modag_search.classify.classifiers import NeighbourClassifier
from modag_search.classify.linear_evidence import linear_evidence
from modag_search.classify.neighbours import Neighbours
from tests.property.test_votes import TEMPERATURE, WEIGHTS, made_batch, made_set, unrelated

if TYPE_CHECKING:
    from modag_search.values import Float32Array, Modality


def every_label(_: Modality, evidence: Float32Array) -> np.ndarray:
    return np.ones(evidence.shape[:2], dtype=bool)


def no_label(_: Modality, evidence: Float32Array) -> np.ndarray:
    return np.zeros(evidence.shape[:2], dtype=bool)


def made_neighbours(random: np.random.Generator, *, k: int, is_exclusive: bool = True) -> Neighbours:
    labelled = made_set(random, n_labels=6, is_exclusive=is_exclusive)
    return Neighbours(
        labelled=labelled,
        unrelated_similarity=unrelated,
        linear=linear_evidence(labelled),
        k=k,
        temperature=TEMPERATURE,
    )


@settings(max_examples=60, deadline=None)
@given(st.integers(0, 2**31), st.integers(1, 8), st.booleans())
def test_labels_that_are_asked_in_full_say_what_they_say_always(seed: int, k: int, copies: bool) -> None:
    random = np.random.default_rng(seed)
    neighbours, batch = made_neighbours(random, k=k), made_batch(random, n=int(random.integers(1, 9)))
    for block in neighbours.blocks(batch.segments, batch.items, copies=copies, in_full=False):
        expected, said = block.evidence(), block.likely_evidence(every_label)
        assert said.keys() == expected.keys()
        for modality, evidence in expected.items():
            np.testing.assert_array_equal(said[modality].queries, evidence.queries)
            np.testing.assert_allclose(said[modality].evidence, evidence.evidence, atol=2e-5)


def test_many_are_asked_a_few_at_once_all_the_same(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(vote_samples_module, "_VECTORS_AT_ONCE", 3)
    monkeypatch.setattr(vote_samples_module, "_CELLS_AT_ONCE", 10)
    for seed in range(20):
        random = np.random.default_rng(seed)
        neighbours, batch = made_neighbours(random, k=3), made_batch(random, n=8)
        for block in neighbours.blocks(batch.segments, batch.items, in_full=False):
            said = block.likely_evidence(every_label)
            for modality, evidence in block.evidence().items():
                np.testing.assert_allclose(said[modality].evidence, evidence.evidence, atol=2e-5)


@settings(max_examples=60, deadline=None)
@given(st.integers(0, 2**31), st.integers(1, 8), st.booleans())
def test_the_others_are_heard_of_and_on_average_say_the_same(seed: int, k: int, copies: bool) -> None:
    random = np.random.default_rng(seed)
    neighbours, batch = made_neighbours(random, k=k), made_batch(random, n=int(random.integers(1, 9)))
    for block in neighbours.blocks(batch.segments, batch.items, copies=copies, in_full=False):
        expected, said = block.evidence(), block.likely_evidence(no_label)
        for modality, evidence in expected.items():
            there = np.isfinite(evidence.evidence)
            np.testing.assert_array_equal(np.isfinite(said[modality].evidence), there)
            means = [0, 2, 4, 5]
            np.testing.assert_allclose(said[modality].evidence[..., means], evidence.evidence[..., means], atol=2e-5)


@settings(max_examples=30, deadline=None)
@given(st.integers(0, 2**31), st.booleans())
def test_answers_hardly_differ_however_many_votes_there_are(seed: int, is_exclusive: bool) -> None:
    random = np.random.default_rng(seed)
    classifier = NeighbourClassifier(made_neighbours(random, k=3, is_exclusive=is_exclusive), WEIGHTS)
    batch = made_batch(random, n=8)
    with pytest.MonkeyPatch.context() as patched:
        expected = classifier.answer(batch).probabilities
        patched.setattr(neighbours_module, "MANY_VOTES", 0)
        np.testing.assert_allclose(classifier.answer(batch).probabilities, expected, atol=0.01)


def test_a_long_recording_is_compared_piece_by_piece_all_the_same(monkeypatch: pytest.MonkeyPatch) -> None:
    random = np.random.default_rng(3)
    neighbours, batch = made_neighbours(random, k=3), made_batch(random, n=4)
    monkeypatch.setattr(neighbours_module, "_CELLS_AT_ONCE", 1)
    for block in neighbours.blocks(batch.segments, batch.items, in_full=False):
        said, expected = block.likely_evidence(every_label), block.evidence()
        for modality, evidence in expected.items():
            np.testing.assert_allclose(said[modality].evidence, evidence.evidence, atol=2e-5)
