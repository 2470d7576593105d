"""How much one who asks may have."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class Limits:
    """How much one who asks may have.

    Attributes
    ----------
    upload_bytes : int
        The largest file that is taken.
    uploads_bytes : int
        What is kept of uploads, the latest first: their files are removed when the server stops.
    at_once : int
        Requests that decode, encode or search at a time.
    waiting : int
        Requests that may wait for these; more are told to come again.
    wait_s : float
        How long one may wait, in seconds.
    """

    upload_bytes: int = 256 * 1024**2
    uploads_bytes: int = 2 * 1024**3
    at_once: int = 4
    waiting: int = 64
    wait_s: float = 30.0
