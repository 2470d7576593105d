"""The map of an index: its items in two dimensions, kept beside the stores and made anew where the index has changed.

A map by ``pca`` is quickly made, and always of today. One by ``umap`` takes a minute for many items, and
looks another way each time: it stays, and what came since it was made is placed amid its nearest neighbours, until that
is a tenth of all; then it is made anew.
"""

from __future__ import annotations

import dataclasses
import logging
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, get_args

import numpy as np

from modag_search.errors import DamagedStoreError, StoreError, UsageError
from modag_search.files import read_checked, write_checked
from modag_search.search.layout import (
    Layout,
    by_neighbours,
    by_variance,
    centred,
    directions,
    placed_among,
)
from modag_search.search.snapshot import Part
from modag_search.stores import StoreStamp
from modag_search.values import MODALITIES, ItemMap, MapMethod

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from modag_search.catalog import Catalog
    from modag_search.search.snapshot import Snapshot, Snapshots
    from modag_search.values import Float32Array, Int64Array, Modality

logger = logging.getLogger(__name__)

_FORMAT = "modag-map/1"
_MOST_PLACED = 0.1
"""Share of the items on a map that may have come since it was made."""

METHODS: tuple[MapMethod, ...] = get_args(MapMethod)
MAP_FILES: Mapping[MapMethod, str] = {method: f"map-{method}" for method in METHODS}


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class _Drawn:
    """A layout of items, what it was made from, and the one whose places it has kept, if it was not made as a whole."""

    ids: Int64Array
    layout: Layout
    state: Mapping[str, Any]
    base: _Drawn | None = None


class Maps:
    """Maps of an index.

    Parameters
    ----------
    folder : Path
        Of the index.
    catalog : Catalog
    snapshots : Snapshots
    """

    def __init__(self, folder: Path, catalog: Catalog, snapshots: Snapshots) -> None:
        self._catalog = catalog
        self._snapshots = snapshots
        self._parts = {method: _part(folder / file, method) for method, file in MAP_FILES.items()}

    def map(self, method: MapMethod) -> ItemMap:
        """Return the items in two dimensions; see `Index.map`."""
        if method not in METHODS:
            raise UsageError(f"method must be {' or '.join(METHODS)}, not {method!r}")
        with self._snapshots.present() as snapshot:
            drawn = snapshot.get(self._parts[method])
            items = self._catalog.items.found()
            places = dict(zip(drawn.ids.tolist(), range(len(drawn.ids)), strict=True))
            shown = [item for item in items if item[0] in places]
            rows = [places[item_id] for item_id, _, _ in shown]
            return ItemMap(
                method=method,
                ids=drawn.ids[rows],
                paths=tuple(path for _, path, _ in shown),
                kinds=tuple(kind for _, _, kind in shown),
                positions=drawn.layout.positions[rows],
                explained=drawn.layout.explained,
                unplaced=len(items) - len(shown),
            )


def _part(path: Path, method: MapMethod) -> Part[_Drawn]:
    return Part(f"map by {method}", lambda snapshot, former: _kept_or_made(path, snapshot, method, former))


def _kept_or_made(path: Path, snapshot: Snapshot, method: MapMethod, former: _Drawn | None) -> _Drawn:
    """Return what is kept, where it is of today, or leads to it; otherwise make it, and keep it where that can be."""
    now = _state(snapshot, method)
    if former is not None and former.state == now:
        return former
    kept = _read(path) or (former and (former.base or former))
    if kept and kept.state == now:
        return kept
    items = _Items.of(snapshot)
    if kept and method == "umap":
        brought_up = _followed(kept, snapshot, items, now)
        if brought_up is not None:
            return brought_up
    made = _Drawn(ids=items.ids, layout=_laid_out(snapshot, items, method), state=now)
    if not snapshot.catalog.is_read_only:
        _write(path, made)
    return made


def _state(snapshot: Snapshot, method: MapMethod) -> dict[str, Any]:
    """Say what a map is made from."""
    stamps = {modality: dataclasses.asdict(snapshot.basis.stores.stamp(modality)) for modality in MODALITIES}
    return {"format": _FORMAT, "method": method, "stamps": stamps}


# Making it.


@dataclass(frozen=True, slots=True, eq=False)
class _Items:
    """Items with a vector each, in order of their ids, and which of them have segments of a modality."""

    ids: Int64Array
    vectors: Float32Array
    has: Mapping[Modality, np.ndarray]

    @classmethod
    def of(cls, snapshot: Snapshot) -> _Items:
        """Read all items that have vectors; a video is the mean of its frames and its sound, each centred."""
        means = {modality: _means(snapshot, modality) for modality in MODALITIES}
        ids = np.unique(np.concatenate([own for own, _ in means.values()]))
        vectors = np.zeros((len(ids), snapshot.space.dimension), dtype=np.float32)
        has = {}
        for modality, (own, of_own) in means.items():
            has[modality] = np.isin(ids, own)
            vectors[has[modality]] += centred(of_own)
        return cls(ids, directions(vectors), has)


def _means(snapshot: Snapshot, modality: Modality) -> tuple[Int64Array, Float32Array]:
    """Average the vectors of the segments of each item; of unit length, in order of the items' ids."""
    segments = snapshot.catalog.segments
    ids, sums = [np.zeros(0, dtype=np.int64)], [np.zeros((0, snapshot.space.dimension), dtype=np.float32)]
    for segment_ids, features in segments.features(snapshot.encoder.fingerprints[modality]):
        vectors = snapshot.space.project(modality, features)
        own, totals = _added_up(segments.owners(segment_ids), vectors)
        ids.append(own)
        sums.append(totals)
    items, totals = _added_up(np.concatenate(ids), np.concatenate(sums))
    return items, directions(totals)


def _added_up(owners: Int64Array, vectors: Float32Array) -> tuple[Int64Array, Float32Array]:
    """Add up the vectors of each owner; owners ascend."""
    order = np.argsort(owners, kind="stable")
    items, starts = np.unique(owners[order], return_index=True)
    return items, np.add.reduceat(vectors[order], starts, axis=0) if len(items) else vectors


def _laid_out(snapshot: Snapshot, items: _Items, method: MapMethod) -> Layout:
    lay_out = by_variance if method == "pca" else by_neighbours
    if snapshot.space.joins:
        return lay_out(items.vectors)
    return _side_by_side(items, lay_out)


def _side_by_side(items: _Items, lay_out: Any) -> Layout:
    """Lay out pictures on the left and sounds on the right, where no space joins them: nothing lies between."""
    positions = np.zeros((len(items.ids), 2), dtype=np.float32)
    pictures = items.has["image"]
    for chosen, middle in ((pictures, -0.5), (~pictures, 0.5)):
        positions[chosen] = lay_out(items.vectors[chosen]).positions * 0.5 + np.array([middle, 0], dtype=np.float32)
    return Layout(positions)


# Following what has changed since.


def _followed(kept: _Drawn, snapshot: Snapshot, items: _Items, now: Mapping[str, Any]) -> _Drawn | None:
    """Place what came since a map was made amid what was there; None where that is too much, or it leads not here."""
    since = _generation_that_leads_to(now, kept.state, snapshot.catalog)
    if since is None:
        return None
    stayed = np.isin(items.ids, kept.ids) & ~np.isin(items.ids, _changed(snapshot, since))
    if not stayed.any() or np.count_nonzero(~stayed) > _MOST_PLACED * len(items.ids):
        return None
    positions = np.zeros((len(items.ids), 2), dtype=np.float32)
    positions[stayed] = kept.layout.positions[np.searchsorted(kept.ids, items.ids[stayed])]
    positions[~stayed] = placed_among(items.vectors[~stayed], items.vectors[stayed], positions[stayed])
    return _Drawn(ids=items.ids, layout=Layout(positions), state=now, base=kept)


def _generation_that_leads_to(now: Mapping[str, Any], then: Mapping[str, Any], catalog: Catalog) -> int | None:
    """Return the generation of a state that the catalog's changes alone separate from now."""
    stamps, former = now["stamps"], then["stamps"]
    made_alike = all(stamps[m][key] == former[m][key] for m in MODALITIES for key in ("space", "pipeline"))
    generation, token = (former[MODALITIES[0]][key] for key in ("generation", "token"))
    if not made_alike or generation > stamps[MODALITIES[0]]["generation"]:
        return None
    return generation if catalog.has_generation(generation, token) else None


def _changed(snapshot: Snapshot, since: int) -> Int64Array:
    """Return the ids of the items that got features after a generation."""
    segments, fingerprints = snapshot.catalog.segments, snapshot.encoder.fingerprints
    owners = [
        segments.owners(ids)
        for modality in MODALITIES
        for ids, _ in segments.features(fingerprints[modality], after_generation=since)
    ]
    return np.concatenate([np.zeros(0, dtype=np.int64), *owners])


# On the disk.


def _read(path: Path) -> _Drawn | None:
    try:
        header, payload = read_checked(path)
        state = {key: header[key] for key in ("format", "method", "stamps")}
        for modality in MODALITIES:
            StoreStamp(**state["stamps"][modality])
        n = int(header["items"])
        if state["format"] != _FORMAT or len(payload) != 16 * n:
            return None
        ids = np.frombuffer(payload, "<i8", count=n).astype(np.int64)
        positions = np.frombuffer(payload, "<f4", offset=8 * n).astype(np.float32).reshape(n, 2)
        explained = header["explained"]
        if not (np.isfinite(positions).all() and (explained is None or 0 <= explained <= 1)):
            return None
        return _Drawn(ids=ids, layout=Layout(positions, explained), state=state)
    except (DamagedStoreError, KeyError, OverflowError, TypeError, ValueError):
        logger.debug("%s: no map that holds today", path)
        return None


def _write(path: Path, drawn: _Drawn) -> None:
    header = {**drawn.state, "items": len(drawn.ids), "explained": drawn.layout.explained}
    parts = (drawn.ids.astype("<i8"), drawn.layout.positions.astype("<f4"))
    try:
        write_checked(path, header, memoryview(b"".join(part.tobytes() for part in parts)))
    except StoreError as error:
        logger.debug("%s; it is made again next time", error)
