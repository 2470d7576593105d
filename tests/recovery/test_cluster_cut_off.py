"""Workers of a cluster, and its scheduler, beyond a network that is cut or goes silent: no file lost, none doubled."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from modag_search import ClusterError, Index
from modag_search.features import cluster as clusters
from modag_search.ingest import run as ingest_run
from tests.cut_network import Network, Once
from tests.made_media import picture
from tests.recovery.test_workers_killed import contents
from tests.toy_encoders import toy_index

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from tests.dask_cluster import DaskCluster

pytest.importorskip("distributed", reason="the extra dask is not installed")

PICTURES = 24


@pytest.fixture
def cluster(tmp_path: Path, toy_plugins: Path) -> Iterator[DaskCluster]:
    """A scheduler that soon gives up a worker of which it hears nothing."""
    from tests.dask_cluster import DaskCluster

    (tmp_path / "cluster").mkdir()
    started = DaskCluster(tmp_path / "cluster", plugins=toy_plugins, DASK_DISTRIBUTED__SCHEDULER__WORKER_TTL="2s")
    try:
        yield started
    finally:
        started.close()


@pytest.fixture
def network(cluster: DaskCluster) -> Iterator[Network]:
    with Network(cluster.port) as network:
        yield network


@pytest.fixture
def pictures(media: Path) -> Path:
    for number in range(PICTURES):
        picture(media / f"{number:02}.png", (200, 9 * number, 9))
    return media


@pytest.mark.parametrize("way", ["cut", "silent", "frozen"])
def test_a_worker_that_is_cut_off_costs_no_file_and_doubles_none(
    tmp_path: Path,
    index: Index,
    pictures: Path,
    cluster: DaskCluster,
    network: Network,
    way: str,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """It is beyond the network, and another one is not."""
    monkeypatch.setattr(ingest_run, "_STORED_AT_ONCE", 3)
    cluster.start_workers(1, scheduler=f"127.0.0.1:{network.port}")
    cluster.start_workers(1)
    ways = {"cut": network.refuse, "silent": network.silence, "frozen": cluster.freeze_the_first_worker}
    at = Once(6, ways[way])
    with toy_index(tmp_path / "here") as here:
        here.add([pictures])
        report = index.add([pictures], workers=cluster.address, progress=at)
        assert at.is_done
        assert (report.added, report.failed) == (PICTURES, 0)
        assert contents(index) == contents(here)
    assert index.verify() == []


@pytest.mark.parametrize("way", ["cut", "silent"])
def test_a_scheduler_that_is_cut_off_ends_the_run_in_a_line_and_the_next_goes_on(
    index: Index, pictures: Path, cluster: DaskCluster, network: Network, way: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(ingest_run, "_STORED_AT_ONCE", 3)
    monkeypatch.setattr(clusters, "_ANSWER_S", 2.0)
    cluster.start_workers(1)
    at = Once(6, network.refuse if way == "cut" else network.silence)
    name = f"dask://127.0.0.1:{network.port}"
    with pytest.raises(ClusterError) as caught:
        index.add([pictures], workers=name, progress=at)
    gone = "the scheduler went away; what is finished is kept, and the same command goes on from there"
    assert str(caught.value) == f"{name}: {gone}"
    kept = contents(index)
    assert len(kept) >= 6
    report = index.add([pictures], workers=cluster.address)
    assert report.added == PICTURES - len(kept)
    assert kept.items() <= contents(index).items()
    assert len(contents(index)) == PICTURES
