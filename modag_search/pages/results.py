"""Lists of results that notebooks show as tiles, with players; everywhere else they are lists."""

from __future__ import annotations

from typing import TYPE_CHECKING, Self, SupportsIndex, TypeVar, overload

from modag_search.values import Classification, Hit

if TYPE_CHECKING:
    from collections.abc import Iterable

    from modag_search.pages.entries import Entry

Result = TypeVar("Result")

_MOST_TILES = 12
_SIDE_PX = 240
_CLIP_S = 6.0


class _Shown(list[Result]):
    """A list that notebooks show; its parts are shown alike."""

    __slots__ = ()

    @overload
    def __getitem__(self, place: SupportsIndex) -> Result: ...
    @overload
    def __getitem__(self, place: slice) -> Self: ...
    def __getitem__(self, place: SupportsIndex | slice) -> Result | Self:
        if isinstance(place, slice):
            return type(self)(super().__getitem__(place))
        return super().__getitem__(place)

    def copy(self) -> Self:
        """Return a list of the same results."""
        return type(self)(self)

    def _entries(self, n: int) -> list[Entry]:
        """Return what is shown of the first few."""
        raise NotImplementedError

    def _repr_html_(self) -> str:
        """Show the first few as tiles, with what is seen and heard of each inside: only now are they decoded."""
        from modag_search.pages.notebook import as_tiles

        entries = self._entries(_MOST_TILES)
        return as_tiles(entries, more=len(self) - len(entries), longer_side_px=_SIDE_PX, most_s=_CLIP_S)


class Hits(_Shown[Hit]):
    """What a search found, the nearest first: a list of `Hit`.

    A notebook shows the first twelve as tiles, which can be played; nothing is decoded before. `list(hits)` is shown as
    text.

    Attributes
    ----------
    why_none : str
        Of a search that found nothing: why, and the way out, in words.
    """

    __slots__ = ("why_none",)

    def __init__(self, hits: Iterable[Hit] = (), *, why_none: str = "") -> None:
        super().__init__(hits)
        self.why_none = why_none

    def _entries(self, n: int) -> list[Entry]:
        from modag_search.pages.entries import entry_of_hit

        return [entry_of_hit(hit) for hit in self[:n]]


class Classifications(_Shown[Classification]):
    """What files are called: a list of `Classification`, which notebooks show as they do `Hits`."""

    __slots__ = ()

    def _entries(self, n: int) -> list[Entry]:
        from modag_search.pages.entries import entry_of_answer

        return [entry_of_answer(answer) for answer in self[:n]]
