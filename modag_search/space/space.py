"""A trained space: features in, unit vectors out, and the file that holds it.

Inference is a few matrix products, so it needs numpy alone: searching by ``id:N``, rebuilding a store and moving to
another space import no torch. Batch normalisation is folded into the first layer when a space is saved.
"""

from __future__ import annotations

import functools
import hashlib
import json
from dataclasses import dataclass, field
from importlib import resources
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from safetensors import SafetensorError, safe_open
from safetensors.numpy import save

from modag_search.errors import ModelError, SpaceMismatchError
from modag_search.space.knowledge import Knowledge
from modag_search.values import MODALITIES, Float32Array, Modality

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

_FORMAT = "modag-space/2"
_PAIRS = ("image-image", "image-sound", "sound-sound")


@dataclass(frozen=True, slots=True, eq=False)
class Branch:
    """The network of one modality: linear, ELU, linear, unit length.

    Attributes
    ----------
    weight_in, bias_in : np.ndarray [shape=(256, d)] and [shape=(256,)], float32
    weight_out, bias_out : np.ndarray [shape=(128, 256)] and [shape=(128,)], float32
    """

    weight_in: Float32Array
    bias_in: Float32Array
    weight_out: Float32Array
    bias_out: Float32Array

    def __call__(self, features: Float32Array) -> Float32Array:
        """Project features ``[shape=(n, d)]`` to unit vectors ``[shape=(n, 128)]``."""
        hidden = features @ self.weight_in.T + self.bias_in
        activated = np.where(hidden > 0, hidden, np.expm1(np.minimum(hidden, 0)))
        vectors = activated @ self.weight_out.T + self.bias_out
        lengths = np.linalg.norm(vectors, axis=1, keepdims=True)
        units: Float32Array = (vectors / np.maximum(lengths, 1e-12)).astype(np.float32)
        return units

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


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Space:
    """Two branches into one space, bound to the encoders that they were trained on.

    A vector has two parts: what the branch of its modality makes of the feature, and, in spaces that draw on the
    encoders' own classifiers, how likely each name is that both modalities know. Both parts are of fixed length, so
    the similarity of two vectors is the weighted mean of the similarities of their parts.

    Attributes
    ----------
    branches : Mapping of modality to Branch
    knowledge : Mapping of modality to Knowledge
        Empty in a space that has none.
    names : tuple of str
        What the numbers of `Knowledge.name_of` mean.
    knowledge_share : float
        Weight of the second part in a similarity, in [0, 1]; that of the first is the rest.
    encoders : Mapping of modality to Mapping
        ``{"name": ..., "fingerprint": ...}`` of each encoder.
    background : Mapping of str to (float, float)
        Mean and standard deviation of the similarity of unlike things, for ``"image-image"``, ``"image-sound"``,
        ``"sound-sound"``: sounds are nearer to sounds than to pictures whatever they show (the modality gap).
    card : Mapping
        How the space was made: data, licences, settings, metrics.

    References
    ----------
    Wu, Fuentes, Bello, "Exploring modality-agnostic representations for music classification", arXiv 2106.01149.
    """

    branches: Mapping[Modality, Branch]
    encoders: Mapping[Modality, Mapping[str, str]]
    background: Mapping[str, tuple[float, float]]
    card: Mapping[str, Any]
    knowledge: Mapping[Modality, Knowledge] = field(default_factory=dict)
    names: tuple[str, ...] = ()
    knowledge_share: float = 0.0

    @property
    def name(self) -> str:
        """What the card calls it."""
        return str(self.card.get("name", "unnamed"))

    @property
    def dimension(self) -> int:
        """Length of the vectors."""
        return len(self.branches["sound"].bias_out) + len(self.names)

    @property
    def fingerprint(self) -> str:
        """Hash of everything that decides a vector, given the feature."""
        digest = hashlib.blake2b(digest_size=16)
        for modality in MODALITIES:
            digest.update(self.encoders[modality]["fingerprint"].encode())
            for name, tensor in sorted(self._tensors(modality).items()):
                digest.update(name.encode() + np.ascontiguousarray(tensor).astype("<f4").tobytes())
        digest.update(repr(self.knowledge_share).encode())
        return digest.hexdigest()

    def project(self, modality: Modality, features: Float32Array) -> Float32Array:
        """Carry features into the space.

        Parameters
        ----------
        modality : {"image", "sound"}
        features : np.ndarray [shape=(n, d), float32]

        Returns
        -------
        np.ndarray [shape=(n, dimension), float32]
            Of unit length.

        Raises
        ------
        SpaceMismatchError
            If the features have another length than those that the space was trained on.
        """
        branch = self.branches[modality]
        expected = branch.weight_in.shape[1]
        if features.ndim != 2 or features.shape[1] != expected:
            raise SpaceMismatchError(
                f"space {self.name!r} takes {modality} features of length {expected} "
                f"({self.encoders[modality]['name']}), not of shape {features.shape}"
            )
        features = features.astype(np.float32, copy=False)
        learned = branch(features)
        if not self.knowledge:
            return learned
        named = self.knowledge[modality](features)
        share = np.float32(self.knowledge_share)
        return np.concatenate([np.sqrt(1 - share) * learned, np.sqrt(share) * named], axis=1)

    def background_of(self, first: Modality, second: Modality) -> tuple[float, float]:
        """Mean and standard deviation of the similarity of unlike things of two modalities."""
        return self.background["-".join(sorted((first, second)))]

    def to_bytes(self) -> bytes:
        """Make the contents of a space file: safetensors with the card as metadata."""
        tensors: dict[str, np.ndarray] = {}
        for modality in MODALITIES:
            tensors |= self._tensors(modality)
        # One entry: safetensors writes several in any order, and the same space should be the same bytes.
        metadata = {"encoders": self.encoders, "background": self.background, "card": self.card}
        if self.knowledge:
            metadata["knowledge"] = {"names": self.names, "share": self.knowledge_share}
        contiguous = {name: np.ascontiguousarray(tensor) for name, tensor in tensors.items()}
        return save(contiguous, {_FORMAT: json.dumps(metadata, sort_keys=True)})

    def _tensors(self, modality: Modality) -> dict[str, np.ndarray]:
        tensors: dict[str, np.ndarray] = {**self.branches[modality].tensors(modality)}
        if self.knowledge:
            tensors |= self.knowledge[modality].tensors(modality)
        return tensors

    @classmethod
    def load(cls, path: Path) -> Space:
        """Read a space file.

        Raises
        ------
        ModelError
            If it is absent, damaged, or not a space.
        """
        try:
            with safe_open(path, framework="numpy") as file:
                stored = (file.metadata() or {}).get(_FORMAT)
                tensors = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118  not a mapping
            if stored is None:
                raise ModelError(f"{path}: not a space file of this version ({_FORMAT})")
            metadata = json.loads(stored)
            names, share = _naming(metadata.get("knowledge"))
            branches = _branches(tensors)
            return cls(
                branches=branches,
                knowledge=_knowledge(tensors, branches, names),
                names=names,
                knowledge_share=share,
                encoders=_encoders(metadata["encoders"]),
                background=_background(metadata["background"]),
                card=dict(metadata["card"]),
            )
        except FileNotFoundError as error:
            raise ModelError(f"{path}: no such space file") from error
        except KeyError as error:
            raise ModelError(f"{path}: not a space file: it lacks {error}") from error
        except (SafetensorError, OSError, IndexError, TypeError, ValueError) as error:
            raise ModelError(f"{path}: not a space file: {error}") from error


def _branches(tensors: Mapping[str, Float32Array]) -> dict[Modality, Branch]:
    branches = {modality: Branch.from_tensors(modality, tensors) for modality in MODALITIES}
    if len({branch.bias_out.size for branch in branches.values()}) > 1:
        raise ValueError("its branches give vectors of different lengths")
    return branches


def _naming(stored: Mapping[str, Any] | None) -> tuple[tuple[str, ...], float]:
    if stored is None:
        return (), 0.0
    names, share = tuple(str(name) for name in stored["names"]), float(stored["share"])
    if not names or not 0 <= share <= 1:
        raise ValueError("its knowledge needs names, and a share from 0 to 1")
    return names, share


def _knowledge(
    tensors: Mapping[str, np.ndarray], branches: Mapping[Modality, Branch], names: tuple[str, ...]
) -> dict[Modality, Knowledge]:
    if not names:
        return {}
    knowledge = {m: Knowledge.from_tensors(m, tensors, n_names=len(names)) for m in MODALITIES}
    if any(knowledge[m].weight.shape[1] != branches[m].weight_in.shape[1] for m in MODALITIES):
        raise ValueError("its knowledge is of features of another length than its branches are")
    return knowledge


def _encoders(stored: Mapping[str, Mapping[str, str]]) -> dict[Modality, dict[str, str]]:
    return {modality: {key: str(stored[modality][key]) for key in ("name", "fingerprint")} for modality in MODALITIES}


def _background(stored: Mapping[str, Sequence[float]]) -> dict[str, tuple[float, float]]:
    background = {pair: (float(stored[pair][0]), float(stored[pair][1])) for pair in _PAIRS}
    if not np.isfinite(list(background.values())).all():
        raise ValueError("its background is not of finite numbers")
    return background


@functools.cache
def packaged_spaces() -> Mapping[str, Path]:
    """Names and files of the spaces that ship in the package; ``default`` first."""
    folder = Path(str(resources.files("modag_search"))) / "weights"
    names = sorted(path.name.removesuffix(".space.safetensors") for path in folder.glob("*.space.safetensors"))
    return {
        name: folder / f"{name}.space.safetensors" for name in sorted(names, key=lambda name: (name != "default", name))
    }
