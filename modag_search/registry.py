"""Plugins: encoders and stores, found through entry points."""

from __future__ import annotations

from importlib.metadata import EntryPoint, entry_points
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
    return sorted(entry_points(group=_ENCODERS).names)


def present_name(encoder: str) -> str:
    """Return the name of an encoder, or of its successor where an earlier version had it and this one does not."""
    return encoder if encoder in encoder_names() else _SUCCESSORS.get(encoder, encoder)


def store_names() -> list[str]:
    """Names of the installed stores, sorted."""
    return sorted(entry_points(group=_STORES).names)


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


def _load(group: str, kind: str, name: str) -> Any:
    installed: dict[str, EntryPoint] = {point.name: point for point in entry_points(group=group)}
    if name not in installed:
        raise UnknownPluginError(f"no {kind} named {name!r}; installed: {', '.join(sorted(installed)) or 'none'}")
    try:
        return installed[name].load()
    except (ImportError, AttributeError) as error:
        raise PluginError(f"{kind} {name!r} ({installed[name].value}) cannot be loaded: {error}") from error
