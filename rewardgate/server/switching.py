"""Newly promoted bundles take over while the server runs; unsound ones do not."""

import logging
import os
import threading
from pathlib import Path

from rewardgate.bundle import Promoted, load_promoted
from rewardgate.errors import RewardGateError
from rewardgate.promotion import CURRENT
from rewardgate.rewards import NO_REFERENCES
from rewardgate.server.batching import Batcher
from rewardgate.server.metrics import Metrics

logger = logging.getLogger("rewardgate.server")

Seen = tuple[str, tuple[tuple[str, int, int], ...]]


def load_sound(promoted: Path, public_key: Path | None) -> Promoted:
    """The current bundle, verified, and tried on one text.

    Raises RewardGateError if it is not as promoted, or its score is not a number.
    """
    bundle = load_promoted(promoted, public_key)
    try:
        bundle.reward("Are you fit to serve?", "I give a number.", NO_REFERENCES)
    except RewardGateError as error:
        raise RewardGateError(f"{promoted}: {error}") from None
    return bundle


def look(promoted: Path) -> Seen:
    """What `current` names, and the size and time of each file there.

    It changes with each promotion or rollback, and when a bundle is mended in its place.
    Raises OSError if nothing is promoted.
    """
    link = promoted / CURRENT
    files = sorted(link.resolve(strict=True).rglob("*"))
    states = [(path.name, path.lstat()) for path in files]
    return os.readlink(link), tuple((name, at.st_size, at.st_mtime_ns) for name, at in states)


class Watcher:
    """Looks at `current` now and then and hands a newly promoted bundle to the batcher.

    seen: what `look` gave before the bundle that serves was loaded
    A bundle that cannot be loaded is refused once, and the one before it keeps serving.
    """

    def __init__(
        self,
        promoted: Path,
        public_key: Path | None,
        seen: Seen,
        batcher: Batcher,
        metrics: Metrics,
        poll_seconds: float,
    ) -> None:
        self._promoted = promoted
        self._public_key = public_key
        self._seen = seen
        self._batcher = batcher
        self._metrics = metrics
        self._poll_seconds = poll_seconds
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._run, name="watcher", daemon=True)

    def start(self) -> None:
        self._thread.start()

    def stop(self) -> None:
        """Return at once; a bundle that is being loaded is not waited for."""
        self._stop.set()

    def _run(self) -> None:
        while not self._stop.wait(self._poll_seconds):
            self._batcher.drift.look()
            try:
                seen = look(self._promoted)
            except OSError:
                continue
            if seen != self._seen:
                self._seen = seen
                self._change(seen[0])

    def _change(self, version: str) -> None:
        serving = self._batcher.bundle.version
        if version == serving:
            return
        try:
            bundle = load_sound(self._promoted, self._public_key)
        except Exception as error:
            self._metrics.switches.labels("refused").inc()
            unforeseen = not isinstance(error, RewardGateError | OSError)
            logger.error(
                "refused bundle %s, %s keeps serving: %s",
                version,
                serving,
                error,
                exc_info=unforeseen,
            )
            return
        if not self._stop.is_set():
            self._batcher.switch(bundle)
            self._metrics.switches.labels("served").inc()
            logger.info("bundle %s serves, in the place of %s", bundle.version, serving)
