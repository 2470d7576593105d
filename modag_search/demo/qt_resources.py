"""Read Qt's binary resource files (``.rcc``), the archives of Qt programs."""

from __future__ import annotations

import struct
import zlib
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Iterator

_ZLIB, _DIRECTORY, _ZSTD = 1, 2, 4


class _Archive(NamedTuple):
    data: bytes
    nodes: int
    contents: int
    names: int
    node_size: int

    def unpack(self, layout: str, position: int) -> tuple[int, ...]:
        return struct.unpack_from(layout, self.data, position)


def read_qt_resources(data: bytes) -> Iterator[tuple[str, bytes]]:
    """Yield the path and content of each file in a Qt resource file.

    Parameters
    ----------
    data : bytes
        The whole file, of format version 1, 2 or 3, laid out as in ``qresource.cpp`` of qtbase.

    Raises
    ------
    ValueError
        It is no such file, is damaged, or holds a file compressed with zstd.
    """
    if data[:4] != b"qres":
        raise ValueError("not a Qt resource file: it does not start with 'qres'")
    try:
        version, nodes, contents, names = struct.unpack_from(">4I", data, 4)
        if version not in {1, 2, 3}:
            raise ValueError(f"Qt resource format {version} is not known, only 1, 2 and 3")
        node_size = 14 if version == 1 else 22  # version 2 added a time of modification
        yield from _walk(_Archive(data, nodes, contents, names, node_size), number=0, path="")
    except (struct.error, zlib.error, UnicodeDecodeError) as error:
        raise ValueError(f"damaged Qt resource file: {error}") from error


def _walk(archive: _Archive, *, number: int, path: str) -> Iterator[tuple[str, bytes]]:
    position = archive.nodes + number * archive.node_size
    _, flags = archive.unpack(">IH", position)
    if not flags & _DIRECTORY:
        (offset,) = archive.unpack(">I", position + 10)
        yield path, _content(archive, archive.contents + offset, flags)
        return
    count, first = archive.unpack(">II", position + 6)
    if count and first <= number:
        raise ValueError("damaged Qt resource file: a folder contains itself")
    for child in range(first, first + count):
        yield from _walk(archive, number=child, path=f"{path}/{_name(archive, child)}")


def _name(archive: _Archive, number: int) -> str:
    (offset,) = archive.unpack(">I", archive.nodes + number * archive.node_size)
    (length,) = archive.unpack(">H", archive.names + offset)
    start = archive.names + offset + 6  # past the length and a hash of the name
    return archive.data[start : start + 2 * length].decode("utf-16-be")


def _content(archive: _Archive, position: int, flags: int) -> bytes:
    if flags & _ZSTD:
        raise ValueError("this Qt resource file is compressed with zstd, which is not read here")
    (length,) = archive.unpack(">I", position)
    content = archive.data[position + 4 : position + 4 + length]
    if len(content) < length:
        raise ValueError("damaged Qt resource file: it ends inside a file")
    # qCompress puts the uncompressed length before the stream.
    return zlib.decompress(content[4:]) if flags & _ZLIB else content
