"""How many threads the products of matrices get."""

from __future__ import annotations

import os


def keep_to_one_thread() -> None:
    """Have numpy's and faiss's libraries, which are not imported yet, start no threads; the user's word goes first."""
    for variable in ("OPENBLAS_NUM_THREADS", "OMP_NUM_THREADS"):
        os.environ.setdefault(variable, "1")
