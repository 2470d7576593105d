"""Labels from files, and to files."""

from modag_search.labels.files.entries import LABEL_COLUMNS, MIN_CONFIDENCE, LabelEntry, LabelFile, ReadingOptions
from modag_search.labels.files.exporting import (
    GIVEN,
    LabelFormat,
    csv_lines,
    export_labels,
    json_lines,
    label_rows,
)
from modag_search.labels.files.folders import FolderLevel, read_folders
from modag_search.labels.files.importing import import_labels
from modag_search.labels.files.reading import read_label_file

__all__ = [
    "GIVEN",
    "LABEL_COLUMNS",
    "MIN_CONFIDENCE",
    "FolderLevel",
    "LabelEntry",
    "LabelFile",
    "LabelFormat",
    "ReadingOptions",
    "csv_lines",
    "export_labels",
    "import_labels",
    "json_lines",
    "label_rows",
    "read_folders",
    "read_label_file",
]
