"""What the page shows of items, beside what the command line prints of them."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from modag_search.index import Index
from modag_search.rows import Row, as_row, hit_row
from modag_search.values import Hit, ItemRecord

VERSION_LENGTH = 16
"""Characters of a content's hash that addresses of previews carry: browsers keep these until it changes."""


def hit_rows(index: Index, hits: Sequence[Hit]) -> list[Row]:
    """Return answers with the kind of each, its version, and where its labels come from."""
    ids = [hit.id for hit in hits]
    files = versions(index, ids)
    given = given_to(index, ids)
    return [
        hit_row(hit) | files[hit.id] | {"given": given[hit.id]}
        for hit in hits
        if hit.id in files  # what another process has just taken out is no answer
    ]


def item_rows(index: Index, records: Sequence[ItemRecord]) -> list[Row]:
    """Return items in the form of answers, but for what only an answer has."""
    given = given_to(index, [record.id for record in records])
    return [
        as_row(record, fields=("id", "path", "kind", "duration_s", "width_px", "height_px", "labels", "updated_at"))
        | {"version": version_of(record), "given": given[record.id]}
        for record in records
    ]


def given_to(index: Index, ids: Iterable[int]) -> Mapping[int, list[dict[str, Any]]]:
    """Return by item what it is said to be: each label with who says so, and how sure; tags are marked."""
    tags = index.catalog.labels.tags()
    found: defaultdict[int, list[dict[str, Any]]] = defaultdict(list)
    for one in index.catalog.labels.annotations(items=ids, of_former=False):
        found[one.item_id].append(
            {
                "label": one.label,
                "origin": one.origin,
                "confidence": one.confidence,
                "is_tag": one.label in tags,
                "is_not": one.is_not,
                "start_s": one.start_s,
                "end_s": one.end_s,
            }
        )
    return found


def versions(index: Index, ids: Iterable[int]) -> dict[int, Row]:
    """Return by item its kind and its version, which previews are asked for by; what is not there is left out."""
    contents = index.catalog.items.contents(ids)
    return {
        item_id: {"kind": kind, "version": content_hash[:VERSION_LENGTH]}
        for item_id, (content_hash, kind) in contents.items()
    }


def versions_at(index: Index, paths: Iterable[str]) -> dict[str, Row]:
    """Return by path what `versions` does, and the id."""
    return {
        path: {"id": record.id, "kind": record.kind, "version": version_of(record)}
        for path, record in index.catalog.items.at_many(paths).items()
    }


def version_of(record: ItemRecord) -> str:
    """Return what changes with the content of an item."""
    return record.content_hash[:VERSION_LENGTH]
