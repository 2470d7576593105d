"""Which paths a scan found."""

from __future__ import annotations

import pytest

from modag_search.ingest.seen import SeenPaths


@pytest.mark.parametrize("n", [0, 1, 5000])
def test_what_was_not_seen_is_named_in_its_order(n: int) -> None:
    seen = SeenPaths()
    for start in range(0, n, 700):
        seen.add(f"/m/{number}.wav" for number in range(start, min(start + 700, n)))

    items = [(number, f"/m/{number}.wav") for number in range(n + 2)]

    assert list(seen.lacking(items)) == items[n:]
