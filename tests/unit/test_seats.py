"""Which worker of a cluster gets the next file: threads wait for seats, and some for a worker of their own."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from typing import TYPE_CHECKING

import pytest

from modag_search.features.seats import MOST_UNSEEN, NobodyElseError, Seats, Worker

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from concurrent.futures import Future

PATIENCE_S = 30


@pytest.fixture
def pool() -> Iterator[ThreadPoolExecutor]:
    with ThreadPoolExecutor() as threads:
        yield threads


def seats_of(*n_threads: int) -> tuple[Seats, list[Worker]]:
    """Return the seats of workers that are ready."""
    seats = Seats()
    workers = [Worker(f"tcp://{number}", n) for number, n in enumerate(n_threads)]
    for worker in workers:
        seats.add(worker)
        seats.admit(worker)
    return seats, workers


def taken(seats: Seats, *, alone: bool, besides: Sequence[Worker] = ()) -> tuple[Worker, ExitStack]:
    stack = ExitStack()
    return stack.enter_context(seats.taken(alone=alone, besides=besides)), stack


def outcome(future: Future[tuple[Worker, ExitStack]]) -> tuple[Worker, ExitStack]:
    return future.result(timeout=PATIENCE_S)


def test_files_go_to_the_worker_that_has_least_to_do() -> None:
    seats, (small, large) = seats_of(1, 3)
    assert seats.n_seats == 6
    with ExitStack() as stack:
        given = [stack.enter_context(seats.taken(alone=False)) for _ in range(6)]
    assert (given.count(small), given.count(large)) == (2, 4)
    assert (small.n_taken, large.n_taken) == (0, 0)


def test_who_sits_alone_comes_first_and_has_a_worker_that_does_nothing_else(pool: ThreadPoolExecutor) -> None:
    seats, (worker,) = seats_of(2)
    _, first = taken(seats, alone=False)
    suspect = pool.submit(taken, seats, alone=True)
    while not seats._n_waiting_alone:
        pass
    other = pool.submit(taken, seats, alone=False)
    assert not suspect.done()
    first.close()

    _, stack = outcome(suspect)
    assert (worker.n_taken, other.done()) == (1, False)
    stack.close()
    outcome(other)[1].close()
    assert worker.n_taken == 0


def test_nobody_joins_a_worker_that_somebody_has_alone(pool: ThreadPoolExecutor) -> None:
    seats, (first, second) = seats_of(1, 1)
    suspect, leaving = taken(seats, alone=True)
    given = [taken(seats, alone=False) for _ in range(2)]
    assert {worker for worker, _ in given} == {first, second} - {suspect}
    waiting = pool.submit(taken, seats, alone=False)
    assert not waiting.done()
    leaving.close()
    worker, stack = outcome(waiting)
    assert worker is suspect
    for each in (stack, *(one for _, one in given)):
        each.close()


@pytest.mark.parametrize("alone", [False, True])
def test_seats_of_a_worker_that_joins_are_given_to_who_waits(pool: ThreadPoolExecutor, alone: bool) -> None:
    seats, worker = Seats(), Worker("tcp://1", 1)
    waiting = pool.submit(taken, seats, alone=alone)
    seats.add(worker)
    assert (seats.known(), seats.n_seats) == ({"tcp://1"}, 0)
    assert not waiting.done()
    seats.admit(worker)
    given, stack = outcome(waiting)
    assert given is worker
    stack.close()


def test_a_worker_that_leaves_tells_what_it_has_not_answered() -> None:
    seats, (worker, other) = seats_of(1, 1)
    with seats.under_way(worker, "a"), seats.under_way(other, "b"):
        assert seats.leave_out(worker.address) == {"a"}
        assert worker.is_gone
        seats.admit(worker)
        assert not worker.is_ready, "it had been asked before it left"
        with seats.taken(alone=True) as given:
            assert given is other
        assert seats.break_off(ValueError("over")) == {"b"}


def test_who_will_not_have_some_workers_waits_for_another(pool: ThreadPoolExecutor) -> None:
    seats, (first, second) = seats_of(1, 1)
    given = [taken(seats, alone=False) for _ in range(4)]
    waiting = pool.submit(taken, seats, alone=False, besides=[first])
    while not seats._n_choosy:
        pass
    for worker, stack in sorted(given, key=lambda one: one[0] is second):
        assert not waiting.done()
        stack.close()
        if worker is second:
            break
    other, stack = outcome(waiting)
    assert other is second
    stack.close()
    with pytest.raises(NobodyElseError), seats.taken(besides=[first, second]):
        pass


def test_who_waits_for_another_worker_hears_that_there_is_none(pool: ThreadPoolExecutor) -> None:
    seats, (first, second) = seats_of(1, 1)
    with seats.taken(besides=[first]), seats.taken(besides=[first]):
        waiting = pool.submit(taken, seats, alone=False, besides=[first])
        while not seats._n_choosy:
            pass
        seats.leave_out(second.address)
        with pytest.raises(NobodyElseError):
            outcome(waiting)


def test_no_seat_is_given_away_of_a_worker_that_misses_many_files() -> None:
    seats, (blind, other) = seats_of(1, 1)
    assert [seats.blame(blind) for _ in range(MOST_UNSEEN + 1)] == [*[False] * (MOST_UNSEEN - 1), True, False]
    assert seats.known() == {blind.address, other.address}
    assert seats.n_seats == other.n_seats
    with seats.taken() as given:
        assert given is other


def test_all_who_wait_hear_that_it_is_over(pool: ThreadPoolExecutor) -> None:
    seats = Seats()
    waiting = [pool.submit(taken, seats, alone=alone) for alone in (False, True, False)]
    seats.break_off(ValueError("over"))
    seats.break_off(ValueError("later"))
    for one in waiting:
        with pytest.raises(ValueError, match="over"):
            outcome(one)
