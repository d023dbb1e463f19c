"""Spans of the stages, received by a real OTLP endpoint on loopback."""

import hashlib
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path

from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest
from opentelemetry.proto.trace.v1.trace_pb2 import Span, Status

from rewardgate.errors import BLOCKED
from tests.test_stage_run import events, run


@contextmanager
def collector() -> Iterator[tuple[str, list[ExportTraceServiceRequest]]]:
    """The address of an OTLP receiver, and what it received."""
    received: list[ExportTraceServiceRequest] = []

    class Receiver(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            assert self.path == "/v1/traces"
            body = self.rfile.read(int(self.headers["Content-Length"]))
            received.append(ExportTraceServiceRequest.FromString(body))
            self.send_response(200)
            self.end_headers()

        def log_message(self, *_: object) -> None:
            pass

    server = HTTPServer(("127.0.0.1", 0), Receiver)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}", received
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


def spans(received: list[ExportTraceServiceRequest]) -> list[Span]:
    return [
        span
        for request in received
        for of_resource in request.resource_spans
        for of_scope in of_resource.scope_spans
        for span in of_scope.spans
    ]


def test_stages_of_a_run_are_spans_of_one_trace(tmp_path: Path) -> None:
    body = "from rewardgate.stage_run import count; count(prompts=7)"
    with collector() as (url, received):
        where = {"OTEL_EXPORTER_OTLP_ENDPOINT": url, "REWARDGATE_RUN": "tuesday"}
        assert run(tmp_path, body, "split", **where).returncode == 0
        assert run(tmp_path, "return 3", "promote", **where).returncode == BLOCKED
    split, promote = spans(received)
    assert (split.name, promote.name) == ("split", "promote")
    assert split.trace_id == promote.trace_id == hashlib.sha256(b"tuesday").digest()[:16]
    assert split.status.code == Status.STATUS_CODE_UNSET
    assert promote.status.code == Status.STATUS_CODE_ERROR
    (recorded,) = (
        one for one in events(tmp_path) if one["event"] == "ended" and one["stage"] == "split"
    )
    told = {one.key: one.value for one in split.attributes}
    assert told["rewardgate.prompts"].int_value == 7
    assert told["rewardgate.run"].string_value == "tuesday"
    assert told["rewardgate.peak_mib"].double_value == recorded["peak_mib"]
    lasted = (split.end_time_unix_nano - split.start_time_unix_nano) / 1e9
    assert abs(lasted - recorded["seconds"]) < 1e-6
    (resource,) = {one.resource.SerializeToString() for one in received[0].resource_spans}
    assert b"rewardgate" in resource


def test_nothing_is_sent_unless_a_collector_is_named(tmp_path: Path) -> None:
    body = "import sys; assert not any(name.startswith('opentelemetry') for name in sys.modules)"
    body += "; import atexit; atexit.register(lambda: print('opentelemetry' in sys.modules))"
    finished = run(tmp_path, body)
    assert (finished.returncode, finished.stdout) == (0, "False\n")


def test_a_collector_that_does_not_answer_stops_nothing(tmp_path: Path) -> None:
    with collector() as (url, _):
        pass
    where = {"OTEL_EXPORTER_OTLP_ENDPOINT": url, "OTEL_EXPORTER_OTLP_TIMEOUT": "1"}
    finished = run(tmp_path, "print('done')", **where)
    assert (finished.returncode, finished.stdout) == (0, "done\n")
    assert finished.stderr != ""


def test_without_the_extra_one_line_names_it(tmp_path: Path) -> None:
    (tmp_path / "opentelemetry").mkdir()  # an empty package in the place of the real one
    where = {"OTEL_EXPORTER_OTLP_ENDPOINT": "http://127.0.0.1:9"}
    finished = run(tmp_path, "import opentelemetry; opentelemetry.__path__ = []", **where)
    assert finished.returncode == 0
    assert finished.stderr == (
        "OTEL_EXPORTER_OTLP_ENDPOINT is set, but nothing is sent: pip install 'rewardgate[otel]'\n"
    )
