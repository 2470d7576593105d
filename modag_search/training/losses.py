"""Losses of cross-modal retrieval: what belongs together should be nearer than what does not."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

import torch

if TYPE_CHECKING:
    from modag_search.training.settings import SpaceTrainingSettings

Loss = Callable[..., torch.Tensor]
"""Takes what `hinge` takes, with an option of its own."""


def hinge(
    sounds: torch.Tensor,
    images: torch.Tensor,
    sound_groups: torch.Tensor,
    image_groups: torch.Tensor,
    *,
    margin: float = 1.0,
) -> torch.Tensor:
    """Push each sound from the images that it does not belong to until they are `margin` less similar than its own.

    Parameters
    ----------
    sounds, images : torch.Tensor [shape=(n, d)] and [shape=(m, d)]
        Unit vectors.
    sound_groups, image_groups : torch.Tensor [shape=(n,)] and [shape=(m,)], int64
        What has the same number belongs together.
    margin : float

    Returns
    -------
    torch.Tensor, scalar

    References
    ----------
    The loss in the code of Wu, Fuentes, Bello, arXiv 2106.01149: negatives from the batch, seen from the sounds only.
    """
    similarities = sounds @ images.T
    together = sound_groups[:, None] == image_groups[None, :]
    # Every pair of an own and a strange image would need a tensor [n, m, m]. Sorted, the strange images that come too
    # near to one of a sound's own are the first so many, and their sum is a difference of two numbers.
    strange, order = similarities.masked_fill(together, -torch.inf).sort(dim=1, descending=True)
    sums = torch.nn.functional.pad(strange.masked_fill(together.gather(1, order), 0.0).cumsum(dim=1), (1, 0))
    nearest_allowed = (similarities - margin).detach()
    counts = torch.searchsorted(-strange.detach(), -nearest_allowed)
    violations = counts * (margin - similarities) + sums.gather(1, counts)
    n_pairs = (together.sum(dim=1) * (~together).sum(dim=1)).sum()
    return (violations * together).sum() / n_pairs.clamp_min(1)


def supervised_contrastive(
    sounds: torch.Tensor,
    images: torch.Tensor,
    sound_groups: torch.Tensor,
    image_groups: torch.Tensor,
    *,
    temperature: float = 0.1,
) -> torch.Tensor:
    """Make each vector's own group the likeliest among all others of the batch, of both modalities.

    Parameters and value as in `hinge`; pairs of different modalities weigh as much as pairs of one.

    References
    ----------
    Khosla et al., "Supervised contrastive learning", NeurIPS 2020, equation 2.
    """
    across = _contrast(sounds, images, sound_groups, image_groups, temperature=temperature)
    back = _contrast(images, sounds, image_groups, sound_groups, temperature=temperature)
    within = within_modality(sounds, sound_groups, temperature=temperature)
    within = within + within_modality(images, image_groups, temperature=temperature)
    return across + back + 0.5 * within


def within_modality(vectors: torch.Tensor, groups: torch.Tensor, *, temperature: float) -> torch.Tensor:
    """Make each vector's own group the likeliest among all others of its modality; as `supervised_contrastive`.

    Parameters
    ----------
    vectors : torch.Tensor [shape=(n, d)]
        Unit vectors of one modality.
    groups : torch.Tensor [shape=(n,)], int64
    temperature : float

    Returns
    -------
    torch.Tensor, scalar
    """
    return _contrast(vectors, vectors, groups, groups, temperature=temperature, itself=False)


def _contrast(
    queries: torch.Tensor,
    keys: torch.Tensor,
    query_groups: torch.Tensor,
    key_groups: torch.Tensor,
    *,
    temperature: float,
    itself: bool = True,
) -> torch.Tensor:
    logits = queries @ keys.T / temperature
    together = query_groups[:, None] == key_groups[None, :]
    if not itself:
        own = torch.eye(len(queries), dtype=torch.bool)
        logits = logits.masked_fill(own, -torch.inf)
        together = together & ~own
    log_shares = torch.log_softmax(logits, dim=1)
    partners = together.sum(dim=1)
    mean = log_shares.masked_fill(~together, 0.0).sum(dim=1) / partners.clamp_min(1)
    return -mean[partners > 0].mean() if bool((partners > 0).any()) else logits.new_zeros(())


def infonce(
    sounds: torch.Tensor,
    images: torch.Tensor,
    sound_groups: torch.Tensor,
    image_groups: torch.Tensor,
    *,
    temperature: float = 0.1,
) -> torch.Tensor:
    """Make each vector's partners the likeliest among the batch's vectors of the other modality; as `hinge` otherwise.

    References
    ----------
    van den Oord, Li, Vinyals, "Representation learning with contrastive predictive coding", 2018; both directions.
    """
    there = _contrast(sounds, images, sound_groups, image_groups, temperature=temperature)
    back = _contrast(images, sounds, image_groups, sound_groups, temperature=temperature)
    return (there + back) / 2


LOSSES: dict[str, Loss] = {"hinge": hinge, "infonce": infonce, "supcon": supervised_contrastive}


def loss_options(settings: SpaceTrainingSettings) -> dict[str, float]:
    """Return what the loss that the settings name takes beside the batch."""
    return {"margin": settings.margin} if settings.loss == "hinge" else {"temperature": settings.temperature}
