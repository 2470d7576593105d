"""The index: add, search, label, classify, rebuild, verify."""

from __future__ import annotations

import logging
import os
from collections.abc import Iterable, Mapping, Sequence
from contextlib import closing
from pathlib import Path
from traceback import walk_tb
from typing import TYPE_CHECKING, Any, Literal, Self

import numpy as np

from modag_search.addresses import is_url
from modag_search.arguments import positive, seconds, whole, within
from modag_search.catalog.database import DAMAGE_ADVICE, OF_VALUES
from modag_search.classify.arithmetic.knn import TEMPERATURE, K
from modag_search.errors import DamagedCatalogError, SpaceMismatchError, UsageError
from modag_search.index.opening import opened
from modag_search.index.places import place_at
from modag_search.index.rooms import Rooms
from modag_search.labels.book import LabelBook
from modag_search.labels.items import find_item, find_items
from modag_search.labels.vocabulary import one_or_more_names
from modag_search.spelling import given_path, whole_path

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from types import TracebackType

    from modag_search.catalog import Catalog
    from modag_search.classify.classify import By
    from modag_search.classify.decision import Level
    from modag_search.classify.linear_head import Head
    from modag_search.classify.sorting import Sort
    from modag_search.curate.checking import Check, TransferCheck
    from modag_search.errors import ModagError
    from modag_search.features.item_vectors import ItemVectors
    from modag_search.index.places import Place
    from modag_search.ingest.exclusions import ExclusionBook
    from modag_search.ingest.named_roots import RootBook
    from modag_search.ingest.run import Progress
    from modag_search.labels.files import FolderLevel, ReadingOptions
    from modag_search.labels.vocabulary import Vocabulary
    from modag_search.pages.results import Classifications, Hits
    from modag_search.settings import IndexSettings
    from modag_search.space import Space
    from modag_search.values import (
        BackupReport,
        Classification,
        DuplicateGroup,
        Explanation,
        Failure,
        FileDescription,
        ForgetReport,
        ImportReport,
        IndexCopyReport,
        IndexReport,
        ItemMap,
        ItemRecord,
        LabelEstimate,
        LabelIssue,
        MapMethod,
        MediaKind,
        Modality,
        Notice,
        PairIssue,
        RepairReport,
        RestoreReport,
        Suggestion,
        TransferReport,
    )

logger = logging.getLogger(__name__)

_PACKAGE = __name__.partition(".")[0]
WAIT_S = 30.0
"""How long a writer waits for another one, in seconds."""

Query = Any
"""What `Index.search` asks with: the name of a file or of something else, samples, or a picture."""

Paths = str | os.PathLike[str] | Sequence[str | os.PathLike[str]]
"""One path or several."""


class Index:
    """A collection of sounds, pictures and videos in one shared space; a folder on disk.

    Open one with `Index.open`; it is a context manager. Any number of threads may share it: each call answers from one
    moment of the index, and sees what was written before it began. Writers, of whatever process, wait for each other;
    nobody waits for readers.

    Attributes
    ----------
    name : str
        The folder, or the URL of the database, without its password.
    folder : Path
        Of an index in a database, the one of this machine that follows it.

    Examples
    --------
    >>> import modag_search as modag
    >>> with modag.Index.open("indexes/demo", create=True) as index:  # doctest: +SKIP
    ...     index.add(["sounds/", "pictures/"])
    ...     index.search("trumpet.wav", modality="image", n=5)
    """

    def __init__(self, place: Place, settings: IndexSettings, catalog: Catalog) -> None:
        self.name = str(place)
        self.folder = place.folder
        self._catalog = catalog
        self._rooms = Rooms(place, catalog, settings)

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
            Or the URL of a PostgreSQL database, ``postgresql://USER@HOST/DATABASE``, which any number of machines may
            share.
        create : bool
            Make a new index where there is none.
        settings : IndexSettings, optional
            For a new index; an index that exists keeps its own.
        wait_s : float
            How long whatever writes, or makes the index, waits for another process or thread that does, in seconds.

        Returns
        -------
        Index

        Raises
        ------
        IndexNotFoundError
            If there is none and none is to be made.
        IndexLockedError
            If another process or thread that makes it is not done in time.
        UsageError
            If `settings` differ from those of the index.
        IndexFolderError, CatalogError
            If the index cannot be read. Where it cannot be written to, it is opened all the same; see `is_read_only`.
        """
        place = place_at(folder, wait_s=wait_s)
        try:
            return cls(place, *_opened_or_made(place, settings, create=create))
        except BaseException:
            place.close()
            raise

    def close(self) -> None:
        """Let go of the files."""
        self._catalog.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        """Close the index; where a value in the catalog led to an error of ours, the catalog is said to be damaged."""
        try:
            if _may_come_of_damage(error) and (problems := self._catalog.check()):
                raise DamagedCatalogError(f"{self._catalog.path}: {problems[0]}; {DAMAGE_ADVICE}") from error
        finally:
            self.close()

    @property
    def catalog(self) -> Catalog:
        """What the index knows: items, segments, features, labels, failures and runs."""
        return self._catalog

    @property
    def is_read_only(self) -> bool:
        """Whether nothing can be written where the index is: it answers, and what writes raises ReadOnlyIndexError."""
        return self._catalog.is_read_only

    @property
    def settings(self) -> IndexSettings:
        """What the index is made with, as its folder says now."""
        return self._rooms.workings.settings

    @property
    def space(self) -> Space:
        """The space that the vectors are in."""
        return self._rooms.workings.space

    @property
    def vectors(self) -> ItemVectors:
        """Labelled items, and files, as single vectors: what an evaluation reads."""
        from modag_search.features.item_vectors import ItemVectors

        self._require_joined()
        return ItemVectors(self._catalog, self._rooms.workings.encoder, self.space)

    # Adding.

    def add(
        self,
        paths: Paths,
        *,
        prune: bool = False,
        dry_run: bool = False,
        workers: int | str | None = None,
        exclude: str | Sequence[str] = (),
        follow_symlinks: bool = False,
        retry_failed: bool = False,
        rehash: bool = False,
        beside: Sequence[tuple[str, Sequence[str], bool]] = (),
        progress: Progress | None = None,
    ) -> IndexReport:
        """Take files into the index: new ones, changed ones; moved ones keep their features and labels.

        What is finished is kept when the call is broken off; the next one goes on from there.

        Parameters
        ----------
        paths : str, os.PathLike or sequence of them
            Files and folders.
        prune : bool
            Remove items below `paths` whose files are gone, or passed over. Their labels pass to items of the same
            content or features, or are kept until it comes back.
        dry_run : bool
            Write nothing; report what would be done.
        workers : int or str, optional
            Files that are decoded and encoded at a time; default one a processor. Or who does that elsewhere: the
            scheduler of a Dask cluster, as ``dask://host:8786``, whose workers see the files under the same paths.
        exclude : str or sequence of str
            Patterns as in .gitignore of files and folders to pass over below `paths`, after those that are kept with
            the index (`exclusions`). ``!`` before a pattern takes in again what others cover, as ``!@eaDir/``.
        follow_symlinks : bool
        retry_failed : bool
            Try files again that failed and have not changed since.
        rehash : bool
            Read files again whose size and time are as they were: what holds something else is taken in anew.
        beside : sequence of (str, sequence of str, bool)
            Folders that other calls take in, with the patterns that these pass over and whether they follow symbolic
            links: what they take in stays, though this call passes it over.
        progress : Progress, optional

        Returns
        -------
        IndexReport

        Raises
        ------
        NoMediaError
            If a path does not exist, and is not to be pruned, or if a folder holds no media; nothing has been done
            then.
        UsageError
            If a pattern cannot be meant; likewise.
        IndexLockedError
            If another writer does not come to its end in time; see `open`.
        WeightsMissingError
            If the weights of an encoder are not on this machine and cannot be fetched.
        ClusterError, MissingExtraError
            If the workers are to be those of a cluster, and it has none of use or goes away, or Dask is not installed.
        """
        from modag_search.features.cluster import checked_workers
        from modag_search.ingest.exclusions import checked_patterns
        from modag_search.ingest.run import IngestOptions
        from modag_search.values import IndexedFolder

        options = IngestOptions(
            prune=prune,
            dry_run=dry_run,
            workers=checked_workers(workers),
            exclude=checked_patterns(exclude),
            follow_symlinks=follow_symlinks,
            retry_failed=retry_failed,
            rehash=rehash,
            beside=tuple(IndexedFolder(path, checked_patterns(kept_out), links) for path, kept_out, links in beside),
        )
        return self._rooms.upkeep.add(one_or_more(paths), options=options, progress=progress)

    @property
    def exclusions(self) -> ExclusionBook:
        """The patterns of what `add` never takes in: to add, list, remove."""
        from modag_search.ingest.exclusions import ExclusionBook

        return ExclusionBook(self._catalog)

    @property
    def roots(self) -> RootBook:
        """The named roots, which machines may have in different folders: to list, add, place, remove."""
        from modag_search.ingest.named_roots import RootBook

        return RootBook(self._catalog)

    def forget(self, paths: Paths, *, dry_run: bool = False) -> ForgetReport:
        """Take items out of the index, whether or not their files are there; `undo_forget` takes them back.

        Labels pass to items of the same content or features, or are kept until it comes back. A file that is still
        there is taken in again by the next `add` of its folder, unless a pattern of `exclusions` covers it.

        Parameters
        ----------
        paths : str, os.PathLike or sequence of them
            Files; folders, with all below them; globs (``*`` stays within a folder, ``**`` does not); or ``id:N``.
        dry_run : bool
            Write nothing; report what would be done.

        Returns
        -------
        ForgetReport

        Raises
        ------
        NothingFoundError
            If the index holds nothing of all that.
        UsageError
            If a path cannot be meant.
        """
        return self._rooms.upkeep.forget(one_or_more(paths), dry_run=dry_run)

    def undo_forget(self) -> ForgetReport:
        """Take back what the last `forget` took out, with ids, features, labels and failures; no file is read.

        Returns
        -------
        ForgetReport
            What the index holds again by now is among `unknown`, and stays as it is.

        Raises
        ------
        NothingFoundError
            If nothing was forgotten, or it has been taken back.
        """
        return self._rooms.upkeep.undo_forget()

    # Asking.

    def search(
        self,
        query: Query,
        *,
        sample_rate_hz: int | None = None,
        plus: Query | Sequence[Query] = (),
        minus: Query | Sequence[Query] = (),
        modality: Modality | Literal["any"] = "any",
        n: int = 10,
        min_similarity: float = -1.0,
        min_relevance: float = 0.0,
        label: str | None = None,
        under: Paths = (),
        kind: MediaKind | None = None,
        min_duration_s: float | None = None,
        max_duration_s: float | None = None,
        copies: bool = False,
        places: int | Literal["all"] = 0,
        start_s: float | None = None,
        end_s: float | None = None,
    ) -> Hits:
        """Find the items that are nearest to a query, or to several that are combined.

        Parameters
        ----------
        query : str, os.PathLike, np.ndarray or PIL.Image.Image
            A media file, in the index or not; ``id:N``, an item of the index; ``label:NAME``, what the items with a
            label have in common; or words in English, ``text:WORDS`` where they might be taken for a path. What asks is
            not among the answers. Or samples, ``[shape=(n,) or (n, channels)]``, floats whose full scale is 1, int16 or
            int32; or a picture, ``[shape=(height, width, 3), uint8]`` in sRGB, also grey or with alpha.
        sample_rate_hz : int, optional
            Of samples; of all of them, where several are combined.
        plus : str, os.PathLike, np.ndarray, PIL.Image.Image or sequence of them
            Queries to add, as above: what is like all of them comes first, then what is much like one.
        minus : str, os.PathLike, np.ndarray, PIL.Image.Image or sequence of them
            Queries to take away, each with half the weight of one that is added: what is like them comes later.
        modality : {"image", "sound", "any"}
            Of the answers; the frames and the sound of a video count for either.
        n : int
            How many items, at the most.
        min_similarity : float
            Leaves out what is less similar (cosine). Where queries are combined, similarity is that to the one
            direction that they make together.
        min_relevance : float
            Leaves out what is less relevant, in [0, 1]; see `Hit`.
        label : str, optional
            Only items with this label, or a kind of it.
        under : str, os.PathLike or sequence of them
            Only items in one of these folders.
        kind : {"image", "sound", "video"}, optional
            Only files of this kind.
        min_duration_s, max_duration_s : float, optional
            Only sounds and videos that last so long, in seconds.
        copies : bool
            Whether items with the same content, or the very same features, are answers of their own. Otherwise the best
            of them stands for all, and lists the others.
        places : int or "all"
            How many places of each answer to list, at the most.
        start_s, end_s : float, optional
            Part of `query`, in seconds; what is added or taken away is so as a whole.

        Returns
        -------
        Hits
            A list of `Hit`, the nearest first; a notebook shows them as tiles, which can be played. Where there is
            none, its `why_none` says which filters leave nothing.

        Raises
        ------
        UsageError, MediaError
            If a query cannot be meant or read, ``id:N`` is not in the index, or queries cancel each other out.
        NothingFoundError
            If a query is silent, black or of one colour, or no item has the label that is asked with. Filters that
            leave nothing raise nothing.
        SpaceMismatchError
            If only the other modality is wanted, and no space joins the two.

        Examples
        --------
        >>> index.search("dog.jpg", plus=["in the snow"], minus=["puppy"], modality="image")  # doctest: +SKIP
        >>> index.search(samples, sample_rate_hz=48_000)  # doctest: +SKIP
        >>> index.search("sea.jpg", plus=[samples, "wind"], sample_rate_hz=48_000)  # doctest: +SKIP
        """
        from modag_search.pages.results import Hits
        from modag_search.search.filters import Filters
        from modag_search.search.finder import Asked, Wanted

        asked = Asked(
            query=query,
            sample_rate_hz=sample_rate_hz,
            plus=_one_or_more_queries(plus),
            minus=_one_or_more_queries(minus),
            start_s=seconds(start_s, "start_s"),
            end_s=seconds(end_s, "end_s"),
        )
        filters = Filters(
            label=label,
            under=tuple(one_or_more(under)),
            kind=kind,
            min_duration_s=seconds(min_duration_s, "min_duration_s"),
            max_duration_s=seconds(max_duration_s, "max_duration_s"),
        )
        wanted = Wanted(
            modality=modality,
            n=whole(n, "n", least=1),
            min_similarity=within(min_similarity, "min_similarity"),
            min_relevance=within(min_relevance, "min_relevance", 0, 1),
            filters=filters,
            copies=copies,
            places="all" if places == "all" else whole(places, "places", least=0),
        )
        hits, why_none = self._rooms.finder.find(asked, wanted)
        return Hits(hits, why_none=why_none)

    def search_many(
        self,
        queries: Query | Iterable[Query],
        *,
        workers: int | None = None,
        on_failure: Callable[[Any, ModagError], None] | None = None,
        **options: Any,
    ) -> Iterator[tuple[Any, Hits]]:
        """Answer several queries, each for itself, as the answers come.

        Parameters
        ----------
        queries : iterable of str, os.PathLike, np.ndarray or PIL.Image.Image
            Of all the kinds that `search` takes; a single one is taken for a list of one.
        workers : int, optional
            Files that are decoded and encoded, and queries that are answered, at a time; default one a processor.
        on_failure : callable, optional
            Called with each query that cannot be meant or read, or has nothing in it to ask with, and its error;
            without it, the first such error is raised.
        **options : dict
            What `search` takes beside the query, for all of them.

        Yields
        ------
        query : str, os.PathLike, np.ndarray or PIL.Image.Image
            As it was given, in the order given.
        hits : Hits

        Raises
        ------
        ModagError
            As `search`.
        """
        from modag_search.search.batch import answered

        yield from answered(
            lambda query: self.search(query, **options),
            [queries] if _is_one_query(queries) else queries,
            workers=None if workers is None else whole(workers, "workers", least=1),
            on_failure=on_failure,
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
            If labels exclude each other by `labels.mode`, and an item would have two.
        """
        items = find_items(self._catalog, one_or_more(paths))
        names = one_or_more_names(label)
        return self.labels.give(items, names, start_s=start_s, end_s=end_s).added

    def deny(
        self,
        paths: Paths,
        label: str | Sequence[str],
        *,
        start_s: float | None = None,
        end_s: float | None = None,
    ) -> int:
        """Say that items are not a label, or several, and return how often nobody had said so.

        No answer and no transfer gives them that name any more, nor a kind of it, nor copies of them; their like get it
        less easily. What was transferred goes; of what people say the last word holds.

        Parameters
        ----------
        paths : str, os.PathLike or sequence of them
        label : str or sequence of str
        start_s, end_s : float, optional
            As in `label`. On a part, it holds for the segments that lie within that part.

        Returns
        -------
        int

        Raises
        ------
        UsageError
            As `label`, or if a label is a tag.

        Examples
        --------
        >>> index.deny("trumpet.jpg", "tuba")  # doctest: +SKIP
        """
        items = find_items(self._catalog, one_or_more(paths))
        names = one_or_more_names(label)
        return self.labels.give(items, (), denied=names, start_s=start_s, end_s=end_s).added

    def tag(
        self,
        paths: Paths,
        tag: str | Sequence[str],
        *,
        start_s: float | None = None,
        end_s: float | None = None,
    ) -> int:
        """Give items a tag, or several, and return how many they did not have.

        A tag (`favourite`, `reviewed`) is searched, listed and taken back like a label, and says nothing of what an
        item is: it is never an answer, and changes none.

        Parameters
        ----------
        paths : str, os.PathLike or sequence of them
        tag : str or sequence of str
        start_s, end_s : float, optional
            As in `label`.

        Returns
        -------
        int

        Raises
        ------
        UsageError
            As `label`, or if the name is that of a class; `labels.set_kind` changes that.
        """
        items = find_items(self._catalog, one_or_more(paths))
        names = one_or_more_names(tag)
        return self.labels.give(items, names, are_tags=True, start_s=start_s, end_s=end_s).added

    def unlabel(self, paths: Paths, label: str) -> int:
        """Take a label, or a tag, back from items, and return how many annotations that were; errors as in `label`.

        One that was transferred may come back with the next transfer; `deny` sees to it that it does not.
        """
        return self.labels.take(find_items(self._catalog, one_or_more(paths)), label).removed

    def import_labels(
        self,
        source: str | os.PathLike[str],
        *,
        from_folders: bool = False,
        level: FolderLevel = None,
        skip_missing: bool = False,
        dry_run: bool = False,
        options: ReadingOptions | None = None,
    ) -> ImportReport:
        """Give items the labels that a file or the names of folders say, all or none of them.

        Parameters
        ----------
        source : str or os.PathLike
            A file of labels, told by its looks (CSV, JSONL, JAMS, Audacity, Raven, BirdNET, VIA, ...), a folder of JAMS
            files, or with `from_folders` a folder of folders whose names are the labels.
        from_folders : bool
        level : int or "innermost", optional
            Which of these folders: 0 for those in `source`, and so on. By default those; where all of them divide a
            collection (train, valid, test), those in them.
        skip_missing : bool
            Pass over what names no item, or could mean several.
        dry_run : bool
            Write nothing; report what would be given.
        options : ReadingOptions, optional
            How the file is read, where its looks do not say so.

        Returns
        -------
        ImportReport
            `labels.undo` takes its run back.

        Raises
        ------
        UsageError
            If the source cannot be read or meant; the message names the file and the line, and nothing has been done.
        """
        from modag_search.labels.files import import_labels

        return import_labels(
            self._catalog,
            source,
            from_folders=from_folders,
            level=level,
            skip_missing=skip_missing,
            dry_run=dry_run,
            options=options,
        )

    def item(self, path: str | os.PathLike[str]) -> ItemRecord:
        """Return the item at a path, or ``id:N``.

        Raises
        ------
        UsageError
            If it is not in the index.
        """
        return find_item(self._catalog, given_path(path))

    # Naming.

    def classify(
        self,
        paths: Paths | None = None,
        *,
        by: By = "knn",
        names: Vocabulary | str | Sequence[str] | None = None,
        k: int = K,
        temperature: float = TEMPERATURE,
        min_confidence: float = 0.0,
        max_confidence: float = 1.0,
        level: Level = None,
        unlabelled: bool = False,
        sort: Sort = None,
        workers: int | None = None,
        on_failure: Callable[[str, ModagError], None] | None = None,
    ) -> Classifications:
        """Name files by the labelled items of the index, of whatever modality.

        Confidence is how likely a label is right: it is learnt by leaving labelled items out, whenever labels change.
        Media may be none of the labels; by those of the other modality alone, it may be off.

        What has labels itself, or is a copy of what has, is called so: files of the same content, with the very same
        features, or much alike and confirmed by pixels or waveforms (see `duplicates`). ``by="names"`` leaves that out.

        Parameters
        ----------
        paths : str, os.PathLike or sequence of them, optional
            Media files, folders of them, or ``id:N``; without it, all items of the index, by their stored features.
        by : {"knn", "head", "names"}
            By the nearest labelled segments and what labels are called; by the head that `train_head` fitted; or by
            what labels are called alone, which takes no labelled item.
        names : Vocabulary, str or sequence of str, optional
            Labels to choose among, which need not be in the index: an English name is enough. By default those that an
            item has or that were added, and ``by="names"`` also those of the hierarchy; `preset` gives vocabularies
            of the package.
        k : int
            How many of the nearest labelled segments of each label and modality weigh by nearness,
            ``exp(similarity / temperature)``, beside the mean of all of the label; and how many neighbours each answer
            lists, of those that weighed most.
        temperature : float
        min_confidence : float
            Below it, the label is None: unknown.
        max_confidence : float
            Surer answers are left out.
        level : int or "deepest", optional
            Answer on a level of the hierarchy of labels, from 0 at the top; ``deepest`` with the lowest label that is
            sure enough. By default with labels as they were given.
        unlabelled : bool
            Without `paths`: only items without a label.
        sort : {"confidence"}, optional
            The least sure answers first; they wait for all others, in a temporary file where they are many.
        workers : int, optional
            Files that are decoded and encoded at a time; default one a processor.
        on_failure : callable, optional
            Called with the path of each file that cannot be read or is silent, black or flat, and has no answer then,
            and its error; without it, the first such error is raised.

        Returns
        -------
        Classifications
            A list of `Classification`, which notebooks show as they do `Hits`: in the order of `paths`; those of items
            in order of their paths; unless `sort` says otherwise.

        Raises
        ------
        UsageError
            If an argument cannot be meant.
        MediaError
            If a file cannot be read.
        NothingFoundError
            If the index holds no labels, or a file is silent, black or flat.
        ModelError
            If there is no head, or it was fitted in another space.
        """
        from modag_search.pages.results import Classifications

        return Classifications(
            self.classify_each(
                paths,
                by=by,
                names=names,
                k=k,
                temperature=temperature,
                min_confidence=min_confidence,
                max_confidence=max_confidence,
                level=level,
                unlabelled=unlabelled,
                sort=sort,
                workers=workers,
                on_failure=on_failure,
            )
        )

    def classify_each(
        self,
        paths: Paths | None = None,
        *,
        by: By = "knn",
        names: Vocabulary | str | Sequence[str] | None = None,
        k: int = K,
        temperature: float = TEMPERATURE,
        min_confidence: float = 0.0,
        max_confidence: float = 1.0,
        level: Level = None,
        unlabelled: bool = False,
        sort: Sort = None,
        workers: int | None = None,
        on_failure: Callable[[str, ModagError], None] | None = None,
    ) -> Iterator[Classification]:
        """Name files or items as `classify` does, and give the answers as they come: a large index never fits a list.

        All answers are by the labels of the moment of the call.

        Parameters
        ----------
        paths : str, os.PathLike or sequence of them, optional
        by : {"knn", "head", "names"}
        names : Vocabulary, str or sequence of str, optional
        k : int
        temperature : float
        min_confidence, max_confidence : float
        level : int or "deepest", optional
        unlabelled : bool
        sort : {"confidence"}, optional
        workers : int, optional
        on_failure : callable, optional
            As in `classify`, all of them.

        Returns
        -------
        iterator of Classification
            In the order of `classify`.

        Raises
        ------
        UsageError, NothingFoundError, ModelError
            As `classify`, at once.
        MediaError
            Where it comes to a file that cannot be read.
        """
        self._require_joined()
        return self._rooms.namer.classify_each(
            None if paths is None else one_or_more(paths),
            by=by,
            names=names,
            k=whole(k, "k", least=1),
            temperature=positive(temperature, "temperature"),
            min_confidence=within(min_confidence, "min_confidence", 0, 1),
            max_confidence=within(max_confidence, "max_confidence", 0, 1),
            level=_level(level),
            unlabelled=unlabelled,
            sort=sort,
            workers=None if workers is None else whole(workers, "workers", least=1),
            on_failure=on_failure,
        )

    def explain(
        self,
        path: str | os.PathLike[str],
        *,
        names: Vocabulary | str | Sequence[str] | None = None,
        k: int = K,
        temperature: float = TEMPERATURE,
        level: Level = None,
    ) -> Explanation:
        """Say why something is called as `classify` calls it, beside what it would be called next.

        Parameters
        ----------
        path : str or os.PathLike
            A media file, or ``id:N``. Labels that it has itself are listed; what is said, others say.
        names : Vocabulary, str or sequence of str, optional
        k : int
        temperature : float
        level : int or "deepest", optional
            As in `classify`.

        Returns
        -------
        Explanation

        Raises
        ------
        UsageError, MediaError, NothingFoundError
            As `classify`; the last also if no label is possible at all.

        Examples
        --------
        >>> why = index.explain("saxophone-10.ogg")  # doctest: +SKIP
        >>> {part.kind: round(part.log_odds, 1) for part in why.heard[0].parts}  # doctest: +SKIP
        {'own': 0.0, 'other': 1.4, 'name': 0.3, 'features': 0.0, 'added': 0.0}
        """
        self._require_joined()
        return self._rooms.namer.explain(
            given_path(path),
            names=names,
            k=whole(k, "k", least=1),
            temperature=positive(temperature, "temperature"),
            level=_level(level),
        )

    def transfer(
        self,
        *,
        min_confidence: float = 0.8,
        max_confidence: float = 1.0,
        by: By = "knn",
        names: Vocabulary | str | Sequence[str] | None = None,
        k: int = K,
        temperature: float = TEMPERATURE,
        level: Level = None,
        dry_run: bool = False,
    ) -> TransferReport:
        """Give every unlabelled item the label that the labelled ones are sure enough of.

        Copies of labelled items get their labels, see `classify`; beside what may be a copy, nothing is decoded.

        What is transferred can be taken back by its run (`labels.undo`), and never votes itself.

        Parameters
        ----------
        min_confidence : float
            Among labels with this confidence, about as many are right.
        max_confidence : float
            Surer labels are left out, and counted: to look at the least sure ones first.
        by : {"knn", "head", "names"}
        names : Vocabulary, str or sequence of str, optional
        k : int
        temperature : float
        level : int or "deepest", optional
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
        from modag_search.classify.transfer import TransferOptions

        self._require_joined()
        options = TransferOptions(
            min_confidence=within(min_confidence, "min_confidence", 0, 1),
            max_confidence=within(max_confidence, "max_confidence", 0, 1),
            by=by,
            names=names,
            k=whole(k, "k", least=1),
            temperature=positive(temperature, "temperature"),
            level=_level(level),
        )
        return self._rooms.namer.transfer(options, dry_run=dry_run)

    def check_transfer(
        self,
        n: int = 20,
        *,
        min_confidence: float = 0.8,
        max_confidence: float = 1.0,
        by: By = "knn",
        names: Vocabulary | str | Sequence[str] | None = None,
        k: int = K,
        temperature: float = TEMPERATURE,
        level: Level = None,
        seed: int = 0,
    ) -> TransferCheck:
        """Draw questions about what `transfer` would give, whose answers tell how much of it is right.

        Parameters
        ----------
        n : int
            How many questions, at the most: half about names that would be given, half about what would stay unknown.
        min_confidence, max_confidence : float
        by : {"knn", "head", "names"}
        names : Vocabulary, str or sequence of str, optional
        k : int
        temperature : float
        level : int or "deepest", optional
            As in `transfer`.
        seed : int
            Of the draw: the same questions, as long as the index is the same.

        Returns
        -------
        TransferCheck

        Raises
        ------
        UsageError, NothingFoundError, ModelError
            As `transfer`; also if nothing could be called anything.

        Examples
        --------
        >>> check = index.check_transfer(20, min_confidence=0.9)  # doctest: +SKIP
        >>> answers = [ask(question.path, question.label) for question in check.questions]  # doctest: +SKIP
        >>> check.precision(answers).of_given.low  # doctest: +SKIP
        0.722
        >>> report = check.transfer(answers)  # doctest: +SKIP
        """
        from modag_search.classify.transfer import TransferOptions

        self._require_joined()
        options = TransferOptions(
            min_confidence=within(min_confidence, "min_confidence", 0, 1),
            max_confidence=within(max_confidence, "max_confidence", 0, 1),
            by=by,
            names=names,
            k=whole(k, "k", least=1),
            temperature=positive(temperature, "temperature"),
            level=_level(level),
        )
        return self._rooms.curator.check_transfer(options, n=whole(n, "n", least=1), seed=whole(seed, "seed", least=0))

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
        self._require_joined()
        return self._rooms.namer.train_head(update=update, seed=whole(seed, "seed", least=0))

    # Looking over a collection.

    def suggest(
        self,
        *,
        n: int = 20,
        modality: Modality | None = None,
        seed: int = 0,
        near: float | None = None,
        label: str | None = None,
    ) -> list[Suggestion]:
        """List the items that are most worth a label, so that the fewest labels name the most.

        Parameters
        ----------
        n : int
        modality : {"image", "sound"}, optional
            Default both.
        seed : int
            Of the draw that large collections are looked at by.
        near : float, optional
            Those instead whose confidence is nearest to it: what a border such as the `min_confidence` of a transfer
            would divide.
        label : str, optional
            With `near`: how likely this label, or a kind of it, is to be near that, whatever is likelier.

        Returns
        -------
        list of Suggestion
            The most worthwhile first; each takes into account that those before it get a label. With `near`, the
            nearest to it first.

        Raises
        ------
        UsageError
            If an argument cannot be meant.
        NothingFoundError
            If no item is without a label; with `near`, also if nothing has a label, or none has that one.
        """
        self._require_joined()
        return self._rooms.curator.suggest(
            n=whole(n, "n", least=1),
            modality=modality,
            seed=whole(seed, "seed", least=0),
            near=None if near is None else within(near, "near", 0, 1),
            label=label,
        )

    def count(self, label: str) -> LabelEstimate:
        """Estimate how many items are something, with a 95 % interval.

        Those that were given the label, or a kind of it, count. How many of the others are that goes by how likely it
        is for each, and by answers to `check_count` and `check_transfer`, if there are any: these are about items that
        were drawn at random, which labels that were given to teach are not.

        Parameters
        ----------
        label : str

        Returns
        -------
        LabelEstimate

        Raises
        ------
        NothingFoundError
            If nothing has a label, or nothing has this one and it was not added.
        """
        self._require_joined()
        return self._rooms.curator.count(label)

    def check_count(self, label: str, n: int = 20, *, seed: int = 0) -> Check:
        """Draw questions whose answers, once they are kept, make `count` surer.

        Parameters
        ----------
        label : str
        n : int
            How many questions, at the most: half of them spread over the range of likelihood, half where most is
            uncertain.
        seed : int
            Of the draw.

        Returns
        -------
        Check

        Raises
        ------
        UsageError
            If `n` is below 1.
        NothingFoundError
            As `count`, and if of every item it is known whether it is that.

        Examples
        --------
        >>> check = index.check_count("violin", 20)  # doctest: +SKIP
        >>> check.keep([ask(question.path) for question in check.questions])  # doctest: +SKIP
        >>> index.count("violin")  # doctest: +SKIP
        LabelEstimate(label='violin', count=143, low=121, high=178, ...)
        """
        self._require_joined()
        return self._rooms.curator.check_count(label, n=whole(n, "n", least=1), seed=whole(seed, "seed", least=0))

    def audit(self, *, max_probability: float = 0.1) -> list[LabelIssue]:
        """List labels that were given to a former content of a file, and those that others contradict.

        Others are the other labelled items, and items with the same content. A label that was given to a former content
        is listed until it is given again, or taken back.

        Parameters
        ----------
        max_probability : float
            How likely a label may be, by all others, to be listed as one that they contradict.

        Returns
        -------
        list of LabelIssue
            Those of former contents first, then the most doubtful.

        Raises
        ------
        NothingFoundError
            If nothing is labelled.
        """
        max_probability = within(max_probability, "max_probability", 0, 1)
        try:
            self._require_joined()
        except SpaceMismatchError as error:
            issues = self._rooms.curator.label_issues(max_probability=max_probability, can_compare=False)
            if not issues:
                raise
            logger.warning("only files that were replaced under their labels are listed: %s", error)
            return issues
        return self._rooms.curator.label_issues(max_probability=max_probability, can_compare=True)

    def audit_pairs(self, *, min_rank: float = 0.5, seed: int = 0) -> list[PairIssue]:
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
        list of PairIssue
            The worst first.
        """
        min_rank = within(min_rank, "min_rank", 0, 1)
        self._require_joined()
        return self._rooms.curator.pair_issues(min_rank=min_rank, seed=whole(seed, "seed", least=0))

    def duplicates(
        self, *, modality: Modality | None = None, min_similarity: float | None = None, alike: bool = False
    ) -> list[DuplicateGroup]:
        """Find the same sound or picture at another size, rate or quality, or parts of a sound; nothing is changed.

        What is alike is confirmed by waveforms or pixels, which takes reading the files; see `curate.duplicates`. All
        sounds of up to an hour are read, to find those that lie in others.

        Parameters
        ----------
        modality : {"image", "sound"}, optional
            Default both.
        min_similarity : float, optional
            Of features, from which on items are duplicates; by default one for each modality, see `copies.limits`.
        alike : bool
            Whether to find instead what has similar features, and is nevertheless not confirmed to be the same.

        Returns
        -------
        list of DuplicateGroup
            In each, what has labels first, else the best copy, and why.
        """
        return self._rooms.curator.duplicates(modality=modality, min_similarity=min_similarity, alike=alike)

    def map(self, method: MapMethod = "pca") -> ItemMap:
        """Lay the items out in two dimensions: what is alike mostly lies together, sounds beside their pictures.

        Sounds and pictures differ by an offset that all of a modality share, which is taken away first. The map is kept
        with the index, and made anew where that has changed. One by ``umap`` keeps its look while items come: they are
        placed amid their nearest neighbours, until they are a tenth of all; then it is made anew.

        Parameters
        ----------
        method : {"pca", "umap"}
            By the two directions in which items differ most, at once; or so that neighbours stay neighbours, which
            takes a minute for 100,000 items and ``pip install "modag-search[map]"``.

        Returns
        -------
        ItemMap
            Where no space joins sounds and pictures, these lie on the left and sounds on the right.

        Raises
        ------
        UsageError
            If there is no such method.
        MissingExtraError
            If a map by ``umap`` is to be made, and UMAP is not installed.

        Examples
        --------
        >>> found = index.map()  # doctest: +SKIP
        >>> plt.scatter(*found.positions.T, c=[kind == "sound" for kind in found.kinds])  # doctest: +SKIP
        """
        return self._rooms.maps.map(method)

    # Upkeep.

    def failures(self) -> list[Failure]:
        """Return the files that could not be indexed, with their reasons."""
        return self._catalog.failures.all()

    def describe(self, path: str | os.PathLike[str]) -> FileDescription:
        """Tell all that the index knows of one file, or why it does not hold it.

        Parameters
        ----------
        path : str or os.PathLike
            A path, in the index or not, or ``id:N``.

        Returns
        -------
        FileDescription
            Why a file is not in the index goes by the folders that were indexed, what is passed over in them now, and
            by its name; no file is read.

        Raises
        ------
        UsageError
            If an id is no number, or there are several items whose paths look the same.
        """
        from modag_search.index.description import describe

        return describe(self._catalog, given_path(path), fingerprints=self._rooms.workings.encoder.fingerprints)

    def notices(self) -> list[Notice]:
        """Return what there is to know of items that did not fail, in order of path.

        Those that nothing finds, since they are silent, or as good as black or of one colour; and what was noticed
        while others were read: that they are not whole, were never finished, or are not what their names say.
        """
        return self._catalog.notices.all()

    def passed_over(self, paths: Paths) -> list[Notice]:
        """Return what `add` passes over below folders, and why: a look at the disk, which reads no file.

        Parameters
        ----------
        paths : str, os.PathLike or sequence of them

        Returns
        -------
        list of Notice
            Folders, and files, be they media by their names or not: as many as `add` counts. What the index holds
            nonetheless is left out.

        Raises
        ------
        NoMediaError
            If a path does not exist.
        """
        from modag_search.index.description import passed_over

        return passed_over(self._catalog, one_or_more(paths))

    def rebuild(
        self,
        *,
        space: str | os.PathLike[str] | None = None,
        store: str | None = None,
        sound_encoder: str | None = None,
        image_encoder: str | None = None,
        workers: int | str | None = None,
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
            Move to another kind of store, to a server that keeps it (``postgresql://user@host/database``), or back to
            files (``auto``).
        sound_encoder, image_encoder : str, optional
            Move to other encoders. Where the space does not fit them, the packaged one that does is taken.
        workers : int or str, optional
            As for `add`.
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
        StoreServerError
            If the server that is to keep the stores is out of reach, or fails.
        ClusterError
            As for `add`.
        """
        from modag_search.features.cluster import checked_workers

        return self._rooms.upkeep.rebuild(
            space=space,
            store=store,
            sound_encoder=sound_encoder,
            image_encoder=image_encoder,
            workers=checked_workers(workers),
            progress=progress,
            on_failure=on_failure,
        )

    def verify(self) -> list[str]:
        """Describe what is wrong with the index, a line each; nothing where all is well.

        All there is is read: rows of the catalog are compared with its indexes, features with their checksums, vectors
        with what the space makes of features, files with their checksums.
        """
        return self._rooms.soundness.problems()

    @classmethod
    def repair(cls, folder: str | os.PathLike[str], *, wait_s: float = WAIT_S) -> RepairReport:
        """Mend what is wrong with an index, as far as it can be made anew of what is right.

        Settings and features in which a single bit has changed are as they were again, other features are discarded:
        `add` makes them anew; none is where the rows that tell which are damaged have changed themselves. Stores, the
        head, and what labels taught are made anew where they have changed, and left where they cannot be read or are of
        a newer version. Settings that were changed on purpose are taken. Labels, paths and spaces cannot be made anew:
        a backup has them.

        Parameters
        ----------
        folder : str or os.PathLike
        wait_s : float
            How long to wait for another process or thread that writes, in seconds.

        Returns
        -------
        RepairReport

        Raises
        ------
        IndexNotFoundError, IndexFolderError, CatalogError
            If the index cannot be opened, whatever is done about it.
        """
        from modag_search.values import RepairReport

        with closing(place_at(folder, wait_s=wait_s)) as place:
            mended = [*place.mend()]
        with cls.open(folder, wait_s=wait_s) as index:
            told = index._rooms.upkeep.mend(index._rooms.soundness)  # noqa: SLF001  of this very class
            mended += [line for is_discarded, line in told if not is_discarded]
            discarded = tuple(line for is_discarded, line in told if is_discarded)
            return RepairReport(mended=tuple(mended), discarded=discarded, left=tuple(index.verify()))

    def back_up(self, path: str | os.PathLike[str]) -> BackupReport:
        """Write all that cannot be made anew to one file: settings, catalog, own space, head, and what labels taught.

        It is of one moment, whoever reads and writes meanwhile. The media are no part of it, nor are the stores.

        Parameters
        ----------
        path : str or os.PathLike
            A new file, or a former backup, which is replaced once the new one is whole.

        Returns
        -------
        BackupReport
            With the problems of a damaged index, of which a new file is a copy all the same.

        Raises
        ------
        UsageError
            If it cannot be written, or another file is there.
        IndexFolderError
            If the index is damaged, and a former backup would be lost; or a file of the index cannot be read.
        DamagedCatalogError
            If the catalog cannot be read.
        """
        from modag_search.index.backup import back_up

        return back_up(self.folder, self._catalog, Path(given_path(path)).absolute())

    @staticmethod
    def restore(
        path: str | os.PathLike[str],
        folder: str | os.PathLike[str],
        *,
        roots: Mapping[str, str] | None = None,
    ) -> RestoreReport:
        """Make an index of what `back_up` wrote; an older one is brought to this version.

        Every byte is compared with its checksum first. Where that fails, nothing is left in `folder`. In a database it
        is an index once it is whole; until then it needs room in the folder for temporary files, too.

        Parameters
        ----------
        path : str or os.PathLike
        folder : str or os.PathLike
            A new or empty one; or the URL of a database without an index.
        roots : mapping of str to str, optional
            Where the media lay, and where they lie now: folders, all of whose files the index then knows by their new
            paths. Where one folder lies in another, the inner one decides. Without any, folders that are not there are
            looked for where they lay seen from the backup.

        Returns
        -------
        RestoreReport

        Raises
        ------
        UsageError
            If it is no backup, or damaged, if an index is in `folder`, or nothing lies in one of the roots.
        NewerCatalogError
            If a later version of modag-search wrote it.
        IndexFolderError
            If the index cannot be written.
        """
        moves = {whole_path(old): whole_path(new) for old, new in (roots or {}).items()}
        if not is_url(folder):
            from modag_search.index.backup import restore

            return restore(Path(given_path(path)).absolute(), Path(given_path(folder)).absolute(), moves)

        from modag_search.index.copying import restore_to_database

        with closing(place_at(folder, wait_s=0.0)) as place:
            return restore_to_database(Path(given_path(path)).absolute(), place, moves)

    @staticmethod
    def copy(
        source: str | os.PathLike[str],
        target: str | os.PathLike[str],
        *,
        dry_run: bool = False,
        wait_s: float = WAIT_S,
        on_rows: Callable[[int, int], None] | None = None,
    ) -> IndexCopyReport:
        """Copy an index to another place: from a folder to a database, back, or from one to another.

        What cannot be made anew is copied, ids and all, of one moment, though others read and write meanwhile; every
        row is compared before the copy becomes an index. Broken off, the next call goes on, unless the index has
        changed: then it begins anew. Stores are made at the first search.

        Parameters
        ----------
        source, target : str or os.PathLike
            Folders, or URLs of databases. The target is a new one.
        dry_run : bool
            Write nothing; report what would be copied.
        wait_s : float
            How long to wait for another process that copies to the same folder, in seconds.
        on_rows : callable, optional
            Called with how many rows have been copied, and with how many there are, batch by batch.

        Returns
        -------
        IndexCopyReport

        Raises
        ------
        IndexNotFoundError
            If there is no index to copy.
        UsageError
            If the target holds an index.
        IndexFolderError, CatalogError
            If one cannot be read, or the other not be written.
        """
        from modag_search.index.copying import copy_index

        with (
            closing(place_at(source, wait_s=wait_s)) as from_place,
            closing(place_at(target, wait_s=wait_s)) as to_place,
        ):
            return copy_index(from_place, to_place, dry_run=dry_run, on_rows=on_rows)

    def stores(self) -> dict[Modality, str]:
        """Return the kind of vector store that each modality has; none before anything was saved."""
        return self._rooms.workings.basis.stores.kinds()

    def outdated(self) -> int:
        """Count the items that another version of an encoder or a decoder made; `add` brings them up to date."""
        return self._catalog.items.count_outdated(self._rooms.workings.encoder.fingerprints)

    def _require_joined(self) -> None:
        """Refuse to spread labels where some of what would be named cannot be compared with some that have labels."""
        if self.space.joins:
            return
        stored = {modality for (modality, status), n in self._catalog.count().segments.items() if n and status == "ok"}
        if len(stored) > 1:
            from modag_search.search.finder import no_space_joins

            raise no_space_joins(self.settings, "labels of the one say nothing of the other")


def _opened_or_made(place: Place, settings: IndexSettings | None, *, create: bool) -> tuple[IndexSettings, Catalog]:
    if place.is_index() or not create:
        return opened(place, settings)

    from modag_search.index.making import created

    return created(place, settings)


def _may_come_of_damage(error: BaseException | None) -> bool:
    """Tell whether an error came out of this package, rather than of the code of who uses it alone, and of a value."""
    if not isinstance(error, OF_VALUES):
        return False
    names = (frame.f_globals.get("__name__", "") for frame, _ in walk_tb(error.__traceback__))
    return any(name.startswith(f"{_PACKAGE}.") for name in names)


def _level(level: Level) -> Level:
    """Return a level of the hierarchy that a caller gave."""
    return level if level is None or level == "deepest" else whole(level, "level", least=0)


def _one_or_more_queries(queries: Query | Sequence[Query]) -> list[Query]:
    """Take a single query for a list of one; an array is one."""
    return [queries] if _is_one_query(queries) else list(queries)


def _is_one_query(queries: Any) -> bool:
    return isinstance(queries, (str, os.PathLike, np.ndarray)) or not isinstance(queries, Iterable)


def one_or_more(paths: Paths) -> list[str]:
    """Take a single path for a list of one.

    Raises
    ------
    UsageError
        If one is no path, or empty.
    """
    listed = [paths] if isinstance(paths, (str, os.PathLike)) else paths
    try:
        return [given_path(path) for path in listed]
    except TypeError as error:
        raise UsageError(f"a path, or a list of paths, is wanted, and this is none: {error}") from error
