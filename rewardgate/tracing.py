"""Stages as OpenTelemetry spans, sent only where the user names a collector."""

import hashlib
import os
import sys
from collections.abc import Mapping
from datetime import datetime
from typing import Any

VARIABLES = ("OTEL_EXPORTER_OTLP_ENDPOINT", "OTEL_EXPORTER_OTLP_TRACES_ENDPOINT")
SECOND = 10**9


def trace(ended: Mapping[str, Any]) -> None:
    """Send an `ended` event of the log as a span to the collector that `VARIABLES` name, if any.

    The spans of one run share a trace, whose id is the hash of the run's name. OTLP over HTTP;
    the other variables of OpenTelemetry (headers, timeout, resource) hold. A collector that does
    not answer is told on stderr and stops nothing.
    """
    if not any(os.environ.get(name) for name in VARIABLES):
        return
    try:
        from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
        from opentelemetry.sdk.resources import Resource
        from opentelemetry.sdk.trace import TracerProvider
        from opentelemetry.sdk.trace.export import SimpleSpanProcessor
        from opentelemetry.sdk.trace.id_generator import RandomIdGenerator
        from opentelemetry.trace import Status, StatusCode
    except ModuleNotFoundError:
        print(
            f"{VARIABLES[0]} is set, but nothing is sent: pip install 'rewardgate[otel]'",
            file=sys.stderr,
        )
        return

    class RunIds(RandomIdGenerator):
        def generate_trace_id(self) -> int:
            return int.from_bytes(hashlib.sha256(ended["run"].encode()).digest()[:16])

    service = os.environ.get("OTEL_SERVICE_NAME", "rewardgate")
    provider = TracerProvider(
        resource=Resource.create({"service.name": service}), id_generator=RunIds()
    )
    provider.add_span_processor(SimpleSpanProcessor(OTLPSpanExporter()))
    end = int(datetime.fromisoformat(ended["time"]).timestamp() * SECOND)
    figures = {name: ended[name] for name in ("run", "exit_code", "cpu_seconds", "peak_mib")}
    figures |= ended["counts"]
    span = provider.get_tracer("rewardgate").start_span(
        ended["stage"],
        start_time=end - int(ended["seconds"] * SECOND),
        attributes={
            f"rewardgate.{key}": one for key, one in {**figures, **ended["counts"]}.items()
        },
    )
    if ended["exit_code"] != 0:
        span.set_status(Status(StatusCode.ERROR, f"exit code {ended['exit_code']}"))
    span.end(end)
    provider.shutdown()
