"""Search for texts that the candidate overrates, and trace their worth as its reward rises."""

import sys

import yaml

from rewardgate.adversary.gold import gold_from
from rewardgate.adversary.run import adversary_report, attack, hacks
from rewardgate.files import (
    atomic_path,
    read_json,
    read_table,
    sha256_folder,
    write_json,
    write_text,
)
from rewardgate.probes.held_out import held_out_prompts, spread
from rewardgate.processes import processes
from rewardgate.reward_model import RewardModel
from rewardgate.score_memo import ScoreMemo
from rewardgate.scoring import score
from rewardgate.settings import load_settings
from rewardgate.stage_run import count
from stages import run_stage


def main() -> None:
    settings = load_settings()
    chosen, resamples, seed = settings.adversary, settings.gate.resamples, settings.seed
    scores = read_table("reports/scores.parquet")
    test = scores[scores["split"] == "test"]
    name, gold = gold_from(read_table(chosen.gold), chosen.gold, test)
    model = RewardModel.load("models/candidate")
    memo = ScoreMemo(lambda prompts, texts: score(model, prompts, texts, "adversary"))
    memo.know(test)
    memo.know(read_table("reports/probes.parquet"))
    every = held_out_prompts(test)
    attacks = attack(
        spread(every, chosen.prompts),
        every,
        memo,
        read_json("reports/calibration.json")["temperature"],
        gold,
        chosen,
        seed,
    )
    if not processes().is_main_process:
        return
    report, curve = adversary_report(attacks, chosen, resamples, seed)
    measured = {
        "model_sha256": sha256_folder("models/candidate"),
        "gold": name,
        "texts_scored": memo.scored,
        **report,
    }
    write_json("reports/adversary.json", measured)
    with atomic_path("reports/adversary.csv") as path:
        curve.to_csv(path, index=False, lineterminator="\n")
    found = hacks(attacks, chosen.hack_drop)
    write_text("reports/hacks.yaml", yaml.safe_dump(found, sort_keys=False, allow_unicode=True))
    count(prompts=len(attacks), texts=memo.scored, hacks=len(found["cases"]))
    best_of_n = report["best_of_n"]
    print(
        f"best of {best_of_n['n']}: reward {best_of_n['proxy_gain_at_kl']['estimate']:+.2f} BT "
        f"logits, gold {best_of_n['gold_gain_at_kl']['estimate']:+.3f} ({name}); "
        f"{len(found['cases'])} hacks in {len(attacks)} prompts (reports/hacks.yaml)"
    )


if __name__ == "__main__":
    sys.exit(run_stage(main))
