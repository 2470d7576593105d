"""Labels from files, and to files."""

from modag_search.labels.files.entries import LabelEntry
from modag_search.labels.files.exporting import (
    GIVEN,
    LABEL_COLUMNS,
    LabelFormat,
    csv_lines,
    export_labels,
    json_lines,
    label_rows,
)
from modag_search.labels.files.folders import read_folders
from modag_search.labels.files.importing import import_labels
from modag_search.labels.files.reading import read_label_file

__all__ = [
    "GIVEN",
    "LABEL_COLUMNS",
    "LabelEntry",
    "LabelFormat",
    "csv_lines",
    "export_labels",
    "import_labels",
    "json_lines",
    "label_rows",
    "read_folders",
    "read_label_file",
]
