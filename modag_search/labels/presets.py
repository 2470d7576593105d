"""Vocabularies that ship in the package: labels, what they are kinds of, and words that say what each means."""

from __future__ import annotations

import functools
from dataclasses import dataclass
from importlib import resources
from pathlib import Path
from typing import TYPE_CHECKING

from modag_search.errors import UsageError
from modag_search.labels.files.hierarchies import read_hierarchy_file
from modag_search.labels.vocabulary import Vocabulary, readable
from modag_search.spelling import bare
from modag_search.tables import read_rows

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping


@dataclass(frozen=True, slots=True, eq=False, kw_only=True)
class Preset(Vocabulary):
    """A vocabulary that others have agreed on.

    Attributes
    ----------
    audioset_ids : Mapping of str to str
        By label, of those that AudioSet has too.
    codes : Mapping of str to str
        By label, what its authors write for it: CatIDs of UCS, ``AMBForst``; numbers of Hornbostel and Sachs,
        ``321.322-71``, which instruments of one class share.
    means : Mapping of str to str
        By label, English words for who reads words; a label that is absent says itself what it means.
    """

    audioset_ids: Mapping[str, str]
    codes: Mapping[str, str]
    means: Mapping[str, str]

    def respelt(self, labels: Iterable[str]) -> dict[str, str]:
        """Find labels that are of the vocabulary but for their spelling.

        Parameters
        ----------
        labels : iterable of str

        Returns
        -------
        dict of str to str
            What the vocabulary calls them, by label: of those that it has in other case, with other signs between
            words, or by a code of its own.

        Examples
        --------
        >>> preset("ucs").respelt(["ambience_forest", "AMBForst", "AMBIENCE-FOREST", "woods"])
        {'ambience_forest': 'AMBIENCE-FOREST', 'AMBForst': 'AMBIENCE-FOREST'}
        """
        owners: dict[str, list[str]] = {}
        for label, code in self.codes.items():
            owners.setdefault(bare(code), []).append(label)
        # A code that several share is nobody's name.
        names = {code: sharing[0] for code, sharing in owners.items() if len(sharing) == 1}
        names |= {bare(name): name for name in self.texts}
        return {label: names[bare(label)] for label in labels if label not in self.texts and bare(label) in names}


@functools.cache
def packaged_presets() -> Mapping[str, Path]:
    """Names and files of the vocabularies, in order of name."""
    folder = Path(str(resources.files("modag_search"))) / "vocabularies"
    return {path.stem: path for path in sorted(folder.glob("*.csv"))}


def preset(name: str) -> Preset:
    """Read a vocabulary of the package.

    Raises
    ------
    UsageError
        If there is none of that name.
    """
    packaged = packaged_presets()
    if name not in packaged:
        raise UsageError(f"there is no vocabulary {name!r}; packaged: {', '.join(packaged)}")
    hierarchy, audioset_ids, means = read_hierarchy_file(packaged[name])
    rows = read_rows(packaged[name], columns="child,code", suffice={"child", "code"}.issubset, noun="a vocabulary")
    codes = {str(row["child"]): str(row["code"]) for _, row in rows if row["code"]}
    labels = sorted({*audioset_ids, *(label for pair in hierarchy.pairs() for label in pair)})
    return Preset(
        texts={label: means.get(label) or readable(label) for label in labels},
        hierarchy=hierarchy,
        name=name,
        audioset_ids=audioset_ids,
        codes=codes,
        means=means,
    )
