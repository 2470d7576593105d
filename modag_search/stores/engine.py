"""What a server must do to keep stores: rows of vectors, each from one generation to another, and records of them.

`stores.shared` decides what is kept, what is read and what is cleared away; an engine obeys, and decides nothing.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from contextlib import AbstractContextManager, nullcontext
from typing import TYPE_CHECKING, ClassVar

if TYPE_CHECKING:
    from collections.abc import Iterable

    from modag_search.values import Float32Array, Int64Array

NEVER = 2**63 - 1
"""The generation at which a row goes that stays."""


class VectorEngine(ABC):
    """A server that keeps vectors.

    A *table* holds rows: an id, a unit vector, the generation at which it was `born`, and the one at which it is `gone`
    (`NEVER` while it stays). A row is there at a generation where ``born <= generation < gone``; at each generation, at
    most one row of an id is. Names of tables are lower-case letters, digits and underscores, at most 60, and begin with
    ``modag_``. A *record* is a short text under a key.

    Threads share an engine, and a process that was forked may go on with it. Every method raises `StoreServerError`
    where the server is out of reach or refuses: one line that names `address`, says what is amiss and the way out.
    What reads tells `StoreChangedError` where the table is not there. Nobody is asked for rights that what is done does
    not need: who reads needs none to write.

    Attributes
    ----------
    name : str
        As `modag info` names the kind.
    address : str
        Of the server, without any secret.
    """

    name: ClassVar[str]
    address: str

    @abstractmethod
    def prepare(self) -> None:
        """Make sure that stores can be written here, and make what all of them share; done again it changes nothing.

        Raises
        ------
        StoreServerError
            If the server is too old, lacks what is needed, or denies it.
        """

    # Records.

    @abstractmethod
    def records(self) -> dict[str, str]:
        """Return all records, by key; none where nothing was ever prepared."""

    @abstractmethod
    def record(self, key: str) -> str | None:
        """Return one record as it is now; None where there is none."""

    @abstractmethod
    def put_record(self, key: str, text: str, *, former: str | None) -> None:
        """Put a record in place of a former one; None where there is none yet.

        Raises
        ------
        StoreChangedError
            If another one is there: somebody else writes. Nothing has changed then.
        """

    @abstractmethod
    def drop_record(self, key: str) -> None:
        """Remove a record, if it is there."""

    def step(self) -> AbstractContextManager[None]:
        """Make all that this thread writes in a ``with`` block one step, where the engine can.

        Where it cannot, what was written shows at once, and stays where the block is broken off.

        Returns
        -------
        context manager
        """
        return nullcontext()

    # Tables.

    @abstractmethod
    def tables(self) -> set[str]:
        """Name all tables whose names begin with ``modag_`` and that are made by `create`."""

    @abstractmethod
    def create(self, table: str, *, dimension: int) -> None:
        """Make an empty table."""

    @abstractmethod
    def drop(self, table: str) -> None:
        """Remove a table, if it is there."""

    @abstractmethod
    def fill(self, table: str, batches: Iterable[tuple[Int64Array, Float32Array]], *, born: int) -> int:
        """Take rows that stay into a new table that nobody reads yet, and return how many.

        Parameters
        ----------
        table : str
        batches : iterable of (np.ndarray [shape=(n,), int64], np.ndarray [shape=(n, dimension), float32])
            Read as they are written: all of them may be more than the memory holds. No id comes twice.
        born : int

        Returns
        -------
        int
        """

    @abstractmethod
    def arrange(self, table: str, *, n: int) -> None:
        """Make a table that was filled with `n` rows quick to search; searches may then miss some neighbours."""

    @abstractmethod
    def change(self, table: str, *, generation: int, gone: Int64Array, ids: Int64Array, vectors: Float32Array) -> None:
        """Let rows go and come at a generation.

        Parameters
        ----------
        table : str
        generation : int
            Later than any that rows of the table were born or went at.
        gone : np.ndarray [shape=(m,), int64]
            Ids of rows that stay so far, and go at this generation.
        ids : np.ndarray [shape=(n,), int64]
            Of rows that are born at it; some may be in `gone`.
        vectors : np.ndarray [shape=(n, dimension), float32]
        """

    @abstractmethod
    def undo(self, table: str, *, after: int) -> None:
        """Remove rows born after a generation, and let stay those that went after it: a `change` was broken off."""

    @abstractmethod
    def purge(self, table: str, *, until: int) -> None:
        """Remove rows that went at a generation or before it."""

    def count(self, table: str, *, at: int) -> int | None:  # noqa: ARG002
        """Count the rows that are there at a generation, for who is to be sure before an answer that none is lost.

        Returns
        -------
        int or None
            None of a server that loses nothing of what it acknowledged, or of which `ids` tells as fast.
        """
        return None

    @abstractmethod
    def ids(self, table: str, *, at: int) -> Int64Array:
        """Return the ids of the rows that are there at a generation ``[shape=(n,), int64]``, ascending."""

    @abstractmethod
    def search(
        self,
        table: str,
        vectors: Float32Array,
        *,
        at: int,
        k: int,
        among: Int64Array | None,
        without: Int64Array | None,
        n: int,
    ) -> tuple[Float32Array, Int64Array]:
        """Find neighbours among the rows that are there at a generation, by inner product.

        Parameters
        ----------
        table : str
        vectors : np.ndarray [shape=(m, dimension), float32]
            At least one.
        at : int
        k : int
            Not more than count.
        among, without : np.ndarray [int64], optional
            Only these ids count, or all but these; one of the two at most. Those in `among` are all there, and are
            some thousands at least: fewer are compared by `vectors`.
        n : int
            How many rows are there at the generation.

        Returns
        -------
        similarities : np.ndarray [shape=(m, k), float32]
            Inner products within 1e-6 of those of the vectors that were stored, falling.
        ids : np.ndarray [shape=(m, k), int64]
            Of equally near ones, in any order. Exactly `k` for each vector: where an index gives fewer than count,
            all are compared.
        """

    @abstractmethod
    def vectors(self, table: str, ids: Int64Array, *, at: int) -> tuple[Int64Array, Float32Array]:
        """Return the vectors of some ids that are there at a generation, to the bit as they were stored.

        Parameters
        ----------
        table : str
        ids : np.ndarray [shape=(n,), int64]
            Ten thousand at most.
        at : int

        Returns
        -------
        ids : np.ndarray [shape=(m,), int64]
            Those that are there, in any order.
        vectors : np.ndarray [shape=(m, dimension), float32]
        """

    def close(self) -> None:  # noqa: B027  for who holds connections
        """Give up connections; who asks again makes new ones."""
