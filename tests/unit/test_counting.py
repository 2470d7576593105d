"""How many items are something: those with the label, and an estimate of the others."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from modag_search.errors import NothingFoundError, UsageError
from modag_search.hierarchy import Hierarchy
from tests.made_media import BLACK, BLUE, GREEN, RED, picture, set_mtime

if TYPE_CHECKING:
    from modag_search import Index

LONG_AGO_NS = 10**18


@pytest.fixture
def shades(index: Index, media: Path) -> Index:
    """A red, a green and a blue picture with labels, and thirty from red to green without."""
    for name, colour in (("red", RED), ("green", GREEN), ("blue", BLUE)):
        picture(media / f"{name}.png", colour)
    for n in range(30):
        picture(media / f"{n:02}.png", (230 - 7 * n, 20 + 7 * n, 20))
    picture(media / "black.png", BLACK)
    index.add([media])
    for name in ("red", "green", "blue"):
        index.label([media / f"{name}.png"], name)
    return index


def likely(index: Index, label: str) -> dict[str, float]:
    return {
        answer.path: {score.label: score.score for score in answer.scores}.get(label, 0.0)
        for answer in index.classify(unlabelled=True)
    }


def is_red(path: str) -> bool:
    """Somebody calls the first half red."""
    return os.path.basename(path) < "15.png"


def test_what_has_the_label_counts_and_the_rest_by_confidence(shades: Index) -> None:
    expected = sum(likely(shades, "red").values())
    found = shades.count("red")
    assert (found.label, found.labelled, found.undecided, found.unheard, found.answers) == ("red", 1, 30, 1, 0)
    assert found.count == pytest.approx(1 + expected, abs=1)
    assert 1 <= found.low < found.count < found.high <= 31
    assert found.to_halve is not None
    assert shades.count("blue").count <= 2


def test_labels_that_exclude_it_decide_and_transferred_ones_do_not(shades: Index, media: Path) -> None:
    shades.label([media / "00.png", media / "01.png"], "red")
    shades.label([media / "29.png"], "green")
    found = shades.count("red")
    assert (found.labelled, found.undecided) == (3, 27)
    shades.transfer(min_confidence=0.9)
    assert (shades.count("red").labelled, shades.count("red").undecided) == (3, 27)
    shades.labels.set_mode("multi")
    assert shades.count("red").undecided == 27 + 3, "what is green or blue may be red, too"


def test_kinds_count_and_what_it_is_a_kind_of_leaves_open(shades: Index, media: Path) -> None:
    shades.labels.set_hierarchy(Hierarchy.of([("red", "warm"), ("orange", "warm")]))
    shades.label([media / "05.png"], "orange")
    shades.label([media / "00.png"], "warm")
    assert shades.count("warm").labelled == 3
    red = shades.count("red")
    assert (red.labelled, red.undecided) == (1, 29), "what is warm may be red, what is orange is not"


def test_answers_to_items_drawn_at_random_narrow_it(shades: Index) -> None:
    before = shades.count("red")
    check = shades.check_count("red", 20)
    assert len({question.id for question in check.questions}) == 20
    scores = likely(shades, "red")
    for question in check.questions:
        assert question.label == "red"
        assert question.confidence == pytest.approx(scores[question.path], abs=1e-3)
    answers: list[bool | None] = [is_red(question.path) for question in check.questions]
    kept = check.keep(answers)
    assert kept.added == 20
    after = shades.count("red")
    assert after.labelled == 1 + answers.count(True)
    assert (after.answers, after.undecided) == (20, 10)
    assert after.high - after.low < before.high - before.low
    assert after.low <= 16 <= after.high
    again = {question.id for question in shades.check_count("red", 20).questions}
    assert again.isdisjoint(question.id for question in check.questions), "nobody is asked twice"


def test_when_all_are_answered_the_count_is_known(shades: Index) -> None:
    check = shades.check_count("red", 100)
    assert len(check.questions) == 30
    check.keep([is_red(question.path) for question in check.questions])
    found = shades.count("red")
    assert (found.count, found.low, found.high, found.to_halve) == (16, 16, 16, None)
    with pytest.raises(NothingFoundError, match="red: of every item it is known whether it is that"):
        shades.check_count("red")


def test_answers_go_with_what_is_said_since(shades: Index, media: Path) -> None:
    check = shades.check_count("red", 12)
    answers: list[bool | None] = [is_red(question.path) for question in check.questions]
    check.keep(answers)
    first, second, third, fourth = [
        question.path for question, answer in zip(check.questions, answers, strict=True) if answer is False
    ][:4]
    shades.label([first], "red")
    assert shades.count("red").answers == 11, "what was answered with no is red after all"
    shades.unlabel([first], "red")
    assert shades.count("red").answers == 11, "nobody says any more what it is"
    shades.label([second], "green")
    assert shades.count("red").answers == 11, "that it is green, too, does not make it red"
    shades.labels.take([shades.item(second)], "red", denied=True)
    assert shades.count("red").answers == 10, "nor that it is not"
    set_mtime(picture(Path(third), BLUE), LONG_AGO_NS)
    shades.add([media])
    assert shades.count("red").answers == 9, "it was said of another picture"
    os.remove(fourth)
    shades.add([media], prune=True)
    assert shades.count("red").answers == 8


def test_a_check_that_is_undone_leaves_no_answer_behind(shades: Index) -> None:
    before = shades.count("red")
    check = shades.check_count("red", 20)
    answers: list[bool | None] = [is_red(question.path) for question in check.questions]
    run = check.keep(answers).run
    assert shades.labels.undo(run).changed == 20
    assert shades.count("red") == before
    shades.label([question.path for question in check.questions if is_red(question.path)], "red")
    assert shades.count("red").answers == 0, "labels that are given to teach are no sample"


def test_labels_given_to_teach_are_no_sample_and_other_checks_are_of_other_labels(shades: Index, media: Path) -> None:
    shades.label([media / "03.png"], "red")
    assert shades.count("red").answers == 0
    check = shades.check_count("green", 5)
    check.keep([False] * 5)
    assert (shades.count("red").answers, shades.count("green").answers) == (0, 5)


def test_answers_about_likely_names_of_a_transfer_tell_too(shades: Index) -> None:
    check = shades.check_transfer(10, min_confidence=0.6)
    told = sum(one.label == "red" and one.confidence >= 0.5 for one in check.questions)
    assert 0 < told < 10
    check.keep([True] * 10)
    assert shades.count("red").answers == told
    by_names = shades.check_transfer(6, min_confidence=0.6, names=["red", "green"])
    by_names.keep([True] * len(by_names.questions))
    assert shades.count("red").answers == told, "among other names, confidence is another"


def test_what_cannot_be_counted_is_said(shades: Index) -> None:
    with pytest.raises(NothingFoundError, match=r"Red: no item was given this label.*; did you mean red\?"):
        shades.count("Red")
    with pytest.raises(UsageError, match="n must be 1 at least"):
        shades.check_count("red", 0)
    for label in ("red", "green", "blue"):
        shades.labels.remove(label)
    with pytest.raises(NothingFoundError, match="no item has a label yet"):
        shades.count("red")
