"""An index of made-up items, with sizes and lengths as media have them and with duplicates among them; no files."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np

import modag_search as modag
from modag_search.catalog import Catalog
from modag_search.features.encoding import MediaEncoder
from modag_search.media.windows import window_bounds
from modag_search.values import MODALITIES, EncodedItem, EncodedSegment, MediaFacts, ScannedFile

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator
    from pathlib import Path

    from modag_search.values import Float32Array, Modality

SIZES_PX = ((4032, 3024), (3024, 4032), (4000, 2250), (2048, 1365), (1365, 2048), (1920, 1080), (1024, 768), (800, 800))
N_KINDS = 20
ITEMS_AT_ONCE = 1000
COPY_ENDING = " copy"
COPY_NOISE = 0.1
"""Of the features of a copy, as a share: its cosine to what it is a copy of is 0.995 or so, 0.96 of square roots."""


def make_index(folder: Path, *, n: int, share_copied: float = 0.01, is_uniform: bool = False) -> int:
    """Make an index of pictures and sounds, half of each, with features near those of their kinds.

    What an item adds to its kind has no direction of its own: features of real media, which lie in few directions, are
    told apart with less.

    Parameters
    ----------
    folder : Path
    n : int
        Items, copies among them.
    share_copied : float
        Of the items, how many have a copy: a little shorter or smaller, of another content.
    is_uniform : bool
        Whether all pictures have one size and all sounds last between 4 and 4.4 s.

    Returns
    -------
    int
        How many copies there are.
    """
    settings = modag.IndexSettings()
    encoder = MediaEncoder(settings)
    folder.mkdir()
    settings.save(folder)
    random = np.random.default_rng(0)
    n_copies = 0
    with Catalog.open(folder / "catalog.sqlite", create=True) as catalog:
        pipelines = {m: catalog.pipelines.ensure(encoder.pipelines[m]) for m in MODALITIES}
        for modality in MODALITIES:
            centres = random.standard_normal((N_KINDS, encoder.pipelines[modality].dimension)).astype(np.float32)
            made = _items(modality, centres, n=n // 2, share_copied=share_copied, is_uniform=is_uniform, random=random)
            batch: list[EncodedItem] = []
            for item in made:
                n_copies += item.file.path.endswith(COPY_ENDING)
                batch.append(item)
                if len(batch) == ITEMS_AT_ONCE:
                    catalog.put(batch, pipelines=pipelines)
                    batch = []
            catalog.put(batch, pipelines=pipelines)
    return n_copies


def count_copies(paths: Iterable[str]) -> int:
    """Count the copies that are among some items together with what they are copies of."""
    together = set(paths)
    return sum(f"{path}{COPY_ENDING}" in together for path in together)


def _items(
    modality: Modality,
    centres: Float32Array,
    *,
    n: int,
    share_copied: float,
    is_uniform: bool,
    random: np.random.Generator,
) -> Iterator[EncodedItem]:
    """Make items; a copy follows on what it is a copy of."""
    number = 0
    while number < n:
        facts = _facts(modality, is_uniform=is_uniform, random=random)
        item = _item(f"/made/{modality}-{number:06d}", facts, centres[number % len(centres)], random=random)
        yield item
        number += 1
        if random.random() < share_copied and number < n:
            yield _copy(item, random=random)
            number += 1


def _facts(modality: Modality, *, is_uniform: bool, random: np.random.Generator) -> MediaFacts:
    """Draw the size of a picture, the length of a sound: a few seconds, seldom minutes."""
    if modality == "image":
        width_px, height_px = SIZES_PX[0 if is_uniform else random.integers(len(SIZES_PX))]
        return MediaFacts(kind="image", width_px=width_px, height_px=height_px)
    duration_s = random.uniform(4.0, 4.4) if is_uniform else float(np.exp(random.normal(np.log(5), 1)).clip(0.2, 600))
    return MediaFacts(kind="sound", duration_s=duration_s)


def _item(path: str, facts: MediaFacts, centre: Float32Array, *, random: np.random.Generator) -> EncodedItem:
    """Make an item of as many segments as one of its length has; those of one sound are alike."""
    feature = centre + random.standard_normal(len(centre), dtype=np.float32)
    windows: list[tuple[float | None, float | None]] = [(None, None)]
    if facts.duration_s is not None:
        bounds_ms = window_bounds(round(1000 * facts.duration_s), window=10_000, hop=5_000)
        windows = [(start / 1000, end / 1000) for start, end in bounds_ms]
    segments = tuple(
        EncodedSegment(
            modality="image" if facts.kind == "image" else "sound",
            start_s=start_s,
            end_s=end_s,
            status="ok",
            feature=feature + 0.3 * random.standard_normal(len(centre), dtype=np.float32),
        )
        for start_s, end_s in windows
    )
    size_bytes = int(100_000 * (facts.duration_s or random.uniform(5, 50)))
    return EncodedItem(file=ScannedFile(path, size_bytes, 0), content_hash=path, facts=facts, segments=segments)


def _copy(item: EncodedItem, *, random: np.random.Generator) -> EncodedItem:
    """Make a smaller file of the same picture or sound, at half the size or a moment shorter."""
    facts, path = item.facts, f"{item.file.path}{COPY_ENDING}"
    if facts.kind == "image":
        facts = replace(facts, width_px=(facts.width_px or 0) // 2, height_px=(facts.height_px or 0) // 2)
    else:
        facts = replace(facts, duration_s=(facts.duration_s or 0.0) * 0.99)
    segments = tuple(replace(segment, feature=_again(segment.feature, random=random)) for segment in item.segments)
    file = ScannedFile(path, item.file.size_bytes // 2, 0)
    return EncodedItem(file=file, content_hash=path, facts=facts, segments=segments)


def _again(feature: Float32Array | None, *, random: np.random.Generator) -> Float32Array:
    assert feature is not None
    noise = random.standard_normal(len(feature), dtype=np.float32)
    again: Float32Array = feature + COPY_NOISE * noise * np.linalg.norm(feature) / np.sqrt(len(feature))
    return again
