"""YAMNet: its front end, its weights, and that it hears what is played."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

import numpy as np
import pytest
import soundfile
import soxr
import torch
from torch.nn import functional

from modag_search.encoders.networks.yamnet import YamnetNetwork, patches
from modag_search.encoders.yamnet import Yamnet
from modag_search.errors import ModelError, WeightsDamagedError
from tests.shared_folder import shared

if TYPE_CHECKING:
    from pathlib import Path

    from modag_search.values import Float32Array

WEIGHTS = "models/yamnet_wavin_quantized_mel_relu6.tflite"
DERIVED_WEIGHTS = "models/derived_yamnet_relu6_float32.npz"
LABELS = "models/yamnet_labels_521.txt"
FLUTE = "philharmonia/flute/flute_A5_phrase_mezzo-forte_staccatissimo.ogg"
VIOLIN = "philharmonia/violin/violin_As4_1_mezzo-forte_molto-vibrato.ogg"
TRUMPET = "philharmonia/trumpet/trumpet_As3_05_forte_normal.ogg"

DERIVED_NAMES = {"stem": "stem", "depthwise": "dw", "pointwise": "pw", "classifier": "fc"}


@pytest.fixture
def models(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty models folder."""
    monkeypatch.setenv("MODAG_MODELS", str(tmp_path))
    return tmp_path


@pytest.fixture
def yamnet(models: Path) -> Yamnet:
    """An encoder whose weights the user has added."""
    pytest.importorskip("tflite", reason="needs the extra yamnet")
    encoder = Yamnet()
    encoder.weights.add(shared(WEIGHTS))
    return encoder


def recording(name: str) -> Float32Array:
    samples, rate_hz = soundfile.read(shared(f"data/sound/{name}"), dtype="float32")
    resampled: Float32Array = soxr.resample(samples, rate_hz, Yamnet.sample_rate_hz).astype(np.float32)
    return resampled


def tone(*, frequency_hz: float, seconds: float) -> Float32Array:
    time_s = np.arange(int(seconds * Yamnet.sample_rate_hz)) / Yamnet.sample_rate_hz
    return (0.5 * np.sin(2 * np.pi * frequency_hz * time_s)).astype(np.float32)


def reference_patches(samples: Float32Array, *, window: Float32Array, mel: Float32Array) -> Float32Array:
    """Compute the front end frame by frame, with the window and the mel filters of the published file."""
    frames = [samples[start : start + 400] * window for start in range(0, samples.size - 399, 160)]
    log_mel = np.log(np.abs(np.fft.rfft(frames, n=512)) @ mel + 0.001)
    return np.stack([log_mel[start : start + 96] for start in range(0, len(log_mel) - 95, 48)]).astype(np.float32)


def reference_features(samples: Float32Array, weights: dict[str, Float32Array]) -> Float32Array:
    """Compute the network with the derived weights, padding by TensorFlow's rule for any size."""

    def convolve(planes: torch.Tensor, layer: str, *, stride: int, groups: int = 1) -> torch.Tensor:
        weight, bias = (torch.from_numpy(weights[f"{layer}.{part}"]) for part in ("weight", "bias"))
        kernel = weight.shape[-1]
        down, across = (max(0, (-(-size // stride) - 1) * stride + kernel - size) for size in planes.shape[2:])
        padded = functional.pad(planes, (across // 2, across - across // 2, down // 2, down - down // 2))
        return functional.conv2d(padded, weight, bias, stride, groups=groups).clamp(0, 6)

    inputs = reference_patches(samples, window=weights["win"], mel=weights["mel"])
    planes = convolve(torch.from_numpy(inputs)[:, None], "stem", stride=2)
    for pair, stride in enumerate((1, 2, 1, 2, 1, 2, 1, 1, 1, 1, 1, 2, 1)):
        planes = convolve(planes, f"dw.{pair}", stride=stride, groups=planes.shape[1])
        planes = convolve(planes, f"pw.{pair}", stride=1)
    features: Float32Array = planes.mean(dim=(0, 2, 3)).numpy()
    return features


def test_patches_overlap_by_half_and_leave_out_what_does_not_fill_one() -> None:
    sound = torch.from_numpy(tone(frequency_hz=440, seconds=5))

    found = patches(sound)

    assert found.shape == (9, 96, 64)
    torch.testing.assert_close(found[0, 48:], found[1, :48], rtol=0, atol=0)


@pytest.mark.parametrize("frequency_hz", [250, 1000, 6000])
def test_a_tone_is_loudest_in_its_mel_band(frequency_hz: float) -> None:
    sound = torch.from_numpy(tone(frequency_hz=frequency_hz, seconds=1))
    lowest, highest, here = (2595 * np.log10(1 + hz / 700) for hz in (125, 7500, frequency_hz))
    band = round((here - lowest) / (highest - lowest) * 65) - 1

    assert set(patches(sound).argmax(dim=2).flatten().tolist()) == {band}


def test_the_published_file_gives_the_derived_weights() -> None:
    pytest.importorskip("tflite", reason="needs the extra yamnet")
    network = YamnetNetwork.load(shared(WEIGHTS))

    with np.load(shared(DERIVED_WEIGHTS)) as derived:
        for name, value in network.state_dict().items():
            layer, _, rest = name.partition(".")
            np.testing.assert_array_equal(value.numpy(), derived[f"{DERIVED_NAMES[layer]}.{rest}"], err_msg=name)


def test_features_equal_an_independent_computation(yamnet: Yamnet) -> None:
    sound = recording(FLUTE)
    with np.load(shared(DERIVED_WEIGHTS)) as derived:
        expected = reference_features(sound, dict(derived))

    np.testing.assert_allclose(yamnet.encode([sound])[0], expected, atol=2e-4)


@pytest.mark.parametrize(
    ("name", "sensible"),
    [
        (FLUTE, {"Flute", "Wind instrument, woodwind instrument"}),
        (VIOLIN, {"Violin, fiddle", "Bowed string instrument"}),
        (TRUMPET, {"Trumpet", "Brass instrument"}),
    ],
)
def test_it_names_the_instrument_that_is_played(yamnet: Yamnet, name: str, sensible: set[str]) -> None:
    labels = shared(LABELS).read_text(encoding="utf-8").splitlines()
    network = YamnetNetwork.load(yamnet.weights.ensure())

    with torch.inference_mode():
        _, logits = network(patches(torch.from_numpy(recording(name))))
    likeliest = [labels[column] for column in logits.sigmoid().mean(dim=0).argsort(descending=True)[:3]]

    assert set(likeliest) - {"Music"} >= sensible


def test_a_short_sound_is_heard_again_and_again(yamnet: Yamnet) -> None:
    note = tone(frequency_hz=440, seconds=0.3)
    repeated = np.tile(note, 17)[: 5 * Yamnet.sample_rate_hz]

    features = yamnet.encode([note, repeated, tone(frequency_hz=880, seconds=6)])

    assert features.shape == (3, Yamnet.dimension)
    np.testing.assert_array_equal(features[0], features[1])
    assert not np.allclose(features[0], features[2])


def test_a_damaged_file_is_refused(models: Path) -> None:
    content = bytearray(shared(WEIGHTS).read_bytes())
    content[len(content) // 2] ^= 1
    damaged = models / Yamnet.weights.file_name
    damaged.write_bytes(content)

    with pytest.raises(WeightsDamagedError, match="not the weights of yamnet"):
        Yamnet().encode([tone(frequency_hz=440, seconds=1)])


def test_a_file_of_another_format_is_refused(tmp_path: Path) -> None:
    pytest.importorskip("tflite", reason="needs the extra yamnet")
    other = tmp_path / "weights.tflite"
    other.write_bytes(bytes(64))

    with pytest.raises(WeightsDamagedError, match="not a TensorFlow Lite file"):
        YamnetNetwork.load(other)


def test_without_the_extra_the_error_says_what_to_install(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "tflite", None)

    with pytest.raises(ModelError, match=r'pip install "modag-search\[yamnet\]"'):
        YamnetNetwork.load(tmp_path / Yamnet.weights.file_name)


def test_missing_weights_says_how_to_get_the_file_and_its_reader(models: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "tflite", None)

    way = Yamnet().missing_weights()

    assert way is not None
    assert "modag models add yamnet FILE" in way
    assert 'pip install "modag-search[yamnet]"' in way


def test_nothing_is_missing_once_the_weights_are_added(yamnet: Yamnet) -> None:
    assert yamnet.missing_weights() is None
