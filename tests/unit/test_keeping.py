"""Which of several copies is to be kept: the one that holds the most, and what decided is said."""

from __future__ import annotations

import os
import shutil
from typing import TYPE_CHECKING

import av
import numpy as np
import pytest
import soundfile
import soxr
from PIL import Image

from modag_search.copies.substance import read_substance
from modag_search.media import read_pixel_hash
from tests.made_media import melody, set_mtime, written

if TYPE_CHECKING:
    from pathlib import Path

    from modag_search import Index

RATE_HZ = 48_000
SECOND_NS = 1_000_000_000


@pytest.fixture
def stereo() -> np.ndarray:
    """Four seconds of notes over noise up to 24 kHz, the second channel with an own voice."""
    notes, voice = (soxr.resample(melody(seed, 4), 16_000, RATE_HZ) for seed in (1, 2))
    hiss = 0.02 * np.random.default_rng(0).standard_normal(len(notes))
    return np.asarray(np.stack([notes + hiss, 0.6 * notes + 0.2 * voice + hiss], axis=1) / 2, np.float32)


def kept(index: Index, media: Path) -> tuple[str, str]:
    """Index all media, and tell which of one group comes first, and why."""
    assert index.add([media]).failed == 0
    (group,) = index.duplicates()
    assert len(group.items) == len(list(media.iterdir()))
    return os.path.basename(group.items[0].path), group.kept_because


def as_mp3(path: Path, samples: np.ndarray, kbit_s: int = 64) -> Path:
    """Write stereo samples at 48 kHz as MP3."""
    with av.open(str(path), "w") as container:
        stream = container.add_stream("libmp3lame", rate=RATE_HZ, layout="stereo", bit_rate=1000 * kbit_s)
        frame = av.AudioFrame.from_ndarray(np.ascontiguousarray(samples.T), format="fltp", layout="stereo")
        frame.sample_rate, frame.pts = RATE_HZ, 0
        fifo = av.AudioFifo()
        fifo.write(frame)
        while part := fifo.read(1152, partial=True):
            container.mux(stream.encode(part))
        container.mux(stream.encode(None))
    return path


def decoded(path: Path) -> np.ndarray:
    return np.asarray(soundfile.read(path, dtype="float32")[0])


def at_rate(samples: np.ndarray, rate_hz: int, from_hz: int = RATE_HZ) -> np.ndarray:
    return np.asarray(soxr.resample(samples, from_hz, rate_hz))


@pytest.mark.parametrize("size", [(320, 240), (640, 480)])
def test_colour_comes_before_pixels_and_format(index: Index, media: Path, size: tuple[int, int]) -> None:
    shades = np.random.default_rng(1).integers(0, 256, (6, 8, 3), dtype=np.uint8)
    picture = Image.fromarray(shades).resize((320, 240), Image.Resampling.BICUBIC)
    picture.save(media / "original.jpg")
    picture.convert("L").resize(size, Image.Resampling.BICUBIC).save(media / "grey.png")
    assert kept(index, media) == ("original.jpg", "is in colour")


def test_a_grey_picture_saved_in_colours_is_grey(index: Index, media: Path) -> None:
    shades = np.random.default_rng(1).integers(0, 256, (6, 8, 3), dtype=np.uint8)
    picture = Image.fromarray(shades).resize((320, 240), Image.Resampling.BICUBIC)
    picture.save(media / "original.jpg")
    picture.convert("L").convert("RGB").save(media / "grey.bmp")
    assert kept(index, media) == ("original.jpg", "is in colour")


@pytest.mark.parametrize("ending", ["png", "bmp", "tif"])
def test_a_jpeg_comes_before_what_was_made_of_it(index: Index, media: Path, ending: str) -> None:
    shades = np.random.default_rng(1).integers(0, 256, (6, 8, 3), dtype=np.uint8)
    Image.fromarray(shades).resize((1600, 1200), Image.Resampling.BICUBIC).save(media / "original.jpg")
    Image.open(media / "original.jpg").save(media / f"a copy.{ending}")
    assert kept(index, media) == ("original.jpg", "was not made of a lossy copy")


def test_a_png_comes_before_a_jpeg_of_it(index: Index, media: Path) -> None:
    shades = np.random.default_rng(1).integers(0, 256, (6, 8, 3), dtype=np.uint8)
    picture = Image.fromarray(shades).resize((320, 240), Image.Resampling.BICUBIC)
    picture.save(media / "original.png")
    picture.save(media / "a copy.jpg", quality=95)
    assert kept(index, media) == ("original.png", "is lossless")


@pytest.mark.parametrize("ending", ["wav", "flac"])
@pytest.mark.parametrize("original", ["original.wav", "original.ogg"])
def test_half_the_rate_holds_less_whatever_the_format(
    index: Index, media: Path, stereo: np.ndarray, original: str, ending: str
) -> None:
    written(media / original, stereo, RATE_HZ)
    written(media / f"half.{ending}", at_rate(stereo, RATE_HZ // 2), RATE_HZ // 2)
    assert kept(index, media) == (original, "has a higher rate")


def test_what_was_brought_back_to_its_rate_holds_less(index: Index, media: Path, stereo: np.ndarray) -> None:
    written(media / "z original.ogg", stereo, RATE_HZ)
    halved = at_rate(stereo, 16_000)
    soundfile.write(media / "again.wav", at_rate(halved, RATE_HZ, 16_000), RATE_HZ, subtype="PCM_24")
    assert kept(index, media) == ("z original.ogg", "holds higher frequencies")


def test_a_higher_rate_than_the_original_adds_nothing(index: Index, media: Path, stereo: np.ndarray) -> None:
    written(media / "z original.wav", stereo, RATE_HZ)
    soundfile.write(media / "a.wav", at_rate(stereo, 96_000), 96_000, subtype="PCM_24")
    assert kept(index, media) == ("z original.wav", "is not upsampled")


def test_of_a_dull_sound_the_higher_rate_is_kept(index: Index, media: Path) -> None:
    low = np.asarray(at_rate(melody(1, 4), 4_000, 16_000))
    written(media / "z original.wav", at_rate(low, RATE_HZ, 4_000), RATE_HZ)
    written(media / "a.wav", at_rate(low, 16_000, 4_000), 16_000)
    assert kept(index, media) == ("z original.wav", "has a higher rate")


def test_what_was_an_mp3_holds_less_than_the_original(index: Index, media: Path, stereo: np.ndarray) -> None:
    written(media / "z original.wav", stereo, RATE_HZ)
    as_mp3(media / "encoded.mp3", stereo)
    soundfile.write(media / "decoded.wav", decoded(media / "encoded.mp3"), RATE_HZ, subtype="PCM_24")
    assert kept(index, media) == ("z original.wav", "holds higher frequencies")


@pytest.mark.parametrize("kbit_s", [64, 320])
@pytest.mark.parametrize("ending", ["wav", "flac"])
def test_an_mp3_comes_before_what_was_made_of_it(
    index: Index, media: Path, stereo: np.ndarray, kbit_s: int, ending: str
) -> None:
    as_mp3(media / "original.mp3", stereo, kbit_s)
    written(media / f"decoded.{ending}", decoded(media / "original.mp3"), RATE_HZ)
    assert kept(index, media) == ("original.mp3", "was not made of a lossy copy")


@pytest.mark.parametrize("name", ["encoded.mp3", "encoded.ogg"])
@pytest.mark.parametrize("level", [1, 0.01])
def test_an_original_comes_before_the_best_lossy_copy(
    index: Index, media: Path, stereo: np.ndarray, name: str, level: float
) -> None:
    dull = level * at_rate(at_rate(stereo, 24_000), RATE_HZ, 24_000)
    written(media / "z original.flac", dull, RATE_HZ)
    if name.endswith("mp3"):
        as_mp3(media / name, dull, 320)
    else:
        written(media / name, dull, RATE_HZ)
    assert kept(index, media) == ("z original.flac", "is lossless")


@pytest.mark.parametrize("channels", [1, 2])
def test_stereo_comes_before_mono_even_where_that_has_two_channels(
    index: Index, media: Path, stereo: np.ndarray, channels: int
) -> None:
    written(media / "z original.ogg", stereo, RATE_HZ)
    written(media / "mono.wav", np.repeat(stereo[:, :1], channels, axis=1), RATE_HZ)
    assert kept(index, media) == ("z original.ogg", "has more channels")


def test_the_whole_comes_before_what_lacks_its_end(index: Index, media: Path, stereo: np.ndarray) -> None:
    stereo[-RATE_HZ // 5 :] *= 0.05
    written(media / "z original.ogg", stereo, RATE_HZ)
    written(media / "trimmed.wav", stereo[: -RATE_HZ // 5], RATE_HZ)
    assert kept(index, media) == ("z original.ogg", "lasts longer")


def test_silence_behind_a_sound_makes_it_no_longer(index: Index, media: Path, stereo: np.ndarray) -> None:
    written(media / "original.wav", stereo, RATE_HZ)
    written(media / "longer.ogg", np.concatenate([stereo, np.zeros((RATE_HZ // 4, 2), np.float32)]), RATE_HZ)
    assert kept(index, media) == ("original.wav", "holds higher frequencies")


def test_bits_count_as_far_as_they_are_used(index: Index, media: Path, stereo: np.ndarray) -> None:
    soundfile.write(media / "fine.flac", stereo, RATE_HZ, subtype="PCM_24")
    written(media / "coarse.wav", stereo, RATE_HZ)
    padded = decoded(media / "coarse.wav")
    soundfile.write(media / "padded.wav", padded, RATE_HZ, subtype="PCM_24")
    assert kept(index, media) == ("fine.flac", "has more bits")
    found = [read_substance(str(media / name), duration_s=4) for name in ("coarse.wav", "padded.wav", "fine.flac")]
    assert [one and one.bits for one in found] == [16, 16, 24]


def test_of_equals_the_older_is_kept(index: Index, media: Path, stereo: np.ndarray) -> None:
    for age, name in enumerate(("b.wav", "a.wav", "c.flac")):
        written(media / name, stereo, RATE_HZ)
        set_mtime(media / name, (1_000_000 + 100 * age) * SECOND_NS)
    assert kept(index, media) == ("b.wav", "is older")


def test_all_that_decided_is_said(index: Index, media: Path, stereo: np.ndarray) -> None:
    written(media / "original.wav", stereo, RATE_HZ)
    shutil.copy(media / "original.wav", media / "same.wav")
    written(media / "encoded.ogg", stereo, RATE_HZ)
    written(media / "mono.wav", stereo[:, 0], RATE_HZ)
    written(media / "half.wav", at_rate(stereo, RATE_HZ // 2), RATE_HZ // 2)
    reasons = "has a higher rate, has more channels, holds higher frequencies, its path comes first"
    assert kept(index, media) == ("original.wav", reasons)


def test_labels_given_by_hand_come_before_all(index: Index, media: Path, stereo: np.ndarray) -> None:
    written(media / "original.wav", stereo, RATE_HZ)
    written(media / "half.wav", at_rate(stereo[:, 0], RATE_HZ // 2), RATE_HZ // 2)
    index.add([media])
    index.label([media / "half.wav"], "melody")
    assert kept(index, media) == ("half.wav", "has labels")


def test_a_longer_video_and_one_in_colour_come_first(index: Index, media: Path) -> None:
    shades = np.random.default_rng(1).integers(0, 256, (6, 8, 3), dtype=np.uint8)
    picture = Image.fromarray(shades).resize((160, 120), Image.Resampling.BICUBIC)
    for name, shown in (("colour.mp4", picture), ("a grey.mp4", picture.convert("L").convert("RGB"))):
        with av.open(str(media / name), "w") as container:
            stream = container.add_stream("mpeg4", rate=10)
            stream.width, stream.height, stream.pix_fmt, stream.bit_rate = 160, 120, "yuv420p", 800_000
            for _ in range(40):
                container.mux(stream.encode(av.VideoFrame.from_ndarray(np.asarray(shown), format="rgb24")))
            container.mux(stream.encode(None))
    assert kept(index, media) == ("colour.mp4", "is in colour")


@pytest.mark.filterwarnings("error")
def test_what_sounds_where_nothing_is_looked_at_is_compared_by_what_is_known(index: Index, media: Path) -> None:
    samples = np.zeros(400 * 16_000, np.float32)
    samples[12 * 16_000 : 14 * 16_000] = 0.1 * np.random.default_rng(0).standard_normal(32_000)
    for name in ("a.wav", "b.flac"):
        written(media / name, samples, 16_000)
        set_mtime(media / name, 1_000_000 * SECOND_NS)
    assert read_substance(str(media / "a.wav"), duration_s=400) is None
    assert kept(index, media) == ("a.wav", "is the larger file")


def test_what_gathered_the_others_is_confirmed_as_these_are(index: Index, media: Path) -> None:
    shades = np.random.default_rng(1).integers(0, 256, (6, 8, 3), dtype=np.uint8)
    picture = Image.fromarray(shades).resize((320, 240), Image.Resampling.BICUBIC)
    picture.save(media / "original.jpg")
    picture.convert("L").save(media / "grey.png")
    index.add([media])
    (group,) = index.duplicates()
    assert {os.path.basename(one.path): one.confirmed_by for one in group.items} == {
        "original.jpg": None,
        "grey.png": "pixels",
    }


@pytest.mark.parametrize("happens", ["gone", "changed"])
def test_what_is_still_there_is_kept(index: Index, media: Path, happens: str) -> None:
    shades = np.random.default_rng(1).integers(0, 256, (6, 8, 3), dtype=np.uint8)
    Image.fromarray(shades).resize((320, 240), Image.Resampling.BICUBIC).save(media / "a.png")
    for name in ("b.png", "c.png"):
        shutil.copy(media / "a.png", media / name)
    index.add([media])
    if happens == "gone":
        (media / "a.png").unlink()
    else:
        (media / "a.png").write_bytes(b"something else")
    (group,) = index.duplicates()
    assert (os.path.basename(group.items[0].path), group.kept_because) == (
        "b.png",
        "is still there, its path comes first",
    )


def test_pictures_are_decoded_once_however_many_copies_there_are(
    index: Index, media: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    shades = np.random.default_rng(1).integers(0, 256, (6, 8, 3), dtype=np.uint8)
    picture = Image.fromarray(shades).resize((320, 240), Image.Resampling.BICUBIC)
    for number in range(3):
        picture.save(media / f"{number}.jpg", quality=90 + number)
        picture.save(media / f"{number}.png", compress_level=number)
    read: list[str] = []

    def counted(path: str) -> np.ndarray:
        read.append(path)
        return read_pixel_hash(path)

    monkeypatch.setattr("modag_search.copies.pixels.read_pixel_hash", counted)
    assert kept(index, media)[0].endswith(".png")
    assert sorted(read) == sorted({*read})
    assert len(read) == 6


def test_what_begins_late_is_compared_by_what_is_known(index: Index, media: Path, stereo: np.ndarray) -> None:
    samples = np.rint(30_000 * stereo.T.ravel(order="F")).astype(np.int16)[None]
    for name, codec in (("a.mka", "pcm_s16le"), ("b.mka", "libopus")):
        with av.open(str(media / name), "w") as container:
            stream = container.add_stream(codec, rate=RATE_HZ, layout="stereo")
            assert isinstance(stream, av.AudioStream)
            frame = av.AudioFrame.from_ndarray(samples, format="s16", layout="stereo")
            frame.sample_rate, frame.pts = RATE_HZ, 0
            fifo = av.AudioFifo()
            fifo.write(frame)
            while part := fifo.read(960, partial=True):
                part.pts = (part.pts or 0) + 12 * RATE_HZ
                container.mux(stream.encode(part))
            container.mux(stream.encode(None))
    assert kept(index, media)[0] == "a.mka"


def test_answers_show_of_the_same_pixels_what_is_kept(index: Index, media: Path, tmp_path: Path) -> None:
    shades = np.random.default_rng(1).integers(0, 256, (6, 8, 3), dtype=np.uint8)
    Image.fromarray(shades).resize((320, 240), Image.Resampling.BICUBIC).save(media / "original.jpg")
    Image.open(media / "original.jpg").save(media / "a copy.png")
    index.add([media])
    (hit,) = index.search(str(shutil.copy(media / "a copy.png", tmp_path / "asked.png")), n=5)
    assert (os.path.basename(hit.path), [os.path.basename(one) for one in hit.copies]) == (
        "original.jpg",
        ["a copy.png"],
    )
