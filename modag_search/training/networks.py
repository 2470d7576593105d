"""The two-branch network while it is trained; `space.Branch` is what becomes of a branch afterwards."""

from __future__ import annotations

import torch
from torch import nn
from torch.nn import functional

from modag_search.space import Branch


class BranchNetwork(nn.Module):
    """One branch: standardise, linear, batch normalisation, ELU, linear, unit length.

    Parameters
    ----------
    features : torch.Tensor [shape=(n, d)]
        Training features; their mean and spread standardise the input.
    hidden, dimension : int
        256 and 128 in the paper.
    dropout : float
        Share of input features left out at each step.

    References
    ----------
    Wu, Fuentes, Bello, "Exploring modality-agnostic representations for music classification", arXiv 2106.01149.
    """

    mean: torch.Tensor
    spread: torch.Tensor

    def __init__(self, features: torch.Tensor, *, hidden: int, dimension: int, dropout: float) -> None:
        super().__init__()
        self.register_buffer("mean", features.mean(dim=0))
        self.register_buffer("spread", features.std(dim=0) + 1e-3 + 0.1 * features.std(dim=0).mean())
        self.dropout = nn.Dropout(dropout)
        self.enter = nn.Linear(features.shape[1], hidden)
        self.norm = nn.BatchNorm1d(hidden)
        self.leave = nn.Linear(hidden, dimension)

    def forward(self, features: torch.Tensor) -> torch.Tensor:
        """Project features ``[shape=(n, d)]`` to unit vectors ``[shape=(n, dimension)]``."""
        standard = self.dropout((features - self.mean) / self.spread)
        return functional.normalize(self.leave(functional.elu(self.norm(self.enter(standard)))), dim=1)

    @torch.no_grad()
    def folded(self) -> Branch:
        """Fold standardisation and batch normalisation into the first layer."""
        assert isinstance(self.norm.running_mean, torch.Tensor)
        assert isinstance(self.norm.running_var, torch.Tensor)
        scale = self.norm.weight / torch.sqrt(self.norm.running_var + self.norm.eps)
        weight = scale[:, None] * self.enter.weight / self.spread
        bias = scale * (self.enter.bias - self.norm.running_mean) + self.norm.bias - weight @ self.mean
        return Branch(
            weight_in=weight.numpy().copy(),
            bias_in=bias.numpy().copy(),
            weight_out=self.leave.weight.numpy().copy(),
            bias_out=self.leave.bias.numpy().copy(),
        )
