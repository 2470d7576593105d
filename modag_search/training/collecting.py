"""From media files, or from an index, to the features that a space is trained on."""

from __future__ import annotations

import os
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from modag_search.errors import MediaError, UsageError
from modag_search.features.ahead import decoding_threads
from modag_search.features.files import as_stored
from modag_search.training.moments import moments_of
from modag_search.training.space import Examples
from modag_search.values import MODALITIES, Float32Array, Modality

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence

    from modag_search.catalog import Catalog
    from modag_search.features.encoding import MediaEncoder
    from modag_search.features.stored import Segments, StoredFeatures
    from modag_search.training.manifest import ManifestEntry

    OnFailure = Callable[[MediaError], None]


@dataclass(frozen=True, slots=True, eq=False)
class Collected:
    """Examples of both modalities.

    Attributes
    ----------
    examples : dict of modality to Examples
    entries : dict of modality to np.ndarray [shape=(n,), int64]
        For each example, the number of the file that it comes from: of the first manifest entry that names it.
    groups : list of str
        Names of the groups, by number.
    failures : list of MediaError
        Files that could not be used; they are left out.
    pairs : frozenset of int
        Groups that are pairs, or moments of videos, and no labels.
    """

    examples: dict[Modality, Examples]
    entries: dict[Modality, np.ndarray]
    groups: list[str]
    failures: list[MediaError]
    pairs: frozenset[int] = frozenset()

    @property
    def n_files(self) -> int:
        """How many files gave examples."""
        return len(np.unique(np.concatenate(list(self.entries.values()))))


class _Rows:
    """Examples as they come in, by modality: feature, number of the file, group."""

    def __init__(self, on_failure: OnFailure | None) -> None:
        self._rows: dict[Modality, list[tuple[Float32Array, int, str]]] = {modality: [] for modality in MODALITIES}
        self._pairs: set[str] = set()
        self._on_failure = on_failure
        self._failures: list[MediaError] = []

    def fail(self, path: str, reason: str) -> None:
        failure = MediaError(path, reason)
        self._failures.append(failure)
        if self._on_failure:
            self._on_failure(failure)

    def add(self, modality: Modality, feature: Float32Array, *, file: int, group: str, is_pair: bool = False) -> None:
        self._rows[modality].append((feature, file, group))
        if is_pair:
            self._pairs.add(group)

    def add_entry(self, entry: ManifestEntry, segments: Segments, *, file: int, where: str) -> None:
        if entry.kind == "moments":
            self.add_moments(entry.path, segments, file=file, where=where)
            return
        for segment in segments:
            if segment.feature is not None:
                is_pair = entry.kind == "pair"
                self.add(segment.modality, segment.feature, file=file, group=entry.group, is_pair=is_pair)

    def add_moments(self, path: str, segments: Segments, *, file: int, where: str = "") -> None:
        try:
            for group, features in moments_of(path, segments):
                for modality, feature in features:
                    self.add(modality, feature, file=file, group=group, is_pair=True)
        except MediaError as error:
            self.fail(error.path, error.reason + where)

    def collected(self, groups: Iterable[str] = (), *, source: str) -> Collected:
        """Make arrays of the rows; the groups named, and those met, are numbered in order of name."""
        for modality in MODALITIES:
            if not self._rows[modality]:
                cause = f"; {self._failures[0]}" if self._failures else "; a space needs both"
                raise UsageError(f"{source} holds no {modality} that can be read{cause}")
        names = sorted({*groups, *(group for rows in self._rows.values() for _, _, group in rows)})
        number = {name: i for i, name in enumerate(names)}
        examples, entries = {}, {}
        for modality, rows in self._rows.items():
            features, files, members = zip(*rows, strict=True)
            group_numbers = np.array([number[group] for group in members], dtype=np.int64)
            examples[modality] = Examples(np.stack(features), group_numbers)
            entries[modality] = np.array(files, dtype=np.int64)
        pairs = frozenset(number[name] for name in self._pairs)
        return Collected(examples, entries, names, self._failures, pairs)


def collect(
    manifest: Sequence[ManifestEntry],
    encoder: MediaEncoder,
    *,
    stored: StoredFeatures | None = None,
    workers: int | None = None,
    progress: Callable[[int], None] | None = None,
    on_failure: OnFailure | None = None,
    name: str = "the manifest",
) -> Collected:
    """Decode and encode the files of a manifest.

    Parameters
    ----------
    manifest : sequence of ManifestEntry
    encoder : MediaEncoder
    stored : StoredFeatures, optional
        Files whose content it has are neither decoded nor encoded.
    workers : int, optional
        Default one a processor.
    progress : callable, optional
        Called with the number of files done.
    on_failure : callable, optional
        Called with each file that cannot be used.
    name : str
        What messages call the manifest.

    Returns
    -------
    Collected

    Raises
    ------
    UsageError
        If a modality has no example.
    """
    of_path: dict[str, list[ManifestEntry]] = {}
    for entry in manifest:
        of_path.setdefault(entry.path, []).append(entry)
    first = {path: number for number, path in reversed(list(enumerate(entry.path for entry in manifest)))}
    rows = _Rows(on_failure)
    encoded = _encoded(list(of_path), encoder, stored=stored, workers=workers)
    for done, (path, outcome) in enumerate(encoded, start=1):
        where = f" (line {of_path[path][0].line} of {name})" if of_path[path][0].line else ""
        if isinstance(outcome, MediaError):
            rows.fail(outcome.path, outcome.reason + where)
        else:
            for entry in of_path[path]:
                rows.add_entry(entry, outcome, file=first[path], where=where)
        if progress:
            progress(done)
    return rows.collected((entry.group for entry in manifest if entry.kind != "moments"), source=name)


def _encoded(
    paths: Sequence[str], encoder: MediaEncoder, *, stored: StoredFeatures | None, workers: int | None
) -> Iterator[tuple[str, Segments | MediaError]]:
    """Yield the segments of each file, in order, or why it has none."""

    def encoded(path: str) -> Segments | MediaError:
        if path in known:
            return known[path]
        try:
            return encoder.encode_file(path)[1]
        except MediaError as error:
            return error

    with decoding_threads(workers or os.cpu_count() or 1) as (pool, _):
        known: Mapping[str, Segments] = stored.unchanged(paths, pool) if stored else {}
        if len(known) < len(paths):
            for modality in MODALITIES:
                encoder.warm(modality)
        for path, outcome in zip(paths, pool.map(encoded, paths), strict=True):
            yield path, outcome if isinstance(outcome, MediaError) else as_stored(outcome, encoder)


def collect_labelled(
    catalog: Catalog,
    stored: StoredFeatures,
    *,
    videos: bool = False,
    on_failure: OnFailure | None = None,
    name: str = "the index",
) -> Collected:
    """Take the examples of the labelled items of an index from its features; transferred labels teach nothing.

    Parameters
    ----------
    catalog : Catalog
    stored : StoredFeatures
        Of the same catalog.
    videos : bool
        Take every video, labelled or not, for pairs of the frames and the sound of each of its moments.
    on_failure : callable, optional
        Called with each item that cannot be used.
    name : str
        What messages call the index.

    Returns
    -------
    Collected

    Raises
    ------
    UsageError
        If it holds no label, or no example of a modality.
    """
    rows = _Rows(on_failure)
    clips = {item.id: item.path for item in catalog.items.all(kind="video")} if videos else {}
    labelled = [row for row in zip(*catalog.labels.labelled_segments(given=True), strict=True) if row[1] not in clips]
    if not labelled and not clips:
        way_out = "" if videos else ", or learn from the moments of its videos by --videos"
        raise UsageError(f"{name}: holds no labels; give some by `modag label PATH... --as NAME`{way_out}")
    used = sorted({int(item_id) for _, item_id, _ in labelled} | clips.keys())
    outdated = stored.outdated(used)
    for item in catalog.items.get_many(outdated).values():
        rows.fail(item.path, "another version of an encoder made its features; `modag index` on it renews them")
    number = {item_id: i for i, item_id in enumerate(used)}
    segments = stored.by_id({int(segment_id) for segment_id, item_id, _ in labelled if item_id not in outdated})
    for segment_id, item_id, label in labelled:
        if (segment := segments.get(int(segment_id))) and segment.feature is not None:
            rows.add(segment.modality, segment.feature, file=number[int(item_id)], group=label)
    for item_id, moments in stored.segments_of(clips.keys() - outdated).items():
        rows.add_moments(clips[item_id], moments, file=number[item_id])
    return rows.collected(source=f"what is labelled in {name}")
