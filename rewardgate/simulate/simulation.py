"""Draw the data set: one prompt after the other, each from its own random stream."""

import hashlib
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from rewardgate.errors import RewardGateError
from rewardgate.settings import Annotator, Simulate
from rewardgate.simulate import arithmetic, facts, instructions, safety, summaries
from rewardgate.simulate.annotators import draw_ranks, perceived
from rewardgate.simulate.aspects import aspects_of, utility
from rewardgate.simulate.kinds import KINDS, REFUSALS, RIGHT, shared_candidates
from rewardgate.simulate.manner import Dressed, dress
from rewardgate.simulate.task import Task, pick

DOMAINS: dict[str, Callable[[np.random.Generator], Task]] = {
    "facts": facts.draw,
    "arithmetic": arithmetic.draw,
    "instructions": instructions.draw,
    "safety": safety.draw,
    "summaries": summaries.draw,
}
_NO_MANNER = {"instructions"}
_OTHER_TASKS = 3
_SAME_DOMAIN_SHARE = 0.7
_ATTEMPTS = 1000


@dataclass(frozen=True)
class Simulation:
    records: list[dict[str, Any]]
    """Ranking records in the form that ingest reads."""
    utilities: pd.DataFrame
    """One row a response: prompt_id, response_id, kind, utility (BT logits) and its aspects."""


def simulate(settings: Simulate, preset: str, seed: int) -> Simulation:
    """Simulate `settings.prompts` prompts, ranked by the annotators of `preset`.

    Prompt i depends on `seed` and on the prompts before it, so more prompts change none of the
    earlier ones. The first `planted_leaks` prompts are asked again in nearly the same words, the
    next `planted_contradictions` are ranked again with two neighbours the other way round.
    """
    builder = _Builder(settings, settings.annotators[preset])
    for index in range(settings.prompts):
        builder.add(np.random.default_rng((seed, index)), index)
    return Simulation(builder.records, pd.DataFrame(builder.rows))


class _Builder:
    def __init__(self, settings: Simulate, annotators: list[Annotator]) -> None:
        self.settings = settings
        self.annotators = annotators
        self.records: list[dict[str, Any]] = []
        self.rows: list[dict[str, Any]] = []
        self._keys: set[str] = set()
        self._texts: set[str] = set()

    def add(self, rng: np.random.Generator, index: int) -> None:
        domain = list(DOMAINS)[index % len(DOMAINS)]
        task = self._fresh_task(rng, domain)
        record = self._rank(rng, task.prompt, domain, self._answers(rng, task, domain))
        leaks, contradictions = self.settings.planted_leaks, self.settings.planted_contradictions
        if index < leaks:
            again = _reworded(rng, task.prompt)
            self._rank(rng, again, domain, self._answers(rng, task, domain))
        elif index < leaks + contradictions:
            self.records.append(_contradicted(rng, record, self.annotators))

    def _fresh_task(self, rng: np.random.Generator, domain: str) -> Task:
        for _ in range(_ATTEMPTS):
            task = DOMAINS[domain](rng)
            if task.key not in self._keys:
                self._keys.add(task.key)
                return task
        raise RewardGateError(
            f"simulate.prompts: the domain {domain} runs out of new prompts after "
            f"{len(self._keys)} prompts; ask for fewer"
        )

    def _answers(self, rng: np.random.Generator, task: Task, domain: str) -> list[Dressed]:
        low, high = self.settings.responses
        size = int(rng.integers(low, high + 1))
        others = [
            DOMAINS[domain if rng.random() < _SAME_DOMAIN_SHARE else pick(rng, list(DOMAINS))](rng)
            for _ in range(_OTHER_TASKS)
        ]
        candidates = [*task.candidates, *shared_candidates(rng, task, others)]
        copies = Counter(candidate.kind for candidate in candidates)
        weights = np.array([KINDS[c.kind].weight / copies[c.kind] for c in candidates])
        order = rng.choice(
            len(candidates), len(candidates), replace=False, p=weights / weights.sum()
        )
        drawn = [dress(rng, candidates[i], bare=domain in _NO_MANNER) for i in order]
        unused = [a for a in _unique(drawn) if a.text.casefold() not in self._texts]
        right = [answer for answer in unused if answer.kind in RIGHT]
        wrong = [answer for answer in unused if answer.kind not in RIGHT]
        chosen = [*right[:1], *wrong[:1]]
        for answer in unused:
            alike = sum(other.kind == answer.kind for other in chosen)
            if len(chosen) < size and answer not in chosen and alike < KINDS[answer.kind].most:
                chosen.append(answer)
        self._texts.update(answer.text.casefold() for answer in chosen)
        return [chosen[i] for i in rng.permutation(len(chosen))]

    def _rank(
        self, rng: np.random.Generator, prompt: str, domain: str, answers: list[Dressed]
    ) -> dict[str, Any]:
        prompt_id = "sim-" + hashlib.sha256(prompt.encode()).hexdigest()[:12]
        ids = [f"{prompt_id}-{number}" for number in range(1, len(answers) + 1)]
        aspects = [aspects_of(answer.kind, answer.text, answer.politeness) for answer in answers]
        utilities = [utility(values) for values in aspects]
        for response_id, answer, value, parts in zip(ids, answers, utilities, aspects, strict=True):
            self.rows.append(
                {
                    "prompt_id": prompt_id,
                    "response_id": response_id,
                    "kind": answer.kind,
                    "utility": value,
                    **parts,
                    "jargon": answer.jargon,
                    "markdown": answer.markdown,
                }
            )
        shares = np.array([annotator.share for annotator in self.annotators])
        annotator = self.annotators[int(rng.choice(len(shares), p=shares / shares.sum()))]
        lengths = np.array([len(answer.text) for answer in answers], dtype=float)
        felt = perceived(np.array(utilities), lengths, _traits(answers), annotator)
        ranks = draw_ranks(rng, felt, self.settings.noise, self.settings.tie_width)
        if rng.random() < self.settings.label_noise:
            ranks = [ranks[i] for i in rng.permutation(len(ranks))]
        record = {
            "prompt_id": prompt_id,
            "prompt": prompt,
            "domain": domain,
            "source": "simulated",
            "annotator": annotator.name,
            "responses": [
                {"response_id": response_id, "text": answer.text, "rank": rank}
                for response_id, answer, rank in zip(ids, answers, ranks, strict=True)
            ],
        }
        self.records.append(record)
        return record


def _traits(answers: list[Dressed]) -> dict[str, np.ndarray]:
    """What annotators may have a bias for, by name: (n,) in [0, 1]."""
    traits = {
        "politeness": [answer.politeness for answer in answers],
        "refusal": [answer.kind in REFUSALS for answer in answers],
        "jargon": [answer.jargon or answer.kind == "jargon" for answer in answers],
        "markdown": [answer.markdown for answer in answers],
    }
    return {name: np.array(values, dtype=float) for name, values in traits.items()}


def _unique(answers: list[Dressed]) -> list[Dressed]:
    return list({answer.text.casefold(): answer for answer in reversed(answers)}.values())[::-1]


def _reworded(rng: np.random.Generator, prompt: str) -> str:
    """The prompt with a trifle changed: a near duplicate."""
    return pick(rng, (f"{prompt} Thanks!", f"Hi. {prompt}", f"{prompt} Please.", f"{prompt}?"))


def _contradicted(
    rng: np.random.Generator, record: dict[str, Any], annotators: list[Annotator]
) -> dict[str, Any]:
    """The record by another annotator, two neighbouring ranks exchanged."""
    others = [a.name for a in annotators if a.name != record["annotator"]]
    ranks = sorted({response["rank"] for response in record["responses"]})
    place = int(rng.integers(len(ranks) - 1))
    upper, lower = ranks[place], ranks[place + 1]
    exchanged = {upper: lower, lower: upper}
    return record | {
        "annotator": pick(rng, others) if others else f"{record['annotator']} again",
        "responses": [
            response | {"rank": exchanged.get(response["rank"], response["rank"])}
            for response in record["responses"]
        ],
    }
