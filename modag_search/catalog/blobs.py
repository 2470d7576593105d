"""Features as bytes: little-endian floats, one after the other, without a header."""

from __future__ import annotations

import zlib
from functools import lru_cache
from typing import TYPE_CHECKING

import numpy as np

from modag_search.errors import DamagedCatalogError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from modag_search.values import Float32Array, Int64Array

_ADVICE = "`modag verify --repair` mends or discards it"


def encode_blob(feature: Float32Array, dtype: str) -> bytes:
    """Turn a feature into the bytes that the catalog stores.

    Parameters
    ----------
    feature : np.ndarray [shape=(d,), float32]
    dtype : {"<f4", "<f2"}
        Little-endian float32 or float16.

    Returns
    -------
    bytes
        ``d * np.dtype(dtype).itemsize`` of them.

    Raises
    ------
    ValueError
        If the feature is not a vector, or if a value is not finite (once stored as `dtype`).
    """
    if feature.ndim != 1:
        raise ValueError(f"a feature is a vector; got shape {feature.shape}")
    with np.errstate(over="ignore"):
        stored = feature.astype(dtype)
    if not np.isfinite(stored).all():
        raise ValueError(f"a feature holds a value that is not finite as {dtype}")
    return stored.tobytes()


def checksum_of(blob: bytes | bytearray) -> int:
    """Return the CRC-32 of a stored feature: any flipped bit changes it."""
    return zlib.crc32(blob)


def mended_blob(blob: bytes, checksum: int | None) -> bytes | None:
    """Turn back the bit of a stored feature that has changed; None where it was not one alone.

    A CRC-32 is linear: by how much it is off tells which bit it is, whatever the others are.
    """
    if not isinstance(checksum, int):
        return None
    places = np.flatnonzero(_offsets(len(blob)) == checksum_of(blob) ^ checksum)
    if len(places) != 1:
        return None
    whole, place = bytearray(blob), int(places[0])
    whole[place // 8] ^= 1 << place % 8
    return bytes(whole)


@lru_cache(maxsize=4)
def _offsets(length: int) -> Int64Array:
    """Tell by how much the checksum of so many bytes is off where a bit has changed, bit by bit."""
    of_byte = [checksum_of(bytes([byte])) ^ checksum_of(b"\0") for byte in range(256)]
    offsets = [of_byte[1 << bit] for bit in range(8)]
    found = offsets * length
    for first in range(8 * length - 8, -1, -8):
        found[first : first + 8] = offsets
        offsets = [offset >> 8 ^ of_byte[offset & 255] for offset in offsets]  # with a byte more behind it
    return np.array(found, dtype=np.int64)


def decode_blob(blob: bytes, dtype: str) -> Float32Array:
    """Turn stored bytes back into a feature.

    Parameters
    ----------
    blob : bytes
    dtype : {"<f4", "<f2"}

    Returns
    -------
    np.ndarray [shape=(d,), float32]
    """
    return np.frombuffer(blob, dtype=dtype).astype(np.float32)


def decode_blobs(
    blobs: Sequence[bytes],
    *,
    checksums: Sequence[int | None],
    dtype: str,
    dimension: int,
    segment_ids: Sequence[int],
) -> Float32Array:
    """Turn the stored features of several segments into one matrix.

    Parameters
    ----------
    blobs : sequence of bytes, length n
    checksums : sequence of int, length n
        What `checksum_of` gave for each when it was stored.
    dtype : {"<f4", "<f2"}
    dimension : int
        Length d that each feature must have.
    segment_ids : sequence of int, length n
        Named where a blob is at fault.

    Returns
    -------
    np.ndarray [shape=(n, d), float32]

    Raises
    ------
    DamagedCatalogError
        If a blob does not hold `dimension` values, or one that is not finite, or is not what was stored.
    """
    expected = dimension * np.dtype(dtype).itemsize
    for segment_id, blob, checksum in zip(segment_ids, blobs, checksums, strict=True):
        if len(blob) != expected:
            raise DamagedCatalogError(
                f"the feature of segment {segment_id} is {len(blob)} bytes long, not {expected}; {_ADVICE}"
            )
        if checksum_of(blob) != checksum:
            raise changed_feature(segment_id)
    features = decode_blob(b"".join(blobs), dtype).reshape(len(blobs), dimension)
    finite = np.isfinite(features).all(axis=1)
    if not finite.all():
        raise DamagedCatalogError(
            f"the feature of segment {segment_ids[int(finite.argmin())]} holds a value that is not finite; {_ADVICE}"
        )
    return features


def changed_feature(segment_id: int) -> DamagedCatalogError:
    """Say that a feature is not what was stored, and what to do."""
    return DamagedCatalogError(f"the feature of segment {segment_id} has changed on the disk; {_ADVICE}")


def is_whole(blob: bytes, checksum: int | None, dtype: str, dimension: int) -> bool:
    """Tell whether a blob is what was stored, and holds `dimension` values of `dtype`, all of them finite."""
    if len(blob) != dimension * np.dtype(dtype).itemsize or checksum_of(blob) != checksum:
        return False
    return bool(np.isfinite(np.frombuffer(blob, dtype=dtype)).all())
