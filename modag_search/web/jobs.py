"""Work that goes on while other requests are answered: taking files in, one run at a time."""

from __future__ import annotations

import logging
import secrets
import threading
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, Literal

from modag_search.errors import ModagError
from modag_search.index.description import indexed_folders
from modag_search.ingest.wording import gone_in_words, passages_in_words, replaced_in_words
from modag_search.rows import Row, as_row, report_document
from modag_search.web.problems import ProblemError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from modag_search.index import Index
    from modag_search.ingest.run import Progress
    from modag_search.media import Isolation
    from modag_search.values import IndexedFolder, IndexReport

logger = logging.getLogger(__name__)

State = Literal["running", "stopping", "done", "failed", "stopped"]
_GOODBYE_S = 30.0
"""How long the file that is being read may take once the server is to stop."""
_MOST_KEPT = 100
_JOB_IDS = 2**48
"""Drawn from so many that one of another process is not taken for one of this; JavaScript knows them all apart."""


def _now() -> str:
    return datetime.now(UTC).isoformat(timespec="seconds")


class _StopError(BaseException):
    """Breaks a run off between two files; no file is at fault."""


@dataclass(slots=True, kw_only=True)
class Job:
    """Work that goes on, or has come to an end.

    Attributes
    ----------
    id : int
    folders : list of IndexedFolder
    options : dict
        For `Index.add`.
    state : {"running", "stopping", "done", "failed", "stopped"}
    done, found : int
        Files.
    started_at : str
    finished_at : str or None
    report : dict or None
        What was done.
    remarks : list of str
        What there is to say of that: what is gone, what was replaced, what became of labels.
    problem : str or None
        Why it failed.
    """

    id: int
    folders: list[IndexedFolder]
    options: dict[str, bool]
    state: State = "running"
    done: int = 0
    found: int = 0
    started_at: str = field(default_factory=_now)
    finished_at: str | None = None
    report: Row | None = None
    remarks: list[str] = field(default_factory=list)
    problem: str | None = None

    @property
    def is_over(self) -> bool:
        """Whether nothing more comes of it."""
        return self.finished_at is not None

    def row(self) -> Row:
        """Return how far it is."""
        fields = ("state", "done", "found", "started_at", "finished_at", "report", "remarks", "problem")
        return {"id": self.id, "verb": "index", "paths": [one.path for one in self.folders]} | as_row(
            self, fields=fields
        )


class Jobs:
    """Runs jobs over an index, one at a time, each in a thread of its own.

    Parameters
    ----------
    index : Index
    isolation : Isolation
        Of which what they decode is part.
    """

    def __init__(self, index: Index, isolation: Isolation) -> None:
        self._is_ending = False
        self._index = index
        self._isolation = isolation
        self._lock = threading.Lock()
        self._jobs: dict[int, Job] = {}
        self._thread: threading.Thread | None = None

    def start(self, folders: Sequence[IndexedFolder], **options: bool) -> Job:
        """Begin to take in what is new in folders.

        Raises
        ------
        ProblemError
            While another job goes on, or once the server is to stop.
        """
        with self._lock:
            if self._is_ending:
                raise ProblemError(503, "the server stops; ask again", kind="stopping")
            if running := next((job for job in self._jobs.values() if not job.is_over), None):
                raise ProblemError(409, f"job {running.id} goes on; wait for its end, or stop it", kind="job-running")
            job = Job(id=1 + secrets.randbelow(_JOB_IDS), folders=list(folders), options=options)
            self._jobs[job.id] = job
            self._thread = threading.Thread(target=self._run, args=[job], name=f"modag-job-{job.id}", daemon=True)
            self._thread.start()
        return job

    def get(self, job_id: int) -> Job:
        """Find a job.

        Raises
        ------
        ProblemError
            If there is none.
        """
        job = self._jobs.get(job_id)
        if job is None:
            raise ProblemError(404, f"this server began no job {job_id}; ask the one that did", kind="no-such-job")
        return job

    def all(self) -> list[Job]:
        """Return jobs, the latest first."""
        with self._lock:
            return list(reversed(self._jobs.values()))[:_MOST_KEPT]

    def stop(self, job: Job) -> None:
        """Have a job end with the file that it is at; what is finished stays."""
        with self._lock:
            if job.state == "running":
                job.state = "stopping"

    @property
    def n_under_way(self) -> int:
        """How many go on."""
        with self._lock:
            return sum(not job.is_over for job in self._jobs.values())

    def end(self) -> None:
        """Have what goes on end with the file that it is at, and begin nothing more."""
        self._is_ending = True
        for job in self.all():
            self.stop(job)

    def close(self, *, waits: bool = True) -> None:
        """Have all end, and wait for that."""
        self.end()
        if waits and self._thread is not None:
            self._thread.join(_GOODBYE_S)

    def _run(self, job: Job) -> None:
        self._isolation.enter_thread()
        state: State = "failed"
        try:
            job.report = self._added(job)
            state = "done"
        except _StopError:
            state = "stopped"
        except ModagError as error:
            job.problem = str(error)
        except Exception:  # whoever waits for the job is to be told
            logger.exception("a job failed")
            job.problem = "the server failed; its log says where"
        with self._lock:
            job.state = state
            job.finished_at = _now()

    def _added(self, job: Job) -> Row:
        """Take in folders, those together that are to be looked at alike; none takes out what another one takes in."""
        indexed = indexed_folders(self._index.catalog)
        alike: dict[tuple[tuple[str, ...], bool], list[str]] = {}
        for one in job.folders:
            alike.setdefault((one.exclude, one.follow_symlinks), []).append(one.path)
        told: Row = {}
        for (exclude, follow_symlinks), paths in alike.items():
            report = self._index.add(
                paths,
                exclude=exclude,
                follow_symlinks=follow_symlinks,
                beside=[one for one in indexed if one.path not in paths],
                progress=_progress_of(job),
                **job.options,
            )
            told = _together(told, report_document(report))
            job.remarks += _remarks(report, prune=job.options.get("prune", False))
        return told


def _progress_of(job: Job) -> Progress:
    """Return what hears how far a run is, which comes after what the job has done already."""
    done_before, found_before = job.done, job.found

    def progress(*, done: int, found: int) -> None:
        job.done, job.found = done_before + done, found_before + found
        if job.state == "stopping":
            raise _StopError

    return progress


def _remarks(report: IndexReport, *, prune: bool) -> list[str]:
    """Say what the command line would, of what numbers alone do not tell."""
    return [
        *gone_in_words(report, prune=prune, way_out="`modag index FOLDER --prune`"),
        *replaced_in_words(report),
        *passages_in_words(report.passages, foreseen=report.dry_run),
    ]


def _together(one: Row, other: Row) -> Row:
    """Add up what two runs tell: numbers, lists, and counts by name; a text by name stays as the first tells it."""
    return one | {key: _sum(one[key], value) if key in one else value for key, value in other.items()}


def _sum(one: Any, other: Any) -> Any:
    if isinstance(one, str):
        return one
    return _together(one, other) if isinstance(one, dict) else one + other
