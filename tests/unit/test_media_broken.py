"""Whatever is in a file, decoding it ends in segments or in one of our errors, without a word on stdout or stderr."""

from __future__ import annotations

import ctypes
import gc
import os
import random
import re
from contextlib import suppress
from typing import TYPE_CHECKING

import pytest

from modag_search.errors import MediaError
from modag_search.media import content_hash, open_media
from modag_search.values import Segmentation
from tests.unit import broken_media
from tests.unit.broken_media import (
    picture_bytes,
    sound_bytes,
    sound_container_bytes,
    tone,
    video_bytes,
)

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from tests.unit.broken_media import (
        BrokenFile,
    )


def printed(capfd: pytest.CaptureFixture[str]) -> tuple[str, str]:
    """Return what this process has printed, libraries in C too, which keep it for a while."""
    ctypes.CDLL(None).fflush(None)
    return capfd.readouterr()


@pytest.fixture(scope="module")
def corpus(tmp_path_factory: pytest.TempPathFactory) -> list[BrokenFile]:
    return broken_media.build(tmp_path_factory.mktemp("broken"))


def test_broken_files_raise_what_they_should_and_odd_ones_decode(
    corpus: list[BrokenFile], capfd: pytest.CaptureFixture[str]
) -> None:
    wrong = []
    for broken in corpus:
        raised: MediaError | None = None
        n_segments = 0
        try:
            media = open_media(broken.path, sample_rate_hz=32_000, segmentation=Segmentation())
            n_segments = sum(1 for _ in media.segments())
        except MediaError as error:
            raised = error
        if type(raised) is not (broken.error or type(None)) or (raised is None and n_segments == 0):
            wrong.append((broken.path, broken.error, raised, n_segments))
        if raised is not None:
            assert raised.path == broken.path
            assert raised.reason
            assert len(raised.reason) < 200
    assert wrong == []
    assert printed(capfd) == ("", "")


@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("bomb.png", "megapixels"),
        ("large.png", "17920 x 9980 pixels"),
        ("rate-zero.wav", "damaged"),
        ("large.webp", "16383 x 8191 pixels (134 megapixels); the limit of WEBP is 75 megapixels"),
        ("not-a-number.wav", "not numbers"),
        ("huge-samples.wav", "samples of 1e+25, where 1 is full scale"),
        ("zero.wav", "empty (0 bytes)"),
        ("cut.flac", "of the 3.00 s that its header promises"),
        ("cut.wav", "holds only 1.50 of the 3.00 s that its header promises"),
    ],
)
def test_reasons_say_what_is_wrong(corpus: list[BrokenFile], name: str, words: str) -> None:
    path = next(broken.path for broken in corpus if os.path.basename(broken.path) == name)
    media = open_media(path, sample_rate_hz=32_000, segmentation=Segmentation())
    with pytest.raises(MediaError, match=re.escape(words)):
        list(media.segments())


def test_every_broken_file_can_be_hashed(corpus: list[BrokenFile]) -> None:
    for broken in corpus:
        assert len(content_hash(broken.path)) == 32


def test_damage_anywhere_ends_in_segments_or_in_our_errors(tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    sources = {
        **{name: sound_bytes(tone(), file_format=name.upper()) for name in ("wav", "flac", "mp3", "aiff")},
        **{name: picture_bytes(file_format=name.upper()) for name in ("png", "gif", "webp", "tiff", "bmp")},
        "jpg": picture_bytes(file_format="JPEG"),
        "m4a": sound_container_bytes(),
        "mp4": video_bytes(),
        "webm": video_bytes(file_format="webm"),
    }
    chance = random.Random(11)
    for number in range(40 * len(sources)):
        ending = list(sources)[number % len(sources)]
        path = tmp_path / f"{number}.{ending}"
        path.write_bytes(_damaged(sources[ending], chance))
        media = open_media(str(path), sample_rate_hz=16_000, segmentation=Segmentation())
        try:
            segments = list(media.segments())
        except MediaError:
            continue
        assert segments
        assert media.facts is not None
    assert printed(capfd) == ("", "")


BROKEN_TABLES = {
    "a length without an end": lambda table: b"\xff" * 6 + table[6:],
    "a length of six bytes": lambda table: b"\x80\x90\x80\x80\x80\x00" + table[6:],
    "the end within a length": lambda table: table[:-1] + b"\xa7",
}


@pytest.mark.parametrize("spoil", BROKEN_TABLES.values(), ids=BROKEN_TABLES)
def test_a_broken_table_of_packets_is_not_told_among_answers(
    tmp_path: Path, capfd: pytest.CaptureFixture[str], spoil: Callable[[bytes], bytes]
) -> None:
    data = sound_bytes(tone(), file_format="CAF", subtype="ALAC_16")
    assert decoded(tmp_path, data) == pytest.approx(3.0, abs=0.1)
    chunk = data.index(b"pakt")
    first, end = chunk + 12 + 24, chunk + 12 + int.from_bytes(data[chunk + 4 : chunk + 12], "big")
    with suppress(MediaError):
        decoded(tmp_path, data[:first] + spoil(data[first:end]) + data[end:])
    assert printed(capfd) == ("", "")


def decoded(folder: Path, data: bytes) -> float:
    """Decode a CAF, and return how long what came of it lasts, in seconds."""
    path = folder / "a.caf"
    path.write_bytes(data)
    media = open_media(str(path), sample_rate_hz=16_000, segmentation=Segmentation())
    return sum(len(segment.data) for segment in media.segments()) / 16_000


@pytest.mark.parametrize("ending", ["wav", "m4a", "mp4"])
def test_stopping_early_closes_the_file(tmp_path: Path, ending: str) -> None:
    makers = {"wav": lambda: sound_bytes(tone(60)), "m4a": sound_container_bytes, "mp4": video_bytes}
    path = tmp_path / f"a.{ending}"
    path.write_bytes(makers[ending]())
    segments = open_media(str(path), sample_rate_hz=16_000, segmentation=Segmentation()).segments()
    next(segments)
    del segments
    gc.collect()
    open_files = [os.path.realpath(f"/proc/self/fd/{name}") for name in os.listdir("/proc/self/fd")]
    assert str(path) not in open_files


def _damaged(data: bytes, chance: random.Random) -> bytes:
    """Cut the end off, or overwrite a few bytes, mostly near the start where the headers are."""
    damaged = bytearray(data)
    if chance.random() < 0.3:
        del damaged[chance.randrange(1, len(damaged)) :]
    for _ in range(chance.choice([1, 3, 20])):
        reach = min(len(damaged), chance.choice([64, 512, len(damaged)]))
        damaged[chance.randrange(reach)] = chance.randrange(256)
    return bytes(damaged)
