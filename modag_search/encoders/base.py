"""What an encoder is: a frozen network that makes a feature of decoded media."""

from __future__ import annotations

import hashlib
import json
from abc import ABC, abstractmethod
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, ClassVar

from modag_search.errors import UsageError

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from modag_search.encoders.weights import WeightsFile
    from modag_search.values import Float32Array, Modality, Uint8Array


@dataclass(frozen=True, slots=True, kw_only=True)
class EncoderCard:
    """What a user should know before choosing an encoder.

    Attributes
    ----------
    summary : str
        One line.
    licence : str
        Of the weights.
    source : str
        Where the weights come from: a package, an address, a script.
    size_bytes : int
        Of the weights file.
    """

    summary: str
    licence: str
    source: str
    size_bytes: int


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class ClassHead:
    """The last layer of a network that was trained as a classifier: features to logits.

    Attributes
    ----------
    taxonomy : {"audioset", "imagenet"}
        What the classes are: the 527 of AudioSet or the 1000 of ImageNet's challenge, in their usual order.
    weight : np.ndarray [shape=(n_classes, dimension), float32]
    bias : np.ndarray [shape=(n_classes,), float32]
    """

    taxonomy: str
    weight: Float32Array
    bias: Float32Array


class Encoder(ABC):
    """A frozen network: decoded media in, features out.

    A plugin subclasses this, sets the class attributes, implements `encode`, and registers the class in the
    entry-point group ``modag_search.encoders``. Creating an encoder must be cheap; networks load on the first `encode`.

    Attributes
    ----------
    name : str
        The entry point's name.
    modality : {"image", "sound"}
    dimension : int
        Length of a feature.
    sample_rate_hz : int
        Rate of the sounds that `encode` takes; unused by image encoders.
    revision : str
        Raise it when the same weights would give other features.
    card : EncoderCard
    weights : WeightsFile or None
        The file to fetch; None where the weights come with a package.
    caption : str
        How `encode_texts` best gets words about a thing, which stand for ``{}``.
    """

    name: ClassVar[str]
    modality: ClassVar[Modality]
    dimension: ClassVar[int]
    sample_rate_hz: ClassVar[int] = 32_000
    revision: ClassVar[str] = "1"
    card: ClassVar[EncoderCard]
    weights: ClassVar[WeightsFile | None] = None
    caption: ClassVar[str] = "{}"

    @abstractmethod
    def encode(self, batch: Sequence[Float32Array | Uint8Array]) -> Float32Array:
        """Make features of segments.

        Parameters
        ----------
        batch : sequence of np.ndarray
            Sounds ``[shape=(n_samples,), float32]``, mono at `sample_rate_hz`; or pictures
            ``[shape=(height, width, 3), uint8]``, sRGB. Lengths and sizes may differ within a batch.

        Returns
        -------
        np.ndarray [shape=(len(batch), dimension), float32]
            The feature of a segment does not depend, to the bit, on what else is in the batch.

        Raises
        ------
        WeightsMissingError, WeightsDamagedError
            Where the weights are absent or altered.
        """

    def encode_texts(self, texts: Sequence[str]) -> Float32Array:  # noqa: ARG002  what a text tower takes
        """Make features of texts, where the network was trained beside a tower for them.

        Parameters
        ----------
        texts : sequence of str

        Returns
        -------
        np.ndarray [shape=(len(texts), dimension), float32]
            To be compared with the features of what the texts describe.

        Raises
        ------
        UsageError
            If it has no such tower.
        """
        raise UsageError(f"encoder {self.name!r} has no text tower: it makes features of no words")

    def class_head(self) -> ClassHead | None:
        """Return what makes class logits of features, where the network has it; training a space draws on it."""
        return None

    def weights_digest(self) -> str:
        """Return a hash of the weights that `encode` uses; computing it must be cheap."""
        return self.weights.sha256 if self.weights else ""

    def weights_files(self) -> tuple[WeightsFile, ...]:
        """Return all files to fetch: `weights`, and what else the encoder reads."""
        return (self.weights,) if self.weights else ()

    def missing_weights(self) -> str | None:
        """Say how to get the weights, or return None where they are on this machine."""
        return self.weights.how_to_get if self.weights and not self.weights.path.is_file() else None

    @property
    def preparation(self) -> Mapping[str, Any]:
        """What is done to decoded media before the network sees them, as JSON values."""
        return {}

    @property
    def specification(self) -> dict[str, Any]:
        """All that decides a feature, given the decoded media, as JSON values."""
        return {
            "name": self.name,
            "revision": self.revision,
            "dimension": self.dimension,
            "preparation": dict(self.preparation),
            "weights": self.weights_digest(),
        }

    @property
    def fingerprint(self) -> str:
        """Hash of `specification`; a space is bound to it."""
        return fingerprint_of(self.specification)


def fingerprint_of(specification: dict[str, Any]) -> str:
    """Hash a JSON-able specification to 32 hex digits (blake2b of its canonical form).

    Examples
    --------
    >>> fingerprint_of({"b": 1, "a": 2}) == fingerprint_of({"a": 2, "b": 1})
    True
    """
    canonical = json.dumps(specification, sort_keys=True, separators=(",", ":"))
    return hashlib.blake2b(canonical.encode(), digest_size=16).hexdigest()
