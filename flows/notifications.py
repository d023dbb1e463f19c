"""Automations of the Prefect server: failed runs call a webhook, lost runs are ended."""

from datetime import timedelta
from typing import cast
from uuid import UUID

from pydantic import SecretStr

import flows  # noqa: F401  (sets Prefect up)

from prefect.automations import (  # isort: skip  (after flows)
    AutomationCore,
    CallWebhook,
    ChangeFlowRunState,
    EventTrigger,
    Posture,
    ResourceSpecification,
)
from prefect.blocks.webhook import Webhook  # isort: skip
from prefect.client.orchestration import SyncPrefectClient  # isort: skip
from prefect.client.schemas.objects import StateType  # isort: skip

WEBHOOK = "rewardgate"
STATES = ["FAILED", "CRASHED"]
LOST_AFTER = timedelta(minutes=10)
"""A run sends a heartbeat every 3 minutes."""

PAYLOAD = """{
  "text": {{ (flow.name ~ "/" ~ deployment.name ~ " " ~ flow_run.state.name ~ ": "
              ~ flow_run.state.message) | truncate(500) | tojson }},
  "flow": {{ flow.name | tojson }},
  "deployment": {{ deployment.name | tojson }},
  "run": {{ flow_run.name | tojson }},
  "state": {{ flow_run.state.name | tojson }},
  "message": {{ flow_run.state.message | tojson }},
  "url": "UI/runs/flow-run/{{ flow_run.id }}"
}"""
"""`text` is what Slack, Mattermost and others of their kind show."""


def call_webhook(client: SyncPrefectClient, pool: UUID, url: str, ui: str) -> None:
    """Every run of the work pool that fails or crashes is posted to `url`, as JSON.

    ui: address of the server's pages, for a link to the run
    """
    headers = {"Content-Type": "application/json"}
    block = Webhook.model_validate({"url": SecretStr(url), "headers": headers})
    block_id = cast("UUID", block.save(WEBHOOK, overwrite=True))
    replace(
        client,
        AutomationCore(
            name="rewardgate: a run failed",
            description="Posts every failed run, such as a blocked promotion, to the webhook.",
            trigger=EventTrigger(
                expect={"prefect.flow-run.*"},
                match=ResourceSpecification({"prefect.state-type": STATES}),
                match_related=of_pool(pool),
                posture=Posture.Reactive,
                threshold=1,
            ),
            actions=[CallWebhook(block_document_id=block_id, payload=PAYLOAD.replace("UI", ui, 1))],
        ),
    )


def end_lost_runs(client: SyncPrefectClient, pool: UUID, after: timedelta = LOST_AFTER) -> None:
    """A run whose machine died is set to crashed, so that it does not hold up the next one."""
    replace(
        client,
        AutomationCore(
            name="rewardgate: a run was lost",
            description="Ends a run that gives no sign of life, so that the next can start.",
            trigger=EventTrigger(
                after={"prefect.flow-run.heartbeat"},
                expect={"prefect.flow-run.*"},
                match=ResourceSpecification({"prefect.resource.id": "prefect.flow-run.*"}),
                match_related=of_pool(pool),
                for_each={"prefect.resource.id"},
                posture=Posture.Proactive,
                threshold=1,
                within=after,
            ),
            actions=[
                ChangeFlowRunState(
                    state=StateType.CRASHED,
                    name="Lost",
                    force=False,
                    message=f"no sign of life for {after}; its machine or process died",
                )
            ],
        ),
    )


def of_pool(pool: UUID) -> ResourceSpecification:
    return ResourceSpecification({"prefect.resource.id": f"prefect.work-pool.{pool}"})


def replace(client: SyncPrefectClient, automation: AutomationCore) -> None:
    """Create an automation, in the place of those of its name."""
    for found in client.read_automations_by_name(automation.name):
        client.delete_automation(found.id)
    client.create_automation(automation)
