"""Which labels exclude each other, told by which stand together on what has labels.

A second label on an item may be a mistake, or the one photograph of two thousand that shows both a dog and a cat; or it
may be of another sort altogether, as is `favourite`, which stands beside any. So labels that stand together are told
apart by how often: a label that shares a fair part of what it is on with labels that it should exclude is set apart,
and judged beside them. The fewest are, so that the rest go on excluding each other; those that were set apart exclude
each other as long as they in turn keep apart (`warm` and `cold`, beside instruments).
"""

from __future__ import annotations

import math
from collections import Counter
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

LEAST_SHARE = 0.1
"""Share of what a label is on that it shares with others, from which on it is set apart: of the lower bound."""
_DEVIATIONS = 1.645
"""Of the lower bound of a share: it is exceeded in 95 of 100 cases."""

ALONE = -1
"""Number of the group of a label that excludes no other."""


@dataclass(frozen=True, slots=True)
class Rivalry:
    """Which labels exclude each other: those of one group do, unless one is a kind of the other.

    Attributes
    ----------
    rest_exclude : bool
        Whether all labels that are not set apart are one group; else each is judged for itself.
    rest_leads : bool
        Whether answers are chosen from these: they are most of what was given, and what stands beside them is besides.
    apart : tuple of frozenset of str
        Groups that stand beside all others.

    Examples
    --------
    >>> beside = Rivalry(apart=(frozenset({"favourite"}),))
    >>> beside.exclude("dog", "cat"), beside.exclude("dog", "favourite")
    (True, False)
    >>> beside.groups_of(["cat", "dog", "favourite"])
    [0, 0, -1]
    """

    rest_exclude: bool = True
    rest_leads: bool = True
    apart: tuple[frozenset[str], ...] = ()

    @property
    def is_plain(self) -> bool:
        """Whether all labels exclude each other."""
        return self.rest_exclude and not self.apart

    @property
    def set_apart(self) -> frozenset[str]:
        """The labels that stand beside others."""
        return frozenset().union(*self.apart)

    def groups_of(self, labels: Iterable[str]) -> list[int]:
        """Return the number of the group of each label: 0 for the rest, then those set apart, or `ALONE`."""
        number = {
            label: group if len(labels) > 1 else ALONE
            for group, labels in enumerate(self.apart, start=1)
            for label in labels
        }
        return [number.get(label, 0 if self.rest_exclude else ALONE) for label in labels]

    def exclude(self, first: str, second: str) -> bool:
        """Tell whether two labels exclude each other, where neither is a kind of the other."""
        one, other = self.groups_of((first, second))
        return one == other != ALONE

    def leading(self, labels: Sequence[str]) -> list[bool]:
        """Tell of each label whether it is one that answers are chosen from: all, where no group leads."""
        found = [group == 0 for group in self.groups_of(labels)]
        return found if self.rest_leads and any(found) else [True] * len(labels)


def rivalry_of(counts: Mapping[str, int], several: Sequence[Several]) -> Rivalry:
    """Tell which labels exclude each other by what stands together.

    Parameters
    ----------
    counts : Mapping of str to int
        On how many items each label is, the oldest label first: of two that cannot be told apart, the later one is set
        apart.
    several : sequence of Several
        The items that have several labels.

    Returns
    -------
    Rivalry

    Examples
    --------
    >>> both = Several((("dog", "favourite"),), count=3)
    >>> sorted(rivalry_of({"dog": 60, "cat": 50, "favourite": 3}, [both]).set_apart)
    ['favourite']
    >>> one = Several((("dog", "cat"),))
    >>> rivalry_of({"dog": 60, "cat": 50}, [one]).is_plain
    True
    """
    groups = _divided(counts, [one for one in several if one.together])
    if not groups:
        return Rivalry()
    leads = 2 * sum(counts[label] for label in groups[0]) >= sum(counts.values())
    return Rivalry(rest_leads=leads, apart=tuple(groups[1:]))


@dataclass(frozen=True, slots=True)
class Several:
    """Items that have the same several labels.

    Attributes
    ----------
    together : tuple of (str, str)
        Pairs of them that hold at one place, neither a kind of the other.
    count : int
        How many items these are.
    """

    together: tuple[tuple[str, str], ...]
    count: int = 1


def lower_bound(count: int, n: int) -> float:
    """Return the lower bound of a share, ``count`` of ``n``, by Wilson's interval.

    References
    ----------
    Wilson, "Probable inference, the law of succession, and statistical inference", Journal of the American Statistical
    Association 22, 1927.

    Examples
    --------
    >>> [round(lower_bound(*seen), 2) for seen in ((1, 1), (1, 2), (1, 100), (16, 16))]
    [0.27, 0.12, 0.0, 0.86]
    """
    share, of_few = count / n, _DEVIATIONS**2 / n
    spread = _DEVIATIONS * math.sqrt(share * (1 - share) / n + of_few / (4 * n))
    return max(share + of_few / 2 - spread, 0.0) / (1 + of_few)


def _divided(counts: Mapping[str, int], several: Sequence[Several]) -> list[frozenset[str]]:
    """Divide labels into groups within which they seldom stand together, those that are set apart after the rest."""
    groups = []
    left = _Beside(counts, [(one.count, _partners(one.together)) for one in several])
    while left.labels:
        apart = _set_apart(left, counts)
        groups.append(frozenset(left.labels))
        left = apart
    return groups


def _partners(together: Sequence[tuple[str, str]]) -> dict[str, set[str]]:
    """List each label with those that it stands beside."""
    partners: dict[str, set[str]] = {}
    for first, second in together:
        partners.setdefault(first, set()).add(second)
        partners.setdefault(second, set()).add(first)
    return partners


def _set_apart(left: _Beside, counts: Mapping[str, int]) -> _Beside:
    """Take labels out, one after the other, until the others seldom stand together, and return those taken out."""
    apart = _Beside((), left.items)
    age = {label: place for place, label in enumerate(counts)}

    def often(beside: _Beside, label: str) -> bool:
        return lower_bound(beside.counts[label], counts[label]) >= LEAST_SHARE

    # The one that stands beside others most often is what they have in common; but first those that keep apart from
    # what was chosen already, so that `warm` and `cold` go together rather than each with half of the instruments.
    while candidates := [label for label in left.labels if left.counts[label] and often(left, label)]:
        chosen = min(
            candidates, key=lambda label: (often(apart, label), -left.counts[label], counts[label], -age[label])
        )
        left.remove(chosen)
        apart.add(chosen)
    return apart


class _Beside:
    """How many items each label shares with labels of a set that changes.

    Parameters
    ----------
    labels : iterable of str
    items : list of (int, dict of str to set of str)
        How many items there are, and what stands beside what on each, as of `_partners`.

    Attributes
    ----------
    labels : set of str
    counts : Counter of str
        Of all labels, also of those that are not in the set.
    """

    def __init__(self, labels: Iterable[str], items: list[tuple[int, dict[str, set[str]]]]) -> None:
        self.items = items
        self.labels: set[str] = set()
        self.counts: Counter[str] = Counter()
        self._of_label: dict[str, list[tuple[int, dict[str, set[str]]]]] = {}
        for count, partners in items:
            for label in partners:
                self._of_label.setdefault(label, []).append((count, partners))
        for label in labels:
            self.add(label)

    def add(self, label: str) -> None:
        """Put a label into the set."""
        self._count(label, 1)
        self.labels.add(label)

    def remove(self, label: str) -> None:
        """Take a label out of the set."""
        self.labels.discard(label)
        self._count(label, -1)

    def _count(self, label: str, change: int) -> None:
        """Change the counts of those that share an item with a label, and with no label that is in the set."""
        for count, partners in self._of_label.get(label, ()):
            for beside in partners[label]:
                if self.labels.isdisjoint(partners[beside]):
                    self.counts[beside] += change * count
