"""Whether an index is as it was written, down to each bit, and what can be made anew of what is not."""

from __future__ import annotations

import logging
from contextlib import suppress
from typing import TYPE_CHECKING

from modag_search.addresses import without_password
from modag_search.catalog.database import OF_VALUES
from modag_search.catalog.mending import FeatureMending
from modag_search.classify.leave_one_out import check_kept
from modag_search.classify.linear_head import Head
from modag_search.classify.namer import CALIBRATION_FILE, HEAD_FILE
from modag_search.errors import DamagedCatalogError, DamagedStoreError, ModagError, ModelError
from modag_search.files import read_checked
from modag_search.index.places import OWN_SPACE_FILE
from modag_search.labels.vocabulary import some_of
from modag_search.search.finder import RELEVANCE_FILE
from modag_search.search.item_map import MAP_FILES
from modag_search.spelling import printable
from modag_search.tensor_files import OtherFormatError, UnfitFileError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from modag_search.catalog import Catalog
    from modag_search.classify.namer import Namer
    from modag_search.index.places import Place
    from modag_search.index.workings import Workings

logger = logging.getLogger(__name__)

_MADE_AGAIN = "`modag verify --repair` removes it, and it is made anew when it is asked for"


class Soundness:
    """Checks an index as a whole, and mends it.

    Parameters
    ----------
    place : Place
    catalog : Catalog
    workings : Workings
    namer : Namer
    """

    def __init__(self, place: Place, catalog: Catalog, workings: Workings, namer: Namer) -> None:
        self._place = place
        self._folder = place.folder
        self._catalog = catalog
        self._workings = workings
        self._namer = namer

    def problems(self) -> list[str]:
        """Describe what is wrong, a line each; see `Index.verify`."""
        found = self._catalog.check()
        try:
            return [
                *found,
                *self._place.problems(),
                *self._of_space_and_stores(),
                *self._of_former_stores(),
                *self._of_head(),
                *self._of_derived().values(),
            ]
        except OF_VALUES:
            if not found:
                raise
            return found  # what is wrong with the catalog keeps the rest from being compared with it

    def mend(self) -> Iterator[tuple[bool, str]]:
        """Make anew what can be, and say what, a line each; for who holds the index's lock.

        Yields
        ------
        is_discarded : bool
            Whether it is gone, until what it was made from is read again.
        line : str
        """
        try:
            damaged = self._catalog.mend_features()
        except DamagedCatalogError as error:
            damaged = FeatureMending(0, 0, (), (str(error),))
        if damaged.mended:
            features = "1 feature" if damaged.mended == 1 else f"{damaged.mended} features"
            yield False, f"in {features} a bit had changed; it is as it was stored again"
        if damaged.discarded:
            paths = some_of([printable(path) for path in damaged.paths])
            yield (
                True,
                f"damaged features are discarded ({damaged.discarded}); `modag index` makes them anew of {paths}",
            )
        yield from ((False, line) for line in self._mend_space())
        # Of a damaged space, which stays; or of a catalog of which nobody knows what is right.
        with suppress(ModelError, *((DamagedCatalogError, *OF_VALUES) if damaged.left else ())):
            if damaged.mended or damaged.discarded or any(self._of_space_and_stores()):
                yield False, f"the stores are made anew, of {self._workings.basis.stores.make_anew()} vectors"
        for store in self._workings.leave_former():
            yield False, f"{without_password(store)}: keeps nothing of this index any more"
        for problem in self._of_head(altered_only=True):
            with suppress(ModagError):  # of too few labels, or a damaged space
                self._namer.train_head(update=False, seed=0)
                yield False, f"the head is fitted anew: {problem}"
        for path in self._of_derived(altered_only=True):
            path.unlink(missing_ok=True)
            yield False, f"{path}: is removed; it is made anew when it is asked for"

    def _mend_space(self) -> Iterator[str]:
        """Write a whole space that has no checksum with one."""
        with suppress(ModagError):
            if self._workings.settings.space == "own" and not self._workings.space.is_checked:
                self._place.write(OWN_SPACE_FILE, self._workings.space.to_bytes())
                yield f"{self._folder / OWN_SPACE_FILE}: has a checksum now"

    def _of_space_and_stores(self) -> list[str]:
        try:
            if not self._workings.space.is_checked and self._workings.settings.space == "own":
                logger.warning(
                    "%s: an earlier version wrote it, without a checksum; `modag verify --repair` gives it one",
                    self._folder / OWN_SPACE_FILE,
                )
            return self._workings.basis.stores.problems()
        except ModelError as error:
            return [str(error)]

    def _of_former_stores(self) -> list[str]:
        return [
            f"{without_password(store)}: the index has moved away, and vectors of it may be there still; `modag"
            f" rebuild` clears them away; where that is gone for ever, remove {self._workings.former_stores_file}"
            for store in self._workings.former_stores()
        ]

    def _of_head(self, *, altered_only: bool = False) -> list[str]:
        path = self._folder / HEAD_FILE
        if path.exists():
            try:
                Head.load(path)
            except ModelError as error:
                if not altered_only or _is_altered(error):
                    return [str(error)]
        return []

    def _of_derived(self, *, altered_only: bool = False) -> dict[Path, str]:
        """Describe files that are not as they were written, and that the index makes itself whenever they are gone."""
        checks: dict[str, Callable[[Path], object]] = {
            CALIBRATION_FILE: check_kept,
            **dict.fromkeys([RELEVANCE_FILE, *MAP_FILES.values()], read_checked),
        }
        found = {}
        for name, check in checks.items():
            path = self._folder / name
            if path.exists():
                try:
                    check(path)
                except ModagError as error:
                    if _is_altered(error):
                        found[path] = f"{path}: is not as it was written any more; {_MADE_AGAIN}"
                    elif not altered_only:
                        found[path] = str(error)
        return found


def _is_altered(error: ModagError) -> bool:
    """Tell a file that is not what was written from one of a newer version, or that cannot be read just now."""
    cause = error.__cause__
    if isinstance(error, DamagedStoreError):  # of one that was read as far as it goes
        return not isinstance(cause, (OSError, MemoryError))
    return isinstance(cause, UnfitFileError) and not isinstance(cause, OtherFormatError)
