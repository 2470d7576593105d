"""Samples and pixels that a program holds, lent to decoders as files, so that they are heard and seen as files are."""

from __future__ import annotations

import os
import tempfile
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, Final

import numpy as np

from modag_search.errors import UsageError

if TYPE_CHECKING:
    from collections.abc import Iterator

    from PIL import Image

_SUBTYPES: Final = {"float16": "FLOAT", "float32": "FLOAT", "float64": "DOUBLE", "int16": "PCM_16", "int32": "PCM_32"}
SAMPLES: Final = "the samples"
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
        If it is neither.
    """
    with tempfile.TemporaryDirectory(prefix="modag-") as folder:
        if sample_rate_hz is not None:
            path = os.path.join(folder, "samples.wav")
            _write_samples(path, media, sample_rate_hz)
            yield path, SAMPLES
        else:
            path = os.path.join(folder, "picture.png")
            _write_picture(path, media)
            yield path, PICTURE


def _write_samples(path: str, samples: Any, sample_rate_hz: int) -> None:
    import soundfile

    if not isinstance(samples, np.ndarray) or samples.dtype.name not in _SUBTYPES:
        what = samples.dtype.name if isinstance(samples, np.ndarray) else type(samples).__name__
        raise UsageError(f"{SAMPLES}: must be an array of {', '.join(_SUBTYPES)}, not {what}")
    if samples.ndim not in (1, 2) or (samples.ndim == 2 and samples.shape[1] > max(samples.shape[0], 1)):
        raise UsageError(f"{SAMPLES}: must be of shape (n,) or (n, channels), not {samples.shape}")
    if not (isinstance(sample_rate_hz, (int, np.integer)) and sample_rate_hz > 0):
        raise UsageError(f"sample_rate_hz must be a whole number from 1, not {sample_rate_hz!r}")
    subtype = _SUBTYPES[samples.dtype.name]
    data = samples.astype(np.float32) if samples.dtype == np.float16 else samples
    # RF64: a WAVE that may be larger than 4 GB.
    soundfile.write(path, data, int(sample_rate_hz), format="RF64", subtype=subtype)


def _write_picture(path: str, picture: Any) -> None:
    from PIL import Image, ImageOps

    if isinstance(picture, np.ndarray):
        picture = _image_of(picture)
    elif not isinstance(picture, Image.Image):
        raise UsageError(f"a query must be a name, an array or a picture of Pillow, not {type(picture).__name__}")
    upright = ImageOps.exif_transpose(picture)
    try:
        upright.save(path, format="PNG", compress_level=0)
    except OSError:  # a mode that PNG lacks, such as CMYK
        upright.convert("RGB").save(path, format="PNG", compress_level=0)


def _image_of(pixels: np.ndarray) -> Image.Image:
    from PIL import Image

    if pixels.dtype != np.uint8:
        hint = "; samples need a sample_rate_hz" if pixels.ndim <= 2 else ""
        raise UsageError(f"{PICTURE}: must be an array of uint8, not {pixels.dtype.name}{hint}")
    if pixels.ndim not in (2, 3) or (pixels.ndim == 3 and pixels.shape[2] not in (3, 4)) or 0 in pixels.shape:
        raise UsageError(
            f"{PICTURE}: must be of shape (height, width), (height, width, 3) or (height, width, 4), not {pixels.shape}"
        )
    return Image.fromarray(np.ascontiguousarray(pixels))
