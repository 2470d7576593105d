"""Which page of a document, or frame of an animation, stands for a file: the first that shows something."""

from __future__ import annotations

from contextlib import suppress
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from modag_search.values import Remark

if TYPE_CHECKING:
    from collections.abc import Callable

    from PIL import Image

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
        What decoding it raised, if it is damaged. It cannot be asked again: Pillow takes some pages as decoded after that.
    """

    place: int = 0
    remark: Remark | None = None
    failure: Exception | None = None


def turn_to_page(image: Image.Image, contrast_of: Callable[[Image.Image], float]) -> Page:
    """Leave a picture at the page that stands for it.

    Parameters
    ----------
    image : PIL.Image.Image
        As it was opened.
    contrast_of : callable
        Given the picture at one of its pages, returns its contrast; 0 where it shows nothing.

    Returns
    -------
    Page
    """
    n_pages = _n_pages(image)
    if n_pages == 1:
        return Page()
    place = _first_of_full_size(image, min(n_pages, MOST_PAGES))
    reason = "those before it are smaller versions"
    contrast, failure = _look(image, place, contrast_of)
    if failure is None and contrast == 0:
        later = _first_that_shows(image, range(place + 1, min(n_pages, MOST_PAGES)), contrast_of)
        if later is not None:
            place, reason = later, "those before it show nothing, or little"
        image.seek(place)
    if place == 0:
        return Page(failure=failure)
    word = "page" if image.format == "TIFF" else "frame"
    remark = Remark("chosen", f"is taken by its {word} {place + 1} of {n_pages}: {reason}")
    return Page(place=place, remark=remark, failure=failure)


def _look(
    image: Image.Image, place: int, contrast_of: Callable[[Image.Image], float]
) -> tuple[float, Exception | None]:
    """Return the contrast of a page, and what decoding it raised."""
    try:
        image.seek(place)
        return contrast_of(image), None
    except Exception as error:  # noqa: BLE001 - damage raises anything
        return 0.0, error


def _n_pages(image: Image.Image) -> int:
    if image.format not in _WITH_PAGES:
        return 1
    try:
        return int(getattr(image, "n_frames", 1))
    except Exception:  # noqa: BLE001 - damage raises anything
        return 1  # what lies behind the first page is damaged; the first may be all right


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


def _first_that_shows(image: Image.Image, places: range, contrast_of: Callable[[Image.Image], float]) -> int | None:
    """Return the first page that shows something, or a later one that shows much more; None where none does."""
    found, most, n_pixels = None, 0.0, 0
    for place in places:
        contrast, failure = _look(image, place, contrast_of)
        if failure is not None:
            break  # damaged from here on
        if contrast > MORE_CONTRAST * most:
            found, most = place, contrast
        n_pixels += image.width * image.height
        if n_pixels > MOST_PIXELS:
            break
    return found
