"""From which similarity of features on items may be copies, and from which on they are taken for copies unseen."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

import numpy as np

from modag_search.values import MODALITIES, Modality

if TYPE_CHECKING:
    from collections.abc import Mapping

    from modag_search.values import MediaKind

DEFAULT_MIN_SIMILARITY: Final[dict[Modality, float]] = {"image": 0.92, "sound": 0.985}
"""Of what is told by features alone. Chosen with ``scripts/evaluate_duplicates`` on train sources: notes of one
instrument are alike, photographs less."""

CONFIRMED_MIN_SIMILARITY: Final[dict[Modality, float]] = {"image": 0.83, "sound": 0.88}
"""Of what is confirmed by pixels or waveforms; of pictures as large as encoders look at. Chosen likewise: lower ones
find little more, and compare more pairs."""

OF_OTHER_LENGTH_MIN_SIMILARITY: Final = 0.8
"""Of a sound without its first or last seconds, or behind silence, and the whole. Chosen on train sources: it is then
among the four that are the most alike."""

LOOKED_AT_PX: Final = 224
LESS_IF_HALF: Final = 0.08
LESS_IF_SMALL: Final = 0.06
"""Encoders see smaller pictures than that blurred. So the limit is lower by so much for each time that the smaller
one's shorter side is halved against the larger one's, and against what encoders look at. Chosen likewise."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Limits:
    """From which similarity on items of one kind are copies.

    Attributes
    ----------
    features : mapping of modality to float
        Of features; for pictures, of large ones.
    unconfirmed : mapping of modality to float
        Of features of what cannot be confirmed, though it should; empty where nothing is to be confirmed.
    of_parts : float or None
        Of features of sounds that lie in longer ones; None where these do not count.
    depend_on_size : bool
        Whether smaller pictures need be less similar.
    are_tied : bool
        Whether copies of one picture may be copies of each other though they are less similar than that.
    """

    features: Mapping[Modality, float]
    unconfirmed: Mapping[Modality, float]
    of_parts: float | None
    depend_on_size: bool
    are_tied: bool

    @classmethod
    def of(cls, kind: MediaKind, *, min_similarity: float | None = None, confirm: bool = True) -> Limits:
        """Choose limits.

        Parameters
        ----------
        kind : {"image", "sound", "video"}
            The sound of videos is never confirmed.
        min_similarity : float, optional
            Instead of those chosen here.
        confirm : bool

        Returns
        -------
        Limits
        """
        by: Modality = "sound" if kind == "sound" else "image"
        features = dict(DEFAULT_MIN_SIMILARITY)
        if confirm:
            features[by] = CONFIRMED_MIN_SIMILARITY[by]
        if min_similarity is not None:
            features = dict.fromkeys(MODALITIES, min_similarity)
        return cls(
            features=features,
            unconfirmed={by: max(DEFAULT_MIN_SIMILARITY[by], features[by])} if confirm else {},
            of_parts=min_similarity,
            depend_on_size=confirm and by == "image" and min_similarity is None,
            are_tied=confirm and kind == "image" and min_similarity is None,
        )

    def least(self, modality: Modality, sides_px: np.ndarray, others_px: np.ndarray) -> np.ndarray:
        """Return how similar media must be to be copies.

        Parameters
        ----------
        modality : {"image", "sound"}
            By which they are compared.
        sides_px, others_px : np.ndarray [shape=(n,) or (1,)]
            Their shorter sides, see `extents.Extents`.

        Returns
        -------
        np.ndarray [shape=(n,), float64]
        """
        if modality == "sound" or not self.depend_on_size:
            return np.full(max(len(sides_px), len(others_px)), self.features[modality])
        ones, others = _halvings(sides_px), _halvings(others_px)
        less = LESS_IF_HALF * np.abs(ones - others) + LESS_IF_SMALL * np.maximum(ones, others)
        return np.asarray(self.features[modality] - less)

    def floors(self, modality: Modality, sides_px: np.ndarray) -> np.ndarray:
        """Return what `least` of each of some pictures and any larger one is not below ``[shape=(n,), float64]``."""
        return self.least(modality, np.array([LOOKED_AT_PX]), sides_px)


def _halvings(sides_px: np.ndarray) -> np.ndarray:
    """Return how many times sides as long as encoders look at are halved to have these, at least 0."""
    return np.asarray(np.log2(LOOKED_AT_PX / np.minimum(sides_px, LOOKED_AT_PX)))
