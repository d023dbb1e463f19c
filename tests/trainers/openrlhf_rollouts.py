"""OpenRLHF's own code from a dataset to rewards; run by test_openrlhf.py.

python tests/trainers/openrlhf_rollouts.py CALL.json ANSWER.json

Its PromptDataset makes the prompts, and its SingleTurnAgentExecutor, which its rollout actor runs,
makes queries of them and asks for the rewards. All but vLLM is its own: the engine here replays
given responses.
"""

import asyncio
import json
import sys
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import openrlhf.datasets.prompts_dataset
import openrlhf.utils.agent
from transformers import AutoTokenizer


class Replay:
    """In the place of vLLM's engine: the tokens of one response and the end token."""

    def __init__(self, tokenizer: Any, response: str) -> None:
        self.tokens = [*tokenizer(response, add_special_tokens=False).input_ids]
        self.tokens.append(tokenizer.eos_token_id)

    async def generate(self, prompt_token_ids: list[int], *_: Any, **__: Any) -> Any:
        output = SimpleNamespace(token_ids=self.tokens, finish_reason="stop", logprobs=None)
        return SimpleNamespace(outputs=[output])


async def roll_out(call: dict[str, Any]) -> list[dict[str, Any]]:
    tokenizer = AutoTokenizer.from_pretrained(call["tokenizer"])
    data = SimpleNamespace(input_key="prompt", label_key="answer", apply_chat_template=True)
    strategy = SimpleNamespace(args=SimpleNamespace(data=data), is_rank_0=lambda: True)
    rows = [
        {"prompt": prompt, "answer": answer}
        for prompt, answer in zip(call["prompts"], call["references"], strict=True)
    ]
    dataset = openrlhf.datasets.prompts_dataset.PromptDataset(rows, tokenizer, strategy)
    executor = openrlhf.utils.agent.SingleTurnAgentExecutor(call["remote_url"])
    sampling = SimpleNamespace(max_tokens=call["max_new_tokens"], logprobs=None)
    outputs = await asyncio.gather(
        *(
            executor.execute(
                prompt=prompt,
                label=label,
                sampling_params=sampling,
                max_length=call["max_len"],
                hf_tokenizer=tokenizer,
                llm_engine=Replay(tokenizer, response),
            )
            for (_, prompt, label, _), response in zip(dataset, call["responses"], strict=True)
        )
    )
    told = ("prompt", "label", "reward", "scores", "extra_logs")
    return [{name: output[name] for name in told} for output in outputs]


if __name__ == "__main__":
    call = json.loads(Path(sys.argv[1]).read_text())
    code = [openrlhf.utils.agent.__file__, openrlhf.datasets.prompts_dataset.__file__]
    answer = {"code": code, "outputs": asyncio.run(roll_out(call))}
    Path(sys.argv[2]).write_text(json.dumps(answer))
