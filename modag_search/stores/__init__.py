"""Nearest neighbours; one module a backend. Nothing else imports faiss or a server's client."""

from modag_search.stores.base import NOTHING, StoreStamp, VectorStore

__all__ = ["NOTHING", "StoreStamp", "VectorStore"]
