"""The network of the packaged sound encoder: residual convolutions on log-mel spectrograms."""

from __future__ import annotations

import torch
from torch import nn
from torch.nn import functional

from modag_search.encoders.networks.spectrogram import MEL_BANDS
from modag_search.errors import WeightsDamagedError

FEATURES = 512
CLASSES = 527
_WIDTHS = (24, 48, 96, 160)


class _Residual(nn.Module):
    """Two 3x3 convolutions beside an identity."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.first = nn.Conv2d(channels, channels, 3, padding=1, bias=False)
        self.first_norm = nn.BatchNorm2d(channels)
        self.second = nn.Conv2d(channels, channels, 3, padding=1, bias=False)
        self.second_norm = nn.BatchNorm2d(channels)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        out = functional.silu(self.first_norm(self.first(x)))
        return functional.silu(x + self.second_norm(self.second(out)))


class _Halving(nn.Module):
    """A 3x3 convolution that halves time and frequency."""

    def __init__(self, inputs: int, outputs: int) -> None:
        super().__init__()
        self.convolution = nn.Conv2d(inputs, outputs, 3, stride=2, padding=1, bias=False)
        self.norm = nn.BatchNorm2d(outputs)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return functional.silu(self.norm(self.convolution(x)))


class ModagSoundNetwork(nn.Module):
    """Residual network on log-mel spectrograms, about 1.2 million parameters.

    Each mel band gets a learned offset at the entrance, so that the convolutions, which are blind to where they
    are, can tell low bands from high ones.
    """

    def __init__(self) -> None:
        super().__init__()
        first, second, third, fourth = _WIDTHS
        self.stem = nn.Conv2d(1, first, 5, stride=2, padding=2, bias=False)
        self.band_offset = nn.Parameter(torch.zeros(1, first, MEL_BANDS // 2, 1))
        self.stem_norm = nn.BatchNorm2d(first)
        self.body = nn.Sequential(
            _Halving(first, second),
            _Halving(second, third),
            _Residual(third),
            _Halving(third, fourth),
            _Residual(fourth),
        )
        self.widen = nn.Conv2d(fourth, FEATURES, 1, bias=False)
        self.widen_norm = nn.BatchNorm2d(FEATURES)
        self.classifier = nn.Linear(FEATURES, CLASSES)

    def forward(self, spectrograms: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        """Compute features and class logits.

        Parameters
        ----------
        spectrograms : torch.Tensor [shape=(n, 128, frames)]
            Standardised log-mel.

        Returns
        -------
        features : torch.Tensor [shape=(n, 512)]
        logits : torch.Tensor [shape=(n, 527)]
            Of the AudioSet classes; each has a sigmoid of its own.
        """
        entrance = self.stem(spectrograms[:, None]) + self.band_offset
        planes = self.body(functional.silu(self.stem_norm(entrance)))
        features = functional.silu(self.widen_norm(self.widen(planes))).mean(dim=(2, 3))
        return features, self.classifier(features)

    def load_packaged(self, weights: dict[str, torch.Tensor]) -> None:
        """Take weights stored as float16; the counters that only training needs are not among them."""
        missing, unexpected = self.load_state_dict(
            {name: value.float() for name, value in weights.items()}, strict=False
        )
        if unexpected or any(not name.endswith("num_batches_tracked") for name in missing):
            raise WeightsDamagedError(f"the packaged weights do not fit: {missing=}, {unexpected=}")
