"""Which vectors of a store count, where not all do: made once for the ids that a caller asks with again."""

from __future__ import annotations

import threading
import weakref
from collections import OrderedDict
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Generic, TypeVar

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Callable

    import numpy.typing as npt

    from modag_search.values import Float32Array, Int64Array

T = TypeVar("T")

_KEPT = 8
_SPARSE = 64
"""Ids this much rarer than numbers up to the largest of them are looked up rather than marked in a row of flags."""
_ALWAYS_DENSE = 65_536


@dataclass(frozen=True, slots=True, eq=False)
class Selection:
    """Some of the vectors of a reader.

    Attributes
    ----------
    n : int
        How many they are.
    selector : faiss.IDSelector
        Says so in FAISS's words.
    few : (np.ndarray [shape=(n, d), float32], np.ndarray [shape=(n,), int64]) or None
        The vectors and their ids, where they are so few that comparing them all is quicker than looking for them.
    """

    n: int
    selector: Any
    few: tuple[Float32Array, Int64Array] | None = None


class KeptByArray(Generic[T]):
    """What was made of the last few arrays that cannot be written to; threads may share it."""

    def __init__(self) -> None:
        self._kept: OrderedDict[int, tuple[weakref.ref[Int64Array], T]] = OrderedDict()
        self._lock = threading.Lock()

    def get(self, array: Int64Array, make: Callable[[Int64Array], T]) -> T:
        """Return what `make` makes of an array, or made of it before."""
        if array.flags.writeable:
            return make(array)
        key = id(array)
        with self._lock:
            kept = self._kept.get(key)
            if kept is not None and kept[0]() is array:
                self._kept.move_to_end(key)
                return kept[1]
        made = make(array)
        with self._lock:
            self._kept[key] = weakref.ref(array), made
            while len(self._kept) > _KEPT:
                self._kept.popitem(last=False)
        return made


def marked(ids: Int64Array) -> npt.NDArray[np.bool_] | None:
    """Mark ids in a row of flags ``[shape=(largest + 1,)]``; None where it would be nearly empty, or without ids."""
    largest = int(ids.max(initial=-1))
    if largest < 0 or largest > _SPARSE * len(ids) + _ALWAYS_DENSE:
        return None
    marks = np.zeros(largest + 1, dtype=bool)
    marks[ids if ids.min() >= 0 else ids[ids >= 0]] = True
    return marks


def are_marked(ids: Int64Array, marks: npt.NDArray[np.bool_]) -> npt.NDArray[np.bool_]:
    """Tell which ids are marked."""
    within = (ids >= 0) & (ids < len(marks))
    if within.all():
        return marks[ids]
    found = np.zeros(len(ids), dtype=bool)
    found[within] = marks[ids[within]]
    return found


def are_among(ids: Int64Array, among: Int64Array) -> npt.NDArray[np.bool_]:
    """Tell which ids are among others; as `np.isin`, and quicker for many that are close together."""
    marks = marked(among)
    return np.isin(ids, among) if marks is None else are_marked(ids, marks)


def selector_of(ids: Int64Array) -> Any:
    """Say in FAISS's words that these ids count."""
    import faiss

    marks = marked(ids)
    if marks is None:
        return faiss.IDSelectorBatch(np.ascontiguousarray(ids, dtype=np.int64))
    return faiss.IDSelectorBitmap(np.packbits(marks, bitorder="little"))  # type: ignore[call-arg,arg-type]


def selector_without(ids: Int64Array) -> Any:
    """Say in FAISS's words that all but these ids count."""
    import faiss

    return faiss.IDSelectorNot(selector_of(ids))
