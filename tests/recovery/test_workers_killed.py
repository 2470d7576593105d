"""`modag index --workers dask://...` over a real cluster whose workers, or whose scheduler, are killed."""

from __future__ import annotations

import logging
import os
import random
import signal
import subprocess
from typing import TYPE_CHECKING, Any

import pytest

from modag_search import ClusterError, Index
from modag_search.features import cluster as clusters
from modag_search.ingest import run as ingest_run
from tests.cli.command_line import CommandLine
from tests.made_media import HIGH_HZ, LOW_HZ, MIDDLE_HZ, picture, sound, video
from tests.toy_encoders import GATE, GATE_COLOUR, toy_index

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from tests.dask_cluster import DaskCluster

pytest.importorskip("distributed", reason="the extra dask is not installed")

PATIENCE_S = 60
PICTURES = 36


@pytest.fixture
def scheduler(tmp_path: Path, toy_plugins: Path) -> Iterator[DaskCluster]:
    """A cluster without workers."""
    yield from _cluster(tmp_path / "cluster", toy_plugins)


@pytest.fixture(scope="module")
def cluster(tmp_path_factory: pytest.TempPathFactory, toy_plugins: Path) -> Iterator[DaskCluster]:
    """A cluster of two workers; whoever kills one gets another."""
    for started in _cluster(tmp_path_factory.mktemp("cluster") / "cluster", toy_plugins):
        started.start_workers(2)
        yield started


def _cluster(folder: Path, plugins: Path) -> Iterator[DaskCluster]:
    from tests.dask_cluster import DaskCluster

    folder.mkdir()
    started = DaskCluster(folder, plugins=plugins)
    try:
        yield started
    finally:
        started.close()


@pytest.fixture
def filled_media(media: Path) -> Path:
    """Pictures, sounds and a video; a file of each kind that cannot be read, and one with a name that is no text."""
    for number in range(PICTURES):
        picture(media / f"{number:02}.png", (200, 6 * number, 9))
    for number, hz in enumerate((LOW_HZ, MIDDLE_HZ, HIGH_HZ)):
        sound(media / f"{number}.wav", (hz, 12 + number))
    sound(media / "silent.wav", (0, 1))
    video(media / "video.mp4")
    (media / "broken.png").write_bytes(b"\x89PNG\r\n\x1a\n and no more")
    (media / "broken.wav").write_bytes(b"RIFF")
    picture(media / os.fsdecode(b"b\xe9al.png"), (9, 200, 9))
    return media


def contents(index: Index) -> dict[str, Any]:
    """All that a run finds out of files, by path: what the item is, its segments and the bytes of their features."""
    segments, found = index.catalog.segments, {}
    for item in index.catalog.items.all():
        own = segments.of_items([item.id])
        features = {
            one: row.tobytes()
            for mark in index._rooms.workings.encoder.fingerprints.values()
            for one, row in segments.features_of([each.id for each in own], fingerprint=mark).items()
        }
        found[item.path] = (
            (item.content_hash, item.size_bytes, item.mtime_ns, item.kind, item.duration_s, item.width_px),
            [(one.modality, one.start_s, one.end_s, one.status, features.get(one.id)) for one in own],
        )
    return found


class Killer:
    """Kills a worker whenever so many files are done; made of a seed, it kills at the same moments again."""

    def __init__(self, cluster: DaskCluster, *, seed: int, kills: int) -> None:
        self._cluster = cluster
        self._chance = random.Random(seed)
        self._at = sorted(self._chance.sample(range(PICTURES), kills))

    def __call__(self, *, done: int, found: int) -> None:
        while self._at and done >= self._at[0]:
            self._at.pop(0)
            self._cluster.kill_a_worker(self._chance)


def test_workers_that_are_killed_at_random_lose_no_file_and_double_none(
    tmp_path: Path, index: Index, filled_media: Path, cluster: DaskCluster, monkeypatch: pytest.MonkeyPatch
) -> None:
    with toy_index(tmp_path / "here") as here:
        wanted = here.add([filled_media])
        monkeypatch.setattr(ingest_run, "_STORED_AT_ONCE", 3)

        report = index.add([filled_media], workers=cluster.address, progress=Killer(cluster, seed=3, kills=4))

        assert (report.added, report.failed) == (wanted.added, wanted.failed)
        assert contents(index) == contents(here)
        assert {one.path: one.reason for one in index.failures()} == {one.path: one.reason for one in here.failures()}
        assert index.verify() == []
        assert index.add([filled_media], workers="dask://127.0.0.1:1").unchanged == wanted.added, "nothing is asked"


def test_a_file_that_kills_three_workers_is_a_failure_and_costs_no_other(
    index: Index, media: Path, cluster: DaskCluster
) -> None:
    for number in range(6):
        picture(media / f"{number}.png", (200, 40 * number, 9))
    fatal = picture(media / "fatal.png", (9, 9, 200))

    report = index.add([media], workers=cluster.address)

    assert (report.added, report.failed) == (6, 1)
    (failure,) = index.failures()
    assert failure.path == str(fatal)
    assert failure.reason == "ends the worker that encodes it: 3 died while they did"
    again = index.add([media], workers="dask://127.0.0.1:1")
    assert (again.unchanged, again.failed) == (6, 1), "it is not tried again before it changes"


def test_a_file_that_a_worker_does_not_see_is_named_and_tried_again(
    index: Index, media: Path, cluster: DaskCluster
) -> None:
    picture(media / "there.png", (200, 9, 9))
    absent = picture(media / "absent.png", (9, 200, 9))

    report = index.add([media], workers=cluster.address)

    assert report.added == 1
    (failure,) = report.failures
    assert (failure.path, failure.error) == (str(absent), "NotOnWorkerError")
    assert "is its folder mounted there?" in failure.reason
    assert index.add([media], workers=1).added == 1


def test_a_run_ends_whose_workers_see_no_file(index: Index, media: Path, cluster: DaskCluster) -> None:
    for number in range(70):
        picture(media / f"absent-{number}.png", (200, 3 * number, 9))
    with pytest.raises(ClusterError, match=r"mount the folder on the workers' machines"):
        index.add([media], workers=cluster.address)
    assert 0 < len(index.failures()) < 70
    assert index.add([media], workers=2).added == 70


def test_a_rebuild_by_workers_gives_what_one_here_gives(
    tmp_path: Path, index: Index, filled_media: Path, cluster: DaskCluster
) -> None:
    index.add([filled_media / "0.wav", filled_media / "00.png"])
    before = contents(index)
    with index.catalog._database.write() as connection:
        connection.exec_driver_sql("UPDATE pipeline SET fingerprint = 'another-' || id")
    index.close()
    with Index.open(tmp_path / "index") as opened:
        assert opened.outdated() == 2
        opened.rebuild(workers=cluster.address)
        assert contents(opened) == before


def test_a_worker_that_would_give_other_features_is_not_used(
    index: Index, media: Path, scheduler: DaskCluster, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    from tests.worker_preload import REVISION

    picture(media / "a.png", (200, 9, 9))
    scheduler.start_workers(1, **{REVISION: "another"})
    patience = logging.Filter()
    monkeypatch.setattr(
        patience, "filter", lambda record: monkeypatch.setattr(clusters, "NO_WORKER_S", 0.0) is None
    )  # once it has refused
    monkeypatch.setattr(clusters.logger, "filters", [patience])

    with pytest.raises(ClusterError) as caught:
        index.add([media], workers=scheduler.address)

    assert "would give other image features than the writer: the encoder 'toy-image'" in str(caught.value)
    (warned,) = [record.message for record in caplog.records if "is not used" in record.message]
    assert warned.startswith("worker tcp://127.0.0.1:")
    assert index.catalog.count().items == {}


def test_a_run_without_any_worker_ends_in_a_line(
    index: Index, media: Path, scheduler: DaskCluster, monkeypatch: pytest.MonkeyPatch
) -> None:
    picture(media / "a.png", (200, 9, 9))
    monkeypatch.setattr(clusters, "NO_WORKER_S", 0.2)
    with pytest.raises(ClusterError) as caught:
        index.add([media], workers=scheduler.address)
    assert str(caught.value) == (
        f"{scheduler.address}: no worker of use for 0.2 s; `dask worker` starts one; what is finished is kept, and the "
        "same command goes on from there"
    )


def test_a_scheduler_that_goes_away_ends_the_run_in_a_line_and_the_next_goes_on(
    index: Index, filled_media: Path, scheduler: DaskCluster, monkeypatch: pytest.MonkeyPatch
) -> None:
    scheduler.start_workers(1)
    monkeypatch.setattr(ingest_run, "_STORED_AT_ONCE", 3)

    def end(*, done: int, found: int) -> None:
        if done > 6:
            scheduler.scheduler.kill()

    with pytest.raises(ClusterError) as caught:
        index.add([filled_media], workers=scheduler.address, progress=end)

    gone = "the scheduler went away; what is finished is kept, and the same command goes on from there"
    assert str(caught.value) == f"{scheduler.address}: {gone}"
    kept = contents(index)
    assert len(kept) >= 6
    index.add([filled_media], workers=2)
    assert kept.items() <= contents(index).items()
    assert len(contents(index)) == PICTURES + 6


def test_ctrl_c_waits_for_no_worker(
    tmp_path: Path, media: Path, toys: None, toy_plugins: Path, scheduler: DaskCluster
) -> None:
    toy_index(tmp_path / "index").close()
    picture(media / "gate.png", GATE_COLOUR)
    gate = tmp_path / "gate"
    os.mkfifo(gate)
    scheduler.start_workers(1, **{GATE: str(gate)})
    modag = CommandLine(tmp_path, plugins=toy_plugins)
    command = modag.command("index", media, "--index", tmp_path / "index", "--workers", scheduler.address)
    program = "import signal; signal.signal(signal.SIGINT, signal.default_int_handler); import modag_search.__main__"
    heeding = [command[0], "-c", program, *command[3:]]
    with subprocess.Popen(heeding, env=modag.environment, stderr=subprocess.PIPE, text=True) as process:
        try:
            with gate.open("rb") as told:
                assert told.read(1) == b"."
            process.send_signal(signal.SIGINT)
            _, stderr = process.communicate(timeout=PATIENCE_S)
        finally:
            process.kill()
    assert process.returncode == 130
    assert stderr.strip() == "interrupted; what was finished is kept, and the same command goes on from there"
