"""Duplicates do not depend on the order in which items were indexed; waveforms are compared as the formula says."""

from __future__ import annotations

import tempfile
from dataclasses import replace
from typing import Any
from unittest.mock import patch

import hypothesis.strategies as st
import numpy as np
from hypothesis import given, settings

from modag_search.copies.extents import SHAPE_TOLERANCE
from modag_search.copies.marks import HOP, MarkIndex, Marks
from modag_search.copies.overlaps import MIN_PART_S, Recording, overlap
from modag_search.copies.waveforms import (
    MAX_LAG_S,
    SAMPLE_RATE_HZ,
    SHARE_LAID_OVER,
    Waveform,
    correlation,
    highest_correlation,
)
from modag_search.curate import duplicates, similarity_join
from modag_search.curate.duplicates import Duplicates
from modag_search.values import DuplicateGroup, EncodedItem, MediaFacts
from tests.catalog_builders import FINGERPRINTS, file, image, new_catalog, put

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
    with tempfile.TemporaryDirectory() as folder, new_catalog(f"{folder}/catalog.sqlite") as catalog:
        put(catalog, *items)
        return Duplicates(catalog, FINGERPRINTS).find(min_similarity=LIMIT, confirm=False)  # there are no files


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


def strewn_pictures(seed: int, *, n: int) -> list[EncodedItem]:
    """Pictures of some sizes round a few centres, all of different contents and file sizes."""
    random = np.random.default_rng(seed)
    centres = random.standard_normal((n // 8 + 1, 4))
    items = []
    for number in range(n):
        plain = image(f"/{number}.png", content=str(number))
        (segment,) = plain.segments
        feature = centres[random.integers(len(centres))] + 0.2 * random.standard_normal(4)
        width_px, height_px = [(640, 480), (640, 460), (640, 430), (320, 240)][random.integers(4)]
        items.append(
            replace(
                plain,
                file=file(plain.file.path, size_bytes=1000 - number),
                facts=MediaFacts(kind="image", width_px=width_px, height_px=height_px),
                segments=(replace(segment, feature=feature.astype(np.float16).astype(np.float32)),),
            )
        )
    return items


def groups_by_all_pairs(items: list[EncodedItem]) -> set[tuple[str, ...]]:
    """Gather pictures round the best ones, by comparing each with each."""
    ordered = sorted(items, key=lambda item: (-sizes_px(item)[0] * sizes_px(item)[1], -item.file.size_bytes))
    features = np.array([item.segments[0].feature for item in ordered], dtype=np.float64).reshape(-1, 4)
    roots = np.sign(features) * np.sqrt(np.abs(features))
    unit = roots / np.linalg.norm(roots, axis=1, keepdims=True)
    cosines = unit @ unit.T
    ratios = [sizes_px(item)[0] / sizes_px(item)[1] for item in ordered]
    centres = {place: (place, 1.0) for place in range(len(ordered))}
    for one in range(len(ordered)):
        for other in range(one + 1, len(ordered)):
            are_of_one_shape = max(ratios[one], ratios[other]) <= (1 + SHAPE_TOLERANCE) * min(
                ratios[one], ratios[other]
            )
            is_free = centres[other][0] == other or cosines[one, other] > centres[other][1]
            if centres[one][0] == one and is_free and are_of_one_shape and cosines[one, other] >= LIMIT:
                centres[other] = (one, cosines[one, other])
    gathered: dict[int, list[str]] = {}
    for place, (centre, _) in centres.items():
        gathered.setdefault(centre, []).append(ordered[place].file.path)
    return {tuple(sorted(paths)) for paths in gathered.values() if len(paths) > 1}


def sizes_px(item: EncodedItem) -> tuple[int, int]:
    return item.facts.width_px or 0, item.facts.height_px or 0


@settings(max_examples=40, deadline=None)
@given(seed=st.integers(0, 1000), n=st.integers(0, 80), at_once=st.sampled_from([5, 512]))
def test_groups_are_those_that_comparing_all_pairs_gives(seed: int, n: int, at_once: int) -> None:
    items = strewn_pictures(seed, n=n)
    # As if there were many: most pairs are told by bounds, of few directions, and rows come in several blocks.
    few: dict[str, Any] = {"_FITTED": 20, "_JUDGED": 10, "_WIDTHS": (2,), "_COST_OF_PAIR": 0.0, "_COLUMNS_AT_ONCE": 16}
    with patch.multiple(similarity_join, **few), patch.object(duplicates, "_ROWS_AT_ONCE", at_once):
        groups = found(items)
    assert {tuple(sorted(one.path for one in group.items)) for group in groups} == groups_by_all_pairs(items)


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
        if a @ a >= SHARE_LAID_OVER * one @ one and b @ b >= SHARE_LAID_OVER * other @ other:
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


@settings(max_examples=25, deadline=None)
@given(
    seed=st.integers(0, 1000),
    start=st.integers(0, 24_000),
    n=st.integers(round((MIN_PART_S + 0.1) * SAMPLE_RATE_HZ), 24_000),
    silence=st.integers(0, 8_000),
    gain=st.sampled_from([1.0, -1.0, 0.01, -3.0]),
)
def test_whatever_is_cut_from_a_sound_is_found_where_it_was(
    seed: int, start: int, n: int, silence: int, gain: float
) -> None:
    random = np.random.default_rng(seed)
    samples, other = random.standard_normal((2, 6 * SAMPLE_RATE_HZ)).astype(np.float32)
    part = np.concatenate([np.zeros(silence, np.float32), np.float32(gain) * samples[start : start + n]])
    sounds = [Recording.of(one) for one in (other, samples, part)]
    index = MarkIndex([Marks.of(one.samples) for one in sounds if one])
    ((row, near),) = index.places(2)
    assert row == 1
    assert abs(near - (start - silence)) <= 2 * HOP
    longer, shorter = sounds[row], sounds[2]
    assert longer
    assert shorter
    found = overlap(longer, shorter, near=near)
    assert found is not None
    assert round(found.lag_s * SAMPLE_RATE_HZ) == start - silence
    assert not found.is_whole
    assert sounds[0]
    assert overlap(sounds[0], shorter, near=near) is None
