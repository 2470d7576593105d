"""Labels from files, and to files."""

from modag_search.labelling.entries import LabelEntry
from modag_search.labelling.exporting import (
    GIVEN,
    LABEL_COLUMNS,
    ExportReport,
    LabelFormat,
    csv_lines,
    export_labels,
    json_lines,
    label_rows,
)
from modag_search.labelling.files import read_label_file
from modag_search.labelling.folders import read_folders
from modag_search.labelling.importing import ImportReport, import_labels

__all__ = [
    "GIVEN",
    "LABEL_COLUMNS",
    "ExportReport",
    "ImportReport",
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
