"""A table of what `scripts/bench scale` measured, in Markdown: a line for each thing, a column for each size."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Mapping

_SHARES = {"half": "50 %", "hundredth": "1 %", "rare": "0.01 %"}

_LINES: Mapping[str, str] = {
    "an index on the disk, MiB": "index_mib",
    "its stores, MiB": "stores_mib",
    "opened, s": "opening.opened_s",
    "first answer after, s": "opening.answered_s",
    "memory after 1,000 queries, MiB": "opening.after_1000_queries_mib",
    "`modag search id:N` in a new process, s": "cold_search.seconds",
    "its peak of memory, MiB": "cold_search.peak_mib",
    "query, both modalities, ms": "warm_both_ms.p50_ms",
    "its 99th percentile, ms": "warm_both_ms.p99_ms",
    **{
        line: f"warm.{modality}.{path}"
        for modality, name in (("image", "pictures"), ("sound", "sounds"))
        for line, path in {
            f"query for {name}, ms": "none.p50_ms",
            f"for {name}: 99th percentile, ms": "none.p99_ms",
            f"for {name}: bare FAISS, ms": "bare_ms.p50_ms",
            f"for {name}: recall at 10": "none.recall_at_10",
            **{
                f"for {name} {what} {share}, {unit}": f"{kind}_{key}.{field}"
                for kind, what in (("label", "with a label that passes"), ("under", "in a folder of"))
                for key, share in _SHARES.items()
                for unit, field in (("ms", "p50_ms"), ("recall", "recall_at_10"))
            },
        }.items()
    },
    "100 pictures added, s beyond adding them to an empty index": "adding.beyond_alone_s",
    "1 % taken out, s": "deleting.seconds",
    "the next query, ms": "deleting.next_search_ms",
    "of what was taken out, still found": "deleting.still_found",
    "of the others, not found any more": "deleting.others_missing",
    "stores made anew, s": "rebuild.seconds",
    "by bare projection and FAISS": "rebuild.times_bare",
    "labelled segments": "labels.labelled_segments",
    "`classify` one, ms": "labels.classify_one_warm_ms",
    "bare product of its vector and theirs, ms": "labels.bare_product_ms",
    **{
        f"`modag {verb}`, {what}": f"labels.{verb}.{field}"
        for verb in ("transfer", "suggest", "audit", "duplicates")
        for what, field in (("s", "seconds"), ("s of processors", "cpu_seconds"), ("peak MiB", "peak_mib"))
    },
}


def table(rows: Mapping[int, Mapping[str, Any]]) -> str:
    """Write a table of rows by number of segments; what was measured of none is left out."""
    sizes = sorted(rows)
    lines = [["segments", *(f"{n:,}" for n in sizes)], ["---"] * (len(sizes) + 1)]
    for name, path in _LINES.items():
        cells = [_at(rows[n], path) for n in sizes]
        if any(cells):
            lines.append([name, *cells])
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)


def _at(row: Mapping[str, Any], path: str) -> str:
    value: Any = row
    for name in path.split("."):
        value = value.get(name, {})
    return "" if value == {} else f"{value:,}" if isinstance(value, int) else f"{value:,.3g}"
