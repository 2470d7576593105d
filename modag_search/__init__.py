"""Ask with a sound, get pictures; ask with a picture, get sounds; name a few of either, and the rest get their names.

>>> import modag_search as modag
>>> index = modag.Index.open("indexes/demo", create=True)  # doctest: +SKIP
>>> index.add(["sounds/", "pictures/"])  # doctest: +SKIP
>>> index.search("trumpet.wav", modality="image", n=5)  # doctest: +SKIP
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

from modag_search.errors import (
    CatalogError,
    CorruptMediaError,
    DamagedCatalogError,
    DamagedStoreError,
    EmptyMediaError,
    IndexFolderError,
    IndexLockedError,
    IndexNotFoundError,
    MediaError,
    ModagError,
    ModelError,
    NewerCatalogError,
    NothingFoundError,
    OversizedMediaError,
    PluginError,
    SpaceMismatchError,
    StoreError,
    UnknownPluginError,
    UnreadableMediaError,
    UnsupportedMediaError,
    UsageError,
    WeightsDamagedError,
    WeightsMissingError,
)

if TYPE_CHECKING:
    from modag_search.encoders import Encoder
    from modag_search.index import Index
    from modag_search.settings import IndexSettings
    from modag_search.space import Space
    from modag_search.stores import VectorStore
    from modag_search.values import Classification, Failure, Hit, IndexReport, LabelScore, Neighbour

__version__ = "0.1.0"

_LAZY = {
    "Classification": "modag_search.values",
    "Encoder": "modag_search.encoders",
    "Failure": "modag_search.values",
    "Hit": "modag_search.values",
    "Index": "modag_search.index",
    "IndexReport": "modag_search.values",
    "IndexSettings": "modag_search.settings",
    "LabelScore": "modag_search.values",
    "Neighbour": "modag_search.values",
    "Space": "modag_search.space",
    "VectorStore": "modag_search.stores",
}

__all__ = [
    "CatalogError",
    "Classification",
    "CorruptMediaError",
    "DamagedCatalogError",
    "DamagedStoreError",
    "EmptyMediaError",
    "Encoder",
    "Failure",
    "Hit",
    "Index",
    "IndexFolderError",
    "IndexLockedError",
    "IndexNotFoundError",
    "IndexReport",
    "IndexSettings",
    "LabelScore",
    "MediaError",
    "ModagError",
    "ModelError",
    "Neighbour",
    "NewerCatalogError",
    "NothingFoundError",
    "OversizedMediaError",
    "PluginError",
    "Space",
    "SpaceMismatchError",
    "StoreError",
    "UnknownPluginError",
    "UnreadableMediaError",
    "UnsupportedMediaError",
    "UsageError",
    "VectorStore",
    "WeightsDamagedError",
    "WeightsMissingError",
    "__version__",
]


def __getattr__(name: str) -> Any:
    """Import what costs time only when it is asked for."""
    if name not in _LAZY:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(_LAZY[name]), name)


def __dir__() -> list[str]:
    return sorted(__all__)
