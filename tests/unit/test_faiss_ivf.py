"""What a store of lists finds, of queries that are like what is stored and of such that are not."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pytest

from modag_search.stores.faiss_ivf import FaissIvfReader, FaissIvfStore

if TYPE_CHECKING:
    from modag_search.values import Float32Array

N_VECTORS = {"all centroids are compared": 24_000, "centroids are in groups": 64_000}
DIMENSION, K = 48, 10


def unit(vectors: Float32Array) -> Float32Array:
    scaled: Float32Array = (vectors / np.linalg.norm(vectors, axis=1, keepdims=True)).astype(np.float32)
    return scaled


@pytest.fixture(scope="module", params=[*N_VECTORS.values()], ids=[*N_VECTORS])
def vectors(request: pytest.FixtureRequest) -> Float32Array:
    """Make vectors that gather around some, differ as these differ, and lie on one side: as those of media do."""
    random = np.random.default_rng(5)
    real = 1 + random.standard_normal((300, DIMENSION))
    start, other, plus, minus = real[random.integers(len(real), size=(4, request.param))]
    away, aside = random.uniform(0, [[0.3], [0.5]], size=(2, request.param))[:, :, None]
    return unit(start + away * (other - start) + aside * (plus - minus))


@pytest.fixture(scope="module")
def reader(vectors: Float32Array) -> FaissIvfReader:
    store = FaissIvfStore(DIMENSION)
    store.add(np.arange(len(vectors)), vectors)
    return store.build()


@pytest.mark.parametrize("cosine", [0.9, 0.5])
def test_queries_that_lie_aside_find_nearly_all(vectors: Float32Array, reader: FaissIvfReader, cosine: float) -> None:
    random = np.random.default_rng(6)
    start, plus, minus = (vectors[random.integers(len(vectors), size=500)] for _ in range(3))
    sideways = plus - minus
    sideways -= (sideways * start).sum(axis=1, keepdims=True) * start
    queries = (cosine * start + np.sqrt(1 - cosine**2) * unit(sideways)).astype(np.float32)
    least = -np.sort(-queries @ vectors.T, axis=1)[:, K - 1 : K]
    found, _ = reader.search(queries, k=K)
    assert (found >= least - FaissIvfStore.precision).mean() >= 0.98
    assert reader.probes.wanted(K, n_counting=len(vectors)) < reader.probes.n_lists / 2


def test_every_vector_lies_in_a_list_and_nearly_all_in_the_nearest(
    vectors: Float32Array, reader: FaissIvfReader
) -> None:
    assert sorted(reader.ids().tolist()) == list(range(len(vectors)))
    nearest = (vectors @ reader.centroids.T).max(axis=1)
    of_list = np.concatenate(
        [
            vectors[ids] @ reader.centroids[place]
            for place, (ids, _) in enumerate(reader.lists(without=np.zeros(0, dtype=np.int64)))
        ]
    )
    assert (of_list >= nearest[reader.ids()] - FaissIvfStore.precision).mean() >= 0.97


@pytest.mark.parametrize("share", [0.9, 0.999])
def test_masses_of_equal_vectors_are_stored_and_found(vectors: Float32Array, share: float) -> None:
    many = vectors.copy()
    many[: round(share * len(many))] = many[0]
    store = FaissIvfStore(DIMENSION)
    store.add(np.arange(len(many)), many)
    reader = store.build()
    assert sorted(reader.ids().tolist()) == list(range(len(many)))
    similarities, ids = reader.search(many[[0, -1]], k=3)
    assert ids[1, 0] == len(many) - 1
    np.testing.assert_allclose(similarities[:, 0], 1, atol=FaissIvfStore.precision)
