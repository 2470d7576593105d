"""Going on with a training, and the picture of it."""

from __future__ import annotations

import io
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import pytest
import torch
from PIL import Image

from modag_search.errors import UsageError
from modag_search.training.checkpoint import Checkpoint
from modag_search.training.plots import plot_history
from modag_search.training.space import train_branches
from tests.unit.test_training_space import QUICK, examples, tensors

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from modag_search.training.space import TrainedBranches

SETTINGS = replace(QUICK, steps=60, dropout=0.5)


class PowerCutError(Exception):
    """Stands for what no program survives."""


class Dying(Checkpoint):
    """Notes the state once, and no more."""

    every = 20

    def save(self, state: Mapping[str, Any], identity: Mapping[str, Any]) -> None:
        if self.path.exists():
            raise PowerCutError
        super().save(state, identity)


def train(checkpoint: Checkpoint | None, *, settings: Any = SETTINGS, seed: int = 1) -> TrainedBranches:
    taught, held_out = examples(6, seed=seed), examples(4, seed=2)
    return train_branches(taught, validation=held_out, settings=settings, checkpoint=checkpoint)


@pytest.fixture
def begun(tmp_path: Path) -> Path:
    """The checkpoint of a training that was killed between two notes."""
    path = tmp_path / "begun.checkpoint"
    with pytest.raises(PowerCutError):
        train(Dying(path))
    return path


@pytest.mark.parametrize("loss", ["supcon", "hinge"])
def test_a_training_that_goes_on_ends_like_one_that_was_never_interrupted(tmp_path: Path, loss: str) -> None:
    settings = replace(SETTINGS, loss=loss)
    path = tmp_path / "c"
    with pytest.raises(PowerCutError):
        train(Dying(path), settings=settings)
    torch.rand(7)  # another process has drawn other numbers
    heard: list[int] = []
    resumed = train_branches(
        examples(6, seed=1),
        validation=examples(4, seed=2),
        settings=settings,
        checkpoint=Checkpoint(path),
        progress=lambda step, _: heard.append(step),
    )
    unbroken = train(None, settings=settings)
    assert heard[0] == 21
    assert tensors(resumed) == tensors(unbroken)
    assert resumed.history == unbroken.history
    assert (resumed.best_step, resumed.unrelated) == (unbroken.best_step, unbroken.unrelated)


def test_other_settings_and_other_examples_are_refused(begun: Path) -> None:
    with pytest.raises(UsageError, match=r"another training: learning_rate was 0.001, not 0.5; --restart begins anew"):
        train(Checkpoint(begun), settings=replace(SETTINGS, learning_rate=0.5))
    with pytest.raises(UsageError, match="another training: its examples are others"):
        train(Checkpoint(begun), seed=3)


def test_restart_begins_anew(begun: Path) -> None:
    settings = replace(SETTINGS, seed=5)
    trained = train(Checkpoint(begun, restart=True), settings=settings)
    assert tensors(trained) == tensors(train(None, settings=settings))
    assert train(Checkpoint(begun), settings=settings).history == trained.history


def test_what_is_no_checkpoint_is_refused(begun: Path) -> None:
    content = begun.read_bytes()
    for broken in (b"", content[: len(content) // 2]):
        begun.write_bytes(broken)
        with pytest.raises(UsageError, match=r"begun.checkpoint: no checkpoint that can be read .*--restart"):
            train(Checkpoint(begun))
    torch.save({"format": "modag-training/2"}, begun)
    with pytest.raises(UsageError, match="its format is modag-training/2"):
        train(Checkpoint(begun))


@pytest.mark.parametrize("restart", [False, True])
@pytest.mark.parametrize("content", [b"years of work", b"modag-training/1 is what my program writes", b"PK\3\4"])
def test_a_file_of_the_users_is_no_checkpoint_to_write_over(tmp_path: Path, content: bytes, restart: bool) -> None:
    path = tmp_path / "thesis.odt"
    path.write_bytes(content)
    with pytest.raises(UsageError, match=r"thesis\.odt: is a file of another kind, .*; name another by --checkpoint$"):
        train(Checkpoint(path, restart=restart))
    assert path.read_bytes() == content


def test_a_plot_is_a_picture() -> None:
    history = [{"step": step, "loss": 1 / step} for step in range(1, 30)]
    plain = plot_history(history, title="a $ name_{")
    history[24] |= {"recall_at_1": 0.2, "recall_at_5": 0.6}
    checked = plot_history(history, title="a name", best_step=25)
    for plot in (plain, checked):
        with Image.open(io.BytesIO(plot)) as image:
            assert image.format == "PNG"
            assert image.width > 300
    assert plain != checked
