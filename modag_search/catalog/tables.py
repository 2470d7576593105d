"""The tables of the catalog.

Ids are never reused (``AUTOINCREMENT``, sequences): stores know segments by nothing else. Times are ISO 8601 texts
in UTC. A change to this module needs a migration; ``alembic check`` notices when one is missing.

Each column is in an index, but for those of blobs, which have checksums: SQLite compares rows with their indexes
(``PRAGMA integrity_check``), so that no bit of a value can change without a trace, whoever wrote it. `_cover_rows`
makes the indexes that this needs.
"""

from __future__ import annotations

import os
from typing import Any, ClassVar

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
from sqlalchemy.orm import DeclarativeBase, Mapped, mapped_column

from modag_search.catalog.dialects import INTEGER, TEXT, for_postgres, for_sqlite, no
from modag_search.catalog.mounts import mounts_of


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


class Base(DeclarativeBase):
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
    type_annotation_map: ClassVar[dict[Any, Any]] = {
        int: INTEGER,
        str: TEXT,
        dict[str, Any]: JSON,
        list[Any]: JSON(none_as_null=True),
    }


class ItemRow(Base):
    """A media file; `path` and `content_hash` together say which."""

    __tablename__ = "item"
    __table_args__ = (
        UniqueConstraint("path"),
        Index(None, "size_bytes"),
        CheckConstraint("kind IN ('image', 'sound', 'video')", name="kind"),
        CheckConstraint("status IN ('ok', 'failed')", name="status"),
        {"sqlite_autoincrement": True},
    )

    id: Mapped[int] = mapped_column(primary_key=True)
    path: Mapped[str] = mapped_column(PathBytes)
    content_hash: Mapped[str]
    size_bytes: Mapped[int] = mapped_column(BigInteger)
    mtime_ns: Mapped[int] = mapped_column(BigInteger)
    kind: Mapped[str]
    duration_s: Mapped[float | None] = mapped_column(Float)
    width_px: Mapped[int | None]
    height_px: Mapped[int | None]
    remarks: Mapped[list[Any] | None]
    status: Mapped[str]
    created_at: Mapped[str]
    updated_at: Mapped[str]


class PipelineRow(Base):
    """What decided the features of a segment: decoder, cutting, network and weights."""

    __tablename__ = "pipeline"
    __table_args__ = (
        UniqueConstraint("fingerprint"),
        CheckConstraint("modality IN ('image', 'sound')", name="modality"),
        CheckConstraint("dtype IN ('<f4', '<f2')", name="dtype"),
        {"sqlite_autoincrement": True},
    )

    id: Mapped[int] = mapped_column(primary_key=True)
    modality: Mapped[str]
    encoder: Mapped[str]
    dimension: Mapped[int]
    dtype: Mapped[str]
    fingerprint: Mapped[str]
    specification: Mapped[dict[str, Any]]


class SegmentRow(Base):
    """What gets a vector; `generation` is the one at which it came into the catalog.

    `feature_checksum` is the CRC-32 of its feature's bytes: it tells damage, and finds what may have the same feature.
    """

    __tablename__ = "segment"
    __table_args__ = (
        Index(None, "feature_checksum"),
        # In this order a store's catching up is one walk along the index, without sorting blobs.
        Index(None, "pipeline_id", "generation"),
        CheckConstraint("modality IN ('image', 'sound')", name="modality"),
        CheckConstraint("status IN ('ok', 'silent', 'black', 'flat')", name="status"),
        {"sqlite_autoincrement": True},
    )

    id: Mapped[int] = mapped_column(primary_key=True)
    item_id: Mapped[int] = mapped_column(ForeignKey("item.id", ondelete="CASCADE"))
    pipeline_id: Mapped[int] = mapped_column(ForeignKey("pipeline.id"))
    modality: Mapped[str]
    start_s: Mapped[float | None] = mapped_column(Float)
    end_s: Mapped[float | None] = mapped_column(Float)
    status: Mapped[str]
    generation: Mapped[int]
    feature_checksum: Mapped[int | None] = mapped_column(BigInteger)


class FeatureRow(Base):
    """What the encoder made of a segment, as little-endian floats; apart, so that segments stay small."""

    __tablename__ = "feature"

    segment_id: Mapped[int] = mapped_column(ForeignKey("segment.id", ondelete="CASCADE"), primary_key=True)
    data: Mapped[bytes] = mapped_column(LargeBinary)


class RemovalRow(Base):
    """A segment that is gone, so that stores can follow."""

    __tablename__ = "removal"
    __table_args__ = (Index(None, "generation"),)

    segment_id: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    generation: Mapped[int]


class RunRow(Base):
    """One call of a verb that wrote to the catalog."""

    __tablename__ = "run"
    __table_args__ = ({"sqlite_autoincrement": True},)

    id: Mapped[int] = mapped_column(primary_key=True)
    verb: Mapped[str]
    arguments: Mapped[dict[str, Any]]
    versions: Mapped[dict[str, Any]]
    started_at: Mapped[str]
    finished_at: Mapped[str | None]
    outcome: Mapped[dict[str, Any] | None] = mapped_column(JSON(none_as_null=True))


class LabelRow(Base):
    """A name that items can have, AudioSet's id of it, and words for it, where it has them.

    One that was added counts without any item: `added_at` says since when. A tag (favourite, reviewed) names no kind of
    thing: it is searched and listed like others, and never an answer.
    """

    __tablename__ = "label"
    __table_args__ = (
        UniqueConstraint("name"),
        Index(None, "audioset_id", unique=True),
        {"sqlite_autoincrement": True},
    )

    id: Mapped[int] = mapped_column(primary_key=True)
    name: Mapped[str]
    created_at: Mapped[str]
    audioset_id: Mapped[str | None]
    means: Mapped[str | None]
    added_at: Mapped[str | None]
    is_tag: Mapped[bool] = mapped_column(Boolean, server_default=no())


class LabelParentRow(Base):
    """A label that is a kind of another: violin of bowed."""

    __tablename__ = "label_parent"
    __table_args__ = (Index(None, "parent_id"),)

    child_id: Mapped[int] = mapped_column(ForeignKey("label.id", ondelete="CASCADE"), primary_key=True)
    parent_id: Mapped[int] = mapped_column(ForeignKey("label.id", ondelete="CASCADE"), primary_key=True)


class AnnotationRow(Base):
    """What somebody said of an item, or of a part of it: that a label holds, or that it does not.

    `content_hash` is the item's as it was then: files are replaced under the same name.
    """

    __tablename__ = "annotation"
    __table_args__ = (
        Index(None, "content_hash"),
        Index(None, "run_id"),
        CheckConstraint("origin IN ('hand', 'import', 'transfer')", name="origin"),
        {"sqlite_autoincrement": True},
    )

    id: Mapped[int] = mapped_column(primary_key=True)
    item_id: Mapped[int] = mapped_column(ForeignKey("item.id", ondelete="CASCADE"))
    label_id: Mapped[int] = mapped_column(ForeignKey("label.id", ondelete="CASCADE"))
    start_s: Mapped[float | None] = mapped_column(Float)
    end_s: Mapped[float | None] = mapped_column(Float)
    origin: Mapped[str]
    source: Mapped[str | None]
    confidence: Mapped[float | None] = mapped_column(Float)
    run_id: Mapped[int | None] = mapped_column(ForeignKey("run.id"))
    created_at: Mapped[str]
    is_not: Mapped[bool] = mapped_column(Boolean, server_default=no())
    content_hash: Mapped[str | None]


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


class KeptAnnotationRow(Base):
    """What was said of a content that no item has any more; it holds again when one has."""

    __tablename__ = "kept_annotation"
    __table_args__ = (
        Index(None, "label_id"),
        Index(None, "run_id"),
        CheckConstraint("origin IN ('hand', 'import', 'transfer')", name="origin"),
        {"sqlite_autoincrement": True},
    )

    id: Mapped[int] = mapped_column(primary_key=True)
    content_hash: Mapped[str]
    path: Mapped[str] = mapped_column(PathBytes)
    label_id: Mapped[int] = mapped_column(ForeignKey("label.id", ondelete="CASCADE"))
    start_s: Mapped[float | None] = mapped_column(Float)
    end_s: Mapped[float | None] = mapped_column(Float)
    origin: Mapped[str]
    source: Mapped[str | None]
    confidence: Mapped[float | None] = mapped_column(Float)
    run_id: Mapped[int | None] = mapped_column(ForeignKey("run.id"))
    created_at: Mapped[str]
    is_not: Mapped[bool] = mapped_column(Boolean, server_default=no())
    kept_at: Mapped[str]


class ForgottenItemRow(Base):
    """An item that was forgotten last, as it was, so that it can be taken back without its file."""

    __tablename__ = "forgotten_item"

    id: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    path: Mapped[str] = mapped_column(PathBytes)
    content_hash: Mapped[str]
    size_bytes: Mapped[int] = mapped_column(BigInteger)
    mtime_ns: Mapped[int] = mapped_column(BigInteger)
    kind: Mapped[str]
    duration_s: Mapped[float | None] = mapped_column(Float)
    width_px: Mapped[int | None]
    height_px: Mapped[int | None]
    remarks: Mapped[list[Any] | None]
    status: Mapped[str]
    created_at: Mapped[str]
    updated_at: Mapped[str]
    run_id: Mapped[int | None] = mapped_column(ForeignKey("run.id"))


class ForgottenSegmentRow(Base):
    """A segment of a forgotten item, with its feature, where it had one."""

    __tablename__ = "forgotten_segment"

    id: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    item_id: Mapped[int] = mapped_column(ForeignKey("forgotten_item.id", ondelete="CASCADE"))
    pipeline_id: Mapped[int] = mapped_column(ForeignKey("pipeline.id"))
    modality: Mapped[str]
    start_s: Mapped[float | None] = mapped_column(Float)
    end_s: Mapped[float | None] = mapped_column(Float)
    status: Mapped[str]
    data: Mapped[bytes | None] = mapped_column(LargeBinary)
    feature_checksum: Mapped[int | None] = mapped_column(BigInteger)


class ExclusionRow(Base):
    """A pattern of paths that are never taken in, as in .gitignore."""

    __tablename__ = "exclusion"
    __table_args__ = (
        UniqueConstraint("pattern"),
        {"sqlite_autoincrement": True},
    )

    id: Mapped[int] = mapped_column(primary_key=True)
    pattern: Mapped[str]
    created_at: Mapped[str]


class RootRow(Base):
    """Where a machine has a named root: paths below it are kept as ``@NAME/rest``, and others may have it elsewhere.

    A root is there while any machine has a place of it.
    """

    __tablename__ = "root"

    name: Mapped[str] = mapped_column(primary_key=True)
    machine: Mapped[str] = mapped_column(primary_key=True)
    folder: Mapped[str] = mapped_column(NameBytes)


class FailureRow(Base):
    """A file that could not be indexed, and why."""

    __tablename__ = "failure"

    path: Mapped[str] = mapped_column(PathBytes, primary_key=True)
    reason: Mapped[str]
    error: Mapped[str]
    size_bytes: Mapped[int | None] = mapped_column(BigInteger)
    mtime_ns: Mapped[int | None] = mapped_column(BigInteger)
    failed_at: Mapped[str]
    run_id: Mapped[int | None] = mapped_column(ForeignKey("run.id"))


class GenerationRow(Base):
    """A change of segments, with a token that no other change has: numbers come again in a catalog put back."""

    __tablename__ = "generation"

    number: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    token: Mapped[str]


class StateRow(Base):
    """The one row that counts changes, of segments, of labels and of anything, and the mode of labels."""

    __tablename__ = "state"
    __table_args__ = (CheckConstraint("id = 1", name="single_row"),)

    id: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    generation: Mapped[int]
    label_generation: Mapped[int]
    label_mode: Mapped[str] = mapped_column(server_default="auto")
    change_count: Mapped[int] = mapped_column(BigInteger, server_default="0")


_ROWS_BEGIN = {
    "item": "content_hash",
    "segment": "item_id",
    "annotation": "label_id",
    "kept_annotation": "content_hash",
    "forgotten_segment": "item_id",
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
