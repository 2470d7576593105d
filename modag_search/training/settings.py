"""How to train a space; apart from the training itself, so that the command line need not load torch to say it."""

from __future__ import annotations

import math
from dataclasses import dataclass

from modag_search.errors import UsageError

LOSS_NAMES = ("hinge", "infonce", "supcon")

_AT_LEAST_ONE = ("steps", "examples_a_group", "hidden", "dimension")
_ABOVE_ZERO = ("learning_rate", "margin", "temperature")
_NOT_BELOW_ZERO = ("weight_decay", "within", "patience", "seed")


@dataclass(frozen=True, slots=True, kw_only=True)
class SpaceTrainingSettings:
    """How to train a space.

    Attributes
    ----------
    loss : {"supcon", "infonce", "hinge"}
        ``hinge`` is the paper's.
    steps : int
        At the most.
    groups_a_batch, examples_a_group : int
        A batch holds so many groups, and of each so many sounds and so many images. Where no group is that large, as
        with pairs, more groups fill the batch.
    learning_rate, weight_decay : float
        Of AdamW; the rate falls as a cosine. The paper uses Adam at 1e-4.
    dropout, mixing : float
        Share of input features left out; greatest share of another example of the same group mixed in.
    margin : float
        Of ``hinge``, in cosine.
    temperature : float
        Of ``supcon`` and ``infonce``.
    within : float
        With ``supcon``, weight of telling apart the groups of each modality, those that the other lacks too.
    hidden, dimension : int
        Width of the hidden layer, and length of the vectors.
    patience : int
        Checks without progress before training stops; a check every 25 steps. 0: no early stopping.
    seed : int

    Raises
    ------
    UsageError
        If a value cannot be meant.
    """

    loss: str = "supcon"
    steps: int = 600
    groups_a_batch: int = 16
    examples_a_group: int = 12
    learning_rate: float = 1e-3
    weight_decay: float = 0.05
    dropout: float = 0.5
    mixing: float = 0.5
    margin: float = 1.0
    temperature: float = 0.1
    within: float = 0.5
    hidden: int = 256
    dimension: int = 128
    patience: int = 10
    seed: int = 0

    def __post_init__(self) -> None:
        if self.loss not in LOSS_NAMES:
            raise UsageError(f"loss must be one of {', '.join(LOSS_NAMES)}, not {self.loss!r}")
        for name in _AT_LEAST_ONE:
            self._require(name, getattr(self, name) >= 1, "1 at least")
        self._require("groups_a_batch", self.groups_a_batch >= 2, "2 at least: a group is told from others")
        for name in _ABOVE_ZERO:
            self._require(name, 0 < getattr(self, name) < math.inf, "above 0")
        for name in _NOT_BELOW_ZERO:
            self._require(name, 0 <= getattr(self, name) < math.inf, "0 or above")
        self._require("dropout", 0 <= self.dropout < 1, "0 or above, and below 1")
        self._require("mixing", 0 <= self.mixing <= 1, "between 0 and 1")

    def _require(self, name: str, is_so: bool, words: str) -> None:
        if not is_so:
            raise UsageError(f"{name} must be {words}, not {getattr(self, name)}")
