"""What Prometheus asks for: how requests fare, and how much the index holds."""

from __future__ import annotations

import logging
import threading
import time
from typing import TYPE_CHECKING, Any

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, ProcessCollector, generate_latest
from prometheus_client.metrics_core import GaugeMetricFamily, InfoMetricFamily
from prometheus_client.registry import Collector

from modag_search import __version__
from modag_search.errors import ModagError

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from prometheus_client import Metric

    from modag_search.catalog import Catalog, CatalogTotals
    from modag_search.web.service import Service

logger = logging.getLogger(__name__)

MEDIA_TYPE = "text/plain; version=0.0.4; charset=utf-8"
_BUCKETS_S = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0, 60.0)
COUNTED_EVERY_S = 10.0
"""How often an index that changes is counted at most: it takes 0.15 s for each million of segments."""


class Metrics:
    """What one application measures; others in the same process measure for themselves.

    Parameters
    ----------
    service : Service

    Attributes
    ----------
    under_way : Gauge
        Requests that are being answered.
    """

    def __init__(self, service: Service) -> None:
        self._registry = CollectorRegistry()
        self.under_way = Gauge("modag_http_requests_in_progress", "Requests under way.", registry=self._registry)
        self._requests = Counter(
            "modag_http_requests",
            "Requests that were answered, by route as it is written, method and status.",
            ["method", "route", "status"],
            registry=self._registry,
        )
        self._durations_s = Histogram(
            "modag_http_request_duration_seconds",
            "Time from a request's head to the end of its answer.",
            ["method", "route"],
            buckets=_BUCKETS_S,
            registry=self._registry,
        )
        self._registry.register(_OfService(service))
        self._registry.register(_OfIndex(service.index.catalog))
        ProcessCollector(registry=self._registry)

    def observe(self, *, method: str, route: str, status: int, duration_s: float) -> None:
        """Count a request that is over; each of the words is one of few."""
        self._requests.labels(method, route, str(status)).inc()
        self._durations_s.labels(method, route).observe(duration_s)

    def exposed(self) -> bytes:
        """Write all as text, of the kind `MEDIA_TYPE`."""
        return generate_latest(self._registry)


class _OfService(Collector):
    """What a server does, at the moment that it is asked."""

    def __init__(self, service: Service) -> None:
        self._service = service

    def collect(self) -> Iterator[Metric]:
        service = self._service
        yield InfoMetricFamily("modag_build", "The version of modag-search.", value={"version": __version__})
        waiting = service.turns.n_waiting + service.map_turns.n_waiting
        yield GaugeMetricFamily("modag_requests_waiting", "Requests that wait for their turn to work.", waiting)
        yield GaugeMetricFamily("modag_jobs_in_progress", "Jobs under way.", service.jobs.n_under_way)
        coming, kept, kept_bytes = service.uploads.totals()
        yield GaugeMetricFamily("modag_uploads_in_progress", "Files that are being sent.", coming)
        yield GaugeMetricFamily("modag_uploads", "Files that were sent and are kept.", kept)
        yield GaugeMetricFamily("modag_uploads_bytes", "Size of the files that are kept.", kept_bytes)


class _OfIndex(Collector):
    """How much an index holds: counted when it has changed, and then not too often; or that it cannot be read.

    One looks at a time. Who asks meanwhile is told what was found last: an index that takes its time holds one thread.
    """

    def __init__(self, catalog: Catalog) -> None:
        self._catalog = catalog
        self._lock = threading.Lock()
        self._last: list[Metric] = []
        self._totals: CatalogTotals | None = None
        self._change_count = 0
        self._counted_at = 0.0

    def collect(self) -> list[Metric]:
        if self._lock.acquire(blocking=False):
            try:
                self._last = list(self._found())
            finally:
                self._lock.release()
        return self._last

    def _found(self) -> Iterator[Metric]:
        try:
            with self._catalog.view():
                totals, moment = self._counted(), self._catalog.moment
        except ModagError as error:
            logger.warning("metrics of the index are left out: %s", error)
            yield GaugeMetricFamily("modag_index_up", "Whether the index could be read.", 0)
            return
        yield GaugeMetricFamily("modag_index_up", "Whether the index could be read.", 1)
        yield _by("modag_index_items", "Files that the index holds.", "kind", totals.items)
        yield _by("modag_index_segments", "What has a vector, or is silent or blank.", "modality", totals.segments)
        yield GaugeMetricFamily("modag_index_labels", "Labels that any item has.", totals.labels)
        yield GaugeMetricFamily("modag_index_generation", "Changes of segments so far.", moment.generation)
        yield GaugeMetricFamily("modag_index_label_generation", "Changes of labels so far.", moment.label_generation)

    def _counted(self) -> CatalogTotals:
        change_count = self._catalog.change_count
        is_due = time.monotonic() >= self._counted_at + COUNTED_EVERY_S
        if self._totals is None or (is_due and change_count != self._change_count):
            self._totals = self._catalog.totals()
            self._change_count, self._counted_at = change_count, time.monotonic()
        return self._totals


def _by(name: str, words: str, label: str, counts: Mapping[Any, int]) -> GaugeMetricFamily:
    family = GaugeMetricFamily(name, words, labels=[label])
    for key, n in sorted(counts.items()):
        family.add_metric([key], n)
    return family
