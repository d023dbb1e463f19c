"""`dvc push` and `dvc pull` with one line for what usually stops them, and the way out."""

import subprocess
import sys
from collections.abc import Sequence

from rewardgate.errors import RewardGateError

KEYS = (
    "export AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, or name a profile with `dvc remote modify "
    "--local {name} profile PROFILE`"
)
FAULTS = {
    "locate credentials": f"no credentials; {KEYS}",
    "Partial credentials": f"half of the credentials; {KEYS}",
    "config profile": f"no such profile ({{said}}); {KEYS}",
    "InvalidAccessKeyId": f"unknown access key; {KEYS}",
    "SignatureDoesNotMatch": f"wrong secret key; {KEYS}",
    "AccessDenied": f"these credentials may not do that; {KEYS}",
    "Forbidden": f"these credentials may not do that; {KEYS}",
    "connect to the endpoint": "does not answer; start it, or mend its address with `dvc remote "
    "modify {name} endpointurl URL`",
    "requires 'dvc-s3'": "needs DVC's part for S3; pip install 'rewardgate[s3]'",
    "no remote": "no remote is named; `dvc remote add --default NAME URL`",
}
"""What DVC says of a failure, and what the user is told: the fault and the mend."""


def transfer(command: Sequence[str]) -> None:
    """Run `dvc` with these arguments, its progress shown.

    Raises RewardGateError that names the remote, the fault and the mend.
    """
    dvc = [sys.executable, "-m", "dvc"]
    finished = subprocess.run([*dvc, *command], stderr=subprocess.PIPE, text=True, check=False)
    if finished.returncode == 0:
        return
    errors = [
        line.partition("ERROR:")[2].removeprefix(" unexpected error - ").strip()
        for line in finished.stderr.splitlines()
        if "ERROR:" in line
    ]
    said = (errors or finished.stderr.strip().splitlines() or ["no reason given"])[-1]
    name, url = default_remote(dvc)
    place = f"remote {name} ({url})" if name else f"dvc {command[0]}"
    words = next((words for sign, words in FAULTS.items() if sign in finished.stderr), "{said}")
    raise RewardGateError(f"{place}: {words.format(name=name, said=said)}")


def default_remote(dvc: Sequence[str]) -> tuple[str, str]:
    """Name and address of the remote that DVC takes by default; empty if there is none."""
    listed = subprocess.run(
        [*dvc, "config", "--list"], capture_output=True, text=True, check=False
    ).stdout
    settings = dict(line.partition("=")[::2] for line in listed.splitlines())
    name = settings.get("core.remote", "")
    return name, settings.get(f"remote.{name}.url", "")
