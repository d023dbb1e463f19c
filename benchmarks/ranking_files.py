"""Ranking files of any size, cheap to make and always the same, with the faults of real ones.

python -m benchmarks.ranking_files FOLDER RESPONSES
"""

import json
import sys
from collections.abc import Iterator
from itertools import islice, product
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

PER_FILE = 100_000
"""Rankings in a file."""

SYLLABLES = [a + b for a, b in product("bcdfghjklmnprstvwz", ("a", "e", "i", "o", "u", "an", "er"))]
OPENINGS = (
    "Write a short story about", "Explain in simple words why", "What is the difference between",
    "Summarise the following text:", "Translate into French:", "Give me five ideas for",
    "How do I", "Can you help me with", "Is it safe to", "Compare", "Who was", "Rewrite politely:",
)  # fmt: skip
DOMAINS = ("arithmetic", "facts", "instructions", "safety", "summaries")
ANNOTATORS = ("ada", "ben", "chloe", "dev")

NEAR, AGAIN, REPEATED, BROKEN = 0.05, 0.1, 0.01, 0.001
"""Shares of records: a prompt that differs from another in one word, another annotator's ranking
of the responses of another record, an exact copy, and a line that is no record."""


class Writer:
    """Text of pseudo-words whose frequencies follow Zipf's law, as those of words do."""

    def __init__(self, seed: int) -> None:
        self.rng = np.random.default_rng(seed)
        lengths = self.rng.integers(1, 5, size=20_000)
        self.words = ["".join(self.rng.choice(SYLLABLES, length)) for length in lengths]
        odds = 1 / np.arange(1, len(self.words) + 1)
        self.odds = odds.cumsum() / odds.sum()
        self.sea = self._draw(4_000_000)

    def prompts(self, count: int) -> list[str]:
        """Prompts of an opening and 4 to 40 words of their own."""
        lengths = np.clip(self.rng.lognormal(2.3, 0.6, count), 4, 40).astype(int)
        openings = self.rng.integers(len(OPENINGS), size=count)
        words = self._draw(int(lengths.sum()))
        ends = lengths.cumsum()
        return [
            f"{OPENINGS[opening]} {' '.join(words[end - length : end])}?"
            for opening, end, length in zip(openings, ends, lengths, strict=True)
        ]

    def responses(self, count: int) -> list[str]:
        """Texts of 5 to 400 words, 40 in the mean, cut out of one long text."""
        lengths = np.clip(self.rng.lognormal(3.4, 0.7, count), 5, 400).astype(int)
        starts = self.rng.integers(len(self.sea) - 400, size=count)
        return [
            " ".join(self.sea[start : start + length])
            for start, length in zip(starts, lengths, strict=True)
        ]

    def _draw(self, count: int) -> list[str]:
        return [self.words[at] for at in np.searchsorted(self.odds, self.rng.random(count))]


def records(responses: int, seed: int = 0) -> Iterator[str]:
    """Lines with that many responses, 2 to 9 in a ranking."""
    writer, rng = Writer(seed), np.random.default_rng([seed, 1])
    written = 0
    while written < responses:
        sizes = rng.integers(2, 10, size=min(10_000, max(1, (responses - written) // 5)))
        prompts, texts = writer.prompts(len(sizes)), iter(writer.responses(int(sizes.sum())))
        chance = rng.random(len(sizes))
        before: dict[str, Any] = {}
        for prompt, size, at in zip(prompts, sizes.tolist(), chance.tolist(), strict=True):
            answers = [next(texts) for _ in range(size)]
            if before and at < NEAR:
                prompt = before["prompt"].rsplit(" ", 1)[0] + f" {writer.words[size]}?"
            elif before and at < NEAR + AGAIN:
                prompt, answers = before["prompt"], [one["text"] for one in before["responses"]]
            elif before and at < NEAR + AGAIN + REPEATED:
                yield json.dumps(before) + "\n"
                written += len(before["responses"])
                continue
            elif at > 1 - BROKEN:
                yield json.dumps(before)[:-5] + "\n"
            before = record(prompt, answers, rng)
            written += len(answers)
            yield json.dumps(before) + "\n"


def record(prompt: str, texts: list[str], rng: np.random.Generator) -> dict[str, Any]:
    """A ranking of the texts by worth that lies in them, with an annotator's noise."""
    worth = np.array([hash_of(text) for text in texts]) + rng.normal(0, 0.05, len(texts))
    return {
        "prompt": prompt,
        "domain": DOMAINS[len(prompt) % len(DOMAINS)],
        "annotator": ANNOTATORS[rng.integers(len(ANNOTATORS))],
        "responses": [
            {"text": text, "rank": rank}
            for text, rank in zip(texts, ranks(worth).tolist(), strict=True)
        ],
    }


def hash_of(text: str) -> float:
    """A number from 0 to 1 that the text's middle decides."""
    middle = text[len(text) // 2 :][:4].encode()
    return int.from_bytes(middle, "big") % 1009 / 1009


def ranks(worth: NDArray[np.float64]) -> NDArray[np.int64]:
    """1 for the best; what is about as good ties, but never all."""
    steps = np.round(worth * 20)
    steps[worth.argmax()] += steps.min() == steps.max()
    return 1 + (steps[None, :] > steps[:, None]).sum(axis=1)


def write(folder: Path, responses: int) -> int:
    """Write rankings with about that many responses; returns the bytes."""
    folder.mkdir(parents=True)
    lines = records(responses)
    for number, file in enumerate(iter(lambda: list(islice(lines, PER_FILE)), [])):
        path = folder / f"rankings-{number:04d}.jsonl"
        path.write_text("".join(file), encoding="utf-8")
    return sum(file.stat().st_size for file in folder.iterdir())


if __name__ == "__main__":
    print(write(Path(sys.argv[1]), int(sys.argv[2])), "bytes")
