"""How many labels are wrong, and how many contradict each other."""

from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from scipy import sparse
from scipy.sparse.csgraph import connected_components
from scipy.special import expit

from rewardgate.audit.overlap import votes_of
from rewardgate.intervals import Interval, clustered_mean
from rewardgate.metrics import correct

Floats = NDArray[np.float64]

FLIPS = np.linspace(0, 0.5, 101)
SLOPES = np.geomspace(0.05, 50, 60)
BINS = 50
RESAMPLES = 500
_BLOCK = 50


def noise_from_repeats(comparisons: pd.DataFrame, resamples: int, seed: int) -> Interval | None:
    """Share e of wrong labels, from items that several annotators judged; None without any.

    Two independent labels of one item, each wrong with probability e, differ with probability
    q = 2 e (1 - e), so e = (1 - sqrt(1 - 2 q)) / 2, q at most 0.5. q is the share of pairs of
    labels of one item that differ; its interval is clustered by prompt. Honest disagreement over
    close calls counts as noise here. Repeats by one annotator do not count: those that agree in
    the whole ranking were dropped as duplicates.
    """
    votes = votes_of(comparisons)
    if votes.empty:
        return None
    items = votes.assign(plus=votes["vote"] > 0).groupby("item", sort=False)
    found = items.agg(prompt_id=("prompt_id", "first"), plus=("plus", "sum"), n=("plus", "size"))
    label_pairs = found["n"] * (found["n"] - 1) / 2
    differ = found["plus"] * (found["n"] - found["plus"]) / label_pairs
    q = clustered_mean(differ, label_pairs, found["prompt_id"], resamples, seed)
    ends = [None if end is None else _flips(end) for end in (q.low, q.high)]
    return Interval(_flips(q.estimate), ends[0], ends[1], q.prompts, q.pairs)


def _flips(q: float) -> float:
    return float((1 - np.sqrt(1 - 2 * min(q, 0.5))) / 2)


def noise_from_margins(margins: Floats, prompt_ids: pd.Series, seed: int) -> Interval | None:
    """Share e of labels flipped at random, from a consensus' margins (p,), chosen minus rejected.

    The annotator chooses by Bradley-Terry and the label is flipped with probability e, so that the
    consensus agrees with it with probability e + (1 - 2 e) sigmoid(b |margin|). Close calls are
    explained by b; e is what even the surest margins get wrong: label noise, and the consensus'
    own sure mistakes, so it tends to be too high where the consensus is poor. (e, b) by maximum
    likelihood over a grid, e in steps of 0.005; interval from 500 resamples of prompts.

    None if the consensus is not better than chance, as then nothing tells e from 0.5.

    Source: the lapse rate of psychometric functions, Wichmann and Hill 2001, "The psychometric
    function: I"; label flips in Bradley-Terry, as in Chen et al. 2013, "Pairwise Ranking
    Aggregation in a Crowdsourced Setting".
    """
    agree = correct(margins)
    better_than_chance = clustered_mean(agree, None, prompt_ids, RESAMPLES, seed)
    if better_than_chance.low is None or better_than_chance.low <= 0.5:
        return None
    size = np.abs(margins)
    edges = np.unique(np.quantile(size, np.linspace(0, 1, BINS + 1)[1:-1]))
    bins = np.searchsorted(edges, size)
    count = np.bincount(bins)
    centre = np.bincount(bins, size) / np.maximum(count, 1) / size.std()
    prompt = pd.factorize(prompt_ids)[0]
    prompts, width = int(prompt.max()) + 1, len(count)
    shape = (prompts, width)
    hits = sparse.csr_matrix((agree, (prompt, bins)), shape=shape)
    misses = sparse.csr_matrix((1 - agree, (prompt, bins)), shape=shape)
    counts = sparse.hstack([hits, misses]).tocsr()
    p = (FLIPS[:, None, None] + (1 - 2 * FLIPS)[:, None, None]
         * expit(SLOPES[None, :, None] * centre)).reshape(-1, width)  # fmt: skip
    p = np.clip(p, 1e-9, 1 - 1e-9)
    table = np.concatenate([np.log(p), np.log1p(-p)], axis=1)

    def best(sums: Floats) -> Floats:
        return FLIPS[(table @ sums.T).argmax(axis=0) // len(SLOPES)]

    rng = np.random.default_rng(seed)
    resampled = []
    for _ in range(0, RESAMPLES, _BLOCK):
        drawn = rng.multinomial(prompts, np.full(prompts, 1 / prompts), size=_BLOCK)
        resampled.append(best((counts.T @ drawn.T.astype(float)).T))
    low, high = np.quantile(np.concatenate(resampled), [0.025, 0.975])
    total = np.asarray(counts.sum(axis=0)).reshape(1, -1)
    return Interval(float(best(total)[0]), float(low), float(high), prompts, len(margins))


def consistency(comparisons: pd.DataFrame) -> dict[str, Any]:
    """Contradictions and cycles among the comparisons of a prompt.

    repeated_items: pairs of texts compared more than once; contradicted_items: those of them that
    were decided both ways. prompts_with_cycle: prompts where a beats b, b beats c, ... and the last
    beats a, by the majority of each pair's comparisons; one ranking alone has none.
    """
    items = comparisons.groupby("item", sort=False).agg(
        prompt_id=("prompt_id", "first"), net=("direction", "sum"), n=("direction", "size")
    )
    repeated = items["n"] > 1
    contradicted = repeated & (items["net"].abs() < items["n"])
    cyclic = prompts_with_cycle(comparisons)
    prompts = int(items["prompt_id"].nunique())
    return {
        "repeated_items": int(repeated.sum()),
        "contradicted_items": int(contradicted.sum()),
        "contradicted_share": float(contradicted.sum() / repeated.sum()) if repeated.any() else 0.0,
        "prompts": prompts,
        "prompts_with_cycle": len(cyclic),
        "cycle_share": len(cyclic) / prompts,
        "examples": cyclic[:5],
    }


def prompts_with_cycle(comparisons: pd.DataFrame) -> list[str]:
    """prompt_ids, sorted, whose majority relation among texts has a cycle.

    A directed graph has a cycle exactly if a strongly connected component has two or more nodes;
    no two prompts share a node, so that all prompts are one graph.
    """
    net = comparisons.groupby("item", sort=False).agg(
        net=("direction", "sum"), prompt_id=("prompt_id", "first"),
        low=("low_text", "first"), high=("high_text", "first"),
    )  # fmt: skip
    net = net[net["net"] != 0]
    if net.empty:
        return []
    low, high = net["low"].to_numpy(), net["high"].to_numpy()
    wins = net["net"].to_numpy() > 0
    start, end = np.where(wins, low, high), np.where(wins, high, low)
    nodes = int(max(low.max(), high.max())) + 1
    graph = sparse.csr_matrix((np.ones(len(start)), (start, end)), shape=(nodes, nodes))
    _, component = connected_components(graph, directed=True, connection="strong")
    inside = component[start] == component[end]
    return sorted(net["prompt_id"][inside].unique())
