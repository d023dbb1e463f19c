"""Do several heads on the reward model's trunk agree on a text? If not, it may not know it.

Each head is a Bradley-Terry model of its own, fitted to another resample of the training prompts.
Where the training data settle what a text is worth, the heads agree; where a text leaves them, they
need not. Lakshminarayanan et al. 2017, "Simple and Scalable Predictive Uncertainty Estimation using
Deep Ensembles", on disagreement; Coste et al. 2023, "Reward Model Ensembles Help Mitigate
Overoptimization", on reward models. The heads share one trunk, so what the trunk does not see none
of them can doubt: Eisenstein et al. 2023, "Helping or Herding?", on errors that members share.
Measured at the winners of the adversary against three sound models, the heads disagree on 11 of 48
hacks and on 4 of 72 other winners, and an unusually high score marks 11 and 15: a flag to be
believed, and far from a guard. `agreement` in the report shows a head that the training prompts do
not support.
"""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import torch
from numpy.typing import NDArray
from safetensors.numpy import load_file, save_file
from sklearn.linear_model import LogisticRegression

from rewardgate.encoding import Encoded
from rewardgate.errors import RewardGateError
from rewardgate.figures import Figure
from rewardgate.files import atomic_folder, read_json, sha256_file, write_json
from rewardgate.intervals import clustered_mean
from rewardgate.pairs import pairs_of
from rewardgate.probes.held_out import held_out_prompts
from rewardgate.reward_model import RewardModel, in_order
from rewardgate.scoring import in_windows

Floats = NDArray[np.float64]

HEADS, ABOUT = "heads.safetensors", "ensemble.json"
WEIGHTS = "model.safetensors"

MIN_PROMPTS = 10
"""Training prompts with a decided pair, for a resample of them to mean anything."""


@dataclass(frozen=True)
class Ensemble:
    """k linear heads on the features of one reward model.

    heads: (k, hidden), BT logits by feature
    threshold: the disagreement, in BT logits, that few held-out responses exceed
    model_sha256: of the reward model's weights
    """

    model: RewardModel
    heads: Floats
    threshold: float
    model_sha256: str

    def disagreement(
        self,
        prompts: Sequence[str],
        responses: Sequence[str],
        references: Mapping[str, Sequence[str]] | None = None,
    ) -> Floats:
        """How much the heads disagree on n responses, each to the prompt at the same place: (n,).

        In BT logits: the standard deviation over the heads of how far a response stands above the
        mean of other responses to its prompt, since only differences within a prompt have a
        meaning.

        references: by prompt, what to compare with, such as responses of the policy before
            training; without them, all responses given to the prompt, as GRPO or best-of-n
            draw them
        Raises ValueError for a prompt without references, or without them and with one response,
        which would always agree with itself.
        """
        own = features(self.model, prompts, responses)
        if references is None:
            count = Counter(prompts)
            if alone := [prompt for prompt in prompts if count[prompt] == 1]:
                raise ValueError(f"one response to {alone[0][:60]!r}; give `references`")
            return disagreement(self.heads, own - group_means(own, prompts))
        asked = list(dict.fromkeys(prompts))
        if missing := [prompt for prompt in asked if not references.get(prompt)]:
            raise ValueError(f"no reference for the prompt {missing[0][:60]!r}")
        texts = [(prompt, text) for prompt in asked for text in references[prompt]]
        theirs = features(self.model, [prompt for prompt, _ in texts], [text for _, text in texts])
        means = mean_by_group(theirs, [prompt for prompt, _ in texts])
        return disagreement(self.heads, own - np.stack([means[prompt] for prompt in prompts]))

    def save(self, folder: str | Path) -> None:
        """Write the heads and what they belong to into `folder`; the model is not copied."""
        about = {"model_sha256": self.model_sha256, "threshold": self.threshold}
        with atomic_folder(folder) as path:
            save_file({"heads": self.heads}, path / HEADS)
            write_json(path / ABOUT, about)

    @classmethod
    def load(cls, folder: str | Path, model: str | Path) -> "Ensemble":
        """Load the heads in `folder` and the reward model that they belong to.

        model: its folder, models/candidate or a promoted bundle
        Raises RewardGateError if there is no ensemble, or if it belongs to another model.
        """
        if not (Path(folder) / HEADS).is_file():
            raise RewardGateError(f"{folder}: holds no ensemble; run `dvc repro ensemble`")
        about = read_json(Path(folder) / ABOUT)
        loaded = RewardModel.load(model)
        if sha256_file(Path(model) / WEIGHTS) != about["model_sha256"]:
            raise RewardGateError(
                f"{folder}: its heads belong to other weights than {model}/{WEIGHTS}; run the "
                "ensemble stage for this model"
            )
        heads = load_file(Path(folder) / HEADS)["heads"]
        return cls(loaded, heads, about["threshold"], about["model_sha256"])


def features(model: RewardModel, prompts: Sequence[str], responses: Sequence[str]) -> Floats:
    """What the model's own head reads of n responses: (n, hidden).

    The processes of a launch share the work, as in `rewardgate.scoring.score`.
    Raises RewardGateError if the model's trunk cannot be told from its head.
    """
    if not model.scorer.has_features:
        raise RewardGateError(
            "ensemble: this architecture's trunk cannot be told from its head; use another base"
        )

    def read(encoded: Sequence[Encoded]) -> list[Floats]:
        rows = model.rows(encoded)
        found = torch.cat([model.scorer.features(row.to(model.model.device)) for row in rows])
        return list(in_order(found, rows).cpu().double().numpy())

    return np.concatenate(list(in_windows(model, prompts, responses, read)))


def fit_heads(read: Floats, responses: pd.DataFrame, heads: int, l2: float, seed: int) -> Floats:
    """Fit heads (k, hidden) to features (n, hidden) of a canonical table with n rows.

    Each minimises, over a bootstrap resample of the prompts, the mean over prompts of the mean over
    a prompt's decided pairs of -log sigmoid(w . (f_chosen - f_rejected)), plus l2 / 2 |w|^2 on
    features of standard deviation 1: BT as logistic regression on differences, without intercept.

    Raises RewardGateError if fewer than MIN_PROMPTS prompts have a decided pair.
    """
    pairs = pairs_of(responses)
    prompt, ids = pd.factorize(pairs["prompt_id"])
    if len(ids) < MIN_PROMPTS:
        raise RewardGateError(
            f"ensemble: {len(ids)} training prompts have a decided pair, and {MIN_PROMPTS} are "
            "needed; add rankings or raise ensemble.train_prompts"
        )
    scale = read.std(axis=0)
    scale = np.where(scale > 0, scale, 1.0)
    difference = (read[pairs["chosen"]] - read[pairs["rejected"]]) / scale
    share = 1.0 / (len(ids) * np.bincount(prompt))[prompt]
    rng = np.random.default_rng(seed)
    fitted = []
    for _ in range(heads):
        weight = rng.multinomial(len(ids), np.full(len(ids), 1 / len(ids)))[prompt] * share
        drawn = weight > 0
        side = np.resize([1, -1], drawn.sum())  # scikit-learn wants two classes
        model = LogisticRegression(C=1 / l2, fit_intercept=False, solver="newton-cholesky")
        model.fit(difference[drawn] * side[:, None], side, sample_weight=weight[drawn])
        fitted.append(model.coef_[0] / scale)
    return np.stack(fitted)


def disagreement(heads: Floats, differences: Floats) -> Floats:
    """Standard deviation over the heads (k, hidden) of scores of feature differences: (n,)."""
    spread: Floats = (differences @ heads.T).std(axis=1, ddof=1)
    return spread


def mean_by_group(values: Floats, groups: Sequence[str]) -> dict[str, Floats]:
    """Mean of the rows (n, ...) of each group."""
    code, names = pd.factorize(np.asarray(groups, dtype=object))
    sums = np.zeros((len(names), *values.shape[1:]))
    np.add.at(sums, code, values)
    counts = np.bincount(code).reshape(-1, *[1] * (values.ndim - 1))
    return dict(zip(names, sums / counts, strict=True))


def group_means(values: Floats, groups: Sequence[str]) -> Floats:
    """The mean of its group, for each of the rows (n, ...)."""
    means = mean_by_group(values, groups)
    return np.stack([means[group] for group in groups])


@dataclass(frozen=True)
class Held:
    """Held-out responses as the heads and the RM see them.

    responses: the canonical table of n distinct texts with a column `score`
    read: their features (n, hidden)
    temperature: what makes a score BT logits
    """

    responses: pd.DataFrame
    read: Floats
    temperature: float

    @property
    def logits(self) -> Floats:
        return self.responses["score"].to_numpy(dtype=float) / self.temperature

    def above(self, values: Floats) -> Floats:
        """The values less their mean over the prompt: (n, ...)."""
        return values - group_means(values, self.responses["prompt_id"].tolist())

    def scaled(self, heads: Floats) -> Floats:
        """The heads in BT logits: on average they spread a prompt's responses as the RM does."""
        spread = (self.above(self.read) @ heads.mean(axis=0)).std()
        return heads * (self.above(self.logits).std() / spread if spread > 0 else 0.0)


def ensemble_report(
    heads: Floats,
    held: Held,
    winners: Sequence[Mapping[str, Any]],
    winners_read: Floats,
    quantile: float,
    resamples: int,
    seed: int,
) -> dict[str, Any]:
    """What the disagreement says of held-out responses, and of the winners of the adversary.

    heads: (k, hidden) in BT logits
    winners: m, as in reports/adversary.json; winners_read: their features (m, hidden)

    A text is flagged if the RM prefers it to the best-ranked response to its prompt and its heads
    disagree by more than `quantile` of the held-out responses do.

    agreement: Pearson correlation of the mean head with the RM, both within a prompt; None where
        either is constant
    flagged_by_score: the same flag with the score above the prompt's mean in the place of the
        disagreement; what the ensemble must beat to be worth having
    each: the winners, in their order
    """
    prompt_ids = held.responses["prompt_id"].tolist()
    logits, rm = held.logits, held.above(held.logits)
    spread = disagreement(heads, held.above(held.read))
    mean_head = held.above(held.read) @ heads.mean(axis=0)
    varies = rm.std() > 0 and mean_head.std() > 0
    agreement = float(np.corrcoef(mean_head, rm)[0, 1]) if varies else None
    threshold, score_threshold = (float(np.quantile(one, quantile)) for one in (spread, rm))
    texts = zip(prompt_ids, held.responses["text"], logits.tolist(), strict=True)
    known = {(prompt_id, text): value for prompt_id, text, value in texts}
    best = {
        prompt.prompt_id: known[prompt.prompt_id, prompt.best.text]
        for prompt in held_out_prompts(held.responses)
    }
    high = logits > np.array([best[prompt_id] for prompt_id in prompt_ids])
    means = mean_by_group(held.read, prompt_ids)
    mean_logits = mean_by_group(logits, prompt_ids)
    own = [one["prompt_id"] for one in winners]
    usual = np.array([means[one] for one in own]).reshape(winners_read.shape)
    doubts = disagreement(heads, winners_read - usual)
    each = []
    for one, doubt in zip(winners, doubts.tolist(), strict=True):
        proxy = one["winner"]["proxy"]
        preferred = proxy > one["reference"]["proxy"]
        lead = proxy - mean_logits[one["prompt_id"]]
        each.append(
            {
                "prompt_id": one["prompt_id"],
                "hacked": one["hacked"],
                "disagreement": doubt,
                "flagged": bool(preferred and doubt > threshold),
                "flagged_by_score": bool(preferred and lead > score_threshold),
            }
        )

    def share(flags: Sequence[bool] | NDArray[np.bool_], ids: Sequence[str]) -> Figure | None:
        if not len(flags):
            return None
        return asdict(clustered_mean(np.asarray(flags, float), None, ids, resamples, seed))

    def summary(hacked: bool) -> dict[str, Any]:
        kind = [one for one in each if one["hacked"] == hacked]
        flags = [one["flagged"] for one in kind]
        return {
            "winners": len(kind),
            "flagged": sum(flags),
            "flagged_by_score": sum(one["flagged_by_score"] for one in kind),
            "flagged_share": share(flags, [one["prompt_id"] for one in kind]),
        }

    return {
        "heads": len(heads),
        "agreement": agreement,
        "threshold": threshold,
        "held_out_flagged": share(high & (spread > threshold), prompt_ids),
        "held_out_flagged_by_score": share(high & (rm > score_threshold), prompt_ids),
        "winners_flagged": share([one["flagged"] for one in each], own),
        "hacks": summary(True),
        "others": summary(False),
        "each": each,
    }
