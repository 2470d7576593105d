"""The linear head of an index: fitted, kept, brought up to date, and refused where it does not fit."""

from __future__ import annotations

import logging
import os
import shutil
from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np
import pytest

from modag_search import Index, tensor_files
from modag_search.classify import namer
from modag_search.classify.linear_head import Head, fit_head, load_head
from modag_search.classify.namer import LABELLED_SET
from modag_search.errors import ModelError, NothingFoundError
from modag_search.hierarchy import Hierarchy
from modag_search.values import MODALITIES
from tests.earlier_files import without_checksum
from tests.made_media import BLUE, GREEN, HIGH_HZ, LOW_HZ, MIDDLE_HZ, RED, picture, sound
from tests.shared_folder import shared
from tests.toy_encoders import toy_index, toy_space

if TYPE_CHECKING:
    from pathlib import Path

    from modag_search.classify.labelled_set import LabelledSet

KINDS = {"low": (RED, LOW_HZ), "middle": (GREEN, MIDDLE_HZ), "high": (BLUE, HIGH_HZ)}
CHANGED = "labels have changed since the head was fitted; `modag train head --update` takes the changes in"
HEARSAY = (
    "the head learnt from no labelled sounds: it names them by their likeness to pictures, and nothing tells how often "
    "that is right; label some sounds, and `modag train head` again"
)


@pytest.fixture
def labelled(index: Index, media: Path) -> Index:
    """Of each kind three labelled pictures and two labelled sounds."""
    for name, (colour, hz) in KINDS.items():
        for number in range(3):
            red, green, blue = (max(0, value - 20 * number) for value in colour)
            picture(media / f"{name}-{number}.png", (red, green, blue))
        for number in range(2):
            sound(media / f"{name}-{number}.wav", (hz * (1 + 0.1 * number), 1))
    index.add([media])
    for name in KINDS:
        index.label(sorted(media.glob(f"{name}-*")), name)
    return index


def named(index: Index, query: Path) -> str | None:
    (answer,) = index.classify([query], by="head")
    return answer.label


def labelled_set(index: Index) -> LabelledSet:
    with index._rooms.snapshots.present() as snapshot:
        return snapshot.get(LABELLED_SET)


def warnings(caplog: pytest.LogCaptureFixture) -> list[str]:
    return [record.getMessage() for record in caplog.records if record.levelno == logging.WARNING]


def assert_same_as_a_fresh_fit(head: Head, index: Index) -> None:
    """Compare a head that was brought up to date with one from the beginning that has its settings."""
    fresh = fit_head(labelled_set(index), space=index.space.fingerprint)
    order = [head.names.index(name) for name in fresh.names]
    assert (head.sums.counts.sum(axis=0) > 0).sum() == len(fresh.names)
    np.testing.assert_allclose(head.sums.counts[:, order], fresh.sums.counts)
    np.testing.assert_allclose(head.sums.totals[:, order], fresh.sums.totals, atol=1e-9)
    np.testing.assert_allclose(head.sums.products, fresh.sums.products, atol=1e-9)
    taught = [{(segment, one.names[label]) for segment, label in one.taught.tolist()} for one in (head, fresh)]
    assert taught[0] == taught[1]
    assert head.label_generation == fresh.label_generation
    vectors = np.random.default_rng(0).normal(0, 1, (9, 3)).astype(np.float32)
    for modality, updated in head.discriminants().items():
        same = replace(fresh, settings=head.settings).discriminants()[modality]
        np.testing.assert_allclose(updated.scores(vectors)[:, order], same.scores(vectors), rtol=1e-5, atol=1e-5)


def test_a_head_names_what_it_was_fitted_to_and_what_is_like_it(labelled: Index, tmp_path: Path) -> None:
    head = labelled.train_head()
    card = head.card()
    assert card["labels"] == 3
    assert card["examples"] == {"image": 9, "sound": 6}
    assert set(card["settings"]) == set(MODALITIES)
    for name, (colour, hz) in KINDS.items():
        assert named(labelled, picture(tmp_path / f"{name}.png", colour)) == name
        (answer,) = labelled.classify([sound(tmp_path / f"{name}.wav", (hz, 1))], by="head")
        assert answer.label == name
        assert answer.neighbours == ()
        assert sum(score.score for score in answer.scores) == pytest.approx(1)


def test_a_head_is_kept_with_the_index(labelled: Index, media: Path) -> None:
    labelled.train_head()
    before = labelled.classify(by="head")
    labelled.close()
    with toy_index(labelled.folder) as again:
        assert again.classify(by="head") == before


def test_a_head_is_the_same_for_the_same_labels_and_seed(labelled: Index) -> None:
    labelled.train_head(seed=4)
    first = (labelled.folder / "head.safetensors").read_bytes()
    labelled.train_head(seed=4)
    assert (labelled.folder / "head.safetensors").read_bytes() == first


def test_a_head_backs_transfers_and_levels_too(labelled: Index, media: Path) -> None:
    picture(media / "new.png", (40, 20, 230))
    labelled.add([media])
    labelled.train_head()
    (given,) = labelled.transfer(by="head", min_confidence=0.5).given
    assert (os.path.basename(given.path), given.label) == ("new.png", "high")
    (leaf,) = labelled.classify([media / "new.png"], by="head")
    labelled.labels.set_hierarchy(Hierarchy.of([("high", "bright"), ("middle", "bright")]))
    labelled.train_head()
    (kind,) = labelled.classify([media / "new.png"], by="head", level=0)
    assert (leaf.label, kind.label) == ("high", "bright")
    assert {score.label for score in kind.scores} == {"bright", "low"}


def test_a_label_that_became_a_tag_is_no_answer_of_a_head(labelled: Index, media: Path) -> None:
    labelled.train_head()
    picture(media / "new.png", (40, 20, 230))
    labelled.add([media])
    assert named(labelled, media / "new.png") == "high"
    labelled.labels.set_kind("high", "tag")
    assert named(labelled, media / "new.png") in {"low", "middle"}
    (given,) = [one for one in labelled.transfer(by="head", min_confidence=0).given if one.path.endswith("new.png")]
    assert given.label in {"low", "middle"}


def test_a_head_that_labels_have_left_behind_says_so(
    labelled: Index, media: Path, caplog: pytest.LogCaptureFixture
) -> None:
    labelled.train_head()
    named(labelled, media / "low-0.png")
    assert warnings(caplog) == []
    labelled.unlabel([media / "low-1.png"], "low")
    assert named(labelled, media / "low-0.png") == "low"
    assert warnings(caplog) == [CHANGED]
    caplog.clear()
    labelled.train_head(update=True)
    named(labelled, media / "low-0.png")
    assert warnings(caplog) == []


def test_an_update_takes_in_what_was_given_and_what_was_taken_back(labelled: Index, media: Path) -> None:
    first = labelled.train_head()
    labelled.unlabel([media / "low-1.png", media / "high-0.wav"], "low")
    labelled.unlabel([media / "high-0.wav"], "high")
    labelled.label([media / "middle-2.png"], "also this")
    picture(media / "new.png", BLUE)
    labelled.add([media])
    labelled.label([media / "new.png"], "high")
    head = labelled.train_head(update=True)
    assert head.settings == first.settings, "which an update leaves as they are"
    assert_same_as_a_fresh_fit(head, labelled)


def test_an_update_without_changes_changes_nothing(labelled: Index, media: Path) -> None:
    labelled.train_head()
    before = (labelled.folder / "head.safetensors").read_bytes()
    labelled.train_head(update=True)
    assert (labelled.folder / "head.safetensors").read_bytes() == before


def test_an_update_learns_a_new_name(labelled: Index, media: Path, tmp_path: Path) -> None:
    labelled.train_head()
    for number in range(3):
        picture(media / f"yellow-{number}.png", (220, 220, 10 * number))
    labelled.add([media])
    labelled.label(sorted(media.glob("yellow-*")), "a yellow one")
    head = labelled.train_head(update=True)
    assert head.names == ("high", "low", "middle", "a yellow one")
    assert_same_as_a_fresh_fit(head, labelled)
    assert named(labelled, picture(tmp_path / "q.png", (220, 220, 5))) == "a yellow one"


def test_an_update_forgets_a_name_that_nobody_has_any_more(labelled: Index, media: Path) -> None:
    labelled.train_head()
    labelled.labels.rename("low", "bass")
    labelled.labels.remove("high")
    head = labelled.train_head(update=True)
    assert_same_as_a_fresh_fit(head, labelled)
    assert head.card()["labels"] == 2
    scores = {score.label for answer in labelled.classify(by="head") for score in answer.scores}
    assert scores == {"bass", "middle"}


def test_labels_on_parts_teach_with_those_parts(tmp_path: Path, media: Path, toys: None) -> None:
    with toy_index(tmp_path / "index", window_s=1.0, hop_s=1.0) as index:
        sound(media / "long.wav", (LOW_HZ, 3), (HIGH_HZ, 2))
        index.add([media])
        index.label([media / "long.wav"], "low", end_s=3.0)
        index.label([media / "long.wav"], "high", start_s=3.0)
        head = index.train_head()
        assert head.sums.counts.tolist() == [[0, 0], [2, 3]]
        assert named(index, sound(tmp_path / "q.wav", (HIGH_HZ, 1))) == "high"


def test_an_update_fits_anew_where_what_was_learnt_from_is_gone(
    labelled: Index, media: Path, caplog: pytest.LogCaptureFixture
) -> None:
    labelled.train_head()
    picture(media / "low-1.png", (200, 10, 60))
    labelled.add([media])
    head = labelled.train_head(update=True)
    assert warnings(caplog) == ["what the head learnt from has changed or gone; it is fitted anew"]
    assert_same_as_a_fresh_fit(head, labelled)
    caplog.clear()
    (media / "low-1.png").unlink()
    labelled.add([media], prune=True)
    assert_same_as_a_fresh_fit(labelled.train_head(update=True), labelled)
    assert warnings(caplog) == [], "a file that was replaced under its label taught nothing"
    (media / "low-2.png").unlink()
    labelled.add([media], prune=True)
    assert_same_as_a_fresh_fit(labelled.train_head(update=True), labelled)
    assert len(warnings(caplog)) == 1


def test_transferred_labels_do_not_teach(labelled: Index, media: Path) -> None:
    picture(media / "new.png", BLUE)
    labelled.add([media])
    before = labelled.train_head()
    assert labelled.transfer(min_confidence=0.5).given
    after = labelled.train_head(update=True)
    assert sorted(after.taught.tolist()) == sorted(before.taught.tolist())


def test_without_a_head_there_is_none_to_ask_or_to_bring_up_to_date(labelled: Index) -> None:
    for ask in (lambda: labelled.classify(by="head"), lambda: labelled.train_head(update=True)):
        with pytest.raises(ModelError, match=r"head\.safetensors: there is no head yet; `modag train head` makes one"):
            ask()


def test_a_damaged_head_is_refused_and_can_be_made_anew(labelled: Index, media: Path) -> None:
    labelled.train_head()
    path = labelled.folder / "head.safetensors"
    whole = path.read_bytes()
    other = (labelled.folder / "space.safetensors").read_bytes()
    for content in (b"", whole[:-40], b"no head, " * 20, whole.replace(b"modag-head/2", b"modag-tail/1"), other):
        path.write_bytes(content)
        for ask in (lambda: labelled.classify(by="head"), lambda: labelled.train_head(update=True)):
            with pytest.raises(
                ModelError,
                match=r"(cannot be read|not as it was) .*; `modag train head` makes it",
            ):
                ask()
    labelled.train_head()
    assert path.read_bytes() == whole
    assert named(labelled, media / "low-0.png") == "low"


@pytest.mark.parametrize(
    ("name", "array", "words"),
    [
        ("totals", np.full((2, 3, 3), np.nan), "not finite"),
        ("counts", np.zeros((2, 7)), "do not fit each other"),
        ("counts", np.zeros((2, 3), dtype=np.float32), "numbers of other kinds"),
    ],
)
def test_a_head_of_numbers_that_make_no_sense_is_refused(
    labelled: Index, name: str, array: np.ndarray, words: str
) -> None:
    labelled.train_head()
    path = labelled.folder / "head.safetensors"
    file = tensor_files.read(path, formats={"modag-head/2": True})
    path.write_bytes(
        tensor_files.as_bytes({**file.tensors, name: array}, written=file.format, described=file.described)
    )
    with pytest.raises(ModelError, match=rf"head\.safetensors: cannot be read .*{words}.*`modag train head`"):
        labelled.classify(by="head")


def test_a_head_of_an_earlier_version_is_asked(labelled: Index, media: Path) -> None:
    labelled.train_head()
    without_checksum(labelled.folder / "head.safetensors", "modag-head/1")
    assert named(labelled, media / "low-0.png") == "low"


def test_a_head_of_another_space_is_refused_and_can_be_made_anew(labelled: Index, media: Path, tmp_path: Path) -> None:
    labelled.train_head()
    turned = tmp_path / "turned.safetensors"
    turned.write_bytes(toy_space(turned=True).to_bytes())
    labelled.rebuild(space=turned)
    for ask in (lambda: labelled.classify(by="head"), lambda: labelled.train_head(update=True)):
        with pytest.raises(ModelError, match=r"was fitted in another space; `modag train head` makes it anew"):
            ask()
    labelled.train_head()
    assert named(labelled, media / "low-0.wav") == "low"


def test_a_head_needs_two_labels(filled: Index, media: Path) -> None:
    for _ in range(2):
        with pytest.raises(NothingFoundError, match="a head needs two labels at least"):
            filled.train_head()
        filled.label([media / "a.png"], "only one")
    filled.label([media / "b.png"], "and another")
    assert filled.train_head().card()["labels"] == 2


@pytest.fixture
def pictures_alone(labelled: Index, media: Path) -> Index:
    """The sounds have lost their labels."""
    for name in KINDS:
        labelled.unlabel(sorted(media.glob(f"{name}-*.wav")), name)
    return labelled


def test_a_head_of_pictures_alone_says_what_its_names_of_sounds_are_worth(
    pictures_alone: Index, media: Path, caplog: pytest.LogCaptureFixture
) -> None:
    pictures_alone.train_head()
    assert warnings(caplog) == [HEARSAY]
    caplog.clear()
    pictures = pictures_alone.classify(sorted(media.glob("*.png")), by="head")
    assert {answer.label for answer in pictures} == set(KINDS)
    assert warnings(caplog) == []
    sounds = pictures_alone.classify(sorted(media.glob("*.wav")), by="head")
    assert warnings(caplog) == [HEARSAY], "once for all"
    assert len(sounds) == 6


def test_a_head_of_pictures_alone_is_unsure_of_sounds_that_are_like_none(
    pictures_alone: Index, media: Path, tmp_path: Path
) -> None:
    pictures_alone.train_head()
    mixed = [sound(tmp_path / f"{n}.wav", (LOW_HZ, 1), (MIDDLE_HZ, 1), (HIGH_HZ, 0.9 + 0.01 * n)) for n in range(3)]
    for answer in pictures_alone.classify(mixed, by="head"):
        assert 0 < answer.confidence < 0.7


def test_dogs_and_the_sea_in_pictures_say_little_of_a_clock(everyday_folder: Path, tmp_path: Path) -> None:
    shutil.copytree(everyday_folder, tmp_path / "index")
    ticking = sorted(shared("data/sound/esc10/clock_tick").glob("*.ogg"))[:2]
    with Index.open(tmp_path / "index") as index:
        for kind in ("dog", "sea"):
            index.label(sorted(everyday_folder.parent.glob(f"{kind}-*.jpg")), kind)
        index.train_head()
        for kind in ("dog", "sea"):
            for answer in index.classify(sorted(everyday_folder.parent.glob(f"{kind}-*.ogg")), by="head"):
                assert answer.label == kind
                assert answer.confidence > 0.95
        assert max(answer.confidence for answer in index.classify(ticking, by="head")) < 0.9


def test_a_head_does_not_warn_of_what_the_index_does_not_hold(
    index: Index, media: Path, caplog: pytest.LogCaptureFixture
) -> None:
    for name, (colour, _) in KINDS.items():
        picture(media / f"{name}.png", colour)
    index.add([media])
    for name in KINDS:
        index.label([media / f"{name}.png"], name)
    index.train_head()
    assert warnings(caplog) == []


def test_an_update_learns_anew_how_sure_to_be_of_a_modality_that_comes_or_goes(
    labelled: Index, media: Path, caplog: pytest.LogCaptureFixture
) -> None:
    both = labelled.train_head()
    for name in KINDS:
        labelled.unlabel(sorted(media.glob(f"{name}-*.wav")), name)
    alone = labelled.train_head(update=True)
    assert both.settings["sound"].log_loss is not None
    assert alone.settings["sound"].log_loss is None
    for name in KINDS:
        labelled.label(sorted(media.glob(f"{name}-*.wav")), name)
    assert labelled.train_head(update=True).settings == both.settings
    anew = "sounds or pictures have their first label, or lost their last; the head is fitted anew"
    assert warnings(caplog) == [anew, HEARSAY, anew]


@pytest.mark.parametrize(
    ("trained_on", "right", "warns"), [("index", 0.4, True), ("index", 0.97, False), ("b", 0.4, False)]
)
def test_a_head_in_a_space_that_fits_the_labels_is_doubted(
    labelled: Index, tmp_path: Path, caplog: pytest.LogCaptureFixture, trained_on: str, right: float, warns: bool
) -> None:
    card = {"name": "fitted", "index": trained_on, "naming": {"image": {"space": right}}}
    fitted = tmp_path / "fitted.safetensors"
    fitted.write_bytes(replace(toy_space(turned=True), card=card).to_bytes())
    labelled.rebuild(space=fitted)
    confidence = labelled.train_head().settings["image"].confidence
    assert confidence is not None
    assert confidence > 0.9
    words = (
        f"the head will be too sure of pictures, {confidence:.2f} on average: the space fits the labels that it was "
        f"trained on; of what was left out of a training, 0.40 were named right; pictures labelled since then teach "
        f"it better"
    )
    assert warnings(caplog) == ([words] if warns else [])


def test_an_update_needs_two_labels_as_well(filled: Index, media: Path) -> None:
    filled.label([media / "a.png"], "one")
    filled.label([media / "b.png"], "two")
    filled.train_head()
    before = (filled.folder / "head.safetensors").read_bytes()
    filled.labels.remove("two")
    with pytest.raises(NothingFoundError, match="a head needs two labels at least"):
        filled.train_head(update=True)
    assert (filled.folder / "head.safetensors").read_bytes() == before


def test_a_head_is_read_once_and_anew_when_it_was_fitted_again(
    labelled: Index, media: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    labelled.train_head()
    asked = media / "low-0.png"
    before = named(labelled, asked)
    read: list[object] = []

    def noted(*arguments: object, **options: object) -> Head:
        read.append(arguments)
        return load_head(*arguments, **options)  # type: ignore[arg-type]

    monkeypatch.setattr(namer, "load_head", noted)
    assert [named(labelled, asked) for _ in range(3)] == [before] * 3
    assert read == []
    for name in KINDS:
        labelled.labels.rename(name, f"new {name}")
    with Index.open(labelled.folder) as other:
        other.train_head()
    assert named(labelled, asked) == f"new {before}"
    assert len(read) == 1
