"""Labels that are kinds of others: string > bowed > violin.

A label may have several parents, as in AudioSet's ontology (Gemmeke et al., "Audio Set: an ontology and human-labeled
dataset for audio events", ICASSP 2017). Labels without parents are on level 0; another label is one level below the
lowest of its parents.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from modag_search.errors import UsageError

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

_SHOWN = 10


@dataclass(frozen=True, slots=True, eq=False)
class Hierarchy:
    """Which labels are kinds of which.

    Attributes
    ----------
    parents : Mapping of str to frozenset of str
        Of each label that has any.

    Examples
    --------
    >>> instruments = Hierarchy.of([("violin", "bowed"), ("bowed", "string"), ("guitar", "string")])
    >>> sorted(instruments.ancestors("violin")), sorted(instruments.with_descendants("string"))
    (['bowed', 'string'], ['bowed', 'guitar', 'string', 'violin'])
    >>> instruments.at_level("violin", 0), instruments.level("violin")
    (frozenset({'string'}), 2)
    """

    parents: Mapping[str, frozenset[str]] = field(default_factory=dict)
    _levels: dict[str, int] = field(init=False, repr=False, default_factory=dict)

    @classmethod
    def of(cls, pairs: Iterable[tuple[str, str]]) -> Hierarchy:
        """Make a hierarchy of pairs of a child and its parent.

        Raises
        ------
        UsageError
            If a label would be a kind of itself; the message names the way round.
        """
        parents: dict[str, set[str]] = {}
        for child, parent in pairs:
            parents.setdefault(child, set()).add(parent)
        hierarchy = cls({child: frozenset(names) for child, names in parents.items()})
        if (cycle := hierarchy.cycle()) is not None:
            raise UsageError(f"a label cannot be a kind of itself: {_way_round(cycle)}")
        return hierarchy

    def __bool__(self) -> bool:
        """Tell whether any label has a parent."""
        return bool(self.parents)

    def pairs(self) -> Iterator[tuple[str, str]]:
        """Iterate over child and parent, in order of name."""
        for child, parents in sorted(self.parents.items()):
            for parent in sorted(parents):
                yield child, parent

    def ancestors(self, label: str) -> frozenset[str]:
        """Return all that a label is a kind of, near and far."""
        found: set[str] = set()
        pending = [label]
        while pending:
            new = self.parents.get(pending.pop(), frozenset()) - found
            found |= new
            pending += new
        return frozenset(found)

    def with_descendants(self, label: str) -> frozenset[str]:
        """Return a label and all that are kinds of it."""
        return frozenset({label, *(name for name in self.parents if label in self.ancestors(name))})

    def are_related(self, first: str, second: str) -> bool:
        """Tell whether two labels are the same, or one is a kind of the other."""
        return first == second or first in self.ancestors(second) or second in self.ancestors(first)

    def level(self, label: str) -> int:
        """Count the steps from a label up to the top, by the longest way."""
        # From the top down, each once: labels may be nested deeper than Python's calls.
        pending = [label]
        while pending:
            above = self.parents.get(pending[-1], frozenset())
            unknown = [name for name in above if name not in self._levels]
            if not unknown:
                self._levels[pending.pop()] = 1 + max((self._levels[name] for name in above), default=-1)
            pending += unknown
        return self._levels[label]

    @property
    def depth(self) -> int:
        """The lowest level that a label is on; 0 where no label is a kind of another."""
        return max(map(self.level, self.parents), default=0)

    def at_level(self, label: str, level: int) -> frozenset[str]:
        """Return what a label is called on a level: the ancestors there, or itself where it is not below it."""
        if self.level(label) <= level:
            return frozenset({label})
        return frozenset(name for name in self.ancestors(label) if self.level(name) == level)

    def most_specific(self, labels: Iterable[str]) -> frozenset[str]:
        """Leave out labels that others among them are kinds of."""
        given = frozenset(labels)
        return given.difference(*(self.ancestors(label) for label in given))

    def cycle(self) -> tuple[str, ...] | None:
        """Return labels of which each is a kind of the one before it, the first being the last; None without such."""
        done: set[str] = set()
        for start in sorted(self.parents):
            way: list[str] = []
            on_way: set[str] = set()
            pending = [(start, 0)]
            while pending:
                label, depth = pending.pop()
                done.update(way[depth:])
                on_way.difference_update(way[depth:])
                del way[depth:]
                if label in on_way:
                    return tuple(reversed([*way[way.index(label) :], label]))
                if label not in done:
                    way.append(label)
                    on_way.add(label)
                    pending += [(p, depth + 1) for p in sorted(self.parents.get(label, ()), reverse=True)]
            done.update(way)
        return None


def _way_round(cycle: tuple[str, ...]) -> str:
    """Write a cycle in one line, of a long one its beginning and its end."""
    left_out = len(cycle) - _SHOWN
    shown = cycle if left_out <= 0 else (*cycle[: _SHOWN - 1], f"... ({left_out} more) ...", cycle[-1])
    return " > ".join(shown)
