"""What is said to the user of what else came of giving labels."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING

from modag_search.labels.vocabulary import some_of

if TYPE_CHECKING:
    from modag_search.catalog import Catalog, LabelChange
    from modag_search.rivalry import Rivalry

logger = logging.getLogger(__name__)


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
    rest = [name for name in catalog.labels.class_names() if name not in after.set_apart]
    if len(rest) < 2:
        return  # no two labels exclude each other yet
    if apart := sorted(after.set_apart - before.set_apart):
        logger.warning(
            "%s from now on; %s (`modag label mode` shows it)", _standing(catalog, apart), _left(rest, after)
        )
    if again := sorted(before.set_apart - after.set_apart):
        called = f"{some_of(again)} {'stands' if len(again) == 1 else 'stand'}"
        logger.warning("%s seldom beside others any more: %d labels exclude each other from now on", called, len(rest))


def _standing(catalog: Catalog, apart: list[str]) -> str:
    if len(apart) > 1:
        return f"{some_of(apart)} stand beside other labels: judged apart from these"
    n_others = len(catalog.labels.standing_beside(apart[0]))
    beside = "another label" if n_others == 1 else f"{n_others} other labels"
    return f"{apart[0]} stands beside {beside}: judged by itself"


def _left(rest: list[str], rivalry: Rivalry) -> str:
    if rivalry.rest_leads:
        return f"the other {len(rest)} exclude each other as before"
    return "most of what has labels has several, so that each is judged for itself"
