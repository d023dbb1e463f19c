"""Prefect flows: order, retries and artifacts. The work itself is in stages."""

import os

import stages

__all__ = ["stages"]

SETTINGS = {
    "PREFECT_SERVER_EPHEMERAL_STARTUP_TIMEOUT_SECONDS": "180",
    # of other libraries: SQLAlchemy logs a traceback when the temporary server stops in mid-query
    "PREFECT_LOGGING_ROOT_LEVEL": "CRITICAL",
}

for name, value in SETTINGS.items():
    os.environ.setdefault(name, value)
