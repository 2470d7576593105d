"""Words that name a class of the encoders, or a kind of several: where they stand for what all of these are called."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Self

import numpy as np
import numpy.typing as npt

from modag_search.space.arithmetic import as_int8, ramp, read_int8, shared_out
from modag_search.unit_vectors import of_unit_length

if TYPE_CHECKING:
    from collections.abc import Mapping

    from modag_search.values import Float32Array

_ARRAYS = ("meant", "called")
"""Of numbers with 8 bits."""


@dataclass(frozen=True, slots=True, eq=False)
class Lexicon:
    """Words, and what the classes are called that they name.

    No picture is of "furniture" alone: the classifier tells chairs, tables and wardrobes apart. The word itself is near
    to some of these, and nearer to much else. A lexicon knows what lies below it, and what a word like it may ask for.

    Attributes
    ----------
    meant : np.ndarray [shape=(n_words, d), float32]
        What the words mean by themselves; about unit length.
    called : np.ndarray [shape=(n_senses, d), float32]
        What classes are called that are named together: the mean of their names. Values of both arrays can be held by
        8 bits and a scale of 16, as they are in a file.
    sense_of : np.ndarray [shape=(n_words,), int32]
        Which of these each word is for.
    share : float
        How much of a text that is such a word becomes what is called so, in [0, 1].
    least_similarity : float
        Cosine of a text and the nearest word below which nothing does; from there to 1 the share grows.
    temperature : float
        How near a text must be to a word to be shared out to it: less is nearer.
    """

    meant: Float32Array
    called: Float32Array
    sense_of: npt.NDArray[np.int32]
    share: float
    least_similarity: float
    temperature: float

    def looked_up(self, meant: Float32Array, followed: Float32Array) -> Float32Array:
        """Move texts that are words of the lexicon towards what these name.

        Parameters
        ----------
        meant : np.ndarray [shape=(n, d), float32]
            Unit vectors of the texts.
        followed : np.ndarray [shape=(n, d), float32]
            What they have become by now, of unit length.

        Returns
        -------
        np.ndarray [shape=(n, d), float32]
            Of unit length.
        """
        of_words, nearest = shared_out(meant, self.meant, temperature=self.temperature)
        share = np.float32(self.share) * ramp(nearest, self.least_similarity)[:, None]
        return of_unit_length((1 - share) * followed + share * of_unit_length(of_words @ self.called[self.sense_of]))

    def tensors(self) -> dict[str, np.ndarray]:
        """Name the arrays as they stand in a file."""
        tensors: dict[str, np.ndarray] = {}
        for name, array in zip(_ARRAYS, (self.meant, self.called), strict=True):
            values, scales = as_int8(array)
            tensors |= {f"lexicon.{name}.values": values, f"lexicon.{name}.scales": scales.astype("<f2")}
        return tensors | {"lexicon.sense_of": self.sense_of.astype("<i4")}

    def to_json(self) -> dict[str, Any]:
        """Describe as JSON values what no array holds."""
        return {"share": self.share, "least_similarity": self.least_similarity, "temperature": self.temperature}

    @classmethod
    def from_tensors(cls, tensors: Mapping[str, np.ndarray], stored: Mapping[str, Any] | None) -> Self | None:
        """Find the arrays in a file; `stored` is what `to_json` gave, None in a file of before there was one.

        Raises
        ------
        KeyError, ValueError
            If one is absent, or they do not fit each other.
        """
        if stored is None:
            return None
        share, least, temperature = (float(stored[what]) for what in ("share", "least_similarity", "temperature"))
        if not (0 <= share <= 1 and 0 <= least < 1 and 0 < temperature < np.inf):
            raise ValueError("its lexicon needs a share, a least similarity and a temperature")
        meant, called = (read_int8(tensors, f"lexicon.{name}", n_axes=2, what="its lexicon") for name in _ARRAYS)
        sense_of = tensors["lexicon.sense_of"]
        if sense_of.dtype != np.int32:
            raise ValueError("its lexicon has other arrays than it should")
        is_sense = (sense_of >= 0) & (sense_of < len(called))
        if meant.shape[1] != called.shape[1] or sense_of.shape != (len(meant),) or not is_sense.all():
            raise ValueError("its lexicon has arrays that do not fit each other")
        return cls(meant, called, sense_of, share, least, temperature)
