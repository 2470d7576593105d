"""Taking files into an index: scan, sort out, hash, resolve, encode, store; each stage feeds the next.

Stages are generators, so that look-ahead is bounded and memory does not grow with the collection. The catalog is used
from one thread alone; reading, decoding and encoding run in a pool.
"""

from __future__ import annotations

import collections
import itertools
import os
import time
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import partial
from typing import TYPE_CHECKING, NamedTuple, Protocol, TypeVar

from modag_search import media
from modag_search.errors import MediaError, ModagError, UnreadableMediaError
from modag_search.values import (
    EncodedItem,
    Failure,
    IndexReport,
    ItemRecord,
    MediaKind,
    Modality,
    ScannedFile,
    ScanProblem,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Sequence

    from modag_search.catalog import Catalog
    from modag_search.index.encoding import MediaEncoder

_SCANNED_AT_ONCE = 500
_STORED_AT_ONCE = 32
_STORED_EVERY_S = 5.0
_MODALITIES: dict[MediaKind, tuple[Modality, ...]] = {
    "image": ("image",),
    "sound": ("sound",),
    "video": ("image", "sound"),
}

Input = TypeVar("Input")
Output = TypeVar("Output")


class Progress(Protocol):
    """Hears how far a run is."""

    def __call__(self, *, done: int, found: int, scanning: bool) -> None:
        """Take note that `done` of the `found` files are finished; more may be found while `scanning`."""


@dataclass(frozen=True, slots=True, kw_only=True)
class IngestOptions:
    """How to take files in; see `Index.add`."""

    prune: bool = False
    dry_run: bool = False
    workers: int | None = None
    exclude: tuple[str, ...] = ()
    follow_symlinks: bool = False
    retry_failed: bool = False


class _Hashed(NamedTuple):
    file: ScannedFile
    content_hash: str


class Ingest:
    """One run over some paths.

    Parameters
    ----------
    catalog : Catalog
    encoder : MediaEncoder
    options : IngestOptions
    progress : Progress, optional
    """

    def __init__(
        self, catalog: Catalog, encoder: MediaEncoder, options: IngestOptions, progress: Progress | None = None
    ) -> None:
        self._catalog = catalog
        self._encoder = encoder
        self._options = options
        self._progress = progress
        self._counts: collections.Counter[str] = collections.Counter()
        self._failures: list[Failure] = []
        self._unknown_folders: list[str] = []
        self._found = 0
        self._scanning = True
        self._run_id: int | None = None
        self._warm: set[Modality] = set()
        self._moved: set[int] = set()

    def run(self, paths: Sequence[str], *, run_id: int | None) -> IndexReport:
        """Take in all files below `paths`.

        Raises
        ------
        UsageError
            Before anything is done, if a path does not exist or a folder holds no media.
        """
        started = time.perf_counter()
        self._run_id = run_id
        entries = media.scan(paths, exclude=self._options.exclude, follow_symlinks=self._options.follow_symlinks)
        with ThreadPoolExecutor(self._workers, thread_name_prefix="modag") as pool:
            try:
                pending = self._sorted_out(self._scanned(entries))
                unresolved = self._resolved(self._hashed(pending, pool))
                if self._options.dry_run:
                    collections.deque(self._foreseen(unresolved), maxlen=0)
                else:
                    self._stored(self._encoded(unresolved, pool))
            except BaseException:
                pool.shutdown(wait=False, cancel_futures=True)
                raise
        if self._options.prune:
            self._prune(media.check_roots(paths))
        return self._report(time.perf_counter() - started)

    @property
    def _workers(self) -> int:
        return self._options.workers or os.cpu_count() or 1

    # The stages, in order.

    def _scanned(self, entries: Iterable[ScannedFile | ScanProblem]) -> Iterator[ScannedFile]:
        for entry in entries:
            if isinstance(entry, ScannedFile):
                self._found += 1
                self._tell()
                yield entry
            else:
                self._unknown_folders.append(entry.path)
                self._fail(_failure(entry.path, entry.reason, "ScanProblem", None))
        self._scanning = False
        self._tell()

    def _sorted_out(self, files: Iterator[ScannedFile]) -> Iterator[ScannedFile]:
        """Let through what has to be read: what is new, has changed, or was made by another pipeline."""
        known_failures = {failure.path: failure for failure in self._catalog.failures.all()}
        while batch := list(itertools.islice(files, _SCANNED_AT_ONCE)):
            verdicts = self._catalog.items.classify_scan(
                batch, fingerprints=self._encoder.fingerprints, retry_failed=self._options.retry_failed
            )
            for file, verdict in zip(batch, verdicts, strict=True):
                if verdict == "pending":
                    yield file
                elif verdict == "unchanged":
                    self._count("unchanged")
                else:
                    self._fail(known_failures[file.path])
                    self._tell()

    def _hashed(self, files: Iterator[ScannedFile], pool: ThreadPoolExecutor) -> Iterator[_Hashed]:
        def hashed(file: ScannedFile) -> _Hashed | Failure:
            try:
                with self._encoder.clock.timing("hash"):
                    return _Hashed(file, media.content_hash(file.path))
            except MediaError as error:
                return _failure_of(error, file)

        for outcome in _map_ahead(pool, hashed, files, look_ahead=2 * self._workers):
            if isinstance(outcome, Failure):
                self._record_failure(outcome)
            else:
                yield outcome

    def _resolved(self, files: Iterator[_Hashed]) -> Iterator[_Hashed]:
        """Let through what has to be encoded: content that no item has yet, as today's pipelines see it."""
        for hashed in files:
            here = self._catalog.items.at(hashed.file.path)
            if here and self._is_of(here, hashed.content_hash):
                self._count("unchanged", partial(self._catalog.touch, hashed.file))
                continue
            twins = [twin for twin in self._catalog.items.with_hash(hashed.content_hash) if self._is_current(twin.id)]
            left = next((twin for twin in twins if self._has_left(twin)), None)
            if left is not None:
                self._moved.add(left.id)
                self._count("moved", partial(self._catalog.move, left.id, hashed.file))
            elif twins:
                verdict = "updated" if here else "added"
                self._count(verdict, partial(self._catalog.copy, twins[0].id, hashed.file))
            else:
                yield hashed

    def _encoded(self, files: Iterator[_Hashed], pool: ThreadPoolExecutor) -> Iterator[EncodedItem]:
        def encoded(hashed: _Hashed) -> EncodedItem | Failure:
            try:
                facts, segments = self._encoder.encode_file(hashed.file.path)
            except MediaError as error:
                return _failure_of(error, hashed.file)
            except ModagError:
                raise
            except Exception as error:  # noqa: BLE001  one odd file must not stop a run over a million
                reason = f"unexpected {type(error).__name__}: {error}; please report it"
                return _failure(hashed.file.path, reason, type(error).__name__, hashed.file)
            return EncodedItem(file=hashed.file, content_hash=hashed.content_hash, facts=facts, segments=segments)

        for outcome in _map_ahead(pool, encoded, self._warmed(files), look_ahead=2 * self._workers):
            if isinstance(outcome, Failure):
                self._record_failure(outcome)
            else:
                yield outcome

    def _stored(self, items: Iterator[EncodedItem]) -> None:
        """Write items to the catalog, one transaction a batch; what is finished when the run breaks off is kept."""
        pipelines = {
            modality: self._catalog.pipelines.ensure(pipeline) for modality, pipeline in self._encoder.pipelines.items()
        }
        batch: list[EncodedItem] = []

        def flush() -> None:
            with self._encoder.clock.timing("store"):
                report = self._catalog.put(batch, pipelines=pipelines)
            self._counts.update(added=report.added, updated=report.updated)
            batch.clear()
            self._tell()

        flushed_at = time.monotonic()
        try:
            for item in items:
                batch.append(item)
                if len(batch) >= _STORED_AT_ONCE or time.monotonic() - flushed_at > _STORED_EVERY_S:
                    flush()
                    flushed_at = time.monotonic()
        finally:
            flush()

    def _foreseen(self, files: Iterator[_Hashed]) -> Iterator[None]:
        """Stand in for encoding and storing in a dry run."""
        for hashed in files:
            self._count("updated" if self._catalog.items.at(hashed.file.path) else "added")
            yield

    def _prune(self, roots: Sequence[str]) -> None:
        """Remove items whose files are gone from below the roots; what a problem hides is not gone."""
        unknown = tuple(os.path.join(folder, "") for folder in self._unknown_folders)
        gone = [
            item_id
            for root in roots
            for item_id, path in self._catalog.items.paths_under(root)
            if item_id not in self._moved and not os.path.lexists(path) and not path.startswith(unknown)
        ]
        if self._options.dry_run:
            self._counts["removed"] = len(set(gone))
            return
        self._counts["removed"] = self._catalog.remove(gone)
        inside = tuple(os.path.join(root, "") for root in roots)
        self._catalog.failures.forget(
            failure.path
            for failure in self._catalog.failures.all()
            if failure.path.startswith(inside) and not os.path.lexists(failure.path)
        )

    # What the stages share.

    def _warmed(self, files: Iterator[_Hashed]) -> Iterator[_Hashed]:
        """Load the networks that the files to come need, before threads ask for them at once."""
        for hashed in files:
            for modality in _MODALITIES[media.kind_of(hashed.file.path) or "video"]:
                if modality not in self._warm:
                    self._encoder.warm(modality)
                    self._warm.add(modality)
            yield hashed

    def _is_of(self, item: ItemRecord, content_hash: str) -> bool:
        """Tell whether an item stands for this content: one whose file failed since has no segments left."""
        return item.status == "ok" and item.content_hash == content_hash and self._is_current(item.id)

    def _has_left(self, item: ItemRecord) -> bool:
        """Tell whether the file of an item is gone and has not turned up elsewhere: a dry run cannot write that."""
        return item.id not in self._moved and not os.path.lexists(item.path)

    def _is_current(self, item_id: int) -> bool:
        return not self._catalog.items.outdated([item_id], fingerprints=self._encoder.fingerprints)

    def _count(self, verdict: str, change: Callable[[], object] | None = None) -> None:
        if change is not None and not self._options.dry_run:
            change()
        self._counts[verdict] += 1
        self._tell()

    def _fail(self, failure: Failure) -> None:
        self._counts["failed"] += 1
        self._failures.append(failure)

    def _record_failure(self, failure: Failure) -> None:
        if not self._options.dry_run:
            out_of_reach = failure.error == UnreadableMediaError.__name__
            self._catalog.fail([failure], run_id=self._run_id, keep_items=out_of_reach)
        self._fail(failure)
        self._tell()

    def _tell(self) -> None:
        if self._progress:
            done = sum(self._counts.values()) - self._counts["removed"]
            self._progress(done=done, found=self._found, scanning=self._scanning)

    def _report(self, seconds: float) -> IndexReport:
        return IndexReport(
            **self._counts,
            seconds=round(seconds, 3),
            failures=tuple(self._failures),
            dry_run=self._options.dry_run,
            stage_seconds=dict(self._encoder.clock.seconds),
        )


def _map_ahead(
    pool: ThreadPoolExecutor, function: Callable[[Input], Output], inputs: Iterator[Input], *, look_ahead: int
) -> Iterator[Output]:
    """Apply `function` in the pool and yield the outcomes in order, with a bounded number of them under way."""
    under_way: collections.deque[Future[Output]] = collections.deque()
    for one in inputs:
        under_way.append(pool.submit(function, one))
        if len(under_way) >= look_ahead:
            yield under_way.popleft().result()
    while under_way:
        yield under_way.popleft().result()


def _failure_of(error: MediaError, file: ScannedFile) -> Failure:
    return _failure(error.path, error.reason, type(error).__name__, file)


def _failure(path: str, reason: str, error: str, file: ScannedFile | None) -> Failure:
    return Failure(
        path=path,
        reason=reason,
        error=error,
        size_bytes=file.size_bytes if file else None,
        mtime_ns=file.mtime_ns if file else None,
        failed_at=datetime.now(UTC).isoformat(timespec="seconds"),
    )
