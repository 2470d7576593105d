"""What a space was taught by name: where a text finds what its training called so."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Self

import numpy as np

from modag_search.space.arithmetic import ramp, shared_out
from modag_search.unit_vectors import of_unit_length

if TYPE_CHECKING:
    from collections.abc import Mapping

    from modag_search.values import Float32Array


@dataclass(frozen=True, slots=True, eq=False)
class TaughtNames:
    """Names of the groups that a space was trained on, and where their examples lie in what it learnt from these.

    The encoders' classifiers may have no class for a name: AudioSet knows no viola. What was taught does, and a text
    that is such a name, or near to one, asks there too.

    Attributes
    ----------
    names : tuple of str
        As they were given: ``english_horn``.
    meant : np.ndarray [shape=(n_names, n_dimensions), float32]
        Unit vectors of what the names mean; see `space.Meaning`.
    learned : np.ndarray [shape=(n_names, d), float32]
        Unit vectors in the first part of the space: means over the examples of each modality, and then over these.
        Values of both arrays can be held by 16 bits, as they are in a file.
    share : float
        Weight of the first part in the vector of a text that is such a name, in [0, 1].
    least_similarity : float
        Cosine of a text and the nearest name below which the text has no first part; from there to 1 the share grows.
    temperature : float
        How near a text must be to a name to be shared out to it: less is nearer.
    """

    names: tuple[str, ...]
    meant: Float32Array
    learned: Float32Array
    share: float
    least_similarity: float
    temperature: float

    def told(self, meant: Float32Array) -> tuple[Float32Array, Float32Array]:
        """Tell where texts lie in what was learnt.

        Parameters
        ----------
        meant : np.ndarray [shape=(n, n_dimensions), float32]
            Unit vectors of what they mean.

        Returns
        -------
        learned : np.ndarray [shape=(n, d), float32]
            Of unit length.
        shares : np.ndarray [shape=(n,), float32]
            How much of each text's vector that is to be.
        """
        named, nearest = shared_out(meant, self.meant, temperature=self.temperature)
        return of_unit_length(named @ self.learned), np.float32(self.share) * ramp(nearest, self.least_similarity)

    def tensors(self) -> dict[str, np.ndarray]:
        """Name the arrays as they stand in a file."""
        return {"taught.meant": self.meant.astype("<f2"), "taught.learned": self.learned.astype("<f2")}

    def to_json(self) -> dict[str, Any]:
        """Describe as JSON values what no array holds."""
        return {
            "names": self.names,
            "share": self.share,
            "least_similarity": self.least_similarity,
            "temperature": self.temperature,
        }

    @classmethod
    def from_tensors(cls, tensors: Mapping[str, np.ndarray], stored: Mapping[str, Any]) -> Self:
        """Find the arrays in a file; `stored` is what `to_json` gave.

        Raises
        ------
        KeyError, ValueError
            If one is absent, or they do not fit each other.
        """
        names = tuple(str(name) for name in stored["names"])
        arrays = tensors["taught.meant"], tensors["taught.learned"]
        if any(array.ndim != 2 or array.dtype != np.float16 or len(array) != len(names) for array in arrays):
            raise ValueError("the names that it was taught have vectors that do not fit them")
        if not names or not all(np.isfinite(array).all() for array in arrays):
            raise ValueError("the names that it was taught are none, or have vectors that are not finite")
        share, least, temperature = (float(stored[what]) for what in ("share", "least_similarity", "temperature"))
        if not (0 <= share <= 1 and 0 <= least < 1 and 0 < temperature < np.inf):
            raise ValueError("the names that it was taught need a share, a least similarity and a temperature")
        meant, learned = (array.astype(np.float32) for array in arrays)
        return cls(names, meant, learned, share, least, temperature)
