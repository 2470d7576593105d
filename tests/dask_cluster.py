"""A real cluster of Dask: a scheduler and workers, processes of their own, on loopback alone."""

from __future__ import annotations

import os
import re
import signal
import subprocess
import sys
import threading
from contextlib import suppress
from typing import IO, TYPE_CHECKING

from tests.cli.command_line import CommandLine

if TYPE_CHECKING:
    import random
    from collections.abc import Iterator
    from pathlib import Path

_QUIET = {"DASK_DISTRIBUTED__WORKER__MEMORY__TERMINATE": "False", "DASK_DISTRIBUTED__WORKER__MEMORY__PAUSE": "False"}


class DaskCluster:
    """A scheduler, which `close` ends with all its workers.

    Parameters
    ----------
    folder : Path
        For homes and the workers' files.
    plugins : Path
        A folder of installed packages.
    **environment : str
        Of the scheduler, beside ours.
    """

    def __init__(self, folder: Path, *, plugins: Path, **environment: str) -> None:
        self._folder = folder
        self._environment = CommandLine(folder, plugins=plugins).environment | _QUIET
        self._processes: list[subprocess.Popen[str]] = []
        self.scheduler = self._started(
            "scheduler", "--host", "127.0.0.1", "--port", "0", "--no-dashboard", **environment
        )
        self._address = _told(self.scheduler, r"Scheduler at: +tcp://(\S+)")

    @property
    def address(self) -> str:
        """What `--workers` takes."""
        return f"dask://{self._address}"

    @property
    def port(self) -> int:
        """That of the scheduler."""
        return int(self._address.rpartition(":")[2])

    def start_workers(self, n: int, *, scheduler: str = "", **environment: str) -> None:
        """Start so many workers, and wait for one; several have nannies, who start another one where one dies.

        They reach the scheduler at its own address, or at another one.
        """
        nanny = ["--nworkers", str(n)] if n > 1 else ["--no-nanny"]
        options = [*nanny, "--nthreads", "1", "--no-dashboard", "--local-directory", str(self._folder / "workers")]
        at = f"tcp://{scheduler or self._address}"
        workers = self._started("worker", at, *options, "--preload", "tests.worker_preload", **environment)
        _told(workers, r"Registered to: +(\S+)")

    def kill_a_worker(self, chance: random.Random) -> None:
        """End one of the workers, which does not hear of it."""
        with suppress(ProcessLookupError):
            os.kill(chance.choice(sorted(self._workers())), signal.SIGKILL)

    def freeze_the_first_worker(self) -> None:
        """Let it do nothing any more, not even end, where it was started alone."""
        self._processes[1].send_signal(signal.SIGSTOP)

    def close(self) -> None:
        """End all."""
        for process in self._processes:
            with suppress(ProcessLookupError):
                os.killpg(process.pid, signal.SIGKILL)
            process.wait()

    def _workers(self) -> Iterator[int]:
        import psutil

        for process in self._processes[1:]:
            with suppress(psutil.NoSuchProcess):
                for child in psutil.Process(process.pid).children():
                    with suppress(psutil.NoSuchProcess):
                        if any("spawn_main" in word for word in child.cmdline()):
                            yield child.pid

    def _started(self, *arguments: str, **environment: str) -> subprocess.Popen[str]:
        process = subprocess.Popen(
            [sys.executable, "-m", "dask", *arguments],
            env=self._environment | environment,
            cwd=self._folder,
            stderr=subprocess.PIPE,
            text=True,
            start_new_session=True,
        )
        self._processes.append(process)
        return process


def _told(process: subprocess.Popen[str], pattern: str) -> str:
    """Wait for a line on the stderr of a process, and return a part of it; what comes later is read and forgotten."""
    assert process.stderr is not None
    lines = []
    for line in process.stderr:
        lines.append(line)
        if found := re.search(pattern, line):
            threading.Thread(target=_drain, args=(process.stderr,), daemon=True).start()
            return found[1]
    raise AssertionError("".join(lines))


def _drain(stream: IO[str]) -> None:
    with stream:
        for _ in stream:
            pass
