"""docs/ppo.md: its snippets run in a project, and the function that veRL is to call is there."""

import importlib
import re
from pathlib import Path
from typing import Any

import pytest
from project import ROOT
from tiny_policy import save_policy

from rewardgate.bundle import Promoted
from tests.server.served import served

TEXT = (ROOT / "docs/ppo.md").read_text()
SNIPPETS = re.findall(r"^```python\n(.*?)^```$", TEXT, re.MULTILINE | re.DOTALL)
ADDRESS = "http://127.0.0.1:5000"
CONFIG = 'GRPOConfig("runs/grpo",'


@pytest.mark.parametrize("project", ["tiny_decoder"], indirect=True)
def test_the_snippets_run(project: Path, bundle: Promoted, monkeypatch: pytest.MonkeyPatch) -> None:
    save_policy(project / "models/promoted/current", project / "policy")
    monkeypatch.chdir(project)
    assert TEXT.count(ADDRESS) == TEXT.count(CONFIG) == 1
    names: dict[str, Any] = {}
    with served(project / "models/promoted") as client:
        for snippet in SNIPPETS:
            here = snippet.replace(ADDRESS, str(client.base_url).rstrip("/"))
            here = here.replace(CONFIG, f"{CONFIG} use_cpu=True,")  # TRL's bf16 asks for a GPU
            exec(compile(here, "docs/ppo.md", "exec"), names)
    row = bundle.reward("What is the capital of France?", "Paris.", "Paris")
    assert names["row"]["reward_model"]["ground_truth"] == "Paris"
    assert names["scored"]["score"] == pytest.approx(row["reward"], abs=1e-5)
    assert names["answer"]["rewards"][0] == pytest.approx(row["reward"], abs=1e-5)
    assert names["raw"] == pytest.approx(row["score"], abs=1e-5)
    assert any("rewardgate/rm" in log for log in names["trainer"].state.log_history)


def test_what_the_settings_name_is_there() -> None:
    (module,) = re.findall(r"function\.path=pkg://(\S+)", TEXT)
    (name,) = re.findall(r"function\.name=(\S+)", TEXT)
    function = getattr(importlib.import_module(module), name)
    kwargs = set(re.findall(r"reward_kwargs\.(\w+)=", TEXT))
    assert kwargs == {"bundle", "prompt_key"} <= set(function.__kwdefaults__ or {}) | {"bundle"}
    assert set(re.findall(r"`(rewardgate\.[\w.]+)`", TEXT)) == {
        "rewardgate.load_promoted",
        "rewardgate.trainers.trl.PromotedReward",
        "rewardgate.trainers.verl.compute_score",
    }
