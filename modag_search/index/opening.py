"""From a place to the index that is there: its settings, and its catalog."""

from __future__ import annotations

import os
from contextlib import closing
from dataclasses import asdict, replace
from pathlib import Path
from typing import TYPE_CHECKING

from modag_search import registry
from modag_search.errors import UsageError
from modag_search.index.places import OWN_SPACE_FILE, Place, place_at
from modag_search.values import MODALITIES

if TYPE_CHECKING:
    from modag_search.catalog import Catalog
    from modag_search.settings import IndexSettings

_WAY_TO_OTHERS = "`modag rebuild` changes encoders, space and store, for anything else make a new index"
_FORMER_SPACES = ("mn04",)


def opened(place: Place, settings: IndexSettings | None) -> tuple[IndexSettings, Catalog]:
    """Open the index at a place, and return its settings and its catalog; see `Index.open`."""
    if not place.is_index():
        raise place.no_index()
    kept = present_settings(place.settings())
    if settings is not None and kept != (wanted := with_kept_space(place.folder, kept, settings)):
        raise UsageError(f"{place}: has other settings ({_differences(kept, wanted)}); {_WAY_TO_OTHERS}")
    return kept, place.open_catalog()


def settings_at(name: str | os.PathLike[str]) -> IndexSettings | None:
    """Return what the index that a folder or a URL names is made with; None where there is none."""
    with closing(place_at(name, wait_s=0.0)) as place:
        return place.settings() if place.is_index() else None


def catalog_at(name: str | os.PathLike[str]) -> str:
    """Return the file or the URL of the catalog of an index that exists.

    Raises
    ------
    IndexNotFoundError
        If there is no index.
    """
    with closing(place_at(name, wait_s=0.0)) as place:
        if not place.is_index():
            raise place.no_index()
        return place.catalog_name


def require_room_at(name: str | os.PathLike[str]) -> None:
    """Refuse to make an index where that cannot be; see `Place.require_room`."""
    with closing(place_at(name, wait_s=0.0)) as place:
        place.require_room()


def _differences(kept: IndexSettings, wanted: IndexSettings) -> str:
    pairs = ((name, value, asdict(wanted)[name]) for name, value in asdict(kept).items())
    return ", ".join(f"{name} is {value}, not {other}" for name, value, other in pairs if value != other)


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


def with_kept_space(folder: Path, kept: IndexSettings, wanted: IndexSettings) -> IndexSettings:
    """Call a space that an index has what the index calls it: a file that it has a copy of, or what ``auto`` takes."""
    if kept.space not in ("auto", "own") or kept.space == wanted.space:
        return wanted
    from modag_search.space import Space, packaged_spaces

    if kept.space == "own":
        if not os.path.isfile(wanted.space):
            return wanted
        is_same = Space.load(Path(wanted.space)).fingerprint == Space.load(folder / OWN_SPACE_FILE).fingerprint
    else:
        if wanted.space not in packaged_spaces():
            return wanted
        trained_on = Space.load(packaged_spaces()[wanted.space]).encoders
        names = {"image": kept.image_encoder, "sound": kept.sound_encoder}
        is_same = all(trained_on[modality]["name"] == names[modality] for modality in MODALITIES)
    return replace(wanted, space=kept.space) if is_same else wanted
