"""The nearest recordings are found however many windows of a few of them lie nearer than those of the others."""

from __future__ import annotations

import tempfile
from itertools import repeat
from typing import TYPE_CHECKING
from unittest.mock import patch

import hypothesis.strategies as st
import numpy as np
from hypothesis import given, settings

from modag_search import registry
from modag_search.search import items
from modag_search.search.items import ItemSearch
from modag_search.search.probes import Probe, Question
from modag_search.search.relevance import RelevanceScale
from modag_search.stores import LayeredReader
from tests.catalog_builders import new_catalog, put, sound

if TYPE_CHECKING:
    from modag_search.values import Float32Array, SegmentStatus

SCALE = RelevanceScale(unlike=0.0, deviation=0.1)
DIMENSION = 4
OK: SegmentStatus = "ok"


def unit(rows: Float32Array) -> Float32Array:
    lengths: Float32Array = np.linalg.norm(rows, axis=1, keepdims=True)
    return rows / lengths


@settings(deadline=None, max_examples=40)
@given(
    windows=st.lists(st.integers(1, 120), min_size=1, max_size=12),
    n_asking=st.integers(1, 6),
    n=st.integers(1, 4),
    spread=st.sampled_from([0.01, 0.3, 2.0]),
    seed=st.integers(0, 2**32 - 1),
    wider=st.sampled_from([2, 8]),
    is_filtered=st.booleans(),
)
def test_the_nearest_recordings_are_found(
    windows: list[int], n_asking: int, n: int, spread: float, seed: int, wider: int, is_filtered: bool
) -> None:
    random = np.random.default_rng(seed)
    centres = random.standard_normal((len(windows), DIMENSION)).repeat(windows, axis=0)
    stored = unit((centres + spread * random.standard_normal(centres.shape)).astype(np.float32))
    asking = unit(random.standard_normal((n_asking, DIMENSION)).astype(np.float32))
    # Two probes: as where what asks has a sound and a picture. What ranks highest in either is what counts.
    probes = [
        Probe(vectors, unlike=0.0, same=1.0, relevance=SCALE) for vectors in np.array_split(asking, 2) if len(vectors)
    ]
    counts = random.random(len(stored)) < 0.3 if is_filtered else np.ones(len(stored), dtype=bool)
    with tempfile.TemporaryDirectory() as folder, new_catalog(f"{folder}/catalog.sqlite") as catalog:
        recordings = [
            sound(f"/{number}.wav", content=str(number), statuses=tuple(repeat(OK, count)))
            for number, count in enumerate(windows)
        ]
        (asks, *_) = item_ids = put(catalog, *recordings)
        ids = np.array([one.id for one in catalog.segments.of_items(item_ids)])
        builder = registry.store_class("faiss-flat")(DIMENSION)
        builder.add(ids, stored)
        search = ItemSearch(catalog, {"sound": LayeredReader(builder.build())})
        question = Question(probes={"sound": probes}, without=frozenset({asks}))
        with patch.object(items, "_WIDER", wider):
            hits = search.hits(question, n=n, among=ids[counts] if is_filtered else None)

    near = np.where(counts[:, None], stored @ asking.T, -2.0)
    nearest = [float(rows.max()) for rows in np.split(near, np.cumsum(windows)[:-1])]
    others = sorted((one for one in nearest[1:] if one > -2.0), reverse=True)
    np.testing.assert_allclose([hit.similarity for hit in hits], others[:n], atol=1e-5)
    for hit in hits:
        np.testing.assert_allclose(hit.similarity, nearest[int(hit.path[1:-4])], atol=1e-5)
