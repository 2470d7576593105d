"""Encoders that transformers runs: loaded from small files of the real kinds, fed as their own processors feed them."""

from __future__ import annotations

import sys
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING

import numpy as np
import pytest
import torch
from safetensors.torch import load_file, save_file

from modag_search.encoders import EncoderCard
from modag_search.encoders.base import Encoder
from modag_search.encoders.clap import Clap, windows
from modag_search.encoders.clip import Clip
from modag_search.encoders.efficientnet_lite2 import EfficientNetLite2
from modag_search.encoders.weights import WeightsFile, sha256_of
from modag_search.errors import MissingExtraError, UsageError, WeightsDamagedError, WeightsMissingError
from tests.tiny_towers import DIMENSION, tiny_model, tiny_towers

if TYPE_CHECKING:
    from pathlib import Path

    from modag_search.encoders.towers import TowerEncoder
    from modag_search.values import Float32Array, Uint8Array
    from tests.tiny_towers import TinyTowers

__all__ = ["tiny_towers"]  # a fixture

RATE_HZ = Clap.sample_rate_hz
SIZES = [(320, 240), (240, 320), (256, 256), (100, 1001), (777, 333), (31, 32), (1, 1)]


def picture(height: int, width: int) -> Uint8Array:
    """A picture of slopes with some noise."""
    y, x = np.indices((height, width))
    slopes = np.stack([x + 17, y * 3 + 29, x + y * 2 + 43], axis=-1) % 256
    noise = np.random.default_rng(height).integers(-20, 20, slopes.shape)
    return np.clip(slopes + noise, 0, 255).astype(np.uint8)


def noise(n: int) -> Float32Array:
    return (0.1 * np.random.default_rng(n).standard_normal(n)).astype(np.float32)


def tone(seconds: float) -> Float32Array:
    return (0.5 * np.sin(2 * np.pi * 440 * np.arange(round(seconds * RATE_HZ)) / RATE_HZ)).astype(np.float32)


@pytest.mark.parametrize(("height", "width"), SIZES)
def test_pictures_are_prepared_as_clip_s_own_processor_does(height: int, width: int) -> None:
    pytest.importorskip("transformers", reason="needs the extra transformers")
    from PIL import Image
    from transformers import CLIPImageProcessor
    from transformers.models.clip.image_processing_pil_clip import CLIPImageProcessorPil

    pixels = picture(height, width)
    ours = Clip().prepare(pixels)
    size = {"size": {"shortest_edge": 256}, "crop_size": {"height": 256, "width": 256}}
    by_pillow, by_torchvision = (
        processor(**size)(images=Image.fromarray(pixels), return_tensors="np")["pixel_values"][0]
        for processor in (CLIPImageProcessorPil, CLIPImageProcessor)
    )
    np.testing.assert_allclose(ours, by_pillow, atol=1e-5)
    # The other one resizes with torchvision, which rounds some values otherwise: by a 255th, seldom by more.
    assert np.abs(ours - by_torchvision).mean() < 1 / (3 * 255 * 0.27)


@pytest.mark.parametrize(
    "samples",
    [
        noise(10 * RATE_HZ),
        tone(10),
        tone(5),
        noise(70_001),
        noise(1),
        np.zeros(RATE_HZ, np.float32),
        1e-4 * noise(479_999),
    ],
    ids=["noise", "tone", "half", "short", "one sample", "silence", "quiet"],
)
def test_sounds_are_prepared_as_clap_s_own_processor_does(samples: Float32Array) -> None:
    pytest.importorskip("transformers", reason="needs the extra transformers")
    from transformers import ClapFeatureExtractor

    theirs = ClapFeatureExtractor(frequency_min=50, frequency_max=14_000, truncation="rand_trunc", padding="repeatpad")(
        samples, sampling_rate=RATE_HZ, return_tensors="np"
    )["input_features"]
    np.testing.assert_allclose(Clap().prepare(samples), np.asarray(theirs), atol=1e-3)  # of a decibel


def test_windows_of_a_long_sound_cover_it_and_none_is_repeated() -> None:
    sound = np.arange(25 * RATE_HZ, dtype=np.float32)
    cut = windows(sound)
    assert [len(window) for window in cut] == [10 * RATE_HZ] * 3
    assert [window[0] for window in cut] == [0, 7.5 * RATE_HZ, 15 * RATE_HZ]
    assert cut[-1][-1] == sound[-1]
    assert [len(windows(sound[: 10 * RATE_HZ + more])) for more in (0, 1)] == [1, 2]


def test_features_of_pictures_and_texts_are_what_the_network_gives(tiny_towers: TinyTowers) -> None:
    encoder = Clip()
    pixels = picture(300, 200)
    prepared = torch.from_numpy(encoder.prepare(pixels))[None]
    model = tiny_model(encoder)
    with torch.inference_mode():
        seen = model.get_image_features(pixel_values=prepared).pooler_output
        read = model.get_text_features(input_ids=torch.tensor([[0, 4, 10, 2]])).pooler_output
    for found, expected in ((encoder.encode([pixels]), seen), (encoder.encode_texts(["A dog"]), read)):
        np.testing.assert_allclose(found, torch.nn.functional.normalize(expected).numpy(), atol=1e-6)


def test_features_of_sounds_and_texts_are_what_the_network_gives(tiny_towers: TinyTowers) -> None:
    encoder = Clap()
    sound = noise(9 * RATE_HZ)
    prepared = torch.from_numpy(encoder.prepare(sound))
    model = tiny_model(encoder)
    with torch.inference_mode():
        heard = model.get_audio_features(input_features=prepared).pooler_output
        read = model.get_text_features(input_ids=torch.tensor([[0, 4, 10, 2]])).pooler_output
    np.testing.assert_allclose(encoder.encode([sound]), heard.numpy(), atol=1e-6)
    np.testing.assert_allclose(encoder.encode_texts(["A dog"]), read.numpy(), atol=1e-6)


def test_a_long_sound_is_the_mean_of_its_windows_before_they_get_unit_length(tiny_towers: TinyTowers) -> None:
    encoder = Clap()
    sound = np.concatenate([0.01 * noise(10 * RATE_HZ), tone(10)])
    model = tiny_model(encoder)
    with torch.inference_mode():
        each = [
            model.audio_projection(model.audio_model(input_features=window[None]).pooler_output)[0]
            for window in torch.from_numpy(encoder.prepare(sound))
        ]
    mean = torch.stack(each).mean(dim=0)
    assert len(each) == 2
    np.testing.assert_allclose(encoder.encode([sound])[0], (mean / mean.norm()).numpy(), atol=1e-5)


@pytest.mark.parametrize("kind", [Clip, Clap])
def test_a_feature_does_not_depend_on_the_batch_or_on_threads(
    tiny_towers: TinyTowers, kind: type[TowerEncoder]
) -> None:
    encoder = kind()
    batch: list[Float32Array | Uint8Array] = (
        [picture(*size) for size in SIZES[:4]] if kind is Clip else [noise(n) for n in (9, RATE_HZ, 11 * RATE_HZ)]
    )
    together = encoder.encode(batch)
    assert np.allclose(np.linalg.norm(together, axis=1), 1)
    assert together.tobytes() == np.concatenate([encoder.encode([one]) for one in batch]).tobytes()
    with ThreadPoolExecutor(4) as pool:
        assert {found.tobytes() for found in pool.map(encoder.encode, [batch] * 4)} == {together.tobytes()}
    assert encoder.encode([]).shape == (0, DIMENSION)


@pytest.mark.parametrize("kind", [Clip, Clap])
def test_a_text_is_the_same_whatever_is_read_with_it(tiny_towers: TinyTowers, kind: type[TowerEncoder]) -> None:
    encoder = kind()
    texts = ["a dog", "rain", "a photo of a red cat", "A DOG", "rain " * 40, "a cat"]
    together = encoder.encode_texts(texts)
    alone = np.concatenate([encoder.encode_texts([text]) for text in texts])
    np.testing.assert_allclose(together, alone, atol=1e-6)
    np.testing.assert_allclose(together[0], together[3], atol=1e-6)
    assert not np.allclose(together[0], together[5])
    assert encoder.encode_texts([]).shape == (0, DIMENSION)


def test_an_encoder_without_a_text_tower_says_so() -> None:
    with pytest.raises(UsageError, match="'efficientnet-lite2' has no text tower"):
        EfficientNetLite2().encode_texts(["a dog"])


def test_weights_come_from_their_publisher_once_and_it_is_said(
    tiny_towers: TinyTowers, caplog: pytest.LogCaptureFixture
) -> None:
    weights = Clip.weights
    assert weights
    assert "modag models add clip FILE" in str(Clip().missing_weights())
    Clip().encode([picture(30, 40)])
    assert caplog.messages == [f"{weights.path} is fetched from {weights.address}, once"]
    assert Clip().missing_weights() is None
    assert not Clip.vocabulary.path.exists(), "no picture needs it"
    (tiny_towers.published / weights.file_name).unlink()
    Clip().encode([picture(30, 40)])
    assert len(caplog.messages) == 1


def test_weights_that_are_nowhere_to_be_had_are_told(tiny_towers: TinyTowers) -> None:
    (tiny_towers.published / Clap.vocabulary.file_name).unlink()
    assert Clap().encode([noise(RATE_HZ)]).shape == (1, DIMENSION)
    with pytest.raises(WeightsMissingError, match="weights of clap are not on this machine"):
        Clap().encode_texts(["a dog"])


def altered(tiny_towers: TinyTowers, monkeypatch: pytest.MonkeyPatch, path: Path, kind: type[TowerEncoder]) -> None:
    """Let a file pass for the weights of an encoder."""
    file = WeightsFile(encoder=kind.name, file_name=path.name, sha256=sha256_of(path), address=path.as_uri())
    monkeypatch.setattr(kind, "weights", file)
    file.add(path)


def test_a_file_that_lacks_weights_is_refused(tiny_towers: TinyTowers, monkeypatch: pytest.MonkeyPatch) -> None:
    assert Clip.weights
    path = tiny_towers.published / Clip.weights.file_name
    whole = load_file(path)
    for missing, match in (("visual.proj", "visual_projection.weight"), ("ln_final.bias", "final_layer_norm.bias")):
        save_file({name: tensor for name, tensor in whole.items() if name != missing}, path)
        altered(tiny_towers, monkeypatch, path, Clip)
        with pytest.raises(WeightsDamagedError, match=f"not its network: 1 of the names do not fit, such as .*{match}"):
            Clip().encode([picture(30, 40)])
    save_file(whole | {"stranger.weight": torch.zeros(1)}, path)
    altered(tiny_towers, monkeypatch, path, Clip)
    with pytest.raises(WeightsDamagedError, match="not the weights of a CLIP"):
        Clip().encode([picture(30, 40)])
    save_file(whole | {"visual.proj": torch.zeros(3, 3)}, path)
    altered(tiny_towers, monkeypatch, path, Clip)
    with pytest.raises(WeightsDamagedError, match="not its network"):
        Clip().encode([picture(30, 40)])


class Harmful:
    """What a pickle may do when it is read."""

    done = False

    def __reduce__(self) -> tuple[object, tuple[()]]:
        return (Harmful.do, ())

    @staticmethod
    def do() -> None:
        Harmful.done = True


def test_a_pickle_that_holds_more_than_tensors_is_not_run(
    tiny_towers: TinyTowers, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    torch.save({"weight": Harmful()}, tmp_path / "harmful.bin")
    altered(tiny_towers, monkeypatch, tmp_path / "harmful.bin", Clap)
    with pytest.raises(WeightsDamagedError, match="not the weights of a CLAP"):
        Clap().encode([noise(RATE_HZ)])
    assert not Harmful.done


def test_tables_of_positions_may_be_absent_and_trained_statistics_may_not(
    tiny_towers: TinyTowers, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    expected = Clap().encode([noise(RATE_HZ)])
    weights = tiny_model(Clap()).state_dict()
    weights.pop("text_model.embeddings.token_type_ids")
    torch.save(weights, tmp_path / "older.bin")
    altered(tiny_towers, monkeypatch, tmp_path / "older.bin", Clap)
    assert Clap().encode([noise(RATE_HZ)]).tobytes() == expected.tobytes()
    weights.pop("audio_model.audio_encoder.batch_norm.running_mean")
    torch.save(weights, tmp_path / "broken.bin")
    altered(tiny_towers, monkeypatch, tmp_path / "broken.bin", Clap)
    with pytest.raises(WeightsDamagedError, match=r"batch_norm\.running_mean"):
        Clap().encode([noise(RATE_HZ)])


def test_a_vocabulary_that_is_none_is_refused(tiny_towers: TinyTowers, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tiny_towers.published / Clip.vocabulary.file_name
    path.write_text("{}")
    file = WeightsFile(encoder="clip", file_name=path.name, sha256=sha256_of(path), address=path.as_uri())
    monkeypatch.setattr(Clip, "vocabulary", file)
    with pytest.raises(WeightsDamagedError, match=f"{file.path}: not a vocabulary"):
        Clip().encode_texts(["a dog"])


@pytest.mark.parametrize("kind", [Clip, Clap])
def test_without_transformers_the_error_says_what_to_install(
    monkeypatch: pytest.MonkeyPatch, kind: type[TowerEncoder]
) -> None:
    monkeypatch.setitem(sys.modules, "transformers", None)
    with pytest.raises(MissingExtraError, match=r'pip install "modag-search\[transformers\]"'):
        kind().encode([picture(3, 3) if kind is Clip else noise(9)])
    assert 'pip install "modag-search[transformers]"' in str(kind().missing_weights())


def test_revisions_are_pinned_and_files_are_checked() -> None:
    for kind in (Clip, Clap):
        assert isinstance(kind.card, EncoderCard)
        assert issubclass(kind, Encoder)
        for file in kind().weights_files():
            assert len(file.sha256) == 64
            assert "/resolve/main/" not in file.address
        assert [file.encoder for file in kind().weights_files()] == [kind.name] * 2
