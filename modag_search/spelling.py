"""How names are written: in which Unicode form, and what they were perhaps meant to be."""

from __future__ import annotations

import codecs
import difflib
import os
import re
import unicodedata
from typing import TYPE_CHECKING

from modag_search.errors import UsageError

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

_ALIKE = 0.65
"""Share of letters in common from which on a name may be meant: ``dgo`` has two thirds with ``dog``."""
_BELOW_A_ROOT = re.compile(r"@([A-Za-z0-9][A-Za-z0-9_-]*)(?:/|$)")
_SPECIAL = re.compile(r"([*?\[\\])")
_ESCAPE = re.compile(r"\\x([89a-f][0-9a-f])")


def composed(name: str) -> str:
    r"""Return a name in Unicode's form NFC: an umlaut is one character, and not a letter and two dots.

    Others write the same name in another form: Mac's file systems in NFD.

    Examples
    --------
    >>> composed("Gru\u0308n") == "Gr\u00fcn"
    True
    """
    return unicodedata.normalize("NFC", name)


def decomposed(name: str) -> str:
    r"""Return a name in Unicode's form NFD: an umlaut is a letter and two dots; see `composed`.

    Examples
    --------
    >>> decomposed("Gr\u00fcn") == "Gru\u0308n"
    True
    """
    return unicodedata.normalize("NFD", name)


def cased(name: str) -> set[str]:
    r"""Return a name as people write it in upper and lower case, each time in both of Unicode's forms.

    As it is, in lower and upper case, with capitals at its beginning or at those of words; no mixture of these.

    Examples
    --------
    >>> sorted(cased("d\u00e9j\u00e0 vu")) == sorted(
    ...     form(way) for way in ("d\u00e9j\u00e0 vu", "D\u00c9J\u00c0 VU", "D\u00e9j\u00e0 Vu", "D\u00e9j\u00e0 vu")
    ...     for form in (composed, decomposed)
    ... )
    True
    """
    one = composed(name)
    ways = (one, one.lower(), one.casefold(), one.upper(), one.title(), one.capitalize())
    return {name, *map(composed, ways), *map(decomposed, ways)}


def on_disk(path: str) -> str:
    """Return a path as the disk has it: as it is given, else in another Unicode form; as given where there is none.

    Parameters
    ----------
    path : str

    Returns
    -------
    str
    """
    if path.isascii() or os.path.lexists(path):
        return path
    found = "/" if os.path.isabs(path) else ""
    for name in filter(None, path.split("/")):
        there = os.path.join(found, name)
        if not os.path.lexists(there):
            same = _entries_called(name, found or ".")
            if len(same) != 1:
                return path
            there = os.path.join(found, same[0])
        found = there
    return found


def root_without_place(path: str) -> str | None:
    """Return the name of the root that a path of an index is relative to, where this machine has no place of it.

    Examples
    --------
    >>> root_without_place("@NAS/birds/wren.wav"), root_without_place("/birds/wren.wav")
    ('NAS', None)
    """
    found = _BELOW_A_ROOT.match(path)
    return found[1] if found else None


def seen_from(folder: str | os.PathLike[str], path: str) -> str:
    """Return a path of an index from a folder on; as it is where its root has no place on this machine.

    Examples
    --------
    >>> seen_from("/pages", "/birds/wren.wav"), seen_from("/pages", "@NAS/birds/wren.wav")
    ('../birds/wren.wav', '@NAS/birds/wren.wav')
    """
    return path if root_without_place(path) else os.path.relpath(path, folder)


def no_place_of(root: str) -> str:
    """Say why a file below a root cannot be opened here, and the way out."""
    return f"root {root} has no folder on this machine; `modag roots set {root} FOLDER`"


def given_path(path: str | os.PathLike[str], *, what: str = "a path") -> str:
    """Return a path that someone named; an empty one is refused: `os.path` takes it for the working folder.

    Parameters
    ----------
    path : str or os.PathLike
    what : str
        What it names, in words for errors.

    Returns
    -------
    str

    Raises
    ------
    UsageError
        If it is empty, or none.

    Examples
    --------
    >>> given_path("")
    Traceback (most recent call last):
        ...
    modag_search.errors.UsageError: a path is empty: is a shell variable unset? The working folder is named as .
    """
    try:
        name = os.fspath(path)
    except TypeError:
        raise UsageError(f"{what} is wanted, not {path!r}") from None
    if not name:
        raise UsageError(f"{what} is empty: is a shell variable unset? The working folder is named as .")
    return name


def whole_path(path: str | os.PathLike[str]) -> str:
    """Return the absolute form of a path that someone named; errors as of `given_path`."""
    return os.path.abspath(given_path(path))


def printable(text: str) -> str:
    r"""Write the bytes of names that are not UTF-8 as escapes; see `unescaped`.

    Examples
    --------
    >>> printable("fl\udcfcgel.wav")
    'fl\\xfcgel.wav'
    """
    return text.encode(errors="surrogateescape").decode(errors="backslashreplace")


def unescaped(text: str) -> str:
    r"""Return the name that `printable` has written so: one without such escapes stays as it is.

    Examples
    --------
    >>> unescaped(printable("fl\udcfcgel.wav")) == "fl\udcfcgel.wav"
    True
    """
    return _ESCAPE.sub(lambda escape: chr(0xDC00 + int(escape[1], 16)), text)


def as_pattern(path: str) -> str:
    r"""Return the pattern, as in .gitignore, that means one path and no other.

    Examples
    --------
    >>> as_pattern("/takes [1]")
    '/takes \\\\[1]'
    """
    return _SPECIAL.sub(r"\\\1", composed(path))


def pattern_below(pattern: str, folder: str) -> str | None:
    """Return what a pattern of whole paths names below a folder, from the slash on; None of another one.

    Parameters
    ----------
    pattern : str
        Without the sign that negates it. It may begin with the path itself, or with `as_pattern` of that.
    folder : str

    Returns
    -------
    str or None

    Examples
    --------
    >>> pattern_below("/sounds/drafts/*.wav", "/sounds"), pattern_below("/sounds2/drafts", "/sounds")
    ('/drafts/*.wav', None)
    """
    for beginning in (as_pattern(folder), composed(folder)):
        rest = pattern.removeprefix(beginning)
        if rest != pattern and rest.startswith("/"):
            return rest
    return None


def signed_apart(pattern: str) -> tuple[str, str]:
    """Divide a pattern into the sign that negates it, if any, and the rest."""
    return ("!", pattern[1:]) if pattern.startswith("!") else ("", pattern)


def lines_of(content: bytes) -> list[bytes]:
    r"""Divide a list of names into its lines, without what ends them: a newline, or, if all do, that of Windows.

    Unlike `bytes.splitlines`, which takes other bytes that a name may hold for ends, too. The mark that editors put
    before UTF-8 is no part of the first.

    Examples
    --------
    >>> lines_of(b"a.wav\nb.wav\n"), lines_of(b"a.wav\r\nb.wav"), lines_of(b"a.wav\r\nb.wav\n")
    ([b'a.wav', b'b.wav', b''], [b'a.wav', b'b.wav'], [b'a.wav\r', b'b.wav', b''])
    """
    *ended, last = content.removeprefix(codecs.BOM_UTF8).split(b"\n")
    if all(line.endswith(b"\r") for line in ended):
        ended = [line.removesuffix(b"\r") for line in ended]
    return [*ended, last]


def bare(name: str) -> str:
    """Write a name in lower case, with a space for any signs between words.

    Examples
    --------
    >>> bare("AMBIENCE-FOREST"), bare("sea_waves")
    ('ambience forest', 'sea waves')
    """
    return " ".join(re.split(r"[\s_-]+", composed(name).casefold()))


def near(name: str, names: Iterable[str], *, most: int = 3, share: float = _ALIKE) -> list[str]:
    """Find names that another one may have been meant for.

    Parameters
    ----------
    name : str
    names : iterable of str
    most : int
    share : float
        Of letters in common, from which on one is near.

    Returns
    -------
    list of str
        Those that differ in case or in signs between words alone, or else those with nearly the same letters.

    Examples
    --------
    >>> near("DOG", ["dog", "dot", "cat"]), near("gutar", ["guitar", "sitar", "drum"])
    (['dog'], ['guitar'])
    """
    by_bare: dict[str, list[str]] = {}
    for one in sorted(names):
        by_bare.setdefault(bare(one), []).append(one)
    same = by_bare.get(bare(name))
    alike = [bare(name)] if same else difflib.get_close_matches(bare(name), by_bare, n=most, cutoff=share)
    return [one for key in alike for one in by_bare[key]][:most]


def did_you_mean(name: str, names: Iterable[str]) -> str:
    """Ask, at the end of a message, for the names that one may have been meant for; nothing where there are none.

    Examples
    --------
    >>> did_you_mean("DOG", ["dog", "cat"]), did_you_mean("DOG", ["cat"])
    ('; did you mean dog?', '')
    """
    return meant(near(name, names))


def meant(found: Sequence[str]) -> str:
    """Ask, at the end of a message, for one of what was found near; nothing where nothing was."""
    return f"; did you mean {' or '.join(found)}?" if found else ""


def _entries_called(name: str, folder: str) -> list[str]:
    try:
        return [entry for entry in os.listdir(folder) if composed(entry) == composed(name)]
    except (OSError, ValueError):  # ValueError: a NUL in the name
        return []
