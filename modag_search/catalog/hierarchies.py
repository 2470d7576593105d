"""How labels relate: which are kinds of which, what AudioSet calls them, and whether they exclude each other."""

from __future__ import annotations

from typing import TYPE_CHECKING

from sqlalchemy import Connection, delete, func, insert, select, update

from modag_search.catalog.conflicts import read_rivalry
from modag_search.catalog.database import Database, count_label_change, now
from modag_search.catalog.judgements import settle_opposites
from modag_search.catalog.merging import move_label
from modag_search.catalog.names import LabelMode, label_ids, label_mode, labels_in_use, read_hierarchy
from modag_search.catalog.settling import settle_all
from modag_search.catalog.tables import LabelParentRow, LabelRow, StateRow
from modag_search.catalog.tags import refuse_tags

if TYPE_CHECKING:
    from collections.abc import Mapping

    from modag_search.hierarchy import Hierarchy
    from modag_search.rivalry import Rivalry


class Hierarchies:
    """The hierarchy of labels, AudioSet's ids of them, and the mode of the catalog."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def get(self) -> Hierarchy:
        """Return which labels are kinds of which."""
        with self._database.read() as connection:
            return read_hierarchy(connection)

    def audioset_ids(self) -> dict[str, str]:
        """Return AudioSet's ids by label, of those that have one."""
        statement = select(LabelRow.name, LabelRow.audioset_id).where(LabelRow.audioset_id.is_not(None))
        with self._database.read() as connection:
            return {name: identifier for name, identifier in connection.execute(statement) if identifier is not None}

    def names_by_audioset_id(self) -> dict[str, str]:
        """Return labels by AudioSet's ids of them."""
        return {identifier: name for name, identifier in self.audioset_ids().items()}

    def replace(
        self,
        hierarchy: Hierarchy,
        *,
        audioset_ids: Mapping[str, str] | None = None,
        means: Mapping[str, str] | None = None,
    ) -> int:
        """Put another hierarchy and other ids in place of those that are there.

        Parameters
        ----------
        hierarchy : Hierarchy
        audioset_ids : Mapping of str to str, optional
            By label; no two labels have the same.
        means : Mapping of str to str, optional
            By label, words that say what it means, beside those that others have.

        Returns
        -------
        int
            How many transferred labels gave way to given ones that exclude them from now on.

        Raises
        ------
        UsageError
            If one of the labels, or of the ids, is a tag, or a label would be a kind of itself.
        LabelConflictError
            If labels exclude each other, and an item has two of which neither would be a kind of the other any more.
        """
        ids = dict(audioset_ids or {})
        pairs = list(hierarchy.pairs())
        related = {name for pair in pairs for name in pair} | set(ids)
        names = related | set(means or {})
        with self._database.write() as connection:
            refuse_tags(
                connection, names | set(ids.values()), what="only classes can be kinds of each other, or mean something"
            )
            connection.execute(delete(LabelParentRow))
            connection.execute(update(LabelRow).values(audioset_id=None))
            numbers = label_ids(connection, names, create=True)
            related_ids = dict.fromkeys((numbers[child], numbers[parent]) for child, parent in pairs)
            rows = [{"child_id": child_id, "parent_id": parent_id} for child_id, parent_id in related_ids]
            if rows:
                connection.execute(insert(LabelParentRow), rows)
            for name, identifier in ids.items():
                named = update(LabelRow).where(LabelRow.id == numbers[name])
                connection.execute(named.values(audioset_id=identifier))
            for name, words in (means or {}).items():
                row = update(LabelRow).where(LabelRow.id == numbers[name])
                connection.execute(row.values(means=words))
                if name not in related:  # it has words alone, and counts by these
                    connection.execute(row.values(added_at=func.coalesce(LabelRow.added_at, now())))
            for identifier, old_id in label_ids(connection, ids.values()).items():
                # An id that had been given as a name means the label that has it.
                name = next(name for name, one in ids.items() if one == identifier)
                if name != identifier:
                    move_label(connection, old_id, numbers[name])
                    settle_opposites(connection, numbers[name])
            _remove_unused(connection)
            read_hierarchy(connection)  # refuses circles that are closed by an id and the label that has it
            given_way = settle_all(connection)
            count_label_change(connection)
        return given_way

    @property
    def mode(self) -> LabelMode:
        """Whether labels exclude each other."""
        with self._database.read() as connection:
            return label_mode(connection)

    @property
    def rivalry(self) -> Rivalry:
        """Which labels exclude each other as things stand; in mode ``auto``, by what was given together."""
        with self._database.read() as connection:
            return read_rivalry(connection)

    def set_mode(self, mode: LabelMode) -> int:
        """Say whether labels exclude each other.

        Returns
        -------
        int
            How many transferred labels gave way to given ones that exclude them from now on.

        Raises
        ------
        LabelConflictError
            If they are to, and an item has two.
        """
        with self._database.write() as connection:
            connection.execute(update(StateRow).values(label_mode=mode))
            given_way = settle_all(connection)
            count_label_change(connection)
        return given_way


def _remove_unused(connection: Connection) -> None:
    """Remove labels that nothing uses; see `labels_in_use`."""
    connection.execute(delete(LabelRow).where(LabelRow.id.not_in(labels_in_use())))
