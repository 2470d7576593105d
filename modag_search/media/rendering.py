"""Pictures and sounds as files that every browser shows and plays."""

from __future__ import annotations

import io
from typing import TYPE_CHECKING

from modag_search.media.isolation import is_isolated
from modag_search.media.opening import media_errors, open_not_empty

if TYPE_CHECKING:
    from PIL import Image

    from modag_search.values import Float32Array, Uint8Array

_JPEG_QUALITY = 85
_MP3_COMPRESSION = 0.7
"""From 0, the best, to 1, the smallest."""


def picture_as_jpeg(path: str, *, longer_side_px: int) -> bytes:
    """Decode a picture, upright and on a ground that it differs from, and write it small.

    Parameters
    ----------
    path : str
    longer_side_px : int
        How long its longer side may be.

    Returns
    -------
    bytes
        JPEG.

    Raises
    ------
    MediaError
        If it cannot be decoded.
    """
    if is_isolated():
        from modag_search.media.children import array_apart

        return array_apart("picture_as_jpeg", path, longer_side_px=longer_side_px).tobytes()
    from modag_search.media.pictures import decoded_picture

    with (
        media_errors(path),
        open_not_empty(path) as file,
        decoded_picture(file, path, shorter_side_px=longer_side_px) as (picture, _),
    ):
        return pixels_as_jpeg(picture.pixels(), longer_side_px=longer_side_px)


def pixels_as_jpeg(pixels: Uint8Array, *, longer_side_px: int) -> bytes:
    """Write pixels ``[shape=(height, width, 3), uint8]`` as a JPEG whose longer side is so long at the most."""
    from PIL import Image

    image = Image.fromarray(pixels)
    image.thumbnail((longer_side_px, longer_side_px), Image.Resampling.LANCZOS, reducing_gap=2.0)
    return _written(image, "JPEG", quality=_JPEG_QUALITY)


def pixels_as_png(pixels: Uint8Array) -> bytes:
    """Write pixels ``[shape=(height, width, 3), uint8]`` as a PNG."""
    from PIL import Image

    return _written(Image.fromarray(pixels), "PNG", compress_level=6)


def samples_as_wave(samples: Float32Array, *, sample_rate_hz: int) -> bytes:
    """Write samples ``[shape=(n,), float32]``, whose full scale is 1, as WAVE of 16 bits; what is louder is cut."""
    import soundfile

    file = io.BytesIO()
    soundfile.write(file, samples.clip(-1, 1), sample_rate_hz, format="WAV", subtype="PCM_16")
    return file.getvalue()


def samples_as_mp3(samples: Float32Array, *, sample_rate_hz: int) -> bytes:
    """Write samples ``[shape=(n,), float32]``, whose full scale is 1, as MP3; what is louder is cut.

    Every browser plays it, which is not so of Opus. It takes 5 to 6 kB a second at 32 kHz.
    """
    import soundfile

    file = io.BytesIO()
    soundfile.write(
        file,
        samples.clip(-1, 1),
        sample_rate_hz,
        format="MP3",
        subtype="MPEG_LAYER_III",
        bitrate_mode="VARIABLE",
        compression_level=_MP3_COMPRESSION,
    )
    return file.getvalue()


def _written(image: Image.Image, image_format: str, **options: int) -> bytes:
    file = io.BytesIO()
    image.save(file, image_format, **options)
    return file.getvalue()
