"""Labels that wait for their content, and those under which files were replaced."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple, cast

from sqlalchemy import func, select

from modag_search.catalog.departures import plan
from modag_search.catalog.passages import called, told
from modag_search.catalog.selection import in_order_of_path
from modag_search.catalog.tables import AnnotationRow, ItemRow, KeptAnnotationRow, LabelRow
from modag_search.values import LabelPassage, MediaKind, ReplacedFile

if TYPE_CHECKING:
    from collections.abc import Collection, Container, Mapping

    from modag_search.catalog.database import Database


class FormerLabel(NamedTuple):
    """A label that was given to, or denied of, what an item held before its file was replaced."""

    item_id: int
    path: str
    kind: MediaKind
    label: str
    is_not: bool


class KeptLabels:
    """What became of labels whose file went or was replaced."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def foresee(self, item_ids: Collection[int]) -> tuple[LabelPassage, ...]:
        """Say what would become of the labels of items if these were removed."""
        with self._database.read() as connection:
            return told(plan(connection, item_ids), fate="passed")

    def count_by_label(self) -> dict[str, int]:
        """Count the annotations that wait for their content, by label."""
        statement = (
            select(LabelRow.name, func.count())
            .join(KeptAnnotationRow, KeptAnnotationRow.label_id == LabelRow.id)
            .group_by(LabelRow.name)
        )
        with self._database.read() as connection:
            return {row[0]: row[1] for row in connection.execute(statement)}

    def count(self, origins: Collection[str]) -> int:
        """Count the annotations of some origins that wait for their content."""
        statement = select(func.count()).where(KeptAnnotationRow.origin.in_(origins))
        with self._database.read() as connection:
            return connection.execute(statement).scalar_one()

    def replaced(
        self, paths: Container[str] | None = None, *, contents: Mapping[str, str] | None = None
    ) -> list[ReplacedFile]:
        """List the items, in order of path, that have labels which were given to a former content, and not since.

        Parameters are as of `of_former_contents`.
        """
        labels: dict[tuple[int, str, MediaKind], list[str]] = {}
        for one in self.of_former_contents(paths, contents=contents):
            labels.setdefault((one.item_id, one.path, one.kind), []).append(called(one.label, is_not=one.is_not))
        return [
            ReplacedFile(id=item_id, path=path, kind=kind, labels=tuple(names))
            for (item_id, path, kind), names in labels.items()
        ]

    def of_former_contents(
        self, paths: Container[str] | None = None, *, contents: Mapping[str, str] | None = None
    ) -> list[FormerLabel]:
        """List labels that were given to a former content of their item, and not since, in order of path and label.

        Parameters
        ----------
        paths : container of str, optional
            Leaves out other items.
        contents : Mapping of str to str, optional
            Hashes by path of what files hold by now, where the catalog is not to go by what it knows.

        Returns
        -------
        list of FormerLabel
        """
        statement = (
            select(
                ItemRow.id,
                ItemRow.path,
                ItemRow.kind,
                LabelRow.name,
                AnnotationRow.is_not,
                AnnotationRow.content_hash,
                ItemRow.content_hash,
            )
            .select_from(AnnotationRow)
            .join(ItemRow, ItemRow.id == AnnotationRow.item_id)
            .join(LabelRow, LabelRow.id == AnnotationRow.label_id)
            .order_by(ItemRow.path, LabelRow.name, AnnotationRow.is_not)
        )
        if contents is None:
            statement = statement.where(AnnotationRow.content_hash != ItemRow.content_hash)
        found: dict[FormerLabel, None] = {}
        with self._database.read() as connection:
            for item_id, path, kind, name, is_not, said_of, known in connection.execute(statement):
                is_wanted = paths is None or path in paths
                if is_wanted and said_of != (contents or {}).get(path, known):
                    found[FormerLabel(item_id, path, cast("MediaKind", kind), name, is_not)] = None
            return list(in_order_of_path(connection, found, path_of=lambda one: one.path))
