"""WordNet as its database files hold it, which Debian's wordnet-base brings: what words mean, and how they are used.

A reader of some lines, since only the texts are asked for, once, where names are learnt: NLTK's is a part of much else.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

from modag_search.errors import UsageError

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

_QUOTED = re.compile(r'"([^"]+)"')
_MARKER = re.compile(r"\(\w+\)$")
"""Where an adjective stands in a sentence: ``galore(ip)``."""


@dataclass(frozen=True, slots=True)
class Synset:
    """Words for one thing.

    Attributes
    ----------
    lemmas : tuple of str
    definition : str
        Without what stands behind a semicolon.
    examples : tuple of str
        Sentences, or parts of such.
    """

    lemmas: tuple[str, ...]
    definition: str
    examples: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class WordNet:
    """The open classes of words but for adverbs."""

    nouns: tuple[Synset, ...]
    verbs: tuple[Synset, ...]
    adjectives: tuple[Synset, ...]


def read_wordnet(folder: Path) -> WordNet:
    """Read ``data.noun``, ``data.verb`` and ``data.adj`` in a folder.

    Raises
    ------
    UsageError
        If one is not there.

    References
    ----------
    Fellbaum (editor), "WordNet: An electronic lexical database", 1998; wndb(5WN).
    """
    nouns, verbs, adjectives = (tuple(_synsets(folder / f"data.{name}")) for name in ("noun", "verb", "adj"))
    return WordNet(nouns, verbs, adjectives)


def _synsets(path: Path) -> Iterator[Synset]:
    if not path.is_file():
        raise UsageError(f"{path}: not there; apt-get download wordnet-base, unpack it with dpkg-deb -x, and name it")
    with path.open(encoding="utf-8") as file:
        for line in file:
            if line.startswith(" "):  # the licence
                continue
            fields, _, gloss = line.rstrip().partition(" | ")
            parts = fields.split(" ")
            words = parts[4 : 4 + 2 * int(parts[3], 16) : 2]
            lemmas = tuple(_MARKER.sub("", word).replace("_", " ") for word in words)
            definition = re.split(r'[;"]', gloss, maxsplit=1)[0].strip()
            yield Synset(lemmas, definition, tuple(_QUOTED.findall(gloss)))
