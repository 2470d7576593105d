"""What the encoders know already: the class names that those of both modalities have in common."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Mapping

    from modag_search.values import Float32Array, Int64Array, Modality


@dataclass(frozen=True, slots=True, eq=False)
class Knowledge:
    """Features of one modality to the square roots of the shares of names that both modalities have.

    The encoder's own classifier says how likely each of its classes is; classes that mean the same name are summed.
    Square roots of shares make a unit vector, whose product with another is Bhattacharyya's coefficient of the two
    distributions.

    Attributes
    ----------
    weight : np.ndarray [shape=(n_classes, d), float32]
        Each value can be held by 16 bits, as it is in a file.
    bias : np.ndarray [shape=(n_classes,), float32]
    name_of : np.ndarray [shape=(n_classes,), int64]
        Number of the name of each class; every name has a class at least.

    References
    ----------
    Bhattacharyya, "On a measure of divergence between two multinomial populations", 1946.
    """

    weight: Float32Array
    bias: Float32Array
    name_of: Int64Array

    @property
    def n_names(self) -> int:
        """How many names there are."""
        return int(self.name_of.max()) + 1

    def shares(self, features: Float32Array) -> Float32Array:
        """Return how likely each name is, ``[shape=(n, n_names)]``, for features ``[shape=(n, d)]``."""
        logits = features @ self.weight.T + self.bias
        likelihoods = np.exp(logits - logits.max(axis=1, keepdims=True))
        shares = np.zeros((len(features), self.n_names), dtype=np.float32)
        np.add.at(shares.T, self.name_of, likelihoods.T)
        whole: Float32Array = shares / shares.sum(axis=1, keepdims=True)
        return whole

    def __call__(self, features: Float32Array) -> Float32Array:
        """Make unit vectors ``[shape=(n, n_names)]`` of features ``[shape=(n, d)]``."""
        roots: Float32Array = np.sqrt(self.shares(features))
        return roots

    def tensors(self, modality: Modality) -> dict[str, np.ndarray]:
        """Name the arrays as they stand in a file."""
        return {
            f"{modality}.knowledge.weight": self.weight.astype("<f2"),
            f"{modality}.knowledge.bias": self.bias,
            f"{modality}.knowledge.name_of": self.name_of.astype("<i4"),
        }

    @classmethod
    def from_tensors(cls, modality: Modality, tensors: Mapping[str, np.ndarray], *, n_names: int) -> Knowledge:
        """Find the arrays of a modality in a file.

        Raises
        ------
        KeyError, ValueError
            If one is absent, or they do not fit each other.
        """
        weight, bias, name_of = (tensors[f"{modality}.knowledge.{name}"] for name in ("weight", "bias", "name_of"))
        if weight.ndim != 2 or bias.shape != weight.shape[:1] or name_of.shape != bias.shape:
            raise ValueError(f"the {modality} knowledge has arrays that do not fit each other")
        if weight.dtype != np.float16 or bias.dtype != np.float32 or name_of.dtype != np.int32:
            raise ValueError(f"the {modality} knowledge holds numbers of other kinds than it should")
        if not (np.isfinite(weight).all() and np.isfinite(bias).all()):
            raise ValueError(f"the {modality} knowledge holds values that are not finite")
        if set(name_of.tolist()) != set(range(n_names)):
            raise ValueError(f"the {modality} knowledge does not say of every name which classes mean it")
        return cls(weight.astype(np.float32), bias, name_of.astype(np.int64))
