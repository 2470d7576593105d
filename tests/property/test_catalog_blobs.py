"""Features survive being stored."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from modag_search.catalog.blobs import checksum_of, decode_blob, decode_blobs, encode_blob

if TYPE_CHECKING:
    from modag_search.values import Float32Array

DTYPES = st.sampled_from(["<f4", "<f2"])


def matrices(width: int) -> st.SearchStrategy[Float32Array]:
    elements = st.floats(width=width, allow_nan=False, allow_infinity=False)  # type: ignore[arg-type]
    shapes = st.tuples(st.integers(1, 5), st.integers(1, 40))
    return arrays(np.float32, shapes, elements=elements)


@given(matrices(32))
def test_float32_comes_back_bit_for_bit(features: Float32Array) -> None:
    for feature in features:
        assert decode_blob(encode_blob(feature, "<f4"), "<f4").tobytes() == feature.tobytes()


@given(matrices(16))
def test_what_float16_can_hold_comes_back_bit_for_bit(features: Float32Array) -> None:
    for feature in features:
        assert decode_blob(encode_blob(feature, "<f2"), "<f2").tobytes() == feature.tobytes()


@given(arrays(np.float32, st.integers(1, 40), elements=st.floats(-60_000, 60_000, width=32)))
def test_float16_rounds_to_eleven_bits(feature: Float32Array) -> None:
    stored = decode_blob(encode_blob(feature, "<f2"), "<f2")

    np.testing.assert_allclose(stored, feature, rtol=2.0**-11, atol=2.0**-25)


@given(matrices(16), DTYPES)
def test_several_at_once_are_as_one_by_one(features: Float32Array, dtype: str) -> None:
    n, d = features.shape
    blobs = [encode_blob(feature, dtype) for feature in features]

    matrix = decode_blobs(
        blobs, checksums=list(map(checksum_of, blobs)), dtype=dtype, dimension=d, segment_ids=range(n)
    )

    assert matrix.dtype == np.float32
    np.testing.assert_array_equal(matrix, features)
