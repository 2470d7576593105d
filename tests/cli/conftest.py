"""Command lines and the indexes that they use."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.cli.command_line import CommandLine
from tests.made_media import BLUE, GREEN, HIGH_HZ, LOW_HZ, MIDDLE_HZ, RED, picture, sound
from tests.toy_encoders import toy_index

if TYPE_CHECKING:
    from pathlib import Path


@pytest.fixture
def modag(tmp_path: Path, toy_plugins: Path) -> CommandLine:
    """``modag`` in an empty folder, with the toy encoders installed."""
    return CommandLine(tmp_path, plugins=toy_plugins)


@pytest.fixture
def toy(tmp_path: Path, toys: None, modag: CommandLine) -> CommandLine:
    """``modag`` with ``MODAG_INDEX`` set to an empty index that uses the toy encoders."""
    toy_index(tmp_path / "index").close()
    modag.environment["MODAG_INDEX"] = str(tmp_path / "index")
    return modag


@pytest.fixture
def filled(toy: CommandLine, media: Path, tmp_path: Path) -> CommandLine:
    """``modag`` with an index of three pictures and three sounds that go with one of them each."""
    for name, colour, hz in (("a", RED, LOW_HZ), ("b", GREEN, MIDDLE_HZ), ("c", BLUE, HIGH_HZ)):
        picture(media / f"{name}.png", colour)
        sound(media / f"{name}.wav", (hz, 1))
    with toy_index(tmp_path / "index") as index:
        index.add([media])
    return toy
