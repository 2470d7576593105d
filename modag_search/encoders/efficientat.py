"""EfficientAT mn04: trained on AudioSet by distillation from transformers."""

from __future__ import annotations

from typing import TYPE_CHECKING

from modag_search.encoders.base import ClassHead, EncoderCard
from modag_search.encoders.sound import LogMelEncoder
from modag_search.encoders.weights import WeightsFile

if TYPE_CHECKING:
    import torch


class EfficientAtMn04(LogMelEncoder):
    """Sounds to the 512 hidden units before the class logits; AudioSet mAP 0.432 according to its authors."""

    name = "efficientat-mn04"
    dimension = 512
    feature_output = 1
    card = EncoderCard(
        summary="MobileNetV3 (width 0.4) trained on AudioSet: 527 kinds of sound",
        licence="MIT",
        source="github.com/fschmid56/EfficientAT, release v0.0.1",
        size_bytes=4_066_513,
    )
    weights = WeightsFile(
        encoder="efficientat-mn04",
        file_name="mn04_as_mAP_432.pt",
        sha256="899a8c6217063f6941793102a2780b3dd788ab11fce468d9cf5f0577c453321c",
        address="https://github.com/fschmid56/EfficientAT/releases/download/v0.0.1/mn04_as_mAP_432.pt",
    )

    def load_network(self) -> torch.nn.Module:
        """Load the network with the published weights."""
        from modag_search.encoders.networks.efficientat import EfficientAtNetwork

        return EfficientAtNetwork.load(self.weights.ensure())

    def class_head(self) -> ClassHead:
        """Return the last of the network's two linear layers."""
        from torch import nn

        layer = self.network.get_submodule("classifier.5")
        assert isinstance(layer, nn.Linear)
        return ClassHead.of_layer("audioset", layer)
