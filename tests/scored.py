"""Scores in every way there is, in a project of tests/scoring_project.py.

Run by tests/test_scoring.py in one process, and in two that share the work:

    cd PROJECT; python -m torch.distributed.run --nproc-per-node 2 tests/scored.py
"""

from pathlib import Path

from rewardgate.bundle import load_promoted
from rewardgate.encoding import Encoder
from rewardgate.files import read_table, write_json
from rewardgate.processes import processes
from rewardgate.reward_model import RewardModel
from rewardgate.score_file import score_file
from rewardgate.scoring import score_table
from stages import calibrate, champion, compare, evaluate, stress

TABLE = Path("data/split/test.parquet")


def main() -> None:
    encoded = 0
    encode = Encoder.encode

    def counted(*arguments: object) -> object:
        nonlocal encoded
        encoded += 1
        return encode(*arguments)  # type: ignore[arg-type]

    model = RewardModel.load("models/candidate")
    Encoder.encode = counted  # type: ignore[method-assign, assignment]
    scores = score_table(model, read_table(TABLE), "test")["score"].tolist()
    Encoder.encode = encode  # type: ignore[method-assign]
    write_json(f"process-{processes().process_index}.json", {"own": encoded, "scores": scores})
    score_file(load_promoted("models/promoted"), TABLE, Path("scored.parquet"))
    for stage in (calibrate, evaluate, stress, champion, compare):
        stage.main()
        processes().wait_for_everyone()


if __name__ == "__main__":
    main()
