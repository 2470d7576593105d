"""Making similarities of different modalities comparable.

In a shared space a sound is nearer to any sound than to most pictures (the modality gap: Liang et al., "Mind the gap",
NeurIPS 2022). Where results of both modalities stand in one list, they are ranked by how far each rises above what
unlike things of its kind have: a standard score against the background that the space's training measured.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from modag_search.values import Float32Array


def standard_scores(similarities: Float32Array, background: tuple[float, float]) -> Float32Array:
    """Express similarities in standard deviations above the similarity of unlike things.

    Parameters
    ----------
    similarities : np.ndarray, float32
        Cosines.
    background : (float, float)
        Mean and standard deviation of the cosine of unlike things.

    Returns
    -------
    np.ndarray, float32
        Of the same shape.
    """
    mean, deviation = background
    scores: Float32Array = ((similarities - mean) / max(deviation, 1e-6)).astype(similarities.dtype)
    return scores
