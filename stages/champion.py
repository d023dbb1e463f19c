"""Name the model that the candidate is compared with: the promoted one, unless it is the same.

Also the promotions against the gate's verdict, which every report shows.
"""

import sys
from pathlib import Path

from rewardgate.champion import find_champion, identity
from rewardgate.files import sha256_folder, write_json
from rewardgate.history import overrides, read_history
from rewardgate.settings import load_settings
from rewardgate.signing import public_key
from stages import run_stage

PROMOTED = Path("models/promoted")


def main() -> None:
    candidate = sha256_folder("models/candidate")
    settings = load_settings()
    folder = find_champion(settings.gate.champion, PROMOTED, candidate)
    champion = identity(folder, public_key(settings.promote)) if folder is not None else None
    write_json("models/champion.json", champion)
    write_json("models/overrides.json", overrides(read_history(PROMOTED)))
    print(f"champion: {champion['version'] if champion else 'none'}")


if __name__ == "__main__":
    sys.exit(run_stage(main))
