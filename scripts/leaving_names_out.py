"""A space as if its table of common names lacked some: what it then knows of them, it knows by what they are called."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np

from modag_search.space import NameTree, SharedClassHead
from modag_search.space.class_head import REST
from modag_search.training.class_head import common_names
from modag_search.values import MODALITIES

if TYPE_CHECKING:
    from collections.abc import Collection

    from modag_search.space import Space, TaughtNames


def names_of(imagenet: Collection[int] = (), audioset: Collection[int] = ()) -> set[str]:
    """List the common names that have one of these classes."""
    return {
        entry.name
        for entry in common_names()
        if set(imagenet) & set(entry.classes["imagenet"]) or set(audioset) & set(entry.classes["audioset"])
    }


def without_names(space: Space, left_out: Collection[str]) -> Space:
    """Take names out of a space, with the classes of which the common ones are made; their own names stay."""
    assert space.tree
    gone = np.isin(space.tree.names, list(left_out))
    kept = np.flatnonzero(~gone)
    number = np.full(len(gone) + 1, REST)  # the last is that of REST itself
    number[kept] = np.arange(len(kept))
    tree = NameTree(
        tuple(space.tree.names[place] for place in kept),
        tuple(tuple(level[place] for place in kept) for level in space.tree.levels),
        space.tree.weights,
    )
    heads = {m: _without(space.class_heads[m], gone, number) for m in MODALITIES}
    meaning = space.meaning
    if meaning:
        lost = {
            taxonomy: [n for entry in common_names() if entry.name in left_out for n in entry.classes[taxonomy]]
            for taxonomy in ("audioset", "imagenet")
        }
        of = {"sound": "audioset", "image": "imagenet"}
        classes = {
            m: replace(one, is_common=one.is_common & ~np.isin(np.arange(len(one.bias)), lost[of[m]]))
            for m, one in meaning.classes.items()
        }
        meaning = replace(meaning, classes=classes, common=meaning.common[kept])
    taught = space.taught and _not_taught(space.taught, left_out)
    return replace(space, tree=tree, class_heads=heads, meaning=meaning, taught=taught).padded_to(32)


def _not_taught(taught: TaughtNames, left_out: Collection[str]) -> TaughtNames | None:
    kept = np.flatnonzero(~np.isin(taught.names, list(left_out)))
    if not len(kept):
        return None
    names = tuple(taught.names[place] for place in kept)
    return replace(taught, names=names, meant=taught.meant[kept], learned=taught.learned[kept])


def _without(head: SharedClassHead, gone: np.ndarray, number: np.ndarray) -> SharedClassHead:
    name_of = number[head.name_of]
    if head.has_rest:
        return replace(head, name_of=name_of)
    lost = gone[head.name_of]
    return SharedClassHead(head.weight[~lost], head.bias[~lost], name_of[~lost])
