"""The tables of the catalog.

Ids are never reused (``AUTOINCREMENT``): stores know segments by nothing else. Times are ISO 8601 texts
in UTC. A change to this module needs a migration; ``alembic check`` notices when one is missing.

Each column is in an index, but for those of blobs, which have checksums: SQLite compares rows with their indexes
(``PRAGMA integrity_check``), so that no bit of a value can change without a trace, whoever wrote it. Indexes named
``ix_TABLE_row`` hold what no other index does; some begin with what rows are looked up by.
"""

from __future__ import annotations

import os
from typing import Any, ClassVar

from sqlalchemy import (
    JSON,
    BigInteger,
    Boolean,
    CheckConstraint,
    Dialect,
    Float,
    ForeignKey,
    Index,
    Integer,
    LargeBinary,
    MetaData,
    Text,
    TypeDecorator,
    UniqueConstraint,
    text,
)
from sqlalchemy.orm import DeclarativeBase, Mapped, mapped_column


class PathBytes(TypeDecorator[str]):
    """A path, stored as the bytes that the file system knows: names need not be UTF-8."""

    impl = LargeBinary
    cache_ok = True

    def process_bind_param(self, value: str | None, dialect: Dialect) -> bytes | None:  # noqa: ARG002
        """Give SQLite the bytes."""
        return None if value is None else os.fsencode(value)

    def process_result_value(self, value: bytes | None, dialect: Dialect) -> str | None:  # noqa: ARG002
        """Give Python the name, as `os.listdir` would."""
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
        str: Text,
        dict[str, Any]: JSON,
        list[Any]: JSON(none_as_null=True),
    }


class ItemRow(Base):
    """A media file; `path` and `content_hash` together say which."""

    __tablename__ = "item"
    __table_args__ = (
        UniqueConstraint("path"),
        Index(None, "size_bytes"),
        Index(
            "ix_item_row",
            "content_hash",
            "mtime_ns",
            "kind",
            "duration_s",
            "width_px",
            "height_px",
            "remarks",
            "status",
            "created_at",
            "updated_at",
        ),
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
        Index("ix_pipeline_row", "modality", "encoder", "dimension", "dtype", "specification"),
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
        Index("ix_segment_row", "item_id", "modality", "start_s", "end_s", "status"),
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
    __table_args__ = (
        Index("ix_run_row", "verb", "arguments", "versions", "started_at", "finished_at", "outcome"),
        {"sqlite_autoincrement": True},
    )

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
        Index("ix_label_row", "created_at", "means", "added_at", "is_tag"),
        {"sqlite_autoincrement": True},
    )

    id: Mapped[int] = mapped_column(primary_key=True)
    name: Mapped[str]
    created_at: Mapped[str]
    audioset_id: Mapped[str | None]
    means: Mapped[str | None]
    added_at: Mapped[str | None]
    is_tag: Mapped[bool] = mapped_column(Boolean, server_default=text("0"))


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
        Index(
            "ix_annotation_row",
            "label_id",
            "item_id",
            "start_s",
            "end_s",
            "origin",
            "source",
            "confidence",
            "created_at",
            "is_not",
        ),
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
    is_not: Mapped[bool] = mapped_column(Boolean, server_default=text("0"))
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
        Index(
            "ix_kept_annotation_row",
            "content_hash",
            "path",
            "start_s",
            "end_s",
            "origin",
            "source",
            "confidence",
            "created_at",
            "is_not",
            "kept_at",
        ),
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
    is_not: Mapped[bool] = mapped_column(Boolean, server_default=text("0"))
    kept_at: Mapped[str]


class ForgottenItemRow(Base):
    """An item that was forgotten last, as it was, so that it can be taken back without its file."""

    __tablename__ = "forgotten_item"
    __table_args__ = (
        Index(
            "ix_forgotten_item_row",
            "path",
            "content_hash",
            "size_bytes",
            "mtime_ns",
            "kind",
            "duration_s",
            "width_px",
            "height_px",
            "remarks",
            "status",
            "created_at",
            "updated_at",
            "run_id",
        ),
    )

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
    __table_args__ = (
        Index(
            "ix_forgotten_segment_row",
            "item_id",
            "pipeline_id",
            "modality",
            "start_s",
            "end_s",
            "status",
            "feature_checksum",
        ),
    )

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
        Index("ix_exclusion_row", "created_at"),
        {"sqlite_autoincrement": True},
    )

    id: Mapped[int] = mapped_column(primary_key=True)
    pattern: Mapped[str]
    created_at: Mapped[str]


class FailureRow(Base):
    """A file that could not be indexed, and why."""

    __tablename__ = "failure"
    __table_args__ = (Index("ix_failure_row", "reason", "error", "size_bytes", "mtime_ns", "failed_at", "run_id"),)

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
    __table_args__ = (Index("ix_generation_row", "token"),)

    number: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    token: Mapped[str]


class StateRow(Base):
    """The one row that counts changes, of segments, of labels and of anything, and the mode of labels."""

    __tablename__ = "state"
    __table_args__ = (
        Index("ix_state_row", "generation", "label_generation", "label_mode", "change_count"),
        CheckConstraint("id = 1", name="single_row"),
    )

    id: Mapped[int] = mapped_column(Integer, primary_key=True, autoincrement=False)
    generation: Mapped[int]
    label_generation: Mapped[int]
    label_mode: Mapped[str] = mapped_column(Text, server_default="auto")
    change_count: Mapped[int] = mapped_column(BigInteger, server_default="0")
