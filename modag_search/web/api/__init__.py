"""Endpoints below ``/api/v1``, by what they are about, in the words of the command line; and probes, beside it."""

from modag_search.web.api import collection, curating, items, jobs, labelling, maps, naming, probes, searching

ROUTERS = (
    searching.router,
    items.router,
    collection.router,
    labelling.router,
    naming.router,
    curating.router,
    jobs.router,
    maps.router,
)

__all__ = ["ROUTERS", "probes"]
