"""Let labels stand by their names.

Revision: 0003
Revises: 0002
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("label", sa.Column("means", sa.Text(), nullable=True))
    op.add_column("label", sa.Column("added_at", sa.Text(), nullable=True))
