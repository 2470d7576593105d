"""Running a network so that the same segment gives the same feature to the bit.

Libraries below torch choose an algorithm, and with it an order of additions, by the shape of the whole batch and by
the number of threads. So every segment goes through the network alone and on one thread; speed comes from
encoding several files at once, which costs nothing on a CPU, where a batch is hardly faster than its parts.
"""

from __future__ import annotations

import threading
from contextlib import contextmanager
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    import torch

    from modag_search.values import Float32Array, Uint8Array

_lock = threading.Lock()
_threads_inside = 0
_threads_before = 1


@contextmanager
def one_thread() -> Iterator[None]:
    """Keep torch to one thread an operation inside the block, in every thread that is in one."""
    import torch

    global _threads_inside, _threads_before  # noqa: PLW0603  shared by all threads, under the lock
    # A thread takes over torch's process-wide number when it first asks for it: asked here, it cannot do so later,
    # in the middle of a network.
    here = torch.get_num_threads()
    with _lock:
        if _threads_inside == 0:
            _threads_before = here
        _threads_inside += 1
        torch.set_num_threads(1)
    try:
        yield
    finally:
        # From then on the number is each thread's own, so each restores it, whether or not others are inside.
        with _lock:
            _threads_inside -= 1
            torch.set_num_threads(_threads_before)


def encode_one_by_one(
    batch: Sequence[Float32Array | Uint8Array],
    network: Callable[[Float32Array | Uint8Array], torch.Tensor],
    *,
    dimension: int,
) -> Float32Array:
    """Apply `network` to each segment alone.

    Parameters
    ----------
    batch : sequence of np.ndarray
    network : callable
        Makes of one segment a tensor ``[shape=(dimension,)]``.
    dimension : int

    Returns
    -------
    np.ndarray [shape=(len(batch), dimension), float32]
    """
    import torch

    features = np.empty((len(batch), dimension), dtype=np.float32)
    with one_thread(), torch.inference_mode():
        for row, segment in enumerate(batch):
            features[row] = network(segment).numpy()
    return features
