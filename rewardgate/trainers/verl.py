"""veRL: the promoted reward as its custom reward function, for one response or for a batch.

    reward.custom_reward_function.path=pkg://rewardgate.trainers.verl
    reward.custom_reward_function.name=compute_score
    +reward.custom_reward_function.reward_kwargs.bundle=/PROJECT/models/promoted/VERSION

veRL hands over no prompt, so the dataset must have it in `extra_info`.
"""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from rewardgate.end_tokens import END_TOKENS
from rewardgate.errors import RewardGateError
from rewardgate.parts import logged_parts
from rewardgate.trainers.loaded import ONE_AT_A_TIME, loaded
from rewardgate.trainers.texts import prompt_text, response_text


def compute_score(
    data_source: str,
    solution_str: str,
    ground_truth: Any,
    extra_info: Mapping[str, Any] | None = None,
    *,
    bundle: str | Path,
    public_key: str | Path | None = None,
    prompt_key: str = "prompt",
    **_: Any,
) -> dict[str, float]:
    """What veRL's naive and dapo reward managers ask for: the reward as `score`, and its parts.

    ground_truth: the reference, what the rules compare with
    bundle, public_key: as `load_promoted` takes them, from `reward_kwargs`
    prompt_key: of the prompt in `extra_info`, a text or messages
    The parts have the same names in each call: veRL asks each response for those of the first. Its
    own `score` is the reward, so that of the reward model is `raw_score`.
    Raises RewardGateError if `extra_info` holds no prompt, and what `load_promoted` and
    `Promoted.rewards` raise.
    """
    (scored,) = compute_scores(
        [data_source],
        [solution_str],
        [ground_truth],
        [extra_info],
        bundle=bundle,
        public_key=public_key,
        prompt_key=prompt_key,
    )
    return scored


def compute_scores(
    data_sources: Sequence[str],
    solution_strs: Sequence[str],
    ground_truths: Sequence[Any],
    extra_infos: Sequence[Mapping[str, Any] | None],
    *,
    bundle: str | Path,
    public_key: str | Path | None = None,
    prompt_key: str = "prompt",
    **_: Any,
) -> list[dict[str, float]]:
    """What veRL's batch reward manager asks for: `compute_score` for n responses at a time."""
    prompts = [_prompt_of(info, prompt_key) for info in extra_infos]
    responses = [response_text(text, END_TOKENS, "veRL") for text in solution_strs]
    with ONE_AT_A_TIME:
        promoted = loaded(bundle, public_key)
        rows = promoted.rewards(prompts, responses, list(ground_truths))
    every_rule = {f"rule_{rule.label}": 0.0 for rule in promoted.composition.rules}
    scored = []
    for row in rows:
        parts = {name: values[0] for name, values in logged_parts([row]).items()}
        raw = parts.pop("score")
        scored.append({"score": row["reward"], "raw_score": raw, **every_rule, **parts})
    return scored


def _prompt_of(extra_info: Mapping[str, Any] | None, prompt_key: str) -> str:
    prompt = (extra_info or {}).get(prompt_key)
    if prompt is None:
        found = ", ".join(sorted(extra_info or {})) or "nothing"
        raise RewardGateError(
            f"veRL: extra_info has no {prompt_key!r}, and the reward needs the prompt; found "
            f"{found}; put the prompt there when you make the dataset, or name its key in "
            "reward_kwargs.prompt_key"
        )
    return prompt_text(prompt, f"veRL: extra_info.{prompt_key}")
