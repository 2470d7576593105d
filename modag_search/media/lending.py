"""Samples and pixels that a program holds, lent to decoders as files, so that they are heard and seen as files are."""

from __future__ import annotations

import os
import tempfile
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, Final

import numpy as np

from modag_search.errors import UsageError
from modag_search.media.opening import media_errors
from modag_search.media.sounds import HIGHEST_RATE_HZ, LOWEST_RATE_HZ

if TYPE_CHECKING:
    from collections.abc import Iterator

    from PIL import Image

_SUBTYPES: Final = {"float16": "FLOAT", "float32": "FLOAT", "float64": "DOUBLE", "int16": "PCM_16", "int32": "PCM_32"}
_MOST_CHANNELS: Final = 1024
"""Of files that libsndfile writes."""
_WITHOUT_PRODUCT: Final = {"La": "LA", "RGBa": "RGBA"}
"""Modes whose colours are multiplied by their opacity, which no file keeps, and those that they stand for."""
_IN_TIFF: Final = ("F", "I")
"""Modes with more than a PNG can hold."""
SAMPLES: Final = "the sound"
PICTURE: Final = "the picture"


@contextmanager
def lent_file(media: Any, *, sample_rate_hz: int | None) -> Iterator[tuple[str, str]]:
    """Write samples or a picture to a file that is there inside the block.

    Parameters
    ----------
    media : np.ndarray or PIL.Image.Image
        Samples ``[shape=(n,) or (n, channels)]``, floats whose full scale is 1, int16 or int32; or a picture,
        ``[shape=(height, width), (height, width, 3) or (height, width, 4), uint8]``.
    sample_rate_hz : int or None
        Of samples; None for a picture.

    Yields
    ------
    path : str
    name : str
        What stands for the file in messages.

    Raises
    ------
    UsageError
        If it is neither, or of a shape or a rate that no file has.
    MediaError
        If it is a picture that its file does not give.
    """
    with tempfile.TemporaryDirectory(prefix="modag-") as folder:
        if sample_rate_hz is not None:
            path = os.path.join(folder, "samples.wav")
            _write_samples(path, media, sample_rate_hz)
            yield path, SAMPLES
        else:
            yield _written_picture(folder, media), PICTURE


def is_picture(media: Any) -> bool:
    """Tell what is lent as a picture from samples, by its type."""
    return not isinstance(media, np.ndarray) or media.dtype == np.uint8


def _write_samples(path: str, samples: Any, sample_rate_hz: int) -> None:
    import soundfile

    _check_samples(samples)
    _check_rate(sample_rate_hz)
    subtype = _SUBTYPES[samples.dtype.name]
    # Writing takes numbers as those of this machine, whatever order of bytes they come in.
    native = np.float32 if samples.dtype.name == "float16" else samples.dtype.newbyteorder("=")
    # RF64: a WAVE that may be larger than 4 GB.
    soundfile.write(path, samples.astype(native, copy=False), int(sample_rate_hz), format="RF64", subtype=subtype)


def _check_samples(samples: Any) -> None:
    if not isinstance(samples, np.ndarray) or samples.dtype.name not in _SUBTYPES:
        what = samples.dtype.name if isinstance(samples, np.ndarray) else type(samples).__name__
        raise UsageError(f"{SAMPLES}: must be an array of {', '.join(_SUBTYPES)}, not {what}")
    if samples.ndim not in (1, 2) or (samples.ndim == 2 and samples.shape[1] > max(samples.shape[0], 1)):
        raise UsageError(f"{SAMPLES}: must be of shape (n,) or (n, channels), not {samples.shape}")
    if samples.ndim == 2 and not 1 <= samples.shape[1] <= _MOST_CHANNELS:
        raise UsageError(f"{SAMPLES}: must be of 1 to {_MOST_CHANNELS} channels, not {samples.shape[1]}")


def _check_rate(sample_rate_hz: Any) -> None:
    is_whole = isinstance(sample_rate_hz, (int, np.integer))
    if not (is_whole and LOWEST_RATE_HZ <= sample_rate_hz <= HIGHEST_RATE_HZ):
        limits = f"from {LOWEST_RATE_HZ} to {HIGHEST_RATE_HZ}"
        raise UsageError(f"sample_rate_hz must be a whole number {limits}, not {sample_rate_hz!r}")


def _written_picture(folder: str, picture: Any) -> str:
    """Write a picture to a folder, in a format that holds all its mode does, and return the path."""
    upright = _upright(picture)
    if upright.mode in _IN_TIFF:
        path = os.path.join(folder, "picture.tiff")
        upright.save(path, format="TIFF")
        return path
    path = os.path.join(folder, "picture.png")
    straight = upright.convert(_WITHOUT_PRODUCT.get(upright.mode, upright.mode))
    try:
        straight.save(path, format="PNG", compress_level=0)
    except OSError as error:
        if error.errno is not None:
            raise
        # A mode that PNG lacks, such as CMYK.
        mode = "RGBA" if straight.has_transparency_data else "RGB"
        straight.convert(mode).save(path, format="PNG", compress_level=0)
    return path


def _upright(picture: Any) -> Image.Image:
    from PIL import Image, ImageOps

    if isinstance(picture, np.ndarray):
        return _image_of(picture)
    if not isinstance(picture, Image.Image):
        raise UsageError(f"a query must be a name, an array or a picture of Pillow, not {type(picture).__name__}")
    if 0 in picture.size:
        raise UsageError(f"{PICTURE}: must have a pixel at least, and is {picture.width} x {picture.height}")
    with media_errors(PICTURE):
        try:
            return ImageOps.exif_transpose(picture)
        except ValueError as error:  # what was opened and not read has been closed
            raise UsageError(f"{PICTURE}: cannot be read: {error}") from error


def _image_of(pixels: np.ndarray) -> Image.Image:
    from PIL import Image

    if pixels.dtype != np.uint8:
        hint = "; samples need a sample_rate_hz" if pixels.ndim <= 2 else ""
        raise UsageError(f"{PICTURE}: must be an array of uint8, not {pixels.dtype.name}{hint}")
    if pixels.ndim not in (2, 3) or (pixels.ndim == 3 and pixels.shape[2] not in (3, 4)):
        raise UsageError(
            f"{PICTURE}: must be of shape (height, width), (height, width, 3) or (height, width, 4), not {pixels.shape}"
        )
    if 0 in pixels.shape[:2]:
        raise UsageError(f"{PICTURE}: must have a pixel at least, and is {pixels.shape[1]} x {pixels.shape[0]}")
    return Image.fromarray(np.ascontiguousarray(pixels))
