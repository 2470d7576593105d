"""One file, encoded where a worker of a cluster runs: what is asked of it, what it gives, and when it refuses.

What is asked goes over as plain values, so that a worker with another version of this package can say so. What it gives
depends on the file and on the terms alone: whoever does it, and however often, the same comes of it.
"""

from __future__ import annotations

import json
import platform
import threading
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any, Final

from modag_search import media
from modag_search.errors import ClusterError, ModagError, NotOnWorkerError, UnreadableMediaError
from modag_search.features.encoding import MediaEncoder, StageClock
from modag_search.features.stored import require_as_scanned, scanned
from modag_search.settings import IndexSettings
from modag_search.values import EncodedSegment, MediaFacts, Modality, ScannedFile
from modag_search.version import __version__

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

Terms = dict[str, Any]

_SAME_TIME_NS: Final = 2_000_000_000
"""Times of one file on two machines may differ so much: some ways of sharing files keep whole seconds, or two."""
_MOST_KEPT: Final = 2
_KEPT: Final[dict[str, MediaEncoder]] = {}
_MAKING: Final = threading.Lock()


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Encoded:
    """What came of a file.

    Attributes
    ----------
    facts : MediaFacts
    segments : tuple of EncodedSegment
    content_hash : str
        Of the bytes that were decoded.
    stage_seconds : Mapping[str, float]
        How long each stage took.
    """

    facts: MediaFacts
    segments: tuple[EncodedSegment, ...]
    content_hash: str
    stage_seconds: Mapping[str, float]


def terms_of(encoder: MediaEncoder) -> Terms:
    """Say what a worker must have and do so that its features are those of this encoder, as JSON values."""
    return {"version": __version__, "settings": asdict(encoder.settings), "fingerprints": dict(encoder.fingerprints)}


def make_ready(terms: Terms, modalities: Sequence[Modality]) -> str | None:
    """Load on a worker what encodes some modalities; return why the worker does not meet the terms, None if it does."""
    try:
        encoder = _encoder_for(terms)
        for modality in modalities:
            encoder.warm(modality)
    except ModagError as error:
        return str(error)
    return None


def encode(terms: Terms, path: str, size_bytes: int, mtime_ns: int) -> Encoded | Exception:
    """Decode and encode a file on a worker.

    Parameters
    ----------
    terms : dict
        Of `terms_of`.
    path : str
    size_bytes, mtime_ns : int
        The file as the writer sees it: what lies here under its name may be another.

    Returns
    -------
    Encoded or Exception
        What came of it, or why nothing did; errors are given rather than raised, so that what is raised is known to
        come from between the machines.
    """
    try:
        return _encoded(_encoder_for(terms), ScannedFile(path=path, size_bytes=size_bytes, mtime_ns=mtime_ns))
    except UnreadableMediaError as error:
        return type(error)(error.path, f"{error.reason} (on {platform.node()})")
    except Exception as error:  # noqa: BLE001  the writer tells faults of files from others
        return _portable(error)


def _encoded(encoder: MediaEncoder, file: ScannedFile) -> Encoded:
    here = _found(file)
    clock = StageClock()
    with media.isolated():
        facts, segments = encoder.encode_file(file.path, clock=clock)
    with clock.timing("hash"):
        content_hash = media.content_hash(file.path)
    require_as_scanned(here)
    return Encoded(facts=facts, segments=segments, content_hash=content_hash, stage_seconds=clock.seconds)


def _found(file: ScannedFile) -> ScannedFile:
    """Look for a file, and make sure that it is the one that the writer means."""
    here = scanned(file.path)
    if here is None:
        raise NotOnWorkerError(file.path, "is not there, or out of reach, for a worker: is its folder mounted there?")
    if here.size_bytes != file.size_bytes or abs(here.mtime_ns - file.mtime_ns) > _SAME_TIME_NS:
        raise NotOnWorkerError(
            file.path, "has another size or time for a worker: is the same folder mounted there, and its clock right?"
        )
    return here


def _encoder_for(terms: Terms) -> MediaEncoder:
    """Return what encodes by these terms; made once in a process, and kept."""
    key = json.dumps(terms, sort_keys=True)
    with _MAKING:
        if key not in _KEPT:
            made = _made(terms)
            while len(_KEPT) >= _MOST_KEPT:
                del _KEPT[next(iter(_KEPT))]
            _KEPT[key] = made
        return _KEPT[key]


def _made(terms: Terms) -> MediaEncoder:
    if terms["version"] != __version__:
        raise ClusterError(f"has modag-search {__version__}, and must have {terms['version']}, as the writer has")
    encoder = MediaEncoder(IndexSettings(**terms["settings"]))
    for modality, fingerprint in terms["fingerprints"].items():
        if encoder.fingerprints[modality] != fingerprint:
            name = encoder.encoders[modality].name
            raise ClusterError(
                f"would give other {modality} features than the writer: the encoder {name!r}, its weights or the "
                "decoders differ"
            )
    return encoder


def _portable(error: Exception) -> Exception:
    """Return an error that the writer knows; in words where it comes of something that may not be installed there."""
    if type(error).__module__ in (Exception.__module__, ModagError.__module__):
        return error
    return RuntimeError(f"{type(error).__name__}: {error}")
