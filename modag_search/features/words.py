"""Vectors of words, by whatever a space understands them by."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING

import numpy as np

from modag_search.errors import MissingExtraError, WeightsMissingError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from modag_search.features.encoding import MediaEncoder
    from modag_search.space import Space
    from modag_search.values import Float32Array, Int64Array

logger = logging.getLogger(__name__)


def vectors_of_words(space: Space, encoder: MediaEncoder, texts: Sequence[str]) -> tuple[Int64Array, Float32Array]:
    """Carry those texts into a space that are understood there.

    Where the encoders' own text towers read them, all are; networks are loaded for that. Where these are not to be had,
    none is understood, which a warning says: what is stored can be compared all the same.

    Parameters
    ----------
    space : Space
    encoder : MediaEncoder
    texts : sequence of str

    Returns
    -------
    places : np.ndarray [shape=(n,), int64]
        Of the texts that are understood, ascending.
    vectors : np.ndarray [shape=(n, dimension), float32]
        Of unit length.
    """
    if not space.text_towers or not texts:
        return space.understood(texts)
    try:
        return np.arange(len(texts), dtype=np.int64), space.tower_vectors(encoder.encode_texts(texts))
    except (MissingExtraError, WeightsMissingError) as error:
        logger.warning("what labels are called says nothing here: %s", error)
        return space.understood(texts)
