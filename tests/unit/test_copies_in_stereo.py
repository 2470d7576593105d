"""Copies of sounds of several channels: each that is heard must be the same; of mono, stereo may be the original."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import pytest
import soundfile
import soxr

from tests.made_media import RATE_HZ, behind_silence, cut, melody, written
from tests.unit.test_keeping import as_mp3

if TYPE_CHECKING:
    from modag_search import Index


def stereo(right: np.ndarray, level: float = 0.3, *, seconds: float = 6) -> np.ndarray:
    """Let another sound be heard at a level in the second channel."""
    return np.stack([melody(1, seconds), level * right], axis=1)


def groups(index: Index, media: Path) -> list[set[str]]:
    assert index.add([media]).failed == 0
    return [{Path(one.path).name for one in group.items} for group in index.duplicates()]


@pytest.mark.parametrize("level", [0.9, 0.3, 0.1])
@pytest.mark.parametrize("ending", ["wav", "ogg"])
def test_sounds_that_differ_in_the_quieter_channel_are_two(
    index: Index, media: Path, level: float, ending: str
) -> None:
    written(media / "one.wav", stereo(melody(2, 6), level))
    written(media / f"other.{ending}", stereo(melody(3, 6), level))
    assert groups(index, media) == []


def test_one_voice_more_in_the_quieter_channel_makes_two_sounds(index: Index, media: Path) -> None:
    voice = np.zeros(6 * RATE_HZ, np.float32)
    voice[3 * RATE_HZ : 4 * RATE_HZ] = melody(4, 1)
    written(media / "one.wav", stereo(melody(2, 6)))
    written(media / "other.wav", stereo(melody(2, 6) + voice))
    assert groups(index, media) == []


def test_parts_must_be_the_same_in_all_channels(index: Index, media: Path) -> None:
    whole = stereo(melody(2, 12), seconds=12)
    other = whole.copy()
    other[:, 1] = 0.3 * melody(3, 12)
    written(media / "whole.wav", whole)
    written(media / "part.flac", cut(whole, 2, 9))
    written(media / "part of another.flac", cut(other, 2, 9))
    assert groups(index, media) == [{"whole.wav", "part.flac"}]


@pytest.mark.parametrize("level", [0.7, 0.3, 0.05])
def test_copies_of_stereo_are_found_whatever_was_done_to_them(index: Index, media: Path, level: float) -> None:
    original = stereo(melody(2, 6), level)
    wide = np.asarray(soxr.resample(original, RATE_HZ, 48_000))
    written(media / "original.wav", original)
    written(media / "encoded.ogg", original)
    as_mp3(media / "encoded.mp3", wide, kbit_s=64)
    written(media / "softer.flac", -original / 20)
    written(media / "higher.wav", wide, 48_000)
    written(media / "swapped.wav", original[:, ::-1])
    written(media / "quieter right.wav", original * [1, 0.5])
    written(media / "right upside down.wav", original * [1, -1])
    written(media / "late.wav", np.stack([behind_silence(channel) for channel in original.T], axis=1))
    assert groups(index, media) == [{path.name for path in media.iterdir()}]


@pytest.mark.parametrize("channels", [1, 2])
def test_mono_is_a_copy_of_stereo(index: Index, media: Path, channels: int) -> None:
    original = stereo(melody(2, 6))
    written(media / "stereo.wav", original)
    written(media / "left.wav", np.repeat(original[:, :1], channels, axis=1))
    written(media / "left alone.wav", original * [1, 0])
    assert groups(index, media) == [{"stereo.wav", "left.wav", "left alone.wav"}]


def test_what_is_hardly_heard_beside_the_loudest_channel_does_not_count(index: Index, media: Path) -> None:
    written(media / "one.wav", stereo(melody(2, 6), 0.01))
    written(media / "other.wav", stereo(melody(3, 6), 0.01))
    assert groups(index, media) == [{"one.wav", "other.wav"}]


def test_more_channels_than_two_are_compared_in_their_order(index: Index, media: Path) -> None:
    three = np.stack([melody(1, 6), 0.4 * melody(2, 6), 0.3 * melody(3, 6)], axis=1)
    written(media / "three.wav", three)
    written(media / "copy.flac", three / 2)
    written(media / "other.wav", np.concatenate([three[:, :2], 0.3 * melody(4, 6)[:, None]], axis=1))
    assert groups(index, media) == [{"three.wav", "copy.flac"}]


def test_names_do_not_pass_to_what_is_heard_otherwise(index: Index, media: Path) -> None:
    written(media / "one.wav", stereo(melody(2, 6)))
    soundfile.write(media / "other.ogg", stereo(melody(3, 6)), RATE_HZ)
    soundfile.write(media / "copy.ogg", stereo(melody(2, 6)), RATE_HZ)
    index.add([media])
    index.label([media / "one.wav"], "duet")
    copies = {
        Path(answer.path).name: answer.copy_of for answer in index.classify([media / "other.ogg", media / "copy.ogg"])
    }
    assert copies["other.ogg"] is None
    assert copies["copy.ogg"] is not None


def test_mono_brings_no_sounds_together_that_differ_in_what_it_lacks(index: Index, media: Path) -> None:
    for name, seed, level in (("a", 7, 1), ("a quieter", 7, 0.5), ("b", 8, 1), ("b quieter", 8, 0.5)):
        written(media / f"{name}.ogg", level * stereo(melody(seed, 6)))
    written(media / "mono.wav", melody(1, 6))
    found = [sorted(names - {"mono.wav"}) for names in groups(index, media)]
    assert sorted(found) == [["a quieter.ogg", "a.ogg"], ["b quieter.ogg", "b.ogg"]]
