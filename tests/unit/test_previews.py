"""What people see and hear of an item."""

from __future__ import annotations

import io
from typing import TYPE_CHECKING

import numpy as np
import pytest
import soundfile
from PIL import Image

from modag_search import previews
from modag_search.errors import CorruptMediaError, EmptyMediaError, UsageError
from tests.made_media import RATE_HZ, RED, picture, sound, tone, video

if TYPE_CHECKING:
    from pathlib import Path


def pixels(written: bytes) -> np.ndarray:
    return np.asarray(Image.open(io.BytesIO(written)).convert("RGB")).astype(int)


def test_a_picture_is_made_as_small_as_asked_for_and_keeps_its_shape(tmp_path: Path) -> None:
    large = picture(tmp_path / "large.png", RED, size=(600, 300))
    shown = pixels(previews.thumbnail(str(large), kind="image", longer_side_px=160))
    assert shown.shape == (80, 160, 3)
    assert np.abs(shown[40, 80] - pixels(large.read_bytes())[150, 300]).max() < 12


def test_a_small_picture_is_not_made_larger(tmp_path: Path) -> None:
    small = picture(tmp_path / "small.png", RED, size=(8, 6))
    assert pixels(previews.thumbnail(str(small), kind="image")).shape == (6, 8, 3)


def test_a_photograph_taken_sideways_stands_upright(tmp_path: Path) -> None:
    path = tmp_path / "sideways.jpg"
    exif = Image.Exif()
    exif[0x0112] = 6  # orientation: a quarter to the right
    Image.new("RGB", (64, 32), RED).save(path, exif=exif)
    assert pixels(previews.thumbnail(str(path), kind="image")).shape == (64, 32, 3)


def test_a_frame_of_a_video_is_taken_from_where_it_was_asked_for(tmp_path: Path) -> None:
    path = str(video(tmp_path / "v.mp4"))
    first, later = (pixels(previews.thumbnail(path, kind="video", at_s=at_s)) for at_s in (0.0, 1.5))
    assert first.shape == later.shape
    assert np.abs(first.mean(axis=(0, 1)) - later.mean(axis=(0, 1))).max() > 20


def test_a_sound_has_no_picture(tmp_path: Path) -> None:
    with pytest.raises(EmptyMediaError, match="no picture"):
        previews.thumbnail(str(sound(tmp_path / "s.wav", (440, 1))), kind="video")


def test_what_is_damaged_is_said_to_be(tmp_path: Path) -> None:
    path = tmp_path / "bad.png"
    path.write_bytes(b"\x89PNG\r\n\x1a\n" + bytes(40))
    with pytest.raises(CorruptMediaError, match=r"bad\.png"):
        previews.thumbnail(str(path), kind="image")


@pytest.mark.parametrize("seconds", [0.004, 0.4, 25.0])
def test_a_waveform_rises_where_the_sound_is_loud_and_knows_how_long_it_is(tmp_path: Path, seconds: float) -> None:
    rate = 16_000
    n = round(seconds * rate)
    samples = np.concatenate([0.1 * np.sin(np.arange(n // 2)), 0.5 * np.sin(np.arange(n - n // 2))])
    soundfile.write(tmp_path / "s.wav", samples, rate)
    drawn = previews.waveform(str(tmp_path / "s.wav"), columns=64)
    assert 1 <= len(drawn.peaks) <= 64
    assert drawn.duration_s == pytest.approx(seconds, abs=0.003)
    assert drawn.peaks.max() == pytest.approx(1.0)
    if len(drawn.peaks) > 4:
        assert drawn.peaks[1] == pytest.approx(0.2, abs=0.03)


def test_the_waveform_of_silence_is_flat(tmp_path: Path) -> None:
    soundfile.write(tmp_path / "s.wav", np.zeros(8000), 8000)
    assert previews.waveform(str(tmp_path / "s.wav")).peaks.max() == 0


def test_a_high_tone_lies_above_a_low_one_in_a_spectrogram(tmp_path: Path) -> None:
    rate = 16_000
    low, high = (0.3 * np.sin(2 * np.pi * hz * np.arange(2 * rate) / rate) for hz in (200, 4000))
    soundfile.write(tmp_path / "s.wav", np.concatenate([low, high]), rate)
    shown = pixels(previews.spectrogram(str(tmp_path / "s.wav"), duration_s=4.0, columns=100)).sum(axis=2)
    quarter = shown.shape[1] // 4
    brightest = [int(shown[:, column].argmax()) for column in (quarter, 3 * quarter)]
    assert brightest[0] > shown.shape[0] / 2 > brightest[1], "rows count from the top"
    assert shown.shape[1] <= 100


def test_silence_is_dark_in_a_spectrogram(tmp_path: Path) -> None:
    soundfile.write(tmp_path / "s.wav", np.zeros(16_000), 16_000)
    assert pixels(previews.spectrogram(str(tmp_path / "s.wav"))).max() < 40


def test_an_excerpt_is_the_part_asked_for_in_a_format_that_every_browser_plays(tmp_path: Path) -> None:
    soundfile.write(tmp_path / "s.aiff", np.concatenate([tone(440, 2.0), np.zeros_like(tone(440, 2.0))]), RATE_HZ)
    written = previews.excerpt(str(tmp_path / "s.aiff"), start_s=1.5, end_s=3.0)
    samples, rate = soundfile.read(io.BytesIO(written))
    assert len(samples) / rate == pytest.approx(1.5, abs=0.01)
    heard = np.abs(samples[: rate // 4]).max()
    assert heard > 10 * np.abs(samples[-rate // 4 :]).max()


def test_an_excerpt_of_a_long_sound_ends_after_two_minutes(tmp_path: Path) -> None:
    soundfile.write(tmp_path / "s.wav", np.full(150 * 4000, 0.1), 4000)
    samples, rate = soundfile.read(io.BytesIO(previews.excerpt(str(tmp_path / "s.wav"))))
    assert len(samples) / rate == pytest.approx(120, abs=0.1)


def test_a_picture_cannot_be_heard(tmp_path: Path) -> None:
    path = str(picture(tmp_path / "p.png", RED))
    for draw in (previews.waveform, previews.spectrogram):
        with pytest.raises(EmptyMediaError, match="no sound"):
            draw(path)
    with pytest.raises(UsageError, match="no duration"):
        previews.excerpt(path)


def test_a_clip_is_what_is_heard_there_and_how_it_looks(tmp_path: Path) -> None:
    path = str(sound(tmp_path / "s.wav", (440, 2), (3000, 4)))
    clip = previews.clip(path, start_s=3.0, most_s=2.0, columns=100, rows=40)
    samples, rate_hz = soundfile.read(io.BytesIO(clip.sound))
    spectrum = np.abs(np.fft.rfft(samples))
    assert clip.start_s == 3.0
    assert clip.end_s == pytest.approx(5.0, abs=0.05)
    assert len(samples) / rate_hz == pytest.approx(2.0, abs=0.15)  # MP3 pads both ends
    assert spectrum.argmax() / len(samples) * rate_hz == pytest.approx(3000, rel=0.02)
    assert pixels(clip.spectrogram).shape[1] <= 100
    assert len(clip.peaks) <= 100


def test_a_clip_ends_with_its_sound(tmp_path: Path) -> None:
    path = str(sound(tmp_path / "s.wav", (440, 2)))
    assert previews.clip(path).end_s == pytest.approx(2.0, abs=0.05)
    with pytest.raises(UsageError, match="lies outside the file"):
        previews.clip(path, start_s=5.0)
