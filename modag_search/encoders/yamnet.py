"""YAMNet: the sound encoder that Google trained on AudioSet."""

from __future__ import annotations

import importlib.util
from typing import TYPE_CHECKING, Any

import numpy as np

from modag_search.encoders.base import EncoderCard
from modag_search.encoders.network import Network, NetworkEncoder
from modag_search.encoders.sound import SHORTEST_S, repeated
from modag_search.encoders.torch_backend import TorchNetwork, has_torch, require_torch
from modag_search.encoders.weights import WeightsFile

if TYPE_CHECKING:
    from collections.abc import Mapping

    import torch

    from modag_search.values import Float32Array, Uint8Array


class Yamnet(NetworkEncoder):
    """Sounds to 1024 features: the mean over patches of 0.96 s, one every 0.48 s."""

    name = "yamnet"
    modality = "sound"
    dimension = 1024
    sample_rate_hz = 16_000
    card = EncoderCard(
        summary="MobileNetV1 trained on AudioSet: 521 kinds of sound; needs modag-search[yamnet]",
        licence="Apache-2.0",
        source="github.com/tensorflow/tflite-support",
        size_bytes=4_119_504,
    )
    # Not from TensorFlow Hub: what it serves as google/lite-model/yamnet/tflite/1 is another file.
    weights = WeightsFile(
        encoder="yamnet",
        file_name="yamnet_wavin_quantized_mel_relu6.tflite",
        sha256="b8cc7ebd9edf3c16fcd79230e4c105316e8872c51ce447348176f75d6d35d570",
        address=(
            "https://raw.githubusercontent.com/tensorflow/tflite-support/master/tensorflow_lite_support/"
            "metadata/python/tests/testdata/audio_classifier/yamnet_wavin_quantized_mel_relu6.tflite"
        ),
    )

    def missing_weights(self) -> str | None:
        """Say how to get the weights and what reads them, or return None where both are on this machine."""
        ways = [super().missing_weights()]
        if not has_torch() or importlib.util.find_spec("tflite") is None:
            ways.append('reading the file takes `pip install "modag-search[yamnet]"`')
        return "; ".join(way for way in ways if way) or None

    @property
    def preparation(self) -> Mapping[str, Any]:
        """What is done to sounds before the network sees them."""
        return {"sample_rate_hz": self.sample_rate_hz, "repeated_to_s": SHORTEST_S}

    def prepare(self, segment: Float32Array | Uint8Array) -> Float32Array:
        """Repeat a short sound."""
        samples = np.asarray(segment, dtype=np.float32)
        return repeated(samples, shortest=int(SHORTEST_S * self.sample_rate_hz))

    def load_network(self) -> Network:
        """Load the network with the published weights."""
        require_torch(f"encoder {self.name!r}", extra="yamnet")
        from modag_search.encoders.networks.yamnet import YamnetNetwork, patches

        network = YamnetNetwork.load(self.weights.ensure())

        def feature(sounds: torch.Tensor) -> torch.Tensor:
            features: torch.Tensor = network(patches(sounds[0]))[0]
            return features.mean(dim=0, keepdim=True)

        return TorchNetwork(feature)
