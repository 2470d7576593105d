"""Finding items by a query, at one moment of an index."""

from __future__ import annotations

import logging
import threading
from typing import TYPE_CHECKING, Literal

import numpy as np

from modag_search.errors import SpaceMismatchError, UsageError
from modag_search.labels.book import LabelBook
from modag_search.search.items import ItemSearch
from modag_search.search.query import QueryMaker
from modag_search.search.snapshot import STORES
from modag_search.values import MODALITIES, Modality

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from modag_search.catalog import Catalog
    from modag_search.search.items import Query
    from modag_search.search.snapshot import Snapshot, Snapshots
    from modag_search.settings import IndexSettings
    from modag_search.stores import StoreReader
    from modag_search.values import Hit, Int64Array

logger = logging.getLogger(__name__)


class Finder:
    """Finds items of an index.

    Parameters
    ----------
    folder : Path
        Of the index, for messages.
    catalog : Catalog
    snapshots : Snapshots
    """

    def __init__(self, folder: Path, catalog: Catalog, snapshots: Snapshots) -> None:
        self._folder = folder
        self._catalog = catalog
        self._snapshots = snapshots
        self._warned_of: tuple[int, str] | None = None
        self._lock = threading.Lock()

    def find(
        self,
        query: str,
        *,
        modality: Modality | Literal["any"],
        n: int,
        min_similarity: float,
        label: str | None,
        start_s: float | None,
        end_s: float | None,
    ) -> list[Hit]:
        """Find the items that are nearest to a query; see `Index.search`."""
        if n < 1:
            raise UsageError(f"n must be 1 at least, not {n}")
        if modality not in (*MODALITIES, "any"):
            raise UsageError(f"modality must be image, sound or any, not {modality!r}")
        with self._snapshots.present() as snapshot:
            maker = QueryMaker(self._catalog, snapshot.encoder, snapshot.space)
            asked = maker.make(query, start_s=start_s, end_s=end_s)
            search = ItemSearch(self._catalog, snapshot.space, self._stores(snapshot, modality, asked))
            among = None if label is None else self._segments_labelled(label)
            hits = search.hits(asked, n=n, among=among, min_similarity=min_similarity)
            self._warn_of_outdated(snapshot)
        return hits

    def _stores(
        self, snapshot: Snapshot, modality: Modality | Literal["any"], asked: Query
    ) -> Mapping[Modality, StoreReader]:
        """Return what to search; where no space joins the modalities, only what can be compared with what is asked."""
        wanted = MODALITIES if modality == "any" else (modality,)
        comparable = [one for one in wanted if snapshot.space.joins or one in asked.vectors]
        if not comparable:
            what = "sounds find sounds and pictures find pictures alone"
            raise no_space_joins(snapshot.encoder.settings, self._folder, what)
        return {one: snapshot.get(STORES[one]).reader for one in comparable}

    def _segments_labelled(self, label: str) -> Int64Array:
        names = LabelBook(self._catalog).with_descendants(label)
        return np.unique(self._catalog.labels.labelled_segments(labels=names)[0])

    def _warn_of_outdated(self, snapshot: Snapshot) -> None:
        """Say how many items are not searched, once for each generation of the catalog that has such."""
        generation = snapshot.moment.generation, snapshot.moment.token
        with self._lock:
            if generation == self._warned_of:
                return
            self._warned_of = generation
        if outdated := self._catalog.items.count_outdated(snapshot.encoder.fingerprints):
            logger.warning(
                "%d items were made by another encoder, or another version of one, and are not searched; "
                "`modag rebuild` renews them",
                outdated,
            )


def no_space_joins(settings: IndexSettings, folder: Path, what: str) -> SpaceMismatchError:
    """Word that something takes a space, where sounds and pictures are kept apart."""
    return SpaceMismatchError(
        f"no space joins {settings.sound_encoder} and {settings.image_encoder} in this index, so {what}; label some "
        f"sounds and pictures and make one: `modag train space --index {folder} --output FILE`, then "
        f"`modag rebuild --space FILE`"
    )
