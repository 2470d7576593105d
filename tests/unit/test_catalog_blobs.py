"""Features as bytes."""

from __future__ import annotations

import numpy as np
import pytest

from modag_search.catalog.blobs import checksum_of, decode_blob, decode_blobs, encode_blob, mended_blob
from modag_search.errors import DamagedCatalogError


def test_the_bytes_are_little_endian_on_every_machine() -> None:
    feature = np.array([1.0, -2.5], dtype=np.float32)

    assert encode_blob(feature, "<f4") == bytes.fromhex("0000803f 000020c0")
    assert encode_blob(feature, "<f2") == bytes.fromhex("003c 00c1")


@pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf])
def test_values_that_are_not_finite_are_refused(value: float) -> None:
    with pytest.raises(ValueError, match="not finite"):
        encode_blob(np.array([0.0, value], dtype=np.float32), "<f4")


def test_values_beyond_float16_are_refused() -> None:
    with pytest.raises(ValueError, match="<f2"):
        encode_blob(np.array([70_000.0], dtype=np.float32), "<f2")


def test_a_matrix_is_refused() -> None:
    with pytest.raises(ValueError, match=r"\(2, 2\)"):
        encode_blob(np.zeros((2, 2), dtype=np.float32), "<f4")


def test_a_blob_of_the_wrong_length_names_its_segment() -> None:
    whole, torn = b"\0" * 8, b"\0" * 7

    with pytest.raises(DamagedCatalogError, match="segment 12 is 7 bytes long, not 8"):
        decode_blobs(
            [whole, torn],
            checksums=list(map(checksum_of, [whole, torn])),
            dtype="<f4",
            dimension=2,
            segment_ids=[11, 12],
        )


def test_decoded_features_may_be_written_to() -> None:
    feature = decode_blob(b"\0\0\0\0", "<f4")
    feature[0] = 1.0
    assert feature.tolist() == [1.0]


@pytest.mark.parametrize("length", [1, 4, 5, 2048])
def test_each_bit_that_has_changed_alone_is_turned_back(length: int) -> None:
    blob = bytes(place * 31 % 251 for place in range(length))
    for bit in {*range(0, 8 * length, max(1, length // 40)), 8 * length - 1}:
        changed = bytearray(blob)
        changed[bit // 8] ^= 1 << bit % 8
        assert mended_blob(bytes(changed), checksum_of(blob)) == blob


def test_what_is_not_off_by_one_bit_is_not_mended() -> None:
    blob = bytes(range(64))
    assert mended_blob(b"\3" + blob[1:-1] + b"\0", checksum_of(blob)) is None
    assert mended_blob(blob[:-1], checksum_of(blob)) is None
    assert mended_blob(blob, None) is None
    assert mended_blob(b"", 7) is None
    # A bit of the checksum itself is not taken for one of the feature.
    assert all(mended_blob(blob, checksum_of(blob) ^ 1 << bit) is None for bit in range(32))
