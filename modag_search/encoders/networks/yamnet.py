"""The network of YAMNet: MobileNetV1 on patches of a log-mel spectrogram."""

from __future__ import annotations

import functools
from typing import TYPE_CHECKING, Any

import numpy as np
import torch
from torch import nn
from torch.nn import functional
from torchaudio.compliance import kaldi

from modag_search.errors import ModelError, WeightsDamagedError

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from modag_search.values import Float32Array

SAMPLE_RATE_HZ = 16_000
MEL_BANDS = 64
PATCH_FRAMES = 96
FEATURES = 1024
CLASSES = 521

_FFT_SIZE = 512
_WINDOW_SIZE = 400
_HOP_SIZE = 160
_PATCH_HOP_FRAMES = 48
_LOWEST_HZ = 125.0
_TOP_HZ = 7500.0
_FLOOR = 1e-3

_STEM_CHANNELS = 32
_PAIRS = (
    (64, 1),
    (128, 2),
    (128, 1),
    (256, 2),
    (256, 1),
    (512, 2),
    *[(512, 1)] * 5,
    (1024, 2),
    (1024, 1),
)
"""Pairs of a depthwise and a pointwise convolution: channels that leave it, stride of the depthwise one."""

_LAYERS = (
    "stem",
    *(f"{kind}.{pair}" for pair in range(len(_PAIRS)) for kind in ("depthwise", "pointwise")),
    "classifier",
)
"""In the order of computation, which is that of the published file."""


@functools.cache
def _mel_filters() -> torch.Tensor:
    """Triangles linear in mel ``[shape=(bands, bins)]``; Kaldi's bank leaves out the Nyquist bin."""
    triangles, _ = kaldi.get_mel_banks(
        MEL_BANDS,
        _FFT_SIZE,
        sample_freq=SAMPLE_RATE_HZ,
        low_freq=_LOWEST_HZ,
        high_freq=_TOP_HZ,
        vtln_low=100.0,
        vtln_high=-500.0,
        vtln_warp_factor=1.0,
    )
    return functional.pad(triangles, (0, 1))


def patches(samples: torch.Tensor) -> torch.Tensor:
    """Compute the front end of YAMNet: overlapping patches of the logarithm of the magnitude in 64 mel bands.

    Parameters
    ----------
    samples : torch.Tensor [shape=(n_samples,)]
        Mono, at 16 kHz, in [-1, 1], at least 0.975 s.

    Returns
    -------
    torch.Tensor [shape=(n, 96, 64)]
        Time before frequency, 100 frames a second, a patch every 48 frames. What is left at the end and
        does not fill a patch, less than 0.5 s, is not in it.
    """
    frames = samples.unfold(0, _WINDOW_SIZE, _HOP_SIZE) * torch.hann_window(_WINDOW_SIZE)
    magnitude = torch.fft.rfft(frames, n=_FFT_SIZE).abs()
    log_mel = torch.log(magnitude @ _mel_filters().T + _FLOOR)
    return log_mel.unfold(0, PATCH_FRAMES, _PATCH_HOP_FRAMES).transpose(1, 2)


class YamnetNetwork(nn.Module):
    """The network; batch normalisation is folded into weights and biases.

    References
    ----------
    Plakal, Ellis, "YAMNet", github.com/tensorflow/models, research/audioset/yamnet; Howard et al.,
    "MobileNets: efficient convolutional neural networks for mobile vision applications", arXiv 1704.04861.
    """

    def __init__(self) -> None:
        super().__init__()
        inputs = [_STEM_CHANNELS, *(outputs for outputs, _ in _PAIRS[:-1])]
        self.stem = nn.Conv2d(1, _STEM_CHANNELS, 3, stride=2)
        self.depthwise = nn.ModuleList(
            nn.Conv2d(channels, channels, 3, stride=stride, groups=channels)
            for channels, (_, stride) in zip(inputs, _PAIRS, strict=True)
        )
        self.pointwise = nn.ModuleList(
            nn.Conv2d(channels, outputs, 1) for channels, (outputs, _) in zip(inputs, _PAIRS, strict=True)
        )
        self.classifier = nn.Linear(FEATURES, CLASSES)

    def forward(self, spectrograms: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        """Compute features and class logits.

        Parameters
        ----------
        spectrograms : torch.Tensor [shape=(n, 96, 64)]
            Patches of log-mel.

        Returns
        -------
        features : torch.Tensor [shape=(n, 1024)]
        logits : torch.Tensor [shape=(n, 521)]
            Of 521 AudioSet classes; each has a sigmoid of its own.
        """
        planes = functional.relu6(self.stem(_pad(spectrograms[:, None], stride=2)))
        for depthwise, pointwise, (_, stride) in zip(self.depthwise, self.pointwise, _PAIRS, strict=True):
            planes = functional.relu6(depthwise(_pad(planes, stride=stride)))
            planes = functional.relu6(pointwise(planes))
        features = planes.mean(dim=(2, 3))
        return features, self.classifier(features)

    @classmethod
    def load(cls, path: Path) -> YamnetNetwork:
        """Load the published TensorFlow Lite file, ready for inference.

        Raises
        ------
        ModelError
            If the package that reads such files is not installed.
        WeightsDamagedError
            If the file does not hold the layers of YAMNet.
        """
        stored = list(_stored_layers(path))
        if len(stored) != len(_LAYERS):
            raise WeightsDamagedError(f"{path}: holds {len(stored)} layers, YAMNet has {len(_LAYERS)}")
        parameters = {}
        for layer, (weight, bias) in zip(_LAYERS, stored, strict=True):
            parameters[f"{layer}.weight"] = torch.from_numpy(_transposed(weight))
            parameters[f"{layer}.bias"] = torch.from_numpy(bias)
        network = cls()
        try:
            network.load_state_dict(parameters)
        except RuntimeError as error:
            raise WeightsDamagedError(f"{path}: not the weights of yamnet: {error}") from error
        return network.eval()


def _pad(planes: torch.Tensor, *, stride: int) -> torch.Tensor:
    """Pad for a 3x3 convolution as TensorFlow does: halving an even size, it pads only after the end."""
    before = 2 - stride
    return functional.pad(planes, (before, 1, before, 1))


def _transposed(weight: Float32Array) -> Float32Array:
    """Put axes in torch's order; TensorFlow Lite has channels last, and a 1 first where depthwise."""
    if weight.ndim != 4:
        return weight
    return weight.transpose((3, 0, 1, 2) if weight.shape[0] == 1 else (0, 3, 1, 2))


def _stored_layers(path: Path) -> Iterator[tuple[Float32Array, Float32Array]]:
    """Yield weight and bias of each 8-bit layer of a TensorFlow Lite file, in the order of computation."""
    try:
        import tflite
    except ImportError as error:
        raise ModelError(
            f'{path}: reading a TensorFlow Lite file takes a package: `pip install "modag-search[yamnet]"`'
        ) from error

    content = path.read_bytes()
    if not tflite.Model.ModelBufferHasIdentifier(content, 0):
        raise WeightsDamagedError(f"{path}: not a TensorFlow Lite file")
    model = tflite.Model.GetRootAs(content, 0)
    graph = model.Subgraphs(0)
    for index in range(graph.OperatorsLength()):
        operands = [graph.Tensors(operand) for operand in graph.Operators(index).InputsAsNumpy()]
        # The layer in floats before these is the mel filters, which are computed here.
        if len(operands) == 3 and operands[1].Type() == tflite.TensorType.INT8:
            yield _dequantised(model, operands[1], np.int8), _dequantised(model, operands[2], np.int32)


def _dequantised(model: Any, tensor: Any, dtype: type[np.integer[Any]]) -> Float32Array:
    """Multiply integers by their scales, one a tensor or one a channel; weights have no zero points."""
    integers = model.Buffers(tensor.Buffer()).DataAsNumpy().view(dtype).reshape(tensor.ShapeAsNumpy())
    scales = tensor.Quantization().ScaleAsNumpy()
    along_channels = [1] * integers.ndim
    along_channels[tensor.Quantization().QuantizedDimension()] = scales.size
    product: Float32Array = (integers * scales.reshape(along_channels).astype(np.float64)).astype(np.float32)
    return product
