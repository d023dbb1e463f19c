"""The ensemble as a stage, on a tiny model."""

from pathlib import Path

import pandas as pd
import pytest
from planted import planted_table
from scoring_project import CALIBRATION, save_fresh

from rewardgate.ensemble import Ensemble
from rewardgate.errors import RewardGateError
from rewardgate.files import read_json, sha256_folder, write_json, write_table
from rewardgate.params import change_params
from rewardgate.reward_model import RewardModel
from rewardgate.scoring import score_table
from stages import ensemble

REPORT, FOLDER = Path("reports/ensemble.json"), Path("models/ensemble")


@pytest.fixture
def attacked(project: Path, tiny_encoder: Path) -> Path:
    """A project whose candidate has been attacked at two prompts."""
    change_params(project / "params.yaml", ["gate.resamples=200", "ensemble.heads=3"])
    save_fresh(tiny_encoder, project / "models/candidate")
    train, test = planted_table(20), planted_table(12)
    write_table("data/split/train.parquet", train)
    scored = score_table(RewardModel.load("models/candidate"), test, "test")
    both = [scored.assign(split="test"), scored.assign(split="eval").head(3)]
    write_table("reports/scores.parquet", pd.concat(both, ignore_index=True))
    write_json("reports/calibration.json", CALIBRATION)
    winners = [
        {
            "prompt_id": row["prompt_id"],
            "prompt": row["prompt"],
            "reference": {"text": row["text"], "proxy": 0.0},
            "winner": {"text": "no no no no " * 9, "proxy": 5.0},
            "hacked": row["prompt_id"] == "p0",
        }
        for _, row in test.iloc[[0, 4]].iterrows()
    ]
    write_json("reports/adversary.json", {"winners": winners})
    return project


def written() -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in [REPORT, *sorted(FOLDER.iterdir())]}


def test_the_stage_writes_its_report_and_an_ensemble_for_a_trainer(
    attacked: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    ensemble.main()
    report = read_json(REPORT)
    assert report["model_sha256"] == sha256_folder("models/candidate")
    assert (report["heads"], report["hacks"]["winners"], report["others"]["winners"]) == (3, 1, 1)
    assert report["held_out_flagged"]["prompts"] == 12
    assert "of 1 hacks and" in capsys.readouterr().out
    loaded = Ensemble.load(FOLDER, "models/candidate")
    assert loaded.threshold == report["threshold"]
    rows = list(planted_table(1).itertuples())
    found = loaded.disagreement(
        [rows[0].prompt], ["no no no no " * 9], {rows[0].prompt: [row.text for row in rows]}
    )
    assert found[0] == pytest.approx(report["each"][0]["disagreement"], rel=1e-3)
    first = written()
    ensemble.main()
    assert written() == first


def test_what_heads_cannot_be_fitted_to_is_an_error(attacked: Path, tiny_padded: Path) -> None:
    write_table("data/split/train.parquet", planted_table(9))
    with pytest.raises(RewardGateError, match="9 training prompts have a decided pair, and 10 are"):
        ensemble.main()
    RewardModel.from_base(str(tiny_padded), max_length=64, seed=0).save("models/candidate")
    with pytest.raises(RewardGateError, match="trunk cannot be told from its head"):
        ensemble.main()
    assert not REPORT.exists()
    assert not FOLDER.exists()
