"""Paths of a whole catalog, where its media have moved or lie elsewhere on another machine."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Any, Final

from sqlalchemy import LargeBinary, cast, func, literal, select, type_coerce, update

from modag_search.catalog.tables import FailureRow, ForgottenItemRow, ItemRow, KeptAnnotationRow, RunRow
from modag_search.spelling import printable, unescaped

if TYPE_CHECKING:
    from collections.abc import Mapping

    from sqlalchemy import Connection

_WITH_PATHS: Final = (ItemRow, ForgottenItemRow, KeptAnnotationRow, FailureRow)


def relocate(connection: Connection, moves: Mapping[str, str]) -> None:
    """Give all that lies in some folders, or has lain there, the paths that it has in others; see `Catalog.relocate`.

    Raises
    ------
    sqlalchemy.exc.IntegrityError
        If two would come to one path.
    """
    marks = {b"%d:" % number: folder for number, folder in enumerate(_inner_first(moves))}
    for table in _WITH_PATHS:
        # What moves begins as no path does meanwhile, lest the next folder move it once more.
        for mark, folder in marks.items():
            _set_aside(connection, table, _bytes(folder), mark)
        for mark, folder in marks.items():
            _bring_back(connection, table, mark, _bytes(moves[folder]))
    for run_id, arguments in connection.execute(select(RunRow.id, RunRow.arguments)).all():
        paths = arguments.get("paths")
        if isinstance(paths, list):
            moved = [printable(relocated(unescaped(path), moves)) for path in paths]
            statement = update(RunRow).where(RunRow.id == run_id)
            connection.execute(statement.values(arguments={**arguments, "paths": moved}))


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
    # Every path below "a/" sorts between "a/" and "a0", the character after the slash.
    path = _path_of(table)
    is_in_it = (path == folder) | ((path >= folder + b"/") & (path < folder + b"0"))
    _begin_anew(connection, table, mark, n_bytes=len(folder), where=is_in_it)


def _bring_back(connection: Connection, table: Any, mark: bytes, folder: bytes) -> None:
    path = _path_of(table)
    _begin_anew(connection, table, folder, n_bytes=len(mark), where=(path >= mark) & (path < mark[:-1] + b";"))


def _begin_anew(connection: Connection, table: Any, beginning: bytes, *, n_bytes: int, where: Any) -> None:
    """Put something else in the place of the first bytes of paths."""
    rest = func.substr(_path_of(table), n_bytes + 1, type_=LargeBinary)
    # SQLite makes texts of what it puts together.
    anew = cast(literal(beginning, LargeBinary).concat(rest), LargeBinary)
    connection.execute(update(table).where(where).values(path=type_coerce(anew, table.path.type)))


def _path_of(table: Any) -> Any:
    return type_coerce(table.path, LargeBinary)  # as bytes: none of them need be read as text
