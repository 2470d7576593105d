"""Which pictures are read, and how they are told: by their first bytes, whatever their names say."""

from __future__ import annotations

import io
import re
import struct
from contextlib import suppress
from typing import TYPE_CHECKING, BinaryIO, Final

from modag_search.errors import (
    CorruptMediaError,
    MediaError,
    OversizedMediaError,
    UnreadableMediaError,
    UnsupportedMediaError,
)
from modag_search.media.kinds import (
    HEIC_EXTENSIONS,
    SIGNATURE_BYTES,
    TARGA_EXTENSIONS,
    appearance_of,
    extension_of,
)
from modag_search.media.opening import misnamed
from modag_search.values import Remark

if TYPE_CHECKING:
    from PIL import Image

PIXEL_LIMIT: Final = 178_000_000
"""Larger pictures are refused by their header; Pillow itself refuses a little above this."""

_COMMON_FORMATS: Final = ("JPEG", "PNG", "GIF", "BMP")

# Those that Pillow reads by itself: no formats that start other programs (EPS) or that are never pictures.
_FORMATS: Final[tuple[str, ...]] = (
    *_COMMON_FORMATS,
    *("DIB", "TIFF", "WEBP", "AVIF", "PPM"),
    *("ICO", "JPEG2000", "PCX", "QOI", "SGI", "MPO", "PSD"),
)

_NOT_READ: Final = frozenset({"a JPEG XL picture"})
_HEIC: Final = "a HEIC picture"
_BLANK: Final = b"\xef\xbb\xbf\r\n\t "  # with the mark that begins text in UTF-8

_ENDINGS: Final = {
    **dict.fromkeys((".jpg", ".jpeg", ".jpe", ".jfif"), ("JPEG", "MPO")),
    **dict.fromkeys((".png", ".apng"), ("PNG",)),
    ".gif": ("GIF",),
    **dict.fromkeys((".tif", ".tiff"), ("TIFF",)),
    ".webp": ("WEBP",),
    ".avif": ("AVIF", "HEIF"),
    **dict.fromkeys((".bmp", ".dib"), ("BMP", "DIB")),
    **dict.fromkeys(HEIC_EXTENSIONS, ("HEIF", "AVIF")),
}
"""Endings of names that promise a format."""

_NAMES: Final = {"HEIF": "HEIC", "WEBP": "WebP", "JPEG2000": "JPEG 2000", "PPM": "PNM"}
_WITH_AN: Final = ("AVIF", "ICO", "MPO", "SGI")


def open_picture(file: BinaryIO, path: str) -> Image.Image:
    """Open a picture of any of the formats that are read, without decoding it.

    Raises
    ------
    MediaError
        It is none, or one that is not read.
    """
    from PIL import Image, UnidentifiedImageError

    appearance = appearance_of(_first_bytes(file))
    # The formats that Pillow loads first are nearly all pictures; to load the others takes longer than to decode one.
    Image.preinit()
    with suppress(UnidentifiedImageError):
        return _identified(file, path, among=_COMMON_FORMATS)
    Image.init()
    among = _formats(path, appearance)
    try:
        return _identified(file, path, among=among)
    except UnidentifiedImageError as error:
        raise _not_opened(file, path, appearance, among) from error


def past_blank_start(file: BinaryIO) -> BinaryIO:
    """Return a picture without blank lines that a program put before it, as web servers do; else the file itself."""
    first_bytes = _first_bytes(file)
    n_blank = len(first_bytes) - len(first_bytes.lstrip(_BLANK))
    appearance = appearance_of(first_bytes[n_blank:]) or ""
    if n_blank == 0 or not appearance.endswith(" picture"):
        return file
    file.seek(n_blank)
    return io.BytesIO(file.read())


def remark_on_format(image: Image.Image, path: str) -> Remark | None:
    """Say what a picture is whose name promises another format."""
    extension = extension_of(path)
    promised = _ENDINGS.get(extension)
    if promised is None or image.format is None or image.format in promised:
        return None
    return Remark("misnamed", f"is {_name_of(image.format)}, although its name ends in {extension}")


def _name_of(form: str) -> str:
    name = _NAMES.get(form, form)
    return f"{'an' if name in _WITH_AN else 'a'} {name} picture"


def _identified(file: BinaryIO, path: str, *, among: tuple[str, ...]) -> Image.Image:
    """Open a picture of one of some formats; raise UnidentifiedImageError where it is none of them."""
    from PIL import Image, UnidentifiedImageError

    file.seek(0)
    try:
        return Image.open(file, formats=[name for name in among if name in Image.OPEN])
    except UnidentifiedImageError:
        raise
    except OSError as error:
        if error.errno is not None:
            raise
        raise _cut_header(path, appearance_of(_first_bytes(file)) or "a picture", error) from error
    except Image.DecompressionBombError as error:
        pixels = re.search(r"(\d+) pixels", str(error))
        claim = f"claims {int(pixels[1]) / 1e6:.0f} megapixels" if pixels else "claims too many pixels"
        raise OversizedMediaError(path, f"{claim}; the limit is {PIXEL_LIMIT / 1e6:.0f} megapixels") from error


def _formats(path: str, appearance: str | None) -> tuple[str, ...]:
    wanted = _FORMATS
    if extension_of(path) in TARGA_EXTENSIONS:
        wanted = (*wanted, "TGA")  # without a signature, so any bytes might pass for one
    if appearance == _HEIC:
        wanted = (*wanted, _heif_format(path))
    return wanted


def _heif_format(path: str) -> str:
    try:
        import pillow_heif
    except ImportError as error:
        reason = 'is a HEIC picture, which needs an extra: pip install "modag-search[heic]"'
        raise UnreadableMediaError(path, reason) from error
    pillow_heif.register_heif_opener()
    return "HEIF"


def _not_opened(file: BinaryIO, path: str, appearance: str | None, among: tuple[str, ...]) -> MediaError:
    """Say why a picture cannot be opened: it is something else, of a kind that is not read, or damaged."""
    if appearance is None or not appearance.endswith(" picture"):
        return CorruptMediaError(path, misnamed(file, "a picture"))
    if appearance in _NOT_READ:
        return UnsupportedMediaError(path, f"is {appearance}, which is not read")
    reason = _complaint(file, among)
    if reason in _NOT_KNOWN and not _lacks_tags(file):
        return UnsupportedMediaError(path, f"is {appearance} of a kind that is not read ({reason})")
    return _cut_header(path, appearance, reason)


def _lacks_tags(file: BinaryIO) -> bool:
    """Tell whether a TIFF ends before the tags of its first page do: what these say is then missing, not unknown."""
    file.seek(0)
    data = file.read(_TAGS_BYTES)
    order = {b"II": "<", b"MM": ">"}.get(data[:2])
    if order is None or data[2:4] not in (b"*\0", b"\0*"):
        return False
    (place,) = struct.unpack_from(f"{order}I", data, 4)
    if place + 2 > len(data):
        return len(data) < _TAGS_BYTES
    (n_tags,) = struct.unpack_from(f"{order}H", data, place)
    ends = [place + 2 + 12 * n_tags]
    for start in range(place + 2, min(ends[0], len(data) - 11), 12):
        kind, n_values, value_at = struct.unpack_from(f"{order}2xHII", data, start)
        n_bytes = n_values * _TIFF_BYTES.get(kind, 1)
        ends.append(value_at + n_bytes if n_bytes > 4 else 0)
    return max(ends) > len(data) and len(data) < _TAGS_BYTES


def _cut_header(path: str, appearance: str, reason: object) -> CorruptMediaError:
    return CorruptMediaError(path, f"is {appearance}, but its header is damaged or cut off: {reason}")


def _first_bytes(file: BinaryIO) -> bytes:
    file.seek(0)
    return file.read(SIGNATURE_BYTES)


_TAGS_BYTES: Final = 1 << 20
_TIFF_BYTES: Final = {3: 2, 4: 4, 5: 8, 8: 2, 9: 4, 10: 8, 11: 4, 12: 8, 13: 4}
"""Length of a value by the kind of its tag; 1 of the others."""

_NOT_KNOWN: Final = frozenset({"unknown pixel mode", "unknown data organization", "Unsupported BMP bitfields layout"})
"""What Pillow says of files that are in order."""


def _complaint(file: BinaryIO, among: tuple[str, ...]) -> str:
    """Return what Pillow has against a picture."""
    from PIL import Image

    file.seek(0)
    prefix = file.read(16)
    for name in among:
        factory, accept = Image.OPEN.get(name, (None, None))
        if factory is None or accept is None or accept(prefix) is not True:
            continue
        file.seek(0)
        try:
            factory(file, "")
        except MemoryError:
            raise
        except Exception as error:  # noqa: BLE001 - damage raises anything
            return str(error).strip().rstrip(".") or type(error).__name__
    return "it is of no known variant"
