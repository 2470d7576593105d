"""Decoding videos: frames at their times, windows of sound, rotation, damage."""

from __future__ import annotations

import io
import struct
from typing import TYPE_CHECKING

import av
import numpy as np
import pytest
from PIL import Image

from modag_search.errors import OversizedMediaError, UsageError
from modag_search.media import containers, open_media, video_streams
from modag_search.values import DecodedSegment, MediaFacts, Segmentation
from tests.unit.broken_media import sound_container_bytes, video_bytes

if TYPE_CHECKING:
    from pathlib import Path


def decode(
    path: Path, *, interval_s: float = 1.0, start_s: float | None = None, end_s: float | None = None
) -> tuple[list[DecodedSegment], list[DecodedSegment], MediaFacts]:
    """Return frames, windows and facts."""
    media = open_media(
        str(path),
        sample_rate_hz=16_000,
        segmentation=Segmentation(frame_interval_s=interval_s),
        start_s=start_s,
        end_s=end_s,
    )
    segments = list(media.segments())
    frames = [segment for segment in segments if segment.modality == "image"]
    windows = [segment for segment in segments if segment.modality == "sound"]
    return frames, windows, media.facts


def brightness(frames: list[DecodedSegment]) -> list[float]:
    return [float(frame.data.mean()) for frame in frames]


@pytest.mark.parametrize(
    ("ending", "file_format"), [("mp4", "mp4"), ("mkv", "matroska"), ("webm", "webm"), ("avi", "avi")]
)
def test_frames_and_windows(tmp_path: Path, ending: str, file_format: str) -> None:
    path = tmp_path / f"a.{ending}"
    path.write_bytes(video_bytes(seconds=4.0, file_format=file_format))
    frames, windows, facts = decode(path)
    assert facts.kind == "video"
    assert (facts.width_px, facts.height_px) == (64, 48)
    assert facts.duration_s == pytest.approx(4.0, abs=0.1)
    frames = frames[:4]  # FFmpeg fills the end of an AVI with a fifth
    assert [frame.start_s for frame in frames] == pytest.approx([0.0, 1.0, 2.0, 3.0], abs=0.01)
    assert [frame.end_s for frame in frames] == pytest.approx([1.0, 2.0, 3.0, 4.0], abs=0.1)
    assert np.diff(brightness(frames)) == pytest.approx([50, 50, 50], abs=5)
    assert [window.start_s for window in windows] == [0.0]
    assert windows[0].end_s == pytest.approx(4.0, abs=0.1)
    assert np.std(windows[0].data[8000:-8000]) == pytest.approx(0.3 / np.sqrt(2), abs=0.01)


def test_a_part_of_a_video(tmp_path: Path) -> None:
    path = tmp_path / "a.mp4"
    path.write_bytes(video_bytes(seconds=4.0))
    frames, windows, facts = decode(path, start_s=1.5, end_s=3.0)
    assert [frame.start_s for frame in frames] == pytest.approx([1.5, 2.5])
    assert frames[-1].end_s == pytest.approx(3.0)
    assert [(window.start_s, window.end_s) for window in windows] == [(1.5, 3.0)]
    assert facts.duration_s == pytest.approx(4.0, abs=0.1)


def test_a_part_far_into_a_video_is_the_same_as_seen_from_its_start(tmp_path: Path) -> None:
    path = tmp_path / "a.mp4"
    path.write_bytes(video_bytes(seconds=40.0, with_sound=False))
    whole, _, _ = decode(path)
    part, _, _ = decode(path, start_s=30.0, end_s=33.0)
    assert [frame.start_s for frame in part] == pytest.approx([30.0, 31.0, 32.0])
    for ours, theirs in zip(part, whole[30:33], strict=True):
        np.testing.assert_array_equal(ours.data, theirs.data)


def test_a_part_between_two_frames_is_the_one_on_screen(tmp_path: Path) -> None:
    path = tmp_path / "a.mp4"
    path.write_bytes(video_bytes(seconds=2.0))
    (frame,), _, _ = decode(path, start_s=1.02, end_s=1.05)
    assert frame.start_s == pytest.approx(1.0)


def test_a_part_outside_a_video(tmp_path: Path) -> None:
    path = tmp_path / "a.mp4"
    path.write_bytes(video_bytes())
    with pytest.raises(UsageError, match=r"lasts 2\."):
        decode(path, start_s=9.0)


def test_a_mute_video_has_frames_alone(tmp_path: Path) -> None:
    path = tmp_path / "a.mp4"
    path.write_bytes(video_bytes(with_sound=False))
    frames, windows, _ = decode(path)
    assert (len(frames), windows) == (2, [])


def test_a_video_file_with_sound_alone_is_a_sound(tmp_path: Path) -> None:
    path = tmp_path / "a.mp4"
    path.write_bytes(sound_container_bytes())
    frames, windows, facts = decode(path)
    assert (facts.kind, facts.width_px, frames, len(windows)) == ("sound", None, [], 1)


@pytest.mark.parametrize(
    ("matrix", "turns"),
    [
        ((1, 0, 0, 1), 0),
        ((0, 1, -1, 0), -1),  # a phone held upright: shown turned clockwise
        ((-1, 0, 0, -1), 2),
        ((0, -1, 1, 0), 1),
    ],
)
def test_rotation_is_applied(tmp_path: Path, matrix: tuple[int, int, int, int], turns: int) -> None:
    pixels = np.full((48, 64, 3), 30, np.uint8)
    pixels[:16, :16] = 240  # top left corner
    data = bytearray(_still_video(pixels))
    a, b, c, d = (value * 65_536 for value in matrix)
    place = data.index(b"tkhd") + 4 + 40
    data[place : place + 36] = struct.pack(">9i", a, b, 0, c, d, 0, 0, 0, 0x40000000)
    path = tmp_path / "a.mp4"
    path.write_bytes(bytes(data))
    frames, _, facts = decode(path)
    expected = np.rot90(pixels, turns)
    assert frames[0].data.shape == expected.shape
    assert (facts.width_px, facts.height_px) == (expected.shape[1], expected.shape[0])
    np.testing.assert_allclose(frames[0].data[::47, ::47].mean(axis=2), expected[::47, ::47].mean(axis=2), atol=20)


def test_large_frames_are_reduced_as_pictures_are(tmp_path: Path) -> None:
    path = tmp_path / "a.mp4"
    path.write_bytes(_still_video(np.full((768, 1366, 3), 99, np.uint8)))
    frames, _, facts = decode(path)
    assert frames[0].data.shape == (384, 683, 3)
    assert (facts.width_px, facts.height_px) == (1366, 768)


@pytest.mark.parametrize("file_format", ["mp4", "avi", "webm"])
def test_videos_of_too_large_frames_are_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, file_format: str
) -> None:
    for module in (containers, video_streams):
        monkeypatch.setattr(module, "FRAME_PIXEL_LIMIT", 3_000)
    path = tmp_path / f"a.{file_format}"
    path.write_bytes(video_bytes(file_format=file_format))
    with pytest.raises(OversizedMediaError, match=r"is 64 x 48 pixels|above the limit"):
        decode(path)


def test_a_stream_that_changes_its_size(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "a.mpg"
    path.write_bytes(_elementary_stream(64, 48) + _elementary_stream(128, 96))
    sizes = [frame.data.shape[:2] for frame in decode(path, interval_s=0.2)[0]]
    assert set(sizes) == {(48, 64), (96, 128)}
    monkeypatch.setattr(containers, "FRAME_PIXEL_LIMIT", 5_000)
    frames, _, facts = decode(path, interval_s=0.2)
    assert {frame.data.shape for frame in frames} == {(48, 64, 3)}
    assert (facts.width_px, facts.height_px) == (64, 48)


def test_black_frames_are_told(tmp_path: Path) -> None:
    path = tmp_path / "a.mp4"
    path.write_bytes(_still_video(np.zeros((48, 64, 3), np.uint8)))
    assert decode(path)[0][0].status == "black"


def test_damage_in_the_middle_leaves_the_rest(tmp_path: Path) -> None:
    data = bytearray(video_bytes(seconds=6.0))
    middle = len(data) // 2
    data[middle : middle + 400] = bytes(400)
    path = tmp_path / "a.mp4"
    path.write_bytes(bytes(data))
    frames, _, facts = decode(path)
    assert facts.kind == "video"
    assert len(frames) >= 3


def test_cover_art_does_not_make_a_sound_a_video(tmp_path: Path) -> None:
    cover = io.BytesIO()
    Image.new("RGB", (32, 32), "red").save(cover, format="JPEG")
    art = cover.getvalue()
    frame = b"APIC" + struct.pack(">I", len(art) + 14) + b"\x00\x00" + b"\x00image/jpeg\x00\x03\x00" + art
    size = len(frame)
    tag = b"ID3\x03\x00\x00" + bytes((size >> shift) & 0x7F for shift in (21, 14, 7, 0)) + frame
    for name in ("a.mp3", "b.mp2"):
        path = tmp_path / name
        path.write_bytes(tag + sound_container_bytes(file_format="mp3", codec="libmp3lame"))
        frames, windows, facts = decode(path)
        assert (facts.kind, frames, len(windows)) == ("sound", [], 1)


def _still_video(pixels: np.ndarray) -> bytes:
    buffer = io.BytesIO()
    with av.open(buffer, "w", format="mp4") as container:
        stream = container.add_stream("mpeg4", rate=10)
        stream.height, stream.width, stream.pix_fmt = *pixels.shape[:2], "yuv420p"
        stream.bit_rate = 2_000_000
        for _ in range(5):
            container.mux(stream.encode(av.VideoFrame.from_ndarray(pixels, format="rgb24")))
        container.mux(stream.encode(None))
    return buffer.getvalue()


def _elementary_stream(width: int, height: int) -> bytes:
    buffer = io.BytesIO()
    with av.open(buffer, "w", format="mpeg2video") as container:
        stream = container.add_stream("mpeg2video", rate=25)
        stream.width, stream.height, stream.pix_fmt = width, height, "yuv420p"
        pixels = np.full((height, width, 3), 99, np.uint8)
        for _ in range(30):
            container.mux(stream.encode(av.VideoFrame.from_ndarray(pixels, format="rgb24")))
        container.mux(stream.encode(None))
    return buffer.getvalue()
