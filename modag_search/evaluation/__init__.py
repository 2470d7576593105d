"""Scoring an index: how well it finds and names, and how far above chance."""

from modag_search.evaluation.evaluating import evaluate
from modag_search.evaluation.results import Evaluation

__all__ = ["Evaluation", "evaluate"]
