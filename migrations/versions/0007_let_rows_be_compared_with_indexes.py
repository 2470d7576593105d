"""Let every column be in an index, so that no bit of a row can change without a trace.

Revision: 0007
Revises: 0006
"""

from __future__ import annotations

from alembic import op

revision = "0007"
down_revision = "0006"
branch_labels = None
depends_on = None

_ROWS = {
    "annotation": ["label_id", "item_id", "start_s", "end_s", "origin", "source", "confidence", "created_at", "is_not"],
    "exclusion": ["created_at"],
    "failure": ["reason", "error", "size_bytes", "mtime_ns", "failed_at", "run_id"],
    "forgotten_item": [
        "path",
        "content_hash",
        "size_bytes",
        "mtime_ns",
        "kind",
        "duration_s",
        "width_px",
        "height_px",
        "remarks",
        "status",
        "created_at",
        "updated_at",
        "run_id",
    ],
    "forgotten_segment": ["item_id", "pipeline_id", "modality", "start_s", "end_s", "status", "feature_checksum"],
    "generation": ["token"],
    "item": [
        "content_hash",
        "mtime_ns",
        "kind",
        "duration_s",
        "width_px",
        "height_px",
        "remarks",
        "status",
        "created_at",
        "updated_at",
    ],
    "kept_annotation": [
        "content_hash",
        "path",
        "start_s",
        "end_s",
        "origin",
        "source",
        "confidence",
        "created_at",
        "is_not",
        "kept_at",
    ],
    "label": ["created_at", "means", "added_at", "is_tag"],
    "pipeline": ["modality", "encoder", "dimension", "dtype", "specification"],
    "run": ["verb", "arguments", "versions", "started_at", "finished_at", "outcome"],
    "segment": ["item_id", "modality", "start_s", "end_s", "status"],
    "state": ["generation", "label_generation", "label_mode", "change_count"],
}
"""What no other index of a table holds."""

_WITHIN = {
    "item": "content_hash",
    "segment": "item_id",
    "annotation": "label_id",
    "kept_annotation": "content_hash",
    "forgotten_segment": "item_id",
}
"""Columns that those of these tables begin with: their own indexes are not needed any more."""


def upgrade() -> None:
    for table, column in _WITHIN.items():
        op.drop_index(f"ix_{table}_{column}", table_name=table)
    for table, columns in _ROWS.items():
        op.create_index(f"ix_{table}_row", table, columns)
