"""Why an item has its name: what speaks for it, and what is nearest."""

from __future__ import annotations

import math
import os
import shutil
from typing import TYPE_CHECKING

import pytest

from modag_search import CopyOf
from modag_search.errors import NothingFoundError, UnreadableMediaError, UsageError
from modag_search.hierarchy import Hierarchy
from tests.made_media import BLUE, GREEN, HIGH_HZ, LOW_HZ, MIDDLE_HZ, RED, picture, sound, video

if TYPE_CHECKING:
    from pathlib import Path

    from modag_search import Explanation, Index

ORANGE = (230, 120, 0)


@pytest.fixture
def crowd(index: Index, media: Path) -> Index:
    """Six reddish pictures of violins and a low sound of one; six greenish pictures of horns, and no sound."""
    for n in range(6):
        picture(media / f"r{n}.png", (230, 20 + 3 * n, 20))
        picture(media / f"g{n}.png", (20, 230, 20 + 3 * n))
    sound(media / "low.wav", (LOW_HZ, 1))
    index.add([media])
    index.label([media / f"r{n}.png" for n in range(6)], "violin")
    index.label([media / f"g{n}.png" for n in range(6)], "horn")
    index.label([media / "low.wav"], "violin")
    return index


def of_kinds(why: Explanation) -> dict[str, float]:
    (said,) = why.heard
    return {part.kind: part.log_odds for part in said.parts}


def test_parts_add_up_to_how_much_likelier_the_first_label_is(crowd: Index, tmp_path: Path) -> None:
    for query in (picture(tmp_path / "q.png", ORANGE), sound(tmp_path / "q.wav", (LOW_HZ, 1), (MIDDLE_HZ, 1))):
        why = crowd.explain(query)
        (answer,) = crowd.classify([query])
        likely = {score.label: score.score for score in answer.scores}
        assert (why.label, why.first, why.second) == (answer.label, "violin", "horn")
        assert why.confidence == pytest.approx(answer.confidence)
        assert why.second_confidence == pytest.approx(likely["horn"])
        none = 1 - sum(likely.values())
        assert why.none == pytest.approx(none)
        (said,) = why.heard
        assert sum(of_kinds(why).values()) == pytest.approx(said.log_odds)
        assert said.log_odds == pytest.approx(math.log(likely["violin"] / likely["horn"]), abs=1e-4)
        assert said.above_none == pytest.approx(math.log(likely["violin"] / none), abs=1e-3)
        assert (why.decided_by, why.kinds) == ("evidence", ())


def test_who_speaks_is_told_by_modality(crowd: Index, tmp_path: Path) -> None:
    by_sound = of_kinds(crowd.explain(sound(tmp_path / "q.wav", (LOW_HZ, 1), (MIDDLE_HZ, 1))))
    assert by_sound["own"] > 0, "there is a sound of a violin, and none of a horn"
    assert by_sound["other"] < 0, "pictures of horns stand for their sounds"
    assert by_sound["added"] != 0
    by_picture = of_kinds(crowd.explain(picture(tmp_path / "q.png", GREEN)))
    assert by_picture["own"] > 0
    assert by_picture["features"] > 0
    assert by_picture["added"] == 0
    assert by_picture["name"] == 0, "the toy space knows no words"


def test_the_nearest_examples_of_both_labels_are_listed(crowd: Index, media: Path, tmp_path: Path) -> None:
    (said,) = crowd.explain(picture(tmp_path / "q.png", RED)).heard
    found = [(example.label, example.modality, os.path.basename(example.path)) for example in said.examples]
    assert found == [
        ("violin", "image", "r0.png"),
        ("violin", "image", "r1.png"),
        ("violin", "image", "r2.png"),
        ("violin", "sound", "low.wav"),
        ("horn", "image", "g5.png"),
        ("horn", "image", "g4.png"),
        ("horn", "image", "g3.png"),
    ]
    heard = said.examples[3]
    assert (heard.id, heard.start_s, heard.end_s) == (crowd.item(media / "low.wav").id, 0.0, 1.0)
    assert said.examples[0].similarity == pytest.approx(1)
    assert said.examples[0].start_s is None


def test_similarities_of_two_modalities_are_measured_against_unlike_things(
    crowd: Index, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    unlike = {("image", "image"): (0.4, 0.2), ("image", "sound"): (-0.1, 0.05)}
    monkeypatch.setattr(
        type(crowd.space), "unrelated_similarity", lambda space, *pair: unlike.get(tuple(sorted(pair)), (0.0, 1.0))
    )
    (said,) = crowd.explain(picture(tmp_path / "q.png", ORANGE)).heard
    for example in said.examples:
        mean, deviation = unlike[tuple(sorted(("image", example.modality)))]  # type: ignore[index]
        assert example.deviations == pytest.approx((example.similarity - mean) / deviation, rel=1e-4)
    across, within = said.examples[3], said.examples[0]
    assert across.similarity < within.similarity
    assert across.deviations > within.deviations, "the sound is the more unusual one"


def test_an_item_has_no_voice_on_itself_and_its_labels_are_told(crowd: Index, media: Path, tmp_path: Path) -> None:
    crowd.unlabel([media / "r0.png"], "violin")
    crowd.label([media / "r0.png"], "horn")
    why = crowd.explain(f"id:{crowd.item(media / 'r0.png').id}")
    assert (why.path, why.first, why.second) == (str(media / "r0.png"), "violin", "horn")
    assert (why.label, why.confidence, why.decided_by) == ("horn", 1.0, "copy"), "it has the label"
    assert (why.copy_of and why.copy_of.path) == why.path
    assert [(one.label, one.origin, one.confidence) for one in why.given] == [("horn", "hand", None)]
    assert why.given[0].run is not None
    assert "r0.png" not in {os.path.basename(one.path) for said in why.heard for one in said.examples}
    assert crowd.explain(picture(tmp_path / "q.png", RED)).given == ()


def test_a_video_is_explained_by_its_frames_and_by_its_sound(crowd: Index, tmp_path: Path) -> None:
    why = crowd.explain(video(tmp_path / "both.mp4"))
    assert [said.modality for said in why.heard] == ["image", "sound"]
    for said in why.heard:
        assert sum(part.log_odds for part in said.parts) == pytest.approx(said.log_odds)
        assert said.examples


def test_where_the_hierarchy_decides_it_is_said_with_what_it_added_up(
    index: Index, media: Path, tmp_path: Path
) -> None:
    for name, colour in (("violin", RED), ("cello", ORANGE), ("drum", BLUE)):
        picture(media / f"{name}.png", colour)
    picture(media / "between.png", (230, 70, 10))
    index.add([media])
    for name in ("violin", "cello", "drum"):
        index.label([media / f"{name}.png"], name)
    index.labels.set_hierarchy(Hierarchy.of([("violin", "string"), ("cello", "string")]))
    why = index.explain(media / "between.png", level=0)
    assert (why.label, why.decided_by, why.second) == ("string", "hierarchy", "drum")
    assert {kind.label for kind in why.kinds} == {"violin", "cello"}
    assert why.first == why.kinds[0].label
    assert why.confidence == pytest.approx(sum(kind.score for kind in why.kinds))
    assert index.explain(media / "between.png").decided_by == "evidence"
    bluish = picture(tmp_path / "q.png", (20, 60, 230))
    assert index.explain(bluish, level=0).decided_by == "evidence", "a drum is no kind"


def test_a_label_without_a_rival_is_weighed_against_none(index: Index, media: Path, tmp_path: Path) -> None:
    picture(media / "a.png", RED)
    index.add([media])
    index.label([media / "a.png"], "red")
    why = index.explain(picture(tmp_path / "q.png", ORANGE))
    assert (why.label, why.second) == ("red", None)
    assert why.none == pytest.approx(1 - why.confidence)
    (said,) = why.heard
    assert said.log_odds == pytest.approx(math.log(why.confidence / (1 - why.confidence)), abs=1e-4)
    assert of_kinds(why)["none"] < 0


def test_where_labels_do_not_exclude_each_other_the_second_is_compared_too(crowd: Index, tmp_path: Path) -> None:
    crowd.labels.set_mode("multi")
    why = crowd.explain(picture(tmp_path / "q.png", ORANGE))
    (said,) = why.heard

    def log_odds(likely: float) -> float:
        return math.log(likely / (1 - likely))

    assert why.none is not None
    assert said.above_none is None
    assert said.known_share is not None
    if_any = log_odds(why.confidence / (1 - why.none)) - log_odds(why.second_confidence / (1 - why.none))
    assert said.log_odds == pytest.approx(if_any, abs=1e-3)


def test_what_cannot_be_explained_is_refused(crowd: Index, media: Path, tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="id:999"):
        crowd.explain("id:999")
    with pytest.raises(UnreadableMediaError, match=r"absent\.wav"):
        crowd.explain(tmp_path / "absent.wav")
    with pytest.raises(NothingFoundError, match="silent"):
        crowd.explain(sound(tmp_path / "silent.wav", (0, 1)))
    sound(media / "high.wav", (HIGH_HZ, 1))
    for label in ("violin", "horn"):
        crowd.labels.remove(label)
    with pytest.raises(NothingFoundError, match="no item has a label yet"):
        crowd.explain(media / "high.wav")


def test_what_was_denied_of_it_or_of_what_it_is_a_copy_of_is_told(crowd: Index, media: Path, tmp_path: Path) -> None:
    denied = picture(media / "denied.png", ORANGE)
    copy = picture(tmp_path / "copy.png", ORANGE)
    assert crowd.explain(copy).denied == ()
    crowd.add([denied])
    crowd.deny([denied], "violin")
    for told in (denied, copy):
        why = crowd.explain(told)
        assert (why.first, why.denied) == ("horn", ("violin",))


def test_what_its_like_were_denied_is_a_part_of_it(crowd: Index, media: Path, tmp_path: Path) -> None:
    query = picture(tmp_path / "q.png", (230, 60, 20))
    assert "denials" not in of_kinds(crowd.explain(query))
    denied = picture(media / "denied.png", (230, 75, 20))
    crowd.add([denied])
    crowd.deny([denied], "violin")
    why = crowd.explain(query)
    assert (why.first, why.second, why.denied) == ("violin", "horn", ())
    assert of_kinds(why)["denials"] < 0


def test_what_bears_on_no_label_of_the_index_changes_no_explanation(crowd: Index, media: Path, tmp_path: Path) -> None:
    query = picture(tmp_path / "q.png", ORANGE)
    before = crowd.explain(query)
    crowd.deny([media / "r0.png"], "drum")
    assert crowd.explain(query) == before


def test_where_a_copy_decides_it_is_said_and_so_is_what_others_say(crowd: Index, media: Path, tmp_path: Path) -> None:
    crowd.unlabel([media / "r0.png"], "violin")
    crowd.label([media / "r0.png"], "horn")
    shutil.copy(media / "r0.png", tmp_path / "copy.png")
    why = crowd.explain(tmp_path / "copy.png")
    assert (why.label, why.decided_by, why.first) == ("horn", "copy", "violin")
    assert why.copy_of == CopyOf(id=crowd.item(media / "r0.png").id, path=str(media / "r0.png"), confirmed_by="content")
    assert why.heard


def test_the_only_labelled_item_is_explained_by_its_label(index: Index, media: Path) -> None:
    picture(media / "a.png", RED)
    index.add([media])
    index.label([media / "a.png"], "itself")
    why = index.explain(media / "a.png")
    assert (why.label, why.decided_by, why.heard) == ("itself", "copy", ())
