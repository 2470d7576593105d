"""What the encoders know already: names that sounds and pictures share, and what these are kinds of."""

from __future__ import annotations

import functools
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Self

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    import numpy.typing as npt

    from modag_search.values import Float32Array, Int64Array, Modality

Classifier = tuple[np.ndarray, np.ndarray]
"""Weights ``[shape=(n_classes, d)]`` and biases ``[shape=(n_classes,)]``."""

_LEAST_SHARE = 1e-12
REST = -1
"""In `SharedClassHead.name_of`: a class that means none of the names."""


@functools.lru_cache(maxsize=32)
def _numbered(level: tuple[str, ...]) -> tuple[int, Int64Array]:
    """Count the words of a level, and number what each name is there, in the order of the words."""
    words, numbers = np.unique(level, return_inverse=True)
    numbers.flags.writeable = False
    return len(words), numbers


@dataclass(frozen=True, slots=True)
class NameTree:
    """Names, and at each level above them what they are kinds of.

    Attributes
    ----------
    names : tuple of str
    levels : tuple of tuple of str
        For each level, from the lowest, what each name is there: ``dog`` is a ``canine``, and an ``animal``.
    weights : tuple of float
        How much the names, and then each level, count in a similarity; they add up to 1.

    Examples
    --------
    >>> tree = NameTree(("dog", "cat", "car"), (("animal", "animal", "vehicle"),), (0.6, 0.4))
    >>> tree.dimension
    5
    """

    names: tuple[str, ...]
    levels: tuple[tuple[str, ...], ...] = ()
    weights: tuple[float, ...] = (1.0,)

    def __post_init__(self) -> None:
        if not self.names or len(set(self.names)) < len(self.names):
            raise ValueError("its knowledge needs names, each of them once")
        if any(len(level) != len(self.names) for level in self.levels):
            raise ValueError("its levels do not say of every name what it is there")
        if len(self.weights) != 1 + len(self.levels) or min(self.weights) < 0 or abs(sum(self.weights) - 1) > 1e-6:
            raise ValueError("its names and levels need weights that add up to 1")

    @property
    def dimension(self) -> int:
        """How many numbers `roots` makes of a distribution over names."""
        return len(self.names) + sum(len(set(level)) for level in self.levels)

    def roots(self, shares: Float32Array) -> Float32Array:
        """Make of distributions over names vectors whose products say how alike they are, at every level at once.

        Parameters
        ----------
        shares : np.ndarray [shape=(n, n_names), float32]
            Each row adds up to 1 or less.

        Returns
        -------
        np.ndarray [shape=(n, dimension), float32]
            The product of two rows is the mean, weighted by `weights`, of Bhattacharyya's coefficients of the
            distributions over names, and over what these are at each level; squares of a row add up to what `shares`
            do.
        """
        parts = [shares]
        for level in self.levels:
            n_above, number = _numbered(level)
            summed = np.zeros((len(shares), n_above), dtype=np.float32)
            np.add.at(summed.T, number, shares.T)
            parts.append(summed)
        weighted = [np.sqrt(np.float32(weight) * part) for weight, part in zip(self.weights, parts, strict=True)]
        return np.concatenate(weighted, axis=1)

    def lent(self, shares: Float32Array, *, shared: npt.NDArray[np.bool_]) -> Float32Array:
        """Lend what names have that only one modality knows to those of their kind that both know.

        A clarinet, of which ImageNet has no picture, is then heard as the woodwinds that have some, in the proportion
        in which it sounds like each; at the level of kinds nothing changes. Kinds without such names keep theirs.

        Parameters
        ----------
        shares : np.ndarray [shape=(n, n_names), float32]
        shared : np.ndarray [shape=(n_names,), bool]
            Whether both modalities know a name.

        Returns
        -------
        np.ndarray [shape=(n, n_names), float32]
        """
        if not self.levels:
            return shares
        _, kind = _numbered(self.levels[0])
        takers = np.where(shared, shares + np.float32(_LEAST_SHARE), 0)
        whole, taken = (np.zeros((len(shares), kind.max() + 1), dtype=np.float32) for _ in range(2))
        np.add.at(whole.T, kind, shares.T)
        np.add.at(taken.T, kind, takers.T)
        has_taker = np.zeros(whole.shape[1], dtype=bool)
        has_taker[kind[shared]] = True
        grown = takers * (whole / np.maximum(taken, _LEAST_SHARE))[:, kind]
        lent: Float32Array = np.where(has_taker[kind], grown, shares).astype(np.float32)
        return lent

    def to_json(self) -> dict[str, Any]:
        """Describe the tree as JSON values."""
        return {"names": self.names, "levels": self.levels, "weights": self.weights}

    @classmethod
    def from_json(cls, stored: Mapping[str, Any]) -> Self:
        """Make a tree of what `to_json` gave; files of an earlier version have names alone."""
        return cls(
            tuple(str(name) for name in stored["names"]),
            tuple(tuple(str(name) for name in level) for level in stored.get("levels", ())),
            tuple(float(weight) for weight in stored.get("weights", (1.0,))),
        )


@dataclass(frozen=True, slots=True, eq=False)
class SharedClassHead:
    """How likely each name is, by the encoder's own classifier, for features of one modality.

    The classifier says how likely each of its classes is; classes that mean the same name are summed.

    Attributes
    ----------
    weight : np.ndarray [shape=(n_classes, d), float32]
        Each value can be held by 16 bits, as it is in a file.
    bias : np.ndarray [shape=(n_classes,), float32]
    name_of : np.ndarray [shape=(n_classes,), int64]
        Number of the name of each class; `REST` where it means none of them. Names may have no class.

    References
    ----------
    Bhattacharyya, "On a measure of divergence between two multinomial populations", 1946.
    """

    weight: Float32Array
    bias: Float32Array
    name_of: Int64Array

    @property
    def has_rest(self) -> bool:
        """Whether there are classes that mean none of the names."""
        return bool((self.name_of == REST).any())

    def logits(self, features: Float32Array) -> Float32Array:
        """Return what the classifier says of features ``[shape=(n, d)]``: ``[shape=(n, n_classes)]``."""
        said: Float32Array = features @ self.weight.T + self.bias
        return said

    def shares(self, logits: Float32Array, *, n_names: int) -> Float32Array:
        """Return how likely each name is, and last, that it is none of them.

        Parameters
        ----------
        logits : np.ndarray [shape=(n, n_classes), float32]
        n_names : int

        Returns
        -------
        np.ndarray [shape=(n, n_names + 1), float32]
        """
        likelihoods = np.exp(logits - logits.max(axis=1, keepdims=True))
        shares = np.zeros((len(logits), n_names + 1), dtype=np.float32)
        np.add.at(shares.T, self.name_of, likelihoods.T)  # REST, -1, is the last column
        whole: Float32Array = shares / shares.sum(axis=1, keepdims=True)
        return whole

    def tensors(self, modality: Modality) -> dict[str, np.ndarray]:
        """Name the arrays as they stand in a file."""
        return {
            f"{modality}.knowledge.weight": self.weight.astype("<f2"),
            f"{modality}.knowledge.bias": self.bias,
            f"{modality}.knowledge.name_of": self.name_of.astype("<i4"),
        }

    @classmethod
    def from_tensors(cls, modality: Modality, tensors: Mapping[str, np.ndarray], *, n_names: int) -> SharedClassHead:
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
        weight = weight.astype(np.float32)  # which are told from infinities faster
        if not (np.isfinite(weight).all() and np.isfinite(bias).all()):
            raise ValueError(f"the {modality} knowledge holds values that are not finite")
        if name_of.min(initial=REST) < REST or name_of.max(initial=REST) >= n_names or (name_of == REST).all():
            raise ValueError(f"the {modality} knowledge has classes that mean names which are not there")
        return cls(weight, bias, name_of.astype(np.int64))


def named_vectors(
    tree: NameTree, class_heads: Mapping[Modality, SharedClassHead], modality: Modality, features: Float32Array
) -> Float32Array:
    """Make unit vectors of features by what the encoders know.

    Parameters
    ----------
    tree : NameTree
    class_heads : Mapping of modality to SharedClassHead
    modality : {"image", "sound"}
    features : np.ndarray [shape=(n, d), float32]

    Returns
    -------
    np.ndarray [shape=(n, named_dimension(tree, class_heads)), float32]
        What is none of the names has a dimension of its own for each modality that knows it: a chair and a silence are
        alike neither to each other nor to anything with a name.
    """
    head = class_heads[modality]
    shares = head.shares(head.logits(features), n_names=len(tree.names))
    named = tree.lent(shares[:, :-1], shared=known_to_all(tree, class_heads))
    rests = np.zeros((len(features), len(_with_rest(class_heads))), dtype=np.float32)
    if head.has_rest:
        rests[:, _with_rest(class_heads).index(modality)] = np.sqrt(shares[:, -1])
    return np.concatenate([tree.roots(named), rests], axis=1)


def named_shares(tree: NameTree, class_head: SharedClassHead, logits: Float32Array) -> Float32Array:
    """Tell how likely each name is, given that one of them is right.

    Parameters
    ----------
    tree : NameTree
    class_head : SharedClassHead
    logits : np.ndarray [shape=(n, n_classes), float32]
        What it says.

    Returns
    -------
    np.ndarray [shape=(n, n_names), float32]
        Each row adds up to 1.
    """
    shares = class_head.shares(logits, n_names=len(tree.names))[:, :-1] + np.float32(_LEAST_SHARE)
    given: Float32Array = shares / shares.sum(axis=1, keepdims=True)
    return given


def rows_among(whole: Classifier, part: Classifier) -> Int64Array | None:
    """Find which rows of a classifier another is made of.

    Parameters
    ----------
    whole, part : tuple of np.ndarray [shape=(n, d)] and [shape=(n,)]
        Weights and biases.

    Returns
    -------
    np.ndarray [shape=(n,), int64] or None
        For each row of the `part`, its number in the whole; None where it has one that the whole has not.
    """
    (weights, biases), (wanted_weights, wanted_biases) = whole, part
    # Rows that agree in their ends are compared as wholes, at once.
    number = {ends: place for place, ends in enumerate(zip(biases.tolist(), weights[:, 0].tolist(), strict=True))}
    rows = [number.get(ends, -1) for ends in zip(wanted_biases.tolist(), wanted_weights[:, 0].tolist(), strict=True)]
    found = np.array(rows, dtype=np.int64)
    return found if -1 not in rows and np.array_equal(weights[found], wanted_weights) else None


def known_to_all(tree: NameTree, class_heads: Mapping[Modality, SharedClassHead]) -> npt.NDArray[np.bool_]:
    """Tell which names the classifiers of all modalities know."""
    known = [np.isin(np.arange(len(tree.names)), head.name_of) for head in class_heads.values()]
    shared: npt.NDArray[np.bool_] = np.logical_and.reduce(known)
    return shared


def named_dimension(tree: NameTree, class_heads: Mapping[Modality, SharedClassHead]) -> int:
    """Length of what `named_vectors` makes."""
    return tree.dimension + len(_with_rest(class_heads))


def _with_rest(class_heads: Mapping[Modality, SharedClassHead]) -> Sequence[Modality]:
    return [modality for modality in sorted(class_heads) if class_heads[modality].has_rest]
