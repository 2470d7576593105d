"""Pictures: anything that Pillow reads, turned upright, laid on a ground, and made small enough to keep."""

from __future__ import annotations

import ctypes
import logging
import re
import struct
import threading
import warnings
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass
from functools import cache
from typing import TYPE_CHECKING, BinaryIO, Final

import numpy as np

from modag_search.errors import CorruptMediaError, OversizedMediaError, UnreadableMediaError
from modag_search.media.allowance import DECODING_BYTES
from modag_search.media.kinds import HEIC_EXTENSIONS, TARGA_EXTENSIONS, extension_of
from modag_search.media.opening import misnamed
from modag_search.media.reducing import SHORTER_SIDE_PX, reduced_rgb, reducing_factor
from modag_search.values import DecodedSegment, MediaFacts, SegmentStatus, Uint8Array

if TYPE_CHECKING:
    from collections.abc import Generator, Iterator
    from types import TracebackType

    from PIL import Image

    from modag_search.media.reducing import Ground

PIXEL_LIMIT: Final = 178_000_000
"""Larger pictures are refused by their header; Pillow itself refuses a little above this."""

_BYTES_A_PIXEL: Final = {"JPEG2000": 25, "WEBP": 16, "AVIF": 14, "HEIF": 12, "QOI": 9, "TIFF": 8, "SGI": 8}
_BYTES_A_PIXEL_OF_OTHERS: Final = 4
_BYTES_A_PIXEL_OF_SCANS: Final = 8
"""What decoding takes: Pillow's own four bytes, and what a format's library holds beside them (measured).

The decoder of a progressive JPEG holds all its coefficients, whatever the size that it decodes to.
"""

BLACK_MEAN_LUMA: Final = 4.0
BLACK_HIGH_LUMA: Final = 16.0
"""A picture is black where its mean luma and its 99.9th percentile both lie below these, of 255."""

_COMMON_FORMATS: Final = ("JPEG", "PNG", "GIF", "BMP")

# Those that Pillow reads by itself: no formats that start other programs (EPS) or that are never pictures.
_FORMATS: Final[tuple[str, ...]] = (
    *_COMMON_FORMATS,
    *("DIB", "TIFF", "WEBP", "AVIF", "PPM"),
    *("ICO", "JPEG2000", "PCX", "QOI", "SGI", "MPO", "PSD"),
)


# Pillow logs some damage, which Python would print on stderr where the application sets up no logging.
logging.getLogger("PIL").addHandler(logging.NullHandler())


def decode_picture(file: BinaryIO, path: str) -> Generator[DecodedSegment, None, MediaFacts]:
    """Decode a picture to one segment; of an animation, the first frame.

    Yields
    ------
    DecodedSegment

    Raises
    ------
    CorruptMediaError, OversizedMediaError, UnreadableMediaError
    """
    with decoded_picture(file, path) as (picture, (width_px, height_px)):
        pixels = np.array(picture.laid_on("white"), dtype=np.uint8)
    yield picture_segment(pixels, start_s=None, end_s=None)
    return MediaFacts(kind="image", width_px=width_px, height_px=height_px)


def picture_segment(pixels: Uint8Array, *, start_s: float | None, end_s: float | None) -> DecodedSegment:
    """Wrap pixels, ``[shape=(height, width, 3), uint8]``, with their status."""
    return DecodedSegment(modality="image", start_s=start_s, end_s=end_s, data=pixels, status=_status(pixels))


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
    """

    image: Image.Image
    path: str
    factor: int
    orientation: int

    def laid_on(self, ground: Ground) -> Image.Image:
        """Return it reduced and upright, in RGB, on a ground where it is transparent."""
        return _turn(reduced_rgb(self.image, self.path, factor=self.factor, ground=ground), self.orientation)


@contextmanager
def decoded_picture(
    file: BinaryIO, path: str, *, shorter_side_px: int = SHORTER_SIDE_PX
) -> Iterator[tuple[DecodedPicture, tuple[int, int]]]:
    """Decode a picture, and hold it in memory inside the block.

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
        Width and height of the whole, upright.
    """
    with _QUIET_PILLOW, _open(file, path) as image:
        width, height = image.size
        check_pixels(path, image.size)
        factor = reducing_factor(image.size, shorter_side_px=shorter_side_px)
        # JPEG decodes to 1/2, 1/4 or 1/8 at less cost than to the whole, and what comes out is as good as a mean.
        image.draft("RGB", (max(width // factor, 1), max(height // factor, 1)))
        factor //= round(max(width, height) / max(image.size))
        with DECODING_BYTES.take(_bytes_needed(image, path, size=(width, height))):
            image.load()
            orientation = _exif_orientation(image)  # not earlier: Pillow itself turns a TIFF while it loads
            picture = DecodedPicture(image=image, path=path, factor=factor, orientation=orientation)
            yield picture, (height, width) if orientation in _SIDEWAYS else (width, height)


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


def _open(file: BinaryIO, path: str) -> Image.Image:
    from PIL import Image, UnidentifiedImageError

    # The formats that Pillow loads first are nearly all pictures; to load the others takes longer than to decode one.
    Image.preinit()
    with suppress(UnidentifiedImageError):
        return _identified(file, path, among=_COMMON_FORMATS)
    Image.init()
    try:
        return _identified(file, path, among=_formats(path))
    except UnidentifiedImageError as error:
        raise CorruptMediaError(path, misnamed(file, "a picture")) from error


def _identified(file: BinaryIO, path: str, *, among: tuple[str, ...]) -> Image.Image:
    """Open a picture of one of some formats; raise UnidentifiedImageError where it is none of them."""
    from PIL import Image

    file.seek(0)
    try:
        return Image.open(file, formats=[name for name in among if name in Image.OPEN])
    except Image.DecompressionBombError as error:
        pixels = re.search(r"(\d+) pixels", str(error))
        claim = f"claims {int(pixels[1]) / 1e6:.0f} megapixels" if pixels else "claims too many pixels"
        raise OversizedMediaError(path, f"{claim}; the limit is {PIXEL_LIMIT / 1e6:.0f} megapixels") from error


def _formats(path: str) -> tuple[str, ...]:
    wanted = _FORMATS
    extension = extension_of(path)
    if extension in TARGA_EXTENSIONS:
        wanted = (*wanted, "TGA")  # without a signature, so any bytes might pass for one
    if extension in HEIC_EXTENSIONS:
        wanted = (*wanted, _heif_format(path))
    return wanted


def _heif_format(path: str) -> str:
    try:
        import pillow_heif
    except ImportError as error:
        raise UnreadableMediaError(path, 'HEIC pictures need an extra: pip install "modag-search[heic]"') from error
    pillow_heif.register_heif_opener()
    return "HEIF"


_EXIF_ORIENTATION: Final = 0x0112
_SIDEWAYS: Final = frozenset({5, 6, 7, 8})


def _exif_orientation(image: Image.Image) -> int:
    try:
        orientation = image.getexif().get(_EXIF_ORIENTATION, 1)
    except (SyntaxError, ValueError, LookupError, TypeError, OSError, struct.error):
        return 1  # damaged metadata do not make a picture unfit
    return orientation if isinstance(orientation, int) else 1


def _turn(image: Image.Image, orientation: int) -> Image.Image:
    from PIL.Image import Transpose

    method = {
        2: Transpose.FLIP_LEFT_RIGHT,
        3: Transpose.ROTATE_180,
        4: Transpose.FLIP_TOP_BOTTOM,
        5: Transpose.TRANSPOSE,
        6: Transpose.ROTATE_270,
        7: Transpose.TRANSVERSE,
        8: Transpose.ROTATE_90,
    }.get(orientation)
    return image if method is None else image.transpose(method)


def _status(pixels: Uint8Array) -> SegmentStatus:
    luma = pixels.astype(np.float32) @ np.array([0.299, 0.587, 0.114], np.float32)
    if luma.mean() < BLACK_MEAN_LUMA and np.percentile(luma, 99.9) < BLACK_HIGH_LUMA:
        return "black"
    return "ok"


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
