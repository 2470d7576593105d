"""What an answer is, and which copies it lists, does not depend on how many answers are wanted."""

from __future__ import annotations

import tempfile
from dataclasses import replace
from unittest.mock import patch

import hypothesis.strategies as st
import numpy as np
from hypothesis import given, settings

from modag_search import Hit, registry
from modag_search.search import copies
from modag_search.search.items import ItemSearch
from modag_search.search.probes import Probe, Question
from modag_search.search.relevance import RelevanceScale
from modag_search.stores import LayeredReader
from tests.catalog_builders import feature, image, new_catalog, put

SCALE = RelevanceScale(unlike=0.0, deviation=0.1)
ASKED = Question(probes={"image": [Probe(np.ones((1, 1), dtype=np.float32), unlike=0.0, same=1.0, relevance=SCALE)]})
ROUNDING = 1e-6

# Which features a picture has, and how its similarity was rounded.
PICTURES = st.lists(st.tuples(st.integers(0, 4), st.integers(0, 2)), min_size=1, max_size=40)


def answers(pictures: list[tuple[int, int]], similarities: list[float], *, at_once: int) -> dict[int, list[Hit]]:
    """What is found of pictures of few features, for each number of answers."""
    plain = [image(f"/{number}.png", content=str(number)) for number in range(len(pictures))]
    of_features = [
        replace(one, segments=(replace(one.segments[0], feature=feature(str(features))),))
        for one, (features, _) in zip(plain, pictures, strict=True)
    ]
    near = [similarities[features] + rounded * ROUNDING for features, rounded in pictures]
    with (
        tempfile.TemporaryDirectory() as folder,
        new_catalog(f"{folder}/catalog.sqlite") as catalog,
        patch.object(copies, "_AT_ONCE", at_once),
    ):
        segments = catalog.segments.of_items(put(catalog, *of_features))
        builder = registry.store_class("faiss-flat")(1)
        builder.add(np.array([one.id for one in segments]), np.array(near, dtype=np.float32)[:, None])
        search = ItemSearch(catalog, {"image": LayeredReader(builder.build())})
        return {n: search.hits(ASKED, n=n, among=None, copies=False) for n in range(1, 7)}


@settings(deadline=None)
@given(
    pictures=PICTURES,
    # Features may be equally near, or nearly so, without being the same.
    similarities=st.lists(st.sampled_from([0.25, 0.5, 0.5 + ROUNDING, 0.75]), min_size=5, max_size=5),
    at_once=st.integers(1, 9),
)
def test_answers_are_the_same_however_many_are_wanted(
    pictures: list[tuple[int, int]], similarities: list[float], at_once: int
) -> None:
    found = answers(pictures, similarities, at_once=at_once)
    assert all(hits == found[6][:n] for n, hits in found.items())
    assert sorted(path for hit in found[6] for path in (hit.path, *hit.copies)) == sorted(
        f"/{number}.png" for number in range(len(pictures))
    )
