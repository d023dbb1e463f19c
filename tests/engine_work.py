"""Work for the nodes of tests/test_engine.py; they import this module, so it imports little."""

import time
from collections.abc import Callable
from functools import partial
from hashlib import sha256
from pathlib import Path
from typing import Any
from uuid import uuid4

import numpy as np
import pandas as pd
import ray

from rewardgate.engine import Row
from rewardgate.errors import RewardGateError

KILLED = "killed"


def described(number: int) -> Row:
    return {
        "number": number,
        "text": "ü" * number,
        "keys": np.arange(number, dtype=np.uint64) + np.uint64(2**64 - 100),
        "table": np.full((2, number), number, np.uint64),
        "share": np.array([number / 3, np.nan, np.inf]),
        "names": [f"p-{at}" for at in range(number)],
    }


class Made:
    """Says when it was made."""

    def __init__(self, of: str) -> None:
        self.me = f"{of}-{uuid4()}"

    def __call__(self, number: int) -> Row:
        time.sleep(0.05)
        return {"me": self.me}


def refuse(number: int) -> Row:
    if number == 3:
        raise RewardGateError(f"record {number}: no text; give it one")
    return {"number": number}


def attempted(work: Callable[[Any], Row], notes: Path, item: Any) -> Row:
    """Note the node and the item that is worked on; nothing is done before a node was killed."""
    content = item.iloc[0].tolist() if isinstance(item, pd.DataFrame) else item
    name = sha256(repr(content).encode()).hexdigest()
    (notes / f"{ray.get_runtime_context().get_node_id()}.{name}.{uuid4()}").touch()
    while not (notes / KILLED).exists():
        time.sleep(0.05)
    return work(item)


def noting(work: Callable[..., Any], notes: Path) -> Callable[..., Any]:
    if not isinstance(work, type):
        return partial(attempted, work, notes)

    class Noting(work):  # type: ignore[misc,valid-type]
        def __call__(self, item: Any) -> Row:
            return attempted(super().__call__, notes, item)

    return Noting
