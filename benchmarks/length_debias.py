"""What debiasing against length does when annotators love length and the truth is known.

    python -m benchmarks.length_debias [--bias 1.5] [--prompts 600] [--lengths none balanced ...]

The simulator's annotators add `--bias` BT logits a standard deviation of length to the true
utility. Each judge learns from their rankings; it is judged by theirs, held out, and by the truth.
"""

import argparse
import json
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pandas as pd

from benchmarks.accuracy import train_on
from benchmarks.baselines import longest_wins
from benchmarks.rankings import PARAMS
from benchmarks.table import markdown
from rewardgate.ingest import ingest
from rewardgate.intervals import clustered_mean
from rewardgate.metrics import Scored, correct
from rewardgate.scoring import score_table
from rewardgate.settings import Annotator, load_settings
from rewardgate.simulate import simulate
from rewardgate.splits import split

RESAMPLES = 10_000
COLUMNS = ["annotators", "the truth", "truth, shorter is better"]


def main(arguments: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(prog="benchmarks.length_debias")
    parser.add_argument("--bias", type=float, default=1.5)
    parser.add_argument("--prompts", type=int, default=600)
    parser.add_argument("--lengths", nargs="+", default=["none", "balanced", "regressed"])
    parser.add_argument("--length-share", type=float, help="of what `regressed` leaves out")
    parser.add_argument("--base", default="minilm")
    args = parser.parse_args(arguments)
    settings = load_settings(PARAMS)
    lovers = [Annotator(name="lou", length_bias=args.bias)]
    simulation = simulate(
        settings.simulate.model_copy(
            update={"prompts": args.prompts, "annotators": {"long": lovers}}
        ),
        "long",
        settings.seed,
    )
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "rankings.jsonl"
        path.write_text("".join(json.dumps(r) + "\n" for r in simulation.records), "utf-8")
        splits = split(ingest([path], 0).responses, settings.split).splits
    test = splits["test"].merge(
        simulation.utilities[["response_id", "utility"]], on="response_id", validate="many_to_one"
    )
    share = args.length_share or settings.train.loss.length_share
    rows = [cells("longest wins", test.assign(score=longest_wins(test)))]
    for length in args.lengths:
        loss = settings.train.loss.model_copy(update={"length": length, "length_share": share})
        trained = settings.train.model_copy(update={"base": args.base, "loss": loss})
        model = train_on(splits["train"], splits["eval"], trained, settings.seed).model
        rows.append(cells(length, score_table(model, test, length)))
        print("  ".join(rows[-1]), file=sys.stderr, flush=True)
    print(markdown(["judge", *COLUMNS], rows))
    return 0


def cells(name: str, scored: pd.DataFrame) -> list[str]:
    """Pair accuracies in %, with 95 % intervals over prompts."""
    truth = scored.groupby("ranking_id")["utility"].rank(method="min", ascending=False)
    by_annotators = Scored.of(scored).pairs
    by_truth = Scored.of(scored.assign(rank=truth.astype(np.int32))).pairs
    return [
        name,
        *(accuracy(p) for p in (by_annotators, by_truth, by_truth[by_truth["longer"] < 0])),
    ]


def accuracy(pairs: pd.DataFrame) -> str:
    found = clustered_mean(correct(pairs["margin"]), None, pairs["prompt_id"], RESAMPLES, seed=0)
    return f"{found.estimate:.1%} [{found.low:.1%}, {found.high:.1%}]"


if __name__ == "__main__":
    sys.exit(main())
