"""Let labels follow contents, be denied, and be tags; keep patterns of what is not taken in.

Revision: 0004
Revises: 0003
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0004"
down_revision = "0003"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("label", sa.Column("is_tag", sa.Boolean(), server_default=sa.text("0"), nullable=False))
    op.add_column("annotation", sa.Column("is_not", sa.Boolean(), server_default=sa.text("0"), nullable=False))
    op.add_column("annotation", sa.Column("content_hash", sa.Text(), nullable=True))
    # What files were replaced under a label before is not known: today's are taken to be what was meant.
    op.execute(
        "UPDATE annotation SET content_hash = (SELECT content_hash FROM item WHERE item.id = annotation.item_id)"
    )
    op.create_table(
        "kept_annotation",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("content_hash", sa.Text(), nullable=False),
        sa.Column("path", sa.LargeBinary(), nullable=False),
        sa.Column("label_id", sa.Integer(), nullable=False),
        sa.Column("start_s", sa.Float(), nullable=True),
        sa.Column("end_s", sa.Float(), nullable=True),
        sa.Column("origin", sa.Text(), nullable=False),
        sa.Column("source", sa.Text(), nullable=True),
        sa.Column("confidence", sa.Float(), nullable=True),
        sa.Column("run_id", sa.Integer(), nullable=True),
        sa.Column("created_at", sa.Text(), nullable=False),
        sa.Column("is_not", sa.Boolean(), server_default=sa.text("0"), nullable=False),
        sa.Column("kept_at", sa.Text(), nullable=False),
        sa.CheckConstraint("origin IN ('hand', 'import', 'transfer')", name=op.f("ck_kept_annotation_origin")),
        sa.ForeignKeyConstraint(
            ["label_id"], ["label.id"], name=op.f("fk_kept_annotation_label_id_label"), ondelete="CASCADE"
        ),
        sa.ForeignKeyConstraint(["run_id"], ["run.id"], name=op.f("fk_kept_annotation_run_id_run")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_kept_annotation")),
        sqlite_autoincrement=True,
    )
    for column in ("content_hash", "label_id", "run_id"):
        op.create_index(op.f(f"ix_kept_annotation_{column}"), "kept_annotation", [column])
    op.create_table(
        "forgotten_item",
        sa.Column("id", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("path", sa.LargeBinary(), nullable=False),
        sa.Column("content_hash", sa.Text(), nullable=False),
        sa.Column("size_bytes", sa.BigInteger(), nullable=False),
        sa.Column("mtime_ns", sa.BigInteger(), nullable=False),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("duration_s", sa.Float(), nullable=True),
        sa.Column("width_px", sa.Integer(), nullable=True),
        sa.Column("height_px", sa.Integer(), nullable=True),
        sa.Column("status", sa.Text(), nullable=False),
        sa.Column("created_at", sa.Text(), nullable=False),
        sa.Column("updated_at", sa.Text(), nullable=False),
        sa.Column("run_id", sa.Integer(), nullable=True),
        sa.ForeignKeyConstraint(["run_id"], ["run.id"], name=op.f("fk_forgotten_item_run_id_run")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_forgotten_item")),
    )
    op.create_table(
        "forgotten_segment",
        sa.Column("id", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("item_id", sa.Integer(), nullable=False),
        sa.Column("pipeline_id", sa.Integer(), nullable=False),
        sa.Column("modality", sa.Text(), nullable=False),
        sa.Column("start_s", sa.Float(), nullable=True),
        sa.Column("end_s", sa.Float(), nullable=True),
        sa.Column("status", sa.Text(), nullable=False),
        sa.Column("data", sa.LargeBinary(), nullable=True),
        sa.ForeignKeyConstraint(
            ["item_id"],
            ["forgotten_item.id"],
            name=op.f("fk_forgotten_segment_item_id_forgotten_item"),
            ondelete="CASCADE",
        ),
        sa.ForeignKeyConstraint(
            ["pipeline_id"], ["pipeline.id"], name=op.f("fk_forgotten_segment_pipeline_id_pipeline")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_forgotten_segment")),
    )
    op.create_index(op.f("ix_forgotten_segment_item_id"), "forgotten_segment", ["item_id"])
    op.create_table(
        "exclusion",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("pattern", sa.Text(), nullable=False),
        sa.Column("created_at", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_exclusion")),
        sa.UniqueConstraint("pattern", name=op.f("uq_exclusion_pattern")),
        sqlite_autoincrement=True,
    )
