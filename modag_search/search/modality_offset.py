"""Making similarities of different modalities comparable.

In a shared space a sound is nearer to any sound than to most pictures (the modality gap: Liang et al., "Mind the gap",
NeurIPS 2022). Where results of both modalities stand in one list, each is ranked by how far it has come from the
similarity of unlike things of its kind, which the space's training measured, to that of the same thing, which is 1.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from modag_search.values import Float32Array


def above_unrelated(similarities: Float32Array, unrelated: tuple[float, float]) -> Float32Array:
    """Rescale similarities so that 0 is that of unlike things and 1 that of the same thing.

    Parameters
    ----------
    similarities : np.ndarray, float32
        Cosines.
    unrelated : (float, float)
        Mean and standard deviation of the cosine of unlike things.

    Returns
    -------
    np.ndarray, float32
        Of the same shape; in the same order, and 1 where the cosine is.

    Examples
    --------
    >>> import numpy as np
    >>> above_unrelated(np.array([0.2, 0.6, 1.0], dtype=np.float32), (0.2, 0.1)).round(3).tolist()
    [0.0, 0.5, 1.0]
    """
    mean, _ = unrelated
    rescaled: Float32Array = ((similarities - mean) / max(1.0 - mean, 1e-6)).astype(similarities.dtype)
    return rescaled
