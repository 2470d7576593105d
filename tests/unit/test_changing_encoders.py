"""Indexes whose encoders change, and encoders that no space joins."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pytest

from modag_search import Index, IndexSettings
from modag_search.errors import SpaceMismatchError, UnknownPluginError
from modag_search.registry import present_name
from tests.earlier_files import settings_without_checksum
from tests.made_media import BLUE, GREEN, HIGH_HZ, LOW_HZ, RED, picture, sound
from tests.toy_encoders import toy_index

if TYPE_CHECKING:
    from pathlib import Path

    from modag_search.values import Failure


@pytest.fixture
def apart(tmp_path: Path, media: Path, toys: None) -> Index:
    """An index with a sound encoder that no space joins with the picture encoder."""
    settings = IndexSettings(sound_encoder="toy-sound", image_encoder="efficientnet-lite2")
    index = Index.open(tmp_path / "apart", create=True, settings=settings)
    for name, colour, hz in (("a", RED, LOW_HZ), ("b", GREEN, LOW_HZ + 50), ("c", BLUE, HIGH_HZ)):
        picture(media / f"{name}.png", colour)
        sound(media / f"{name}.wav", (hz, 1))
    index.add([media])
    return index


def test_without_a_space_each_modality_is_searched_alone(apart: Index, media: Path) -> None:
    assert not apart.space.joins
    hits = apart.search(media / "a.wav")
    assert [hit.path for hit in hits] == [str(media / "b.wav"), str(media / "c.wav")]
    pictures = apart.search(media / "a.png")
    assert {hit.path for hit in pictures} == {str(media / "b.png"), str(media / "c.png")}
    assert 1 > pictures[0].similarity > pictures[1].similarity


def test_without_a_space_the_other_modality_says_what_to_do(apart: Index, media: Path) -> None:
    with pytest.raises(
        SpaceMismatchError, match=r"no space joins toy-sound and efficientnet-lite2.*train space --output"
    ):
        apart.search(media / "a.wav", modality="image")


def test_without_a_space_labels_do_not_spread_among_what_cannot_be_compared(apart: Index, media: Path) -> None:
    apart.label([media / "a.wav"], "low")
    apart.label([media / "c.wav"], "high")
    for naming in (lambda: apart.classify([media / "b.wav"]), apart.transfer, apart.train_head, apart.audit):
        with pytest.raises(SpaceMismatchError, match=r"no space joins .* labels of the one say nothing of the other"):
            naming()
    assert apart.duplicates() == []


def test_without_a_space_labels_spread_where_there_is_one_modality(tmp_path: Path, media: Path, toys: None) -> None:
    settings = IndexSettings(sound_encoder="toy-sound", image_encoder="efficientnet-lite2")
    for name, hz in (("a", LOW_HZ), ("b", LOW_HZ + 50), ("c", HIGH_HZ)):
        sound(media / f"{name}.wav", (hz, 1))
    with Index.open(tmp_path / "sounds", create=True, settings=settings) as index:
        index.add([media])
        index.label([media / "a.wav"], "low")
        index.label([media / "c.wav"], "high")
        assert index.classify([media / "b.wav"])[0].label == "low"


def test_an_own_space_that_fits_no_longer_is_passed_over_and_taken_again(
    filled: Index, media: Path, caplog: pytest.LogCaptureFixture
) -> None:
    assert filled.settings.space == "own"
    filled.rebuild(image_encoder="efficientnet-lite2")
    assert "space 'toy' was trained on toy-image, not on efficientnet-lite2" in caplog.text
    assert caplog.text.count("goes on without its own") == 1
    assert not filled.space.joins
    with Index.open(filled.folder) as again:
        assert {hit.modality for hit in again.search(media / "a.wav")} == {"sound"}
        again.rebuild(image_encoder="toy-image")
        assert again.space.name == "toy"
        assert again.search(media / "a.wav", modality="image", n=1)[0].path == str(media / "a.png")


def test_an_old_index_with_a_space_of_its_own_opens_and_is_renewed(filled: Index, media: Path) -> None:
    settings_without_checksum(filled.folder, image_encoder="efficientnet-lite0")
    with Index.open(filled.folder) as index:
        assert index.outdated() == 3
        assert index.verify() == []
        assert index.add([media]).updated == 3
        assert index.outdated() == 0
        assert len(index.search(media / "a.png", modality="image")) == 2


def test_files_that_cannot_be_encoded_anew_are_told(filled: Index, media: Path) -> None:
    content = (media / "b.png").read_bytes()
    (media / "b.png").write_bytes(content[:40])
    failed: list[Failure] = []
    filled.rebuild(image_encoder="efficientnet-lite2", on_failure=failed.append)
    assert [failure.path for failure in failed] == [str(media / "b.png")]
    assert filled.failures()[0].path == str(media / "b.png")


def test_what_is_not_searched_is_told_once(filled: Index, media: Path, caplog: pytest.LogCaptureFixture) -> None:
    (media / "a.png").rename(media.parent / "a.png")
    filled.rebuild(image_encoder="efficientnet-lite2")
    with Index.open(filled.folder) as index:
        caplog.clear()
        assert len(index.search(media / "b.png")) == 1
        index.search(media / "b.png")
    assert caplog.text.count("1 items were made by another encoder") == 1


def test_an_index_whose_plugin_is_gone_says_the_way_out(filled: Index) -> None:
    settings_without_checksum(filled.folder, image_encoder="gone")
    with Index.open(filled.folder) as index, pytest.raises(UnknownPluginError, match="modag rebuild --sound-encoder"):
        index.search("id:1")
    with Index.open(filled.folder) as index:
        index.rebuild(image_encoder="toy-image")
        assert index.outdated() == 0


def test_changing_an_encoder_keeps_ids_labels_and_the_other_features(filled: Index, media: Path) -> None:
    filled.label([media / "a.png", media / "a.wav"], "low and red")
    before = {item.path: item for item in filled.catalog.items.all()}
    sounds = sound_features(filled)
    filled.rebuild(image_encoder="efficientnet-lite2")
    after = {item.path: item for item in filled.catalog.items.all()}
    assert {p: (i.id, i.labels) for p, i in after.items()} == {p: (i.id, i.labels) for p, i in before.items()}
    assert filled.outdated() == 0
    assert filled.settings.image_encoder == "efficientnet-lite2"
    assert not filled.space.joins
    assert sound_features(filled) == sounds
    with Index.open(filled.folder) as again:
        assert again.settings.image_encoder == "efficientnet-lite2"
        assert again.verify() == []
        again.rebuild(image_encoder="toy-image", space=again.folder / "space.safetensors")
        assert again.space.joins
        assert again.search(media / "a.wav", modality="image", n=1)[0].path == str(media / "a.png")


def sound_features(index: Index) -> dict[int, list[float]]:
    stored = index.catalog.segments.features(index._rooms.workings.encoder.fingerprints["sound"])
    return {i: feature.tolist() for ids, rows in stored for i, feature in zip(ids.tolist(), rows, strict=True)}


def test_what_is_out_of_reach_is_taken_in_later(filled: Index, media: Path, caplog: pytest.LogCaptureFixture) -> None:
    (media / "a.png").rename(media.parent / "a.png")
    filled.rebuild(image_encoder="efficientnet-lite2")
    assert "1 files are out of reach" in caplog.text
    assert filled.outdated() == 1
    assert str(media / "a.png") not in {hit.path for hit in filled.search(media / "b.png", n=9)}
    (media.parent / "a.png").rename(media / "a.png")
    filled.rebuild()
    assert filled.outdated() == 0


def test_an_encoder_that_is_not_to_be_had_changes_nothing(filled: Index, media: Path) -> None:
    with pytest.raises(UnknownPluginError, match="no encoder named 'resnet51'"):
        filled.rebuild(image_encoder="resnet51")
    with Index.open(filled.folder) as again:
        assert again.settings.image_encoder == "toy-image"
        assert again.search(media / "a.wav", modality="image", n=1)[0].path == str(media / "a.png")


def test_an_index_of_an_earlier_version_opens_and_is_renewed(tmp_path: Path, media: Path, toys: None) -> None:
    for name, colour in (("a", RED), ("b", GREEN)):
        picture(media / f"{name}.png", colour)
    with toy_index(tmp_path / "index") as made:
        made.add([media])
        made.label([media / "a.png"], "red")
    settings_without_checksum(tmp_path / "index", image_encoder="efficientnet-lite0", space="mn04")
    with Index.open(tmp_path / "index") as index:
        assert index.settings.image_encoder == "efficientnet-lite2"
        assert index.outdated() == 2
        assert index.search(media / "a.png") == []
        index.add([media])
        assert index.outdated() == 0
        assert [hit.path for hit in index.search(media / "a.png")] == [str(media / "b.png")]
        assert index.item(media / "a.png").labels == ("red",)


def test_names_of_former_encoders_lead_to_their_successors() -> None:
    assert present_name("efficientat-mn04") == "modag-sound"
    assert present_name("efficientnet-lite0") == "efficientnet-lite2"
    assert present_name("yamnet") == "yamnet"
    assert present_name("never heard of") == "never heard of"


def test_apart_features_keep_their_cosines() -> None:
    from modag_search.space import Space

    encoders = {"image": {"name": "i", "fingerprint": "1"}, "sound": {"name": "s", "fingerprint": "2"}}
    space = Space.apart(encoders, {"image": 5, "sound": 3})  # type: ignore[arg-type]
    random = np.random.default_rng(0)
    images, sounds = (
        random.standard_normal((4, 5)).astype(np.float32),
        random.standard_normal((2, 3)).astype(np.float32),
    )
    vectors = space.project("image", images)
    units = images / np.linalg.norm(images, axis=1, keepdims=True)
    np.testing.assert_allclose(vectors @ vectors.T, units @ units.T, atol=1e-6)
    assert vectors.shape == (4, space.dimension) == (4, 8)
    assert not (vectors @ space.project("sound", sounds).T).any()
