"""Score transformed held-out responses beside the original ones."""

import sys

from rewardgate.files import read_json, read_table, sha256_folder, write_json, write_table
from rewardgate.probes import TRANSFORMATIONS
from rewardgate.probes.held_out import held_out_prompts, spread
from rewardgate.probes.rewarded import closing_of, opening_of, phrase_probes, rewarded
from rewardgate.probes.run import probe_pairs, probe_report, scored_pairs
from rewardgate.processes import processes
from rewardgate.reward_model import RewardModel
from rewardgate.rewards import NO_REFERENCES, compose
from rewardgate.score_memo import ScoreMemo
from rewardgate.scoring import score
from rewardgate.settings import load_settings
from rewardgate.stage_run import count
from stages import run_stage


def main() -> None:
    settings = load_settings()
    calibration = read_json("reports/calibration.json")
    model = RewardModel.load("models/candidate")
    scores = read_table("reports/scores.parquet")
    test = scores[scores["split"] == "test"]
    memo = ScoreMemo(lambda prompts, texts: score(model, prompts, texts, "probes"))
    memo.know(test)

    def reward(value: float, prompt: str, text: str) -> float:
        tokens = model.encoder.count_tokens(text)
        mean, std = calibration["mean"], calibration["std"]
        composition = settings.rewards
        return compose(value, prompt, text, tokens, mean, std, composition, NO_REFERENCES).total

    prompts = spread(held_out_prompts(test), settings.probe.prompts)
    train = read_table("data/split/train.parquet")
    openings, closings = rewarded(train, opening_of), rewarded(train, closing_of)
    transformations = (*TRANSFORMATIONS, *phrase_probes(openings, closings))
    pairs = probe_pairs(prompts, settings.probe.per_family, settings.seed, transformations)
    pairs = scored_pairs(pairs, memo, reward)
    if not processes().is_main_process:
        return
    report = probe_report(
        pairs,
        calibration["temperature"],
        read_json("reports/evaluation.json")["test"]["margin"]["mean_bt_logits"],
        settings.gate.resamples,
        settings.seed,
    )
    measured = {
        "model_sha256": sha256_folder("models/candidate"),
        "rewarded_openings": openings,
        "rewarded_closings": closings,
        **report,
    }
    write_json("reports/probes.json", measured)
    write_table("reports/probes.parquet", pairs)
    count(prompts=len(prompts), probes=len(pairs))
    for expectation in ("preserving", "degrading"):
        for name, family in report[expectation].items():
            print(
                f"{name:26} {expectation:10} shift {family['shift_bt_logits']['estimate']:+.2f} "
                f"BT logits, scores higher in {family['win_share']['estimate']:.0%}"
            )


if __name__ == "__main__":
    sys.exit(run_stage(main))
