"""Paths of a whole catalog, where its media have moved or lie elsewhere on another machine."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Any, Final

from sqlalchemy import LargeBinary, Text, cast, delete, func, literal, select, type_coerce, update

from modag_search.catalog.dialects import upsert
from modag_search.catalog.mounts import Mounts, marked, mounts_of, this_machine
from modag_search.catalog.runs import with_paths
from modag_search.catalog.selection import at_or_below
from modag_search.catalog.tables import (
    ExclusionRow,
    FailureRow,
    ForgottenFailureRow,
    ForgottenItemRow,
    ItemRow,
    KeptAnnotationRow,
    RootRow,
    RunRow,
)
from modag_search.spelling import as_pattern, pattern_below, printable, signed_apart, unescaped

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from sqlalchemy import Connection

_WITH_PATHS: Final = (ItemRow, ForgottenItemRow, KeptAnnotationRow, FailureRow, ForgottenFailureRow)
_OF_FAILURES: Final = (FailureRow, ForgottenFailureRow)


def relocate(connection: Connection, moves: Mapping[str, str]) -> None:
    """Give all that lies in some folders, or has lain there, the paths that it has in others; see `Catalog.relocate`.

    Of a named root that lies in one of them, the place moves. Patterns of whole paths in them are of the others.

    Raises
    ------
    sqlalchemy.exc.IntegrityError
        If two would come to one path.
    """
    before = mounts_of(connection.dialect)
    after = _with_places_moved(connection, before, moves)
    marks = {b"%d:" % number: folder for number, folder in enumerate(_inner_first(moves))}
    for table in _WITH_PATHS:
        # What moves begins as no path does meanwhile, lest the next folder move it once more.
        for mark, folder in marks.items():
            _set_aside(connection, table, before.stored(_bytes(folder)), mark)
        for mark, folder in marks.items():
            _bring_back(connection, table, mark, after.stored(_bytes(moves[folder])))

    def moved(path: str) -> str:
        return after.argument_stored(printable(relocated(unescaped(before.argument_shown(path)), moves)))

    def moved_pattern(stored: str) -> str:
        return after.pattern_stored(_relocated_pattern(before.pattern_shown(stored), moves))

    _rewrite_runs(connection, moved, pattern=moved_pattern)
    _rewrite_patterns(connection, moved_pattern)


def make_relative(connection: Connection, name: str, folder: bytes, *, after: Mounts) -> int:
    """Let paths in a folder be relative to a root, and return how many items have such."""
    return _begin_all_anew(
        connection, folder, marked(name), arguments=after.argument_stored, pattern=after.pattern_stored
    )


def make_absolute(connection: Connection, name: str, folder: bytes, *, before: Mounts) -> int:
    """Let paths that are relative to a root be absolute, and return how many items have such."""
    return _begin_all_anew(
        connection, marked(name), folder, arguments=before.argument_shown, pattern=before.pattern_shown
    )


def place(connection: Connection, name: str, machine: str, folder: str) -> None:
    """Note where a machine has a root."""
    statement = upsert(connection, RootRow).values(name=name, machine=machine, folder=folder)
    connection.execute(
        statement.on_conflict_do_update(
            index_elements=[RootRow.name, RootRow.machine], set_={"folder": statement.excluded.folder}
        )
    )


def _begin_all_anew(
    connection: Connection,
    beginning: bytes,
    anew: bytes,
    *,
    arguments: Callable[[str], str],
    pattern: Callable[[str], str],
) -> int:
    n_items = 0
    for table in _WITH_PATHS:
        is_in_it = at_or_below(_path_of(table), beginning)
        if table in _OF_FAILURES:
            _drop_what_is_there_anew(connection, table, anew, n_bytes=len(beginning), where=is_in_it)
        n_rows = _begin_anew(connection, table, anew, n_bytes=len(beginning), where=is_in_it)
        n_items += n_rows if table is ItemRow else 0
    _rewrite_runs(connection, arguments, pattern=pattern)
    _rewrite_patterns(connection, pattern)
    return n_items


def _rewrite_runs(connection: Connection, path: Callable[[str], str], *, pattern: Callable[[str], str]) -> None:
    for run_id, arguments in connection.execute(select(RunRow.id, RunRow.arguments)).all():
        if (anew := with_paths(arguments, path, pattern=pattern)) != arguments:
            connection.execute(update(RunRow).where(RunRow.id == run_id).values(arguments=anew))


def _rewrite_patterns(connection: Connection, written: Callable[[str], str]) -> None:
    rows = connection.execute(select(ExclusionRow.id, ExclusionRow.pattern).order_by(ExclusionRow.id)).all()
    anew = {row_id: printable(written(unescaped(stored))) for row_id, stored in rows}
    if all(anew[row_id] == stored for row_id, stored in rows):
        return
    latest = {pattern: row_id for row_id, pattern in anew.items()}  # of equal ones, the last decides
    connection.execute(delete(ExclusionRow).where(ExclusionRow.id.not_in(list(latest.values()))))
    # First what no pattern can be, so that none is still taken when its next owner comes.
    connection.execute(update(ExclusionRow).values(pattern=literal("//").concat(cast(ExclusionRow.id, Text))))
    for pattern, row_id in latest.items():
        connection.execute(update(ExclusionRow).where(ExclusionRow.id == row_id).values(pattern=pattern))


def _relocated_pattern(pattern: str, moves: Mapping[str, str]) -> str:
    """Return a pattern of whole paths as of where these are once folders have moved.

    What names no more than a folder that moves may as well mean one of that name below others, and stays.
    """
    sign, body = signed_apart(pattern)
    for folder in _inner_first(moves):
        rest = pattern_below(body, folder.rstrip("/")) if folder.strip("/") else None
        if rest is not None and rest != "/":
            return f"{sign}{as_pattern(moves[folder].rstrip('/'))}{rest}"
    return pattern


def _with_places_moved(connection: Connection, mounts: Mounts, moves: Mapping[str, str]) -> Mounts:
    """Move the places that roots have here; where they have none, that of another machine becomes one."""
    known = dict(mounts.folders)
    for name, _, folder in mounts.places:
        if name not in known and relocated(os.fsdecode(folder), moves) != os.fsdecode(folder):
            known[name] = folder
    folders = {}
    for name, folder in known.items():
        folders[name] = os.fsencode(relocated(os.fsdecode(folder), moves))
        if folders[name] != folder:
            place(connection, name, this_machine(), os.fsdecode(folders[name]))
    return Mounts(folders, mounts.places)


def relocated(path: str, moves: Mapping[str, str]) -> str:
    """Return the path that a file has once folders have moved; where one lies in another, the inner one decides.

    Examples
    --------
    >>> relocated("/old/birds/wren.wav", {"/old": "/new", "/old/birds": "/birds"})
    '/birds/wren.wav'
    """
    for folder in _inner_first(moves):
        rest = path.removeprefix(folder.rstrip("/"))
        if rest != path and (not rest or rest.startswith("/")):
            return moves[folder].rstrip("/") + rest
    return path


def _inner_first(moves: Mapping[str, str]) -> list[str]:
    return sorted(moves, key=len, reverse=True)


def _bytes(folder: str) -> bytes:
    return os.fsencode(folder).rstrip(b"/")


def _set_aside(connection: Connection, table: Any, folder: bytes, mark: bytes) -> None:
    _begin_anew(connection, table, mark, n_bytes=len(folder), where=at_or_below(_path_of(table), folder))


def _bring_back(connection: Connection, table: Any, mark: bytes, folder: bytes) -> None:
    path = _path_of(table)
    _begin_anew(connection, table, folder, n_bytes=len(mark), where=(path >= mark) & (path < mark[:-1] + b";"))


def _begin_anew(connection: Connection, table: Any, beginning: bytes, *, n_bytes: int, where: Any) -> int:
    """Put something else in the place of the first bytes of paths, and return of how many."""
    anew = type_coerce(_anew(_path_of(table), beginning, n_bytes=n_bytes), table.path.type)
    return connection.execute(update(table).where(where).values(path=anew)).rowcount


def _drop_what_is_there_anew(connection: Connection, table: Any, beginning: bytes, *, n_bytes: int, where: Any) -> None:
    """Remove rows whose paths, once they begin with something else, are those of other rows."""
    other = table.aliased()
    is_there = (
        select(_path_of(other))
        .where(_path_of(other) == _anew(_path_of(table), beginning, n_bytes=n_bytes))
        .correlate(table.__table__)
        .exists()
    )
    connection.execute(delete(table).where(where, is_there))


def _anew(path: Any, beginning: bytes, *, n_bytes: int) -> Any:
    rest = func.substr(path, n_bytes + 1, type_=LargeBinary)
    # SQLite makes texts of what it puts together.
    return cast(literal(beginning, LargeBinary).concat(rest), LargeBinary)


def _path_of(table: Any) -> Any:
    return type_coerce(table.path, LargeBinary)  # as bytes: none of them need be read as text
