"""What things are called, as a sentence encoder sees it: the part of a space that is as wide as what encoders know.

Of every class that an encoder's own classifier tells apart there is a name, and of the name a vector. What is heard or
seen gets the mean of the names that it may have, and a text its own vector: so a sound, a picture and a text meet, even
where no name is common to both classifiers.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Self

import numpy as np
import numpy.typing as npt

from modag_search.space.arithmetic import shared_out
from modag_search.space.descriptions import Descriptions
from modag_search.space.lexicon import Lexicon
from modag_search.space.words import TokenTable
from modag_search.unit_vectors import of_unit_length
from modag_search.values import MODALITIES, Float32Array, Modality

if TYPE_CHECKING:
    from collections.abc import Mapping


@dataclass(frozen=True, slots=True, eq=False)
class ClassNames:
    """An encoder's classifier, and what its classes are called.

    Attributes
    ----------
    weight : np.ndarray [shape=(n_classes, d), float32]
    bias : np.ndarray [shape=(n_classes,), float32]
    vectors : np.ndarray [shape=(n_classes, n_dimensions), float32]
        Unit vectors of the names. Their values, and those of `weight`, can be held by 16 bits, as they are in a file.
    is_common : np.ndarray [shape=(n_classes,), bool]
        Whether a class means one of the common names; see `space.NameTree`.
    counts : np.ndarray [shape=(n_classes,), bool]
        Whether a class tells things apart; AudioSet's "Music" and "Animal" stand above what does, and do not count.
    is_exclusive : bool
        Whether one class is right, or several may be.
    temperature : float
        What the classifier's logits are divided by.
    n_likeliest : int
        How many classes count: those that are likeliest.
    """

    weight: Float32Array
    bias: Float32Array
    vectors: Float32Array
    is_common: npt.NDArray[np.bool_]
    counts: npt.NDArray[np.bool_]
    is_exclusive: bool
    temperature: float
    n_likeliest: int

    def logits(self, features: Float32Array) -> Float32Array:
        """Return what the classifier says of features ``[shape=(n, d)]``: ``[shape=(n, n_classes)]``."""
        said: Float32Array = features @ self.weight.T + self.bias
        return said

    def meant(self, logits: Float32Array) -> tuple[Float32Array, Float32Array]:
        """Tell what something may be called, and how much of that the common names say.

        Parameters
        ----------
        logits : np.ndarray [shape=(n, n_classes), float32]
            What the classifier says of it.

        Returns
        -------
        vectors : np.ndarray [shape=(n, n_dimensions), float32]
            Means of the names' vectors, weighted by how likely each name is.
        common : np.ndarray [shape=(n,), float32]
            The share of the likelihoods that is of classes with a common name.
        """
        logits = logits / np.float32(self.temperature)
        likelihoods = self._likelihoods(logits)
        counting = np.where(self.counts, logits, -np.inf)
        n_likeliest = min(self.n_likeliest, int(self.counts.sum()))
        least = np.partition(counting, -n_likeliest, axis=1)[:, -n_likeliest, None]
        # By logits, since many likelihoods may be 1 in 32 bits.
        likelihoods = np.where(counting >= least, likelihoods, np.float32(0))
        shares = likelihoods / np.maximum(likelihoods.sum(axis=1, keepdims=True), np.float32(1e-12))
        common: Float32Array = np.clip(shares[:, self.is_common].sum(axis=1), 0, 1)
        return shares @ self.vectors, common

    def _likelihoods(self, logits: Float32Array) -> Float32Array:
        if self.is_exclusive:
            exponentials: Float32Array = np.exp(logits - logits.max(axis=1, keepdims=True))
            return exponentials
        odds: Float32Array = np.reciprocal(1 + np.exp(-np.clip(logits, -60, 60)))
        return odds

    def tensors(self, modality: Modality) -> dict[str, np.ndarray]:
        """Name the arrays as they stand in a file."""
        return {
            f"{modality}.names.weight": self.weight.astype("<f2"),
            f"{modality}.names.bias": self.bias,
            f"{modality}.names.vectors": self.vectors.astype("<f2"),
            f"{modality}.names.is_common": self.is_common.astype(np.uint8),
            f"{modality}.names.counts": self.counts.astype(np.uint8),
        }

    @classmethod
    def from_tensors(cls, modality: Modality, tensors: Mapping[str, np.ndarray], stored: Mapping[str, Any]) -> Self:
        """Find the arrays of a modality in a file; `stored` is what `Meaning.to_json` gave.

        Raises
        ------
        KeyError, ValueError
            If one is absent, or they do not fit each other.
        """
        names = ("weight", "bias", "vectors", "is_common", "counts")
        arrays = weight, bias, vectors, is_common, counts = [tensors[f"{modality}.names.{name}"] for name in names]
        if [array.ndim for array in arrays] != [2, 1, 2, 1, 1] or len({*map(len, arrays)}) > 1:
            raise ValueError(f"the {modality} names have arrays that do not fit each other")
        if [array.dtype for array in arrays] != ["<f2", "<f4", "<f2", "u1", "u1"]:
            raise ValueError(f"the {modality} names hold numbers of other kinds than they should")
        weight, vectors = weight.astype(np.float32), vectors.astype(np.float32)
        if not all(np.isfinite(array).all() for array in (weight, bias, vectors)):
            raise ValueError(f"the {modality} names hold values that are not finite")
        how = stored["classifiers"][modality]
        temperature, n_likeliest = float(how["temperature"]), int(how["n_likeliest"])
        if not 0 < temperature < np.inf or n_likeliest < 1:
            raise ValueError(f"the {modality} names need a temperature above 0 and one class at least")
        return cls(
            weight,
            bias,
            vectors,
            is_common.astype(bool),
            counts.astype(bool),
            bool(how["is_exclusive"]),
            temperature,
            n_likeliest,
        )

    def to_json(self) -> dict[str, Any]:
        """Describe as JSON values what no array holds."""
        return {
            "is_exclusive": self.is_exclusive,
            "temperature": self.temperature,
            "n_likeliest": self.n_likeliest,
        }


@dataclass(frozen=True, slots=True, eq=False)
class Meaning:
    """What classes are called, and what words mean, in one vector space.

    Attributes
    ----------
    classes : Mapping of modality to ClassNames
    common : np.ndarray [shape=(n_common_names, n_dimensions), float32]
        Unit vectors of the names of the space's `NameTree`, in its order.
    words : TokenTable
    least_share : float
        What this part weighs in a similarity where common names say all; where they say less, it has their weight too.
    word_temperature : float
        How near a text must be to a common name to be shared out to it: less is nearer.
    word_share : float
        How much of a text that is a common name itself is shared out so, in [0, 1]; of others, less.
    descriptions : Descriptions or None
    lexicon : Lexicon or None
        None, as `descriptions`, in a space of a file that has none.
    """

    classes: Mapping[Modality, ClassNames]
    common: Float32Array
    words: TokenTable
    least_share: float
    word_temperature: float
    word_share: float
    descriptions: Descriptions | None = None
    lexicon: Lexicon | None = None

    @property
    def dimension(self) -> int:
        """Length of what a thing is called."""
        return int(self.common.shape[1])

    def seen(self, modality: Modality, logits: Float32Array, named: Float32Array) -> tuple[Float32Array, Float32Array]:
        """Tell what features may be called.

        Parameters
        ----------
        modality : {"image", "sound"}
        logits : np.ndarray [shape=(n, n_classes), float32]
            What the encoder's own classifier says.
        named : np.ndarray [shape=(n, n_common_names), float32]
            How likely each common name is, given that one is right. What the space learnt about these from examples,
            the encoder's own classifier does not know: an oboe, of which AudioSet has no class.

        Returns
        -------
        meant : np.ndarray [shape=(n, n_dimensions), float32]
            Of unit length.
        common : np.ndarray [shape=(n,), float32]
            How much of it the common names say.
        """
        own, common = self.classes[modality].meant(logits)
        return of_unit_length(own + common[:, None] * (named @ self.common)), common

    def followed(self, meant: Float32Array) -> Float32Array:
        """Move texts towards the names of what they describe, or are words for.

        See `Descriptions.followed` and `Lexicon.looked_up`.

        Parameters
        ----------
        meant : np.ndarray [shape=(n, n_dimensions), float32]
            Unit vectors of the texts, as `words` has them.

        Returns
        -------
        np.ndarray [shape=(n, n_dimensions), float32]
            Of unit length.
        """
        followed = meant
        if self.descriptions:
            called = {modality: names.vectors for modality, names in self.classes.items()}
            followed = self.descriptions.followed(meant, called)
        return self.lexicon.looked_up(meant, followed) if self.lexicon else followed

    def named(self, meant: Float32Array) -> tuple[Float32Array, Float32Array]:
        """Share texts out to common names.

        Parameters
        ----------
        meant : np.ndarray [shape=(n, n_dimensions), float32]
            Unit vectors of the texts.

        Returns
        -------
        named : np.ndarray [shape=(n, n_common_names), float32]
            Each row adds up to 1.
        common : np.ndarray [shape=(n,), float32]
            How much of a text the common names say.
        """
        named, nearest = shared_out(meant, self.common, temperature=self.word_temperature)
        return named, np.float32(self.word_share) * np.clip(nearest, 0, 1)

    def tensors(self) -> dict[str, np.ndarray]:
        """Name the arrays as they stand in a file."""
        tensors = {"names.common": self.common.astype("<f2"), **self.words.tensors()}
        for modality in MODALITIES:
            tensors |= self.classes[modality].tensors(modality)
        tensors |= self.descriptions.tensors() if self.descriptions else {}
        return tensors | (self.lexicon.tensors() if self.lexicon else {})

    def deciding(self) -> bytes:
        """Return all that decides what a feature becomes, for a hash; words decide nothing of that."""
        arrays = [self.classes[modality].tensors(modality) for modality in MODALITIES]
        contents = b"".join(of_one[name].tobytes() for of_one in arrays for name in sorted(of_one))
        contents += self.common.astype("<f2").tobytes()
        how = {modality: self.classes[modality].to_json() for modality in MODALITIES}
        return contents + json.dumps([how, self.least_share], sort_keys=True).encode()

    def to_json(self) -> dict[str, Any]:
        """Describe as JSON values what no array holds."""
        return {
            "classifiers": {modality: self.classes[modality].to_json() for modality in MODALITIES},
            "least_share": self.least_share,
            "word_temperature": self.word_temperature,
            "word_share": self.word_share,
            **({"descriptions": self.descriptions.to_json()} if self.descriptions else {}),
            **({"lexicon": self.lexicon.to_json()} if self.lexicon else {}),
        }

    @classmethod
    def from_tensors(cls, tensors: Mapping[str, np.ndarray], stored: Mapping[str, Any]) -> Self:
        """Find the arrays in a file; `stored` is what `to_json` gave.

        Raises
        ------
        KeyError, ValueError
            If one is absent, or they do not fit each other.
        """
        classes = {modality: ClassNames.from_tensors(modality, tensors, stored) for modality in MODALITIES}
        words, common = TokenTable.from_tensors(tensors), tensors["names.common"]
        lengths = {words.dimension, *(names.vectors.shape[1] for names in classes.values())}
        if common.ndim != 2 or common.dtype != np.float16 or {common.shape[1]} != lengths:
            raise ValueError("its names and its words have vectors of different lengths")
        temperature, share = float(stored["word_temperature"]), float(stored["word_share"])
        if not (0 < temperature < np.inf and 0 <= share <= 1):
            raise ValueError(f"its words need a temperature above 0 and a share up to 1, not {temperature} and {share}")
        descriptions = Descriptions.from_tensors(tensors, stored.get("descriptions"))
        for modality, said in (descriptions.said if descriptions else {}).items():
            if (len(said), said.shape[2]) != classes[modality].vectors.shape:
                raise ValueError(f"what is said of its {modality} classes does not fit their names")
        lexicon = Lexicon.from_tensors(tensors, stored.get("lexicon"))
        if lexicon and lexicon.meant.shape[1] != words.dimension:
            raise ValueError("its lexicon does not fit its words")
        least = float(stored["least_share"])
        return cls(classes, common.astype(np.float32), words, least, temperature, share, descriptions, lexicon)
