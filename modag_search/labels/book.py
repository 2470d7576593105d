"""The labels of an index: to give, take back, count, rename, relate."""

from __future__ import annotations

import logging
import shlex
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, get_args

from modag_search.arguments import seconds, whole
from modag_search.catalog import Annotation, LabelMode
from modag_search.errors import NoSuchLabelError, NoSuchRunError, UsageError
from modag_search.labels.changes import tell_of_change, tell_of_displaced, tell_of_parts_left, tell_of_short_parts
from modag_search.labels.checks import check_part_of, checked_name, looks_like_several, one_name
from modag_search.labels.vocabulary import one_or_more_names
from modag_search.spelling import bare, composed, did_you_mean
from modag_search.values import Given, LabelKind, LabelSummary, MediaKind, Taken, Undone

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence

    from modag_search.catalog import Catalog, LabelChange
    from modag_search.hierarchy import Hierarchy
    from modag_search.values import ItemRecord, RunRecord

logger = logging.getLogger(__name__)

_MODES: tuple[LabelMode, ...] = get_args(LabelMode)
_KINDS: tuple[LabelKind, ...] = get_args(LabelKind)


class LabelBook:
    """What may be done with labels; each call happens wholly or not at all.

    Parameters
    ----------
    catalog : Catalog
    """

    def __init__(self, catalog: Catalog) -> None:
        self._catalog = catalog

    # On items.

    def give(
        self,
        items: Sequence[ItemRecord],
        labels: Sequence[str],
        *,
        denied: Sequence[str] = (),
        are_tags: bool = False,
        start_s: float | None = None,
        end_s: float | None = None,
    ) -> Given:
        """Give items labels, or say that they are not some, on the whole or on a part.

        Parameters
        ----------
        items : sequence of ItemRecord
        labels : sequence of str
            That hold.
        denied : sequence of str
            That do not.
        are_tags : bool
            Whether `labels` are tags, which are no classes.
        start_s, end_s : float, optional

        Returns
        -------
        Given

        Raises
        ------
        UsageError
            If a name is empty, a label is to hold and not to, a part cannot be meant, or an item failed.
        LabelConflictError
            If labels exclude each other by the mode of the index, and an item would have two.
        """
        if not (labels or denied):
            raise UsageError("no label is named, so that there is nothing to give")
        start_s, end_s = seconds(start_s, "start_s"), seconds(end_s, "end_s")
        by_id = self._by_audioset_id()
        names, not_names = ([by_id.get(name, name) for name in map(checked_name, some)] for some in (labels, denied))
        if both := sorted(set(names).intersection(not_names)):
            raise UsageError(f"{both[0]}: cannot both hold and not hold")
        for item in items:
            _check_can_be_labelled(item, start_s, end_s)
        new = self._catalog.labels.unknown([*names, *not_names])
        known = self._catalog.labels.names() if new else set()
        said: dict[str, Any] = {"labels": names, "not": not_names or None, "tags": are_tags or None}
        run = self._start({**said, "items": len(items), "start_s": start_s, "end_s": end_s})
        annotations = [
            Annotation(
                item_id=item.id,
                label=name,
                origin="hand",
                start_s=start_s,
                end_s=end_s,
                run_id=run,
                is_not=is_not,
            )
            for item in items
            for is_not, some in ((False, names), (True, not_names))
            for name in some
        ]
        added = annotate(self._catalog, annotations, run=run, tags=names if are_tags else ())
        if not are_tags:
            tell_of_short_parts(self._catalog, annotations)
        tell_of_parts_left(self._catalog, annotations)
        warn_of_new(sorted(new), known)
        for name in sorted(new):
            if (several := looks_like_several(name)) is not None:
                each = shlex.join(argument for part in several[1] for argument in ("--as", part))
                logger.warning("%r is one label; `%s` gives %d", name, each, len(several[1]))
        return Given(run=run, added=added)

    def take(self, items: Sequence[ItemRecord], label: str, *, denied: bool = False) -> Taken:
        """Take a label back from items, or that they are not that.

        Parameters
        ----------
        items : sequence of ItemRecord
        label : str
        denied : bool
            Whether that they are not it is taken back, instead.

        Returns
        -------
        Taken
            `undo` of its run gives everything back as it was: its part, its origin, its confidence.

        Raises
        ------
        NoSuchLabelError
            If there is no such label.
        """
        name = self._known(label)
        said: dict[str, Any] = {"not": [name]} if denied else {"labels": [name]}
        said["tags"] = name in self._catalog.labels.tags() or None
        run = self._catalog.runs.start("unlabel", arguments={**said, "items": len(items)})
        taken = self._catalog.labels.undeny if denied else self._catalog.labels.unannotate
        return Taken(run=run, removed=taken([item.id for item in items], name, run=run))

    def take_for_good(self, items: Sequence[ItemRecord], label: str) -> tuple[int, Given]:
        """Take a label back from items, and say that they are not that, so that no transfer gives it again.

        Returns
        -------
        taken : int
            How many annotations were taken back.
        denied : Given
            `undo` of its run gives back what was taken, too.

        Raises
        ------
        UsageError
            If there is no such label, it is a tag, or an item failed.
        """
        name = self._known(label)
        for item in items:
            _check_can_be_labelled(item, None, None)
        run = self._start({"labels": [], "not": [name], "items": len(items), "start_s": None, "end_s": None})
        denials = [Annotation(item_id=item.id, label=name, origin="hand", run_id=run, is_not=True) for item in items]
        with _telling(self._catalog, run) as changes:
            taken, added = self._catalog.labels.exchange(denials, name, run=run, on_change=changes.append)
        return taken, Given(run=run, added=added)

    def count_transferred(self, items: Sequence[ItemRecord], label: str) -> int:
        """Count those of some items that have a label by transfer alone: from the next transfer they may again."""
        return self._catalog.labels.count_transferred([item.id for item in items], self.resolve(label.strip()))

    def undo(self, run: int) -> Undone:
        """Take back all labels that a run gave, also those that are kept, and give back what it took or replaced.

        What something said since opposes does not come back, and that is said; it does once that is undone and then
        this again.

        Raises
        ------
        NoSuchRunError
            If there is no such run, it gave and took none, or none are left.
        """
        run = whole(run, "run")
        self.require_run(run)
        undone = self._catalog.labels.undo(run)
        if undone.left:
            says = "%s: what was said since opposes it, or its item is gone; undo that first, and run %d again"
            logger.warning(
                says, "1 label does not come back" if undone.left == 1 else f"{undone.left} do not come back", run
            )
        return undone

    def require_run(self, run: int) -> None:
        """See to it that a run gave labels which are still there or kept, or took some back.

        Raises
        ------
        NoSuchRunError
            If there is no such run, or it did not.
        """
        if run in self._catalog.labels.count_by_run():
            return
        if any(one.id == run for one in self._catalog.runs.all()):
            raise NoSuchRunError(
                f"run {run} gave no labels that are still there, and took none that could come back; "
                "`modag label runs` lists those that did"
            )
        raise NoSuchRunError(f"there is no run {run}; `modag label runs` lists those that gave labels")

    def runs(self) -> list[tuple[RunRecord, int]]:
        """Return the runs that gave labels which are still there or kept, or took some back, oldest first.

        Each comes with how many it gave, or took.
        """
        counts = self._catalog.labels.count_by_run()
        return [(run, counts[run.id]) for run in self._catalog.runs.all() if run.id in counts]

    # On labels.

    def add(self, labels: str | Sequence[str], *, means: str | None = None) -> int:
        """Let labels count without any item: by their names, until examples come.

        Parameters
        ----------
        labels : str or sequence of str
        means : str, optional
            Words that say what it means, where the name does not; for one label.

        Returns
        -------
        int
            How many did not count so before.

        Raises
        ------
        UsageError
            If a name is empty, or words are given for several.
        """
        names = [self.resolve(checked_name(label)) for label in one_or_more_names(labels)]
        words = means.strip() if means is not None else None
        if words is not None and len(set(names)) != 1:
            raise UsageError(f"{words!r}: can say what one label means, not what {len(set(names))} do")
        known = self._catalog.labels.names()
        n_added = self._catalog.labels.add(dict.fromkeys(names, words))
        warn_of_new(names, known)
        return n_added

    def summaries(self) -> list[LabelSummary]:
        """Return the labels that items have or had, that the hierarchy names, or that were added, in order of name."""
        counts = {count.name: count for count in self._catalog.labels.counts()}
        hierarchy, audioset_ids = self.hierarchy, self._catalog.hierarchy.audioset_ids()
        added, meanings = self._catalog.labels.added(), self._catalog.labels.meanings()
        kept, tags = self._catalog.kept_labels.count_by_label(), self._catalog.labels.tags()
        names = {*counts, *audioset_ids, *added, *kept, *(name for pair in hierarchy.pairs() for name in pair)}
        summaries = []
        for name in sorted(names):
            items: Mapping[MediaKind, int] = counts[name].items if name in counts else {}
            by_kind = {kind: items.get(kind, 0) for kind in get_args(MediaKind)}
            summaries.append(
                LabelSummary(
                    label=name,
                    items=sum(by_kind.values()),
                    transferred=counts[name].transferred if name in counts else 0,
                    parents=tuple(sorted(hierarchy.parents.get(name, ()))),
                    audioset_id=audioset_ids.get(name),
                    means=meanings.get(name),
                    denied=counts[name].denied if name in counts else 0,
                    is_tag=name in tags,
                    kept=kept.get(name, 0),
                    **by_kind,
                )
            )
        return summaries

    def rename(self, label: str, new_name: str) -> int:
        """Give a label another name, and return how many annotations have it.

        Raises
        ------
        UsageError
            If there is no such label, or the new name is taken.
        """
        old, new = self._known(label), self.resolve(checked_name(new_name))
        known = self._catalog.labels.names()
        if new != old and new in known:
            merge = shlex.join(["modag", "label", "merge", old, "--into", new])
            raise UsageError(f"{new}: is a label already; `{merge}` makes the two one")
        count = self._catalog.labels.merge([old], new)
        warn_of_new([new], known - {old})
        return count

    def merge(self, labels: Sequence[str], into: str) -> int:
        """Let labels become one, and return how many annotations it has then.

        Raises
        ------
        UsageError
            If one of them is no label, or one would become a kind of itself.
        """
        merged, name = [self._known(label) for label in labels], self.resolve(checked_name(into))
        known = self._catalog.labels.names()
        count = self._catalog.labels.merge(merged, name)
        warn_of_new([name], known.difference(merged))
        return count

    def kept(self, label: str) -> int:
        """Count the annotations of a label that wait for the content of a file which is gone."""
        return self._catalog.kept_labels.count_by_label().get(self.resolve(label.strip()), 0)

    def remove(self, label: str) -> int:
        """Take a label from all items, and return how many annotations that were; one that was added is gone then.

        Raises
        ------
        NoSuchLabelError
            If there is no such label.
        """
        return self._catalog.labels.delete(self._known(label))

    def set_kind(self, label: str, kind: LabelKind) -> int:
        """Let a label be a tag, which is no class and never an answer, or a class.

        Parameters
        ----------
        label : str
        kind : {"class", "tag"}

        Returns
        -------
        int
            How many transferred labels wait until it is a class again, since what nobody said is no tag; or how many
            hold again.

        Raises
        ------
        UsageError
            If there is no such label or kind, or the hierarchy names what is to be a tag.
        LabelConflictError
            If labels exclude each other by the mode of the index, and an item would have two.
        """
        if kind not in _KINDS:
            raise UsageError(f"kind must be {' or '.join(_KINDS)}, not {kind!r}")
        turned = self._catalog.labels.turn_into(name := self._known(label), is_tag=kind == "tag")
        if turned.given_way:
            logger.warning("%s: %d items were called otherwise since, and stay so", name, turned.given_way)
        tell_of_displaced(turned.displaced)
        return turned.affected

    def kind(self, label: str) -> LabelKind:
        """Return whether a label is a class or a tag; errors as in `set_kind`."""
        return "tag" if self._known(label) in self._catalog.labels.tags() else "class"

    # How labels relate.

    @property
    def hierarchy(self) -> Hierarchy:
        """Which labels are kinds of which."""
        return self._catalog.hierarchy.get()

    def set_hierarchy(
        self,
        hierarchy: Hierarchy,
        *,
        audioset_ids: Mapping[str, str] | None = None,
        means: Mapping[str, str] | None = None,
    ) -> None:
        """Put another hierarchy in the place of the one that is there, with words for its labels, where given.

        Raises
        ------
        LabelConflictError
            If labels exclude each other, and an item has two that would no longer be kinds of each other.
        """
        tell_of_displaced(self._catalog.hierarchy.replace(hierarchy, audioset_ids=audioset_ids, means=means))

    @property
    def mode(self) -> LabelMode:
        """Whether labels exclude each other; see `catalog.LabelMode`."""
        return self._catalog.hierarchy.mode

    @property
    def exclude_each_other(self) -> bool:
        """Whether all labels exclude each other as things stand."""
        return self._catalog.hierarchy.rivalry.is_plain

    @property
    def groups(self) -> list[list[str]]:
        """Labels that exclude each other, those that were set apart after the rest; each for itself in ``multi``."""
        rivalry, names = self._catalog.hierarchy.rivalry, sorted(self._catalog.labels.class_names())
        rest = [name for name in names if name not in rivalry.set_apart]
        groups = [rest] if rivalry.rest_exclude else [[name] for name in rest]
        return [*groups, *map(sorted, rivalry.apart)] if names else []

    def set_mode(self, mode: LabelMode) -> None:
        """Say whether labels exclude each other.

        Raises
        ------
        UsageError
            If there is no such mode.
        LabelConflictError
            If they are to, and an item has two.
        """
        if mode not in _MODES:
            raise UsageError(f"mode must be {', '.join(_MODES)}, not {mode!r}")
        tell_of_displaced(self._catalog.hierarchy.set_mode(mode))

    def resolve_class(self, name: str) -> str:
        """Return the label that a name means, which may be an answer.

        Raises
        ------
        UsageError
            If it is a tag.
        """
        label = self.resolve(one_name(name).strip())
        if label in self._catalog.labels.tags():
            raise UsageError(f"{label}: is a tag, which nothing guesses; `modag label kind` makes it a class")
        return label

    def resolve(self, name: str) -> str:
        """Return the label that AudioSet has this id for, or the name itself, in the Unicode form NFC."""
        return self._by_audioset_id().get(name, composed(name))

    def did_you_mean(self, name: str) -> str:
        """Ask, at the end of a message, for the labels that a name may have been meant for; nothing without such."""
        return did_you_mean(name, self._catalog.labels.names() - {self.resolve(name)})

    def is_given(self, name: str) -> bool:
        """Tell whether any item has a label, or one that is a kind of it."""
        return bool(len(self._catalog.labels.items_labelled(*self.with_descendants(name))))

    def with_descendants(self, name: str) -> frozenset[str]:
        """Return a label, by name or AudioSet's id, and all that are kinds of it."""
        return self.hierarchy.with_descendants(self.resolve(name))

    def _known(self, name: str) -> str:
        label = self.resolve(one_name(name).strip())
        if label not in self._catalog.labels.names():
            hint = self.did_you_mean(name)
            raise NoSuchLabelError(f"{name}: is no label of this index; `modag label list` lists them{hint}")
        return label

    def _by_audioset_id(self) -> dict[str, str]:
        return self._catalog.hierarchy.names_by_audioset_id()

    def _start(self, arguments: Mapping[str, Any]) -> int:
        return self._catalog.runs.start("label", arguments=arguments)


def annotate(
    catalog: Catalog,
    annotations: Iterable[Annotation],
    *,
    run: int,
    tags: Collection[str] = (),
    outcome: Mapping[str, Any] | None = None,
    on_refusal: Callable[[Sequence[Annotation]], None] | None = None,
) -> int:
    """Give what a run gives, all or nothing, finish the run, and return how many labels are new.

    What else comes of it is said: what had been given otherwise, and labels that cease to exclude each other.

    Parameters
    ----------
    catalog : Catalog
    annotations : iterable of Annotation
    run : int
    tags : collection of str
        Labels among them that are tags.
    outcome : Mapping, optional
        JSON values that the run records beside that number, unless it fails.
    on_refusal : callable, optional
        Called with what was not given, since the opposite was said with more say, if there is any.

    Returns
    -------
    int

    Raises
    ------
    UsageError
        If an item has been removed meanwhile, or a label is to be a tag and is none.
    LabelConflictError
        If labels exclude each other by the mode of the catalog, and an item would have two.
    """
    with _telling(catalog, run) as changes:
        return catalog.labels.annotate(
            annotations, tags=tags, run=run, outcome=outcome, on_change=changes.append, on_refusal=on_refusal
        )


@contextmanager
def _telling(catalog: Catalog, run: int) -> Iterator[list[LabelChange]]:
    """Say in the end what changes came of a run, which are listed meanwhile; end it where it fails."""
    changes: list[LabelChange] = []
    try:
        yield changes
    except BaseException as error:
        catalog.runs.finish(run, {"added": 0})
        if isinstance(error, KeyError):
            raise UsageError(f"id:{error.args[0]}: was removed meanwhile; run the same command again") from error
        raise
    for change in changes:
        tell_of_change(catalog, change)


def warn_of_new(names: Iterable[str], known: Collection[str]) -> None:
    """Say which new labels differ from those that are known in case or in signs between words alone."""
    by_bare: dict[str, list[str]] = {}
    for one in sorted(known):
        by_bare.setdefault(bare(one), []).append(one)
    for name in dict.fromkeys(names):
        if name not in known and (beside := by_bare.get(bare(name))):
            logger.warning(
                "label %r is new beside %s; `%s` makes them one",
                name,
                " and ".join(map(repr, beside)),
                shlex.join(["modag", "label", "merge", name, "--into", beside[0]]),
            )


def _check_can_be_labelled(item: ItemRecord, start_s: float | None, end_s: float | None) -> None:
    if item.status == "failed":
        raise UsageError(f"{item.path}: could not be indexed since it changed; `modag failures` says why")
    check_part_of(item, start_s, end_s)
