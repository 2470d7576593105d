"""Answers in order of confidence."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from modag_search import Classification, Index, LabelScore, Neighbour, UsageError
from modag_search.classify.sorting import least_sure_first
from tests.made_media import BLUE, GREEN, RED, picture
from tests.unit.test_memory import with_peak_mib

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path


def answers(confidences: list[float]) -> Iterator[Classification]:
    for number, confidence in enumerate(confidences):
        near = Neighbour(
            id=number,
            path="n" * 5000,
            modality="image",
            label="a",
            similarity=0.5,
            weight=0.5,
            start_s=None,
            end_s=None,
        )
        yield Classification(
            path=f"{number}",
            label="a",
            confidence=confidence,
            scores=(LabelScore("a", confidence),),
            neighbours=(near,),
        )


@pytest.mark.parametrize("in_memory_bytes", [1, 1024**2])
def test_the_least_sure_come_first_as_they_were(in_memory_bytes: int) -> None:
    confidences = [0.9, 0.2, 0.5, 0.2, 1.0, 0.0]
    found = list(least_sure_first(answers(confidences), in_memory_bytes=in_memory_bytes))
    made = list(answers(confidences))
    assert found == [made[place] for place in (5, 1, 3, 2, 0, 4)]
    assert list(least_sure_first([])) == []


def test_many_answers_wait_in_a_file() -> None:
    confidences = [(number * 7 % 1000) / 1000 for number in range(1000)]
    seen, peak_mib = with_peak_mib(
        lambda: [one.confidence for one in least_sure_first(answers(confidences), in_memory_bytes=10_000)]
    )
    assert seen == sorted(confidences)
    assert peak_mib < 1, "the answers are five times as much"


@pytest.fixture
def shades(index: Index, media: Path) -> Index:
    """A red and a green picture with labels, and six from red to green without."""
    for name, colour in (("red", RED), ("green", GREEN), ("blue", BLUE)):
        picture(media / f"{name}.png", colour)
    for n in range(6):
        picture(media / f"{n}.png", (230 - 35 * n, 20 + 35 * n, 20))
    index.add([media])
    for name in ("red", "green", "blue"):
        index.label([media / f"{name}.png"], name)
    return index


def test_classified_items_and_files_come_so(shades: Index, media: Path) -> None:
    by_path = shades.classify(unlabelled=True)
    by_confidence = sorted(by_path, key=lambda answer: round(answer.confidence, 6))
    assert [one.path for one in shades.classify(unlabelled=True, sort="confidence")] == [
        one.path for one in by_confidence
    ]
    limit = by_confidence[2].confidence
    few = shades.classify(unlabelled=True, max_confidence=limit)
    assert [one.path for one in few] == [one.path for one in by_path if one.confidence <= limit]
    of_files = shades.classify([media / "5.png", media / "3.png"], sort="confidence", min_confidence=0.99)
    assert [one.path for one in of_files] == [str(media / "3.png"), str(media / "5.png")]
    assert of_files[0].label is None, "what is unknown is in order, too"


def test_other_limits_and_orders_are_refused_at_once(shades: Index) -> None:
    with pytest.raises(UsageError, match="max_confidence must lie from 0 to 1, not -1"):
        shades.classify_each(max_confidence=-1)
    with pytest.raises(UsageError, match="sort must be 'confidence' or None, not 'path'"):
        shades.classify_each(sort="path")  # type: ignore[arg-type]
