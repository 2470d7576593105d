"""Near-duplicates: found as wholes, the best first, and nothing is changed."""

from __future__ import annotations

import os
import shutil
from pathlib import Path
from typing import TYPE_CHECKING

import av
import numpy as np
import pytest
import soundfile
from PIL import Image, ImageDraw

from modag_search import Index
from modag_search.copies import marks, pixels, recordings, waveforms
from modag_search.copies.comparable import Track
from modag_search.copies.limits import DEFAULT_MIN_SIMILARITY
from modag_search.copies.pixels import Pixels
from modag_search.copies.waveforms import Waveform, are_one, correlation, read_waveform
from modag_search.curate.duplicates import Duplicates
from modag_search.errors import UsageError
from modag_search.features.encoding import MediaEncoder
from modag_search.media import read_thumbnail
from tests.made_media import (
    BLACK,
    BLUE,
    GREEN,
    HIGH_HZ,
    LOW_HZ,
    RATE_HZ,
    RED,
    behind_silence,
    cut,
    melody,
    picture,
    shaded,
    sound,
    tone,
    written,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from modag_search.values import DuplicateGroup, ItemRecord

Colour = tuple[int, int, int]
LIKE_RED = (229, 24, 18)


def duplicates(index: Index, *, pixels: Pixels | None = None) -> Duplicates:
    return Duplicates(index.catalog, MediaEncoder(index.settings).fingerprints, pixels=pixels)


def names(groups: Sequence[DuplicateGroup]) -> list[list[str]]:
    return [[os.path.basename(one.path) for one in group.items] for group in groups]


def found(index: Index, media: Path) -> list[list[str]]:
    """Index the media, and name the files of each group."""
    assert index.add([media]).failed == 0
    return names(duplicates(index).find())


def sized(path: Path, colour: Colour, size: tuple[int, int]) -> Path:
    Image.fromarray(shaded(colour, size)).save(path)
    return path


def encoded(path: Path, source: Path) -> Path:
    """Write a sound anew, in the format that the name tells."""
    samples, rate_hz = soundfile.read(source)
    soundfile.write(path, samples, rate_hz)
    return path


def clip(path: Path, shown: Sequence[Colour | np.ndarray], *, hz: float | None, bit_rate: int = 400_000) -> Path:
    """Write a video that shows each colour or picture for two seconds, with a tone or without sound."""
    with av.open(str(path), "w") as container:
        frames = container.add_stream("mpeg4", rate=10)
        frames.width, frames.height, frames.pix_fmt, frames.bit_rate = 64, 48, "yuv420p", bit_rate
        heard = None if hz is None else container.add_stream("aac", rate=RATE_HZ, layout="mono")
        for each in shown:
            frame = each if isinstance(each, np.ndarray) else shaded(each, (64, 48))
            for _ in range(20):
                container.mux(frames.encode(av.VideoFrame.from_ndarray(frame, format="rgb24")))
        container.mux(frames.encode(None))
        if heard is not None and hz is not None:
            samples = tone(hz, 2.0 * len(shown)) if hz else np.zeros(2 * len(shown) * RATE_HZ, np.float32)
            for start in range(0, len(samples), 1024):
                block = av.AudioFrame.from_ndarray(samples[None, start : start + 1024], format="fltp", layout="mono")
                block.sample_rate, block.pts = RATE_HZ, start
                container.mux(heard.encode(block))
            container.mux(heard.encode(None))
    return path


def test_an_empty_index_holds_none(index: Index) -> None:
    assert duplicates(index).find() == []


def test_unlike_items_are_no_duplicates(filled: Index) -> None:
    assert duplicates(filled).find() == []


def test_a_group_tells_what_one_needs_to_choose(index: Index, media: Path) -> None:
    sized(media / "small.png", LIKE_RED, (8, 6))
    sized(media / "large.png", RED, (80, 60))
    shutil.copy(media / "large.png", media / "same.png")
    picture(media / "other.png", BLUE)
    index.add([media])
    (group,) = duplicates(index).find()
    assert group.modality == "image"
    assert names([group]) == [["large.png", "same.png", "small.png"]]
    assert [one.is_exact for one in group.items] == [True, True, False]
    assert [one.similarity for one in group.items][:2] == [1.0, 1.0]
    assert DEFAULT_MIN_SIMILARITY["image"] <= group.items[2].similarity < 1
    for one in group.items:
        item = index.item(one.path)
        assert (one.id, one.size_bytes) == (item.id, os.path.getsize(one.path))
        assert (one.width_px, one.height_px, one.duration_s) == (item.width_px, item.height_px, None)
        assert one.modality == "image"


def test_the_lossless_sound_comes_first_and_then_the_larger_file(index: Index, media: Path) -> None:
    sound(media / "z.wav", (LOW_HZ, 3))
    encoded(media / "b.ogg", media / "z.wav")
    encoded(media / "a.flac", media / "z.wav")
    index.add([media])
    (group,) = duplicates(index).find()
    assert names([group])[0][0] == "z.wav"
    assert group.items[0].duration_s == pytest.approx(3)
    (media / "z.wav").unlink()
    index.add([media], prune=True)
    assert names(duplicates(index).find()) == [["a.flac", "b.ogg"]]


def test_exact_copies_of_the_worse_are_in_the_group_but_not_exact(index: Index, media: Path) -> None:
    sound(media / "best.wav", (LOW_HZ, 3))
    encoded(media / "worse.ogg", media / "best.wav")
    shutil.copy(media / "worse.ogg", media / "copy.ogg")
    index.add([media])
    (group,) = duplicates(index).find()
    assert [one.is_exact for one in group.items] == [True, False, False]
    assert names([group]) == [["best.wav", "copy.ogg", "worse.ogg"]]


def test_silence_and_black_pictures_are_no_duplicates(index: Index, media: Path) -> None:
    for name in ("a", "b"):
        picture(media / f"{name}.png", BLACK)
        sound(media / f"{name}.wav", (0, 3))
    sound(media / "longer.wav", (0, 3.1))
    sized(media / "larger.png", BLACK, (80, 60))
    clip(media / "a.mp4", [BLACK, BLACK], hz=0)
    shutil.copy(media / "a.mp4", media / "b.mp4")
    assert found(index, media) == []


def test_silence_between_does_not_make_recordings_alike(index: Index, media: Path) -> None:
    sound(media / "low.wav", (LOW_HZ, 5), (0, 40))
    sound(media / "high.wav", (HIGH_HZ, 5), (0, 40))
    sound(media / "late.wav", (0, 40), (LOW_HZ + 20, 5))
    sound(media / "twice.wav", (LOW_HZ + 20, 5), (0, 35), (LOW_HZ + 20, 5))
    encoded(media / "low.flac", media / "low.wav")
    assert found(index, media) == [["low.wav", "low.flac"]]


def test_an_excerpt_is_no_duplicate_but_a_trimmed_end_is(index: Index, media: Path) -> None:
    sound(media / "whole.wav", (LOW_HZ, 40))
    sound(media / "excerpt.wav", (LOW_HZ, 12))
    sound(media / "trimmed.wav", (LOW_HZ, 39.5))
    assert found(index, media) == [["whole.wav", "trimmed.wav"]]


def test_an_end_that_takes_one_window_more_does_not_count(index: Index, media: Path) -> None:
    sound(media / "a.wav", (LOW_HZ, 10), (HIGH_HZ, 4.9))
    sound(media / "b.wav", (LOW_HZ, 10), (HIGH_HZ, 5.3))
    assert found(index, media) == [["b.wav", "a.wav"]]


def test_what_is_alike_on_the_whole_must_be_alike_throughout(index: Index, media: Path) -> None:
    sound(media / "a.wav", (LOW_HZ, 10), (HIGH_HZ, 10), (LOW_HZ, 20))
    sound(media / "b.wav", (LOW_HZ, 20), (HIGH_HZ, 10), (LOW_HZ, 10))
    sound(media / "c.wav", (LOW_HZ, 40))
    assert found(index, media) == []


def test_pictures_of_another_shape_are_no_duplicates(index: Index, media: Path) -> None:
    sized(media / "a.png", RED, (80, 60))
    sized(media / "cropped.png", RED, (78, 60))
    sized(media / "strip.png", RED, (80, 20))
    assert found(index, media) == [["a.png", "cropped.png"]]


def test_pictures_of_another_shape_and_sounds_of_another_length_are_not_compared(index: Index, media: Path) -> None:
    sized(media / "a.png", RED, (80, 60))
    sized(media / "a again.png", RED, (40, 30))
    sized(media / "strip.png", RED, (80, 20))
    sound(media / "short.wav", (LOW_HZ, 3))
    sound(media / "long.wav", (LOW_HZ, 9))
    index.add([media])
    finder = duplicates(index)
    assert names(finder.find(confirm=False)) == [["a.png", "a again.png"]]
    assert (finder.n_pairs, finder.n_compared) == (3 + 1, 1)


def test_a_similarity_at_the_limit_reaches_it(index: Index, media: Path) -> None:
    sized(media / "a.png", RED, (80, 60))
    sized(media / "b.png", LIKE_RED, (40, 30))
    index.add([media])
    (group,) = duplicates(index).find()
    similarity = group.items[1].similarity
    assert duplicates(index).find(min_similarity=similarity) == [group]
    assert duplicates(index).find(min_similarity=float(np.nextafter(similarity, 1))) == []


def test_videos_must_agree_in_what_is_seen_and_heard(index: Index, media: Path) -> None:
    shown = [RED, BLUE, GREEN]
    clip(media / "a.mp4", shown, hz=LOW_HZ)
    clip(media / "b.mkv", shown, hz=LOW_HZ, bit_rate=100_000)
    clip(media / "dubbed.mp4", shown, hz=HIGH_HZ)
    clip(media / "silenced.mp4", shown, hz=0)
    clip(media / "other.mp4", [RED, GREEN, BLUE], hz=LOW_HZ)
    sound(media / "heard.wav", (LOW_HZ, 6))
    picture(media / "seen.png", RED)
    index.add([media])
    (group,) = duplicates(index).find()
    assert {*names([group])[0]} == {"a.mp4", "b.mkv"}
    assert group.modality == "image"
    assert group.items[0].duration_s == pytest.approx(6, abs=0.2)


def test_a_video_without_sound_is_compared_by_its_frames(index: Index, media: Path) -> None:
    clip(media / "a.mp4", [RED, BLUE], hz=LOW_HZ)
    clip(media / "mute.mp4", [RED, BLUE], hz=None)
    clip(media / "other.mp4", [BLUE, RED], hz=None)
    assert [{*group} for group in found(index, media)] == [{"a.mp4", "mute.mp4"}]


def test_videos_with_black_frames_are_compared_by_their_sound(index: Index, media: Path) -> None:
    for name, hz in (("a", LOW_HZ), ("b", HIGH_HZ)):
        clip(media / f"{name}.mp4", [BLACK, BLACK], hz=hz)
    clip(media / "a again.mkv", [BLACK, BLACK], hz=LOW_HZ)
    index.add([media])
    (group,) = duplicates(index).find()
    assert {*names([group])[0]} == {"a.mp4", "a again.mkv"}
    assert group.modality == "sound"
    assert names(duplicates(index).find(modality="sound")) == names([group])
    assert duplicates(index).find(modality="image") == []


@pytest.fixture
def doubled(filled: Index, media: Path) -> Index:
    """An index of each picture and each sound twice."""
    for path in sorted(media.iterdir()):
        shutil.copy(path, media / f"copy of {path.name}")
    filled.add([media])
    return filled


def test_one_modality_can_be_asked_for(doubled: Index) -> None:
    assert [group.modality for group in duplicates(doubled).find()] == ["image"] * 3 + ["sound"] * 3
    assert names(duplicates(doubled).find(modality="sound")) == [[f"{n}.wav", f"copy of {n}.wav"] for n in "abc"]
    assert names(duplicates(doubled).find(modality="image")) == [[f"{n}.png", f"copy of {n}.png"] for n in "abc"]


def test_only_some_items_can_be_asked_about(doubled: Index, media: Path) -> None:
    ids = [doubled.item(media / name).id for name in ("a.png", "copy of a.png", "b.wav", "c.wav", "copy of c.png")]
    assert names(duplicates(doubled).find(among=ids)) == [["a.png", "copy of a.png"]]
    assert duplicates(doubled).find(among=[]) == []


def test_no_item_is_in_two_groups_and_each_is_near_to_the_first(index: Index, media: Path) -> None:
    for n in range(12):
        sized(media / f"{n:02d}.png", (230, 20 + 15 * n, 20), (80, 60))
    index.add([media])
    groups = duplicates(index).find(min_similarity=0.97, confirm=False)
    items = [one.path for group in groups for one in group.items]
    assert len(groups) > 1
    assert len(items) == len(set(items))
    assert all(one.similarity >= 0.97 for group in groups for one in group.items)
    assert duplicates(index).find(min_similarity=1.0) == []


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"modality": "video"}, "modality must be image or sound, not 'video'"),
        ({"min_similarity": 1.5}, r"min_similarity must be between -1 and 1, not 1\.5"),
        ({"min_similarity": float("nan")}, "not nan"),
    ],
)
def test_what_cannot_be_asked(index: Index, options: dict[str, object], message: str) -> None:
    with pytest.raises(UsageError, match=message):
        duplicates(index).find(**options)  # type: ignore[arg-type]


def test_features_of_another_pipeline_are_left_out(doubled: Index) -> None:
    assert Duplicates(doubled.catalog, {"image": "another", "sound": "another"}).find() == []


def test_files_that_failed_since_are_left_out(doubled: Index, media: Path) -> None:
    (media / "copy of a.png").write_bytes(b"no picture")
    doubled.add([media])
    assert names(duplicates(doubled).find(modality="image")) == [[f"{n}.png", f"copy of {n}.png"] for n in "bc"]


def test_nothing_is_changed(doubled: Index, media: Path) -> None:
    def state() -> tuple[object, ...]:
        items = list(doubled.catalog.items.all())
        segments = doubled.catalog.segments.of_items(item.id for item in items)
        files = {path.name: (path.read_bytes(), path.stat().st_mtime_ns) for path in media.iterdir()}
        return items, segments, doubled.catalog.latest_generation, doubled.catalog.count(), files

    before = state()
    assert duplicates(doubled).find()
    assert state() == before


# Sounds are confirmed by their waveforms: to the toys, all that is low is the same.


def low_noise(seed: int, seconds: float = 3.0) -> np.ndarray:
    """Noise below 400 Hz, with a decay."""
    n = round(seconds * RATE_HZ)
    spectrum = np.fft.rfft(np.random.default_rng(seed).standard_normal(n))
    spectrum[np.fft.rfftfreq(n, 1 / RATE_HZ) > 400] = 0
    samples = np.fft.irfft(spectrum, n) * np.exp(-np.arange(n) / n)
    return np.asarray(0.8 * samples / np.abs(samples).max(), np.float32)


def resampled(samples: np.ndarray, rate_hz: int) -> np.ndarray:
    """Resample by the spectrum, as nothing in the package does."""
    n = round(len(samples) * rate_hz / RATE_HZ)
    spectrum = np.fft.rfft(samples)[: n // 2 + 1]
    return np.asarray(np.fft.irfft(spectrum, n) * n / len(samples), np.float32)


@pytest.fixture
def dulled(index: Index, media: Path) -> Index:
    """An index of a sound with a high tone and of a copy at 8 kHz, which lacks it: one waveform, unlike features."""
    samples = low_noise(1)
    bright = 0.5 * (samples + 2 * samples.std() * tone(6000, 3.0))
    written(media / "bright.wav", bright)
    written(media / "dull.wav", resampled(bright, 8000), 8000)
    assert index.add([media]).failed == 0
    return index


def test_notes_that_sound_alike_to_the_encoder_are_no_duplicates(index: Index, media: Path) -> None:
    for name, hz in (("a", 200), ("b", 210), ("c", 260)):
        sound(media / f"{name}.wav", (hz, 3))
    written(media / "d.wav", low_noise(1))
    written(media / "e.wav", low_noise(2))
    assert found(index, media) == []
    assert names(duplicates(index).find(min_similarity=0.5)) == []
    assert names(duplicates(index).find(confirm=False)) == [["a.wav", "b.wav", "c.wav", "d.wav", "e.wav"]]


def test_copies_are_found_whatever_their_rate_level_format_and_polarity(index: Index, media: Path) -> None:
    samples = low_noise(1)
    silence = np.zeros(RATE_HZ, np.float32)
    written(media / "first.wav", np.concatenate([samples, silence[: RATE_HZ // 4]]))  # the largest
    written(media / "22050.flac", resampled(samples, 22_050), 22_050)
    written(media / "encoded.ogg", samples)
    written(media / "encoded.mp3", samples)
    written(media / "inverted.flac", -samples)
    written(media / "late.flac", np.concatenate([silence[: RATE_HZ // 10], samples]))
    written(media / "shorter.flac", samples[: -RATE_HZ // 5])
    written(media / "softer.flac", samples / 30)
    written(media / "other.wav", low_noise(2))
    (group,) = found(index, media)
    assert group[0] == "first.wav"
    assert {*group[1:]} == {path.name for path in media.iterdir()} - {"first.wav", "other.wav"}


def test_the_similarity_that_is_told_is_that_of_features(dulled: Index) -> None:
    (group,) = duplicates(dulled).find()
    similarity = group.items[1].similarity
    assert 0.9 < similarity < DEFAULT_MIN_SIMILARITY["sound"]
    assert duplicates(dulled).find(min_similarity=similarity - 0.001) == [group]
    assert duplicates(dulled).find(min_similarity=similarity + 0.001) == []
    assert duplicates(dulled).find(confirm=False) == []


def gone(path: Path) -> None:
    path.unlink()


def changed(path: Path) -> None:
    written(path, low_noise(7), 8000)


def damaged(path: Path) -> None:
    """Spoil a file so that its size and time do not tell."""
    status = path.stat()
    path.write_bytes(bytes(status.st_size))
    os.utime(path, ns=(status.st_atime_ns, status.st_mtime_ns))


@pytest.mark.parametrize("spoil", [gone, changed, damaged])
def test_without_a_file_features_must_be_as_similar_as_without_waveforms(
    dulled: Index, media: Path, spoil: Callable[[Path], None]
) -> None:
    sound(media / "a.wav", (200, 6))
    sound(media / "b.wav", (260, 6))
    dulled.add([media])
    assert [{*group} for group in names(duplicates(dulled).find())] == [{"bright.wav", "dull.wav"}]
    spoil(media / "dull.wav")
    spoil(media / "a.wav")
    assert [{*group} for group in names(duplicates(dulled).find())] == [{"a.wav", "b.wav"}]
    assert [{*group} for group in names(duplicates(dulled).find(min_similarity=0.5))] == [{"a.wav", "b.wav"}]


def test_any_file_of_one_content_will_do(index: Index, media: Path) -> None:
    sound(media / "a.wav", (200, 3))
    sound(media / "b.wav", (260, 3))
    shutil.copy(media / "a.wav", media / "a again.wav")
    index.add([media])
    (media / "a again.wav").unlink()
    assert names(duplicates(index).find()) == [["a.wav", "a again.wav"]]


def test_what_is_too_high_for_the_waveform_is_compared_by_features(index: Index, media: Path) -> None:
    sound(media / "a.wav", (6000, 3))
    sound(media / "b.wav", (6500, 3))
    assert found(index, media) == [["a.wav", "b.wav"]]


def test_exact_copies_need_no_decoding_and_others_one(
    index: Index, media: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    written(media / "a.wav", low_noise(1))
    shutil.copy(media / "a.wav", media / "b.wav")
    index.add([media])
    decoded: list[str] = []

    def counted(path: str, *, duration_s: float) -> Waveform | None:
        decoded.append(os.path.basename(path))
        return read_waveform(path, duration_s=duration_s)

    monkeypatch.setattr(waveforms, "read_waveform", counted)
    assert names(duplicates(index).find()) == [["a.wav", "b.wav"]]
    assert decoded == []
    for n in range(4):
        written(media / f"note {n}.wav", low_noise(10 + n))
    index.add([media])
    assert names(duplicates(index).find()) == [["a.wav", "b.wav"]]
    assert sorted(decoded) == ["a.wav", *(f"note {n}.wav" for n in range(4))]


def test_waveforms_make_room_for_each_other(index: Index, media: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(waveforms, "_KEPT_BYTES", 150_000)  # of a sound here: 96 KB
    for n in range(3):
        written(media / f"{n}.wav", low_noise(n))
        written(media / f"{n} softer.wav", low_noise(n) / 2)
    assert found(index, media) == [[f"{n} softer.wav", f"{n}.wav"] for n in range(3)]


def test_a_long_sound_must_be_the_same_in_all_its_parts(index: Index, media: Path) -> None:
    whole = low_noise(1, 40)
    part = slice(20 * RATE_HZ, 30 * RATE_HZ)
    quiet, other, turned = whole.copy(), whole.copy(), whole.copy()
    quiet[part] *= 0.5
    other[part] = 0.3 * low_noise(2, 10)
    turned[part] *= -1
    for name, samples in (("whole", whole), ("quiet", quiet), ("other", other), ("turned", turned)):
        written(media / f"{name}.wav", samples)
    assert [{*group} for group in found(index, media)] == [{"whole.wav", "quiet.wav"}]


def test_of_a_long_sound_parts_are_kept_from_start_to_end(media: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = str(sound(media / "a.wav", (LOW_HZ, 75)))
    monkeypatch.setattr(waveforms, "MOST_SECTIONS", 3)
    for duration_s, kept in ((30, [0, 1, 2, 3, 4, 5, 6, 7]), (60, [0, 2, 4, 6]), (75, [0, 4])):
        waveform = read_waveform(path, duration_s=duration_s)
        assert waveform is not None
        assert sorted(waveform.sections) == kept


@pytest.mark.parametrize("channels", [1, 2])
def test_of_a_sound_that_lasts_a_little_longer_fewer_parts_are_kept_and_those_of_both_compared(
    media: Path, monkeypatch: pytest.MonkeyPatch, channels: int
) -> None:
    monkeypatch.setattr(waveforms, "MOST_SECTIONS", 3)
    whole, other = (np.stack([low_noise(seed + n, 30.05) for n in range(channels)], axis=1) for seed in (1, 5))
    for samples in (whole, other):
        samples[: 10 * RATE_HZ] *= 0.3
        samples[20 * RATE_HZ :] *= 0.3
    mixed = np.concatenate([whole[: 20 * RATE_HZ], other[20 * RATE_HZ :]])
    one, longer, wrong = (
        read_waveform(str(written(media / name, samples)), duration_s=len(samples) / RATE_HZ)
        for name, samples in (("one.wav", whole[: 30 * RATE_HZ]), ("longer.wav", whole), ("wrong.wav", mixed))
    )
    assert one is not None
    assert longer is not None
    assert wrong is not None
    assert (sorted(one.sections), sorted(longer.sections)) == ([0, 1, 2], [0, 2])
    for pair in ((one, longer), (longer, one)):
        assert correlation(*pair) > 0.99
        assert are_one(*pair)
    assert not are_one(one, wrong)


@pytest.mark.parametrize(("delay_s", "is_alike"), [(0.0, True), (0.1, True), (0.1 + 0.5 / 8000, True), (0.5, False)])
def test_a_short_lag_does_not_count(delay_s: float, is_alike: bool) -> None:
    n = 8000
    spectrum = np.fft.rfft(np.random.default_rng(5).standard_normal(n), 2 * n)
    spectrum[int(0.8 * n) :] = 0
    delay = np.exp(-2j * np.pi * np.fft.rfftfreq(2 * n, 1 / 8000) * delay_s)
    one, late = (np.fft.irfft(turned, 2 * n)[:n].astype(np.float32) for turned in (spectrum, spectrum * delay))
    for pair in ((one, late), (late, one)):
        assert (correlation(*(Waveform.of({0: samples}) for samples in pair)) > 0.98) is is_alike


def test_edges_do_not_make_sounds_alike() -> None:
    """A click at the end of one, at the start of the other, would fit at a lag at which nothing else overlaps."""
    one, other = np.zeros((2, 1600), np.float32)
    one[1590:] = other[:10] = 1.0
    one[:800] = low_noise(1, 0.05)
    other[800:] = low_noise(2, 0.05)
    assert correlation(Waveform.of({0: one}), Waveform.of({0: other})) < 0.7
    assert correlation(Waveform.of({0: one}), Waveform.of({1: one})) == 0


def click(seed: int, seconds: float = 0.07) -> np.ndarray:
    """A low stroke that dies away."""
    samples = low_noise(seed, seconds)
    return np.asarray(samples * np.exp(-3 * np.arange(len(samples)) / len(samples)), np.float32)


@pytest.mark.parametrize("gap_s", [0.0, 0.02, 0.08, 0.15, 0.3])
def test_short_sounds_that_share_strokes_are_no_copies(index: Index, media: Path, gap_s: float) -> None:
    gap = np.zeros(round(gap_s * RATE_HZ), np.float32)
    for name, first, second in (("added", 1, 2), ("removed", 2, 1), ("twice", 1, 1), ("other", 1, 3), ("third", 3, 2)):
        written(media / f"{name}.wav", np.concatenate([click(first), gap, click(second)]))
    encoded(media / "added.ogg", media / "added.wav")
    assert [{*group} for group in found(index, media)] == [{"added.wav", "added.ogg"}]
    assert len(duplicates(index).find(confirm=False)[0].items) > 2  # the encoder does not tell them apart


@pytest.mark.parametrize("seconds", [0.2, 1.0, 1.9])
def test_the_same_beginning_does_not_make_sounds_copies(index: Index, media: Path, seconds: float) -> None:
    """The ends hold a twentieth of the energy."""
    beginning = low_noise(1, seconds / 2)
    for name, seed in (("a", 2), ("b", 3)):
        written(media / f"{name}.wav", np.concatenate([beginning, 0.2 * low_noise(seed, seconds / 2)]))
    encoded(media / "a.ogg", media / "a.wav")
    assert [{*group} for group in found(index, media)] == [{"a.wav", "a.ogg"}]


# Pictures and videos are confirmed by their pixels: to the toys, all that has one mean colour is the same.


def striped(width_px: int, size: tuple[int, int] = (80, 60)) -> np.ndarray:
    """Stripes of light and dark grey."""
    columns = np.where(np.arange(size[0]) // width_px % 2, 180, 60).astype(np.uint8)
    return np.broadcast_to(columns[None, :, None], (size[1], size[0], 3))


def drawn_to(path: Path, pixels: np.ndarray, size: tuple[int, int] = (320, 240), **options: int) -> Path:
    Image.fromarray(pixels).resize(size, Image.Resampling.NEAREST).save(path, **options)  # type: ignore[arg-type]
    return path


def test_pictures_that_look_alike_to_the_encoder_are_no_duplicates(index: Index, media: Path) -> None:
    for name, width_px in (("a", 4), ("b", 8), ("c", 10)):
        drawn_to(media / f"{name}.png", striped(width_px))
    drawn_to(media / "d.png", np.full((60, 80, 3), 120, np.uint8))
    drawn_to(media / "e.png", striped(8).transpose(1, 0, 2), (320, 240))
    drawn_to(media / "a smaller.jpg", striped(4), (160, 120), quality=60)
    assert found(index, media) == [["a.png", "a smaller.jpg"]]
    assert names(duplicates(index).find(min_similarity=0.5)) == [["a.png", "a smaller.jpg"]]
    (group,) = names(duplicates(index).find(confirm=False))
    assert sorted(group) == ["a smaller.jpg", "a.png", "b.png", "c.png", "e.png"]  # d is flat


def test_it_is_told_what_confirms_a_copy(index: Index, media: Path) -> None:
    drawn_to(media / "a.png", striped(4))
    shutil.copy(media / "a.png", media / "b.png")
    drawn_to(media / "smaller.jpg", striped(4), (160, 120))
    shutil.copy(media / "smaller.jpg", media / "smaller still.jpg")
    sound(media / "a.wav", (LOW_HZ, 3))
    encoded(media / "b.ogg", media / "a.wav")
    index.add([media])
    pictures, sounds = duplicates(index).find()
    assert [one.confirmed_by for one in pictures.items] == [None, "content", "pixels", "pixels"]
    assert [one.confirmed_by for one in sounds.items] == [None, "waveform"]
    unconfirmed = duplicates(index).find(confirm=False)
    assert {one.confirmed_by for group in unconfirmed for one in group.items} == {None, "content", "features"}


def tinted(path: Path, saturation: float, size: tuple[int, int], **options: int) -> Path:
    """Draw stripes of one red, of so much of its colour that it is grey at 0; luma stays."""
    grey = striped(4) * 0.45 / 255
    luma = grey @ [0.299, 0.587, 0.114]
    red = luma[..., None] * [2.9, 0.2, 0.12]
    colours = luma[..., None] * (1 - saturation) + red * saturation
    return drawn_to(path, (colours * 255).clip(0, 255).astype(np.uint8), size, **options)


class Told(Pixels):
    """Says that pictures are copies where it was told so, by their names."""

    def __init__(self, *pairs: str) -> None:
        super().__init__()
        self._pairs = {frozenset(pair.split()) for pair in pairs}

    def are_alike(self, one: Sequence[ItemRecord], others: Sequence[Sequence[ItemRecord]]) -> list[bool | None]:
        stem = Path(one[0].path).stem
        return [frozenset((stem, Path(other[0].path).stem)) in self._pairs for other in others]


@pytest.mark.parametrize("saturation", [1.0, 0.5])
def test_a_copy_of_two_copies_ties_them(index: Index, media: Path, saturation: float) -> None:
    tinted(media / "original.png", 1.0, (640, 480))
    tinted(media / "grey.jpg", 0.0, (640, 480))
    assert found(index, media) == []  # their features lie too far apart
    tinted(media / "small.jpg", saturation, (160, 120))
    index.add([media])
    (group,) = duplicates(index).find()
    assert [os.path.basename(one.path) for one in group.items] in (
        ["original.png", "small.jpg", "grey.jpg"],
        ["original.png", "grey.jpg", "small.jpg"],
    )
    assert [one.confirmed_by for one in group.items] == [None, "pixels", "pixels"]
    assert names(duplicates(index).find(min_similarity=0.83)) != names([group])  # who names a limit gets no others


def test_what_ties_two_pictures_that_are_none_does_not_join_them(index: Index, media: Path) -> None:
    tinted(media / "original.png", 1.0, (640, 480))
    tinted(media / "grey.jpg", 0.0, (640, 480))
    tinted(media / "small.jpg", 0.5, (160, 120))
    index.add([media])

    def groups(*pairs: str) -> list[list[str]]:
        return names(duplicates(index, pixels=Told(*pairs)).find())

    assert groups("original small", "grey small") == [["small.jpg", "grey.jpg"]]
    assert groups("original grey", "grey small") == [["small.jpg", "grey.jpg"]]
    assert [len(group) for group in groups("original small", "grey small", "original grey")] == [3]


def painted_over(path: Path) -> None:
    sized(path, BLUE, (90, 60))


@pytest.mark.parametrize("spoil", [gone, painted_over, damaged])
def test_without_a_file_features_of_pictures_must_be_as_similar_as_without_pixels(
    index: Index, media: Path, spoil: Callable[[Path], None]
) -> None:
    sized(media / "a.png", (230, 20, 20), (80, 60))
    sized(media / "b.png", (230, 28, 20), (80, 60))
    sized(media / "unlike.png", (230, 110, 20), (80, 60))
    assert [{*group} for group in found(index, media)] == [{"a.png", "b.png"}]
    spoil(media / "a.png")
    (group,) = duplicates(index).find(min_similarity=0.8)
    assert {*names([group])[0]} == {"a.png", "b.png"}
    assert group.items[1].confirmed_by == "features"


def test_one_that_is_gone_and_cannot_be_compared_gathers_none_that_others_tell_apart(index: Index, media: Path) -> None:
    """To the toys all stripes are the same: of what is there, pixels tell which are copies."""
    drawn_to(media / "a.png", striped(4))
    drawn_to(media / "a smaller.jpg", striped(4), (160, 120), quality=60)
    drawn_to(media / "other.png", striped(8), (240, 180))
    index.add([media])
    index.label([str(media / "a.png")], "fence")
    assert names(duplicates(index).find()) == [["a.png", "a smaller.jpg"]]
    (media / "a.png").unlink()
    groups = names(duplicates(index).find())
    assert not any({"a smaller.jpg", "other.png"} <= {*group} for group in groups)
    assert ["a.png" in group for group in groups] == [True]


def test_what_has_labels_is_first_then_the_larger_the_lossless_and_the_larger_file(index: Index, media: Path) -> None:
    drawn_to(media / "large.jpg", striped(5), (640, 480))
    drawn_to(media / "small.bmp", striped(5), (320, 240))
    drawn_to(media / "small.jpg", striped(5), (320, 240))
    drawn_to(media / "small worse.jpg", striped(5), (320, 240), quality=50)
    index.add([media])

    def kept(*among: str) -> tuple[str, str]:
        ids = [index.item(media / name).id for name in among]
        (group,) = duplicates(index).find(among=ids)
        assert len(group.items) == len(among)
        return os.path.basename(group.items[0].path), group.kept_because

    assert kept("large.jpg", "small.bmp", "small.jpg", "small worse.jpg") == ("large.jpg", "has more pixels")
    assert kept("small.bmp", "small.jpg", "small worse.jpg") == ("small.bmp", "is lossless")
    assert kept("small.jpg", "small worse.jpg") == ("small.jpg", "is the larger file")
    index.label([media / "small worse.jpg"], "stripes")
    assert kept("large.jpg", "small.bmp", "small.jpg", "small worse.jpg") == ("small worse.jpg", "has labels")
    index.label([media / "small.jpg"], "stripes")
    assert kept("large.jpg", "small.jpg", "small worse.jpg") == ("small.jpg", "has labels, is the larger file")
    index.unlabel([media / "small.jpg", media / "small worse.jpg"], "stripes")
    index.label([media / "large.jpg"], "stripes")
    assert index.transfer(min_confidence=0).run is not None
    (group,) = duplicates(index).find()
    assert [one.labels for one in group.items] == [("stripes",), (), (), ()]


def test_videos_with_the_same_colours_must_show_the_same(index: Index, media: Path) -> None:
    stripes, bars = striped(4, (64, 48)), striped(8, (64, 48))
    clip(media / "a.mp4", [stripes, bars], hz=LOW_HZ)
    clip(media / "b.mkv", [stripes, bars], hz=LOW_HZ, bit_rate=200_000)
    clip(media / "other.mp4", [bars, stripes], hz=LOW_HZ)
    index.add([media])
    (group,) = duplicates(index).find()
    assert {*names([group])[0]} == {"a.mp4", "b.mkv"}
    assert group.items[1].confirmed_by == "pixels"
    assert len(duplicates(index).find(confirm=False)[0].items) == 3


def test_pictures_are_decoded_once_though_there_is_no_room_for_them(
    index: Index, media: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What is told apart by sketches need not be decoded again."""
    for n in range(5):
        drawn_to(media / f"{n}.png", np.random.default_rng(n).integers(0, 256, (6, 8, 3), dtype=np.uint8))
    index.add([media])
    decoded: list[str] = []

    def counted(path: str, *, side_px: int) -> np.ndarray:
        decoded.append(os.path.basename(path))
        return read_thumbnail(path, side_px=side_px)

    monkeypatch.setattr(pixels, "read_thumbnail", counted)
    monkeypatch.setattr(pixels, "_KEPT_BYTES", 1)
    assert duplicates(index).find(min_similarity=0.5) == []
    assert sorted(decoded) == [f"{n}.png" for n in range(5)]


# The encoders that ship, on media made here and copied as people copy them.

PICTURES = ("blobs", "stripes", "rings", "red light", "green light", "white star", "white ring")
SOUNDS = ("chord", "noise", "sweep")


def outlined(name: str) -> Image.Image:
    """Draw a light on white, or a white shape on transparency."""
    if name.endswith("light"):
        image = Image.new("RGB", (640, 480), "white")
        ImageDraw.Draw(image).rectangle((220, 30, 420, 450), fill=(50, 50, 50))
        ImageDraw.Draw(image).ellipse((250, 170, 390, 310), fill=(220, 30, 30) if "red" in name else (30, 190, 60))
        return image
    image = Image.new("RGBA", (640, 480), (255, 255, 255, 0))
    if "ring" in name:
        ImageDraw.Draw(image).ellipse((150, 70, 490, 410), outline="white", width=50)
    else:
        ImageDraw.Draw(image).polygon([(320, 20), (400, 440), (60, 180), (580, 180), (240, 440)], fill="white")
    return image


def drawn(name: str) -> Image.Image:
    """Draw a picture of 640 x 480; blobs are small, or blocks of JPEG would be all that there is to see."""
    if " " in name:
        return outlined(name)
    y, x = np.mgrid[0:480, 0:640] / 480
    coarse = Image.fromarray(np.random.default_rng(3).integers(0, 256, (24, 32, 3), dtype=np.uint8))
    waves = np.sin(40 * x) if name == "stripes" else np.sin(60 * np.hypot(x - 0.6, y - 0.4))
    shades = np.stack([127 + 127 * waves, 255 * y, 255 * (1 - y)], axis=-1).astype(np.uint8)
    return coarse.resize((640, 480), Image.Resampling.BICUBIC) if name == "blobs" else Image.fromarray(shades)


def played(name: str) -> np.ndarray:
    """Play three seconds at 44.1 kHz: a plucked chord, bursts of noise, a rising tone."""
    time_s = np.arange(3 * 44_100) / 44_100
    if name == "chord":
        return np.asarray(0.3 * np.exp(-2 * time_s) * sum(np.sin(2 * np.pi * 110 * n * time_s) / n for n in (1, 2, 3)))
    if name == "noise":
        bursts = np.sin(2 * np.pi * 3 * time_s) > 0
        return np.asarray(0.1 * np.random.default_rng(3).standard_normal(len(time_s)) * bursts)
    return np.asarray(0.5 * np.sin(2 * np.pi * (200 + 600 * time_s) * time_s))


@pytest.fixture(scope="module")
def real(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Index]:
    """An index, with the default encoders, of pictures and sounds with copies, and of two silences."""
    folder = tmp_path_factory.mktemp("made")
    for name in PICTURES:
        original = drawn(name)
        original.save(folder / f"{name}.png")
        original.save(folder / f"{name} encoded.webp", quality=50)
        for share in (2, 3, 4):
            smaller = original.resize((640 // share, 480 // share), Image.Resampling.LANCZOS)
            smaller.save(folder / f"{name} {share}.{'png' if smaller.mode == 'RGBA' else 'jpg'}")
    for name in SOUNDS:
        samples = played(name)
        soundfile.write(folder / f"{name}.wav", samples, 44_100)
        soundfile.write(folder / f"{name} encoded.ogg", samples, 44_100)
        soundfile.write(folder / f"{name} softer.flac", samples / 2, 44_100)
    for name in ("silent", "silent again"):
        soundfile.write(folder / f"{name}.wav", np.zeros(44_100), 44_100)
    with Index.open(tmp_path_factory.mktemp("index"), create=True) as opened:
        assert opened.add([folder], workers=2).failed == 0
        yield opened


def smaller(name: str) -> list[str]:
    return [f"{name} {share}.{'png' if 'white' in name else 'jpg'}" for share in (2, 3, 4)]


def test_the_default_encoders_find_copies_and_nothing_else(real: Index) -> None:
    groups = names(duplicates(real).find())
    assert [group[0] for group in groups] == [
        *(f"{name}.png" for name in sorted(PICTURES)),
        *(f"{name}.wav" for name in sorted(SOUNDS)),
    ]
    assert [{*group} for group in groups] == [
        *({f"{name}.png", f"{name} encoded.webp", *smaller(name)} for name in sorted(PICTURES)),
        *({f"{name}.wav", f"{name} encoded.ogg", f"{name} softer.flac"} for name in sorted(SOUNDS)),
    ]


# Sounds that lie in longer ones are found by marks, wherever the windows of features fall.


def faded_in(samples: np.ndarray, seconds: float = 1.0) -> np.ndarray:
    n = round(seconds * RATE_HZ)
    return np.concatenate([np.linspace(0, 1, n, dtype=np.float32) * samples[:n], samples[n:]])


def parts_of(group: DuplicateGroup) -> dict[str, tuple[float, float] | None]:
    return {
        os.path.basename(one.path): None
        if one.part_start_s is None or one.part_end_s is None
        else (round(one.part_start_s, 1), round(one.part_end_s, 1))
        for one in group.items
    }


def test_sounds_that_are_cut_at_their_ends_are_parts_of_the_longest(index: Index, media: Path) -> None:
    whole = melody(1, 12)
    written(media / "whole.wav", whole)
    written(media / "no start.mp3", cut(whole, 1.03))
    written(media / "no end.flac", cut(whole, 0, 9.5) / 20)
    written(media / "middle.wav", resampled(cut(whole, 3, 8), 22_050), 22_050)
    written(media / "other.wav", melody(2, 12))
    index.add([media])
    (group,) = duplicates(index).find()
    assert parts_of(group) == {
        "whole.wav": None,
        "no start.mp3": (1.0, 12.0),
        "no end.flac": (0.0, 9.5),
        "middle.wav": (3.0, 8.0),
    }
    assert group.kept_because == "holds the others"
    assert {one.confirmed_by for one in group.items} == {None, "waveform"}
    without_files = duplicates(index).find(confirm=False)
    assert all(one.part_start_s is None for each in without_files for one in each.items)


def test_a_short_excerpt_of_a_long_recording_is_a_part_of_it(index: Index, media: Path) -> None:
    whole = melody(1, 60)
    written(media / "whole.ogg", whole)
    written(media / "excerpt.wav", cut(whole, 33.3, 38.3))
    index.add([media])
    (group,) = duplicates(index).find()
    assert parts_of(group) == {"whole.ogg": None, "excerpt.wav": (33.3, 38.3)}


def test_silence_before_a_sound_makes_it_no_other(index: Index, media: Path) -> None:
    sounds = melody(1, 6)
    written(media / "sound.wav", sounds)
    written(media / "late.mp3", behind_silence(sounds))
    written(media / "later.flac", behind_silence(-sounds / 4, 2))
    written(media / "faded.wav", faded_in(sounds))
    index.add([media])
    (group,) = duplicates(index).find()
    assert set(parts_of(group)) == {path.name for path in media.iterdir()}
    assert {*parts_of(group).values()} == {None}
    assert group.kept_because == "holds higher frequencies, is the larger file, its path comes first"


def test_a_quiet_start_that_a_fade_swallows_does_not_count(index: Index, media: Path) -> None:
    sounds = melody(1, 6)
    sounds[: RATE_HZ // 2] *= 0.02
    written(media / "sound.wav", sounds)
    written(media / "faded.wav", behind_silence(faded_in(sounds, 0.5), 0.2))
    assert [{*group} for group in found(index, media)] == [{"sound.wav", "faded.wav"}]


def test_where_a_part_lies_is_told_of_the_first_of_the_group(index: Index, media: Path) -> None:
    whole = melody(1, 12)
    written(media / "late.flac", behind_silence(whole, 2))
    written(media / "whole.wav", whole)
    written(media / "part.wav", cut(whole, 3, 8))
    index.add([media])
    (group,) = duplicates(index).find()
    assert parts_of(group) == {"whole.wav": None, "late.flac": None, "part.wav": (3.0, 8.0)}
    index.label([media / "late.flac", media / "part.wav"], "melody")
    (group,) = duplicates(index).find()
    assert parts_of(group) == {"late.flac": None, "whole.wav": None, "part.wav": (5.0, 10.0)}
    assert group.kept_because == "has labels"


def test_copies_of_a_part_are_parts_too(index: Index, media: Path) -> None:
    whole = melody(1, 12)
    written(media / "whole.wav", whole)
    written(media / "part.wav", cut(whole, 3, 9))
    shutil.copy(media / "part.wav", media / "part again.wav")
    written(media / "part.ogg", cut(whole, 3, 9))
    written(media / "part of a part.wav", cut(whole, 4, 8))
    index.add([media])
    (group,) = duplicates(index).find()
    parts = parts_of(group)
    assert parts.pop("whole.wav") is None
    assert parts.pop("part of a part.wav") == (4.0, 8.0)
    assert parts == dict.fromkeys(("part.wav", "part again.wav", "part.ogg"), (3.0, 9.0))


def test_loops_of_the_same_strokes_are_no_parts_of_each_other(index: Index, media: Path) -> None:
    strokes = [cut(melody(seed, 0.4), 0) for seed in range(3)]
    for name, order in (("a", "0102" * 4), ("b", "0201" * 4), ("c", "0122" * 4), ("stroke", "0")):
        written(media / f"{name}.wav", np.concatenate([strokes[int(n)] for n in order]))
    assert found(index, media) == []


def test_what_is_heard_beside_a_part_makes_it_another_sound(index: Index, media: Path) -> None:
    whole = melody(1, 12)
    for name, gain in (("voice", 0.3), ("other takes", 1.0)):
        other = cut(melody(3, 6), 0)
        written(media / f"{name}.wav", (1 - gain) * cut(whole, 3, 9) + gain * other)
    written(media / "whole.wav", whole)
    assert found(index, media) == []


def test_a_part_must_be_as_similar_as_is_asked_for(index: Index, media: Path) -> None:
    whole = melody(1, 12)
    written(media / "whole.wav", whole)
    written(media / "part.wav", cut(whole, 3, 9))
    index.add([media])
    (group,) = duplicates(index).find()
    similarity = group.items[1].similarity
    assert duplicates(index).find(min_similarity=similarity - 1e-4) == [group]
    assert duplicates(index).find(min_similarity=similarity + 1e-4) == []


@pytest.mark.parametrize("spoil", [gone, changed, damaged])
def test_a_part_whose_file_is_not_as_it_was_is_not_found(
    index: Index, media: Path, spoil: Callable[[Path], None]
) -> None:
    whole = melody(1, 12)
    written(media / "whole.wav", whole)
    written(media / "part.wav", cut(whole, 3, 9))
    index.add([media])
    spoil(media / "part.wav")
    assert duplicates(index).find() == []


def test_sounds_over_an_hour_are_not_looked_for_parts_and_counted(
    index: Index, media: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    whole = melody(1, 12)
    written(media / "whole.wav", whole)
    written(media / "part.wav", cut(whole, 3, 9))
    index.add([media])
    monkeypatch.setattr(recordings, "MOST_S", 11.0)
    assert duplicates(index).find() == []
    assert "sounds of more than an hour (1) were not compared" in caplog.text


def test_marks_are_thinned_alike_in_all_sounds(index: Index, media: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    whole = melody(1, 20)
    written(media / "whole.wav", whole)
    written(media / "part.wav", cut(whole, 5.01, 15))
    index.add([media])
    monkeypatch.setattr(marks, "_MOST_MARKS", 400)
    (group,) = duplicates(index).find()
    assert parts_of(group) == {"whole.wav": None, "part.wav": (5.0, 15.0)}


# What is merely alike is a list of its own.


def test_what_is_merely_alike_is_listed_apart(index: Index, media: Path) -> None:
    for name, width_px in (("a", 4), ("b", 8)):
        drawn_to(media / f"{name}.png", striped(width_px))
    drawn_to(media / "a smaller.jpg", striped(4), (160, 120))
    written(media / "a.wav", low_noise(1))
    written(media / "b.wav", low_noise(2))
    shutil.copy(media / "b.wav", media / "b again.wav")
    index.add([media])
    assert names(duplicates(index).find()) == [["a.png", "a smaller.jpg"], ["b again.wav", "b.wav"]]
    pictures, sounds = duplicates(index).alike()
    assert {*names([pictures])[0]} == {"a.png", "b.png"}
    assert {*names([sounds])[0]} == {"a.wav", "b again.wav"}
    assert [one.confirmed_by for one in pictures.items] == [None, "features"]
    assert index.duplicates(alike=True, modality="image") == [pictures]


def test_copies_are_not_merely_alike(doubled: Index) -> None:
    assert len(duplicates(doubled).find()) == 6
    assert duplicates(doubled).alike() == []


def test_sounds_that_have_no_time_in_common_are_not_alike() -> None:
    """As a short sound at the start of one video, and one that begins late in another."""

    def track(start_s: float) -> Track:
        return Track(starts_s=np.array([start_s]), holds=np.array([True]), vectors=np.ones((1, 1), np.float32))

    assert track(0).similarity(track(4)) == track(4).similarity(track(0)) == -np.inf
    assert track(4).similarity(track(4)) == 1
