"""Rows of figures as Markdown tables."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence


def table(rows: Sequence[Mapping[str, Any]]) -> str:
    """Write a Markdown table; its columns are those of all rows, in order."""
    fields = list(dict.fromkeys(field for row in rows for field in row))
    lines = [fields, ["---"] * len(fields), *([_cell(row.get(field)) for field in fields] for row in rows)]
    return "\n".join("| " + " | ".join(line) + " |" for line in lines)


def _cell(value: Any) -> str:
    if value is None:
        return ""
    return f"{value:.3f}" if isinstance(value, float) else str(value)
