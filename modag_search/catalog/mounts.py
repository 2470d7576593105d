"""Where named roots lie on this machine, and paths as the catalog keeps them: ``@NAME/rest`` below a root."""

from __future__ import annotations

import os
import platform
import re
import threading
from dataclasses import dataclass, field
from functools import cached_property
from typing import TYPE_CHECKING, Any, Final

from modag_search.errors import UsageError
from modag_search.spelling import as_pattern, pattern_below, printable, signed_apart, unescaped

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

ENVIRONMENT: Final = "MODAG_ROOTS"
"""Says where roots lie, whatever the catalog says: ``NAME=FOLDER``, several with a colon between them."""
_NAME: Final = re.compile(r"[A-Za-z0-9][A-Za-z0-9_-]*")
_PATTERN_BEGINS: Final = "//"
"""A pattern that somebody writes never does: between folders stands one slash."""

Places = tuple[tuple[str, str, bytes], ...]
"""Name, machine and folder of each place of a root."""


def this_machine() -> str:
    """Return what this machine is called."""
    return platform.node() or "localhost"


def is_name(text: str) -> bool:
    """Tell whether a root may be called so."""
    return bool(_NAME.fullmatch(text))


def named_by_environment() -> dict[str, bytes]:
    """Return the folders that ``MODAG_ROOTS`` gives roots.

    Raises
    ------
    UsageError
        If it cannot be meant.
    """
    folders: dict[str, bytes] = {}
    for one in filter(None, os.environ.get(ENVIRONMENT, "").split(os.pathsep)):
        name, is_given, folder = one.partition("=")
        if not (is_given and is_name(name) and os.path.isabs(folder) and folder.strip("/")):
            raise UsageError(f"{ENVIRONMENT}: {one}: is no NAME=FOLDER, a root and the whole path of where it lies")
        folders[name] = os.fsencode(os.path.normpath(folder))
    return folders


@dataclass(frozen=True)
class Mounts:
    """Folders of roots on this machine, and all places that the catalog knows.

    Attributes
    ----------
    folders : Mapping of str to bytes
        By name, as the file system names them; those of roots that have a place here.
    places : tuple of (str, str, bytes)
    """

    folders: Mapping[str, bytes] = field(default_factory=dict)
    places: Places = ()

    @classmethod
    def of(cls, places: Places, environment: Mapping[str, bytes]) -> Mounts:
        """Find where roots lie here.

        Raises
        ------
        UsageError
            If one would lie in another.
        """
        here = this_machine()
        names = {name for name, _, _ in places}
        folders = {name: folder for name, machine, folder in places if machine == here}
        folders.update((name, folder) for name, folder in environment.items() if name in names)
        mounts = cls(folders, places)
        for name, folder in folders.items():
            if (other := mounts.overlapping(folder, but=name)) is not None:
                raise UsageError(
                    f"{printable(os.fsdecode(folder))}: the root {name} would lie in the root {other}, or around it; "
                    f"see `modag roots list` and {ENVIRONMENT}"
                )
        return mounts

    @property
    def names(self) -> set[str]:
        """The names of all roots."""
        return {name for name, _, _ in self.places}

    def overlapping(self, folder: bytes, *, but: str | None = None) -> str | None:
        """Return the name of a root that lies in a folder, at it or around it."""
        for name, other in self.folders.items():
            if name != but and (_is_at_or_below(folder, other) or _is_at_or_below(other, folder)):
                return name
        return None

    def stored(self, path: bytes) -> bytes:
        """Return a path as the catalog keeps it."""
        for name, folder in self.folders.items():
            if _is_at_or_below(path, folder):
                return marked(name) + path[len(folder) :]
        return path

    def shown(self, stored: bytes) -> bytes:
        """Return a path of the catalog as it is on this machine; below a root without a place, as it is kept."""
        if not stored.startswith(b"@"):
            return stored
        mark, slash, rest = stored.partition(b"/")
        folder = self._by_mark.get(mark)
        return stored if folder is None else folder + slash + rest

    def ranges(self, folder: str) -> list[bytes]:
        """Return the folders of the catalog that hold what is below a folder: more than one where roots lie in it."""
        whole = os.fsencode(folder).rstrip(b"/")
        inside = [marked(name) for name, root in self.folders.items() if root.startswith(whole + b"/")]
        return [self.stored(whole), *sorted(inside)]

    def argument_stored(self, path: str) -> str:
        """Return a path, as `printable` writes it, as the catalog keeps it."""
        return printable(os.fsdecode(self.stored(os.fsencode(unescaped(path))))) if self.folders else path

    def argument_shown(self, path: str) -> str:
        """Return a path that `argument_stored` has written so."""
        return printable(os.fsdecode(self.shown(os.fsencode(unescaped(path))))) if path.startswith("@") else path

    def pattern_stored(self, pattern: str) -> str:
        """Return a pattern of paths as the catalog keeps it, one of the whole path of a root with its name."""
        sign, body = signed_apart(pattern)
        for name, folder in self.folders.items():
            if (rest := pattern_below(body, os.fsdecode(folder))) is not None:
                return f"{sign}{_PATTERN_BEGINS}{name}{rest}"
        return pattern

    def pattern_shown(self, stored: str) -> str:
        """Return a pattern that `pattern_stored` has written so."""
        sign, body = signed_apart(stored)
        if not body.startswith(_PATTERN_BEGINS):
            return stored
        name, slash, rest = body.removeprefix(_PATTERN_BEGINS).partition("/")
        folder = self.folders.get(name)
        return stored if folder is None else f"{sign}{as_pattern(os.fsdecode(folder))}{slash}{rest}"

    @cached_property
    def _by_mark(self) -> dict[bytes, bytes]:
        return {marked(name): folder for name, folder in self.folders.items()}


NONE: Final = Mounts()


class MountsOfThread(threading.local):
    """The mounts that paths of a database are read and written by: as this thread's latest transaction began.

    Another thread may be in the midst of an earlier moment, in which a root was not there.

    Parameters
    ----------
    latest : list of Mounts
        One, for a thread that has had no transaction: rows may be fetched by another one than asked for them.
    """

    def __init__(self, latest: list[Mounts]) -> None:
        self.current = latest[0]


def mounts_of(dialect: Any) -> Mounts:
    """Return the mounts that paths are read and written by, through the dialect of a database's engine."""
    of_thread: MountsOfThread | None = getattr(dialect, "mounts", None)
    return NONE if of_thread is None else of_thread.current


def marked(name: str) -> bytes:
    """Return what paths below a root begin with."""
    return b"@" + name.encode()


def sound_places(rows: Iterable[tuple[Any, Any, Any]]) -> Places:
    """Leave out places that can be none: a check of the catalog tells of them."""
    return tuple(
        (name, machine, folder)
        for name, machine, folder in rows
        if isinstance(name, str) and is_name(name) and isinstance(machine, str) and isinstance(folder, bytes) and folder
    )


def _is_at_or_below(path: bytes, folder: bytes) -> bool:
    return path.startswith(folder) and path[len(folder) : len(folder) + 1] in (b"", b"/")
