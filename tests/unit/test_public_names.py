"""What others build on: names, and how they are called."""

from __future__ import annotations

import inspect

import pytest

import modag_search
from modag_search import Encoder, Index, VectorStore

NAMES = [
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

INDEX = {
    "open": "folder, *, create=False, settings=None",
    "close": "self",
    "add": (
        "self, paths, *, prune=False, dry_run=False, workers=None, exclude=(), follow_symlinks=False, "
        "retry_failed=False, progress=None"
    ),
    "search": ("self, query, *, modality='any', n=10, min_similarity=-1.0, label=None, start_s=None, end_s=None"),
    "classify": (
        "self, paths=None, *, by='knn', k=20, temperature=0.07, min_confidence=0.0, level=None, unlabelled=False, "
        "workers=None, on_failure=None"
    ),
    "transfer": "self, *, min_confidence=0.8, by='knn', k=20, temperature=0.07, level=None, dry_run=False",
    "train_head": "self, *, update=False, seed=0",
    "suggest": "self, *, n=20, modality=None, seed=0",
    "audit": "self, *, max_probability=0.1",
    "audit_pairs": "self, *, min_rank=0.5, seed=0",
    "duplicates": "self, *, modality=None, min_similarity=None",
    "label": "self, paths, label, *, start_s=None, end_s=None",
    "unlabel": "self, paths, label",
    "item": "self, path",
    "failures": "self",
    "rebuild": (
        "self, *, space=None, store=None, sound_encoder=None, image_encoder=None, workers=None, progress=None, "
        "on_failure=None"
    ),
    "verify": "self",
    "outdated": "self",
}


def called(function: object) -> str:
    """How a function is called: its parameters with defaults, without types."""
    signature = inspect.signature(function)  # type: ignore[arg-type]
    bare = [p.replace(annotation=inspect.Parameter.empty) for p in signature.parameters.values()]
    return str(inspect.Signature(bare))[1:-1].replace(" = ", "=")


def test_the_names_of_the_package() -> None:
    assert modag_search.__all__ == NAMES
    assert dir(modag_search) == sorted(NAMES)
    for name in NAMES:
        assert getattr(modag_search, name) is not None
    with pytest.raises(AttributeError, match="module 'modag_search' has no attribute 'nonesuch'"):
        _ = modag_search.nonesuch


def test_the_methods_of_an_index() -> None:
    methods = {
        name: called(method)
        for name, method in inspect.getmembers(Index)
        if not name.startswith("_") and callable(method)
    }
    assert methods == INDEX


def test_what_a_plugin_must_implement() -> None:
    assert Encoder.__abstractmethods__ == {"encode"}
    assert VectorStore.__abstractmethods__ == {"add", "remove", "search", "save", "__len__"}


def test_every_error_is_ours_and_has_words() -> None:
    for name in NAMES:
        value = getattr(modag_search, name)
        if name.endswith("Error"):
            assert issubclass(value, modag_search.ModagError)
            assert value.__doc__
    error = modag_search.CorruptMediaError("a.wav", "is damaged")
    assert (str(error), error.path, error.reason) == ("a.wav: is damaged", "a.wav", "is damaged")
