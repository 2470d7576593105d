"""Files that were dropped on the page, kept for a while to ask with."""

from __future__ import annotations

import asyncio
import os
import re
import secrets
import shutil
import tempfile
import threading
from collections import Counter
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING

from modag_search import media
from modag_search.web.problems import ProblemError

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Iterable, Iterator

    from modag_search.values import MediaKind
    from modag_search.web.limits import Limits

_UNSAFE = re.compile(r"[^\w .()+-]")
_MOST_BYTES = 160
_OF_A_PROCESS = re.compile(r"modag-uploads-(\d+)-\w+", re.ASCII)


@dataclass(frozen=True, slots=True, kw_only=True)
class Upload:
    """A file that was sent.

    Attributes
    ----------
    id : str
        By which requests name it; nobody guesses it.
    name : str
        As its sender called it, but for what no file may be called.
    path : str
    size_bytes : int
    kind : {"image", "sound", "video"} or None
        By its name.
    """

    id: str
    name: str
    path: str
    size_bytes: int
    kind: MediaKind | None


class Uploads:
    """Keeps the files that were sent last, in a folder that goes with the server.

    Systems tidy temporary folders of what nobody touched for some days: what is gone is forgotten, and a folder that is
    gone is made anew.

    Parameters
    ----------
    limits : Limits
    """

    def __init__(self, limits: Limits) -> None:
        self._limits = limits
        self._folder: str | None = None
        self._lock = threading.Lock()
        self._kept: dict[str, Upload] = {}
        self._lent: Counter[str] = Counter()
        self._coming = 0

    def close(self) -> None:
        """Remove all files."""
        if self._folder is not None:
            shutil.rmtree(self._folder, ignore_errors=True)

    def get(self, upload_id: str) -> Upload:
        """Find a file that was sent.

        Raises
        ------
        ProblemError
            If it was never sent, or is gone by now.
        """
        with self._lock:
            found = self._there(upload_id)
        if found is None:
            raise _not_kept()
        return found

    @contextmanager
    def lent(self, upload_ids: Iterable[str]) -> Iterator[list[Upload]]:
        """Find files that were sent, and keep them inside the block, whatever is sent meanwhile; errors as of `get`."""
        with self._lock:
            ids = list(upload_ids)
            found = [upload for one in ids if (upload := self._there(one)) is not None]
            if len(found) < len(ids):
                raise _not_kept()
            self._lent.update(ids)
        try:
            yield found
        finally:
            with self._lock:
                self._lent.subtract(ids)
                self._lent += Counter()  # leaves out what nobody has
                gone = self._superseded()
            _remove(gone)

    def totals(self) -> tuple[int, int, int]:
        """Count the files that are being sent, those that are kept, and the bytes of these."""
        with self._lock:
            return self._coming, len(self._kept), sum(one.size_bytes for one in self._kept.values())

    def in_words(self, words: str) -> str:
        """Word what is said of files that were sent by the names that their senders gave them."""
        # Whichever folder that was: what was sent before one was gone may still be spoken of.
        folder = re.escape(os.path.join(tempfile.gettempdir(), "")) + _OF_A_PROCESS.pattern
        return re.sub(rf"{folder}/[\w-]+/", "", words)

    def in_all(self, remarks: Iterable[str]) -> list[str]:
        """Word several as `in_words` does one."""
        return [self.in_words(words) for words in remarks]

    async def receive(self, chunks: AsyncIterator[bytes], *, name: str) -> Upload:
        """Take a file as it comes.

        Raises
        ------
        ProblemError
            If it is too large, or empty, takes too long, or others are being sent.
        """
        if self._coming >= self._limits.uploads_at_once:
            raise ProblemError(503, "other files are being sent; send this one in a moment", kind="busy")
        self._coming += 1  # counted in the thread of the event loop alone
        try:
            async with asyncio.timeout(self._limits.upload_s):
                return await self._received(chunks, name=name)
        except TimeoutError:
            raise ProblemError(
                408, f"the file did not come within {self._limits.upload_s:g} s", kind="too-slow"
            ) from None
        finally:
            self._coming -= 1

    async def _received(self, chunks: AsyncIterator[bytes], *, name: str) -> Upload:
        upload_id = secrets.token_urlsafe(16)
        name = _safe(name)
        folder = self._made_folder(upload_id)
        path = os.path.join(folder, name)
        try:
            size = await self._written(chunks, path)
        except BaseException:
            shutil.rmtree(folder, ignore_errors=True)
            raise
        upload = Upload(id=upload_id, name=name, path=path, size_bytes=size, kind=media.kind_of(name))
        with self._lock:
            self._kept[upload_id] = upload
            gone = self._superseded()
        _remove(gone)
        return upload

    def _there(self, upload_id: str) -> Upload | None:
        """Find a file that is kept, or forget it if it is gone; holds the lock."""
        found = self._kept.get(upload_id)
        if found is not None and not os.path.isfile(found.path):
            del self._kept[upload_id]
            return None
        return found

    def _made_folder(self, name: str) -> str:
        """Make a folder for a file, and first the one that it lies in, unless that is there."""
        if self._folder is None or not os.path.isdir(self._folder):
            self._folder = _folder_of_this_process()
            with self._lock:
                for upload_id in list(self._kept):
                    self._there(upload_id)
        folder = os.path.join(self._folder, name)
        os.mkdir(folder)
        return folder

    async def _written(self, chunks: AsyncIterator[bytes], path: str) -> int:
        size = 0
        with open(path, "xb") as file:
            async for chunk in chunks:
                size += len(chunk)
                if size > self._limits.upload_bytes:
                    most = self._limits.upload_bytes / 1024**2
                    raise ProblemError(413, f"the file has more than {most:.0f} MiB", kind="too-large")
                file.write(chunk)
        if not size:
            raise ProblemError(400, f"{os.path.basename(path)}: is empty", kind="empty-upload")
        return size

    def _superseded(self) -> list[Upload]:
        """Forget the oldest files that nobody asks with now, until the rest is as many and as large as may be."""
        gone: list[Upload] = []
        room = sum(one.size_bytes for one in self._kept.values())
        for oldest in list(self._kept.values())[:-1]:
            if room <= self._limits.uploads_bytes and len(self._kept) <= self._limits.most_uploads:
                break
            if not self._lent[oldest.id]:
                del self._kept[oldest.id]
                room -= oldest.size_bytes
                gone.append(oldest)
        return gone


def _not_kept() -> ProblemError:
    return ProblemError(404, "this server does not keep this file, or no longer; send it again", kind="no-such-upload")


def _remove(uploads: Iterable[Upload]) -> None:
    for upload in uploads:
        shutil.rmtree(os.path.dirname(upload.path), ignore_errors=True)


def _folder_of_this_process() -> str:
    """Make a folder for files, and remove those of processes that were killed."""
    for name in os.listdir(tempfile.gettempdir()):
        left = _OF_A_PROCESS.fullmatch(name)
        path = os.path.join(tempfile.gettempdir(), name)
        if left and not _is_running(int(left[1])) and os.lstat(path).st_uid == os.geteuid():
            shutil.rmtree(path, ignore_errors=True)
    return tempfile.mkdtemp(prefix=f"modag-uploads-{os.getpid()}-")


def _is_running(process: int) -> bool:
    try:
        os.kill(process, 0)
    except (ProcessLookupError, OverflowError):
        return False
    except PermissionError:
        return True
    return True


def _safe(name: str) -> str:
    """Return a name that is no path, hides nothing and keeps its ending."""
    name = _UNSAFE.sub("_", os.path.basename(name.replace("\\", "/"))).strip(" .")
    stem, ending = os.path.splitext(name)
    stem = stem.encode()[:_MOST_BYTES].decode(errors="ignore")  # a file's name has so many bytes, not characters
    return f"{stem or 'file'}{ending[:12]}"
