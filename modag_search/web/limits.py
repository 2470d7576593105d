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
    most_uploads : int
        How many are kept, likewise.
    uploads_at_once : int
        Files that are sent at a time.
    upload_s : float
        How long sending one may take, in seconds.
    question_bytes : int
        The longest body of any other request.
    question_s : float
        How long sending it may take, in seconds.
    previews_bytes : int
        What is kept in memory of previews.
    at_once : int
        Requests that decode, encode or search at a time.
    waiting : int
        Requests that may wait for these; more are told to come again.
    wait_s : float
        How long one may wait, in seconds.
    drain_s : float
        How long a server that is told to stop (SIGTERM) goes on as before, but for being ready, in seconds.
    grace_s : float
        How long requests that are under way may take then, in seconds.
    """

    upload_bytes: int = 256 * 1024**2
    uploads_bytes: int = 2 * 1024**3
    most_uploads: int = 1000
    uploads_at_once: int = 8
    upload_s: float = 600.0
    question_bytes: int = 4 * 1024**2
    question_s: float = 30.0
    previews_bytes: int = 128 * 1024**2
    at_once: int = 4
    waiting: int = 64
    wait_s: float = 30.0
    drain_s: float = 0.0
    grace_s: float = 10.0
