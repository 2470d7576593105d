"""Files that could not be taken in: whose fault that is, and whether it makes sense to go on."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Final, TypeVar

from modag_search import media
from modag_search.errors import (
    ClusterError,
    MediaError,
    ModagError,
    ModelError,
    NotOnWorkerError,
    UnreadableMediaError,
)
from modag_search.values import Failure, MediaKind, ScannedFile

if TYPE_CHECKING:
    from collections.abc import Callable

    from modag_search.values import EncodedItem

Output = TypeVar("Output")

PATIENCE: Final = 32
"""So many files of a kind fail alike, and none goes through, before a run ends."""


@dataclass(frozen=True, slots=True)
class Lost:
    """A file that could not be taken in.

    Attributes
    ----------
    failure : Failure
    unexpected : str or None
        The error, where it was no MediaError, which says what is wrong with a file.
    """

    failure: Failure
    unexpected: str | None = None

    @property
    def is_of_file(self) -> bool:
        """Whether the file itself is at fault, and not the machine, a drive or an encoder at that moment."""
        return self.failure.size_bytes is not None


def lost(error: Exception, file: ScannedFile) -> Lost:
    """Say why a file was not taken in.

    What is not the file's own fault is noted without its size and time, so that the next run tries it again.
    """
    if isinstance(error, MediaError):
        seen = None if isinstance(error, UnreadableMediaError) else file
        return Lost(failure_at(error.path, error.reason, error=type(error).__name__, file=seen))
    words = f"{type(error).__name__}: {error}".rstrip(": ")
    if isinstance(error, MemoryError):
        reason = f"there was not enough memory for it ({words}); the next run tries it again"
    else:
        reason = f"unexpected {words}; the next run tries it again; please report it if it stays"
    return Lost(failure_at(file.path, reason, error=type(error).__name__), unexpected=words)


def attempting(function: Callable[[ScannedFile], Output]) -> Callable[[ScannedFile], Output | Lost]:
    """Let a file that `function` fails on be lost: one odd file must not stop a run over a million."""

    def attempt(file: ScannedFile) -> Output | Lost:
        try:
            return function(file)
        except MediaError as error:
            return lost(error, file)
        except ModagError:
            raise  # of no single file: weights that are gone, an extra that is not installed
        except Exception as error:  # noqa: BLE001
            return lost(error, file)

    return attempt


def failure_at(path: str, reason: str, *, error: str, file: ScannedFile | None = None) -> Failure:
    """Note a failure, with what the file looked like where a change of it is to be waited for."""
    return Failure(
        path=path,
        reason=reason,
        error=error,
        size_bytes=file.size_bytes if file else None,
        mtime_ns=file.mtime_ns if file else None,
        failed_at=datetime.now(UTC).isoformat(timespec="seconds"),
    )


class Patience:
    """Ends a run whose encoder fails on every file, or whose workers have none: a million more would only cost time.

    One odd file, or a folder of them, ends none: once a file of a kind has gone through, the others of it may fail.
    """

    def __init__(self) -> None:
        self._alike: dict[MediaKind, tuple[str, int]] = {}
        self._works: set[MediaKind] = set()

    def went_through(self, item: EncodedItem) -> None:
        """Take note that a file was encoded."""
        kind = media.kind_of(item.file.path)
        if kind is not None:
            self._works.add(kind)

    def failed(self, lost: Lost) -> None:
        """Take note that a file was not.

        Raises
        ------
        ModelError
            If all files of its kind so far failed with the same unexpected error, and these are `PATIENCE`.
        ClusterError
            Likewise, if none was there for the workers that were to encode it.
        """
        failure = lost.failure
        kind = media.kind_of(failure.path)
        is_elsewhere = failure.error == NotOnWorkerError.__name__
        if kind is None or kind in self._works or not (lost.unexpected or is_elsewhere):
            return
        error, count = self._alike.get(kind, (failure.error, 0))
        count = count + 1 if error == failure.error else 1
        self._alike[kind] = (failure.error, count)
        if count >= PATIENCE and is_elsewhere:
            raise ClusterError(
                f"no {kind} went through, and {count} were not as they are here for the workers, at last "
                f"{failure.path}: {failure.reason}; the run was ended, and nothing is lost: mount the folder on the "
                "workers' machines under the same path, and run the same command again"
            )
        if count >= PATIENCE:
            raise ModelError(
                f"no {kind} went through, and {count} failed alike, at last {failure.path}: {lost.unexpected}; "
                f"the run was ended; nothing is lost, and the next run goes on from here: mend or change the encoder, "
                f"or leave such files out with --exclude"
            )
