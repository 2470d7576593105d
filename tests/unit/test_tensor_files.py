"""Safetensors files that know when they have been altered."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
from safetensors.numpy import save

from modag_search import files, tensor_files
from modag_search.tensor_files import AlteredFileError, UnfitFileError
from tests.earlier_files import without_checksum

if TYPE_CHECKING:
    from pathlib import Path
    from typing import BinaryIO

FORMATS = {"toy/2": True, "toy/1": False}
TENSORS: dict[str, np.ndarray] = {"a": np.arange(3, dtype=np.float32), "b": np.ones((2, 2), dtype=np.int64)}
DESCRIBED = {"of": 'é, "quoted"', "checksums": [1, {"checksum": "0" * 32}]}


@pytest.fixture
def path(tmp_path: Path) -> Path:
    written = tmp_path / "a.safetensors"
    written.write_bytes(tensor_files.as_bytes(TENSORS, written="toy/2", described=DESCRIBED))
    return written


def test_what_was_written_is_read(path: Path) -> None:
    file = tensor_files.read(path, formats=FORMATS)

    assert (file.format, file.described, file.is_checked) == ("toy/2", DESCRIBED, True)
    assert file.tensors.keys() == TENSORS.keys()
    for name, tensor in TENSORS.items():
        np.testing.assert_array_equal(file.tensors[name], tensor)


def test_the_same_makes_the_same_bytes(path: Path) -> None:
    turned = dict(reversed(DESCRIBED.items()))

    assert tensor_files.as_bytes(TENSORS, written="toy/2", described=turned) == path.read_bytes()


def test_every_flipped_bit_and_every_cut_is_noticed(path: Path) -> None:
    whole = path.read_bytes()
    for place in range(8 * len(whole)):
        flipped = bytearray(whole)
        flipped[place // 8] ^= 1 << place % 8
        path.write_bytes(flipped)
        with pytest.raises(UnfitFileError):
            tensor_files.read(path, formats=FORMATS)
    for length in range(len(whole)):
        path.write_bytes(whole[:length])
        with pytest.raises(UnfitFileError):
            tensor_files.read(path, formats=FORMATS)


def test_files_of_earlier_versions_are_read_and_known_as_unchecked(path: Path) -> None:
    without_checksum(path, "toy/1")

    file = tensor_files.read(path, formats=FORMATS)

    assert (file.format, file.described, file.is_checked) == ("toy/1", DESCRIBED, False)


def test_a_checksum_counts_whatever_the_format_is_called(path: Path) -> None:
    path.write_bytes(path.read_bytes().replace(b"toy/2", b"toy/1"))
    with pytest.raises(AlteredFileError):
        tensor_files.read(path, formats=FORMATS)
    without_checksum(path, "toy/2")
    with pytest.raises(AlteredFileError):
        tensor_files.read(path, formats=FORMATS)


def test_a_file_that_is_replaced_meanwhile_is_read_as_it_was_or_as_it_is(
    path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    later = {name: tensor + 1 for name, tensor in TENSORS.items()}
    replacement = path.with_name("later")
    replacement.write_bytes(tensor_files.as_bytes(later, written="toy/2", described={"of": "later"}))

    def open_then_replace(*arguments: Any, **options: Any) -> BinaryIO:
        opened = open_regular(*arguments, **options)
        if replacement.exists():
            replacement.replace(path)
        return opened

    open_regular = files.open_regular
    monkeypatch.setattr(files, "open_regular", open_then_replace)
    monkeypatch.setattr(tensor_files, "open_regular", open_then_replace, raising=False)
    for described, tensors in ((DESCRIBED, TENSORS), ({"of": "later"}, later)):
        file = tensor_files.read(path, formats=FORMATS)
        assert (file.described, file.is_checked) == (described, True)
        for name, tensor in tensors.items():
            np.testing.assert_array_equal(file.tensors[name], tensor)


def test_what_was_read_may_be_changed(path: Path) -> None:
    tensors = tensor_files.read(path, formats=FORMATS).tensors
    for name in tensors:
        tensors[name] += 1
    assert tensors["a"].tolist() == [1, 2, 3]


@pytest.mark.parametrize("dtype", ["F8_E4M3", "F8_E5M2", "BF16", "F4"])
def test_numbers_that_numpy_lacks_are_refused(path: Path, dtype: str) -> None:
    n_bytes = {"BF16": 4}.get(dtype, 2 if dtype.startswith("F8") else 1)
    header = {
        "__metadata__": {"toy/1": "{}"},
        "a": {"dtype": dtype, "shape": [2], "data_offsets": [0, n_bytes]},
    }
    line = json.dumps(header).encode()
    path.write_bytes(len(line).to_bytes(8, "little") + line + bytes(n_bytes))
    with pytest.raises(UnfitFileError):
        tensor_files.read(path, formats=FORMATS)


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"short",
        b"\xff" * 100,
        save(TENSORS),
        save(TENSORS, {"toy/9": "{}"}),
        save(TENSORS, {"toy/1": "no JSON"}),
        save(TENSORS, {"toy/1": "[]"}),
        save(TENSORS, {"toy/1": "[" * 100_000}),
        save(TENSORS, {"toy/2": json.dumps({"checksum": ["0" * 32]})}),
    ],
)
def test_other_files_are_refused(path: Path, content: bytes) -> None:
    path.write_bytes(content)

    with pytest.raises(UnfitFileError):
        tensor_files.read(path, formats=FORMATS)
