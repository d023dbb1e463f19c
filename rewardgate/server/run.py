"""Starts the server and stops it without losing what it took."""

import logging
import signal
import socket
import threading
from pathlib import Path
from typing import Any

import uvicorn

from rewardgate.errors import RewardGateError
from rewardgate.server.app import make_app
from rewardgate.server.batching import Batcher
from rewardgate.server.memory import keep_freed_memory
from rewardgate.server.metrics import Metrics
from rewardgate.server.protocol import within
from rewardgate.server.settings import ServerSettings
from rewardgate.server.switching import Watcher, load_sound, look

logger = logging.getLogger("rewardgate.server")

LOOPBACK = ("127.", "localhost", "::1")


def serve(promoted: Path, settings: ServerSettings, public_key: Path | None = None) -> None:
    """Serve the current bundle under `promoted` until SIGTERM or SIGINT.

    Then no new connection is taken, every request that was taken is answered, and this returns.
    public_key: with it, only bundles that its other half signed serve
    Raises RewardGateError if there is no sound bundle, or the address cannot be listened on.
    """
    keep_freed_memory()
    server, listener = make_server(promoted, settings, public_key)
    if threading.current_thread() is threading.main_thread():
        for number in (signal.SIGTERM, signal.SIGINT):
            # uvicorn raises the signal again, once all is answered.
            signal.signal(number, lambda *_: None)
    server.run(sockets=[listener])


def make_server(
    promoted: Path, settings: ServerSettings, public_key: Path | None = None
) -> tuple[uvicorn.Server, socket.socket]:
    """A server that has its bundle, and the bound socket that it is to run on."""
    listener = _bound(settings.host, settings.port)
    try:
        try:
            seen = look(promoted)
        except OSError:
            raise RewardGateError(
                f"{promoted}: nothing was promoted yet; run `rewardgate run`"
            ) from None
        bundle = load_sound(promoted, public_key)
    except BaseException:
        listener.close()
        raise
    metrics = Metrics()
    batcher = Batcher(bundle, settings, metrics)
    watcher = Watcher(promoted, public_key, seen, batcher, metrics, settings.poll_seconds)
    host, port = listener.getsockname()[:2]

    def start() -> None:
        batcher.start()
        watcher.start()
        logger.info("bundle %s serves on http://%s:%d", bundle.version, host, port)
        if settings.token is None and not settings.host.startswith(LOOPBACK):
            logger.warning("%s can be reached from outside, and no token is set", settings.host)

    def stop() -> None:
        watcher.stop()
        batcher.stop()
        value = metrics.registry.get_sample_value
        counts = [value(f"rewardgate_{name}_total") or 0 for name in ("accepted", "finished")]
        logger.info("stopped: %d requests accepted, %d answered with rewards", *counts)

    config = uvicorn.Config(
        make_app(batcher, metrics, settings, start, stop),
        http=within(settings.receive_seconds),
        access_log=False,
        log_config=LOGGING,
        limit_concurrency=settings.max_connections,
        ws="none",
        server_header=False,
    )
    return uvicorn.Server(config), listener


def _bound(host: str, port: int) -> socket.socket:
    try:
        family, *_, address = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)[0]
        listener = socket.socket(family, socket.SOCK_STREAM)
    except OSError as error:
        raise RewardGateError(f"host {host}: {error.strerror}; name another --host") from None
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        listener.bind(address)
    except OSError as error:
        listener.close()
        raise RewardGateError(
            f"{host}:{port}: {error.strerror}; name another --host or --port"
        ) from None
    return listener


LOGGING: dict[str, Any] = {
    "version": 1,
    "disable_existing_loggers": False,
    "formatters": {"line": {"format": "%(asctime)s %(levelname)s %(message)s"}},
    "handlers": {"stderr": {"class": "logging.StreamHandler", "formatter": "line"}},
    "loggers": {
        "rewardgate.server": {"handlers": ["stderr"], "level": "INFO", "propagate": False},
        "uvicorn": {"handlers": ["stderr"], "level": "WARNING", "propagate": False},
    },
}
