"""One small policy trained against a blocked and against a promoted reward model.

    python -m benchmarks.over_optimisation --promoted DIR --blocked DIR --out DIR

DIR of `--promoted` is a project's models/promoted, that of `--blocked` its models/candidate.
Prints a table and writes over_optimisation.csv (one row a step), .png and .html into `--out`.
"""

import argparse
import sys
import warnings
from collections.abc import Sequence
from pathlib import Path

import pandas as pd

from benchmarks.over_optimisation.page import TITLES, cells, render, summary
from benchmarks.over_optimisation.pieces import draw_questions
from benchmarks.over_optimisation.plot import save_png
from benchmarks.over_optimisation.policy import kl_divergence, sample, warmed_up
from benchmarks.over_optimisation.training import Recipe, judge, train
from benchmarks.table import markdown
from rewardgate.bundle import Promoted, load_promoted
from rewardgate.errors import RewardGateError, run_or_explain
from rewardgate.files import write_text
from rewardgate.promotion import CURRENT

FILE = "over_optimisation"


def main(arguments: Sequence[str] | None = None) -> int:
    warnings.filterwarnings("ignore", category=FutureWarning, module="transformers")
    args = parse(arguments)
    if min(args.steps, args.held_out) < 1:
        raise RewardGateError("--steps and --held-out must be at least 1")
    bundles = {"blocked": load_blocked(args.blocked), "promoted": load(args.promoted)}
    args.out.mkdir(parents=True, exist_ok=True)
    recipe = Recipe(steps=args.steps)
    questions = draw_questions(recipe.steps * recipe.questions, [args.seed, 0])
    held_out = draw_questions(args.held_out, [args.seed, 1])
    domains = [question.domain for question in held_out]
    start = warmed_up(args.seed)
    curves, judged, rows = {}, {}, []
    for name, bundle in bundles.items():
        print(f"training against the {name} model {bundle.version}", file=sys.stderr)
        end, curves[name] = train(start, bundle, questions, recipe, args.seed)
        for when, policy in (("start", start), ("end", end)):
            responses = sample(policy, domains, args.seed)
            judged[name, when] = judge(bundle, held_out, responses)
            kl = kl_divergence(policy, start, domains, responses)
            rows.append({"model": name, "policy": when, **summary(judged[name, when], kl)})
    steps = pd.concat([curve.assign(model=name) for name, curve in curves.items()])
    versions = {name: bundle.version for name, bundle in bundles.items()}
    page = render(recipe, curves, rows, versions, held_out, judged)
    write_text(args.out / f"{FILE}.csv", steps.to_csv(index=False, float_format="%.6g"))
    save_png(curves, args.out / f"{FILE}.png")
    write_text(args.out / f"{FILE}.html", page)
    print(markdown(TITLES, [cells(row) for row in rows]))
    return 0


def parse(arguments: Sequence[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="benchmarks.over_optimisation", description=__doc__)
    parser.add_argument("--promoted", type=Path, required=True, help="a promoted bundle")
    parser.add_argument("--blocked", type=Path, required=True, help="a blocked candidate")
    parser.add_argument("--out", type=Path, required=True, help="folder of what is written")
    parser.add_argument("--steps", type=int, default=Recipe.steps)
    parser.add_argument("--held-out", type=int, default=200, help="prompts of the table")
    parser.add_argument("--seed", type=int, default=1)
    return parser.parse_args(arguments)


def load(folder: Path, *, unpromoted: bool = False) -> Promoted:
    """Load a bundle. Raises RewardGateError if the folder holds no model, or none that may be."""
    if not any((place / "config.json").is_file() for place in (folder, folder / CURRENT)):
        raise RewardGateError(
            f"{folder}: holds no reward model; name a project's models/promoted, or the "
            "models/candidate of one that was blocked"
        )
    return load_promoted(folder, allow_unpromoted=unpromoted)


def load_blocked(folder: Path) -> Promoted:
    """Load a candidate that was not promoted. Raises RewardGateError if it was."""
    bundle = load(folder, unpromoted=True)
    if bundle.promoted:
        raise RewardGateError(f"{folder}: is promoted; name a blocked one under --blocked")
    return bundle


if __name__ == "__main__":
    sys.exit(run_or_explain(main))
