"""Heat maps as SVG: text that can be found and read in any script, in the page's own colours."""

from __future__ import annotations

import html
import unicodedata
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence

_LARGE, _SMALL = 30, 14
_NUMBERED = 30
"""Up to so many columns the cells are large enough for numbers."""
_LONGEST_LABEL = 24
_CHARACTER = 7.0
"""Width of a character of a label, about; those of East Asian scripts are twice as wide."""
_GAP = 6
_TITLE = 20
_STRONG = 0.58
"""From here on numbers stand out better in the colour for strong cells, on light pages and on dark ones."""


@dataclass(frozen=True, slots=True, kw_only=True)
class HeatMap:
    """A matrix to be drawn.

    Attributes
    ----------
    heat : sequence of sequence of float
        In [0, 1]; how strong the colour of a cell is. Cells of 0 stay blank.
    numbers : sequence of sequence of str
        What stands in the cells.
    rows, columns : sequence of str
        Names.
    row_title, column_title : str
        What the rows and the columns are.
    description : str
        What the whole shows, for who cannot see it.
    """

    heat: Sequence[Sequence[float]]
    numbers: Sequence[Sequence[str]]
    rows: Sequence[str]
    columns: Sequence[str]
    row_title: str
    column_title: str
    description: str


def as_svg(heat_map: HeatMap) -> str:
    """Draw a heat map.

    Colours come from the page's custom properties ``--heat``, ``--on-heat`` and ``--ink``.

    Returns
    -------
    str
        An ``svg`` element, all text escaped; each cell that is not blank tells what it is when pointed at.
    """
    size = _LARGE if len(heat_map.columns) <= _NUMBERED else _SMALL
    left = _TITLE + _GAP + max(map(_width, heat_map.rows))
    top = _TITLE + _GAP + max(map(_width, heat_map.columns))
    width, height = left + size * len(heat_map.columns) + 1, top + size * len(heat_map.rows) + 1
    parts = [
        f'<svg class="map" viewBox="0 0 {width:.0f} {height:.0f}" width="{width:.0f}" role="img">',
        f"<title>{html.escape(heat_map.description)}</title>",
        _axis(heat_map.column_title, f"translate({(left + width) / 2:.1f} 13)"),
        _axis(heat_map.row_title, f"translate(13 {(top + height) / 2:.1f}) rotate(-90)"),
    ]
    for number, name in enumerate(heat_map.columns):
        x = left + size * (number + 0.5) + 4
        parts.append(f'<text transform="translate({x:.1f} {top - _GAP:.1f}) rotate(-90)">{_shortened(name)}</text>')
    for number, name in enumerate(heat_map.rows):
        y = top + size * (number + 0.5) + 4
        parts.append(f'<text x="{left - _GAP:.1f}" y="{y:.1f}" text-anchor="end">{_shortened(name)}</text>')
    for row, name in enumerate(heat_map.rows):
        for column, other in enumerate(heat_map.columns):
            cell = _cell(
                heat_map.heat[row][column],
                heat_map.numbers[row][column],
                says=f"{name} / {other}",
                at=(left + size * column, top + size * row),
                size=size,
            )
            parts.append(cell)
    outline = f'x="{left:.1f}" y="{top:.1f}" width="{width - left - 1:.1f}" height="{height - top - 1:.1f}"'
    parts.append(f'<rect class="outline" {outline}/></svg>')
    return "\n".join(part for part in parts if part)


def _axis(title: str, place: str) -> str:
    return f'<text class="axis" transform="{place}" text-anchor="middle">{html.escape(title)}</text>'


def _cell(heat: float, number: str, *, says: str, at: tuple[float, float], size: int) -> str:
    if heat <= 0:
        return ""
    x, y = at
    square = f'<rect x="{x:.1f}" y="{y:.1f}" width="{size}" height="{size}" fill-opacity="{min(heat, 1):.2f}"/>'
    tone = "strong" if heat > _STRONG else "weak"
    inside = (
        f'<text class="{tone}" x="{x + size / 2:.1f}" y="{y + size / 2 + 3.5:.1f}">{html.escape(number)}</text>'
        if size == _LARGE
        else ""
    )
    return f"<g><title>{html.escape(f'{says}: {number}')}</title>{square}{inside}</g>"


def _shortened(name: str) -> str:
    if len(name) > _LONGEST_LABEL:
        name = name[: _LONGEST_LABEL - 1] + "…"
    return html.escape(name)


def _width(name: str) -> float:
    shown = name[:_LONGEST_LABEL]
    return _CHARACTER * sum(2 if unicodedata.east_asian_width(character) in "WF" else 1 for character in shown)
