"""Training the packaged sound network on from EfficientAT mn04.

Two pulls at once. So that nothing is forgotten, the network must say of a spoilt sound what the starting network says
of the same sound clean and at the level that it knows: its features, its hidden units, its class probabilities
(distillation without labels: Hinton, Vinyals, Dean, "Distilling the knowledge in a neural network", 2015; Beyer et al.,
"Knowledge distillation: a good teacher is patient and consistent", CVPR 2022). And a linear layer that is thrown away
afterwards must tell instruments apart by its hidden units.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import torch
from torch import nn
from torch.nn import functional

from modag_search.encoders.log_mel import FLOOR, LEVEL_DBFS
from modag_search.errors import ModelError
from modag_search.files import replacing
from modag_search.training.efficientat import HIDDEN, EfficientAtNetwork
from modag_search.training.mel_augmentation import mix, spoil

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from pathlib import Path

    from modag_search.training.mel_corpus import Clip, MelCorpus
    from modag_search.values import Float32Array

_CROP_FRAMES = (200, 300, 500)
_TEACHER_FLOOR = 1e-5
_MEAN_TOTAL_POWER = 153_600 * 10 ** (LEVEL_DBFS / 10)
"""Mel power of a frame, summed over bands, of a sound at the encoder's level: half a Fourier length times the sum of
the squared window times the mean square."""


@dataclass(frozen=True, slots=True, kw_only=True)
class SoundEncoderSettings:
    """How to train.

    Attributes
    ----------
    steps, batch_size : int
    learning_rate, weight_decay : float
        Of AdamW; the rate rises for 100 steps, then falls as a cosine.
    instruments : float
        Weight of telling instruments apart.
    freedom : float
        Weight, below 1, of staying near the starting network's features for sounds whose instrument is known.
    spoilt : float
        Share of the sounds that the network hears through a codec, a converter or a telephone.
    averaging : float
        Decay of the moving average of the weights; the average is what ships.
    seed : int
    """

    steps: int
    batch_size: int = 48
    learning_rate: float = 1e-3
    weight_decay: float = 0.01
    instruments: float = 0.5
    freedom: float = 0.3
    spoilt: float = 0.7
    averaging: float = 0.995
    seed: int = 0


@dataclass(frozen=True, slots=True)
class Material:
    """Clips of one kind, and the share of each batch that is drawn from them."""

    clips: Sequence[Clip]
    share: float


@dataclass(frozen=True, slots=True)
class _Batch:
    """Spectrograms for the starting network and for the one that learns, and the numbers of the labels (-1: none)."""

    clean: torch.Tensor
    heard: torch.Tensor
    labels: torch.Tensor


class SoundEncoderTraining:
    """The state of a run; it can be saved and continued at any step.

    Parameters
    ----------
    corpus : MelCorpus
    material : sequence of Material
        Clips of the corpus to draw from; the shares add up to 1.
    teacher : EfficientAtNetwork
        What the run starts from and is held to.
    settings : SoundEncoderSettings
    """

    def __init__(
        self,
        corpus: MelCorpus,
        material: Sequence[Material],
        *,
        teacher: EfficientAtNetwork,
        settings: SoundEncoderSettings,
    ) -> None:
        torch.manual_seed(settings.seed)
        self.corpus, self.settings = corpus, settings
        self._material = material
        self.teacher = teacher.eval()
        self.labels = sorted({clip.label for kind in material for clip in kind.clips if clip.label})
        self._number = {label: number for number, label in enumerate(self.labels)}
        self.network, self.average = EfficientAtNetwork(), EfficientAtNetwork()
        self.network.load_state_dict(teacher.state_dict())
        self.average.load_state_dict(teacher.state_dict())
        self._mean, self._spread = self._moments()
        self.instruments = nn.Linear(HIDDEN, max(len(self.labels), 1))
        self.optimiser = torch.optim.AdamW(
            [*self.network.parameters(), *self.instruments.parameters()],
            lr=settings.learning_rate,
            weight_decay=settings.weight_decay,
        )
        self.step = 0

    def run(self, *, checkpoint: Path, every: int, progress: Callable[[int, dict[str, float]], None]) -> None:
        """Train to the last step, saving every `every` steps; goes on from `checkpoint` where there is one."""
        if checkpoint.is_file():
            self._load(checkpoint)
        while self.step < self.settings.steps:
            losses = self._train_step()
            self.step += 1
            if not all(map(math.isfinite, losses.values())):
                raise ArithmeticError(f"losses are {losses} at step {self.step}: lower the learning rate")
            progress(self.step, losses)
            if self.step % every == 0 or self.step == self.settings.steps:
                self._save(checkpoint)

    def evaluate(self, clips: Sequence[Clip], *, frames: int = 500) -> dict[str, float]:
        """Compare the averaged network with the starting network on clips that training did not use.

        Returns
        -------
        dict
            ``same_to_itself``: mean cosine of the hidden units of spoilt sounds with those of the same sounds clean;
            ``near_the_start``: that of clean sounds with the starting network's; ``same_class``: share of clean sounds
            with the starting network's best class; ``same_class_spoilt``: that of spoilt ones.
        """
        random = np.random.default_rng(0)
        pairs = [self._tensors(clip, frames, random, spoilt=True) for clip in clips]
        self.average.eval()
        rows = []
        with torch.inference_mode():
            for clip, (clean, heard) in zip(clips, pairs, strict=True):
                start = self.teacher(_for_teacher(clean[None], torch.tensor([clip.teacher_gain])))
                rows.append((start, self.average(_for_network(clean[None])), self.average(_for_network(heard[None]))))
        starts, cleans, spoilts = ([torch.cat([row[who][what] for row in rows]) for what in (1, 2)] for who in range(3))
        return {
            "same_to_itself": _mean_of(functional.cosine_similarity(cleans[0], spoilts[0])),
            "near_the_start": _mean_of(functional.cosine_similarity(cleans[0], starts[0])),
            "same_class": _mean_of((cleans[1].argmax(1) == starts[1].argmax(1)).float()),
            "same_class_spoilt": _mean_of((spoilts[1].argmax(1) == starts[1].argmax(1)).float()),
        }

    def hidden_units(self, clips: Sequence[Clip], *, frames: int = 500) -> dict[str, Float32Array]:
        """Return hidden units ``[shape=(len(clips), 512)]`` of clips.

        Returns
        -------
        dict
            ``starting``: what the starting network gives of the clean sounds; ``trained`` and ``trained_spoilt``: what
            the averaged network gives of the clean and of the spoilt ones.
        """
        random = np.random.default_rng(0)
        self.average.eval()
        found: dict[str, list[torch.Tensor]] = {"starting": [], "trained": [], "trained_spoilt": []}
        with torch.inference_mode():
            for clip in clips:
                clean, heard = self._tensors(clip, frames, random, spoilt=True)
                gain = torch.tensor([clip.teacher_gain])
                found["starting"].append(self.teacher(_for_teacher(clean[None], gain))[1])
                found["trained"].append(self.average(_for_network(clean[None]))[1])
                found["trained_spoilt"].append(self.average(_for_network(heard[None]))[1])
        return {who: torch.cat(units).numpy() for who, units in found.items()}

    def _tensors(
        self, clip: Clip, frames: int, random: np.random.Generator, *, spoilt: bool
    ) -> tuple[torch.Tensor, torch.Tensor]:
        clean, heard = self.corpus.crop(clip, frames, random, spoilt=spoilt)
        return torch.from_numpy(clean), torch.from_numpy(heard)

    def _batch(self, *, seed: int, n: int, frames: int) -> _Batch:
        """Draw crops; the same seed gives the same ones."""
        random = np.random.default_rng(seed)
        kinds = random.choice(len(self._material), size=n, p=[kind.share for kind in self._material])
        clips = [self._material[i].clips[random.integers(len(self._material[i].clips))] for i in kinds]
        pairs = [self._tensors(clip, frames, random, spoilt=random.random() < self.settings.spoilt) for clip in clips]
        clean, heard = (torch.stack(part) for part in zip(*pairs, strict=True))
        generator = torch.Generator().manual_seed(seed)
        clean, heard = mix((clean, heard), generator)
        gains = torch.tensor([clip.teacher_gain for clip in clips])
        labels = torch.tensor([self._number.get(clip.label, -1) for clip in clips])
        return _Batch(_for_teacher(clean, gains), _for_network(spoil(heard, generator)), labels)

    def _moments(self) -> tuple[torch.Tensor, torch.Tensor]:
        batch = self._batch(seed=self.settings.seed, n=256, frames=300)
        planes, _ = self._said_by_teacher(batch.clean)
        return planes.mean(dim=0), planes.std(dim=0) + 0.05

    def _said_by_teacher(self, spectrograms: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        with torch.inference_mode():
            features, hidden, logits = self.teacher(spectrograms)
        return torch.cat([features, hidden], dim=1).clone(), logits.clone()

    def _learning_rate(self) -> float:
        warm = min(1.0, (self.step + 1) / 100)
        return self.settings.learning_rate * warm * 0.5 * (1 + math.cos(math.pi * self.step / self.settings.steps))

    def _train_step(self) -> dict[str, float]:
        seed = self.settings.seed * 1_000_003 + self.step + 1
        frames = _CROP_FRAMES[self.step % len(_CROP_FRAMES)]
        batch = self._batch(seed=seed, n=self.settings.batch_size, frames=frames)
        planes, said = self._said_by_teacher(batch.clean)
        for group in self.optimiser.param_groups:
            group["lr"] = self._learning_rate()
        self.network.train()
        features, hidden, logits = self.network(batch.heard)
        held = torch.where(batch.labels < 0, 1.0, self.settings.freedom)
        away = ((torch.cat([features, hidden], dim=1) - planes) / self._spread).square().mean(dim=1)
        known = batch.labels >= 0
        instruments = functional.cross_entropy(
            self.instruments(hidden[known]), batch.labels[known], reduction="sum"
        ) / max(int(known.sum()), 1)
        losses = {
            "features": (held * away).mean(),
            "classes": 30.0 * functional.binary_cross_entropy_with_logits(logits, said.sigmoid())
            + 0.5 * functional.smooth_l1_loss(logits.clamp_min(-12.0), said.clamp_min(-12.0)),
            "instruments": self.settings.instruments * instruments,
        }
        self.optimiser.zero_grad(set_to_none=True)
        torch.stack(list(losses.values())).sum().backward()  # type: ignore[no-untyped-call]
        nn.utils.clip_grad_norm_(self.network.parameters(), 5.0)
        self.optimiser.step()
        self._move_average()
        return {name: float(loss.detach()) for name, loss in losses.items()}

    @torch.no_grad()
    def _move_average(self) -> None:
        decay = min(self.settings.averaging, (1 + self.step) / (10 + self.step))
        current = self.network.state_dict()
        for name, value in self.average.state_dict().items():
            if value.is_floating_point():
                value.lerp_(current[name], 1.0 - decay)
            else:
                value.copy_(current[name])

    def _save(self, checkpoint: Path) -> None:
        state = {
            "step": self.step,
            "network": self.network.state_dict(),
            "average": self.average.state_dict(),
            "instruments": self.instruments.state_dict(),
            "optimiser": self.optimiser.state_dict(),
        }
        with replacing(checkpoint, error=ModelError) as partial:
            torch.save(state, partial)

    def _load(self, checkpoint: Path) -> None:
        state = torch.load(checkpoint, weights_only=True)
        self.step = state["step"]
        self.network.load_state_dict(state["network"])
        self.average.load_state_dict(state["average"])
        self.instruments.load_state_dict(state["instruments"])
        self.optimiser.load_state_dict(state["optimiser"])


def _for_teacher(power: torch.Tensor, gains: torch.Tensor) -> torch.Tensor:
    """Standardise mel power as the starting network has it, at its level."""
    return (torch.log(power * gains[:, None, None] + _TEACHER_FLOOR) + 4.5) / 5.0


def _for_network(power: torch.Tensor) -> torch.Tensor:
    """Bring mel power to the encoder's level anew, and standardise it as `encoders.log_mel` does."""
    total = power.sum(dim=1, keepdim=True).mean(dim=2, keepdim=True)
    return (torch.log(power * (_MEAN_TOTAL_POWER / total.clamp_min(1e-9)) + FLOOR) + 4.5) / 5.0


def _mean_of(values: torch.Tensor) -> float:
    return round(float(values.mean()), 4)
