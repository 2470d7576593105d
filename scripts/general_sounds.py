"""Sounds of all kinds out of Debian packages: voices, doors, weather, beasts, machines, music of games.

They teach the sound encoder what is not an instrument. None of these packages is a test source.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import click
import numpy as np
import soundfile
import soxr

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    import numpy.typing as npt

CLIP_S = 8.0
CLIPS_A_FILE = 8
SHORTEST_S = 0.1
_SUFFIXES = {".ogg", ".oga", ".wav", ".flac", ".aiff"}


@dataclass(frozen=True, slots=True)
class Package:
    """A Debian package with sounds.

    Attributes
    ----------
    folder : str
        Where they lie, below the folder that the package was unpacked in.
    licence : str
        As its copyright file says; where files differ, all that occur.
    most_files : int
        How many files to take at most, spread evenly over the folder: voices would drown the rest.
    """

    folder: str
    licence: str
    most_files: int


PACKAGES = {
    "wesnoth-1.16-data": Package("usr/share/games/wesnoth", "GPL-2+, parts CC BY-SA 4.0", 300),
    "supertux-data": Package("usr/share/games/supertux2", "GPL-2+, GPL-3+, CC BY-SA", 150),
    "hedgewars-data": Package("usr/share/games/hedgewars/Data", "GPL-2", 300),
    "minetest-data": Package("usr/share/games/minetest", "CC BY-SA 3.0, MIT, LGPL-2.1+", 120),
    "frozen-bubble-data": Package("usr/share/games/frozen-bubble", "GPL-2", 30),
    "pingus-data": Package("usr/share/games/pingus", "GPL-2+", 30),
    "sound-theme-freedesktop": Package("usr/share/sounds/freedesktop", "GPL-2+, CC BY-SA 3.0", 40),
    "lmms-common": Package("usr/share/lmms/samples", "GPL-2+", 250),
    "hydrogen-drumkits": Package("usr/share/hydrogen/data/drumkits", "GPL-2+, CC BY-SA 3.0, CC BY 3.0, CC0", 400),
    "asterisk-core-sounds-en-wav": Package("usr/share/asterisk/sounds", "CC BY-SA 3.0", 80),
    "ktuberling-data": Package("usr/share/ktuberling/sounds", "GPL-2+, CC0", 150),
    "klettres-data": Package("usr/share/klettres", "GPL-2+", 80),
    "megaglest-data": Package("usr/share/games/megaglest", "GPL-2+, CC BY-SA 3.0", 500),
    "widelands-data": Package("usr/share/games/widelands", "GPL-2+, CC BY-SA 3.0", 150),
    "lincity-ng-data": Package("usr/share/games/lincity-ng", "GPL-2+", 150),
    "freedroidrpg-data": Package("usr/share/freedroidrpg", "GPL-2+, GPL-3, CC0", 190),
    "unknown-horizons": Package("usr/share/unknown-horizons", "GPL-2+, CC BY-SA 3.0", 50),
}


def general_sounds(folder: Path, *, sample_rate_hz: int) -> Iterator[tuple[str, npt.NDArray[np.float32]]]:
    """Yield clips of all packages.

    Parameters
    ----------
    folder : Path
        The packages were unpacked here with ``dpkg-deb -x``.
    sample_rate_hz : int

    Yields
    ------
    package : str
    samples : np.ndarray [shape=(at most 8 s), float32]
        Mono.

    Raises
    ------
    FileNotFoundError
        If a package was not unpacked.
    """
    for name, package in PACKAGES.items():
        files = sorted(path for path in (folder / package.folder).rglob("*") if path.suffix.lower() in _SUFFIXES)
        if not files:
            raise FileNotFoundError(f"{folder / package.folder}: no sounds; unpack the Debian package {name}")
        for i in np.unique(np.linspace(0, len(files) - 1, package.most_files).astype(int)):
            try:
                clips = list(_clips(files[i], sample_rate_hz=sample_rate_hz))
            except soundfile.LibsndfileError as error:
                click.echo(f"left out: {error}", err=True)
                continue
            for samples in clips:
                yield name, samples


def _clips(path: Path, *, sample_rate_hz: int) -> Iterator[npt.NDArray[np.float32]]:
    """Cut a file into pieces; of a long one, some spread over its length."""
    with soundfile.SoundFile(path) as file:
        length = round(CLIP_S * file.samplerate)
        if file.frames < SHORTEST_S * file.samplerate:
            return
        n = min(CLIPS_A_FILE, max(1, file.frames // length))
        for start in np.linspace(0, max(0, file.frames - length), n).astype(int):
            file.seek(start)
            samples = file.read(length, dtype="float32", always_2d=True).mean(axis=1)
            yield soxr.resample(samples, file.samplerate, sample_rate_hz).astype(np.float32)
