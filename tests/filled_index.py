"""An index of toys with three pictures and three sounds: made once by `Index.add`, and copied where it is wanted."""

from __future__ import annotations

import json
import os
import sqlite3
import tempfile
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from modag_search.catalog.database import now
from tests.made_media import BLUE, GREEN, HIGH_HZ, LOW_HZ, MIDDLE_HZ, RED, picture, sound
from tests.toy_encoders import toy_index

if TYPE_CHECKING:
    from collections.abc import Mapping


@dataclass(frozen=True, slots=True)
class FilledIndex:
    """What lay in a folder: the index in `index`, the media in `media`; each sound goes with the picture of its name.

    Attributes
    ----------
    folder : str
    files : mapping of str to bytes
        What they held, by their paths in the folder.
    """

    folder: str
    files: Mapping[str, bytes]

    @classmethod
    def make(cls) -> FilledIndex:
        """Index the media, where the toys are installed."""
        with tempfile.TemporaryDirectory() as name:
            folder = Path(name)
            for letter, colour, hz in (("a", RED, LOW_HZ), ("b", GREEN, MIDDLE_HZ), ("c", BLUE, HIGH_HZ)):
                picture(folder / "media" / f"{letter}.png", colour)
                sound(folder / "media" / f"{letter}.wav", (hz, 1))
            with toy_index(folder / "index") as index:
                index.add([folder / "media"])
            paths = [path for path in folder.rglob("*") if path.is_file()]
            return cls(name, {str(path.relative_to(folder)): path.read_bytes() for path in paths})

    def put(self, folder: Path) -> None:
        """Put both into another folder, as if they had been made there and now."""
        for relative, content in self.files.items():
            path = folder / relative
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(content)
        _lie_in(folder, self.folder)


def _lie_in(folder: Path, former: str) -> None:
    """Write into a catalog where its media lie, and since when; past `Catalog.relocate`, which would be a change."""
    with closing(sqlite3.connect(folder / "index" / "catalog.sqlite")) as catalog, catalog:
        catalog.execute("PRAGMA synchronous = OFF")
        for item_id, path in catalog.execute("SELECT id, path FROM item").fetchall():
            moved = os.fsencode(folder) + path.removeprefix(os.fsencode(former))
            catalog.execute(
                "UPDATE item SET path = ?, mtime_ns = ?, updated_at = ? WHERE id = ?",
                (moved, os.stat(moved).st_mtime_ns, now(), item_id),
            )
        ((arguments,),) = catalog.execute("SELECT arguments FROM run").fetchall()
        moved_arguments = json.dumps(json.loads(arguments) | {"paths": [str(folder / "media")]})
        catalog.execute(
            "UPDATE run SET arguments = ?, started_at = ?, finished_at = ?", (moved_arguments, now(), now())
        )
