"""Teaching a small sound network what a larger one knows.

The student sees the same augmented spectrograms as the teacher and learns to say the same of them: its class
probabilities, and, through a linear adapter that is thrown away afterwards, its features and hidden units. Neither
needs labels (Hinton, Vinyals, Dean, "Distilling the knowledge in a neural network", 2015; Beyer et al., "Knowledge
distillation: a good teacher is patient and consistent", CVPR 2022).
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import torch
from torch import nn
from torch.nn import functional

from modag_search.encoders.networks.modag_sound import FEATURES, ModagSoundNetwork
from modag_search.encoders.networks.spectrogram import standardise
from modag_search.training.mel_augmentation import augment

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from pathlib import Path

    from modag_search.encoders.networks.efficientat import EfficientAtNetwork
    from modag_search.training.mel_corpus import Clip, MelCorpus

_CROP_FRAMES = (100, 200, 300)


@dataclass(frozen=True, slots=True, kw_only=True)
class DistillationSettings:
    """How to train.

    Attributes
    ----------
    steps, batch_size : int
    learning_rate, weight_decay : float
        Of AdamW; the rate rises for 200 steps, then falls as a cosine.
    averaging : float
        Decay of the moving average of the weights; the average is what ships.
    seed : int
    """

    steps: int
    batch_size: int = 64
    learning_rate: float = 3e-3
    weight_decay: float = 0.02
    averaging: float = 0.998
    seed: int = 0


@dataclass(frozen=True, slots=True)
class Material:
    """Clips of one kind, and the share of each batch that is drawn from them."""

    clips: Sequence[Clip]
    share: float


@dataclass(frozen=True, slots=True)
class _Targets:
    """What the teacher says of a batch; `planes` are its features beside its hidden units, standardised."""

    planes: torch.Tensor
    logits: torch.Tensor


class _Teacher:
    """The larger network, with the mean and spread of what it says."""

    def __init__(self, network: EfficientAtNetwork) -> None:
        self.network = network
        self.mean: torch.Tensor | None = None
        self.spread: torch.Tensor | None = None

    def __call__(self, spectrograms: torch.Tensor) -> _Targets:
        with torch.inference_mode(), torch.autocast("cpu", dtype=torch.bfloat16):
            features, hidden, logits = (output.float() for output in self.network(spectrograms))
            planes = torch.cat([features, hidden], dim=1)
        if self.mean is None or self.spread is None:
            self.mean, self.spread = planes.mean(dim=0), planes.std(dim=0) + 0.05
        return _Targets((planes - self.mean) / self.spread, logits)


class Distillation:
    """The state of a run; it can be saved and continued at any step.

    Parameters
    ----------
    corpus : MelCorpus
    material : sequence of Material
        Clips of the corpus to draw from; the shares add up to 1.
    teacher : EfficientAtNetwork
    settings : DistillationSettings
    initial : dict of str to torch.Tensor, optional
        Weights of the student to go on from, as `ModagSoundNetwork.load_packaged` takes them.
    """

    def __init__(
        self,
        corpus: MelCorpus,
        material: Sequence[Material],
        *,
        teacher: EfficientAtNetwork,
        settings: DistillationSettings,
        initial: dict[str, torch.Tensor] | None = None,
    ) -> None:
        torch.manual_seed(settings.seed)
        self.corpus, self.settings = corpus, settings
        self._material = material
        self.teacher = _Teacher(teacher)
        self.teacher(self._crops(seed=settings.seed, n=512, frames=250))
        self.student = ModagSoundNetwork()
        if initial is not None:
            self.student.load_packaged(initial)
        self.average = ModagSoundNetwork()
        self.average.load_state_dict(self.student.state_dict())
        self.adapter = nn.Linear(FEATURES, 384 + 512)
        self.optimiser = torch.optim.AdamW(
            [*self.student.parameters(), *self.adapter.parameters()],
            lr=settings.learning_rate,
            weight_decay=settings.weight_decay,
        )
        self.step = 0

    def run(self, *, checkpoint: Path, every: int, progress: Callable[[int, float], None]) -> None:
        """Train to the last step, saving every `every` steps; goes on from `checkpoint` where there is one."""
        if checkpoint.is_file():
            self._load(checkpoint)
        while self.step < self.settings.steps:
            loss = self._train_step()
            self.step += 1
            if not math.isfinite(loss):
                raise ArithmeticError(f"loss is {loss} at step {self.step}: lower the learning rate")
            progress(self.step, loss)
            if self.step % every == 0 or self.step == self.settings.steps:
                self._save(checkpoint)

    def evaluate(self, clips: Sequence[Clip], *, frames: int = 400) -> dict[str, float]:
        """Compare the averaged student with its teacher on clips that it was not taught with.

        Returns
        -------
        dict
            ``feature_r2``: share of the variance of the teacher's features and hidden units that a linear map of
            the student's features explains; ``probability_error``: mean absolute difference of class
            probabilities; ``top_class_agreement``: share of clips with the same best class.
        """
        random = np.random.default_rng(0)
        spectrograms = standardise(
            torch.from_numpy(np.stack([self.corpus.crop(clip, frames, random) for clip in clips]))
        )
        self.average.eval()
        with torch.inference_mode():
            targets = [self.teacher(part) for part in torch.split(spectrograms, 64)]
            answers = [self.average(part) for part in torch.split(spectrograms, 64)]
            planes = torch.cat([target.planes for target in targets])
            logits = torch.cat([target.logits for target in targets])
            guessed = self.adapter(torch.cat([features for features, _ in answers]))
            guessed_logits = torch.cat([answer for _, answer in answers])
        unexplained = (planes - guessed).square().sum() / (planes - planes.mean(dim=0)).square().sum()
        return {
            "feature_r2": round(1.0 - float(unexplained), 4),
            "probability_error": round(float((logits.sigmoid() - guessed_logits.sigmoid()).abs().mean()), 5),
            "top_class_agreement": round(float((logits.argmax(1) == guessed_logits.argmax(1)).float().mean()), 4),
        }

    def _crops(self, *, seed: int, n: int, frames: int) -> torch.Tensor:
        """Augmented, standardised crops ``[shape=(n, 128, frames)]``; the same seed gives the same crops."""
        random = np.random.default_rng(seed)
        kinds = random.choice(len(self._material), size=n, p=[kind.share for kind in self._material])
        clips = [self._material[i].clips[random.integers(len(self._material[i].clips))] for i in kinds]
        crops = torch.from_numpy(np.stack([self.corpus.crop(clip, frames, random) for clip in clips]))
        return standardise(augment(crops, torch.Generator().manual_seed(seed)))

    def _learning_rate(self) -> float:
        warm = min(1.0, (self.step + 1) / 200)
        return self.settings.learning_rate * warm * 0.5 * (1 + math.cos(math.pi * self.step / self.settings.steps))

    def _train_step(self) -> float:
        seed = self.settings.seed * 1_000_003 + self.step + 1
        frames = _CROP_FRAMES[self.step % len(_CROP_FRAMES)]
        spectrograms = self._crops(seed=seed, n=self.settings.batch_size, frames=frames)
        targets = self.teacher(spectrograms)
        for group in self.optimiser.param_groups:
            group["lr"] = self._learning_rate()
        self.student.train()
        with torch.autocast("cpu", dtype=torch.bfloat16):
            features, logits = self.student(spectrograms)
        loss = self._loss(features.float(), logits.float(), targets)
        self.optimiser.zero_grad(set_to_none=True)
        loss.backward()  # type: ignore[no-untyped-call]
        nn.utils.clip_grad_norm_(self.student.parameters(), 5.0)
        self.optimiser.step()
        self._move_average()
        return float(loss.detach())

    def _loss(self, features: torch.Tensor, logits: torch.Tensor, targets: _Targets) -> torch.Tensor:
        planes = functional.mse_loss(self.adapter(features), targets.planes)
        probabilities = functional.binary_cross_entropy_with_logits(logits, targets.logits.sigmoid())
        dark_knowledge = functional.smooth_l1_loss(logits, targets.logits.clamp_min(-12.0))
        return planes + 30.0 * probabilities + 0.5 * dark_knowledge

    @torch.no_grad()
    def _move_average(self) -> None:
        decay = min(self.settings.averaging, (1 + self.step) / (10 + self.step))
        student = self.student.state_dict()
        for name, value in self.average.state_dict().items():
            if value.is_floating_point():
                value.lerp_(student[name], 1.0 - decay)
            else:
                value.copy_(student[name])

    def _save(self, checkpoint: Path) -> None:
        state = {
            "step": self.step,
            "student": self.student.state_dict(),
            "average": self.average.state_dict(),
            "adapter": self.adapter.state_dict(),
            "optimiser": self.optimiser.state_dict(),
        }
        partial = checkpoint.with_suffix(".partial")
        torch.save(state, partial)
        partial.replace(checkpoint)

    def _load(self, checkpoint: Path) -> None:
        state = torch.load(checkpoint, weights_only=True)
        self.step = state["step"]
        self.student.load_state_dict(state["student"])
        self.average.load_state_dict(state["average"])
        self.adapter.load_state_dict(state["adapter"])
        self.optimiser.load_state_dict(state["optimiser"])
