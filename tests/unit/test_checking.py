"""Questions about what a transfer would give, and what answers to them tell and do."""

from __future__ import annotations

import os
import shutil
from collections import Counter
from typing import TYPE_CHECKING

import pytest
from PIL import Image
from PIL.PngImagePlugin import PngInfo

from modag_search.errors import LabelConflictError, NothingFoundError, UsageError
from tests.made_media import BLACK, GREEN, RED, picture

if TYPE_CHECKING:
    from pathlib import Path

    from modag_search import Index, TransferCheck


@pytest.fixture
def shades(index: Index, media: Path) -> Index:
    """A red and a green picture with labels, and 24 from red to green without."""
    picture(media / "red.png", RED)
    picture(media / "green.png", GREEN)
    for n in range(24):
        picture(media / f"{n:02}.png", (230 - 9 * n, 20 + 9 * n, 20))
    picture(media / "black.png", BLACK)
    index.add([media])
    index.label([media / "red.png"], "red")
    index.label([media / "green.png"], "green")
    return index


def truths(check: TransferCheck) -> list[bool | None]:
    """What somebody would answer to whom the middle ones are neither red nor green."""
    wrong = {f"{n:02}.png" for n in range(9, 15)}
    return [os.path.basename(question.path) not in wrong for question in check.questions]


@pytest.fixture
def border(shades: Index) -> float:
    """A confidence that about half of the unlabelled pictures reach."""
    return sorted(confidences(shades).values())[11]


def confidences(index: Index) -> dict[str, float]:
    return {answer.path: answer.confidence for answer in index.classify(unlabelled=True)}


def test_half_are_about_what_would_be_given_and_all_are_spread_over_confidence(shades: Index, border: float) -> None:
    likely = confidences(shades)
    given = sorted(confidence for confidence in likely.values() if confidence >= border)
    check = shades.check_transfer(8, min_confidence=border)
    assert len({question.id for question in check.questions}) == 8
    for question in check.questions:
        assert question.confidence == pytest.approx(likely[question.path])
        assert shades.item(f"id:{question.id}").path == question.path
    asked = sorted(question.confidence for question in check.questions if question.confidence >= border)
    assert len(asked) == 4
    quarter = len(given) / 4
    for number, confidence in enumerate(asked):
        assert given[int(number * quarter)] <= confidence + 1e-6
        assert confidence <= given[min(int((number + 1) * quarter), len(given) - 1)] + 1e-6


def test_questions_are_the_same_as_long_as_the_index_is_and_in_random_order(shades: Index, media: Path) -> None:
    first, second = (shades.check_transfer(10).questions for _ in range(2))
    assert first == second
    assert first != shades.check_transfer(10, seed=1).questions
    order = [question.confidence for question in first]
    assert order not in (sorted(order), sorted(order, reverse=True))
    shades.label([media / "00.png"], "red")
    assert first != shades.check_transfer(10).questions


def test_where_few_are_there_all_are_asked_about(shades: Index, border: float) -> None:
    check = shades.check_transfer(100, min_confidence=border)
    assert Counter(question.path for question in check.questions) == dict.fromkeys(confidences(shades), 1)
    every = shades.check_transfer(6, min_confidence=0.0)
    assert len(every.questions) == 6, "nothing stays unknown, so that all are about what would be given"


def test_answers_tell_how_many_names_are_right(shades: Index, border: float) -> None:
    likely = confidences(shades)
    check = shades.check_transfer(100, min_confidence=border)
    found = check.precision(truths(check))
    n_given = sum(confidence >= border for confidence in likely.values())
    assert (found.of_given.names, found.of_given.answered) == (n_given, n_given)
    assert (found.of_all.names, found.of_all.right) == (24, 18)
    assert found.of_all.precision == found.of_all.low == found.of_all.high == 18 / 24, "all of them were answered"
    assert found.of_all.confidence == pytest.approx(sum(likely.values()) / 24)

    check = shades.check_transfer(8, min_confidence=border)
    answers = truths(check)
    found = check.precision(answers)
    assert (found.of_all.answered, found.of_given.answered) == (8, 4)
    assert found.of_given.precision is not None
    assert found.of_given.low is not None
    assert found.of_given.low < found.of_given.precision
    unsure = [answer for answer, one in zip(answers, check.questions, strict=True) if one.confidence < border]
    weight = n_given / 24
    expected = weight * found.of_given.precision + (1 - weight) * sum(map(bool, unsure)) / 4
    assert found.of_all.precision == pytest.approx(expected), "either side weighs as it is large"


def test_what_was_not_answered_tells_nothing(shades: Index, border: float) -> None:
    check = shades.check_transfer(8, min_confidence=border)
    answers = [True if one.confidence >= border else None for one in check.questions]
    found = check.precision(answers)
    assert (found.of_given.precision, found.of_given.answered) == (1.0, 4)
    assert (found.of_all.precision, found.of_all.low, found.of_all.answered) == (None, None, 4)
    assert check.precision([None] * 8).of_given.precision is None
    with pytest.raises(UsageError, match="there are 8 questions, and 7 answers"):
        check.precision(answers[:7])
    with pytest.raises(UsageError, match="no question was answered"):
        check.keep([None] * 8)


def test_yes_becomes_a_label_by_hand_and_no_a_denial(shades: Index, border: float) -> None:
    before = shades.transfer(min_confidence=border, dry_run=True)
    check = shades.check_transfer(12, min_confidence=border)
    answers = truths(check)
    answers[answers.index(True)] = None
    report = check.transfer(answers)
    assert report.checked is not None
    kept = {annotation.item_id: annotation for annotation in shades.catalog.labels.annotations()}
    for question, answer in zip(check.questions, answers, strict=True):
        if answer:
            annotation = kept[question.id]
            assert (annotation.origin, annotation.label) == ("hand", question.label)
            assert annotation.run_id == report.checked.run
        elif answer is False:
            annotation = kept[question.id]
            assert (annotation.is_not, annotation.label) == (True, question.label)
    answered = {one.path for one, answer in zip(check.questions, answers, strict=True) if answer is not None}
    assert report.given == tuple(one for one in before.given if one.path not in answered)
    assert report.checked.added == len(answers) - 1
    without = sum(not record.labels for record in shades.catalog.items.all())
    assert report.unknown == without, "the black one, what is unsure, and what was answered with no"


def copied(shades: Index, media: Path) -> None:
    """Copy the labelled red picture, and one without a label: with the same bytes, and with others."""
    for name in ("red", "05"):
        for number in range(2):
            shutil.copy(media / f"{name}.png", media / f"{name} again {number}.png")
            tags = PngInfo()
            tags.add_text("rating", str(number))
            Image.open(media / f"{name}.png").save(media / f"{name} tagged {number}.png", pnginfo=tags)
    shades.add([media])


@pytest.mark.parametrize(
    ("denied", "gone"),
    [
        # What has the bytes of the labelled picture, as the first of the shades does, is called as that.
        ("red tagged 0", {"red tagged 0", "red tagged 1"}),
        ("red again 0", {"00", "red again 0", "red again 1", "red tagged 0", "red tagged 1"}),
        # The shades beside one have so nearly its pixels that they pass for copies.
        ("05", {"04", "05", "05 again 0", "05 again 1", "05 tagged 0", "05 tagged 1", "06"}),
    ],
)
def test_copies_of_what_was_answered_with_no_are_not_called_so_either(
    shades: Index, media: Path, denied: str, gone: set[str]
) -> None:
    copied(shades, media)
    before = {one.path for one in shades.transfer(min_confidence=0.0, dry_run=True).given if one.label == "red"}
    check = shades.check_transfer(60, min_confidence=0.0)
    answers = [
        False if (one.path, one.label) == (str(media / f"{denied}.png"), "red") else None for one in check.questions
    ]
    assert answers.count(False) == 1

    foreseen = check.transfer(answers, dry_run=True)
    report = check.transfer(answers)

    assert (report.given, report.unknown) == (foreseen.given, foreseen.unknown)
    after = {one.path for one in report.given if one.label == "red"}
    assert before - after == {str(media / f"{name}.png") for name in gone}
    assert report.run
    shades.labels.undo(report.run)
    assert not [answer.path for answer in shades.classify(sorted(before - after)) if answer.label == "red"]


def test_answers_are_kept_where_another_item_has_gone_meanwhile(shades: Index, media: Path) -> None:
    check = shades.check_transfer(60, min_confidence=0.0)
    answers = [False if one.label == "red" and one.path.endswith("00.png") else None for one in check.questions]
    (gone,) = [one for one in check.questions if one.path.endswith("01.png")]
    shades.forget([gone.path])
    with pytest.raises(UsageError, match=f"id:{gone.id}: was removed meanwhile"):
        check.transfer(answers)
    assert [one.is_not for one in shades.catalog.labels.annotations() if one.run_id and one.is_not] == [True]


def test_the_run_records_what_was_answered_and_can_be_taken_back(shades: Index, border: float) -> None:
    check = shades.check_transfer(4, min_confidence=border)
    answers = [True, False, None, True]
    report = check.transfer(answers)
    assert report.checked is not None
    (run,) = (run for run, _ in shades.labels.runs() if run.id == report.checked.run)
    assert (run.verb, run.arguments["of"], run.arguments["questions"]) == ("check", "transfer", 4)
    assert run.outcome is not None
    assert run.outcome["answers"] == [
        {"item": one.id, "label": one.label, "confidence": pytest.approx(one.confidence), "answer": answer}
        for one, answer in zip(check.questions, answers, strict=True)
        if answer is not None
    ]
    assert shades.labels.undo(run.id).changed == 3


def test_the_labels_of_a_check_and_its_answers_are_recorded_at_once(
    shades: Index, border: float, monkeypatch: pytest.MonkeyPatch
) -> None:
    def forbidden(*_: object) -> None:
        raise AssertionError("the answers were recorded behind the labels")

    monkeypatch.setattr(shades.catalog.runs, "finish", forbidden)
    shades.check_transfer(4, min_confidence=border).keep([True, False, None, True])
    (outcome,) = (run.outcome for run in shades.catalog.runs.all() if run.verb == "check")
    assert outcome is not None
    assert (outcome["added"], len(outcome["answers"])) == (3, 3)


def test_a_dry_run_writes_nothing(shades: Index, border: float) -> None:
    check = shades.check_transfer(8, min_confidence=border)
    runs = shades.catalog.runs.all()
    dry = check.transfer(truths(check), dry_run=True)
    assert (dry.run, dry.checked) == (None, None)
    assert shades.catalog.runs.all() == runs
    assert check.transfer(truths(check)).given == dry.given


def test_what_was_labelled_otherwise_meanwhile_is_refused(shades: Index, border: float) -> None:
    shades.labels.set_mode("single")
    check = shades.check_transfer(4, min_confidence=border)
    other = "red" if check.questions[0].label == "green" else "green"
    shades.label([check.questions[0].path], other)
    with pytest.raises(LabelConflictError):
        check.transfer([True] * 4)
    (run,) = (run for run in shades.catalog.runs.all() if run.verb == "check")
    assert run.outcome == {"added": 0}, "what was not kept is no answer"


def test_where_there_is_nothing_to_ask_it_is_said(shades: Index, media: Path) -> None:
    with pytest.raises(UsageError, match="n must be 1 at least"):
        shades.check_transfer(0)
    for path in media.iterdir():
        if path.name != "black.png" and not shades.item(path).labels:
            shades.label([path], "red")
    with pytest.raises(NothingFoundError, match="nothing to check"):
        shades.check_transfer(5)
