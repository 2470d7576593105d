"""Which space an index uses."""

from __future__ import annotations

import os
import shutil
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path

from modag_search.encoders import Encoder
from modag_search.errors import ModelError, SpaceMismatchError
from modag_search.settings import IndexSettings
from modag_search.space import Space, packaged_spaces
from modag_search.values import MODALITIES, Modality

OWN_SPACE_FILE = "space.safetensors"
Encoders = Mapping[Modality, Encoder]


def load_space(folder: Path, settings: IndexSettings, encoders: Encoders) -> Space:
    """Load the space that the settings of an index name.

    Raises
    ------
    SpaceMismatchError
        If it was trained on other encoders, or no packaged space was trained on these.
    ModelError
        If there is no such space.
    """
    if settings.space == "auto":
        return _fitting_space(encoders)
    if settings.space == "own":
        space = Space.load(folder / OWN_SPACE_FILE)
    elif settings.space in packaged_spaces():
        space = Space.load(packaged_spaces()[settings.space])
    elif os.path.isfile(settings.space):
        space = Space.load(Path(settings.space))
    else:
        raise ModelError(
            f"there is no space {settings.space!r}; packaged: {', '.join(packaged_spaces())}; or name a space file"
        )
    require_fit(space, encoders)
    return space


def adopt_space(folder: Path, space: str | os.PathLike[str], encoders: Encoders) -> str:
    """Check a space, copy it into the index where it is a file, and return what the settings call it."""
    source = Path(space)
    if source.is_file():
        require_fit(Space.load(source), encoders)
        partial = folder / f".{OWN_SPACE_FILE}"
        shutil.copyfile(source, partial)
        partial.replace(folder / OWN_SPACE_FILE)
        return "own"
    name = os.fspath(space)
    load_space(folder, IndexSettings(space=name), encoders)
    return name


def with_own_space(folder: Path, kept: IndexSettings, wanted: IndexSettings) -> IndexSettings:
    """Call a space file that an index has a copy of what the index calls it."""
    if kept.space != "own" or not os.path.isfile(wanted.space):
        return wanted
    same = Space.load(Path(wanted.space)).fingerprint == Space.load(folder / OWN_SPACE_FILE).fingerprint
    return replace(wanted, space="own") if same else wanted


def require_fit(space: Space, encoders: Encoders) -> None:
    """Raise SpaceMismatchError unless a space was trained on these encoders, weights and all."""
    for modality in MODALITIES:
        trained_on = space.encoders[modality]
        if trained_on["name"] != encoders[modality].name:
            raise SpaceMismatchError(
                f"space {space.name!r} was trained on {trained_on['name']}, not on {encoders[modality].name}; "
                f"`modag train space` makes one for the latter"
            )
        if trained_on["fingerprint"] != encoders[modality].fingerprint:
            raise SpaceMismatchError(
                f"space {space.name!r} was trained on another version of {trained_on['name']}; train it anew"
            )


def _fitting_space(encoders: Encoders) -> Space:
    names = {modality: encoders[modality].name for modality in MODALITIES}
    for path in packaged_spaces().values():
        space = Space.load(path)
        if all(space.encoders[modality]["name"] == names[modality] for modality in MODALITIES):
            require_fit(space, encoders)
            return space
    raise SpaceMismatchError(
        f"no packaged space joins {names['sound']} and {names['image']}; `modag train space` makes one, "
        f"`modag index --space FILE` takes it"
    )
