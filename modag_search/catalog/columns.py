"""Tables as classes: a statement takes the class for its table, and an attribute for a column.

SQLAlchemy's own declarative classes do so, too, and map rows to objects besides, which nothing here asks for: to import
what maps them takes as long as many a verb takes to answer.
"""

from __future__ import annotations

from types import SimpleNamespace
from typing import TYPE_CHECKING, Any, ClassVar, Self, TypeVar, cast

from sqlalchemy import Column, MetaData, Table

if TYPE_CHECKING:
    from sqlalchemy import ColumnClause
    from sqlalchemy.schema import SchemaItem
    from sqlalchemy.types import TypeEngine

T = TypeVar("T")


def column(kind: TypeEngine[T] | type[TypeEngine[T]], *further: Any, **options: Any) -> ColumnClause[T]:
    """Declare a column that has a value in each row; see `sqlalchemy.Column`."""
    return Column(kind, *further, nullable=False, **options)


def optional(kind: TypeEngine[T] | type[TypeEngine[T]], *further: Any, **options: Any) -> ColumnClause[T | None]:
    """Declare a column that may be NULL."""
    return cast("ColumnClause[T | None]", Column(kind, *further, nullable=True, **options))


class Rows:
    """Base of all tables; keywords behind a base are options of `sqlalchemy.Table`.

    Attributes
    ----------
    metadata : MetaData
        What the tables belong to; a class without a name of a table says so for those below it.
    __tablename__ : str
    __table_args__ : tuple
        Constraints and indexes.
    __table__ : Table
    """

    metadata: ClassVar[MetaData]
    __tablename__: ClassVar[str]
    __table_args__: ClassVar[tuple[SchemaItem, ...]] = ()
    __table__: ClassVar[Table]

    def __init_subclass__(cls, **options: Any) -> None:
        if "__tablename__" not in vars(cls):
            return
        columns = {name: value for name, value in vars(cls).items() if isinstance(value, Column)}
        for name, value in columns.items():
            value.name = value.key = name
        cls.__table__ = Table(cls.__tablename__, cls.metadata, *columns.values(), *cls.__table_args__, **options)

    @classmethod
    def __clause_element__(cls) -> Table:
        """Stand for the table in a statement; SQLAlchemy asks for it."""
        return cls.__table__

    @classmethod
    def aliased(cls) -> type[Self]:
        """Return the same table under another name, for a statement that looks at it twice."""
        alias = cls.__table__.alias()
        return cast("type[Self]", SimpleNamespace(__clause_element__=lambda: alias, **alias.c))
