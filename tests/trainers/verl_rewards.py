"""veRL's own code from a dataset's file to rewards; run by test_verl_code.py.

python tests/trainers/verl_rewards.py CALL.json ANSWER.json

Its RLHFDataset reads the file, its RewardLoopManager starts its reward workers on Ray and asks them
for the batch, and they load the function that its configuration names. The same batch goes through
its DAPO manager and through its batch manager. All but the rollout is its own: responses are given.
"""

import asyncio
import json
import sys
from pathlib import Path
from typing import Any

import ray
import torch
import verl.experimental.reward_loop.reward_loop
import verl.workers.reward_manager.batch
from hydra import compose, initialize_config_module
from tensordict import TensorDict
from verl import DataProto
from verl.trainer.ppo.reward import get_custom_reward_fn, load_reward_manager
from verl.utils import hf_tokenizer
from verl.utils.dataset.rl_dataset import RLHFDataset, collate_fn

NAIVE = verl.experimental.reward_loop.reward_loop.RewardLoopManager
BATCH = verl.workers.reward_manager.batch.BatchRewardManager


def batch_of(config: Any, call: dict[str, Any]) -> DataProto:
    """Prompts padded on the left and responses on the right, as veRL's rollouts are."""
    tokenizer = hf_tokenizer(config.actor_rollout_ref.model.path)
    dataset = RLHFDataset(call["file"], tokenizer, config.data)
    rows = DataProto.from_single_dict(collate_fn([dataset[at] for at in range(len(dataset))]))
    chats = [
        tokenizer.apply_chat_template(list(chat), add_generation_prompt=True, tokenize=False)
        for chat in rows.non_tensor_batch["raw_prompt"]
    ]
    ended = [response + tokenizer.eos_token for response in call["responses"]]
    prompts = tokenizer(chats, padding=True, padding_side="left", return_tensors="pt")
    responses = tokenizer(ended, padding=True, padding_side="right", return_tensors="pt")
    tensors = {
        "prompts": prompts.input_ids,
        "responses": responses.input_ids,
        "input_ids": torch.cat([prompts.input_ids, responses.input_ids], dim=1),
        "attention_mask": torch.cat([prompts.attention_mask, responses.attention_mask], dim=1),
    }
    return rows.union(DataProto(TensorDict(tensors, batch_size=len(rows))))


def told(rewards: torch.Tensor, batch: DataProto, parts: Any) -> dict[str, Any]:
    """The reward of each response, which must stand at its last token, and nothing elsewhere."""
    length = batch.batch["prompts"].shape[1]
    ends = batch.batch["attention_mask"][:, length:].sum(dim=1) - 1
    at_ends = rewards[torch.arange(len(rewards)), ends]
    elsewhere = (rewards.abs().sum() - at_ends.abs().sum()).item()
    parts = {name: [float(one) for one in values] for name, values in parts.items()}
    return {"rewards": at_ends.tolist(), "elsewhere": elsewhere, "parts": parts}


def settings(*overrides: str) -> Any:
    with initialize_config_module("verl.trainer.config", version_base=None):
        return compose("ppo_trainer", list(overrides))


def main(call: dict[str, Any]) -> dict[str, Any]:
    config = settings(*call["settings"])
    batch = batch_of(config, call)
    ray.init(num_cpus=config.reward.num_workers, include_dashboard=False)
    found = NAIVE(config).compute_rm_score(batch)
    naive = told(found.batch["rm_scores"], batch, found.non_tensor_batch)
    ray.shutdown()

    config = settings(*call["settings"], "reward.reward_manager.name=dapo")
    manager = load_reward_manager(config, hf_tokenizer(config.actor_rollout_ref.model.path))

    async def one_by_one() -> list[dict[str, Any]]:
        manager.loop = asyncio.get_running_loop()
        singles = [batch[at : at + 1] for at in range(len(batch))]
        return await asyncio.gather(*map(manager.run_single, singles))

    results = asyncio.run(one_by_one())
    dapo = {"rewards": [one["reward_score"] for one in results]}

    config = settings(*call["settings"], "reward.custom_reward_function.name=compute_scores")
    function = get_custom_reward_fn(config)
    found = BATCH(manager.tokenizer, 0, function)(batch, return_dict=True)
    whole = told(found["reward_tensor"], batch, found["reward_extra_info"])
    code = [sys.modules[one.__module__].__file__ for one in (NAIVE, BATCH, type(manager))]
    return {"code": code, "naive": naive, "dapo": dapo, "batch": whole}


if __name__ == "__main__":
    answer = main(json.loads(Path(sys.argv[1]).read_text()))
    Path(sys.argv[2]).write_text(json.dumps(answer))
