"""Tests run numpy's, torch's and faiss's libraries on one thread: with several, what is as small as here takes longer.

The libraries look for these variables when they are imported: they are set here, before any of them is. The user's word
goes first.
"""

import os

THREADS = ("MKL_NUM_THREADS", "OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS")

for variable in THREADS:
    os.environ.setdefault(variable, "1")
