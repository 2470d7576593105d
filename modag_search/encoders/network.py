"""Encoders that prepare media with numpy and leave the rest to a network, whatever runs it.

The same segment gives the same feature to the bit: libraries choose an algorithm, and with it an order of additions, by
the shape of a batch and by the number of threads, so every segment goes through its network alone and on one thread.
Speed comes from encoding several files at once, which costs nothing on a CPU, where a batch is hardly faster than its
parts.
"""

from __future__ import annotations

import functools
from abc import abstractmethod
from collections.abc import Callable
from typing import TYPE_CHECKING

import numpy as np

from modag_search.encoders.base import Encoder
from modag_search.values import Float32Array

if TYPE_CHECKING:
    from collections.abc import Sequence

    from modag_search.values import Uint8Array

Network = Callable[[Float32Array], Float32Array]
"""Makes of one prepared segment its feature ``[shape=(dimension,), float32]``; threads may share it."""


class NetworkEncoder(Encoder):
    """An encoder in two steps: `prepare` and a network."""

    @abstractmethod
    def prepare(self, segment: Float32Array | Uint8Array) -> Float32Array:
        """Make the network's input of a decoded segment."""

    @abstractmethod
    def load_network(self) -> Network:
        """Load the network, ready to run on one thread; called once, on the first `encode`."""

    @functools.cached_property
    def network(self) -> Network:
        """The network, loaded on first use."""
        return self.load_network()

    def encode(self, batch: Sequence[Float32Array | Uint8Array]) -> Float32Array:
        """Make features of segments, one after the other; see `Encoder.encode`."""
        features = np.empty((len(batch), self.dimension), dtype=np.float32)
        for row, segment in enumerate(batch):
            features[row] = self.network(self.prepare(segment))
        return features
