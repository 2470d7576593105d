"""Results in words."""

from __future__ import annotations

import dataclasses

import pytest

from modag_search.values import Explanation, ModalityEvidence
from modag_search.wording import evidence_in_words


def explained(log_odds: float) -> tuple[Explanation, ModalityEvidence]:
    said = ModalityEvidence(
        modality="sound", log_odds=log_odds, above_none=None, known_share=None, parts=(), examples=()
    )
    values = dict.fromkeys(field.name for field in dataclasses.fields(Explanation))
    return Explanation(**{**values, "first": "a", "second": "b", "heard": (said,)}), said  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("log_odds", "words"),
    [
        (0.0, "as likely"),
        (-0.02, "as likely"),
        (0.7, "2.0 times as likely"),
        (-2.303, "10.0 times less likely"),
        (4.9, "more than 100 times as likely"),
        (12.2, "more than 100,000 times as likely"),
        (-900.0, "more than 1,000,000 times less likely"),
    ],
)
def test_how_likely_is_said_in_numbers_that_people_can_grasp(log_odds: float, words: str) -> None:
    assert list(evidence_in_words(*explained(log_odds))) == [(log_odds, f"together: {words}")]
