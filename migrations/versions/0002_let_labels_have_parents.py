"""Let labels have parents.

Revision: 0002
Revises: 0001
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("label", sa.Column("audioset_id", sa.Text(), nullable=True))
    op.create_index(op.f("ix_label_audioset_id"), "label", ["audioset_id"], unique=True)
    op.create_table(
        "label_parent",
        sa.Column("child_id", sa.Integer(), nullable=False),
        sa.Column("parent_id", sa.Integer(), nullable=False),
        sa.ForeignKeyConstraint(
            ["child_id"], ["label.id"], name=op.f("fk_label_parent_child_id_label"), ondelete="CASCADE"
        ),
        sa.ForeignKeyConstraint(
            ["parent_id"], ["label.id"], name=op.f("fk_label_parent_parent_id_label"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("child_id", "parent_id", name=op.f("pk_label_parent")),
    )
    op.create_index(op.f("ix_label_parent_parent_id"), "label_parent", ["parent_id"])
    op.add_column("state", sa.Column("label_mode", sa.Text(), server_default="auto", nullable=False))

    # What a person said, what a file said and what was transferred stand beside each other, so that each can be undone.
    op.drop_index("uq_annotation_place", "annotation")
    place = ["item_id", "label_id", sa.text("coalesce(start_s, -1)"), sa.text("coalesce(end_s, -1)"), "origin"]
    op.create_index("uq_annotation_place", "annotation", place, unique=True)
