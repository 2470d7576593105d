"""Tables of what `scripts/bench compare` measured, in Markdown: ours first, then what is like it."""

from __future__ import annotations

import textwrap
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

_OURS = {True: "modag-index", False: "modag-store"}
"""By whether metadata is kept: what the others of the kind are compared with."""
_KINDS = {True: "With metadata", False: "Vectors alone"}
_FILTERS = {"half": "50 %", "hundredth": "1 %", "rare": "0.01 %"}


def tables(measured: Mapping[str, Any]) -> str:
    """Write tables of all rows.

    Parameters
    ----------
    measured : mapping
        What `compare.run` returns.

    Returns
    -------
    str
    """
    parts = [_head(measured)]
    for keeps_metadata, title in _KINDS.items():
        rows = {name: row for name, row in measured["rows"].items() if row["keeps_metadata"] == keeps_metadata}
        parts += [f"## {title}", *_of_kind(rows, ours=rows.get(_OURS[keeps_metadata], {}))]
    return "\n\n".join(parts)


def _head(measured: Mapping[str, Any]) -> str:
    machine, rows = measured["machine"], measured["rows"]
    commits = ", ".join(sorted({row["commit"] for row in rows.values()}))
    versions = {f"{package} {v}" for row in rows.values() for package, v in row.get("versions", {}).items()}
    loads = [row[name] for row in rows.values() for name in ("insert_load", "ask_load") if name in row]
    busy = f"load {min(loads):.0f} to {max(loads):.0f}; " if loads else ""
    return _wrapped(
        f"{measured['n']:,} vectors of {measured['dimension']} numbers, {measured['k']} answers; commit {commits}; "
        f"{machine['processor']}, {machine['cores']} cores, {machine['memory_gib']} GiB; {busy}"
        f"Python {machine['python']}, {', '.join(sorted(versions))}."
    )


def _of_kind(rows: Mapping[str, Any], *, ours: Mapping[str, Any]) -> list[str]:
    """Write what those of one kind took, and how they were set."""
    asked = {name: row for name, row in rows.items() if "at_0.99" in row}
    changed = {name: row for name, row in rows.items() if "delete_s" in row}
    inserted = {name: row for name, row in rows.items() if "insert_s" in row}
    return [
        _table(["query", "recall", "ms", "of ours", "recall", "ms", "of ours", "p99"], asked, ours, _queries),
        _table(
            ["filtered", *(cell for share in _FILTERS.values() for cell in (f"{share}: ms", "of ours", "recall"))],
            asked,
            ours,
            _filtered,
        ),
        _table(
            ["inserted", "s", "of ours", "s of processors", "of ours", "peak MiB", "disk MiB", "of ours"],
            inserted,
            ours,
            _inserted,
        ),
        _table(["changed", "add 1, found: ms", "saved: ms", "delete 1 %: s", "saved: s"], changed, ours, _changed),
        _table(["opened", "first answer: s", "peak MiB", "of it, no file's"], asked, ours, _opened),
        "\n".join(_wrapped(f"- {name}: {row.get('failed') or row['settings']}.") for name, row in rows.items()),
    ]


def _table(
    head: Sequence[str],
    rows: Mapping[str, Any],
    ours: Mapping[str, Any],
    cells: Callable[[Mapping[str, Any], Mapping[str, Any]], list[str]],
) -> str:
    lines = [head, ["---"] * len(head), *([name, *cells(row, ours)] for name, row in rows.items())]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)


def _queries(row: Mapping[str, Any], ours: Mapping[str, Any]) -> list[str]:
    found = []
    for recall in ("at_0.95", "at_0.99"):
        one = row[recall]["all"]
        found += [f"{one['recall']:.3f}", _number(one["ms"]), _ratio(one["ms"], _at(ours, recall, "all", "ms"))]
    return [*found, _number(row["at_0.99"]["all"]["p99_ms"])]


def _filtered(row: Mapping[str, Any], ours: Mapping[str, Any]) -> list[str]:
    found = []
    for label in _FILTERS:
        one = row["at_0.99"][label]
        found += [_number(one["ms"]), _ratio(one["ms"], _at(ours, "at_0.99", label, "ms")), f"{one['recall']:.3f}"]
    return found


def _inserted(row: Mapping[str, Any], ours: Mapping[str, Any]) -> list[str]:
    names = ("insert_s", "insert_cpu_s")
    times = [cell for name in names for cell in (_number(row[name]), _ratio(row[name], ours.get(name)))]
    sizes = [str(row["disk_mib"]), _ratio(row["disk_mib"], ours.get("disk_mib"))]
    return [*times, str(row["insert_peak_mib"]), *sizes]


def _changed(row: Mapping[str, Any], ours: Mapping[str, Any]) -> list[str]:
    def adding(one: Mapping[str, Any]) -> float:
        return float(one["add_ms"] + one["find_added_ms"])

    pairs = [
        (adding(row), adding(ours) if "add_ms" in ours else None),
        (row["add_save_ms"], ours.get("add_save_ms")),
        (row["delete_s"], ours.get("delete_s")),
        (row["delete_save_s"], ours.get("delete_save_s")),
    ]
    return [f"{_number(value)} ({_ratio(value, of_ours)})" for value, of_ours in pairs]


def _opened(row: Mapping[str, Any], ours: Mapping[str, Any]) -> list[str]:
    numbers = [(row[name], ours.get(name)) for name in ("ask_peak_mib", "ask_anonymous_mib")]
    first = f"{_number(row['open_s'])} ({_ratio(row['open_s'], ours.get('open_s'))})"
    return [first, *(f"{value} ({_ratio(value, of_ours)})" for value, of_ours in numbers)]


def _wrapped(line: str) -> str:
    indent = "  " if line.startswith("- ") else ""
    return textwrap.fill(line, 120, subsequent_indent=indent, break_long_words=False, break_on_hyphens=False)


def _at(row: Mapping[str, Any], *names: str) -> float | None:
    for name in names:
        row = row.get(name, {})
    return row or None  # type: ignore[return-value]


def _ratio(value: float, ours: float | None) -> str:
    return f"{value / ours:.2g}" if ours else ""


def _number(value: float) -> str:
    return f"{value:.3g}" if value < 1000 else f"{value:.0f}"
