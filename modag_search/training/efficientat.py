"""The network of EfficientAT mn04: MobileNetV3 of width 0.4 on log-mel spectrograms."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import torch
from torch import nn
from torch.nn import functional

from modag_search.errors import WeightsDamagedError

if TYPE_CHECKING:
    from pathlib import Path

FEATURES = 384
HIDDEN = 512
CLASSES = 527
SHA256 = "899a8c6217063f6941793102a2780b3dd788ab11fce468d9cf5f0577c453321c"
"""Of the published weights, ``mn04_as_mAP_432.pt``."""


class _Stage(NamedTuple):
    """One inverted residual of MobileNetV3; `squeeze` is 0 where there is no squeeze-and-excitation."""

    inputs: int
    kernel: int
    expanded: int
    outputs: int
    squeeze: int
    hardswish: bool
    stride: int


_STAGES = (
    _Stage(8, 3, 8, 8, 0, False, 1),
    _Stage(8, 3, 24, 16, 0, False, 2),
    _Stage(16, 3, 32, 16, 0, False, 1),
    _Stage(16, 5, 32, 16, 8, False, 2),
    *[_Stage(16, 5, 48, 16, 16, False, 1)] * 2,
    _Stage(16, 3, 96, 32, 0, True, 2),
    _Stage(32, 3, 80, 32, 0, True, 1),
    *[_Stage(32, 3, 72, 32, 0, True, 1)] * 2,
    _Stage(32, 3, 192, 48, 48, True, 1),
    _Stage(48, 3, 272, 48, 72, True, 1),
    _Stage(48, 5, 272, 64, 72, True, 2),
    *[_Stage(64, 5, 384, 64, 96, True, 1)] * 2,
)


def _convolution(
    inputs: int,
    outputs: int,
    *,
    kernel: int = 1,
    stride: int = 1,
    groups: int = 1,
    activation: type[nn.Module] | None = None,
) -> nn.Sequential:
    layers: list[nn.Module] = [
        nn.Conv2d(inputs, outputs, kernel, stride, (kernel - 1) // 2, groups=groups, bias=False),
        nn.BatchNorm2d(outputs, eps=1e-3),
    ]
    if activation is not None:
        layers.append(activation())
    return nn.Sequential(*layers)


class _SqueezeExcitation(nn.Module):
    """Scale each channel by what its mean over time and frequency says."""

    def __init__(self, channels: int, squeezed: int) -> None:
        super().__init__()
        self.fc1 = nn.Linear(channels, squeezed)
        self.fc2 = nn.Linear(squeezed, channels)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        scale = torch.sigmoid(self.fc2(torch.relu(self.fc1(x.mean(dim=(2, 3))))))
        return x * scale[:, :, None, None]


class _ConcurrentSqueezeExcitation(nn.Module):
    """A level of the state dict: the original can squeeze along several axes, mn04 along channels only."""

    def __init__(self, channels: int, squeezed: int) -> None:
        super().__init__()
        self.conc_se_layers = nn.ModuleList([_SqueezeExcitation(channels, squeezed)])

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        scaled: torch.Tensor = self.conc_se_layers[0](x)
        return scaled


class _InvertedResidual(nn.Module):
    def __init__(self, stage: _Stage) -> None:
        super().__init__()
        activation = nn.Hardswish if stage.hardswish else nn.ReLU
        layers: list[nn.Module] = []
        if stage.expanded != stage.inputs:
            layers.append(_convolution(stage.inputs, stage.expanded, activation=activation))
        layers.append(
            _convolution(
                stage.expanded,
                stage.expanded,
                kernel=stage.kernel,
                stride=stage.stride,
                groups=stage.expanded,
                activation=activation,
            )
        )
        if stage.squeeze:
            layers.append(_ConcurrentSqueezeExcitation(stage.expanded, stage.squeeze))
        layers.append(_convolution(stage.expanded, stage.outputs))
        self.block = nn.Sequential(*layers)
        self.residual = stage.stride == 1 and stage.inputs == stage.outputs

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        out: torch.Tensor = self.block(x)
        return x + out if self.residual else out


class EfficientAtNetwork(nn.Module):
    """The network; parameter names are those of the published state dict."""

    def __init__(self) -> None:
        super().__init__()
        self.features = nn.Sequential(
            _convolution(1, 8, kernel=3, stride=2, activation=nn.Hardswish),
            *[_InvertedResidual(stage) for stage in _STAGES],
            _convolution(64, FEATURES, activation=nn.Hardswish),
        )
        self.classifier = nn.ModuleDict({"2": nn.Linear(FEATURES, HIDDEN), "5": nn.Linear(HIDDEN, CLASSES)})

    def forward(self, spectrograms: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
        """Compute features, hidden units and class logits.

        Parameters
        ----------
        spectrograms : torch.Tensor [shape=(n, 128, frames)]
            Standardised log-mel.

        Returns
        -------
        features : torch.Tensor [shape=(n, 384)]
        hidden : torch.Tensor [shape=(n, 512)]
        logits : torch.Tensor [shape=(n, 527)]
            Of the AudioSet classes; each has a sigmoid of its own.
        """
        features = self.features(spectrograms[:, None]).mean(dim=(2, 3))
        hidden = functional.hardswish(self.classifier["2"](features))
        return features, hidden, self.classifier["5"](hidden)

    @classmethod
    def load(cls, path: Path) -> EfficientAtNetwork:
        """Load the published weights, ready for inference."""
        network = cls()
        try:
            network.load_state_dict(torch.load(path, map_location="cpu", weights_only=True))
        except RuntimeError as error:
            raise WeightsDamagedError(f"{path}: not the weights of efficientat-mn04: {error}") from error
        return network.eval()
