"""What waits to be done."""

from __future__ import annotations

import tracemalloc

import pytest

from modag_search.ingest.backlog import Backlog
from modag_search.values import ScannedFile


@pytest.mark.parametrize("n", [0, 1, 2048, 5000])
def test_values_come_in_their_order_any_number_of_times(n: int) -> None:
    backlog = Backlog(range(n))
    backlog.append(-1)

    assert list(backlog) == list(backlog) == [*range(n), -1]
    assert [len(batch) for batch in backlog.batches(1000)] == [*[1000] * (n // 1000), n % 1000 + 1]
    assert bool(Backlog(range(n))) is bool(n)


def test_a_file_that_waits_takes_a_few_bytes() -> None:
    tracemalloc.start()
    try:
        backlog = Backlog(
            ScannedFile(f"/home/me/Samples/{n // 500:03d}/a picture {n:06d}.png", 10_000 + n * 7919 % 90_000, n * 10**9)
            for n in range(2048 * 20)
        )
        assert tracemalloc.get_traced_memory()[0] < 2048 * 20 * 40
    finally:
        tracemalloc.stop()
    assert sum(1 for _ in backlog) == 2048 * 20
