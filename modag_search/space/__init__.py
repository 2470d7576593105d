"""The shared space: two small networks that carry the features of both modalities into one."""

from modag_search.space.class_head import NameTree, SharedClassHead
from modag_search.space.space import Branch, Space, packaged_spaces

__all__ = ["Branch", "NameTree", "SharedClassHead", "Space", "packaged_spaces"]
