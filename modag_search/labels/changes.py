"""What is said to the user of what else came of giving labels."""

from __future__ import annotations

import logging
import math
import shlex
from itertools import islice
from typing import TYPE_CHECKING

from modag_search.labels.vocabulary import some_of
from modag_search.spelling import printable

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from modag_search.catalog import Annotation, Catalog, LabelChange
    from modag_search.rivalry import Rivalry
    from modag_search.values import SegmentRecord

logger = logging.getLogger(__name__)

_SHOWN = "`modag label mode` shows it"
_MUCH_ELSE_S = 5.0
"""So much more than its part a window holds before that is said."""
_LOOKED_AT = 1000


def tell_of_change(catalog: Catalog, change: LabelChange) -> None:
    """Say what gave way, which labels are set apart from now on, and which exclude others again.

    Parameters
    ----------
    catalog : Catalog
        As it is now.
    change : LabelChange
    """
    before, after = change.before, change.after
    if change.replaced:
        listed = some_of([f"{label} ({count})" for label, count in sorted(change.replaced.items())])
        logger.warning("the opposite had been said before, and is taken back: %s", listed)
    if before == after:
        return
    if after.rest_leads:
        _tell_of_rest(catalog, before, after)
    else:
        _tell_of_all(catalog, before)


def tell_of_displaced(count: int) -> None:
    """Say how many transferred labels gave way, where what labels are, or how they relate, has changed."""
    if count:
        labels = "1 transferred label" if count == 1 else f"{count} transferred labels"
        logger.warning("%s gave way to labels that exclude %s", labels, "it" if count == 1 else "them")


def tell_of_short_parts(catalog: Catalog, annotations: Iterable[Annotation]) -> None:
    """Say of labels on parts of sounds that their windows hold much else besides; the first thousand are looked at."""
    on_parts = (one for one in annotations if not (one.start_s is None and one.end_s is None) and not one.is_not)
    looked_at = list(islice(on_parts, _LOOKED_AT))
    windows: dict[int, list[SegmentRecord]] = {}
    for segment in catalog.segments.of_items({one.item_id for one in looked_at}):
        if segment.modality == "sound":
            windows.setdefault(segment.item_id, []).append(segment)
    short = [(one, else_s) for one in looked_at if (else_s := _held_beside(one, windows.get(one.item_id, ())))]
    if not short:
        return
    first, else_s = short[0]
    (item,) = catalog.items.get_many([first.item_id]).values()
    more = len(short) - 1
    others = f", and {more} more {'label is' if more == 1 else 'labels are'} so" if more else ""
    logger.warning(
        "%s: %r is learnt from a whole window, which holds %g s beside its part%s; where something else is heard "
        "there, label a file of the part alone, or make an index with a shorter --window",
        item.path,
        first.label,
        else_s,
        others,
    )


def tell_of_parts_left(catalog: Catalog, annotations: Iterable[Annotation]) -> None:
    """Say which labels items that are wholly denied them still have on parts; the first thousand are looked at."""
    of_wholes = (one for one in annotations if one.is_not and one.start_s is None and one.end_s is None)
    looked_at = {(one.item_id, one.label) for one in islice(of_wholes, _LOOKED_AT)}
    there = (
        catalog.labels.annotations(items={item_id for item_id, _ in looked_at}, of_former=False) if looked_at else ()
    )
    left = [one for one in there if not one.is_not and (one.item_id, one.label) in looked_at]
    if not left:
        return
    (item,) = catalog.items.get_many([left[0].item_id]).values()
    more = len({(one.item_id, one.label) for one in left}) - 1
    logger.warning(
        "%s: a part of it has the label %r, and keeps it, until `%s`%s",
        printable(item.path),
        left[0].label,
        shlex.join(["modag", "label", "remove", left[0].label, f"id:{item.id}"]),
        f"; so it is with {more} more of what is denied here" if more else "",
    )


def _held_beside(one: Annotation, windows: Sequence[SegmentRecord]) -> float:
    """Return how much more than a part the fittest of the windows that it lies in holds, in seconds; 0 for little."""
    start_s, end_s = one.start_s or 0.0, math.inf if one.end_s is None else one.end_s
    beside = []
    for window in windows:
        begins_s, ends_s = window.start_s or 0.0, window.end_s or 0.0
        common_s = min(ends_s, end_s) - max(begins_s, start_s)
        if common_s > 0:
            beside.append(ends_s - begins_s - common_s)
    least = min(beside, default=0.0)
    return round(least, 1) if least >= _MUCH_ELSE_S else 0.0


def _tell_of_rest(catalog: Catalog, before: Rivalry, after: Rivalry) -> None:
    """Say which labels stand apart from those that answers are chosen from."""
    rest = [name for name in catalog.labels.class_names() if name not in after.set_apart]
    if len(rest) < 2:
        return  # no two labels exclude each other yet
    if not before.rest_leads:
        others = f", and {some_of(sorted(after.set_apart))} apart from these" if after.apart else ""
        logger.warning("%d labels exclude each other again, and are judged together%s (%s)", len(rest), others, _SHOWN)
    elif apart := sorted(after.set_apart - before.set_apart):
        left = f"the other {len(rest)} exclude each other as before"
        logger.warning("%s from now on; %s (%s)", _standing(catalog, apart), left, _SHOWN)
    if before.rest_leads and (again := sorted(before.set_apart - after.set_apart)):
        called = f"{some_of(again)} {'stands' if len(again) == 1 else 'stand'}"
        logger.warning("%s seldom beside others any more: %d labels exclude each other from now on", called, len(rest))


def _tell_of_all(catalog: Catalog, before: Rivalry) -> None:
    """Say that labels stand beside others so often that no group of rivals is left to choose an answer from."""
    n_items, n_several = catalog.labels.count_labelled()
    if before.rest_leads and n_items > 1:
        words = "labels stand beside each other on %d of %d labelled items: each is judged for itself from now on (%s)"
        logger.warning(words, n_several, n_items, _SHOWN)


def _standing(catalog: Catalog, apart: list[str]) -> str:
    if len(apart) > 1:
        return f"{some_of(apart)} stand beside other labels: judged apart from these"
    n_others = len(catalog.labels.standing_beside(apart[0]))
    beside = "another label" if n_others == 1 else f"{n_others} other labels"
    return f"{apart[0]} stands beside {beside}: judged by itself"
