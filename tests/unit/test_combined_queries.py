"""Asking with several things at once: what is added, what is taken away, and which term an error names."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
from PIL import Image

from modag_search import Index, IndexSettings
from modag_search.errors import NothingFoundError, SpaceMismatchError, UnreadableMediaError, UsageError
from tests.made_media import (
    BLUE,
    GREEN,
    HIGH_HZ,
    LOW_HZ,
    MIDDLE_HZ,
    RATE_HZ,
    RED,
    picture,
    shaded,
    sound,
    tone,
    video,
)

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from modag_search.values import Hit


@pytest.fixture
def mixed(filled: Index, media: Path) -> Index:
    """Three pictures of one colour each with their sounds, and what is of two: a picture, and a sound."""
    picture(media / "ab.png", (200, 200, 0))
    sound(media / "ab.wav", (LOW_HZ, 1), (MIDDLE_HZ, 1))
    filled.add([media])
    return filled


def names(hits: Sequence[Hit]) -> list[str]:
    return [os.path.basename(hit.path) for hit in hits]


def direction(*colours: tuple[float, ...]) -> np.ndarray:
    total = np.sum([np.array(colour) / np.linalg.norm(colour) for colour in colours], axis=0)
    return np.asarray(total / np.linalg.norm(total))


def test_what_is_like_all_that_is_added_comes_first(mixed: Index, media: Path) -> None:
    red, low, middle = media / "a.png", media / "a.wav", media / "b.wav"
    assert names(mixed.search(red, plus=[media / "b.png"], modality="image", n=1)) == ["ab.png"]
    assert names(mixed.search(red, plus=[middle], modality="image", n=1)) == ["ab.png"]
    assert names(mixed.search(low, plus=[f"id:{mixed.item(media / 'b.png').id}"], modality="sound", n=1)) == ["ab.wav"]
    mixed.label([middle], "middle")
    assert set(names(mixed.search(red, plus=["label:middle"], n=2))) == {"ab.png", "ab.wav"}


def test_what_is_like_that_which_is_taken_away_comes_later(mixed: Index, media: Path, tmp_path: Path) -> None:
    yellow = picture(tmp_path / "yellow.png", (201, 220, 0))
    assert names(mixed.search(yellow, modality="image")) == ["ab.png", "b.png", "a.png", "c.png"]
    without_green = mixed.search(yellow, minus=[media / "b.wav"], modality="image")
    assert names(without_green) == ["a.png", "ab.png", "b.png", "c.png"]
    assert names(mixed.search(media / "a.png", plus=[media / "c.png"], minus=[media / "a.wav"], modality="sound")) == [
        "c.wav",
        "ab.wav",
        "b.wav",
    ]


def test_similarity_is_that_to_what_the_terms_make_together(mixed: Index, media: Path) -> None:
    hits = mixed.search(media / "a.png", plus=[media / "c.png"], modality="image")
    assert {os.path.basename(hit.path): hit.similarity for hit in hits} == pytest.approx(
        {"ab.png": direction(RED, BLUE) @ direction((1, 1, 0)), "b.png": direction(RED, BLUE) @ direction(GREEN)},
        abs=1e-3,
    )
    floor = (hits[0].similarity + hits[1].similarity) / 2
    assert mixed.search(media / "a.png", plus=[media / "c.png"], modality="image", min_similarity=floor) == hits[:1]
    assert (
        names(mixed.search(media / "a.png", plus=[media / "c.png"], n=1))
        == names(mixed.search(media / "a.png", plus=[media / "c.png"], n=100))[:1]
    )


def test_what_asks_is_no_answer(mixed: Index, media: Path) -> None:
    mixed.label([media / "b.png", media / "b.wav"], "green")
    hits = mixed.search(media / "a.png", plus=[media / "c.wav"], minus=["label:green"], n=100)
    assert sorted(names(hits)) == ["a.wav", "ab.png", "ab.wav", "c.png"]


def test_the_order_of_terms_does_not_matter(mixed: Index, media: Path) -> None:
    terms = [media / "a.png", media / "c.wav", media / "ab.png"]
    expected = mixed.search(terms[0], plus=terms[1:], minus=[media / "b.wav", media / "c.png"])
    found = mixed.search(terms[2], plus=[terms[1], terms[0]], minus=[media / "c.png", media / "b.wav"])
    assert names(found) == names(expected)
    assert [hit.similarity for hit in found] == pytest.approx([hit.similarity for hit in expected], abs=1e-6)


def test_a_thing_twice_finds_what_it_finds_once(mixed: Index, media: Path) -> None:
    once, twice = mixed.search(media / "a.png"), mixed.search(media / "a.png", plus=media / "a.png")
    assert names(twice) == names(once)
    assert [hit.similarity for hit in twice] == pytest.approx([hit.similarity for hit in once], abs=1e-6)
    assert mixed.search(media / "a.png", plus=[], minus=[]) == once


def test_a_video_counts_once_with_half_of_each_modality(mixed: Index, media: Path, tmp_path: Path) -> None:
    film = video(tmp_path / "grey.mp4")  # its tone is low
    grey, low = direction((1, 1, 1)), direction((1, 0, 0))
    expected = (grey + low) / 2 + direction(BLUE)
    (hit,) = mixed.search(film, plus=[media / "c.png"], modality="image", n=1)
    by_hand = {"a.png": RED, "b.png": GREEN, "ab.png": (1, 1, 0)}
    cosines = {name: float(direction(colour) @ expected / np.linalg.norm(expected)) for name, colour in by_hand.items()}
    assert os.path.basename(hit.path) == max(cosines, key=cosines.__getitem__)
    assert hit.similarity == pytest.approx(max(cosines.values()), abs=0.01)


def test_only_what_has_a_label(mixed: Index, media: Path) -> None:
    mixed.label([media / "c.png", media / "c.wav"], "chosen")
    hits = mixed.search(media / "a.png", plus=[media / "b.png"], label="chosen")
    assert sorted(names(hits)) == ["c.png", "c.wav"]


def test_terms_that_cancel_each_other_out(mixed: Index, media: Path) -> None:
    red = f"id:{mixed.item(media / 'a.png').id}"
    with pytest.raises(UsageError, match=f"'{red}', '{red}', '{red}': these cancel each other out"):
        mixed.search(red, minus=[red, red])


def test_a_part_is_one_of_the_first_query(mixed: Index, media: Path, tmp_path: Path) -> None:
    both = media / "ab.wav"  # low for a second, then middle
    alone = sound(tmp_path / "low.wav", (LOW_HZ, 1))
    for added, taken in (([media / "c.wav"], []), ([], [media / "c.wav"]), ([media / "c.wav"], ["id:1"])):
        by_part = mixed.search(both, plus=added, minus=taken, start_s=0, end_s=1, modality="image")
        by_file = mixed.search(alone, plus=added, minus=taken, modality="image")
        assert names(by_part) == names(by_file)
        assert [hit.similarity for hit in by_part] == pytest.approx([hit.similarity for hit in by_file], abs=1e-3)
    with pytest.raises(UsageError, match=r"a\.png: a picture has no duration"):
        mixed.search(media / "a.png", plus=[both], start_s=0.5)


def test_samples_and_pictures_are_combined_as_files_of_them_are(mixed: Index, media: Path, tmp_path: Path) -> None:
    low, middle = tone(LOW_HZ, 1), tone(MIDDLE_HZ, 1)
    red, green = shaded(RED, (8, 6)), shaded(GREEN, (8, 6))
    files = {
        id(low): sound(tmp_path / "low.wav", (LOW_HZ, 1)),
        id(middle): sound(tmp_path / "middle.wav", (MIDDLE_HZ, 1)),
        id(red): picture(tmp_path / "red.png", RED),
        id(green): picture(tmp_path / "green.png", GREEN),
    }
    item = f"id:{mixed.item(media / 'c.png').id}"
    for query, plus, minus in (
        (low, middle, ()),
        (low, [middle, red], item),
        (media / "a.png", [green, low], ()),
        (item, low, [green]),
        ("label:high", (), [red, middle]),
        (red, [Image.fromarray(green)], ()),
    ):
        mixed.label([media / "c.png"], "high")
        listed = [[one] if isinstance(one, (str, np.ndarray)) else one for one in (plus, minus)]
        lent = [one for one in (query, *listed[0], *listed[1]) if isinstance(one, np.ndarray)]
        rate_hz = RATE_HZ if any(one.dtype != np.uint8 for one in lent) else None
        found = mixed.search(query, plus=plus, minus=minus, sample_rate_hz=rate_hz)
        as_files = [
            [files[id(green)] if isinstance(one, Image.Image) else files.get(id(one), one) for one in some]
            for some in ([query], *listed)
        ]
        expected = mixed.search(as_files[0][0], plus=as_files[1], minus=as_files[2])
        assert names(found) == names(expected)
        assert [hit.similarity for hit in found] == pytest.approx([hit.similarity for hit in expected], abs=1e-3)


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"plus": 3}, "a query must be a name, an array or a picture of Pillow, not int"),
        ({"minus": [None]}, "a query must be a name, an array or a picture of Pillow, not NoneType"),
        ({"plus": [np.zeros(99, np.float32)]}, "samples need a sample_rate_hz"),
        ({"plus": ["id:1"], "sample_rate_hz": 8000}, "only samples are given a sample_rate_hz"),
        (
            {"plus": [np.zeros((9, 9), np.uint8)], "sample_rate_hz": 8000},
            "the sound: must be an array of .*, not uint8",
        ),
    ],
)
def test_what_cannot_be_added_or_taken_away(mixed: Index, options: dict[str, Any], words: str) -> None:
    with pytest.raises(UsageError, match=words):
        mixed.search("id:2", **options)


def test_errors_name_the_term(mixed: Index, media: Path, tmp_path: Path) -> None:
    silent = sound(tmp_path / "silent.wav", (0, 1))
    for term, kind, words in (
        (tmp_path / "nowhere.wav", UnreadableMediaError, r"nowhere\.wav: does not exist"),
        (silent, NothingFoundError, r"silent\.wav: is silent throughout"),
        ("label:nobody", NothingFoundError, "label:nobody: no item has this label"),
        ("id:999", UsageError, "id:999: is not in the index"),
        ("text:in the snow", UsageError, "'in the snow': space 'toy' understands no words"),
    ):
        for choice in ({"plus": [media / "b.png", term]}, {"minus": term}):
            with pytest.raises(kind, match=words):
                mixed.search(media / "a.png", **choice)


def test_where_no_space_joins_each_term_finds_its_own_kind(tmp_path: Path, media: Path, toys: None) -> None:
    for name, colour, hz in (("a", RED, LOW_HZ), ("b", (200, 200, 0), MIDDLE_HZ), ("c", BLUE, HIGH_HZ)):
        picture(media / f"{name}.png", colour)
        sound(media / f"{name}.wav", (hz, 1), (LOW_HZ, 1))
    settings = IndexSettings(sound_encoder="toy-sound", image_encoder="toy-image")
    with Index.open(tmp_path / "apart", create=True, settings=settings) as index:
        index.add([media])
        assert not index.space.joins
        red, low = media / "a.png", media / "a.wav"
        assert sorted(names(index.search(red, plus=[low]))) == ["b.png", "b.wav", "c.png", "c.wav"]
        assert names(index.search(red, plus=[media / "c.png"])) == ["b.png"]
        with pytest.raises(SpaceMismatchError, match=r"and \S*a\.wav has nothing to find"):
            index.search(red, plus=[low], modality="image")
        with pytest.raises(SpaceMismatchError, match=r"and \S*a\.wav has nothing to find"):
            index.search(red, minus=[low])
