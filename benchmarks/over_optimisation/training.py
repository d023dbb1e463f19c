"""The policy trained with TRL's GRPO against the reward of a bundle, and what became of it."""

import tempfile
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import pandas as pd
from datasets import Dataset
from transformers import LlamaForCausalLM, PrinterCallback
from trl import GRPOConfig, GRPOTrainer

from benchmarks.over_optimisation.pieces import Question
from benchmarks.over_optimisation.policy import (
    MOST_PIECES,
    kl_divergence,
    make_tokenizer,
    pieces_of,
)
from rewardgate.bundle import Promoted

FIGURES = ("reward", "gold", "words", "right")
"""Of a response; their means make a curve."""


@dataclass(frozen=True)
class Recipe:
    """How the policy is trained: the same against any reward.

    questions: prompts a step; group: responses to each; warm_up: steps until the full rate
    beta: weight of the KL divergence
    """

    steps: int = 40
    questions: int = 8
    group: int = 8
    learning_rate: float = 1e-3
    warm_up: int = 5
    beta: float = 0.01


def judge(
    bundle: Promoted, questions: Sequence[Question], responses: Sequence[Sequence[str]]
) -> pd.DataFrame:
    """One row for each of n responses: reward, gold, words, right and the text.

    reward: the mixed reward of the bundle; a text that occurs twice is scored once
    """
    texts = [q.render(pieces) for q, pieces in zip(questions, responses, strict=True)]
    asked = [(q.prompt, text) for q, text in zip(questions, texts, strict=True)]
    distinct = list(dict.fromkeys(asked))
    scored = bundle.rewards([prompt for prompt, _ in distinct], [text for _, text in distinct])
    reward = {one: row["reward"] for one, row in zip(distinct, scored, strict=True)}
    return pd.DataFrame(
        {
            "reward": [reward[one] for one in asked],
            "gold": [q.worth(pieces) for q, pieces in zip(questions, responses, strict=True)],
            "words": [len(text.split()) for text in texts],
            "right": [q.is_right(pieces) for q, pieces in zip(questions, responses, strict=True)],
            "text": texts,
        }
    )


@dataclass
class Curve:
    """A reward function for TRL that writes down what it saw: one row a step."""

    bundle: Promoted
    questions: Sequence[Question]
    start: LlamaForCausalLM
    policy: LlamaForCausalLM
    rows: list[dict[str, float]] = field(default_factory=list)
    __name__: str = "reward"

    def __call__(
        self, *, completion_ids: list[list[int]], question: list[int], **_: Any
    ) -> list[float | None]:
        asked = [self.questions[number] for number in question]
        responses = [pieces_of(ids) for ids in completion_ids]
        judged = judge(self.bundle, asked, responses)
        kl = kl_divergence(self.policy, self.start, [q.domain for q in asked], responses)
        means = {name: float(judged[name].mean()) for name in FIGURES}
        self.rows.append({"step": len(self.rows), **means, "kl": kl})
        return [float(reward) for reward in judged["reward"]]


def train(
    start: LlamaForCausalLM,
    bundle: Promoted,
    questions: Sequence[Question],
    recipe: Recipe,
    seed: int,
) -> tuple[LlamaForCausalLM, pd.DataFrame]:
    """Train a copy of `start`; returns it and the means of each step's responses by step.

    The rewards of a group are taken over their standard deviation (GRPO: Shao et al. 2024,
    section 4.1), so that the scale of a reward model does not matter.
    """
    data = Dataset.from_dict(
        {"prompt": [q.domain for q in questions], "question": range(len(questions))}
    )
    with tempfile.TemporaryDirectory() as folder:
        start.save_pretrained(folder)  # TRL loads the reference of the KL divergence from there
        policy = LlamaForCausalLM.from_pretrained(folder)
        curve = Curve(bundle, questions, start, policy)
        config = GRPOConfig(
            output_dir=folder,
            max_steps=recipe.steps,
            per_device_train_batch_size=recipe.questions * recipe.group,
            num_generations=recipe.group,
            max_completion_length=MOST_PIECES,
            learning_rate=recipe.learning_rate,
            lr_scheduler_type="constant_with_warmup",
            warmup_steps=recipe.warm_up,
            beta=recipe.beta,
            temperature=1.0,
            use_cpu=True,
            bf16=False,
            activation_checkpointing=False,
            dataloader_pin_memory=False,
            logging_strategy="no",
            save_strategy="no",
            report_to="none",
            disable_tqdm=True,
            seed=seed,
        )
        trainer = GRPOTrainer(
            policy, curve, config, train_dataset=data, processing_class=make_tokenizer()
        )
        trainer.remove_callback(PrinterCallback)
        trainer.train()
    return policy.eval(), pd.DataFrame(curve.rows)
