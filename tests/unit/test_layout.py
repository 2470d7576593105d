"""Vectors laid out in two dimensions."""

from __future__ import annotations

import hypothesis.strategies as st
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis.extra.numpy import arrays
from sklearn.decomposition import PCA

from modag_search.search.layout import by_neighbours, by_variance, centred, is_there, placed_among

needs_umap = pytest.mark.skipif(not is_there(), reason='UMAP is not installed: pip install "modag-search[map]"')

VECTORS = arrays(np.float32, st.tuples(st.integers(0, 30), st.integers(1, 6)), elements=st.floats(-1, 1, width=32))


def clusters(n: int, *, of: int = 40, seed: int = 0) -> np.ndarray:
    """Return points about `n` directions, those of one after those of another."""
    rng = np.random.default_rng(seed)
    middles = np.repeat(rng.standard_normal((n, 20)), of, axis=0)
    points = (middles + 0.2 * rng.standard_normal(middles.shape)).astype(np.float32)
    units: np.ndarray = points / np.linalg.norm(points, axis=1, keepdims=True)
    return units


@given(VECTORS)
def test_every_vector_has_a_place_within_bounds_and_the_same_one_each_time(vectors: np.ndarray) -> None:
    found = by_variance(vectors)
    assert found.positions.shape == (len(vectors), 2)
    assert (np.abs(found.positions) <= 1).all()
    assert found.explained is None or 0 <= found.explained <= 1 + 1e-6
    assert np.array_equal(by_variance(vectors.copy()).positions, found.positions)


def test_places_are_those_of_another_implementation_up_to_scale_and_sign() -> None:
    vectors = clusters(4)
    expected = PCA(2).fit(vectors)
    places = expected.transform(vectors)
    found = by_variance(vectors)
    scaled = places / np.abs(places).max()
    signs = np.sign((found.positions * scaled).sum(axis=0))
    assert np.allclose(found.positions, scaled * signs, atol=1e-4)
    assert found.explained == pytest.approx(expected.explained_variance_ratio_.sum(), abs=1e-5)


def test_one_and_two_things_and_one_dimension_have_places() -> None:
    assert by_variance(np.ones((1, 3), dtype=np.float32)).positions.tolist() == [[0, 0]]
    assert by_variance(np.ones((5, 3), dtype=np.float32)).explained is None
    assert sorted(by_variance(np.array([[1], [3]], dtype=np.float32)).positions.tolist()) == [[-1, 0], [1, 0]]


def test_what_all_have_in_common_is_taken_away() -> None:
    vectors = clusters(3)
    moved = vectors + np.full(20, 0.5, dtype=np.float32)
    assert np.allclose(centred(vectors), centred(moved), atol=1e-5)
    assert np.allclose(np.linalg.norm(centred(vectors), axis=1), 1, atol=1e-5)
    assert centred(vectors[:1]).tolist() == [[0] * 20]
    assert centred(vectors[:0]).shape == (0, 20)


def test_what_comes_later_is_placed_amid_its_nearest() -> None:
    known = clusters(2, of=6)
    positions = np.repeat(np.array([[-1, 0], [1, 0.5]], dtype=np.float32), 6, axis=0)
    new = clusters(2, of=6)[[0, 7]]
    assert placed_among(new, known, positions).tolist() == [[-1, 0], [1, 0.5]]
    assert placed_among(new[:0], known, positions).shape == (0, 2)
    assert placed_among(new, known[:1], positions[:1]).tolist() == [[-1, 0], [-1, 0]]


@needs_umap
@settings(max_examples=5, deadline=None)
@given(arrays(np.float32, st.tuples(st.integers(0, 30), st.just(4)), elements=st.floats(-1, 1, width=32)))
def test_few_are_laid_out_by_variance_whatever_is_asked(vectors: np.ndarray) -> None:
    assert np.array_equal(by_neighbours(vectors).positions, by_variance(vectors).positions)


@needs_umap
def test_umap_keeps_neighbours_together_and_gives_the_same_places_again() -> None:
    vectors = clusters(4)
    found = by_neighbours(vectors)
    assert found.explained is None
    assert (np.abs(found.positions) <= 1).all()
    assert np.array_equal(by_neighbours(vectors).positions, found.positions)
    distances = np.linalg.norm(found.positions[:, None] - found.positions[None], axis=2)
    np.fill_diagonal(distances, np.inf)
    nearest = distances.argmin(axis=1)
    assert (nearest // 40 == np.arange(160) // 40).all()


@needs_umap
def test_the_same_thing_many_times_has_a_place_by_umap() -> None:
    vectors = np.repeat(np.eye(2, 5, dtype=np.float32), 20, axis=0)
    assert np.isfinite(by_neighbours(vectors).positions).all()
