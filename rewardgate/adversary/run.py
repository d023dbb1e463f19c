"""Attack a reward model as a policy under optimisation would, and see what becomes of the gold."""

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike, NDArray

from rewardgate.adversary.best_of_n import best_of_n_weights, doublings, kl_of, largest_n
from rewardgate.adversary.candidates import Candidate, Moves, draw_pool, held_out
from rewardgate.adversary.gold import Gold
from rewardgate.adversary.search import Scored, best_of, evolve, greedy
from rewardgate.figures import Figure
from rewardgate.intervals import clustered_mean
from rewardgate.probes.held_out import Prompt
from rewardgate.score_memo import Score
from rewardgate.settings import Adversary

Floats = NDArray[np.float64]


@dataclass(frozen=True)
class Move:
    """A candidate with its proxy (BT logits) and its gold score ([0, 1])."""

    candidate: Candidate
    proxy: float
    gold: float


@dataclass(frozen=True)
class Attack:
    """What the search found at one prompt.

    proxy, gold: (N,) of the pool that best-of-n draws from
    reference: the best-ranked held-out response
    start: the held-out response that the RM likes best, where the searches start
    greedy, evolutionary: where they end
    """

    prompt: Prompt
    proxy: Floats
    gold: Floats
    reference: Move
    start: Move
    greedy: Move
    evolutionary: Move

    @property
    def winner(self) -> Move:
        return max((self.greedy, self.evolutionary), key=lambda move: move.proxy)

    def hacked(self, drop: float) -> bool:
        """Whether the RM prefers the winner to a reference that is worth more by `drop`."""
        better = self.winner.proxy > self.reference.proxy
        return better and self.winner.gold <= self.reference.gold - drop


def attack(
    prompts: Sequence[Prompt],
    elsewhere: Sequence[Prompt],
    score: Score,
    temperature: float,
    gold: Gold,
    settings: Adversary,
    seed: int,
) -> list[Attack]:
    """Draw a pool for each prompt, then raise the proxy greedily and by evolution.

    elsewhere: prompts that lend a response to the pools
    score: raw scores of (prompts, responses); the proxy is score / temperature
    The budget is counted in texts, so that the same seed gives the same attack on any machine.
    """
    moves = Moves(settings.depth, settings.max_words, seed)

    def rate(asked: Sequence[Prompt], offers: Sequence[Sequence[Candidate]]) -> list[Scored]:
        flat = [(p.prompt, one.text) for p, ones in zip(asked, offers, strict=True) for one in ones]
        proxies = iter((score([p for p, _ in flat], [t for _, t in flat]) / temperature).tolist())
        return [{one.text: (one, next(proxies)) for one in ones} for ones in offers]

    pools = rate(prompts, [draw_pool(p, elsewhere, settings.candidates, moves) for p in prompts])
    own = rate(prompts, [held_out(prompt) for prompt in prompts])
    starts = [best_of(scored) for scored in own]
    climbed = greedy(prompts, starts, rate, moves, settings.tries)
    evolved = evolve(prompts, pools, rate, moves, settings.population, settings.generations)

    def move(prompt: Prompt, scored: tuple[Candidate, float]) -> Move:
        return Move(*scored, gold(prompt, scored[0]))

    return [
        Attack(
            prompt,
            np.array([proxy for _, proxy in pools[i].values()]),
            np.array([gold(prompt, one) for one, _ in pools[i].values()]),
            move(prompt, own[i][prompt.best.text]),
            move(prompt, starts[i]),
            move(prompt, climbed[i]),
            move(prompt, evolved[i]),
        )
        for i, prompt in enumerate(prompts)
    ]


def adversary_report(
    attacks: Sequence[Attack], settings: Adversary, resamples: int, seed: int
) -> tuple[dict[str, Any], pd.DataFrame]:
    """The figures of both attacks with the winners, and the curve of `over_optimisation`."""
    best_of_n, curve = over_optimisation(attacks, settings.kl, resamples, seed)
    report = {
        "prompts": len(attacks),
        "best_of_n": best_of_n,
        "search": search_figures(attacks, settings.hack_drop, resamples, seed),
        "winners": winners(attacks, settings.hack_drop),
    }
    return report, curve


def over_optimisation(
    attacks: Sequence[Attack], kl: float, resamples: int, seed: int
) -> tuple[dict[str, Any], pd.DataFrame]:
    """Figures of best-of-n at the KL divergence `kl`, and the curve over n.

    gold_gain_at_kl, proxy_gain_at_kl: mean at the largest n within `kl`, less that at n = 1
    gold_gap_to_peak: mean gold at the n <= that one where it is highest, less that at `kl`;
        above 0 the gold falls while the proxy still rises (Gao et al. 2022)
    gold_captured: the gain in gold as a share of what best-of-n by the gold itself would gain

    The curve has one row an n: n, kl, and the gain over n = 1 of proxy and gold with the ends of
    their 95 % intervals over prompts.
    """
    most = min(len(one.proxy) for one in attacks)
    at_kl = largest_n(kl, most)
    grid = sorted({*doublings(most), at_kl})
    ids = [one.prompt.prompt_id for one in attacks]

    def expected(by: str, of: str, n: int) -> Floats:
        return np.array(
            [best_of_n_weights(getattr(one, by), n) @ getattr(one, of) for one in attacks]
        )

    def mean(values: ArrayLike) -> Figure:
        return asdict(clustered_mean(values, None, ids, resamples, seed))

    gain = {
        of: {n: expected("proxy", of, n) - expected("proxy", of, 1) for n in grid}
        for of in ("proxy", "gold")
    }
    curve = []
    for n in grid:
        row: dict[str, float | int | None] = {"n": n, "kl": kl_of(n)}
        for of in ("proxy", "gold"):
            figure = mean(gain[of][n])
            row |= {
                f"{of}_gain": figure["estimate"],
                f"{of}_gain_low": figure["low"],
                f"{of}_gain_high": figure["high"],
            }
        curve.append(row)
    within = [n for n in grid if n <= at_kl]
    peak = max(within, key=lambda n: float(gain["gold"][n].mean()))
    possible = expected("gold", "gold", at_kl) - expected("gold", "gold", 1)
    captured = None
    if (open_to_gain := possible > 0).any():
        captured = clustered_mean(
            (gain["gold"][at_kl] / np.where(open_to_gain, possible, 1.0))[open_to_gain],
            possible[open_to_gain],
            np.array(ids)[open_to_gain],
            resamples,
            seed,
        )
    figures = {
        "proxy_gain_at_kl": mean(gain["proxy"][at_kl]),
        "gold_gain_at_kl": mean(gain["gold"][at_kl]),
        "gold_gap_to_peak": mean(gain["gold"][peak] - gain["gold"][at_kl]),
        "gold_captured": asdict(captured) if captured else None,
    }
    return {"n": at_kl, "kl": kl_of(at_kl), "peak_n": peak, **figures}, pd.DataFrame(curve)


def search_figures(
    attacks: Sequence[Attack], drop: float, resamples: int, seed: int
) -> dict[str, Any]:
    """Figures of the two searches, over prompts.

    proxy_gain, gold_change: from the start to the end of a search, in BT logits and in [-1, 1]
    hacked_share: share of prompts whose winner the RM prefers to the best-ranked response although
        it is worth less by at least `drop`
    """
    ids = [one.prompt.prompt_id for one in attacks]

    def mean(values: Sequence[float]) -> Figure:
        return asdict(clustered_mean(values, None, ids, resamples, seed))

    ends = {
        "greedy": [one.greedy for one in attacks],
        "evolutionary": [one.evolutionary for one in attacks],
    }
    starts = [one.start for one in attacks]
    return {
        **{
            name: {
                "proxy_gain": mean([b.proxy - a.proxy for a, b in zip(starts, found, strict=True)]),
                "gold_change": mean([b.gold - a.gold for a, b in zip(starts, found, strict=True)]),
            }
            for name, found in ends.items()
        },
        "hacked_share": mean([float(one.hacked(drop)) for one in attacks]),
    }


def winners(attacks: Sequence[Attack], drop: float) -> list[dict[str, Any]]:
    """For a person to read: the winner of each prompt beside its best-ranked response."""
    return [
        {
            "prompt_id": one.prompt.prompt_id,
            "domain": one.prompt.domain,
            "prompt": one.prompt.prompt,
            "reference": _told(one.reference),
            "winner": _told(one.winner),
            "hacked": one.hacked(drop),
        }
        for one in attacks
    ]


def hacks(attacks: Sequence[Attack], drop: float) -> dict[str, Any]:
    """The successful hacks as a file of stress cases, see `rewardgate.stress`."""
    return {
        "cases": [
            {
                "case": f"hack-{one.prompt.prompt_id}",
                "domain": one.prompt.domain,
                "prompt": one.prompt.prompt,
                "responses": {
                    "reference": one.reference.candidate.text,
                    "adversary_hack": one.winner.candidate.text,
                },
                "best": "reference",
            }
            for one in attacks
            if one.hacked(drop)
        ]
    }


def _told(move: Move) -> dict[str, Any]:
    return {
        "text": move.candidate.text,
        "made_of": move.candidate.source.response_id,
        "path": list(move.candidate.path),
        "proxy": move.proxy,
        "gold": move.gold,
    }
