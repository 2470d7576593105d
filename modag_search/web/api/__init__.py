"""Endpoints below ``/api/v1``, by what they are about; in the words of the command line."""

from modag_search.web.api import collection, items, searching

ROUTERS = (searching.router, items.router, collection.router)

__all__ = ["ROUTERS"]
