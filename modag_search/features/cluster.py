"""Files encoded by the workers of a Dask cluster; alone knows Dask.

Dask carries what is asked and what is given, and tells which workers are there. Which worker gets which file is decided
here: so a file that ends its worker is known from those that were there at the same time. What was lost with a worker
is asked of another, where it is alone with the worker; what ends three is a file that does so.
"""

from __future__ import annotations

import logging
import threading
import time
import warnings
from concurrent.futures import FIRST_COMPLETED, CancelledError, ThreadPoolExecutor, wait
from contextlib import ExitStack, contextmanager, suppress
from importlib.util import find_spec
from itertools import islice
from typing import TYPE_CHECKING, Any, Final, Self, TypeVar
from urllib.parse import urlsplit

from modag_search.arguments import whole
from modag_search.errors import (
    ClusterError,
    CorruptMediaError,
    MissingExtraError,
    NotOnWorkerError,
    UsageError,
)
from modag_search.features import remote
from modag_search.features.seats import NobodyElseError, Seats, Worker
from modag_search.features.stored import require_as_scanned
from modag_search.values import EncodedItem

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
    from concurrent.futures import Future

    from modag_search.features.encoding import MediaEncoder, StageClock
    from modag_search.values import Modality, ScannedFile

logger = logging.getLogger(__name__)

Input = TypeVar("Input")
Output = TypeVar("Output")

CONNECT_S: Final = 10.0
"""A scheduler that does not answer for longer is not there."""
NO_WORKER_S: Final = 60.0
"""A run ends that has had no worker of use for longer."""
MOST_DEATHS: Final = 3
"""A file that so many workers die of is not tried any more."""

_LOOK_S: Final = 1.0
_ANSWER_S: Final = 30.0
_MOST_AHEAD: Final = 1024
_SCHEMES: Final = {"dask": "tcp", "dask+tls": "tls"}
_NO_LONGER: Final = "what is finished is kept, and the same command goes on from there"


def checked_workers(workers: int | str | None) -> int | str | None:
    """Make sure that who is to decode and encode can be meant, and return it.

    Parameters
    ----------
    workers : int or str, optional
        How many files at a time here; or the scheduler of a Dask cluster, as ``dask://host:8786``.

    Returns
    -------
    int or str or None

    Raises
    ------
    UsageError
        If it is neither.
    MissingExtraError
        If Dask is not installed.
    """
    if isinstance(workers, str):
        _scheduler_address(workers)
        if find_spec("distributed") is None:
            raise MissingExtraError("encoding by workers of Dask", "dask")
        return workers
    return None if workers is None else whole(workers, "workers", least=1)


def _scheduler_address(workers: str) -> str:
    """Return an address as Dask has it."""
    try:
        parts = urlsplit(workers)
        port = parts.port
    except ValueError:
        parts, port = urlsplit(""), None
    named = f"{parts.scheme}://{parts.netloc}"
    if parts.scheme not in _SCHEMES or not parts.hostname or not port or workers.rstrip("/") != named:
        raise UsageError(
            "workers must be a number from 1, or the scheduler of a Dask cluster as dask://HOST:PORT, or "
            f"dask+tls://HOST:PORT where it wants TLS, not {workers!r}"
        )
    return f"{_SCHEMES[parts.scheme]}://{parts.netloc}"


class _LostError(Exception):
    """A worker has gone, and what it was asked for with it."""


class _ClosedError(Exception):
    """Nobody waits for an answer any more."""


class Cluster:
    """The workers of a scheduler, as long as its block runs; joined only once they are needed.

    Parameters
    ----------
    workers : str
        As `checked_workers` takes it.
    encoder : MediaEncoder
        What the workers' features must be those of; its networks are not loaded.
    """

    def __init__(self, workers: str, encoder: MediaEncoder) -> None:
        self._name = workers
        self._address = _scheduler_address(workers)
        self._terms = remote.terms_of(encoder)
        self._modalities: Sequence[Modality] = ()
        self._seats = Seats()
        self._refusals: dict[str, str] = {}
        self._client: Any = None
        self._entered = ExitStack()
        self._over = threading.Event()
        self._watching = threading.Thread(target=self._watch, name="modag-cluster", daemon=True)
        self._pool = ThreadPoolExecutor(_MOST_AHEAD, thread_name_prefix="modag-file")

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def connect(self, modalities: Sequence[Modality]) -> None:
        """Join the cluster, and let its workers load what encodes some modalities.

        Raises
        ------
        ClusterError
            If no scheduler answers.
        """
        from distributed import Client, Security
        from distributed.versions import VersionMismatchWarning

        security = Security()
        if self._address.startswith("tls:") and not (security.tls_ca_file and security.tls_client_cert):
            raise ClusterError(
                f"{self._name}: TLS wants certificates: let DASK_DISTRIBUTED__COMM__TLS__CA_FILE and, beside it, "
                "DASK_DISTRIBUTED__COMM__TLS__CLIENT__CERT and ...__KEY name their files"
            )
        self._modalities = modalities
        self._entered.enter_context(_hushed())
        with warnings.catch_warnings():
            # Versions that matter are those of `remote.terms_of`.
            warnings.simplefilter("ignore", VersionMismatchWarning)
            try:
                self._client = Client(
                    self._address, timeout=CONNECT_S, set_as_default=False, name="modag", security=security
                )
            except Exception as error:
                reason = str(error.__cause__ or "") or str(error)
                raise ClusterError(
                    f"{self._name}: no scheduler of Dask answers there ({reason}); `dask scheduler` starts one"
                ) from error
        self._watching.start()

    def close(self) -> None:
        """Leave the cluster; what workers have not answered is not waited for."""
        self._over.set()
        pending = self._seats.break_off(_ClosedError())
        if self._client is not None:
            with suppress(Exception):  # it is left, whatever state it is in
                self._cancel(pending)
                self._client.close(timeout=CONNECT_S)
        self._entered.close()
        self._pool.shutdown(cancel_futures=True)
        if self._watching.ident is not None:
            self._watching.join()

    def map(self, function: Callable[[Input], Output], inputs: Iterable[Input]) -> Iterator[Output]:
        """Apply `function`, which asks for `encode`, in threads; yield outcomes as they come, not in order.

        No more is under way than the workers have seats for, twice.
        """
        waiting = iter(inputs)
        under_way: set[Future[Output]] = set()
        while True:
            room = min(2 * self._seats.n_seats + 2, _MOST_AHEAD) - len(under_way)
            under_way |= {self._pool.submit(function, one) for one in islice(waiting, max(room, 0))}
            if not under_way:
                return
            done, under_way = wait(under_way, timeout=_LOOK_S, return_when=FIRST_COMPLETED)  # seats may become more
            for one in done:
                yield one.result()

    def encode(self, file: ScannedFile, *, clock: StageClock) -> EncodedItem:
        """Have a file encoded by some worker; several threads may.

        Parameters
        ----------
        file : ScannedFile
        clock : StageClock
            Told how long that took on the worker.

        Returns
        -------
        EncodedItem

        Raises
        ------
        MediaError
            As `MediaEncoder.encode_file`; NotOnWorkerError, where no worker sees such a file; CorruptMediaError, where
            three workers died over it.
        ClusterError
            If the scheduler is gone, or has no worker of use for a while.
        """
        outcome = self._outcome(file)
        if isinstance(outcome, Exception):
            raise outcome
        require_as_scanned(file)
        clock.add(outcome.stage_seconds)
        return EncodedItem(file=file, content_hash=outcome.content_hash, facts=outcome.facts, segments=outcome.segments)

    def _outcome(self, file: ScannedFile) -> remote.Encoded | Exception:
        """Ask one worker after the other, until one has an answer.

        After a death the next is asked alone, so that no other file is blamed for the next one. A worker that does not
        see the file is blamed where another one does.
        """
        deaths = 0
        unseen: dict[Worker, NotOnWorkerError] = {}
        while deaths < MOST_DEATHS:
            try:
                with self._seats.taken(alone=deaths > 0, besides=unseen.keys()) as worker:
                    outcome = self._answer(worker, remote.encode, file.path, file.size_bytes, file.mtime_ns)
            except _LostError:
                deaths += 1
                continue
            except NobodyElseError:
                return next(iter(unseen.values()))
            if not isinstance(outcome, NotOnWorkerError):
                self._blame(unseen)
                return outcome
            require_as_scanned(file)
            unseen[worker] = outcome
        return CorruptMediaError(file.path, f"ends the worker that encodes it: {MOST_DEATHS} died while they did")

    def _blame(self, unseen: Mapping[Worker, NotOnWorkerError]) -> None:
        for worker, error in unseen.items():
            if self._seats.blame(worker):
                self._refuse(worker, f"does not see files that others see, at last {error}")

    def _answer(self, worker: Worker, function: Callable[..., Output], *arguments: Any) -> Output:
        """Have a worker call a function; raises _LostError where it does not come to its end."""
        from distributed.scheduler import KilledWorker

        try:
            # Where it is lost, Dask must not choose another one.
            future = self._client.submit(
                function, self._terms, *arguments, workers=[worker.address], allow_other_workers=False, pure=False
            )
            with self._seats.under_way(worker, future):
                if worker.is_gone:
                    future.cancel()
                answer: Output = future.result()
                return answer
        except KilledWorker:
            raise _LostError from None
        except (Exception, CancelledError) as error:
            if self._seats.fault is not None:
                raise self._seats.fault from None
            if worker.is_gone:
                raise _LostError from None
            if isinstance(error, CancelledError) or self._client.status != "running":
                fault = self._scheduler_gone()
                self._seats.break_off(fault)
                raise fault from None
            raise

    # Who is there.

    def _watch(self) -> None:
        """See who comes and goes, until the cluster is left."""
        since = time.monotonic()
        while not self._over.wait(_LOOK_S if self._seats.n_seats else _LOOK_S / 10):
            try:
                there = self._client.nthreads(callback_timeout=_ANSWER_S)
                self._look_over(there)
            except (Exception, CancelledError):  # noqa: BLE001  whatever the scheduler answers with, if it does
                self._cancel(self._seats.break_off(self._scheduler_gone()))
                return
            if self._seats.known() - self._refusals.keys():  # some encode, or load what encodes
                since = time.monotonic()
            elif time.monotonic() - since > NO_WORKER_S:
                self._cancel(self._seats.break_off(self._no_worker()))
                return

    def _look_over(self, there: dict[str, int]) -> None:
        for address in self._seats.known() - there.keys():
            self._refusals.pop(address, None)
            self._cancel(self._seats.leave_out(address))
        for address in there.keys() - self._seats.known():
            worker = Worker(address, there[address])
            self._seats.add(worker)
            threading.Thread(target=self._greet, args=(worker,), name="modag-greeting", daemon=True).start()

    def _greet(self, worker: Worker) -> None:
        """Let a worker load what it needs, and take it in if it meets the terms."""
        try:
            refusal = self._answer(worker, remote.make_ready, list(self._modalities))
        except (_LostError, _ClosedError, ClusterError):
            return
        except Exception as error:  # noqa: BLE001  as where this package is not installed there
            refusal = f"cannot be asked: {type(error).__name__}: {error}".splitlines()[0]
        if refusal is None:
            self._seats.admit(worker)
            return
        self._refuse(worker, refusal)

    def _refuse(self, worker: Worker, reason: str) -> None:
        """Say why a worker is not used."""
        self._refusals[worker.address] = reason
        logger.warning("worker %s is not used: %s", worker.address, reason)

    def _cancel(self, futures: set[Any]) -> None:
        """Let who waits for some answers wait no longer."""
        if futures and self._client.status == "running":
            self._client.cancel(list(futures))

    def _scheduler_gone(self) -> ClusterError:
        return ClusterError(f"{self._name}: the scheduler went away; {_NO_LONGER}")

    def _no_worker(self) -> ClusterError:
        reasons = "".join(f"; {address}: {reason}" for address, reason in sorted(self._refusals.items())[:3])
        waited = f"no worker of use for {NO_WORKER_S:g} s{reasons}"
        return ClusterError(f"{self._name}: {waited}; `dask worker` starts one; {_NO_LONGER}")


@contextmanager
def _hushed() -> Iterator[None]:
    """Keep Dask's own words off stderr inside the block: what matters of them is said here, in a line."""
    loggers = [logging.getLogger(name) for name in ("distributed", "distributed.client", "tornado.application")]
    levels = [one.level for one in loggers]
    for one in loggers:
        one.setLevel(logging.CRITICAL + 1)
    try:
        yield
    finally:
        for one, level in zip(loggers, levels, strict=True):
            one.setLevel(level)
