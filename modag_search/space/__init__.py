"""The shared space: two small networks that carry the features of both modalities into one."""

from modag_search.space.knowledge import Knowledge, NameTree
from modag_search.space.space import Branch, Space, packaged_spaces

__all__ = ["Branch", "Knowledge", "NameTree", "Space", "packaged_spaces"]
