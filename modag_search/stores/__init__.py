"""Nearest neighbours; one module a backend. Nothing else imports faiss or a server's client."""

from modag_search.stores.base import NOTHING, StoreReader, StoreStamp, VectorStore
from modag_search.stores.kinds import AUTO, StoreKinds
from modag_search.stores.layered import LayeredReader
from modag_search.stores.mapped import MappedStore
from modag_search.stores.saved import StampedReader, StoreFile

__all__ = [
    "AUTO",
    "NOTHING",
    "LayeredReader",
    "MappedStore",
    "StampedReader",
    "StoreFile",
    "StoreKinds",
    "StoreReader",
    "StoreStamp",
    "VectorStore",
]
