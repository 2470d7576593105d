"""Let features have checksums, by which damage shows and the same is found; find by size and content; count changes.

Revision: 0006
Revises: 0005
"""

from __future__ import annotations

import zlib

import sqlalchemy as sa
from alembic import op

revision = "0006"
down_revision = "0005"
branch_labels = None
depends_on = None

_AT_ONCE = 1000


def upgrade() -> None:
    for table in ("segment", "forgotten_segment"):
        op.add_column(table, sa.Column("feature_checksum", sa.BigInteger(), nullable=True))
    # What is there now is taken for what was stored: of what changed earlier, nothing tells.
    _fill("segment", "SELECT segment_id, data FROM feature WHERE segment_id > :last ORDER BY segment_id LIMIT :n")
    _fill(
        "forgotten_segment",
        "SELECT id, data FROM forgotten_segment WHERE data IS NOT NULL AND id > :last ORDER BY id LIMIT :n",
    )
    op.create_index(op.f("ix_segment_feature_checksum"), "segment", ["feature_checksum"])
    op.add_column("state", sa.Column("change_count", sa.BigInteger(), server_default="0", nullable=False))
    op.create_index(op.f("ix_item_size_bytes"), "item", ["size_bytes"])
    op.create_index(op.f("ix_annotation_content_hash"), "annotation", ["content_hash"])


def _fill(table: str, features: str) -> None:
    connection, last = op.get_bind(), -1
    update = sa.text(f"UPDATE {table} SET feature_checksum = :checksum WHERE id = :id")  # noqa: S608  a constant
    while rows := connection.execute(sa.text(features), {"last": last, "n": _AT_ONCE}).all():
        connection.execute(update, [{"id": row[0], "checksum": zlib.crc32(row[1])} for row in rows])
        last = rows[-1][0]
