"""A small disk, which tests fill: a file system in memory, where they may mount one."""

from __future__ import annotations

import os
import shutil
import subprocess
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from collections.abc import Iterator


class SmallDisk:
    """A file system of its own.

    Parameters
    ----------
    size_mib : int

    Attributes
    ----------
    folder : Path
        Where it is mounted.
    """

    def __init__(self, size_mib: int) -> None:
        self.folder = Path(tempfile.mkdtemp(prefix="modag-disk-"))
        options = f"size={size_mib}m,mode=0755"
        command = ["mount", "-t", "tmpfs", "-o", options, "modag-tests", str(self.folder)]
        if os.geteuid() != 0 or subprocess.run(command, check=False, capture_output=True).returncode:
            self.folder.rmdir()
            pytest.skip("needs the right to mount a file system")
        self._ballast = self.folder / "ballast"

    def fill(self, *, left_kib: int = 0) -> None:
        """Leave no room, or so much; what was filled before counts."""
        status = os.statvfs(self.folder)
        room = status.f_bavail * status.f_frsize - 1024 * left_kib
        with self._ballast.open("ab") as file:
            if room > 0:
                os.posix_fallocate(file.fileno(), file.tell(), room)

    def free(self) -> None:
        """Take away what it was filled with."""
        self._ballast.unlink(missing_ok=True)

    def remove(self) -> None:
        """Unmount it, whoever is in it."""
        subprocess.run(["umount", "-l", str(self.folder)], check=True)
        shutil.rmtree(self.folder, ignore_errors=True)


def mounted(size_mib: int) -> Iterator[SmallDisk]:
    """A disk, for a fixture."""
    disk = SmallDisk(size_mib)
    try:
        yield disk
    finally:
        disk.remove()
