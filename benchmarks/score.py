"""Texts per second of scoring, rewardgate against the usual transformers loop, side by side.

    python -m benchmarks.score [--quick] [--json PATH]

See benchmarks/README.md for what is measured and how to read it.
"""

import argparse
import os
import sys
import tempfile
import time
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import torch
from numpy.typing import NDArray
from transformers import AutoModelForSequenceClassification, AutoTokenizer

from benchmarks.children import READY, RUN, take_turns
from benchmarks.decoders import save_decoder
from benchmarks.meter import Meter, peak_memory
from benchmarks.rankings import REAL, cut, made_of_words, real, simulated
from benchmarks.table import markdown
from rewardgate.encoding import Encoder
from rewardgate.files import write_json
from rewardgate.reward_model import RewardModel
from rewardgate.scoring import score

OURS = "rewardgate"
BATCHES = {"loop of 8": 8, "loop of 16": 16, "loop of 32": 32}

RESPONSE_TOKENS, PROMPT_TOKENS = 226, 38
"""Means of the real rankings (AlpacaEval)."""


@dataclass(frozen=True)
class Case:
    """One row of the table: a saved reward model and the responses to score with it."""

    model: str
    folder: Path
    data: str
    responses: pd.DataFrame


@dataclass(frozen=True)
class Measured:
    """One scoring of all texts: seconds, positions and tokens encoded, peak memory in bytes."""

    seconds: float
    positions: int
    tokens: int
    peak_memory: int


def main(arguments: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(prog="benchmarks.score", description=__doc__.split("\n")[0])
    parser.add_argument("--quick", action="store_true", help="one tiny case, to see that it runs")
    parser.add_argument("--json", metavar="PATH", help="also write every figure there")
    parser.add_argument("--repetitions", type=int, default=2, help="of each side; the best counts")
    parser.add_argument("--threads", type=int, default=os.cpu_count())
    args = parser.parse_args(arguments)
    os.environ["CUDA_VISIBLE_DEVICES"] = ""
    os.environ["OMP_NUM_THREADS"] = str(args.threads)
    with tempfile.TemporaryDirectory() as folder:
        rows = []
        for case in quick_cases(Path(folder)) if args.quick else cases(Path(folder)):
            loops = list(BATCHES)[: 1 if args.quick else None]
            rows.append(measure(case, loops, 1 if args.quick else args.repetitions, args.threads))
            print("  ".join(cells(rows[-1])), file=sys.stderr, flush=True)
    print(markdown(TITLES, [cells(row) for row in rows]))
    if args.json:
        write_json(args.json, rows)
    return 0


def quick_cases(root: Path) -> list[Case]:
    folder = saved("tiny", root)
    return [Case("tiny", folder, "4 responses a prompt", made_of_words(8, 4, 64, 16, [3]))]


def cases(root: Path) -> list[Case]:
    """MiniLM on real responses, and a decoder with and without prompts to share."""
    minilm = saved("minilm", root)
    table = cut(real("alpaca_eval") if REAL.is_dir() else simulated(24, 0), 24)[0]
    data = "AlpacaEval" if REAL.is_dir() else "simulated"
    sizes = (RESPONSE_TOKENS, PROMPT_TOKENS)
    small = saved("small", root)
    return [
        Case("minilm", minilm, data, that_fit(table, minilm)),
        Case("small", small, "1 response a prompt", made_of_words(160, 1, *sizes, seed=[3])),
        Case("small", small, "4 responses a prompt", made_of_words(40, 4, *sizes, seed=[4])),
    ]


def saved(model: str, root: Path) -> Path:
    """Folder of a reward model with a fresh head, in the standard layout."""
    base = model
    if model != "minilm":
        base = str(root / f"{model}-base")
        save_decoder(model, Path(base), seed=0)
    RewardModel.from_base(base, 16384, seed=0).save(root / model)
    return root / model


def that_fit(responses: pd.DataFrame, folder: Path) -> pd.DataFrame:
    """The responses that need no cutting, since the two sides would cut them differently."""
    encoder = RewardModel.load(folder).encoder
    texts = zip(responses["prompt"], responses["text"], strict=True)
    encoded = [encoder.encode(prompt, text) for prompt, text in texts]
    return responses[[not (one.prompt_cut or one.response_cut) for one in encoded]]


def measure(case: Case, loops: list[str], repetitions: int, threads: int) -> dict[str, Any]:
    """Score on all sides in turn, each in its own process; the fastest run of each counts."""
    names = [*loops, OURS]
    runs, scores = take_turns(serve, names, repetitions, case, threads)
    best = {name: min(runs[name], key=lambda run: run.seconds) for name in names}
    loop = min(loops, key=lambda name: best[name].seconds)
    return {
        "model": case.model,
        "data": case.data,
        "texts": len(case.responses),
        "threads": threads,
        "best_loop": loop,
        "max_difference": float(np.abs(scores[loop] - scores[OURS]).max()),
        "sides": {name: asdict(run) for name, run in best.items()},
    }


def serve(connection: Connection, side: str, case: Case, threads: int) -> None:
    """Answer each RUN with a Measured, and the first other message with the scores (n,)."""
    torch.set_num_threads(threads)
    scorer = Ours(case.folder) if side == OURS else Loop(case.folder, BATCHES[side])
    prompts, texts = case.responses["prompt"].tolist(), case.responses["text"].tolist()
    connection.send(READY)
    while connection.recv() == RUN:
        meter = Meter(scorer.model, scorer.tokenizer.pad_token_id)
        start = time.perf_counter()
        scores = scorer.score(prompts, texts)
        seconds = time.perf_counter() - start
        meter.remove()
        connection.send(Measured(seconds, meter.positions, int(meter.tokens), peak_memory()))
    connection.send(scores)


class Ours:
    """rewardgate.scoring."""

    def __init__(self, folder: Path) -> None:
        self.reward_model = RewardModel.load(folder)
        self.model, self.tokenizer = self.reward_model.model, self.reward_model.tokenizer

    def score(self, prompts: list[str], texts: list[str]) -> NDArray[np.float64]:
        return score(self.reward_model, prompts, texts, label=None)


class Loop:
    """Batches of a fixed number of texts in the order given, each padded to its longest."""

    def __init__(self, folder: Path, batch: int) -> None:
        self.batch = batch
        self.model = AutoModelForSequenceClassification.from_pretrained(folder).eval()
        self.tokenizer = AutoTokenizer.from_pretrained(folder)
        self.encoder = Encoder(self.tokenizer, self.tokenizer.model_max_length)

    @torch.inference_mode()
    def score(self, prompts: list[str], texts: list[str]) -> NDArray[np.float64]:
        rendered = [self.encoder.render(*pair) for pair in zip(prompts, texts, strict=True)]
        parts = []
        for start in range(0, len(rendered), self.batch):
            inputs = self.tokenizer(
                rendered[start : start + self.batch],
                add_special_tokens=False,
                padding=True,
                return_tensors="pt",
            )
            parts.append(self.model(**inputs).logits[:, 0])
        return torch.cat(parts).double().numpy()


TITLES = ["model", "data", "texts", "texts/s", "ratio", "padding", "peak MiB", "best loop"]
TITLES += ["largest difference"]


def cells(row: dict[str, Any]) -> list[str]:
    """Two figures in a cell are the loop's and rewardgate's."""
    loop, ours = row["sides"][row["best_loop"]], row["sides"][OURS]
    return [
        row["model"],
        row["data"],
        str(row["texts"]),
        " / ".join(f"{row['texts'] / run['seconds']:.1f}" for run in (loop, ours)),
        f"{loop['seconds'] / ours['seconds']:.2f}",
        " / ".join(f"{1 - run['tokens'] / run['positions']:.0%}" for run in (loop, ours)),
        " / ".join(f"{run['peak_memory'] / 2**20:.0f}" for run in (loop, ours)),
        row["best_loop"],
        f"{row['max_difference']:.1e}",
    ]


if __name__ == "__main__":
    sys.exit(main())
