"""The pipelines that made the features in the catalog."""

from __future__ import annotations

from typing import TYPE_CHECKING, cast

from sqlalchemy import ColumnElement, Connection, insert, select

from modag_search.catalog.remnants import is_there
from modag_search.catalog.tables import PipelineRow, SegmentRow
from modag_search.errors import CatalogError
from modag_search.values import Modality, Pipeline

if TYPE_CHECKING:
    from collections.abc import Iterable

    from modag_search.catalog.database import Database


class Pipelines:
    """Pipelines by id and by fingerprint."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def ensure(self, pipeline: Pipeline) -> int:
        """Return the id of a pipeline, adding it where its fingerprint is new.

        Raises
        ------
        CatalogError
            If the fingerprint is known for features of another shape.
        """
        shape = (pipeline.modality, pipeline.dimension, pipeline.dtype)
        row = PipelineRow
        with self._database.write() as connection:
            known = connection.execute(
                select(row.id, row.modality, row.dimension, row.dtype).where(row.fingerprint == pipeline.fingerprint)
            ).one_or_none()
            if known is None:
                return _add(connection, pipeline)
        if tuple(known[1:]) != shape:
            raise CatalogError(
                f"pipeline {pipeline.fingerprint} has features of {tuple(known[1:])} in the catalog, "
                f"not {shape}: "
                f"give encoder {pipeline.encoder} a specification of its own"
            )
        return known[0]

    def all(self) -> list[Pipeline]:
        """Return every pipeline that has ever been used, oldest first."""
        return self._where()

    def of_item(self, item_id: int) -> list[Pipeline]:
        """Return those that made the features of an item, oldest first."""
        used = select(SegmentRow.pipeline_id).where(SegmentRow.item_id == item_id, is_there())
        return self._where(PipelineRow.id.in_(used))

    def _where(self, *conditions: ColumnElement[bool]) -> list[Pipeline]:
        statement = select(PipelineRow.__table__).where(*conditions).order_by(PipelineRow.id)
        with self._database.read() as connection:
            return [
                Pipeline(
                    modality=row.modality,
                    encoder=row.encoder,
                    dimension=row.dimension,
                    dtype=row.dtype,
                    fingerprint=row.fingerprint,
                    specification=row.specification,
                )
                for row in connection.execute(statement)
            ]


def _add(connection: Connection, pipeline: Pipeline) -> int:
    statement = insert(PipelineRow).values(
        modality=pipeline.modality,
        encoder=pipeline.encoder,
        dimension=pipeline.dimension,
        dtype=pipeline.dtype,
        fingerprint=pipeline.fingerprint,
        specification=dict(pipeline.specification),
    )
    return connection.execute(statement.returning(PipelineRow.id)).scalar_one()


def shapes(connection: Connection, pipeline_ids: Iterable[int]) -> dict[int, tuple[Modality, int, str]]:
    """Modality, length and type of the features of some pipelines."""
    row = PipelineRow
    statement = select(row.id, row.modality, row.dimension, row.dtype).where(row.id.in_(list(pipeline_ids)))
    return {
        pipeline_id: (cast("Modality", modality), dimension, dtype)
        for pipeline_id, modality, dimension, dtype in connection.execute(statement)
    }
