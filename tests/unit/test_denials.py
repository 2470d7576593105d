"""What items are not: no name that comes back, and a lesson for their like."""

from __future__ import annotations

import shutil
from typing import TYPE_CHECKING

import numpy as np
import pytest
from PIL import Image

from modag_search.errors import NothingFoundError, UsageError
from modag_search.hierarchy import Hierarchy
from tests.made_media import BLUE, GREEN, HIGH_HZ, LOW_HZ, MIDDLE_HZ, RED, picture, sound

if TYPE_CHECKING:
    from pathlib import Path

    from modag_search import Index
    from modag_search.classify.classify import By

ORANGE, DARK_ORANGE = (230, 110, 20), (225, 112, 22)


def scores(index: Index, path: Path, by: By = "knn") -> dict[str, float]:
    (answer,) = index.classify([path], by=by)
    return {score.label: score.score for score in answer.scores}


def striped(path: Path, colour: tuple[int, int, int]) -> None:
    """Write a picture of stripes that has a colour in the mean."""
    pixels = np.tile(np.array(colour, dtype=np.uint8), (48, 64, 1))
    pixels[::2] += 20
    pixels[1::2] -= 20
    Image.fromarray(pixels).save(path)


@pytest.fixture
def named(index: Index, media: Path) -> Index:
    """Three labels on two pictures each; two more that are alike and no copies, between the first two."""
    for name, colour in (("red", RED), ("green", GREEN), ("blue", BLUE)):
        picture(media / f"{name}.png", colour)
        red, green, blue = colour
        picture(media / f"{name}-2.png", (max(red - 12, 0), green, blue))
    picture(media / "orange.png", ORANGE)
    striped(media / "like.png", DARK_ORANGE)
    index.add([media])
    for name in ("red", "green", "blue"):
        index.label([media / f"{name}.png", media / f"{name}-2.png"], name)
    return index


@pytest.mark.parametrize("by", ["knn", "head"])
def test_what_was_denied_is_no_answer_and_the_rest_has_its_share(named: Index, media: Path, by: By) -> None:
    named.train_head()
    before = scores(named, media / "orange.png", by)
    assert max(before, key=before.__getitem__) == "red"
    assert named.deny([media / "orange.png"], "red") == 1
    after = scores(named, media / "orange.png", by)
    others = {label: score for label, score in before.items() if label != "red"}
    none = max(1 - sum(before.values()), 0.0)
    left = sum(others.values()) + (none if none > 1e-6 else 0.0)
    assert after == pytest.approx({label: score / left for label, score in others.items()}, rel=1e-4)


@pytest.mark.parametrize("by", ["knn", "head"])
def test_what_is_like_it_gets_the_name_less_easily_and_what_is_not_as_before(named: Index, media: Path, by: By) -> None:
    named.train_head()
    like, red = scores(named, media / "like.png", by), scores(named, media / "red.png", by)
    named.deny([media / "orange.png"], "red")
    lowered = scores(named, media / "like.png", by)
    assert lowered["red"] < like["red"]
    for label in ("green", "blue"):
        assert lowered["red"] / lowered[label] < 0.5 * like["red"] / like[label], "less than half of its odds are left"
    assert scores(named, media / "red.png", by)["red"] > 0.98 * red["red"]


def test_each_label_is_lowered_for_itself_where_none_exclude_each_other(named: Index, media: Path) -> None:
    named.labels.set_mode("multi")
    before = scores(named, media / "orange.png")
    named.deny([media / "orange.png"], "red")
    after = scores(named, media / "orange.png")
    assert after == pytest.approx({label: score for label, score in before.items() if label != "red"})


def test_no_head_needs_to_be_brought_up_to_date_for_it(
    named: Index, media: Path, caplog: pytest.LogCaptureFixture
) -> None:
    named.train_head()
    named.deny([media / "orange.png"], "red")
    named.tag([media / "orange.png"], "favourite")
    named.classify([media / "orange.png"], by="head")
    assert caplog.records == []
    named.label([media / "orange.png"], "orange")
    named.classify([media / "orange.png"], by="head")
    assert "labels have changed since the head was fitted" in caplog.text


def test_neighbours_that_vote_say_nothing_for_what_was_denied(named: Index, media: Path) -> None:
    named.deny([media / "orange.png"], "red")
    (answer,) = named.classify([media / "orange.png"])
    assert {neighbour.label for neighbour in answer.neighbours} == {"green", "blue"}
    said = sum(score.score for score in answer.scores)
    assert sum(neighbour.weight for neighbour in answer.neighbours) == pytest.approx(said, abs=0.05)


def test_a_copy_is_denied_what_it_is_a_copy_of(named: Index, media: Path, tmp_path: Path) -> None:
    copy = media / "copy.png"
    shutil.copy(media / "orange.png", copy)
    named.add([media])
    named.deny([media / "orange.png"], "red")
    assert "red" not in scores(named, copy)
    elsewhere = tmp_path / "elsewhere.png"
    shutil.copy(media / "orange.png", elsewhere)
    assert "red" not in scores(named, elsewhere), "in the index or not"
    named.add([elsewhere])
    assert "red" not in scores(named, elsewhere)


def test_kinds_are_denied_with_what_they_are_kinds_of(named: Index, media: Path) -> None:
    named.labels.set_hierarchy(Hierarchy.of([("red", "warm"), ("green", "cold"), ("blue", "cold")]))
    named.deny([media / "orange.png"], "warm")
    assert "red" not in scores(named, media / "orange.png")
    assert scores(named, media / "like.png")["red"] < scores(named, media / "red-2.png")["red"]
    (answer,) = named.classify([media / "orange.png"], level=0)
    assert answer.label == "cold"
    assert [score.label for score in answer.scores] == ["cold"]


def test_no_transfer_gives_the_name_again(named: Index, media: Path) -> None:
    orange = media / "orange.png"
    first = named.transfer(min_confidence=0.5)
    assert {one.path: one.label for one in first.given}[str(orange)] == "red"
    named.deny([orange], "red")
    assert named.item(orange).labels == ()
    again = named.transfer(min_confidence=0.0)
    assert {one.path: one.label for one in again.given}[str(orange)] != "red"
    assert {one.label for one in named.transfer(min_confidence=0.0, dry_run=True).given} == set()


def test_no_suggestion_and_no_audit_names_it(named: Index, media: Path) -> None:
    named.deny([media / "orange.png"], "red")
    (suggested,) = (one for one in named.suggest() if one.path == str(media / "orange.png"))
    assert suggested.label != "red"
    named.label([media / "orange.png"], "blue")
    (issue,) = (one for one in named.audit(max_probability=0.9) if one.path == str(media / "orange.png"))
    assert (issue.label, issue.suggested) == ("blue", "green")


def test_names_alone_are_denied_too(named: Index, media: Path) -> None:
    named.deny([media / "orange.png"], ["red", "dog"])
    assert named.labels.groups == [["blue", "green", "red"]], "what only is not is no choice"
    with pytest.raises(NothingFoundError):
        named.search("label:dog")
    assert named.search("label:red", modality="image")[0].path.endswith("orange.png"), "which is no red one itself"
    assert [hit.path for hit in named.search(media / "blue.png", label="dog")] == []


def test_a_part_of_a_recording_is_denied_and_not_the_rest(index: Index, media: Path) -> None:
    sound(media / "both.wav", (LOW_HZ, 10), (HIGH_HZ, 10))
    for name, hz in (("low", LOW_HZ), ("high", HIGH_HZ), ("middle", MIDDLE_HZ)):
        sound(media / f"{name}.wav", (hz, 3))
    index.add([media])
    for name in ("low", "high", "middle"):
        index.label([media / f"{name}.wav"], name)
    before = scores(index, media / "both.wav")
    index.deny([media / "both.wav"], "high", start_s=10, end_s=20)
    after = scores(index, media / "both.wav")
    assert 0 < after["high"] < before["high"]
    index.deny([media / "both.wav"], "high")
    assert "high" not in scores(index, media / "both.wav")
    index.label([media / "both.wav"], "high")
    assert index.catalog.labels.counts()[0].denied == 1, "of the part, which nothing was said of since"


def test_what_a_label_has_no_like_of_is_denied_for_near_copies_alone(filled: Index, media: Path) -> None:
    """Pictures are named by sounds: a picture is nearer to any picture than to these."""
    for name in ("a", "b", "c"):
        filled.label([media / f"{name}.wav"], name)
    picture(media / "a-2.png", (200, 60, 20))
    filled.add([media])
    before = scores(filled, media / "a-2.png")["a"]
    filled.deny([media / "b.png"], "a")
    assert scores(filled, media / "a-2.png")["a"] == pytest.approx(before, rel=0.01)


def test_what_cannot_be_denied_is_refused(named: Index, media: Path) -> None:
    named.tag([media / "red.png"], "favourite")
    for name, message in (("favourite", "favourite: is a tag"), (" ", "a label must have a name")):
        with pytest.raises(UsageError, match=message):
            named.deny([media / "red.png"], name)
    with pytest.raises(UsageError, match="red: cannot both hold and not hold"):
        named.labels.give([named.item(media / "orange.png")], ["red"], denied=["red"])
    assert not [one for one in named.catalog.labels.annotations() if one.is_not]


def test_it_makes_no_difference_how_much_is_compared_at_once(
    named: Index, media: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    named.deny([media / "orange.png"], "red")
    named.deny([media / "like.png"], ["green", "blue"])
    expected = {answer.path: answer.scores for answer in named.classify()}
    monkeypatch.setattr("modag_search.classify.denials._CELLS_AT_ONCE", 1)
    for answer in named.classify():
        assert np.allclose([score.score for score in answer.scores], [score.score for score in expected[answer.path]])
