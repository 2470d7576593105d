"""Words as vectors, by numpy alone: WordPiece tokens, each with a vector; a text is their sum, at unit length.

The table was trained to give what a sentence encoder gives (`training.token_table`), so that none is needed here.
"""

from __future__ import annotations

import unicodedata
import zlib
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import numpy as np

from modag_search.errors import UsageError
from modag_search.spelling import near
from modag_search.unit_vectors import of_unit_length

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from typing import Any

    import numpy.typing as npt

    from modag_search.values import Float32Array, Modality

_SHORTEST_PART = 3
_ENDINGS = ("s", "es", "'s", "ing", "ed", "er", "ers")
_LONGEST_WORD = 100
"""BERT's: of longer ones nothing is understood."""
_JOINING = frozenset(
    (  # noqa: SIM905  a list would have a line for each
        "a an the this that these those and or but nor so yet if then than as because while of in on at by to from for "
        "with without into onto about between among through during i me my mine you your yours he him his she her hers "
        "it its we us our ours they them their theirs who whom whose which what am is are was were be been being do "
        "does did have has had would could should shall must s t d m re ve ll"
    ).split()
)
"""Function words of English, and what is left of them behind an apostrophe; not those that name things, as ``can``."""
_FOREIGN_ARTICLES = frozenset(
    "der die das den dem des ein eine le la les un une el los las il lo gli de du".split()  # noqa: SIM905
)
"""Those of German, French, Spanish and Italian: beside a word that is unknown, they are no English."""
_MEDIA: Mapping[Modality, frozenset[str]] = {
    "image": frozenset(
        "photo photos photograph photographs picture pictures pic pics image images snapshot snapshots".split()  # noqa: SIM905
    ),
    "sound": frozenset("sound sounds noise noises audio recording recordings".split()),  # noqa: SIM905
}
_ARTICLES = ("a", "an", "the", "some")
NONE_KNOWN = "none of these words is known; English is what the space understands"
_LEAST_LETTERS = 4
_MORE_LETTERS = 2
_ALIKE_WORDS = 0.8
"""Share of letters that a word with a typing error has in common with what was meant: ``pinao`` with ``piano``."""


@dataclass(frozen=True, slots=True)
class Reading:
    """What a text was understood as.

    Attributes
    ----------
    tokens : tuple of int
        Numbers of the tokens of the words that are known.
    understood, unknown : tuple of str
        Its words, as they are read: in lower case, without accents, and without "a photo of" and the like before
        them.
    medium : {"image", "sound"}, optional
        What such words ask for.
    """

    tokens: tuple[int, ...]
    understood: tuple[str, ...]
    unknown: tuple[str, ...]
    medium: Modality | None = None

    @property
    def is_foreign(self) -> bool:
        """Whether it has an article of another language, and a word that is unknown."""
        return bool(self.unknown) and not _FOREIGN_ARTICLES.isdisjoint(self.understood)

    @property
    def means_something(self) -> bool:
        """Whether anything is understood but words that only join others: articles, prepositions, pronouns."""
        return not _JOINING.union(_FOREIGN_ARTICLES if self.unknown else ()).issuperset(self.understood)


@dataclass(frozen=True, slots=True, eq=False)
class TokenTable:
    """A vector for each token of BERT's WordPiece vocabulary, and for words that this would divide.

    Attributes
    ----------
    tokens : tuple of str
        ``dog``; with ``##`` before it, what continues a word.
    values : np.ndarray [shape=(n_tokens, d), int8]
    scales : np.ndarray [shape=(n_tokens,), float32]
        What the values of each token are multiplied by.
    known_in_pieces : np.ndarray [shape=(n,), uint32]
        CRC-32 of each word that has several tokens and was among what the table learnt from, in order. Other words of
        several tokens count as unknown, where these are not words themselves: such pieces say little.

    References
    ----------
    Devlin et al., "BERT: Pre-training of deep bidirectional transformers for language understanding", 2019: uncased.
    """

    tokens: tuple[str, ...]
    values: npt.NDArray[np.int8]
    scales: Float32Array
    known_in_pieces: npt.NDArray[np.uint32]
    _numbers: dict[str, int] = field(init=False, default_factory=dict)

    @property
    def dimension(self) -> int:
        """Length of a text's vector."""
        return int(self.values.shape[1])

    def read(self, text: str) -> Reading:
        """Divide a text into words and tokens, and tell which words are known."""
        if not self._numbers:  # 28,000 entries, made when the first text comes
            whole = {token: number for number, token in enumerate(self.tokens)}
            object.__setattr__(self, "_numbers", whole)  # at once: another thread would take half of them for all
        tokens: list[int] = []
        understood: list[str] = []
        unknown: list[str] = []
        medium, words = _without_medium(split_words(text))
        for word in words:
            pieces = word_pieces(word, self._numbers)
            if pieces and (len(pieces) == 1 or self._knows(word) or self._is_compound(pieces)):
                tokens += [self._numbers[piece] for piece in pieces]
                understood.append(word)
            elif parts := self._in_two(word):
                tokens += [self._numbers[part] for part in parts]
                understood.append(word)
            else:
                unknown.append(word)
        return Reading(tuple(tokens), _spelt(understood), _spelt(unknown), medium)

    def near(self, word: str, *, most: int = 3) -> list[str]:
        """List known words that a word with a typing error may have been meant for; the first letter is right."""
        if len(word) < _LEAST_LETTERS:
            return []
        like = (
            token
            for token in self.tokens
            if token[:1] == word[0] and len(token) >= _LEAST_LETTERS and abs(len(token) - len(word)) <= _MORE_LETTERS
        )
        return near(word, like, most=most, share=_ALIKE_WORDS)

    def _knows(self, word: str) -> bool:
        digests = [crc_of(form) for form in _forms(word)]
        places = np.searchsorted(self.known_in_pieces, digests).clip(max=len(self.known_in_pieces) - 1)
        return bool(len(self.known_in_pieces) and (self.known_in_pieces[places] == digests).any())

    def _in_two(self, word: str) -> tuple[str, str] | None:
        """Divide a word into two that are known, the shorter as long as can be: birdsong is the song of birds."""
        places = range(_SHORTEST_PART, len(word) - _SHORTEST_PART + 1)
        known = [place for place in places if word[:place] in self._numbers and word[place:] in self._numbers]
        if not known:
            return None
        best = max(known, key=lambda place: min(place, len(word) - place))
        return word[:best], word[best:]

    def _is_compound(self, pieces: Sequence[str]) -> bool:
        """Whether all pieces are words: a squeezebox is a box that is squeezed."""
        words = [piece.removeprefix("##") for piece in pieces]
        return all(len(word) >= _SHORTEST_PART and word in self._numbers for word in words)

    def vectors(self, texts: Sequence[str]) -> Float32Array:
        """Make unit vectors of texts.

        Parameters
        ----------
        texts : sequence of str

        Returns
        -------
        np.ndarray [shape=(len(texts), d), float32]

        Raises
        ------
        UsageError
            If no word of a text is known.
        """
        rows = np.zeros((len(texts), self.dimension), dtype=np.float32)
        for place, text in enumerate(texts):
            reading = self.read(text)
            if not reading.understood:
                raise UsageError(f"{text!r}: {NONE_KNOWN}")
            tokens = list(reading.tokens)
            rows[place] = self.scales[tokens] @ self.values[tokens].astype(np.float32)
        return of_unit_length(rows)

    def tensors(self) -> dict[str, np.ndarray]:
        """Name the arrays as they stand in a file."""
        return {
            "words.tokens": np.frombuffer("\n".join(self.tokens).encode(), dtype=np.uint8),
            "words.values": self.values,
            "words.scales": self.scales.astype("<f2"),
            "words.known_in_pieces": self.known_in_pieces,
        }

    @classmethod
    def from_tensors(cls, tensors: Mapping[str, np.ndarray[Any, Any]]) -> TokenTable:
        """Find the arrays in a file.

        Raises
        ------
        KeyError, ValueError
            If one is absent, or they do not fit each other.
        """
        packed, values, scales, known = (
            tensors[f"words.{name}"] for name in ("tokens", "values", "scales", "known_in_pieces")
        )
        if (packed.dtype, values.dtype, scales.dtype, known.dtype) != (np.uint8, np.int8, np.float16, np.uint32):
            raise ValueError("its words hold numbers of other kinds than they should")
        tokens = tuple(packed.tobytes().decode().split("\n"))
        if values.ndim != 2 or scales.shape != values.shape[:1] or len(tokens) != len(scales) or known.ndim != 1:
            raise ValueError("its words have arrays that do not fit each other")
        if not np.isfinite(scales).all():
            raise ValueError("its words hold values that are not finite")
        return cls(tokens, values, scales.astype(np.float32), known)


def _without_medium(words: list[str]) -> tuple[Modality | None, list[str]]:
    """Tell whether a picture or a sound is asked for, and leave that out: "a photo of a dog" asks for a dog.

    Not where nothing else is asked for: "a photo of me".
    """
    start = 1 if words[:1] and words[0] in _ARTICLES else 0
    named, shown = words[start : start + 2], words[start + 2 :]
    if named[1:] == ["of"] and not _JOINING.issuperset(_spelt(shown)):
        for medium, called in _MEDIA.items():
            if named[0] in called:
                return medium, shown
    return None, words


def _spelt(words: Sequence[str]) -> tuple[str, ...]:
    """Leave out what is punctuation alone."""
    return tuple(word for word in words if any(map(str.isalnum, word)))


def _forms(word: str) -> list[str]:
    """List a word, and what it may come from: who knows of a xylophone knows of xylophones."""
    stems = [word.removesuffix(ending) for ending in _ENDINGS if word.endswith(ending) and len(word) > len(ending) + 2]
    return [word, *stems, *(f"{stem}e" for stem in stems)]


def crc_of(word: str) -> int:
    """Return the number by which `TokenTable.known_in_pieces` keeps a word."""
    return zlib.crc32(word.encode())


def split_words(text: str) -> list[str]:
    """Divide a text into words as uncased BERT does: lower case, no accents, punctuation apart.

    Examples
    --------
    >>> split_words("A Café, in the rain!")
    ['a', 'cafe', ',', 'in', 'the', 'rain', '!']
    """
    kept = "".join(_cleaned(character) for character in text)
    words: list[str] = []
    for word in kept.split():
        bare = "".join(c for c in unicodedata.normalize("NFD", word.lower()) if unicodedata.category(c) != "Mn")
        words += _apart(bare)
    return words


def _cleaned(character: str) -> str:
    if character in "\t\n\r" or unicodedata.category(character) == "Zs":
        return " "
    if character in "\0\ufffd" or unicodedata.category(character).startswith("C"):
        return ""
    return f" {character} " if _is_ideograph(ord(character)) else character


def _is_ideograph(code: int) -> bool:
    return any(
        first <= code <= last
        for first, last in (
            (0x4E00, 0x9FFF),
            (0x3400, 0x4DBF),
            (0x20000, 0x2A6DF),
            (0x2A700, 0x2CEAF),
            (0xF900, 0xFAFF),
            (0x2F800, 0x2FA1F),
        )
    )


def _is_punctuation(character: str) -> bool:
    is_ascii_sign = character.isascii() and not character.isalnum() and character.isprintable()
    return is_ascii_sign or unicodedata.category(character).startswith("P")


def _apart(word: str) -> list[str]:
    """Part a word from the punctuation in it."""
    parts: list[str] = []
    is_new = True
    for character in word:
        if _is_punctuation(character):
            parts.append(character)
            is_new = True
        elif is_new:
            parts.append(character)
            is_new = False
        else:
            parts[-1] += character
    return parts


def word_pieces(word: str, vocabulary: Mapping[str, int]) -> list[str]:
    """Divide a word into the longest pieces that a vocabulary has, from the left; none where that fails."""
    pieces: list[str] = []
    start = 0
    while start < len(word) <= _LONGEST_WORD:
        begin = "##" if start else ""
        end = next((end for end in range(len(word), start, -1) if begin + word[start:end] in vocabulary), None)
        if end is None:
            return []
        pieces.append(begin + word[start:end])
        start = end
    return pieces
