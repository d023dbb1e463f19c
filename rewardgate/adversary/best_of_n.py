"""Best-of-n sampling from N scored candidates, exactly, for every n."""

import numpy as np
from numpy.typing import NDArray
from scipy.special import gammaln

Floats = NDArray[np.float64]


def best_of_n_weights(proxy: Floats, n: int) -> Floats:
    """Probability (N,) of each candidate to have the highest proxy of n drawn without replacement.

    The i-th lowest of N wins C(i - 1, n - 1) / C(N, n) of all subsets of size n, so the weighted
    mean of any value over the candidates is the unbiased estimate of its mean at the best of n.
    Candidates with equal proxy share their probability.

    Source: Nakano et al. 2021, "WebGPT", appendix I, used for these curves by Gao, Schulman and
    Hilton 2022, "Scaling Laws for Reward Model Overoptimization", section 2.
    Raises ValueError unless 1 <= n <= N.
    """
    total = len(proxy)
    if not 1 <= n <= total:
        raise ValueError(f"best of {n} needs 1 to {total} of the {total} candidates")
    place = np.arange(1, total + 1)
    possible = place >= n
    log = np.full(total, -np.inf)
    log[possible] = _log_choose(place[possible] - 1, n - 1) - _log_choose(np.array([total]), n)
    order = np.argsort(proxy, kind="stable")
    _, group = np.unique(proxy[order], return_inverse=True)
    shared = np.bincount(group, np.exp(log)) / np.bincount(group)
    weights = np.empty(total)
    weights[order] = shared[group]
    return weights / weights.sum()


def kl_of(n: int) -> float:
    """KL divergence of best-of-n from the policy that is drawn from, at most: log n - (n - 1) / n.

    In nats. Source: Stiennon et al. 2020, appendix G.3; an upper bound by Beirami et al. 2024,
    arXiv 2401.01879.
    """
    return float(np.log(n) - (n - 1) / n)


def doublings(most: int) -> list[int]:
    """1, 2, 4, ... and `most` itself."""
    powers = [1 << power for power in range(most.bit_length()) if 1 << power < most]
    return [*powers, most]


def largest_n(kl: float, most: int) -> int:
    """The largest n up to `most` whose KL divergence is at most `kl`."""
    return max(n for n in range(1, most + 1) if kl_of(n) <= kl)


def _log_choose(n: NDArray[np.int64], k: int) -> Floats:
    return np.asarray(gammaln(n + 1) - gammaln(k + 1) - gammaln(n - k + 1))
