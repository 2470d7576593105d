"""Laws of how files are left out, whatever labels, copies and pairs there are."""

from __future__ import annotations

import hypothesis.strategies as st
import numpy as np
from hypothesis import given

from modag_search.training.collecting import Collected
from modag_search.training.comparison import FOLDS, deal
from modag_search.training.space import Examples
from modag_search.values import MODALITIES

ROWS = st.lists(st.tuples(st.integers(0, 9), st.integers(0, 4), st.integers(0, 7)), min_size=1, max_size=30)
"""File, label and what the file looks like."""


@st.composite
def collections(draw: st.DrawFn) -> Collected:
    rows = {modality: np.array(draw(ROWS), dtype=np.int64) for modality in MODALITIES}
    return Collected(
        examples={m: Examples(own[:, 2:].astype(np.float32), own[:, 1]) for m, own in rows.items()},
        entries={m: own[:, 0] for m, own in rows.items()},
        groups=list("abcde"),
        failures=[],
        pairs=draw(st.frozensets(st.integers(0, 4), max_size=2)),
    )


@given(collections(), st.integers(0, 99))
def test_every_label_keeps_something_of_every_modality(some: Collected, seed: int) -> None:
    fold = deal(some, seed=seed)
    assert set(fold.tolist()) <= {-1, *range(FOLDS)}
    for number in range(FOLDS):
        for modality in MODALITIES:
            stays = fold[some.entries[modality]] != number
            groups = some.examples[modality].groups
            assert set(groups[stays].tolist()) == set(groups.tolist())


@given(collections(), st.integers(0, 99))
def test_files_that_look_alike_go_together_and_pairs_never_go(some: Collected, seed: int) -> None:
    fold = deal(some, seed=seed)
    looks: dict[int, set[object]] = {}
    for modality in MODALITIES:
        entries, examples = some.entries[modality], some.examples[modality]
        assert (fold[entries[np.isin(examples.groups, list(some.pairs))]] == -1).all()
        for file, feature in zip(entries.tolist(), examples.features[:, 0].tolist(), strict=True):
            looks.setdefault(file, set()).add((modality, feature))
    folds_of: dict[frozenset[object], set[int]] = {}
    for file, look in looks.items():
        folds_of.setdefault(frozenset(look), set()).add(int(fold[file]))
    assert all(len(folds) == 1 for folds in folds_of.values())
