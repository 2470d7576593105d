"""Named roots: folders that machines may have in different places, and to which paths below them are relative."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

from sqlalchemy import delete, func, select
from sqlalchemy.exc import IntegrityError

from modag_search.catalog import relocation
from modag_search.catalog.mounts import ENVIRONMENT, Mounts, is_name, marked, mounts_of, this_machine
from modag_search.catalog.selection import is_under
from modag_search.catalog.tables import ItemRow, RootRow
from modag_search.errors import UsageError
from modag_search.spelling import did_you_mean, printable
from modag_search.values import NamedRoot

if TYPE_CHECKING:
    from sqlalchemy import Connection

    from modag_search.catalog.database import Database


class Roots:
    """The roots of a catalog, and where each machine has them."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def all(self) -> list[NamedRoot]:
        """Return all roots, in order of name."""
        with self._database.read() as connection:
            mounts = mounts_of(connection.dialect)
            return [_root(connection, mounts, name) for name in sorted(mounts.names)]

    def add(self, name: str, folder: str) -> int:
        """Let paths below a folder be relative to a new root, which lies there on this machine.

        Returns
        -------
        int
            How many items there are below it.

        Raises
        ------
        UsageError
            If there is a root of that name, at the folder, in it or around it; or the name is no word.
        """
        if not is_name(name):
            raise UsageError(f"{printable(name)!r}: a root is named by letters and digits, - and _ among them")
        with self._database.write() as connection:
            mounts = mounts_of(connection.dialect)
            if name in mounts.names:
                raise UsageError(f"{name}: is a root already; `modag roots set` says where this machine has it")
            _require_apart(mounts, name, folder)
            relocation.place(connection, name, this_machine(), folder)
            after = Mounts({**mounts.folders, name: os.fsencode(folder)})
            return relocation.make_relative(connection, name, os.fsencode(folder), after=after)

    def place(self, name: str, folder: str) -> None:
        """Note where this machine has a root; what failed there, was forgotten or is kept out is relative to it then.

        Raises
        ------
        UsageError
            If there is no such root, or another one at the folder, in it or around it; or the index holds files there
            by their absolute paths.
        """
        with self._database.write() as connection:
            mounts = mounts_of(connection.dialect)
            _require_known(mounts, name)
            _require_apart(mounts, name, folder)
            is_here_already = mounts.folders.get(name) == os.fsencode(folder)
            if not is_here_already and (n_held := _count_under(connection, folder)):
                raise UsageError(
                    f"{printable(folder)}: the index holds {n_held} of its files by their absolute paths already; "
                    "`modag forget` takes these out, then say it again"
                )
            relocation.place(connection, name, this_machine(), folder)
            if not is_here_already:  # what failed there, or was forgotten, is meant by its path from now on
                after = Mounts({**mounts.folders, name: os.fsencode(folder)})
                relocation.make_relative(connection, name, os.fsencode(folder), after=after)

    def remove(self, name: str) -> int:
        """Let paths below a root be absolute, as this machine has them, and return how many items there are.

        Raises
        ------
        UsageError
            If there is no such root, it has no place here, or the index holds one of the paths.
        """
        try:
            with self._database.write() as connection:
                mounts = mounts_of(connection.dialect)
                _require_known(mounts, name)
                folder = mounts.folders.get(name)
                if folder is None:
                    raise UsageError(
                        f"root {name} has no folder on this machine, so what lies below it would be nowhere; "
                        f"`modag roots set {name} FOLDER`"
                    )
                n_items = relocation.make_absolute(connection, name, folder, before=mounts)
                connection.execute(delete(RootRow).where(RootRow.name == name))
                return n_items
        except IntegrityError as error:
            raise UsageError(f"root {name}: the index holds files of it by their absolute paths, too") from error


def _root(connection: Connection, mounts: Mounts, name: str) -> NamedRoot:
    folder = mounts.folders.get(name)
    return NamedRoot(
        name=name,
        folder=None if folder is None else os.fsdecode(folder),
        items=_count_under(connection, os.fsdecode(marked(name))),
        machines={machine: os.fsdecode(there) for of, machine, there in mounts.places if of == name},
    )


def _count_under(connection: Connection, folder: str) -> int:
    counting = select(func.count()).select_from(ItemRow).where(is_under(folder, connection))
    return connection.execute(counting).scalar_one()


def _require_known(mounts: Mounts, name: str) -> None:
    if name not in mounts.names:
        raise UsageError(f"{printable(name)}: is no root of this index{did_you_mean(name, mounts.names)}")


def _require_apart(mounts: Mounts, name: str, folder: str) -> None:
    if not folder.strip("/"):
        raise UsageError("/: holds everything; name a folder in it")
    if (other := mounts.overlapping(os.fsencode(folder), but=name)) is not None:
        there = os.fsdecode(mounts.folders[other])
        raise UsageError(
            f"{printable(folder)}: lies in the root {other} ({printable(there)}), or around it; `modag roots set` and "
            f"{ENVIRONMENT} say where roots lie"
        )
