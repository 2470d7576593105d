"""Asking with samples and pictures that a program holds, and with many queries."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
from PIL import Image

from modag_search.errors import CorruptMediaError, EmptyMediaError, ModagError, NothingFoundError, UsageError
from tests.made_media import HIGH_HZ, LOW_HZ, MIDDLE_HZ, RATE_HZ, RED, picture, shaded, sound, tone

if TYPE_CHECKING:
    from pathlib import Path

    from modag_search import Hit, Index


def names(hits: list[Hit]) -> list[str]:
    return [os.path.basename(hit.path) for hit in hits]


@pytest.mark.parametrize("kind", [np.float32, np.float64, np.int16, np.int32])
def test_samples_ask_as_a_file_of_them_does(filled: Index, tmp_path: Path, kind: Any) -> None:
    samples = np.concatenate([tone(LOW_HZ, 6), tone(MIDDLE_HZ, 9)])
    path = sound(tmp_path / "q.wav", (LOW_HZ, 6), (MIDDLE_HZ, 9))
    scale = 1 if np.issubdtype(kind, np.floating) else np.iinfo(kind).max
    found = filled.search((samples * scale).astype(kind), sample_rate_hz=RATE_HZ)
    expected = filled.search(path)
    assert names(found) == names(expected)
    for one, other in zip(found, expected, strict=True):
        assert one.similarity == pytest.approx(other.similarity, abs=1e-3)


@pytest.mark.parametrize("kind", ["i2", "i4", "f2", "f4", "f8"])
def test_the_order_of_bytes_does_not_matter(filled: Index, kind: str) -> None:
    samples = tone(LOW_HZ) * (1 if kind[0] == "f" else np.iinfo(kind).max)
    big, little = (filled.search(samples.astype(order + kind), sample_rate_hz=RATE_HZ) for order in "><")
    assert big == little
    assert names(big[:1]) == ["a.wav"]
    assert big[0].similarity == pytest.approx(1, abs=1e-3)


def test_samples_of_several_channels_and_of_another_rate(filled: Index) -> None:
    seconds = np.arange(44_100) / 44_100
    samples = np.stack([np.zeros(44_100), 0.4 * np.sin(2 * np.pi * LOW_HZ * seconds)], axis=1)
    assert names(filled.search(samples, sample_rate_hz=44_100, modality="image", n=1)) == ["a.png"]


def test_a_part_of_samples_asks(filled: Index) -> None:
    samples = np.concatenate([tone(LOW_HZ, 12), tone(HIGH_HZ, 12)])
    assert names(filled.search(samples, sample_rate_hz=RATE_HZ, start_s=13, modality="image", n=1)) == ["c.png"]
    with pytest.raises(UsageError, match=r"^the sound: the range from 99 s"):
        filled.search(samples, sample_rate_hz=RATE_HZ, start_s=99)


def test_a_picture_asks_as_a_file_of_it_does(filled: Index, tmp_path: Path) -> None:
    pixels = shaded((200, 100, 50), (30, 20))
    expected = filled.search(picture(tmp_path / "q.png", (200, 100, 50), size=(30, 20)))
    for asked in (
        pixels,
        pixels[::-1].copy()[::-1],
        Image.fromarray(pixels),
        np.dstack([pixels, np.full((20, 30), 255, np.uint8)]),
    ):
        assert filled.search(asked) == expected
    assert len(filled.search(Image.fromarray(pixels).convert("CMYK"))) == 6
    assert names(filled.search(pixels, minus=["id:1"], n=1)) != []
    with pytest.raises(UsageError, match="a picture has no duration"):
        filled.search(pixels, start_s=1)


def in_mode(mode: str) -> Image.Image:
    """A reddish picture, a little transparent where a mode can be."""
    clear = Image.fromarray(np.dstack([shaded((200, 100, 50), (30, 20)), np.full((20, 30), 230, np.uint8)]))
    match mode:
        case "La" | "RGBa":
            return clear.convert(mode.upper()).convert(mode)
        case "LAB":
            return Image.merge("LAB", clear.convert("RGB").split())
        case "F":
            return Image.fromarray(np.asarray(clear.convert("L"), np.float32) / 255)
        case "I" | "I;16" | "I;16B":
            return clear.convert("L").convert("I").convert(mode)
        case "LA" | "PA" | "RGBA":
            return clear.convert("LA" if mode == "PA" else mode).convert(mode)
        case _:
            return clear.convert("RGB").convert(mode)


SEEN_AS = {
    **dict.fromkeys(["RGB", "RGBX", "CMYK", "YCbCr", "HSV", "P"], "RGB"),
    **dict.fromkeys(["L", "I", "F", "I;16", "I;16B"], "L"),
    **dict.fromkeys(["LA", "La", "PA"], "LA"),
    **dict.fromkeys(["RGBA", "RGBa"], "RGBA"),
}


@pytest.mark.parametrize("mode", SEEN_AS)
def test_a_picture_of_any_mode_asks_as_one_of_a_usual_mode(filled: Index, mode: str) -> None:
    asked = in_mode(mode)
    assert asked.mode == mode
    found, expected = filled.search(asked), filled.search(in_mode(SEEN_AS[mode]))
    assert names(found) == names(expected)
    assert [hit.similarity for hit in found] == pytest.approx([hit.similarity for hit in expected], abs=0.02)


@pytest.mark.parametrize("mode", ["1", "LAB"])
def test_a_picture_of_a_mode_with_colours_of_its_own_asks(filled: Index, mode: str) -> None:
    assert len(filled.search(in_mode(mode))) == 6


def test_a_picture_whose_file_gives_it_no_more(filled: Index, tmp_path: Path) -> None:
    path = picture(tmp_path / "q.png", RED, size=(60, 40))
    closed = Image.open(path)
    closed.close()
    with pytest.raises(UsageError, match=r"^the picture: cannot be read: .*closed"):
        filled.search(closed)
    path.write_bytes(path.read_bytes()[:-40])
    with Image.open(path) as cut, pytest.raises(CorruptMediaError, match=r"^the picture: is damaged: .*truncated"):
        filled.search(cut)


@pytest.mark.parametrize(
    ("query", "rate", "error", "words"),
    [
        (np.zeros(1000, np.float32), None, UsageError, "samples need a sample_rate_hz"),
        (np.zeros((2, 1000), np.float32), 16_000, UsageError, r"must be of shape \(n,\) or \(n, channels\)"),
        (np.zeros(1000, np.int64), 16_000, UsageError, "must be an array of float16, .*, not int64"),
        ([0.0, 1.0], 16_000, UsageError, "must be an array of .*, not list"),
        (np.zeros(1000, np.float32), 0, UsageError, "sample_rate_hz must be a whole number from 1000 to .*, not 0"),
        (np.zeros(1000, np.float32), 10**10, UsageError, "sample_rate_hz must be .*, not 10000000000$"),
        (np.zeros(1000, np.float32), 16_000.0, UsageError, "sample_rate_hz must be .*, not 16000.0$"),
        (
            np.zeros((3000, 2000), np.float32),
            16_000,
            UsageError,
            "^the sound: must be of 1 to 1024 channels, not 2000",
        ),
        (np.zeros((5, 0), np.float32), 16_000, UsageError, "^the sound: must be of 1 to 1024 channels, not 0"),
        (Image.new("RGB", (0, 5)), None, UsageError, "^the picture: must have a pixel at least, and is 0 x 5"),
        (np.zeros((4, 4, 5), np.uint8), None, UsageError, r"^the picture: must be of shape"),
        (np.zeros((0, 9, 3), np.uint8), None, UsageError, "^the picture: must have a pixel at least, and is 9 x 0"),
        (np.zeros((4, 4, 3), np.float32), None, UsageError, "must be an array of uint8, not float32"),
        (7, None, UsageError, "a query must be a name, an array or a picture of Pillow, not int"),
        ("id:1", 16_000, UsageError, "^id:1: only samples are given a sample_rate_hz"),
        (np.zeros(1000, np.float32), 16_000, NothingFoundError, "^the sound: "),
        (np.full(1000, np.nan, np.float32), 16_000, CorruptMediaError, "^the sound: holds samples that are not"),
        (np.zeros(0, np.float32), 16_000, EmptyMediaError, "^the sound: "),
    ],
)
def test_what_cannot_ask(filled: Index, query: Any, rate: int | None, error: type[ModagError], words: str) -> None:
    with pytest.raises(error, match=words):
        filled.search(query, sample_rate_hz=rate)


def test_many_queries_are_answered_in_their_order(filled: Index, media: Path) -> None:
    queries = [media / "a.wav", shaded(RED, (8, 6)), "id:1", str(media / "c.wav")]
    answers = list(filled.search_many(queries, n=2, workers=3))
    assert [query is asked for (query, _), asked in zip(answers, queries, strict=True)] == [True] * 4
    assert [hits for _, hits in answers] == [filled.search(query, n=2) for query in queries]


def test_a_query_that_fails_is_told_or_raised(filled: Index, media: Path) -> None:
    queries = ["id:99", media / "a.wav", media / "gone.wav"]
    failed: list[tuple[Any, ModagError]] = []
    answers = list(filled.search_many(queries, on_failure=lambda query, error: failed.append((query, error))))
    assert [query for query, _ in answers] == [media / "a.wav"]
    assert [query for query, _ in failed] == ["id:99", media / "gone.wav"]
    with pytest.raises(UsageError, match="id:99"):
        list(filled.search_many(queries))
