"""What an index keeps beside its catalog, where both are in one database: its settings, its space, its head."""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING, Final

from sqlalchemy import BigInteger, LargeBinary, MetaData, delete, func, select

from modag_search.catalog.columns import Rows, column
from modag_search.catalog.dialects import TEXT, upsert
from modag_search.catalog.tables import Base
from modag_search.errors import DamagedCatalogError

if TYPE_CHECKING:
    from modag_search.catalog.database import Database

_DIGEST_BYTES: Final = 16


class SharedBase(Rows):
    """Base of the tables that a database of several machines has, and a file has not."""

    metadata = MetaData(naming_convention=Base.metadata.naming_convention)


class DocumentRow(SharedBase):
    """A small file of an index; `version` counts the changes of all of them."""

    __tablename__ = "document"

    name = column(TEXT, primary_key=True)
    content = column(LargeBinary)
    checksum = column(TEXT)
    version = column(BigInteger)


class Documents:
    """Documents by name; each is whole, and read as it was written or not at all."""

    def __init__(self, database: Database) -> None:
        self._database = database

    @property
    def version(self) -> int:
        """Number of changes of documents so far."""
        with self._database.read() as connection:
            return connection.execute(select(func.coalesce(func.max(DocumentRow.version), 0))).scalar_one()

    def checksums(self) -> dict[str, str]:
        """Return what `checksum_of` gives for each document, by name."""
        with self._database.read() as connection:
            rows = connection.execute(select(DocumentRow.name, DocumentRow.checksum).order_by(DocumentRow.name))
            return {name: checksum for name, checksum in rows}  # noqa: C416  rows are no pairs to mypy

    def get(self, name: str) -> bytes | None:
        """Return a document, or None.

        Raises
        ------
        DamagedCatalogError
            If it is not what was written.
        """
        statement = select(DocumentRow.content, DocumentRow.checksum).where(DocumentRow.name == name)
        with self._database.read() as connection:
            found = connection.execute(statement).one_or_none()
            if found is None:
                return None
            if checksum_of(found.content) != found.checksum:
                raise DamagedCatalogError(f"the document {name} is not what was stored; write it anew, or restore it")
            return bytes(found.content)

    def write(self, name: str, content: bytes) -> None:
        """Put a document in the place of what had its name."""
        with self._database.write() as connection:
            version = select(func.coalesce(func.max(DocumentRow.version), 0) + 1).scalar_subquery()
            row = {"content": content, "checksum": checksum_of(content), "version": version}
            statement = upsert(connection, DocumentRow).values(name=name, **row)
            connection.execute(statement.on_conflict_do_update(index_elements=[DocumentRow.name], set_=row))

    def remove(self, name: str) -> None:
        """Remove a document, where there is one."""
        with self._database.write() as connection:
            connection.execute(delete(DocumentRow).where(DocumentRow.name == name))


def checksum_of(content: bytes) -> str:
    """Return the blake2b (16 bytes, in hex) of a document."""
    return hashlib.blake2b(content, digest_size=_DIGEST_BYTES).hexdigest()
