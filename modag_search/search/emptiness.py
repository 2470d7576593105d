"""Why nothing was found: which of the filters leave nothing, and the way out."""

from __future__ import annotations

import math
import os
import shlex
from typing import TYPE_CHECKING, Any, Literal

from modag_search.labels.book import LabelBook
from modag_search.labels.items import why_not_indexed
from modag_search.labels.vocabulary import some_of
from modag_search.search.filters import absolute
from modag_search.wording import NOUNS, far_in_words

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from modag_search.catalog import Catalog
    from modag_search.search.filters import Filters
    from modag_search.values import Hit, Modality

_TAKEN_IN = "`modag index PATH...` takes files in"
_PLURALS = {"image": "pictures", "sound": "sounds", "video": "videos"}
_OPTIONS = {
    "under": "--under",
    "label": "--label",
    "modality": "--modality",
    "kind": "--kind",
    "min_duration_s": "--min-duration",
    "max_duration_s": "--max-duration",
}
"""In the order in which they are looked at."""
_MOST = 1000
"""How far is counted what would be found without a filter."""


def filtered_out(catalog: Catalog, filters: Filters, *, modality: Modality | Literal["any"] = "any") -> str | None:
    """Say why no item meets some filters: the first that none meets, or those that none meets together.

    To be asked once nothing was found: it takes a few questions to the catalog, each of which stops at the first item
    that meets the filters, but looks at all where none does.

    Parameters
    ----------
    catalog : Catalog
    filters : Filters
    modality : {"image", "sound", "any"}

    Returns
    -------
    str or None
        None where something meets them all.
    """
    if not _n_items(catalog, {}) and not catalog.totals().items:
        return f"the index is empty; {_TAKEN_IN}"
    given = {name: getattr(filters, name, None if modality == "any" else modality) for name in _OPTIONS}
    chosen = {name: value for name, value in given.items() if value not in (None, ())}
    for name, value in chosen.items():
        if not _n_items(catalog, {name: value}):
            return f"nothing found: {_ALONE[name](catalog, value)}"
    if _n_items(catalog, chosen):
        return None
    if not chosen:
        return "nothing found: nothing in the index can be found; `modag failures --all` says why"
    return f"nothing found: {_together(catalog, chosen)}"


def short_of(floors: Mapping[str, float], best: Callable[[Mapping[str, float]], Hit | None]) -> str | None:
    """Say which least similarity or relevance no answer reaches, and how much the best has.

    Parameters
    ----------
    floors : Mapping of str to float
        ``min_similarity``, ``min_relevance``, or both: those that were asked for.
    best : callable
        Given some of them, returns the best answer that reaches these, or None.

    Returns
    -------
    str or None
        None where there is no answer at all.
    """
    nearest = best({})
    if nearest is None:
        return None
    options = {name: f"--{name.replace('_', '-')} {least:g}" for name, least in floors.items()}
    for name, least in floors.items():
        if best({name: least}) is None:
            of_best = nearest.similarity if name == "min_similarity" else nearest.relevance
            far = far_in_words([nearest])
            below = math.floor(1000 * of_best) / 1000  # rounded up, it might seem to reach
            return f"nothing found: no answer reaches {options[name]}; {far or f'the best has {below:.3f}'}"
    return f"nothing found: no answer reaches both {' and '.join(options.values())}; leave one out"


def _n_items(catalog: Catalog, chosen: Mapping[str, Any], *, most: int = 1) -> int:
    """Count the items that meet filters and can be found, up to so many."""
    rest = {name: value for name, value in chosen.items() if name != "label"}
    if folders := rest.get("under"):
        rest["under"] = [absolute(folder) for folder in folders]
    labels = LabelBook(catalog).with_descendants(chosen["label"]) if "label" in chosen else None
    return catalog.segments.count_items(most=most, labels=labels, **rest)


def _together(catalog: Catalog, chosen: Mapping[str, Any]) -> str:
    """Say that no item meets all of some filters, and without which of them the most do."""
    options = {name: _option(name, value) for name, value in chosen.items()}
    left = {
        name: _n_items(catalog, {other: value for other, value in chosen.items() if other != name}, most=_MOST + 1)
        for name in chosen
    }
    name = max(left, key=lambda one: left[one])
    n = left[name]
    many = f"more than {_MOST:,}" if n > _MOST else str(n)
    way_out = f"without {options[name]} {many} {'does' if n == 1 else 'do'}" if n else "leave some out"
    *others, last = options.values()
    return f"no item meets {', '.join(others)} and {last} together; {way_out}"


def _option(name: str, value: Any) -> str:
    values = value if isinstance(value, tuple) else (value,)
    words = (shlex.quote(os.fspath(one)) if isinstance(one, (str, os.PathLike)) else f"{one:g}" for one in values)
    return " ".join(f"{_OPTIONS[name]} {word}" for word in words)


def _no_folder(catalog: Catalog, folders: tuple[str, ...]) -> str:
    empty = [folder for folder in folders if not catalog.items.has_under(absolute(folder))]
    if len(empty) < len(folders):
        return f"nothing that can be found lies below {some_of(folders)}; `modag failures --all PATH` says why"
    return f"no item lies below {some_of(empty)}{why_not_indexed(empty[0]) if len(empty) == 1 else ''}"


def _no_label(catalog: Catalog, label: str) -> str:
    book = LabelBook(catalog)
    if book.is_given(label):
        return f"nothing that has the label {label} can be found; `modag failures --all` says why"
    return f"no item has the label {label}{book.did_you_mean(label) or '; `modag label list` lists the labels'}"


def _no_modality(_: Catalog, modality: Modality) -> str:
    return f"the index holds no {NOUNS[modality][1]} that can be found; {_TAKEN_IN}"


_ALONE: Mapping[str, Callable[[Catalog, Any], str]] = {
    "under": _no_folder,
    "label": _no_label,
    "modality": _no_modality,
    "kind": lambda _, kind: f"the index holds no {_PLURALS[kind]} that can be found; {_TAKEN_IN}",
    "min_duration_s": lambda _, least: f"nothing in the index lasts {least:g} s; lower --min-duration",
    "max_duration_s": lambda _, most: f"nothing in the index lasts {most:g} s or less; raise --max-duration",
}
