"""Which content gathered each of its copies."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from modag_search.values import Int64Array


@dataclass(frozen=True, slots=True, eq=False)
class Centres:
    """Which row gathered each.

    Attributes
    ----------
    rows : np.ndarray [shape=(n,), int64]
        Itself where none did.
    similarities : np.ndarray [shape=(n,), float64]
        Of each row and its centre.
    are_confirmed : np.ndarray [shape=(n,), bool]
        Whether more than features told so.
    """

    rows: Int64Array
    similarities: np.ndarray
    are_confirmed: np.ndarray

    @classmethod
    def of_none(cls, n: int) -> Centres:
        """Return rows of which each is its own."""
        return cls(np.arange(n), np.ones(n), np.zeros(n, dtype=bool))

    def are_farther(self, others: Int64Array, alike: np.ndarray) -> np.ndarray:
        """Tell which rows are farther from the centre that they have, if any, than so similar."""
        return np.asarray((self.rows[others] == others) | (alike > self.similarities[others]))

    def of_confirmed(self, others: Int64Array) -> set[int]:
        """Return the centres of those rows of which more than features tells that they are copies of theirs."""
        return set(self.rows[others[self.are_confirmed[others]]].tolist())

    def take(self, row: int, others: Int64Array, alike: np.ndarray, are_confirmed: np.ndarray) -> None:
        """Let a row gather others."""
        self.rows[others] = row
        self.similarities[others] = alike
        self.are_confirmed[others] = are_confirmed
