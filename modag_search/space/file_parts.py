"""The parts of a space file, each checked as it is read: what cannot be used is an error that says why."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from modag_search.space.branches import Branch
from modag_search.space.class_head import NameTree, SharedClassHead, rows_among
from modag_search.space.meaning import Meaning
from modag_search.space.taught import TaughtNames
from modag_search.values import MODALITIES, Float32Array, Modality

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

_MOST_PADDING = 1024
_PAIRS = ("image-image", "image-sound", "sound-sound")
_PAIRS_WITH_TEXT = ("image-text", "sound-text")


def read_branches(tensors: Mapping[str, Float32Array]) -> dict[Modality, Branch]:
    """Find the branches of both modalities."""
    branches = {modality: Branch.from_tensors(modality, tensors) for modality in MODALITIES}
    if len({branch.dimension for branch in branches.values()}) > 1:
        raise ValueError("its branches give vectors of different lengths")
    return branches


def read_naming(stored: Mapping[str, Any] | None) -> tuple[NameTree | None, float]:
    """Read the common names and their share; None and 0 where there are none."""
    if stored is None:
        return None, 0.0
    tree, share = NameTree.from_json(stored), float(stored["share"])
    if not 0 <= share <= 1:
        raise ValueError("its knowledge needs a share from 0 to 1")
    return tree, share


def read_class_heads(
    tensors: Mapping[str, np.ndarray], branches: Mapping[Modality, Branch], tree: NameTree | None
) -> dict[Modality, SharedClassHead]:
    """Find the classifiers of common names."""
    if tree is None:
        return {}
    class_heads = {m: SharedClassHead.from_tensors(m, tensors, n_names=len(tree.names)) for m in MODALITIES}
    if any(class_heads[m].weight.shape[1] != branches[m].takes for m in MODALITIES):
        raise ValueError("its knowledge is of features of another length than its branches are")
    return class_heads


def read_meaning(
    tensors: Mapping[str, np.ndarray], stored: Mapping[str, Any] | None, tree: NameTree | None, share: float
) -> Meaning | None:
    """Find what classes are called, and words; None where there are none."""
    if stored is None:
        return None
    if tree is None:
        raise ValueError("it has names of classes, but no knowledge that they could be beside")
    meaning = Meaning.from_tensors(tensors, stored)
    if len(meaning.common) != len(tree.names):
        raise ValueError("its common names are not as many as the vectors for them")
    if not 0 <= meaning.least_share <= share:
        raise ValueError("its names need a share from 0 to that of its knowledge")
    for modality in MODALITIES:
        if meaning.classes[modality].weight.shape[1] != tensors[f"{modality}.weight_in"].shape[-1]:
            raise ValueError("its names are of features of another length than its branches are")
    return meaning


def read_taught(
    tensors: Mapping[str, np.ndarray],
    stored: Mapping[str, Any] | None,
    branches: Mapping[Modality, Branch],
    meaning: Meaning | None,
) -> TaughtNames | None:
    """Find what the training called things; None where it called them nothing."""
    if stored is None:
        return None
    if meaning is None:
        raise ValueError("it was taught names, but understands no words")
    taught = TaughtNames.from_tensors(tensors, stored)
    if (taught.meant.shape[1], taught.learned.shape[1]) != (meaning.dimension, branches["sound"].dimension):
        raise ValueError("the names that it was taught have vectors of other lengths than its parts")
    return taught


def as_rows(tensors: Mapping[str, np.ndarray], modality: Modality) -> dict[str, np.ndarray]:
    """Write a classifier of common names that is part of the encoder's whole one as numbers of that one's rows."""
    whole, part = (
        (tensors[f"{modality}.{name}.weight"], tensors[f"{modality}.{name}.bias"]) for name in ("names", "knowledge")
    )
    rows = rows_among(whole, part)
    if rows is None:
        return dict(tensors)
    kept = {
        n: t for n, t in tensors.items() if n not in {f"{modality}.knowledge.{what}" for what in ("weight", "bias")}
    }
    return kept | {f"{modality}.knowledge.row_of": rows.astype("<i4")}


def from_rows(tensors: Mapping[str, np.ndarray], modality: Modality) -> dict[str, np.ndarray]:
    """Undo `as_rows`."""
    rows = tensors.get(f"{modality}.knowledge.row_of")
    if rows is None:
        return dict(tensors)
    whole = {what: tensors[f"{modality}.names.{what}"] for what in ("weight", "bias")}
    if rows.dtype != np.int32 or rows.min(initial=0) < 0:
        raise ValueError(f"the {modality} knowledge has numbers of rows that are none")
    return dict(tensors) | {f"{modality}.knowledge.{what}": whole[what][rows] for what in whole}


def read_padding(metadata: Mapping[str, Any]) -> int:
    """Read how many zeros follow."""
    padding = int(metadata.get("padding", 0))
    if not 0 <= padding <= _MOST_PADDING:
        raise ValueError(f"its padding must be from 0 to {_MOST_PADDING}, not {padding}")
    return padding


def read_encoders(stored: Mapping[str, Mapping[str, str]]) -> dict[Modality, dict[str, str]]:
    """Read names and fingerprints of the encoders."""
    return {modality: {key: str(stored[modality][key]) for key in ("name", "fingerprint")} for modality in MODALITIES}


def read_unrelated(stored: Mapping[str, Sequence[float]], *, reads_words: bool) -> dict[str, tuple[float, float]]:
    """Read how similar unlike things are."""
    pairs = _PAIRS + _PAIRS_WITH_TEXT if reads_words else _PAIRS
    unrelated = {pair: (float(stored[pair][0]), float(stored[pair][1])) for pair in pairs}
    if not np.isfinite(list(unrelated.values())).all():
        raise ValueError("its unrelated is not of finite numbers")
    return unrelated
