"""The server: a REST interface and a page on one's own machine; translates only, as the command line does."""

from modag_search.web.access import Access
from modag_search.web.application import create_app
from modag_search.web.limits import Limits
from modag_search.web.serving import serve

__all__ = ["Access", "Limits", "create_app", "serve"]
