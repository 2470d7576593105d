"""Short sounds that share a part are not one recording; what only encodes, delays or trims one is."""

from __future__ import annotations

from typing import TYPE_CHECKING

import hypothesis.strategies as st
import numpy as np
import pytest
from hypothesis import given, settings

from modag_search.copies.marks import MarkIndex, Marks
from modag_search.copies.overlaps import Recording, overlap
from modag_search.copies.waveforms import SAMPLE_RATE_HZ, Waveform, are_one

if TYPE_CHECKING:
    from collections.abc import Callable

Samples = np.ndarray

SEEDS = st.integers(0, 10_000)
STROKES_S = st.floats(0.05, 0.6)
GAPS_S = st.floats(0.0, 0.6)
LENGTHS_S = st.floats(0.1, 3.0)
LEVELS = st.floats(0.3, 1.0)


def noise(seed: int, seconds: float) -> Samples:
    """Noise of its own spectrum, of even power."""
    random = np.random.default_rng(seed)
    n = round(seconds * SAMPLE_RATE_HZ)
    spectrum = np.fft.rfft(random.standard_normal(n))
    low_hz, high_hz = random.uniform(100, 500), random.uniform(1500, 3500)
    frequencies = np.fft.rfftfreq(n, 1 / SAMPLE_RATE_HZ)
    spectrum[(frequencies < low_hz) | (frequencies > high_hz)] = 0
    samples = np.fft.irfft(spectrum, n)
    return np.asarray(samples / np.sqrt(np.mean(samples**2)))


def stroke(seed: int, seconds: float) -> Samples:
    """A sound that dies away by 35 dB."""
    samples = noise(seed, seconds)
    return samples * np.exp(-4 * np.arange(len(samples)) / len(samples))


def silence(seconds: float) -> Samples:
    return np.zeros(round(seconds * SAMPLE_RATE_HZ))


def are_told_to_be_one(one: Samples, other: Samples) -> bool:
    """Compare two sounds by all ways, in either order."""
    ones, others = (Waveform.of({0: samples.astype(np.float32)}) for samples in (one, other))
    by_waveform = are_one(ones, others)
    assert are_one(others, ones) == by_waveform
    return by_waveform or is_whole_of(one, other)


def is_whole_of(one: Samples, other: Samples) -> bool:
    """Tell whether one lies in the other, or the other in it, and there is nothing more."""
    recordings = [Recording.of(samples.astype(np.float32)) for samples in (one, other)]
    longer, shorter = sorted(filter(None, recordings), key=lambda each: each.starts - each.stops)
    found = [
        overlap(longer, shorter, near=lag)
        for _, lag in MarkIndex([Marks.of(longer.samples), Marks.of(shorter.samples)]).places(1)
    ]
    return any(each is not None and each.is_whole for each in found)


@settings(max_examples=60, deadline=None)
@given(seed=SEEDS, first_s=STROKES_S, second_s=STROKES_S, gap_s=GAPS_S, level=LEVELS)
def test_two_strokes_in_another_order_are_another_sound(
    seed: int, first_s: float, second_s: float, gap_s: float, level: float
) -> None:
    first, second, gap = stroke(seed, first_s), level * stroke(seed + 1, second_s), silence(gap_s)
    assert not are_told_to_be_one(np.concatenate([first, gap, second]), np.concatenate([second, gap, first]))


@settings(max_examples=60, deadline=None)
@given(seed=SEEDS, shared_s=STROKES_S, own_s=STROKES_S, gap_s=GAPS_S, level=LEVELS, data=st.data())
def test_one_stroke_in_common_does_not_make_two_sounds_one(
    seed: int, shared_s: float, own_s: float, gap_s: float, level: float, data: st.DataObject
) -> None:
    shared, gap = stroke(seed, shared_s), silence(gap_s)
    sounds = []
    for own in (level * stroke(seed + 1, own_s), level * stroke(seed + 2, own_s)):
        parts = [shared, gap, own]
        sounds.append(np.concatenate(parts if data.draw(st.booleans()) else parts[::-1]))
    assert not are_told_to_be_one(*sounds)


@settings(max_examples=60, deadline=None)
@given(seed=SEEDS, seconds=LENGTHS_S, share=st.floats(0.15, 0.9), level=LEVELS)
def test_the_same_beginning_or_end_does_not_make_two_sounds_one(
    seed: int, seconds: float, share: float, level: float
) -> None:
    shared = noise(seed, seconds * (1 - share))
    ends = [level * noise(seed + other, seconds * share) for other in (1, 2)]
    assert not are_told_to_be_one(*(np.concatenate([shared, end]) for end in ends))
    assert not are_told_to_be_one(*(np.concatenate([end, shared]) for end in ends))


@settings(max_examples=30, deadline=None)
@given(seed=SEEDS, seconds=LENGTHS_S)
def test_a_sound_and_its_reverse_are_two(seed: int, seconds: float) -> None:
    for made in (noise, stroke):
        samples = made(seed, seconds)
        assert not are_told_to_be_one(samples, samples[::-1])


@settings(max_examples=40, deadline=None)
@given(seed=SEEDS, n=st.integers(1, 12), beat_s=st.floats(0.1, 0.5), share=st.floats(0.5, 1.0))
def test_a_loop_of_one_beat_more_is_another_sound(seed: int, n: int, beat_s: float, share: float) -> None:
    beat = np.concatenate([stroke(seed, share * beat_s), silence((1 - share) * beat_s)])
    assert not are_told_to_be_one(np.tile(beat, n), np.tile(beat, n + 1))


@settings(max_examples=40, deadline=None)
@given(seed=SEEDS, seconds=LENGTHS_S, added_s=STROKES_S, gap_s=GAPS_S, level=st.floats(0.3, 1.0))
def test_a_sound_with_another_added_is_another_sound(
    seed: int, seconds: float, added_s: float, gap_s: float, level: float
) -> None:
    samples, gap, added = stroke(seed, seconds), silence(gap_s), level * stroke(seed + 1, added_s)
    assert not are_told_to_be_one(samples, np.concatenate([samples, gap, added]))
    assert not are_told_to_be_one(samples, np.concatenate([added, gap, samples]))


@settings(max_examples=60, deadline=None)
@given(
    seed=SEEDS,
    made=st.sampled_from([noise, stroke]),
    seconds=LENGTHS_S,
    delay=st.integers(0, 1500),
    behind_s=st.floats(0.0, 0.4),
    gain=st.sampled_from([1.0, -1.0, 0.02, -3.0]),
    hiss=st.sampled_from([0.0, 0.003]),
)
def test_a_copy_is_one_with_its_original(
    seed: int,
    made: Callable[[int, float], Samples],
    seconds: float,
    delay: int,
    behind_s: float,
    gain: float,
    hiss: float,
) -> None:
    samples = made(seed, seconds)
    copy = gain * np.concatenate([np.zeros(delay), samples, silence(behind_s)])
    copy = copy + hiss * np.abs(copy).max() * np.random.default_rng(seed).standard_normal(len(copy))
    assert are_told_to_be_one(samples, copy)


@pytest.mark.parametrize("seconds", [0.5, 1.0, 3.0])
@pytest.mark.parametrize("made", [noise, stroke])
def test_a_trimmed_end_leaves_a_sound_the_same(made: Callable[[int, float], Samples], seconds: float) -> None:
    samples = made(1, seconds)
    trimmed = samples[: len(samples) - round(min(0.2, seconds / 5) * SAMPLE_RATE_HZ)]
    assert are_told_to_be_one(samples, trimmed)
