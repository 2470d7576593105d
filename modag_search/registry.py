"""Plugins: encoders and stores, found through entry points."""

from __future__ import annotations

import functools
import sys
from importlib.metadata import EntryPoint, EntryPoints, entry_points
from typing import TYPE_CHECKING, Any

from modag_search.errors import PluginError, UnknownPluginError

if TYPE_CHECKING:
    from modag_search.encoders import Encoder
    from modag_search.stores import VectorStore

_ENCODERS = "modag_search.encoders"
_STORES = "modag_search.stores"
_SUCCESSORS = {"efficientat-mn04": "modag-sound", "efficientnet-lite0": "efficientnet-lite2"}
"""Encoders of earlier versions, and what took their place."""


def encoder_names() -> list[str]:
    """Names of the installed encoders, sorted."""
    return sorted(_installed(_ENCODERS).names)


def present_name(encoder: str) -> str:
    """Return the name of an encoder, or of its successor where an earlier version had it and this one does not."""
    # To see what is installed takes a while, which is spent where it matters alone.
    return _SUCCESSORS[encoder] if encoder in _SUCCESSORS and encoder not in encoder_names() else encoder


def store_names() -> list[str]:
    """Names of the installed stores, sorted."""
    return sorted(_installed(_STORES).names)


def encoder_class(name: str) -> type[Encoder]:
    """Find an encoder.

    Raises
    ------
    UnknownPluginError
        If none of that name is installed; the message lists those that are.
    PluginError
        If it cannot be imported.
    """
    found: type[Encoder] = _load(_ENCODERS, "encoder", name)
    return found


def store_class(name: str) -> type[VectorStore]:
    """Find a store; errors as in `encoder_class`."""
    found: type[VectorStore] = _load(_STORES, "store", name)
    return found


def _installed(group: str) -> EntryPoints:
    found: EntryPoints = _all_installed(tuple(sys.path)).select(group=group)
    return found


@functools.lru_cache(maxsize=1)
def _all_installed(path: tuple[str, ...]) -> Any:  # noqa: ARG001  what is installed depends on it
    """Read the entry points of all packages once: with a hundred of them, that takes as long as loading a network."""
    return entry_points()


def _load(group: str, kind: str, name: str) -> Any:
    installed: dict[str, EntryPoint] = {point.name: point for point in _installed(group)}
    if name not in installed:
        raise UnknownPluginError(f"no {kind} named {name!r}; installed: {', '.join(sorted(installed)) or 'none'}")
    try:
        return installed[name].load()
    except (ImportError, AttributeError) as error:
        raise PluginError(f"{kind} {name!r} ({installed[name].value}) cannot be loaded: {error}") from error
