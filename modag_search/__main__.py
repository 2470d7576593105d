"""``python -m modag_search``."""

from modag_search.cli import main

main()
