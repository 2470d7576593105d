"""Leave the segments of forgotten items where they are, with their features, until a later run sweeps them.

Revision: 0010
Revises: 0009
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0010"
down_revision = "0009"
branch_labels = None
depends_on = None

_INTEGER = sa.Integer().with_variant(sa.BigInteger(), "postgresql")
_ITEM = "fk_segment_item_id_item"
_COLUMNS = "id, item_id, pipeline_id, modality, start_s, end_s, status, feature_checksum"


def upgrade() -> None:
    if op.get_context().dialect.name == "sqlite":
        _let_segments_outlive_items_in_sqlite()
    else:
        op.drop_constraint(_ITEM, "segment", type_="foreignkey")
    op.create_table(
        "remnant",
        sa.Column("segment_id", _INTEGER, autoincrement=False, nullable=False),
        sa.ForeignKeyConstraint(
            ["segment_id"], ["segment.id"], name=op.f("fk_remnant_segment_id_segment"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("segment_id", name=op.f("pk_remnant")),
    )
    # What was forgotten last can be taken back still. Nobody asks a remnant at which generation it came.
    op.execute(f"INSERT INTO segment ({_COLUMNS}, generation) SELECT {_COLUMNS}, 0 FROM forgotten_segment")  # noqa: S608  constants
    op.execute("INSERT INTO feature SELECT id, data FROM forgotten_segment WHERE data IS NOT NULL")
    op.execute("INSERT INTO remnant SELECT id FROM forgotten_segment")
    op.drop_table("forgotten_segment")


def _let_segments_outlive_items_in_sqlite() -> None:
    """Copy the table without its foreign key, as SQLite needs it; ids that were used stay used."""
    last_id = op.get_bind().scalar(sa.text("SELECT seq FROM sqlite_sequence WHERE name = 'segment'"))
    with op.batch_alter_table("segment", table_kwargs={"sqlite_autoincrement": True}) as table:
        table.drop_constraint(op.f(_ITEM), type_="foreignkey")
    if last_id is not None:
        op.get_bind().execute(sa.text("DELETE FROM sqlite_sequence WHERE name = 'segment'"))
        op.get_bind().execute(sa.text("INSERT INTO sqlite_sequence VALUES ('segment', :last_id)"), {"last_id": last_id})
