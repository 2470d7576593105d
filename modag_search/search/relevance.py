"""How relevant an answer is: its similarity, measured by that of unlike things of the same index.

A cosine of 0.6 is much between a sound and a picture, more between words and a picture, and little between two notes.
Two measures tell what it is worth, whatever the pair of modalities: how many deviations it stands above the similarity
of unlike things, and how much of the way from there to the same thing, 1, it has come. Relevance is the logistic
function of both, fitted to media that no space had seen, as likely right as wrong (docs/benchmarks/trials.md).

What unlike things have is measured on the index itself. Few items are like a given one, so that the middle of the
similarities of items drawn from all over it is of unlike ones: median and quartiles, which what is alike does not move.
Where there are few items, or hardly any unlike ones (a collection of violins), what the training of the space measured
holds: the index moves it by one deviation at the most. For words, which no index holds, it always does.
"""

from __future__ import annotations

import dataclasses
import itertools
import logging
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from modag_search.errors import DamagedStoreError, StoreError
from modag_search.files import read_checked, write_checked
from modag_search.values import MODALITIES

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from modag_search.search.snapshot import Snapshot
    from modag_search.space import QueryModality, Space
    from modag_search.values import Float32Array, Int64Array, Modality

logger = logging.getLogger(__name__)

_FORMAT = "modag-relevance/1"
_AT_UNLIKE = -3.9
_A_DEVIATION = 0.4
_ALL_THE_WAY = 3.4
"""Log-odds of what is as similar as unlike things are, what a deviation adds, and what the way to the same thing
does."""

_ITEMS = 128
"""Of each modality, compared with each other: the first query after a change waits for it."""
_WORTH = 10
"""As many items of the index count as much as what the training of the space measured."""
_FARTHEST = 1.0
_NARROWEST = 0.5
"""In deviations that the training measured: how far the index moves a mean, and the least deviation that it gives."""
_UNKNOWN = (0.35, 0.15)
"""Of encoders that no space joins, for which nothing was measured: about what features of others have."""
_LEAST_DEVIATION = 0.01
_OF_A_DEVIATION = 1.349
"""Quartiles of a normal distribution lie so many deviations apart."""


@dataclass(frozen=True, slots=True, kw_only=True)
class RelevanceScale:
    """What similarities of one query and one stored modality are worth.

    Attributes
    ----------
    unlike, deviation : float
        Mean and deviation of the similarity of unlike things.
    same : float
        The similarity of the same thing.
    """

    unlike: float
    deviation: float
    same: float = 1.0

    def log_odds(self, similarities: Float32Array) -> Float32Array:
        """Return the log-odds of relevance; they rise with similarity.

        Parameters
        ----------
        similarities : np.ndarray, float32

        Returns
        -------
        np.ndarray, float32
            Of the same shape.

        Examples
        --------
        >>> import numpy as np
        >>> scale = RelevanceScale(unlike=0.2, deviation=0.1)
        >>> relevance_of(scale.log_odds(np.array([0.2, 0.6, 1.0], dtype=np.float32))).round(3).tolist()
        [0.02, 0.354, 0.937]
        """
        rises = _A_DEVIATION / max(self.deviation, _LEAST_DEVIATION)
        rises += _ALL_THE_WAY / max(self.same - self.unlike, _LEAST_DEVIATION)
        odds: Float32Array = (_AT_UNLIKE + rises * (similarities - self.unlike)).astype(similarities.dtype)
        return odds


def relevance_of(log_odds: Float32Array) -> Float32Array:
    """Turn log-odds into relevance, in [0, 1]."""
    relevance: Float32Array = np.reciprocal(1 + np.exp(-np.clip(log_odds, -30, 30)))
    return relevance


@dataclass(frozen=True, slots=True)
class UnlikeThings:
    """How similar unlike things are in an index.

    Attributes
    ----------
    measured : Mapping of str to (float, float)
        Mean and deviation of each pair of modalities, as ``"text-image"``: what asks, and what is stored.
    """

    measured: Mapping[str, tuple[float, float]]

    def similarity(self, asking: QueryModality, stored: Modality) -> tuple[float, float]:
        """Return mean and deviation of the similarity of unlike things of two modalities."""
        return self.measured[f"{asking}-{stored}"]


def kept_or_measured(path: Path, snapshot: Snapshot) -> UnlikeThings:
    """Return how similar unlike things are; it is measured anew where the index has changed.

    Parameters
    ----------
    path : Path
        Where it is kept; where the index cannot be written to, it is measured by each process.
    snapshot : Snapshot

    Returns
    -------
    UnlikeThings
    """
    state = {modality: dataclasses.asdict(snapshot.basis.stores.stamp(modality)) for modality in MODALITIES}
    wanted = {"format": _FORMAT, "state": state}
    try:
        header, _ = read_checked(path)
        if {key: header[key] for key in wanted} == wanted:
            return _read(header["unlike"], snapshot.space)
    except (AttributeError, DamagedStoreError, KeyError, OverflowError, TypeError, ValueError):
        logger.debug("%s: nothing that holds today", path)
    found = measured(snapshot)
    if snapshot.catalog.is_read_only:
        return found
    kept: dict[str, Any] = {**wanted, "unlike": dict(found.measured)}
    try:
        write_checked(path, kept, memoryview(b""))
    except StoreError as error:
        logger.debug("%s; it is measured again next time", error)
    return found


def _read(stored: Mapping[str, Any], space: Space) -> UnlikeThings:
    """Read what was kept; some error of values tells where it is none of a space."""
    nothing = np.zeros(0, dtype=np.int64), np.zeros((0, space.dimension), dtype=np.float32)
    pairs = among(space, dict.fromkeys(MODALITIES, nothing)).measured
    found = {pair: (float(mean), float(far)) for pair, (mean, far) in stored.items()}
    if found.keys() != pairs.keys() or not all(np.isfinite(list(found.values())).flat):
        raise ValueError("other pairs were measured")
    return UnlikeThings(found)


def measured(snapshot: Snapshot) -> UnlikeThings:
    """Measure on items drawn from all over an index, one segment of each, how similar unlike things are."""
    return among(snapshot.space, {modality: _drawn(snapshot, modality) for modality in MODALITIES})


def among(space: Space, drawn: Mapping[Modality, tuple[Int64Array, Float32Array]]) -> UnlikeThings:
    """Tell how similar unlike things are, by a sample in which few things are alike.

    Parameters
    ----------
    space : Space
    drawn : Mapping of modality to (np.ndarray [shape=(n,), int64], np.ndarray [shape=(n, d), float32])
        Ids of items, and a vector of each.

    Returns
    -------
    UnlikeThings
    """
    found: dict[str, tuple[float, float]] = {}
    for asking, stored in itertools.product(MODALITIES, MODALITIES):
        if space.compares(asking, stored):
            items, vectors = drawn[asking]
            of_items, stored_vectors = drawn[stored]
            similarities = (vectors @ stored_vectors.T)[items[:, None] != of_items]
            found[f"{asking}-{stored}"] = _moderate(
                similarities, n=min(len(items), len(of_items)), prior=_prior(space, asking, stored)
            )
    if space.reads_words:
        found |= {f"text-{stored}": space.unrelated_similarity("text", stored) for stored in MODALITIES}
    return UnlikeThings(found)


def _drawn(snapshot: Snapshot, modality: Modality) -> tuple[Int64Array, Float32Array]:
    """Draw items, and return them with the vector of a segment of each."""
    fingerprint = snapshot.encoder.fingerprints[modality]
    items, segments = snapshot.catalog.segments.drawn(fingerprint, n=_ITEMS)
    ids, vectors = snapshot.vectors.of(modality, segments.tolist())
    order = np.argsort(segments)
    return items[order][np.isin(segments[order], ids)], vectors


def _prior(space: Space, asking: QueryModality, stored: Modality) -> tuple[float, float] | None:
    return space.unrelated_similarity(asking, stored) if space.joins else None


def _moderate(similarities: Float32Array, *, n: int, prior: tuple[float, float] | None) -> tuple[float, float]:
    """Return mean and deviation of a sample, between `n` things, that few who are alike do not move."""
    mean, deviation = prior or _UNKNOWN
    if len(similarities):
        low, middle, high = np.quantile(similarities.astype(np.float64), [0.25, 0.5, 0.75]).tolist()
        spread = (high - low) / _OF_A_DEVIATION
        if prior:
            middle = float(np.clip(middle, mean - _FARTHEST * deviation, mean + _FARTHEST * deviation))
            spread = float(np.clip(spread, _NARROWEST * deviation, deviation))
        share = n / (n + _WORTH)
        mean, deviation = mean + share * (middle - mean), deviation + share * (spread - deviation)
    return round(mean, 5), round(max(deviation, _LEAST_DEVIATION), 5)  # alike on every machine, whichever one asks
