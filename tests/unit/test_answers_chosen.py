"""Which items may answer (filters), which are one answer (copies), and where in an item the answer is (places)."""

from __future__ import annotations

import itertools
import os
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import pytest
import soundfile
from PIL import Image
from PIL.PngImagePlugin import PngInfo

from modag_search.errors import UsageError
from modag_search.search.items import ItemSearch
from tests.made_media import BLUE, HIGH_HZ, LOW_HZ, MIDDLE_HZ, RED, picture, sound, video

if TYPE_CHECKING:
    from pathlib import Path

    from modag_search import Hit, Index


def names(hits: list[Hit]) -> list[str]:
    return [os.path.basename(hit.path) for hit in hits]


def copied(path: Path, target: Path) -> Path:
    target.parent.mkdir(parents=True, exist_ok=True)
    target.write_bytes(path.read_bytes())
    return target


def test_as_many_answers_come_as_there_are_contents(index: Index, media: Path) -> None:
    for number in range(5):
        original = picture(media / f"{number}.png", (200, 10 * number, 0))
        for copy in range(40):
            copied(original, media / f"{number}-{copy}.png")
    index.add([media])
    hits = index.search(picture(media.parent / "q.png", (200, 0, 0)), n=5)
    assert [len(hit.copies) for hit in hits] == [40] * 5
    assert len({path for hit in hits for path in (hit.path, *hit.copies)}) == 205
    assert len(index.search(media / "0.png", n=50, copies=True)) == 50


def test_the_copy_that_stands_for_all_has_labels_and_is_there(filled: Index, media: Path) -> None:
    for name in ("0.png", "z.png"):
        copied(media / "b.png", media / name)
    filled.add([media])
    assert names(filled.search(media / "b.wav", modality="image", n=1)) == ["0.png"]
    filled.label([media / "z.png"], "kept")
    (hit,) = filled.search(media / "b.wav", modality="image", n=1)
    assert (names([hit]), hit.labels) == (["z.png"], ("kept",))
    (media / "z.png").unlink()
    (hit,) = filled.search(media / "b.wav", modality="image", n=1)
    assert names([hit]) == ["0.png"]
    assert [os.path.basename(path) for path in hit.copies] == ["b.png", "z.png"]


def test_copies_that_ask_or_that_filters_leave_out_are_not_listed(filled: Index, media: Path) -> None:
    inside = copied(media / "b.png", media / "sub" / "b2.png")
    copied(media / "b.png", media / "b3.png")
    filled.add([media])
    (hit, *_) = filled.search(media / "b.png", modality="image")
    assert {hit.path, *hit.copies} == {str(inside), str(media / "b3.png")}
    (hit,) = filled.search(media / "b.wav", modality="image", under=media / "sub")
    assert (hit.path, hit.copies) == (str(inside), ())
    filled.label([media / "b3.png"], "chosen")
    (hit,) = filled.search(media / "b.wav", modality="image", label="chosen")
    assert (hit.path, hit.copies) == (str(media / "b3.png"), ())


def test_the_very_same_features_are_copies_whatever_the_bytes(index: Index, media: Path) -> None:
    plain = sound(media / "a.wav", (LOW_HZ, 12))
    samples, rate = soundfile.read(plain, dtype="int16")
    soundfile.write(media / "a.flac", samples, rate)
    sound(media / "longer.wav", (LOW_HZ, 22))
    index.add([media])
    hits = index.search(sound(media.parent / "q.wav", (LOW_HZ, 1)), n=5)
    assert sorted([names([hit])[0], *(os.path.basename(path) for path in hit.copies)] for hit in hits) == [
        ["a.wav", "a.flac"],
        ["longer.wav"],
    ]


def retold(path: Path, target: Path) -> Path:
    """Write a picture anew with a comment: the same pixels, and so the same features, in other bytes."""
    comment = PngInfo()
    comment.add_text("Comment", target.name)
    with Image.open(path) as image:
        image.save(target, format="PNG", pnginfo=comment)
    return target


@pytest.mark.parametrize("n_copies", [10, 60])
def test_however_few_answers_are_wanted_each_lists_all_its_copies(index: Index, media: Path, n_copies: int) -> None:
    for original in (picture(media / "near.png", (200, 40, 0)), picture(media / "far.png", (200, 120, 0))):
        for copy in range(n_copies):
            retold(original, media / f"{original.stem}-{copy}.png")
    index.add([media])
    query = picture(media.parent / "q.png", (200, 0, 0))
    answers = {n: [(hit.path, hit.copies) for hit in index.search(query, n=n)] for n in (1, 2, 9)}
    assert [len(copies) for _, copies in answers[9]] == [n_copies] * 2
    assert answers[1] == answers[9][:1]
    assert answers[2] == answers[9]


def test_a_video_under_the_name_of_a_sound_is_a_copy_of_it(filled: Index, media: Path) -> None:
    copied(video(media / "a.mp4"), media / "a.m4a")
    filled.add([media])
    (folded,) = [hit for hit in filled.search(media / "a.wav", n=20) if hit.copies]
    assert {folded.path, *folded.copies} == {str(media / "a.mp4"), str(media / "a.m4a")}


def test_filters_are_exact_however_few_pass(index: Index, media: Path) -> None:
    for number in range(60):
        picture(media / f"{number:02}.png", (200, number, 0))
    far = picture(media / "far" / "far.png", BLUE)
    sound(media / "far.d" / "far.wav", (HIGH_HZ, 3))
    video(media / "v.mp4")
    index.add([media])
    query = media / "00.png"
    assert names(index.search(query, under=media / "far", n=1)) == ["far.png"]
    assert names(index.search(query, under=f"{media / 'far'}/", n=9)) == ["far.png"]
    assert sorted(names(index.search(query, under=[far, media / "far.d"]))) == ["far.png", "far.wav"]
    assert names(index.search(query, kind="video")) == ["v.mp4"]
    assert names(index.search(query, kind="sound")) == ["far.wav"]
    assert names(index.search(f"id:{index.item(query).id}", min_duration_s=3)) == ["far.wav"]
    assert names(index.search("id:1", plus=["id:2"], max_duration_s=2.9)) == ["v.mp4"]
    assert len(index.search(query, under=media, n=100, copies=True)) == 62
    assert index.search(query, under=media / "far", kind="sound") == []
    index.label([far, query], "chosen")
    assert names(index.search("id:2", label="chosen", under=media / "far")) == ["far.png"]


def test_a_relative_folder_is_one_of_the_working_folder(
    filled: Index, media: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(media)
    assert len(filled.search("a.wav", under=".", n=9)) == 5


@pytest.mark.parametrize(
    ("wrong", "words"),
    [
        ({"kind": "smell"}, "kind must be image, sound or video, not 'smell'"),
        ({"min_duration_s": -1}, "min_duration_s must be a number of seconds from 0, not -1"),
        ({"max_duration_s": float("nan")}, "max_duration_s must be a number of seconds from 0, not nan"),
        ({"min_duration_s": 3, "max_duration_s": 2}, "nothing lasts 3 s at least and 2 s at most"),
        ({"kind": "image", "max_duration_s": 2}, "pictures have no duration"),
        ({"places": -1}, "places must be 0 at least, not -1"),
    ],
)
def test_filters_that_nothing_can_meet(filled: Index, wrong: dict[str, object], words: str) -> None:
    with pytest.raises(UsageError, match=words):
        filled.search("id:1", **wrong)  # type: ignore[arg-type]


def test_places_do_not_overlap_and_begin_with_the_one_that_answers(index: Index, media: Path) -> None:
    sound(media / "long.wav", (LOW_HZ, 10), (MIDDLE_HZ, 10), (HIGH_HZ, 10), (LOW_HZ, 20))
    picture(media / "a.png", RED)
    index.add([media])
    low = sound(media.parent / "q.wav", (LOW_HZ, 1))
    for hit in index.search(low, places="all"):
        assert hit.places[0].similarity == pytest.approx(hit.similarity, abs=1e-6)
        assert (hit.places[0].start_s, hit.places[0].end_s) == (hit.start_s, hit.end_s)
        ends = sorted((one.start_s or 0.0, one.end_s or 0.0) for one in hit.places)
        assert all(one[1] <= other[0] for one, other in itertools.pairwise(ends))
        assert [one.similarity for one in hit.places] == sorted((one.similarity for one in hit.places), reverse=True)
    found = {os.path.basename(hit.path): hit.places for hit in index.search(low, places=3)}
    assert {place.start_s for place in found["long.wav"]} == {0, 30, 40}
    assert len(found["a.png"]) == 1
    near = {os.path.basename(hit.path): hit.places for hit in index.search(low, places="all", min_similarity=0.9)}
    assert {place.start_s for place in near["long.wav"]} == {0, 30, 40}
    assert all(hit.places == () for hit in index.search(low))


def test_of_places_that_are_equally_near_the_one_that_answers_comes_first(
    index: Index, media: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    sound(media / "long.wav", (LOW_HZ, 40))
    index.add([media])
    found = ItemSearch.hits

    def elsewhere(search: ItemSearch, *arguments: Any, **options: Any) -> list[Hit]:
        """Answer as a store that takes another of what is equally near."""
        return [replace(hit, start_s=20.0, end_s=30.0) for hit in found(search, *arguments, **options)]

    monkeypatch.setattr(ItemSearch, "hits", elsewhere)
    low = sound(media.parent / "q.wav", (LOW_HZ, 1))
    (hit,) = index.search(low, places="all")
    assert [place.start_s for place in hit.places] == [20.0, 0.0, 10.0, 30.0]
    (hit,) = index.search(low, places=1)
    assert [place.start_s for place in hit.places] == [20.0]


def test_filters_are_kept_for_as_long_as_nothing_changes(
    filled: Index, media: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    query = media / "a.wav"
    filled.add([picture(media / "sub" / "early.png", (20, 120, 60))])
    monkeypatch.chdir(media / "sub")
    within = names(filled.search(query, under=".", n=100))
    monkeypatch.chdir(media)
    assert set(within) < set(names(filled.search(query, under=".", n=100)))

    assert filled.search(query, label="new") == []
    filled.label([media / "b.wav"], "new")
    assert names(filled.search(query, label="new")) == ["b.wav"]
    filled.add([picture(media / "sub" / "later.png", (150, 90, 20))])
    assert set(names(filled.search(query, under=media / "sub", n=100))) == {*within, "later.png"}


def test_filters_follow_what_makes_no_new_snapshot(filled: Index, media: Path) -> None:
    for name, colour in (("x", (20, 120, 60)), ("y", (150, 90, 20))):
        picture(media / "from" / f"{name}.png", colour)
    filled.add([media])
    query = media / "a.wav"
    assert names(filled.search(query, under=media / "to", n=100)) == []
    os.rename(media / "from", media / "to")
    assert filled.add([media]).moved == 2
    assert set(names(filled.search(query, under=media / "to", n=100))) == {"x.png", "y.png"}
    assert filled.search(query, under=media / "from", n=100) == []

    assert filled.search(query, label="favourite") == []
    filled.tag([media / "b.wav"], "favourite")
    assert names(filled.search(query, label="favourite")) == ["b.wav"]
    filled.unlabel([media / "b.wav"], "favourite")
    assert filled.search(query, label="favourite") == []
