"""Pictures: anything that Pillow reads, turned upright, laid on a ground, and made small enough to keep."""

from __future__ import annotations

import ctypes
import logging
import threading
import warnings
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass
from functools import cache, partial
from typing import TYPE_CHECKING, BinaryIO, Final

import numpy as np

from modag_search.errors import ModagError, OversizedMediaError, UnreadableMediaError
from modag_search.media.allowance import DECODING_BYTES
from modag_search.media.cut_heif import refuse_cut_heif
from modag_search.media.cut_webp import decode_cut_webp, is_cut_webp
from modag_search.media.incomplete import decode_what_is_there
from modag_search.media.opening import is_out_of_memory
from modag_search.media.orientation import SIDEWAYS, orientation_of, turned
from modag_search.media.pages import turn_to_page
from modag_search.media.picture_formats import PIXEL_LIMIT, open_picture, past_blank_start, remark_on_format
from modag_search.media.reducing import SHORTER_SIDE_PX, reduced_rgb, reducing_factor
from modag_search.media.visibility import fades_on_white, luma_of, status_of
from modag_search.values import DecodedSegment, MediaFacts, Uint8Array

if TYPE_CHECKING:
    from collections.abc import Generator, Iterator
    from types import TracebackType

    from PIL import Image

    from modag_search.media.pages import Page
    from modag_search.media.reducing import Ground
    from modag_search.values import Remark

_BYTES_A_PIXEL: Final = {"JPEG2000": 25, "WEBP": 16, "AVIF": 14, "HEIF": 12, "QOI": 9, "TIFF": 8, "SGI": 8}
_BYTES_A_PIXEL_OF_OTHERS: Final = 4
_BYTES_A_PIXEL_OF_SCANS: Final = 8
"""What decoding takes: Pillow's own four bytes, and what a format's library holds beside them (measured).

The decoder of a progressive JPEG holds all its coefficients, whatever the size that it decodes to.
"""

# Pillow logs some damage, which Python would print on stderr where the application sets up no logging.
logging.getLogger("PIL").addHandler(logging.NullHandler())


def decode_picture(file: BinaryIO, path: str) -> Generator[DecodedSegment, None, MediaFacts]:
    """Decode a picture to one segment; of several pages or frames, the first that shows something.

    Yields
    ------
    DecodedSegment

    Raises
    ------
    CorruptMediaError, OversizedMediaError, UnreadableMediaError
    """
    with decoded_picture(file, path) as (picture, (width_px, height_px)):
        pixels = picture.pixels()
    yield picture_segment(pixels, start_s=None, end_s=None)
    return MediaFacts(kind="image", width_px=width_px, height_px=height_px, remarks=picture.remarks)


def picture_segment(pixels: Uint8Array, *, start_s: float | None, end_s: float | None) -> DecodedSegment:
    """Wrap pixels, ``[shape=(height, width, 3), uint8]``, with their status."""
    return DecodedSegment(modality="image", start_s=start_s, end_s=end_s, data=pixels, status=status_of(pixels))


def check_pixels(path: str, size: tuple[int, int], *, limit: float = PIXEL_LIMIT, among: str = "") -> None:
    """Refuse what would not fit in memory.

    Parameters
    ----------
    path : str
    size : tuple of int
        Width and height.
    limit : float
        The most pixels.
    among : str
        What the limit is for, such as ``" of videos"``; for the message.
    """
    width, height = size
    if width * height > limit:
        raise OversizedMediaError(
            path,
            f"is {width} x {height} pixels ({width * height / 1e6:.0f} megapixels); "
            f"the limit{among} is {limit / 1e6:.0f} megapixels",
        )


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class DecodedPicture:
    """A picture in memory.

    Attributes
    ----------
    image : PIL.Image.Image
        As it was decoded, perhaps to a part of its size.
    path : str
    factor : int
        By which it is to be reduced yet.
    orientation : int
        As EXIF counts.
    remarks : tuple of Remark
        What was noticed while it was decoded.
    """

    image: Image.Image
    path: str
    factor: int
    orientation: int
    remarks: tuple[Remark, ...] = ()

    def laid_on(self, ground: Ground) -> Image.Image:
        """Return it reduced and upright, in RGB, on a ground where it is transparent."""
        return turned(reduced_rgb(self.image, self.path, factor=self.factor, ground=ground), self.orientation)

    def pixels(self) -> Uint8Array:
        """Return it likewise, ``[shape=(height, width, 3), uint8]``, on white, or on black where it fades on white."""
        white = np.array(self.laid_on("white"), dtype=np.uint8)
        if not self.image.has_transparency_data:
            return white
        black = np.array(self.laid_on("black"), dtype=np.uint8)
        return black if fades_on_white(white, black) else white


@contextmanager
def decoded_picture(
    file: BinaryIO, path: str, *, shorter_side_px: int = SHORTER_SIDE_PX
) -> Iterator[tuple[DecodedPicture, tuple[int, int]]]:
    """Decode a picture, and hold it in memory inside the block; of several pages, the first that shows something.

    Parameters
    ----------
    file : BinaryIO
    path : str
    shorter_side_px : int
        How long its shorter side stays, if it is not shorter already.

    Yields
    ------
    DecodedPicture
    tuple of int
        Width and height of the whole, upright; of what is only partly there, as much as there is.
    """
    file = past_blank_start(file)
    with _QUIET_PILLOW, ExitStack() as held:
        opened, cut = _opened(file, path)
        held.enter_context(opened)
        reopened = partial(_reopened, path=path, shorter_side_px=shorter_side_px)
        page = turn_to_page(
            opened,
            contrast_of=partial(_contrast, path=path),
            contrast_of_part=partial(_contrast_of_part, path=path, file=file),
            is_cut=cut is not None,
        )
        size = opened.size
        factor = _drafted(opened, path, shorter_side_px=shorter_side_px)
        held.enter_context(DECODING_BYTES.take(_bytes_needed(opened, path, size=size)))
        image, partly = opened, cut
        if _failure_of_loading(opened, page) is not None:
            refuse_cut_heif(file, path)
            image, partly = decode_what_is_there(path, file, partial(reopened, place=page.place))
        orientation = orientation_of(opened)
        width, height = round(size[0] * image.width / opened.width), round(size[1] * image.height / opened.height)
        picture = DecodedPicture(
            image=image,
            path=path,
            factor=factor,
            orientation=orientation,
            remarks=tuple(filter(None, (remark_on_format(opened, path), page.remark, partly))),
        )
        yield picture, (height, width) if orientation in SIDEWAYS else (width, height)


def remark_on_picture(file: BinaryIO, path: str) -> Remark | None:
    """Say what a picture is whose name promises another format, by its header."""
    with _QUIET_PILLOW:
        image, _ = _opened(past_blank_start(file), path)
        with image:
            return remark_on_format(image, path)


def _opened(file: BinaryIO, path: str) -> tuple[Image.Image, Remark | None]:
    """Open a picture; a WebP that is cut off, which does not open, comes decoded, with how much it holds."""
    if is_cut_webp(file):
        return decode_cut_webp(path, file)
    try:
        return open_picture(file, path), None
    except (UnreadableMediaError, MemoryError):
        raise
    except Exception:
        refuse_cut_heif(file, path)
        raise


def _failure_of_loading(image: Image.Image, page: Page) -> Exception | None:
    """Decode a picture at a page; return what that raises, or raised when it was looked at, where it is damaged."""
    failure = page.failure
    if failure is None:
        try:
            image.load()
        except Exception as error:  # noqa: BLE001 - damage raises anything
            failure = error.with_traceback(None)  # that would hold the pixels
    if failure is not None and not _is_damage(failure):
        raise failure
    return failure


def _reopened(file: BinaryIO, *, path: str, place: int, shorter_side_px: int) -> Image.Image:
    image = open_picture(file, path)
    image.seek(place)
    _drafted(image, path, shorter_side_px=shorter_side_px)
    return image


def _is_damage(error: Exception) -> bool:
    """Tell what libraries throw at damaged input from what the system or this program says."""
    is_of_system = isinstance(error, OSError) and error.errno is not None
    return not is_of_system and not isinstance(error, ModagError) and not is_out_of_memory(error)


def _drafted(image: Image.Image, path: str, *, shorter_side_px: int) -> int:
    """Prepare a picture for being decoded to no more than is needed; return the factor that is left to reduce it by."""
    width, height = image.size
    check_pixels(path, image.size)
    factor = reducing_factor(image.size, shorter_side_px=shorter_side_px)
    # JPEG decodes to 1/2, 1/4 or 1/8 at less cost than to the whole, and what comes out is as good as a mean.
    image.draft("RGB", (max(width // factor, 1), max(height // factor, 1)))
    return factor // round(max(width, height) / max(image.size))


def _contrast(image: Image.Image, path: str) -> float:
    """Return how far the luma of a page varies, as encoders see it; 0 where it shows nothing."""
    check_pixels(path, image.size)
    with DECODING_BYTES.take(_bytes_needed(image, path, size=image.size)):
        image.load()
        return _contrast_of_decoded(image, path)


def _contrast_of_part(image: Image.Image, path: str, file: BinaryIO) -> float:
    """Return it of as much of a damaged page as decodes; raise CorruptMediaError where that is too little."""
    reopened = partial(_reopened, path=path, place=image.tell(), shorter_side_px=SHORTER_SIDE_PX)
    with DECODING_BYTES.take(_bytes_needed(image, path, size=image.size)):
        part, _ = decode_what_is_there(path, file, reopened)
        return _contrast_of_decoded(part, path)


def _contrast_of_decoded(image: Image.Image, path: str) -> float:
    pixels = DecodedPicture(image=image, path=path, factor=reducing_factor(image.size), orientation=1).pixels()
    return float(luma_of(pixels).std()) if status_of(pixels) == "ok" else 0.0


def _bytes_needed(image: Image.Image, path: str, *, size: tuple[int, int]) -> int:
    """Return what decoding takes; `size` is that of the picture, whose `image.size` may be a reduced one.

    Raises OversizedMediaError where it is more than anyone may take.
    """
    bytes_a_pixel = _BYTES_A_PIXEL.get(image.format or "", _BYTES_A_PIXEL_OF_OTHERS)
    needed = image.width * image.height * bytes_a_pixel
    if image.info.get("progressive"):
        needed = max(needed, size[0] * size[1] * _BYTES_A_PIXEL_OF_SCANS)
    if needed > DECODING_BYTES.total:
        limit = size[0] * size[1] / needed * DECODING_BYTES.total
        check_pixels(path, size, limit=limit, among=f" of {image.format}")
    return needed


@cache
def _silence_libtiff() -> None:
    """Keep libtiff from printing errors on stderr, without a file's name; Pillow raises its own beside them.

    Through the library that Pillow brings, or shares with the system, where its symbols can be reached. To send stderr
    elsewhere meanwhile would swallow what other threads print, and the last words of a crash.
    """
    from PIL import _imaging

    with suppress(OSError, AttributeError):
        ctypes.CDLL(_imaging.__file__).TIFFSetErrorHandler(None)


class _QuietPillow:
    """Silences Pillow's warnings, and what it is built on, while any thread decodes a picture.

    `warnings.catch_warnings` changes the filters of the whole process and puts back what it found, so
    blocks that overlap in two threads would leave each other's filters behind; here the first thread in
    sets the filter and the last one out restores it.
    """

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._inside = 0
        self._stack = ExitStack()

    def __enter__(self) -> None:
        from PIL import Image

        with self._lock:
            if self._inside == 0:
                _silence_libtiff()
                self._stack.enter_context(warnings.catch_warnings())
                warnings.filterwarnings("ignore", module=r"PIL\.")
                warnings.filterwarnings("ignore", category=Image.DecompressionBombWarning)
            self._inside += 1

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        with self._lock:
            self._inside -= 1
            if self._inside == 0:
                self._stack.close()


_QUIET_PILLOW: Final = _QuietPillow()
