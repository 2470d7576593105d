"""Note what a run takes from items, and what gives way to it, so that undoing the run gives that back.

Revision: 0011
Revises: 0010
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0011"
down_revision = "0010"
branch_labels = None
depends_on = None

_INTEGER = sa.Integer().with_variant(sa.BigInteger(), "postgresql")
_TEXT = sa.Text().with_variant(sa.Text(collation="C"), "postgresql")
_TABLE = "superseded_annotation"


def upgrade() -> None:
    is_sqlite = op.get_context().dialect.name == "sqlite"
    no = sa.text("0") if is_sqlite else sa.false()
    op.create_table(
        _TABLE,
        sa.Column("id", _INTEGER, nullable=False),
        sa.Column("superseded_by", _INTEGER, nullable=False),
        sa.Column("item_id", _INTEGER, nullable=False),
        sa.Column("content_hash", _TEXT, nullable=False),
        sa.Column("label_id", _INTEGER, nullable=False),
        sa.Column("start_s", sa.Float(), nullable=True),
        sa.Column("end_s", sa.Float(), nullable=True),
        sa.Column("origin", _TEXT, nullable=False),
        sa.Column("source", _TEXT, nullable=True),
        sa.Column("confidence", sa.Float(), nullable=True),
        sa.Column("run_id", _INTEGER, nullable=True),
        sa.Column("created_at", _TEXT, nullable=False),
        sa.Column("is_not", sa.Boolean(), server_default=no, nullable=False),
        sa.Column("is_tag", sa.Boolean(), server_default=no, nullable=False),
        sa.CheckConstraint("origin IN ('hand', 'import', 'transfer')", name=op.f(f"ck_{_TABLE}_origin")),
        sa.ForeignKeyConstraint(["superseded_by"], ["run.id"], name=op.f(f"fk_{_TABLE}_superseded_by_run")),
        sa.ForeignKeyConstraint(
            ["label_id"], ["label.id"], name=op.f(f"fk_{_TABLE}_label_id_label"), ondelete="CASCADE"
        ),
        sa.ForeignKeyConstraint(["run_id"], ["run.id"], name=op.f(f"fk_{_TABLE}_run_id_run")),
        sa.PrimaryKeyConstraint("id", name=op.f(f"pk_{_TABLE}")),
        sqlite_autoincrement=True,
    )
    for column in ("superseded_by", "label_id", "run_id"):
        op.create_index(f"ix_{_TABLE}_{column}", _TABLE, [column])
    if is_sqlite:  # PostgreSQL compares no rows with indexes
        rest = ["item_id", "content_hash", "start_s", "end_s", "origin", "source", "confidence", "created_at"]
        op.create_index(f"ix_{_TABLE}_row", _TABLE, [*rest, "is_not", "is_tag"])
