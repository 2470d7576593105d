"""The catalog of an index: what it knows, in one SQLite file."""

from __future__ import annotations

import logging
import os
from contextlib import suppress
from functools import cache
from typing import TYPE_CHECKING, NamedTuple, Self

from sqlalchemy import Select, select
from sqlalchemy.exc import IntegrityError

from modag_search.addresses import is_url
from modag_search.catalog import (
    changes,
    copying,
    forgotten,
    inspection,
    mending,
    migrations,
    relocation,
    remnants,
    returns,
)
from modag_search.catalog.documents import Documents
from modag_search.catalog.exclusions import Exclusions
from modag_search.catalog.failures import Failures
from modag_search.catalog.hierarchies import Hierarchies
from modag_search.catalog.items import Items
from modag_search.catalog.kept_labels import KeptLabels
from modag_search.catalog.labels import Labels
from modag_search.catalog.notices import Notices
from modag_search.catalog.pipelines import Pipelines
from modag_search.catalog.roots import Roots
from modag_search.catalog.runs import Runs
from modag_search.catalog.segments import Segments
from modag_search.catalog.sqlite import SqliteDatabase
from modag_search.catalog.tables import GenerationRow, StateRow
from modag_search.errors import CatalogError, DamagedCatalogError, IndexLockedError, UsageError

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
    from contextlib import AbstractContextManager
    from types import TracebackType

    from modag_search.catalog.changes import CopyReport, PutReport, RemovalReport
    from modag_search.catalog.database import Database
    from modag_search.catalog.forgotten import RecallReport
    from modag_search.catalog.inspection import CatalogCounts, CatalogTotals
    from modag_search.catalog.mending import FeatureMending
    from modag_search.values import EncodedItem, Failure, LabelPassage, Modality, Remark, ScannedFile


logger = logging.getLogger(__name__)


class CatalogMoment(NamedTuple):
    """What tells one state of a catalog from another.

    Attributes
    ----------
    generation : int
        Number of changes of segments so far.
    token : str
        What tells the generation from one of the same number in a copy of the catalog.
    label_generation : int
        Number of changes of labels so far.
    """

    generation: int
    token: str
    label_generation: int


class Catalog:
    """Items, segments, features, labels, failures and runs of an index.

    Open one with `Catalog.open`. It answers through its parts (``catalog.items.at(path)``); what changes
    items and their segments are methods of its own. Each call is one transaction: it happens wholly or not
    at all, and counts at most one generation. Any number of threads and processes may read, also while one
    writes; who writes waits for another who does, up to half a minute, and then raises an IndexLockedError.

    Attributes
    ----------
    path : str
    items : Items
    segments : Segments
    pipelines : Pipelines
    labels : Labels
    kept_labels : KeptLabels
    hierarchy : Hierarchies
    exclusions : Exclusions
    roots : Roots
    failures : Failures
    notices : Notices
    runs : Runs
    documents : Documents
        Of a catalog on a server: what lies beside a file.

    Examples
    --------
    >>> import tempfile
    >>> folder = tempfile.TemporaryDirectory()
    >>> with Catalog.open(f"{folder.name}/catalog.sqlite", create=True) as catalog:
    ...     catalog.generation, catalog.items.at("/music/trumpet.wav")
    (0, None)
    >>> folder.cleanup()
    """

    def __init__(self, database: Database) -> None:
        self._database = database
        self.path = database.path
        self.items = Items(database)
        self.segments = Segments(database)
        self.pipelines = Pipelines(database)
        self.labels = Labels(database)
        self.kept_labels = KeptLabels(database)
        self.hierarchy = Hierarchies(database)
        self.exclusions = Exclusions(database)
        self.roots = Roots(database)
        self.failures = Failures(database)
        self.notices = Notices(database)
        self.runs = Runs(database)
        self.documents = Documents(database)

    @classmethod
    def open(cls, path: str | os.PathLike[str], *, create: bool = False, wait_s: float | None = None) -> Self:
        """Open a catalog, bringing an older one to the newest revision of its tables.

        The older one is copied to ``<path>.bak-<revision>`` first. Labels that it has in two Unicode forms become one.
        Where nothing can be written, it is read as it is, or, an older one, from a temporary copy of the newest
        revision.

        Parameters
        ----------
        path : str or os.PathLike
        create : bool
            True to make a new one where there is none.
        wait_s : float, optional
            How long a write waits for another process or thread that is writing, in seconds; default 30.

        Returns
        -------
        Catalog

        Raises
        ------
        CatalogError
            If there is none, and none can be made.
        NewerCatalogError
            If a later version of modag-search wrote it.
        DamagedCatalogError
            If SQLite cannot read it.
        UsageError
            If what ``MODAG_ROOTS`` says of named roots cannot be meant.
        """
        database = _opened(os.fspath(path), create=create, wait_s=wait_s)
        try:
            database.follow_roots()
        except UsageError:
            database.close()
            raise
        catalog = cls(database)
        if not catalog.is_read_only:
            catalog.compose_names()
        return catalog

    @property
    def is_read_only(self) -> bool:
        """Whether nothing can be written where it is; what would write then raises a ReadOnlyIndexError."""
        return self._database.hindrance is not None

    def require_writable(self) -> None:
        """Refuse to write where nothing can be written, by a ReadOnlyIndexError."""
        self._database.require_writable()

    def sole_writer(self, *, wait_s: float, on_wait: Callable[[], None]) -> AbstractContextManager[None]:
        """Be the one, of all processes and machines, who takes files into a catalog on a server, for a block.

        Parameters
        ----------
        wait_s : float
            How long to wait for another one, in seconds.
        on_wait : callable
            Called where there is another one.

        Returns
        -------
        context manager

        Raises
        ------
        IndexLockedError
            If another one does not come to its end in time.
        ReadOnlyIndexError
            If nothing can be written.
        """
        return self._database.sole_writer(wait_s=wait_s, on_wait=on_wait)

    def require_sole_writer(self) -> None:
        """Make sure that this thread, within `sole_writer`, is the one who writes still.

        Raises
        ------
        CatalogServerError
            If the connection was lost meanwhile, and with it the lock.
        """
        self._database.require_sole_writer()

    def compose_names(self) -> None:
        """Let labels that look the same be one; see `Labels.compose_names`. Where that fails, `check` tells of it."""
        with suppress(CatalogError, UsageError, IndexLockedError, TypeError):  # TypeError: a name that is no text
            for name in self.labels.compose_names():
                logger.warning("%s: was several labels, in two Unicode forms; they are one now", name)

    def close(self) -> None:
        """Let go of the file; to be called once, and last."""
        self._database.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        error_type: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self.close()

    def view(self) -> AbstractContextManager[None]:
        """Let all reads of this thread within a ``with`` block see one moment of the catalog.

        That moment is when the block is entered; what others write meanwhile does not show. Within another view of
        the same thread this is part of that one. An iterator that was begun in a view must be used up within it.

        Returns
        -------
        context manager
            Nothing can be written within it in the same thread (RuntimeError).

        Examples
        --------
        >>> import tempfile
        >>> folder = tempfile.TemporaryDirectory()
        >>> with Catalog.open(f"{folder.name}/catalog.sqlite", create=True) as catalog, catalog.view():
        ...     catalog.moment.generation, len(list(catalog.items.all()))
        (0, 0)
        >>> folder.cleanup()
        """
        return self._database.view()

    @property
    def moment(self) -> CatalogMoment:
        """The present generation, its token and the label generation."""
        with self._database.read() as connection:
            return CatalogMoment(*connection.execute(_moment()).one())

    @property
    def generation(self) -> int:
        """Number of changes of segments so far; a store of this generation is up to date."""
        return self.moment.generation

    @property
    def generation_token(self) -> str:
        """What tells the generation from one of the same number in a copy of the catalog."""
        return self.moment.token

    @property
    def first_token(self) -> str:
        """What tells the catalog from others: the token that it began with, which copies of it have, too."""
        statement = select(GenerationRow.token).where(GenerationRow.number == 0)
        with self._database.read() as connection:
            return connection.execute(statement).scalar_one()

    @property
    def latest_generation(self) -> tuple[int, str]:
        """`generation` and `generation_token`, of one moment."""
        return self.moment[:2]

    @property
    def change_count(self) -> int:
        """Number of changes of anything so far: what was read holds while it stays."""
        with self._database.read() as connection:
            return int(connection.exec_driver_sql("SELECT change_count FROM state").scalar_one())

    def has_generation(self, number: int, token: str) -> bool:
        """Tell whether the catalog went through a generation: a store of another one cannot catch up with it."""
        statement = select(GenerationRow.token).where(GenerationRow.number == number)
        with self._database.read() as connection:
            return connection.execute(statement).scalar() == token

    @property
    def label_generation(self) -> int:
        """Number of changes of labels so far."""
        return self.moment.label_generation

    def put(self, items: Sequence[EncodedItem], *, pipelines: Mapping[Modality, int]) -> PutReport:
        """Insert items, or replace what is at their paths.

        A replaced item keeps its id and its labels; its segments go, and new ones come with new ids. A
        failure of the same path is forgotten. Labels that were kept for the content come back to it.

        Parameters
        ----------
        items : sequence of EncodedItem
            Of several with the same path, the last counts.
        pipelines : mapping of modality to int
            Ids, from `Pipelines.ensure`, of the pipelines that made the features.

        Returns
        -------
        PutReport

        Raises
        ------
        ValueError
            If a feature is missing, has another length than its pipeline makes, or is not finite.
        """
        with self._database.write() as connection:
            return changes.put(connection, items, pipelines=pipelines)

    def reunite(self, paths: Iterable[str]) -> tuple[LabelPassage, ...]:
        """Let labels that were kept come back to items at some paths with the same features, if there are any."""
        with self._database.write() as connection:
            if not returns.likes_are_awaited(connection):
                return ()
            return returns.give_back_alike(connection, changes.ids_at(connection, paths).values())

    def touch(self, file: ScannedFile) -> None:
        """Note a new size and time of the item at a path, whose content is the same."""
        self.touch_many([file])

    def touch_many(self, files: Sequence[ScannedFile]) -> None:
        """Note new sizes and times of the items at some paths, whose content is the same."""
        with self._database.write() as connection:
            changes.touch(connection, files)

    def move(self, item_id: int, file: ScannedFile) -> None:
        """Give an item a new path, size and time; as `move_all` does for several."""
        self.move_all([(item_id, file)])

    def move_all(
        self, moves: Sequence[tuple[int, ScannedFile]], *, on_names: Mapping[str, Remark | None] | None = None
    ) -> tuple[LabelPassage, ...]:
        """Give items new paths, sizes and times; they keep their ids, features and labels.

        All move at once, so that they may take each other's paths, in a ring too. An item that was at one of
        the new paths, and does not move itself, is removed, as by `remove`.

        Parameters
        ----------
        moves : sequence of (int, ScannedFile)
            Ids, and the files that these items are now.
        on_names : mapping of str to Remark or None, optional
            By path, what is to be said of new names; None takes back what was said of the former one. Where a path
            is left out, that stays.

        Returns
        -------
        tuple of LabelPassage
            What became of the labels of items that were removed.

        Raises
        ------
        ValueError
            If an item or a path stands there twice.
        KeyError
            If an item is not in the catalog; carries its id.
        """
        with self._database.write() as connection:
            return changes.move_all(connection, moves, on_names=on_names)

    def copy(self, item_id: int, file: ScannedFile) -> int:
        """Give a file with the same content as an item segments and features like its; as `copy_all` does for several.

        Returns
        -------
        int
            Id of the item at the file's path.
        """
        return self.copy_all([(item_id, file)]).ids[0]

    def copy_all(
        self, copies: Sequence[tuple[int, ScannedFile]], *, on_names: Mapping[str, Remark | None] | None = None
    ) -> CopyReport:
        """Give files with the same content as items segments and features like theirs.

        An item that is at a file's path already keeps its id and labels, and is replaced otherwise; one that is copied
        itself is copied as it was. Labels are not copied; those that were kept for the content come back to it.

        Parameters
        ----------
        copies : sequence of (int, ScannedFile), length n
            Ids, and files that have these items' content.
        on_names : mapping of str to Remark or None, optional
            By path, what is to be said of new names; None takes back what was said of the former one. Where a path
            is left out, that stays.

        Returns
        -------
        CopyReport
            With the ids, length n, of the items at the files' paths.

        Raises
        ------
        ValueError
            If a path stands there twice.
        KeyError
            If an item is not in the catalog; carries its id.
        """
        with self._database.write() as connection:
            return changes.copy_all(connection, copies, on_names=on_names)

    def remove(self, item_ids: Iterable[int]) -> RemovalReport:
        """Remove items and their segments; their labels pass to items of the same content or features, or are kept."""
        with self._database.write() as connection:
            return changes.remove(connection, item_ids)

    def forget(self, item_ids: Iterable[int], *, failures: Collection[str] = (), run_id: int) -> RemovalReport:
        """Remove items as `remove` does, and failures, so that `recall` can take them back until the next call.

        Parameters
        ----------
        item_ids : iterable of int
        failures : collection of str
            Paths of files that failed.
        run_id : int
            The run, which this finishes.

        Returns
        -------
        RemovalReport
            Of the items.
        """
        with self._database.write() as connection:
            return forgotten.forget(connection, item_ids, failures=failures, run_id=run_id)

    def has_forgotten(self, path: str) -> bool:
        """Tell whether what `recall` takes back was at a path."""
        with self._database.read() as connection:
            return forgotten.has_forgotten(connection, path)

    def recall(self) -> RecallReport | None:
        """Take back what was forgotten last, with ids, features and labels; None where there is nothing.

        Raises
        ------
        DamagedCatalogError
            If an id was given to another item meanwhile, which only a counter that was tampered with explains.
        """
        try:
            with self._database.write() as connection:
                return forgotten.recall(connection)
        except IntegrityError as error:
            raise DamagedCatalogError(
                f"{self.path}: an id of what was forgotten is another item's by now, which only damage explains; "
                "`modag index` takes the files in again"
            ) from error

    def sweep(self) -> None:
        """Delete what is left of forgotten items that cannot be taken back any more: their segments, with the features.

        It goes in steps of a thousand segments, each of which is whole: where it is broken off, the next call goes on.
        """
        last = 0
        while True:
            with self._database.read() as connection:
                segment_ids = remnants.to_sweep(connection, after=last)
            if not segment_ids:
                return
            with self._database.write() as connection:
                remnants.sweep(connection, segment_ids)
            last = segment_ids[-1]

    def relocate(self, moves: Mapping[str, str]) -> None:
        """Give what lies in some folders the paths that it has in others, in patterns of whole paths, too.

        Where one folder lies in another, the inner one decides. All move at once; ids, features and labels stay.

        Parameters
        ----------
        moves : mapping of str to str
            Absolute paths of folders, and of what they are now.

        Raises
        ------
        UsageError
            If two files would come to one path; nothing has changed then.
        """
        try:
            with self._database.write() as connection:
                relocation.relocate(connection, moves)
        except IntegrityError as error:
            raise UsageError("two files would have the same path; name other folders") from error

    def copy_to(self, path: str | os.PathLike[str]) -> None:
        """Write the catalog as it is at this moment to a new file, while others read and write.

        Its pages are copied as they are, damage and all; `check` of the copy finds what it would find here. It is a
        file of its own, without a log beside it.

        Raises
        ------
        CatalogError
            If it cannot be written.
        DamagedCatalogError
            If it cannot be read.
        """
        self._database.copy_to(os.fspath(path))

    def count_rows(self) -> int:
        """Count the rows of all tables: what `fill_from` would copy."""
        return copying.count_rows(self._database)

    def fill_from(self, source: Catalog, *, on_rows: Callable[[int], None] | None = None) -> int:
        """Copy rows of another catalog that are not here yet, ids and all, in its present view.

        Parameters
        ----------
        source : Catalog
        on_rows : callable, optional
            Called with how many rows have been copied, batch by batch.

        Returns
        -------
        int
            How many there were.

        Raises
        ------
        DamagedCatalogError
            If rows here are not those of the other one, all of which are compared.
        """
        n_copied = copying.copy_rows(source._database, self._database, on_rows=on_rows)
        if found := copying.differences(source._database, self._database):
            raise DamagedCatalogError(f"{self.path}: {found[0]}; remove what was copied, and copy it again")
        return n_copied

    def fail(self, failures: Sequence[Failure], *, run_id: int | None = None, keep_items: bool) -> None:
        """Note that files could not be indexed.

        Parameters
        ----------
        failures : sequence of Failure
        run_id : int, optional
        keep_items : bool
            True where the files may be as they were, only out of reach. Otherwise what items at these paths
            were indexed from is gone: they lose their segments, and keep their ids and labels.
        """
        with self._database.write() as connection:
            changes.fail(connection, failures, run_id=run_id, keep_items=keep_items)

    def mend_features(self) -> FeatureMending:
        """Mend damaged features in which a bit has changed, and discard others; `Items.outdated` names their items.

        Nothing is discarded where what tells whether features are damaged has changed itself.
        """
        return mending.mend_features(self._database)

    def count(self) -> CatalogCounts:
        """Count what the catalog holds."""
        with self._database.read() as connection:
            return inspection.count(connection)

    def totals(self) -> CatalogTotals:
        """Count what the catalog holds, as far as that is quick."""
        with self._database.read() as connection:
            return inspection.totals(connection)

    def check(self) -> list[str]:
        """Describe what is wrong with the catalog, a line each; nothing where all is well."""
        with self._database.read() as connection:
            return inspection.check(self._database, connection)


def _opened(path: str, *, create: bool, wait_s: float | None) -> Database:
    """Open the database at a path or URL, brought to the newest revision."""
    if is_url(path):
        from modag_search.catalog.postgres import opened

        return opened(path, create=create, wait_s=wait_s)
    if not create and not os.path.exists(path):
        raise CatalogError(f"{path}: there is no catalog here; `modag index` makes one")
    database = SqliteDatabase(path, wait_s=wait_s)
    try:
        _bring_up(database, create=create)
    except BaseException:
        database.close()
        raise
    return database


def _bring_up(database: SqliteDatabase, *, create: bool) -> None:
    """Bring a catalog to the newest revision; where nothing can be written, copies of it."""
    if database.hindrance is None:
        migrations.upgrade(database.path, create=create)
    elif migrations.pending_in(database):
        database.read_brought_up(lambda copy: migrations.upgrade(copy, backs_up=False))


@cache
def _moment() -> Select[int, str, int]:
    return select(GenerationRow.number, GenerationRow.token, StateRow.label_generation).join(
        StateRow, StateRow.generation == GenerationRow.number
    )
