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

    The whole picture is squeezed into the square, so that what stands at its edges counts too.

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
        return {"input_px": self.input_px, "resampling": "bicubic", "mean": [*self.mean], "spread": [*self.spread]}

    def prepare(self, segment: Float32Array | Uint8Array) -> Float32Array:
        """Squeeze a picture into the square: ``[shape=(3, input_px, input_px)]``."""
        from PIL import Image

        side = (self.input_px, self.input_px)
        square = np.asarray(Image.fromarray(segment).resize(side, Image.Resampling.BICUBIC))
        mean, spread = np.array([self.mean, self.spread], dtype=np.float32)
        # (x / 255 - mean) / spread as one product and one difference.
        planes = np.ascontiguousarray(square.transpose(2, 0, 1)).astype(np.float32)
        planes *= (1 / (255 * spread))[:, None, None]
        planes -= (mean / spread)[:, None, None]
        return planes
