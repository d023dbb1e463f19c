"""A promoted version in an MLflow tracking server: a run, its files and a registered model."""

import os
import re
from pathlib import Path
from typing import Any

os.environ.setdefault("MLFLOW_HTTP_REQUEST_MAX_RETRIES", "2")  # seven take minutes to give up

from mlflow import MlflowClient
from mlflow.entities import Metric, Param, RunTag
from mlflow.exceptions import MlflowException

from rewardgate.errors import RewardGateError
from rewardgate.promotion import CURRENT, require_intact
from rewardgate.registry import CHAMPION, summary

VERSION = "rewardgate.version"
"""Tag of runs and model versions: the name of the bundle."""

AT_ONCE, VALUE_CHARS = 100, 6000
"""What MLflow takes of parameters in one call, and of a parameter's value."""


def export(
    folder: Path, tracking_uri: str, experiment: str, name: str, public_key: Path | None
) -> str:
    """Log the bundle in `folder` as a run and register it as a version of the model `name`.

    The run has the settings as parameters, the verdict's figures as metrics and the whole bundle
    as artifacts, in a folder of its name, so that `rewardgate verify` can check a download. The
    alias `champion` goes to the version that is current. What was registered before is not logged
    again.
    public_key: with it, the bundle must be signed by its other half
    Returns what was done, in words. Raises RewardGateError if the bundle is not as promoted or
    MLflow refuses it.
    """
    manifest = require_intact(folder, public_key)
    version = folder.resolve().name
    try:
        client = MlflowClient(tracking_uri=tracking_uri, registry_uri=tracking_uri)
        known = client.get_experiment_by_name(experiment)
        to = known.experiment_id if known else client.create_experiment(experiment)
        if not client.search_registered_models(f"name = '{name}'"):
            client.create_registered_model(name)
        registered = [
            one
            for one in client.search_model_versions(f"name = '{name}'")
            if one.tags.get(VERSION) == version
        ]
        if not registered:
            tags = {
                VERSION: version,
                "rewardgate.model_sha256": manifest.model_sha256,
                "rewardgate.commit": str(manifest.git.commit),
                "rewardgate.verdict": manifest.verdict,
            }
            source, run = _log(client, to, folder, tags)
            registered = [client.create_model_version(name, source, run, tags)]
        number = registered[0].version
        current = (folder.parent / CURRENT).resolve().name == version
        if current:
            client.set_registered_model_alias(name, CHAMPION, number)
    except MlflowException as error:
        told = " ".join(str(error).split())[:300]
        raise RewardGateError(
            f"{tracking_uri}: MLflow: {told}; name a database (sqlite:///mlflow.db) or a server "
            "that answers (http://...)"
        ) from None
    return f"{version}: version {number} of {name}{', the champion' if current else ''}"


def _log(
    client: MlflowClient, experiment: str, folder: Path, tags: dict[str, str]
) -> tuple[str, str]:
    """A finished run with the bundle; where its files are, and its id."""
    told: dict[str, Any] = summary(folder)
    run = client.create_run(experiment, run_name=tags[VERSION])
    key = run.info.run_id
    params = [Param(_name(k), str(v)[:VALUE_CHARS]) for k, v in told["params"].items()]
    metrics = [
        Metric(_name(k), float(v), run.info.start_time, 0)
        for k, v in told["metrics"].items()
        if v is not None
    ]
    client.log_batch(key, metrics=metrics, tags=[RunTag(k, v) for k, v in tags.items()])
    for at in range(0, len(params), AT_ONCE):
        client.log_batch(key, params=params[at : at + AT_ONCE])
    client.log_artifacts(key, str(folder.resolve()), tags[VERSION])
    client.set_terminated(key)
    return f"{run.info.artifact_uri}/{tags[VERSION]}", key


def _name(name: str) -> str:
    """A name that MLflow takes: `accuracy, safety` is accuracy/safety."""
    return re.sub(r"[^\w\-. :/]", "_", name.replace(", ", "/"))
