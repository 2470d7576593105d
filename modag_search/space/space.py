"""A trained space: features in, unit vectors out, and the file that holds it.

Inference is a few matrix products, so it needs numpy alone: searching by ``id:N``, rebuilding a store and moving to
another space import no torch. Batch normalisation is folded into the first layer when a space is saved.
"""

from __future__ import annotations

import functools
import hashlib
import json
from dataclasses import dataclass, field, replace
from importlib import resources
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from safetensors import SafetensorError, safe_open
from safetensors.numpy import save

from modag_search.errors import ModelError, SpaceMismatchError
from modag_search.space.class_head import NameTree, SharedClassHead, named_dimension, named_vectors
from modag_search.values import MODALITIES, Float32Array, Modality

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

_FORMAT = "modag-space/3"
_EARLIER_FORMATS = ("modag-space/2",)
_MOST_PADDING = 1024
_PAIRS = ("image-image", "image-sound", "sound-sound")


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
        lengths = np.linalg.norm(vectors, axis=1, keepdims=True)
        units: Float32Array = (vectors / np.maximum(lengths, 1e-12)).astype(np.float32)
        return units

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
        lengths = np.linalg.norm(features, axis=1, keepdims=True)
        units = (features / np.maximum(lengths, 1e-12)).astype(np.float32)
        return np.pad(units, ((0, 0), (self.before, self.after)))

    @property
    def dimension(self) -> int:
        """Length of the vectors."""
        return self.before + self.takes + self.after

    def tensors(self, modality: Modality) -> dict[str, Float32Array]:
        """Name what decides a vector; no file holds it."""
        return {f"{modality}.apart": np.array([self.before, self.takes, self.after], dtype=np.float32)}


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Space:
    """Two branches into one space, bound to the encoders that they were trained on.

    A vector has two parts: what the branch of its modality makes of the feature, and, in spaces that draw on the
    encoders' own classifiers, how likely each name is and what these are kinds of. Both parts are of fixed length, so
    the similarity of two vectors is the weighted mean of the similarities of their parts. Zeros may follow, which
    bring vectors to a length that processors like.

    Attributes
    ----------
    branches : Mapping of modality to Branch, or of modality to Apart
    class_heads : Mapping of modality to SharedClassHead
        Empty in a space that has none.
    tree : NameTree, optional
        What the numbers of `SharedClassHead.name_of` mean; None in a space without class_heads.
    class_head_share : float
        Weight of the second part in a similarity, in [0, 1]; that of the first is the rest.
    padding : int
        How many zeros follow.
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

    branches: Mapping[Modality, Branch | Apart]
    encoders: Mapping[Modality, Mapping[str, str]]
    background: Mapping[str, tuple[float, float]]
    card: Mapping[str, Any]
    class_heads: Mapping[Modality, SharedClassHead] = field(default_factory=dict)
    tree: NameTree | None = None
    class_head_share: float = 0.0
    padding: int = 0

    @property
    def name(self) -> str:
        """What the card calls it."""
        return str(self.card.get("name", "unnamed"))

    @classmethod
    def apart(cls, encoders: Mapping[Modality, Mapping[str, str]], dimensions: Mapping[Modality, int]) -> Space:
        """Make the space of encoders that nothing joins yet: within a modality, features are compared as they are.

        Parameters
        ----------
        encoders : Mapping of modality to Mapping
            As the attribute.
        dimensions : Mapping of modality to int
            Lengths of the features.

        Returns
        -------
        Space
        """
        image, sound = dimensions["image"], dimensions["sound"]
        return cls(
            branches={"image": Apart(image, 0, sound), "sound": Apart(sound, image, 0)},
            encoders=encoders,
            background=dict.fromkeys(_PAIRS, (0.0, 1.0)),
            card={"name": "none"},
        )

    @property
    def joins(self) -> bool:
        """Whether sounds and pictures can be compared with each other."""
        return not any(isinstance(branch, Apart) for branch in self.branches.values())

    @property
    def names(self) -> tuple[str, ...]:
        """What the encoders' own classifiers can call things; empty in a space without class_heads."""
        return self.tree.names if self.tree else ()

    @property
    def dimension(self) -> int:
        """Length of the vectors."""
        return self._unpadded + self.padding

    @property
    def _unpadded(self) -> int:
        named = named_dimension(self.tree, self.class_heads) if self.tree else 0
        return self.branches["sound"].dimension + named

    def padded_to(self, multiple: int) -> Space:
        """Return the same space with vectors of a length that is a multiple of a number."""
        return replace(self, padding=-self._unpadded % multiple)

    @property
    def fingerprint(self) -> str:
        """Hash of everything that decides a vector, given the feature."""
        digest = hashlib.blake2b(digest_size=16)
        for modality in MODALITIES:
            digest.update(self.encoders[modality]["fingerprint"].encode())
            for name, tensor in sorted(self._tensors(modality).items()):
                digest.update(name.encode() + np.ascontiguousarray(tensor).astype("<f4").tobytes())
        digest.update(repr(self.class_head_share).encode())
        if self.tree and self.tree.levels:
            digest.update(json.dumps(self.tree.to_json()).encode())
        if self.padding:
            digest.update(repr(self.padding).encode())
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
        expected = branch.takes
        if features.ndim != 2 or features.shape[1] != expected:
            raise SpaceMismatchError(
                f"space {self.name!r} takes {modality} features of length {expected} "
                f"({self.encoders[modality]['name']}), not of shape {features.shape}"
            )
        features = features.astype(np.float32, copy=False)
        parts = [branch(features)]
        if self.tree:
            named = named_vectors(self.tree, self.class_heads, modality, features)
            share = np.float32(self.class_head_share)
            parts = [np.sqrt(1 - share) * parts[0], np.sqrt(share) * named]
        return np.concatenate([*parts, np.zeros((len(features), self.padding), dtype=np.float32)], axis=1)

    def unrelated_similarity(self, first: Modality, second: Modality) -> tuple[float, float]:
        """Mean and standard deviation of the similarity of unlike things of two modalities."""
        return self.background["-".join(sorted((first, second)))]

    def to_bytes(self) -> bytes:
        """Make the contents of a space file: safetensors with the card as metadata."""
        tensors: dict[str, np.ndarray] = {}
        for modality in MODALITIES:
            tensors |= self._tensors(modality)
        # One entry: safetensors writes several in any order, and the same space should be the same bytes.
        metadata: dict[str, Any] = {"encoders": self.encoders, "background": self.background, "card": self.card}
        if self.tree:
            metadata["knowledge"] = {**self.tree.to_json(), "share": self.class_head_share}
        if self.padding:
            metadata["padding"] = self.padding
        contiguous = {name: np.ascontiguousarray(tensor) for name, tensor in tensors.items()}
        return save(contiguous, {_FORMAT: json.dumps(metadata, sort_keys=True)})

    def _tensors(self, modality: Modality) -> dict[str, np.ndarray]:
        tensors: dict[str, np.ndarray] = {**self.branches[modality].tensors(modality)}
        if self.class_heads:
            tensors |= self.class_heads[modality].tensors(modality)
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
                written = file.metadata() or {}
                stored = next((written[key] for key in (_FORMAT, *_EARLIER_FORMATS) if key in written), None)
                tensors = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118  not a mapping
            if stored is None:
                raise ModelError(f"{path}: not a space file of this version ({_FORMAT})")
            metadata = json.loads(stored)
            tree, share = _naming(metadata.get("knowledge"))
            branches = _branches(tensors)
            return cls(
                branches=branches,
                class_heads=_class_heads(tensors, branches, tree),
                tree=tree,
                class_head_share=share,
                padding=_padding(metadata),
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
    if len({branch.dimension for branch in branches.values()}) > 1:
        raise ValueError("its branches give vectors of different lengths")
    return branches


def _naming(stored: Mapping[str, Any] | None) -> tuple[NameTree | None, float]:
    if stored is None:
        return None, 0.0
    tree, share = NameTree.from_json(stored), float(stored["share"])
    if not 0 <= share <= 1:
        raise ValueError("its knowledge needs a share from 0 to 1")
    return tree, share


def _class_heads(
    tensors: Mapping[str, np.ndarray], branches: Mapping[Modality, Branch], tree: NameTree | None
) -> dict[Modality, SharedClassHead]:
    if tree is None:
        return {}
    class_heads = {m: SharedClassHead.from_tensors(m, tensors, n_names=len(tree.names)) for m in MODALITIES}
    if any(class_heads[m].weight.shape[1] != branches[m].takes for m in MODALITIES):
        raise ValueError("its knowledge is of features of another length than its branches are")
    return class_heads


def _padding(metadata: Mapping[str, Any]) -> int:
    padding = int(metadata.get("padding", 0))
    if not 0 <= padding <= _MOST_PADDING:
        raise ValueError(f"its padding must be from 0 to {_MOST_PADDING}, not {padding}")
    return padding


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
