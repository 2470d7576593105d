"""Who votes for a name, how likely it is, on which level, and where that is kept."""

from __future__ import annotations

import json
import os
import re
import shutil
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
from safetensors import safe_open
from safetensors.numpy import load

from modag_search import tensor_files
from modag_search.classify import leave_one_out
from modag_search.classify.arithmetic.pooling import EvidenceWeights, learn_evidence_weights
from modag_search.classify.decision import Decision
from modag_search.classify.leave_one_out import LeftOut, left_out
from modag_search.classify.queries import stored_batches
from modag_search.errors import UsageError
from modag_search.hierarchy import Hierarchy
from tests.made_media import BLACK, BLUE, GREEN, HIGH_HZ, LOW_HZ, MIDDLE_HZ, RED, picture, sound, video
from tests.toy_encoders import toy_index
from tests.unit.broken_media import sound_container_bytes, video_bytes

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from modag_search import Index
    from modag_search.classify.classifiers import NeighbourClassifier
    from modag_search.classify.decision import Level
    from modag_search.values import Classification

ORANGE, PURPLE = (230, 120, 0), (150, 20, 200)


@pytest.fixture
def windowed(tmp_path: Path, toys: None) -> Iterator[Index]:
    """An empty index whose segments of sound last a second."""
    with toy_index(tmp_path / "index", window_s=1.0, hop_s=1.0) as opened:
        yield opened


@pytest.fixture
def strings(index: Index, media: Path) -> Index:
    """Pictures of two bowed strings, which are alike, a plucked one, and a drum."""
    for name, colour in (("violin", RED), ("cello", ORANGE), ("guitar", GREEN), ("drum", BLUE)):
        picture(media / f"{name}.png", colour)
    index.add([media])
    for name in ("violin", "cello", "guitar", "drum"):
        index.label([media / f"{name}.png"], name)
    index.labels.set_hierarchy(
        Hierarchy.of([("violin", "bowed"), ("cello", "bowed"), ("bowed", "string"), ("guitar", "string")])
    )
    return index


def only(index: Index, query: Path | str, **options: object) -> Classification:
    (answer,) = index.classify([query], **options)  # type: ignore[arg-type]
    return answer


def neighbour_classifier(index: Index) -> NeighbourClassifier:
    with index._rooms.snapshots.present() as snapshot:
        return snapshot.get(index._rooms.namer.neighbour_classifier)


def assert_same(first: Classification, second: Classification) -> None:
    """Compare answers but for the last bits, which depend on who is asked together."""
    assert first.label == second.label
    assert first.confidence == pytest.approx(second.confidence, abs=1e-5)
    scores = [{score.label: score.score for score in answer.scores} for answer in (first, second)]
    assert scores[0] == pytest.approx(scores[1], abs=1e-5)
    voters = [{(vote.path, vote.label): vote.weight for vote in answer.neighbours} for answer in (first, second)]
    assert voters[0] == pytest.approx(voters[1], abs=1e-5)


# Who voted.


def test_neighbours_say_who_voted_for_what_and_how_much_it_weighed(
    windowed: Index, media: Path, tmp_path: Path
) -> None:
    picture(media / "a.png", RED)
    sound(media / "ab.wav", (LOW_HZ, 1), (MIDDLE_HZ, 1))
    windowed.add([media])
    windowed.label([media / "a.png"], "low")
    windowed.label([media / "ab.wav"], "low", end_s=1.0)
    windowed.label([media / "ab.wav"], "middle", start_s=1.0)
    answer = only(windowed, picture(tmp_path / "q.png", (230, 40, 20)))
    assert answer.label == "low"
    votes = [
        (os.path.basename(vote.path), vote.modality, vote.label, vote.start_s, vote.end_s) for vote in answer.neighbours
    ]
    assert votes == [
        ("a.png", "image", "low", None, None),
        ("ab.wav", "sound", "low", 0.0, 1.0),
        ("ab.wav", "sound", "middle", 1.0, 2.0),
    ]
    assert [vote.id for vote in answer.neighbours] == [windowed.item(vote.path).id for vote in answer.neighbours]
    same, across, other = (vote.similarity for vote in answer.neighbours)
    assert same == pytest.approx(1, abs=0.01)
    assert 0.9 < across < 1
    assert other < 0.2
    weights = [vote.weight for vote in answer.neighbours]
    assert weights == sorted(weights, reverse=True)
    assert sum(weights) == pytest.approx(sum(score.score for score in answer.scores))
    for score in answer.scores:
        own = sum(vote.weight for vote in answer.neighbours if vote.label == score.label)
        assert own == pytest.approx(score.score), "a label is as likely as its voters weigh"


def test_weights_of_all_voters_add_up_to_one_at_most(filled: Index, media: Path) -> None:
    for name in ("a", "b", "c"):
        filled.label([media / f"{name}.png", media / f"{name}.wav"], name)
    for answer in filled.classify():
        assert 0.9 < sum(vote.weight for vote in answer.neighbours) <= 1 + 1e-6
        assert sum(vote.weight for vote in answer.neighbours[:1]) < 1
    assert all(len(answer.neighbours) == 2 for answer in filled.classify(k=2))


def test_weights_add_up_to_one_at_most_where_several_labels_hold(filled: Index, media: Path, tmp_path: Path) -> None:
    filled.label([media / "a.png", media / "a.wav"], ["one", "two", "three"])
    answer = only(filled, picture(tmp_path / "q.png", RED))
    assert sum(score.score for score in answer.scores) > 1
    assert sum(vote.weight for vote in answer.neighbours) <= 1 + 1e-6
    assert all(0 < vote.weight <= 1 for vote in answer.neighbours)


def test_a_video_is_what_its_sound_and_its_pictures_say_alike(filled: Index, media: Path, tmp_path: Path) -> None:
    for name in ("a", "b", "c"):
        filled.label([media / f"{name}.png", media / f"{name}.wav"], name)
    seen, heard = tmp_path / "seen.mp4", tmp_path / "heard.m4a"
    seen.write_bytes(video_bytes(with_sound=False))
    heard.write_bytes(sound_container_bytes(seconds=2.0))
    both = video(media / "both.mp4")
    by_file, by_picture, by_sound = filled.classify([both, seen, heard])
    shown, sounding = ({one.label: one.score for one in answer.scores} for answer in (by_picture, by_sound))
    assert shown["a"] < 0.6
    assert sounding["a"] > 0.9
    middle = {label: pytest.approx((shown[label] + sounding[label]) / 2, abs=0.01) for label in "abc"}
    filled.add([both])
    (by_item,) = (answer for answer in filled.classify() if answer.path == str(both))
    for answer in (by_file, by_item):
        assert {one.label: one.score for one in answer.scores} == middle
        assert answer.confidence == max(one.score for one in answer.scores)
        assert 0.9 < sum(vote.weight for vote in answer.neighbours) <= 1 + 1e-6
        assert {vote.modality for vote in answer.neighbours} == {"image", "sound"}


def test_an_item_has_no_vote_on_itself_but_its_copy_has(filled: Index, media: Path) -> None:
    shutil.copyfile(media / "a.png", media / "copy.png")
    filled.add([media])
    filled.label([media / "a.png", media / "copy.png"], "red")
    filled.label([media / "b.png"], "green")
    for query in (media / "a.png", f"id:{filled.item(media / 'a.png').id}"):
        answer = only(filled, query)
        assert answer.label == "red"
        assert [os.path.basename(vote.path) for vote in answer.neighbours] == ["copy.png", "b.png"]
    filled.unlabel([media / "copy.png"], "red")
    answer = only(filled, media / "a.png")
    assert [os.path.basename(vote.path) for vote in answer.neighbours] == ["b.png"]
    assert (answer.label, answer.copy_of and answer.copy_of.path) == ("red", str(media / "a.png")), "it has the label"


def test_copies_teach_nothing_about_how_sure_to_be(index: Index, media: Path) -> None:
    random = np.random.default_rng(0)
    names = {}
    for number in range(10):
        red, green, blue = random.integers(60, 256, 3).tolist()
        picture(media / f"{number}.png", (red, green, blue))
        names[f"{number}"] = "odd" if random.random() < 0.5 else "even"

    def asked_of_each_other() -> tuple[np.ndarray, np.ndarray]:
        index.add([media])
        for path in media.iterdir():
            index.label([path], names[path.name[0]])
        asked = LeftOut.joined(left_out(neighbour_classifier(index).neighbours, "image"))
        return asked.evidence, asked.holds & asked.heard

    evidence, holds = asked_of_each_other()
    for path in list(media.iterdir()):
        shutil.copyfile(path, media / f"{path.stem}-copy.png")
    with_copies, still_holds = asked_of_each_other()
    np.testing.assert_allclose(with_copies[:10], evidence, atol=1e-5)
    np.testing.assert_array_equal(still_holds[:10], holds)


def test_labels_that_only_copies_share_teach_nothing(filled: Index, media: Path) -> None:
    for name in ("a", "b"):
        shutil.copyfile(media / f"{name}.png", media / f"{name}-copy.png")
    filled.add([media])
    for name in ("a", "b"):
        filled.label([media / f"{name}.png", media / f"{name}-copy.png"], name)
    learnt = neighbour_classifier(filled).evidence_weights["image"]
    assert replace(learnt, any_label=EvidenceWeights().any_label) == EvidenceWeights(), "but what strangers are like"


def test_what_no_other_picture_is_called_is_no_rival_of_what_others_are(index: Index, media: Path) -> None:
    for number in range(6):
        picture(media / f"red{number}.png", (230, 20 + 6 * number, 20))
        sound(media / f"red{number}.wav", (LOW_HZ + number, 1))
        picture(media / f"green{number}.png", (20 + 6 * number, 230, 20))
        sound(media / f"green{number}.wav", (MIDDLE_HZ + number, 1))
    index.add([media])
    for path in sorted(media.iterdir()):
        index.label([path], path.stem)
        if path.suffix == ".png":
            index.label([path], path.stem[:-1])
    index.labels.set_mode("multi")
    classifier = neighbour_classifier(index)
    asked = LeftOut.joined(left_out(classifier.neighbours, "image"))
    told = asked.holds & asked.heard
    assert (told.sum(axis=1) == 1).all()
    unheard = np.where((asked.holds & ~told)[..., None], np.float32(-np.inf), asked.evidence)
    unseen = classifier.neighbours.linear["image"].unseen(asked.units)
    learnt = classifier.evidence_weights["image"]
    expected = learn_evidence_weights(unheard, told, also=asked.holds, unseen=unseen)
    assert learnt.any_label == pytest.approx(expected.any_label, rel=1e-4)
    assert learnt == replace(expected, any_label=learnt.any_label)
    assert learnt != learn_evidence_weights(asked.evidence, told, unseen=unseen)


def test_parts_of_a_sound_vote_for_what_they_are_called(windowed: Index, media: Path, tmp_path: Path) -> None:
    sound(media / "long.wav", (LOW_HZ, 2), (HIGH_HZ, 2))
    windowed.add([media])
    windowed.label([media / "long.wav"], "low", start_s=0.0, end_s=2.0)
    windowed.label([media / "long.wav"], "high", start_s=2.0, end_s=4.0)
    for hz, name, starts in ((LOW_HZ, "low", {0.0, 1.0}), (HIGH_HZ, "high", {2.0, 3.0})):
        answer = only(windowed, sound(tmp_path / "q.wav", (hz, 1)))
        assert answer.label == name
        assert answer.confidence > 0.9
        assert {vote.start_s for vote in answer.neighbours if vote.label == name} == starts


def test_transferred_labels_do_not_vote(filled: Index, media: Path, tmp_path: Path) -> None:
    filled.label([media / "a.png"], "low")
    filled.label([media / "b.png"], "middle")
    before = only(filled, tmp_path / picture(tmp_path / "q.png", ORANGE))
    assert filled.transfer(min_confidence=0.5).given
    assert only(filled, tmp_path / "q.png") == before
    assert {os.path.basename(vote.path) for vote in before.neighbours} == {"a.png", "b.png"}


def test_of_a_label_and_one_that_it_is_a_kind_of_the_former_is_heard(strings: Index, media: Path) -> None:
    before = only(strings, media / "guitar.png")
    strings.label([media / "violin.png"], "string")
    assert only(strings, media / "guitar.png") == before


# What is asked.


def test_folders_items_and_files_are_named_together(filled: Index, media: Path, tmp_path: Path) -> None:
    filled.label([media / "a.png"], "low")
    filled.label([media / "b.png"], "middle")
    new = tmp_path / "new"
    sound(new / "deep" / "q.wav", (LOW_HZ, 1))
    picture(new / "q.png", GREEN)
    (new / "notes.txt").write_text("no media")
    answers = filled.classify([f"id:{filled.item(media / 'b.wav').id}", new, media / "a.wav"])
    assert [(answer.path, answer.label) for answer in answers] == [
        (str(media / "b.wav"), "middle"),
        (str(new / "deep" / "q.wav"), "low"),
        (str(new / "q.png"), "middle"),
        (str(media / "a.wav"), "low"),
    ]


def test_without_paths_all_items_are_named_or_those_without_a_label(filled: Index, media: Path) -> None:
    picture(media / "black.png", BLACK)
    filled.add([media])
    for name in ("a", "b", "c"):
        filled.label([media / f"{name}.png"], f"label {name}")
    for path in media.iterdir():
        path.unlink()  # nothing is decoded
    every = filled.classify()
    assert [os.path.basename(answer.path) for answer in every] == [
        "a.png", "a.wav", "b.png", "b.wav", "c.png", "c.wav",
    ]  # fmt: skip
    rest = filled.classify(unlabelled=True)
    assert [(os.path.basename(answer.path), answer.label) for answer in rest] == [
        ("a.wav", "label a"), ("b.wav", "label b"), ("c.wav", "label c"),
    ]  # fmt: skip
    for answer, same in zip(rest, every[1::2], strict=True):
        assert_same(answer, same)


def test_stored_features_answer_as_the_files_do(filled: Index, media: Path, tmp_path: Path) -> None:
    filled.label([media / "a.png"], "low")
    filled.label([media / "b.png", media / "c.wav"], "other")
    stored = {answer.path: answer for answer in filled.classify()}
    for path in sorted(media.iterdir()):
        assert_same(only(filled, path), stored[str(path)])
    copy = shutil.copyfile(media / "a.wav", tmp_path / "copy.wav")
    assert only(filled, copy).confidence == pytest.approx(stored[str(media / "a.wav")].confidence, abs=1e-5)


# On which level.


def test_a_level_is_answered_on(strings: Index, tmp_path: Path) -> None:
    expected: dict[tuple[int, int, int], dict[Level, str]] = {
        RED: {0: "string", 1: "bowed", 2: "violin", None: "violin"},
        GREEN: {0: "string", 1: "guitar", 2: "guitar"},
        BLUE: {0: "drum", 2: "drum"},
    }
    for colour, by_level in expected.items():
        query = picture(tmp_path / "q.png", colour)
        for level, label in by_level.items():
            answer = only(strings, query, level=level)
            assert answer.label == label
            assert sum(score.score for score in answer.scores) == pytest.approx(1, abs=0.01)


def test_a_level_that_no_label_is_on_is_refused(strings: Index, tmp_path: Path) -> None:
    query = picture(tmp_path / "q.png", RED)
    for refused in (strings.classify, strings.explain):
        with pytest.raises(UsageError, match="level 3: labels of this index are on levels 0 to 2"):
            refused(query, level=3)
    strings.labels.set_hierarchy(Hierarchy())
    with pytest.raises(UsageError, match="level 0: no label of this index is a kind of another"):
        strings.transfer(level=0)


def test_a_level_adds_up_what_is_of_one_kind(strings: Index, tmp_path: Path) -> None:
    query = picture(tmp_path / "q.png", (230, 70, 10))
    leaves = {score.label: score.score for score in only(strings, query).scores}
    assert 0.2 < leaves["violin"] < 0.8, "between the two"
    kinds = {score.label: score.score for score in only(strings, query, level=1).scores}
    assert kinds["bowed"] == pytest.approx(leaves["violin"] + leaves["cello"])
    top = {score.label: score.score for score in only(strings, query, level=0).scores}
    assert top["string"] == pytest.approx(kinds["bowed"] + kinds["guitar"])


def test_the_deepest_answer_backs_off_where_a_leaf_is_not_sure_enough(strings: Index, tmp_path: Path) -> None:
    between = picture(tmp_path / "q.png", (230, 70, 10))
    backed_off = only(strings, between, level="deepest", min_confidence=0.7)
    assert backed_off.label == "bowed"
    assert backed_off.confidence > 0.7
    sure = only(strings, picture(tmp_path / "r.png", GREEN), level="deepest", min_confidence=0.6)
    assert sure.label == "guitar"
    unknown = only(strings, picture(tmp_path / "s.png", (200, 200, 200)), level="deepest", min_confidence=0.99)
    assert unknown.label is None


def test_the_deepest_answer_follows_what_is_likely_and_not_what_is_deep(strings: Index, tmp_path: Path) -> None:
    for colour, label in ((RED, "violin"), (GREEN, "guitar"), (BLUE, "drum")):
        query = picture(tmp_path / "q.png", colour)
        answer = only(strings, query, level="deepest")
        assert answer.label == label
        assert answer.confidence == pytest.approx(only(strings, query).confidence)


def test_a_likely_answer_is_no_less_likely_for_a_deeper_label_that_cannot_be(strings: Index, media: Path) -> None:
    strings.unlabel([media / "cello.png"], "cello")
    classifier = neighbour_classifier(strings)
    violin = strings.item(media / "violin.png")  # has no vote on itself, so that nobody is for the deepest label
    with strings._rooms.snapshots.present() as snapshot:
        (batch,) = stored_batches(strings.catalog, snapshot.vectors, [(violin.id, violin.path)])
    decision = Decision(classifier, level="deepest", min_confidence=0)
    ((label, confidence),) = decision.best(decision.scores(classifier.answer(batch).probabilities))
    assert label in {"drum", "guitar", "string"}
    assert confidence > 0


# How sure.


def test_below_the_least_confidence_the_label_is_unknown_and_all_else_stays(filled: Index, media: Path) -> None:
    filled.label([media / "a.png"], "a")
    filled.label([media / "b.png"], "b")
    sure, unsure = filled.classify([media / "a.wav", media / "c.wav"], min_confidence=0.75)
    assert sure.label == "a"
    assert unsure.label is None
    assert unsure.confidence < 0.75
    assert unsure.neighbours
    told = only(filled, media / "c.wav")
    assert told.label is not None
    assert (told.confidence, told.scores, told.neighbours) == (unsure.confidence, unsure.scores, unsure.neighbours)


def test_a_label_that_stands_beside_others_takes_nothing_from_them(filled: Index, media: Path) -> None:
    filled.label([media / "a.png"], "low")
    filled.label([media / "b.png"], "middle")

    def scores() -> dict[str, float]:
        return {score.label: score.score for score in only(filled, media / "a.wav").scores}

    before = scores()
    assert 0.9 < sum(before.values()) < 1, "or none holds"
    filled.label([media / "a.png"], "warm")
    assert scores() == pytest.approx(before | {"warm": scores()["warm"]}), "the others exclude each other as before"
    assert scores()["warm"] > 0.5
    assert only(filled, media / "a.wav").label == "low", "what stands beside is no answer"
    filled.unlabel([media / "a.png"], "warm")
    assert scores() == pytest.approx(before)
    filled.labels.set_mode("multi")
    assert sum(scores().values()) != pytest.approx(sum(before.values()), abs=1e-3)


# What is kept of how sure to be.


@pytest.fixture
def named(filled: Index, media: Path) -> Index:
    for name, colour, hz in (("a", RED, LOW_HZ), ("b", GREEN, MIDDLE_HZ), ("c", BLUE, HIGH_HZ)):
        red, green, blue = (value - 10 for value in colour)
        picture(media / f"{name}-2.png", (red, green, blue))
        sound(media / f"{name}-2.wav", (hz + 10, 1))
    filled.add([media])
    for name in ("a", "b", "c"):
        filled.label([*media.glob(f"{name}*")], name)
    return filled


def never(*_: object, **__: object) -> None:
    raise AssertionError("learnt anew")


def described(calibration: Path) -> dict[str, Any]:
    """Read what a file of what was learnt says of itself."""
    with safe_open(calibration, framework="numpy") as file:
        metadata: dict[str, Any] = json.loads(file.metadata()["modag-calibration/8"])
    del metadata["checksum"]
    return metadata


def describe(calibration: Path, metadata: dict[str, Any]) -> None:
    """Let a file of what was learnt say something else of itself."""
    tensors = load(calibration.read_bytes())
    calibration.write_bytes(tensor_files.as_bytes(tensors, written="modag-calibration/8", described=metadata))


def test_what_was_learnt_is_kept_while_nothing_changes(
    named: Index, media: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    before = only(named, media / "a.wav")
    kept = named.folder / "calibration.safetensors"
    learnt = described(kept)["evidence_weights"]
    assert [learnt[modality]["learnt_from"] for modality in ("image", "sound")] == [6, 6]
    monkeypatch.setattr(leave_one_out, "learn_all_evidence_weights", never)
    assert only(named, media / "a.wav") == before
    named.close()
    with toy_index(named.folder) as again:
        assert only(again, media / "a.wav") == before


def test_what_was_learnt_outlives_unlabelled_items_that_others_add(
    named: Index, media: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    before = only(named, media / "a.wav")
    monkeypatch.setattr(leave_one_out, "learn_all_evidence_weights", never)
    for name in ("first", "second"):
        with toy_index(named.folder) as other:
            assert other.add([picture(media / f"{name}.png", ORANGE)]).added == 1
        assert only(named, media / "a.wav") == before
        assert only_anew(named, media / "a.wav") == before, "in another process, too"
    (named.folder / "calibration.safetensors").unlink()
    with toy_index(named.folder) as other:
        other.add([picture(media / "third.png", PURPLE)])
    assert only(named, media / "a.wav") == before, "whoever has learnt it needs no file"


def test_what_was_learnt_in_a_catalog_put_back_is_learnt_anew(named: Index, media: Path, tmp_path: Path) -> None:
    """Segments of two catalogs that parted have the same ids, labels and copies, but they are others."""
    named.close()
    other = tmp_path / "other"
    shutil.copytree(named.folder, other)
    for folder, colour in ((named.folder, ORANGE), (other, PURPLE)):
        with toy_index(folder) as opened:
            opened.add([picture(media / "d.png", colour)])
            opened.label([media / "d.png"], "a")
            expected = only(opened, media / "a.wav")
    calibration, learnt = (folder / "calibration.safetensors" for folder in (other, named.folder))
    whole, before = calibration.read_bytes(), described(calibration)
    assert described(learnt)["state"] == before["state"]
    assert described(learnt)["evidence_weights"] != before["evidence_weights"]
    shutil.copyfile(learnt, calibration)
    with toy_index(other) as opened:
        assert only(opened, media / "a.wav") == expected
    assert calibration.read_bytes() == whole


def test_it_is_learnt_anew_after_labels_or_items_change(
    named: Index, media: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def changes(**options: object) -> bool:
        before = (named.folder / "calibration.safetensors").read_bytes()
        only(named, media / "a.wav", **options)
        return (named.folder / "calibration.safetensors").read_bytes() != before

    only(named, media / "a.wav")
    assert not changes()
    named.unlabel([media / "c.wav"], "c")
    assert changes()
    picture(media / "b.png", (30, 220, 40))
    named.add([media])
    assert changes()
    named.labels.set_mode("multi")
    assert changes()
    assert not changes()
    assert changes(k=3), "other neighbours are trusted otherwise"


def only_anew(index: Index, query: Path) -> Classification:
    """Ask as another process does."""
    with toy_index(index.folder) as again:
        return only(again, query)


def test_a_garbled_calibration_does_no_harm(named: Index, media: Path) -> None:
    before = only(named, media / "a.wav")
    kept = named.folder / "calibration.safetensors"
    whole = kept.read_bytes()
    for place in (len(whole) - 3, len(whole) - 40):
        kept.write_bytes(whole[:place] + bytes([whole[place] ^ 16]) + whole[place + 1 :])
        assert only_anew(named, media / "a.wav") == before
        assert kept.read_bytes() == whole, "a flipped bit is noticed"
    for content in (b"", b"{", b"[]", b"null", b"\xff\xfe", b'{"state": 1}', whole[:-40]):
        kept.write_bytes(content)
        assert only_anew(named, media / "a.wav") == before
        assert kept.read_bytes() == whole, "and is mended"


def test_a_calibration_of_other_values_does_no_harm(named: Index, media: Path) -> None:
    before = only(named, media / "a.wav")
    kept = named.folder / "calibration.safetensors"
    whole = kept.read_bytes()
    content = described(kept)
    learnt = content["evidence_weights"]
    garbled = [re.sub(r"-?\d[\d.e+-]*", word, json.dumps(learnt["image"])) for word in ("null", '"one"', "[]")]
    for stored in (*map(json.loads, garbled), [1], {}):
        describe(kept, content | {"evidence_weights": learnt | {"sound": stored}})
        assert only_anew(named, media / "a.wav") == before
        assert kept.read_bytes() == whole, "and is mended"
    generations: list[object] = [None, 1, [], [1], [[], {}], [10**30, "a"], [float("inf"), "a"], [0, None]]
    for generation in generations:
        describe(kept, content | {"generation": generation})
        assert only_anew(named, media / "a.wav") == before
        assert kept.read_bytes() == whole, "and is mended"


def test_a_calibration_that_cannot_be_written_does_no_harm(named: Index, media: Path) -> None:
    before = only(named, media / "a.wav")
    kept = named.folder / "calibration.safetensors"
    kept.unlink()
    kept.mkdir()
    assert only_anew(named, media / "a.wav") == before
    assert kept.is_dir()
    assert [path.name for path in named.folder.glob(".calibration*")] == []


def test_one_label_alone_is_not_given_to_everything(filled: Index, media: Path) -> None:
    filled.label([media / "a.png"], "red")
    same, unlike = filled.classify([media / "a.wav", media / "c.png"])
    assert same.label == unlike.label == "red"
    assert unlike.confidence < 0.5
    assert filled.transfer(min_confidence=0.9, dry_run=True).unknown >= 3


def test_an_id_that_is_not_there_is_told_before_the_first_answer(filled: Index, media: Path) -> None:
    filled.label([media / "a.png"], "red")
    with pytest.raises(UsageError, match="id:999: is not in the index"):
        filled.classify_each([media / "a.wav", "id:999"])
