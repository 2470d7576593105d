"""Safetensors files that know when they have been altered: spaces, heads, and what labels taught.

What describes the arrays is JSON, the one entry of the file's metadata (safetensors writes several in any order, and
the same arrays should be the same bytes). The name of the entry is the format. Its first key is a checksum of the whole
file, made with zeros in the place of its digits: no bit can change without a word.
"""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from safetensors import SafetensorError
from safetensors.numpy import load, save

from modag_search.files import MOST_BYTES, json_of, read_regular

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

_KEY = "checksum"
_DIGITS = 32
_ALTERED = "is not as it was written any more: its checksum is off"
_UNKNOWN = b"0" * _DIGITS
_LONGEST_HEADER = 100_000_000
"""Bytes: as safetensors has it."""
_OF_OTHER_FILES = (
    SafetensorError,
    AttributeError,
    IndexError,
    KeyError,
    OverflowError,
    RecursionError,
    TypeError,
    ValueError,
)
"""What is raised where a file is not what it must be; AttributeError by numbers that NumPy lacks."""


class UnfitFileError(ValueError):
    """A file that is not what it must be; the message goes on behind its name."""


class OtherFormatError(UnfitFileError):
    """A file of a format that is not known."""


class AlteredFileError(UnfitFileError):
    """A file that is not as it was written any more."""


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class TensorFile:
    """What stands in a file.

    Attributes
    ----------
    format : str
    described : dict
        What describes the arrays, without the checksum.
    tensors : dict of str to np.ndarray
        Writable, each of its own memory.
    is_checked : bool
        False for one that an earlier version wrote, without a checksum.
    """

    format: str
    described: dict[str, Any]
    tensors: dict[str, np.ndarray]
    is_checked: bool


def as_bytes(tensors: Mapping[str, np.ndarray], *, written: str, described: Mapping[str, Any]) -> bytes:
    """Make the contents of a file.

    Parameters
    ----------
    tensors : Mapping of str to np.ndarray
    written : str
        The format, as ``modag-head/2``.
    described : Mapping
        JSON values, by one key at least.

    Returns
    -------
    bytes
        The same for the same arrays and the same description.
    """
    contiguous = {name: np.ascontiguousarray(tensor) for name, tensor in tensors.items()}
    sorted_json = json.dumps({_KEY: _UNKNOWN.decode()})[:-1] + ", " + json.dumps(described, sort_keys=True)[1:]
    content: bytes = save(contiguous, {written: sorted_json})
    assert content.startswith(_before_digits(written), 8)
    start = 8 + len(_before_digits(written))
    digits = hashlib.blake2b(content, digest_size=_DIGITS // 2).hexdigest().encode()
    return content[:start] + digits + content[start + _DIGITS :]


def read(path: Path, *, formats: Mapping[str, bool]) -> TensorFile:
    """Read a file, once its checksum has been compared.

    Parameters
    ----------
    path : Path
    formats : Mapping of str to bool
        Those that are known, and whether files of it have a checksum. One that has is compared in any case.

    Returns
    -------
    TensorFile

    Raises
    ------
    AlteredFileError
        If a bit of it differs from what was written.
    OtherFormatError
        If it is of none of these formats.
    UnfitFileError
        If it cannot be made out.
    OSError
        If it cannot be read.
    """
    try:
        # Once, and not by its name again: another file may be there by then.
        content = read_regular(path, most_bytes=MOST_BYTES)
        written, described = _described(content, formats)
        # By either of two signs: a single bit that has changed cannot hide both.
        has_checksum = formats[written] or _KEY in described
        if has_checksum and described.pop(_KEY, None) != _checksum(content, written):
            raise AlteredFileError(_ALTERED)
        tensors = load(content)
    except _OF_OTHER_FILES as error:
        if isinstance(error, UnfitFileError):
            raise
        raise UnfitFileError(f"cannot be made out: {error}") from error
    except MemoryError as error:
        raise UnfitFileError("is larger than the memory that is free") from error
    return TensorFile(format=written, described=described, tensors=tensors, is_checked=has_checksum)


def _described(content: bytes, formats: Mapping[str, bool]) -> tuple[str, dict[str, Any]]:
    """Read which format a file has, and what describes its arrays."""
    length = int.from_bytes(content[:8], "little")
    if length > _LONGEST_HEADER:
        raise UnfitFileError("is no safetensors file")
    metadata = json_of(content[8 : 8 + length])["__metadata__"]
    written = next((known for known in formats if known in metadata), None)
    if written is None:
        _require_as_written(content, metadata)
        raise OtherFormatError(f"is of none of the formats {', '.join(formats)}")
    described = json_of(metadata[written])
    if not isinstance(described, dict):
        raise UnfitFileError("describes nothing")
    return written, described


def _require_as_written(content: bytes, metadata: Mapping[str, str]) -> None:
    """Tell a format that is not known, of a newer version, from one in whose name a bit has changed."""
    for written, text in metadata.items():
        described = json_of(text)
        if _KEY in described and described[_KEY] != _checksum(content, written):
            raise AlteredFileError(_ALTERED)


def _before_digits(written: str) -> bytes:
    """Return how the header of a file begins, up to the digits of the checksum."""
    return f'{{"__metadata__":{{"{written}":"{{\\"{_KEY}\\": \\"'.encode()


def _checksum(content: bytes, written: str) -> str:
    """Hash a file, with zeros where the digits of its checksum stand."""
    start = 8 + len(_before_digits(written))
    digest = hashlib.blake2b(content[:start] + _UNKNOWN, digest_size=_DIGITS // 2)
    digest.update(memoryview(content)[start + _DIGITS :])
    return digest.hexdigest()
