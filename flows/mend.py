"""What a killed run or a full disk left of DVC's own files, mended before the next run.

`rewardgate run` begins with it; before a `dvc repro` by hand, `python -m flows.mend` does it.
"""

import json
import sys
from pathlib import Path

from dvc.exceptions import DvcException
from dvc.lock import make_lock
from dvc.repo import Repo
from dvc.rwlock import RWLOCK_FILE, RWLOCK_LOCK
from dvc_data.hashfile.db import HashFileDB
from dvc_objects.errors import ObjectFormatError

from rewardgate.errors import RewardGateError, run_or_explain
from rewardgate.project import enter_project

LOCK = Path("dvc.lock")


def mend() -> list[str]:
    """Mend what can be mended; a line for each thing that was.

    Raises RewardGateError if dvc.lock was cut off in its middle.
    """
    told = mend_lock_file()
    with Repo() as repo:
        told += [*mend_rwlock(Path(repo.tmp_dir or ".dvc/tmp")), *drop_damaged(repo.cache.local)]
        return [line.replace(f"{repo.root_dir}/", "") for line in told]


def mend_lock_file() -> list[str]:
    """Remove an empty dvc.lock, which DVC writes in place and cannot read if it was cut off.

    Raises RewardGateError if it is neither empty nor readable.
    """
    if LOCK.is_file() and LOCK.stat().st_size == 0:
        LOCK.unlink()
        return [f"{LOCK}: was cut off and is empty; removed, and made again from the cache"]
    try:
        with Repo() as repo:
            _ = repo.index.stages
    except DvcException as error:
        if "dvc.lock" not in str(error):
            return []  # a fault of dvc.yaml is told where that is read
        raise RewardGateError(
            f"{LOCK}: cut off or altered; `git checkout {LOCK}`, or remove it, and run again: what "
            "the cache holds is not run twice"
        ) from None
    return []


def mend_rwlock(folder: Path) -> list[str]:
    """Remove DVC's list of locked files if it is no JSON, since DVC then refuses every command.

    DVC writes it in place, so that a full disk or a kill leaves it empty.
    """
    path = folder / RWLOCK_FILE
    with make_lock(str(folder / RWLOCK_LOCK), tmp_dir=str(folder)):
        try:
            json.loads(path.read_text(encoding="utf-8"))
        except FileNotFoundError:
            return []
        except ValueError:
            path.unlink()
            return [f"{path}: was cut off; removed"]
    return []


def drop_damaged(cache: HashFileDB) -> list[str]:
    """Remove files of DVC's cache that are not what their names say; their stages run again.

    DVC trusts a file of its cache that is read-only, as all are: it would check a damaged one out
    and write its hash to dvc.lock. Here it is hashed if it changed since DVC last hashed it.
    """
    told = []
    for oid in list(cache.all()):
        try:
            HashFileDB.check(cache, oid)
        except ObjectFormatError:
            told.append(f"{cache.oid_to_path(oid)}: damaged; removed, and made again where needed")
        except FileNotFoundError:
            continue
    return told


def main() -> None:
    enter_project()
    print("\n".join(mend() or ["nothing to mend"]))


if __name__ == "__main__":
    sys.exit(run_or_explain(main))
