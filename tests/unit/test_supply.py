"""What the package needs is locked, licensed, and listed."""

from __future__ import annotations

import re
import tomllib
from importlib.metadata import PathDistribution
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
import supply
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

if TYPE_CHECKING:
    from collections.abc import Iterator

ROOT = Path(__file__).parents[2]


def locked(path: Path) -> dict[str, str]:
    """Versions by canonical name; each with a hash at least."""
    blocks = re.findall(
        r"^([\w.-]+)==(\S+)(?: ;[^\\]*)? \\\n((?:    --hash=sha256:[0-9a-f]{64}(?: \\)?\n)+)",
        path.read_text(),
        re.MULTILINE,
    )
    found: dict[str, str] = {canonicalize_name(name): version for name, version, _ in blocks}
    assert len(found) == path.read_text().count("==")
    return found


def required() -> Iterator[Requirement]:
    """All that pyproject.toml asks for, in groups and extras too."""
    project: dict[str, Any] = tomllib.loads((ROOT / "pyproject.toml").read_text())
    groups = project["dependency-groups"]
    lines = [
        *project["project"]["dependencies"],
        *(line for extra in project["project"]["optional-dependencies"].values() for line in extra),
        *(line for group in ("dev", "scripts", "test") for line in groups[group] if isinstance(line, str)),
    ]
    return (requirement for requirement in map(Requirement, lines) if requirement.name != supply.OWN)


def test_the_lock_holds_what_is_asked_for() -> None:
    versions = locked(ROOT / ".ci" / "lock.txt")
    for requirement in required():
        name = canonicalize_name(requirement.name)
        assert name in versions, f"{name}: run scripts/lock"
        assert requirement.specifier.contains(versions[name], prereleases=True), f"{name}: run scripts/lock"


@pytest.mark.parametrize("name", ["rasterizer", "instruments"])
def test_what_the_demo_unpacks_is_locked(name: str) -> None:
    folder = ROOT / "modag_search" / "demo"
    versions = locked(folder / f"{name}.txt")
    asked = [Requirement(line) for line in (folder / f"{name}.in").read_text().splitlines()]
    assert {canonicalize_name(one.name) for one in asked} == versions.keys()
    assert all(one.specifier.contains(versions[canonicalize_name(one.name)]) for one in asked)


@pytest.mark.parametrize(
    ("metadata", "accepted"),
    [
        ("License-Expression: MIT", True),
        ("License-Expression: MPL-2.0 AND (Apache-2.0 OR MIT)", True),
        ("License-Expression: LGPL-2.1-or-later", True),
        ("License: 3-Clause BSD License", True),
        ("Classifier: License :: OSI Approved :: BSD License", True),
        ("License-Expression: GPL-3.0-or-later", False),
        ("License-Expression: MIT AND AGPL-3.0-only", False),
        ("Classifier: License :: OSI Approved :: GNU Affero General Public License v3", False),
        ("License: Proprietary", False),
        ("License: UNKNOWN", False),
        ("Name: nothing-said", False),
    ],
)
def test_a_licence_is_accepted_or_not(metadata: str, accepted: bool, tmp_path: Path) -> None:
    (tmp_path / "METADATA").write_text(f"Metadata-Version: 2.4\n{metadata}\n\n")
    licence = supply.licence_of(PathDistribution(tmp_path))
    assert supply.is_accepted(supply.Licensed("some", "1", licence, is_plain=True)) == accepted


def test_what_cuda_brings_comes_with_extras_alone() -> None:
    proprietary = supply.Licensed("nvidia-cublas", "13", "LicenseRef-NVIDIA-Proprietary", is_plain=False)
    assert supply.is_accepted(proprietary)
    assert not supply.is_accepted(proprietary._replace(is_plain=True))


def test_a_plain_installation_needs_no_torch() -> None:
    plain = {one.name for one in supply.licensed(()) if one.is_plain}
    assert {"numpy", "faiss-cpu", "onnxruntime"} <= plain
    assert "torch" not in plain


def test_the_bill_lists_what_ships() -> None:
    made = supply.with_what_ships({"components": [{"name": "numpy"}]}, ROOT / "modag_search")
    names = [component["name"] for component in made["components"]]
    assert names[0] == "numpy"
    assert {"weights/modag_sound.onnx", "weights/default.space.safetensors", "vocabularies/ucs.csv"} <= set(names)
    assert all(len(part["hashes"][0]["content"]) == 64 for part in made["components"][1:])
