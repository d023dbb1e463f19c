"""The drift check as a flow: do live scores still come from where the calibration set's came?"""

from pathlib import Path
from typing import Any

import flows  # noqa: F401  (sets Prefect up)
from rewardgate.drift import KS_LIMIT, PSI_LIMIT
from rewardgate.errors import RewardGateError
from rewardgate.live_scores import drift_of
from rewardgate.project import PROMOTED

from prefect import flow  # isort: skip  (after flows)
from prefect.states import Completed, Failed  # isort: skip


@flow(name="drift")
def drift(scored: str, psi: float = PSI_LIMIT, ks: float = KS_LIMIT) -> Any:
    """Fails as `Drifted` if the scores have drifted, as `BadInput` if it cannot be told.

    scored: a Parquet file with a column `score`, as `rewardgate score` writes it
    psi, ks: most population stability index and Kolmogorov-Smirnov distance
    """
    try:
        found = drift_of(Path(scored), PROMOTED)
    except RewardGateError as error:
        return Failed(name="BadInput", message=str(error))
    if found.drifted(psi, ks):
        return Failed(name="Drifted", message=f"{scored}: {found.words()}: drifted")
    return Completed(message=f"{scored}: {found.words()}: no drift")
