"""Running networks with torch, for encoders whose networks ship in no other form."""

from __future__ import annotations

import importlib.util
import threading
from contextlib import contextmanager
from typing import TYPE_CHECKING

from modag_search.errors import MissingExtraError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    import torch

    from modag_search.values import Float32Array

_lock = threading.Lock()
_threads_inside = 0
_threads_before = 1


def has_torch() -> bool:
    """Tell whether torch and its companions are installed, without importing them."""
    return all(importlib.util.find_spec(name) for name in ("torch", "torchvision", "torchaudio"))


def require_torch(who: str, *, extra: str = "train") -> None:
    """Raise MissingExtraError where torch is not installed; `who` needs it, and `extra` brings it."""
    if not has_torch():
        raise MissingExtraError(who, extra)


class TorchNetwork:
    """A function of one tensor, run without gradients and on one thread.

    Parameters
    ----------
    function : callable
        Makes of a tensor ``[shape=(1, ...)]`` another, ``[shape=(1, dimension)]``.
    """

    def __init__(self, function: Callable[[torch.Tensor], torch.Tensor]) -> None:
        self._function = function

    def __call__(self, prepared: Float32Array) -> Float32Array:
        """Run the network on one prepared segment; several threads may at once."""
        import torch

        with one_thread(), torch.inference_mode():
            feature: Float32Array = self._function(torch.from_numpy(prepared)[None])[0].numpy()
        return feature


@contextmanager
def one_thread() -> Iterator[None]:
    """Keep torch to one thread an operation inside the block, in every thread that is in one."""
    import torch

    global _threads_inside, _threads_before  # noqa: PLW0603  shared by all threads, under the lock
    # A thread takes over torch's process-wide number when it first asks for it: asked here, it cannot do so later,
    # in the middle of a network.
    here = torch.get_num_threads()
    with _lock:
        if _threads_inside == 0:
            _threads_before = here
        _threads_inside += 1
        torch.set_num_threads(1)
    try:
        yield
    finally:
        # From then on the number is each thread's own, so each restores it, whether or not others are inside.
        with _lock:
            _threads_inside -= 1
            torch.set_num_threads(_threads_before)
