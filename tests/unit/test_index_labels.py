"""Labels on items, and naming files by them."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from modag_search import CopyOf
from modag_search.errors import NothingFoundError, UsageError
from tests.made_media import BLACK, LOW_HZ, MIDDLE_HZ, RED, picture, sound

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
    filled.label([media / "b.png"], "high")
    assert filled.unlabel([media / "a.png"], "high") == 0
    with pytest.raises(UsageError, match="never given: is no label of this index"):
        filled.unlabel([media / "a.png"], "never given")


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
        assert 0.9 < sum(score.score for score in answer.scores) < 1, "or none holds"
        assert answer.confidence == answer.scores[0].score == max(score.score for score in answer.scores)
        assert 1 <= len(answer.neighbours) <= 3
        similarities = [neighbour.similarity for neighbour in answer.neighbours]
        assert similarities == sorted(similarities, reverse=True)
    assert {neighbour.modality for neighbour in answers[0].neighbours} == {"image"}


def test_a_file_does_not_vote_for_itself(filled: Index, media: Path) -> None:
    filled.label([media / "a.png"], "itself")
    filled.label([media / "b.png"], "another")
    (answer,) = filled.classify([media / "a.png"])
    assert [neighbour.label for neighbour in answer.neighbours] == ["another"]


def test_the_only_labelled_item_has_its_label_by_itself(filled: Index, media: Path) -> None:
    filled.label([media / "a.png"], "itself")
    (answer,) = filled.classify([media / "a.png"])
    assert (answer.label, answer.confidence, answer.neighbours) == ("itself", 1.0, ())
    assert answer.copy_of == CopyOf(id=filled.item(media / "a.png").id, path=answer.path, confirmed_by="content")


def test_an_item_with_two_labels_votes_for_both(filled: Index, media: Path, tmp_path: Path) -> None:
    filled.label([media / "a.png"], ["one", "two"])
    (answer,) = filled.classify([picture(tmp_path / "q.png", RED)])
    (first, second) = answer.scores
    assert (first.label, second.label) == ("one", "two")
    assert first.score == second.score > 0.5, "each is judged for itself"


def test_below_the_minimum_the_label_stays_open(filled: Index, media: Path, tmp_path: Path) -> None:
    filled.label([media / "a.png"], "a")
    filled.label([media / "b.png"], "b")
    between = picture(tmp_path / "q.png", (200, 190, 10))
    (answer,) = filled.classify([between], min_confidence=0.9)
    assert answer.label is None
    assert 0.5 < answer.confidence < 0.9
    assert filled.classify([between], min_confidence=0.5)[0].label == "a"


def test_many_examples_of_a_label_do_not_drown_few(filled: Index, media: Path, tmp_path: Path) -> None:
    filled.label([media / "a.png"], "red")
    for number in range(30):
        picture(media / f"orange-{number}.png", (230, 100 + number, 0))
    filled.add([media])
    filled.label([media / f"orange-{number}.png" for number in range(30)], "orange")
    (answer,) = filled.classify([picture(tmp_path / "q.png", (235, 15, 0))])
    assert answer.label == "red"


def test_no_modality_drowns_the_other_by_numbers(filled: Index, media: Path, tmp_path: Path) -> None:
    for number in range(30):
        sound(media / f"middle-{number}.wav", (MIDDLE_HZ + 10 * number, 1))
    filled.add([media])
    filled.label([media / f"middle-{number}.wav" for number in range(30)], "middle")
    filled.label([media / "a.png"], "low")
    answers = filled.classify([picture(tmp_path / "q.png", (200, 90, 0)), sound(tmp_path / "q.wav", (LOW_HZ, 1))])
    assert [answer.label for answer in answers] == ["low", "low"]


def test_k_limits_the_neighbours_listed(filled: Index, media: Path, tmp_path: Path) -> None:
    filled.label([media / "a.png"], "a")
    filled.label([media / "b.png", media / "c.png"], "others")
    (answer,) = filled.classify([picture(tmp_path / "q.png", RED)], k=1)
    assert [neighbour.label for neighbour in answer.neighbours] == ["a"]
    for wrong in ({"k": 0}, {"temperature": 0.0}, {"by": "stars"}, {"level": -1}, {"min_confidence": 1.5}):
        with pytest.raises(UsageError, match=f"{next(iter(wrong))} must"):
            filled.classify([media / "a.png"], **wrong)


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


@pytest.mark.parametrize("part", [(-1, None), (float("nan"), None), (None, float("nan")), (0.5, 0.5), (None, 0)])
def test_what_is_no_part_of_anything_is_not_labelled(
    filled: Index, media: Path, part: tuple[float | None, float | None]
) -> None:
    with pytest.raises(UsageError, match=r"a\.wav: .*(is no time|is empty)"):
        filled.label([media / "a.wav"], "low", start_s=part[0], end_s=part[1])
    assert filled.item(media / "a.wav").labels == ()


def test_it_is_said_that_parts_keep_what_the_whole_is_denied(
    filled: Index, media: Path, caplog: pytest.LogCaptureFixture
) -> None:
    path = media / "a.wav"
    filled.label([path], "hum", start_s=0, end_s=0.4)
    filled.label([path], "hum", start_s=0.5, end_s=1)
    caplog.clear()
    filled.deny([path], "hum", start_s=0.4, end_s=0.5)
    filled.deny([path, media / "a.png"], "low")
    assert caplog.text == ""
    filled.deny([path, media / "a.png"], "hum")
    number = filled.item(path).id
    says = f"{path}: a part of it has the label 'hum', and keeps it, until `modag label remove hum id:{number}`"
    assert [record.message for record in caplog.records] == [says]
    assert len(filled.item(path).labels) == 1


def test_it_is_said_where_the_windows_of_a_part_hold_much_else(
    index: Index, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    long = sound(tmp_path / "long.wav", (LOW_HZ, 12.0))
    rows = tmp_path / "labels.csv"
    rows.write_text("path,label,start_s,end_s\nlong.wav,owl,0,2\nlong.wav,rain,0,10\nlong.wav,fox,11,12\n")
    index.add([long])
    index.label([long], "rain", start_s=0, end_s=9)
    index.labels.give([index.item(long)], ["edited"], are_tags=True, start_s=0, end_s=1)
    assert "whole window" not in caplog.text
    index.label([long], "dog", start_s=0, end_s=1)
    assert f"{long}: 'dog' is learnt from a whole window, which holds 9 s beside its part;" in caplog.text
    caplog.clear()
    index.import_labels(rows, dry_run=True)
    assert "'owl' is learnt from a whole window, which holds 8 s beside its part, and 1 more label is so" in caplog.text
