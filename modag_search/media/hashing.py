"""The identity of a file's bytes."""

from __future__ import annotations

import hashlib

from modag_search.media.opening import open_regular, unreadable


def content_hash(path: str) -> str:
    """Return the blake2b hash of a file's bytes, 32 hex digits, reading it block by block.

    Raises
    ------
    UnreadableMediaError
        The file is gone, is not a regular file, or the system denies access.
    """
    with open_regular(path) as file:
        try:
            digest = hashlib.file_digest(file, lambda: hashlib.blake2b(digest_size=16))
        except OSError as error:
            raise unreadable(path, error) from error
    return digest.hexdigest()
