"""An index copied to another place: from a folder to a database, back, or from one to another."""

from __future__ import annotations

import json
import os
import shutil
import tempfile
from abc import ABC, abstractmethod
from contextlib import closing, contextmanager, nullcontext, suppress
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Final, cast

from modag_search.catalog import Catalog, postgres
from modag_search.classify.namer import HEAD_FILE
from modag_search.errors import IndexFolderError, ModagError, UsageError
from modag_search.files import make_folder, read_regular, see_on_disk, write_atomically
from modag_search.index.backup import restore
from modag_search.index.places import CATALOG_FILE, OWN_SPACE_FILE, FolderPlace, SharedPlace
from modag_search.settings import SETTINGS_FILE
from modag_search.values import IndexCopyReport

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping
    from contextlib import AbstractContextManager

    from modag_search.index.places import Place
    from modag_search.values import RestoreReport

_UNFINISHED: Final = ".copying"
_SOURCE: Final = "source.json"
_BESIDE: Final = (OWN_SPACE_FILE, HEAD_FILE, SETTINGS_FILE)
"""What is copied beside the catalog; the rest makes itself anew. The settings come last: they make a place an index."""
_ATTEMPTS: Final = 5


def copy_index(
    source: Place,
    target: Place,
    *,
    dry_run: bool = False,
    can_go_on: bool = True,
    on_rows: Callable[[int, int], None] | None = None,
) -> IndexCopyReport:
    """Copy an index; see `Index.copy`. Where none `can_go_on`, since the source goes, what fails is removed."""
    if not source.is_index():
        raise source.no_index()
    if str(source) == str(target):
        raise UsageError(f"{target}: is what is to be copied; name another place for the copy")
    unfinished = _unfinished_at(target)
    unfinished.require_free()
    with closing(source.open_catalog()) as catalog, _one_moment(source, catalog) as beside:
        rows = catalog.count_rows()
        report = IndexCopyReport(
            source=str(source),
            target=str(target),
            items=sum(catalog.totals().items.values()),
            rows=rows,
            copied=0,
            files=tuple(beside),
        )
        if dry_run:
            return report
        moment = json.dumps([str(source), *catalog.moment, catalog.change_count])
        with unfinished.alone():
            try:
                copied = _fill(unfinished, catalog, moment, on_rows=on_rows and (lambda n: on_rows(n, rows)))
            except BaseException:
                if not can_go_on:
                    with suppress(ModagError):
                        unfinished.discard()
                raise
            unfinished.finish(beside)
    return replace(report, copied=copied)


def restore_to_database(source: Path, target: Place, roots: Mapping[str, str]) -> RestoreReport:
    """Make an index in a database of a backup; see `Index.restore`. It is restored to a folder, and copied."""
    _unfinished_at(target).require_free()
    with tempfile.TemporaryDirectory(prefix="modag-restore-") as scratch:
        folder = Path(scratch) / "index"
        report = restore(source, folder, roots)
        copy_index(FolderPlace(folder, wait_s=0.0), target, can_go_on=False)
    return replace(report, folder=str(target))


def _unfinished_at(place: Place) -> _Unfinished:
    return _InDatabase(place) if isinstance(place, SharedPlace) else _InFolder(cast("FolderPlace", place))


def _fill(unfinished: _Unfinished, catalog: Catalog, moment: str, *, on_rows: Callable[[int], None] | None) -> int:
    """Copy what is lacking; what there is of another moment, or of another index, is done anew."""
    if unfinished.moment() != moment:
        unfinished.discard()
        unfinished.begin()
    with unfinished.catalog() as copy:
        unfinished.note(moment)
        return copy.fill_from(catalog, on_rows=on_rows)


@contextmanager
def _one_moment(place: Place, catalog: Catalog) -> Iterator[Mapping[str, bytes]]:
    """Let all reads of the catalog within the block be of one moment, and yield the files of that moment beside it."""
    for _ in range(_ATTEMPTS):
        before = place.look()
        beside = {name: content for name in _BESIDE if (content := _content_of(place, name)) is not None}
        with catalog.view():
            if place.look() == before and SETTINGS_FILE in beside:
                yield beside
                return
    raise IndexFolderError(f"{place}: changes all the time; try again once `modag rebuild` is done")


def _content_of(place: Place, name: str) -> bytes | None:
    path = place.folder / name
    try:
        return read_regular(path)
    except FileNotFoundError:
        return None
    except OSError as error:
        raise IndexFolderError(f"{path}: cannot be read: {error.strerror or error}") from error


class _Unfinished(ABC):
    """A copy that is no index before it is whole, and lies where the index will be."""

    @abstractmethod
    def require_free(self) -> None:
        """Refuse a place that holds something else."""

    @abstractmethod
    def alone(self) -> AbstractContextManager[None]:
        """Be the one who copies there, for a block."""

    @abstractmethod
    def moment(self) -> str | None:
        """Return of which moment of what the rows are that are there; None where there are none."""

    @abstractmethod
    def note(self, moment: str) -> None:
        """Note of which moment the rows will be."""

    @abstractmethod
    def catalog(self) -> AbstractContextManager[Catalog]:
        """Open its catalog for a block, a new one where there is none."""

    @abstractmethod
    def discard(self) -> None:
        """Remove what there is."""

    def begin(self) -> None:  # noqa: B027  a folder and its catalog are made as they are opened
        """Make what was discarded anew, without a row."""

    @abstractmethod
    def finish(self, beside: Mapping[str, bytes]) -> None:
        """Let it be an index, with these files."""


class _InFolder(_Unfinished):
    """In a folder within the index's folder, whose name begins with a dot."""

    def __init__(self, place: FolderPlace) -> None:
        self._place = place
        self._folder = place.folder / _UNFINISHED

    def require_free(self) -> None:
        if self._place.is_index():
            raise UsageError(
                f"{self._place}: is an index already; name a new folder, and remove the other once all is well"
            )
        self._place.require_room()

    def alone(self) -> AbstractContextManager[None]:
        return self._place.making()

    def moment(self) -> str | None:
        with suppress(FileNotFoundError):
            return read_regular(self._folder / _SOURCE).decode(errors="replace")
        return None

    def note(self, moment: str) -> None:
        write_atomically(self._folder / _SOURCE, [moment.encode()], error=IndexFolderError)

    def catalog(self) -> AbstractContextManager[Catalog]:
        make_folder(self._folder)
        return Catalog.open(self._folder / CATALOG_FILE, create=True)

    def discard(self) -> None:
        shutil.rmtree(self._folder, ignore_errors=True)

    def finish(self, beside: Mapping[str, bytes]) -> None:
        catalog = self._place.folder / CATALOG_FILE
        for log in ("-wal", "-shm"):  # of a catalog that was being made here once
            Path(f"{catalog}{log}").unlink(missing_ok=True)
        os.replace(self._folder / CATALOG_FILE, catalog)
        see_on_disk(self._place.folder)
        for name, content in beside.items():
            self._place.write(name, content)
        self.discard()


class _InDatabase(_Unfinished):
    """In a schema beside the index's own, which takes that one's name."""

    def __init__(self, place: SharedPlace) -> None:
        self._place = place
        self._held: Catalog | None = None

    def require_free(self) -> None:
        if postgres.holds_anything(self._place.url):
            raise UsageError(
                f"{self._place}: holds an index already, or a part of one; name another database, or another schema of "
                "this one: `?schema=NAME` behind the URL"
            )

    @contextmanager
    def alone(self) -> Iterator[None]:
        with self.catalog() as catalog, catalog.sole_writer(wait_s=0.0, on_wait=lambda: None):
            self._held = catalog  # what is written by it is written under the lock
            try:
                yield
            finally:
                self._held = None

    def moment(self) -> str | None:
        with self.catalog() as catalog:
            noted = catalog.documents.get(_SOURCE)
        return None if noted is None else noted.decode(errors="replace")

    def note(self, moment: str) -> None:
        with self.catalog() as catalog:
            if catalog.documents.get(_SOURCE) is None:
                catalog.documents.write(_SOURCE, moment.encode())

    def catalog(self) -> AbstractContextManager[Catalog]:
        return Catalog.open(self._url, create=True) if self._held is None else nullcontext(self._held)

    @property
    def _url(self) -> str:
        return postgres.beside(self._place.url)

    def discard(self) -> None:
        self._require_lock()
        postgres.discard_beside(self._place.url)

    def begin(self) -> None:
        Catalog.open(self._url, create=True).close()

    def finish(self, beside: Mapping[str, bytes]) -> None:
        with self.catalog() as catalog:
            for name, content in beside.items():
                catalog.documents.write(name, content)
            catalog.documents.remove(_SOURCE)
        self._require_lock()
        postgres.put_in_place(self._place.url)

    def _require_lock(self) -> None:
        """Leave alone what another one may have begun here since the lock was lost."""
        if self._held is not None:
            self._held.require_sole_writer()
