"""What rooms, microphones and other sounds do to a sound, done to its mel power.

Powers of independent sounds add, so mixing, noise and reverberation are sums of powers.
"""

from __future__ import annotations

import math

import torch

from modag_search.encoders.log_mel import FRAMES_A_SECOND


def mix(powers: tuple[torch.Tensor, ...], generator: torch.Generator) -> tuple[torch.Tensor, ...]:
    """Add another sound of the batch to some, 3 to 20 dB below.

    Parameters
    ----------
    powers : tuple of torch.Tensor [shape=(n, bands, frames)]
        Versions of the same sounds; all are mixed alike.
    generator : torch.Generator

    Returns
    -------
    tuple of torch.Tensor [shape=(n, bands, frames)]
    """
    like = powers[0]
    others = torch.randperm(like.shape[0], generator=generator)
    gain = _decibel(_uniform(like, generator, -20.0, -3.0)) * _chosen(like, generator, 0.35)
    return tuple(power + gain * power[others] for power in powers)


def spoil(power: torch.Tensor, generator: torch.Generator) -> torch.Tensor:
    """Put sounds in a room, before a microphone, into noise; some more, some less, and about a third not at all.

    Parameters
    ----------
    power : torch.Tensor [shape=(n, bands, frames)]
    generator : torch.Generator

    Returns
    -------
    torch.Tensor [shape=(n, bands, frames)]
    """
    kept = _chosen(power, generator, 0.35)
    spoilt = _reverberate(power, generator)
    spoilt = spoilt * _equaliser(spoilt, generator)
    spoilt = spoilt + _noise(spoilt, generator)
    return kept * power + (1.0 - kept) * spoilt


def _uniform(like: torch.Tensor, generator: torch.Generator, low: float, high: float) -> torch.Tensor:
    """One number a sound, ``[shape=(n, 1, 1)]``."""
    return low + (high - low) * torch.rand(like.shape[0], 1, 1, generator=generator)


def _chosen(like: torch.Tensor, generator: torch.Generator, probability: float) -> torch.Tensor:
    return (torch.rand(like.shape[0], 1, 1, generator=generator) < probability).float()


def _decibel(decibel: torch.Tensor) -> torch.Tensor:
    return torch.pow(10.0, decibel / 10.0)


def _reverberate(power: torch.Tensor, generator: torch.Generator) -> torch.Tensor:
    """Let some ring on: an exponential tail of 0.2 to 2 s to -60 dB, shorter for high bands."""
    bands = torch.linspace(1.0, 0.5, power.shape[1])[None, :, None]
    decay_frames = _uniform(power, generator, 0.2, 2.0) * FRAMES_A_SECOND * bands
    decay = torch.exp(-math.log(1e6) / decay_frames)[:, :, 0]
    wet = (_decibel(_uniform(power, generator, -25.0, -8.0)) * _chosen(power, generator, 0.3))[:, :, 0]
    if not wet.any():
        return power
    tail = torch.zeros_like(power[:, :, 0])
    frames = []
    for frame in power.unbind(dim=2):
        frames.append(frame + tail)
        tail = decay * (tail + wet * frame)
    return torch.stack(frames, dim=2)


def _equaliser(power: torch.Tensor, generator: torch.Generator) -> torch.Tensor:
    """Colour of a microphone: a smooth curve of a few decibels, sometimes with the top cut off."""
    bands = torch.linspace(0.0, 1.0, power.shape[1])
    waves = torch.stack([torch.cos(math.pi * order * bands) for order in range(1, 6)])
    weights = 2.5 * torch.randn(power.shape[0], len(waves), generator=generator) / torch.arange(1, 6)
    weights = weights * _chosen(power, generator, 0.5)[:, :, 0]
    curve = _decibel((weights @ waves)[:, :, None])
    edge = _uniform(power, generator, 0.5, 1.0)
    passes = (bands[None, :, None] < edge).float()
    cut = _chosen(power, generator, 0.1)
    return curve * (1.0 - cut + cut * passes)


def _noise(power: torch.Tensor, generator: torch.Generator) -> torch.Tensor:
    """Hiss or rumble, 12 to 50 dB below the sound, in some."""
    bands = torch.linspace(0.0, 1.0, power.shape[1])[None, :, None]
    colour = torch.exp(-_uniform(power, generator, -4.0, 6.0) * bands)
    flutter = -torch.log(torch.rand(power.shape, generator=generator).clamp_min(1e-6))
    level = power.mean(dim=(1, 2), keepdim=True) / colour.mean(dim=1, keepdim=True)
    gain = _decibel(_uniform(power, generator, -50.0, -12.0))
    return _chosen(power, generator, 0.4) * gain * level * colour * flutter
