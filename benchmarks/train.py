"""Pairs per second of training, rewardgate against TRL's RewardTrainer, side by side.

    python -m benchmarks.train [--quick] [--json PATH] [--k 2 4 9] [--lengths 64 256 1024]

See benchmarks/README.md for what is measured and how to read it.
"""

import argparse
import os
import sys
import tempfile
from collections.abc import Callable, Sequence
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

from benchmarks.cases import STEPS, Case, PeerSettings, decoder_case, encoder_cases
from benchmarks.children import take_turns
from benchmarks.decoders import SIZES, save_decoder
from benchmarks.sides import SIDES, Measured, serve
from benchmarks.table import markdown
from rewardgate.files import write_json
from rewardgate.pairs import pairs_of

PEER, OURS = SIDES

QUARTER = 0.25
"""How much longer rewardgate is trained each time that it is less accurate."""

TUNED = [PeerSettings(b, s) for b in (1, 2, 4, 12, 36) for s in ("random", "group_by_length")]
"""Settings of TRL that --tune tries."""


def main(arguments: Sequence[str] | None = None) -> int:
    args = parse(arguments)
    if args.device == "cpu":
        os.environ["CUDA_VISIBLE_DEVICES"] = ""
    os.environ["OMP_NUM_THREADS"] = str(args.threads)
    with tempfile.TemporaryDirectory() as folder:
        rows = []
        for case in cases(args, Path(folder)):
            for tried in [replace(case, peer=p) for p in TUNED] if args.tune else [case]:
                rows.append(measure(tried, args))
                print("  ".join(cells(rows[-1], args)), file=sys.stderr, flush=True)
    print(markdown(columns(args), [cells(row, args) for row in rows]))
    if args.json:
        write_json(args.json, rows)
    return 0


def parse(arguments: Sequence[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="benchmarks.train", description=__doc__.split("\n")[0])
    parser.add_argument("--quick", action="store_true", help="one tiny case, to see that it runs")
    parser.add_argument("--json", metavar="PATH", help="also write every figure there")
    parser.add_argument("--model", choices=[*SIZES, "minilm"], nargs="+")
    parser.add_argument("--k", type=int, nargs="+", default=[2, 4, 9])
    parser.add_argument("--lengths", type=int, nargs="+", default=[*STEPS], choices=[*STEPS])
    parser.add_argument("--repetitions", type=int, default=2, help="of each side; the best counts")
    parser.add_argument("--scale", type=int, default=1, help="times as many steps")
    parser.add_argument(
        "--held-out", type=int, default=1, help="times as many held-out rankings, to judge finer"
    )
    parser.add_argument(
        "--until-equal",
        type=float,
        default=3,
        metavar="EPOCHS",
        help="most epochs of rewardgate to reach the held-out accuracy of TRL's one",
    )
    parser.add_argument(
        "--learning-rate",
        type=float,
        nargs="+",
        help="of both sides; of several each side takes its most accurate",
    )
    parser.add_argument("--threads", type=int, default=os.cpu_count())
    parser.add_argument("--batch", type=int, help="pairs that TRL encodes at once")
    parser.add_argument(
        "--tune", action="store_true", help="try TRL's settings, without rewardgate"
    )
    parser.add_argument("--device", choices=["cpu", "cuda"], default="cpu")
    parser.add_argument("--bf16", action="store_true", help="both sides under bfloat16 autocast")
    parser.add_argument("--peak-tflops", type=float, help="of the device, to print the share used")
    return parser.parse_args(arguments)


def cases(args: argparse.Namespace, folder: Path) -> list[Case]:
    if args.quick:
        save_decoder("tiny", folder, seed=0)
        return [decoder_case("tiny", folder, k=4, length=32, steps=4)]
    found = []
    for model in args.model or ["small", "minilm"]:
        if model == "minilm":
            found += encoder_cases(args.scale)
            continue
        save_decoder(model, folder / model, seed=0)
        found += [
            decoder_case(model, folder / model, k, length, args.scale * STEPS[length])
            for k in args.k
            for length in args.lengths
        ]
    found = [replace(c, held_out=args.held_out * c.held_out) for c in found]
    if args.bf16:
        found = [replace(c, recipe=replace(c.recipe, bf16=True)) for c in found]
    if args.batch:
        found = [replace(c, peer=replace(c.peer, batch=args.batch)) for c in found]
    return found


def measure(case: Case, args: argparse.Namespace) -> dict[str, Any]:
    """Train on both sides in turn, then rewardgate for longer while TRL is more accurate."""
    sides = best(case, [PEER] if args.tune else [PEER, OURS], args)
    row = {
        "case": {**asdict(case), "base": case.model},
        "threads": args.threads,
        "held_out_pairs": len(pairs_of(case.tables()[1])),
        "sides": sides,
    }
    if args.tune:
        return row
    epochs, ours = 1.0, sides[OURS]
    while ours["accuracy"] < sides[PEER]["accuracy"] and epochs < args.until_equal:
        epochs += QUARTER
        ours = best(replace(case, our_epochs=epochs), [OURS], args)[OURS]
    return {**row, "equal": {"epochs": epochs, **ours}}


def best(case: Case, names: list[str], args: argparse.Namespace) -> dict[str, dict[str, Any]]:
    """Train at every learning rate; of each side the most accurate."""
    rates = args.learning_rate or [case.recipe.learning_rate]
    recipes = [replace(case.recipe, learning_rate=rate) for rate in rates]
    tried = [trained(replace(case, recipe=recipe), names, args) for recipe in recipes]
    return {name: max((sides[name] for sides in tried), key=_accuracy) for name in names}


def _accuracy(side: dict[str, Any]) -> float:
    return float(side["accuracy"])


def trained(case: Case, names: list[str], args: argparse.Namespace) -> dict[str, dict[str, Any]]:
    """Train on those sides in turn, each in its own process: the fastest repetition of each, and
    the mean of the repetitions' accuracies."""
    repetitions = 1 if args.quick else args.repetitions
    runs, accuracies = take_turns(serve, names, repetitions, case, args.threads)
    sides = {}
    for name in names:
        fastest: Measured = min(runs[name], key=lambda run: run.seconds)
        sides[name] = {
            **asdict(fastest),
            "pairs_per_second": fastest.pairs / fastest.seconds,
            "accuracy": accuracies[name],
            "learning_rate": case.recipe.learning_rate,
        }
    return sides


def columns(args: argparse.Namespace) -> list[str]:
    """Titles; two figures in a column are TRL's and rewardgate's."""
    titles = ["model", "data", "K", "tokens", "pairs", "pairs/s", "ratio", "tokens/pair"]
    titles += ["padding", "peak MiB", "held-out pairs", "rate", "accuracy"]
    titles += ["TRL's batch", "order"] if args.tune else ["epochs to equal", "ratio then"]
    return titles + ["MFU"] * bool(args.peak_tflops)


def cells(row: dict[str, Any], args: argparse.Namespace) -> list[str]:
    case, sides = row["case"], row["sides"]
    runs = list(sides.values())

    def each(figure: Callable[[dict[str, Any]], float], form: str) -> str:
        return " / ".join(format(figure(run), form) for run in runs)

    line = [
        case["model"],
        case["data"],
        str(case["k"] or ""),
        str(case["length"] or ""),
        str(runs[0]["pairs"]),
        each(lambda run: run["pairs_per_second"], ".2f"),
        f"{runs[-1]['pairs_per_second'] / runs[0]['pairs_per_second']:.1f}",
        each(lambda run: run["tokens"] / run["pairs"], ".0f"),
        each(lambda run: 1 - run["tokens"] / run["positions"], ".0%"),
        each(lambda run: run["peak_memory"] / 2**20, ".0f"),
        str(row["held_out_pairs"]),
        each(lambda run: run["learning_rate"], "g"),
        each(lambda run: run["accuracy"], ".3f"),
    ]
    if args.tune:
        line += [str(case["peer"]["batch"]), case["peer"]["sampling"]]
    else:
        line += equal_accuracy(row["equal"], sides[PEER])
    if args.peak_tflops:
        line.append(each(lambda run: model_flops(run) / args.peak_tflops / 1e12, ".1%"))
    return line


def equal_accuracy(ours: dict[str, Any], peer: dict[str, Any]) -> list[str]:
    """The epochs after which rewardgate is at least as accurate as TRL, its accuracy then, and how
    many times as fast all of them are as TRL's one."""
    reached = ours["accuracy"] >= peer["accuracy"]
    epochs = f"{'' if reached else 'over '}{ours['epochs']:g} ({ours['accuracy']:.3f})"
    return [epochs, f"{peer['seconds'] / ours['seconds']:.1f}" if reached else ""]


def model_flops(run: dict[str, Any]) -> float:
    """Floating-point operations a second by the usual 6 N per token (Kaplan et al. 2020, section
    2.1; embeddings and attention scores aside), pads and shared prompts not counted."""
    return float(6 * run["parameters"] * run["tokens"] / run["seconds"])


if __name__ == "__main__":
    sys.exit(main())
