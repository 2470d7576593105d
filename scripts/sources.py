"""The recordings and photographs that the shipped spaces are trained on, and those that only test them."""

from __future__ import annotations

import os
import re
from pathlib import Path
from typing import TYPE_CHECKING

from modag_search.training.manifest import ManifestEntry

if TYPE_CHECKING:
    from collections.abc import Sequence

TRAIN_SOUNDS = {
    "discord_gm": "CC0 (piano CC BY)",
    "fluidr3_gm": "MIT",
    "karoryfer_cc0": "CC0",
    "olpc_berklee": "CC BY 3.0",
    "philharmonia": "CC BY-SA 3.0",
    "salamander_piano": "CC BY 3.0",
    "timgm6mb": "GPL-2 soundfont",
    "uiowa_mis": "none stated",
}
TRAIN_PHOTOS = {
    "caltech101": "research set",
    "imagenet1": "non-commercial research",
    "imagenet5": "non-commercial research",
}
TEST_SOUNDS = ("fsdkaggle2018", "mirdata_samples")
TEST_PHOTOS = ("kaggle30",)
TEST_PAIRS = ("edumusic", "gcompris", "orchestra_quiz", "tuxpaint")

MERGED = {"acoustic_guitar": "guitar", "electric_guitar": "guitar"}
"""Web photographs do not keep kinds of guitar apart."""


def train_sources() -> list[Path]:
    """Folders of the train sources, relative to the data folder."""
    return [Path("sound", name) for name in TRAIN_SOUNDS] + [Path("photo", name) for name in TRAIN_PHOTOS]


def test_sources() -> list[Path]:
    """Folders of the test sources, relative to the data folder."""
    sounds = [Path("sound", name) for name in TEST_SOUNDS] + [Path("pairs", name) for name in TEST_PAIRS]
    return sounds + [Path("photo", name) for name in TEST_PHOTOS]


def entries(data: Path, sources: Sequence[Path]) -> list[ManifestEntry]:
    """List the files of some sources with their classes, ``SOURCE/CLASS/FILE``, kinds of guitar merged."""
    found = []
    for source in sources:
        for folder in sorted((data / source).iterdir()):
            label = MERGED.get(folder.name, folder.name)
            found += [ManifestEntry(str(path), label) for path in sorted(folder.iterdir())]
    return found


def source_of(entry: ManifestEntry) -> str:
    """Name the source of a file."""
    return Path(entry.path).parents[1].name


def recording(path: str) -> str:
    """Name what a file is an excerpt of: ``__segN`` marks excerpts of one recording."""
    stem, _ = os.path.splitext(path)
    return re.sub(r"__seg\d+$", "", stem)
