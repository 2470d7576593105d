"""Which versions of what decide a result: kept with each run."""

from __future__ import annotations

import functools
import platform
from importlib.metadata import PackageNotFoundError, version

_PACKAGES = ("modag-search", "av", "faiss-cpu", "numpy", "pillow", "soundfile", "soxr", "sqlalchemy", "torch")


def library_versions() -> dict[str, str]:
    """Return versions by package, and that of Python."""
    return {"python": platform.python_version(), **{name: _version(name) for name in _PACKAGES}}


@functools.cache
def _version(name: str) -> str:
    try:
        return version(name)
    except PackageNotFoundError:
        return "unknown"
