"""The networks that carry features into a space, one a modality; numpy alone runs them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from modag_search.unit_vectors import of_unit_length

if TYPE_CHECKING:
    from collections.abc import Mapping

    from modag_search.values import Float32Array, Modality


@dataclass(frozen=True, slots=True, eq=False)
class Branch:
    """The network of one modality: linear, ELU, linear, unit length.

    Attributes
    ----------
    weight_in, bias_in : np.ndarray [shape=(hidden, d)] and [shape=(hidden,)], float32
    weight_out, bias_out : np.ndarray [shape=(dimension, hidden)] and [shape=(dimension,)], float32
    """

    weight_in: Float32Array
    bias_in: Float32Array
    weight_out: Float32Array
    bias_out: Float32Array

    def __call__(self, features: Float32Array) -> Float32Array:
        """Project features ``[shape=(n, d)]`` to unit vectors ``[shape=(n, dimension)]``."""
        hidden = features @ self.weight_in.T + self.bias_in
        activated = np.where(hidden > 0, hidden, np.expm1(np.minimum(hidden, 0)))
        vectors = activated @ self.weight_out.T + self.bias_out
        return of_unit_length(vectors)

    @classmethod
    def linear(cls, weight: np.ndarray, *, bias: np.ndarray) -> Branch:
        """Make of a linear map the branch that does the same with features of unit length.

        What goes into ELU is lifted above 0, where ELU changes nothing, and let down again behind it.

        Parameters
        ----------
        weight : np.ndarray [shape=(dimension, d)]
        bias : np.ndarray [shape=(dimension,)]

        Returns
        -------
        Branch
        """
        # Features kept in half precision may be a little longer than 1.
        lift = 1.01 * np.linalg.norm(weight, axis=1) + np.abs(bias)
        identity = np.eye(len(bias), dtype=np.float32)
        return cls(weight.astype(np.float32), lift.astype(np.float32), identity, (bias - lift).astype(np.float32))

    @property
    def takes(self) -> int:
        """Length of the features."""
        return int(self.weight_in.shape[1])

    @property
    def dimension(self) -> int:
        """Length of the vectors."""
        return int(self.bias_out.size)

    def tensors(self, modality: Modality) -> dict[str, Float32Array]:
        """Name the arrays as they stand in a file."""
        return {f"{modality}.{name}": getattr(self, name) for name in self.__slots__}

    @classmethod
    def from_tensors(cls, modality: Modality, tensors: Mapping[str, Float32Array]) -> Branch:
        """Find the arrays of a modality in a file.

        Raises
        ------
        KeyError, ValueError
            If one is absent, or they make no branch.
        """
        arrays = [tensors[f"{modality}.{name}"] for name in cls.__slots__]
        if any(array.dtype != np.float32 or not np.isfinite(array).all() for array in arrays):
            raise ValueError(f"the {modality} branch holds values that are not finite 32-bit floats")
        weight_in, bias_in, weight_out, bias_out = arrays
        fitting = [
            (bias_in.size, weight_in.shape[-1]),
            (bias_in.size,),
            (bias_out.size, bias_in.size),
            (bias_out.size,),
        ]
        if [array.shape for array in arrays] != fitting:
            raise ValueError(f"the {modality} branch has layers that do not fit each other")
        return cls(weight_in, bias_in, weight_out, bias_out)


@dataclass(frozen=True, slots=True)
class Apart:
    """In the place of a branch: features as they are, at unit length, where no other modality has anything.

    Attributes
    ----------
    takes : int
        Length of the features.
    before, after : int
        How many zeros stand before and behind them.
    """

    takes: int
    before: int
    after: int

    def __call__(self, features: Float32Array) -> Float32Array:
        """Bring features ``[shape=(n, takes)]`` to unit length, between zeros."""
        return np.pad(of_unit_length(features), ((0, 0), (self.before, self.after)))

    @property
    def dimension(self) -> int:
        """Length of the vectors."""
        return self.before + self.takes + self.after

    def tensors(self, modality: Modality) -> dict[str, Float32Array]:
        """Name what decides a vector; no file holds it."""
        return {f"{modality}.apart": np.array([self.before, self.takes, self.after], dtype=np.float32)}
