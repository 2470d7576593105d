"""Which items may be answers, whatever is asked."""

from __future__ import annotations

import math
import threading
from collections import OrderedDict
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, get_args

import numpy as np

from modag_search.errors import UsageError
from modag_search.labels.book import LabelBook
from modag_search.search.snapshot import Part
from modag_search.spelling import on_disk, whole_path
from modag_search.values import MediaKind

if TYPE_CHECKING:
    from modag_search.catalog import Catalog
    from modag_search.values import Int64Array


_KEPT = 8


@dataclass(frozen=True, slots=True, kw_only=True)
class Filters:
    """What an answer must be; see `Index.search`.

    Attributes
    ----------
    label : str or None
    under : tuple of str
        Folders, or files.
    kind : {"image", "sound", "video"} or None
    min_duration_s, max_duration_s : float or None

    Raises
    ------
    UsageError
        On creation, where nothing can meet them.
    """

    label: str | None = None
    under: tuple[str, ...] = ()
    kind: MediaKind | None = None
    min_duration_s: float | None = None
    max_duration_s: float | None = None

    def __post_init__(self) -> None:
        if self.kind not in (*get_args(MediaKind), None):
            raise UsageError(f"kind must be image, sound or video, not {self.kind!r}")
        if not (self.label is None or (isinstance(self.label, str) and self.label.strip())):
            raise UsageError(f"label must be the name of one, not {self.label!r}")
        for name in ("min_duration_s", "max_duration_s"):
            seconds = getattr(self, name)
            if seconds is not None and not seconds >= 0:
                raise UsageError(f"{name} must be a number of seconds from 0, not {seconds}")
        if self._has_length and self.kind == "image":
            raise UsageError("pictures have no duration, so none lies within these; ask for another kind")
        least, most = self.min_duration_s or 0.0, math.inf if self.max_duration_s is None else self.max_duration_s
        if least > most:
            raise UsageError(f"nothing lasts {least:g} s at least and {most:g} s at most")

    @property
    def _has_length(self) -> bool:
        return self.min_duration_s is not None or self.max_duration_s is not None

    def segments(self, catalog: Catalog) -> Int64Array | None:
        """Return the ids of the segments that count, ascending, not to be written to; None where all do.

        Returns
        -------
        np.ndarray [shape=(n,), int64] or None
        """
        selected = labelled = None
        if self.under or self.kind is not None or self._has_length:
            selected = catalog.segments.selected(
                under=[absolute(folder) for folder in self.under],
                kind=self.kind,
                min_duration_s=self.min_duration_s,
                max_duration_s=self.max_duration_s,
            )
        if self.label is not None:
            names = LabelBook(catalog).with_descendants(self.label)
            labelled = np.unique(catalog.labels.labelled_segments(labels=names)[0])
        if selected is None and labelled is None:
            return None
        if selected is None or labelled is None:
            ids = labelled if selected is None else selected
        else:
            ids = np.intersect1d(selected, labelled, assume_unique=True)
        assert ids is not None
        ids.setflags(write=False)
        return ids

    def empty_folders(self, catalog: Catalog) -> list[str]:
        """Return those of `under` that no item is at or below, as they were named: mistyped, or not indexed.

        Returns
        -------
        list of str
        """
        return [folder for folder in self.under if not catalog.items.has_under(absolute(folder))]


_NO_FILTERS = Filters()


class Selections:
    """What met the last few filters, while the catalog stays as it is; threads may share it.

    A file that moves and a label that is transferred make no new snapshot, and yet other items meet a filter.
    """

    def __init__(self) -> None:
        self._kept: OrderedDict[tuple[int, Filters], Int64Array | None] = OrderedDict()
        self._lock = threading.Lock()

    def segments(self, filters: Filters, catalog: Catalog) -> Int64Array | None:
        """Return what `Filters.segments` does: the same array again, for the same filters."""
        if filters == _NO_FILTERS:
            return None
        filters = replace(filters, under=tuple(map(absolute, filters.under)))  # working folders change
        key = catalog.change_count, filters
        with self._lock:
            if key in self._kept:
                self._kept.move_to_end(key)
                return self._kept[key]
        ids = filters.segments(catalog)
        with self._lock:
            ids = self._kept.setdefault(key, ids)
            while len(self._kept) > _KEPT:
                self._kept.popitem(last=False)
        return ids


SELECTIONS: Part[Selections] = Part("selections", lambda _, __: Selections())


def absolute(folder: str) -> str:
    """Return the path of a folder that was named, as the disk has it."""
    return whole_path(on_disk(folder))
