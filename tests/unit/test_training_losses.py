"""Losses against slow loops that follow the formulas, and what a branch becomes when it is folded."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import numpy as np
import pytest
import torch

from modag_search.training.losses import LOSSES, hinge, infonce, supervised_contrastive
from modag_search.training.networks import BranchNetwork

if TYPE_CHECKING:
    from collections.abc import Sequence

Rows = list[list[float]]
TEMPERATURE = 0.1


def units(n: int, seed: int, *, d: int = 6) -> torch.Tensor:
    drawn = torch.randn(n, d, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)
    return torch.nn.functional.normalize(drawn, dim=1)


def similarity(first: Sequence[float], second: Sequence[float]) -> float:
    return sum(a * b for a, b in zip(first, second, strict=True))


def slow_hinge(sounds: Rows, images: Rows, sound_groups: list[int], image_groups: list[int]) -> float:
    violations = []
    for sound, own in zip(sounds, sound_groups, strict=True):
        for positive, same in zip(images, image_groups, strict=True):
            for negative, other in zip(images, image_groups, strict=True):
                if same == own and other != own:
                    violations.append(max(0.0, 1.0 + similarity(sound, negative) - similarity(sound, positive)))
    return sum(violations) / max(len(violations), 1)


def slow_contrast(
    queries: Rows, keys: Rows, query_groups: list[int], key_groups: list[int], *, itself: bool = True
) -> float:
    losses = []
    for i, (query, own) in enumerate(zip(queries, query_groups, strict=True)):
        counted = [j for j in range(len(keys)) if itself or j != i]
        total = sum(math.exp(similarity(query, keys[j]) / TEMPERATURE) for j in counted)
        partners = [j for j in counted if key_groups[j] == own]
        shares = [math.log(math.exp(similarity(query, keys[j]) / TEMPERATURE) / total) for j in partners]
        if shares:
            losses.append(-sum(shares) / len(shares))
    return sum(losses) / len(losses) if losses else 0.0


def slow_infonce(sounds: Rows, images: Rows, sound_groups: list[int], image_groups: list[int]) -> float:
    there = slow_contrast(sounds, images, sound_groups, image_groups)
    back = slow_contrast(images, sounds, image_groups, sound_groups)
    return (there + back) / 2


def slow_supcon(sounds: Rows, images: Rows, sound_groups: list[int], image_groups: list[int]) -> float:
    across = 2 * slow_infonce(sounds, images, sound_groups, image_groups)
    within = slow_contrast(sounds, sounds, sound_groups, sound_groups, itself=False)
    within += slow_contrast(images, images, image_groups, image_groups, itself=False)
    return across + within / 2


SLOW = {"hinge": slow_hinge, "infonce": slow_infonce, "supcon": slow_supcon}
GROUPS = [
    ([0, 0, 1, 2, 2, 2], [0, 1, 1, 2]),
    ([0, 1, 2], [2, 1, 0]),
    ([0, 0, 0], [0, 0]),  # nothing that does not belong together
    ([0, 1, 5], [0, 1, 1, 7]),  # some without a partner
    ([0], [1]),  # none with a partner
]


@pytest.mark.parametrize(("sound_groups", "image_groups"), GROUPS)
@pytest.mark.parametrize("name", LOSSES)
def test_a_loss_is_what_a_slow_loop_computes(name: str, sound_groups: list[int], image_groups: list[int]) -> None:
    sounds, images = units(len(sound_groups), 1), units(len(image_groups), 2)
    loss = LOSSES[name](sounds, images, torch.tensor(sound_groups), torch.tensor(image_groups))
    expected = SLOW[name](sounds.tolist(), images.tolist(), sound_groups, image_groups)
    assert loss.shape == ()
    assert float(loss) == pytest.approx(expected, abs=1e-9)


@pytest.mark.parametrize("name", LOSSES)
def test_gradients_are_finite_and_lead_downhill(name: str) -> None:
    sounds, images = units(6, 3).requires_grad_(), units(5, 4).requires_grad_()
    groups = torch.tensor([0, 0, 1, 2, 9, 2]), torch.tensor([0, 1, 2, 2, 8])
    loss = LOSSES[name](sounds, images, *groups)
    gradients = torch.autograd.grad(loss, [sounds, images])
    assert all(bool(torch.isfinite(gradient).all()) for gradient in gradients)
    with torch.no_grad():
        lower = LOSSES[name](sounds - 1e-3 * gradients[0], images - 1e-3 * gradients[1], *groups)
    assert float(lower) < float(loss.detach())


def test_the_hinge_takes_any_margin() -> None:
    sounds, images = units(6, 5), units(6, 6)
    groups = torch.tensor([0, 0, 1, 2, 2, 3])
    violations = [
        max(
            0.0,
            0.2
            + similarity(sounds[i].tolist(), images[k].tolist())
            - similarity(sounds[i].tolist(), images[j].tolist()),
        )
        for i in range(6)
        for j in range(6)
        for k in range(6)
        if groups[i] == groups[j] != groups[k]
    ]
    loss = hinge(sounds, images, groups, groups, margin=0.2)
    assert float(loss) == pytest.approx(sum(violations) / len(violations), abs=1e-9)


@pytest.mark.parametrize("name", LOSSES)
def test_a_batch_of_a_thousand_takes_little_memory(name: str) -> None:
    sounds, images = units(1024, 1).float().requires_grad_(), units(1024, 2).float().requires_grad_()
    groups = torch.arange(1024) // 4
    kept: list[int] = []

    def pack(tensor: torch.Tensor) -> torch.Tensor:
        kept.append(tensor.numel() * tensor.element_size())
        return tensor

    with torch.autograd.graph.saved_tensors_hooks(pack, lambda tensor: tensor):
        torch.autograd.grad(LOSSES[name](sounds, images, groups, groups), [sounds, images])
    assert sum(kept) < 2**28


def test_what_is_sorted_out_costs_little() -> None:
    apart = torch.eye(3)
    groups = torch.arange(3)
    assert float(hinge(apart, apart, groups, groups)) == 0.0
    assert float(infonce(apart, apart, groups, groups)) < 1e-3
    assert float(supervised_contrastive(apart, apart, groups, groups)) < 1e-3
    assert float(hinge(apart, apart.roll(1, 0), groups, groups)) == 1.5


def test_a_folded_branch_equals_its_network() -> None:
    torch.manual_seed(0)
    features = 3 + 5 * torch.randn(200, 20)
    features[:, 4] = 7.0  # a feature that never changes
    network = BranchNetwork(features, hidden=32, dimension=8, dropout=0.3)
    optimiser = torch.optim.SGD(network.parameters(), lr=0.1)
    for _ in range(5):  # so that the running statistics are those of something
        optimiser.zero_grad()
        (network(features[torch.randperm(200)[:64]]) ** 3).sum().backward()
        optimiser.step()
    new = 3 + 5 * torch.randn(50, 20)
    with torch.no_grad():
        expected = network.eval()(new).numpy()
    vectors = network.folded()(new.numpy())
    np.testing.assert_allclose(vectors, expected, atol=1e-5)
    np.testing.assert_allclose(np.linalg.norm(vectors, axis=1), 1, rtol=1e-5)
