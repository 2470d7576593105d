"""Bits that change in files of an index: an error that names the file, or the same answer."""

from __future__ import annotations

import pytest
from bits import KINDS, Trial

from tests.bits_index import made_index

FLIPS = 8


@pytest.fixture(scope="module")
def trial(tmp_path_factory: pytest.TempPathFactory, toys: None) -> Trial:
    folder = tmp_path_factory.mktemp("bits")
    return Trial(made_index(folder), folder)


@pytest.mark.parametrize("kind", KINDS)
def test_no_bit_changes_an_answer_without_a_word(trial: Trial, kind: str) -> None:
    tally = trial.run(kind, n=FLIPS, seed=1, mend=False)

    assert tally.wrong == []
    if not kind.startswith("catalog"):
        assert tally.outcomes["refused"] + tally.outcomes["made anew"] == FLIPS
        assert tally.outcomes["noticed by verify"] == FLIPS


@pytest.mark.parametrize("kind", [kind for kind in KINDS if not kind.startswith(("catalog", "settings", "space"))])
def test_what_can_be_made_anew_is_mended(trial: Trial, kind: str) -> None:
    assert trial.run(kind, n=2, seed=2).outcomes["mended"] == 2
