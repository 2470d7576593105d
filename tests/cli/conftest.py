"""Command lines and the indexes that they use."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.cli.command_line import CommandLine
from tests.toy_encoders import toy_index

if TYPE_CHECKING:
    from pathlib import Path

    from tests.filled_index import FilledIndex


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
def filled(filled_once: FilledIndex, tmp_path: Path, toys: None, media: Path, modag: CommandLine) -> CommandLine:
    """``modag`` with an index of three pictures and three sounds that go with one of them each."""
    filled_once.put(tmp_path)
    modag.environment["MODAG_INDEX"] = str(tmp_path / "index")
    return modag
