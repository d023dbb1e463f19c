"""Prometheus metrics of one server."""

import math
from typing import Any

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram

from rewardgate.drift import Drift

TOKENS = (64, 256, 1024, 4096, 16384, 65536, 262144)
SECONDS = (0.005, 0.02, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60)


class Metrics:
    """One registry a server, so that several can live in one process."""

    def __init__(self) -> None:
        self.registry = CollectorRegistry()
        own: dict[str, Any] = {"namespace": "rewardgate", "registry": self.registry}
        self.requests = Counter(
            "requests", "Answered requests by path and status", ["path", "status"], **own
        )
        self.seconds = Histogram(
            "request_seconds", "From a request to its answer", ["path"], buckets=SECONDS, **own
        )
        self.accepted = Counter("accepted", "Requests that were let into the queue", **own)
        self.finished = Counter("finished", "Requests of the queue that got their rewards", **own)
        self.failed = Counter("failed", "Requests of the queue that got an error", **own)
        self.responses = Counter("responses", "Responses that were scored", **own)
        self.waiting = Gauge("waiting_tokens", "Estimated tokens that wait for the model", **own)
        self.batch = Histogram("batch_tokens", "Estimated tokens of a batch", buckets=TOKENS, **own)
        self.batch_seconds = Histogram(
            "batch_seconds", "Time of a batch in the model", buckets=SECONDS, **own
        )
        self.switches = Counter("switches", "Newly promoted bundles by outcome", ["outcome"], **own)
        self.bundle = Gauge("bundle", "1 for the bundle that serves", ["version"], **own)
        self.drift = Gauge(
            "drift", "Live scores against the calibration set's, NaN while too few", ["kind"], **own
        )
        for outcome in ("served", "refused"):
            self.switches.labels(outcome)
        self.drifts(None)

    def serves(self, version: str) -> None:
        self.bundle.clear()
        self.bundle.labels(version).set(1)

    def drifts(self, drift: Drift | None) -> None:
        self.drift.labels("psi").set(drift.psi if drift else math.nan)
        self.drift.labels("ks").set(drift.ks if drift else math.nan)
