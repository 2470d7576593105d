"""Whether two pictures are one: small squares of them, laid over each other and compared block by block."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

import numpy as np

from modag_search.copies.registration import GAINS, UNCHANGED, laid_over, resampling, smoothed

if TYPE_CHECKING:
    from collections.abc import Sequence

    from modag_search.values import Float32Array, Uint8Array

SIDE_PX: Final = 128
"""What copies at any usual size still have in common."""

SMALL_PX: Final = 96
"""Pictures whose shorter side is shorter than this are compared, as others are with them, at half of `SIDE_PX`."""

MIN_LIKENESS: Final = 0.6
"""Chosen with ``scripts/evaluate_duplicates`` on train sources: copies at a quarter of the size reach it, two things of
one kind on a plain ground do not."""

SKETCH_PX: Final = 32
_ROUGH_PX: Final = 16
_LEAST_ROUGHLY: Final = 0.35
_LEAST_SKETCHED: Final = 0.85
"""What luma of copies correlates with at least: at a few pixels as they lie; in sketches, laid over each other."""

_BLOCKS: Final = 8  # across and down

_NOISE: Final = 25.0
"""Variance of luma, of 255, that encoders bring into a block; with less there is no structure to compare."""

_BRIGHTER: Final = 40.0
_APART: Final = 20.0
"""So much brighter a copy may be, and the means of any block may differ by so much after that: resizing leaves traces
at edges, and another profile other colours."""

_FLAT_APART: Final = 8.0
"""The colours of pictures without any structure may differ by so much: they have nothing else."""

_GREY: Final = 4.0
_SHARE_STRUCTURED: Final = 0.5
"""A picture without colours may be a copy of one that has them, if so many blocks have structure: signs and lights of
one shape are told apart by nothing but colours."""

_LUMA_AND_CHROMA: Final = np.array(
    [[0.299, 0.587, 0.114], [-0.168736, -0.331264, 0.5], [0.5, -0.418688, -0.081312]], dtype=np.float32
)  # of JPEG (ITU-T T.871)


@dataclass(frozen=True, eq=False)
class Thumbnail:
    """A picture as a small square.

    Attributes
    ----------
    grounds : np.ndarray [shape=(n, SIDE_PX, SIDE_PX, 3), uint8]
        One; two where parts of it are transparent, on white and on black.
    is_small : bool
        Whether the picture has hardly as many pixels, see `SMALL_PX`.
    """

    grounds: Uint8Array
    is_small: bool

    @property
    def sketch(self) -> Uint8Array:
        """Luma at some pixels ``[shape=(n, SKETCH_PX, SKETCH_PX)]``."""
        luma = _averaged(self.grounds @ _LUMA_AND_CHROMA[0], SKETCH_PX)
        return np.rint(luma).clip(0, 255).astype(np.uint8)

    @property
    def is_grey(self) -> bool:
        """Whether it is without colours."""
        return all(float(np.abs(_planes(ground, _BLOCKS)[1:]).max()) <= _GREY for ground in self.grounds)


def may_be_copies(one: Uint8Array, others: Sequence[Uint8Array]) -> np.ndarray:
    """Tell by sketches which pictures could be copies of one; of other pictures, few are left.

    Parameters
    ----------
    one : np.ndarray [shape=(n_grounds, SKETCH_PX, SKETCH_PX), uint8]
        As `Thumbnail.sketch`.
    others : sequence of np.ndarray, length n
        Likewise.

    Returns
    -------
    np.ndarray [shape=(n,), bool]
    """
    on_white = _are_near(one[0], np.stack([other[0] for other in others]))
    transparent = [n for n, other in enumerate(others) if len(one) + len(other) > 2]
    if transparent:
        on_black = _are_near(one[-1], np.stack([others[n][-1] for n in transparent]))
        are_both = np.array([len(one) == len(others[n]) for n in transparent])
        on_white[transparent] = np.where(are_both, on_white[transparent] & on_black, on_white[transparent] | on_black)
    return on_white


def likeness(one: Thumbnail, other: Thumbnail) -> float:
    """Return how alike two pictures are, laid over each other where they fit best.

    Parameters
    ----------
    one, other : Thumbnail

    Returns
    -------
    float
        1 for the same; else 1 less the share of the structure that differs in the least alike of the blocks; 0 where
        that is all, and for what cannot be copies.
    """
    likenesses = [_likeness(one, other, ground) for ground in {0, len(one.grounds) - 1, len(other.grounds) - 1}]
    # What is transparent must be alike on both grounds. What is not may be a copy of it on either.
    return min(likenesses) if len(one.grounds) == len(other.grounds) else max(likenesses)


def _are_near(one: Uint8Array, others: Uint8Array) -> np.ndarray:
    """Compare a sketch on one ground ``[shape=(SKETCH_PX, SKETCH_PX)]`` with others ``[shape=(n, ...)]``."""
    fixed, moving = one.astype(np.float32), others.astype(np.float32)
    rough, roughs = _rough(fixed[None])[0], _rough(moving)
    if not rough.any():
        return np.asarray(~roughs.any(axis=1))
    are_near = roughs @ rough >= _LEAST_ROUGHLY
    if are_near.any():
        places = np.tile(UNCHANGED, (int(are_near.sum()), 1))
        are_near[are_near] = laid_over(fixed, moving[are_near], places)[1] >= _LEAST_SKETCHED
    return np.asarray(are_near)


def _rough(sketches: Float32Array) -> Float32Array:
    """Return sketches at a few pixels ``[shape=(n, _ROUGH_PX ** 2)]``, of unit length less their mean; 0 where flat."""
    luma = _averaged(sketches, _ROUGH_PX).reshape(len(sketches), -1)
    luma = luma - luma.mean(axis=1, keepdims=True)
    lengths = np.linalg.norm(luma, axis=1, keepdims=True)
    return np.where(lengths > _ROUGH_PX, luma / np.maximum(lengths, 1), np.float32(0))


def _likeness(one: Thumbnail, other: Thumbnail, ground: int) -> float:
    side_px = SIDE_PX // 2 if one.is_small or other.is_small else SIDE_PX
    fixed, moving = (_planes(each.grounds[min(ground, len(each.grounds) - 1)], side_px) for each in (one, other))
    places = UNCHANGED[None]
    for px in (SKETCH_PX, SIDE_PX // 2):
        places, _ = laid_over(_averaged(fixed[0], px), _averaged(moving[:1], px), places)
    across, down, inside = resampling(places, side_px)
    ours = _blocks(smoothed(fixed), inside[0])
    theirs = _blocks(smoothed(down[0] @ moving @ across[0].T), inside[0])
    return _likeness_of_blocks(ours, theirs, may_be_flat=len(one.grounds) == len(other.grounds))


def _likeness_of_blocks(ours: Float32Array, theirs: Float32Array, *, may_be_flat: bool) -> float:
    """Compare blocks of luma and chroma ``[shape=(3, n, p)]``, whatever the contrast and how strong the colours are."""
    has_structure = np.maximum(ours[0].var(axis=1), theirs[0].var(axis=1)) > _NOISE
    if not has_structure.any():
        apart = np.abs(ours.mean(axis=2) - theirs.mean(axis=2)).max()
        return float(may_be_flat and apart <= _FLAT_APART)
    gain, brighter = _gain(ours[0], theirs[0]), float(ours[0].mean() - theirs[0].mean())
    if not GAINS[0] <= gain <= GAINS[1] or abs(brighter) > _BRIGHTER:
        return 0.0
    theirs[0] = (theirs[0] - theirs[0].mean()) * gain + ours[0].mean()
    if has_structure.mean() >= _SHARE_STRUCTURED and (_is_grey(ours) or _is_grey(theirs)):
        ours, theirs = ours[:1], theirs[:1]
    else:
        theirs[1:] *= np.clip(_colour_gain(ours, theirs), *GAINS)
    apart = (ours - theirs).mean(axis=2)
    if max(np.abs(apart[0]).max(), np.linalg.norm(apart[1:], axis=0).max()) > _APART:
        return 0.0
    structure = np.maximum(ours.var(axis=2).sum(axis=0), theirs.var(axis=2).sum(axis=0))
    differing = (ours - theirs).var(axis=2).sum(axis=0) / (structure + _NOISE)
    return max(1.0 - float(differing.max()), 0.0)


def _is_grey(blocks: Float32Array) -> bool:
    return float(np.abs(blocks[1:].mean(axis=2)).max()) <= _GREY


def _gain(ours: Float32Array, theirs: Float32Array) -> float:
    """Return by how much the luma of one is more contrasty than that of the other."""
    ours, theirs = ours - ours.mean(), theirs - theirs.mean()
    return float((ours * theirs).sum() / max((theirs**2).sum(), 1e-6))


def _colour_gain(ours: Float32Array, theirs: Float32Array) -> float:
    """Return by how much the colours of one are stronger; 1 where there are hardly any."""
    ours, theirs = ours[1:].mean(axis=2), theirs[1:].mean(axis=2)
    energy = float((theirs**2).mean())
    return float((ours * theirs).mean()) / energy if energy > _GREY**2 / 2 else 1.0


def _planes(pixels: Uint8Array, side_px: int) -> Float32Array:
    """Return luma and chroma ``[shape=(3, side_px, side_px)]`` of RGB."""
    return _averaged((pixels @ _LUMA_AND_CHROMA.T).transpose(2, 0, 1), side_px)


def _averaged(planes: Float32Array, side_px: int) -> Float32Array:
    """Average pixels in squares."""
    step = planes.shape[-1] // side_px
    squares = planes.reshape(*planes.shape[:-2], side_px, step, side_px, step)
    averages: Float32Array = squares.mean(axis=(-3, -1), dtype=np.float32)
    return averages


def _blocks(planes: Float32Array, inside: np.ndarray) -> Float32Array:
    """Cut planes ``[shape=(c, p, p)]`` into blocks ``[shape=(c, n, p ** 2 / 64)]``: those that lie inside."""
    step = planes.shape[1] // _BLOCKS

    def cut(values: np.ndarray) -> np.ndarray:
        squares = values.reshape(-1, _BLOCKS, step, _BLOCKS, step).transpose(0, 1, 3, 2, 4)
        return squares.reshape(len(squares), _BLOCKS * _BLOCKS, step * step)

    blocks: Float32Array = cut(planes)[:, cut(inside[None])[0].all(axis=1)]
    return blocks
