"""Files that are looked at and sent while they are open: what comes to lie at their path meanwhile is not."""

from __future__ import annotations

import os
import stat
from typing import TYPE_CHECKING, Any

from starlette.responses import FileResponse

from modag_search.spelling import no_place_of, root_without_place
from modag_search.web.problems import ProblemError

if TYPE_CHECKING:
    from starlette.types import Receive, Scope, Send

    from modag_search.values import ItemRecord


class OpenFileResponse(FileResponse):
    """Sends a file that is open already, and closes it.

    Parameters
    ----------
    descriptor : int
    **options
        Those of `FileResponse`.
    """

    def __init__(self, descriptor: int, **options: Any) -> None:
        self._descriptor = descriptor
        # The name of what is open, not of what lies at a path.
        super().__init__(f"/dev/fd/{descriptor}", stat_result=os.fstat(descriptor), **options)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Send it."""
        try:
            await super().__call__(scope, receive, send)
        finally:
            os.close(self._descriptor)


def opened(record: ItemRecord) -> int:
    """Open an item's file, if it still is what was indexed: nothing else is ever given out.

    Raises
    ------
    ProblemError
        If it is gone, its root has no place on this machine, or it has changed.
    """
    if root := root_without_place(record.path):
        raise ProblemError(410, f"{record.path}: {no_place_of(root)}", kind="gone")
    try:
        descriptor = os.open(record.path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)  # a pipe is not waited for
    except OSError:
        raise ProblemError(410, f"{record.path}: is not there, or out of reach", kind="gone") from None
    try:
        _require_unchanged(record, os.fstat(descriptor))
    except BaseException:
        os.close(descriptor)
        raise
    return descriptor


def require_unchanged(record: ItemRecord) -> None:
    """Refuse a file that is not what was indexed any more; errors as of `opened`."""
    os.close(opened(record))


def _require_unchanged(record: ItemRecord, found: os.stat_result) -> None:
    if not stat.S_ISREG(found.st_mode) or (found.st_size, found.st_mtime_ns) != (record.size_bytes, record.mtime_ns):
        raise ProblemError(
            409, f"{record.path}: has changed since it was indexed; `modag index` takes it in anew", kind="changed"
        )
