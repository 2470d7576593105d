"""Asking an index: which items answer, in which order, and what cannot be asked."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

import numpy as np
import pytest

from modag_search.errors import (
    CorruptMediaError,
    NothingFoundError,
    UnreadableMediaError,
    UnsupportedMediaError,
    UsageError,
)
from modag_search.values import Hit
from tests.made_media import (
    BLACK,
    BLUE,
    GREEN,
    HIGH_HZ,
    LOW_HZ,
    MIDDLE_HZ,
    RED,
    picture,
    set_mtime,
    sound,
    video,
)

if TYPE_CHECKING:
    from pathlib import Path

    from modag_search import Index


def names(hits: list[Hit]) -> list[str]:
    return [os.path.basename(hit.path) for hit in hits]


def test_a_new_sound_finds_the_picture_that_goes_with_it_and_the_other_way_round(filled: Index, tmp_path: Path) -> None:
    low = sound(tmp_path / "q.wav", (LOW_HZ + 40, 2))
    (first, *_) = filled.search(low, modality="image")
    assert first.path.endswith("a.png")
    assert first == Hit(
        id=filled.item(first.path).id,
        path=first.path,
        modality="image",
        similarity=first.similarity,
        start_s=None,
        end_s=None,
        labels=(),
        relevance=first.relevance,
        duration_s=None,
        exists=True,
    )
    blue = picture(tmp_path / "q.png", (10, 40, 200))
    assert names(filled.search(blue, modality="sound", n=1)) == ["c.wav"]


def test_similarity_is_the_cosine_in_the_space_and_falls(filled: Index, tmp_path: Path) -> None:
    query = picture(tmp_path / "q.png", (200, 100, 50))
    hits = filled.search(query, modality="image")
    vector = np.array([200, 100, 50]) / np.linalg.norm([200, 100, 50])
    for hit in hits:
        colour = {"a.png": RED, "b.png": GREEN, "c.png": BLUE}[os.path.basename(hit.path)]
        assert hit.similarity == pytest.approx(vector @ colour / np.linalg.norm(colour), abs=1e-3)
    assert [hit.similarity for hit in hits] == sorted((hit.similarity for hit in hits), reverse=True)


def test_the_query_itself_is_not_among_the_answers(filled: Index, media: Path) -> None:
    red = media / "a.png"
    for query in (red, f"id:{filled.item(red).id}"):
        assert "a.png" not in names(filled.search(query, n=10))
        assert len(filled.search(query, n=10)) == 5
    set_mtime(red, 7)  # no longer as indexed, and still itself
    assert "a.png" not in names(filled.search(red))


def test_an_indexed_file_answers_as_its_id_does(filled: Index, media: Path) -> None:
    low = media / "a.wav"
    assert filled.search(low) == filled.search(f"id:{filled.item(low).id}")
    set_mtime(low, 7)  # decoded and encoded anew
    assert filled.search(low) == filled.search(f"id:{filled.item(low).id}")


def test_the_query_may_be_gone_when_it_is_asked_by_id(filled: Index, media: Path) -> None:
    item = filled.item(media / "a.wav")
    (media / "a.wav").unlink()
    assert names(filled.search(f"id:{item.id}", modality="image", n=1)) == ["a.png"]


def test_a_relative_path_means_the_same_file(filled: Index, media: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(media)
    assert filled.search("a.wav") == filled.search(media / "a.wav")


def test_the_number_of_answers(filled: Index, media: Path) -> None:
    assert len(filled.search(media / "a.png", n=2)) == 2
    assert len(filled.search(media / "a.png", n=100)) == 5
    with pytest.raises(UsageError, match="n must be 1 at least, not 0"):
        filled.search(media / "a.png", n=0)


def test_modalities(filled: Index, media: Path) -> None:
    assert {hit.modality for hit in filled.search(media / "a.png", modality="sound")} == {"sound"}
    assert {hit.modality for hit in filled.search(media / "a.png", modality="image")} == {"image"}
    assert {hit.modality for hit in filled.search(media / "a.png")} == {"image", "sound"}
    with pytest.raises(UsageError, match="modality must be image, sound or any, not 'smell'"):
        filled.search(media / "a.png", modality="smell")  # type: ignore[arg-type]


def test_min_similarity_leaves_out_what_is_less_similar(filled: Index, media: Path) -> None:
    assert names(filled.search(media / "a.wav", min_similarity=0.9)) == ["a.png"]
    assert filled.search(media / "a.wav", modality="sound", min_similarity=0.5) == []


def test_only_what_has_a_label(filled: Index, media: Path) -> None:
    filled.label([media / "b.png", media / "c.wav"], "chosen")
    assert sorted(names(filled.search(media / "a.png", label="chosen"))) == ["b.png", "c.wav"]
    assert names(filled.search(media / "a.png", label="chosen", modality="sound")) == ["c.wav"]
    assert filled.search(media / "a.png", label="no such label") == []
    assert {hit.labels for hit in filled.search(media / "a.png", label="chosen")} == {("chosen",)}


def test_why_nothing_is_found_is_said_for_whole_seconds_too(filled: Index, media: Path) -> None:
    filled.label([media / "a.png"], "red")
    hits = filled.search(media / "a.wav", label="red", min_duration_s=1)
    assert (hits, hits.why_none.split(";")[0]) == (
        [],
        "nothing found: no item meets --label red and --min-duration 1 together",
    )
    hits = filled.search(media / "a.wav", label="red", under=[media], max_duration_s=2)
    assert f"--under {media}, --label red and --max-duration 2 together" in hits.why_none


def test_few_labelled_items_are_found_among_many(index: Index, media: Path) -> None:
    for number in range(60):
        picture(media / f"{number:02}.png", (200, number, 0))
    rare = picture(media / "rare.png", (0, 0, 250))
    index.add([media])
    index.label([rare], "rare")
    assert names(index.search(media / "00.png", n=1, label="rare")) == ["rare.png"]


def test_items_of_many_segments_do_not_crowd_out_others(index: Index, media: Path) -> None:
    sound(media / "long.wav", (LOW_HZ, 200))
    for number in range(4):
        sound(media / f"{number}.wav", (LOW_HZ, 1), (MIDDLE_HZ, 1 + number / 10))
    index.add([media])
    query = sound(media.parent / "q.wav", (LOW_HZ, 1))
    hits = index.search(query, n=5)
    assert len(hits) == len({hit.id for hit in hits}) == 5
    assert names(hits)[0] == "long.wav"


def test_asking_with_a_label_asks_with_what_its_items_have_in_common(filled: Index, media: Path) -> None:
    filled.label([media / "a.png", media / "a.wav"], "low")
    assert not {"a.png", "a.wav"} & set(names(filled.search("label:low")))
    rose = picture(media / "rose.png", (230, 30, 30))
    filled.add([media])
    assert names(filled.search("label:low", modality="image", n=1)) == [rose.name]
    with pytest.raises(NothingFoundError, match="nobody"):
        filled.search("label:nobody")
    with pytest.raises(UsageError, match="a label has no duration"):
        filled.search("label:low", start_s=1)


@pytest.mark.parametrize(("start_s", "end_s", "goes_with"), [(0, 9, "a.png"), (15, 20, "c.png"), (21, None, "c.png")])
def test_asking_with_a_part_of_a_sound(
    filled: Index, media: Path, tmp_path: Path, start_s: float, end_s: float | None, goes_with: str
) -> None:
    new = sound(tmp_path / "q.wav", (LOW_HZ, 12), (HIGH_HZ, 12))
    (hit,) = filled.search(new, modality="image", n=1, start_s=start_s, end_s=end_s)
    assert hit.path.endswith(goes_with)
    indexed = media / "long.wav"
    indexed.write_bytes(new.read_bytes())
    filled.add([media])
    for query in (indexed, f"id:{filled.item(indexed).id}"):
        assert names(filled.search(query, modality="image", n=1, start_s=start_s, end_s=end_s)) == [goes_with]


def test_parts_that_cannot_be_asked_with(filled: Index, media: Path) -> None:
    low = media / "a.wav"
    number = filled.item(low).id
    with pytest.raises(UsageError, match=r"a\.wav: the range from 5 s to the end lies outside the file"):
        filled.search(low, start_s=5)
    with pytest.raises(UsageError, match=r"a\.wav.: the range from 5 s to the end lies outside the file"):
        filled.search(f"id:{number}", start_s=5)
    with pytest.raises(UsageError, match="the start must lie before the end"):
        filled.search(low, start_s=2, end_s=1)
    with pytest.raises(UsageError, match="a picture has no duration"):
        filled.search(f"id:{filled.item(media / 'a.png').id}", start_s=1)


def test_a_part_of_an_id_must_be_one(filled: Index, media: Path) -> None:
    number = filled.item(media / "a.wav").id
    with pytest.raises(UsageError, match="the start must lie before the end"):
        filled.search(f"id:{number}", start_s=2, end_s=1)


def test_a_part_of_a_picture_cannot_be_asked_with(filled: Index, media: Path, tmp_path: Path) -> None:
    for query in (media / "a.png", picture(tmp_path / "q.png", RED)):
        with pytest.raises(UsageError, match="a picture has no duration"):
            filled.search(query, start_s=1)


def test_silence_and_black_find_nothing(filled: Index, media: Path, tmp_path: Path) -> None:
    silent = sound(tmp_path / "silent.wav", (0, 1))
    with pytest.raises(NothingFoundError, match=r"silent\.wav: is silent throughout"):
        filled.search(silent)
    picture(media / "black.png", BLACK)
    half = sound(media / "half.wav", (LOW_HZ, 10), (0, 10))
    filled.add([media])
    with pytest.raises(NothingFoundError, match="is as good as black, so nothing is like it"):
        filled.search(media / "black.png")
    with pytest.raises(NothingFoundError, match="is silent in that part"):
        filled.search(f"id:{filled.item(half).id}", start_s=15)
    filled.label([media / "black.png"], "night")
    with pytest.raises(NothingFoundError, match="what has this label is as good as black"):
        filled.search("label:night")


def test_an_item_whose_file_failed_says_so(filled: Index, media: Path) -> None:
    number = filled.item(media / "a.wav").id
    filled.label([media / "a.wav"], "hum")
    (media / "a.wav").write_bytes(b"no sound")
    filled.add([media])
    for query in (f"id:{number}", "label:hum"):
        with pytest.raises(NothingFoundError, match="failed, so nothing is known of it; `modag failures` says why"):
            filled.search(query)


def test_queries_that_cannot_be_meant_or_read(filled: Index, tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="an id is a whole number"):
        filled.search("id:one")
    with pytest.raises(UsageError, match="id:999: is not in the index"):
        filled.search("id:999")
    with pytest.raises(UnreadableMediaError, match=r"nowhere\.wav: does not exist"):
        filled.search(tmp_path / "nowhere.wav")
    text = tmp_path / "notes.txt"
    text.write_text("not media")
    with pytest.raises(UnsupportedMediaError, match=r"notes\.txt"):
        filled.search(text)
    bad = tmp_path / "bad.png"
    bad.write_bytes(b"no picture")
    with pytest.raises(CorruptMediaError, match=r"bad\.png"):
        filled.search(bad)


def test_an_empty_index_answers_with_nothing(index: Index, tmp_path: Path) -> None:
    assert index.search(picture(tmp_path / "q.png", RED)) == []


def test_a_video_asks_with_its_frames_and_its_sound(filled: Index, tmp_path: Path) -> None:
    hits = filled.search(video(tmp_path / "q.mp4"))
    assert names(hits)[0] in {"a.wav", "a.png"}  # its tone is low, its frames are grey
    assert len(hits) == 6


def test_mixed_answers_are_ranked_by_how_far_each_rises_above_unlike_things(
    index: Index, media: Path, tmp_path: Path, toys: None
) -> None:
    from dataclasses import replace

    from tests.toy_encoders import toy_space

    picture(media / "a.png", (230, 60, 60))
    sound(media / "a.wav", (LOW_HZ, 1))
    copy = picture(media / "copy.png", (230, 120, 60))
    index.add([media])
    query = tmp_path / "q.png"
    query.write_bytes(copy.read_bytes())
    alike = index.search(query)
    assert names(alike) == ["copy.png", "a.png", "a.wav"]
    sound_similarity = alike[2].similarity
    gap = {"image-image": (0.999, 0.1), "image-sound": (0.0, 0.1), "sound-sound": (0.0, 0.1)}
    space = tmp_path / "gap.safetensors"
    space.write_bytes(replace(toy_space(), unrelated=gap).to_bytes())
    index.rebuild(space=space)
    hits = index.search(query)
    assert names(hits) == ["copy.png", "a.wav", "a.png"]
    assert hits[1].similarity == pytest.approx(sound_similarity)
