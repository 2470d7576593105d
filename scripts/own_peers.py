"""What is ours, behind the same calls as what it is compared with: a store alone, and an index with its catalog."""

from __future__ import annotations

import zlib
from pathlib import Path
from typing import TYPE_CHECKING

import material as given
import numpy as np
import scale
from peers import Peer

import modag_search as modag
from modag_search.catalog import Annotation, Catalog
from modag_search.features.encoding import MediaEncoder
from modag_search.index.places import STORES_FOLDER
from modag_search.search.store_sync import StoreSync
from modag_search.stores import LayeredReader, StampedReader, StoreFile, StoreKinds, StoreStamp
from modag_search.values import MODALITIES, EncodedItem, EncodedSegment, MediaFacts, ScannedFile

if TYPE_CHECKING:
    from modag_search.values import Float32Array, Int64Array, Modality

_NOW = StoreStamp(space="compared", pipeline="compared", generation=1, token="compared")  # noqa: S106  of a state
_LATER = StoreStamp(space="compared", pipeline="compared", generation=2, token="compared")  # noqa: S106
_NONE = np.zeros(0, dtype=np.int64)


class OwnStore(Peer):
    """Our store alone, of the kind that suits so many vectors, in its mapped file."""

    keeps_metadata = False
    packages = ("faiss-cpu",)
    settings = "as it is: IVF of 4 x the root of N lists, fp16, mapped; as many lists as find 99 of 100"

    def insert(self) -> None:
        kind = StoreKinds("auto").for_size(self.material.n)
        builder = kind(self.material.dimension)
        for ids, vectors in self.material.batches():
            builder.add(ids, vectors)
        self._file().write(StampedReader(reader=LayeredReader(builder.build()), stamp=_NOW, built=_NOW, kind=kind))

    def _file(self) -> StoreFile:
        kind = StoreKinds("auto").for_size(self.material.n)
        return StoreFile(self.folder / "store", kind=kind, dimension=self.material.dimension)

    def open(self, *, writing: bool = False) -> None:
        there = self._file().read()
        assert there is not None
        self._there = there
        self._reader = there.reader

    def ask(self, place: int, k: int, where: str | None = None) -> list[int]:
        among = None if where is None else self.material.with_label(where)
        found = self._reader.search(self.material.asking[place : place + 1], k=k, among=among)[1]
        return found[0].tolist()  # type: ignore[no-any-return]

    def add(self, number: int, place: int) -> None:
        vectors = self.material.asking[place : place + 1]
        self._reader = self._reader.followed(removed=_NONE, ids=np.array([number]), vectors=vectors)

    def delete(self, numbers: Int64Array) -> None:
        nothing = np.zeros((0, self.material.dimension), dtype=np.float32)
        self._reader = self._reader.followed(removed=numbers, ids=_NONE, vectors=nothing)

    def save(self) -> None:
        changed = StampedReader(reader=self._reader, stamp=_LATER, built=_NOW, kind=self._there.kind)
        self._file().write(changed, on_disk=self._there)


class OwnIndex(Peer):
    """An index: catalog, labels, features, and the stores made of these; asked by ``id:N`` of items that it holds."""

    packages = ("faiss-cpu", "sqlalchemy")
    settings = "as it is; features are stored, too, and vectors made of them; labels are tags"

    def insert(self) -> None:
        settings = modag.IndexSettings()
        encoder = MediaEncoder(settings)
        self.folder.mkdir(exist_ok=True)
        settings.save(self.folder)
        with Catalog.open(self.folder / "catalog.sqlite", create=True) as catalog:
            pipelines = {modality: catalog.pipelines.ensure(encoder.pipelines[modality]) for modality in MODALITIES}
            for ids, features in given.features(self.material.seeds, self.material.n):
                made = [given.Made(number) for number in ids.tolist()]
                items = [_item(one, "sound", row[None]) for one, row in zip(made, features, strict=True)]
                catalog.put(items, pipelines=pipelines)
                at = catalog.items.at_many(item.file.path for item in items)
                labelled = [one for one in made if one.label in scale.SHARES]
                told = [Annotation(item_id=at[one.path].id, label=one.label, origin="hand") for one in labelled]
                catalog.labels.annotate(told, tags=scale.SHARES)
            asking = enumerate(given.asking_features(self.material.seeds))
            catalog.put([_asking_item(place, *one) for place, one in asking], pipelines=pipelines)
        with modag.Index.open(self.folder) as index:
            index.rebuild()

    def open(self, *, writing: bool = False) -> None:
        self._index = modag.Index.open(self.folder)
        catalog = self._index.catalog
        paths = [_asking_path(place) for place in range(len(self.material.asking))]
        at = catalog.items.at_many(paths)
        self._asking = [at[path].id for path in paths]
        if writing:
            encoder = MediaEncoder(self._index.settings)
            self._features = given.asking_features(self.material.seeds)
            self._pipelines = {
                modality: catalog.pipelines.ensure(encoder.pipelines[modality]) for modality in MODALITIES
            }
            self._stores = StoreSync(
                self.folder / STORES_FOLDER,
                catalog=catalog,
                space=self._index.space,
                fingerprints=encoder.fingerprints,
                store=self._index.settings.store,
            )

    def ask(self, place: int, k: int, where: str | None = None) -> list[int]:
        hits = self._index.search(f"id:{self._asking[place]}", modality="sound", n=k, label=where)
        return [self._number(hit.path) for hit in hits]

    def _number(self, path: str) -> int:
        number = int(Path(path).stem)
        return self.material.n + number if "/asking/" in path else number

    def add(self, number: int, place: int) -> None:
        item = _item(given.Made(number), *self._features[place])
        self._index.catalog.put([item], pipelines=self._pipelines)

    def delete(self, numbers: Int64Array) -> None:
        self._index.forget([given.Made(number).path for number in numbers.tolist()])

    def save(self) -> None:
        self._stores.save()


def _item(made: given.Made, modality: Modality, features: Float32Array) -> EncodedItem:
    return _encoded(made.path, 1000 + made.id, modality, features, duration_s=made.duration_s)


def _asking_path(place: int) -> str:
    return f"/made/asking/{place:09d}.asking"


def _asking_item(place: int, modality: Modality, features: Float32Array) -> EncodedItem:
    return _encoded(_asking_path(place), 1 + place, modality, features, duration_s=None)


def _encoded(
    path: str, size: int, modality: Modality, features: Float32Array, *, duration_s: float | None
) -> EncodedItem:
    start_s, end_s = (0.0, 10.0) if modality == "sound" else (None, None)
    segment = EncodedSegment(modality=modality, start_s=start_s, end_s=end_s, status="ok", feature=features[0])
    return EncodedItem(
        file=ScannedFile(path, size, 0),
        content_hash=f"{zlib.crc32(path.encode()):032x}",
        facts=MediaFacts(kind=modality, duration_s=duration_s),
        segments=(segment,),
    )
