"""Duplicates do not depend on the order in which items were indexed; waveforms are compared as the formula says."""

from __future__ import annotations

import tempfile
from dataclasses import replace

import hypothesis.strategies as st
import numpy as np
from hypothesis import given, settings

from modag_search.catalog import Catalog
from modag_search.curate.duplicates import DuplicateGroup, Duplicates
from modag_search.curate.waveforms import MAX_LAG_S, SAMPLE_RATE_HZ, Waveform, correlation, highest_correlation
from modag_search.values import EncodedItem, MediaFacts
from tests.catalog_builders import FINGERPRINTS, file, image, put

LIMIT = 0.9
SIZES_PX = [(640, 480), (320, 240)]


@st.composite
def pictures(draw: st.DrawFn) -> list[EncodedItem]:
    """A few pictures of few contents and few sizes, many of them near each other."""
    items = []
    for number in range(draw(st.integers(0, 8))):
        feature = draw(st.lists(st.sampled_from([0.0, 1.0, 4.0]), min_size=4, max_size=4))
        width_px, height_px = draw(st.sampled_from(SIZES_PX))
        plain = image(f"/{number}.png", content=f"{feature}{width_px}")
        (segment,) = plain.segments
        items.append(
            replace(
                plain,
                file=file(plain.file.path, size_bytes=int(100 + sum(feature))),
                facts=MediaFacts(kind="image", width_px=width_px, height_px=height_px),
                segments=(replace(segment, feature=np.array(feature, dtype=np.float32)),),
            )
        )
    return items


def found(items: list[EncodedItem]) -> list[DuplicateGroup]:
    with tempfile.TemporaryDirectory() as folder, Catalog.open(f"{folder}/catalog.sqlite", create=True) as catalog:
        put(catalog, *items)
        return Duplicates(catalog, FINGERPRINTS).find(min_similarity=LIMIT)


def told(groups: list[DuplicateGroup]) -> list[list[tuple[str, bool, float]]]:
    return [[(one.path, one.is_exact, round(one.similarity, 5)) for one in group.items] for group in groups]


@settings(max_examples=40, deadline=None)
@given(items=pictures(), data=st.data())
def test_the_order_of_items_does_not_matter(items: list[EncodedItem], data: st.DataObject) -> None:
    groups = found(items)
    assert told(found(data.draw(st.permutations(items)))) == told(groups)
    paths = [one.path for group in groups for one in group.items]
    assert len(paths) == len(set(paths))
    for group in groups:
        assert len(group.items) > 1
        assert group.items[0].similarity == 1.0
        assert all(one.similarity >= LIMIT for one in group.items)
        assert max(one.width_px or 0 for one in group.items) == group.items[0].width_px


@st.composite
def sounds(draw: st.DrawFn) -> tuple[np.ndarray, np.ndarray]:
    """Two short sounds; often one is the other, late, at another level and with noise."""
    random = np.random.default_rng(draw(st.integers(0, 1000)))
    one, other = (random.standard_normal(draw(st.integers(1, 3000))) for _ in range(2))
    if draw(st.booleans()):
        delay = draw(st.integers(0, 1800))
        noise = draw(st.sampled_from([0.0, 0.3, 3.0])) * random.standard_normal(delay + len(one))
        other = draw(st.sampled_from([-2.0, 0.01, 1.0])) * (np.concatenate([np.zeros(delay), one]) + noise)
    return one.astype(np.float32), other.astype(np.float32)


def direct_correlation(one: np.ndarray, other: np.ndarray) -> float:
    """Try one lag after the other."""
    one, other = (samples.astype(np.float64) - samples.mean() for samples in (one, other))
    largest, reach = 0.0, round(MAX_LAG_S * SAMPLE_RATE_HZ)
    for lag in range(-reach, reach + 1):
        a, b = one[max(lag, 0) :], other[max(-lag, 0) :]
        a, b = a[: len(b)], b[: len(a)]
        if a @ a >= 0.5 * one @ one and b @ b >= 0.5 * other @ other:
            largest = max(largest, abs(a @ b) / max(np.sqrt((a @ a) * (b @ b)), 1e-12))
    return largest


@settings(max_examples=40, deadline=None)
@given(pair=sounds())
def test_waveforms_are_compared_as_by_trying_each_lag(pair: tuple[np.ndarray, np.ndarray]) -> None:
    one, other = (Waveform.of({0: samples}) for samples in pair)
    found = correlation(one, other)
    direct = direct_correlation(*pair)
    assert direct - 1e-3 <= found <= 1  # steps of a part of a sample may find more
    assert found <= highest_correlation(one, other) + 1e-3
    assert correlation(other, one) == found or abs(correlation(other, one) - found) < 1e-3
    louder = Waveform.of({0: -100 * pair[1]})
    assert abs(correlation(one, louder) - found) < 1e-3
