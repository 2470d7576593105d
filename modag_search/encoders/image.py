"""What the image encoders share."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np

from modag_search.encoders.network import NetworkEncoder

if TYPE_CHECKING:
    from collections.abc import Mapping

    from modag_search.values import Float32Array, Uint8Array


class SquareImageEncoder(NetworkEncoder):
    """Pictures to features by a network that takes squares.

    They get the middle of a picture, as high or as wide as the picture is: what networks were trained on, and what
    named train sources left out best (scripts/choose_views).

    Attributes
    ----------
    input_px : int
        Side of the square.
    mean, spread : tuple of float
        What the network wants subtracted from, and then divided out of, red, green and blue in [0, 1].
    """

    modality = "image"
    input_px: ClassVar[int] = 224
    mean: ClassVar[tuple[float, float, float]]
    spread: ClassVar[tuple[float, float, float]]

    @property
    def preparation(self) -> Mapping[str, Any]:
        """What is done to pictures before the network sees them."""
        return {
            "input_px": self.input_px,
            "crop": "middle",
            "resampling": "bicubic",
            "mean": [*self.mean],
            "spread": [*self.spread],
        }

    def prepare(self, segment: Float32Array | Uint8Array) -> Float32Array:
        """Scale the middle of a picture to the square: ``[shape=(3, input_px, input_px)]``."""
        from PIL import Image

        height, width = segment.shape[:2]
        side = min(height, width)
        left, top = (width - side) / 2, (height - side) / 2
        size, box = (self.input_px, self.input_px), (left, top, left + side, top + side)
        square = np.asarray(Image.fromarray(segment).resize(size, Image.Resampling.BICUBIC, box=box))
        mean, spread = np.array([self.mean, self.spread], dtype=np.float32)
        # (x / 255 - mean) / spread as one product and one difference.
        planes = np.ascontiguousarray(square.transpose(2, 0, 1)).astype(np.float32)
        planes *= (1 / (255 * spread))[:, None, None]
        planes -= (mean / spread)[:, None, None]
        return planes
