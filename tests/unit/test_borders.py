"""Items whose confidence is near to a value."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

import pytest

from modag_search.errors import NothingFoundError, UsageError
from modag_search.hierarchy import Hierarchy
from tests.made_media import BLACK, BLUE, GREEN, LOW_HZ, RED, picture, sound, video

if TYPE_CHECKING:
    from pathlib import Path

    from modag_search import Index


@pytest.fixture
def between(index: Index, media: Path) -> Index:
    """A red violin, a green viola, a blue horn, and eight pictures from red to green without a label."""
    for name, colour in (("violin", RED), ("viola", GREEN), ("horn", BLUE)):
        picture(media / f"{name}.png", colour)
    for n in range(8):
        picture(media / f"{n}.png", (220 - 25 * n, 30 + 25 * n, 20))
    picture(media / "black.png", BLACK)
    sound(media / "low.wav", (LOW_HZ, 1))
    video(media / "clip.mp4")
    index.add([media])
    for name in ("violin", "viola", "horn"):
        index.label([media / f"{name}.png"], name)
    return index


@pytest.mark.parametrize("near", [0.0, 0.5, 0.9, 1.0])
def test_those_nearest_to_a_confidence_come_first(between: Index, near: float) -> None:
    confidences = {answer.path: answer.confidence for answer in between.classify(unlabelled=True)}
    found = between.suggest(near=near, n=5)
    assert [one.confidence for one in found] == pytest.approx([confidences[one.path] for one in found])
    assert [abs(one.confidence - near) for one in found] == pytest.approx(
        sorted(abs(confidence - near) for confidence in confidences.values())[:5]
    )
    assert {(one.covers, one.wanted) for one in found} == {(None, None)}


def test_how_likely_one_label_is_can_be_asked_for(between: Index) -> None:
    scores = {
        answer.path: {score.label: score.score for score in answer.scores}.get("viola", 0.0)
        for answer in between.classify(unlabelled=True)
    }
    found = between.suggest(near=0.3, label="viola", n=4)
    assert {one.label for one in found} == {"viola"}
    assert [one.confidence for one in found] == pytest.approx([scores[one.path] for one in found])
    assert [one.path for one in found] == sorted(scores, key=lambda path: abs(scores[path] - 0.3))[:4]


def test_a_label_is_as_likely_as_its_kinds_together(between: Index) -> None:
    between.labels.set_hierarchy(
        Hierarchy.of([("violin", "string"), ("viola", "string")]), audioset_ids={"viola": "/m/1"}
    )
    both = {one.path: one.confidence for one in between.suggest(near=1, label="string", n=20)}
    one, other = (
        {one.path: one.confidence for one in between.suggest(near=1, label=label, n=20)} for label in ("violin", "/m/1")
    )
    assert both == {path: pytest.approx(one[path] + other[path]) for path in both}
    between.labels.set_mode("multi")
    both = {one.path: one.confidence for one in between.suggest(near=1, label="string", n=20)}
    one, other = (
        {one.path: one.confidence for one in between.suggest(near=1, label=label, n=20)}
        for label in ("violin", "viola")
    )
    assert both == {path: pytest.approx(max(one[path], other[path])) for path in both}


def test_one_modality_can_be_asked_for(between: Index) -> None:
    def found(**options: object) -> dict[str, str]:
        return {os.path.basename(one.path): one.modality for one in between.suggest(near=0.5, **options)}  # type: ignore[arg-type]

    assert found(modality="sound") == {"low.wav": "sound", "clip.mp4": "sound"}
    assert found()["clip.mp4"] == "image"
    assert "low.wav" not in found(modality="image")
    assert "black.png" not in found(), "nothing can be said of it"


def test_what_cannot_be_meant_is_refused(between: Index, media: Path) -> None:
    for wrong in ({"near": 1.5}, {"label": "viola"}, {"near": 0.5, "n": 0}):
        with pytest.raises(UsageError):
            between.suggest(**wrong)
    with pytest.raises(NothingFoundError, match=r"Violin: no item was given this label.*; did you mean violin\?"):
        between.suggest(near=0.5, label="Violin")
    for path in media.iterdir():
        if path.stem not in {"violin", "viola", "horn"}:
            between.label([path], "horn")
    with pytest.raises(NothingFoundError, match="no item is left without a label"):
        between.suggest(near=0.5)
    for label in ("violin", "viola", "horn"):
        between.labels.remove(label)
    with pytest.raises(NothingFoundError, match="no item has a label yet"):
        between.suggest(near=0.5)
