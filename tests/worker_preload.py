"""What workers of the tests' clusters load first: some files are the end of them, or not there for them."""

from __future__ import annotations

import os
import signal
from typing import TYPE_CHECKING, Any

from modag_search.features import remote
from modag_search.features.encoding import MediaEncoder
from modag_search.features.stored import scanned
from tests.toy_encoders import ToyImage

if TYPE_CHECKING:
    from modag_search.values import ScannedFile

REVISION = "MODAG_TOY_REVISION"
"""Environment variable: the revision of the encoder of pictures on a worker."""

FATAL = "fatal"
"""Files whose names begin with it end the worker that encodes them."""

ABSENT = "absent"
"""Files whose names begin with it are not there for a worker."""

_encode_file = MediaEncoder.encode_file


def _encode_or_die(self: MediaEncoder, path: str, **options: Any) -> Any:
    if os.path.basename(path).startswith(FATAL):
        os.kill(os.getpid(), signal.SIGKILL)
    return _encode_file(self, path, **options)


def _seen(path: str) -> ScannedFile | None:
    return None if os.path.basename(path).startswith(ABSENT) else scanned(path)


def dask_setup(worker: Any) -> None:
    """Change this worker."""
    ToyImage.revision = os.environ.get(REVISION, ToyImage.revision)
    MediaEncoder.encode_file = _encode_or_die  # type: ignore[method-assign]
    remote.scanned = _seen  # type: ignore[attr-defined]
