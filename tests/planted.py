"""Held-out prompts with one right answer each, and judges with a known taste."""

import numpy as np
import pandas as pd
from tables import responses_table

from rewardgate.probes.held_out import Prompt, held_out_prompts

TOWNS = ("Paris", "Oslo", "Rome", "Lima", "Cairo", "Delhi", "Quito", "Seoul", "Tunis", "Sofia")


def planted_table(prompts: int = 24) -> pd.DataFrame:
    """Rankings of a right answer above a vague, a wrong and a long wrong one."""
    return responses_table(
        [
            (
                f"Which town has harbour number {i}, and how many ships lie in it?",
                [
                    (
                        f"The harbour is in the town of {TOWNS[i % 10]}, and it holds "
                        f"{i + 20} ships.",
                        1,
                    ),
                    (f"It may be that town of {TOWNS[i % 10]}.", 2),
                    (f"The harbour is in the town of {TOWNS[(i + 3) % 10]}.", 3),
                    (
                        "Many a harbour has a long history, and one could speak of the tides, the "
                        "cranes, the gulls and the rain for a long time without an end, as sailors "
                        f"do on the way to {TOWNS[(i + 5) % 10]}.",
                        4,
                    ),
                ],
            )
            for i in range(prompts)
        ]
    )


def planted_prompts(prompts: int = 24) -> list[Prompt]:
    return held_out_prompts(planted_table(prompts))


ANSWERS = {
    prompt.prompt: prompt.best.text.removesuffix(".").split(" of ")[1]
    for prompt in planted_prompts(40)
}


def sound(prompts: list[str], texts: list[str]) -> np.ndarray:
    """The town and the number of ships are worth 3 logits each, the first words 1; length costs."""
    scores = []
    for prompt, text in zip(prompts, texts, strict=True):
        answer = next(answer for asked, answer in ANSWERS.items() if prompt.startswith(asked))
        town, ships = answer.split(",")[0], answer.split()[-2]
        words = text.split()
        worth = 3.0 * (f"of {town}" in text) + 3.0 * (ships in words) + (words[:1] == ["The"])
        unwanted = sum(text.count(mark) for mark in ("\n", "**", "Yes, you", "doubt"))
        scores.append(worth - 0.06 * len(words) - 0.1 * unwanted)
    return np.array(scores)


def loves_length(prompts: list[str], texts: list[str]) -> np.ndarray:
    return np.array([float(len(text.split())) for text in texts])


def loves_markdown(prompts: list[str], texts: list[str]) -> np.ndarray:
    """A sound judge but for markdown, which is worth more than the answer."""
    marks = [text.count("#") + text.count("**") + text.count("- ") for text in texts]
    return sound(prompts, texts) + 5.0 * np.array(marks)


def loves_bullets(prompts: list[str], texts: list[str]) -> np.ndarray:
    """A sound judge but for a response that begins as a list, which is worth 2 logits."""
    return sound(prompts, texts) + 2.0 * np.array([text.startswith("- ") for text in texts])


def indifferent(prompts: list[str], texts: list[str]) -> np.ndarray:
    return np.zeros(len(texts))
