"""Decoding sounds: rates, channels, windows, parts, silence."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

import av
import numpy as np
import pytest
import soundfile

from modag_search.errors import CorruptMediaError, UnreadableMediaError, UnsupportedMediaError, UsageError
from modag_search.media import DECODER_REVISIONS, decoder_specification, open_media
from modag_search.media.containers import samples_of
from modag_search.media.sounds import resample
from modag_search.values import DecodedSegment, MediaFacts, Segmentation
from tests.unit.broken_media import sound_bytes, sound_container_bytes, tone

if TYPE_CHECKING:
    from pathlib import Path


def decode(
    path: Path | str,
    *,
    sample_rate_hz: int = 16_000,
    segmentation: Segmentation | None = None,
    start_s: float | None = None,
    end_s: float | None = None,
) -> tuple[list[DecodedSegment], MediaFacts]:
    media = open_media(
        str(path),
        sample_rate_hz=sample_rate_hz,
        segmentation=segmentation or Segmentation(),
        start_s=start_s,
        end_s=end_s,
    )
    return list(media.segments()), media.facts


def times(segments: list[DecodedSegment]) -> list[tuple[float | None, float | None]]:
    return [(segment.start_s, segment.end_s) for segment in segments]


def loudest_hz(segment: DecodedSegment, rate_hz: int) -> float:
    spectrum = np.abs(np.fft.rfft(segment.data))
    return float(np.argmax(spectrum) * rate_hz / len(segment.data))


@pytest.mark.parametrize(
    ("ending", "file_format", "subtype"),
    [
        ("wav", "WAV", "PCM_16"),
        ("wav", "WAV", "PCM_24"),
        ("wav", "WAV", "DOUBLE"),
        ("flac", "FLAC", None),
        ("ogg", "OGG", "VORBIS"),
        ("opus", "OGG", "OPUS"),
        ("mp3", "MP3", None),
        ("aiff", "AIFF", None),
        ("au", "AU", None),
        ("caf", "CAF", None),
        ("w64", "W64", None),
        ("rf64", "RF64", None),
    ],
)
def test_formats_of_libsndfile(tmp_path: Path, ending: str, file_format: str, subtype: str | None) -> None:
    path = tmp_path / f"tone.{ending}"
    path.write_bytes(sound_bytes(tone(rate_hz=48_000), rate_hz=48_000, file_format=file_format, subtype=subtype))
    (segment,), facts = decode(path)
    assert facts.kind == "sound"
    assert facts.duration_s == pytest.approx(3.0, abs=0.05)
    assert segment.data.dtype == np.float32
    assert loudest_hz(segment, 16_000) == pytest.approx(440, abs=1)
    assert np.std(segment.data[8000:-8000]) == pytest.approx(0.3 / np.sqrt(2), abs=0.01)


@pytest.mark.parametrize(
    ("ending", "file_format", "codec"),
    [
        ("m4a", "mp4", "aac"),
        ("aac", "adts", "aac"),
        ("mka", "matroska", "flac"),
        ("wma", "asf", "wmav2"),
        ("webm", "webm", "libopus"),
        ("mp4", "mp4", "aac"),
        ("mp2", "mp2", "mp2"),
    ],
)
def test_formats_of_ffmpeg(tmp_path: Path, ending: str, file_format: str, codec: str) -> None:
    path = tmp_path / f"tone.{ending}"
    path.write_bytes(sound_container_bytes(file_format=file_format, codec=codec))
    (segment,), facts = decode(path)
    assert facts.kind == "sound"
    assert facts.duration_s == pytest.approx(3.0, abs=0.1)
    assert loudest_hz(segment, 16_000) == pytest.approx(440, abs=1)
    assert np.std(segment.data[8000:-8000]) == pytest.approx(0.3 / np.sqrt(2), abs=0.01)


def test_a_name_that_is_not_utf8(tmp_path: Path) -> None:
    for ending, data in (("wav", sound_bytes(tone())), ("m4a", sound_container_bytes())):
        path = os.path.join(str(tmp_path), os.fsdecode(b"caf\xe9." + ending.encode()))
        with open(path, "wb") as file:
            file.write(data)
        assert len(decode(path)[0]) == 1


@pytest.mark.parametrize("ending", ["wav", "flac", "ogg", "opus", "mp3"])
def test_decoding_block_by_block_equals_decoding_the_whole(tmp_path: Path, ending: str) -> None:
    noise = np.random.default_rng(3).uniform(-0.5, 0.5, 9 * 48_000)
    path = tmp_path / f"a.{ending}"
    data = sound_bytes(
        np.convolve(noise, np.ones(8) / 8, "same"),
        rate_hz=48_000,
        file_format="OGG" if ending == "opus" else ending.upper(),
        subtype="OPUS" if ending == "opus" else None,
    )
    path.write_bytes(data)
    (segment,), _ = decode(path, sample_rate_hz=48_000)
    whole, _ = soundfile.read(path, dtype="float32")
    np.testing.assert_allclose(segment.data, whole, atol=1e-4)


def test_windows_overlap_and_the_rest_is_kept(tmp_path: Path) -> None:
    path = tmp_path / "a.wav"
    path.write_bytes(sound_bytes(tone(12.0)))
    segments, facts = decode(path)
    assert times(segments) == [(0.0, 10.0), (5.0, 12.0)]
    assert facts.duration_s == 12.0
    np.testing.assert_array_equal(segments[0].data[80_000:], segments[1].data[:80_000])


def test_windows_at_the_recorded_rate_are_the_samples_themselves(tmp_path: Path) -> None:
    samples = np.random.default_rng(1).uniform(-1, 1, 200_000).astype(np.float32)
    path = tmp_path / "a.wav"
    path.write_bytes(sound_bytes(samples, subtype="FLOAT"))
    segments, _ = decode(path, segmentation=Segmentation(window_s=3.0, hop_s=3.0))
    np.testing.assert_array_equal(np.concatenate([segment.data for segment in segments]), samples)


def test_decoding_twice_gives_the_same_samples(tmp_path: Path) -> None:
    path = tmp_path / "a.mp3"
    path.write_bytes(sound_bytes(tone(8.0, rate_hz=44_100), rate_hz=44_100, file_format="MP3"))
    first, second = (decode(path, sample_rate_hz=32_000)[0] for _ in range(2))
    np.testing.assert_array_equal(first[0].data, second[0].data)


def test_resampling_in_blocks_equals_resampling_the_whole() -> None:
    import soxr

    sound = tone(20.0, rate_hz=44_100, channels=2) * np.array([1.0, -0.5], np.float32)
    blocks = np.split(sound, range(65_536, len(sound), 65_536))
    streamed = np.concatenate(list(resample(blocks, rate_hz=44_100, sample_rate_hz=32_000)))
    whole = soxr.resample(sound, 44_100, 32_000, quality="HQ")
    np.testing.assert_allclose(streamed[100:-100], whole[100:-100], atol=1e-5)
    np.testing.assert_allclose(streamed, whole, atol=1e-3)  # what is set aside for the ends is next to nothing here


def test_one_sample_is_a_segment_at_any_rate(tmp_path: Path) -> None:
    path = tmp_path / "a.wav"
    path.write_bytes(sound_bytes(np.full(1, 0.5, np.float32), rate_hz=96_000, subtype="FLOAT"))
    (segment,), _ = decode(path, sample_rate_hz=8_000)
    assert len(segment.data) == 1


@pytest.mark.parametrize("ending", ["wav", "flac", "ogg", "mp3", "m4a"])
def test_a_part_is_cut_as_though_it_were_the_file(tmp_path: Path, ending: str) -> None:
    path = tmp_path / f"a.{ending}"
    if ending == "m4a":
        path.write_bytes(sound_container_bytes(seconds=20.0))
    else:
        path.write_bytes(sound_bytes(tone(20.0), file_format=ending.upper()))
    segments, facts = decode(path, start_s=2.5, end_s=14.5)
    assert times(segments) == [(2.5, 12.5), (7.5, 14.5)]
    assert facts.duration_s == pytest.approx(20.0, abs=0.1)
    tail, _ = decode(path, start_s=18.0)
    assert tail[-1].end_s == pytest.approx(20.0, abs=0.1)


def test_a_part_holds_the_samples_of_its_place(tmp_path: Path) -> None:
    samples = np.random.default_rng(2).uniform(-1, 1, 48_000).astype(np.float32)
    path = tmp_path / "a.wav"
    path.write_bytes(sound_bytes(samples, subtype="FLOAT"))
    (segment,), _ = decode(path, start_s=1.0, end_s=2.0)
    np.testing.assert_array_equal(segment.data, samples[16_000:32_000])


@pytest.mark.parametrize(
    ("file_format", "subtype"),
    [("WAV", "GSM610"), ("WAV", "NMS_ADPCM_16"), ("AU", "G721_32"), ("AU", "G723_24"), ("AIFF", "DWVW_16")],
)
def test_a_part_of_what_can_only_be_read_from_its_start(tmp_path: Path, file_format: str, subtype: str) -> None:
    path = tmp_path / f"a.{file_format.lower()}"
    path.write_bytes(sound_bytes(tone(3.0, rate_hz=8000), rate_hz=8000, file_format=file_format, subtype=subtype))
    (whole,), _ = decode(path, sample_rate_hz=8000)
    (part,), _ = decode(path, sample_rate_hz=8000, start_s=1.5, end_s=2.5)
    np.testing.assert_array_equal(part.data, whole.data[12_000:20_000])
    with pytest.raises(UsageError, match="lasts 3"):
        decode(path, start_s=60)


@pytest.mark.parametrize("ending", ["wav", "m4a"])
def test_a_part_outside_the_file_names_its_duration(tmp_path: Path, ending: str) -> None:
    path = tmp_path / f"a.{ending}"
    path.write_bytes(sound_bytes(tone()) if ending == "wav" else sound_container_bytes())
    with pytest.raises(UsageError, match=r"lasts 3\.0"):
        decode(path, start_s=60)


@pytest.mark.parametrize(("start_s", "end_s"), [(2.0, 2.0), (3.0, 1.0), (-1.0, 2.0), (0.0, float("nan"))])
def test_parts_that_cannot_be_meant(start_s: float, end_s: float) -> None:
    with pytest.raises(UsageError):
        open_media("a.wav", sample_rate_hz=16_000, segmentation=Segmentation(), start_s=start_s, end_s=end_s)


def test_settings_that_cannot_be_meant() -> None:
    with pytest.raises(UsageError, match="hop_s"):
        open_media("a.wav", sample_rate_hz=16_000, segmentation=Segmentation(hop_s=0.0))


def test_facts_are_known_at_the_end_only(tmp_path: Path) -> None:
    path = tmp_path / "a.wav"
    path.write_bytes(sound_bytes(tone(30.0)))
    media = open_media(str(path), sample_rate_hz=16_000, segmentation=Segmentation())
    segments = media.segments()
    next(segments)
    with pytest.raises(RuntimeError):
        _ = media.facts
    list(segments)
    assert media.facts.duration_s == 30.0


def test_a_long_sound_is_read_as_its_windows_are_asked_for(tmp_path: Path) -> None:
    path = tmp_path / "a.wav"
    samples = np.full(600 * 8_000, 0.1, np.float32)
    samples[-1] = np.nan  # at the far end, so only reading that far can find it
    soundfile.write(path, samples, 8_000, subtype="FLOAT")
    segments = open_media(str(path), sample_rate_hz=8_000, segmentation=Segmentation()).segments()
    for _ in range(100):
        next(segments)
    with pytest.raises(CorruptMediaError, match="not numbers"):
        list(segments)


def test_missing_and_foreign_files(tmp_path: Path) -> None:
    with pytest.raises(UnreadableMediaError, match="does not exist"):
        decode(tmp_path / "gone.wav")
    with pytest.raises(UnsupportedMediaError, match=r"'\.txt'"):
        decode(tmp_path / "notes.txt")
    (tmp_path / "folder.wav").mkdir()
    with pytest.raises(UnreadableMediaError, match="regular file"):
        decode(tmp_path / "folder.wav")


def test_the_specification_changes_with_what_decides_the_samples() -> None:
    usual = decoder_specification("sound", Segmentation(), 32_000)
    assert usual != decoder_specification("sound", Segmentation(), 16_000)
    assert usual != decoder_specification("sound", Segmentation(hop_s=1.0), 32_000)
    assert usual == decoder_specification("sound", Segmentation(frame_interval_s=1.0), 32_000)
    assert decoder_specification("image", Segmentation(), 1) == decoder_specification("image", Segmentation(), 2)
    assert DECODER_REVISIONS["image"] == "4"  # features of pictures outlive a change of what sounds decode to


@pytest.mark.parametrize("n_channels", [2, 6, 8, 9, 16, 64])
@pytest.mark.parametrize(("sample_format", "dtype"), [("fltp", np.float32), ("s16p", np.int16), ("s32p", np.int32)])
def test_frames_of_many_planes(n_channels: int, sample_format: str, dtype: type[np.generic]) -> None:
    expected = np.arange(1000 * n_channels).reshape(1000, n_channels) % 100
    packed = av.AudioFrame.from_ndarray(
        expected.astype(dtype).reshape(1, -1), format=sample_format.rstrip("p"), layout=f"{n_channels} channels"
    )
    packed.sample_rate = 48_000
    (planar,) = av.AudioResampler(sample_format, f"{n_channels} channels", 48_000).resample(packed)
    assert planar.format.is_planar
    full_scale = 1 if dtype is np.float32 else 2.0 ** (8 * np.dtype(dtype).itemsize - 1)
    np.testing.assert_array_equal(samples_of(planar) * full_scale, expected)


def test_a_film_of_eight_channels_is_read(tmp_path: Path) -> None:
    path = tmp_path / "a.mka"
    with av.open(str(path), "w", format="matroska") as container:
        stream = container.add_stream("libopus", rate=48_000, layout="7.1")
        for _ in range(20):
            samples = np.tile(tone(0.2, rate_hz=48_000), 8).reshape(1, -1)
            frame = av.AudioFrame.from_ndarray(samples, format="flt", layout="7.1")
            frame.sample_rate = 48_000
            container.mux(stream.encode(frame))
        container.mux(stream.encode(None))
    segments, facts = decode(path)
    assert facts.duration_s == pytest.approx(4.0, abs=0.1)
    assert segments[0].status == "ok"
