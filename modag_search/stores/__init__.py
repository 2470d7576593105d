"""Nearest neighbours; one module a backend. Nothing else imports faiss or a server's client."""

from modag_search.stores.base import NOTHING, StoreReader, StoreStamp, VectorStore
from modag_search.stores.homes import StoreHome
from modag_search.stores.kinds import AUTO, StoreKinds
from modag_search.stores.layered import LayeredReader
from modag_search.stores.mapped import MappedStore
from modag_search.stores.saved import StampedReader, StoreFile
from modag_search.stores.servers import homes_of, require_known, require_store

__all__ = [
    "AUTO",
    "NOTHING",
    "LayeredReader",
    "MappedStore",
    "StampedReader",
    "StoreFile",
    "StoreHome",
    "StoreKinds",
    "StoreReader",
    "StoreStamp",
    "VectorStore",
    "homes_of",
    "require_known",
    "require_store",
]
