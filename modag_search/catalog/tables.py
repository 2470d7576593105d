"""The tables of the catalog.

Ids are never reused (``AUTOINCREMENT``, sequences): stores know segments by nothing else. Times are ISO 8601 texts
in UTC. A change to this module needs a migration; ``alembic check`` notices when one is missing.

Each column is in an index, but for those of blobs, which have checksums: SQLite compares rows with their indexes
(``PRAGMA integrity_check``), so that no bit of a value can change without a trace, whoever wrote it. `_cover_rows`
makes the indexes that this needs.
"""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Any

from sqlalchemy import (
    JSON,
    BigInteger,
    Boolean,
    CheckConstraint,
    Column,
    Dialect,
    Float,
    ForeignKey,
    Index,
    LargeBinary,
    MetaData,
    PrimaryKeyConstraint,
    TypeDecorator,
    UniqueConstraint,
    text,
)

from modag_search.catalog.columns import Rows, column, optional
from modag_search.catalog.dialects import INTEGER, TEXT, for_postgres, for_sqlite, no
from modag_search.catalog.mounts import mounts_of

if TYPE_CHECKING:
    from sqlalchemy import ColumnClause


class NameBytes(TypeDecorator[str]):
    """A name of a file or folder, stored as the bytes that the file system knows: it need not be UTF-8."""

    impl = LargeBinary
    cache_ok = True

    def process_bind_param(self, value: str | None, dialect: Dialect) -> bytes | None:  # noqa: ARG002
        """Give the database the bytes."""
        return None if value is None else os.fsencode(value)

    def process_result_value(self, value: bytes | None, dialect: Dialect) -> str | None:  # noqa: ARG002
        """Give Python the name, as `os.listdir` would."""
        return None if value is None else os.fsdecode(value)


class PathBytes(NameBytes):
    """A path, which below a named root is stored with the root's name in the place of its folder; see `Mounts`."""

    cache_ok = True

    def process_bind_param(self, value: str | None, dialect: Dialect) -> bytes | None:
        """Give the database the path as it is on any machine."""
        return None if value is None else mounts_of(dialect).stored(os.fsencode(value))

    def process_result_value(self, value: bytes | None, dialect: Dialect) -> str | None:
        """Give Python the path as it is on this machine."""
        if value is not None and value.startswith(b"@"):
            value = mounts_of(dialect).shown(value)
        return None if value is None else os.fsdecode(value)


class Base(Rows):
    """Base of all tables."""

    # SQLite alters a table by copying it, which needs every constraint to have a name.
    metadata = MetaData(
        naming_convention={
            "ix": "ix_%(table_name)s_%(column_0_N_name)s",
            "uq": "uq_%(table_name)s_%(column_0_N_name)s",
            "ck": "ck_%(table_name)s_%(constraint_name)s",
            "fk": "fk_%(table_name)s_%(column_0_N_name)s_%(referred_table_name)s",
            "pk": "pk_%(table_name)s",
        }
    )


class ItemRow(Base, sqlite_autoincrement=True):
    """A media file; `path` and `content_hash` together say which."""

    __tablename__ = "item"
    __table_args__ = (
        UniqueConstraint("path"),
        Index(None, "size_bytes"),
        CheckConstraint("kind IN ('image', 'sound', 'video')", name="kind"),
        CheckConstraint("status IN ('ok', 'failed')", name="status"),
    )

    id = column(INTEGER, primary_key=True)
    path = column(PathBytes)
    content_hash = column(TEXT)
    size_bytes = column(BigInteger)
    mtime_ns = column(BigInteger)
    kind = column(TEXT)
    duration_s = optional(Float)
    width_px = optional(INTEGER)
    height_px = optional(INTEGER)
    remarks: ColumnClause[list[Any] | None] = optional(JSON(none_as_null=True))
    status = column(TEXT)
    created_at = column(TEXT)
    updated_at = column(TEXT)


class PipelineRow(Base, sqlite_autoincrement=True):
    """What decided the features of a segment: decoder, cutting, network and weights."""

    __tablename__ = "pipeline"
    __table_args__ = (
        UniqueConstraint("fingerprint"),
        CheckConstraint("modality IN ('image', 'sound')", name="modality"),
        CheckConstraint("dtype IN ('<f4', '<f2')", name="dtype"),
    )

    id = column(INTEGER, primary_key=True)
    modality = column(TEXT)
    encoder = column(TEXT)
    dimension = column(INTEGER)
    dtype = column(TEXT)
    fingerprint = column(TEXT)
    specification: ColumnClause[dict[str, Any]] = column(JSON)


class SegmentRow(Base, sqlite_autoincrement=True):
    """What gets a vector; `generation` is the one at which it came into the catalog.

    `feature_checksum` is the CRC-32 of its feature's bytes: it tells damage, and finds what may have the same feature.
    `item_id` is no foreign key: the item of a remnant is gone.
    """

    __tablename__ = "segment"
    __table_args__ = (
        Index(None, "feature_checksum"),
        # In this order a store's catching up is one walk along the index, without sorting blobs.
        Index(None, "pipeline_id", "generation"),
        CheckConstraint("modality IN ('image', 'sound')", name="modality"),
        CheckConstraint("status IN ('ok', 'silent', 'black', 'flat')", name="status"),
    )

    id = column(INTEGER, primary_key=True)
    item_id = column(INTEGER)
    pipeline_id = column(INTEGER, ForeignKey("pipeline.id"))
    modality = column(TEXT)
    start_s = optional(Float)
    end_s = optional(Float)
    status = column(TEXT)
    generation = column(INTEGER)
    feature_checksum = optional(BigInteger)


class FeatureRow(Base):
    """What the encoder made of a segment, as little-endian floats; apart, so that segments stay small."""

    __tablename__ = "feature"

    segment_id = column(INTEGER, ForeignKey("segment.id", ondelete="CASCADE"), primary_key=True)
    data = column(LargeBinary)


class RemovalRow(Base):
    """A segment that is gone, so that stores can follow."""

    __tablename__ = "removal"
    __table_args__ = (Index(None, "generation"),)

    segment_id = column(INTEGER, primary_key=True, autoincrement=False)
    generation = column(INTEGER)


class RemnantRow(Base):
    """A segment of an item that was forgotten: gone for all who ask, and not deleted yet; see `remnants`."""

    __tablename__ = "remnant"

    segment_id = column(INTEGER, ForeignKey("segment.id", ondelete="CASCADE"), primary_key=True, autoincrement=False)


class RunRow(Base, sqlite_autoincrement=True):
    """One call of a verb that wrote to the catalog."""

    __tablename__ = "run"

    id = column(INTEGER, primary_key=True)
    verb = column(TEXT)
    arguments: ColumnClause[dict[str, Any]] = column(JSON)
    versions: ColumnClause[dict[str, Any]] = column(JSON)
    started_at = column(TEXT)
    finished_at = optional(TEXT)
    outcome: ColumnClause[dict[str, Any] | None] = optional(JSON(none_as_null=True))


class LabelRow(Base, sqlite_autoincrement=True):
    """A name that items can have, AudioSet's id of it, and words for it, where it has them.

    One that was added counts without any item: `added_at` says since when. A tag (favourite, reviewed) names no kind of
    thing: it is searched and listed like others, and never an answer.
    """

    __tablename__ = "label"
    __table_args__ = (
        UniqueConstraint("name"),
        Index(None, "audioset_id", unique=True),
    )

    id = column(INTEGER, primary_key=True)
    name = column(TEXT)
    created_at = column(TEXT)
    audioset_id = optional(TEXT)
    means = optional(TEXT)
    added_at = optional(TEXT)
    is_tag = column(Boolean, server_default=no())


class LabelParentRow(Base):
    """A label that is a kind of another: violin of bowed."""

    __tablename__ = "label_parent"
    __table_args__ = (Index(None, "parent_id"),)

    child_id = column(INTEGER, ForeignKey("label.id", ondelete="CASCADE"), primary_key=True)
    parent_id = column(INTEGER, ForeignKey("label.id", ondelete="CASCADE"), primary_key=True)


class AnnotationRow(Base, sqlite_autoincrement=True):
    """What somebody said of an item, or of a part of it: that a label holds, or that it does not.

    `content_hash` is the item's as it was then: files are replaced under the same name.
    """

    __tablename__ = "annotation"
    __table_args__ = (
        Index(None, "content_hash"),
        Index(None, "run_id"),
        CheckConstraint("origin IN ('hand', 'import', 'transfer')", name="origin"),
    )

    id = column(INTEGER, primary_key=True)
    item_id = column(INTEGER, ForeignKey("item.id", ondelete="CASCADE"))
    label_id = column(INTEGER, ForeignKey("label.id", ondelete="CASCADE"))
    start_s = optional(Float)
    end_s = optional(Float)
    origin = column(TEXT)
    source = optional(TEXT)
    confidence = optional(Float)
    run_id = optional(INTEGER, ForeignKey("run.id"))
    created_at = column(TEXT)
    is_not = column(Boolean, server_default=no())
    content_hash = optional(TEXT)


# SQLite holds that no NULL equals another; -1 is no place in a file. Alembic does not see indexes on
# expressions: a migration that recreates the table makes this one again.
ANNOTATION_KEY = (
    AnnotationRow.__table__.c.item_id,
    AnnotationRow.__table__.c.label_id,
    text("coalesce(start_s, -1)"),
    text("coalesce(end_s, -1)"),
    AnnotationRow.__table__.c.origin,
)
Index("uq_annotation_place", *ANNOTATION_KEY, unique=True)


class KeptAnnotationRow(Base, sqlite_autoincrement=True):
    """What was said of a content that no item has any more; it holds again when one has.

    `likeness` stands for what the item was like, as `likeness.likenesses` tells: one that is like it will do.
    """

    __tablename__ = "kept_annotation"
    __table_args__ = (
        Index(None, "label_id"),
        Index(None, "run_id"),
        CheckConstraint("origin IN ('hand', 'import', 'transfer')", name="origin"),
    )

    id = column(INTEGER, primary_key=True)
    content_hash = column(TEXT)
    path = column(PathBytes)
    label_id = column(INTEGER, ForeignKey("label.id", ondelete="CASCADE"))
    start_s = optional(Float)
    end_s = optional(Float)
    origin = column(TEXT)
    source = optional(TEXT)
    confidence = optional(Float)
    run_id = optional(INTEGER, ForeignKey("run.id"))
    created_at = column(TEXT)
    is_not = column(Boolean, server_default=no())
    kept_at = column(TEXT)
    likeness = optional(TEXT)


class SupersededAnnotationRow(Base, sqlite_autoincrement=True):
    """What was said of an item until a run took it back, or said what it gave way to; undoing that run gives it back.

    `is_tag` says what its label was then: a tag that nothing uses any more is none. `item_id` is no foreign key: what
    was forgotten comes back under its id.
    """

    __tablename__ = "superseded_annotation"
    __table_args__ = (
        Index(None, "superseded_by"),
        Index(None, "label_id"),
        Index(None, "run_id"),
        CheckConstraint("origin IN ('hand', 'import', 'transfer')", name="origin"),
    )

    id = column(INTEGER, primary_key=True)
    superseded_by = column(INTEGER, ForeignKey("run.id"))
    item_id = column(INTEGER)
    content_hash = column(TEXT)
    label_id = column(INTEGER, ForeignKey("label.id", ondelete="CASCADE"))
    start_s = optional(Float)
    end_s = optional(Float)
    origin = column(TEXT)
    source = optional(TEXT)
    confidence = optional(Float)
    run_id = optional(INTEGER, ForeignKey("run.id"))
    created_at = column(TEXT)
    is_not = column(Boolean, server_default=no())
    is_tag = column(Boolean, server_default=no())


SAID = ("label_id", "start_s", "end_s", "origin", "source", "confidence", "run_id", "created_at", "is_not")
"""The columns that an annotation has, whether it is on an item, kept or superseded."""


class ForgottenItemRow(Base):
    """An item that was forgotten last, as it was, so that it can be taken back without its file.

    Its segments are remnants.
    """

    __tablename__ = "forgotten_item"

    id = column(INTEGER, primary_key=True, autoincrement=False)
    path = column(PathBytes)
    content_hash = column(TEXT)
    size_bytes = column(BigInteger)
    mtime_ns = column(BigInteger)
    kind = column(TEXT)
    duration_s = optional(Float)
    width_px = optional(INTEGER)
    height_px = optional(INTEGER)
    remarks: ColumnClause[list[Any] | None] = optional(JSON(none_as_null=True))
    status = column(TEXT)
    created_at = column(TEXT)
    updated_at = column(TEXT)
    run_id = optional(INTEGER, ForeignKey("run.id"))


class ForgottenFailureRow(Base):
    """A failure that was forgotten last, as it was."""

    __tablename__ = "forgotten_failure"

    path = column(PathBytes, primary_key=True)
    reason = column(TEXT)
    error = column(TEXT)
    size_bytes = optional(BigInteger)
    mtime_ns = optional(BigInteger)
    failed_at = column(TEXT)
    run_id = optional(INTEGER, ForeignKey("run.id"))


class ExclusionRow(Base, sqlite_autoincrement=True):
    """A pattern of paths that are never taken in, as in .gitignore."""

    __tablename__ = "exclusion"
    __table_args__ = (UniqueConstraint("pattern"),)

    id = column(INTEGER, primary_key=True)
    pattern = column(TEXT)
    created_at = column(TEXT)


class RootRow(Base):
    """Where a machine has a named root: paths below it are kept as ``@NAME/rest``, and others may have it elsewhere.

    A root is there while any machine has a place of it.
    """

    __tablename__ = "root"

    name = column(TEXT, primary_key=True)
    machine = column(TEXT, primary_key=True)
    folder = column(NameBytes)


class FailureRow(Base):
    """A file that could not be indexed, and why."""

    __tablename__ = "failure"

    path = column(PathBytes, primary_key=True)
    reason = column(TEXT)
    error = column(TEXT)
    size_bytes = optional(BigInteger)
    mtime_ns = optional(BigInteger)
    failed_at = column(TEXT)
    run_id = optional(INTEGER, ForeignKey("run.id"))


class GenerationRow(Base):
    """A change of segments, with a token that no other change has: numbers come again in a catalog put back."""

    __tablename__ = "generation"

    number = column(INTEGER, primary_key=True, autoincrement=False)
    token = column(TEXT)


class StateRow(Base):
    """The one row that counts changes, of segments, of labels and of anything, and the mode of labels."""

    __tablename__ = "state"
    __table_args__ = (CheckConstraint("id = 1", name="single_row"),)

    id = column(INTEGER, primary_key=True, autoincrement=False)
    generation = column(INTEGER)
    label_generation = column(INTEGER)
    label_mode = column(TEXT, server_default="auto")
    change_count = column(BigInteger, server_default="0")


_ROWS_BEGIN = {
    "item": "content_hash",
    "segment": "item_id",
    "annotation": "label_id",
    "kept_annotation": "content_hash",
}
"""What rows are looked up by, and have no other index for."""


def _cover_rows() -> None:
    """Give each table an index ``ix_TABLE_row`` of the columns that none of its other indexes holds.

    PostgreSQL compares no rows with indexes, and takes no long ones in them: it gets what rows are looked up by alone.
    """
    for table in Base.metadata.sorted_tables:
        unique = (one for one in table.constraints if isinstance(one, PrimaryKeyConstraint | UniqueConstraint))
        # One over expressions keeps no columns.
        plain = (index for index in table.indexes if all(isinstance(part, Column) for part in index.expressions))
        held = {column.name for one in (*unique, *plain) for column in one.columns}
        rest = [one.name for one in table.columns if one.name not in held and not isinstance(one.type, LargeBinary)]
        if first := _ROWS_BEGIN.get(table.name):
            rest = [first, *(name for name in rest if name != first)]
            for_postgres(Index(f"ix_{table.name}_{first}", table.c[first]))
        if rest:
            for_sqlite(Index(f"ix_{table.name}_row", *(table.c[name] for name in rest)))


_cover_rows()
