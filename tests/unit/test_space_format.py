"""The recipe of indexes/README.md, followed to the letter, gives the vectors that are searched."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
from safetensors import safe_open

from modag_search.space import Space, packaged_spaces
from modag_search.values import MODALITIES

if TYPE_CHECKING:
    from modag_search.values import Modality


def by_recipe(tensors: dict[str, np.ndarray], metadata: dict[str, Any], modality: str, f: np.ndarray) -> np.ndarray:
    def tensor(name: str) -> np.ndarray:
        return tensors[f"{modality}.{name}"].astype(np.float64)

    hidden = tensor("weight_in") @ f + tensor("bias_in")
    v = tensor("weight_out") @ np.where(hidden > 0, hidden, np.exp(np.minimum(hidden, 0)) - 1) + tensor("bias_out")
    knowledge = metadata["knowledge"]
    parts = [np.sqrt(1 - knowledge["share"]) * v / np.linalg.norm(v)]
    logits = tensor("knowledge.weight") @ f + tensor("knowledge.bias")
    p = np.exp(logits - logits.max())
    p /= p.sum()
    name_of = tensors[f"{modality}.knowledge.name_of"]
    of_name = np.array([p[name_of == number].sum() for number in range(len(knowledge["names"]))])
    numbers = np.arange(len(of_name))
    both = np.logical_and.reduce([np.isin(numbers, tensors[f"{m}.knowledge.name_of"]) for m in ("image", "sound")])
    for kind in set(knowledge["levels"][0]):
        of_kind = np.array([one == kind for one in knowledge["levels"][0]])
        if (of_kind & both).any():
            whole = of_name[of_kind].sum()
            of_name[of_kind & ~both] = 0
            of_name[of_kind & both] *= whole / of_name[of_kind & both].sum()
    for level, weight in zip([knowledge["names"], *knowledge["levels"]], knowledge["weights"], strict=True):
        words = sorted(set(level)) if level is not knowledge["names"] else level
        sums = [of_name[[word == one for one in level]].sum() for word in words]
        parts.append(np.sqrt(knowledge["share"] * weight) * np.sqrt(sums))
    with_rest = [m for m in ("image", "sound") if (tensors[f"{m}.knowledge.name_of"] == -1).any()]
    rest = p[name_of == -1].sum()
    parts.append(np.sqrt(knowledge["share"]) * np.array([np.sqrt(rest) if m == modality else 0 for m in with_rest]))
    return np.concatenate([*parts, np.zeros(metadata.get("padding", 0))])


@pytest.mark.parametrize("modality", MODALITIES)
def test_the_recipe_gives_the_vectors(modality: Modality) -> None:
    path = packaged_spaces()["default"]
    with safe_open(path, framework="numpy") as file:
        metadata = json.loads(file.metadata()["modag-space/3"])
        tensors = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118  not a mapping
    space = Space.load(path)
    features = np.random.default_rng(5).gamma(0.5, 1.0, (3, space.branches[modality].takes)).astype(np.float32)
    expected = np.stack([by_recipe(tensors, metadata, modality, feature) for feature in features])
    np.testing.assert_allclose(space.project(modality, features), expected, atol=2e-4)
