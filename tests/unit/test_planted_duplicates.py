"""What scripts/bench plants among made-up items is what `duplicates` finds there."""

from __future__ import annotations

from typing import TYPE_CHECKING

import planted_duplicates
import pytest

from modag_search import Index
from modag_search.curate.duplicates import Duplicates
from modag_search.features.encoding import MediaEncoder

if TYPE_CHECKING:
    from pathlib import Path


@pytest.mark.parametrize("is_uniform", [False, True])
def test_copies_and_nothing_else_are_found(tmp_path: Path, is_uniform: bool) -> None:
    planted = planted_duplicates.make_index(tmp_path / "index", n=120, share_copied=0.2, is_uniform=is_uniform)
    with Index.open(tmp_path / "index") as index:
        groups = Duplicates(index.catalog, MediaEncoder(index.settings).fingerprints).find()
    assert planted > 5
    assert {group.modality for group in groups} == {"image", "sound"}
    assert sum(planted_duplicates.count_copies(one.path for one in group.items) for group in groups) == planted
    assert sum(len(group.items) - 1 for group in groups) == planted
