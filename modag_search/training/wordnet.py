"""WordNet as its database files hold it, which Debian's wordnet-base brings: what words mean, and how they are used.

A reader of some lines, since only the texts are asked for, once, where names are learnt: NLTK's is a part of much else.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

from modag_search.errors import UsageError

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from pathlib import Path

_QUOTED = re.compile(r'"([^"]+)"')
_MARKER = re.compile(r"\(\w+\)$")
"""Where an adjective stands in a sentence: ``galore(ip)``."""
_HYPERNYMS = ("@", "@i")


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
    offset : str
        Eight digits, which with the part of speech name it: ImageNet's ``n02084071``.
    hypernyms : tuple of str
        Offsets of what it is a kind of, or an instance of.
    """

    lemmas: tuple[str, ...]
    definition: str
    examples: tuple[str, ...]
    offset: str = ""
    hypernyms: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class WordNet:
    """The open classes of words but for adverbs.

    Attributes
    ----------
    nouns, verbs, adjectives : tuple of Synset
    meant_first : Mapping of str to str
        Offset of what a noun, in lower case, means most often.
    irregular_plurals : Mapping of str to str
        By the noun: ``"wolf": "wolves"``.
    """

    nouns: tuple[Synset, ...]
    verbs: tuple[Synset, ...]
    adjectives: tuple[Synset, ...]
    meant_first: Mapping[str, str]
    irregular_plurals: Mapping[str, str]

    def plural(self, noun: str) -> str:
        """Say it of several: the last of its words, or what stands before "of".

        Examples
        --------
        >>> known = WordNet((), (), (), {}, {"wolf": "wolves"})
        >>> known.plural("grey wolf"), known.plural("bird of prey"), known.plural("baked goods")
        ('grey wolves', 'birds of prey', 'baked goods')
        """
        named, of, what = noun.partition(" of ")
        *before, last = named.split(" ")
        if last in self.irregular_plurals:
            several = self.irregular_plurals[last]
        elif last.endswith("y") and last[-2:-1] not in "aeiou":
            several = f"{last[:-1]}ies"
        elif last.endswith("s") and not last.endswith(("ss", "us", "is")):
            several = last  # which is said of several
        else:
            several = f"{last}{'es' if last.endswith(('s', 'x', 'z', 'ch', 'sh')) else 's'}"
        return " ".join([*before, several]) + of + what


def read_wordnet(folder: Path) -> WordNet:
    """Read ``data.noun``, ``data.verb``, ``data.adj``, ``index.noun`` and ``noun.exc`` in a folder.

    Raises
    ------
    UsageError
        If one is not there.

    References
    ----------
    Fellbaum (editor), "WordNet: An electronic lexical database", 1998; wndb(5WN).
    """
    nouns, verbs, adjectives = (tuple(_synsets(folder / f"data.{name}")) for name in ("noun", "verb", "adj"))
    # Of several, the first: a plural that stands there twice is of the first noun.
    plurals = {noun: plural for plural, noun, *_ in reversed([line.split(" ") for line in _lines(folder / "noun.exc")])}
    return WordNet(nouns, verbs, adjectives, dict(_first_senses(folder / "index.noun")), plurals)


def _synsets(path: Path) -> Iterator[Synset]:
    for line in _lines(path):
        fields, _, gloss = line.partition(" | ")
        parts = fields.split(" ")
        end = 4 + 2 * int(parts[3], 16)
        lemmas = tuple(_MARKER.sub("", word).replace("_", " ") for word in parts[4:end:2])
        definition = re.split(r'[;"]', gloss, maxsplit=1)[0].strip()
        pointers = parts[end + 1 : end + 1 + 4 * int(parts[end])]
        hypernyms = tuple(to for sign, to in zip(pointers[::4], pointers[1::4], strict=True) if sign in _HYPERNYMS)
        yield Synset(lemmas, definition, tuple(_QUOTED.findall(gloss)), parts[0], hypernyms)


def _first_senses(path: Path) -> Iterator[tuple[str, str]]:
    """List nouns and what each means most often, which is the first of its senses."""
    for line in _lines(path):
        parts = line.split(" ")
        n_senses = int(parts[2])
        yield parts[0].replace("_", " "), parts[-n_senses]


def _lines(path: Path) -> Iterator[str]:
    if not path.is_file():
        raise UsageError(f"{path}: not there; apt-get download wordnet-base, unpack it with dpkg-deb -x, and name it")
    with path.open(encoding="utf-8") as file:
        yield from (line.rstrip() for line in file if not line.startswith(" "))  # which begins the licence
