"""The drift of the scores that the server gives: watched, warned of once, never acted upon."""

import logging
from collections.abc import Sequence

from rewardgate.bundle import Promoted
from rewardgate.drift import Drift, DriftMonitor
from rewardgate.server.metrics import Metrics
from rewardgate.server.settings import ServerSettings

logger = logging.getLogger("rewardgate.server")


class DriftWatch:
    """Compares the newest scores of the bundle that serves with its calibration set's.

    A bundle that keeps no scores of its calibration set (`score_quantiles`) is not watched.
    """

    def __init__(self, settings: ServerSettings, metrics: Metrics) -> None:
        self._settings = settings
        self._metrics = metrics
        self._monitor: DriftMonitor | None = None
        self._warned = False

    def follow(self, bundle: Promoted) -> None:
        """Forget all scores, and watch those of this bundle from now on."""
        reference = bundle.calibration.get("score_quantiles")
        self._warned = False
        self._monitor = reference and DriftMonitor(
            reference, self._settings.drift_window, self._settings.drift_least
        )

    def add(self, scores: Sequence[float]) -> None:
        if self._monitor is not None:
            self._monitor.add(scores)

    def look(self) -> Drift | None:
        """The drift, if it can be told yet; also in the metrics, and in the log when it begins."""
        drift = self._monitor.drift() if self._monitor is not None else None
        self._metrics.drifts(drift)
        drifted = drift is not None and self.is_beyond(drift)
        if drift is not None and drifted and not self._warned:
            logger.warning("the scores have drifted: %s", drift.words())
        self._warned = drifted
        return drift

    def is_beyond(self, drift: Drift) -> bool:
        return drift.drifted(self._settings.drift_psi, self._settings.drift_ks)
