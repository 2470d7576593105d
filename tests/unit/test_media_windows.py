"""Cutting a stream equals cutting the whole, and windows cover a sound without repeating themselves."""

from __future__ import annotations

import itertools

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from modag_search.media.windows import cut, in_batches, window_bounds

lengths = st.integers(1, 40)


def test_twelve_seconds_make_two_windows_and_the_tail_is_kept() -> None:
    assert list(window_bounds(12, window=10, hop=5)) == [(0, 10), (5, 12)]


def test_a_sound_as_long_as_a_window_makes_one() -> None:
    assert list(window_bounds(10, window=10, hop=5)) == [(0, 10)]


def test_a_short_sound_makes_one_short_window() -> None:
    assert list(window_bounds(1, window=10, hop=5)) == [(0, 1)]


def test_no_samples_make_no_window() -> None:
    assert list(window_bounds(0, window=10, hop=5)) == []


@given(n_samples=st.integers(0, 300), window=lengths, hop=lengths, block_lengths=st.lists(st.integers(0, 50)))
def test_cutting_a_stream_equals_cutting_the_whole(
    n_samples: int, window: int, hop: int, block_lengths: list[int]
) -> None:
    sound = np.arange(n_samples, dtype=np.float32)
    blocks = np.split(sound, np.minimum(np.cumsum(block_lengths, dtype=int), n_samples))
    streamed = [(start, data.tolist()) for start, data in cut(blocks, window=window, hop=hop)]
    whole = [(start, sound[start:stop].tolist()) for start, stop in window_bounds(n_samples, window=window, hop=hop)]
    assert streamed == whole


@given(n_samples=st.integers(1, 300), window=lengths, hop=lengths)
def test_windows_advance_cover_and_never_lie_inside_the_one_before(n_samples: int, window: int, hop: int) -> None:
    bounds = list(window_bounds(n_samples, window=window, hop=hop))
    assert bounds[0][0] == 0
    for (start, stop), (next_start, next_stop) in itertools.pairwise(bounds):
        assert next_start == start + hop
        assert next_stop > stop
        assert stop - start == window
    if hop <= window:
        assert bounds[-1][1] == n_samples


@given(block_lengths=st.lists(st.integers(0, 100_000), max_size=8))
def test_batches_hold_the_same_samples_in_order(block_lengths: list[int]) -> None:
    sound = np.arange(sum(block_lengths), dtype=np.float32)
    blocks = np.split(sound, np.cumsum(block_lengths, dtype=int)[:-1])
    joined = np.concatenate([np.empty(0, np.float32), *in_batches(blocks)])
    np.testing.assert_array_equal(joined, sound)
