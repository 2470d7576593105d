"""What people use where we use an index, each behind the same few calls, as its documentation recommends for a million.

What keeps metadata gives path, label and duration with each answer; what keeps vectors alone is told by its user which
ids have a label.
"""

from __future__ import annotations

import os
import sqlite3
from abc import ABC, abstractmethod
from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np
from material import FILTERS, Made

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from pathlib import Path

    from material import Material

    from modag_search.values import Float32Array, Int64Array

_SPARE = 10_000
_FEW = 0.02
"""Of all, those that are compared one by one rather than looked for in a graph."""


class Peer(ABC):
    """One that is compared.

    Parameters
    ----------
    folder : Path
        Its own; empty before `insert`.
    material : Material

    Attributes
    ----------
    effort : int
        One of `efforts`; how much a query looks at, in the peer's own measure.
    """

    keeps_metadata: ClassVar[bool] = True
    packages: ClassVar[tuple[str, ...]]
    settings: ClassVar[str]
    efforts: ClassVar[tuple[int, ...]] = (0,)

    def __init__(self, folder: Path, material: Material) -> None:
        self.folder = folder
        self.material = material
        self.effort = self.efforts[0]

    @abstractmethod
    def insert(self) -> None:
        """Take all vectors, until they can be searched and lie on the disk."""

    @abstractmethod
    def open(self, *, writing: bool = False) -> None:
        """Open what `insert` wrote."""

    @abstractmethod
    def ask(self, place: int, k: int, where: str | None = None) -> list[int]:
        """Return the ids that are nearest to a query, among those with a label."""

    @abstractmethod
    def add(self, number: int, place: int) -> None:
        """Take one more: the vector of a query, under the next id."""

    @abstractmethod
    def delete(self, numbers: Int64Array) -> None:
        """Take vectors away."""

    def save(self) -> None:  # noqa: B027  most write as they go
        """Write what has changed since."""


class FaissIvf(Peer):
    """FAISS alone, with the lists of our own store."""

    keeps_metadata = False
    packages = ("faiss-cpu",)
    settings = "IVF of 4 x the root of N lists, fp16; trained with 48 vectors a list; read into memory"
    efforts: ClassVar[tuple[int, ...]] = (4, 8, 16, 32, 64, 128, 256, 512)

    def _made(self) -> Any:
        import faiss

        n_lists = round(4 * self.material.n**0.5)
        index: Any = faiss.index_factory(self.material.dimension, f"IVF{n_lists},SQfp16", faiss.METRIC_INNER_PRODUCT)
        index.cp.niter, index.cp.max_points_per_centroid, index.cp.spherical = 8, 48, True
        random = np.random.default_rng(0)
        share = min(1.0, 48 * n_lists / self.material.n)
        index.train(np.concatenate([some[random.random(len(some)) < share] for _, some in self.material.batches()]))
        return index

    def insert(self) -> None:
        self.index = self._made()
        for ids, vectors in self.material.batches():
            self.index.add_with_ids(vectors, ids)
        self.save()

    def open(self, *, writing: bool = False) -> None:
        import faiss

        self.index = faiss.read_index(str(self.folder / "index.faiss"))
        self._selectors: dict[str | None, Any] = {None: None}

    def ask(self, place: int, k: int, where: str | None = None) -> list[int]:
        import faiss

        if where not in self._selectors:
            self._selectors[where] = faiss.IDSelectorBatch(self.material.with_label(str(where)))
        found: Int64Array = self.index.search(
            self.material.asking[place : place + 1], k, params=self._parameters(self._selectors[where])
        )[1]
        return found[0].tolist()  # type: ignore[no-any-return]

    def _parameters(self, selector: Any) -> Any:
        import faiss

        return faiss.SearchParametersIVF(nprobe=self.effort, sel=selector)  # type: ignore[call-arg]

    def add(self, number: int, place: int) -> None:
        self.index.add_with_ids(self.material.asking[place : place + 1], np.array([number]))

    def delete(self, numbers: Int64Array) -> None:
        import faiss

        self.index.remove_ids(faiss.IDSelectorBatch(numbers))

    def save(self) -> None:
        import faiss

        faiss.write_index(self.index, str(self.folder / "index.faiss"))


class FaissFlat(FaissIvf):
    """FAISS alone, that compares all."""

    settings = "IDMap2,Flat; exact"
    efforts: ClassVar[tuple[int, ...]] = (0,)

    def _made(self) -> Any:
        import faiss

        return faiss.index_factory(self.material.dimension, "IDMap2,Flat", faiss.METRIC_INNER_PRODUCT)

    def _parameters(self, selector: Any) -> Any:
        import faiss

        return None if selector is None else faiss.SearchParameters(sel=selector)  # type: ignore[call-arg]


class Hnswlib(Peer):
    """A graph of vectors, in memory."""

    keeps_metadata = False
    packages = ("hnswlib",)
    settings = "M 16, ef_construction 200, float32; up to 2 % with a label are compared one by one, more by its filter"
    efforts = (16, 32, 64, 128, 256, 512, 1024)

    def insert(self) -> None:
        self.index = self._empty()
        self.index.init_index(max_elements=self.material.n, ef_construction=200, M=16)
        for ids, vectors in self.material.batches():
            self.index.add_items(vectors, ids)
        self.save()

    def _empty(self) -> Any:
        import hnswlib

        return hnswlib.Index(space="ip", dim=self.material.dimension)

    def open(self, *, writing: bool = False) -> None:
        self.index = self._empty()
        self.index.load_index(str(self.folder / "index.hnsw"), max_elements=self.material.n + _SPARE)
        self._passes = {label: bytearray(self.material.n + _SPARE) for label in FILTERS}
        for label, passes in self._passes.items():
            np.frombuffer(passes, dtype=np.uint8)[self.material.with_label(label)] = True

    def ask(self, place: int, k: int, where: str | None = None) -> list[int]:
        query = self.material.asking[place]
        self.index.set_ef(max(self.effort, k))
        passing = None
        if where is not None:
            ids = self.material.with_label(where)
            if len(ids) <= _FEW * self.material.n:
                return nearest_of(query, ids, np.array(self.index.get_items(ids)), k=k)
            passing = self._passes[where].__getitem__
        found: Int64Array = self.index.knn_query(query, k=k, num_threads=1, filter=passing)[0]
        return found[0].tolist()  # type: ignore[no-any-return]

    def add(self, number: int, place: int) -> None:
        self.index.add_items(self.material.asking[place], [number])

    def delete(self, numbers: Int64Array) -> None:
        for number in numbers.tolist():
            self.index.mark_deleted(number)

    def save(self) -> None:
        self.index.save_index(str(self.folder / "index.hnsw"))


class UsearchSqlite(Peer):
    """A graph of vectors in a mapped file, and a table of SQLite beside it."""

    packages = ("usearch",)
    settings = (
        "connectivity 16, expansion_add 128, float16, mapped; metadata in SQLite with an index over labels; up to 2 % "
        "with a label are compared one by one, of more so many are looked for that enough have it"
    )
    efforts = (16, 32, 64, 128, 256, 512, 1024)

    def insert(self) -> None:
        self.index = self._empty()
        self._connect()
        self.table.execute("CREATE TABLE item (id INTEGER PRIMARY KEY, path TEXT, label TEXT, duration_s REAL)")
        for ids, vectors in self.material.batches():
            self.index.add(ids, vectors)
            self._put(ids.tolist())
        self.table.execute("CREATE INDEX item_label ON item (label)")
        self.table.commit()
        self.save()

    def _put(self, numbers: Sequence[int]) -> None:
        rows = [Made(number).columns for number in numbers]
        self.table.executemany("INSERT INTO item VALUES (:id, :path, :label, :duration_s)", rows)

    def _empty(self) -> Any:
        from usearch.index import Index

        return Index(
            ndim=self.material.dimension, metric="ip", dtype="f16", connectivity=16, expansion_add=128, multi=False
        )

    def _connect(self) -> None:
        self.table = sqlite3.connect(self.folder / "items.sqlite")

    def open(self, *, writing: bool = False) -> None:
        self.index = self._empty()
        (self.index.load if writing else self.index.view)(str(self.folder / "index.usearch"))
        self._connect()
        counts = "SELECT label, count(*) FROM item GROUP BY label"
        self._counts: dict[str, int] = dict(self.table.execute(counts).fetchall())

    def ask(self, place: int, k: int, where: str | None = None) -> list[int]:
        query = self.material.asking[place]
        self.index.expansion_search = self.effort
        if where is None:
            ids: list[int] = self.index.search(query, k).keys.tolist()
            return self._passing(ids, None)
        if self._counts[where] <= _FEW * self.material.n:
            named = self.table.execute("SELECT id FROM item WHERE label = ?", (where,)).fetchall()
            few = np.array(named, dtype=np.uint64).ravel()
            near = nearest_of(query, few.astype(np.int64), np.asarray(self.index.get(few), dtype=np.float32), k=k)
            return self._passing(near, None)
        asked = round(1.5 * k * self.material.n / self._counts[where])
        while True:
            passing = self._passing(self.index.search(query, asked).keys.tolist(), where)
            if len(passing) >= k:
                return passing[:k]
            asked *= 2

    def _passing(self, ids: list[int], where: str | None) -> list[int]:
        """Look up metadata, and keep those with a label, in their order."""
        marks = ",".join("?" * len(ids))
        rows = self.table.execute(f"SELECT id, path, label, duration_s FROM item WHERE id IN ({marks})", ids)  # noqa: S608
        labels = {row[0]: row[2] for row in rows}
        return [one for one in ids if where is None or labels[one] == where]

    def add(self, number: int, place: int) -> None:
        self.index.add(number, self.material.asking[place])
        self._put([number])
        self.table.commit()

    def delete(self, numbers: Int64Array) -> None:
        self.index.remove(numbers)
        self.table.executemany("DELETE FROM item WHERE id = ?", numbers[:, None].tolist())
        self.table.commit()

    def save(self) -> None:
        self.index.save(str(self.folder / "index.usearch"))


class LanceHnsw(Peer):
    """LanceDB with a graph over quantised vectors."""

    packages = ("lancedb",)
    settings = (
        "IVF_HNSW_SQ of one partition, m 20, ef_construction 300, refine_factor 3, dot; bitmap index over labels, "
        "B-tree over ids; prefilter"
    )
    efforts = (40, 80, 160, 320, 640, 1280)

    def insert(self) -> None:
        import lancedb
        import pyarrow

        schema = pyarrow.schema(
            [
                pyarrow.field("id", pyarrow.int64()),
                pyarrow.field("path", pyarrow.string()),
                pyarrow.field("label", pyarrow.string()),
                pyarrow.field("duration_s", pyarrow.float64()),
                pyarrow.field("vector", pyarrow.list_(pyarrow.float32(), self.material.dimension)),
            ]
        )

        def batches() -> Iterator[Any]:
            for ids, vectors in self.material.batches():
                rows = [Made(number).columns for number in ids.tolist()]
                columns = [pyarrow.array([row[name] for row in rows]) for name in schema.names[:-1]]
                flat = pyarrow.array(vectors.ravel())
                lists = pyarrow.FixedSizeListArray.from_arrays(flat, self.material.dimension)
                yield pyarrow.record_batch([*columns, lists], schema=schema)

        reader = pyarrow.RecordBatchReader.from_batches(schema, batches())
        self.table = lancedb.connect(str(self.folder)).create_table("items", data=reader)
        self.table.create_index("vector", config=self._index())
        self.table.create_index("label", config=lancedb.index.Bitmap())
        self.table.create_index("id", config=lancedb.index.BTree())

    def _index(self) -> Any:
        from lancedb.index import HnswSq

        return HnswSq(distance_type="dot", num_partitions=1, m=20, ef_construction=300)

    def open(self, *, writing: bool = False) -> None:
        import lancedb

        self.table = lancedb.connect(str(self.folder)).open_table("items")

    def ask(self, place: int, k: int, where: str | None = None) -> list[int]:
        query = self._tuned(self.table.search(self.material.asking[place]).distance_type("dot").limit(k))
        if where is not None:
            query = query.where(f"label = '{where}'", prefilter=True)
        rows = query.select(["id", "path", "label", "duration_s", "_distance"]).to_arrow()
        return rows["id"].to_pylist()  # type: ignore[no-any-return]

    def _tuned(self, query: Any) -> Any:
        return query.ef(self.effort).refine_factor(3)

    def add(self, number: int, place: int) -> None:
        self.table.add([{**Made(number).columns, "vector": self.material.asking[place]}])

    def delete(self, numbers: Int64Array) -> None:
        self.table.delete(f"id IN ({','.join(map(str, numbers.tolist()))})")


class LancePq(LanceHnsw):
    """LanceDB with lists of product codes, which it recommends where one filters."""

    settings = (
        "IVF_PQ of N / 4096 partitions, a code for 8 numbers, refine_factor 20, dot; bitmap index over labels, "
        "B-tree over ids; prefilter"
    )
    efforts = (5, 10, 20, 40, 80, 160)

    def _index(self) -> Any:
        from lancedb.index import IvfPq

        n_partitions = max(1, self.material.n // 4096)
        n_codes = self.material.dimension // 8
        return IvfPq(distance_type="dot", num_partitions=n_partitions, num_sub_vectors=n_codes)

    def _tuned(self, query: Any) -> Any:
        return query.nprobes(self.effort).refine_factor(20)


class Chroma(Peer):
    """Chroma in this process, with its files."""

    packages = ("chromadb",)
    settings = "HNSW, max_neighbors 16, ef_construction 200, ip; written every 50,000 vectors (sync_threshold)"
    efforts = (100, 200, 400)

    def _client(self) -> Any:
        import chromadb

        return chromadb.PersistentClient(str(self.folder), settings=chromadb.Settings(anonymized_telemetry=False))

    def insert(self) -> None:
        hnsw = {"space": "ip", "ef_construction": 200, "max_neighbors": 16, "ef_search": self.effort}
        client = self._client()
        self.items = client.create_collection(
            "items",
            configuration={"hnsw": {**hnsw, "batch_size": 5000, "sync_threshold": 50_000}},
            embedding_function=None,
        )
        for ids, vectors in self.material.batches(at_once=client.get_max_batch_size()):
            rows = [Made(number).columns for number in ids.tolist()]
            self.items.add(ids=[str(row["id"]) for row in rows], embeddings=vectors, metadatas=rows)

    def open(self, *, writing: bool = False) -> None:
        self.items = self._client().get_collection("items", embedding_function=None)
        self._opened_with = self.effort

    def ask(self, place: int, k: int, where: str | None = None) -> list[int]:
        if self._opened_with != self.effort:
            self.items.modify(configuration={"hnsw": {"ef_search": self.effort}})
            self._opened_with = self.effort
        found = self.items.query(
            query_embeddings=self.material.asking[place : place + 1],
            n_results=k,
            where=None if where is None else {"label": where},
            include=["metadatas", "distances"],
        )
        return [row["id"] for row in found["metadatas"][0]]

    def add(self, number: int, place: int) -> None:
        vector = self.material.asking[place : place + 1]
        self.items.add(ids=[str(number)], embeddings=vector, metadatas=[Made(number).columns])

    def delete(self, numbers: Int64Array) -> None:
        at_once = self._client().get_max_batch_size()
        for start in range(0, len(numbers), at_once):
            self.items.delete(ids=[str(number) for number in numbers[start : start + at_once].tolist()])


class SqliteVec(Peer):
    """Vectors and metadata in one table of SQLite; all are compared."""

    packages = ("sqlite-vec", "apsw")
    settings = "vec0, float32, cosine, label a metadata column, path and duration auxiliary ones; exact; through apsw"

    def _connect(self) -> None:
        import apsw
        import sqlite_vec

        # Python's own sqlite3 is often built without extensions, so apsw, which has them.
        self.table = apsw.Connection(str(self.folder / "items.sqlite"))
        self.table.enable_load_extension(True)
        self.table.load_extension(sqlite_vec.loadable_path())

    def insert(self) -> None:
        self._connect()
        self.table.execute(
            "CREATE VIRTUAL TABLE item USING vec0(id INTEGER PRIMARY KEY, "
            f"embedding FLOAT[{self.material.dimension}] distance_metric=cosine, label TEXT, "
            "+path TEXT, +duration_s FLOAT)"
        )
        with self.table:
            for ids, vectors in self.material.batches():
                self._put(ids.tolist(), vectors)

    def _put(self, numbers: Sequence[int], vectors: Float32Array) -> None:
        rows = [{**Made(one).columns, "vector": row.tobytes()} for one, row in zip(numbers, vectors, strict=True)]
        columns = "id, embedding, label, path, duration_s"
        values = ":id, :vector, :label, :path, :duration_s"
        self.table.executemany(f"INSERT INTO item ({columns}) VALUES ({values})", rows)  # noqa: S608

    def open(self, *, writing: bool = False) -> None:
        self._connect()

    def ask(self, place: int, k: int, where: str | None = None) -> list[int]:
        query = "SELECT id, path, label, duration_s, distance FROM item WHERE embedding MATCH ? AND k = ?"
        query += "" if where is None else " AND label = ?"
        given = [self.material.asking[place].tobytes(), k, *([] if where is None else [where])]
        return [row[0] for row in self.table.execute(query, given)]

    def add(self, number: int, place: int) -> None:
        self._put([number], self.material.asking[place : place + 1])

    def delete(self, numbers: Int64Array) -> None:
        with self.table:
            self.table.executemany("DELETE FROM item WHERE id = ?", numbers[:, None].tolist())


class Txtai(Peer):
    """txtai with FAISS and SQLite, as it comes; vectors from outside."""

    packages = ("txtai", "faiss-cpu")
    settings = (
        "FAISS IVF of its own choice, float32, trained on a fifth; content in SQLite; of what is filtered, so many "
        "candidates that 20 have the label"
    )
    efforts = (4, 8, 16, 32, 64, 128, 256, 512)
    _asked: ClassVar[Material]

    def __init__(self, folder: Path, material: Material) -> None:
        super().__init__(folder, material)
        Txtai._asked = material
        os.environ["ALLOW_RESOLVE_TRANSFORM"] = "1"

    def insert(self) -> None:
        from txtai import Embeddings

        settings = {"method": "external", "transform": "peers.vectors_for_txtai", "content": True, "backend": "faiss"}
        self.items = Embeddings({**settings, "faiss": {"sample": 0.2}})
        rows = (Made(number).columns for number in range(self.material.n))
        self.items.index((row["id"], {**row, "text": str(row["id"])}, None) for row in rows)
        self.save()

    def open(self, *, writing: bool = False) -> None:
        from txtai import Embeddings

        self.items = Embeddings()
        self.items.load(str(self.folder / "items"))

    def ask(self, place: int, k: int, where: str | None = None) -> list[int]:
        self.items.ann.config["faiss"] = {**self.items.ann.config["faiss"], "nprobe": self.effort}
        similar, condition = f"similar('asking {place}')", ""
        if where is not None:
            share = len(self.material.with_label(where)) / self.material.n
            candidates = min(round(2 * k / share), self.material.n)
            similar, condition = f"similar('asking {place}', {candidates})", f" AND label = '{where}'"
        columns = "id, path, label, duration_s, score"
        rows = self.items.search(f"SELECT {columns} FROM txtai WHERE {similar}{condition}", limit=k)  # noqa: S608
        return [int(row["id"]) for row in rows]

    def add(self, number: int, place: int) -> None:
        self.items.upsert([(number, {**Made(number).columns, "text": f"asking {place}"}, None)])

    def delete(self, numbers: Int64Array) -> None:
        self.items.delete(numbers.tolist())

    def save(self) -> None:
        self.items.save(str(self.folder / "items"))


def vectors_for_txtai(texts: Sequence[str]) -> Float32Array:
    """Return the vectors of numbers, or of queries, that are named: what an encoder would make of texts."""
    material = Txtai._asked  # noqa: SLF001  txtai knows a function by its name alone
    return np.stack(
        [
            material.asking[int(text.removeprefix("asking "))]
            if text.startswith("asking ")
            else material.vectors(int(text), 1)[0]
            for text in texts
        ]
    )


def nearest_of(query: Float32Array, ids: Int64Array, vectors: Float32Array, *, k: int) -> list[int]:
    """Compare a query with some vectors one by one, and return the ids of the nearest."""
    order = np.argsort(-(vectors @ query))[:k]
    return ids[order].tolist()  # type: ignore[no-any-return]
