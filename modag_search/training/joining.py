"""Two encoders joined by names alone: their text towers see the same ones, and what both tell apart is the space."""

from __future__ import annotations

import itertools
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import numpy as np

from modag_search.catalog.versions import library_versions
from modag_search.errors import UsageError
from modag_search.metrics.accuracy import recall_at
from modag_search.space import Branch, Space
from modag_search.unit_vectors import of_unit_length
from modag_search.values import MODALITIES

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from modag_search.encoders import Encoder
    from modag_search.values import Float32Array, Modality

PACKAGED_NAMES: Final = Path(__file__).with_name("names.txt")
"""One a line: of what there are sounds, of what there are pictures, and common things."""

_NAMES_AT_ONCE = 256
_FEWEST = 50
_HELD_OUT_EVERY = 10
_LENGTHS_MULTIPLE_OF = 32


@dataclass(frozen=True, slots=True, kw_only=True)
class JoiningSettings:
    """How encoders are joined.

    Attributes
    ----------
    dimension : int
        How many directions to keep, of those that both towers tell names apart by.
    damping : float
        What keeps directions low in which a tower's names hardly differ, as a share of their mean variance.
    """

    dimension: int = 128
    damping: float = 0.3


def read_name_list(path: Path = PACKAGED_NAMES) -> list[str]:
    """Read names, one a line.

    Raises
    ------
    UsageError
        If they cannot be read, or are too few to tell directions by.
    """
    try:
        lines = path.read_text(encoding="utf-8").splitlines()
    except (OSError, UnicodeDecodeError) as error:
        raise UsageError(f"{path}: cannot be read: {error}") from error
    names = list(dict.fromkeys(line.strip() for line in lines if line.strip()))
    if len(names) < _FEWEST:
        raise UsageError(f"{path}: {len(names)} names, one a line; {_FEWEST} are needed at least, better thousands")
    return names


def join_by_names(
    encoders: Mapping[Modality, Encoder],
    names: Sequence[str],
    *,
    name: str,
    settings: JoiningSettings | None = None,
    progress: Callable[[int], None] | None = None,
) -> Space:
    """Make the space of two encoders with text towers, without any sound or picture.

    Parameters
    ----------
    encoders : Mapping of modality to Encoder
    names : sequence of str
    name : str
        What the space calls itself.
    settings : JoiningSettings, optional
    progress : callable, optional
        Called with how many names each tower has read.

    Returns
    -------
    Space
        Its card tells how well a name finds itself across the towers where the map was made without it.

    Raises
    ------
    UsageError
        If an encoder has no text tower.
    WeightsMissingError, WeightsDamagedError, MissingExtraError
        If one cannot be run.
    """
    how = settings or JoiningSettings()
    for modality in MODALITIES:
        encoders[modality].encode_texts([])  # refuses before hours may have passed
    seen = _seen(encoders, names, progress=progress)
    branches = joined(seen, settings=how)
    space = Space(
        branches=branches,
        encoders={m: {"name": encoders[m].name, "fingerprint": encoders[m].fingerprint} for m in MODALITIES},
        unrelated=_unrelated({m: branches[m](seen[m]) for m in MODALITIES}),
        card={
            "name": name,
            "made_by": "modag train names",
            "names": len(names),
            "settings": {"dimension": how.dimension, "damping": how.damping},
            "metrics": {"names_held_out": _held_out_recall(seen, settings=how)},
            "background": "of names, not of sounds and pictures",
            "versions": library_versions(),
        },
        text_towers=True,
    )
    return space.padded_to(_LENGTHS_MULTIPLE_OF)


def joined(seen: Mapping[Modality, Float32Array], *, settings: JoiningSettings) -> dict[Modality, Branch]:
    """Make of what two towers see in the same names a linear map from each into one space.

    Each tower is centred by its own mean, since all that a tower makes is a little alike, and the directions in which
    its names differ get nearly the same weight (whitening, damped). Side by side, both have singular vectors: what
    names look like to the two at once. A direction counts as much as both agree on it.

    Parameters
    ----------
    seen : Mapping of modality to np.ndarray [shape=(n_names, d), float32]
        Of unit length.
    settings : JoiningSettings

    Returns
    -------
    dict of modality to Branch

    References
    ----------
    Kettenring, "Canonical analysis of several sets of variables", Biometrika 58, 1971 (MAXVAR), with a ridge.
    """
    means = {modality: seen[modality].mean(axis=0, dtype=np.float64) for modality in MODALITIES}
    whitening = {m: _whitening(seen[m] - means[m], damping=settings.damping) for m in MODALITIES}
    whitened = [(seen[m] - means[m]) @ whitening[m] for m in MODALITIES]
    _, strengths, directions = np.linalg.svd(np.concatenate(whitened, axis=1), full_matrices=False)
    # Directions are determined but for their sign: the largest entry is to be positive.
    signs = np.sign(directions[np.arange(len(directions)), np.abs(directions).argmax(axis=1)])
    agreed = (directions * (signs * strengths**2)[:, None])[: settings.dimension]
    of_tower = np.split(agreed, [whitened[0].shape[1]], axis=1)
    weights = {m: part @ whitening[m].T for m, part in zip(MODALITIES, of_tower, strict=True)}
    scale = max(float(np.abs(weight).max()) for weight in weights.values())
    return {m: Branch.linear(weights[m] / scale, bias=-weights[m] / scale @ means[m]) for m in MODALITIES}


def _whitening(centred: np.ndarray, *, damping: float) -> np.ndarray:
    """Return ``[shape=(d, d)]``, which gives the directions of a tower's names nearly the same variance, 1 / n."""
    _, strengths, directions = np.linalg.svd(centred, full_matrices=False)
    variances = strengths**2
    whitening: np.ndarray = directions.T / np.sqrt(variances + damping * variances.mean())
    return whitening


def _seen(
    encoders: Mapping[Modality, Encoder], names: Sequence[str], *, progress: Callable[[int], None] | None
) -> dict[Modality, Float32Array]:
    """Let each tower read each name, as a thing is put in its captions; both in turn."""
    parts: dict[Modality, list[Float32Array]] = {modality: [] for modality in MODALITIES}
    for start in range(0, len(names), _NAMES_AT_ONCE):
        for modality in MODALITIES:
            encoder = encoders[modality]
            texts = [encoder.caption.format(f"a {name}") for name in names[start : start + _NAMES_AT_ONCE]]
            parts[modality].append(encoder.encode_texts(texts))
        if progress:
            progress(min(start + _NAMES_AT_ONCE, len(names)))
    return {modality: np.concatenate(parts[modality]) for modality in MODALITIES}


def _held_out_recall(seen: Mapping[Modality, Float32Array], *, settings: JoiningSettings) -> dict[str, Any]:
    """Leave out every tenth name, and see whether what one tower makes of it is nearest to what the other does."""
    n = len(seen["sound"])
    is_out = np.arange(n) % _HELD_OUT_EVERY == 0
    branches = joined({m: seen[m][~is_out] for m in MODALITIES}, settings=settings)
    first, second = (branches[m](seen[m][is_out]) for m in MODALITIES)
    similarities = first @ second.T
    own = np.diag(similarities)
    ranks = np.concatenate([(similarities >= own[:, None]).sum(axis=1), (similarities >= own[None, :]).sum(axis=0)])
    n_out = int(is_out.sum())
    return {
        f"recall_at_{k}": {"recall": round(float(recall_at(ranks, k)), 4), "chance": round(min(1.0, k / n_out), 4)}
        for k in (1, 10)
    }


def _unrelated(vectors: Mapping[Modality, Float32Array]) -> dict[str, tuple[float, float]]:
    """Measure mean and standard deviation of the similarity of different names, as towers and texts see them."""
    texts = of_unit_length(np.sum(list(vectors.values()), axis=0))
    every = {"image": vectors["image"], "sound": vectors["sound"], "text": texts}
    unlike = ~np.eye(len(texts), dtype=bool)
    pairs = [*itertools.combinations_with_replacement(MODALITIES, 2), *((m, "text") for m in MODALITIES)]
    unrelated = {}
    for first, second in pairs:
        similarities = (every[first] @ every[second].T)[unlike]
        unrelated[f"{first}-{second}"] = (round(float(similarities.mean()), 5), round(float(similarities.std()), 5))
    return unrelated
