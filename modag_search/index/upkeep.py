"""What writes to an index: taking files in, moving to other encoders or spaces, making stores anew."""

from __future__ import annotations

import logging
import os
import threading
from contextlib import contextmanager
from dataclasses import asdict, replace
from typing import TYPE_CHECKING, Any, Final

from modag_search.errors import ModagError, NothingFoundError
from modag_search.index.description import as_root
from modag_search.ingest.forgetting import matching
from modag_search.ingest.roots import checked_roots
from modag_search.ingest.run import Ingest, IngestOptions, Progress
from modag_search.spelling import printable
from modag_search.values import ForgetReport

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from modag_search.catalog import Catalog
    from modag_search.index.places import Place
    from modag_search.index.soundness import Soundness
    from modag_search.index.workings import Workings
    from modag_search.values import Failure, IndexReport, LabelPassage

logger = logging.getLogger(__name__)

_NO_PATHS: Final[dict[str, Any]] = {
    **dict.fromkeys(["failures", "missing", "covered", "altered", "replaced", "passages"], ()),
    "known_as": {},
    "twice": {},
}


class Upkeep:
    """Writes to an index, one writer at a time.

    Parameters
    ----------
    catalog : Catalog
    workings : Workings
    place : Place
    """

    def __init__(self, catalog: Catalog, workings: Workings, place: Place) -> None:
        self._catalog = catalog
        self._workings = workings
        self._place = place

    def add(self, roots: Sequence[str], *, options: IngestOptions, progress: Progress | None) -> IndexReport:
        """Take files in; see `Index.add`."""
        if options.dry_run:
            return self._ingest(roots, options, progress).run(run_id=None)
        checked_roots(self._catalog, roots, prune=options.prune)
        with self._place.writing():
            # Only now: who was waited for may have moved the index to other encoders.
            ingest = self._ingest(roots, options, progress)
            arguments = {"paths": [as_root(root) for root in roots], **_kept(options)}
            run_id = self._catalog.runs.start("index", arguments=arguments)
            with _meanwhile(self._workings.basis.stores.compact):
                report = ingest.run(run_id=run_id)
            self._save_stores()
            self._catalog.runs.finish(run_id, _outcome(report))
            self._sweep()
        return report

    def forget(self, names: Sequence[str], *, dry_run: bool) -> ForgetReport:
        """Take items out; see `Index.forget`."""
        passages: tuple[LabelPassage, ...] = ()
        if dry_run:
            matched = matching(self._catalog, names)
            passages = self._catalog.kept_labels.foresee(matched.items)
            return matched.report(self._catalog, passages, dry_run=True)
        with self._place.writing():
            matched = matching(self._catalog, names)
            run_id = self._catalog.runs.start("forget", arguments={"paths": [printable(name) for name in names]})
            passages = self._catalog.forget(matched.items, failures=matched.failures, run_id=run_id).passages
            self._save_stores()
        return matched.report(self._catalog, passages, dry_run=False)

    def undo_forget(self) -> ForgetReport:
        """Take back what was forgotten last; see `Index.undo_forget`."""
        with self._place.writing():
            recalled = self._catalog.recall()
            if recalled is None:
                raise NothingFoundError("nothing was forgotten, or it was taken back")
            self._save_stores()
        return ForgetReport(
            paths=tuple(recalled.paths),
            failures=recalled.failures,
            unknown=tuple(recalled.taken),
            passages=recalled.passages,
        )

    def _save_stores(self) -> None:
        """Bring the stores up to date, unless another one may be about to."""
        self._catalog.require_sole_writer()
        self._workings.basis.stores.save()

    def _sweep(self) -> None:
        """Delete what is left of forgotten items; last of all, since what a run has done stays done whatever comes."""
        try:
            self._catalog.sweep()
        except ModagError as error:
            logger.warning(
                "what is left of forgotten files stays until a later run deletes it; `modag verify` says whether the "
                "index is whole: %s",
                error,
            )

    def _ingest(self, roots: Sequence[str], options: IngestOptions, progress: Progress | None) -> Ingest:
        return Ingest(self._catalog, self._workings.encoder, roots, options=options, progress=progress)

    def rebuild(
        self,
        *,
        space: str | os.PathLike[str] | None,
        store: str | None,
        sound_encoder: str | None,
        image_encoder: str | None,
        workers: int | str | None,
        progress: Progress | None,
        on_failure: Callable[[Failure], None] | None,
    ) -> int:
        """Make stores anew, and features that other encoders made; see `Index.rebuild`."""
        with self._place.writing():
            self._workings.change(space=space, store=store, sound_encoder=sound_encoder, image_encoder=image_encoder)
            for failure in self._encode_outdated(workers=workers, progress=progress):
                if on_failure:
                    on_failure(failure)
            self._catalog.require_sole_writer()
            vectors = self._workings.basis.stores.rebuild()
            self._workings.leave_former()
            self._sweep()
            return vectors

    def mend(self, soundness: Soundness) -> list[tuple[bool, str]]:
        """Make anew what is damaged, and say what, and whether it is gone; see `Index.repair`."""
        with self._place.writing():
            return list(soundness.mend())

    def _encode_outdated(self, *, workers: int | str | None, progress: Progress | None) -> tuple[Failure, ...]:
        """Encode anew the files whose features other encoders made, as far as they are within reach."""
        encoder = self._workings.encoder
        outdated = self._catalog.items.outdated_paths(encoder.fingerprints)
        here = [path for path in outdated if os.path.exists(path)]
        if lacking := len(outdated) - len(here):
            logger.warning("%d files are out of reach; `modag index` takes them in once they are back", lacking)
        if not here:
            return ()
        ingest = self._ingest(here, IngestOptions(workers=workers), progress)
        run_id = self._catalog.runs.start("rebuild", arguments=asdict(self._workings.settings))
        report = ingest.run(run_id=run_id)
        self._catalog.runs.finish(run_id, _outcome(report))
        return report.failures


@contextmanager
def _meanwhile(work: Callable[[], None]) -> Iterator[None]:
    """Have another thread work while the block runs; the block ends once both are done."""

    def attempt() -> None:
        try:
            work()
        except Exception as error:  # noqa: BLE001  whatever it is, the next run begins this anew
            logger.warning("stores stay as they were: %s", str(error) or type(error).__name__)

    thread = threading.Thread(target=attempt, name="meanwhile")
    thread.start()
    try:
        yield
    finally:
        thread.join()


def _kept(options: IngestOptions) -> dict[str, object]:
    """Return what is kept of how a run was told to take files in: what lies beside is for that run alone."""
    options = replace(options, exclude=tuple(map(printable, options.exclude)))
    return {name: value for name, value in asdict(options).items() if name != "beside"}


def _outcome(report: IndexReport) -> dict[str, object]:
    """Return what is kept of a run: numbers, and no paths."""
    numbers = asdict(replace(report, **_NO_PATHS))
    return {name: value for name, value in numbers.items() if name not in _NO_PATHS}
