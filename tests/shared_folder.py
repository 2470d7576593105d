"""Media and weights that tests use where a folder `shared` lies beside the repository."""

from __future__ import annotations

from pathlib import Path

import pytest

_FOLDER = Path(__file__).parents[2] / "shared"


def shared(relative: str) -> Path:
    """Return a file or folder of the shared folder; skip the test where it is missing."""
    path = _FOLDER / relative
    if not path.exists():
        pytest.skip(f"needs {path}, which is not part of the repository")
    return path
