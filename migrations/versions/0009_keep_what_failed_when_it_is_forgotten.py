"""Keep failures that are forgotten until that is undone, as items are.

Revision: 0009
Revises: 0008
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0009"
down_revision = "0008"
branch_labels = None
depends_on = None

_INTEGER = sa.Integer().with_variant(sa.BigInteger(), "postgresql")
_TEXT = sa.Text().with_variant(sa.Text(collation="C"), "postgresql")


def upgrade() -> None:
    op.create_table(
        "forgotten_failure",
        sa.Column("path", sa.LargeBinary(), nullable=False),
        sa.Column("reason", _TEXT, nullable=False),
        sa.Column("error", _TEXT, nullable=False),
        sa.Column("size_bytes", sa.BigInteger(), nullable=True),
        sa.Column("mtime_ns", sa.BigInteger(), nullable=True),
        sa.Column("failed_at", _TEXT, nullable=False),
        sa.Column("run_id", _INTEGER, nullable=True),
        sa.ForeignKeyConstraint(["run_id"], ["run.id"], name="fk_forgotten_failure_run_id_run"),
        sa.PrimaryKeyConstraint("path", name="pk_forgotten_failure"),
    )
    if op.get_context().dialect.name == "sqlite":  # PostgreSQL compares no rows with indexes
        rows = ["reason", "error", "size_bytes", "mtime_ns", "failed_at", "run_id"]
        op.create_index("ix_forgotten_failure_row", "forgotten_failure", rows)
