"""What others build on: names, and how they are called."""

from __future__ import annotations

import ast
import dataclasses
import inspect
import re
from importlib import import_module
from pathlib import Path
from typing import get_args

import pytest

import modag_search
from modag_search import Encoder, Index, StoreReader, VectorStore, errors, evaluate
from modag_search.labels.book import LabelBook

NAMES = [
    "CLOSE",
    "NOTHING",
    "AbsentMediaError",
    "BackupReport",
    "CatalogError",
    "CatalogServerError",
    "Check",
    "CheckedPrecision",
    "ClassHead",
    "Classification",
    "Classifications",
    "ClusterError",
    "CopyOf",
    "CorruptMediaError",
    "DamagedCatalogError",
    "DamagedStoreError",
    "DecoderError",
    "Duplicate",
    "DuplicateGroup",
    "EmptyMediaError",
    "Encoder",
    "EncoderCard",
    "Evaluation",
    "EvidencePart",
    "Explanation",
    "ExportReport",
    "Failure",
    "FileDescription",
    "Float32Array",
    "ForgetReport",
    "Given",
    "Head",
    "Hierarchy",
    "Hit",
    "Hits",
    "ImportReport",
    "ImportedLabel",
    "Index",
    "IndexCopyReport",
    "IndexFolderError",
    "IndexLockedError",
    "IndexNotFoundError",
    "IndexReport",
    "IndexSettings",
    "Int64Array",
    "ItemLabel",
    "ItemMap",
    "ItemRecord",
    "LabelConflictError",
    "LabelEstimate",
    "LabelIssue",
    "LabelKind",
    "LabelPassage",
    "LabelScore",
    "LabelSummary",
    "MediaError",
    "MediaKind",
    "MissingExtraError",
    "ModagError",
    "Modality",
    "ModalityEvidence",
    "ModelError",
    "NamedRoot",
    "NearestExample",
    "Neighbour",
    "NewerCatalogError",
    "NoMediaError",
    "NoSuchItemError",
    "NoSuchLabelError",
    "NoSuchRunError",
    "NotMediaError",
    "NotOnWorkerError",
    "NothingFoundError",
    "Notice",
    "OversizedMediaError",
    "PairIssue",
    "PassedOver",
    "Place",
    "PluginError",
    "PrecisionEstimate",
    "Question",
    "ReadOnlyIndexError",
    "ReadingOptions",
    "RepairReport",
    "ReplacedFile",
    "RestoreReport",
    "RunRecord",
    "SegmentRecord",
    "SegmentStatus",
    "Space",
    "SpaceMismatchError",
    "StoreChangedError",
    "StoreError",
    "StoreReader",
    "StoreServerError",
    "Suggestion",
    "Taken",
    "TransferCheck",
    "TransferReport",
    "Transferred",
    "Uint8Array",
    "Undone",
    "UnknownPluginError",
    "UnreadableMediaError",
    "UnsupportedMediaError",
    "UsageError",
    "VectorStore",
    "Vocabulary",
    "WeightsDamagedError",
    "WeightsFile",
    "WeightsMissingError",
    "__version__",
    "evaluate",
    "preset",
]

INDEX = {
    "open": "folder, *, create=False, settings=None, wait_s=30.0",
    "close": "self",
    "add": (
        "self, paths, *, prune=False, dry_run=False, workers=None, exclude=(), follow_symlinks=False, "
        "retry_failed=False, rehash=False, beside=(), progress=None"
    ),
    "forget": "self, paths, *, dry_run=False",
    "undo_forget": "self",
    "search": (
        "self, query, *, sample_rate_hz=None, plus=(), minus=(), modality='any', n=10, min_similarity=-1.0, "
        "min_relevance=0.0, label=None, under=(), kind=None, min_duration_s=None, max_duration_s=None, "
        "copies=False, places=0, start_s=None, end_s=None"
    ),
    "search_many": "self, queries, *, workers=None, on_failure=None, **options",
    "classify": (
        "self, paths=None, *, by='knn', names=None, k=20, temperature=0.07, min_confidence=0.0, "
        "max_confidence=1.0, level=None, unlabelled=False, sort=None, workers=None, on_failure=None"
    ),
    "classify_each": (
        "self, paths=None, *, by='knn', names=None, k=20, temperature=0.07, min_confidence=0.0, "
        "max_confidence=1.0, level=None, unlabelled=False, sort=None, workers=None, on_failure=None"
    ),
    "explain": "self, path, *, names=None, k=20, temperature=0.07, level=None",
    "transfer": (
        "self, *, min_confidence=0.8, max_confidence=1.0, by='knn', names=None, k=20, temperature=0.07, level=None, "
        "dry_run=False"
    ),
    "check_transfer": (
        "self, n=20, *, min_confidence=0.8, max_confidence=1.0, by='knn', names=None, k=20, temperature=0.07, "
        "level=None, seed=0"
    ),
    "train_head": "self, *, update=False, seed=0",
    "suggest": "self, *, n=20, modality=None, seed=0, near=None, label=None",
    "count": "self, label",
    "check_count": "self, label, n=20, *, seed=0",
    "audit": "self, *, max_probability=0.1",
    "back_up": "self, path",
    "restore": "path, folder, *, roots=None",
    "copy": "source, target, *, dry_run=False, wait_s=30.0, on_rows=None",
    "repair": "folder, *, wait_s=30.0",
    "audit_pairs": "self, *, min_rank=0.5, seed=0",
    "duplicates": "self, *, modality=None, min_similarity=None, alike=False",
    "label": "self, paths, label, *, start_s=None, end_s=None",
    "deny": "self, paths, label, *, start_s=None, end_s=None",
    "tag": "self, paths, tag, *, start_s=None, end_s=None",
    "unlabel": "self, paths, label",
    "import_labels": (
        "self, source, *, from_folders=False, level=None, skip_missing=False, dry_run=False, options=None"
    ),
    "item": "self, path",
    "map": "self, method='pca'",
    "failures": "self",
    "describe": "self, path",
    "notices": "self",
    "passed_over": "self, paths",
    "rebuild": (
        "self, *, space=None, store=None, sound_encoder=None, image_encoder=None, workers=None, progress=None, "
        "on_failure=None"
    ),
    "verify": "self",
    "outdated": "self",
    "stores": "self",
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
    assert VectorStore.__abstractmethods__ == {"add", "build", "to_bytes", "from_bytes"}
    assert StoreReader.__abstractmethods__ == {"search", "ids"}


def named_in(annotation: str, module: str) -> list[object]:
    """Find what an annotation names: in its module, or where the module imports it from, for the type checker too."""
    source = ast.parse(Path(str(import_module(module).__file__)).read_text(encoding="utf-8"))
    imported = {
        alias.name: node.module
        for node in ast.walk(source)
        if isinstance(node, ast.ImportFrom) and node.module
        for alias in node.names
    }
    names = set(re.findall(r"[A-Za-z_]\w*", annotation))
    found = [getattr(import_module(imported.get(name, module)), name, None) for name in names]
    return [one for one in found if one is not None]


def dataclasses_in(annotation: str, module: str) -> set[type]:
    """Find the dataclasses that an annotation names, in lists too, and those in the fields of what has no methods."""
    found: set[type] = set()
    for one in named_in(annotation, module):
        if isinstance(one, type) and issubclass(one, list) and one is not list:
            found |= {held for base in vars(one)["__orig_bases__"] for held in get_args(base)}
        if isinstance(one, type) and dataclasses.is_dataclass(one):
            found.add(one)
            methods = [name for name in vars(one) if not name.startswith("_") and callable(getattr(one, name))]
            for field in () if methods else dataclasses.fields(one):
                found |= dataclasses_in(str(field.type), one.__module__)
    return found


def returned() -> set[type]:
    """Find the dataclasses that come out of an index, its labels, and an evaluation."""
    found: set[type] = set()
    for owner in (Index, LabelBook):
        for name, member in inspect.getmembers(owner):
            function = getattr(member, "fget", None) or getattr(member, "func", None) or member
            if not name.startswith("_") and inspect.isroutine(function):
                annotation = str(inspect.signature(function).return_annotation)
                found |= dataclasses_in(annotation, function.__module__)
    return found


def test_all_that_an_index_returns_can_be_imported() -> None:
    public = {name: getattr(modag_search, name) for name in NAMES}
    classes = returned()
    assert {"Hit", "Neighbour", "Transferred", "DuplicateGroup", "Duplicate", "Given", "RunRecord", "Head"} <= {
        one.__name__ for one in classes
    }
    assert [one for one in classes if public.get(one.__name__) is not one] == []
    assert evaluate.__annotations__["return"] in NAMES


def test_every_error_can_be_imported() -> None:
    ours = {name for name, value in vars(errors).items() if isinstance(value, type) and issubclass(value, Exception)}
    assert ours <= set(NAMES)


def test_every_error_is_ours_and_has_words() -> None:
    for name in NAMES:
        value = getattr(modag_search, name)
        if name.endswith("Error"):
            assert issubclass(value, modag_search.ModagError)
            assert value.__doc__
    error = modag_search.CorruptMediaError("a.wav", "is damaged")
    assert (str(error), error.path, error.reason) == ("a.wav: is damaged", "a.wav", "is damaged")
