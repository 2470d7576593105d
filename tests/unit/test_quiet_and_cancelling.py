"""Sounds whose channels cancel, that are quiet, loud, or off centre: they are what they are at full scale."""

from __future__ import annotations

import io
from typing import TYPE_CHECKING, Any

import av
import numpy as np
import pytest
import soundfile
from hypothesis import given, settings
from hypothesis import strategies as st

from modag_search import IndexSettings
from modag_search.encoders.modag_sound import ModagSound
from modag_search.errors import CorruptMediaError
from modag_search.features.encoding import MediaEncoder
from modag_search.media import open_media, sounds
from modag_search.media.containers import SoundParts
from modag_search.media.loudness import integer_floor, loudest_channel
from modag_search.media.request import DecodeRequest
from modag_search.values import DecodedSegment, MediaFacts, Segmentation

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

RATE_HZ = 44_100  # unlike what is asked for, so that all is resampled
SEGMENTATION = Segmentation(window_s=2.0, hop_s=1.0)


def recording(seconds: float = 3.0, *, hz: float = 330.0) -> np.ndarray:
    """Return plucked strings, ``[shape=(n,), float64]``, that peak at 1."""
    time_s = np.arange(round(seconds * RATE_HZ)) / RATE_HZ
    since_pluck_s = time_s % 0.75
    partials = [np.sin(2 * np.pi * hz * k * time_s) * np.exp(-3 * k * since_pluck_s) / k for k in range(1, 12)]
    samples = np.sum(partials, axis=0)
    return np.asarray(samples / np.abs(samples).max())


def one_of_64(samples: np.ndarray) -> np.ndarray:
    channels = np.zeros((len(samples), 64))
    channels[:, 40] = samples
    return channels


def dithered(samples: np.ndarray, *, bits: int) -> np.ndarray:
    """Round to integers with triangular dither, as mastering does."""
    steps = 2.0 ** (bits - 1)
    noise = np.random.default_rng(5).uniform(-0.5, 0.5, (2, len(samples))).sum(axis=0)
    return np.asarray(np.round(samples * steps + noise) / steps)


Form = tuple["Callable[[np.ndarray], np.ndarray]", str]
FORMS: dict[str, Form] = {
    "inverted": (lambda x: 0.8 * np.stack([x, -x], axis=1), "PCM_16"),
    "nearly inverted": (lambda x: 0.8 * np.stack([x, -0.98 * x], axis=1), "PCM_16"),
    "one of 64": (lambda x: 0.8 * one_of_64(x), "PCM_16"),
    "off centre": (lambda x: 0.5 * x + 0.4, "PCM_16"),
    "quiet and off centre": (lambda x: 10 ** (-62 / 20) * x + 0.4, "PCM_24"),
    "-62 dBFS": (lambda x: dithered(10 ** (-62 / 20) * x, bits=24), "PCM_24"),
    "-60 dBFS": (lambda x: 10 ** (-60 / 20) * x, "FLOAT"),
    "peaks at 1e-6": (lambda x: 1e-6 * x, "FLOAT"),
    "peaks at 1e-12": (lambda x: 1e-12 * x, "DOUBLE"),
    "peaks at 150": (lambda x: 150 * x, "FLOAT"),
    "counts": (lambda x: 2.0**31 * x, "DOUBLE"),
}


def write(path: Path, samples: np.ndarray, *, subtype: str = "PCM_16") -> Path:
    soundfile.write(path, samples, RATE_HZ, subtype=subtype)
    return path


def decode(path: Path, *, sample_rate_hz: int = 32_000) -> tuple[list[DecodedSegment], MediaFacts]:
    """Return the windows of sound, and the facts."""
    media = open_media(str(path), sample_rate_hz=sample_rate_hz, segmentation=SEGMENTATION)
    segments = [segment for segment in media.segments() if segment.modality == "sound"]
    return segments, media.facts


def statuses(path: Path) -> list[str]:
    """Return what is told of the windows in the end."""
    segments, facts = decode(path)
    assert facts.silent_below is not None
    return ["silent" if (segment.peak or 0.0) < facts.silent_below else segment.status for segment in segments]


def normalised(samples: np.ndarray) -> np.ndarray:
    centred = samples.astype(np.float64) - samples.mean(dtype=np.float64)
    return np.asarray(centred / np.linalg.norm(centred))


@pytest.mark.parametrize("name", FORMS)
def test_a_recording_is_itself_in_any_form(tmp_path: Path, name: str) -> None:
    form, subtype = FORMS[name]
    usual, _ = decode(write(tmp_path / "usual.wav", 0.9 * recording(), subtype="FLOAT"))
    path = write(tmp_path / "form.wav", form(recording()), subtype=subtype)
    found, _ = decode(path)
    assert set(statuses(path)) == {"ok"}
    for ours, theirs in zip(found, usual, strict=True):
        assert (ours.start_s, ours.end_s) == (theirs.start_s, theirs.end_s)
        assert normalised(ours.data) @ normalised(theirs.data) > 0.999


@pytest.mark.parametrize("ending", ["m4a", "mkv", "mov", "webm", "mp4"])
def test_channels_do_not_cancel_in_what_ffmpeg_reads(tmp_path: Path, ending: str) -> None:
    path = tmp_path / f"a.{ending}"
    path.write_bytes(_container_bytes(0.8 * np.stack([recording(), -recording()]), ending=ending))
    segments, _ = decode(path)
    assert [segment.status for segment in segments] == ["ok", "ok"]
    assert segments[0].peak == pytest.approx(0.8, abs=0.08)


def test_quiet_24_bits_that_ffmpeg_reads(tmp_path: Path) -> None:
    path = tmp_path / "a.m4a"  # the name makes FFmpeg read it
    buffer = io.BytesIO()
    soundfile.write(buffer, 10 ** (-90 / 20) * recording(), RATE_HZ, subtype="PCM_24", format="WAV")
    path.write_bytes(buffer.getvalue())
    assert set(statuses(path)) == {"ok"}
    buffer = io.BytesIO()
    soundfile.write(buffer, dithered(np.zeros(3 * RATE_HZ), bits=16), RATE_HZ, subtype="PCM_16", format="WAV")
    path.write_bytes(buffer.getvalue())
    assert set(statuses(path)) == {"silent"}


@pytest.mark.parametrize(
    ("subtype", "samples"),
    [
        ("PCM_16", dithered(np.zeros(8 * RATE_HZ), bits=16)),
        ("PCM_16", dithered(np.full(8 * RATE_HZ, 0.1), bits=16)),
        ("PCM_24", dithered(np.zeros(8 * RATE_HZ), bits=24)),
        ("PCM_U8", dithered(np.zeros(8 * RATE_HZ), bits=8)),
        ("ALAW", np.zeros(RATE_HZ)),
        ("ULAW", np.zeros(RATE_HZ)),
        ("MS_ADPCM", np.zeros(RATE_HZ)),
        ("FLOAT", np.zeros(RATE_HZ)),
        ("FLOAT", np.full((RATE_HZ, 2), 0.1)),
    ],
)
@pytest.mark.parametrize("rate_hz", [32_000, RATE_HZ, 96_000])
def test_what_a_format_cannot_tell_from_nothing_is_silence(
    tmp_path: Path, subtype: str, samples: np.ndarray, rate_hz: int
) -> None:
    path = tmp_path / "a.wav"
    write(path, samples, subtype=subtype)
    assert {segment.status for segment in decode(path, sample_rate_hz=rate_hz)[0]} == {"silent"}


@pytest.mark.parametrize("ending", ["ogg", "mp3"])
def test_silence_in_lossy_formats(tmp_path: Path, ending: str) -> None:
    path = tmp_path / f"a.{ending}"
    soundfile.write(path, np.zeros((3 * RATE_HZ, 2)), RATE_HZ)
    assert set(statuses(path)) == {"silent"}
    soundfile.write(path, 10 ** (-62 / 20) * np.stack([recording(), -recording()], axis=1), RATE_HZ)
    assert set(statuses(path)) == {"ok"}


@pytest.mark.parametrize("scale", [1.0, 1e-6, 150.0])
def test_silence_between_loud_parts_is_silent(tmp_path: Path, scale: float) -> None:
    hiss = np.random.default_rng(1).uniform(-5e-4, 5e-4, round(5.4 * RATE_HZ))
    samples = np.concatenate([recording(1.8), hiss, recording(1.8)])  # resampling rings where they meet
    path = write(tmp_path / "a.wav", scale * samples, subtype="FLOAT")
    assert statuses(path) == ["ok", "ok", *["silent"] * 4, "ok", "ok"]


def test_windows_before_the_loudest_are_judged_again(tmp_path: Path) -> None:
    samples = np.concatenate([5e-4 * recording(4.1), recording(1.9)])
    path = write(tmp_path / "a.wav", samples, subtype="FLOAT")
    segments, facts = decode(path)
    assert [segment.status for segment in segments] == ["ok"] * 5
    assert statuses(path) == ["silent", "silent", "silent", "ok", "ok"]
    assert facts.silent_below == pytest.approx(1e-3, rel=0.1)


def test_encoding_takes_features_from_windows_before_the_loudest(tmp_path: Path, toys: None) -> None:
    toy_settings = IndexSettings(sound_encoder="toy-sound", image_encoder="toy-image", window_s=2.0, hop_s=1.0)
    samples = np.concatenate([5e-4 * recording(4.1), recording(1.9)])
    facts, segments = MediaEncoder(toy_settings).encode_file(str(write(tmp_path / "a.wav", samples, subtype="FLOAT")))
    assert facts.silent_below is not None
    told = [(segment.status, segment.feature is None) for segment in segments]
    assert told == [*[("silent", True)] * 3, *[("ok", False)] * 2]


def test_a_quiet_part_is_judged_by_itself(tmp_path: Path) -> None:
    path = write(tmp_path / "a.wav", np.concatenate([recording(2.0), 5e-4 * recording(4.0)]), subtype="FLOAT")
    media = open_media(str(path), sample_rate_hz=32_000, segmentation=SEGMENTATION, start_s=3.0)
    assert {segment.status for segment in media.segments()} == {"ok"}


def test_pictures_have_no_peak_and_mute_files_no_floor(tmp_path: Path) -> None:
    from PIL import Image

    path = tmp_path / "a.png"
    Image.new("RGB", (8, 8), "red").save(path)
    media = open_media(str(path), sample_rate_hz=32_000, segmentation=SEGMENTATION)
    assert [segment.peak for segment in media.segments()] == [None]
    assert media.facts.silent_below is None


def test_each_window_has_its_own_loudest_channel(tmp_path: Path) -> None:
    high, low = recording(6.0, hz=880.0), recording(6.0, hz=110.0)
    fade = np.linspace(0.0, 0.9, len(high))
    path = write(tmp_path / "a.wav", np.stack([high * fade, low * fade[::-1]], axis=1))
    segments, _ = decode(path)
    assert abs(normalised(segments[0].data) @ normalised(decode_of(tmp_path, low * fade[::-1])[0].data)) > 0.999
    assert abs(normalised(segments[-1].data) @ normalised(decode_of(tmp_path, high * fade)[-1].data)) > 0.999


def decode_of(folder: Path, samples: np.ndarray) -> list[DecodedSegment]:
    return decode(write(folder / "one.wav", samples))[0]


@settings(max_examples=25, deadline=None)
@given(
    order=st.permutations(range(4)),
    inverted=st.lists(st.booleans(), min_size=4, max_size=4),
    rate_hz=st.sampled_from([RATE_HZ, 16_000]),
    seed=st.integers(0, 1000),
)
def test_no_window_hangs_on_the_order_or_the_polarity_of_channels(
    tmp_path_factory: pytest.TempPathFactory, order: list[int], inverted: list[bool], rate_hz: int, seed: int
) -> None:
    folder = tmp_path_factory.mktemp("channels")
    generator = np.random.default_rng(seed)
    channels = generator.uniform(-1, 1, (RATE_HZ // 2, 4)) * generator.uniform(0, 1, 4)
    changed = channels[:, order] * np.where(inverted, -1, 1)
    usual, _ = decode(write(folder / "a.wav", channels, subtype="FLOAT"), sample_rate_hz=rate_hz)
    found, _ = decode(write(folder / "b.wav", changed, subtype="FLOAT"), sample_rate_hz=rate_hz)
    for ours, theirs in zip(found, usual, strict=True):
        sign = np.sign(ours.data[0] * theirs.data[0])  # an inverted channel stays one
        np.testing.assert_array_equal(sign * ours.data, theirs.data)
        assert ours.peak == theirs.peak


def test_the_first_of_equally_loud_channels_is_taken() -> None:
    wave = np.array([1, -1, 0, 0], np.float32)
    np.testing.assert_array_equal(loudest_channel(np.stack([0 * wave, wave, -wave], axis=1)), wave)


def test_one_channel_is_not_copied() -> None:
    samples = np.ones((100, 1), np.float32)
    assert np.shares_memory(loudest_channel(samples), samples)


@pytest.mark.parametrize("n_channels", [64, 1024])
def test_many_channels_take_no_more_memory_than_a_few(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, n_channels: int
) -> None:
    sizes: list[int] = []

    def measured(samples: np.ndarray) -> np.ndarray:
        sizes.append(samples.nbytes)
        return loudest_channel(samples)

    monkeypatch.setattr(sounds, "loudest_channel", measured)
    samples = np.zeros((3 * 4096 + 17, n_channels), np.int16)
    samples[:, n_channels // 3] = np.round(20_000 * recording()[: len(samples)])
    path = write(tmp_path / "a.wav", samples)
    (segment,), _ = decode(path)
    assert segment.peak == pytest.approx(20_000 / 2**15, abs=0.02)
    assert max(sizes) <= 1 << 24


def test_a_stream_that_changes_its_channels() -> None:
    wave = recording(0.1).astype(np.float32)
    parts = [("stereo", [0 * wave, wave]), ("mono", [wave]), ("5.1", [0 * wave] * 5 + [-wave])]
    frames = []
    for layout, channels in parts:
        frame = av.AudioFrame.from_ndarray(np.stack(channels), format="fltp", layout=layout)
        frame.sample_rate = RATE_HZ
        frames.append(frame)
    request = DecodeRequest(path="a.m4a", sample_rate_hz=RATE_HZ, segmentation=SEGMENTATION)
    stream = SoundParts(frames, request, is_lossless=False)
    (segment,) = sounds.sound_segments(stream, request)
    np.testing.assert_allclose(segment.data, np.concatenate([wave, wave, -wave]), atol=0.01)


def test_an_offset_does_not_crack_where_a_sound_begins_and_ends(tmp_path: Path) -> None:
    quiet = 1e-3 * recording(1.0)
    (usual,), _ = decode(write(tmp_path / "a.wav", quiet, subtype="FLOAT"))
    (offset,), _ = decode(write(tmp_path / "b.wav", quiet + 0.5, subtype="FLOAT"))
    assert offset.peak == pytest.approx(usual.peak or 0.0, rel=0.01)
    assert float(offset.data.mean()) == pytest.approx(0.5, abs=0.001)


@pytest.mark.parametrize("wrong", [(np.nan, 0.0), (np.inf, -np.inf), (3e38, -3e38), (1e25, 1e25)])
@pytest.mark.parametrize("n_channels", [1, 2, 20])
@pytest.mark.parametrize("rate_hz", [RATE_HZ, 32_000])
def test_samples_that_cannot_be_are_refused_in_any_channel(
    tmp_path: Path, wrong: tuple[float, float], n_channels: int, rate_hz: int
) -> None:
    samples = np.repeat(recording(0.5)[:, None], n_channels, axis=1)
    samples[100:102, -1] = wrong
    path = write(tmp_path / "a.wav", samples, subtype="FLOAT")
    with pytest.raises(CorruptMediaError, match=r"not numbers|damaged"):
        decode(path, sample_rate_hz=rate_hz)


def test_steps_finer_than_converters_make_are_no_sound() -> None:
    assert integer_floor(16) == 3 / 2**15
    assert integer_floor(32) == integer_floor(24)


@pytest.mark.parametrize("name", FORMS)
def test_the_packaged_encoder_takes_all_forms_for_one(tmp_path: Path, name: str) -> None:
    form, subtype = FORMS[name]
    encoder = ModagSound()

    def feature(path: Path) -> Any:
        return encoder.encode([segment.data for segment in decode(path)[0]]).astype(np.float64)

    usual = feature(write(tmp_path / "usual.wav", 0.9 * recording(), subtype="FLOAT"))
    found = feature(write(tmp_path / "form.wav", form(recording()), subtype=subtype))
    norms = np.linalg.norm(usual, axis=1) * np.linalg.norm(found, axis=1)
    assert ((usual * found).sum(axis=1) / norms).min() >= 0.98


def _container_bytes(samples: np.ndarray, *, ending: str) -> bytes:
    """Return stereo, ``[shape=(2, n)]``, with pictures where videos have them."""
    file_format, codec = {
        "m4a": ("mp4", "aac"),
        "mp4": ("mp4", "aac"),
        "mkv": ("matroska", "flac"),
        "mov": ("mov", "pcm_s24le"),
        "webm": ("webm", "libopus"),
    }[ending]
    rate_hz = 48_000  # the only one of these that Opus knows
    buffer = io.BytesIO()
    with av.open(buffer, "w", format=file_format) as container:
        stream = container.add_stream(codec, rate=rate_hz, layout="stereo")
        assert isinstance(stream, av.AudioStream)
        if ending in ("mp4", "mkv"):
            _mux_grey(container, container.add_stream("mpeg4", rate=2))
        resampler = av.AudioResampler(format=stream.codec_context.format.name, layout="stereo", rate=rate_hz)
        for start in range(0, samples.shape[1], 960):
            part = np.ascontiguousarray(samples[:, start : start + 960], np.float32)
            frame = av.AudioFrame.from_ndarray(part, format="fltp", layout="stereo")
            frame.sample_rate, frame.pts = rate_hz, start
            for ready in resampler.resample(frame):
                container.mux(stream.encode(ready))
        container.mux(stream.encode(None))
    return buffer.getvalue()


def _mux_grey(container: av.container.OutputContainer, stream: av.VideoStream) -> None:
    stream.width, stream.height, stream.pix_fmt = 32, 32, "yuv420p"
    for _ in range(4):
        pixels = np.full((32, 32, 3), 99, np.uint8)
        container.mux(stream.encode(av.VideoFrame.from_ndarray(pixels, format="rgb24")))
    container.mux(stream.encode(None))
