"""The linear head of an index: fitted to its labels, kept in a file, brought up to date."""

from __future__ import annotations

import math
from dataclasses import asdict, dataclass, replace
from typing import TYPE_CHECKING, Any

import numpy as np

from modag_search import tensor_files
from modag_search.classify.arithmetic.lda import (
    Discriminant,
    Examples,
    LdaSettings,
    SufficientStatistics,
    choose_settings,
    discriminant,
)
from modag_search.classify.labelled_set import spread
from modag_search.errors import ModelError, NothingFoundError
from modag_search.features.ahead import one_thread_a_product
from modag_search.files import write_atomically
from modag_search.values import MODALITIES, Float32Array, Int64Array, Modality

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

    from modag_search.classify.labelled_set import LabelledSet
    from modag_search.features.vectors import SegmentVectors
    from modag_search.space import Space

_FORMAT = "modag-head/2"
_FORMATS = {_FORMAT: True, "modag-head/1": False}
"""Known formats of files, and whether they have a checksum."""
_TOO_FEW_LABELS = "a head needs two labels at least; `modag label PATH... --as NAME` gives them"


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

    @property
    def untaught(self) -> frozenset[Modality]:
        """Modalities of which it learnt no example: what it says of them is hearsay."""
        taught = self.sums.counts.sum(axis=1) > 0.5
        return frozenset(modality for modality, has in zip(MODALITIES, taught, strict=True) if not has)

    @property
    def beside(self) -> tuple[str, ...]:
        """Labels that stand beside those which exclude each other."""
        return tuple(name for name, shapes in zip(self.names, self.sums.shaping.tolist(), strict=True) if not shapes)

    def is_taught(self, labelled: LabelledSet) -> bool:
        """Tell whether it was fitted to what a labelled set has now, or brought up to date with it."""
        names = (*self.names, *sorted(set(labelled.names) - set(self.names)))
        shaping = np.array(labelled.rivalry.leading(names), dtype=bool)[: len(self.names)]
        return np.array_equal(_taught(labelled, names), self.taught) and np.array_equal(shaping, self.sums.shaping)

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
        write_atomically(path, [self.to_bytes()], error=ModelError)

    def to_bytes(self) -> bytes:
        """Return what a file of the head holds."""
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
            "beside": self.beside,
        }
        return tensor_files.as_bytes(arrays, written=_FORMAT, described=described)

    @classmethod
    def load(cls, path: Path) -> Head:
        """Read a head.

        Raises
        ------
        ModelError
            If there is none, or it cannot be read.
        """
        try:
            file = tensor_files.read(path, formats=_FORMATS)
            described, arrays = file.described, file.tensors
            settings = {modality: _settings(described["settings"][modality]) for modality in MODALITIES}
            names, beside = _names(described["names"]), set(_names(described.get("beside", ())))
            shaping = np.array([name not in beside for name in names], dtype=bool)
            _require_fitting(arrays, n_labels=len(names))
            return cls(
                names=names,
                sums=SufficientStatistics(arrays["counts"], arrays["totals"], arrays["products"], shaping),
                settings=settings,
                taught=arrays["taught"],
                space=str(described["space"]),
                label_generation=int(described["label_generation"]),
            )
        except FileNotFoundError as error:
            raise ModelError(f"{path}: there is no head yet; `modag train head` makes one") from error
        except tensor_files.AlteredFileError as error:
            raise ModelError(f"{path}: {error}; `modag train head` makes it anew") from error
        except (OSError, ValueError, KeyError, TypeError, OverflowError) as error:
            raise ModelError(f"{path}: cannot be read ({error}); `modag train head` makes it anew") from error


def load_head(path: Path, *, space: Space) -> Head:
    """Read the head of an index.

    Parameters
    ----------
    path : Path
    space : Space
        That the index is in.

    Returns
    -------
    Head

    Raises
    ------
    ModelError
        If there is none, it cannot be read, or it was fitted in another space.
    """
    head = Head.load(path)
    if head.space != space.fingerprint or head.sums.totals.shape[2] != space.dimension:
        raise ModelError(f"{path}: was fitted in another space; `modag train head` makes it anew")
    return head


def fit_head(labelled: LabelledSet, *, space: str, seed: int = 0) -> Head:
    """Fit a head to all labelled segments, of long items to some, choosing its settings by cross-validation.

    Parameters
    ----------
    labelled : LabelledSet
    space : str
        Fingerprint of the space that its vectors are in.
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
    if len(labelled.names) < 2:
        raise NothingFoundError(_TOO_FEW_LABELS)
    taught = _taught(labelled, labelled.names)
    if labelled.n_votes == 0:
        raise NothingFoundError(_TOO_FEW_LABELS)
    if len(np.unique(taught[:, 1])) < 2:
        raise NothingFoundError("fewer than two labels have vectors; `modag index` renews what is outdated")
    examples, shaping = _examples(labelled, taught), np.array(labelled.rivalry.leading(labelled.names), dtype=bool)
    with one_thread_a_product():
        settings = choose_settings(examples, n_labels=len(labelled.names), shaping=shaping, seed=seed)
    return Head(
        names=labelled.names,
        sums=SufficientStatistics.of(examples, n_labels=len(labelled.names), shaping=shaping),
        settings=settings,
        taught=taught,
        space=space,
        label_generation=labelled.moment.label_generation,
    )


def updated_head(head: Head, labelled: LabelledSet, vectors: SegmentVectors) -> Head | None:
    """Bring a head up to date: labels that came are added, labels that went are taken off; settings stay.

    Parameters
    ----------
    head : Head
    labelled : LabelledSet
    vectors : SegmentVectors
        Tells what those examples were that have no label any more.

    Returns
    -------
    Head or None
        None where it must be fitted anew: vectors of what it was taught are gone, so that they cannot be taken off, or
        labels have come to stand beside others, or ceased to.

    Raises
    ------
    NothingFoundError
        If fewer than two labels have examples.
    """
    names = (*head.names, *sorted(set(labelled.names) - set(head.names)))
    wanted = _taught(labelled, names)
    if len(np.unique(wanted[:, 1])) < 2:
        raise NothingFoundError(_TOO_FEW_LABELS)
    shaping = np.array(labelled.rivalry.leading(names), dtype=bool)
    if (shaping[: len(head.names)] != head.sums.shaping).any():
        return None
    come, gone = _difference(wanted, head.taught), _difference(head.taught, wanted)
    removed = _former_examples(vectors, gone)
    if len(removed) < len(gone):
        return None
    sums = (
        replace(head.sums.with_labels(len(names)), shaping=shaping)
        + SufficientStatistics.of(_examples(labelled, come), n_labels=len(names), shaping=shaping)
        - SufficientStatistics.of(removed, n_labels=len(names), shaping=shaping)
    )
    return replace(head, names=names, sums=sums, taught=wanted, label_generation=labelled.moment.label_generation)


def _taught(labelled: LabelledSet, names: tuple[str, ...]) -> Int64Array:
    """Return segments with the numbers that their labels have among `names`; of the segments of a long item, some."""
    number = {name: place for place, name in enumerate(names)}
    renumbered = np.array([number[name] for name in labelled.names], dtype=np.int64)
    parts = labelled.by_modality.values()
    segments = np.concatenate([part.segments[part.rows] for part in parts])
    items = np.concatenate([part.items[part.rows] for part in parts])
    labels = renumbered[np.concatenate([part.labels for part in parts])]
    # In order of item, label, segment: each run of one item and label is thinned out on its own.
    order = np.lexsort((segments, labels, items))
    is_first = np.diff(items[order], prepend=-1).astype(bool) | np.diff(labels[order], prepend=-1).astype(bool)
    groups = np.split(order, np.flatnonzero(is_first)[1:])
    chosen = np.concatenate([spread(group) for group in groups])
    pairs = np.stack([segments[chosen], labels[chosen]], axis=1)
    ordered: Int64Array = pairs[np.lexsort((pairs[:, 1], pairs[:, 0]))]
    return ordered


def _examples(labelled: LabelledSet, taught: Int64Array) -> Examples:
    """Look up labelled segments, in order of `taught`."""
    parts = []
    for source, part in enumerate(labelled.by_modality[modality] for modality in MODALITIES):
        # Labelled vectors stand in order of labels; by way of their ids' order each is found by bisection.
        by_id = np.argsort(part.segments)
        own = taught[np.isin(taught[:, 0], part.segments)]
        places = by_id[np.searchsorted(part.segments, own[:, 0], sorter=by_id)]
        parts.append(_as_examples(part.vectors[places], own, source, groups=part.contents[places]))
    return _together(parts)


def _former_examples(vectors: SegmentVectors, taught: Int64Array) -> Examples:
    """Look up segments that had labels; those that are gone are left out."""
    parts = []
    for source, modality in enumerate(MODALITIES):
        ids, found = vectors.of(modality, taught[:, 0].tolist())
        own = taught[np.isin(taught[:, 0], ids)]
        parts.append(_as_examples(found[np.searchsorted(ids, own[:, 0])], own, source, groups=own[:, 0]))
    return _together(parts)


def _as_examples(vectors: Float32Array, taught: Int64Array, source: int, *, groups: Int64Array) -> Examples:
    return Examples(vectors, taught[:, 1], np.full(len(taught), source), groups, taught[:, 0])


def _together(parts: Sequence[Examples]) -> Examples:
    """Put examples of both modalities together, in order of segments and labels."""
    fields = ("vectors", "labels", "sources", "groups", "queries")
    joined = Examples(*(np.concatenate([getattr(part, name) for part in parts]) for name in fields))
    return joined.only(np.lexsort((joined.labels, joined.queries)))


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
    known = {name: None if value is None else float(value) for name, value in stored.items() if name != "independent"}
    slope, offset = map(float, stored["independent"])
    settings = LdaSettings(**known, multilabel=(slope, offset))  # type: ignore[arg-type]
    shares = (settings.shrinkage, settings.own_share, settings.own_covariance)
    if not all(0 <= share <= 1 for share in shares) or not 0 < settings.temperature < math.inf:
        raise ValueError("its settings are out of range")
    if not all(map(math.isfinite, (slope, offset))):
        raise ValueError("its settings are not finite")
    return settings


def _names(stored: object) -> tuple[str, ...]:
    if not isinstance(stored, list) or not all(isinstance(name, str) for name in stored):
        raise ValueError("its labels are not a list of names")
    if len(set(stored)) < len(stored):
        raise ValueError("it has a label twice")
    return tuple(stored)


def _require_fitting(arrays: Mapping[str, np.ndarray], *, n_labels: int) -> None:
    """Raise ValueError unless the arrays of a file are those of a head with so many labels."""
    counts, totals, products, taught = (arrays[name] for name in ("counts", "totals", "products", "taught"))
    if any(array.dtype != np.float64 for array in (counts, totals, products)) or taught.dtype != np.int64:
        raise ValueError("it holds numbers of other kinds than it should")
    d = totals.shape[-1] if totals.ndim else 0
    shapes = [(2, n_labels), (2, n_labels, d), (2, d, d), (len(taught) if taught.ndim else 0, 2)]
    if n_labels == 0 or d == 0 or [array.shape for array in (counts, totals, products, taught)] != shapes:
        raise ValueError("it has arrays that do not fit each other")
    if not all(np.isfinite(array).all() for array in (counts, totals, products)):
        raise ValueError("it holds values that are not finite")
    if not all(0 <= label < n_labels for label in (taught[:, 1].min(initial=0), taught[:, 1].max(initial=0))):
        raise ValueError("it was taught labels that it does not have")
