"""Ask with a sound, get pictures; ask with a picture, get sounds; name a few of either, and the rest get their names.

What methods return is defined in `values`, what they raise in `errors`; all of it, and all that a plugin needs, is
importable from here.

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
    LabelConflictError,
    MediaError,
    MissingExtraError,
    ModagError,
    ModelError,
    NewerCatalogError,
    NoMediaError,
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
    from modag_search.classify.linear_head import Head
    from modag_search.curate.checking import Check, TransferCheck
    from modag_search.encoders import ClassHead, Encoder, EncoderCard, WeightsFile
    from modag_search.evaluation import Evaluation, evaluate
    from modag_search.hierarchy import Hierarchy
    from modag_search.index import Index
    from modag_search.labels.files import ReadingOptions
    from modag_search.labels.presets import preset
    from modag_search.labels.vocabulary import Vocabulary
    from modag_search.settings import IndexSettings
    from modag_search.space import Space
    from modag_search.stores import NOTHING, StoreReader, VectorStore
    from modag_search.values import (
        CheckedPrecision,
        Classification,
        CopyOf,
        Duplicate,
        DuplicateGroup,
        EvidencePart,
        Explanation,
        ExportReport,
        Failure,
        Float32Array,
        ForgetReport,
        Given,
        Hit,
        ImportedLabel,
        ImportReport,
        IndexReport,
        Int64Array,
        ItemLabel,
        ItemRecord,
        LabelEstimate,
        LabelIssue,
        LabelKind,
        LabelPassage,
        LabelScore,
        LabelSummary,
        MediaKind,
        Modality,
        ModalityEvidence,
        NearestExample,
        Neighbour,
        PairIssue,
        PassedOver,
        Place,
        PrecisionEstimate,
        Question,
        ReplacedFile,
        RunRecord,
        SegmentStatus,
        Suggestion,
        Transferred,
        TransferReport,
        Uint8Array,
    )

__version__ = "0.1.0"

# What takes numpy, faiss or SQLAlchemy to import waits until it is asked for.
_LAZY = {
    "Check": "modag_search.curate.checking",
    "CheckedPrecision": "modag_search.values",
    "ClassHead": "modag_search.encoders",
    "Classification": "modag_search.values",
    "CopyOf": "modag_search.values",
    "Duplicate": "modag_search.values",
    "DuplicateGroup": "modag_search.values",
    "Encoder": "modag_search.encoders",
    "EncoderCard": "modag_search.encoders",
    "Evaluation": "modag_search.evaluation",
    "EvidencePart": "modag_search.values",
    "Explanation": "modag_search.values",
    "ExportReport": "modag_search.values",
    "Failure": "modag_search.values",
    "Float32Array": "modag_search.values",
    "ForgetReport": "modag_search.values",
    "Given": "modag_search.values",
    "Head": "modag_search.classify.linear_head",
    "Hierarchy": "modag_search.hierarchy",
    "Hit": "modag_search.values",
    "ImportReport": "modag_search.values",
    "ImportedLabel": "modag_search.values",
    "Index": "modag_search.index",
    "IndexReport": "modag_search.values",
    "IndexSettings": "modag_search.settings",
    "Int64Array": "modag_search.values",
    "ItemLabel": "modag_search.values",
    "ItemRecord": "modag_search.values",
    "LabelEstimate": "modag_search.values",
    "LabelIssue": "modag_search.values",
    "LabelKind": "modag_search.values",
    "LabelPassage": "modag_search.values",
    "LabelScore": "modag_search.values",
    "LabelSummary": "modag_search.values",
    "MediaKind": "modag_search.values",
    "Modality": "modag_search.values",
    "ModalityEvidence": "modag_search.values",
    "NOTHING": "modag_search.stores",
    "NearestExample": "modag_search.values",
    "Neighbour": "modag_search.values",
    "PairIssue": "modag_search.values",
    "PassedOver": "modag_search.values",
    "Place": "modag_search.values",
    "PrecisionEstimate": "modag_search.values",
    "Question": "modag_search.values",
    "ReadingOptions": "modag_search.labels.files",
    "ReplacedFile": "modag_search.values",
    "RunRecord": "modag_search.values",
    "SegmentStatus": "modag_search.values",
    "Space": "modag_search.space",
    "StoreReader": "modag_search.stores",
    "Suggestion": "modag_search.values",
    "TransferCheck": "modag_search.curate.checking",
    "TransferReport": "modag_search.values",
    "Transferred": "modag_search.values",
    "Uint8Array": "modag_search.values",
    "VectorStore": "modag_search.stores",
    "Vocabulary": "modag_search.labels.vocabulary",
    "WeightsFile": "modag_search.encoders",
    "evaluate": "modag_search.evaluation",
    "preset": "modag_search.labels.presets",
}

__all__ = [
    "NOTHING",
    "CatalogError",
    "Check",
    "CheckedPrecision",
    "ClassHead",
    "Classification",
    "CopyOf",
    "CorruptMediaError",
    "DamagedCatalogError",
    "DamagedStoreError",
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
    "Float32Array",
    "ForgetReport",
    "Given",
    "Head",
    "Hierarchy",
    "Hit",
    "ImportReport",
    "ImportedLabel",
    "Index",
    "IndexFolderError",
    "IndexLockedError",
    "IndexNotFoundError",
    "IndexReport",
    "IndexSettings",
    "Int64Array",
    "ItemLabel",
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
    "NearestExample",
    "Neighbour",
    "NewerCatalogError",
    "NoMediaError",
    "NothingFoundError",
    "OversizedMediaError",
    "PairIssue",
    "PassedOver",
    "Place",
    "PluginError",
    "PrecisionEstimate",
    "Question",
    "ReadingOptions",
    "ReplacedFile",
    "RunRecord",
    "SegmentStatus",
    "Space",
    "SpaceMismatchError",
    "StoreError",
    "StoreReader",
    "Suggestion",
    "TransferCheck",
    "TransferReport",
    "Transferred",
    "Uint8Array",
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


def __getattr__(name: str) -> Any:
    """Import what costs time only when it is asked for."""
    if name not in _LAZY:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(_LAZY[name]), name)


def __dir__() -> list[str]:
    return sorted(__all__)
