"""Training on labelled steps: the score of a prefix is the logit that its last step is right."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
import torch
import torch.nn.functional as F
from numpy.typing import NDArray
from torch import Tensor

from rewardgate.checkpoints import Checkpoints
from rewardgate.encoding import Encoded, Encoder
from rewardgate.errors import RewardGateError
from rewardgate.files import sha256_json
from rewardgate.granularity.prefixes import prefix_rows
from rewardgate.packing import Row
from rewardgate.process.data import Solution
from rewardgate.reward_model import RewardModel
from rewardgate.settings import Train
from rewardgate.training import Trainer, TrainingLog, fit, plan_of

Neutral = Literal["right", "wrong", "ignored"]


@dataclass(frozen=True)
class StepExample:
    """A prompt: the prefixes of its solutions up to each step that is trained on, encoded.

    right: (k,) 1 where the last step of a prefix is right, 0 where it is wrong
    """

    prompt_id: str
    encoded: list[Encoded]
    right: NDArray[np.float64]
    features: Tensor | None = None

    @property
    def tokens(self) -> int:
        return sum(len(item.ids) for item in self.encoded)

    @property
    def size(self) -> int:
        return len(self.right)


@dataclass(frozen=True)
class StepObjective:
    """Binary cross-entropy, each step weighing the same; divided by `normaliser` steps."""

    normaliser: float

    def __call__(self, scores: Tensor, examples: Sequence[StepExample]) -> tuple[Tensor, Tensor]:
        """The loss, a scalar, and the margins (k,): the logit of the label that a step has."""
        right = torch.from_numpy(np.concatenate([e.right for e in examples])).to(scores)
        loss = F.binary_cross_entropy_with_logits(scores, right, reduction="sum")
        return loss / self.normaliser, ((2 * right - 1) * scores).detach()

    def weight(self, examples: Sequence[StepExample]) -> float:
        return float(sum(example.size for example in examples))


class StepTrainer(Trainer[StepExample]):
    """Prefixes of a solution share what they have in common, where the base can."""

    def rows(self, examples: Sequence[StepExample]) -> list[Row]:
        return prefix_rows(self.model, [example.encoded for example in examples])


def step_examples(
    solutions: Sequence[Solution], encoder: Encoder, neutral: Neutral
) -> list[StepExample]:
    """Encode solutions step by step, one example a prompt, in order of first appearance.

    A solution is read up to its first error: after it the labels say little of the step itself, and
    Lightman et al. 2023, section 2.6, supervise no further either. neutral: what label 0 counts as;
    they count it as right (appendix F). Steps that several solutions of a prompt share are encoded
    and counted once, where their labels differ as the share that is right.
    """
    counted = {1: 1.0, -1: 0.0}
    if neutral != "ignored":
        counted[0] = float(neutral == "right")
    labels_of: dict[str, dict[tuple[str, str], list[float]]] = {}
    for solution in solutions:
        prompt, response = encoder.fit(solution.prompt, solution.response)
        labels = labels_of.setdefault(solution.prompt, {})
        for end, label in zip(solution.ends, solution.read, strict=False):
            if label in counted and end <= len(response):
                labels.setdefault((prompt, response[:end]), []).append(counted[label])
    return [
        StepExample(
            sha256_json(prompt)[:12],
            [encoder.encode(*text) for text in labels],
            np.array([np.mean(one) for one in labels.values()]),
        )
        for prompt, labels in labels_of.items()
        if labels
    ]


def train_steps(
    model: RewardModel,
    train_set: Sequence[Solution],
    eval_set: Sequence[Solution],
    settings: Train,
    neutral: Neutral,
    seed: int,
    checkpoints: Checkpoints,
) -> tuple[TrainingLog, dict[str, Any]]:
    """Fine-tune `model` in place on labelled steps; otherwise as `training.train`.

    A step beyond the model's `max_length` is not trained on. Batches hold at least `batch_pairs`
    steps. Raises RewardGateError if there is no step to train on, and what `training.fit` raises.
    """
    examples = step_examples(train_set, model.encoder, neutral)
    held_out = step_examples(eval_set, model.encoder, neutral)[: settings.eval_prompts]
    if not examples:
        raise RewardGateError("process: no labelled step in the training split; add solutions")
    steps = sum(example.size for example in examples)
    batches = len(plan_of(examples, settings.preset, seed))
    objectives = (
        StepObjective(steps * settings.preset.epochs / batches),
        StepObjective(sum(example.size for example in held_out)),
    )
    trainer = StepTrainer.of(model, examples, held_out, objectives, settings, seed)
    trainer.report |= {
        "solutions": len(train_set),
        "step_labels": steps,
        "wrong_steps": int(sum((1 - example.right).sum() for example in examples)),
        "neutral": neutral,
    }
    return fit(trainer, checkpoints)
