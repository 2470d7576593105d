"""The index: add, search, label, classify, rebuild, verify."""

from __future__ import annotations

import functools
import logging
import os
from collections.abc import Sequence
from contextlib import contextmanager
from dataclasses import asdict, replace
from pathlib import Path
from typing import TYPE_CHECKING, Literal, Self

import numpy as np

from modag_search import registry
from modag_search.catalog import Catalog
from modag_search.errors import (
    IndexFolderError,
    IndexLockedError,
    IndexNotFoundError,
    NothingFoundError,
    UsageError,
)
from modag_search.index.curating import Curation
from modag_search.index.duplicates import DuplicateGroup, Duplicates
from modag_search.index.encoding import MediaEncoder
from modag_search.index.ingest import Ingest, IngestOptions, Progress
from modag_search.index.labelled import ItemVectors
from modag_search.index.labels import LabelBook
from modag_search.index.naming import Naming
from modag_search.index.queries import QueryMaker, find_item
from modag_search.index.searching import Search
from modag_search.index.spaces import OWN_SPACE_FILE, adopt_space, load_space, with_own_space
from modag_search.index.vectors import SegmentVectors
from modag_search.index.versions import library_versions
from modag_search.index.views import Views
from modag_search.settings import IndexSettings, is_index
from modag_search.values import (
    MODALITIES,
    Classification,
    Doubt,
    Failure,
    Hit,
    IndexReport,
    ItemRecord,
    Modality,
    PairDoubt,
    Suggestion,
    TransferReport,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping
    from types import TracebackType

    from filelock import FileLock

    from modag_search.errors import ModagError
    from modag_search.index.heads import Head
    from modag_search.index.judging import Level
    from modag_search.index.naming import By
    from modag_search.space import Space
    from modag_search.stores import VectorStore

logger = logging.getLogger(__name__)

Paths = str | os.PathLike[str] | Sequence[str | os.PathLike[str]]
"""One path or several."""

_CATALOG_FILE = "catalog.sqlite"
_STORES_FOLDER = "stores"
_LOCK_FILE = "lock"


class Index:
    """A collection of sounds, pictures and videos in one shared space; a folder on disk.

    Open one with `Index.open`; it is a context manager. Reading is safe while another process adds.

    Attributes
    ----------
    folder : Path
    settings : IndexSettings

    Examples
    --------
    >>> import modag_search as modag
    >>> with modag.Index.open("indexes/demo", create=True) as index:  # doctest: +SKIP
    ...     index.add(["sounds/", "pictures/"])
    ...     index.search("trumpet.wav", modality="image", n=5)
    """

    def __init__(self, folder: Path, settings: IndexSettings, catalog: Catalog) -> None:
        self.folder = folder
        self.settings = settings
        self._catalog = catalog

    @classmethod
    def open(
        cls, folder: str | os.PathLike[str], *, create: bool = False, settings: IndexSettings | None = None
    ) -> Self:
        """Open an index.

        Parameters
        ----------
        folder : str or os.PathLike
        create : bool
            Make a new index where there is none.
        settings : IndexSettings, optional
            For a new index; an index that exists keeps its own.

        Returns
        -------
        Index

        Raises
        ------
        IndexNotFoundError
            If there is none and none is to be made.
        UsageError
            If `settings` differ from those of the index, or name encoders that no space joins.
        IndexFolderError, CatalogError
            If the index cannot be read.
        """
        path = Path(folder).absolute()
        if is_index(path):
            kept = IndexSettings.load(path)
            if settings is not None and kept != (wanted := with_own_space(path, kept, settings)):
                raise UsageError(f"{path}: has other settings ({_differences(kept, wanted)}); make a new index")
            if not (path / _CATALOG_FILE).is_file():
                raise IndexFolderError(f"{path}: its {_CATALOG_FILE} is gone; put a copy back, or remove the folder")
            return cls(path, kept, Catalog.open(path / _CATALOG_FILE))
        if not create:
            raise IndexNotFoundError(f"{path}: there is no index here; `modag index PATH... --index {path}` makes one")
        return cls._created(path, settings or IndexSettings())

    @classmethod
    def _created(cls, folder: Path, settings: IndexSettings) -> Self:
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
        return cls(folder, settings, catalog)

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

    @functools.cached_property
    def space(self) -> Space:
        """The space that the vectors are in."""
        return load_space(self.folder, self.settings, self._encoder.encoders)

    @property
    def vectors(self) -> ItemVectors:
        """Labelled items, and files, as single vectors: what an evaluation reads."""
        return ItemVectors(self._catalog, self._encoder, self.space)

    @functools.cached_property
    def _encoder(self) -> MediaEncoder:
        return MediaEncoder(self.settings)

    @functools.cached_property
    def _lock(self) -> FileLock:
        """Held by who writes to the index; readers need none."""
        from filelock import FileLock

        return FileLock(self.folder / _LOCK_FILE, timeout=0)

    @functools.cached_property
    def _views(self) -> Views:
        return Views(
            self.folder / _STORES_FOLDER,
            catalog=self._catalog,
            space=self.space,
            fingerprints=self._encoder.fingerprints,
            store=self.settings.store,
            lock=self._lock,
        )

    @property
    def _queries(self) -> QueryMaker:
        return QueryMaker(self._catalog, self._encoder, self.space)

    @property
    def _segment_vectors(self) -> SegmentVectors:
        return SegmentVectors(self._catalog, self.space, self._encoder.fingerprints)

    @property
    def _naming(self) -> Naming:
        return Naming(
            self.folder,
            catalog=self._catalog,
            space=self.space,
            vectors=self._segment_vectors,
            queries=self._queries,
        )

    @property
    def _curation(self) -> Curation:
        return Curation(self._catalog, self._segment_vectors, background=self.space.background_of)

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
            If another process is adding to the index.
        WeightsMissingError
            If the weights of an encoder are not on this machine and cannot be fetched.
        """
        roots = _one_or_more(paths)
        options = IngestOptions(
            prune=prune,
            dry_run=dry_run,
            workers=workers,
            exclude=tuple(exclude),
            follow_symlinks=follow_symlinks,
            retry_failed=retry_failed,
        )
        ingest = Ingest(self._catalog, MediaEncoder(self.settings), roots, options=options, progress=progress)
        if dry_run:
            return ingest.run(run_id=None)
        with self._writing():
            run_id = self._start_run("index", {"paths": [_printable(root) for root in roots], **asdict(options)})
            report = ingest.run(run_id=run_id)
            self._views.synchronise()
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
        """
        if n < 1:
            raise UsageError(f"n must be 1 at least, not {n}")
        stores = self._stores(modality)
        asked = self._queries.make(os.fspath(query), start_s=start_s, end_s=end_s)
        among = None if label is None else self._segments_labelled(label)
        search = Search(self._catalog, self.space, stores)
        hits = search.hits(asked, n=n, among=among, min_similarity=min_similarity)
        if not hits and (outdated := self.outdated()):
            logger.warning("%d items were made by another version of an encoder; `modag index` renews them", outdated)
        return hits

    def classify(
        self,
        paths: Paths | None = None,
        *,
        by: By = "knn",
        k: int = 20,
        temperature: float = 0.07,
        min_confidence: float = 0.0,
        level: Level = None,
        unlabelled: bool = False,
        workers: int | None = None,
        on_failure: Callable[[ModagError], None] | None = None,
    ) -> list[Classification]:
        """Name files by the labelled items of the index, of whatever modality.

        Confidence is how likely a label is right: it is learnt by leaving labelled items out, whenever labels change.
        It holds for media like those that have labels; for others it is too high.

        Parameters
        ----------
        paths : str, os.PathLike or sequence of them, optional
            Media files, folders of them, or ``id:N``; without it, all items of the index, by their stored features.
        by : {"knn", "head"}
            By the nearest labelled segments, or by the head that `train_head` fitted.
        k : int
            How many of the nearest labelled segments of each label and modality vote, with the weights
            ``exp(similarity / temperature)``; and how many neighbours each answer lists.
        temperature : float
        min_confidence : float
            Below it, the label is None: unknown.
        level : int or "deepest", optional
            Answer on a level of the hierarchy of labels, from 0 at the top; ``deepest`` with the lowest label that is
            sure enough. By default with labels as they were given.
        unlabelled : bool
            Without `paths`: only items without a label.
        workers : int, optional
            Threads that decode and encode; default one a processor.
        on_failure : callable, optional
            Called with the error of each file that cannot be read or is silent or black, and has no answer then;
            without it, the first such error is raised.

        Returns
        -------
        list of Classification
            In the order of `paths`; those of items in order of their paths.

        Raises
        ------
        UsageError
            If an argument cannot be meant.
        MediaError
            If a file cannot be read.
        NothingFoundError
            If the index holds no labels, or a file is silent or black.
        ModelError
            If there is no head, or it was fitted in another space.
        """
        _check_naming(level=level, min_confidence=min_confidence)
        judge = self._naming.judge(by, k=k, temperature=temperature)
        if paths is None:
            return list(
                self._naming.classify_items(
                    judge, level=level, min_confidence=min_confidence, k=k, unlabelled=unlabelled
                )
            )
        named = self._naming.classify(
            _one_or_more(paths),
            judge,
            level=level,
            min_confidence=min_confidence,
            k=k,
            workers=workers,
            on_failure=on_failure,
        )
        return list(named)

    def transfer(
        self,
        *,
        min_confidence: float = 0.8,
        by: By = "knn",
        k: int = 20,
        temperature: float = 0.07,
        level: Level = None,
        dry_run: bool = False,
    ) -> TransferReport:
        """Give every unlabelled item the label that the labelled ones are sure enough of; nothing is decoded.

        What is transferred can be taken back by its run (`labels.undo`), and never votes itself.

        Parameters
        ----------
        min_confidence : float
            Among labels with this confidence, about as many are right.
        by, k, temperature, level
            As in `classify`.
        dry_run : bool
            Write nothing; report what would be given.

        Returns
        -------
        TransferReport

        Raises
        ------
        UsageError, NothingFoundError, ModelError
            As `classify`.
        """
        _check_naming(level=level, min_confidence=min_confidence)
        judge = self._naming.judge(by, k=k, temperature=temperature)
        return self._naming.transfer(judge, level=level, min_confidence=min_confidence, dry_run=dry_run, by=by)

    def train_head(self, *, update: bool = False, seed: int = 0) -> Head:
        """Fit a linear head to the vectors of the labelled items, for ``classify(by="head")``.

        Parameters
        ----------
        update : bool
            Take in what has changed since the head was fitted, and leave its settings as they are: the same head as a
            fit with these settings, from the changes alone.
        seed : int
            Deals the folds of the cross-validation that chooses the settings.

        Returns
        -------
        Head

        Raises
        ------
        NothingFoundError
            If fewer than two labels have items.
        ModelError
            With `update`, if there is no head.
        """
        return self._naming.train_head(update=update, seed=seed)

    # Looking over a collection.

    def suggest(self, *, n: int = 20, modality: Modality | None = None, seed: int = 0) -> list[Suggestion]:
        """List the items that are most worth a label, so that the fewest labels name the most.

        Parameters
        ----------
        n : int
        modality : {"image", "sound"}, optional
            Default both.
        seed : int
            Of the draw that large collections are looked at by.

        Returns
        -------
        list of Suggestion
            The most worthwhile first; each takes into account that those before it get a label.

        Raises
        ------
        NothingFoundError
            If no item is without a label.
        """
        if n < 1:
            raise UsageError(f"n must be 1 at least, not {n}")
        self._require_items()
        judge = self._naming.neighbour_judge() if len(self._catalog.labels.labelled_segments(given=True)[0]) else None
        found = self._curation.suggest(judge, n=n, modality=modality, seed=seed)
        if not found:
            raise NothingFoundError("no item is left without a label")
        return found

    def audit(self, *, max_probability: float = 0.1) -> list[Doubt]:
        """List labels that the other labelled items contradict.

        Parameters
        ----------
        max_probability : float
            How likely a label may be, by all others, to be listed.

        Returns
        -------
        list of Doubt
            The most doubtful first.

        Raises
        ------
        NothingFoundError
            If nothing is labelled.
        """
        return self._curation.doubts(self._naming.neighbour_judge(), max_probability=max_probability)

    def audit_pairs(self, *, min_rank: float = 0.5, seed: int = 0) -> list[PairDoubt]:
        """List sounds and pictures that stand together and do not fit each other.

        What stands together: the sound and the frames of a video, and a sound and a picture of one name in one folder.

        Parameters
        ----------
        min_rank : float
            Share of others that fit better, from which on a pair is listed; 0.5 is no better than chance.
        seed : int
            Of the draw that large collections are looked at by.

        Returns
        -------
        list of PairDoubt
            The worst first.
        """
        return self._curation.pair_doubts(min_rank=min_rank, seed=seed)

    def duplicates(
        self, *, modality: Modality | None = None, min_similarity: float | None = None
    ) -> list[DuplicateGroup]:
        """Find the same sound or picture at another size, rate or quality; nothing is changed.

        Parameters
        ----------
        modality : {"image", "sound"}, optional
            Default both.
        min_similarity : float, optional
            Of features, from which on items are duplicates; by default one for each modality, see
            `index.duplicates.DEFAULT_MIN_SIMILARITY`.

        Returns
        -------
        list of DuplicateGroup
            In each the best copy first.
        """
        return Duplicates(self._catalog, self._encoder.fingerprints).find(
            modality=modality, min_similarity=min_similarity
        )

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
        items = [self.item(path) for path in _one_or_more(paths)]
        names = [label] if isinstance(label, str) else list(label)
        return self.labels.give(items, names, start_s=start_s, end_s=end_s).added

    def unlabel(self, paths: Paths, label: str) -> int:
        """Take a label back from items, and return how many annotations that were; errors as in `label`."""
        return self.labels.take([self.item(path) for path in _one_or_more(paths)], label)

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

    def rebuild(self, *, space: str | os.PathLike[str] | None = None, store: str | None = None) -> int:
        """Make the stores anew from the features in the catalog; no media are decoded, no encoder runs.

        Parameters
        ----------
        space : str or os.PathLike, optional
            Move to another space: a packaged one by name, or a space file, which is copied into the index.
        store : str, optional
            Move to another kind of store.

        Returns
        -------
        int
            How many vectors the stores hold.

        Raises
        ------
        SpaceMismatchError
            If the space was trained on other encoders.
        """
        with self._writing():
            self._change_settings(space=space, store=store)
            return self._views.rebuild()

    def verify(self) -> list[str]:
        """Describe what is wrong with the index, a line each; nothing where all is well."""
        return [*self._catalog.check(), *self._views.problems()]

    def outdated(self) -> int:
        """Count the items that another version of an encoder or a decoder made; `add` brings them up to date."""
        return self._catalog.items.count_outdated(self._encoder.fingerprints)

    # What the above share.

    def _stores(self, modality: Modality | Literal["any"]) -> Mapping[Modality, VectorStore]:
        if modality not in (*MODALITIES, "any"):
            raise UsageError(f"modality must be image, sound or any, not {modality!r}")
        wanted = MODALITIES if modality == "any" else (modality,)
        return {one: self._views.store(one) for one in wanted}

    def _segments_labelled(self, label: str) -> np.ndarray:
        names = self.labels.with_descendants(label)
        return np.unique(self._catalog.labels.labelled_segments(labels=names)[0])

    def _require_items(self) -> None:
        if next(self._catalog.items.all(), None) is None:
            raise NothingFoundError("the index is empty; `modag index PATH...` takes files in")

    def _change_settings(self, *, space: str | os.PathLike[str] | None, store: str | None) -> None:
        changed = self.settings
        if store is not None:
            registry.store_class(store)
            changed = replace(changed, store=store)
        if space is not None:
            changed = replace(changed, space=adopt_space(self.folder, space, self._encoder.encoders))
        changed.save(self.folder)
        self.settings = changed
        for cached in ("space", "_views", "_encoder"):
            self.__dict__.pop(cached, None)

    def _start_run(self, verb: str, arguments: Mapping[str, object]) -> int:
        return self._catalog.runs.start(verb, arguments=arguments, versions=library_versions())

    @contextmanager
    def _writing(self) -> Iterator[None]:
        """Keep other writers out; readers are welcome."""
        from filelock import Timeout

        try:
            self._lock.acquire()
        except Timeout as error:
            raise IndexLockedError(f"{self.folder}: another process is writing to this index; wait for it") from error
        try:
            yield
        finally:
            self._lock.release()


def _check_naming(*, level: Level, min_confidence: float) -> None:
    if not (level is None or level == "deepest" or (isinstance(level, int) and level >= 0)):
        raise UsageError(f"level must be a number from 0, or 'deepest', not {level!r}")
    if not 0 <= min_confidence <= 1:
        raise UsageError(f"min_confidence must lie from 0 to 1, not {min_confidence}")


def _require_room(folder: Path) -> None:
    """Refuse to make an index among files of another kind; what a broken-off making left is no hindrance."""
    own = (_CATALOG_FILE, _STORES_FOLDER, _LOCK_FILE, OWN_SPACE_FILE, ".")
    if folder.is_dir() and (other := [name for name in os.listdir(folder) if not name.startswith(own)]):
        raise IndexFolderError(f"{folder}: holds {other[0]} and is no index; name an empty or a new folder")


def _one_or_more(paths: Paths) -> list[str]:
    """Take a single path for a list of one."""
    if isinstance(paths, (str, os.PathLike)):
        return [os.fspath(paths)]
    return [os.fspath(path) for path in paths]


def _differences(kept: IndexSettings, wanted: IndexSettings) -> str:
    pairs = ((name, value, asdict(wanted)[name]) for name, value in asdict(kept).items())
    return ", ".join(f"{name} is {value}, not {other}" for name, value, other in pairs if value != other)


def _printable(path: str) -> str:
    """Make a path that is not UTF-8 fit for JSON."""
    return path.encode(errors="surrogateescape").decode(errors="backslashreplace")
