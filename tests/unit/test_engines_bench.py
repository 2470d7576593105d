"""What `scripts/bench engines` rests on: each place is made, asked and changed, and has its line."""

from __future__ import annotations

from typing import TYPE_CHECKING

import compare
import engines
import pytest

from tests import milvus_server
from tests.unit.test_compare import N, made

if TYPE_CHECKING:
    from pathlib import Path

    import material

__all__ = ["made"]


@pytest.mark.parametrize("name", list(engines.PLACES))
def test_a_place_is_measured(name: str, made: material.Material, tmp_path: Path) -> None:
    if name == "milvus":
        milvus_server.require()
    row = engines.measured(name, n=N, folder=tmp_path)
    assert [row[which]["recall"] for which in ("all", "half", "hundredth")] == [1, 1, 1]
    assert (row["added_found"], row["deleted_found"]) == (1, 0)
    assert (row["server_asked_mib"] > 0) == (name != "faiss")
    text = engines.table({"n": N, "dimension": 8, "k": 10, "machine": compare.machine(), "rows": {name: row}})
    (line,) = (line for line in text.splitlines() if line.startswith(f"| `{name}`"))
    assert line.count("|") == text.splitlines()[2].count("|")
