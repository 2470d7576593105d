"""``modag map``: items in two dimensions."""

from __future__ import annotations

import csv
import io
from typing import TYPE_CHECKING

from tests.made_media import BLACK, picture

if TYPE_CHECKING:
    from pathlib import Path

    from tests.cli.command_line import CommandLine


def test_a_map_is_a_row_an_item(filled: CommandLine, media: Path) -> None:
    outcome = filled("map", "--format", "csv")
    assert (outcome.status, outcome.stderr) == (0, "")
    rows = list(csv.DictReader(io.StringIO(outcome.stdout.decode())))
    assert list(rows[0]) == ["id", "path", "kind", "x", "y"]
    assert sorted(row["path"] for row in rows) == sorted(str(path) for path in media.iterdir())
    assert all(-1 <= float(row[axis]) <= 1 for row in rows for axis in "xy")
    assert filled("map").data == [
        {"id": int(row["id"]), "path": row["path"], "kind": row["kind"], "x": float(row["x"]), "y": float(row["y"])}
        for row in rows
    ]


def test_what_has_no_place_is_counted(filled: CommandLine, media: Path) -> None:
    picture(media / "black.png", BLACK)
    assert filled("index", media).status == 0
    outcome = filled("map")
    assert (outcome.status, len(outcome.data)) == (0, 6)
    assert outcome.error == "1 item without a place: silent, black, of one colour, or made by another encoder"


def test_the_map_of_nothing_is_empty_and_says_so(toy: CommandLine) -> None:
    outcome = toy("map", "--format", "csv")
    assert (outcome.status, outcome.stdout.split(), outcome.error) == (4, [b"id,path,kind,x,y"], "no item has a place")


def test_an_unknown_method_is_a_matter_of_usage(filled: CommandLine) -> None:
    assert filled("map", "--method", "tsne").status == 2
