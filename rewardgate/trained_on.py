"""What a model has seen in training, and what the model that it started from had seen.

A held-out set that shares a prompt with it measures memory. The record goes with the model into its
bundle, so that a later training that starts from these weights can keep its held-out sets apart.
"""

from pathlib import Path

import pandas as pd

from rewardgate.errors import RewardGateError
from rewardgate.files import read_table
from rewardgate.manifest import REPORTS
from rewardgate.normalise import matching_form, text_hashes

TRAINED_ON = f"{REPORTS}/trained_on.parquet"
"""Its path in the project and in a bundle."""

COLUMNS = ["prompt", "text", "split"]


def record_of(
    train_set: pd.DataFrame, eval_set: pd.DataFrame, before: pd.DataFrame | None
) -> pd.DataFrame:
    """The record of a model, a row a response, sorted and without repetition.

    train_set, eval_set: canonical tables; the second chose the best weights
    before: the record of the model that it started from; None for a base
    Columns: prompt (its matching form), text (64-bit hash of the response's) and split.
    """
    parts = [] if before is None else [before[COLUMNS]]
    for split, responses in (("train", train_set), ("eval", eval_set)):
        forms = {prompt: matching_form(prompt) for prompt in responses["prompt"].unique()}
        columns = {
            "prompt": responses["prompt"].map(forms).to_numpy(object),
            "text": text_hashes(responses["text"]),
            "split": split,
        }
        parts.append(pd.DataFrame(columns))
    return pd.concat(parts).drop_duplicates().sort_values(COLUMNS, ignore_index=True)


def read_record(bundle: Path) -> pd.DataFrame:
    """The record of a promoted model. Raises RewardGateError if the bundle has none."""
    path = bundle / TRAINED_ON
    if not path.is_file():
        raise RewardGateError(
            f"{bundle}: does not record what it was trained on, as bundles of an older rewardgate "
            "do not; promote once with train.start: base, then start from that"
        )
    return read_table(path)
