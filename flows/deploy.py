"""Deploy prefect.yaml to a Prefect server: `python -m flows.deploy [--webhook URL]`.

One run of the work pool goes at a time; others wait, for they share the project's folder.
"""

import argparse
import subprocess
import sys
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path

from flows.notifications import call_webhook, end_lost_runs
from flows.schedules import require_sound_schedules
from flows.server import require_server
from rewardgate.errors import RewardGateError, run_or_explain
from rewardgate.project import enter_project

from prefect.client.orchestration import SyncPrefectClient, get_client  # isort: skip  (after flows)
from prefect.client.schemas.actions import WorkPoolCreate, WorkPoolUpdate  # isort: skip
from prefect.client.schemas.objects import WorkPool  # isort: skip
from prefect.exceptions import ObjectNotFound  # isort: skip
from prefect.settings import PREFECT_API_URL  # isort: skip

POOL = "rewardgate"
AT_A_TIME = 1
DEPLOYMENTS = Path("prefect.yaml")


def main(arguments: Sequence[str] = ()) -> int:
    parser = argparse.ArgumentParser(prog="python -m flows.deploy", description=__doc__)
    parser.add_argument("--webhook", metavar="URL", help="failed runs are posted there, as JSON")
    url = parser.parse_args(arguments).webhook
    if url is not None and not url.startswith(("http://", "https://")):
        raise RewardGateError(f"--webhook {url}: no URL; give one that begins with https://")
    enter_project()
    schedules = require_sound_schedules(DEPLOYMENTS, datetime.now(UTC))
    ui = server().removesuffix("/api")
    with get_client(sync_client=True) as client:
        pool = ensure_pool(client)
        deployed = subprocess.run(
            [sys.executable, "-m", "prefect", "--no-prompt", "deploy", "--all"], check=False
        )
        if deployed.returncode != 0:
            raise RewardGateError(f"{DEPLOYMENTS}: not deployed; Prefect says above why")
        end_lost_runs(client, pool.id)
        if url is not None:
            call_webhook(client, pool.id, url, ui)
    print("\n".join(schedules))
    print(f"next: prefect worker start --pool {POOL}; the runs are at {ui}")
    return 0


def server() -> str:
    """The address of the configured server. Raises RewardGateError if none is named or answers."""
    url, start = PREFECT_API_URL.value(), "start one with `prefect server start`"
    if not url:
        raise RewardGateError(
            f"no Prefect server is named; {start}, and export "
            "PREFECT_API_URL=http://127.0.0.1:4200/api"
        )
    require_server(start)
    return url


def ensure_pool(client: SyncPrefectClient) -> WorkPool:
    """The work pool, made if there is none, with its limit set."""
    try:
        client.read_work_pool(POOL)
        client.update_work_pool(POOL, WorkPoolUpdate(concurrency_limit=AT_A_TIME))
    except ObjectNotFound:
        client.create_work_pool(
            WorkPoolCreate(name=POOL, type="process", concurrency_limit=AT_A_TIME)
        )
    return client.read_work_pool(POOL)


if __name__ == "__main__":
    sys.exit(run_or_explain(lambda: main(sys.argv[1:])))
