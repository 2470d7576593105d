"""Sounds and videos that are incomplete, joined, misnamed or of several tracks: what is there is read, and said."""

from __future__ import annotations

import io
import re
import struct
from typing import TYPE_CHECKING

import av
import numpy as np
import pytest
import soundfile

from modag_search.errors import CorruptMediaError, EmptyMediaError, UsageError
from modag_search.media import open_media
from modag_search.values import DecodedSegment, MediaFacts, Segmentation
from tests.unit.broken_media import sound_bytes, sound_container_bytes, video_bytes

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

RATE_HZ = 16_000


def noise(seconds: float = 3.0) -> np.ndarray:
    return np.random.default_rng(3).uniform(-0.5, 0.5, (round(seconds * RATE_HZ), 1)).astype(np.float32)


def decode(
    path: Path, *, start_s: float | None = None, end_s: float | None = None
) -> tuple[list[DecodedSegment], MediaFacts]:
    media = open_media(
        str(path),
        sample_rate_hz=RATE_HZ,
        segmentation=Segmentation(window_s=100.0, hop_s=100.0, frame_interval_s=0.5),
        start_s=start_s,
        end_s=end_s,
    )
    return list(media.segments()), media.facts


def write(folder: Path, ending: str, data: bytes) -> Path:
    path = folder / f"a.{ending}"
    path.write_bytes(data)
    return path


def kinds(facts: MediaFacts) -> list[str]:
    return [remark.kind for remark in facts.remarks]


# By format: how it is written, and where (how far behind which bytes) and in what form the size of its samples stands.
FORMATS = {
    "wav": ("WAV", "PCM_16", b"data", 4, "<I"),
    "rf64": ("RF64", "PCM_16", b"ds64", 16, "<Q"),
    "w64": ("W64", "PCM_16", b"data\xf3\xac", 16, "<Q"),
    "au": ("AU", "PCM_16", b".snd", 8, ">I"),
    "aiff": ("AIFF", "PCM_16", b"SSND", 4, ">I"),
    "caf": ("CAF", "PCM_16", b"data", 4, ">Q"),
}
BESIDES = {"w64": 24, "aiff": 8, "caf": 4}
PLACEHOLDERS = {"<I": 2**32 - 1, ">I": 2**32 - 1, "<Q": 2**63 - 1, ">Q": 2**64 - 1}


def with_size(ending: str, n_bytes: int | None, *, samples: np.ndarray | None = None) -> bytes:
    """Write a sound whose header tells so many bytes of samples; None for a placeholder."""
    file_format, subtype, marker, behind, form = FORMATS[ending]
    data = bytearray(sound_bytes(noise() if samples is None else samples, file_format=file_format, subtype=subtype))
    place = data.index(marker) + behind
    told = PLACEHOLDERS[form] if n_bytes is None else n_bytes + (BESIDES.get(ending, 0) if n_bytes else 0)
    struct.pack_into(form, data, place, told)
    return bytes(data)


@pytest.mark.parametrize("told", [0, None, 48_000, 47_998, 96_000 - 20_000, 96_001, 192_000, 1_000_000])
@pytest.mark.parametrize("ending", ["wav", "rf64", "w64", "aiff"])
def test_a_header_that_lies_is_read_to_the_end_of_the_file(tmp_path: Path, ending: str, told: int | None) -> None:
    segments, facts = decode(write(tmp_path, ending, with_size(ending, told)))
    assert facts.duration_s == 3.0
    np.testing.assert_allclose(segments[0].data, noise()[:, 0], atol=1e-4)
    assert kinds(facts) == ["unfinished"]


@pytest.mark.parametrize(
    "behind",
    [
        np.zeros(10_000, np.int16),
        np.array([0, 1], np.int16),
        *(
            np.frombuffer(start, np.int16)
            for start in (b"BM", b"\xff\x0a", b"\xff\xfb", b"\x1f\x8b", b"\xff\xd8\xff\x00")
        ),
    ],
    ids=["quiet", "0 1", "BM", "JXL", "MP3", "gzip", "JPEG"],
)
def test_half_a_size_is_seen_through_whatever_sounds_behind_it(tmp_path: Path, behind: np.ndarray) -> None:
    samples = noise()
    samples[24_000 : 24_000 + len(behind), 0] = behind / 2**15
    segments, facts = decode(write(tmp_path, "wav", with_size("wav", 48_000, samples=samples)))
    np.testing.assert_allclose(segments[0].data, samples[:, 0], atol=1e-4)
    assert (facts.duration_s, kinds(facts)) == (3.0, ["unfinished"])


@pytest.mark.parametrize("told", [0, 48_000])
@pytest.mark.parametrize("ending", ["au", "caf"])
def test_a_header_that_lies_where_none_counts_the_file(tmp_path: Path, ending: str, told: int | None) -> None:
    segments, facts = decode(write(tmp_path, ending, with_size(ending, told)))
    assert facts.duration_s == 3.0
    np.testing.assert_allclose(segments[0].data, noise()[:, 0], atol=1e-4)
    assert kinds(facts) == ["unfinished"]


@pytest.mark.parametrize("ending", ["au", "caf"])
def test_a_size_that_may_be_left_untold_is_not_remarked_on(tmp_path: Path, ending: str) -> None:
    segments, facts = decode(write(tmp_path, ending, with_size(ending, None)))
    assert (len(segments[0].data), facts.duration_s, facts.remarks) == (48_000, 3.0, ())


@pytest.mark.parametrize("ending", FORMATS)
def test_headers_that_are_right_are_not_remarked_on(tmp_path: Path, ending: str) -> None:
    segments, facts = decode(write(tmp_path, ending, with_size(ending, 96_000)))
    assert (len(segments[0].data), facts.duration_s, facts.remarks) == (48_000, 3.0, ())


@pytest.mark.parametrize("subtype", ["IMA_ADPCM", "MS_ADPCM", "ULAW", "FLOAT", "GSM610"])
def test_unfinished_headers_of_other_codecs(tmp_path: Path, subtype: str) -> None:
    whole = sound_bytes(noise(), subtype=subtype)
    place = whole.index(b"data") + 4
    (expected,), _ = decode(write(tmp_path, "wav", whole))
    (found,), facts = decode(write(tmp_path, "wav", whole[:place] + bytes(4) + whole[place + 4 :]))
    np.testing.assert_array_equal(found.data, expected.data)
    assert kinds(facts) == ["unfinished"]


def test_an_unfinished_header_of_what_only_ffmpeg_reads(tmp_path: Path) -> None:
    whole = sound_container_bytes(file_format="wav", codec="ac3")
    place = whole.index(b"data") + 4
    (expected,), usual = decode(write(tmp_path, "wav", whole))
    (found,), facts = decode(write(tmp_path, "wav", whole[:place] + bytes(4) + whole[place + 4 :]))
    np.testing.assert_array_equal(found.data, expected.data)
    assert (kinds(usual), kinds(facts)) == ([], ["unfinished"])


@pytest.mark.parametrize(
    "behind",
    [
        b"LIST" + struct.pack("<I", 6000) + b"INFO" + b"x" * 5996,
        b"id3 " + struct.pack("<I", 8000) + b"ID3\x04" + b"x" * 7996,
        b"TAG" + b"x" * 125,
        b"ID3\x04" + b"x" * 9000,
        b"APETAGEX" + b"\x93" * 9000,
        bytes(20_000),
        bytes(20_000) + b"TAG" + b"x" * 125,
        bytes(20_000) + b"LIST" + struct.pack("<I", 6000) + b"INFO" + b"x" * 5996,
        b"\x93\x01" * 1000,
        b"PK\x03\x04" + b"\x93" * 9000,
    ],
)
def test_what_is_no_sound_behind_a_right_size_is_not_read(tmp_path: Path, behind: bytes) -> None:
    segments, facts = decode(write(tmp_path, "wav", sound_bytes(noise()) + behind))
    assert (len(segments[0].data), facts.remarks) == (48_000, ())


def test_tags_behind_an_odd_size_without_padding(tmp_path: Path) -> None:
    samples = noise()[:47_999]
    data = sound_bytes(samples, subtype="PCM_U8")
    place = data.index(b"data") + 8
    unpadded = data[: place + 47_999] + b"LIST" + struct.pack("<I", 6000) + b"INFO" + b"x" * 5996
    segments, facts = decode(write(tmp_path, "wav", unpadded))
    assert (len(segments[0].data), facts.remarks) == (47_999, ())


def test_a_header_alone_holds_no_samples(tmp_path: Path) -> None:
    empty = sound_bytes(noise()[:0])
    with pytest.raises(EmptyMediaError, match="holds no samples"):
        decode(write(tmp_path, "wav", empty))
    with pytest.raises(EmptyMediaError, match="holds no samples"):
        decode(write(tmp_path, "wav", empty + b"LIST" + struct.pack("<I", 6000) + b"INFO" + b"x" * 5996))
    whole = sound_bytes(noise())
    with pytest.raises(CorruptMediaError, match="cut off: its header promises sound, but none is there"):
        decode(write(tmp_path, "wav", whole[: whole.index(b"data") + 8]))


CUT = {
    **{ending: (written[0], written[1]) for ending, written in FORMATS.items()},
    "flac": ("FLAC", None),
    "mp3": ("MP3", None),
    **{f"{subtype}.caf": ("CAF", subtype) for subtype in ("ALAC_16", "ALAC_24", "ULAW")},
}


@pytest.mark.parametrize("ending", CUT)
def test_of_a_sound_that_is_cut_off_half_is_enough(tmp_path: Path, ending: str) -> None:
    file_format, subtype = CUT[ending]
    data = sound_bytes(noise(10.0), file_format=file_format, subtype=subtype)
    segments, facts = decode(write(tmp_path, ending, data[: len(data) * 6 // 10]))
    assert facts.duration_s == pytest.approx(6.0, abs=0.6)
    assert len(segments[0].data) == pytest.approx(6.0 * RATE_HZ, abs=0.6 * RATE_HZ)
    (remark,) = facts.remarks
    assert remark.kind == "partly read"
    assert re.search(r" of the (10\.0|9\.98)", remark.text)
    with pytest.raises(CorruptMediaError, match=r"holds only \d\.\d\d of the (10\.|9\.98)"):
        decode(write(tmp_path, ending, data[: len(data) * 4 // 10]))


@pytest.mark.parametrize("rate_hz", [16_000, 44_100])
def test_an_mp3_whose_end_was_never_filled_promises_its_frames(tmp_path: Path, rate_hz: int) -> None:
    samples = np.random.default_rng(3).uniform(-0.5, 0.5, 10 * rate_hz)
    data = sound_bytes(samples, rate_hz=rate_hz, file_format="MP3")
    assert decode(write(tmp_path, "mp3", data))[1].remarks == ()
    filled = len(data) * 7 // 10
    _, facts = decode(write(tmp_path, "mp3", data[:filled] + bytes(len(data) - filled)))
    (remark,) = facts.remarks
    assert remark.kind == "partly read"
    assert " of the 10.00 s" in remark.text
    filled = len(data) // 4
    with pytest.raises(CorruptMediaError, match=r"holds only \d\.\d\d of the 10\.00 s"):
        decode(write(tmp_path, "mp3", data[:filled] + bytes(len(data) - filled)))


def test_half_a_size_less_a_bit_is_cut_off_when_a_part_is_asked_for(tmp_path: Path) -> None:
    data = sound_bytes(noise(10.0))
    path = write(tmp_path, "wav", data[: len(data) * 6 // 10])
    segments, _ = decode(path, start_s=1.0, end_s=2.0)
    np.testing.assert_allclose(segments[0].data, noise(10.0)[16_000:32_000, 0], atol=1e-4)
    with pytest.raises(UsageError, match=r"lasts 5\.99"):
        decode(path, start_s=8.0)


def counting(data: bytes, n_samples: int) -> bytes:
    """Have the header of a FLAC count so many samples."""
    (told,) = struct.unpack_from(">Q", data, 18)
    return data[:18] + struct.pack(">Q", told >> 36 << 36 | n_samples) + data[26:]


@pytest.mark.parametrize("told", [1, 16_000, 47_999])
@pytest.mark.parametrize("ending", ["", "TAG"])
def test_a_flac_that_counts_too_few_samples_is_read_to_its_end(tmp_path: Path, told: int, ending: str) -> None:
    data = counting(sound_bytes(noise(), file_format="FLAC"), told) + ending.ljust(128, "x").encode() * bool(ending)
    path = write(tmp_path, "flac", data)
    (segment,), facts = decode(path)
    np.testing.assert_allclose(segment.data, noise()[:, 0], atol=1e-4)
    assert facts.duration_s == 3.0
    assert [(remark.kind, remark.text) for remark in facts.remarks] == [
        ("unfinished", "has a header that counts too few samples: read to the end of the file")
    ]
    (later,), _ = decode(path, start_s=2.5)
    np.testing.assert_allclose(later.data, noise()[40_000:, 0], atol=1e-4)


@pytest.mark.parametrize("rate_hz", [8_000, 12_345, 44_100, 96_000])
@pytest.mark.parametrize("channels", [1, 2])
def test_the_count_of_a_flac_of_any_form_is_believed_where_it_is_right(
    tmp_path: Path, rate_hz: int, channels: int
) -> None:
    samples = np.random.default_rng(4).uniform(-0.5, 0.5, (3 * rate_hz + 7, channels))
    data = sound_bytes(samples, rate_hz=rate_hz, file_format="FLAC")
    assert decode(write(tmp_path, "flac", data))[1].remarks == ()
    assert kinds(decode(write(tmp_path, "flac", counting(data, len(samples) // 2)))[1]) == ["unfinished"]
    assert decode(write(tmp_path, "flac", counting(data, 0)))[1].remarks == ()


def dented(data: bytes, share: float, n_bytes: int) -> bytes:
    """Spoil some bytes of a file, so far from its start."""
    place = round(len(data) * share)
    return data[:place] + np.random.default_rng(n_bytes).bytes(n_bytes) + data[place + n_bytes :]


@pytest.mark.parametrize("share", [0.1, 0.5, 0.9])
@pytest.mark.parametrize("n_bytes", [1, 300, 20_000])
def test_a_flac_is_read_on_behind_a_damaged_place(tmp_path: Path, n_bytes: int, share: float) -> None:
    path = write(tmp_path, "flac", dented(sound_bytes(noise(10.0), file_format="FLAC"), share, n_bytes))
    (segment,), facts = decode(path)
    assert facts.duration_s == 10.0
    differ = np.flatnonzero(np.abs(segment.data - noise(10.0)[:, 0]) > 1e-4)
    assert differ[0] == pytest.approx(share * len(segment.data), abs=4096)
    assert np.ptp(differ) < n_bytes + 12_288
    assert not segment.data[differ].any()
    (remark,) = facts.remarks
    assert re.fullmatch(r"holds [89]\.\d\d of the 10\.00 s that its header promises", remark.text)
    assert remark.kind == "partly read"
    (later,), _ = decode(path, start_s=9.5)
    np.testing.assert_allclose(later.data[-3000:], noise(10.0)[-3000:, 0], atol=1e-4)


LOSSY = {
    "mp3": lambda: sound_bytes(noise(10.0), file_format="MP3"),
    "untagged.mp3": lambda: without_first_frame(sound_bytes(noise(10.0), file_format="MP3")),
    "m4a": lambda: sound_container_bytes(seconds=10.0),
    "aac": lambda: sound_container_bytes(seconds=10.0, file_format="adts"),
    "ac3": lambda: sound_container_bytes(seconds=10.0, file_format="ac3", codec="ac3"),
    "tta": lambda: sound_container_bytes(seconds=10.0, file_format="tta", codec="tta"),
    "mka": lambda: sound_container_bytes(seconds=10.0, file_format="matroska"),
}


def without_first_frame(mp3: bytes) -> bytes:
    """Leave out the frame with the tag of LAME."""
    return mp3[mp3.index(mp3[:2], 4) :]


@pytest.mark.parametrize("ending", LOSSY)
@pytest.mark.parametrize("n_bytes", [1000, 3000])
def test_frames_that_do_not_decode_are_missed(tmp_path: Path, ending: str, n_bytes: int) -> None:
    data = LOSSY[ending]()
    assert decode(write(tmp_path, ending, data))[1].remarks == ()
    _, facts = decode(write(tmp_path, ending, dented(data, 0.5, n_bytes)))
    (remark,) = facts.remarks
    assert remark.kind == "partly read"
    assert re.match(r"holds (9|8)\.\d\d of the (9\.9|10\.0)\d s|holds no sound for 4\.\d\d s", remark.text)


@pytest.mark.parametrize(
    "behind",
    [bytes(10_000), b"TAG" + b"x" * 125, b"LYRICSBEGININD0000200" * 90 + b"001890LYRICS200TAG" + b"x" * 125],
    ids=["zeros", "ID3v1", "lyrics"],
)
def test_what_is_no_frame_behind_an_mp3_is_no_damage(tmp_path: Path, behind: bytes) -> None:
    for ending in ("mp3", "untagged.mp3"):
        assert decode(write(tmp_path, ending, LOSSY[ending]() + behind))[1].remarks == ()


def test_tags_between_mp3s_that_are_joined_are_no_damage(tmp_path: Path) -> None:
    tag = b"ID3\x04\0\0\0\0\x0e\x76" + np.random.default_rng(5).bytes(0x0E * 128 + 0x76)
    data = tag + LOSSY["mp3"]()
    assert decode(write(tmp_path, "mp3", data + b"TAG" + b"x" * 125 + data))[1].remarks == ()


def test_an_mp3_without_a_tag_is_cut_off_without_a_promise(tmp_path: Path) -> None:
    data = LOSSY["untagged.mp3"]()
    _, facts = decode(write(tmp_path, "mp3", data[: len(data) // 3]))
    assert facts.duration_s == pytest.approx(3.3, abs=0.1)
    assert facts.remarks == ()


def test_a_flac_that_is_damaged_in_many_places_is_refused(tmp_path: Path) -> None:
    data = sound_bytes(noise(10.0), file_format="FLAC")
    for share in np.arange(0.1, 0.98, 0.02):
        data = dented(data, float(share), 10)
    with pytest.raises(CorruptMediaError, match=r"holds only \d\.\d\d of the 10\.00 s"):
        decode(write(tmp_path, "flac", data))


def test_a_flac_without_a_length_is_read_to_its_end(tmp_path: Path) -> None:
    data = bytearray(sound_bytes(noise(), file_format="FLAC"))
    data[21] &= 0xF0
    data[22:26] = bytes(4)
    segments, facts = decode(write(tmp_path, "flac", bytes(data)))
    assert (len(segments[0].data), facts.duration_s) == (48_000, 3.0)


def test_an_ogg_that_breaks_off_says_so(tmp_path: Path) -> None:
    data = sound_bytes(noise(20.0), file_format="OGG")
    assert decode(write(tmp_path, "ogg", data))[1].remarks == ()
    segments, facts = decode(write(tmp_path, "ogg", data[: len(data) // 3]))
    assert kinds(facts) == ["unfinished"]
    assert 3.0 < len(segments[0].data) / RATE_HZ < 8.0


@pytest.mark.parametrize(
    ("ending", "file_format", "codec"),
    [("m4a", "mp4", "aac"), ("mka", "matroska", "aac"), ("wma", "asf", "wmav2"), ("flv", "flv", "aac")],
)
def test_sounds_in_containers_that_are_cut_off(tmp_path: Path, ending: str, file_format: str, codec: str) -> None:
    data = sound_container_bytes(seconds=10.0, file_format=file_format, codec=codec)
    whole = decode(write(tmp_path, ending, data))[1]
    assert whole.remarks == ()
    _, facts = decode(write(tmp_path, ending, data[: len(data) * 7 // 10]))
    assert kinds(facts) == ["partly read"]
    with pytest.raises(CorruptMediaError, match=r"holds only \d\.\d\d of the 10\.\d\d s"):
        decode(write(tmp_path, ending, data[: len(data) * 3 // 10]))


@pytest.mark.parametrize(
    ("ending", "file_format"),
    [("mp4", "mp4"), ("mkv", "matroska"), ("avi", "avi"), ("webm", "webm"), ("wmv", "asf"), ("flv", "flv")],
)
@pytest.mark.parametrize("with_sound", [True, False])
def test_videos_that_are_cut_off(tmp_path: Path, ending: str, file_format: str, with_sound: bool) -> None:
    seconds = 10.0 if with_sound else 40.0
    data = video_bytes(seconds=seconds, file_format=file_format, with_sound=with_sound)
    assert decode(write(tmp_path, ending, data))[1].remarks == ()
    segments, facts = decode(write(tmp_path, ending, data[: len(data) * 7 // 10]))
    assert set(kinds(facts)) == {"partly read"}
    last_s = max(segment.start_s or 0.0 for segment in segments if segment.modality == "image")
    assert 0.5 * seconds <= last_s < 0.9 * seconds
    with pytest.raises(CorruptMediaError, match=r"holds only \d+\.\d\d of the"):
        decode(write(tmp_path, ending, data[: len(data) * 3 // 10]))


def without_length(matroska: bytes) -> bytes:
    """Void the duration in the header of a Matroska, and the tags that tell those of its streams."""
    place = matroska.index(b"\x44\x89\x88")
    data = matroska[:place] + b"\xec\x89" + bytes(9) + matroska[place + 11 :]
    return data.replace(b"DURATION", b"NOTATIME")


@pytest.mark.parametrize("share", [0.3, 0.7, 1.0])
def test_a_matroska_that_tells_no_length_is_read_to_its_end(tmp_path: Path, share: float) -> None:
    unfinished = ("unfinished", "has a header that tells no length: read to the end of the file")
    for data in (
        sound_container_bytes(seconds=10.0, file_format="matroska"),
        video_bytes(seconds=10.0, file_format="matroska"),
        video_bytes(seconds=10.0, file_format="matroska", with_sound=False),
    ):
        endless = without_length(data)
        _, facts = decode(write(tmp_path, "mkv", endless[: round(len(endless) * share)]))
        assert facts.duration_s == pytest.approx(10.0 * share, abs=2.0)
        assert [(remark.kind, remark.text) for remark in facts.remarks] == [unfinished]


def test_a_video_whose_sound_is_damaged_keeps_its_pictures_and_says_so(tmp_path: Path) -> None:
    data = bytearray(video_bytes(seconds=4.0, file_format="matroska"))
    with av.open(io.BytesIO(bytes(data)), "r") as container:
        for packet in container.demux(audio=0):
            place = data.find(bytes(packet)) if packet.size > 8 else -1
            if place >= 0:
                data[place : place + packet.size] = b"\xff" * packet.size
    segments, facts = decode(write(tmp_path, "mkv", bytes(data)))
    assert sum(segment.modality == "image" for segment in segments) == 8
    (remark,) = facts.remarks
    assert (remark.kind, remark.text.startswith("has sound that is damaged")) == ("partly read", True)


@pytest.mark.parametrize(
    ("ending", "file_format", "subtype"),
    [
        ("ogg", "OGG", "VORBIS"),
        ("opus", "OGG", "OPUS"),
        ("oga", "OGG", "FLAC"),
        ("flac", "FLAC", None),
        ("wav", "WAV", None),
    ],
)
def test_recordings_joined_end_to_end_are_all_read(
    tmp_path: Path, ending: str, file_format: str, subtype: str | None
) -> None:
    def part(hz: float, *, rate_hz: int, channels: int) -> bytes:
        time_s = np.arange(2 * rate_hz) / rate_hz
        wave = 0.4 * np.sin(2 * np.pi * hz * time_s)
        samples = np.zeros((len(wave), channels))
        samples[:, -1] = wave
        if subtype == "FLAC":
            return ogg_flac(samples, rate_hz=rate_hz)
        return sound_bytes(samples, rate_hz=rate_hz, file_format=file_format, subtype=subtype)

    last_hz = 8_000 if subtype == "OPUS" else 16_000
    data = b"".join(
        [
            part(0.0, rate_hz=16_000, channels=1),
            part(500.0, rate_hz=48_000, channels=2),
            part(3000.0, rate_hz=last_hz, channels=1),
        ]
    )
    path = write(tmp_path, ending, data)
    (segment,), facts = decode(path)
    assert facts.duration_s == pytest.approx(6.0, abs=0.02)
    assert [(remark.kind, "3 recordings joined" in remark.text) for remark in facts.remarks] == [("chosen", True)]
    quiet, low, high = (segment.data[place * RATE_HZ + 4000 : place * RATE_HZ + 28_000] for place in (0, 2, 4))
    assert np.abs(quiet).max() < 0.01
    assert [np.abs(np.fft.rfft(part)).argmax() / 1.5 for part in (low, high)] == pytest.approx([500.0, 3000.0], abs=1.0)
    (later,), of_part = decode(path, start_s=3.0, end_s=4.5)
    assert (later.start_s, later.end_s) == pytest.approx((3.0, 4.5), abs=1e-3)
    assert of_part.duration_s == pytest.approx(6.0, abs=0.02)
    assert np.abs(np.fft.rfft(later.data[:8000])).argmax() * 2 == pytest.approx(500.0, abs=2.0)


@pytest.mark.parametrize("subtype", ["PCM_16", "GSM610"])
def test_of_recordings_joined_end_to_end_each_is_judged(tmp_path: Path, subtype: str) -> None:
    part = sound_bytes(noise(), subtype=subtype)
    cut = decode(write(tmp_path, "wav", part * 2 + part[: len(part) // 5]))[1]
    assert kinds(cut) == ["chosen", "partly read"]
    assert "holds 6.6" in cut.remarks[1].text
    assert " of the 9.0" in cut.remarks[1].text
    headless = decode(write(tmp_path, "wav", part + part[: part.index(b"data") + 8]))[1]
    assert [remark.text for remark in headless.remarks] == [
        "is 2 recordings joined end to end, 1 of which cannot be read"
    ]


def test_recordings_joined_end_to_end_of_what_only_ffmpeg_reads_are_each_judged(tmp_path: Path) -> None:
    part = sound_container_bytes(file_format="wav", codec="ac3")
    (_,), cut = decode(write(tmp_path, "wav", part + part[: len(part) // 5]))
    assert kinds(cut) == ["chosen", "partly read"]
    place = part.index(b"data") + 4
    unfinished = part[:4] + bytes(4) + part[8:place] + bytes(4) + part[place + 4 :]
    (segment,), facts = decode(write(tmp_path, "wav", part + unfinished))
    assert kinds(facts) == ["chosen", "unfinished"]
    assert len(segment.data) / RATE_HZ == pytest.approx(6.0, abs=0.1)


def test_the_last_of_recordings_joined_end_to_end_may_be_unfinished(tmp_path: Path) -> None:
    part = sound_bytes(noise())
    place = part.index(b"data") + 4
    unfinished = part[:4] + bytes(4) + part[8:place] + bytes(4) + part[place + 4 :]
    (segment,), facts = decode(write(tmp_path, "wav", part + unfinished))
    assert (len(segment.data), facts.duration_s, kinds(facts)) == (96_000, 6.0, ["chosen", "unfinished"])
    np.testing.assert_allclose(segment.data, np.tile(noise()[:, 0], 2), atol=1e-4)


def test_a_chain_of_ogg_says_which_links_break_off(tmp_path: Path) -> None:
    link = sound_bytes(noise(20.0), file_format="OGG")
    for data in (link[: len(link) // 3] + link, link + link[: len(link) // 3]):
        _, facts = decode(write(tmp_path, "ogg", data))
        assert [remark.text for remark in facts.remarks] == [
            "is 2 recordings joined end to end, read one after the other",
            "breaks off without an end in 1 of its 2 recordings, which tells not how much is missing",
        ]
    _, facts = decode(write(tmp_path, "ogg", link * 2))
    assert kinds(facts) == ["chosen"]


def ogg_page(packet: bytes, *, flags: int, serial: int) -> bytes:
    """Return a page of Ogg with one packet of fewer than 255 bytes."""
    head = struct.pack("<4sBBqIII2B", b"OggS", 0, flags, 0, serial, 0, 0, 1, len(packet))
    check = 0
    for byte in head + packet:
        check ^= byte << 24
        for _ in range(8):
            check = (check << 1 ^ (0x104C11DB7 if check & 0x80000000 else 0)) & 0xFFFFFFFF
    return head[:22] + struct.pack("<I", check) + head[26:] + packet


SKELETON = ogg_page(b"fishead\x00\x03" + bytes(55), flags=2, serial=77)
KATE = ogg_page(b"\x80kate\x00\x00\x00" + bytes(56), flags=2, serial=78)


def beginnings_end(data: bytes) -> int:
    """Return where the pages end that begin the streams of an Ogg."""
    place = 0
    while data[place + 5] & 2:
        n_segments = data[place + 26]
        place += 27 + n_segments + sum(data[place + 27 : place + 27 + n_segments])
    return place


@pytest.mark.parametrize("place", ["before", "behind"])
@pytest.mark.parametrize("other", [SKELETON, KATE], ids=["Skeleton", "Kate"])
def test_a_sound_in_ogg_is_read_whatever_goes_with_it(tmp_path: Path, other: bytes, place: str) -> None:
    for data in (sound_bytes(noise(), file_format="OGG"), sound_container_bytes(file_format="ogg", codec="libopus")):
        behind = 0 if place == "before" else beginnings_end(data)
        link = data[:behind] + other + data[behind:]
        segments, facts = decode(write(tmp_path, "ogg", link))
        assert len(segments[0].data) / RATE_HZ == pytest.approx(3.0, abs=0.05)
        assert kinds(facts) == []
        segments, facts = decode(write(tmp_path, "ogg", data + link))
        assert len(segments[0].data) / RATE_HZ == pytest.approx(6.0, abs=0.1)
        assert kinds(facts) == ["chosen"]


@pytest.mark.parametrize("extra", [b"", SKELETON, KATE], ids=["alone", "Skeleton", "Kate"])
def test_a_video_in_ogg_keeps_its_sound(tmp_path: Path, extra: bytes) -> None:
    data = extra + video_bytes(file_format="ogg")
    segments, facts = decode(write(tmp_path, "ogv", data))
    assert {segment.modality for segment in segments} == {"image", "sound"}
    assert (facts.kind, kinds(facts)) == ("video", [])


def ogg_flac(samples: np.ndarray, *, rate_hz: int) -> bytes:
    buffer = io.BytesIO()
    with av.open(buffer, "w", format="ogg") as container:
        layout = "mono" if samples.shape[1] == 1 else "stereo"
        stream = container.add_stream("flac", rate=rate_hz, layout=layout)
        for start in range(0, len(samples), 4000):
            part = np.round(samples[start : start + 4000] * 32_000).astype(np.int16).reshape(1, -1)
            frame = av.AudioFrame.from_ndarray(part, format="s16", layout=layout)
            frame.sample_rate, frame.pts = rate_hz, start
            container.mux(stream.encode(frame))
        container.mux(stream.encode(None))
    return buffer.getvalue()


def test_mp3s_of_several_rates_joined_end_to_end(tmp_path: Path) -> None:
    parts = []
    for hz, rate_hz in ((500, 44_100), (3000, 48_000)):
        buffer = io.BytesIO()
        soundfile.write(buffer, 0.4 * np.sin(2 * np.pi * hz * np.arange(2 * rate_hz) / rate_hz), rate_hz, format="MP3")
        parts.append(buffer.getvalue())
    (segment,), facts = decode(write(tmp_path, "mp3", b"".join(parts)))
    assert facts.duration_s == pytest.approx(4.0, abs=0.15)
    found = [np.abs(np.fft.rfft(segment.data[start : start + 16_000])).argmax() for start in (8000, 40_000)]
    assert found == pytest.approx([500, 3000], abs=2)


NAMED: dict[str, Callable[[], bytes]] = {
    "m4a": sound_container_bytes,
    "wav": lambda: sound_bytes(noise()),
    "mp3": lambda: sound_bytes(noise(), file_format="MP3"),
    "flac": lambda: sound_bytes(noise(), file_format="FLAC"),
    "ogg": lambda: sound_bytes(noise(), file_format="OGG"),
    "aac": lambda: sound_container_bytes(file_format="adts"),
    "ac3": lambda: sound_container_bytes(file_format="ac3", codec="ac3"),
    "eac3": lambda: sound_container_bytes(file_format="eac3", codec="eac3"),
    "mka": lambda: sound_container_bytes(file_format="matroska"),
    "aiff": lambda: sound_bytes(noise(), file_format="AIFF"),
    "caf": lambda: sound_bytes(noise(), file_format="CAF"),
    "w64": lambda: sound_bytes(noise(), file_format="W64"),
    "au": lambda: sound_bytes(noise(), file_format="AU"),
}
SAME = {frozenset(("ac3", "eac3"))}


@pytest.mark.parametrize("truth", NAMED)
def test_what_a_sound_is_is_told_by_its_first_bytes(tmp_path: Path, truth: str) -> None:
    data = NAMED[truth]()
    (expected,), usual = decode(write(tmp_path, truth, data))
    assert "misnamed" not in kinds(usual)
    for name in (*NAMED, "mp4", "mkv", "jpg"):
        (found,), facts = decode(write(tmp_path, name, data))
        np.testing.assert_array_equal(found.data, expected.data)
        alike = name == truth or frozenset((name, truth)) in SAME or (truth, name) in {("m4a", "mp4"), ("mka", "mkv")}
        assert kinds(facts).count("misnamed") == (not alike), name


def test_a_misnamed_file_is_named_for_what_it_is(tmp_path: Path) -> None:
    _, facts = decode(write(tmp_path, "m4a", sound_bytes(noise(), file_format="MP3")))
    assert [remark.text for remark in facts.remarks] == ["is an MP3 sound, although its name ends in .m4a"]
    _, facts = decode(write(tmp_path, "wav", video_bytes()))
    assert (facts.kind, facts.remarks[0].text) == ("video", "is an MPEG-4 video, although its name ends in .wav")


def test_an_mp4_without_its_index_is_not_called_damaged(tmp_path: Path) -> None:
    with_index_last = sound_container_bytes(file_format="mov")
    path = write(tmp_path, "mov", with_index_last[: with_index_last.index(b"moov") - 4])
    with pytest.raises(CorruptMediaError, match="without its index"):
        decode(path)


def tracks(*levels: float, file_format: str = "matroska", titles: bool = True) -> bytes:
    """Return a container with a sound track of 440, 880 ... Hz for each level."""
    buffer = io.BytesIO()
    codec = "libopus" if file_format == "ogg" else "aac"
    with av.open(buffer, "w", format=file_format) as container:
        added = [container.add_stream(codec, rate=48_000, layout="mono") for _ in levels]
        streams = [stream for stream in added if isinstance(stream, av.AudioStream)]
        for number, stream in enumerate(streams):
            if titles:
                stream.metadata["title"] = f"Mic {number + 1}"
        time_s = np.arange(2 * 48_000) / 48_000
        waves = [level * np.sin(2 * np.pi * 440 * (n + 1) * time_s) for n, level in enumerate(levels)]
        for start in range(0, 96_000, 1024):
            for stream, wave in zip(streams, waves, strict=True):
                part = np.ascontiguousarray(wave[None, start : start + 1024], np.float32)
                frame = av.AudioFrame.from_ndarray(part, format="fltp", layout="mono")
                frame.sample_rate, frame.pts = 48_000, start
                container.mux(stream.encode(frame))
        for stream in streams:
            container.mux(stream.encode(None))
    return buffer.getvalue()


@pytest.mark.parametrize(
    ("ending", "file_format"),
    [("mkv", "matroska"), ("mp4", "mp4"), ("m4a", "mp4"), ("mka", "matroska"), ("ogg", "ogg")],
)
@pytest.mark.parametrize(
    ("levels", "hz", "words"),
    [
        ((0.0, 0.5), 880, "nothing sounds on track 1"),
        ((0.0, 0.0, 0.3), 1320, "nothing sounds on track 1"),
        ((0.3, 0.5), 440, "of which track 1"),
    ],
)
def test_the_first_track_that_sounds_is_taken_and_named(
    tmp_path: Path, ending: str, file_format: str, levels: tuple[float, ...], hz: int, words: str
) -> None:
    path = write(tmp_path, ending, tracks(*levels, file_format=file_format))
    (segment,), facts = decode(path)
    assert np.abs(np.fft.rfft(segment.data[:16_000])).argmax() == pytest.approx(hz, abs=2)
    assert [remark.kind for remark in facts.remarks] == ["chosen"]
    assert words in facts.remarks[0].text
    (part,), _ = decode(path, start_s=1.0, end_s=1.5)
    assert np.abs(np.fft.rfft(part.data)).argmax() * 2 == pytest.approx(hz, abs=4)


def test_tracks_are_called_what_the_file_calls_them(tmp_path: Path) -> None:
    _, facts = decode(write(tmp_path, "mkv", tracks(0.0, 0.5)))
    assert facts.remarks[0].text == (
        "has 2 sound tracks, of which track 2 (Mic 2) is read, since nothing sounds on track 1 (Mic 1)"
    )


def test_where_no_track_sounds_all_is_silent(tmp_path: Path) -> None:
    (segment,), facts = decode(write(tmp_path, "mkv", tracks(0.0, 0.0)))
    assert (segment.status, kinds(facts)) == ("silent", ["chosen"])


def vbri(n_frames: int, *, n_bytes: int = 0) -> bytes:
    """Return a frame of MP3, as those of `sound_bytes`, with the tag of Fraunhofer's encoder."""
    mp3 = sound_bytes(noise(10.0), file_format="MP3")
    frame = bytearray(mp3[: mp3.index(mp3[:2], 4)])
    frame[4:] = bytes(len(frame) - 4)
    frame[36:62] = struct.pack(">4sHHHIIHHHH", b"VBRI", 1, 0, 75, n_bytes, n_frames, 0, 1, 2, 1)
    return bytes(frame)


def test_an_mp3_promises_what_the_tag_of_fraunhofers_encoder_counts(tmp_path: Path) -> None:
    untagged = LOSSY["untagged.mp3"]()
    (segment,), _ = decode(write(tmp_path, "mp3", untagged))
    n_frames = len(segment.data) // 576
    data = vbri(n_frames) + untagged
    assert decode(write(tmp_path, "mp3", data))[1].remarks == ()
    _, facts = decode(write(tmp_path, "mp3", data[: len(data) * 7 // 10]))
    (remark,) = facts.remarks
    assert re.fullmatch(r"holds \d\.\d\d of the 10\.\d\d s of sound that its header promises", remark.text)
    with pytest.raises(CorruptMediaError, match=r"holds only \d\.\d\d of the 10\.\d\d s"):
        decode(write(tmp_path, "mp3", data[: len(data) * 3 // 10]))
