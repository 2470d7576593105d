"""How items look and sound on a page: small pictures, short sounds."""

from __future__ import annotations

import os
from dataclasses import dataclass
from typing import TYPE_CHECKING

from modag_search import previews
from modag_search.errors import ModagError
from modag_search.features.ahead import decoding_threads, map_ahead

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from modag_search.pages.entries import Entry
    from modag_search.previews import Clip

LONGER_SIDE_PX = 320
CLIP_S = 8.0


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Looks:
    """What is seen and heard of an item.

    Attributes
    ----------
    picture : bytes or None
        JPEG: of a picture or frame, else the spectrogram of `clip`.
    clip : Clip or None
        None where there is no sound.
    problem : ModagError or None
        Why there is neither.
    """

    picture: bytes | None = None
    clip: Clip | None = None
    problem: ModagError | None = None


def looks_of(entry: Entry, *, longer_side_px: int = LONGER_SIDE_PX, most_s: float = CLIP_S) -> Looks:
    """Decode what is to be seen and heard of an item; what cannot be decoded has a problem, and raises nothing.

    Parameters
    ----------
    entry : Entry
    longer_side_px : int
        Of pictures.
    most_s : float
        How long a sound is at the most, in seconds.

    Returns
    -------
    Looks
    """
    try:
        clip = None if entry.kind == "image" else _clip(entry, most_s=most_s)
        if entry.kind in {"image", "video"}:
            at_s = entry.start_s if entry.kind == "video" else None
            picture = previews.thumbnail(entry.path, kind=entry.kind, at_s=at_s, longer_side_px=longer_side_px)
            return Looks(picture=picture, clip=clip)
    except ModagError as error:
        return Looks(problem=error)
    except OSError as error:
        return Looks(problem=ModagError(f"{entry.path}: cannot be read: {error.strerror or error}"))
    return Looks(picture=None if clip is None else clip.spectrogram, clip=clip)


def all_looks(entries: Iterable[Entry], *, workers: int | None = None) -> Iterator[Looks]:
    """Decode what is to be seen and heard of items in other processes, some at a time, in their order."""
    workers = workers or os.cpu_count() or 1
    with decoding_threads(workers) as (pool, _):
        yield from map_ahead(pool, looks_of, entries, look_ahead=2 * workers)


def _clip(entry: Entry, *, most_s: float) -> Clip | None:
    """Return what is heard, which of a video may be nothing."""
    start_s = entry.start_s or 0.0
    try:
        return previews.clip(entry.path, start_s=start_s, most_s=_length(entry, start_s, most_s))
    except ModagError:
        if entry.kind == "video":
            return None  # mute, or its sound ends before its pictures
        raise


def _length(entry: Entry, start_s: float, most_s: float) -> float:
    """Return how long a clip is: that of the place, where it has one that is longer than a moment."""
    place_s = most_s if entry.end_s is None else entry.end_s - start_s
    return min(place_s, most_s) if place_s >= 1.0 else most_s
