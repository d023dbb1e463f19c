"""Name the model that training starts from: none for the base, else the champion's bundle."""

import sys
from pathlib import Path

from rewardgate.files import sha256_file, write_json
from rewardgate.settings import load_settings
from rewardgate.signing import public_key
from rewardgate.start import INGESTED, START, start_of
from stages import run_stage


def main() -> None:
    settings = load_settings()
    start, words = None, "the base"
    if settings.train.start == "champion":
        start, words = start_of(
            settings.gate.champion,
            Path("models/promoted"),
            sha256_file(INGESTED),
            public_key(settings.promote),
        )
    write_json(START, start)
    print(f"training starts from {words}")


if __name__ == "__main__":
    sys.exit(run_stage(main))
