"""Labels in the JSON of annotation programs: VIA, Label Studio, COCO."""

from __future__ import annotations

import csv
import os
import re
from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qs, unquote, urlsplit

from modag_search import media
from modag_search.errors import UsageError
from modag_search.files import json_of
from modag_search.labels.files.entries import MOMENT_S

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence

    from modag_search.labels.files.entries import LabelFile, ReadingOptions

_SHOWN = 60
_Said = tuple[str, str, object, float | None, float | None]
"""Name of a media file, attribute, its value, and the part that it holds for."""

_USUAL_ATTRIBUTES = ("label", "labels", "class", "category", "name", "type", "species", "tag")
_VIA_OWN = {"caption", "public_domain", "image_url"}
"""What VIA asks of each file, unless told otherwise; none of it is a label."""

_TIMES = {"created_at", "updated_at"}
_UPLOADED = re.compile(r"[0-9a-f]{4,8}-(?=.)")
"""What Label Studio puts before the names of files that are uploaded to it."""

_REGIONS = "labels of regions of a picture hold for the whole picture"


def read_document(document: Any, file: LabelFile, options: ReadingOptions) -> bool:
    """Take the labels of a JSON document, and tell whether it is of a kind that is known.

    Parameters
    ----------
    document : object
        What the JSON holds.
    file : LabelFile
        What labels are added to.
    options : ReadingOptions

    Returns
    -------
    bool

    Raises
    ------
    UsageError
        If something in it cannot be meant; says where.
    """
    readers: tuple[tuple[Callable[[Any], bool], Callable[[Any, LabelFile, ReadingOptions], None]], ...] = (
        (_is_coco, _read_coco),
        (_is_via, _read_via),
        (_is_via_3, _read_via_3),
        (_is_label_studio, _read_label_studio),
        (_is_label_studio_min, _read_label_studio_min),
    )
    read = next((read for fits, read in readers if fits(document)), None)
    if read is None:
        return False
    try:
        read(document, file, options)
    except (AttributeError, KeyError, TypeError, IndexError) as error:
        raise UsageError(f"{file.source}: is not as {file.kind} writes it: {error!r}") from error
    return True


# COCO: https://cocodataset.org/#format-data


def _is_coco(document: Any) -> bool:
    return isinstance(document, dict) and {"images", "annotations", "categories"} <= document.keys()


def _read_coco(document: Mapping[str, Any], file: LabelFile, options: ReadingOptions) -> None:  # noqa: ARG001
    file.kind = "COCO"
    file.remark(_REGIONS)
    names = {image["id"]: str(image["file_name"]) for image in document["images"]}
    categories = {category["id"]: str(category["name"]) for category in document["categories"]}
    labelled = set()
    for number, annotation in enumerate(document["annotations"], start=1):
        image, category = annotation["image_id"], annotation.get("category_id")
        if image not in names:
            file.pass_over(f"image {image}", "of no image that the file lists")
        elif category not in categories:
            file.pass_over(names[image], "without a label")
        else:
            labelled.add(image)
            file.take(names[image], categories[category], place=f"annotation {number}")
    for image, name in names.items():
        if image not in labelled:
            file.pass_over(name, "without a label")


# VIA 2: https://www.robots.ox.ac.uk/~vgg/software/via/


def _is_via(document: Any) -> bool:
    files = document.get("_via_img_metadata", document) if isinstance(document, dict) else None
    return (
        bool(files)
        and isinstance(files, dict)
        and all(isinstance(one, dict) and {"filename", "regions"} <= one.keys() for one in files.values())
    )


def _read_via(document: Mapping[str, Any], file: LabelFile, options: ReadingOptions) -> None:
    def said() -> Iterator[_Said]:
        for one in document.get("_via_img_metadata", document).values():
            regions = one["regions"].values() if isinstance(one["regions"], dict) else one["regions"]
            found = [one.get("file_attributes") or {}, *(region.get("region_attributes") or {} for region in regions)]
            yield from _attributes(str(one["filename"]), found)

    file.kind = "VIA"
    _take_attributes(list(said()), file, options)


def read_via_rows(rows: Iterable[tuple[int, Mapping[str, object]]], file: LabelFile, options: ReadingOptions) -> None:
    """Take the labels of VIA's CSV, which has a row a region."""

    def said() -> Iterator[_Said]:
        for line, cells in rows:
            found = [_object_in(cells.get(name), file.where(line)) for name in ("file_attributes", "region_attributes")]
            yield from _attributes(str(cells.get("#filename") or cells.get("filename") or ""), found)

    file.kind = "VIA"
    _take_attributes(list(said()), file, options)


def _object_in(cell: object, where: str) -> dict[str, Any]:
    try:
        read = json_of(str(cell or "{}"))
    except ValueError as error:
        raise UsageError(f"{where}: {str(cell)[:_SHOWN]!r} is not JSON: {error}") from error
    return read if isinstance(read, dict) else {}


def _attributes(name: str, found: Iterable[Mapping[str, Any]]) -> Iterator[_Said]:
    """Iterate over the attributes of a file and its regions, but for VIA's own; one that is empty where it has none."""
    given = [(key, value) for one in found for key, value in one.items() if key not in _VIA_OWN and value]
    for key, value in given or [("", "")]:
        yield name, key, value, None, None


def _take_attributes(
    said: Sequence[_Said], file: LabelFile, options: ReadingOptions, *, also: Mapping[str, str] | None = None
) -> None:
    """Take the values of the attribute that holds the labels."""
    chosen = _label_attribute(dict.fromkeys(name for _, name, *_ in said if name), file, options)
    labelled = set()
    for name, attribute, value, start_s, end_s in said:
        if attribute and attribute == chosen:
            for label in _values(value):
                labelled.add(name)
                file.take(name, label, place=name, start_s=start_s, end_s=end_s, also=(also or {}).get(name, ""))
    for name in dict.fromkeys(name for name, *_ in said):
        if name not in labelled:
            file.pass_over(name, "without a label")
    if any(media.kind_of(name) == "image" for name in labelled):
        file.remark(_REGIONS)


def _label_attribute(names: Collection[str], file: LabelFile, options: ReadingOptions) -> str:
    lower = {name.lower(): name for name in names}
    wanted = options.label_column
    if wanted is not None and wanted.lower() not in lower:
        raise UsageError(f"{file.source}: has no attribute {wanted!r}; it has {', '.join(names) or 'none'}")
    if wanted is not None:
        return lower[wanted.lower()]
    usual = [lower[name] for name in _USUAL_ATTRIBUTES if name in lower]
    if len(names) <= 1:
        return next(iter(names), "")
    if not usual:
        raise UsageError(
            f"{file.source}: which attribute holds the labels, {' or '.join(names)}? --label-column names it"
        )
    others = ", ".join(name for name in names if name != usual[0])
    file.remark(f"labels are from the attribute {usual[0]}; --label-column takes those of another ({others})")
    return usual[0]


def _values(value: object) -> list[str]:
    """Return the labels that an attribute has: text, a number, or the boxes that are ticked."""
    if isinstance(value, dict):
        return [str(name) for name, ticked in value.items() if ticked]
    if isinstance(value, list):
        return [str(one) for one in value]
    return [str(value)] if str(value).strip() else []


# VIA 3, for sounds and videos.


def _is_via_3(document: Any) -> bool:
    return isinstance(document, dict) and {"metadata", "file", "view", "attribute"} <= document.keys()


def _read_via_3(document: Mapping[str, Any], file: LabelFile, options: ReadingOptions) -> None:
    def said() -> Iterator[_Said]:
        for one in document["metadata"].values():
            names = [str(document["file"][str(n)]["fname"]) for n in document["view"][one["vid"]]["fid_list"]]
            yield from _attributes_of_time(names, one["z"], one["av"], document["attribute"])

    file.kind = "VIA"
    _take_attributes(list(said()), file, options)


def is_via_3_table(text: str) -> bool:
    """Tell whether text is VIA's CSV for sounds and videos, which begins with comments."""
    return text.startswith("#") and "\n# CSV_HEADER = metadata_id,file_list" in text


def read_via_3_table(text: str, file: LabelFile, options: ReadingOptions) -> None:
    """Take the labels of VIA's CSV for sounds and videos."""
    lines = text.splitlines()
    head = next(line for line in lines if line.startswith("# CSV_HEADER = ")).partition(" = ")[2].split(",")
    about = next((line for line in lines if line.startswith("# ATTRIBUTE")), "").partition(" = ")[2]
    attributes = _object_in(about, file.source)

    def said() -> Iterator[_Said]:
        for cells in csv.DictReader((line for line in lines if not line.startswith("#")), head):
            names, times, given = (
                json_of(cells[column]) for column in ("file_list", "temporal_coordinates", "metadata")
            )
            yield from _attributes_of_time(names, times, given, attributes)

    file.kind = "VIA"
    try:
        _take_attributes(list(said()), file, options)
    except (ValueError, KeyError, TypeError, csv.Error) as error:
        raise UsageError(f"{file.source}: is not as VIA writes it: {error!r}") from error


def _attributes_of_time(
    names: Sequence[str], times: Sequence[float], given: Mapping[str, str], attributes: Mapping[str, Any]
) -> Iterator[_Said]:
    """Iterate over what VIA 3 says of a part of some files: no time is the whole, one is a moment, two are a part."""
    start_s, end_s = (*times, None, None)[:2]
    if len(times) == 1:
        end_s = times[0] + MOMENT_S
    for name in names:
        for number, value in given.items():
            about = attributes[number]
            called, options = (about, {}) if isinstance(about, str) else (about["aname"], about.get("options") or {})
            yield name, called, _chosen(value, options), start_s, end_s


def _chosen(value: str, options: Mapping[str, str]) -> object:
    """Return the options that a value of VIA 3 names, where boxes can be ticked several with commas between."""
    if value in options:
        return options[value]
    ticked = value.split(",") if isinstance(value, str) else []
    return [options.get(one, one) for one in ticked if one] if options.keys() & ticked else value


# Label Studio: https://labelstud.io/guide/task_format


def _is_label_studio(document: Any) -> bool:
    tasks = _tasks(document)
    return _all_objects(tasks) and all(
        isinstance(task.get("data"), dict) and isinstance(_annotations(task), list) for task in tasks
    )


def _tasks(document: Any) -> Any:
    """Return tasks as a list; a storage that is in step with Label Studio has a file a task, or an annotation."""
    if not isinstance(document, dict):
        return document
    about = document.get("task")
    return [about | {"annotations": [document]}] if isinstance(about, dict) and "result" in document else [document]


def _all_objects(document: Any) -> bool:
    return isinstance(document, list) and bool(document) and all(isinstance(one, dict) for one in document)


def _annotations(task: Mapping[str, Any]) -> Any:
    return task.get("annotations", task.get("completions"))  # as they were called before 1.0


def _read_label_studio(document: Any, file: LabelFile, options: ReadingOptions) -> None:
    file.kind = "Label Studio"
    for number, task in enumerate(_tasks(document), start=1):
        place = f"task {task.get('id', number)}"
        name, also = _media_of(task)
        results = [
            result
            for annotation in _annotations(task)
            if not annotation.get("was_cancelled")
            for result in annotation.get("result") or ()
            if options.label_column in (None, result.get("from_name"))
        ]
        said = [one for result in results for one in _said_by(result.get("value") or {}, file)]
        for label, start_s, end_s in said:
            file.take(name, label, place=place, start_s=start_s, end_s=end_s, also=also)
        if not said:
            file.pass_over(name, "without a label")


def _said_by(value: Mapping[str, Any], file: LabelFile) -> Iterator[tuple[str, float | None, float | None]]:
    """Iterate over the labels of a result, and the part of a sound that each holds for."""
    if "width" in value or "points" in value:
        file.remark(_REGIONS)
    times = [value.get(side) for side in ("start", "end")]
    start_s, end_s = (float(one) if isinstance(one, (int, float)) else None for one in times)
    for label in _labels_of(value):
        yield label, start_s, end_s


def _labels_of(value: Mapping[str, Any]) -> Iterator[str]:
    """Iterate over the labels of a result: choices, those of regions, and the last step of each way in a taxonomy."""
    for key, listed in value.items():
        if isinstance(listed, list) and (key == "choices" or key.endswith("labels")):
            yield from (label for label in listed if isinstance(label, str))
        elif key == "taxonomy" and isinstance(listed, list):
            yield from (str(way[-1]) for way in listed if isinstance(way, list) and way)


def _media_of(task: Mapping[str, Any]) -> tuple[str, str]:
    """Return what a task calls its media file, and what that was called before it was uploaded."""
    named = [value for value in task["data"].values() if isinstance(value, str)]
    address = next((value for value in named if media.kind_of(_path_in(value)) is not None), "")
    name = _path_in(address) or str(task.get("file_upload") or f"task {task.get('id')}")
    return name, _UPLOADED.sub("", os.path.basename(name), count=1)


def _path_in(address: str) -> str:
    """Return the path in an address: what is behind ``?d=`` for a file beside the server, else what is before it."""
    parts = urlsplit(address) if "://" in address or address.startswith("/data/") else None
    if parts is None:
        return address
    local = parse_qs(parts.query).get("d")
    return local[0] if local else unquote(parts.path).lstrip("/")


def _is_label_studio_min(document: Any) -> bool:
    return _all_objects(document) and all({"annotator", "annotation_id"} & task.keys() for task in document)


def _read_label_studio_min(document: Sequence[Mapping[str, Any]], file: LabelFile, options: ReadingOptions) -> None:
    """Take the labels of JSON-MIN, where what was asked and what was answered are keys of one task."""
    also: dict[str, str] = {}

    def said() -> Iterator[_Said]:
        for number, task in enumerate(document, start=1):
            name, uploaded_as = _media_of({"data": task, "id": task.get("id", number)})
            also[name] = uploaded_as
            yield name, "", "", None, None
            for key, value in task.items():
                if isinstance(value, str) and media.kind_of(_path_in(value)) is None and key not in _TIMES:
                    yield name, key, value, None, None
                for one in value if isinstance(value, list) else [value]:
                    if isinstance(one, dict):
                        yield from ((name, key, *said) for said in _said_by(one, file))

    file.kind = "Label Studio"
    _take_attributes(list(said()), file, options, also=also)
