"""Taking files into an index: scan, sort out, hash, resolve, encode, store; each stage feeds the next.

Stages are generators, so that look-ahead is bounded and memory does not grow with the collection. What is found is a
plain row until it has to be read: most often, nearly all is as it was. One thread alone scans, compares and writes to
the catalog; reading and encoding run in a pool of threads, decoding in processes. Where the workers of a cluster decode
and encode, a thread waits for each file that they have.
"""

from __future__ import annotations

import collections
import itertools
import os
import time
from contextlib import nullcontext
from dataclasses import dataclass
from functools import partial
from operator import itemgetter
from typing import TYPE_CHECKING, Protocol

from modag_search import media
from modag_search.errors import NoMediaError
from modag_search.features.ahead import decoding_threads, map_ahead
from modag_search.features.cluster import Cluster
from modag_search.features.encoding import StageClock
from modag_search.features.stored import require_as_scanned
from modag_search.ingest.backlog import Backlog
from modag_search.ingest.failures import Lost, Patience, attempting, failure_at
from modag_search.ingest.presence import is_gone
from modag_search.ingest.pruning import Leftovers, gone_failures, leftovers
from modag_search.ingest.resolving import HashedFile, Resolution, resolve
from modag_search.ingest.roots import checked_roots, with_way_out
from modag_search.ingest.seen import SeenPaths
from modag_search.values import (
    EncodedItem,
    Excluded,
    Failure,
    IndexedFolder,
    IndexReport,
    ItemRecord,
    LabelPassage,
    MediaKind,
    Modality,
    ReplacedFile,
    ScannedFile,
    ScanProblem,
    Unread,
)

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence
    from concurrent.futures import ThreadPoolExecutor
    from contextlib import AbstractContextManager

    from modag_search.catalog import Catalog
    from modag_search.features.encoding import MediaEncoder

_SCANNED_AT_ONCE = 4096
_FEW = 1000
_COMPARED_AT_ONCE = 500
_COPIED_AT_ONCE = 500
_NOTICED_AT_ONCE = 500
_STORED_AT_ONCE = 32
_STORED_EVERY_S = 5.0
_MODALITIES: dict[MediaKind, tuple[Modality, ...]] = {
    "image": ("image",),
    "sound": ("sound",),
    "video": ("image", "sound"),
}


class Progress(Protocol):
    """Hears how far a run is."""

    def __call__(self, *, done: int, found: int) -> None:
        """Take note that `done` of the `found` files are finished."""


@dataclass(frozen=True, slots=True, kw_only=True)
class IngestOptions:
    """How to take files in; see `Index.add`."""

    prune: bool = False
    dry_run: bool = False
    workers: int | str | None = None
    exclude: tuple[str, ...] = ()
    follow_symlinks: bool = False
    retry_failed: bool = False
    rehash: bool = False
    beside: tuple[IndexedFolder, ...] = ()


class Ingest:
    """One run over some paths.

    Parameters
    ----------
    catalog : Catalog
    encoder : MediaEncoder
    paths : sequence of str
    options : IngestOptions
    progress : Progress, optional

    Raises
    ------
    NoMediaError
        If a path does not exist or a folder holds no media; nothing has been done then.
    UsageError
        Likewise: if a path may not be looked at, or a pattern cannot be meant.
    """

    def __init__(
        self,
        catalog: Catalog,
        encoder: MediaEncoder,
        paths: Sequence[str],
        *,
        options: IngestOptions,
        progress: Progress | None = None,
    ) -> None:
        self._catalog = catalog
        self._encoder = encoder
        self._clock = StageClock()
        self._options = options
        self._kept = catalog.exclusions.all()
        self._exclude = (*self._kept, *options.exclude)
        self._roots = checked_roots(catalog, paths, prune=options.prune)
        self._entries = self._scan()
        self._progress = progress
        self._counts: collections.Counter[str] = collections.Counter()
        self._failures: list[Failure] = []
        self._unwritten: list[Lost] = []
        self._out_of_reach: set[str] = set()
        self._passed_over = media.Tally()
        self._seen = SeenPaths()
        self._as_before = 0
        self._moved: set[int] = set()
        self._overwritten: set[int] = set()
        self._changing: dict[str, str] = {}
        self._passages: list[LabelPassage] = []
        self._unsuspected: set[str] = set()
        self._known_failures: dict[str, Failure] = {}
        self._altered: list[str] = []
        self._taken: Backlog[str] = Backlog()
        self._found = 0
        self._done = 0
        self._run_id: int | None = None

    def run(self, *, run_id: int | None) -> IndexReport:
        """Take in all files below the paths."""
        started = time.perf_counter()
        self._run_id = run_id
        pending = Backlog(self._sorted_out(self._scanned()))
        self._tell()
        if pending:
            self._take_in(pending)
        left = self._looked_over()
        gone = gone_failures(self._catalog, [*self._roots.present, *self._roots.removed])
        if self._options.dry_run:
            self._foresee_labels(left)
        elif self._options.prune:
            self._prune(left, gone=gone)
        return self._report(left, n_gone_failures=len(gone), seconds=time.perf_counter() - started)

    def _take_in(self, pending: Backlog[ScannedFile]) -> None:
        """Resolve, encode and store what has to be read."""
        with decoding_threads(self._threads) as (pool, isolation), self._elsewhere() as cluster:
            try:
                if cluster is not None:
                    cluster.connect(_modalities_of(pending))
                unknown = self._resolved(pending, pool)
                if self._options.dry_run:
                    self._foresee(unknown)
                elif cluster is not None:
                    self._stored(self._gone_through(self._encoded_by(cluster, unknown)))
                else:
                    # While networks are loaded.
                    isolation.start(sum(1 for _ in itertools.islice(unknown, self._threads)))
                    self._stored(self._gone_through(self._encoded(unknown, pool)))
            finally:
                self._write_failures()

    @property
    def _folders(self) -> list[str]:
        """Those of the paths that are folders now."""
        return [root for root in self._roots.present if os.path.isdir(root)]

    @property
    def _threads(self) -> int:
        """How many threads read here, and encode where no cluster does."""
        workers = self._options.workers
        return (workers if isinstance(workers, int) else None) or os.cpu_count() or 1

    def _elsewhere(self) -> AbstractContextManager[Cluster | None]:
        """Return the cluster whose workers decode and encode, if one is to."""
        workers = self._options.workers
        return (
            Cluster(workers, self._encoder) if isinstance(workers, str) and not self._options.dry_run else nullcontext()
        )

    def _scan(self) -> Iterator[list[media.Row] | ScanProblem | Excluded | Unread]:
        """Begin a scan; raise NoMediaError at once where a root is missing or empty."""
        try:
            return media.scan_rows(
                self._roots.present, exclude=self._exclude, follow_symlinks=self._options.follow_symlinks
            )
        except NoMediaError as error:
            raise with_way_out(self._catalog, error, prune=self._options.prune) from error

    # The stages, in order.

    def _scanned(self) -> Iterator[list[media.Row]]:
        """Gather what the scan finds in batches."""
        batch: list[media.Row] = []
        for entry in self._entries:
            if isinstance(entry, list):
                batch += entry
                if len(batch) >= _SCANNED_AT_ONCE:
                    yield batch
                    batch = []
            elif isinstance(entry, (Excluded, Unread)):
                self._passed_over.count(entry)
            else:
                self._out_of_reach.add(entry.path)
                self._fail(failure_at(entry.path, entry.reason, error="ScanProblem"))
        if batch:
            yield batch

    def _sorted_out(self, found: Iterator[list[media.Row]]) -> Iterator[ScannedFile]:
        """Let through what has to be read: what is new, has changed, or was made by another pipeline."""
        self._known_failures = {failure.path: failure for failure in self._catalog.failures.all()}
        fingerprints = self._fingerprints_to_look_for()
        for batch in found:
            verdicts = self._catalog.items.classify_scan(
                batch, fingerprints=fingerprints, retry_failed=self._options.retry_failed
            )
            if self._known_failures and not self._options.rehash:
                verdicts = [
                    "pending" if verdict == "unchanged" and self._could_not_be_read(row[0]) else verdict
                    for row, verdict in zip(batch, verdicts, strict=True)
                ]
            self._found += len(batch)
            self._seen.add(map(itemgetter(0), batch))
            unchanged = 0 if self._options.rehash else verdicts.count("unchanged")
            for row, verdict in zip(batch, verdicts, strict=True) if unchanged < len(batch) else ():
                if verdict == "unchanged" and self._options.rehash:
                    self._unsuspected.add(row[0])
                    yield ScannedFile._make(row)
                elif verdict == "failed_before" and row[0] in self._known_failures:
                    self._fail(self._known_failures[row[0]])
                    self._done += 1
                elif verdict != "unchanged":
                    yield ScannedFile._make(row)
            self._as_before += unchanged
            self._count("unchanged", unchanged)

    def _could_not_be_read(self, path: str) -> bool:
        """Tell whether a file that looks as it did when it was indexed failed since, as where access was denied."""
        return path in self._known_failures

    def _fingerprints_to_look_for(self) -> Mapping[Modality, str] | None:
        """Return the fingerprints of today's pipelines; None where no item was made by others.

        Of many items, that is faster to find out of all at once than of each.
        """
        items, fingerprints = self._catalog.items, self._encoder.fingerprints
        if items.is_seen_current(fingerprints):
            return None
        folders = self._folders
        n_here = len(self._roots.present) - len(folders) + items.count_under(folders)
        are_many = n_here > _FEW and 2 * n_here > items.count()
        return None if are_many and not items.has_outdated(fingerprints) else fingerprints

    def _resolved(self, pending: Backlog[ScannedFile], pool: ThreadPoolExecutor) -> Backlog[ScannedFile]:
        """Take care of files whose content an item has, and return the others, which have to be encoded.

        Only where a path is taken or a size is known can the content be; other files are read once, when encoded.
        """
        here = self._catalog.items.at_many(file.path for file in pending)
        unknown: Backlog[ScannedFile] = Backlog()
        suspects: Backlog[ScannedFile] = Backlog()
        for batch in pending.batches(_COMPARED_AT_ONCE):
            sizes = self._catalog.items.sizes_among({file.size_bytes for file in batch})
            for file in batch:
                (suspects if file.path in here or file.size_bytes in sizes else unknown).append(file)
        hashed: list[HashedFile] = []
        read = (one for one in self._hashed(iter(suspects), pool) if not self._is_confirmed(one, here))
        while some := list(itertools.islice(read, _COMPARED_AT_ONCE)):
            known = self._catalog.items.with_hashes({one.content_hash for one in some})
            for one in some:
                if one.file.path in here or one.content_hash in known:
                    hashed.append(one)
                else:
                    unknown.append(one.file)
        twins = self._current_twins(hashed)
        resolution = resolve(hashed, here=here, twins=twins, is_gone=is_gone)
        if not self._options.dry_run:
            self._carry_out(resolution)
        self._moved = {item.id for item, _ in resolution.moved}
        stayed = {path: item for path, item in here.items() if item.id not in self._moved}
        self._overwritten = {stayed[file.path].id for _, file in resolution.moved if file.path in stayed}
        self._changing = {
            one.file.path: one.content_hash
            for one in hashed
            if one.file.path in stayed and stayed[one.file.path].content_hash != one.content_hash
        }
        self._altered = sorted(
            one.file.path
            for one in hashed
            if one.file.path in self._unsuspected and here[one.file.path].content_hash != one.content_hash
        )
        self._count("unchanged", len(resolution.touched))
        self._count("moved", len(resolution.moved))
        updated = sum(file.path in stayed for _, file in resolution.copied)
        self._count("updated", updated)
        self._count("added", len(resolution.copied) - updated)
        for file in resolution.encoded:
            unknown.append(file)
        return unknown

    def _carry_out(self, resolution: Resolution) -> None:
        self._catalog.touch_many(resolution.touched)
        on_names = resolution.on_names()
        moves = [(item.id, file) for item, file in resolution.moved]
        self._passages += self._catalog.move_all(moves, on_names=on_names)
        copies = iter([(item.id, file) for item, file in resolution.copied])
        while batch := list(itertools.islice(copies, _COPIED_AT_ONCE)):
            self._passages += self._catalog.copy_all(batch, on_names=on_names).passages
            for _, file in batch:
                self._taken.append(file.path)

    def _is_confirmed(self, hashed: HashedFile, here: Mapping[str, ItemRecord]) -> bool:
        """Tell whether a file that was read again, though it looked as it was, holds what it held; count it then.

        Where it failed meanwhile that is to be forgotten, and it is for others to count.
        """
        path = hashed.file.path
        is_as_it_was = path in self._unsuspected and here[path].content_hash == hashed.content_hash
        is_confirmed = is_as_it_was and not self._could_not_be_read(path)
        self._count("unchanged", int(is_confirmed))
        return is_confirmed

    def _current_twins(self, hashed: Sequence[HashedFile]) -> dict[str, list[ItemRecord]]:
        """Find the items with the content of files whose features are whole, and of today's pipelines."""
        twins = self._catalog.items.with_hashes({one.content_hash for one in hashed})
        ids = [twin.id for items in twins.values() for twin in items]
        unfit = self._catalog.items.outdated(ids, fingerprints=self._encoder.fingerprints)
        unfit |= self._catalog.items.damaged(ids)
        return {content_hash: [twin for twin in items if twin.id not in unfit] for content_hash, items in twins.items()}

    def _hashed(self, files: Iterator[ScannedFile], pool: ThreadPoolExecutor) -> Iterator[HashedFile]:
        def hashed(file: ScannedFile) -> HashedFile:
            return HashedFile(file, self._content_hash(file))

        for outcome in map_ahead(pool, attempting(hashed), files, look_ahead=2 * self._threads):
            if isinstance(outcome, Lost):
                self._unsuspected.discard(outcome.failure.path)  # nothing of it was read
                self._record_failure(outcome)
            else:
                yield outcome

    def _encoded(self, files: Iterable[ScannedFile], pool: ThreadPoolExecutor) -> Iterator[EncodedItem | Lost]:
        for modality in _modalities_of(files):
            self._encoder.warm(modality)  # before threads ask for them at once
        return map_ahead(pool, attempting(self._encode), files, look_ahead=2 * self._threads)

    def _encoded_by(self, cluster: Cluster, files: Iterable[ScannedFile]) -> Iterator[EncodedItem | Lost]:
        return cluster.map(attempting(partial(cluster.encode, clock=self._clock)), files)

    def _gone_through(self, outcomes: Iterator[EncodedItem | Lost]) -> Iterator[EncodedItem]:
        """Let through what was encoded, and record what was not."""
        patience = Patience()
        for outcome in outcomes:
            if isinstance(outcome, Lost):
                self._record_failure(outcome)
                patience.failed(outcome)
            else:
                patience.went_through(outcome)
                yield outcome

    def _stored(self, items: Iterator[EncodedItem]) -> None:
        """Write items to the catalog, one transaction a batch; what is finished when the run breaks off is kept."""
        pipelines = {
            modality: self._catalog.pipelines.ensure(pipeline) for modality, pipeline in self._encoder.pipelines.items()
        }
        batch: list[EncodedItem] = []
        stored: Backlog[str] = Backlog()
        flushed_at = time.monotonic()

        def flush() -> None:
            finished = batch.copy()
            batch.clear()
            with self._clock.timing("store"):
                report = self._catalog.put(finished, pipelines=pipelines)
            self._passages += report.passages
            for item in finished:
                stored.append(item.file.path)
                self._taken.append(item.file.path)
            self._count("added", report.added)
            self._count("updated", report.updated)

        try:
            for item in items:
                batch.append(item)
                if len(batch) >= _STORED_AT_ONCE or time.monotonic() - flushed_at > _STORED_EVERY_S:
                    flush()
                    flushed_at = time.monotonic()
        finally:
            flush()
        if stored:
            self._passages += self._catalog.reunite(stored)

    def _foresee(self, files: Iterable[ScannedFile]) -> None:
        """Stand in for encoding and storing in a dry run."""
        here = self._catalog.items.at_many(file.path for file in files)
        for file in files:
            item = here.get(file.path)
            self._count("updated" if item is not None and item.id not in self._moved else "added")

    def _looked_over(self) -> Leftovers:
        """Find what the index holds below the folders, and the scan did not find."""
        items, folders = self._catalog.items, self._folders
        looked_over = [*folders, *self._roots.removed]
        are_all_folders = len(folders) == len(self._roots.present)
        if are_all_folders and (items.count() == self._as_before or items.count_under(looked_over) == self._as_before):
            return Leftovers()  # as many as were found as they were: these are all
        return leftovers(
            self._catalog,
            looked_over,
            exclude=self._exclude,
            seen=self._seen,
            unknown=self._out_of_reach,
            moved=self._moved,
            is_taken_beside=self._is_taken_beside,
        )

    def _is_taken_beside(self, path: str) -> bool:
        """Tell whether another folder than those of this run takes in a file that is there."""
        return any(
            path.startswith(os.path.join(folder.path, ""))
            and media.obstacle(
                folder.path, path, exclude=(*self._kept, *folder.exclude), follow_symlinks=folder.follow_symlinks
            )
            is None
            for folder in self._options.beside
        )

    def _foresee_labels(self, left: Leftovers) -> None:
        """Stand in for removing items in a dry run."""
        going = {*self._overwritten}
        if self._options.prune:
            going |= left.gone.keys() | left.covered.keys()
            self._counts["removed"] = len(left.gone) + len(left.covered)
        self._passages += self._catalog.kept_labels.foresee(going)

    def _prune(self, left: Leftovers, *, gone: Sequence[str]) -> None:
        """Remove items whose files are gone or passed over, and failures of files that are gone.

        Unless a root has emptied since: a drive that went away.
        """
        self._scan()
        report = self._catalog.remove([*left.gone, *left.covered])
        self._counts["removed"] = report.removed
        self._passages += report.passages
        self._catalog.failures.forget(gone)

    # What the stages share.

    def _content_hash(self, file: ScannedFile) -> str:
        with self._clock.timing("hash"):
            return media.content_hash(file.path)

    def _encode(self, file: ScannedFile) -> EncodedItem:
        """Decode, encode and hash a file; what changes meanwhile would get a hash that is not of its features."""
        facts, segments = self._encoder.encode_file(file.path, clock=self._clock)
        content_hash = self._content_hash(file)
        require_as_scanned(file)
        return EncodedItem(file=file, content_hash=content_hash, facts=facts, segments=segments)

    def _count(self, verdict: str, n: int = 1) -> None:
        if n:
            self._counts[verdict] += n
            self._done += n
            self._tell()

    def _fail(self, failure: Failure) -> None:
        self._counts["failed"] += 1
        self._failures.append(failure)

    def _record_failure(self, lost: Lost) -> None:
        failure = lost.failure
        if not lost.is_of_file:
            self._out_of_reach.add(failure.path)
        self._unwritten.append(lost)
        if len(self._unwritten) >= _STORED_AT_ONCE:
            self._write_failures()
        self._fail(failure)
        self._done += 1
        self._tell()

    def _write_failures(self) -> None:
        for of_file in (True, False):
            failures = [lost.failure for lost in self._unwritten if lost.is_of_file is of_file]
            if failures and not self._options.dry_run:
                self._catalog.fail(failures, run_id=self._run_id, keep_items=not of_file)
        self._unwritten.clear()

    def _tell(self) -> None:
        if self._progress:
            self._progress(done=self._done, found=self._found)

    def _replaced(self) -> tuple[ReplacedFile, ...]:
        """Find files that hold something else, by now, than what their labels were given to."""
        contents = self._changing if self._options.dry_run else None
        return tuple(self._catalog.kept_labels.replaced(self._changing, contents=contents)) if self._changing else ()

    def _noticed(self) -> dict[str, int]:
        """Count what there is to know of the files that were taken in."""
        counts: collections.Counter[str] = collections.Counter()
        for paths in self._taken.batches(_NOTICED_AT_ONCE):
            kinds = {(notice.path, notice.kind) for notice in self._catalog.notices.at(paths)}
            counts.update(kind for _, kind in kinds)
        return dict(sorted(counts.items()))

    def _report(self, left: Leftovers, *, n_gone_failures: int, seconds: float) -> IndexReport:
        return IndexReport(
            **self._counts,
            seconds=round(seconds, 3),
            failures=tuple(self._failures),
            dry_run=self._options.dry_run,
            stage_seconds=dict(self._clock.seconds),
            missing=tuple(sorted(left.gone.values())),
            out_of_reach=len(left.out_of_reach),
            gone_failures=n_gone_failures,
            covered=tuple(sorted(left.covered.values())),
            passed_over=dict(self._passed_over.passed_over),
            unread=dict(self._passed_over.unread),
            other_files=self._passed_over.other_files,
            known_as=dict(self._roots.known_as),
            twice=dict(self._roots.twice),
            noticed=self._noticed(),
            rehashed=len(self._unsuspected),
            altered=tuple(self._altered),
            replaced=self._replaced(),
            passages=tuple(self._passages),
        )


def _modalities_of(files: Iterable[ScannedFile]) -> list[Modality]:
    """Find whose encoders some files need."""
    kinds = {media.kind_of(file.path) or "video" for file in files}
    return sorted({modality for kind in kinds for modality in _MODALITIES[kind]})
