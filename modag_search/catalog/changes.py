"""Changes of items and their segments, each within the caller's transaction.

A segment never changes: where a file does, its segments are removed and new ones come with new ids. What is
removed is noted, so that stores can follow from any earlier generation.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from sqlalchemy import BigInteger, ColumnElement, Connection, and_, bindparam, delete, insert, literal, select, update

from modag_search.catalog import departures, remnants
from modag_search.catalog.blobs import checksum_of, encode_blob
from modag_search.catalog.database import (
    PATHS_AT_ONCE,
    among,
    batches,
    count_label_change,
    next_generation,
    now,
)
from modag_search.catalog.dialects import upsert
from modag_search.catalog.passages import told
from modag_search.catalog.pipelines import shapes
from modag_search.catalog.returns import follow_changes, former_contents, give_back
from modag_search.catalog.tables import (
    FailureRow,
    FeatureRow,
    ItemRow,
    PathBytes,
    RemovalRow,
    SegmentRow,
)

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Mapping, Sequence

    from modag_search.catalog.passages import Step
    from modag_search.values import EncodedItem, EncodedSegment, Failure, LabelPassage, Modality, Remark, ScannedFile


@dataclass(frozen=True, slots=True, kw_only=True)
class PutReport:
    """How many items a `put` added, and how many it replaced; and what became of labels."""

    added: int = 0
    updated: int = 0
    passages: tuple[LabelPassage, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class CopyReport:
    """The items at the paths of a `copy_all`, in its order; and what became of labels."""

    ids: list[int]
    passages: tuple[LabelPassage, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class RemovalReport:
    """How many items were removed, and what became of their labels."""

    removed: int = 0
    passages: tuple[LabelPassage, ...] = ()


def put(connection: Connection, items: Sequence[EncodedItem], *, pipelines: Mapping[Modality, int]) -> PutReport:
    """Insert items, or replace what is at their paths."""
    if not items:
        return PutReport()
    latest = {item.file.path: item for item in items}
    known = ids_at(connection, latest)
    formers = former_contents(connection, known.values())
    generation = next_generation(connection)
    _remove_segments(connection, known.values(), generation=generation)
    _put_items(connection, latest.values())
    _put_segments(connection, latest, pipelines=pipelines, generation=generation)
    forget_failures(connection, latest)
    follow_changes(connection, formers)
    passages = give_back(connection, ids_at(connection, latest).values())
    return PutReport(added=len(latest) - len(known), updated=len(known), passages=passages)


def touch(connection: Connection, files: Sequence[ScannedFile]) -> None:
    """Note new sizes and times of the items at some paths."""
    if not files:
        return
    rows = [{"at": file.path, "size": file.size_bytes, "mtime": file.mtime_ns} for file in files]
    statement = update(ItemRow).where(ItemRow.path == bindparam("at", type_=PathBytes))
    values = {"size_bytes": bindparam("size"), "mtime_ns": bindparam("mtime"), "updated_at": now()}
    connection.execute(statement.values(values), rows)
    forget_failures(connection, [file.path for file in files])


def move_all(
    connection: Connection,
    moves: Sequence[tuple[int, ScannedFile]],
    *,
    on_names: Mapping[str, Remark | None] | None = None,
) -> tuple[LabelPassage, ...]:
    """Give items new paths, all at once; what was there and does not move is removed, and its labels pass on."""
    files = dict(moves)
    new_paths = {file.path for file in files.values()}
    if not len(moves) == len(files) == len(new_paths):
        raise ValueError("an item, or a path, stands twice among the moves")
    old_paths = {row["path"] for row in _rows_of(connection, files).values()}
    overwritten = ids_at(connection, new_paths).values() - files.keys()
    passages = remove(connection, overwritten).passages
    # First to places that no file can have, so that none is still taken when its next owner comes.
    _place(connection, {item_id: file._replace(path=f"\0{item_id}") for item_id, file in files.items()})
    _place(connection, files)
    _remark_on_names(connection, new_paths, on_names or {})
    forget_failures(connection, new_paths | old_paths)
    return passages


def copy_all(
    connection: Connection,
    copies: Sequence[tuple[int, ScannedFile]],
    *,
    on_names: Mapping[str, Remark | None] | None = None,
) -> CopyReport:
    """Give the files at some paths the segments and features of items with the same content."""
    files = {file.path: file for _, file in copies}
    if len(files) != len(copies):
        raise ValueError("a path stands twice among the copies")
    originals = _rows_of(connection, {item_id for item_id, _ in copies})
    own_places = [file for item_id, file in copies if originals[item_id]["path"] == file.path]
    touch(connection, own_places)
    others = [(item_id, file) for item_id, file in copies if originals[item_id]["path"] != file.path]
    passages = _copy_to_others(connection, others, originals=originals) if others else ()
    _remark_on_names(connection, files, on_names or {})
    ids = ids_at(connection, files)
    return CopyReport(ids=[ids[file.path] for _, file in copies], passages=passages)


def _copy_to_others(
    connection: Connection, copies: Sequence[tuple[int, ScannedFile]], *, originals: Mapping[int, Mapping[str, Any]]
) -> tuple[LabelPassage, ...]:
    generation = next_generation(connection)
    paths = [file.path for _, file in copies]
    formers = former_contents(connection, ids_at(connection, paths).values())
    rows = [_item_values(file) | {name: originals[item_id][name] for name in _FACTS} for item_id, file in copies]
    connection.execute(_put_item(connection), rows)
    copy_ids = ids_at(connection, paths)
    pairs = [(item_id, copy_ids[file.path]) for item_id, file in copies]
    _copy_segments(connection, pairs, generation=generation)
    # Last, and older ones alone: what is replaced may itself be copied.
    _remove_segments(connection, copy_ids.values(), generation=generation)
    forget_failures(connection, paths)
    follow_changes(connection, formers)
    return give_back(connection, copy_ids.values())


def remove(connection: Connection, item_ids: Iterable[int]) -> RemovalReport:
    """Remove items with all that belongs to them, but for their labels, which pass to others or are kept."""
    ids = sorted(item_ids)  # as their rows lie, so that each page is gone to once
    if not ids:
        return RemovalReport()
    steps = departures.carry_out(connection, departures.plan(connection, ids))
    return remove_items(connection, ids, steps)


def remove_items(
    connection: Connection, item_ids: Sequence[int], departed: Sequence[Step], *, leaves_remnants: bool = False
) -> RemovalReport:
    """Remove items whose labels have gone where they go; where asked to, their segments stay as remnants."""
    if departed:
        count_label_change(connection)
    _remove_segments(connection, item_ids, leaves_remnants=leaves_remnants)
    removed = connection.execute(delete(ItemRow).where(ItemRow.id.in_(among(item_ids)))).rowcount
    return RemovalReport(removed=removed, passages=told(departed, fate="passed"))


def fail(connection: Connection, failures: Sequence[Failure], *, run_id: int | None, keep_items: bool) -> None:
    """Note failures; unless `keep_items`, items at their paths lose their segments."""
    if not failures:
        return
    rows = [
        {
            "path": failure.path,
            "reason": failure.reason,
            "error": failure.error,
            "size_bytes": failure.size_bytes,
            "mtime_ns": failure.mtime_ns,
            "failed_at": failure.failed_at,
            "run_id": run_id,
        }
        for failure in failures
    ]
    statement = upsert(connection, FailureRow)
    replaced = {name: statement.excluded[name] for name in rows[0] if name != "path"}
    connection.execute(statement.on_conflict_do_update(index_elements=[FailureRow.path], set_=replaced), rows)
    if not keep_items:
        mark_failed(connection, ids_at(connection, [failure.path for failure in failures]).values())


def mark_failed(connection: Connection, item_ids: Collection[int]) -> None:
    """Let items be of files that have failed: they lose their segments, and keep their labels."""
    _remove_segments(connection, item_ids)
    statement = update(ItemRow).where(ItemRow.id.in_(among(item_ids)))
    connection.execute(statement.values(status="failed", updated_at=now()))


def forget_failures(connection: Connection, paths: Iterable[str]) -> int:
    """Forget that files failed; return how many were known."""
    return sum(
        connection.execute(delete(FailureRow).where(FailureRow.path.in_(batch))).rowcount
        for batch in batches(paths, PATHS_AT_ONCE)
    )


def ids_at(connection: Connection, paths: Iterable[str]) -> dict[str, int]:
    """Ids of the items at some paths, by path; paths without an item are left out."""
    ids: dict[str, int] = {}
    for batch in batches(paths, PATHS_AT_ONCE):
        statement = select(ItemRow.path, ItemRow.id).where(ItemRow.path.in_(batch))
        ids.update((path, item_id) for path, item_id in connection.execute(statement))
    return ids


_FACTS = ("content_hash", "kind", "duration_s", "width_px", "height_px", "remarks")


def _item_values(file: ScannedFile) -> dict[str, Any]:
    moment = now()
    return {
        "path": file.path,
        "size_bytes": file.size_bytes,
        "mtime_ns": file.mtime_ns,
        "status": "ok",
        "created_at": moment,
        "updated_at": moment,
    }


def _rows_of(connection: Connection, item_ids: Iterable[int]) -> dict[int, dict[str, Any]]:
    """Rows by id of items that must be there."""
    wanted = set(item_ids)
    statement = select(ItemRow.__table__).where(ItemRow.id.in_(among(wanted)))
    rows = {row["id"]: dict(row) for row in connection.execute(statement).mappings()}
    if missing := wanted - rows.keys():
        raise KeyError(min(missing))
    return rows


def _place(connection: Connection, files: Mapping[int, ScannedFile]) -> None:
    """Make items stand for files, without regard to what does already."""
    rows = [
        {"moved": item_id, "to": file.path, "size": file.size_bytes, "mtime": file.mtime_ns}
        for item_id, file in files.items()
    ]
    values = {"path": bindparam("to", type_=PathBytes), "size_bytes": bindparam("size"), "mtime_ns": bindparam("mtime")}
    statement = update(ItemRow).where(ItemRow.id == bindparam("moved")).values(values | {"updated_at": now()})
    if rows:
        connection.execute(statement, rows)


def _remark_on_names(connection: Connection, paths: Collection[str], on_names: Mapping[str, Remark | None]) -> None:
    """Replace what was said of the names of items; what was said of their contents stays."""
    ids = ids_at(connection, [path for path in paths if path in on_names])
    items = _rows_of(connection, ids.values())
    rows = []
    for path, item_id in ids.items():
        on_content = [remark for remark in items[item_id]["remarks"] or () if remark[0] != "misnamed"]
        rows.append({"named": item_id, "said": _as_json([*filter(None, [on_names[path]]), *on_content])})
    statement = update(ItemRow).where(ItemRow.id == bindparam("named"))
    if rows:
        connection.execute(statement.values(remarks=bindparam("said", type_=ItemRow.remarks.type)), rows)


def _as_json(remarks: Iterable[Sequence[str]]) -> list[list[str]] | None:
    return [list(remark) for remark in remarks] or None


def _put_item(connection: Connection) -> Any:
    """Insert an item; at a path that is taken, replace all but its id and its time of creation."""
    statement = upsert(connection, ItemRow)
    replaced = ("size_bytes", "mtime_ns", "status", "updated_at", *_FACTS)
    return statement.on_conflict_do_update(
        index_elements=[ItemRow.path], set_={name: statement.excluded[name] for name in replaced}
    )


def _put_items(connection: Connection, items: Iterable[EncodedItem]) -> None:
    rows = [
        _item_values(item.file)
        | {
            "content_hash": item.content_hash,
            "kind": item.facts.kind,
            "duration_s": item.facts.duration_s,
            "width_px": item.facts.width_px,
            "height_px": item.facts.height_px,
            "remarks": _as_json(item.facts.remarks),
        }
        for item in items
    ]
    connection.execute(_put_item(connection), rows)


def _put_segments(
    connection: Connection,
    items: Mapping[str, EncodedItem],
    *,
    pipelines: Mapping[Modality, int],
    generation: int,
) -> None:
    item_ids = ids_at(connection, items)
    segments = [(item_ids[path], segment) for path, item in items.items() for segment in item.segments]
    known = shapes(connection, pipelines.values())
    blobs = [
        _blob(segment, known[pipelines[segment.modality]]) if segment.status == "ok" else None
        for _, segment in segments
    ]
    segment_ids = _insert_segments(
        connection,
        [
            {
                "item_id": item_id,
                "pipeline_id": pipelines[segment.modality],
                "modality": segment.modality,
                "start_s": segment.start_s,
                "end_s": segment.end_s,
                "status": segment.status,
                "generation": generation,
                "feature_checksum": None if blob is None else checksum_of(blob),
            }
            for (item_id, segment), blob in zip(segments, blobs, strict=True)
        ],
    )
    features = [
        {"segment_id": segment_id, "data": blob}
        for segment_id, blob in zip(segment_ids, blobs, strict=True)
        if blob is not None
    ]
    if features:
        connection.execute(insert(FeatureRow), features)


def _blob(segment: EncodedSegment, shape: tuple[Modality, int, str]) -> bytes:
    modality, dimension, dtype = shape
    if segment.modality != modality:
        raise ValueError(f"a segment of modality {segment.modality} was given to a pipeline for {modality}")
    if segment.feature is None or segment.feature.shape != (dimension,):
        found = None if segment.feature is None else segment.feature.shape
        raise ValueError(f"the feature of a segment has shape {found}; its pipeline makes ({dimension},)")
    return encode_blob(segment.feature, dtype)


def _insert_segments(connection: Connection, rows: list[dict[str, Any]]) -> Sequence[int]:
    """Insert segments; return their ids in the same order."""
    if not rows:
        return []
    statement = insert(SegmentRow).returning(SegmentRow.id, sort_by_parameter_order=True)
    return connection.execute(statement, rows).scalars().all()


def _copy_segments(connection: Connection, pairs: Sequence[tuple[int, int]], *, generation: int) -> None:
    """Give items segments and features like those of others; `pairs` are ids of those and of these."""
    _copy_those(connection, remnants.is_there(), pairs, generation=generation)


def take_segments_back(connection: Connection, item_ids: Iterable[int], *, generation: int) -> None:
    """Give items segments and features like those that they had when they were forgotten."""
    _copy_those(connection, ~remnants.is_there(), [(item_id, item_id) for item_id in item_ids], generation=generation)


def _copy_those(
    connection: Connection, chosen: ColumnElement[bool], pairs: Sequence[tuple[int, int]], *, generation: int
) -> None:
    """Copy the segments of items that are chosen, with their features, to items; `pairs` are ids of those and of these.

    Items may be copied to themselves.
    """
    columns = [column for column in SegmentRow.__table__.c if column.name not in ("id", "generation")]
    names = [column.name for column in columns]
    of_originals = SegmentRow.item_id.in_(among(original for original, _ in pairs))
    statement = select(SegmentRow.id, *columns).where(of_originals, chosen).order_by(SegmentRow.id)
    segments: dict[int, list[Any]] = {}
    for row in connection.execute(statement):
        segments.setdefault(row.item_id, []).append(row)
    copied = [(row, copy_id) for original, copy_id in pairs for row in segments.get(original, ())]
    new_ids = _insert_segments(
        connection,
        [
            dict(zip(names, row[1:], strict=True)) | {"item_id": copy_id, "generation": generation}
            for row, copy_id in copied
        ],
    )
    features = select(bindparam("new_id", type_=BigInteger), FeatureRow.data).where(
        FeatureRow.segment_id == bindparam("old_id")
    )
    ids = [{"new_id": new_id, "old_id": row.id} for new_id, (row, _) in zip(new_ids, copied, strict=True)]
    if ids:
        connection.execute(insert(FeatureRow).from_select(["segment_id", "data"], features), ids)


def _remove_segments(
    connection: Connection, item_ids: Iterable[int], *, generation: int | None = None, leaves_remnants: bool = False
) -> None:
    """Remove the segments that items had before `generation`, noting those that stores may hold.

    Without a generation a change is counted where there were any.
    """
    ids = list(item_ids)
    of_items = and_(SegmentRow.item_id.in_(among(ids)), remnants.is_there())
    if not ids or connection.execute(select(SegmentRow.id).where(of_items).limit(1)).first() is None:
        return
    if generation is None:
        generation = next_generation(connection)
    earlier = and_(of_items, SegmentRow.generation < generation)
    gone = select(SegmentRow.id, literal(generation)).where(earlier, SegmentRow.status == "ok")
    connection.execute(insert(RemovalRow).from_select(["segment_id", "generation"], gone))
    if leaves_remnants:
        remnants.leave(connection, earlier)
    else:
        connection.execute(delete(SegmentRow).where(earlier))
