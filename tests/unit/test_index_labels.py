"""Labels on items, and naming files by them."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from modag_search.errors import NothingFoundError, UsageError
from tests.made_media import BLACK, LOW_HZ, RED, picture, sound

if TYPE_CHECKING:
    from pathlib import Path

    from modag_search import Index


def test_labelling_counts_what_is_new(filled: Index, media: Path) -> None:
    assert filled.label([media / "a.png", media / "a.wav"], "low") == 2
    assert filled.label([media / "a.png", media / "b.png"], " low ") == 1
    assert filled.item(media / "b.png").labels == ("low",)
    assert filled.label([f"id:{filled.item(media / 'a.png').id}"], "red") == 1
    assert filled.item(media / "a.png").labels == ("low", "red")


def test_labels_can_be_taken_back(filled: Index, media: Path) -> None:
    filled.label([media / "a.png"], "low")
    assert filled.unlabel([media / "a.png", media / "b.png"], "low") == 1
    assert filled.item(media / "a.png").labels == ()
    assert filled.unlabel([media / "a.png"], "never given") == 0


def test_all_or_none_are_labelled(filled: Index, media: Path) -> None:
    with pytest.raises(UsageError, match=r"nowhere\.png: is not in the index"):
        filled.label([media / "a.png", media / "nowhere.png"], "low")
    assert filled.item(media / "a.png").labels == ()
    with pytest.raises(UsageError, match="a label must have a name"):
        filled.label([media / "a.png"], "  ")


def test_labelled_pictures_name_sounds(filled: Index, media: Path, tmp_path: Path) -> None:
    for name in ("a", "b", "c"):
        filled.label([media / f"{name}.png"], f"label {name}")
    new = sound(tmp_path / "q.wav", (LOW_HZ, 1))
    answers = filled.classify([new, media / "c.wav", f"id:{filled.item(media / 'b.wav').id}"], k=3)
    assert [answer.label for answer in answers] == ["label a", "label c", "label b"]
    assert [answer.path for answer in answers][:2] == [str(new), str(media / "c.wav")]
    for answer in answers:
        assert sum(score.score for score in answer.scores) == pytest.approx(1)
        assert answer.confidence == answer.scores[0].score == max(score.score for score in answer.scores)
        assert 1 <= len(answer.neighbours) <= 3
        similarities = [neighbour.similarity for neighbour in answer.neighbours]
        assert similarities == sorted(similarities, reverse=True)
    assert {neighbour.modality for neighbour in answers[0].neighbours} == {"image"}


def test_a_file_does_not_vote_for_itself(filled: Index, media: Path) -> None:
    filled.label([media / "a.png"], "itself")
    filled.label([media / "b.png"], "another")
    (answer,) = filled.classify([media / "a.png"])
    assert [score.label for score in answer.scores] == ["another"]


def test_the_only_labelled_item_is_named_by_nobody(filled: Index, media: Path) -> None:
    filled.label([media / "a.png"], "itself")
    (answer,) = filled.classify([media / "a.png"])
    assert (answer.label, answer.confidence, answer.scores, answer.neighbours) == (None, 0.0, (), ())


def test_an_item_with_two_labels_votes_for_both(filled: Index, media: Path, tmp_path: Path) -> None:
    filled.label([media / "a.png"], "one")
    filled.label([media / "a.png"], "two")
    (answer,) = filled.classify([picture(tmp_path / "q.png", RED)])
    assert [(score.label, score.score) for score in answer.scores] == [("one", 0.5), ("two", 0.5)]


def test_below_the_minimum_the_label_stays_open(filled: Index, media: Path, tmp_path: Path) -> None:
    filled.label([media / "a.png"], "a")
    filled.label([media / "b.png"], "b")
    between = picture(tmp_path / "q.png", (200, 190, 10))
    (answer,) = filled.classify([between], min_confidence=0.9)
    assert answer.label is None
    assert 0.5 < answer.confidence < 0.9
    assert filled.classify([between], min_confidence=0.5)[0].label == "a"


def test_many_examples_of_a_label_do_not_drown_few(filled: Index, media: Path, tmp_path: Path) -> None:
    filled.label([media / "a.png"], "a")
    filled.label([media / "b.png", media / "c.png"], "others")
    query = picture(tmp_path / "q.png", RED)
    (balanced,) = filled.classify([query])
    (nearest,) = filled.classify([query], vote="nearest")
    assert balanced.label == nearest.label == "a"
    assert balanced.confidence >= nearest.confidence
    with pytest.raises(UsageError, match="vote must be"):
        filled.classify([query], vote="loudest")  # type: ignore[arg-type]


def test_k_limits_the_voters(filled: Index, media: Path, tmp_path: Path) -> None:
    filled.label([media / "a.png"], "a")
    filled.label([media / "b.png", media / "c.png"], "others")
    (answer,) = filled.classify([picture(tmp_path / "q.png", RED)], k=1, vote="nearest")
    assert [(score.label, score.score) for score in answer.scores] == [("a", 1.0)]
    with pytest.raises(UsageError, match="k must be 1 at least, not 0"):
        filled.classify([media / "a.png"], k=0)
    with pytest.raises(UsageError, match="by must be"):
        filled.classify([media / "a.png"], by="stars")  # type: ignore[arg-type]


def test_without_labels_nothing_can_be_named(filled: Index, media: Path) -> None:
    with pytest.raises(NothingFoundError, match="no item has a label yet"):
        filled.classify([media / "a.png"])


def test_labels_on_black_pictures_do_not_vote(filled: Index, media: Path) -> None:
    black = picture(media / "black.png", BLACK)
    filled.add([media])
    filled.label([black], "night")
    with pytest.raises(NothingFoundError, match="no item has a label yet"):
        filled.classify([media / "a.png"])


def test_removed_items_no_longer_vote(filled: Index, media: Path, tmp_path: Path) -> None:
    filled.label([media / "a.png"], "a")
    filled.label([media / "b.png"], "b")
    (media / "a.png").unlink()
    filled.add([media], prune=True)
    (answer,) = filled.classify([picture(tmp_path / "q.png", RED)])
    assert [score.label for score in answer.scores] == ["b"]
