"""The linear head of an index: fitted to its labels, kept in a file, brought up to date."""

from __future__ import annotations

import json
import logging
from dataclasses import asdict, dataclass, replace
from typing import TYPE_CHECKING, Any

import numpy as np
from safetensors import SafetensorError
from safetensors.numpy import load, save

from modag_search.classify.arithmetic.lda import (
    Discriminant,
    Examples,
    LdaSettings,
    SufficientStatistics,
    choose_settings,
    discriminant,
)
from modag_search.classify.labelled_set import contents, given_labels, spread
from modag_search.errors import ModelError, NothingFoundError
from modag_search.files import write_atomically
from modag_search.values import MODALITIES, Int64Array, Modality

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from modag_search.catalog import Catalog
    from modag_search.features.vectors import SegmentVectors

logger = logging.getLogger(__name__)

_FORMAT = "modag-head/1"


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Head:
    """A fitted head, and what it was fitted to.

    Attributes
    ----------
    names : tuple of str
        The labels, by number; some may have no examples any more.
    sums : SufficientStatistics
    settings : Mapping of modality to LdaSettings
    taught : np.ndarray [shape=(n, 2), int64]
        Segment and label of each example, ascending.
    space : str
        Fingerprint of the space that the vectors are in.
    label_generation : int
        Of the catalog, when it was fitted or brought up to date.
    """

    names: tuple[str, ...]
    sums: SufficientStatistics
    settings: Mapping[Modality, LdaSettings]
    taught: Int64Array
    space: str
    label_generation: int

    def discriminants(self) -> dict[Modality, Discriminant]:
        """Return the linear functions for queries of each modality."""
        return {modality: discriminant(self.sums, modality, self.settings[modality]) for modality in MODALITIES}

    def card(self) -> dict[str, Any]:
        """Describe the head, in JSON values."""
        examples = {modality: int(count.sum()) for modality, count in zip(MODALITIES, self.sums.counts, strict=True)}
        return {
            "labels": int((self.sums.counts.sum(axis=0) > 0.5).sum()),
            "examples": examples,
            "label_generation": self.label_generation,
            "settings": {modality: _as_stored(settings) for modality, settings in self.settings.items()},
        }

    def save(self, path: Path) -> None:
        """Write the head, so that a crash leaves the former one or this one."""
        arrays = {
            "counts": self.sums.counts,
            "totals": self.sums.totals,
            "products": self.sums.products,
            "taught": self.taught,
        }
        described = {
            "names": self.names,
            "settings": {modality: _as_stored(settings) for modality, settings in self.settings.items()},
            "space": self.space,
            "label_generation": self.label_generation,
        }
        contiguous = {name: np.ascontiguousarray(array) for name, array in arrays.items()}
        write_atomically(path, [save(contiguous, {_FORMAT: json.dumps(described)})], error=ModelError)

    @classmethod
    def load(cls, path: Path) -> Head:
        """Read a head.

        Raises
        ------
        ModelError
            If there is none, or it cannot be read.
        """
        try:
            content = path.read_bytes()
            arrays = load(content)
            length = int.from_bytes(content[:8], "little")
            described = json.loads(json.loads(content[8 : 8 + length])["__metadata__"][_FORMAT])
            settings = {modality: _settings(described["settings"][modality]) for modality in MODALITIES}
            return cls(
                names=tuple(described["names"]),
                sums=SufficientStatistics(arrays["counts"], arrays["totals"], arrays["products"]),
                settings=settings,
                taught=arrays["taught"],
                space=described["space"],
                label_generation=described["label_generation"],
            )
        except FileNotFoundError as error:
            raise ModelError(f"{path}: there is no head yet; `modag train head` makes one") from error
        except (OSError, SafetensorError, ValueError, KeyError, TypeError) as error:
            raise ModelError(f"{path}: cannot be read ({error}); `modag train head` makes it anew") from error


def fit_head(catalog: Catalog, vectors: SegmentVectors, *, space: str, seed: int = 0) -> Head:
    """Fit a head to all labelled segments, choosing its settings by cross-validation.

    Parameters
    ----------
    catalog : Catalog
    vectors : SegmentVectors
    space : str
        Fingerprint of the space.
    seed : int
        Deals the folds.

    Returns
    -------
    Head

    Raises
    ------
    NothingFoundError
        If fewer than two labels have examples.
    """
    generation = catalog.label_generation
    names, taught = _taught(catalog, ())
    if len(names) < 2:
        raise NothingFoundError("a head needs two labels at least; `modag label PATH... --as NAME` gives them")
    found = _examples(catalog, vectors, taught)
    if len(np.unique(found.examples.labels)) < 2:
        raise NothingFoundError("fewer than two labels have vectors; `modag index` renews what is outdated")
    return Head(
        names=names,
        sums=SufficientStatistics.of(found.examples, n_labels=len(names)),
        settings=choose_settings(found.examples, n_labels=len(names), seed=seed),
        taught=found.taught,
        space=space,
        label_generation=generation,
    )


def updated_head(head: Head, catalog: Catalog, vectors: SegmentVectors) -> Head | None:
    """Bring a head up to date: labels that came are added, labels that went are taken off; settings stay.

    Returns
    -------
    Head or None
        None where the vectors of what it was taught are gone, so that they cannot be taken off: it must be fitted anew.
    """
    generation = catalog.label_generation
    names, wanted = _taught(catalog, head.names)
    if len(np.unique(wanted[:, 1])) < 2:
        raise NothingFoundError("a head needs two labels at least; `modag label PATH... --as NAME` gives them")
    come, gone = _difference(wanted, head.taught), _difference(head.taught, wanted)
    added, removed = _examples(catalog, vectors, come), _examples(catalog, vectors, gone)
    if len(removed.taught) < len(gone):
        return None
    sums = head.sums.with_labels(len(names))
    sums = (
        sums
        + SufficientStatistics.of(added.examples, n_labels=len(names))
        - SufficientStatistics.of(removed.examples, n_labels=len(names))
    )
    kept = _difference(head.taught, gone)
    taught = np.array(sorted([*kept.tolist(), *added.taught.tolist()]), dtype=np.int64).reshape(-1, 2)
    return replace(head, names=names, sums=sums, taught=taught, label_generation=generation)


@dataclass(frozen=True, slots=True, eq=False)
class _Found:
    """Examples that have vectors, and the segments and labels that they are."""

    examples: Examples
    taught: Int64Array


def _taught(catalog: Catalog, names: tuple[str, ...]) -> tuple[tuple[str, ...], Int64Array]:
    """Return all labels, those given first, and the segments that have them; of long items, some."""
    labels_of, item_of = given_labels(catalog, catalog.hierarchy.get())
    all_names = (*names, *sorted(set().union(*labels_of.values()) - set(names)))
    number = {name: place for place, name in enumerate(all_names)}
    of_item: dict[tuple[int, int], list[int]] = {}
    for segment, labels in labels_of.items():
        for label in labels:
            of_item.setdefault((item_of[segment], number[label]), []).append(segment)
    pairs = [(segment, label) for (_, label), own in of_item.items() for segment in spread(np.array(own)).tolist()]
    return all_names, np.array(sorted(pairs), dtype=np.int64).reshape(-1, 2)


def _examples(catalog: Catalog, vectors: SegmentVectors, taught: Int64Array) -> _Found:
    """Look up the vectors of examples; what has none is left out."""
    segments = catalog.segments.get_many(taught[:, 0].tolist())
    content_of = contents(catalog, {segment.item_id for segment in segments.values()})
    parts, kept = [], []
    for source, modality in enumerate(MODALITIES):
        ids, found = vectors.of(modality, taught[:, 0].tolist())
        there = np.isin(taught[:, 0], ids[np.isin(ids, list(segments))])
        own = taught[there]
        kept.append(own)
        parts.append(
            Examples(
                found[np.searchsorted(ids, own[:, 0])],
                own[:, 1],
                np.full(len(own), source, dtype=np.int64),
                np.array([content_of.get(segments[one].item_id, -1) for one in own[:, 0].tolist()], dtype=np.int64),
                own[:, 0],
            )
        )
    fields = ("vectors", "labels", "sources", "groups", "queries")
    joined = Examples(*(np.concatenate([getattr(part, name) for part in parts]) for name in fields))
    taught = np.concatenate(kept)
    order = np.lexsort((taught[:, 1], taught[:, 0]))
    return _Found(joined.only(order), taught[order])


def _difference(these: Int64Array, those: Int64Array) -> Int64Array:
    """Return the rows of one array that another lacks, ascending."""
    lacking = {tuple(row) for row in these.tolist()} - {tuple(row) for row in those.tolist()}
    return np.array(sorted(lacking), dtype=np.int64).reshape(-1, 2)


def _as_stored(settings: LdaSettings) -> dict[str, Any]:
    """Describe settings in JSON values, by the names that files of the first format have."""
    described = asdict(settings)
    described["independent"] = described.pop("multilabel")
    return described


def _settings(stored: Mapping[str, Any]) -> LdaSettings:
    known = dict(stored)
    slope, offset = known.pop("independent")
    return LdaSettings(**known, multilabel=(slope, offset))
