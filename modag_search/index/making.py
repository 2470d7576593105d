"""A new index."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from modag_search.features.encoding import MediaEncoder
from modag_search.index.opening import opened
from modag_search.index.places import Place, SharedPlace
from modag_search.index.workings import Encoders, adopt_space, load_space
from modag_search.settings import IndexSettings
from modag_search.stores import require_store
from modag_search.values import MODALITIES

if TYPE_CHECKING:
    from modag_search.catalog import Catalog


def created(place: Place, settings: IndexSettings | None) -> tuple[IndexSettings, Catalog]:
    """Make an index, or open the one that another process or thread has made since there was none."""
    wanted = settings or IndexSettings()
    encoder = MediaEncoder(wanted)
    # A database has no folder here before it has a catalog, nor a space of its own.
    load_space(Path() if isinstance(place, SharedPlace) else place.folder, wanted, encoder.encoders)
    require_store(wanted.store)
    place.require_room()
    for modality in MODALITIES:
        if encoder.encoders[modality].missing_weights():
            encoder.warm(modality)
    with place.making():
        if not place.is_index():
            return _made(place, wanted, encoder.encoders)
    return opened(place, settings)


def _made(place: Place, settings: IndexSettings, encoders: Encoders) -> tuple[IndexSettings, Catalog]:
    """Make an index at a place, for who holds its lock; the settings come last, since they make a place one."""
    settings = replace(settings, space=adopt_space(place, settings.space, encoders))
    catalog = place.open_catalog(create=True)
    place.save_settings(settings)
    return settings, catalog
