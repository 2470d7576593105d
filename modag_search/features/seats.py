"""Who of a cluster's workers has room for a file: so many at a time, and those that may end a worker by themselves."""

from __future__ import annotations

import threading
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator

_WAITING: Final = 1
"""Files that lie at a worker beside those that its threads encode, so that none waits for the network."""
MOST_UNSEEN: Final = 3
"""A worker that does not see so many files that others see is not asked any more: who has no files is done soonest."""


class NobodyElseError(Exception):
    """All workers that are ready are among those that will not do."""


class Worker:
    """A worker, as far as it concerns who sends files there; changed by `Seats` alone.

    Parameters
    ----------
    address : str
    n_threads : int
        Files that it encodes at a time.

    Attributes
    ----------
    is_gone : bool
    n_unseen : int
        Files that it did not see, and others did.
    under_way : set
        What it was asked for and has not answered.
    """

    def __init__(self, address: str, n_threads: int) -> None:
        self.address = address
        self.n_seats = n_threads + _WAITING
        self.n_taken = 0
        self.is_ready = False
        self.is_reserved = False
        self.is_gone = False
        self.n_unseen = 0
        self.under_way: set[Any] = set()

    @property
    def share_taken(self) -> float:
        """How much of it is taken, from 0 to 1."""
        return self.n_taken / self.n_seats


class Seats:
    """The seats of all workers, which threads wait for.

    Who sits alone has the worker for itself. While somebody waits for that, no other seat is given away, so that one
    worker empties soon.
    """

    def __init__(self) -> None:
        self._lock = threading.RLock()
        self._seat = threading.Condition(self._lock)
        self._empty_worker = threading.Condition(self._lock)
        self._workers: dict[str, Worker] = {}
        self._n_waiting_alone = 0
        self._n_choosy = 0
        self._fault: BaseException | None = None

    @property
    def fault(self) -> BaseException | None:
        """Why there are no seats any more; None while there are, or may be."""
        return self._fault

    @property
    def n_seats(self) -> int:
        """How many seats there are."""
        with self._lock:
            return sum(worker.n_seats for worker in self._workers.values() if worker.is_ready)

    def known(self) -> set[str]:
        """Return the addresses of all workers, ready or not."""
        with self._lock:
            return set(self._workers)

    def add(self, worker: Worker) -> None:
        """Take note of a worker, which has no seats before it is admitted."""
        with self._lock:
            self._workers[worker.address] = worker

    def admit(self, worker: Worker) -> None:
        """Open the seats of a worker."""
        with self._lock:
            worker.is_ready = not worker.is_gone
            self._wake_all()

    def blame(self, worker: Worker) -> bool:
        """Count a file that a worker did not see, and another one did; of one that misses many, no seat is given away.

        Parameters
        ----------
        worker : Worker

        Returns
        -------
        bool
            Whether this was one too many.
        """
        with self._lock:
            worker.n_unseen += 1
            if not worker.is_ready or worker.n_unseen < MOST_UNSEEN:
                return False
            worker.is_ready = False
            self._wake_all()
            return True

    def leave_out(self, address: str) -> set[Any]:
        """Forget a worker that is gone; return what it was asked for and will not answer."""
        with self._lock:
            worker = self._workers.pop(address)
            worker.is_gone, worker.is_ready = True, False
            self._wake_all()
            return set(worker.under_way)

    def break_off(self, fault: BaseException) -> set[Any]:
        """Let all who wait for a seat, or come for one, have an error; return what workers have not answered."""
        with self._lock:
            self._fault = self._fault or fault
            self._wake_all()
            return {one for worker in self._workers.values() for one in worker.under_way}

    @contextmanager
    def under_way(self, worker: Worker, asked: Any) -> Iterator[None]:
        """Count something as asked of a worker inside the block."""
        with self._lock:
            worker.under_way.add(asked)
        try:
            yield
        finally:
            with self._lock:
                worker.under_way.discard(asked)

    @contextmanager
    def taken(self, *, alone: bool = False, besides: Collection[Worker] = ()) -> Iterator[Worker]:
        """Wait for a seat, and have it inside the block.

        Parameters
        ----------
        alone : bool
            Whether the worker is to have nothing else to do.
        besides : collection of Worker
            Those that will not do.

        Yields
        ------
        Worker
            The one of which least is taken.

        Raises
        ------
        NobodyElseError
            If some will not do, and no other is ready.
        """
        with self._lock:
            worker = self._awaited(alone=alone, besides=besides)
            worker.n_taken += 1
            worker.is_reserved = alone
        try:
            yield worker
        finally:
            with self._lock:
                worker.n_taken -= 1
                worker.is_reserved = False
                if alone or self._n_choosy:
                    self._wake_all()
                elif self._n_waiting_alone:
                    self._empty_worker.notify_all()
                else:
                    self._seat.notify()

    def _awaited(self, *, alone: bool, besides: Collection[Worker]) -> Worker:
        self._n_waiting_alone += alone
        self._n_choosy += bool(besides)
        try:
            while (worker := self._free(alone=alone, besides=besides)) is None:
                (self._empty_worker if alone else self._seat).wait()
            return worker
        finally:
            self._n_waiting_alone -= alone
            self._n_choosy -= bool(besides)
            if alone and not self._n_waiting_alone:
                self._seat.notify_all()

    def _free(self, *, alone: bool, besides: Collection[Worker]) -> Worker | None:
        if self._fault is not None:
            raise self._fault
        ready = [one for one in self._workers.values() if one.is_ready and one not in besides]
        if besides and not ready:
            raise NobodyElseError
        if alone:
            return next((one for one in ready if not one.n_taken), None)
        if self._n_waiting_alone:
            return None
        free = [one for one in ready if not one.is_reserved and one.n_taken < one.n_seats]
        return min(free, key=lambda one: one.share_taken, default=None)

    def _wake_all(self) -> None:
        self._seat.notify_all()
        self._empty_worker.notify_all()
