"""Prefect flows: order, retries and artifacts. The work itself is in stages."""

import os

import stages

__all__ = ["stages"]

os.environ.setdefault("PREFECT_SERVER_EPHEMERAL_STARTUP_TIMEOUT_SECONDS", "180")
