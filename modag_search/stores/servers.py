"""Addresses of servers that keep stores: which engine speaks to which, and what may stand in an address."""

from __future__ import annotations

import atexit
import functools
import hashlib
import importlib
import platform
from typing import TYPE_CHECKING

from modag_search.addresses import holds_password, is_address, without_password
from modag_search.errors import MissingExtraError, StoreServerError, UsageError
from modag_search.stores.homes import StoreFiles, StoreHome
from modag_search.stores.kinds import AUTO, StoreKinds
from modag_search.stores.shared import SharedStore
from modag_search.values import MODALITIES, Modality

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from pathlib import Path

    from modag_search.stores.engine import VectorEngine

_ENGINES = {
    "milvus": ("modag_search.stores.milvus", "Milvus", "milvus"),
    "milvus+https": ("modag_search.stores.milvus", "Milvus", "milvus"),
    "postgresql": ("modag_search.stores.pgvector", "PgVector", "postgres"),
    "postgres": ("modag_search.stores.pgvector", "PgVector", "postgres"),
}
"""Which module has the engine for a scheme, loaded when it is asked for, what it is called, and the extra it needs."""
_CORRECT_IT = "see whether the address is right, and the server is there"


def engine_at(address: str) -> VectorEngine:
    """Return what speaks to a server; nothing is asked of it yet. Threads share the one of an address.

    Raises
    ------
    UsageError
        If it is no address that any engine knows, or holds a password.
    MissingExtraError
        If the packages that the engine needs are not installed.
    """
    scheme = address.partition("://")[0]
    if scheme not in _ENGINES:
        known = ", ".join(f"{name}://..." for name in _ENGINES)
        raise UsageError(f"no store is kept at {scheme}://...; known are {known}")
    _require_no_password(address)
    return _engine(address)


@functools.cache
def _engine(address: str) -> VectorEngine:
    scheme = address.partition("://")[0]
    module, name, extra = _ENGINES[scheme]
    try:
        engine: VectorEngine = getattr(importlib.import_module(module), name)(address)
    except ModuleNotFoundError as error:
        raise MissingExtraError(f"a store at {scheme}://", extra) from error
    atexit.register(engine.close)
    return engine


def _require_no_password(address: str) -> None:
    """Refuse a password: what an index is made with stands in a file that is copied and read by others."""
    if holds_password(address):
        raise UsageError(
            f"{without_password(address)}: the address of a store is kept in settings.json, so no password may stand in"
            " it; PostgreSQL's is read from ~/.pgpass or PGPASSWORD, that of Milvus from MILVUS_PASSWORD or"
            " MILVUS_TOKEN"
        )


def require_known(store: str) -> None:
    """See to it that a kind of store is installed, or what speaks to a server; nothing is asked of the server.

    Raises
    ------
    UnknownPluginError, PluginError
        If there is no such kind.
    UsageError, MissingExtraError
        As `engine_at`.
    """
    if is_address(store):
        engine_at(store)
    else:
        StoreKinds(store)


def require_store(store: str, *, is_kept_there: bool = False) -> None:
    """See to it that an index can have a store, and that a server can be written to.

    Parameters
    ----------
    store : str
    is_kept_there : bool
        Whether the index has its stores there already, which it may leave if the server will not do.

    Raises
    ------
    UnknownPluginError, PluginError, UsageError, MissingExtraError
        As `require_known`.
    StoreServerError
        If the server is out of reach, or will not do.
    """
    require_known(store)
    if is_address(store):
        try:
            engine_at(store).prepare()
        except StoreServerError as error:
            if is_kept_there:
                raise
            ways_out = tuple(one for one in error.ways_out if one != StoreServerError.LEAVING)
            raise StoreServerError(error.problem, *(ways_out or (_CORRECT_IT,))) from error


def homes_of(
    store: str, *, folder: Path, dimension: int, knows: Callable[[int, str], bool]
) -> Mapping[Modality, StoreHome]:
    """Say where the stores of an index are kept.

    Parameters
    ----------
    store : str
        Name of a kind, ``auto``, or the address of a server.
    folder : Path
        Of files; on a server it tells an index from its copies.
    dimension : int
    knows : callable
        Tells whether the catalog went through a generation with a token.

    Returns
    -------
    Mapping of modality to StoreHome

    Raises
    ------
    UnknownPluginError, PluginError, UsageError, MissingExtraError
        As `require_store`.
    """
    if not is_address(store):
        kinds = StoreKinds(store)
        return {one: StoreFiles(folder, one, kinds=kinds, dimension=dimension) for one in MODALITIES}
    engine, kinds = engine_at(store), StoreKinds(AUTO)
    writer = hashlib.blake2b(f"{platform.node()}\0{folder.absolute()}".encode(errors="surrogateescape"), digest_size=16)
    return {
        one: SharedStore(engine, one, kinds=kinds, dimension=dimension, knows=knows, writer=writer.hexdigest())
        for one in MODALITIES
    }
