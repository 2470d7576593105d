"""Checkpoints: where a training stood, so that a killed one goes on and ends as if nothing had happened."""

from __future__ import annotations

import io
import json
import pickle
from typing import TYPE_CHECKING, Any

import torch

from modag_search.errors import ModelError, UsageError
from modag_search.files import check_replaceable, open_regular, write_atomically

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from pathlib import Path

_FORMAT = "modag-training/1"
MARK = b"\0\0\0modag-training/"
"""Stands near the beginning of a checkpoint: the format's name as pickle writes it, behind its length, so no text."""


class Checkpoint:
    """The file that a training notes its state in.

    Parameters
    ----------
    path : Path
    restart : bool
        Begin anew, whatever the file holds.
    on_resume : callable, optional
        Called with the step that a training goes on from.

    Attributes
    ----------
    every : int
        Steps from one note to the next.
    """

    every = 50

    def __init__(self, path: Path, *, restart: bool = False, on_resume: Callable[[int], None] | None = None) -> None:
        self.path = path
        self.on_resume = on_resume
        self._restart = restart

    def require(self, identity: Mapping[str, Any]) -> None:
        """Refuse early, before media are decoded, what `load` would refuse later."""
        self.load(identity)

    def load(self, identity: Mapping[str, Any]) -> dict[str, Any] | None:
        """Return the state of a training, or None where there is none to go on with.

        Parameters
        ----------
        identity : Mapping
            What decides how a training goes, as JSON values; all of it must be what the file notes.

        Returns
        -------
        dict or None

        Raises
        ------
        UsageError
            If the file is of another training, is no checkpoint, or cannot be read.
        """
        check_replaceable(self.path, mark=MARK, option="--checkpoint")
        if self._restart or not self.path.exists():
            return None
        try:
            # Tensors, numbers and texts alone: a checkpoint from elsewhere runs no code.
            with open_regular(self.path) as file:
                noted = torch.load(file, weights_only=True)
            if noted["format"] != _FORMAT:
                raise ValueError(f"its format is {noted['format']}")  # noqa: TRY301  one place says what to do
            before, state = json.loads(noted["identity"]), dict(noted["state"])
        except (OSError, RuntimeError, ValueError, KeyError, TypeError, EOFError, pickle.UnpicklingError) as error:
            reason = str(error).partition("\n")[0] or type(error).__name__
            raise UsageError(f"{self.path}: no checkpoint that can be read ({reason}); {_WAY_OUT}") from error
        if differing := _differences(before, dict(identity)):
            raise UsageError(f"{self.path}: is of another training: {differing}; {_WAY_OUT}")
        return state

    def save(self, state: Mapping[str, Any], identity: Mapping[str, Any]) -> None:
        """Note the state; a file is there wholly or not at all."""
        buffer = io.BytesIO()
        noted = {"format": _FORMAT, "identity": json.dumps(identity, sort_keys=True), "state": dict(state)}
        torch.save(noted, buffer)
        write_atomically(self.path, [buffer.getbuffer()], error=ModelError)
        self._restart = False

    def remove(self) -> None:
        """Forget the training, which is done."""
        self.path.unlink(missing_ok=True)


_WAY_OUT = "--restart begins anew, --checkpoint FILE keeps this one and uses another"


def _differences(before: dict[str, Any], now: dict[str, Any]) -> str:
    """Say in which of the parts that both have two identities differ."""
    differing = []
    for name in sorted(before.keys() & now.keys()):
        if isinstance(before[name], dict) and isinstance(now[name], dict):
            both = sorted(before[name].keys() | now[name].keys())
            pairs = [(key, before[name].get(key), now[name].get(key)) for key in both]
            differing += [f"{key} was {old}, not {new}" for key, old, new in pairs if old != new]
        elif before[name] != now[name]:
            differing.append(f"its {name} are others")
    return ", ".join(differing)
