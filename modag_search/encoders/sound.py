"""What the sound encoders share."""

from __future__ import annotations

import functools
from abc import abstractmethod
from typing import TYPE_CHECKING, Any, ClassVar

from modag_search.encoders.base import ClassHead, Encoder
from modag_search.encoders.inference import encode_one_by_one

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    import torch

    from modag_search.values import Float32Array, Uint8Array

SHORTEST_S = 5.0
"""Shorter sounds are repeated: notes then resemble the longer sounds that the networks were trained on."""


class SoundEncoder(Encoder):
    """Sounds to features by a network that gets at least `SHORTEST_S` of each."""

    modality = "sound"

    @abstractmethod
    def load_network(self) -> torch.nn.Module:
        """Load the network, ready for inference; called once, on the first `encode`."""

    @abstractmethod
    def feature_of(self, sound: torch.Tensor) -> torch.Tensor:
        """Make a feature ``[shape=(dimension,)]`` of a sound ``[shape=(n_samples,)]``."""

    @property
    def preparation(self) -> Mapping[str, Any]:
        """What is done to sounds before the network sees them."""
        return {"sample_rate_hz": self.sample_rate_hz, "repeated_to_s": SHORTEST_S}

    @functools.cached_property
    def network(self) -> torch.nn.Module:
        """The network, loaded on first use."""
        return self.load_network()

    def encode(self, batch: Sequence[Float32Array | Uint8Array]) -> Float32Array:
        """Make features of sounds; see `Encoder.encode`."""
        import torch

        from modag_search.encoders.networks.spectrogram import repeat_to

        shortest = int(SHORTEST_S * self.sample_rate_hz)

        def feature(samples: Float32Array | Uint8Array) -> torch.Tensor:
            return self.feature_of(repeat_to(torch.from_numpy(samples), shortest=shortest))

        return encode_one_by_one(batch, feature, dimension=self.dimension)


class LogMelEncoder(SoundEncoder):
    """Sounds to features by a network on EfficientAT's spectrograms that ends in AudioSet logits."""

    sample_rate_hz = 32_000
    feature_output: ClassVar[int] = 0
    """Which output of the network is the feature."""

    def feature_of(self, sound: torch.Tensor) -> torch.Tensor:
        """Make a feature of a whole sound; see `SoundEncoder.feature_of`."""
        from modag_search.encoders.networks.spectrogram import log_mel, standardise

        features: torch.Tensor = self.network(standardise(log_mel(sound))[None])[self.feature_output]
        return features[0]

    def class_head(self) -> ClassHead:
        """Return the layer that makes AudioSet logits of features."""
        from torch import nn

        layer = self.network.classifier
        assert isinstance(layer, nn.Linear)
        return ClassHead.of_layer("audioset", layer)
