"""Files put one behind the other: each is read, at its time, or said to be there."""

from __future__ import annotations

import struct
from typing import TYPE_CHECKING

import numpy as np
import pytest

from modag_search.errors import CorruptMediaError, UsageError
from tests.unit.broken_media import sound_bytes, sound_container_bytes
from tests.unit.test_media_incomplete import RATE_HZ, decode, kinds, noise, write
from tests.unit.timed_media import grey_at, timed_video

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

JOINED = "is 2 recordings joined end to end, read one after the other"
LOST = "is 2 recordings joined end to end, 1 of which cannot be read"

SOUNDS: dict[str, Callable[[], bytes]] = {
    "wav": lambda: sound_bytes(noise()),
    "odd.wav": lambda: sound_bytes(noise()[:47_999], subtype="PCM_U8"),
    "rf64": lambda: sound_bytes(noise(), file_format="RF64"),
    "w64": lambda: sound_bytes(noise(), file_format="W64"),
    "aiff": lambda: sound_bytes(noise(), file_format="AIFF"),
    "aifc": lambda: sound_bytes(noise(), file_format="AIFF", subtype="FLOAT"),
    "caf": lambda: sound_bytes(noise(), file_format="CAF"),
    "au": lambda: sound_bytes(noise(), file_format="AU"),
    "flac": lambda: sound_bytes(noise(), file_format="FLAC"),
    "m4a": sound_container_bytes,
    "mp4": sound_container_bytes,
    "mov": lambda: sound_container_bytes(file_format="mov"),
    "mka": lambda: sound_container_bytes(file_format="matroska"),
    "weba": lambda: sound_container_bytes(file_format="webm", codec="libopus"),
    "wma": lambda: sound_container_bytes(file_format="asf", codec="wmav2"),
    "flv": lambda: sound_container_bytes(file_format="flv"),
    "tta": lambda: sound_container_bytes(file_format="tta", codec="tta"),
    "wv": lambda: sound_container_bytes(file_format="wv", codec="wavpack"),
}
CONTINUED: dict[str, Callable[[], bytes]] = {
    "mp3": lambda: sound_bytes(noise(), file_format="MP3"),
    "aac": lambda: sound_container_bytes(file_format="adts"),
    "ac3": lambda: sound_container_bytes(file_format="ac3", codec="ac3"),
}
VIDEOS = {"mkv": "matroska", "mp4": "mp4", "mov": "mov", "webm": "webm", "avi": "avi", "flv": "flv", "wmv": "asf"}


@pytest.mark.parametrize("ending", SOUNDS)
def test_sounds_that_are_joined_are_read_one_after_the_other(tmp_path: Path, ending: str) -> None:
    part = SOUNDS[ending]()
    (alone,), _ = decode(write(tmp_path, ending, part))
    (segment,), facts = decode(write(tmp_path, ending, part * 2))
    assert len(segment.data) == pytest.approx(2 * len(alone.data), abs=200)
    np.testing.assert_allclose(segment.data[: len(alone.data) - 200], alone.data[:-200], atol=1e-3)
    assert facts.duration_s == pytest.approx(6.0, abs=0.1)
    assert [remark.text for remark in facts.remarks] == [JOINED]


@pytest.mark.parametrize("ending", CONTINUED)
def test_what_goes_on_by_itself_when_it_is_joined_is_one_recording(tmp_path: Path, ending: str) -> None:
    _, facts = decode(write(tmp_path, ending, CONTINUED[ending]() * 2))
    assert facts.duration_s == pytest.approx(6.0, abs=0.2)
    assert facts.remarks == ()


@pytest.mark.parametrize("ending", ["wav", "rf64", "w64", "aiff", "caf", "au", "flac"])
@pytest.mark.parametrize("share", [0.3, 0.7])
def test_behind_a_recording_that_was_cut_off_another_is_found(tmp_path: Path, ending: str, share: float) -> None:
    part = SOUNDS[ending]()
    cut = part[: 2 * int(len(part) * share / 2)]
    (segment,), facts = decode(write(tmp_path, ending, cut + part))
    assert kinds(facts) == ["chosen", "partly read"]
    assert facts.duration_s == pytest.approx(3.0 * (1 + share), abs=0.15)
    np.testing.assert_allclose(segment.data[-40_000:], noise()[-40_000:, 0], atol=1e-4)


@pytest.mark.parametrize("told", [0, 0xFFFFFFFF])
def test_behind_a_recording_that_was_never_finished_another_is_found(tmp_path: Path, told: int) -> None:
    part = sound_bytes(noise())
    place = part.index(b"data") + 4
    size = struct.pack("<I", told)
    unfinished = part[:4] + size + part[8:place] + size + part[place + 4 :]
    (segment,), facts = decode(write(tmp_path, "wav", unfinished + part))
    assert (len(segment.data), kinds(facts)) == (96_000, ["chosen", "unfinished"])


def test_tags_behind_a_sound_are_no_recording(tmp_path: Path) -> None:
    for behind in (b"TAG" + b"x" * 125, b"RIFF" + bytes(40), bytes(5000)):
        assert decode(write(tmp_path, "wav", sound_bytes(noise()) + behind))[1].remarks == ()


@pytest.mark.parametrize("ending", VIDEOS)
def test_videos_that_are_joined_are_read_one_after_the_other(tmp_path: Path, ending: str) -> None:
    part = timed_video(VIDEOS[ending])
    path = write(tmp_path, ending, part * 2)
    segments, facts = decode(path)
    assert facts.duration_s == pytest.approx(8.0, abs=0.1)
    assert [remark.text for remark in facts.remarks] == [JOINED]
    shown = {round(one.start_s or 0.0, 1): float(one.data.mean()) for one in segments if one.modality == "image"}
    assert {int(time_s) for time_s in shown} == set(range(8))
    for time_s, grey in shown.items():
        if time_s % 1 > 0.2:
            assert grey == pytest.approx(grey_at(time_s % 4), abs=15), time_s
    heard = [one for one in segments if one.modality == "sound"]
    assert [one.start_s for one in heard] == pytest.approx([0.0, 4.0], abs=0.1)
    assert [one.end_s for one in heard] == pytest.approx([4.0, 8.0], abs=0.1)
    later, of_part = decode(path, start_s=5.0, end_s=6.0)
    assert of_part.duration_s == facts.duration_s
    times = [one.start_s or 0.0 for one in later]
    assert [min(times), max(times)] == pytest.approx([5.0, 5.5], abs=0.1)
    with pytest.raises(UsageError, match=r"lies outside the file, which lasts 8\.0"):
        decode(path, start_s=9.0)


@pytest.mark.parametrize("ending", ["mkv", "webm", "avi", "flv", "wmv"])
@pytest.mark.parametrize("comes_first", [True, False])
def test_one_of_the_videos_that_are_joined_is_cut_off(tmp_path: Path, ending: str, comes_first: bool) -> None:
    part = timed_video(VIDEOS[ending])
    cut = part[: len(part) * 7 // 10]
    _, facts = decode(write(tmp_path, ending, cut + part if comes_first else part + cut))
    assert set(kinds(facts)) == {"chosen", "partly read"}
    assert facts.remarks[1].text.startswith("holds 6.8")
    for remark in facts.remarks[2:]:
        assert remark.text.endswith(f"in its recording {1 if comes_first else 2}")


@pytest.mark.parametrize("ending", ["mp4", "mov"])
@pytest.mark.parametrize("comes_first", [True, False])
def test_one_of_the_videos_that_are_joined_cannot_be_read(tmp_path: Path, ending: str, comes_first: bool) -> None:
    part = timed_video(VIDEOS[ending])
    cut = part[: len(part) * 7 // 10]
    path = write(tmp_path, ending, cut + part if comes_first else part + cut)
    segments, facts = decode(path)
    assert sum(one.modality == "image" for one in segments) == 8
    assert [(remark.kind, remark.text) for remark in facts.remarks] == [("partly read", LOST)]
    with pytest.raises(CorruptMediaError, match="without its index"):
        decode(write(tmp_path, ending, cut + cut))


def test_what_follows_a_video_that_cannot_be_read_keeps_its_place(tmp_path: Path) -> None:
    part = timed_video(VIDEOS["mp4"])
    start = part.index(b"mdat") + 4
    length = int.from_bytes(part[start - 8 : start - 4], "big") - 8
    spoilt = part[:start] + bytes(length) + part[start + length :]
    path = write(tmp_path, "mp4", part + spoilt + part)
    _, alone = decode(write(tmp_path, "one.mp4", part))
    lasts_s = alone.duration_s
    assert lasts_s is not None
    segments, facts = decode(path)
    assert facts.duration_s == pytest.approx(3 * lasts_s)
    third = [one for one in segments if one.modality == "image" and (one.start_s or 0.0) >= 2 * lasts_s]
    assert third
    asked, _ = decode(path, start_s=2 * lasts_s, end_s=3 * lasts_s)
    frames = [one for one in asked if one.modality == "image"]
    assert [(one.start_s, one.data.mean()) for one in frames] == [(one.start_s, one.data.mean()) for one in third]


def with_times(transport_stream: bytes) -> bytes:
    """Put four bytes before each packet, as Blu-rays and camcorders do."""
    packets = np.frombuffer(transport_stream, np.uint8).reshape(-1, 188)
    return np.hstack([np.full((len(packets), 4), 7, np.uint8), packets]).tobytes()


@pytest.mark.parametrize("ending", ["mpg", "m2ts"])
@pytest.mark.parametrize("n_missing", [0, 1000])
def test_broadcasts_of_other_streams_that_are_joined(tmp_path: Path, ending: str, n_missing: int) -> None:
    video, sound = timed_video("mpegts"), timed_video("mpegts", with_pictures=False)
    if ending == "m2ts":
        video, sound = with_times(video), with_times(sound)
    for first, second, pictures_s in ((video, sound, 0.0), (sound, video, 4.0)):
        path = write(tmp_path, ending, first[: len(first) - n_missing] + second)
        segments, facts = decode(path)
        assert facts.remarks[0].text == JOINED
        assert facts.duration_s == pytest.approx(8.0, abs=0.2)
        shown = [one.start_s or 0.0 for one in segments if one.modality == "image"]
        assert [min(shown), max(shown)] == pytest.approx([pictures_s, pictures_s + 3.5], abs=0.2)
        heard = sum(len(one.data) for one in segments if one.modality == "sound")
        assert heard / RATE_HZ == pytest.approx(8.0, abs=0.3)


@pytest.mark.parametrize("file_format", ["mpegts", "mpeg"])
def test_broadcasts_of_the_same_streams_that_are_joined_are_one(tmp_path: Path, file_format: str) -> None:
    segments, facts = decode(write(tmp_path, "mpg", timed_video(file_format) * 2))
    assert facts.duration_s == pytest.approx(8.0, abs=0.1)
    assert facts.remarks == ()
    assert max(one.start_s or 0.0 for one in segments if one.modality == "image") == pytest.approx(7.5, abs=0.1)


def test_a_sound_and_a_video_that_are_joined(tmp_path: Path) -> None:
    sound, video = sound_container_bytes(), timed_video("mp4")
    for data, begins_s in ((sound + video, 3.0), (video + sound, 0.0)):
        segments, facts = decode(write(tmp_path, "mp4", data))
        assert facts.kind == "video"
        assert facts.duration_s == pytest.approx(7.0, abs=0.1)
        assert next(one.start_s for one in segments if one.modality == "image") == pytest.approx(begins_s, abs=0.1)
        assert sum(len(one.data) for one in segments if one.modality == "sound") / RATE_HZ == pytest.approx(7, abs=0.1)


def test_a_long_avi_goes_on_in_further_parts(tmp_path: Path) -> None:
    video = timed_video("avi")
    further = b"RIFF" + struct.pack("<I", 12 + 8) + b"AVIXLIST" + struct.pack("<I", 4) + b"movi"
    _, facts = decode(write(tmp_path, "avi", video + further))
    assert facts.remarks == ()
