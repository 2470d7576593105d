"""Keep, with labels that wait for their content, what the item was like that had them.

Revision: 0012
Revises: 0011
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0012"
down_revision = "0011"
branch_labels = None
depends_on = None

_TEXT = sa.Text().with_variant(sa.Text(collation="C"), "postgresql")
_TABLE = "kept_annotation"
_ROW = ["content_hash", "path", "start_s", "end_s", "origin", "source", "confidence", "created_at", "is_not", "kept_at"]


def upgrade() -> None:
    op.add_column(_TABLE, sa.Column("likeness", _TEXT, nullable=True))
    if op.get_context().dialect.name == "sqlite":  # PostgreSQL compares no rows with indexes
        op.drop_index(f"ix_{_TABLE}_row", _TABLE)
        op.create_index(f"ix_{_TABLE}_row", _TABLE, [*_ROW, "likeness"])
