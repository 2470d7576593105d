"""Files as earlier versions wrote them: without checksums."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

from safetensors import safe_open
from safetensors.numpy import save_file

if TYPE_CHECKING:
    from pathlib import Path


def settings_without_checksum(folder: Path, **changes: object) -> None:
    """Rewrite the settings of an index as an earlier version did, with other choices in the place of some."""
    path = folder / "settings.json"
    content = json.loads(path.read_text()) | changes
    del content["checksum"]
    path.write_text(json.dumps(content))


def without_checksum(path: Path, written: str) -> None:
    """Rewrite a safetensors file as one of an earlier format, which has no checksum."""
    with safe_open(path, framework="numpy") as file:
        (described,) = map(json.loads, file.metadata().values())
        tensors = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118  not a mapping
    del described["checksum"]
    save_file(tensors, path, {written: json.dumps(described)})
