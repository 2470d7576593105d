"""Which page of a document, or frame of an animation, stands for a file: the first that shows something."""

from __future__ import annotations

from contextlib import suppress
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from modag_search.media.opening import is_out_of_memory
from modag_search.values import Remark

if TYPE_CHECKING:
    from collections.abc import Callable

    from PIL import Image

    Contrast = Callable[[Image.Image], float]

MOST_PAGES: Final = 100
MOST_PIXELS: Final = 200_000_000
"""How many pages are looked at, and how many pixels they may have together, where the first shows nothing."""

MORE_CONTRAST: Final = 2.0
"""An animation that fades in is shown by no frame that has so much less contrast than a later one."""

# Of others with several pictures (MPO, HEIC) the first is the one that is meant: the others are views or depths of it.
_WITH_PAGES: Final = frozenset({"GIF", "WEBP", "PNG", "AVIF", "TIFF"})

_NEW_SUBFILE_TYPE: Final = 254
_REDUCED_OR_MASK: Final = 0b101
_SUBFILE_TYPE: Final = 255
_REDUCED: Final = 2


@dataclass(frozen=True, slots=True, kw_only=True)
class Page:
    """A page or frame that stands for a file.

    Attributes
    ----------
    place : int
        Counted from 0.
    remark : Remark or None
        Which page that is, where it is not the first.
    failure : Exception or None
        What decoding it raised, if it is damaged. To decode it again may raise nothing: Pillow takes it as decoded.
    """

    place: int = 0
    remark: Remark | None = None
    failure: Exception | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class _Look:
    """A page as it was looked at."""

    place: int
    contrast: float = 0.0
    failure: Exception | None = None


def turn_to_page(image: Image.Image, *, contrast_of: Contrast, contrast_of_part: Contrast, is_cut: bool) -> Page:
    """Leave a picture at the page that stands for it: the first that shows something, rather one that is whole.

    Parameters
    ----------
    image : PIL.Image.Image
        As it was opened.
    contrast_of : callable
        Given the picture at one of its pages, returns its contrast; 0 where it shows nothing.
    contrast_of_part : callable
        Given it at a page that is damaged, returns the contrast of what decodes of that.
    is_cut : bool
        Pages lack at its end, so that it is not known how many it had.

    Returns
    -------
    Page
    """
    n_pages, are_all = _n_pages(image)
    if n_pages == 1 and are_all:
        return Page()
    n_looked = min(n_pages, MOST_PAGES)
    first = _look(image, _first_of_full_size(image, n_looked), contrast_of)
    later: list[_Look] = []
    failed: list[int] = []
    if first.failure is None and first.contrast == 0:
        later = _looks(image, range(first.place + 1, n_looked), contrast_of)
        failed = [look.place for look in later if look.failure is not None] + [n_pages] * (not are_all)
    found = _that_shows(image, later, contrast_of_part) or first
    image.seek(found.place)
    n_seen = first.place + 1 + len(later)
    if found is first and later and not failed and n_seen < n_pages:
        return Page(place=found.place, remark=_remark_on_unseen(image, n_seen=n_seen, n_pages=n_pages))
    # A GIF that breaks off counts the frames that have begun.
    is_counted = are_all and not is_cut and not (failed and image.format == "GIF")
    remark = _remark(image, found, first, failed, total=f" of {n_pages}" if is_counted else "")
    return Page(place=found.place, remark=remark, failure=found.failure)


def _remark_on_unseen(image: Image.Image, *, n_seen: int, n_pages: int) -> Remark:
    words = "pages" if image.format == "TIFF" else "frames"
    text = f"shows next to nothing in the first {n_seen} of its {n_pages} {words}; the others were not looked at"
    return Remark("partly read", text)


def _remark(image: Image.Image, found: _Look, first: _Look, failed: list[int], *, total: str) -> Remark | None:
    """Say which page stands for a file, and what is the matter with others."""
    word = "page" if image.format == "TIFF" else "frame"
    chosen = f"is taken by its {word} {found.place + 1}{total}: those before it"
    if found is not first:
        others = ", or do not decode" if failed and failed[0] < found.place else ""
        return Remark("chosen", f"{chosen} show nothing, or little{others}")
    if failed:
        return Remark("partly read", f"shows nothing as far as it decodes; its {word} {failed[0] + 1}{total} does not")
    return Remark("chosen", f"{chosen} are smaller versions") if found.place > 0 else None


def _look(image: Image.Image, place: int, contrast_of: Contrast) -> _Look:
    try:
        image.seek(place)
        return _Look(place=place, contrast=contrast_of(image))
    except Exception as error:
        if is_out_of_memory(error):  # a page that is as it should would be passed over for another
            raise
        return _Look(place=place, failure=error.with_traceback(None))  # that would hold the pixels


def _looks(image: Image.Image, places: range, contrast_of: Contrast) -> list[_Look]:
    """Look at pages in turn, as far as there are not too many pixels, nor frames that lie on one that is damaged."""
    looks, n_pixels = [], 0
    for place in places:
        looks.append(_look(image, place, contrast_of))
        n_pixels += image.width * image.height
        if n_pixels > MOST_PIXELS or (looks[-1].failure is not None and image.format != "TIFF"):
            break
    return looks


def _that_shows(image: Image.Image, looks: list[_Look], contrast_of_part: Contrast) -> _Look | None:
    """Return the first that shows something, or a later one that shows much more; else one that does so in part."""
    found = None
    for look in looks:
        if look.contrast > MORE_CONTRAST * (found.contrast if found else 0):
            found = look
    if found is not None:
        return found
    damaged = (look for look in looks if look.failure is not None)
    return next((look for look in damaged if _look(image, look.place, contrast_of_part).contrast > 0), None)


def _n_pages(image: Image.Image) -> tuple[int, bool]:
    """Count the pages up to the first whose header is damaged; tell whether these are all."""
    if image.format not in _WITH_PAGES:
        return 1, True
    with suppress(Exception):
        return int(getattr(image, "n_frames", 1)), True
    n_pages = 1
    with suppress(Exception):
        while n_pages < MOST_PAGES:
            image.seek(n_pages)
            n_pages += 1
    image.seek(0)
    return n_pages, False


def _first_of_full_size(image: Image.Image, n_pages: int) -> int:
    """Return the first page that is neither a reduced version of another nor a mask; 0 where none says so."""
    if image.format != "TIFF":
        return 0
    with suppress(Exception):
        for place in range(n_pages):
            image.seek(place)
            tags = getattr(image, "tag_v2", {})
            if not tags.get(_NEW_SUBFILE_TYPE, 0) & _REDUCED_OR_MASK and tags.get(_SUBFILE_TYPE) != _REDUCED:
                return place
    return 0
