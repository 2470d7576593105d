"""Times: both sound and pictures are where a player shows them, counted from the container's start."""

from __future__ import annotations

import struct
from typing import TYPE_CHECKING

import av
import numpy as np
import pytest

from modag_search.errors import CorruptMediaError, UsageError
from modag_search.media import open_media
from modag_search.values import DecodedSegment, MediaFacts, Segmentation
from tests.unit.broken_media import sound_bytes, sound_container_bytes, tone
from tests.unit.timed_media import grey_at, hz_at, timed_video

if TYPE_CHECKING:
    from pathlib import Path

RATE_HZ = 16_000
ENDINGS = {
    "mp4": "mp4",
    "mov": "mov",
    "matroska": "mkv",
    "webm": "webm",
    "mpegts": "m2ts",
    "mpeg": "mpg",
    "flv": "flv",
    "asf": "wmv",
}
"""Of what stores when each stream begins; an AVI does so for its own kind of file only."""

FORMATS = pytest.mark.parametrize("file_format", ENDINGS)
TOLERANCE_S = 0.11  # encoders run up, and the first tenth of a second is taken for that


def decode(
    path: Path, *, start_s: float | None = None, end_s: float | None = None, window_s: float = 1.0
) -> tuple[list[DecodedSegment], list[DecodedSegment], MediaFacts]:
    """Return frames, windows and facts."""
    media = open_media(
        str(path),
        sample_rate_hz=RATE_HZ,
        segmentation=Segmentation(window_s=window_s, hop_s=window_s, frame_interval_s=1.0),
        start_s=start_s,
        end_s=end_s,
    )
    segments = list(media.segments())
    frames = [segment for segment in segments if segment.modality == "image"]
    windows = [segment for segment in segments if segment.modality == "sound"]
    return frames, windows, media.facts


def written(folder: Path, file_format: str, **timing: object) -> Path:
    path = folder / f"a.{'avi' if file_format == 'avi' else ENDINGS[file_format]}"
    path.write_bytes(timed_video(file_format, **timing))
    return path


def check_frames(frames: list[DecodedSegment], *, at: float) -> None:
    """Assert that each frame shows what a player shows at its time, where the first picture comes at `at`."""
    assert frames
    for frame in frames:
        assert frame.start_s is not None
        shown = float(frame.data[8:].mean())
        near = {grey_at(max(frame.start_s - at + off, 0)) for off in (-TOLERANCE_S, TOLERANCE_S)}
        assert min(abs(shown - grey) for grey in near) < 12, (frame.start_s, shown)


def check_windows(windows: list[DecodedSegment], *, at: float) -> None:
    """Assert that each window sounds as a player sounds in its middle, where the sound begins at `at`."""
    assert windows
    for window in windows:
        assert window.start_s is not None
        assert window.end_s is not None
        middle = len(window.data) // 2
        part = window.data[max(middle - 1500, 0) : middle + 1500]
        heard_hz = float(np.fft.rfftfreq(16 * RATE_HZ // 10, 1 / RATE_HZ)[_loudest_bin(part)])
        middle_s = window.start_s + middle / RATE_HZ - at
        near = {hz_at(max(middle_s + off, 0)) for off in (-TOLERANCE_S, TOLERANCE_S)}
        assert min(abs(heard_hz - hz) for hz in near) < 40, (window.start_s, heard_hz)


def _loudest_bin(samples: np.ndarray) -> int:
    return int(np.abs(np.fft.rfft(samples, 16 * RATE_HZ // 10)).argmax())


@FORMATS
@pytest.mark.parametrize(("pictures_at", "sound_at"), [(0, 0), (0, 3), (3, 0), (0, 1.5), (1.5, 0)])
def test_what_comes_later_is_answered_later(
    tmp_path: Path, file_format: str, pictures_at: float, sound_at: float
) -> None:
    path = written(tmp_path, file_format, pictures_at=pictures_at, sound_at=sound_at)
    frames, windows, facts = decode(path)
    assert frames[0].start_s == pytest.approx(pictures_at, abs=TOLERANCE_S)
    assert windows[0].start_s == pytest.approx(sound_at, abs=TOLERANCE_S)
    assert windows[-1].end_s == pytest.approx(sound_at + 4, abs=TOLERANCE_S)
    assert facts.duration_s == pytest.approx(max(pictures_at, sound_at) + 4, abs=0.2)
    check_frames(frames, at=pictures_at)
    check_windows(windows, at=sound_at)


@FORMATS
def test_what_begins_together_begins_at_zero(tmp_path: Path, file_format: str) -> None:
    frames, windows, _ = decode(written(tmp_path, file_format))
    assert frames[0].start_s == windows[0].start_s == 0.0


@FORMATS
@pytest.mark.parametrize(("pictures_at", "sound_at"), [(0, 0), (0, 3), (3, 0)])
def test_timestamps_may_begin_at_ten_hours(
    tmp_path: Path, file_format: str, pictures_at: float, sound_at: float
) -> None:
    path = written(tmp_path, file_format, pictures_at=36_000 + pictures_at, sound_at=36_000 + sound_at)
    frames, windows, facts = decode(path)
    assert facts.duration_s == pytest.approx(max(pictures_at, sound_at) + 4, abs=0.2)
    check_frames(frames, at=pictures_at)
    check_windows(windows, at=sound_at)
    assert frames[0].start_s == pytest.approx(pictures_at, abs=TOLERANCE_S)
    assert windows[0].start_s == pytest.approx(sound_at, abs=TOLERANCE_S)
    assert all((segment.end_s or 0) > (segment.start_s or 0) for segment in frames + windows)


@FORMATS
@pytest.mark.parametrize(("pictures_at", "sound_at"), [(0, 3), (3, 0), (36_000, 36_003)])
def test_a_range_is_in_the_times_of_a_player(
    tmp_path: Path, file_format: str, pictures_at: float, sound_at: float
) -> None:
    path = written(tmp_path, file_format, pictures_at=pictures_at, sound_at=sound_at)
    begins = min(pictures_at, sound_at)
    frames, windows, _ = decode(path, start_s=4.5, end_s=6.0)
    check_frames(frames, at=pictures_at - begins)
    if pictures_at > sound_at:
        assert frames[0].start_s == pytest.approx(4.5, abs=TOLERANCE_S)
        assert not windows  # they are over at 4 s
    else:
        assert [frame.start_s for frame in frames] == pytest.approx([4.0], abs=TOLERANCE_S)  # the last stays on screen
        assert windows[0].start_s == pytest.approx(4.5, abs=TOLERANCE_S)
        assert windows[-1].end_s == pytest.approx(6.0, abs=TOLERANCE_S)
        check_windows(windows, at=sound_at - begins)


@FORMATS
def test_a_range_before_the_sound_holds_none(tmp_path: Path, file_format: str) -> None:
    frames, windows, _ = decode(written(tmp_path, file_format, sound_at=3), start_s=0.0, end_s=2.5)
    assert [frame.start_s for frame in frames] == pytest.approx([0, 1, 2], abs=TOLERANCE_S)
    assert windows == []


@FORMATS
def test_a_range_before_the_pictures_holds_none(tmp_path: Path, file_format: str) -> None:
    frames, windows, _ = decode(written(tmp_path, file_format, pictures_at=3), start_s=0.0, end_s=2.5)
    assert frames == []
    assert [window.start_s for window in windows] == pytest.approx([0, 1, 2], abs=TOLERANCE_S)


@FORMATS
def test_a_range_that_begins_before_the_sound(tmp_path: Path, file_format: str) -> None:
    _, windows, _ = decode(written(tmp_path, file_format, sound_at=3), start_s=2.0, end_s=5.0)
    assert windows[0].start_s == pytest.approx(3.0, abs=TOLERANCE_S)
    assert windows[-1].end_s == pytest.approx(5.0, abs=0.01)
    check_windows(windows, at=3)


@FORMATS
@pytest.mark.parametrize("offset_s", [0, 36_000])
def test_a_part_far_into_a_late_picture_is_the_same_as_seen_from_its_start(
    tmp_path: Path, file_format: str, offset_s: float
) -> None:
    path = written(tmp_path, file_format, pictures_at=offset_s + 3, sound_at=offset_s, seconds=18)
    whole, _, _ = decode(path)
    part, _, _ = decode(path, start_s=16.0, end_s=19.0)
    (first,) = [frame for frame in whole if frame.start_s == pytest.approx(part[0].start_s, abs=0.001)]
    assert part[0].start_s == pytest.approx(16.0, abs=TOLERANCE_S)
    np.testing.assert_array_equal(part[0].data, first.data)


@FORMATS
def test_sound_that_pauses_goes_on_in_time(tmp_path: Path, file_format: str) -> None:
    path = written(tmp_path, file_format, pause=(2.0, 5.0), seconds=4)
    _, windows, facts = decode(path)
    assert windows[-1].end_s == pytest.approx(9.0, abs=TOLERANCE_S)
    assert facts.duration_s == pytest.approx(9.0, abs=0.2)
    assert [window.status for window in windows[3:6]] == ["silent"] * 3
    check_windows(windows[:1], at=0)
    check_windows(windows[8:9], at=5)
    _, (part,), _ = decode(path, start_s=8.0, end_s=9.0)
    check_windows([part], at=5)


@pytest.mark.parametrize("file_format", ["flv", "matroska"])
def test_a_pause_of_days_is_damage(tmp_path: Path, file_format: str) -> None:
    """A few bytes claim it, and the header with them."""
    path = written(tmp_path, file_format, pause=(2.0, 1_000_000.0), seconds=4)
    with pytest.raises(CorruptMediaError, match=r"holds only 4\.\d+ of the 10000\d+\.\d+ s that its header promises"):
        decode(path)


def test_a_pause_of_days_that_no_header_promises_is_left_out(tmp_path: Path) -> None:
    path = written(tmp_path, "mp4", pause=(2.0, 1_000_000.0), seconds=4)
    _, windows, _ = decode(path)
    assert windows[-1].end_s == pytest.approx(4.0, abs=TOLERANCE_S)


def test_pauses_are_filled_up_to_a_bound_of_all_together(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "a.mka"
    with av.open(str(path), "w") as container:
        stream = container.add_stream("pcm_s16le", rate=8000, layout="mono")
        for begins_s in (0, 1, 7, 8, 14, 15):
            frame = av.AudioFrame.from_ndarray(np.full((1, 8000), 900, np.int16), format="s16", layout="mono")
            frame.sample_rate, frame.pts = 8000, 8000 * begins_s
            container.mux(stream.encode(frame))
    ends_s = {}
    for most_s in (86_400.0, 6.0):
        monkeypatch.setattr("modag_search.media.timeline._MOST_PAUSED_S", most_s)
        _, windows, _ = decode(path)
        ends_s[most_s] = windows[-1].end_s
    assert ends_s == pytest.approx({86_400.0: 16.0, 6.0: 11.0}, abs=TOLERANCE_S)


@pytest.mark.parametrize("file_format", ["mpegts", "mpeg"])
def test_spliced_recordings_go_on_where_the_part_before_them_ends(tmp_path: Path, file_format: str) -> None:
    path = written(tmp_path, file_format)
    path.write_bytes(path.read_bytes() * 2)
    frames, windows, facts = decode(path)
    assert [frame.start_s for frame in frames] == pytest.approx(range(8), abs=0.2)
    assert windows[-1].end_s == pytest.approx(8.0, abs=0.3)
    assert facts.duration_s == pytest.approx(8.0, abs=0.3)
    check_frames(frames[:4], at=0)
    check_windows(windows[5:7], at=4)


def test_fragments_without_a_duration_may_begin_at_ten_hours(tmp_path: Path) -> None:
    path = written(tmp_path, "mp4", pictures_at=36_000, sound_at=36_003, movflags="frag_keyframe+delay_moov")
    frames, windows, facts = decode(path)
    assert facts.duration_s == pytest.approx(7.0, abs=0.2)
    check_frames(frames, at=0)
    check_windows(windows, at=3)


def test_a_live_recording_without_a_duration_lasts_as_long_as_its_sound(tmp_path: Path) -> None:
    path = written(tmp_path, "webm", sound_at=3)
    data = path.read_bytes()
    place = data.index(b"\x44\x89\x88")  # Duration, of 8 bytes
    path.write_bytes(data[:place] + b"\xec\x89" + data[place + 2 :])  # Void
    frames, windows, facts = decode(path)
    assert facts.duration_s == pytest.approx(7.0, abs=0.2)
    check_frames(frames, at=0)
    check_windows(windows, at=3)


def test_a_duration_that_cannot_be_is_none(tmp_path: Path) -> None:
    path = written(tmp_path, "asf")
    data = path.read_bytes()
    place = data.index(bytes.fromhex("a1dcab8c47a9cf118ee400c00c205365")) + 64  # play duration, in 100 ns
    for value in (0, 1 << 63, (1 << 63) - 1):
        path.write_bytes(data[:place] + struct.pack("<Q", value) + data[place + 8 :])
        frames, windows, facts = decode(path)
        check_frames(frames, at=0)
        check_windows(windows, at=0)
        assert facts.duration_s is not None
        assert facts.duration_s > 0


def test_an_edit_list_cuts_off_the_begin(tmp_path: Path) -> None:
    path = written(tmp_path, "mov")
    data = bytearray(path.read_bytes())
    for place in _places(data, b"elst"):
        n_entries, _, begins = struct.unpack_from(">IIi", data, place + 8)
        assert n_entries == 1
        rate_hz = 48_000 if begins else 12_800  # the encoder of the sound runs up
        struct.pack_into(">i", data, place + 16, begins + 2 * rate_hz)
    path.write_bytes(bytes(data))
    frames, windows, _ = decode(path)
    assert frames[0].start_s == windows[0].start_s == 0.0
    check_frames(frames, at=-2)
    check_windows(windows, at=-2)


def test_an_avi_says_when_a_stream_begins(tmp_path: Path) -> None:
    path = written(tmp_path, "avi")
    data = bytearray(path.read_bytes())
    place = data.index(b"auds") + 20
    scale, rate = struct.unpack_from("<II", data, place)
    struct.pack_into("<I", data, place + 8, 3 * rate // scale)
    path.write_bytes(bytes(data))
    frames, windows, _ = decode(path)
    check_frames(frames[:4], at=0)
    assert windows[0].start_s == pytest.approx(3.0, abs=TOLERANCE_S)
    check_windows(windows, at=3)


@pytest.mark.parametrize(
    ("ending", "file_format", "codec"),
    [("m4a", "mp4", "aac"), ("aac", "adts", "aac"), ("mp3", "mp3", "libmp3lame"), ("mka", "matroska", "libopus")],
)
def test_the_run_up_of_an_encoder_is_no_late_begin(tmp_path: Path, ending: str, file_format: str, codec: str) -> None:
    path = tmp_path / f"a.{ending}"
    path.write_bytes(sound_container_bytes(file_format=file_format, codec=codec))
    _, windows, facts = decode(path, window_s=10.0)
    assert windows[0].start_s == 0.0
    assert facts.duration_s == pytest.approx(3.0, abs=0.1)


@pytest.mark.parametrize(("file_format", "ending"), [("matroska", "mka"), ("mpegts", "m2ts"), ("asf", "wma")])
def test_sound_alone_begins_with_its_file(tmp_path: Path, file_format: str, ending: str) -> None:
    path = tmp_path / f"a.{ending}"
    path.write_bytes(timed_video(file_format, sound_at=36_000, with_pictures=False))
    _, windows, facts = decode(path)
    assert windows[0].start_s == 0.0
    assert facts.duration_s == pytest.approx(4.0, abs=0.2)
    check_windows(windows, at=0)
    with pytest.raises(UsageError, match=r"lasts (4\.0|3\.9)"):
        decode(path, start_s=20.0)


@pytest.mark.parametrize("file_format", ["WAV", "FLAC", "OGG"])
def test_a_sound_of_another_reader(tmp_path: Path, file_format: str) -> None:
    path = tmp_path / f"a.{file_format.lower()}"
    path.write_bytes(sound_bytes(tone(3.0), file_format=file_format))
    _, windows, _ = decode(path, start_s=1.25)
    assert [window.start_s for window in windows] == [1.25, 2.25]


@FORMATS
def test_windows_follow_each_other(tmp_path: Path, file_format: str) -> None:
    _, windows, _ = decode(written(tmp_path, file_format, sound_at=3))
    starts = [window.start_s for window in windows]
    ends = [window.end_s for window in windows]
    assert starts[1:] == pytest.approx(ends[:-1])


def _places(data: bytes | bytearray, name: bytes) -> list[int]:
    return [place for place in range(len(data)) if data.startswith(name, place)]
