"""An index: the one class that a user of the library needs, and the stages behind it."""

from modag_search.index.index import Index

__all__ = ["Index"]
