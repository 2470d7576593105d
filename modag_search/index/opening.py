"""Which space an index uses."""

from __future__ import annotations

import logging
import os
import shutil
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path

from modag_search import registry
from modag_search.encoders import Encoder
from modag_search.errors import ModelError, SpaceMismatchError
from modag_search.settings import IndexSettings
from modag_search.space import Space, packaged_spaces
from modag_search.values import MODALITIES, Modality

logger = logging.getLogger(__name__)

OWN_SPACE_FILE = "space.safetensors"
_FORMER_SPACES = ("mn04",)
Encoders = Mapping[Modality, Encoder]


def load_space(folder: Path, settings: IndexSettings, encoders: Encoders) -> Space:
    """Load the space that the settings of an index name.

    ``own`` gives what ``auto`` does, with a warning, while the index's own does not fit its encoders; ``auto`` the
    packaged space that was trained on the encoders, or, where there is none, one that keeps sounds and pictures apart.

    Raises
    ------
    SpaceMismatchError
        If it was trained on other encoders.
    ModelError
        If there is no such space.
    """
    if settings.space == "auto":
        return _fitting_space(encoders)
    if settings.space == "own":
        return _own_space(folder, encoders)
    if settings.space in packaged_spaces():
        space = Space.load(packaged_spaces()[settings.space])
    elif os.path.isfile(settings.space):
        space = Space.load(Path(settings.space))
    else:
        raise ModelError(
            f"there is no space {settings.space!r}; packaged: {', '.join(packaged_spaces())}; or name a space file"
        )
    require_fit(space, encoders)
    return space


def _own_space(folder: Path, encoders: Encoders) -> Space:
    space = Space.load(folder / OWN_SPACE_FILE)
    try:
        require_fit(space, encoders)
    except SpaceMismatchError as error:
        logger.warning("%s; %s", error, "until then the index goes on without its own")
        return _fitting_space(encoders)
    return space


def no_space_joins(settings: IndexSettings, folder: Path, what: str) -> SpaceMismatchError:
    """Word that something takes a space, where sounds and pictures are kept apart."""
    return SpaceMismatchError(
        f"no space joins {settings.sound_encoder} and {settings.image_encoder} in this index, so {what}; label some "
        f"sounds and pictures and make one: `modag train space --index {folder} --output FILE`, then "
        f"`modag rebuild --space FILE`"
    )


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
    if name == "own":
        Space.load(folder / OWN_SPACE_FILE)  # that it does not fit is told where it is used
    else:
        load_space(folder, IndexSettings(space=name), encoders)
    return name


def fitting_name(folder: Path, settings: IndexSettings, encoders: Encoders) -> str:
    """Return what the settings call their space where it fits the encoders, or is the index's own; else ``auto``."""
    if settings.space == "own":
        return "own"
    try:
        load_space(folder, settings, encoders)
    except SpaceMismatchError:
        return "auto"
    return settings.space


def present_settings(settings: IndexSettings) -> IndexSettings:
    """Put, in the settings of an index that an earlier version made, successors in the place of what is gone.

    Its features are outdated then, as another version of the same encoder would leave them.
    """
    return replace(
        settings,
        sound_encoder=registry.present_name(settings.sound_encoder),
        image_encoder=registry.present_name(settings.image_encoder),
        space="auto" if settings.space in _FORMER_SPACES else settings.space,
    )


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
                f"`modag train space --index` makes one for the latter, `modag rebuild --space FILE` takes it"
            )
        if trained_on["fingerprint"] != encoders[modality].fingerprint:
            raise SpaceMismatchError(
                f"space {space.name!r} was trained on another version of {trained_on['name']}; "
                f"`modag train space --index` makes it anew, `modag rebuild --space FILE` takes it"
            )


def _fitting_space(encoders: Encoders) -> Space:
    for path in packaged_spaces().values():
        space = Space.load(path)
        if all(space.encoders[modality] == identity_of(encoders[modality]) for modality in MODALITIES):
            return space
    identities = {modality: identity_of(encoders[modality]) for modality in MODALITIES}
    return Space.apart(identities, {modality: encoders[modality].dimension for modality in MODALITIES})


def identity_of(encoder: Encoder) -> dict[str, str]:
    """Return what binds a space to an encoder."""
    return {"name": encoder.name, "fingerprint": encoder.fingerprint}
