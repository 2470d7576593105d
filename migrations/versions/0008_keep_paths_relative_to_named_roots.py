"""Keep paths relative to named roots, which each machine may have elsewhere.

Revision: 0008
Revises: 0007
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0008"
down_revision = "0007"
branch_labels = None
depends_on = None

_TEXT = sa.Text().with_variant(sa.Text(collation="C"), "postgresql")


def upgrade() -> None:
    op.create_table(
        "root",
        sa.Column("name", _TEXT, nullable=False),
        sa.Column("machine", _TEXT, nullable=False),
        sa.Column("folder", sa.LargeBinary(), nullable=False),
        sa.PrimaryKeyConstraint("name", "machine", name="pk_root"),
    )
    if op.get_context().dialect.name == "sqlite":  # PostgreSQL compares no rows with indexes
        op.create_index("ix_root_row", "root", ["folder"])
