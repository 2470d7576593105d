"""What is said of the encoders' classes: where a text that describes a thing finds what the thing is called."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Self

import numpy as np

from modag_search.space.arithmetic import as_int8, read_int8
from modag_search.unit_vectors import of_unit_length
from modag_search.values import MODALITIES

if TYPE_CHECKING:
    from collections.abc import Mapping

    from modag_search.values import Float32Array, Modality

_TEXTS_AT_ONCE = 256


@dataclass(frozen=True, slots=True, eq=False)
class Descriptions:
    """Vectors of what is said of each class: its name, what it is, what it looks or sounds like.

    "A horse with stripes" is nearer to the name of horses than to that of zebras, and nearest to what is said of
    zebras. So a text asks, for a part, by the names of the classes of which something like it is said.

    Attributes
    ----------
    said : Mapping of modality to np.ndarray [shape=(n_classes, n_texts, d), float32]
        Of the classes of each encoder's own classifier, in its order; about unit length. Their values can be held by 8
        bits and a scale of 16, as they are in a file.
    share : float
        How much of a text becomes what those classes are called, in [0, 1].
    temperature : float
        How near a text must be to what is said of a class to be shared out to it: less is nearer.
    """

    said: Mapping[Modality, Float32Array]
    share: float
    temperature: float

    def followed(self, meant: Float32Array, called: Mapping[Modality, Float32Array]) -> Float32Array:
        """Move texts towards what the classes are called of which the like is said.

        Parameters
        ----------
        meant : np.ndarray [shape=(n, d), float32]
            Unit vectors of the texts.
        called : Mapping of modality to np.ndarray [shape=(n_classes, d), float32]
            Unit vectors of the names of the classes.

        Returns
        -------
        np.ndarray [shape=(n, d), float32]
            Of unit length.
        """
        parts = [meant[start : start + _TEXTS_AT_ONCE] for start in range(0, len(meant), _TEXTS_AT_ONCE)]
        return np.concatenate([self._followed(part, called) for part in parts]) if parts else meant

    def _followed(self, meant: Float32Array, called: Mapping[Modality, Float32Array]) -> Float32Array:
        n, d = meant.shape
        similarities = {m: (meant @ said.reshape(-1, d).T).reshape(n, len(said), -1) for m, said in self.said.items()}
        nearest = np.max([part.max(axis=(1, 2)) for part in similarities.values()], axis=0)[:, None, None]
        towards = np.zeros_like(meant)
        for modality, part in similarities.items():
            likelihoods = np.exp((part - nearest) / np.float32(self.temperature)).sum(axis=2)
            towards += likelihoods @ called[modality]
        share = np.float32(self.share)
        return of_unit_length((1 - share) * meant + share * of_unit_length(towards))

    def tensors(self) -> dict[str, np.ndarray]:
        """Name the arrays as they stand in a file."""
        tensors: dict[str, np.ndarray] = {}
        for modality, said in self.said.items():
            values, scales = as_int8(said)
            tensors |= {f"{modality}.said.values": values, f"{modality}.said.scales": scales.astype("<f2")}
        return tensors

    def to_json(self) -> dict[str, Any]:
        """Describe as JSON values what no array holds."""
        return {"share": self.share, "temperature": self.temperature}

    @classmethod
    def from_tensors(cls, tensors: Mapping[str, np.ndarray], stored: Mapping[str, Any] | None) -> Self | None:
        """Find the arrays in a file; `stored` is what `to_json` gave, None in a file of before there were any.

        Raises
        ------
        KeyError, ValueError
            If one is absent, or they do not fit each other.
        """
        if stored is None:
            return None
        share, temperature = float(stored["share"]), float(stored["temperature"])
        if not (0 <= share <= 1 and 0 < temperature < np.inf):
            raise ValueError(f"what is said needs a share up to 1 and a temperature, not {share} and {temperature}")
        said = {
            modality: read_int8(tensors, f"{modality}.said", n_axes=3, what=f"what is said of its {modality} classes")
            for modality in MODALITIES
        }
        return cls(said, share, temperature)
