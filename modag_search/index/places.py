"""Where an index is: a folder, or a database and a folder of this machine that follows it; and who may write to it."""

from __future__ import annotations

import hashlib
import logging
import os
import threading
from abc import ABC, abstractmethod
from contextlib import contextmanager, nullcontext, suppress
from pathlib import Path
from typing import TYPE_CHECKING

import platformdirs

from modag_search.addresses import is_url, without_password
from modag_search.catalog import Catalog
from modag_search.catalog.database import BUSY_TIMEOUT_S
from modag_search.catalog.documents import checksum_of
from modag_search.errors import (
    DamagedCatalogError,
    IndexFolderError,
    IndexLockedError,
    IndexNotFoundError,
    ModagError,
    ReadOnlyIndexError,
)
from modag_search.files import check_own, hindrance_to_writing, make_folder, mark_of, read_regular, write_atomically
from modag_search.settings import NO_FOLDER, SETTINGS_FILE, IndexSettings, is_index, no_index_in
from modag_search.spelling import given_path

if TYPE_CHECKING:
    from collections.abc import Iterator
    from contextlib import AbstractContextManager

    from filelock import FileLock

    from modag_search.files import Mark

logger = logging.getLogger(__name__)

OWN_SPACE_FILE = "space.safetensors"
CATALOG_FILE = "catalog.sqlite"
STORES_FOLDER = "stores"
LOCK_FILE = "lock"
_ANOTHER = "another process is writing to this index"


class Place(ABC):
    """Where an index is, or may be made.

    Attributes
    ----------
    folder : Path
        Of this machine: where its files are, or copies of them.
    """

    folder: Path

    @abstractmethod
    def __str__(self) -> str:
        """Return what people call it."""

    @abstractmethod
    def is_index(self) -> bool:
        """Tell whether there is an index."""

    @property
    @abstractmethod
    def catalog_name(self) -> str:
        """The file or the URL of the catalog."""

    @abstractmethod
    def no_index(self) -> IndexNotFoundError:
        """Say that there is none, and what to do."""

    def require_room(self) -> None:  # noqa: B027  a database has a schema for it
        """Refuse to make an index among what is none; what a broken-off making left is no hindrance."""

    @abstractmethod
    def open_catalog(self, *, create: bool = False) -> Catalog:
        """Open the catalog; where there is none, make one if that is wanted."""

    @abstractmethod
    def look(self) -> tuple[Mark | None, ...]:
        """Tell the settings and the space from others that were there before, without reading them."""

    @abstractmethod
    def write(self, name: str, content: bytes, *, error: type[ModagError] = IndexFolderError) -> None:
        """Keep a file that cannot be made anew in the place of the one that had its name."""

    @abstractmethod
    def writing(self) -> AbstractContextManager[None]:
        """Be the one, of all processes and threads, who takes files in or rebuilds, for a block.

        Raises
        ------
        IndexLockedError
            If another one does not come to its end in time.
        ReadOnlyIndexError
            If the index cannot be written to.
        IndexFolderError
            If nothing can be written in the folder, or what is written there would change files elsewhere.
        """

    def keeping(self) -> AbstractContextManager[bool]:
        """Be the only one on this machine who keeps what is of this machine alone, for a block.

        Returns
        -------
        context manager of bool
            Whether one is: not where another process is at it, nor where all that is kept is for who is `writing`.
        """
        return nullcontext(False)

    @abstractmethod
    def making(self) -> AbstractContextManager[None]:
        """Be the one who makes an index there, for a block."""

    def close(self) -> None:  # noqa: B027  a folder is not held open
        """Let go of the place, for who opens no index there."""

    def problems(self) -> list[str]:
        """Describe what is amiss beside the catalog that keeps an index from being opened on any machine."""
        return []

    @abstractmethod
    def mend(self) -> Iterator[str]:
        """Mend what an index cannot be opened without, beside its catalog, and say what became of it.

        Raises
        ------
        IndexNotFoundError
            If there is no index.
        IndexFolderError
            If settings are none any more.
        """

    def settings(self) -> IndexSettings:
        """Read what the index is made with."""
        return IndexSettings.load(self.folder)

    def save_settings(self, settings: IndexSettings) -> None:
        """Keep what the index is made with."""
        self.write(SETTINGS_FILE, settings.to_bytes())

    def _marks(self) -> tuple[Mark | None, ...]:
        return tuple(map(mark_of, (self.folder / SETTINGS_FILE, self.folder / OWN_SPACE_FILE)))


def place_at(name: str | os.PathLike[str], *, wait_s: float) -> Place:
    """Return the place that a path, or the URL of a database, names.

    Parameters
    ----------
    name : str or os.PathLike
    wait_s : float
        How long a writer waits for another one there, in seconds.

    Returns
    -------
    Place
    """
    if isinstance(name, str) and is_url(name):
        return SharedPlace(name, wait_s=wait_s)
    return FolderPlace(Path(given_path(name, what="the name of an index")).absolute(), wait_s=wait_s)


def _catalog_wait_s(wait_s: float) -> float:
    """How long a transaction waits: who has the index's lock must not give up for labels that take a moment."""
    return max(wait_s, BUSY_TIMEOUT_S)


class FolderPlace(Place):
    """A folder that is all of an index.

    Parameters
    ----------
    folder : Path
    wait_s : float
    """

    def __init__(self, folder: Path, *, wait_s: float) -> None:
        self.folder = folder
        self._wait_s = wait_s
        self._remark = _Remark(str(folder), wait_s)

    def __str__(self) -> str:
        """Return the path."""
        return str(self.folder)

    def is_index(self) -> bool:
        """Tell whether the folder holds an index."""
        return is_index(self.folder)

    @property
    def catalog_name(self) -> str:
        """The file of the catalog."""
        return str(self.folder / CATALOG_FILE)

    def require_room(self) -> None:
        """Refuse what is no folder, and one with files of another kind."""
        own = (CATALOG_FILE, STORES_FOLDER, LOCK_FILE, OWN_SPACE_FILE, ".")
        if self.folder.exists() and not self.folder.is_dir():
            raise IndexFolderError(f"{self.folder}: {NO_FOLDER}")
        there = os.listdir(self.folder) if self.folder.is_dir() else []
        other = [name for name in there if not name.startswith(own)]
        if other and not self.is_index():  # asked last: another process may have made one a moment ago
            raise IndexFolderError(f"{self.folder}: holds {other[0]} and is no index; name an empty or a new folder")

    def no_index(self) -> IndexNotFoundError:
        """Say that it holds none, and what to do."""
        return no_index_in(self.folder)

    def open_catalog(self, *, create: bool = False) -> Catalog:
        """Open the file of the catalog; one that is gone is missed, and not made anew."""
        if not create and not (self.folder / CATALOG_FILE).is_file():
            raise IndexFolderError(
                f"{self.folder}: its {CATALOG_FILE} is gone; put it back, or restore a backup: "
                "`modag restore FILE --index NEW`"
            )
        return Catalog.open(self.folder / CATALOG_FILE, create=create, wait_s=_catalog_wait_s(self._wait_s))

    def look(self) -> tuple[Mark | None, ...]:
        """Look at the files."""
        return self._marks()

    def write(self, name: str, content: bytes, *, error: type[ModagError] = IndexFolderError) -> None:
        """Write a file, wholly or not at all."""
        write_atomically(self.folder / name, [content], error=error)

    def save_settings(self, settings: IndexSettings) -> None:
        """Write the file of settings."""
        settings.save(self.folder)

    def mend(self) -> Iterator[str]:
        """Save settings that have changed since they were written; see `Place.mend`."""
        if not self.is_index():
            raise self.no_index()
        path = self.folder / SETTINGS_FILE
        with self.writing():
            try:
                IndexSettings.load(self.folder)
            except IndexFolderError:
                settings, are_as_written = IndexSettings.mended(self.folder)
                settings.save(self.folder)
                yield (
                    f"{path}: a bit had changed, and is turned back"
                    if are_as_written
                    else f"{path}: had changed, and is taken as it is: {settings}"
                )

    def writing(self) -> AbstractContextManager[None]:
        """Hold the lock of the folder."""
        return WriterLock(self.folder, wait_s=self._wait_s, remark=self._remark).held()

    @contextmanager
    def making(self) -> Iterator[None]:
        """Make the folder, and hold its lock."""
        try:
            make_folder(self.folder)
            with self.writing():
                yield
        except OSError as error:
            raise IndexFolderError(f"{self.folder}: cannot be made: {error.strerror or error}") from error


class SharedPlace(Place):
    """A database, which has the catalog and what else cannot be made anew, and a folder here for what can.

    The folder lies below the user's cache folder, and has copies of the documents of the database, so that whatever
    reads files finds them; they follow the database. Stores, maps and what is measured are of this machine alone.

    Parameters
    ----------
    url : str
    wait_s : float

    Attributes
    ----------
    url : str
        With its password; not to be shown.
    """

    def __init__(self, url: str, *, wait_s: float) -> None:
        self.url = url
        self._wait_s = wait_s
        self._remark = _Remark(without_password(url), wait_s)
        self._opened: Catalog | None = None
        self._folder: Path | None = None
        self._seen = -1
        self._lock = threading.RLock()

    def __str__(self) -> str:
        """Return the URL without its password."""
        return without_password(self.url)

    @property
    def folder(self) -> Path:  # type: ignore[override]
        """The folder of this machine; another one for another catalog at the same URL."""
        if self._folder is None:
            identity = f"{self}\0{self._catalog().first_token}"
            name = hashlib.blake2b(identity.encode(), digest_size=16).hexdigest()
            self._folder = platformdirs.user_cache_path("modag-search") / "shared" / name
        return self._folder

    def is_index(self) -> bool:
        """Tell whether the database holds an index; the settings come last, since they make it one."""
        try:
            return SETTINGS_FILE in self._catalog().documents.checksums()
        except IndexNotFoundError:
            return False

    @property
    def catalog_name(self) -> str:
        """The URL, with its password."""
        return self.url

    def no_index(self) -> IndexNotFoundError:
        """Say that it holds none, and what to do; or that its settings are lost."""
        if self._opened is not None and self._opened.generation > 0:
            return IndexNotFoundError(
                f"{self}: its {SETTINGS_FILE} is gone, and its catalog is there; on a machine that has used the index, "
                "`modag verify --repair` puts it back; a backup has it, too: `modag restore FILE --index NEW`"
            )
        return IndexNotFoundError(
            f"{self}: there is no index here; `modag index PATH... --index URL` makes one, and `modag copy` brings one "
            "there"
        )

    def require_room(self) -> None:
        """Refuse to make an index in the place of one whose settings are lost."""
        try:
            generation = self._catalog().generation
        except IndexNotFoundError:
            return
        if generation > 0 and not self.is_index():
            raise self.no_index()

    def open_catalog(self, *, create: bool = False) -> Catalog:
        """Open the catalog, and let the folder follow the database."""
        catalog = self._catalog(create=create)
        self.look()
        return catalog

    def close(self) -> None:
        """Let go of the database, for who opens no index there."""
        if self._opened is not None:
            self._opened.close()

    def settings(self) -> IndexSettings:
        """Read the settings of the database."""
        if not self.is_index():
            raise self.no_index()
        self.look()
        return super().settings()

    def look(self) -> tuple[Mark | None, ...]:
        """Look whether the documents of the database have changed, and fetch those that have."""
        with self._lock:
            version = self._catalog().documents.version
            if version != self._seen:
                self._fetch()
                self._seen = version
        return self._marks()

    def _fetch(self) -> None:
        documents, folder = self._catalog().documents, self.folder
        for name, checksum in documents.checksums().items():
            path = folder / name
            if mark_of(path) is not None and checksum_of(read_regular(path)) == checksum:
                continue
            if (content := documents.get(name)) is not None:
                write_atomically(path, [content], error=IndexFolderError)

    def problems(self) -> list[str]:
        """Describe documents that are lost, or not what was stored."""
        return [*self._amiss().values()]

    def mend(self) -> Iterator[str]:
        """Put documents back that are lost or damaged, where this machine has a whole copy; see `Place.mend`."""
        if not self._amiss():
            return
        with self.writing():  # who had the lock until now may have written them anew
            documents = self._catalog().documents
            stored = documents.checksums()
            for name in self._amiss():
                path = self.folder / name
                if _is_whole(path, checksum=stored.get(name)):
                    documents.write(name, read_regular(path))
                    yield f"{self}: the document {name} was lost or damaged; it is put back as it is in {path}"

    def _amiss(self) -> dict[str, str]:
        """Describe what is amiss with documents, by name."""
        documents = self._catalog().documents
        stored, found = documents.checksums(), {}
        for name in stored:
            try:
                documents.get(name)
            except DamagedCatalogError as error:
                found[name] = str(error)
        needed = [SETTINGS_FILE]
        with suppress(ModagError):
            needed += [OWN_SPACE_FILE] if IndexSettings.load(self.folder).space == "own" else []
        return found | {name: f"{self}: the document {name} is not there" for name in needed if name not in stored}

    def write(self, name: str, content: bytes, *, error: type[ModagError] = IndexFolderError) -> None:
        """Keep a document in the database, and a copy of it here."""
        self._catalog().documents.write(name, content)
        write_atomically(self.folder / name, [content], error=error)

    @contextmanager
    def writing(self) -> Iterator[None]:
        """Hold a lock of the database, which goes with the process that holds it, and that of the folder here."""
        from filelock import Timeout

        waits = False

        def remark() -> None:
            nonlocal waits
            waits = True
            self._remark.make()

        with self._catalog().sole_writer(wait_s=self._wait_s, on_wait=remark):
            if not waits:
                self._remark.withdraw()
            lock, wait_s = self._lock_here(), _catalog_wait_s(self._wait_s)
            try:
                lock.acquire(timeout=wait_s)
            except Timeout as error:
                raise IndexLockedError(
                    f"{self.folder}: another process is keeping stores there, and was not done within {wait_s:g} s; "
                    "try again"
                ) from error
            except OSError as error:
                raise IndexFolderError(f"{self.folder}: cannot be written to: {error.strerror or error}") from error
            try:
                yield
            finally:
                lock.release()

    @contextmanager
    def keeping(self) -> Iterator[bool]:
        """Hold the lock of the folder, if nobody else does."""
        try:
            lock = self._lock_here()
            lock.acquire(timeout=0)
        except (OSError, IndexFolderError):  # what cannot be kept has been made all the same
            yield False
            return
        try:
            yield True
        finally:
            lock.release()

    def _lock_here(self) -> FileLock:
        from filelock import FileLock

        try:
            make_folder(self.folder)
        except OSError as error:
            raise IndexFolderError(f"{self.folder}: cannot be made: {error.strerror or error}") from error
        for name in (LOCK_FILE, STORES_FOLDER):
            check_own(self.folder / name, error=IndexFolderError)
        return FileLock(self.folder / LOCK_FILE, thread_local=False)

    @contextmanager
    def making(self) -> Iterator[None]:
        """Make the tables, and hold the lock."""
        self._catalog(create=True)
        with self.writing():
            yield

    def _catalog(self, *, create: bool = False) -> Catalog:
        with self._lock:
            if self._opened is None:
                self._opened = Catalog.open(self.url, create=create, wait_s=_catalog_wait_s(self._wait_s))
            return self._opened


def _is_whole(path: Path, *, checksum: str | None) -> bool:
    """Tell whether a copy is there, and what was stored; settings and spaces have a checksum of their own."""
    if checksum is not None:
        return path.exists() and checksum_of(read_regular(path)) == checksum
    with suppress(ModagError):
        if path.name == SETTINGS_FILE:
            IndexSettings.load(path.parent)
        else:
            from modag_search.space import Space

            Space.load(path)
        return True
    return False


class _Remark:
    """Says that another writer is waited for: once, until there was none to wait for.

    Parameters
    ----------
    place : str
        What people call it.
    wait_s : float
        How long it is waited at the most, in seconds.
    """

    def __init__(self, place: str, wait_s: float) -> None:
        self._place = place
        self._wait_s = wait_s
        self._is_made = False

    def make(self) -> None:
        """Say it, unless it was said."""
        if self._wait_s > 0 and not self._is_made:
            logger.warning("%s: %s; waiting for it, %g s at the most", self._place, _ANOTHER, self._wait_s)
        self._is_made = True

    def withdraw(self) -> None:
        """Note that there was none to wait for: the next one is another."""
        self._is_made = False


def require_writable(folder: Path) -> None:
    """Refuse to write to an index that nothing can be written to; what is no index yet may still become one.

    Raises
    ------
    ReadOnlyIndexError
    """
    if is_index(folder) and (hindrance := hindrance_to_writing(folder / CATALOG_FILE)):
        raise ReadOnlyIndexError(folder, hindrance)


class WriterLock:
    """Lets one writer at a time at an index, of all processes and threads; readers need none.

    Parameters
    ----------
    folder : Path
    wait_s : float
        How long to wait for another writer, in seconds.
    remark : _Remark
    """

    def __init__(self, folder: Path, *, wait_s: float, remark: _Remark) -> None:
        self._folder = folder
        self._wait_s = wait_s
        self._remark = remark

    @contextmanager
    def held(self) -> Iterator[None]:
        """Hold it.

        Raises
        ------
        IndexLockedError
            If another writer does not come to its end in time.
        ReadOnlyIndexError
            If the index cannot be written to.
        IndexFolderError
            If nothing can be written in the folder, or what is written there would change files elsewhere.
        """
        from filelock import FileLock, Timeout

        require_writable(self._folder)
        for name in (LOCK_FILE, STORES_FOLDER):
            check_own(self._folder / name, error=IndexFolderError)

        # One object a call: each opens the file for itself, so that threads wait for each other as processes do.
        lock = FileLock(self._folder / LOCK_FILE, thread_local=False)
        try:
            lock.acquire(timeout=0)
            self._remark.withdraw()
        except Timeout:
            self._wait_for(lock)
        except OSError as error:
            reason = error.strerror or error
            way_out = "copy it elsewhere" if is_index(self._folder) else "name another place with --index"
            raise IndexFolderError(f"{self._folder}: cannot be written to: {reason}; {way_out}") from error
        try:
            yield
        finally:
            lock.release()

    def _wait_for(self, lock: FileLock) -> None:
        from filelock import Timeout

        self._remark.make()
        try:
            lock.acquire(timeout=self._wait_s)
        except Timeout as error:
            raise IndexLockedError(
                f"{self._folder}: {_ANOTHER}, and was not done within {self._wait_s:g} s; try again, or wait longer "
                "with --wait SECONDS"
            ) from error
