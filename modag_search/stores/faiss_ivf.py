"""Search among millions with FAISS: vectors lie in lists around centroids, and only the nearest lists are looked at.

Vectors are kept in half precision, so that a similarity is off by less than 0.001. How many lists are looked at is
chosen when a store is built, by asking it: as many as find 99 of 100 of the true nearest neighbours, both of queries as
near to what is stored as another of its kind is, and of queries as far as one of the other modality.
"""

from __future__ import annotations

import functools
import io
import math
import tempfile
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, BinaryIO

import numpy as np

from modag_search.stores.base import StoreReader, filled_up, greatest_products, nearest, nothing_found
from modag_search.stores.faiss_flat import threads_for
from modag_search.stores.mapped import Blocks, MappedStore, checksums_of
from modag_search.stores.selection import (
    KeptByArray,
    Selection,
    are_among,
    are_marked,
    marked,
    selector_of,
    selector_without,
)
from modag_search.unit_vectors import of_unit_length

if TYPE_CHECKING:
    from collections.abc import Iterator

    import numpy.typing as npt

    from modag_search.values import Float32Array, Int64Array

_LISTS = 4.0
"""Times the root of the number of vectors: at a million, 4,000 lists of 250."""
_LEAST_IN_LIST = 32
_TRAINING_PER_LIST = 48
_ITERATIONS = 8
_SEED = 1
_ALL_BELOW = 20_000
"""So few vectors are compared all."""
_QUERIES = 128
"""Of each kind."""
_NEAR, _FAR = 0.9, 0.5
"""Cosine of a query and the vector that it was made of: like another of its kind, like one of the other modality."""
_RECALL = 0.99
_RECALL_AT = (10, 100, 1000)
_DEVIATIONS = 3.0
_GROUPED_FROM = 1_000
"""From so many lists on, the one of a vector is looked for in the nearest groups of lists alone when a store is made:
comparing vectors with the centroids of all would be nearly all the work."""
_GROUPS = 8
"""So many groups are looked at; their number is the root of that of the lists."""
_AT_ONCE = 65_536
_READ_AT_ONCE = 1 << 20
_APART = 2
"""Times as many vectors as centroids were found for, or a part of them: then other centroids suit them better."""
_FEW = 1024
"""So few vectors of all are compared each."""
_BY_QUERIES = 3
"""See `parallel_mode` of FAISS's `IndexIVF`."""


@dataclass(frozen=True, slots=True)
class Probes:
    """How many lists to look at.

    Attributes
    ----------
    chosen : tuple of int
        For as many neighbours as `_RECALL_AT` says.
    n_lists, n_vectors : int
    """

    chosen: tuple[int, ...]
    n_lists: int
    n_vectors: int

    def wanted(self, k: int, *, n_counting: int) -> int:
        """Return how many lists to look at for `k` neighbours where so many vectors count.

        The neighbours of a query are spread over more lists the fewer vectors count. Between the numbers of neighbours
        that were tried, and beyond them, what was chosen grows as its logarithm does.
        """
        if self.n_vectors < _ALL_BELOW or n_counting * 4 <= k * len(self.chosen):
            return self.n_lists
        # Those that count lie at random among all, by the root of their number more or fewer of them near.
        spread = 0.0 if n_counting == self.n_vectors else _DEVIATIONS * math.sqrt(k)
        sought = min((k + spread) * self.n_vectors / n_counting, self.n_vectors)
        probes = np.interp(math.log(max(sought, 1)), np.log(_RECALL_AT), np.log(self.chosen))
        beyond = max(sought / _RECALL_AT[-1], 1.0)
        return min(math.ceil(math.exp(probes) * beyond), self.n_lists)


class FaissIvfReader(StoreReader):
    """Lists of vectors that nothing is added to any more, in memory or in a mapped file.

    Parameters
    ----------
    index : faiss.IndexIVFScalarQuantizer
    probes : tuple of int
        See `Probes`.
    blocks : Blocks, optional
        The file that it is mapped from: block 0 is what comes before the lists, the next ones are the lists, the last
        one are the ids.
    n_arranged : int, optional
        How many vectors the centroids were found for; default all.
    """

    def __init__(
        self, index: Any, *, probes: tuple[int, ...], blocks: Blocks | None = None, n_arranged: int | None = None
    ) -> None:
        self._index = index
        # Where lists are known, FAISS shares queries out to threads in this mode alone.
        self._index.parallel_mode = _BY_QUERIES
        self._blocks = blocks
        self.n_arranged = int(index.ntotal) if n_arranged is None else n_arranged
        self._selections: KeptByArray[Selection] = KeptByArray()
        self._left_out: KeptByArray[Any] = KeptByArray()
        self.dimension = int(index.d)
        self.probes = Probes(probes, n_lists=int(index.nlist), n_vectors=int(index.ntotal))

    @property
    def index(self) -> Any:
        """FAISS's object; not to be changed, since threads may be searching it."""
        return self._index

    def search(
        self, vectors: Float32Array, *, k: int, among: Int64Array | None = None, without: Int64Array | None = None
    ) -> tuple[Float32Array, Int64Array]:
        """Find neighbours; see `StoreReader.search`."""
        vectors = np.ascontiguousarray(vectors, dtype=np.float32)
        selection = None if among is None else self._selections.get(among, self._selected)
        n_counting = len(self) if selection is None else selection.n
        if len(self) == 0 or len(vectors) == 0 or n_counting == 0:
            return nothing_found(len(vectors), k)
        if selection is not None and selection.few is not None:
            return _nearest_of_few(vectors, *selection.few, k=k, without=without)
        asked = min(k, len(self))
        n_probes = self.probes.wanted(asked, n_counting=n_counting)
        selector = self._selector(selection, without)  # named, since FAISS only points at it
        with threads_for(len(vectors)):
            nearness, lists = self._index.quantizer.search(vectors, n_probes)
            if self._blocks is not None and not self._blocks.are_all_looked_at:
                self._blocks.look_at(1 + lists.ravel())
            similarities, ids = self._neighbours(vectors, lists, nearness, k=asked, selector=selector)
        return filled_up(similarities, ids, k=k)

    def _selected(self, among: Int64Array) -> Selection:
        """Say which of the vectors that are here have one of some ids."""
        rows = np.flatnonzero(are_among(self._ids, among))
        few = (self._vectors_at(rows), self._ids[rows]) if len(rows) <= _FEW else None
        return Selection(len(rows), selector_of(among), few)

    def _selector(self, selection: Selection | None, without: Int64Array | None) -> Any:
        """Say in FAISS's words which ids count."""
        import faiss

        if without is None or len(without) == 0:
            return selection and selection.selector
        left_out = self._left_out.get(without, selector_without)
        return left_out if selection is None else faiss.IDSelectorAnd(selection.selector, left_out)

    @property
    def centroids(self) -> Float32Array:
        """What lists lie around ``[shape=(n_lists, dimension), float32]``."""
        centroids: Float32Array = self._index.quantizer.reconstruct_n(0, self.probes.n_lists)
        return centroids

    def ids(self) -> Int64Array:
        """Return the ids of all vectors, list by list; see `StoreReader.ids`."""
        return self._ids

    @functools.cached_property
    def _ids(self) -> Int64Array:
        if self._blocks is None:
            ids = np.concatenate([self._ids_in(place) for place in range(self.probes.n_lists)])
        else:
            ids = self._blocks.array(self.probes.n_lists + 1, dtype="<i8").astype(np.int64, copy=False)
        ids.setflags(write=False)
        return ids

    def __len__(self) -> int:
        """Count the vectors."""
        return self.probes.n_vectors

    def nearest_to_any(self, vectors: Float32Array) -> Float32Array:
        """Compare directly, list by list; see `StoreReader.nearest_to_any`."""
        self.look_at_all()
        if len(self) == 0:
            return np.zeros(0, dtype=np.float32)
        return np.concatenate(
            [greatest_products(self._vectors_in(place), vectors) for place in range(self.probes.n_lists)]
        )

    def look_at_all(self) -> None:
        """Compare all blocks; see `StoreReader.look_at_all`."""
        if self._blocks is not None:
            self._blocks.look_at_all()

    def _vectors_of(self, ids: Int64Array) -> Float32Array:
        places = self._places_of(ids)
        order = np.argsort(places)
        vectors = np.empty((len(ids), self.dimension), dtype=np.float32)
        vectors[order] = self._vectors_at(places[order])
        return vectors

    def _vectors_at(self, rows: Int64Array) -> Float32Array:
        """Return some vectors ``[shape=(m, dimension), float32]`` by their places in `ids`, which ascend."""
        lists = np.searchsorted(self._ends, rows, side="right")
        if self._blocks is not None:
            self._blocks.look_at(1 + lists)
        found = np.zeros((len(rows), self.dimension), dtype=np.float32)
        for place in np.unique(lists).tolist():
            there = lists == place
            codes = self._codes_in(place)[rows[there] - (self._ends[place] - self._size_of(place))]
            found[there] = codes.view("<f2")  # of these alone, not of the whole list
        return found

    @functools.cached_property
    def _ends(self) -> Int64Array:
        """Where in `ids` each list ends."""
        return np.cumsum([self._size_of(place) for place in range(self.probes.n_lists)])

    def lists(self, *, without: Int64Array) -> Iterator[tuple[Int64Array, npt.NDArray[np.uint8]]]:
        """Iterate over what lies in each list.

        Parameters
        ----------
        without : np.ndarray [shape=(m,), int64]
            These ids are left out.

        Yields
        ------
        ids : np.ndarray [shape=(n,), int64]
        codes : np.ndarray [shape=(n, code size), uint8]
            Of vectors, as FAISS keeps them.

        Raises
        ------
        DamagedStoreError
            If a bit of the file that they are mapped from has changed.
        """
        self.look_at_all()
        marks = marked(without)
        for place in range(self.probes.n_lists):
            ids, codes = self._ids_in(place), self._codes_in(place)
            stays = ~(np.isin(ids, without) if marks is None else are_marked(ids, marks))
            yield np.ascontiguousarray(ids[stays]), np.ascontiguousarray(codes[stays])

    def _neighbours(
        self, vectors: Float32Array, lists: Int64Array, nearness: Float32Array, *, k: int, selector: Any
    ) -> tuple[Float32Array, Int64Array]:
        """Have FAISS look into lists that are known already: to find these takes a fifth of a search.

        Its wrapper for Python takes no selector here, so its own function is called.
        """
        import faiss

        n, n_probes = lists.shape
        similarities, ids = np.empty((n, k), dtype=np.float32), np.empty((n, k), dtype=np.int64)
        parameters = faiss.SearchParametersIVF(nprobe=n_probes, sel=selector)  # type: ignore[call-arg]
        arrays = (vectors, lists, nearness, similarities, ids)
        asking, sought, near, *found = (faiss.swig_ptr(array) for array in arrays)
        self._index.search_preassigned_c(n, asking, k, sought, near, *found, False, parameters)
        return similarities, ids

    def _size_of(self, place: int) -> int:
        return int(self._index.invlists.list_size(place))

    def _ids_in(self, place: int) -> Int64Array:
        import faiss

        size = self._size_of(place)
        if not size:
            return np.zeros(0, dtype=np.int64)
        ids: Int64Array = faiss.rev_swig_ptr(self._index.invlists.get_ids(place), size)
        return ids

    def _vectors_in(self, place: int) -> Float32Array:
        """Return the vectors of a list ``[shape=(m, dimension), float32]``: FAISS keeps half precision as it is."""
        return self._codes_in(place).view("<f2").astype(np.float32)

    def _codes_in(self, place: int) -> npt.NDArray[np.uint8]:
        import faiss

        size, width = self._size_of(place), self._index.code_size
        if not size:
            return np.zeros((0, width), dtype=np.uint8)
        codes: npt.NDArray[np.uint8] = faiss.rev_swig_ptr(self._index.invlists.get_codes(place), size * width)
        return codes.reshape(size, width)


class FaissIvfStore(MappedStore):
    """``IVF,SQfp16`` over inner products."""

    name = "faiss-ivf"
    precision = 1e-3
    can_merge = True

    def __init__(self, dimension: int) -> None:
        super().__init__(dimension)
        # What is added waits on the disk: where the lists should lie is known once all is there.
        self._spooled = tempfile.TemporaryFile()  # noqa: SIM115  closed by build
        self._ids: list[Int64Array] = []

    def add(self, ids: Int64Array, vectors: Float32Array) -> None:
        """Take vectors; see `VectorStore.add`."""
        ids, vectors = self.checked(ids, vectors)
        self._ids.append(ids)
        self._spooled.write(vectors.astype("<f2").tobytes())

    def build(self) -> FaissIvfReader:
        """Find centroids, arrange vectors in lists, and choose how many to look at; see `VectorStore.build`."""
        ids = np.concatenate([np.zeros(0, dtype=np.int64), *self._ids])
        with self._spooled as file:
            file.flush()
            stored = _rows(file, len(ids), self.dimension)
            index = _filled(_centroids(stored), stored, ids)
            return FaissIvfReader(index, probes=_probes(index, stored))

    @classmethod
    def merged(
        cls, reader: StoreReader, *, gone: Int64Array, ids: Int64Array, vectors: Float32Array
    ) -> FaissIvfReader | None:
        """Keep centroids and lists, unless there are twice as many vectors or half; see `VectorStore.merged`."""
        import faiss

        assert isinstance(reader, FaissIvfReader)
        n = len(reader) - len(gone) + len(ids)
        if not reader.n_arranged / _APART <= n <= reader.n_arranged * _APART:
            return None
        index = _empty(reader.centroids)
        for place, (of_list, codes) in enumerate(reader.lists(without=gone)):
            index.invlists.add_entries(place, len(of_list), faiss.swig_ptr(of_list), faiss.swig_ptr(codes))
            index.ntotal += len(of_list)
        index.add_with_ids(np.ascontiguousarray(vectors), ids)
        return FaissIvfReader(index, probes=reader.probes.chosen, n_arranged=reader.n_arranged)

    @classmethod
    def write(cls, reader: StoreReader, file: BinaryIO) -> bytes:
        """Write FAISS's own serialisation, then the ids; see `MappedStore.write`."""
        import faiss

        assert isinstance(reader, FaissIvfReader)
        writing = faiss.PyCallbackIOWriter(file.write, _READ_AT_ONCE)  # type: ignore[attr-defined]
        faiss.write_index(reader.index, writing)
        del writing  # it holds back what is less than it writes at once
        end_of_lists = file.tell()
        file.write(reader.ids().astype("<i8").tobytes())
        file.flush()
        ends = np.append(_starts_of_lists(file, reader), [end_of_lists, file.tell()])
        # A list ends where the next one begins: FAISS writes them one behind the other.
        written = io.BytesIO()
        np.savez(
            written,
            ends=ends,
            checksums=checksums_of(file, ends),
            probes=np.array(reader.probes.chosen),
            n_arranged=np.array(reader.n_arranged),
        )
        return written.getvalue()

    @classmethod
    def open(cls, file: BinaryIO, known: bytes, *, dimension: int) -> FaissIvfReader:
        """Map what `write` wrote; see `MappedStore.open`."""
        try:
            with np.load(io.BytesIO(known), allow_pickle=False) as arrays:
                blocks = Blocks(file, ends=arrays["ends"], checksums=arrays["checksums"])
                probes = tuple(arrays["probes"].tolist())
                n_arranged = int(arrays["n_arranged"])
            blocks.look_at(np.zeros(1, dtype=np.int64))
            index = _mapped(file)
        except (OSError, KeyError, RuntimeError) as error:
            raise ValueError(str(error)) from error
        if index.d != dimension:
            raise ValueError(f"holds vectors of {index.d}, not {dimension}, numbers")
        return FaissIvfReader(index, probes=probes, blocks=blocks, n_arranged=n_arranged)


def _rows(file: BinaryIO, n: int, dimension: int) -> npt.NDArray[np.float16]:
    """Map vectors in half precision ``[shape=(n, dimension), float16]``."""
    if n == 0:
        return np.zeros((0, dimension), dtype=np.float16)
    return np.memmap(file, dtype="<f2", mode="r", shape=(n, dimension))


def _centroids(stored: npt.NDArray[np.float16]) -> Float32Array:
    """Cluster a sample of vectors ``[shape=(n, d)]`` by their angles, as ``[shape=(n_lists, d), float32]``.

    Spherical k-means: Dhillon, Modha, "Concept decompositions for large sparse text data using clustering", 2001.
    """
    n, dimension = stored.shape
    n_lists = max(1, min(round(_LISTS * math.sqrt(n)), n // _LEAST_IN_LIST))
    if n_lists == 1:
        return np.zeros((1, dimension), dtype=np.float32)
    random = np.random.default_rng(_SEED)
    drawn = np.sort(random.choice(n, size=min(n, _TRAINING_PER_LIST * n_lists), replace=False))
    sample = np.asarray(stored[drawn], dtype=np.float32)
    centroids: Float32Array = sample[random.choice(len(sample), n_lists, replace=False)]
    for _ in range(_ITERATIONS):
        centroids = _moved(centroids, sample, random)
    return centroids


def _moved(centroids: Float32Array, sample: Float32Array, random: np.random.Generator) -> Float32Array:
    """Move each centroid to the direction of what is nearest to it; one that nothing is nearest to, to a vector.

    FAISS's own clustering looks for the nearest in any index, too, but ends the process where that finds none.
    """
    lists = _NearestCentroid(centroids)
    sums, sizes = np.zeros_like(centroids), np.zeros(len(centroids), dtype=np.int64)
    for start in range(0, len(sample), _AT_ONCE):
        part = sample[start : start + _AT_ONCE]
        of_part = lists.of(part)
        order = np.argsort(of_part, kind="stable")
        found, firsts, counts = np.unique(of_part[order], return_index=True, return_counts=True)
        sums[found] += np.add.reduceat(part[order], firsts, axis=0)
        sizes[found] += counts
    empty = np.flatnonzero(sizes == 0)
    sums[empty] = sample[random.choice(len(sample), len(empty), replace=False)]
    return of_unit_length(sums)


class _NearestCentroid:
    """Finds the nearest of centroids; of many, most often that one, and always a near one."""

    def __init__(self, centroids: Float32Array) -> None:
        import faiss

        n, dimension = centroids.shape
        self._all: Any = faiss.IndexFlatIP(dimension)
        self._all.add(centroids)
        self._index: Any = self._all
        if n >= _GROUPED_FROM:
            centres: Any = faiss.IndexFlatIP(dimension)
            self._index = faiss.IndexIVFFlat(centres, dimension, round(math.sqrt(n)), faiss.METRIC_INNER_PRODUCT)
            self._index.cp.spherical, self._index.cp.min_points_per_centroid = True, 1
            self._index.train(centroids)
            self._index.add(centroids)
            self._index.nprobe = _GROUPS

    def of(self, vectors: Float32Array) -> Int64Array:
        """Return the number of a centroid for each vector ``[shape=(n, dimension), float32]``."""
        found: Int64Array = self._index.search(vectors, 1)[1][:, 0]
        # Where most centroids are alike, groups may be empty, also all that are nearest to a vector.
        lost = np.flatnonzero(found < 0)
        if len(lost):
            found[lost] = self._all.search(vectors[lost], 1)[1][:, 0]
        return np.ascontiguousarray(found)


def _filled(centroids: Float32Array, stored: npt.NDArray[np.float16], ids: Int64Array) -> Any:
    """Lay vectors into the lists around centroids."""
    import faiss

    lists, index = _NearestCentroid(centroids), _empty(centroids)
    for start in range(0, len(ids), _AT_ONCE):
        vectors = np.asarray(stored[start : start + _AT_ONCE], dtype=np.float32)
        own, places = np.ascontiguousarray(ids[start : start + _AT_ONCE]), lists.of(vectors)
        index.add_core(len(own), faiss.swig_ptr(vectors), faiss.swig_ptr(own), faiss.swig_ptr(places))
    return index


def _empty(centroids: Float32Array) -> Any:
    """Make lists around centroids."""
    import faiss

    dimension = centroids.shape[1]
    quantizer: Any = faiss.IndexFlatIP(dimension)
    quantizer.add(centroids)
    index = faiss.IndexIVFScalarQuantizer(
        quantizer, dimension, len(centroids), faiss.ScalarQuantizer.QT_fp16, faiss.METRIC_INNER_PRODUCT, False
    )
    quantizer.this.disown()
    index.own_fields = True
    index.is_trained = True  # centroids are there, and half precision has nothing to learn
    return index


def _probes(index: Any, stored: npt.NDArray[np.float16]) -> tuple[int, ...]:
    """Choose how many lists to look at for each number of neighbours of `_RECALL_AT`."""
    n_lists = int(index.nlist)
    if index.ntotal < _ALL_BELOW:
        return (n_lists,) * len(_RECALL_AT)
    asked = [_queries(stored, cosine) for cosine in (_NEAR, _FAR)]
    true = [_nearest(stored, queries, k=_RECALL_AT[-1]) for queries in asked]
    return tuple(
        max(_least_probes(index, queries, near[:, :k]) for queries, near in zip(asked, true, strict=True))
        for k in _RECALL_AT
    )


def _queries(stored: npt.NDArray[np.float16], cosine: float) -> Float32Array:
    """Make queries that lie at a cosine to some of the vectors.

    They lie aside of these as stored ones differ from each other: any other direction leads to where no list is, and
    towards another one to where its neighbours are.
    """
    random = np.random.default_rng(_SEED)
    drawn = (np.sort(random.choice(len(stored), _QUERIES, replace=False)) for _ in range(3))
    vectors, plus, minus = (np.asarray(stored[places], dtype=np.float32) for places in drawn)
    sideways = random.permutation(plus) - random.permutation(minus)
    sideways -= (sideways * vectors).sum(axis=1, keepdims=True) * vectors
    sideways /= np.maximum(np.linalg.norm(sideways, axis=1, keepdims=True), 1e-6)
    queries: Float32Array = (cosine * vectors + math.sqrt(1 - cosine**2) * sideways).astype(np.float32)
    return queries


def _nearest(stored: npt.NDArray[np.float16], queries: Float32Array, *, k: int) -> Float32Array:
    """Compare queries with all vectors, and return the similarities of the `k` nearest, falling."""
    best = np.full((len(queries), 0), -np.inf, dtype=np.float32)
    for start in range(0, len(stored), _AT_ONCE):
        near = queries @ np.asarray(stored[start : start + _AT_ONCE], dtype=np.float32).T
        best = np.concatenate([best, near], axis=1)
        if best.shape[1] > k:
            best = -np.partition(-best, k - 1, axis=1)[:, :k]
    return -np.sort(-best, axis=1)


def _least_probes(index: Any, queries: Float32Array, true: Float32Array) -> int:
    """Return how few lists find enough of the true neighbours, by their similarities, up to all."""
    import faiss

    k, n_lists, n_probes = true.shape[1], int(index.nlist), 4
    while n_probes < n_lists:
        found, _ = index.search(queries, k, params=faiss.SearchParametersIVF(nprobe=n_probes))  # type: ignore[call-arg]
        if (found >= true[:, -1:] - FaissIvfStore.precision / 2).mean() >= _RECALL:
            return n_probes
        n_probes = math.ceil(n_probes * 1.4)
    return n_lists


def _mapped(file: BinaryIO) -> Any:
    """Have FAISS map a file that is open, whatever its name."""
    import faiss

    index = faiss.read_index(f"/dev/fd/{file.fileno()}", faiss.IO_FLAG_MMAP | faiss.IO_FLAG_READ_ONLY)
    lists: Any = faiss.downcast_InvertedLists(index.invlists)  # type: ignore[attr-defined]
    if isinstance(lists, faiss.OnDiskInvertedLists):  # not where no vectors are
        # FAISS would start 32 threads at each search, to read ahead: that takes longer than the search.
        lists.prefetch_nthread = 0
    return index


def _starts_of_lists(file: BinaryIO, reader: FaissIvfReader) -> Int64Array:
    """Ask FAISS, which maps the file, where each list begins."""
    import faiss

    if len(reader) == 0:
        return np.full(reader.probes.n_lists, file.seek(0, io.SEEK_END), dtype=np.int64)
    index = _mapped(file)  # named, since it owns what is looked at
    lists: Any = faiss.downcast_InvertedLists(index.invlists)
    lists = lists.lists
    return np.array([lists.at(place).offset for place in range(reader.probes.n_lists)], dtype=np.int64)


def _nearest_of_few(
    vectors: Float32Array, stored: Float32Array, ids: Int64Array, *, k: int, without: Int64Array | None
) -> tuple[Float32Array, Int64Array]:
    """Compare with all of a few vectors; see `StoreReader.search`."""
    if without is not None and len(without):
        stays = ~are_among(ids, without)
        stored, ids = stored[stays], ids[stays]
    return filled_up(*nearest(vectors @ stored.T, ids, k=k), k=k)
