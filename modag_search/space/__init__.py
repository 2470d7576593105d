"""The shared space: two small networks that carry the features of both modalities into one; and words, into it."""

from modag_search.space.branches import Branch
from modag_search.space.class_head import NameTree, SharedClassHead
from modag_search.space.descriptions import Descriptions
from modag_search.space.lexicon import Lexicon
from modag_search.space.meaning import ClassNames, Meaning
from modag_search.space.space import QueryModality, Space, packaged_spaces
from modag_search.space.taught import TaughtNames
from modag_search.space.words import Reading, TokenTable

__all__ = [
    "Branch",
    "ClassNames",
    "Descriptions",
    "Lexicon",
    "Meaning",
    "NameTree",
    "QueryModality",
    "Reading",
    "SharedClassHead",
    "Space",
    "TaughtNames",
    "TokenTable",
    "packaged_spaces",
]
