"""What has labels is called so, and so is every copy of it, whatever neighbours would say."""

from __future__ import annotations

import os
import shutil
from typing import TYPE_CHECKING

import numpy as np
import pytest
import soundfile
from PIL import Image

from modag_search import CopyOf
from modag_search.classify import originals
from modag_search.hierarchy import Hierarchy
from tests.made_media import (
    BLUE,
    GREEN,
    LOW_HZ,
    RATE_HZ,
    RED,
    behind_silence,
    cut,
    melody,
    picture,
    set_mtime,
    sound,
    tone,
    written,
)

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from modag_search import Index
    from modag_search.classify.classify import By
    from modag_search.values import Classification

SIZE = (160, 120)


def blots(path: Path, seed: int, size: tuple[int, int] = SIZE, **options: int) -> Path:
    """Write a picture of its own; to the toys, which see the mean colour, all of them are much alike."""
    path.parent.mkdir(parents=True, exist_ok=True)
    random = np.random.default_rng(seed)
    coarse = (128 + random.integers(-20, 20, 3) + random.integers(-100, 100, (6, 8, 3))).astype(np.uint8)
    Image.fromarray(coarse).resize(size, Image.Resampling.BICUBIC).save(path, **options)  # type: ignore[arg-type]
    return path


def rumble(path: Path, seed: int, *, level: float = 0.5) -> Path:
    """Write low noise of its own; to the toys, which hear three bands, all of it is much alike."""
    path.parent.mkdir(parents=True, exist_ok=True)
    spectrum = np.fft.rfft(np.random.default_rng(seed).standard_normal(3 * RATE_HZ))
    spectrum[np.fft.rfftfreq(3 * RATE_HZ, 1 / RATE_HZ) > 400] *= 0.01 * (1 + seed % 5)
    samples = np.fft.irfft(spectrum)
    soundfile.write(path, level * samples / np.abs(samples).max(), RATE_HZ)
    return path


@pytest.fixture
def odd_one(index: Index, media: Path) -> Index:
    """An index where one picture, and one sound, has a label, and others much like it have another one."""
    for number in range(6):
        blots(media / f"{number}.png", number)
        rumble(media / f"{number}.wav", number)
    assert index.add([media]).failed == 0
    index.label([media / "0.png", media / "0.wav"], "violin")
    others = [media / f"{number}.{ending}" for number in range(1, 5) for ending in ("png", "wav")]
    index.label(others, "saxophone")
    return index


def told(answers: Sequence[Classification]) -> list[tuple[str | None, str, str]]:
    """Return what each answer is, the name of the file that it is a copy of, and what tells so."""
    assert all(answer.copy_of for answer in answers)
    return [
        (answer.label, os.path.basename(answer.copy_of.path), answer.copy_of.confirmed_by)
        for answer in answers
        if answer.copy_of
    ]


def test_what_has_a_label_is_called_so(odd_one: Index, media: Path) -> None:
    violin = [media / "0.png", media / "0.wav"]
    asked: list[str | Path] = [*violin, *(f"id:{odd_one.item(path).id}" for path in violin)]
    answers = odd_one.classify(asked)
    assert told(answers) == 2 * [("violin", "0.png", "content"), ("violin", "0.wav", "content")]
    assert [answer.confidence for answer in answers] == [1.0] * 4
    assert [[score.label for score in answer.scores] for answer in answers] == [["violin"]] * 4
    assert all(vote.path not in map(str, violin[:1]) for vote in answers[0].neighbours), "it has no vote on itself"
    every = {os.path.basename(answer.path): answer for answer in odd_one.classify()}
    assert [every[f"{number}.png"].label for number in range(5)] == ["violin", *["saxophone"] * 4]
    assert every["5.png"].copy_of is every["5.wav"].copy_of is None


def test_copies_of_the_same_content_are_called_so_in_the_index_and_beside_it(
    odd_one: Index, media: Path, tmp_path: Path
) -> None:
    for name in ("0.png", "0.wav"):
        shutil.copy(media / name, media / f"copy of {name}")
        shutil.copy(media / name, tmp_path / f"elsewhere {name}")
    odd_one.add([media])
    elsewhere = [tmp_path / f"elsewhere {name}" for name in ("0.png", "0.wav")]
    assert told(odd_one.classify(elsewhere)) == [("violin", "0.png", "content"), ("violin", "0.wav", "content")]
    given = {os.path.basename(one.path): one for one in odd_one.transfer(min_confidence=0.99).given}
    assert [given[f"copy of {name}"].label for name in ("0.png", "0.wav")] == ["violin"] * 2
    copied = given["copy of 0.png"]
    assert copied.confidence == 1.0
    assert (copied.copy_of and copied.copy_of.path) == str(media / "0.png")


def test_copies_at_another_size_or_quality_are_called_so(odd_one: Index, media: Path, tmp_path: Path) -> None:
    for folder in (media, tmp_path / "beside"):
        blots(folder / "smaller.jpg", 0, (80, 60), quality=70)
        rumble(folder / "softer.flac", 0, level=0.1)
        rumble(folder / "lossy.ogg", 0)
        blots(folder / "unlike.jpg", 9, quality=70)
    odd_one.add([media])
    copies = ("smaller.jpg", "softer.flac", "lossy.ogg")
    for folder in (media, tmp_path / "beside"):
        assert told(odd_one.classify([folder / name for name in copies])) == [
            ("violin", "0.png", "pixels"),
            ("violin", "0.wav", "waveform"),
            ("violin", "0.wav", "waveform"),
        ]
        assert [answer.copy_of for answer in odd_one.classify([folder / "unlike.jpg"])] == [None]
    given = {os.path.basename(one.path): one for one in odd_one.transfer(min_confidence=0).given}
    assert [given[name].label for name in copies] == ["violin"] * 3
    assert given["unlike.jpg"].copy_of is None


@pytest.fixture
def denied(odd_one: Index, media: Path) -> Index:
    """The same, with a picture and a sound that are like saxophones, and are said to be none, and copies of them."""
    odd_one.deny([media / "5.png", media / "5.wav"], "saxophone")
    tinted = np.asarray(Image.open(blots(media / "smaller.jpg", 5, (80, 60)))) * np.array([1, 0.93, 1])
    Image.fromarray(tinted.astype(np.uint8)).save(media / "smaller.jpg", quality=35)
    rumble(media / "lossy.ogg", 5)
    odd_one.add([media])
    return odd_one


@pytest.mark.parametrize("by", ["knn", "head"])
def test_what_is_denied_of_something_is_denied_of_copies_at_another_size_or_quality(
    denied: Index, media: Path, by: By
) -> None:
    denied.train_head()
    answers = denied.classify([media / name for name in ("5.png", "smaller.jpg", "5.wav", "lossy.ogg")], by=by)
    assert [[score.label for score in answer.scores] for answer in answers] == [["violin"]] * 4
    assert [answer.copy_of for answer in answers] == [None] * 4, "nobody said what they are"
    given = {os.path.basename(one.path): one.label for one in denied.transfer(min_confidence=0, by=by).given}
    assert given["smaller.jpg"] == given["lossy.ogg"] == "violin"


def test_of_a_copy_of_what_is_denied_it_is_said_why_it_has_another_name(denied: Index, media: Path) -> None:
    explained = denied.explain(media / "smaller.jpg")
    assert (explained.label, explained.first, explained.decided_by) == ("violin", "violin", "evidence")
    assert explained.second is None


def test_what_is_said_of_a_copy_itself_goes_before_what_is_denied_of_others(denied: Index, media: Path) -> None:
    denied.label([media / "smaller.jpg"], "saxophone")
    own, other = denied.classify([media / "smaller.jpg", media / "5.png"])
    assert (own.label, own.confidence) == ("saxophone", 1.0)
    assert other.label != "saxophone"


def test_what_is_only_denied_something_may_be_a_copy_of_what_has_a_label(odd_one: Index, media: Path) -> None:
    blots(media / "smaller.jpg", 0, (80, 60), quality=70)
    odd_one.add([media])
    odd_one.deny([media / "smaller.jpg"], "saxophone")
    assert told(odd_one.classify([media / "smaller.jpg"])) == [("violin", "0.png", "pixels")]


@pytest.mark.parametrize("denied_name", ["violin", "bowed"])
def test_a_label_that_is_denied_of_one_copy_does_not_name_another(
    odd_one: Index, media: Path, tmp_path: Path, denied_name: str
) -> None:
    odd_one.labels.set_hierarchy(Hierarchy.of([("violin", "bowed")]))
    blots(media / "smaller.jpg", 0, (80, 60), quality=70)
    odd_one.add([media])
    odd_one.deny([media / "smaller.jpg"], denied_name)
    (answer,) = odd_one.classify([blots(tmp_path / "smallest.jpg", 0, (60, 45), quality=70)])
    assert (answer.label, answer.copy_of) == ("saxophone", None)
    (own,) = odd_one.classify([media / "0.png"])
    assert own.label == "violin"


def test_the_same_samples_in_another_file_are_told_by_their_features(
    odd_one: Index, media: Path, tmp_path: Path
) -> None:
    """As of a recording that was given other tags; that its original is gone does not matter."""
    samples, rate_hz = soundfile.read(media / "0.wav", dtype="int16")
    soundfile.write(media / "retagged.flac", samples, rate_hz)
    odd_one.add([media])
    (media / "0.wav").unlink()
    assert told(odd_one.classify([media / "retagged.flac"])) == [("violin", "0.wav", "features")]


def test_where_the_original_is_gone_neighbours_judge_what_is_only_alike(odd_one: Index, media: Path) -> None:
    blots(media / "smaller.jpg", 0, (80, 60), quality=70)
    odd_one.add([media])
    (media / "0.png").unlink()
    assert [answer.copy_of for answer in odd_one.classify([media / "smaller.jpg"])] == [None]


def test_white_shapes_on_transparency_are_no_copies_though_encoders_see_the_same(
    index: Index, media: Path, tmp_path: Path
) -> None:
    for name, box in (("left", (0, 0, 60, 120)), ("top", (0, 0, 160, 40)), ("middle", (50, 40, 110, 80))):
        image = Image.new("RGBA", SIZE, (255, 255, 255, 0))
        image.paste((255, 255, 255, 255), box)
        image.save(media / f"{name}.png")
    index.add([media])
    index.label([media / "left.png"], "left")
    index.label([media / "top.png"], "top")
    assert [answer.copy_of for answer in index.classify([media / "middle.png"])] == [None]
    Image.open(media / "top.png").resize((80, 60)).save(tmp_path / "smaller.png")
    assert told(index.classify([tmp_path / "smaller.png"])) == [("top", "top.png", "pixels")]


def test_a_file_that_was_replaced_is_not_what_stood_at_its_path(odd_one: Index, media: Path) -> None:
    blots(media / "0.png", 9)
    set_mtime(media / "0.png", 1)
    assert [answer.copy_of for answer in odd_one.classify([media / "0.png"])] == [None]


def test_copies_with_labels_that_exclude_each_other_decide_nothing(odd_one: Index, media: Path, tmp_path: Path) -> None:
    for name in ("again", "and again"):
        shutil.copy(media / "0.png", media / f"{name}.png")
    odd_one.add([media])
    odd_one.label([media / "again.png"], "saxophone")
    answer, first, second = odd_one.classify([media / "and again.png", media / "0.png", media / "again.png"])
    assert answer.copy_of is None
    assert [first.label, second.label] == ["violin", "saxophone"], "what was said of an item itself comes first"
    issues = {os.path.basename(issue.path): issue for issue in odd_one.audit() if issue.copy_of}
    assert {name: (issue.label, issue.suggested) for name, issue in issues.items()} == {
        "0.png": ("violin", "saxophone"),
        "again.png": ("saxophone", "violin"),
    }
    assert [(issue.probability, issue.confidence) for issue in issues.values()] == [(0, 1)] * 2
    assert issues["0.png"].copy_of == CopyOf(
        id=odd_one.item(media / "again.png").id, path=str(media / "again.png"), confirmed_by="content"
    )
    odd_one.label([media / "and again.png"], "violin")
    (issue,) = [issue for issue in odd_one.audit() if issue.copy_of]
    assert (os.path.basename(issue.path), issue.suggested) == ("again.png", "violin"), "two against one"


def test_labels_of_a_recording_in_two_formats_that_exclude_each_other_are_audited(odd_one: Index, media: Path) -> None:
    samples, rate_hz = soundfile.read(media / "0.wav", dtype="int16")
    soundfile.write(media / "0.flac", samples, rate_hz)
    shutil.copy(media / "0.flac", media / "0 again.flac")
    odd_one.add([media])
    odd_one.label([media / "0.flac"], "saxophone")
    issues = {os.path.basename(issue.path): issue for issue in odd_one.audit() if issue.copy_of}
    assert {name: (one.label, one.suggested, one.copy_of) for name, one in issues.items()} == {
        "0.wav": ("violin", "saxophone", copy_of(odd_one, media / "0.flac")),
        "0.flac": ("saxophone", "violin", copy_of(odd_one, media / "0.wav")),
    }
    odd_one.label([media / "0 again.flac"], "saxophone")
    (issue,) = [issue for issue in odd_one.audit() if issue.copy_of]
    assert (os.path.basename(issue.path), issue.label, issue.suggested) == ("0.wav", "violin", "saxophone")
    set_mtime(media / "0.flac", 1)
    (media / "0.flac").write_bytes(b"fLaC")
    odd_one.add([media])
    assert [os.path.basename(issue.path) for issue in odd_one.audit() if issue.copy_of] == ["0.wav"]


def copy_of(index: Index, path: Path) -> CopyOf:
    return CopyOf(id=index.item(path).id, path=str(path), confirmed_by="features")


def test_a_label_and_one_that_it_is_a_kind_of_go_together(odd_one: Index, media: Path) -> None:
    odd_one.labels.set_hierarchy(Hierarchy.of([("violin", "bowed"), ("cello", "bowed"), ("saxophone", "reed")]))
    for name in ("again", "and again"):
        shutil.copy(media / "0.png", media / f"{name}.png")
    odd_one.add([media])
    odd_one.label([media / "again.png"], "bowed")
    assert told(odd_one.classify([media / "and again.png"])) == [("violin", "0.png", "content")]
    assert told(odd_one.classify([media / "and again.png"], level=0)) == [("bowed", "0.png", "content")]


def test_where_labels_do_not_exclude_each_other_the_others_are_judged_as_ever(odd_one: Index, media: Path) -> None:
    odd_one.labels.set_mode("multi")
    odd_one.label([media / "0.png"], "old")
    shutil.copy(media / "0.png", media / "again.png")
    odd_one.add([media])
    (answer,) = odd_one.classify([media / "again.png"])
    scores = {score.label: score.score for score in answer.scores}
    assert scores["violin"] == scores["old"] == 1.0
    assert 0 < scores["saxophone"] < 1
    given = [one.label for one in odd_one.transfer(min_confidence=0.99).given if one.path == str(media / "again.png")]
    assert {"violin", "old"} <= set(given)


def test_labels_on_parts_do_not_name_the_whole(index: Index, media: Path) -> None:
    sound(media / "a.wav", (LOW_HZ, 30))
    sound(media / "b.wav", (LOW_HZ, 12))
    picture(media / "c.png", BLUE)
    index.add([media])
    index.label([media / "a.wav"], "laughter", start_s=0, end_s=5)
    index.label([media / "c.png"], "other")
    assert [answer.copy_of for answer in index.classify([media / "a.wav"])] == [None]


def test_copies_count_for_a_head_and_for_chosen_names_but_not_by_names_alone(odd_one: Index, media: Path) -> None:
    odd_one.train_head()
    query = media / "0.png"
    assert told(odd_one.classify([query], by="head")) == [("violin", "0.png", "content")]
    assert told(odd_one.classify([query], names=["violin", "saxophone"])) == [("violin", "0.png", "content")]
    (answer,) = odd_one.classify([query], names=["saxophone"])
    assert (answer.label, answer.copy_of) == ("saxophone", None)


def test_transferred_labels_are_no_labels_to_copy(index: Index, media: Path) -> None:
    for name, colour in (("a", RED), ("b", BLUE), ("c", (228, 60, 20))):
        picture(media / f"{name}.png", colour)
    index.add([media])
    index.label([media / "a.png"], "red")
    index.label([media / "b.png"], "blue")
    assert len(index.transfer(min_confidence=0).given) == 1
    assert [answer.copy_of for answer in index.classify([media / "c.png"])] == [None]


def test_what_is_compared_with_files_is_bounded_and_the_rest_is_said(
    odd_one: Index, media: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    for number in range(4):
        blots(media / f"copy {number}.jpg", 0, (80 + number, 60), quality=70)
    odd_one.add([media])
    monkeypatch.setattr(originals, "MOST_ALIKE", 2)
    monkeypatch.setattr(originals, "MOST_LESS_ALIKE", 0)
    answers = odd_one.classify([media / f"copy {number}.jpg" for number in range(4)])
    assert sum(answer.copy_of is not None and answer.copy_of.confirmed_by == "pixels" for answer in answers) == 2
    (record,) = caplog.records
    assert record.getMessage() == (
        "more than 2 are nearly the same as labelled ones; the others of these are not compared by pixels or "
        "waveforms, but named by their neighbours: `modag duplicates` finds all copies"
    )


def test_the_very_same_features_tell_where_no_more_is_compared_with_files(
    odd_one: Index, media: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    samples, rate_hz = soundfile.read(media / "0.wav", dtype="int16")
    soundfile.write(media / "retagged.flac", samples, rate_hz)
    rumble(media / "lossy.ogg", 0)
    odd_one.add([media])
    monkeypatch.setattr(originals, "MOST_ALIKE", 0)
    monkeypatch.setattr(originals, "MOST_LESS_ALIKE", 0)
    monkeypatch.setattr(originals, "MOST_OF_OTHER_LENGTH", 0)
    retagged, lossy = odd_one.classify([media / "retagged.flac", media / "lossy.ogg"])
    assert told([retagged]) == [("violin", "0.wav", "features")]
    assert lossy.copy_of is None


def test_what_suggests_audits_and_learns_still_leaves_an_item_s_own_label_out(odd_one: Index, media: Path) -> None:
    """Were copies settled there, no label would ever be doubtful."""
    doubtful = {os.path.basename(issue.path) for issue in odd_one.audit(max_probability=0.5)}
    assert {"0.png", "0.wav"} <= doubtful
    assert all(suggestion.confidence < 1 for suggestion in odd_one.suggest())


def test_an_index_of_many_labelled_pictures_finds_the_one(index: Index, media: Path, tmp_path: Path) -> None:
    """Of many that are much alike, the most alike are looked at."""
    for number in range(60):
        blots(media / f"{number:02d}.png", number)
    picture(media / "plain.png", GREEN)
    index.add([media])
    for number in range(60):
        index.label([media / f"{number:02d}.png"], "odd" if number % 2 else "even")
    asked = [blots(tmp_path / f"{number}.jpg", number, (120, 90), quality=60) for number in (3, 17, 30)]
    found = told(index.classify(asked))
    assert found == [("odd", "03.png", "pixels"), ("odd", "17.png", "pixels"), ("even", "30.png", "pixels")]


def test_of_a_sound_the_silent_end_does_not_count(odd_one: Index, media: Path, tmp_path: Path) -> None:
    samples, rate_hz = soundfile.read(media / "0.wav")
    soundfile.write(tmp_path / "longer.wav", np.concatenate([samples, np.zeros(rate_hz // 4)]), rate_hz)
    soundfile.write(tmp_path / "other.wav", tone(LOW_HZ, 3.0), RATE_HZ)
    assert told(odd_one.classify([tmp_path / "longer.wav"])) == [("violin", "0.wav", "waveform")]
    assert [answer.copy_of for answer in odd_one.classify([tmp_path / "other.wav"])] == [None]


@pytest.fixture
def labelled_melody(index: Index, media: Path) -> np.ndarray:
    """An index with a labelled melody, among others; its samples."""
    whole = melody(1, 8)
    written(media / "whole.wav", whole)
    for number in range(2, 6):
        written(media / f"{number}.wav", melody(number, 8))
    index.add([media])
    index.label([media / "whole.wav"], "mine")
    index.label([media / f"{number}.wav" for number in range(2, 6)], "others")
    return whole


def test_trimmed_and_delayed_copies_of_a_sound_are_called_so(
    index: Index, media: Path, tmp_path: Path, labelled_melody: np.ndarray
) -> None:
    copies = {
        "no start.mp3": cut(labelled_melody, 1.53),
        "no end.flac": cut(labelled_melody, 0, 6) / 20,
        "middle.ogg": cut(labelled_melody, 1.5, 6.5),
        "late.flac": behind_silence(-labelled_melody / 4, 3),
        "late and no end.wav": behind_silence(cut(labelled_melody, 0, 6), 3),
    }
    for folder in (media, tmp_path / "beside"):
        folder.mkdir(exist_ok=True)
        for name, samples in copies.items():
            written(folder / name, samples)
    index.add([media])
    for folder in (media, tmp_path / "beside"):
        assert told(index.classify([folder / name for name in copies])) == 5 * [("mine", "whole.wav", "waveform")]


def test_a_moment_of_a_sound_and_what_holds_more_than_it_are_no_copies(
    index: Index, tmp_path: Path, labelled_melody: np.ndarray
) -> None:
    written(tmp_path / "moment.wav", cut(labelled_melody, 2, 5))
    written(tmp_path / "medley.wav", np.concatenate([melody(9, 8), labelled_melody]))
    written(tmp_path / "unlike.wav", melody(9, 6))
    answers = index.classify([tmp_path / name for name in ("moment.wav", "medley.wav", "unlike.wav")])
    assert [answer.copy_of for answer in answers] == [None] * 3


def test_sounds_that_are_sought_in_longer_ones_are_bounded_and_the_rest_is_said(
    index: Index,
    tmp_path: Path,
    labelled_melody: np.ndarray,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
) -> None:
    asked = [tmp_path / f"{number}.wav" for number in range(3)]
    for number, path in enumerate(asked):
        written(path, cut(labelled_melody, 1 + number / 4))
    monkeypatch.setattr(originals, "MOST_OF_OTHER_LENGTH", 2)
    assert sum(answer.copy_of is not None for answer in index.classify(asked)) == 2
    (record,) = caplog.records
    assert record.getMessage().startswith("more than 2 are somewhat like labelled sounds; the others of these are not")


def test_strokes_in_another_order_are_not_called_as_what_they_reverse(index: Index, media: Path) -> None:
    first, second = (low * np.exp(-np.arange(len(low)) / 300) for low in (tone(200, 0.07), tone(330, 0.07)))
    gap = np.zeros(round(0.08 * RATE_HZ))
    media.mkdir(exist_ok=True)
    written(media / "added.wav", np.concatenate([first, gap, second]))
    written(media / "removed.wav", np.concatenate([second, gap, first]))
    written(media / "added again.flac", np.concatenate([first, gap, second]) / 2)
    index.add([media])
    index.label([media / "added.wav"], "added")
    again, removed = index.classify([media / "added again.flac", media / "removed.wav"])
    assert again.copy_of is not None
    assert again.copy_of.confirmed_by == "waveform"
    assert removed.copy_of is None
