"""The command line as a user runs it, in folders of its own: most often in this process, for processes take long."""

from __future__ import annotations

import contextlib
import gc
import json
import logging
import os
import subprocess
import sys
import tempfile
import warnings
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, BinaryIO
from unittest import mock

from modag_search.cli import main
from tests import THREADS

if TYPE_CHECKING:
    from collections.abc import Iterator

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
        self.plugins = plugins
        self.environment = {
            "PATH": os.environ["PATH"],
            "HOME": str(folder / "home"),
            "XDG_DATA_HOME": str(folder / "data"),
            "XDG_CACHE_HOME": str(folder / "cache"),
            "PYTHONPATH": os.pathsep.join(str(path) for path in (ROOT, plugins) if path),
            "LC_ALL": "C.UTF-8",
            **{variable: os.environ[variable] for variable in THREADS},
        }

    def __call__(self, *arguments: object, stdin: bytes = b"", **environment: str) -> Outcome:
        """Run a command in this process, which is afterwards as it was; what no user may see is raised here."""
        with (
            contextlib.chdir(self.folder),
            mock.patch.dict(os.environ, self.environment | environment, clear=True),
            mock.patch.object(sys, "argv", ["modag", *(os.fsdecode(os.fsencode(str(one))) for one in arguments)]),
            mock.patch.object(sys, "path", self._module_path()),
            warnings.catch_warnings(),
            _garbage_as_it_was(),
            _without_logging(),
            _standard_streams(stdin) as (stdout, stderr),
        ):
            status = _status_of_main()
            sys.stdout.flush()
            sys.stderr.flush()
            stdout.seek(0)
            stderr.seek(0)
            return _outcome(status, stdout.read(), stderr.read())

    def process(self, *arguments: object, stdin: bytes = b"", **environment: str) -> Outcome:
        """Run a command in a process of its own."""
        done = subprocess.run(
            self.command(*arguments),
            input=stdin,
            capture_output=True,
            cwd=self.folder,
            env=self.environment | environment,
            timeout=120,
            check=False,
        )
        return _outcome(done.returncode, done.stdout, done.stderr)

    def command(self, *arguments: object) -> list[bytes | str]:
        """What starts a process."""
        return [sys.executable, "-m", "modag_search", *(os.fsencode(str(argument)) for argument in arguments)]

    def _module_path(self) -> list[str]:
        plugins = [] if self.plugins is None or str(self.plugins) in sys.path else [str(self.plugins)]
        return [*plugins, *sys.path]


def _outcome(status: int, stdout: bytes, stderr: bytes) -> Outcome:
    """Make an outcome, in which no traceback may show."""
    outcome = Outcome(status, stdout, stderr.decode())
    assert "Traceback" not in outcome.stderr, outcome.stderr
    return outcome


def _status_of_main() -> int:
    """Run ``main`` and return what the interpreter would leave with."""
    try:
        main()
    except SystemExit as left:
        if left.code is None or isinstance(left.code, int):
            return left.code or 0
        print(left.code, file=sys.stderr)
        return 1
    return 0


@contextlib.contextmanager
def _standard_streams(stdin: bytes) -> Iterator[tuple[BinaryIO, BinaryIO]]:
    """Put files in the place of stdin, stdout and stderr, for what libraries write past Python too."""
    with contextlib.ExitStack() as stack:
        files = [stack.enter_context(tempfile.TemporaryFile()) for _ in range(3)]
        files[0].write(stdin)
        files[0].seek(0)
        for number, (file, name) in enumerate(zip(files, ("stdin", "stdout", "stderr"), strict=True)):
            ours = os.dup(number)
            stack.callback(os.close, ours)
            os.dup2(file.fileno(), number)
            stack.callback(os.dup2, ours, number)
            stream = stack.enter_context(
                open(
                    number,
                    "r" if name == "stdin" else "w",
                    encoding="utf-8",
                    errors="backslashreplace" if name == "stderr" else "strict",
                    closefd=False,
                )
            )
            stack.enter_context(mock.patch.object(sys, name, stream))
        yield files[1], files[2]


@contextlib.contextmanager
def _without_logging() -> Iterator[None]:
    """Take away what pytest does with log records, and afterwards what the command does with them."""
    root, warning = logging.getLogger(), logging.getLevelName(logging.WARNING)
    try:
        with mock.patch.object(root, "handlers", []):
            yield
    finally:
        logging.addLevelName(logging.WARNING, warning)


@contextlib.contextmanager
def _garbage_as_it_was() -> Iterator[None]:
    threshold = gc.get_threshold()
    try:
        yield
    finally:
        gc.set_threshold(*threshold)
