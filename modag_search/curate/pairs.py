"""Sounds and pictures that stand together, and do not fit each other."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

import numpy as np

from modag_search.classify.queries import stored_batches
from modag_search.curate.item_means import drawn, item_means
from modag_search.values import MODALITIES, Float32Array, Int64Array, MediaKind, PairIssue

if TYPE_CHECKING:
    from collections.abc import Sequence

    from modag_search.catalog import Catalog
    from modag_search.classify.arithmetic.logistic import FloatArray
    from modag_search.features.vectors import SegmentVectors

_OTHERS = 4000
"""As many items of a modality each is compared with, at the most; of larger collections some are drawn. The share of
them that fits better is then within 0.016 of the share of all, 19 times of 20."""
_CELLS_AT_ONCE = 4_000_000
_AS_NEAR = np.float32(1e-6)


def pair_issues(catalog: Catalog, vectors: SegmentVectors, *, min_rank: float, seed: int) -> list[PairIssue]:
    """List sounds and pictures that stand together and do not fit each other; see `Index.audit_pairs`.

    Parameters
    ----------
    catalog : Catalog
    vectors : SegmentVectors
    min_rank : float
        Share of others that fit better, from which on a pair is listed.
    seed : int
        Of the draw of others.

    Returns
    -------
    list of PairIssue
        The worst first.
    """
    items = catalog.items.found()
    pairs = _pairs(items)
    paired = {item for pair in pairs for item in pair}
    path_of = {item_id: path for item_id, path, _ in items}
    others = drawn([item_id for item_id in path_of if item_id not in paired], most=_OTHERS, seed=seed)
    compared = [(item_id, path_of[item_id]) for item_id in [*sorted(paired), *others]]
    means = item_means(stored_batches(catalog, vectors, compared)) if pairs else None
    if means is None:
        return []
    places = {modality: np.flatnonzero(means.sources == source) for source, modality in enumerate(MODALITIES)}
    sounds, images = places["sound"], places["image"]
    sound_of, image_of = (
        dict(zip(means.items[own].tolist(), range(len(own)), strict=True)) for own in (sounds, images)
    )
    there = [(sound, image) for sound, image in pairs if sound in sound_of and image in image_of]
    heard = np.array([sound_of[sound] for sound, _ in there], dtype=np.int64)
    seen = np.array([image_of[image] for _, image in there], dtype=np.int64)
    vectors_of = {"sound": means.vectors[sounds], "image": means.vectors[images]}
    similarities, by_sound = _shares_nearer(vectors_of["sound"], vectors_of["image"], heard, seen, seed=seed)
    _, by_image = _shares_nearer(vectors_of["image"], vectors_of["sound"], seen, heard, seed=seed)
    ranks = ((by_sound + by_image) / 2).tolist()
    found = [
        PairIssue(sound=path_of[sound], image=path_of[image], similarity=similarity, rank=rank)
        for (sound, image), similarity, rank in zip(there, similarities.tolist(), ranks, strict=True)
        if rank >= min_rank
    ]
    return sorted(found, key=lambda one: (-one.rank, one.sound))


def _pairs(items: Sequence[tuple[int, str, MediaKind]]) -> list[tuple[int, int]]:
    """Find sounds and pictures that stand together: a video's own, and files of one name in one folder."""
    pairs = [(item_id, item_id) for item_id, _, kind in items if kind == "video"]
    by_stem: dict[str, dict[str, list[int]]] = {}
    for item_id, path, kind in items:
        if kind != "video":
            by_stem.setdefault(os.path.splitext(path)[0], {}).setdefault(kind, []).append(item_id)
    for kinds in by_stem.values():
        pairs += [(sound, image) for sound in kinds.get("sound", ()) for image in kinds.get("image", ())]
    return pairs


def _shares_nearer(
    asking: Float32Array, asked: Float32Array, which: Int64Array, partners: Int64Array, *, seed: int
) -> tuple[Float32Array, FloatArray]:
    """Compare each of some with its partner, and with others that might be it.

    Parameters
    ----------
    asking : np.ndarray [shape=(m, d), float32]
    asked : np.ndarray [shape=(n, d), float32]
    which : np.ndarray [shape=(n_pairs,), int64]
        Who asks, by place.
    partners : np.ndarray [shape=(n_pairs,), int64]
        Its partner among those asked.
    seed : int
        Of the draw of others, where there are many.

    Returns
    -------
    similarities : np.ndarray [shape=(n_pairs,), float32]
        To the partner.
    shares : np.ndarray [shape=(n_pairs,), float64]
        Of others that are nearer than the partner; half of those that are as near.
    """
    similarities, shares = np.zeros(len(which), dtype=np.float32), np.zeros(len(which))
    others = np.array(drawn(range(len(asked)), most=_OTHERS, seed=seed), dtype=np.int64)
    candidates = asked[others]
    step = max(1, _CELLS_AT_ONCE // max(len(candidates), 1))
    for start in range(0, len(which), step):
        rows = slice(start, start + step)
        compared = asking[which[rows]] @ candidates.T
        to_partner = np.einsum("ij,ij->i", asking[which[rows]], asked[partners[rows]])[:, None]
        # The partner is no rival of itself; ties count half, so that a random order gives 0.5.
        compared[others == partners[rows, None]] = -np.inf
        nearer = (compared > to_partner + _AS_NEAR).sum(axis=1)
        as_near = (np.abs(compared - to_partner) <= _AS_NEAR).sum(axis=1)
        rivals = np.maximum(np.isfinite(compared).sum(axis=1), 1)
        similarities[rows] = to_partner[:, 0]
        shares[rows] = (nearer + 0.5 * as_near) / rivals
    return similarities, shares
