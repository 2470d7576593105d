"""Cutting a sound into overlapping windows: arithmetic on sample counts, without any decoding.

Windows start at 0, hop, 2 hop ... and the last one is the first that reaches the end. So the rest of
a sound is never dropped, the last window may be shorter, and none lies wholly inside the one before it.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from modag_search.values import Float32Array


_BATCH_SAMPLES: Final = 1 << 16
_BATCH_VALUES: Final = 1 << 22  # of all channels together: 16 MiB, which only sounds of more than 64 channels reach


def window_bounds(n_samples: int, *, window: int, hop: int) -> Iterator[tuple[int, int]]:
    """Yield the start and end of each window of a sound.

    Parameters
    ----------
    n_samples : int
        Length of the sound.
    window, hop : int
        Length of a window and distance between the starts of two, at least 1.

    Examples
    --------
    >>> list(window_bounds(12, window=10, hop=5))
    [(0, 10), (5, 12)]
    """
    for start in range(0, n_samples, hop):
        stop = min(start + window, n_samples)
        yield start, stop
        if stop == n_samples:
            return


def in_batches(blocks: Iterable[Float32Array]) -> Iterator[Float32Array]:
    """Join short blocks of a sound until they are worth the overhead of the steps that follow.

    The same blocks always give the same batches, so that resampling them gives the same samples.
    """
    batch: list[Float32Array] = []
    n_samples = n_values = 0
    for block in blocks:
        batch.append(block)
        n_samples += len(block)
        n_values += block.size
        if n_samples >= _BATCH_SAMPLES or n_values >= _BATCH_VALUES:
            yield np.concatenate(batch)
            batch, n_samples, n_values = [], 0, 0
    if batch:
        yield np.concatenate(batch)


def cut(blocks: Iterable[Float32Array], *, window: int, hop: int) -> Iterator[tuple[int, Float32Array]]:
    """Cut a sound that comes in blocks into the windows of `window_bounds`.

    Holds one window and one block in memory, however long the sound is.

    Parameters
    ----------
    blocks : Iterable of np.ndarray [shape=(n, ...), float32]
        The sound, in blocks of any length.
    window, hop : int
        Length of a window and distance between the starts of two, in samples.

    Yields
    ------
    start : int
        Where the window starts, in samples.
    data : np.ndarray [shape=(m, ...), float32]
        A copy of its samples, ``m <= window``.
    """
    pending: Float32Array | None = None
    pending_start = 0  # position in the sound of pending[0]
    start = 0  # position of the next window
    reached = 0  # end of the last window yielded
    for block in blocks:
        pending = block if pending is None else np.concatenate([pending, block])
        while pending_start + len(pending) >= start + window:
            offset = start - pending_start
            yield start, pending[offset : offset + window].copy()
            reached = start + window
            start += hop
        passed = min(start - pending_start, len(pending))
        pending = pending[passed:]
        pending_start += passed
    end = pending_start + (0 if pending is None else len(pending))
    if pending is not None and start < end and reached < end:
        yield start, pending[start - pending_start :].copy()
