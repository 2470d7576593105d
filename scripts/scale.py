"""Indexes of any size, filled with what features of the train sources are like, to measure what size costs."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import sources

import modag_search as modag
from modag_search.catalog import Annotation, Catalog
from modag_search.features.encoding import MediaEncoder
from modag_search.values import MODALITIES, EncodedItem, EncodedSegment, MediaFacts, ScannedFile

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

    from modag_search.training.manifest import ManifestEntry
    from modag_search.values import Float32Array, Modality

SHARES = {"half": 0.5, "hundredth": 0.01, "rare": 0.0001}
"""How many of all items lie in a folder, and have a tag, of that name; the folders do not overlap, nor do the tags."""
_PARTS = 10_000
_SEEDS_A_CLASS = 60
_AWAY, _ASIDE = 0.3, 0.5
_WINDOW_S, _HOP_S = 10.0, 5.0
_SIZES_PX = (
    (4032, 3024),
    (3024, 4032),
    (4000, 2250),
    (2048, 1365),
    (1365, 2048),
    (1920, 1080),
    (1024, 768),
    (800, 800),
)
_AT_ONCE = 5_000
_RECORDINGS_AT_ONCE = 20
_PASSAGE = 24
"""Windows after which something else is heard in a recording: two minutes."""
_BETWEEN_WINDOWS = 0.2
"""Of how two real sounds differ, how two windows of a passage do."""


@dataclass(frozen=True, slots=True)
class Seeds:
    """Features of real media, and what they show.

    Attributes
    ----------
    features : np.ndarray [shape=(n, d), float32]
    labels : tuple of str
    """

    features: Float32Array
    labels: tuple[str, ...]

    def drawn(self, n: int, random: np.random.Generator) -> tuple[Float32Array, list[str]]:
        """Draw features around real ones, and their labels.

        Each is a real one, moved towards another and aside as two others differ: so they gather where real ones do,
        and differ as real ones differ.
        """
        start, other, plus, minus = random.integers(len(self.features), size=(4, n))
        away, aside = random.uniform(0, (_AWAY, _ASIDE), size=(n, 2)).T.astype(np.float32)[:, :, None]
        real = self.features
        made = real[start] + away * (real[other] - real[start]) + aside * (real[plus] - real[minus])
        return made, [self.labels[place] for place in start]


def seeds(data: Path, kept: Path) -> dict[Modality, Seeds]:
    """Return features of the train sources under `data`, which are encoded once and kept in a folder."""
    folder = kept / "seeds"
    with modag.Index.open(folder, create=True) as index:
        entries = few_of_each_class(sources.entries(data, sources.train_sources()))
        index.add([entry.path for entry in entries])
        labels = {os.path.abspath(entry.path): entry.group for entry in entries}
        shows = {item.id: labels[item.path] for item in index.catalog.items.all()}
        return {modality: _seeds(index, modality, shows) for modality in MODALITIES}


def _seeds(index: modag.Index, modality: Modality, shows: Mapping[int, str]) -> Seeds:
    stored = index.catalog.segments
    parts = list(stored.features(MediaEncoder(index.settings).fingerprints[modality]))
    owners = stored.owners(np.concatenate([ids for ids, _ in parts]))
    return Seeds(np.concatenate([features for _, features in parts]), tuple(shows[owner] for owner in owners.tolist()))


def few_of_each_class(entries: list[ManifestEntry]) -> list[ManifestEntry]:
    """Keep so many files of each class of each source."""
    by_class: dict[tuple[str, str], list[ManifestEntry]] = {}
    for entry in entries:
        by_class.setdefault((sources.source_of(entry), entry.group), []).append(entry)
    return [entry for of_class in by_class.values() for entry in of_class[:_SEEDS_A_CLASS]]


def make_index(
    folder: Path,
    drawn_from: Mapping[Modality, Seeds],
    *,
    n: int,
    labelled: int = 0,
    segments: int = 1,
    is_tagged: bool = True,
    after: int = 0,
) -> None:
    """Make an index of `n` segments, half of them of pictures, half of sounds; its stores are not saved.

    Parameters
    ----------
    folder : Path
    drawn_from : mapping of modality to Seeds
    n : int
    labelled : int
        So many items, at most half of them, have the label of what they were drawn from, given by hand.
    segments : int
        Of each sound.
    is_tagged : bool
        Whether `SHARES` of items have tags; they lie in folders in any case.
    after : int
        How many segments there are already: the index goes on from there.
    """
    _fill(folder, _items(drawn_from, n=n, segments=segments, after=after), labelled=labelled, is_tagged=is_tagged)


def make_recordings(
    folder: Path, drawn_from: Mapping[Modality, Seeds], *, n: int, windows: int, labelled: int = 0
) -> None:
    """Make an index of `n` long recordings and as many pictures; its stores are not saved.

    What is heard in a recording changes now and then, and is slightly different in each window.

    Parameters
    ----------
    folder : Path
    drawn_from : mapping of modality to Seeds
    n : int
    windows : int
        Of each recording.
    labelled : int
        So many items, at most half of them, have the label of what they were drawn from, given by hand.
    """
    _fill(folder, _recordings(drawn_from, n=n, windows=windows), labelled=labelled, is_tagged=True)


def _fill(
    folder: Path, batches: Iterable[tuple[list[EncodedItem], list[str]]], *, labelled: int, is_tagged: bool
) -> None:
    """Put items into the catalog of an index, with labels and tags."""
    settings = modag.IndexSettings()
    encoder = MediaEncoder(settings)
    folder.mkdir(exist_ok=True)
    settings.save(folder)
    with Catalog.open(folder / "catalog.sqlite", create=True) as catalog:
        pipelines = {modality: catalog.pipelines.ensure(encoder.pipelines[modality]) for modality in MODALITIES}
        n_labelled = 0
        for items, labels in batches:
            catalog.put(items, pipelines=pipelines)
            at = catalog.items.at_many(item.file.path for item in items)
            told = []
            for item, label in zip(items, labels, strict=True):
                item_id, part = at[item.file.path].id, Path(item.file.path).parents[1].name
                if is_tagged and part in SHARES:
                    told.append(Annotation(item_id=item_id, label=part, origin="hand"))
                if n_labelled < labelled and int(item.content_hash, 16) % 2:
                    n_labelled += 1
                    told.append(Annotation(item_id=item_id, label=label, origin="hand"))
            if told:
                catalog.labels.annotate(told, tags=SHARES if is_tagged else ())


def _items(
    drawn_from: Mapping[Modality, Seeds], *, n: int, segments: int, after: int
) -> Iterator[tuple[list[EncodedItem], list[str]]]:
    """Iterate over batches of items, and the labels of what they were drawn from."""
    for start in range(after, after + n, _AT_ONCE):
        random = np.random.default_rng(start)
        stop = min(start + _AT_ONCE, after + n)
        middle = (start + stop) // 2
        pictures, pictured = drawn_from["image"].drawn(middle - start, random)
        sounds, sounding = drawn_from["sound"].drawn(stop - middle, random)
        items = [_item(start + i, "image", pictures[i : i + 1]) for i in range(len(pictures))]
        starts = range(0, len(sounds), segments)
        items += [_item(middle + i, "sound", sounds[i : i + segments]) for i in starts]
        order = random.permutation(len(items))
        labels = [*pictured, *(sounding[i] for i in starts)]
        yield [items[i] for i in order], [labels[i] for i in order]


def _recordings(
    drawn_from: Mapping[Modality, Seeds], *, n: int, windows: int
) -> Iterator[tuple[list[EncodedItem], list[str]]]:
    """Iterate over batches of recordings and pictures, and the labels of what they were drawn from."""
    for start in range(0, n, _RECORDINGS_AT_ONCE):
        random = np.random.default_rng(start)
        several = range(start, min(start + _RECORDINGS_AT_ONCE, n))
        pictures, labels = drawn_from["image"].drawn(len(several), random)
        items = [_item(number, "image", pictures[i : i + 1]) for i, number in enumerate(several)]
        for number in several:
            heard, sounding = drawn_from["sound"].drawn(-(-windows // _PASSAGE), random)
            real = drawn_from["sound"].features
            plus, minus = random.integers(len(real), size=(2, windows))
            features = np.repeat(heard, _PASSAGE, axis=0)[:windows] + _BETWEEN_WINDOWS * (real[plus] - real[minus])
            items.append(_item(n + number, "sound", features))
            labels.append(sounding[0])
        yield items, labels


def _item(number: int, modality: Modality, features: Float32Array) -> EncodedItem:
    is_sound = modality == "sound"
    width_px, height_px = (None, None) if is_sound else _SIZES_PX[number % len(_SIZES_PX)]
    spans = [(_HOP_S * i, _HOP_S * i + _WINDOW_S) if is_sound else (None, None) for i in range(len(features))]
    return EncodedItem(
        file=ScannedFile(f"/made/{folder_of(number)}/{number % 997:03d}/{number:09d}.{modality}", 1000 + number, 0),
        content_hash=f"{number:032x}",
        facts=MediaFacts(kind=modality, duration_s=spans[-1][1], width_px=width_px, height_px=height_px),
        segments=tuple(
            EncodedSegment(modality=modality, start_s=start, end_s=end, status="ok", feature=feature)
            for (start, end), feature in zip(spans, features, strict=True)
        ),
    )


def folder_of(number: int) -> str:
    """Say in which folder an item lies, the same share of any run of items."""
    place = number * 7919 % _PARTS  # 7919 is a prime, so that each place comes once in so many
    for folder, share in sorted(SHARES.items(), key=lambda one: one[1]):
        if place < share * _PARTS:
            return folder
        place -= round(share * _PARTS)
    return "rest"
