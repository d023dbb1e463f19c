"""What encoding the prompt once for all responses of a ranking saves, on one decoder.

    python -m benchmarks.shared_prompt [--prompts 64 256 1024] [--k 4] [--response 128]

The same forward and backward passes over packed rows, with the shared prompt and without, in turn.
"""

import argparse
import sys
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path
from statistics import median

import torch

from benchmarks.decoders import SIZES, save_decoder
from benchmarks.rankings import made_of_words
from benchmarks.table import markdown
from rewardgate.packing import packed_rows
from rewardgate.reward_model import TOKENS_PER_ROW, RewardModel, in_order


def main(arguments: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(prog="benchmarks.shared_prompt")
    parser.add_argument("--model", choices=SIZES, default="small")
    parser.add_argument("--prompts", type=int, nargs="+", default=[64, 256, 1024])
    parser.add_argument("--response", type=int, default=128, help="mean tokens of a response")
    parser.add_argument("--k", type=int, default=4)
    parser.add_argument("--rankings", type=int, default=8)
    parser.add_argument("--repetitions", type=int, default=3)
    args = parser.parse_args(arguments)
    with tempfile.TemporaryDirectory() as folder:
        save_decoder(args.model, Path(folder), seed=0)
        model = RewardModel.from_base(folder, max_length=16384, seed=0)
        rows = [cells(model, prompt, args) for prompt in args.prompts]
    titles = ["prompt", "response", "K", "tokens apart", "shared", "s apart", "shared", "speedup"]
    print(markdown([*titles, "largest difference"], rows))
    return 0


def cells(model: RewardModel, prompt: int, args: argparse.Namespace) -> list[str]:
    table = made_of_words(args.rankings, args.k, args.response, prompt, [prompt])
    texts = zip(table["prompt"], table["text"], strict=True)
    ids = [model.encoder.encode(*text).ids for text in texts]
    seconds: dict[bool, list[float]] = {False: [], True: []}
    scores, tokens = {}, {}
    for _ in range(args.repetitions):
        for share in seconds:
            rows = packed_rows(ids, TOKENS_PER_ROW["cpu"], share)
            start = time.perf_counter()
            found = in_order(model.scorer(rows), rows)
            torch.nn.functional.softplus(found).sum().backward()
            seconds[share].append(time.perf_counter() - start)
            model.model.zero_grad()
            scores[share] = found.detach()
            tokens[share] = sum(row.input_ids.numel() for row in rows)
    apart, shared = median(seconds[False]), median(seconds[True])
    return [
        str(prompt),
        str(args.response),
        str(args.k),
        str(tokens[False]),
        str(tokens[True]),
        f"{apart:.2f}",
        f"{shared:.2f}",
        f"{apart / shared:.2f}",
        f"{float((scores[True] - scores[False]).abs().max()):.1e}",
    ]


if __name__ == "__main__":
    sys.exit(main())
