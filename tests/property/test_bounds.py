"""Bounds of cosines are not below them, whatever the directions that they are made of."""

from __future__ import annotations

import hypothesis.strategies as st
import numpy as np
from hypothesis import given, settings

from modag_search.copies.bounds import bounding, principal_directions


@settings(max_examples=60, deadline=None)
@given(
    seed=st.integers(0, 1000),
    n=st.integers(1, 60),
    d=st.integers(1, 30),
    most=st.integers(1, 40),
    spread=st.sampled_from([0.0, 0.01, 1.0]),
)
def test_no_cosine_exceeds_its_bound(seed: int, n: int, d: int, most: int, spread: float) -> None:
    random = np.random.default_rng(seed)
    vectors = random.standard_normal((1, d)) + spread * random.standard_normal((n, d))
    unit = (vectors / np.linalg.norm(vectors, axis=1, keepdims=True)).astype(np.float32)
    directions = principal_directions(unit, most=most)
    width = directions.shape[1]
    assert width == min(most, n, d)
    np.testing.assert_allclose(directions.T @ directions, np.eye(width), atol=1e-4)
    coordinates = bounding(unit, directions)
    assert (coordinates @ coordinates.T >= unit @ unit.T - 1e-5).all()


def test_few_directions_hold_what_lies_in_them() -> None:
    random = np.random.default_rng(0)
    vectors = random.standard_normal((500, 5)) @ random.standard_normal((5, 100))
    unit = (vectors / np.linalg.norm(vectors, axis=1, keepdims=True)).astype(np.float32)
    coordinates = bounding(unit, principal_directions(unit, most=5))
    np.testing.assert_allclose(coordinates @ coordinates.T, unit @ unit.T, atol=1e-3)
