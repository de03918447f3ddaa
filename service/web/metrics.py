"""Prometheus metrics. With several workers, PROMETHEUS_MULTIPROC_DIR must name an empty folder before import."""

import os

from prometheus_client import CollectorRegistry, Counter, Histogram, generate_latest
from prometheus_client.multiprocess import MultiProcessCollector

CONTENT_TYPE = "text/plain; version=0.0.4; charset=utf-8"
_BUCKETS = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5)


class Metrics:
    """The service's counters. No label ever holds an id, a code or anything of a person."""

    def __init__(self) -> None:
        self._registry = CollectorRegistry()
        self.requests = Counter(
            "unspoken_http_requests_total",
            "Requests answered",
            ("method", "route", "status"),
            registry=self._registry,
        )
        self.seconds = Histogram(
            "unspoken_http_request_seconds",
            "Time to answer",
            ("route",),
            buckets=_BUCKETS,
            registry=self._registry,
        )
        self._series: dict[tuple[str, str, int], tuple[Counter, Histogram]] = {}
        self._scans: dict[tuple[str, str, str | None], Counter] = {}
        self.scans = Counter(
            "unspoken_scans_total", "Scans judged", ("kind", "outcome", "reason"), registry=self._registry
        )
        self.sales = Counter("unspoken_sales_total", "Sales recorded", ("link",), registry=self._registry)

    def count_request(self, method: str, route: str, status: int, seconds: float) -> None:
        """Count an answered request. Its two series are looked up once a process: the labels are few."""
        found = self._series.get((method, route, status))
        if found is None:
            found = self.requests.labels(method, route, status), self.seconds.labels(route)
            self._series[method, route, status] = found
        requests, time_to_answer = found
        requests.inc()
        time_to_answer.observe(seconds)

    def count_scan(self, kind: str, outcome: str, reason: str | None) -> None:
        """Count a judged scan."""
        found = self._scans.get((kind, outcome, reason))
        if found is None:
            found = self._scans[kind, outcome, reason] = self.scans.labels(kind, outcome, reason or "")
        found.inc()

    def render(self) -> bytes:
        """Return the exposition text, summed over all workers."""
        if "PROMETHEUS_MULTIPROC_DIR" not in os.environ:
            return generate_latest(self._registry)
        summed = CollectorRegistry()
        MultiProcessCollector(summed)  # type: ignore[no-untyped-call]
        return generate_latest(summed)
