"""Keep what was noticed while a file was read; let a picture be flat.

Revision: 0005
Revises: 0004
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0005"
down_revision = "0004"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("item", sa.Column("remarks", sa.JSON(none_as_null=True), nullable=True))
    op.add_column("forgotten_item", sa.Column("remarks", sa.JSON(none_as_null=True), nullable=True))
    # SQLite alters a check by copying the table; ids that were used stay used.
    last_id = op.get_bind().scalar(sa.text("SELECT seq FROM sqlite_sequence WHERE name = 'segment'"))
    with op.batch_alter_table("segment", table_kwargs={"sqlite_autoincrement": True}) as table:
        table.drop_constraint(op.f("ck_segment_status"), type_="check")
        table.create_check_constraint(op.f("ck_segment_status"), "status IN ('ok', 'silent', 'black', 'flat')")
    if last_id is not None:
        op.get_bind().execute(sa.text("DELETE FROM sqlite_sequence WHERE name = 'segment'"))
        op.get_bind().execute(sa.text("INSERT INTO sqlite_sequence VALUES ('segment', :last_id)"), {"last_id": last_id})
