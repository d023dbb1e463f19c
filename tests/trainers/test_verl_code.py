"""veRL's current code loads our function by its own settings and gets the bundle's numbers."""

import re
from pathlib import Path
from typing import Any

import pandas as pd
import pytest
from byte_tokenizer import save_byte_tokenizer
from installed import run_trainer
from project import ROOT

from rewardgate.bundle import Promoted

SETTINGS = re.findall(r"^\+?reward\.\S+=\S+$", (ROOT / "docs/ppo.md").read_text(), re.MULTILINE)
DOCS_BUNDLE = "/project/models/promoted/VERSION"


@pytest.mark.parametrize("project", ["tiny_decoder"], indirect=True)
def test_its_reward_managers_get_the_bundles_numbers(
    project: Path, texts: Any, bundle: Promoted, tmp_path: Path
) -> None:
    rows = [
        {
            "data_source": "facts",
            "prompt": [{"role": "user", "content": prompt}],
            "reward_model": {"style": "rule", "ground_truth": reference},
            "extra_info": {"prompt": prompt},
        }
        for prompt, reference in zip(texts.prompts, texts.references, strict=True)
    ]
    pd.DataFrame(rows).to_parquet(tmp_path / "rows.parquet")
    save_byte_tokenizer(tmp_path / "policy")
    assert sum(DOCS_BUNDLE in one for one in SETTINGS) == 1
    settings = [one.replace(DOCS_BUNDLE, str(project / "models/promoted")) for one in SETTINGS]
    settings += [
        f"actor_rollout_ref.model.path={tmp_path / 'policy'}",
        "data.filter_overlong_prompts=False",
        "reward.num_workers=1",
    ]
    call = {
        "file": str(tmp_path / "rows.parquet"),
        "responses": texts.responses,
        "settings": settings,
    }
    answer = run_trainer("verl_rewards.py", tmp_path, call)
    expected = bundle.rewards(*texts)
    rewards = pytest.approx([row["reward"] for row in expected], abs=1e-5)
    for manager in ("naive", "dapo", "batch"):
        assert answer[manager]["rewards"] == rewards
    for manager in ("naive", "batch"):
        found = answer[manager]
        assert found["elsewhere"] == pytest.approx(0, abs=1e-4)
        assert found["parts"]["score"] == rewards
        for name, part in (("raw_score", "score"), ("length_penalty", "length_penalty")):
            values = [row[part] for row in expected]
            assert found["parts"][name] == pytest.approx(values, abs=1e-5)
