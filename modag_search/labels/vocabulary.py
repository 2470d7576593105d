"""Labels to choose among by what they are called."""

from __future__ import annotations

import logging
import re
import shlex
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from modag_search.errors import UsageError
from modag_search.hierarchy import Hierarchy
from modag_search.labels.checks import checked_name, looks_like_several

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from modag_search.catalog import Catalog


logger = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True, eq=False)
class Vocabulary:
    """Labels to choose among, with words for each.

    Attributes
    ----------
    texts : Mapping of str to str
        By label, words in English that say what it means; in order of labels, where `vocabulary_of` made it.
    hierarchy : Hierarchy
        Which of them are kinds of others, or of labels that are no choice themselves.
    name : str
        By which runs are recorded that gave labels of it.
    """

    texts: Mapping[str, str]
    hierarchy: Hierarchy = field(default_factory=Hierarchy)
    name: str = "unnamed"


def readable(label: str) -> str:
    """Return a label as words, for want of any that say what it means: numbers and single letters say nothing.

    Examples
    --------
    >>> readable("sea_waves"), readable("DSC_001"), readable("take 2 b")
    ('sea waves', 'DSC', 'take')
    """
    words = re.split(r"[\s_]+", label)
    return " ".join(word for word in words if len(word) > 1 and not any(map(str.isdigit, word)))


def some_of(names: Sequence[str], *, most: int = 5) -> str:
    """List the first few of many names, and say how many more there are."""
    more = f" and {len(names) - most} more" if len(names) > most else ""
    return f"{', '.join(names[:most])}{more}"


def one_or_more_names(names: str | Iterable[str]) -> list[str]:
    """Return one name or several as a list.

    Raises
    ------
    UsageError
        If one is no text.
    """
    listed = list(names) if isinstance(names, Iterable) and not isinstance(names, str) else [names]
    for name in listed:
        if not isinstance(name, str):
            raise UsageError(f"{name!r}: the name of a label is text")
    return listed


def vocabulary_of(catalog: Catalog, names: str | Iterable[str] | None = None) -> Vocabulary:
    """Choose among labels of a catalog, with the words and the hierarchy that it has for them.

    Parameters
    ----------
    catalog : Catalog
    names : str or iterable of str, optional
        Labels that need not be in the catalog. By default all that it has.

    Returns
    -------
    Vocabulary

    Raises
    ------
    UsageError
        If a name is empty or that of a tag, or there are no labels to choose among.
    """
    hierarchy, meanings = catalog.hierarchy.get(), catalog.labels.meanings()
    if names is None:
        chosen = catalog.labels.class_names()
    else:
        of_id = catalog.hierarchy.names_by_audioset_id()
        chosen = {of_id.get(name, name) for name in map(checked_name, one_or_more_names(names))}
        if tags := sorted(chosen & catalog.labels.tags()):
            raise UsageError(f"{tags[0]}: is a tag, and never an answer; `modag label kind` makes it a class")
        _warn_of_several(chosen - catalog.labels.names())
    if not chosen:
        raise UsageError("no labels to choose among; name some, or `modag label add NAME` lets one count")
    return Vocabulary({name: meanings.get(name) or readable(name) for name in sorted(chosen)}, hierarchy)


def _warn_of_several(names: Iterable[str]) -> None:
    """Say which names that are no labels as yet look like several; commas are those of AudioSet's, or were quoted."""
    for name in sorted(names):
        if (several := looks_like_several(name)) is not None and several[0] != ",":
            each = shlex.quote(",".join(several[1]))
            logger.warning("%r is one label; `--names %s` gives %d", name, each, len(several[1]))
