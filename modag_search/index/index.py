"""The index: add, search, label, classify, rebuild, verify."""

from __future__ import annotations

import logging
import os
import threading
from dataclasses import asdict, replace
from pathlib import Path
from typing import TYPE_CHECKING, Literal, Self

import numpy as np

from modag_search.catalog import Catalog
from modag_search.errors import IndexFolderError, IndexNotFoundError, UsageError
from modag_search.features.encoding import MediaEncoder
from modag_search.features.item_vectors import ItemVectors
from modag_search.features.vectors import SegmentVectors
from modag_search.index.opening import (
    LOCK_FILE,
    OWN_SPACE_FILE,
    STORES_FOLDER,
    Workings,
    WriterLock,
    adopt_space,
    load_space,
    no_space_joins,
    present_settings,
    with_own_space,
)
from modag_search.index.spreading import Paths, Spreading, one_or_more
from modag_search.ingest.run import Ingest, IngestOptions, Progress
from modag_search.labels.book import LabelBook
from modag_search.labels.items import find_item, find_items
from modag_search.search.items import ItemSearch, Query
from modag_search.search.query import QueryMaker
from modag_search.search.snapshot import STORES, Snapshots
from modag_search.settings import IndexSettings, is_index
from modag_search.values import MODALITIES, Failure, Hit, IndexReport, ItemRecord, Modality

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence
    from types import TracebackType

    from modag_search.search.snapshot import Snapshot
    from modag_search.space import Space
    from modag_search.stores import StoreReader

logger = logging.getLogger(__name__)

_CATALOG_FILE = "catalog.sqlite"
_WAY_TO_OTHERS = "`modag rebuild` changes encoders, space and store, for anything else make a new index"
WAIT_S = 30.0
"""How long a writer waits for another one, in seconds."""


class Index(Spreading):
    """A collection of sounds, pictures and videos in one shared space; a folder on disk.

    Open one with `Index.open`; it is a context manager. Any number of threads may share it: each call answers from one
    moment of the index, and sees what was written before it began. Writers, of whatever process, wait for each other;
    nobody waits for readers.

    Attributes
    ----------
    folder : Path

    Examples
    --------
    >>> import modag_search as modag
    >>> with modag.Index.open("indexes/demo", create=True) as index:  # doctest: +SKIP
    ...     index.add(["sounds/", "pictures/"])
    ...     index.search("trumpet.wav", modality="image", n=5)
    """

    def __init__(self, folder: Path, settings: IndexSettings, catalog: Catalog, *, wait_s: float = WAIT_S) -> None:
        self.folder = folder
        self._catalog = catalog
        self._workings = Workings(folder, catalog, settings)
        self._writers = WriterLock(folder, wait_s=wait_s)
        self._snapshots = Snapshots(catalog, lambda: self._workings.basis)
        self._warned_of: tuple[int, str] | None = None
        self._warning = threading.Lock()

    @classmethod
    def open(
        cls,
        folder: str | os.PathLike[str],
        *,
        create: bool = False,
        settings: IndexSettings | None = None,
        wait_s: float = WAIT_S,
    ) -> Self:
        """Open an index.

        Parameters
        ----------
        folder : str or os.PathLike
        create : bool
            Make a new index where there is none.
        settings : IndexSettings, optional
            For a new index; an index that exists keeps its own.
        wait_s : float
            How long `add` and `rebuild` wait for another process or thread that is writing, in seconds.

        Returns
        -------
        Index

        Raises
        ------
        IndexNotFoundError
            If there is none and none is to be made.
        UsageError
            If `settings` differ from those of the index.
        IndexFolderError, CatalogError
            If the index cannot be read.
        """
        path = Path(folder).absolute()
        if is_index(path):
            kept = present_settings(IndexSettings.load(path))
            if settings is not None and kept != (wanted := with_own_space(path, kept, settings)):
                raise UsageError(f"{path}: has other settings ({_differences(kept, wanted)}); {_WAY_TO_OTHERS}")
            if not (path / _CATALOG_FILE).is_file():
                raise IndexFolderError(f"{path}: its {_CATALOG_FILE} is gone; put a copy back, or remove the folder")
            return cls(path, kept, Catalog.open(path / _CATALOG_FILE), wait_s=wait_s)
        if not create:
            raise IndexNotFoundError(f"{path}: there is no index here; `modag index PATH... --index {path}` makes one")
        return cls._created(path, settings or IndexSettings(), wait_s=wait_s)

    @classmethod
    def _created(cls, folder: Path, settings: IndexSettings, *, wait_s: float) -> Self:
        """Make the folder; the settings come last, since they are what makes it an index."""
        encoder = MediaEncoder(settings)
        encoders = encoder.encoders
        load_space(folder, settings, encoders)
        _require_room(folder)
        for modality in MODALITIES:
            if encoders[modality].missing_weights():
                encoder.warm(modality)
        try:
            folder.mkdir(parents=True, exist_ok=True)
            settings = replace(settings, space=adopt_space(folder, settings.space, encoders))
            catalog = Catalog.open(folder / _CATALOG_FILE, create=True)
            settings.save(folder)
        except OSError as error:
            raise IndexFolderError(f"{folder}: cannot be made: {error}") from error
        return cls(folder, settings, catalog, wait_s=wait_s)

    def close(self) -> None:
        """Let go of the files."""
        self._catalog.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self.close()

    @property
    def catalog(self) -> Catalog:
        """What the index knows: items, segments, features, labels, failures and runs."""
        return self._catalog

    @property
    def settings(self) -> IndexSettings:
        """What the index is made with, as its folder says now."""
        return self._workings.settings

    @property
    def space(self) -> Space:
        """The space that the vectors are in."""
        return self._workings.space

    @property
    def vectors(self) -> ItemVectors:
        """Labelled items, and files, as single vectors: what an evaluation reads."""
        self._require_joined()
        return ItemVectors(self._catalog, self._encoder, self.space)

    @property
    def _encoder(self) -> MediaEncoder:
        return self._workings.encoder

    @property
    def _segment_vectors(self) -> SegmentVectors:
        return SegmentVectors(self._catalog, self.space, self._encoder.fingerprints)

    @property
    def _queries(self) -> QueryMaker:
        return QueryMaker(self._catalog, self._encoder, self.space)

    # Adding.

    def add(
        self,
        paths: Paths,
        *,
        prune: bool = False,
        dry_run: bool = False,
        workers: int | None = None,
        exclude: Sequence[str] = (),
        follow_symlinks: bool = False,
        retry_failed: bool = False,
        progress: Progress | None = None,
    ) -> IndexReport:
        """Take files into the index: new ones, changed ones; moved ones keep their features and labels.

        What is finished is kept when the call is broken off; the next one goes on from there.

        Parameters
        ----------
        paths : str, os.PathLike or sequence of them
            Files and folders.
        prune : bool
            Remove items below `paths` whose files are gone.
        dry_run : bool
            Write nothing; report what would be done.
        workers : int, optional
            Threads that decode and encode; default one a processor.
        exclude : sequence of str
            Glob patterns of files and folders to pass over.
        follow_symlinks : bool
        retry_failed : bool
            Try files again that failed and have not changed since.
        progress : Progress, optional

        Returns
        -------
        IndexReport

        Raises
        ------
        UsageError
            If a path does not exist or a folder holds no media; nothing has been done then.
        IndexLockedError
            If another writer does not come to its end in time; see `open`.
        WeightsMissingError
            If the weights of an encoder are not on this machine and cannot be fetched.
        """
        roots = one_or_more(paths)
        options = IngestOptions(
            prune=prune,
            dry_run=dry_run,
            workers=workers,
            exclude=tuple(exclude),
            follow_symlinks=follow_symlinks,
            retry_failed=retry_failed,
        )
        ingest = Ingest(self._catalog, self._encoder, roots, options=options, progress=progress)
        if dry_run:
            return ingest.run(run_id=None)
        with self._writers.held():
            run_id = self._start_run("index", {"paths": [_printable(root) for root in roots], **asdict(options)})
            report = ingest.run(run_id=run_id)
            self._workings.basis.stores.save()
            self._catalog.runs.finish(run_id, asdict(replace(report, failures=())))
        return report

    # Asking.

    def search(
        self,
        query: str | os.PathLike[str],
        *,
        modality: Modality | Literal["any"] = "any",
        n: int = 10,
        min_similarity: float = -1.0,
        label: str | None = None,
        start_s: float | None = None,
        end_s: float | None = None,
    ) -> list[Hit]:
        """Find the items that are nearest to a query.

        Parameters
        ----------
        query : str or os.PathLike
            A media file, in the index or not; ``id:N``, an item of the index; ``label:NAME``, what the items with a
            label have in common. The query itself is not among the answers.
        modality : {"image", "sound", "any"}
            Of the answers; the frames and the sound of a video count for either.
        n : int
            How many items, at the most.
        min_similarity : float
            Leaves out what is less similar (cosine).
        label : str, optional
            Only items with this label, or a kind of it.
        start_s, end_s : float, optional
            Part of the query, in seconds.

        Returns
        -------
        list of Hit
            Nearest first.

        Raises
        ------
        UsageError, MediaError
            If the query cannot be meant or read, or ``id:N`` is not in the index.
        NothingFoundError
            If the query is silent or black, or no item has the label.
        SpaceMismatchError
            If only the other modality is wanted, and no space joins the two.
        """
        if n < 1:
            raise UsageError(f"n must be 1 at least, not {n}")
        if modality not in (*MODALITIES, "any"):
            raise UsageError(f"modality must be image, sound or any, not {modality!r}")
        with self._snapshots.present() as snapshot:
            maker = QueryMaker(self._catalog, snapshot.encoder, snapshot.space)
            asked = maker.make(os.fspath(query), start_s=start_s, end_s=end_s)
            search = ItemSearch(self._catalog, snapshot.space, self._stores(snapshot, modality, asked))
            among = None if label is None else self._segments_labelled(label)
            hits = search.hits(asked, n=n, among=among, min_similarity=min_similarity)
            self._warn_of_outdated()
        return hits

    # Labels.

    @property
    def labels(self) -> LabelBook:
        """All that may be done with labels beside giving and taking them back: runs, names, hierarchy."""
        return LabelBook(self._catalog)

    def label(
        self,
        paths: Paths,
        label: str | Sequence[str],
        *,
        start_s: float | None = None,
        end_s: float | None = None,
    ) -> int:
        """Give items a label, or several, and return how many they did not have.

        Parameters
        ----------
        paths : str, os.PathLike or sequence of them
            Of items, or ``id:N``.
        label : str or sequence of str
            Names, or AudioSet's ids of labels that have one.
        start_s, end_s : float, optional
            The part of a sound or video that it holds for, in seconds.

        Returns
        -------
        int

        Raises
        ------
        UsageError
            If a path is not in the index or failed, or a label is empty; nothing has been done then.
        LabelConflictError
            If labels exclude each other, and an item would have two.
        """
        items = find_items(self._catalog, one_or_more(paths))
        names = [label] if isinstance(label, str) else list(label)
        return self.labels.give(items, names, start_s=start_s, end_s=end_s).added

    def unlabel(self, paths: Paths, label: str) -> int:
        """Take a label back from items, and return how many annotations that were; errors as in `label`."""
        return self.labels.take(find_items(self._catalog, one_or_more(paths)), label)

    def item(self, path: str | os.PathLike[str]) -> ItemRecord:
        """Return the item at a path, or ``id:N``.

        Raises
        ------
        UsageError
            If it is not in the index.
        """
        return find_item(self._catalog, os.fspath(path))

    # Upkeep.

    def failures(self) -> list[Failure]:
        """Return the files that could not be indexed, with their reasons."""
        return self._catalog.failures.all()

    def rebuild(
        self,
        *,
        space: str | os.PathLike[str] | None = None,
        store: str | None = None,
        sound_encoder: str | None = None,
        image_encoder: str | None = None,
        workers: int | None = None,
        progress: Progress | None = None,
        on_failure: Callable[[Failure], None] | None = None,
    ) -> int:
        """Make the stores anew from the features in the catalog, and those features that other encoders made.

        Nothing is decoded but files whose features today's encoders did not make. Labels stay. Broken off, the next
        call goes on from there; what is out of reach keeps its old features, which are not searched, until it is back.

        Parameters
        ----------
        space : str or os.PathLike, optional
            Move to another space: a packaged one by name, or a space file, which is copied into the index; ``auto``
            takes the packaged one that fits the encoders.
        store : str, optional
            Move to another kind of store.
        sound_encoder, image_encoder : str, optional
            Move to other encoders. Where the space does not fit them, the packaged one that does is taken.
        workers : int, optional
            Threads that decode and encode; default one a processor.
        progress : Progress, optional
        on_failure : callable, optional
            Called with each file that could not be encoded anew; `failures` lists them afterwards.

        Returns
        -------
        int
            How many vectors the stores hold.

        Raises
        ------
        SpaceMismatchError
            If the space was trained on other encoders.
        UnknownPluginError, WeightsMissingError, MissingExtraError
            If an encoder is not to be had; the index is as it was.
        """
        with self._writers.held():
            self._workings.change(space=space, store=store, sound_encoder=sound_encoder, image_encoder=image_encoder)
            for failure in self._encode_outdated(workers=workers, progress=progress):
                if on_failure:
                    on_failure(failure)
            return self._workings.basis.stores.rebuild()

    def verify(self) -> list[str]:
        """Describe what is wrong with the index, a line each; nothing where all is well."""
        return [*self._catalog.check(), *self._workings.basis.stores.problems()]

    def outdated(self) -> int:
        """Count the items that another version of an encoder or a decoder made; `add` brings them up to date."""
        return self._catalog.items.count_outdated(self._encoder.fingerprints)

    # What the above share.

    def _stores(
        self, snapshot: Snapshot, modality: Modality | Literal["any"], asked: Query
    ) -> Mapping[Modality, StoreReader]:
        """Return what to search; where no space joins the modalities, only what can be compared with what is asked."""
        wanted = MODALITIES if modality == "any" else (modality,)
        comparable = [one for one in wanted if snapshot.space.joins or one in asked.vectors]
        if not comparable:
            raise no_space_joins(self.settings, self.folder, "sounds find sounds and pictures find pictures alone")
        return {one: snapshot.get(STORES[one]).reader for one in comparable}

    def _segments_labelled(self, label: str) -> np.ndarray:
        names = self.labels.with_descendants(label)
        return np.unique(self._catalog.labels.labelled_segments(labels=names)[0])

    def _encode_outdated(self, *, workers: int | None, progress: Progress | None) -> tuple[Failure, ...]:
        """Encode anew the files whose features other encoders made, as far as they are within reach."""
        outdated = self._catalog.items.outdated_paths(self._encoder.fingerprints)
        here = [path for path in outdated if os.path.exists(path)]
        if lacking := len(outdated) - len(here):
            logger.warning("%d files are out of reach; `modag index` takes them in once they are back", lacking)
        if not here:
            return ()
        ingest = Ingest(self._catalog, self._encoder, here, options=IngestOptions(workers=workers), progress=progress)
        run_id = self._start_run("rebuild", asdict(self.settings))
        report = ingest.run(run_id=run_id)
        self._catalog.runs.finish(run_id, asdict(replace(report, failures=())))
        return report.failures

    def _warn_of_outdated(self) -> None:
        """Say how many items are not searched, once for each generation of the catalog that has such."""
        generation = self._catalog.latest_generation
        with self._warning:
            if generation == self._warned_of:
                return
            self._warned_of = generation
        if outdated := self.outdated():
            logger.warning(
                "%d items were made by another encoder, or another version of one, and are not searched; "
                "`modag rebuild` renews them",
                outdated,
            )

    def _start_run(self, verb: str, arguments: Mapping[str, object]) -> int:
        return self._catalog.runs.start(verb, arguments=arguments)


def _require_room(folder: Path) -> None:
    """Refuse to make an index among files of another kind; what a broken-off making left is no hindrance."""
    own = (_CATALOG_FILE, STORES_FOLDER, LOCK_FILE, OWN_SPACE_FILE, ".")
    if folder.is_dir() and (other := [name for name in os.listdir(folder) if not name.startswith(own)]):
        raise IndexFolderError(f"{folder}: holds {other[0]} and is no index; name an empty or a new folder")


def _differences(kept: IndexSettings, wanted: IndexSettings) -> str:
    pairs = ((name, value, asdict(wanted)[name]) for name, value in asdict(kept).items())
    return ", ".join(f"{name} is {value}, not {other}" for name, value, other in pairs if value != other)


def _printable(path: str) -> str:
    """Make a path that is not UTF-8 fit for JSON."""
    return path.encode(errors="surrogateescape").decode(errors="backslashreplace")
