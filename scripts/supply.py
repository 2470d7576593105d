"""What the package brings with it: the distributions that it needs, their licences, and what ships in the wheel."""

from __future__ import annotations

import hashlib
import json
import re
from importlib.metadata import Distribution, PackageNotFoundError, distribution
from typing import TYPE_CHECKING, Any, Final, NamedTuple

from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping
    from pathlib import Path

OWN: Final = "modag-search"

# Words of licence names, by which a package may be handed on with ours; each asks for no more than its text beside it,
# and those of MPL and LGPL for their own source, which PyPI has.
_FREE: Final = (
    "0BSD|AFL|Apache|BSD|BSL|CC0|CNRI-Python|HPND|ISC|LGPL|LLVM-exception|MIT|MIT-CMU|MPL|Mozilla Public License|"
    "Public Domain|PSF|Python Software Foundation|Unlicense|Zlib"
)
_NAMES_FREE: Final = re.compile(rf"\b({_FREE})\b", re.IGNORECASE)
_NAMES_OTHER: Final = re.compile(
    r"\b(AGPL|GPL|GNU General|GNU Affero|Proprietary|Commercial|NVIDIA|SSPL|BUSL)", re.IGNORECASE
)

KNOWN: Final[Mapping[str, str]] = {
    "cuda-toolkit": "names NVIDIA's packages and holds nothing",
    "umap-learn": "BSD-3-Clause by its LICENSE.txt",
}
"""Licences that the metadata do not say, and who looked them up, by canonical name."""

OF_EXTRAS_ONLY: Final = re.compile(r"nvidia-.*")
"""What may be had under other licences, where the user asks for it: the CUDA libraries that PyPI's PyTorch names."""


class Licensed(NamedTuple):
    """A distribution, and what it says of its licence; `is_plain` for what comes without any extra."""

    name: str
    version: str
    licence: str
    is_plain: bool


def licensed(extras: Iterable[str]) -> list[Licensed]:
    """List what an installation with some extras needs, as far as it is installed here, by name."""
    plain = set(_needed(OWN, ()))
    found = []
    for name in sorted({*plain, *_needed(OWN, extras)} - {OWN}):
        one = distribution(name)
        found.append(Licensed(name, one.version, licence_of(one), name in plain))
    return found


def extras_of_ours() -> list[str]:
    """Names of the extras of the package."""
    return distribution(OWN).metadata.get_all("Provides-Extra") or []


def is_accepted(one: Licensed) -> bool:
    """Tell whether a package may be needed by ours: its licence is a free one, or it comes with an extra alone."""
    if one.name in KNOWN:
        return True
    if OF_EXTRAS_ONLY.fullmatch(one.name):
        return not one.is_plain
    return bool(_NAMES_FREE.search(one.licence)) and not _NAMES_OTHER.search(one.licence.replace("LGPL", ""))


def licence_of(one: Distribution) -> str:
    """Return the licence that a distribution names, in SPDX terms, as a classifier, or in words."""
    metadata = one.metadata
    (expression, *_) = metadata.get_all("License-Expression") or [""]
    classifiers = [line.rpartition(" :: ")[2] for line in metadata.get_all("Classifier") or [] if "License ::" in line]
    (words, *_) = "\n".join(metadata.get_all("License") or []).splitlines() or [""]
    return expression or ", ".join(name for name in classifiers if name != "OSI Approved") or words


def _needed(name: str, extras: Iterable[str], seen: set[tuple[str, str]] | None = None) -> Iterator[str]:
    """Iterate over a distribution and all that it needs here, by canonical name."""
    seen = set() if seen is None else seen
    try:
        requirements = distribution(name).requires or []
    except PackageNotFoundError:
        return
    yield canonicalize_name(name)
    for line in requirements:
        requirement = Requirement(line)
        marker = requirement.marker
        if marker is not None and not any(marker.evaluate({"extra": extra}) for extra in ("", *extras)):
            continue
        key = (canonicalize_name(requirement.name), ",".join(sorted(requirement.extras)))
        if key not in seen:
            seen.add(key)
            yield from _needed(requirement.name, requirement.extras, seen)


def with_what_ships(document: dict[str, Any], package: Path) -> dict[str, Any]:
    """Add, to a CycloneDX document, the files of others' work that the wheel holds: networks, spaces, vocabularies.

    Parameters
    ----------
    document : dict
    package : Path
        The folder of the installed package.

    Returns
    -------
    dict
    """
    kinds = {"weights": "machine-learning-model", "vocabularies": "data"}
    shipped = [
        _component(path, package, kind)
        for folder, kind in kinds.items()
        for path in sorted((package / folder).iterdir())
        if path.suffix in (".onnx", ".safetensors", ".csv")
    ]
    return {**document, "components": [*document.get("components", []), *shipped]}


def _component(path: Path, package: Path, kind: str) -> dict[str, Any]:
    name = path.relative_to(package).as_posix()
    card = path.with_suffix(".json")
    licence = json.loads(card.read_text()).get("licence") if card.exists() else None
    return {
        "type": kind,
        "bom-ref": f"{OWN}:{name}",
        "name": name,
        "hashes": [{"alg": "SHA-256", "content": hashlib.sha256(path.read_bytes()).hexdigest()}],
        "licenses": [{"license": {"name": licence or "see NOTICE"}}],
    }
