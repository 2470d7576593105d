"""Moments of videos, features that an index holds, and what is kept from training."""

from __future__ import annotations

import shutil
from typing import TYPE_CHECKING

import numpy as np
import pytest

from modag_search.errors import MediaError, UsageError
from modag_search.features.encoding import MediaEncoder
from modag_search.features.stored import StoredFeatures
from modag_search.training.checkpoint import Checkpoint
from modag_search.training.collecting import Collected, collect, collect_labelled
from modag_search.training.fitting import fit_space
from modag_search.training.manifest import ManifestEntry
from modag_search.training.moments import moments_of
from modag_search.training.space import Examples, SpaceTrainingSettings
from modag_search.training.splitting import split
from modag_search.values import MODALITIES, EncodedSegment
from tests.made_media import BLACK, BLUE, LOW_HZ, RED, picture, sound, video
from tests.toy_encoders import ToyImage, ToySound
from tests.unit.broken_media import video_bytes

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from modag_search import Index
    from modag_search.values import Modality, SegmentStatus

QUICK = SpaceTrainingSettings(steps=4, hidden=8, dimension=4)


def segment(modality: Modality, start_s: float, end_s: float, value: float | None) -> EncodedSegment:
    feature = None if value is None else np.array([value], dtype=np.float32)
    status: SegmentStatus = "ok" if feature is not None else "silent" if modality == "sound" else "black"
    return EncodedSegment(modality=modality, start_s=start_s, end_s=end_s, status=status, feature=feature)


def test_frames_go_to_the_window_whose_middle_is_nearest() -> None:
    segments = [
        segment("image", 0, 2, 1),
        segment("image", 6, 8, 2),
        segment("image", 8, 10, 3),
        segment("image", 9, 10, None),
        segment("image", 20, 22, 4),  # after the sound
        segment("sound", 0, 10, 5),
        segment("sound", 5, 15, 6),
        segment("sound", 10, 17.5, 7),  # without a frame
    ]
    moments = {
        group: [(modality, float(feature[0])) for modality, feature in features]
        for group, features in moments_of("/v.mp4", segments)
    }
    assert moments == {
        "/v.mp4@0": [("sound", 5), ("image", 1), ("image", 2)],
        "/v.mp4@5": [("sound", 6), ("image", 3)],
    }


@pytest.mark.parametrize(
    ("segments", "words"),
    [
        ([segment("image", 0, 2, 1)], "has no sound"),
        ([segment("image", 0, 2, 1), segment("sound", 0, 2, None)], "is silent throughout"),
        ([segment("sound", 0, 2, 1)], "has no pictures"),
        ([segment("sound", 0, 2, 1), segment("image", 0, 2, None)], "shows nothing throughout: it is black or flat"),
        ([segment("sound", 0, 2, 1), segment("image", 4, 6, 1)], "has no moment with both sound and picture"),
    ],
)
def test_videos_without_moments_say_why(segments: list[EncodedSegment], words: str) -> None:
    with pytest.raises(MediaError, match=f"/v.mp4: {words}: "):
        list(moments_of("/v.mp4", segments))


def test_videos_are_collected_as_moments(index: Index, media: Path) -> None:
    mute = media / "mute.mp4"
    mute.write_bytes(video_bytes(with_sound=False))
    clip = str(video(media / "clip.mp4"))
    entries = [
        ManifestEntry(clip, clip, kind="moments", line=2),
        ManifestEntry(str(mute), str(mute), kind="moments", line=3),
    ]
    told: list[MediaError] = []
    collected = collect(entries, MediaEncoder(index.settings), on_failure=told.append, name="v.csv")
    assert collected.groups == [f"{clip}@0"]
    assert collected.pairs == {0}
    assert collected.n_files == 1
    assert told == collected.failures
    assert str(told[0]).startswith(f"{mute}: has no sound: ")
    assert str(told[0]).endswith(" (line 3 of v.csv)")


@pytest.fixture
def no_encoding(monkeypatch: pytest.MonkeyPatch) -> Callable[[], None]:
    """A call after which encoding fails."""

    def refuse(*_: object) -> None:
        raise AssertionError("encoded")

    def forbid() -> None:
        monkeypatch.setattr(ToyImage, "_feature", refuse)
        monkeypatch.setattr(ToySound, "_feature", refuse)

    return forbid


def stored_in(index: Index) -> StoredFeatures:
    return StoredFeatures(index.catalog, MediaEncoder(index.settings).fingerprints)


def test_files_that_an_index_holds_are_not_encoded_again(
    filled: Index, media: Path, tmp_path: Path, no_encoding: Callable[[], None]
) -> None:
    copied = tmp_path / "copy.wav"
    shutil.copy(media / "b.wav", copied)
    paths = [media / "a.png", media / "a.wav", media / "b.png", copied]
    entries = [ManifestEntry(str(path), path.stem) for path in paths]
    encoder = MediaEncoder(filled.settings)
    expected = collect(entries, encoder)
    no_encoding()
    collected = collect(entries, encoder, stored=stored_in(filled))
    for modality in MODALITIES:
        assert (collected.examples[modality].features == expected.examples[modality].features).all()
        assert (collected.examples[modality].groups == expected.examples[modality].groups).all()


def test_a_file_that_has_changed_is_encoded(filled: Index, media: Path) -> None:
    picture(media / "a.png", BLUE)
    entries = [ManifestEntry(str(media / name), "x") for name in ("a.png", "a.wav")]
    collected = collect(entries, MediaEncoder(filled.settings), stored=stored_in(filled))
    assert collected.examples["image"].features[0].argmax() == 2


def test_labels_of_an_index_make_groups(filled: Index, media: Path, no_encoding: Callable[[], None]) -> None:
    filled.label([media / "a.wav", media / "a.png"], "low")
    filled.label([media / "b.wav", media / "c.png"], "other")
    filled.label([media / "a.png"], "red")
    no_encoding()
    collected = collect_labelled(filled.catalog, stored_in(filled))
    assert collected.groups == ["low", "other", "red"]
    assert sorted(collected.examples["image"].groups.tolist()) == [0, 1, 2]
    assert sorted(collected.examples["sound"].groups.tolist()) == [0, 1]
    assert collected.n_files == 4
    assert not collected.pairs


def test_transferred_labels_tags_and_denials_teach_nothing(filled: Index, media: Path) -> None:
    filled.label([media / "a.png", media / "a.wav"], "low")
    filled.tag([media / "a.png", media / "b.wav"], "favourite")
    filled.deny([media / "a.png", media / "b.wav"], "high")
    filled.label([media / "c.png", media / "c.wav"], "high")
    assert filled.transfer(min_confidence=0.0).given
    collected = collect_labelled(filled.catalog, stored_in(filled))
    assert {m: len(examples.groups) for m, examples in collected.examples.items()} == {"image": 2, "sound": 2}


def test_videos_of_an_index_are_pairs_whatever_their_label(filled: Index, media: Path) -> None:
    clip = str(video(media / "clip.mp4"))
    filled.add([clip])
    filled.label([clip, media / "a.wav"], "low")
    labelled = collect_labelled(filled.catalog, stored_in(filled))
    assert (labelled.groups, labelled.pairs) == (["low"], frozenset())
    collected = collect_labelled(filled.catalog, stored_in(filled), videos=True)
    assert collected.groups == [f"{clip}@0", "low"]
    assert collected.pairs == {0}


def test_an_index_without_labels_names_the_way_out(filled: Index) -> None:
    with pytest.raises(UsageError, match=r"holds no labels; give some by `modag label .*`, or learn .* by --videos"):
        fit_space(index=filled, name="x", settings=QUICK)


def test_files_that_cannot_be_used_are_told_with_their_line_before_training(index: Index, media: Path) -> None:
    manifest = media / "m.csv"
    manifest.write_text("sound,image\na.wav,a.png\nb.wav,b.png\ngone.wav,c.png\n")
    for name, colour in (("a", RED), ("b", BLUE), ("c", BLACK)):
        picture(media / f"{name}.png", colour)
        sound(media / f"{name}.wav", (LOW_HZ, 1))
    told: list[str] = []
    fitted = fit_space(
        manifest, name="x", settings=QUICK, encoders=index.settings, on_failure=lambda one: told.append(str(one))
    )
    assert told == [str(failure) for failure in fitted.failures]
    assert told[0].startswith(f"{media / 'gone.wav'}: ")
    assert told[0].endswith(f" (line 4 of {manifest})")
    assert fitted.space.card["files"] == 4
    assert fitted.space.card["metrics"] is None


def test_another_training_is_refused_before_anything_is_encoded(
    index: Index, media: Path, no_encoding: Callable[[], None]
) -> None:
    checkpoint = Checkpoint(media / "c.checkpoint")
    checkpoint.save({}, {"settings": {"steps": 5}})
    no_encoding()
    with pytest.raises(UsageError, match=r"another training: .*steps was 5, not 4"):
        fit_space(media / "none.csv", name="x", settings=QUICK, encoders=index.settings, checkpoint=checkpoint)


def pairs(n: int, *, files: Callable[[int], int]) -> Collected:
    numbers = np.arange(n, dtype=np.int64)
    owners = np.array([files(number) for number in range(n)], dtype=np.int64)
    examples = Examples(numbers[:, None].astype(np.float32), numbers)
    return Collected(
        {"image": examples, "sound": examples},
        {"image": owners, "sound": owners},
        [str(number) for number in range(n)],
        [],
        frozenset(range(n)),
    )


def test_pairs_are_held_out_whole() -> None:
    taught, held_out = split(pairs(20, files=lambda i: i), share=0.2, seed=0)
    assert len(held_out["sound"].groups) == 4
    assert set(held_out["sound"].groups) == set(held_out["image"].groups)
    assert not set(held_out["sound"].groups) & set(taught["sound"].groups)


def test_moments_are_held_out_video_by_video() -> None:
    collected = pairs(40, files=lambda i: i // 8)
    _, held_out = split(collected, share=0.2, seed=0)
    videos = set((held_out["image"].groups // 8).tolist())
    assert len(videos) == 1
    assert len(held_out["image"].groups) == 8
    assert len(split(pairs(24, files=lambda i: i // 8), share=0.3, seed=0)[1]["image"].groups) == 0
