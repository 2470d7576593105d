"""The command line as a user runs it: a process of its own, in folders of its own."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parents[2]


@dataclass(frozen=True)
class Outcome:
    """How a command ended."""

    status: int
    stdout: bytes
    stderr: str

    @property
    def data(self) -> Any:
        """What stdout holds, which must be one JSON value and nothing else."""
        return json.loads(self.stdout)

    @property
    def error(self) -> str:
        """The one line on stderr."""
        (line,) = self.stderr.splitlines()
        return line


class CommandLine:
    """Runs ``modag``.

    Parameters
    ----------
    folder : Path
        Where commands run; the user's folders are made in it.
    plugins : Path, optional
        A folder of installed packages.
    """

    def __init__(self, folder: Path, *, plugins: Path | None = None) -> None:
        self.folder = folder
        self.environment = {
            "PATH": os.environ["PATH"],
            "HOME": str(folder / "home"),
            "XDG_DATA_HOME": str(folder / "data"),
            "XDG_CACHE_HOME": str(folder / "cache"),
            "PYTHONPATH": os.pathsep.join(str(path) for path in (ROOT, plugins) if path),
            "LC_ALL": "C.UTF-8",
        }

    def __call__(self, *arguments: object, stdin: bytes = b"", **environment: str) -> Outcome:
        """Run a command to its end; whatever happens, no traceback may show."""
        done = subprocess.run(
            self.command(*arguments),
            input=stdin,
            capture_output=True,
            cwd=self.folder,
            env=self.environment | environment,
            timeout=120,
            check=False,
        )
        outcome = Outcome(done.returncode, done.stdout, done.stderr.decode())
        assert "Traceback" not in outcome.stderr, outcome.stderr
        return outcome

    def command(self, *arguments: object) -> list[bytes | str]:
        return [sys.executable, "-m", "modag_search", *(os.fsencode(str(argument)) for argument in arguments)]
