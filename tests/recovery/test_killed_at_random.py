"""Every verb that writes, killed by SIGKILL at random moments: twenty times each."""

from __future__ import annotations

import os
from datetime import UTC, datetime

import crashing
import prove_crash
import pytest

KILLS = 17  # of each of twelve


@pytest.mark.parametrize("verb", crashing.VERBS)
def test_nothing_is_lost_halved_or_left_behind(verb: str) -> None:
    seed = 0 if os.environ.get("CI") else datetime.now(UTC).toordinal()  # developers' runs look for new moments

    row = prove_crash.prove_apart(verb, kills=KILLS, seed=seed)

    assert row["wrong"] == 0, row["words"]
    assert row["trials"] == KILLS
    assert row["killed"]
