"""Whom of a cluster's workers a file is asked of next, and which of them, or whether the file, is blamed."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING, Any

import pytest

from modag_search import CorruptMediaError, NotOnWorkerError, UnreadableMediaError
from modag_search.features.cluster import MOST_DEATHS, Cluster, _LostError
from modag_search.features.encoding import MediaEncoder, StageClock
from modag_search.features.remote import Encoded
from modag_search.features.seats import MOST_UNSEEN, Worker
from modag_search.features.stored import scanned
from modag_search.settings import IndexSettings
from modag_search.values import EncodedItem, MediaFacts
from tests.made_media import BLUE, RED, picture

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from modag_search.values import ScannedFile

DONE = Encoded(
    facts=MediaFacts(kind="image"), segments=(), content_hash="0" * 32, stage_seconds={"decode": 0.5, "encode": 0.25}
)


class AskedCluster(Cluster):
    """A cluster of three workers, one thread each, whose answers are made up here."""

    def __init__(self, answer: Callable[[Worker], Any]) -> None:
        super().__init__("dask://127.0.0.1:1", MediaEncoder(IndexSettings()))
        self.asked: list[str] = []
        self.answer = answer
        self.workers = [Worker(f"tcp://{number}", 1) for number in range(3)]
        for worker in self.workers:
            self._seats.add(worker)
            self._seats.admit(worker)

    def _answer(self, worker: Worker, function: Callable[..., Any], *arguments: Any) -> Any:
        self.asked.append(worker.address)
        return self.answer(worker)


def of_answers(*answers: Any) -> Callable[[Worker], Any]:
    """Give these answers, one after the other, and raise those that are none."""
    left: Iterator[Any] = iter(answers)

    def answer(worker: Worker) -> Any:
        given = next(left)
        if isinstance(given, _LostError):
            raise given
        return given

    return answer


@pytest.fixture
def file(media: Path) -> ScannedFile:
    found = scanned(str(picture(media / "a.png", RED)))
    assert found is not None
    return found


def unseen(file: ScannedFile) -> NotOnWorkerError:
    return NotOnWorkerError(file.path, "is not there")


def test_an_answer_becomes_an_item_and_its_time_is_counted(file: ScannedFile) -> None:
    clock = StageClock()
    with AskedCluster(of_answers(DONE)) as cluster:
        item = cluster.encode(file, clock=clock)
    assert isinstance(item, EncodedItem)
    assert (item.file, item.facts, item.content_hash) == (file, DONE.facts, DONE.content_hash)
    assert clock.seconds == DONE.stage_seconds


@pytest.mark.parametrize("deaths", range(MOST_DEATHS))
def test_what_was_lost_with_a_worker_is_asked_again(file: ScannedFile, deaths: int) -> None:
    with AskedCluster(of_answers(*[_LostError()] * deaths, DONE)) as cluster:
        assert cluster.encode(file, clock=StageClock()).file == file
        assert len(cluster.asked) == deaths + 1


def test_a_file_that_three_workers_die_of_is_at_fault(file: ScannedFile) -> None:
    with AskedCluster(of_answers(*[_LostError()] * MOST_DEATHS)) as cluster:
        with pytest.raises(CorruptMediaError, match="ends the worker that encodes it: 3 died while they did"):
            cluster.encode(file, clock=StageClock())
        assert len(cluster.asked) == MOST_DEATHS


def test_a_worker_without_the_files_that_others_see_is_not_used_any_more(
    file: ScannedFile, caplog: pytest.LogCaptureFixture
) -> None:
    with AskedCluster(lambda worker: unseen(file) if worker is cluster.workers[0] else DONE) as cluster:
        for _ in range(MOST_UNSEEN + 3):
            assert cluster.encode(file, clock=StageClock()).file == file
        assert cluster.asked.count("tcp://0") == MOST_UNSEEN
    assert [(record.levelno, record.message) for record in caplog.records] == [
        (
            logging.WARNING,
            f"worker tcp://0 is not used: does not see files that others see, at last {file.path}: is not there",
        )
    ]


def test_a_file_that_no_worker_sees_blames_none(file: ScannedFile) -> None:
    with AskedCluster(lambda worker: unseen(file)) as cluster:
        for _ in range(MOST_UNSEEN + 1):
            with pytest.raises(NotOnWorkerError, match="is not there"):
                cluster.encode(file, clock=StageClock())
        assert sorted(cluster.asked) == sorted(["tcp://0", "tcp://1", "tcp://2"] * (MOST_UNSEEN + 1))


@pytest.mark.parametrize("change", ["removed", "replaced"])
def test_a_file_that_goes_or_changes_here_meanwhile_blames_no_worker(
    file: ScannedFile, media: Path, change: str
) -> None:
    def answer(worker: Worker) -> NotOnWorkerError:
        if change == "removed":
            (media / "a.png").unlink()
        else:
            picture(media / "a.png", BLUE, size=(9, 9))
        return unseen(file)

    with AskedCluster(answer) as cluster:
        with pytest.raises(UnreadableMediaError, match="changed while it was read") as caught:
            cluster.encode(file, clock=StageClock())
        assert not isinstance(caught.value, NotOnWorkerError)
        assert len(cluster.asked) == 1


def test_an_item_whose_file_changed_meanwhile_is_not_taken(file: ScannedFile, media: Path) -> None:
    def answer(worker: Worker) -> Encoded:
        picture(media / "a.png", BLUE, size=(9, 9))
        return DONE

    with (
        AskedCluster(answer) as cluster,
        pytest.raises(UnreadableMediaError, match="changed while it was read"),
    ):
        cluster.encode(file, clock=StageClock())


def test_what_is_wrong_with_a_file_is_asked_of_one_worker_alone(file: ScannedFile) -> None:
    cluster = AskedCluster(of_answers(CorruptMediaError(file.path, "is broken")))
    with cluster, pytest.raises(CorruptMediaError, match="is broken"):
        cluster.encode(file, clock=StageClock())
    assert len(cluster.asked) == 1


def test_outcomes_come_as_they_are_done_and_few_are_under_way(file: ScannedFile) -> None:
    taken: list[int] = []

    def numbers() -> Iterator[int]:
        for number in range(100):
            taken.append(number)
            yield number

    with AskedCluster(lambda worker: DONE) as cluster:
        outcomes = cluster.map(lambda number: number, numbers())
        first = next(outcomes)
        assert len(taken) <= 2 * cluster._seats.n_seats + 2
        assert sorted([first, *outcomes]) == list(range(100))
