"""The stages of dvc.yaml in the order in which DVC runs them."""

from collections.abc import Collection

from dvc.exceptions import DvcException
from dvc.repo import Repo
from dvc.repo.reproduce import plan_repro

from rewardgate.errors import RewardGateError

ALWAYS_ASKED = {"start", "champion"}
"""Stages that DVC always counts as stale, since they look at what is promoted, which it does not
track; what comes after them is stale only if their answer changed."""


def stages_up_to(targets: Collection[str]) -> list[str]:
    """Names of the stages that `dvc repro` of `targets` considers; unknown targets are left out.

    Raises RewardGateError if dvc.yaml cannot be read.
    """
    try:
        with Repo() as repo:
            graph = repo.index.graph
            wanted = [stage for stage in graph if stage.addressing in targets]
            return [stage.addressing for stage in plan_repro(graph, wanted)] if wanted else []
    except DvcException as error:
        raise RewardGateError(f"dvc.yaml: {' '.join(str(error).split())}") from None
