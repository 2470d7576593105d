"""Labels by what they are called: before any example, beside examples, and where names mean nothing."""

from __future__ import annotations

import shutil
from typing import TYPE_CHECKING

import pytest

from modag_search import Index, NothingFoundError, UsageError, Vocabulary, preset
from modag_search.classify.arithmetic.pooling import EvidenceWeights
from modag_search.hierarchy import Hierarchy

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence
    from pathlib import Path

    from modag_search import Classification
    from modag_search.values import Modality

KINDS = ("dog", "rooster", "sea")


@pytest.fixture
def everyday(everyday_folder: Path, tmp_path: Path) -> Iterator[Index]:
    """Two pictures and two sounds each of dogs, roosters and the sea, without labels."""
    shutil.copytree(everyday_folder, tmp_path / "index")
    with Index.open(tmp_path / "index") as index:
        yield index


def kind_of(path: str) -> str:
    return path.rpartition("/")[2].partition("-")[0]


def wrong(answers: Sequence[Classification]) -> list[str]:
    return [answer.path for answer in answers if answer.label != kind_of(answer.path)]


@pytest.mark.parametrize("by", ["knn", "names"])
def test_names_alone_name_sounds_and_pictures(everyday: Index, by: str) -> None:
    answers = everyday.classify(by=by, names=KINDS)  # type: ignore[arg-type]

    assert len(answers) == 12
    assert wrong(answers) == []
    for answer in answers:
        assert answer.neighbours == ()
        assert {one.label for one in answer.scores} == set(KINDS)
        assert 0.5 < sum(one.score for one in answer.scores) < 1, "it may be none of these"
    assert everyday.labels.summaries() == [], "to ask makes no labels"


def test_a_label_that_was_added_counts_before_any_item_has_it(everyday: Index) -> None:
    with pytest.raises(NothingFoundError, match="no item has a label yet"):
        everyday.classify()

    assert everyday.labels.add(["dog", "rooster"]) == 2
    assert everyday.labels.add(["sea", "dog"]) == 1

    assert wrong(everyday.classify()) == []
    assert [(one.label, one.items) for one in everyday.labels.summaries()] == [("dog", 0), ("rooster", 0), ("sea", 0)]
    assert {one.label for one in everyday.suggest(n=5)} <= set(KINDS)
    report = everyday.transfer(min_confidence=0.5)
    assert {(kind_of(one.path), one.label) for one in report.given} == {(kind, kind) for kind in KINDS}


def test_an_added_label_goes_with_its_name(everyday: Index) -> None:
    everyday.labels.add(["dog", "sea"])
    everyday.labels.rename("dog", "hound")
    assert {answer.label for answer in everyday.classify()} == {"hound", "sea"}

    everyday.labels.remove("hound")
    assert {answer.label for answer in everyday.classify()} == {"sea"}
    everyday.labels.remove("sea")
    assert everyday.labels.summaries() == []


def test_words_say_what_a_name_does_not(everyday: Index) -> None:
    everyday.labels.add(["dog", "sea"])
    everyday.labels.add(["xq7"], means="a rooster that crows")

    found = everyday.classify()

    assert {answer.label for answer in found if kind_of(answer.path) == "rooster"} == {"xq7"}
    assert {one.label: one.means for one in everyday.labels.summaries()} == {
        "dog": None,
        "sea": None,
        "xq7": "a rooster that crows",
    }
    with pytest.raises(UsageError, match="can say what one label means, not what 2 do"):
        everyday.labels.add(["a", "b"], means="both")


def test_names_and_examples_speak_together(everyday: Index) -> None:
    """One picture of a dog is labelled; the rest has names alone."""
    (dog,) = [item for item in everyday.catalog.items.all() if item.path.endswith("dog-0.jpg")]
    everyday.label([dog.path], "dog")
    everyday.labels.add(["rooster", "sea"])

    answers = everyday.classify(unlabelled=True)

    assert wrong(answers) == []
    weights = {answer.path: sum(one.weight for one in answer.neighbours) for answer in answers}
    assert all(0 < weights[answer.path] < 1 for answer in answers if answer.label == "dog"), "the name has a part"


def test_a_name_that_means_nothing_leaves_examples_alone(everyday: Index) -> None:
    items = {item.path.rpartition("/")[2]: item.path for item in everyday.catalog.items.all()}
    for kind, label in zip(KINDS, ("qzx", "vbl", "xq7"), strict=True):
        everyday.label([items[f"{kind}-0.jpg"], items[f"{kind}-2.ogg"]], label)
    named = {"qzx": "dog", "vbl": "rooster", "xq7": "sea"}

    answers = everyday.classify(unlabelled=True)

    assert [named[str(answer.label)] for answer in answers] == [kind_of(answer.path) for answer in answers]
    for answer in answers:
        assert sum(one.weight for one in answer.neighbours if one.label == answer.label) <= answer.confidence + 1e-6
    everyday.labels.add(["quz"])
    again = everyday.classify(unlabelled=True)
    for answer, same in zip(answers, again, strict=True):
        assert [score.label for score in same.scores] == [score.label for score in answer.scores]
        assert [score.score for score in same.scores] == pytest.approx([score.score for score in answer.scores])


def test_names_that_are_not_understood_are_told(everyday: Index, caplog: pytest.LogCaptureFixture) -> None:
    assert wrong(everyday.classify(names=[*KINDS, "qzxvblorp"])) == []
    assert "not understood, and so never answered: qzxvblorp" in caplog.text
    with pytest.raises(NothingFoundError, match="qzxvblorp: not understood, and nothing in the index"):
        everyday.classify(names=["qzxvblorp"])
    everyday.labels.add(["qzxvblorp"])
    with pytest.raises(NothingFoundError, match="--means WORDS"):
        everyday.classify()


def test_one_name_alone_is_judged_for_itself(everyday: Index) -> None:
    likely = {kind_of(one.path): one.confidence for one in everyday.classify(names=["dog"])}
    assert likely["dog"] > 0.5 > likely["sea"]


def test_a_vocabulary_brings_words_and_a_hierarchy(everyday: Index) -> None:
    vocabulary = Vocabulary(
        {"ANML-DOG": "a dog", "ANML-BIRD": "a rooster", "WTR-SEA": "the sea"},
        Hierarchy.of([("ANML-DOG", "ANML"), ("ANML-BIRD", "ANML"), ("WTR-SEA", "WTR")]),
    )
    whole = {"dog": "ANML", "rooster": "ANML", "sea": "WTR"}
    fine = {"dog": "ANML-DOG", "rooster": "ANML-BIRD", "sea": "WTR-SEA"}

    for answer in everyday.classify(by="names", names=vocabulary):
        assert answer.label == fine[kind_of(answer.path)]
    for answer in everyday.classify(by="names", names=vocabulary, level=0):
        assert answer.label == whole[kind_of(answer.path)]


def test_names_are_of_the_hierarchy_where_none_are_given(everyday: Index) -> None:
    everyday.labels.set_hierarchy(
        Hierarchy.of([("dog", "animal"), ("rooster", "animal"), ("sea", "water")]), means={"sea": "waves on a beach"}
    )
    answers = everyday.classify(by="names")
    assert wrong(answers) == []
    assert {one.label for one in answers[0].scores} == {*KINDS, "animal", "water"}


def test_what_is_none_of_the_names_is_not_called_one_for_sure(everyday: Index) -> None:
    answers = everyday.classify(names=["violin", "car"])
    assert max(answer.confidence for answer in answers) < 0.8
    with pytest.raises(UsageError, match="7: the name of a label is text"):
        everyday.classify(names=[7])  # type: ignore[list-item]


def test_one_name_is_one_name(everyday: Index) -> None:
    assert everyday.labels.add("dog") == 1
    assert [one.label for one in everyday.labels.summaries()] == ["dog"]
    assert {answer.label for answer in everyday.classify(names="sea")} == {"sea"}


def test_a_vocabulary_of_the_package_is_asked_by_its_name(everyday: Index) -> None:
    answers = everyday.classify(by="names", names=preset("audioset"))
    dogs = [answer.label for answer in answers if kind_of(answer.path) == "dog"]
    assert dogs.count("Dog") >= 3


@pytest.mark.parametrize("label", ["DSC_001", "3 b", "001", "qzx"])
def test_numbers_and_letters_say_nothing(everyday: Index, label: str) -> None:
    with pytest.raises(NothingFoundError, match="not understood"):
        everyday.classify(names=[label])


def test_a_head_takes_no_names(everyday: Index) -> None:
    with pytest.raises(UsageError, match="a head answers with the labels that it was fitted to"):
        everyday.classify(by="head", names=["dog"])
    with pytest.raises(UsageError, match="a label must have a name"):
        everyday.classify(names=["dog", " "])
    with pytest.raises(UsageError, match="no labels to choose among"):
        everyday.classify(by="names")


def test_a_space_without_words_goes_by_examples_alone(filled: Index) -> None:
    with pytest.raises(NothingFoundError, match="not understood"):
        filled.classify(names=["red"])
    filled.label(["id:1"], "red")
    filled.label(["id:2"], "green")
    assert {answer.label for answer in filled.classify()} == {"red", "green"}


def examples(index: Index, *, of: Sequence[str] = KINDS) -> None:
    """Label both pictures and both sounds of some kinds."""
    for kind in of:
        paths = [item.path for item in index.catalog.items.all() if kind_of(item.path) == kind]
        index.label(paths, kind)


def test_names_choose_among_labels_that_have_examples(everyday: Index) -> None:
    examples(everyday)
    usual = everyday.classify()
    among_all = everyday.classify(names=KINDS)
    assert [(one.label, one.neighbours) for one in among_all] == [(one.label, one.neighbours) for one in usual]
    assert [one.confidence for one in among_all] == pytest.approx([one.confidence for one in usual], abs=1e-5)

    two = everyday.classify(names=["dog", "sea"])
    assert {vote.label for one in two for vote in one.neighbours} == {"dog", "sea"}
    assert all(one.neighbours == () for one in everyday.classify(by="names", names=KINDS))


def test_how_far_names_can_be_trusted_is_learnt_from_examples(everyday: Index) -> None:
    examples(everyday)
    first = weights_of(everyday)
    assert first["image"].name_only != EvidenceWeights().name_only
    assert first["image"].name_imputation != EvidenceWeights().name_imputation

    everyday.labels.add(["dog"], means="waves on a beach")
    assert weights_of(everyday) != first, "what a label means is no longer what it was"
    everyday.labels.add(["dog"], means="dog")
    assert weights_of(everyday) == first


def test_audit_says_nothing_against_labels_that_nobody_else_has(everyday: Index) -> None:
    for item, label in zip(everyday.catalog.items.all(), ("car", "violin", "rain", "book"), strict=False):
        everyday.label([item.path], label)
    assert everyday.audit(max_probability=1.0) == []


def weights_of(index: Index) -> Mapping[Modality, EvidenceWeights]:
    with index._rooms.snapshots.present() as snapshot:
        return snapshot.get(index._rooms.namer.neighbour_classifier).evidence_weights


def test_names_asked_with_and_labels_added_answer_alike(everyday: Index) -> None:
    """Idle names that nothing is an example of take no answers from labels that have some."""
    examples(everyday)
    idle = ["car", "violin", "rain", "book"]
    asked = everyday.classify(names=[*KINDS, *idle])
    everyday.labels.add(idle)
    added = everyday.classify()

    assert wrong(asked) == wrong(added) == []
    assert [one.confidence for one in added] == pytest.approx([one.confidence for one in asked], abs=0.05)


def test_a_name_that_is_asked_with_has_the_votes_of_its_kinds(everyday: Index) -> None:
    examples(everyday)
    everyday.labels.set_hierarchy(Hierarchy.of([("dog", "animal"), ("rooster", "animal"), ("sea", "water")]))
    answers = everyday.classify(names=["animal", "water"])
    assert {kind_of(one.path): one.label for one in answers} == {"dog": "animal", "rooster": "animal", "sea": "water"}
    assert all(one.neighbours for one in answers)
