"""JAMS: annotations of recordings in JSON, of which labels are the tags.

Humphrey et al., "JAMS: a JSON annotated music specification for reproducible MIR research", ISMIR 2014;
https://jams.readthedocs.io. A tag on all of a recording lasts from 0 s for as long as the recording.
"""

from __future__ import annotations

import math
import os
from dataclasses import replace
from typing import TYPE_CHECKING, Any, NamedTuple

from modag_search import media
from modag_search.errors import UsageError
from modag_search.files import json_of, read_regular
from modag_search.labels.checks import check_part, checked_name
from modag_search.labels.files.cells import confidence_in
from modag_search.labels.files.entries import LabelEntry, checked_path

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
    from pathlib import Path

    from modag_search.catalog import Annotation
    from modag_search.labels.files.entries import LabelFile
    from modag_search.values import ItemRecord

_TAGS = "tag_"
_WRITTEN = "tag_open"
_GUESSED = "transfer"
"""What an index transferred is nobody's word: written where asked for, never read."""
_VERSION = "0.3.4"
_MOST_BYTES = 2**30
_COLUMNS = ("time", "duration", "value", "confidence")
_TOOL = "modag-search"


class _Tag(NamedTuple):
    """An observation, and where it stands; a guess unless an index wrote it, to which it was given."""

    where: str
    value: str
    time: Any
    duration: Any
    confidence: Any
    is_guess: bool = True


def read_jams(paths: Iterable[Path], file: LabelFile, *, min_confidence: float) -> None:
    """Take the tags of JAMS files: the annotations whose namespaces begin with ``tag_``.

    What ``sandbox.modag.not`` lists is said not to hold, and what ``sandbox.modag.tags`` names is a tag.

    Parameters
    ----------
    paths : iterable of Path
        Absolute. A file speaks of the media file that ``sandbox.modag.path`` names, from the file's folder on; where
        it names none, of the one beside the file that is called as it is.
    file : LabelFile
        What they are added to.
    min_confidence : float
        Leaves out tags of which a program was less sure; not those that an index wrote, which were given to it.

    Raises
    ------
    UsageError
        If a file is not JAMS, has no annotation that holds tags, or it is not plain what media file it speaks of.
    """
    folders: dict[Path, dict[str, list[str]]] = {}
    for path in paths:
        document = _document(path)
        tags = list(_tags(document, path))
        beside = folders.get(path.parent)
        if beside is None:
            beside = folders[path.parent] = _media_by_stem(path.parent)
        about = _media_file(document, path, beside.get(path.stem, []))
        total_s = _mapping(document.get("file_metadata")).get("duration")
        ours = _ours(document)
        are_tags = {name for name in _listed(ours.get("tags")) if isinstance(name, str)}
        for tag in tags:
            entry = _entry(tag, about, path, total_s)
            if tag.is_guess and entry.confidence is not None and entry.confidence < min_confidence:
                file.pass_over(about, f"below a confidence of {min_confidence:g}")
            else:
                file.entries.append(replace(entry, is_tag=entry.label in are_tags))
        denied = [_tag(one, f"{path}: sandbox.modag.not") for one in _listed(ours.get("not"))]
        file.entries += [replace(_entry(tag, about, path, total_s), is_not=True) for tag in denied]


def jams_of(
    item: ItemRecord, annotations: Sequence[Annotation], *, path: str, tags: Collection[str] = ()
) -> dict[str, Any]:
    """Write the labels of an item as a JAMS document.

    Parameters
    ----------
    item : ItemRecord
    annotations : sequence of Annotation
        The item's. A part that is open on a side goes to the beginning or the end of the item: JAMS has no open ones.
    path : str
        Of the item, as the document is to name it.
    tags : collection of str
        Labels that are tags.

    Returns
    -------
    dict
        One annotation for each origin and source of labels. What is denied stands in the sandbox: any reader would take
        an annotation for something that holds.
    """
    total_s = item.duration_s or 0.0
    by_origin: dict[str, list[Annotation]] = {}
    for annotation in annotations:
        if not annotation.is_not:
            by_origin.setdefault(_data_source(annotation), []).append(annotation)
    sandbox: dict[str, Any] = {"path": path, "content_hash": item.content_hash}
    if denied := [_observation(annotation, total_s) for annotation in annotations if annotation.is_not]:
        sandbox["not"] = denied
    if own_tags := sorted({annotation.label for annotation in annotations}.intersection(tags)):
        sandbox["tags"] = own_tags
    return {
        "file_metadata": {
            "title": os.path.basename(item.path),
            "artist": "",
            "release": "",
            "duration": total_s,
            "identifiers": {},
            "jams_version": _VERSION,
        },
        "annotations": [
            {
                "namespace": _WRITTEN,
                "annotation_metadata": {"data_source": origin, "annotation_tools": _TOOL},
                "data": [_observation(annotation, total_s) for annotation in same_origin],
                "sandbox": {},
                "time": 0,
                "duration": total_s,
            }
            for origin, same_origin in by_origin.items()
        ],
        "sandbox": {"modag": sandbox},
    }


def _document(path: Path) -> dict[str, Any]:
    try:
        document = json_of(read_regular(path, most_bytes=_MOST_BYTES))
    except OSError as error:
        raise UsageError(f"{path}: cannot be read: {error.strerror}") from error
    except ValueError as error:
        raise UsageError(f"{path}: is not JSON, and so not JAMS: {error}") from error
    if not isinstance(document, dict) or not isinstance(document.get("annotations"), list):
        raise UsageError(f"{path}: is not JAMS: it has no list of annotations")
    return document


def _ours(document: Mapping[str, Any]) -> Mapping[str, Any]:
    """Return what JAMS has no place for, and was written by `jams_of`."""
    return _mapping(_mapping(document.get("sandbox")).get("modag"))


def _listed(value: object) -> Sequence[object]:
    return value if isinstance(value, list) else ()


def _mapping(value: object) -> Mapping[str, Any]:
    return value if isinstance(value, dict) else {}


def _tags(document: Mapping[str, Any], path: Path) -> Iterator[_Tag]:
    namespaces = [str(_mapping(annotation).get("namespace")) for annotation in document["annotations"]]
    if not (any(name.startswith(_TAGS) for name in namespaces) or _ours(document).get("not")):
        others = ", ".join(sorted(set(namespaces))) or "nothing"
        raise UsageError(f"{path}: holds no tags, which are the annotations of {_TAGS}...; it holds {others}")
    for number, (namespace, annotation) in enumerate(zip(namespaces, document["annotations"], strict=True), start=1):
        about = _mapping(_mapping(annotation).get("annotation_metadata"))
        source, is_guess = str(about.get("data_source")), about.get("annotation_tools") != _TOOL
        if namespace.startswith(_TAGS) and not source.startswith(_GUESSED):
            where = f"{path}: annotation {number} ({namespace})"
            for position, observation in enumerate(_observations(annotation.get("data"), where), start=1):
                yield _tag(observation, f"{where}, observation {position}")._replace(is_guess=is_guess)


def _observations(data: object, where: str) -> Iterator[object]:
    """Iterate over observations, be they a list of mappings or a mapping of lists."""
    if isinstance(data, list):
        yield from data
        return
    columns = [_mapping(data).get(name) for name in _COLUMNS]
    if not isinstance(columns[-1], list):  # not all say how sure they were
        columns.pop()
    lists = [column for column in columns if isinstance(column, list)]
    if len(lists) < len(columns) or len({len(column) for column in lists}) > 1:
        raise UsageError(f"{where}: its data are neither observations nor lists of {', '.join(_COLUMNS)} of one length")
    for cells in zip(*lists, strict=True):
        yield dict(zip(_COLUMNS, cells, strict=False))


def _tag(observation: object, where: str) -> _Tag:
    cells = _mapping(observation)
    value = cells.get("value")
    if not isinstance(value, str):
        raise UsageError(f"{where}: its value must be text, not {value!r}")
    return _Tag(where, value, cells.get("time"), cells.get("duration"), cells.get("confidence"))


def _entry(tag: _Tag, about: str, path: Path, total_s: object) -> LabelEntry:
    where = tag.where
    start_s = _seconds(tag.time, "time", where=where) or 0.0
    length_s = _seconds(tag.duration, "duration", where=where)
    total = _seconds(total_s, "duration", where=f"{path}: file_metadata")
    label, confidence = checked_name(tag.value, where=where), confidence_in(tag.confidence)
    if start_s == 0 and (not length_s or (total and length_s >= total)):
        return LabelEntry(path=about, label=label, source=str(path), confidence=confidence)
    end_s = None if length_s is None else start_s + length_s
    check_part(start_s, end_s, where=where)
    return LabelEntry(path=about, label=label, start_s=start_s, end_s=end_s, source=str(path), confidence=confidence)


def _seconds(value: object, name: str, *, where: str) -> float | None:
    if value is None:
        return None
    if isinstance(value, (int, float)) and not isinstance(value, bool) and 0 <= value < math.inf:
        return float(value)
    raise UsageError(f"{where}: its {name} must be a number of seconds, not {value!r}")


def _media_by_stem(folder: Path) -> dict[str, list[str]]:
    """Find the media files in a folder, by their names without endings."""
    found: dict[str, list[str]] = {}
    for name in sorted(os.listdir(folder)):
        if media.kind_of(name) is not None:
            found.setdefault(os.path.splitext(name)[0], []).append(name)
    return found


def _media_file(document: Mapping[str, Any], path: Path, beside: Sequence[str]) -> str:
    """Return the absolute path of the media file that a JAMS file speaks of."""
    named = _ours(document).get("path")
    if isinstance(named, str) and named:
        return checked_path(named, folder=path.parent, where=str(path))
    if not beside:
        raise UsageError(f"{path}: no media file of that name lies beside it, and sandbox.modag.path in it names none")
    if len(beside) > 1:
        raise UsageError(f"{path}: speaks of {' or '.join(beside)}; name one in it, as sandbox.modag.path")
    return os.path.join(path.parent, beside[0])


def _data_source(annotation: Annotation) -> str:
    return annotation.origin if annotation.source is None else f"{annotation.origin} from {annotation.source}"


def _observation(annotation: Annotation, total_s: float) -> dict[str, Any]:
    start_s = annotation.start_s or 0.0
    end_s = max(start_s, total_s) if annotation.end_s is None else annotation.end_s
    return {
        "time": start_s,
        "duration": _length(start_s, end_s),
        "value": annotation.label,
        "confidence": annotation.confidence,
    }


def _length(start_s: float, end_s: float) -> float:
    """Return what makes `end_s`, when it is added to `start_s`: rounding may cost the difference its last bit."""
    length_s = end_s - start_s
    near = (length_s, math.nextafter(length_s, math.inf), math.nextafter(length_s, 0.0))
    return next((each for each in near if start_s + each == end_s), length_s)
