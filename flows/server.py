"""The Prefect server that `PREFECT_API_URL` names: is it there?"""

import flows  # noqa: F401  (sets Prefect up)
from rewardgate.errors import RewardGateError

from prefect.client.orchestration import get_client  # isort: skip  (after flows)
from prefect.settings import PREFECT_API_URL  # isort: skip


def require_server(mend: str) -> None:
    """Raises RewardGateError with `mend` if a server is named and none answers there."""
    url = PREFECT_API_URL.value()
    if not url:
        return
    with get_client(sync_client=True) as client:
        if fault := client.api_healthcheck():
            raise RewardGateError(f"{url}: no Prefect server answers ({fault}); {mend}")
