"""Where a catalog is kept: what all of it needs of a database, whichever that is."""

from __future__ import annotations

import json
import secrets
import threading
from abc import ABC, abstractmethod
from contextlib import contextmanager
from datetime import UTC, datetime
from itertools import islice
from typing import TYPE_CHECKING, Any, TypeVar

from sqlalchemy import Connection, Select, Text, bindparam, column, insert, select, update
from sqlalchemy.exc import ResourceClosedError, SQLAlchemyError

from modag_search.catalog.dialects import INTEGER, IntegersOf, TextsOf
from modag_search.catalog.mounts import NONE, Mounts, MountsOfThread, named_by_environment, sound_places
from modag_search.catalog.tables import GenerationRow, StateRow
from modag_search.errors import CatalogError, DamagedCatalogError, ReadOnlyIndexError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
    from contextlib import AbstractContextManager

T = TypeVar("T")

PLACES = "SELECT name, machine, folder FROM root"

BUSY_TIMEOUT_S = 30.0
CONNECTIONS_KEPT = 16
PATHS_AT_ONCE = 500
"""Paths in one statement; SQLite may be built to take no more than 999 parameters."""
OF_VALUES = (ArithmeticError, AssertionError, AttributeError, LookupError, RuntimeError, TypeError, ValueError)
"""What Python raises where a value is not what it must be."""
DAMAGE_ADVICE = (
    "a backup brings it back: `modag restore FILE --index NEW`; without one, see whether `modag label export` still "
    "reads the labels, index the files into a new index, and give it these by `modag label --from FILE --index NEW`"
)


class _ViewOfThread(threading.local):
    """The connection that all reads of a thread share while it is within `Database.view`."""

    connection: Connection | None = None
    is_as_stored = False


class Database(ABC):
    """Transactions on one catalog, for any number of threads.

    Parameters
    ----------
    path : str
        What errors call it.

    Attributes
    ----------
    path : str
    hindrance : ReadOnlyIndexError or None
        Why nothing can be written; it can be read all the same.
    """

    def __init__(self, path: str) -> None:
        self.path = path
        self.hindrance: ReadOnlyIndexError | None = None
        self._view = _ViewOfThread()
        self._is_closed = False
        self._follows_roots = False
        self._latest = [NONE]
        self._mounts = MountsOfThread(self._latest)
        self._placed: Mapping[str, bytes] = {}

    @abstractmethod
    def _one_moment(self) -> AbstractContextManager[Connection]:
        """Connect for reading one moment of the catalog."""

    @abstractmethod
    def _one_change(self) -> AbstractContextManager[Connection]:
        """Connect for one change of the catalog, alone among those who write, and count it."""

    @abstractmethod
    def load(self) -> AbstractContextManager[Connection]:
        """Connect for writing rows of another catalog, without counting that as a change."""

    @abstractmethod
    def last_ids(self, connection: Connection) -> dict[str, int]:
        """Return the last id that each table has given, whether or not its row is there still."""

    @abstractmethod
    def give_behind(self, connection: Connection, last_ids: Mapping[str, int]) -> None:
        """Let tables give ids behind these."""

    @abstractmethod
    def copy_to(self, path: str) -> None:
        """Write this moment of the catalog to a new file of SQLite, which is whole without a log beside it."""

    @abstractmethod
    def problems(self, connection: Connection) -> Iterator[str]:
        """Describe what is wrong with how the database keeps the catalog, a line each."""

    def rows_at_odds(self, connection: Connection, table: str) -> tuple[str, ...]:  # noqa: ARG002
        """Describe rows of a table that have changed without a word; nothing where the database cannot tell."""
        return ()

    def mend_checksums(self) -> int:
        """Write checksums of features as the features have them, where that is what has changed; return how many."""
        return 0

    def sole_writer(self, *, wait_s: float, on_wait: Callable[[], None]) -> AbstractContextManager[None]:
        """Be the one who writes to the index; a folder has a lock of its own for that."""
        raise NotImplementedError

    def require_sole_writer(self) -> None:  # noqa: B027  the lock of a folder cannot be lost
        """Make sure that this thread, if it is the one who writes, is so still."""

    def follow_roots(self) -> None:
        """Read and write paths below named roots as they are on this machine, from now on.

        Raises
        ------
        UsageError
            If what the environment says of roots cannot be meant.
        """
        self._placed = named_by_environment()
        self._follows_roots = True

    @contextmanager
    def as_stored(self) -> Iterator[None]:
        """Let this thread read and write paths within the block as the database has them."""
        before = self._mounts.current
        self._view.is_as_stored, self._mounts.current = True, NONE
        try:
            yield
        finally:
            self._view.is_as_stored, self._mounts.current = False, before

    def _places(self, connection: Connection) -> Sequence[Any]:
        """Return where machines have roots, a name, a machine and a folder each."""
        return connection.exec_driver_sql(PLACES).all()

    def _look_at_roots(self, connection: Connection) -> bool:
        """Let paths be those of this machine, by the places that roots have at the moment of a connection.

        Returns
        -------
        bool
            Whether anything was read for that.
        """
        if not self._follows_roots or self._view.is_as_stored:
            return False
        found = self._places(connection)
        mounts = self._latest[0]
        if found or mounts is not NONE:
            places = sound_places(found)
            mounts = mounts if places == mounts.places else Mounts.of(places, self._placed)
        connection.dialect.mounts = self._mounts  # type: ignore[attr-defined]
        self._mounts.current = self._latest[0] = mounts
        return True

    def close(self) -> None:
        """Let go of the database; nothing can be read or written any more."""
        self._is_closed = True

    @contextmanager
    def view(self) -> Iterator[None]:
        """Let all reads of this thread within the block see one moment of the catalog."""
        self._require_open()
        if self._view.connection is not None:
            yield
            return
        with self._one_moment() as connection:
            # To begin chooses no moment; the first read does.
            if not self._look_at_roots(connection):
                connection.exec_driver_sql("SELECT id FROM state")
            self._view.connection = connection
            try:
                yield
            finally:
                self._view.connection = None

    @contextmanager
    def read(self) -> Iterator[Connection]:
        """One moment of the catalog, that of the view if there is one: what others write meanwhile does not show."""
        self._require_open()
        shared = self._view.connection
        if shared is None:
            with self._one_moment() as connection, self._named():
                self._look_at_roots(connection)
                yield connection
            return
        outlived = RuntimeError("an iterator over the catalog was begun in a view, and must be used up within it")
        try:
            with self._named():
                yield shared
        except SQLAlchemyError as error:
            if shared.closed or isinstance(error, ResourceClosedError):
                raise outlived from error
            raise
        # Rows that were not fetched when the view ended would be missing without a word.
        if shared.closed:
            raise outlived

    @contextmanager
    def write(self) -> Iterator[Connection]:
        """One change of the catalog: it happens wholly or not at all, and nobody else writes meanwhile."""
        self._require_open()
        if self._view.connection is not None:
            raise RuntimeError("a view of the catalog is open in this thread; what is written would not show in it")
        with self._one_change() as connection:
            self._look_at_roots(connection)
            yield connection

    def require_writable(self) -> None:
        """Refuse to write where nothing can be written.

        Raises
        ------
        ReadOnlyIndexError
        """
        if self.hindrance is not None:
            raise ReadOnlyIndexError(*self.hindrance.args)

    @contextmanager
    def _named(self) -> Iterator[None]:
        """Let errors about what was read name where it was read from."""
        try:
            yield
        except DamagedCatalogError as error:
            if self.path in str(error):
                raise
            raise DamagedCatalogError(f"{self.path}: {error}") from error

    def _require_open(self) -> None:
        if self._is_closed:
            raise CatalogError(f"{self.path}: was closed; open the index again")


def batches(values: Iterable[T], n: int) -> Iterator[list[T]]:
    """Cut values into lists of `n`, the last one shorter."""
    remaining = iter(values)
    while batch := list(islice(remaining, n)):
        yield batch


def now() -> str:
    """Return the time as the catalog writes it: ISO 8601, UTC, to the second."""
    return datetime.now(UTC).isoformat(timespec="seconds")


def among(ids: Iterable[int]) -> Select[tuple[int]]:
    """Rows of ids, of any number, as one parameter: ``column.in_(among(ids))``."""
    return select(IntegersOf(given(ids)["ids"]).table_valued(column("value", INTEGER)).c.value)


def among_given() -> Select[tuple[int]]:
    """Rows of the ids that a statement is given when it is executed, by `given`.

    Such a statement can be made once: to make it takes longer than to answer it.
    """
    return select(IntegersOf(bindparam("ids", type_=Text)).table_valued(column("value", INTEGER)).c.value)


def given(ids: Iterable[int]) -> dict[str, str]:
    """Return the parameters of a statement with `among_given`."""
    return {"ids": json.dumps([int(i) for i in ids])}


def among_texts(texts: Iterable[str]) -> Select[tuple[str]]:
    """Rows of texts, of any number, as one parameter: ``column.in_(among_texts(texts))``."""
    return select(TextsOf(texts_given(texts)["texts"]).table_valued(column("value", Text)).c.value)


def among_texts_given() -> Select[tuple[str]]:
    """Rows of the texts that a statement is given when it is executed, by `texts_given`; see `among_given`."""
    return select(TextsOf(bindparam("texts", type_=Text)).table_valued(column("value", Text)).c.value)


def texts_given(texts: Iterable[str]) -> dict[str, str]:
    """Return the parameters of a statement with `among_texts_given`."""
    return {"texts": json.dumps(list(texts))}


def next_generation(connection: Connection) -> int:
    """Count a change of segments, and give it a token."""
    statement = update(StateRow).values(generation=StateRow.generation + 1).returning(StateRow.generation)
    number = connection.execute(statement).scalar_one()
    connection.execute(insert(GenerationRow).values(number=number, token=secrets.token_hex(16)))
    return number


def count_label_change(connection: Connection) -> None:
    """Count a change of labels."""
    connection.execute(update(StateRow).values(label_generation=StateRow.label_generation + 1))
