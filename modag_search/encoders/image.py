"""What the image encoders share."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, ClassVar, Final

import numpy as np

from modag_search.encoders.network import NetworkEncoder

if TYPE_CHECKING:
    from collections.abc import Mapping

    from PIL import Image

    from modag_search.values import Float32Array, Uint8Array

_BICUBIC: Final = 3
"""Pillow's number for it; whoever names encoders need not import Pillow."""
_LONGEST: Final = 32


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
    crops_after_scaling : bool
        Whether the middle is cut out once the shorter side is as long as the square, in whole pixels then: what some
        networks' own processors do. Of very long pictures it is cut out before, since they would grow without bound.
    """

    modality = "image"
    input_px: ClassVar[int] = 224
    mean: ClassVar[tuple[float, float, float]]
    spread: ClassVar[tuple[float, float, float]]
    crops_after_scaling: ClassVar[bool] = False

    @property
    def preparation(self) -> Mapping[str, Any]:
        """What is done to pictures before the network sees them."""
        return {
            "input_px": self.input_px,
            "crop": "middle, after scaling" if self.crops_after_scaling else "middle",
            "resampling": "bicubic",
            "mean": [*self.mean],
            "spread": [*self.spread],
        }

    def prepare(self, segment: Float32Array | Uint8Array) -> Float32Array:
        """Scale the middle of a picture to the square: ``[shape=(3, input_px, input_px)]``."""
        from PIL import Image

        picture = Image.fromarray(segment)
        is_short = max(picture.size) <= _LONGEST * min(picture.size)
        square = np.asarray((self._late if self.crops_after_scaling and is_short else self._early)(picture))
        mean, spread = np.array([self.mean, self.spread], dtype=np.float32)
        # (x / 255 - mean) / spread as one product and one difference.
        planes = np.ascontiguousarray(square.transpose(2, 0, 1)).astype(np.float32)
        planes *= (1 / (255 * spread))[:, None, None]
        planes -= (mean / spread)[:, None, None]
        return planes

    def _early(self, picture: Image.Image) -> Image.Image:
        """Scale the middle alone."""
        side = min(picture.size)
        left, top = ((length - side) / 2 for length in picture.size)
        box = (left, top, left + side, top + side)
        return picture.resize((self.input_px, self.input_px), _BICUBIC, box=box)

    def _late(self, picture: Image.Image) -> Image.Image:
        """Scale all of the picture, and cut out the middle."""
        shorter = min(picture.size)
        width, height = (self.input_px * length // shorter for length in picture.size)
        left, top = (width - self.input_px) // 2, (height - self.input_px) // 2
        scaled = picture.resize((width, height), _BICUBIC)
        return scaled.crop((left, top, left + self.input_px, top + self.input_px))
