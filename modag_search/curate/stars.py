"""Groups of copies as stars: contents round the one that gathered them, and stars of sounds that lie in longer ones."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from modag_search.copies.recordings import Part
    from modag_search.values import ConfirmedBy, ItemRecord


@dataclass(frozen=True, slots=True, kw_only=True)
class Copies:
    """Items of one content in a group.

    Attributes
    ----------
    row : int
        Of the content, among all.
    centre : int
        Of the content that gathered them.
    items : sequence of ItemRecord
    similarity : float
        To that.
    by : {"pixels", "waveform", "features"}
        What told so.
    lag_s : float
        How much later they begin than the longest of the group.
    is_whole : bool
        Whether they hold all that the longest of the group does.
    """

    row: int
    centre: int
    items: Sequence[ItemRecord]
    similarity: float
    by: ConfirmedBy
    lag_s: float = 0.0
    is_whole: bool = True

    def part_of(self, first: Copies) -> tuple[float, float] | None:
        """Return from where to where they lie in the first of a group, in seconds; None if they are all of it."""
        if self.is_whole:
            return None
        start_s = self.lag_s - first.lag_s
        end_s = start_s + (self.items[0].duration_s or 0.0)
        return max(start_s, 0.0), min(end_s, first.items[0].duration_s or 0.0)


def joined(stars: Mapping[int, Sequence[Copies]], parts: Iterable[Part]) -> dict[int, list[Copies]]:
    """Let the stars of sounds that lie in longer ones go to these.

    Parameters
    ----------
    stars : mapping of int to sequence of Copies
        By the row of the content that gathered them, which is among them.
    parts : iterable of Part
        Of these contents, by row; the longest of the shorter ones first.

    Returns
    -------
    dict of int to list of Copies
        By the row of the content that all in it were compared with, directly or by way of another one.
    """
    gathered: dict[int, _Place] = {}
    for part in parts:
        if part.shorter not in gathered:
            longest = gathered.get(part.longer, _Place(part.longer))
            lag_s, is_whole = longest.lag_s + part.overlap.lag_s, longest.is_whole and part.overlap.is_whole
            gathered[part.shorter] = _Place(longest.row, lag_s, is_whole)
    groups: dict[int, list[Copies]] = {}
    for row, star in stars.items():
        place = gathered.get(row, _Place(row))
        groups.setdefault(place.row, []).extend(
            replace(
                copies,
                lag_s=place.lag_s,
                is_whole=place.is_whole,
                by="waveform" if copies.row == row != place.row else copies.by,
            )
            for copies in star
        )
    return groups


class _Place(NamedTuple):
    """Which content gathered a star, the longest of its group, and where in it the star lies."""

    row: int
    lag_s: float = 0.0
    is_whole: bool = True
