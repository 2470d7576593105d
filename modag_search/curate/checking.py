"""Names that a person is asked about before they are relied on: a few, drawn at random, that tell of all."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np

from modag_search.catalog import Annotation
from modag_search.classify.transfer import give
from modag_search.errors import NothingFoundError, UsageError
from modag_search.labels.book import annotate
from modag_search.metrics.sampling import Stratum, spread_sample, stratified_share
from modag_search.values import CheckedPrecision, Given, PrecisionEstimate, Question

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Mapping, Sequence
    from typing import Any

    from modag_search.catalog import Catalog
    from modag_search.classify.originals import Original
    from modag_search.classify.transfer import Named, Proposals, TransferOptions
    from modag_search.values import Transferred, TransferReport

    Copies = Callable[[Sequence[tuple[int, str]], Collection[int]], Mapping[int, Original]]
    """Takes ids and paths of items, and ids of those that they may be copies of."""

VERB = "check"
"""Of the runs that keep answers."""


class Check:
    """Questions to a person whether items are what they would be called.

    They come in random order, so that what is answered before one breaks off is a sample, too, and no answer follows
    from how sure the one before was.

    Parameters
    ----------
    catalog : Catalog
    questions : sequence of Question
    arguments : Mapping
        JSON values that the run is recorded with.

    Attributes
    ----------
    questions : tuple of Question
    """

    def __init__(self, catalog: Catalog, questions: Sequence[Question], *, arguments: Mapping[str, Any]) -> None:
        self.questions = tuple(questions)
        self._catalog = catalog
        self._arguments = dict(arguments)

    def keep(self, answers: Sequence[bool | None]) -> Given:
        """Make labels of answers with yes, denials of those with no, and record all; `labels.undo` takes them back.

        Parameters
        ----------
        answers : sequence of (bool or None)
            For each of `questions`: whether the item is that; None where it was not answered.

        Returns
        -------
        Given

        Raises
        ------
        UsageError
            If there are more or fewer answers than questions, or all of them are None.
        LabelConflictError
            If items have got labels meanwhile that exclude these.
        """
        self._require(answers)
        if all(answer is None for answer in answers):
            raise UsageError("no question was answered, so that there is nothing to keep")
        run = self._catalog.runs.start(VERB, arguments=self._arguments)
        kept = [
            {"item": one.id, "label": one.label, "confidence": one.confidence, "answer": answer}
            for one, answer in zip(self.questions, answers, strict=True)
            if answer is not None
        ]
        added = annotate(self._catalog, self._judgements(answers, run), run=run, outcome={"answers": kept})
        return Given(run=run, added=added)

    def _judgements(self, answers: Sequence[bool | None], run: int) -> list[Annotation]:
        return [
            Annotation(item_id=one.id, label=one.label, origin="hand", run_id=run, is_not=not answer)
            for one, answer in zip(self.questions, answers, strict=True)
            if answer is not None
        ]

    def _require(self, answers: Sequence[bool | None]) -> None:
        if len(answers) != len(self.questions):
            raise UsageError(f"there are {len(self.questions)} questions, and {len(answers)} answers")


class TransferCheck(Check):
    """What a transfer would give, with questions about some of it; see `Index.check_transfer`.

    Half of the questions are about names that would be given, half about what stays unknown, by its likeliest name,
    as long as there are such: so one sees whether the border is where it should be. Of either, they are spread over the
    range of confidence.

    Parameters
    ----------
    catalog : Catalog
    proposals : Proposals
        With what is not sure enough.
    options : TransferOptions
    n : int
        How many questions, at the most.
    seed : int
    copies : callable
        Finds which items are copies of others.

    Raises
    ------
    NothingFoundError
        If nothing could be called anything.
    """

    def __init__(
        self,
        catalog: Catalog,
        proposals: Proposals,
        options: TransferOptions,
        *,
        n: int,
        seed: int,
        copies: Copies,
    ) -> None:
        if not proposals.given and not proposals.unsure:
            raise NothingFoundError("no item without a label could be called anything; there is nothing to check")
        of_unsure = min(len(proposals.unsure), n // 2)
        of_given = min(len(proposals.given), n - of_unsure)
        of_unsure = min(len(proposals.unsure), n - of_given)
        drawn = [
            *((one, True) for one in _spread(proposals.given, of_given, seed=seed)),
            *((one, False) for one in _spread(proposals.unsure, of_unsure, seed=seed)),
        ]
        order = np.random.default_rng(seed).permutation(len(drawn)).tolist()
        questions = [_question(*drawn[place][0]) for place in order]
        arguments = {"of": "transfer", "questions": len(drawn), **options.as_arguments()}
        super().__init__(catalog, questions, arguments=arguments)
        self._would_be_given = [drawn[place][1] for place in order]
        self._proposals = proposals
        self._options = options
        self._copies = copies

    def precision(self, answers: Sequence[bool | None]) -> CheckedPrecision:
        """Estimate how many of all names are right.

        Parameters
        ----------
        answers : sequence of (bool or None)
            As of `keep`.

        Returns
        -------
        CheckedPrecision

        Raises
        ------
        UsageError
            If there are more or fewer answers than questions.
        """
        self._require(answers)
        given = _Side.of(self._proposals.given, self._answered(answers, would_be_given=True))
        unsure = _Side.of(self._proposals.unsure, self._answered(answers, would_be_given=False))
        return CheckedPrecision(of_given=_estimate([given]), of_all=_estimate([given, unsure]))

    def transfer(self, answers: Sequence[bool | None], *, dry_run: bool = False) -> TransferReport:
        """Keep the answers, and give items the labels that are sure enough, but for what was answered with no.

        Nor is a copy of it called so, or a kind of that, as by `Index.classify` from then on.

        Parameters
        ----------
        answers : sequence of (bool or None)
            As of `keep`.
        dry_run : bool
            Write nothing; report what would be given.

        Returns
        -------
        TransferReport
            `checked` tells of the answers, where there were any.

        Raises
        ------
        UsageError, LabelConflictError
            As `keep`, but for that all answers may be None.
        """
        self._require(answers)
        answered = {
            (one.id, one.label) for one, answer in zip(self.questions, answers, strict=True) if answer is not None
        }
        checked = self.keep(answers) if answered and not dry_run else None
        refused = self._answered(answers, would_be_given=True).count(False)
        found = self._answered(answers, would_be_given=False).count(True)
        left = [named for named in self._proposals.given if (named[0], named[1].label) not in answered]
        denied = self._denied(answers)
        against = _spoken_against(self._catalog, left, denied, self._copies) if denied else set()
        rest = tuple(named for place, named in enumerate(left) if place not in against)
        refused += len({left[place][0] for place in against} - {item for item, _ in rest})
        report = give(
            self._catalog,
            replace(self._proposals, given=rest, unknown=self._proposals.unknown + refused - found),
            arguments=self._options.as_arguments(),
            dry_run=dry_run,
        )
        return replace(report, checked=checked)

    def _denied(self, answers: Sequence[bool | None]) -> list[Named]:
        """Return the names that were answered with no."""
        named = {(item, one.label): one for item, one in (*self._proposals.given, *self._proposals.unsure)}
        return [
            (one.id, named[one.id, one.label])
            for one, answer in zip(self.questions, answers, strict=True)
            if answer is False
        ]

    def _answered(self, answers: Sequence[bool | None], *, would_be_given: bool) -> list[bool]:
        return [
            answer
            for answer, side in zip(answers, self._would_be_given, strict=True)
            if side == would_be_given and answer is not None
        ]


@dataclass(frozen=True, slots=True)
class _Side:
    """Names above or below the border, and what was answered of them.

    Attributes
    ----------
    confidences : tuple of float
        Of all names.
    answers : tuple of bool
        Of some, drawn at random.
    """

    confidences: tuple[float, ...]
    answers: tuple[bool, ...]

    @classmethod
    def of(cls, named: Sequence[Named], answers: Sequence[bool]) -> _Side:
        return cls(tuple(one.confidence for _, one in named), tuple(answers))


def _spoken_against(catalog: Catalog, named: Sequence[Named], denied: Sequence[Named], copies: Copies) -> set[int]:
    """Return the places of names that are denied of copies of their items, or kinds of what is.

    Parameters
    ----------
    catalog : Catalog
    named : sequence of Named
    denied : sequence of Named
    copies : callable
        Finds which of some items are copies of others.

    Returns
    -------
    set of int
    """
    denied_of: dict[int, set[str]] = {}
    for item, one in denied:
        denied_of.setdefault(item, set()).add(one.label)
    wrong = {one.label for _, one in denied}
    hierarchy = catalog.hierarchy.get()
    against = {
        label: frozenset({label, *hierarchy.ancestors(label)}) & wrong for label in {one.label for _, one in named}
    }
    suspects = {place: one for place, one in enumerate(named) if against[one[1].label]}
    originals = copies(list({item: one.path for item, one in suspects.values()}.items()), denied_of)

    def is_contradicted(item: int, one: Transferred) -> bool:
        original = originals.get(item)
        # What has the content of a labelled item is called as that, whatever is said of other copies.
        has_its_content = one.copy_of is not None and one.copy_of.confirmed_by == "content"
        if original is None or (has_its_content and original.confirmed_by != "content"):
            return False
        return any(against[one.label] & denied_of[other] for other in original.items)

    return {place for place, entry in suspects.items() if is_contradicted(*entry)}


def _estimate(sides: Sequence[_Side]) -> PrecisionEstimate:
    """Estimate how many of the names of several sides are right; unknown where of one nothing was answered."""
    there = [side for side in sides if side.confidences]
    confidences = [confidence for side in there for confidence in side.confidences]
    known = None
    if there and all(side.answers for side in there):
        known = stratified_share([Stratum(len(one.confidences), len(one.answers), sum(one.answers)) for one in there])
    return PrecisionEstimate(
        names=len(confidences),
        confidence=float(np.mean(confidences)) if confidences else None,
        answered=sum(len(side.answers) for side in there),
        right=sum(sum(side.answers) for side in there),
        precision=None if known is None else known.estimate,
        low=None if known is None else known.low,
        high=None if known is None else known.high,
    )


def _spread(named: Sequence[Named], n: int, *, seed: int) -> list[Named]:
    """Draw some names, spread over the range of their confidence."""
    ordered = sorted(named, key=lambda entry: (round(entry[1].confidence, 6), entry[1].path, entry[1].label))
    return [ordered[place] for place in spread_sample(len(ordered), n, seed=seed).tolist()]


def _question(item: int, named: Transferred) -> Question:
    return Question(id=item, path=named.path, label=named.label, confidence=named.confidence)
