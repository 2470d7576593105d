"""How many threads torch trains on."""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING

from modag_search.encoders.torch_backend import one_thread

if TYPE_CHECKING:
    from collections.abc import Iterator


@contextmanager
def training_threads() -> Iterator[None]:
    """Keep torch to one thread an operation inside the block, whatever ``OMP_NUM_THREADS`` says.

    Products of matrices as small as a space's are over before a second thread has begun: 100 steps of 192 examples on
    two cores that others use too took 5.9 to 7.1 s on one thread and 38 to 43 s on two.
    """
    with one_thread():
        yield
