"""The catalog: the truth about an index, in SQLite. The only place that speaks SQL."""

from __future__ import annotations

from modag_search.catalog.catalog import Catalog, CatalogMoment
from modag_search.catalog.changes import PutReport
from modag_search.catalog.counting import LabelCount
from modag_search.catalog.inspection import CatalogCounts, CatalogTotals
from modag_search.catalog.items import ScanVerdict
from modag_search.catalog.kept_labels import FormerLabel
from modag_search.catalog.labels import Annotation, LabelChange, Origin
from modag_search.catalog.names import LabelMode

__all__ = [
    "Annotation",
    "Catalog",
    "CatalogCounts",
    "CatalogMoment",
    "CatalogTotals",
    "FormerLabel",
    "LabelChange",
    "LabelCount",
    "LabelMode",
    "Origin",
    "PutReport",
    "ScanVerdict",
]
