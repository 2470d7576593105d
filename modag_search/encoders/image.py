"""What the image encoders share."""

from __future__ import annotations

import functools
from abc import abstractmethod
from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np

from modag_search.encoders.base import Encoder
from modag_search.encoders.inference import encode_one_by_one

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    import torch

    from modag_search.values import Float32Array, Uint8Array


class SquareImageEncoder(Encoder):
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

    @abstractmethod
    def load_network(self) -> torch.nn.Module:
        """Load the network, ready for inference; called once, on the first `encode`.

        It returns features, or a tuple that begins with them.
        """

    @property
    def preparation(self) -> Mapping[str, Any]:
        """What is done to pictures before the network sees them."""
        return {"input_px": self.input_px, "resampling": "bicubic", "mean": [*self.mean], "spread": [*self.spread]}

    @functools.cached_property
    def network(self) -> torch.nn.Module:
        """The network, loaded on first use."""
        return self.load_network()

    def encode(self, batch: Sequence[Float32Array | Uint8Array]) -> Float32Array:
        """Make features of pictures; see `Encoder.encode`."""
        network = self.network

        def feature(pixels: Float32Array | Uint8Array) -> torch.Tensor:
            output = network(self._input(pixels))
            features: torch.Tensor = output[0] if isinstance(output, tuple) else output
            return features[0]

        return encode_one_by_one(batch, feature, dimension=self.dimension)

    def _input(self, pixels: Float32Array | Uint8Array) -> torch.Tensor:
        """Make a tensor ``[shape=(1, 3, input_px, input_px)]`` of a picture."""
        import torch
        from PIL import Image

        square = Image.fromarray(pixels).resize((self.input_px, self.input_px), Image.Resampling.BICUBIC)
        mean, spread = np.array([self.mean, self.spread], dtype=np.float32)
        scaled = (np.asarray(square, dtype=np.float32) / 255 - mean) / spread
        return torch.from_numpy(np.ascontiguousarray(scaled.transpose(2, 0, 1)))[None]
