"""What a killed run or a full disk left of DVC's own files, mended before the next run."""

import json
from pathlib import Path

from dvc.exceptions import DvcException
from dvc.lock import make_lock
from dvc.repo import Repo
from dvc.rwlock import RWLOCK_FILE, RWLOCK_LOCK
from dvc_data.hashfile.db import HashFileDB
from dvc_objects.errors import ObjectFormatError

from rewardgate.errors import RewardGateError

LOCK = Path("dvc.lock")


def mend() -> list[str]:
    """Mend what can be mended; a line for each thing that was.

    Raises RewardGateError if dvc.lock was cut off.
    """
    require_lock_file()
    with Repo() as repo:
        told = [*mend_rwlock(Path(repo.tmp_dir or ".dvc/tmp")), *drop_damaged(repo.cache.local)]
        return [line.replace(f"{repo.root_dir}/", "") for line in told]


def require_lock_file() -> None:
    """Raises RewardGateError if DVC cannot read dvc.lock, which it writes in place."""
    try:
        with Repo() as repo:
            _ = repo.index.stages
    except DvcException as error:
        if "dvc.lock" not in str(error):
            return  # of dvc.yaml; told where it is read
        raise RewardGateError(
            f"{LOCK}: cut off or altered; `git checkout {LOCK}`, or remove it, and run again: what "
            "the cache holds is not run twice"
        ) from None


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
