"""veRL's custom reward function: the prompt from extra_info, one bundle a process, any thread."""

import importlib.util
import threading
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import rewardgate.trainers.loaded
import rewardgate.trainers.verl
from rewardgate.bundle import Promoted
from rewardgate.errors import RewardGateError
from rewardgate.trainers.verl import compute_score, compute_scores


@pytest.fixture
def promoted(project: Path) -> str:
    return str(project / "models/promoted")


def test_every_response_has_the_same_parts(promoted: str, bundle: Promoted) -> None:
    """veRL reads the keys of a batch off its first response; `{}` is no reference for any rule."""
    infos = [{"prompt": "capital ?"}] * 2
    without, right = compute_scores(
        ["facts"] * 2, ["it is paris"] * 2, [{}, "paris"], infos, bundle=promoted
    )
    assert without.keys() == right.keys() > {"score", "raw_score", "rm", "rule_safe"}
    assert (without["rule_right"], right["rule_right"]) == (0.0, 2.0)
    assert right["score"] == pytest.approx(without["score"] + 2)
    alone = bundle.reward("capital ?", "it is paris")["score"]
    assert right["raw_score"] == pytest.approx(alone, abs=1e-5)
    assert all(type(value) is float for value in right.values())


def test_the_prompt_may_be_messages_under_another_key(promoted: str, bundle: Promoted) -> None:
    messages = [{"role": "system", "content": "be good"}, {"role": "user", "content": "hello"}]
    expected = bundle.reward("System: be good\n\nHuman: hello", "good answer")["reward"]
    for given in (messages, np.array(messages, dtype=object)):
        scored = compute_score(
            "chat", "good answer</s>", "", {"chat": given}, bundle=promoted, prompt_key="chat"
        )
        assert scored["score"] == pytest.approx(expected, abs=1e-5)


@pytest.mark.parametrize(
    ("info", "found"),
    [
        (None, "found nothing"),
        ({"index": 3, "question": "what ?"}, "found index, question"),
        ({"prompt": None}, "found prompt"),
    ],
)
def test_a_missing_prompt_is_one_line_with_the_mend(
    info: dict[str, Any] | None, found: str, promoted: str
) -> None:
    with pytest.raises(RewardGateError, match=f"no 'prompt'.*{found}; .*prompt_key") as error:
        compute_score("facts", "good answer", "", info, bundle=promoted)
    assert "\n" not in str(error.value)


def test_messages_without_content_are_told(promoted: str) -> None:
    with pytest.raises(RewardGateError, match=r"veRL: extra_info\.prompt: prompt message 1: miss"):
        compute_score("facts", "a", "", {"prompt": [{"role": "user"}]}, bundle=promoted)


def test_threads_load_the_bundle_once_and_get_its_numbers(
    promoted: str, bundle: Promoted, texts: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    """veRL's naive manager calls from a thread pool, the first time from many threads at once."""
    loads = []
    load = rewardgate.trainers.loaded.load_promoted

    def counted(*arguments: Any) -> Promoted:
        loads.append(arguments)
        return load(*arguments)

    monkeypatch.setattr(rewardgate.trainers.loaded, "load_promoted", counted)
    rewardgate.trainers.loaded._load.cache_clear()
    start = threading.Barrier(8)

    def ask(place: int) -> float:
        if place < 8:
            start.wait()
        n = place % len(texts.prompts)
        info = {"prompt": texts.prompts[n]}
        scored = compute_score(
            "facts", texts.responses[n], texts.references[n], info, bundle=promoted
        )
        return scored["score"]

    with ThreadPoolExecutor(8) as pool:
        scores = list(pool.map(ask, range(40)))
    assert len(loads) == 1
    rewards = [row["reward"] for row in bundle.rewards(*texts)]
    assert scores == pytest.approx((rewards * 4)[:40], abs=1e-5)


def test_the_file_itself_can_be_named(promoted: str, bundle: Promoted) -> None:
    """As veRL's load_module does with a path: a module of another name; the bundle is shared."""
    spec = importlib.util.spec_from_file_location(
        "custom_module", rewardgate.trainers.verl.__file__
    )
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    scored = module.compute_score("a", "good answer", "", {"prompt": "hello"}, bundle=promoted)
    assert scored["score"] == pytest.approx(bundle.reward("hello", "good answer")["reward"])
