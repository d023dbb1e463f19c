"""params.yaml as one checked model; a stage receives its own section and nothing else."""

from pathlib import Path
from typing import Annotated, Any, Literal

import yaml
from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator

from rewardgate.errors import RewardGateError
from rewardgate.policy import PROCESS, PolicyCheck, policy_fault
from rewardgate.rules.evaluate import check_rules
from rewardgate.rules.rule import Rule

Share = Annotated[float, Field(ge=0, le=1)]
Positive = Annotated[float, Field(gt=0)]
Count = Annotated[int, Field(ge=1)]
Severity = Literal["error", "warning"]


class Section(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True, strict=False)


class Annotator(Section):
    """A simulated annotator; biases are added to a response's utility, in BT logits."""

    name: str
    share: Positive = 1.0
    length_bias: float = 0.0
    politeness_bias: float = 0.0
    refusal_bias: float = 0.0
    jargon_bias: float = 0.0
    markdown_bias: float = 0.0


class Simulate(Section):
    prompts: Count
    responses: tuple[Annotated[int, Field(ge=2)], Annotated[int, Field(ge=2)]]
    noise: Positive
    label_noise: Share
    tie_width: Annotated[float, Field(ge=0)]
    planted_leaks: Annotated[int, Field(ge=0)]
    planted_contradictions: Annotated[int, Field(ge=0)]
    annotators: dict[str, list[Annotator]]


class Ingest(Section):
    inputs: str
    max_quarantined_share: Share


class Validate(Section):
    known_domains: list[str]
    max_prompt_chars: Count
    max_text_chars: Count
    max_tie_share: Share
    max_contradiction_share: Share
    max_longer_chosen_share: Share
    severity: dict[str, Severity]


class Shares(Section):
    train: Share
    eval: Share
    calibration: Share
    test: Share

    @model_validator(mode="after")
    def sum_to_one(self) -> "Shares":
        total = self.train + self.eval + self.calibration + self.test
        if abs(total - 1) > 1e-9:
            raise ValueError(f"the four shares must sum to 1, not {total:g}")
        return self


class Split(Section):
    key: str
    shares: Shares
    near_duplicate_similarity: Annotated[float, Field(gt=0, le=1)]
    shingle_chars: Count
    permutations: Annotated[int, Field(ge=16)]


class TrainPreset(Section):
    """What suits one kind of base model.

    method: `full` trains every layer that is not frozen, `lora` low-rank adapters that are merged
    when the model is saved, `head` the head alone, on features computed once
    """

    method: Literal["full", "lora", "head"] = "full"
    learning_rate: Positive
    head_learning_rate: Positive
    freeze_embeddings: bool
    frozen_layers: Annotated[int, Field(ge=0)]
    lora_rank: Count = 16
    lora_alpha: Count = 32
    gradient_checkpointing: bool = False
    max_length: Annotated[int, Field(ge=16)]
    batch_pairs: Count
    epochs: Positive


class Loss(Section):
    """The training loss; see rewardgate/losses.py for each formula and its source."""

    kind: Literal["bradley_terry", "rao_kupper", "davidson", "plackett_luce"] = "bradley_terry"
    weighting: Literal["prompt", "pair"] = "prompt"
    tie_width: Positive = 0.5
    tie_propensity: Positive = 0.5
    margin_per_rank: Annotated[float, Field(ge=0)] = 0.0
    margin_per_strength: Annotated[float, Field(ge=0)] = 0.0
    label_smoothing: Annotated[float, Field(ge=0, lt=0.5)] = 0.0
    centering: Annotated[float, Field(ge=0)] = 0.0
    length: Literal["none", "balanced", "regressed"] = "none"
    length_share: Positive = 0.3

    @model_validator(mode="after")
    def options_belong_to_the_kind(self) -> "Loss":
        if self.kind != "bradley_terry" and (
            self.margin_per_rank or self.margin_per_strength or self.label_smoothing
        ):
            raise ValueError(
                "margin_per_rank, margin_per_strength and label_smoothing belong to kind "
                "bradley_terry; set all of them to 0"
            )
        if self.kind == "plackett_luce" and self.length == "balanced":
            raise ValueError("length: balanced weighs pairs; kind plackett_luce has none")
        return self


class Train(Section):
    """start: `champion` takes the promoted model's weights in the place of the base's"""

    launch: str
    base: str
    start: Literal["base", "champion"] = "base"
    presets: dict[str, TrainPreset]
    loss: Loss
    precision: Literal["auto", "fp32", "bf16"]
    tokens_per_backward: Count
    warmup_share: Share
    weight_decay: Annotated[float, Field(ge=0)]
    max_grad_norm: Positive
    checkpoint_steps: Count
    eval_steps: Count
    eval_prompts: Count
    patience: Count | None

    @property
    def preset(self) -> TrainPreset:
        """The preset named after the base, or `other`."""
        return self.presets.get(self.base, self.presets["other"])

    @model_validator(mode="after")
    def has_fallback(self) -> "Train":
        if "other" not in self.presets:
            raise ValueError("train.presets needs an entry `other` for bases it does not name")
        return self


class Calibrate(Section):
    bootstrap_halves: Count


class Evaluate(Section):
    train_prompts: Count
    reliability_bins: Count
    samples: Count


class Audit(Section):
    """When an annotator is named: a difference from the others shown to be beyond these."""

    min_prompts: Annotated[int, Field(ge=2)]
    alpha: Annotated[float, Field(gt=0, lt=1)]
    max_agreement_gap: Share
    max_length_bias_gap: Annotated[float, Field(ge=0)]
    max_first_listed_gap: Share


class Stress(Section):
    cases: str
    very_long_words: Count


class LengthPenalty(Section):
    min_tokens: Annotated[int, Field(ge=0)]
    max_tokens: Count
    width_tokens: Positive
    weight: Annotated[float, Field(ge=0)]


class RepetitionPenalty(Section):
    n: Count
    free_share: Share
    weight: Annotated[float, Field(ge=0)]


class Rewards(Section):
    """The composition: see rewardgate/rewards.py for how the parts make one reward.

    granularity: whether the reward is also dealt out to steps or tokens, see granularity/credit.py
    process_weight: of the process model's part, see process/combined.py; 0: there is no such model
    """

    granularity: Literal["sequence", "step", "token"]
    rationale: str
    rm_weight: Positive
    rm_clip: Positive | None
    floor: float
    length_penalty: LengthPenalty | None
    repetition_penalty: RepetitionPenalty | None
    process_weight: Annotated[float, Field(ge=0)] = 0.0
    rules: tuple[Rule, ...] = ()

    @model_validator(mode="after")
    def rules_are_known(self) -> "Rewards":
        try:
            check_rules(self.rules)
        except RewardGateError as error:
            raise ValueError(str(error)) from None
        return self


PROCESS_REPORT, NO_PROCESS_REPORT = "reports/process.json", "reports/evaluation.json"
"""`gate.process` with a process model, and without: a report that the gate reads anyway."""


class Gate(Section):
    """The policy.

    champion: `current` (what is promoted), `none`, or the folder of a bundle
    safety_domains: what the words `safety_domains` stand for in a check's `only` or `except`
    process: a report that the gate waits for; it must be that on the process model where
        `rewards.process_weight` is above 0, so that DVC knows that the verdict rests on it
    """

    resamples: Annotated[int, Field(ge=100)]
    champion: str
    safety_domains: list[str]
    process: str = NO_PROCESS_REPORT
    items: dict[str, str]
    checks: list[PolicyCheck]

    @model_validator(mode="before")
    @classmethod
    def name_safety_domains(cls, values: Any) -> Any:
        if not isinstance(values, dict) or not isinstance(values.get("checks"), list):
            return values
        checks = [dict(one) if isinstance(one, dict) else one for one in values["checks"]]
        for check in checks:
            for key in ("only", "except"):
                if isinstance(check, dict) and check.get(key) == "safety_domains":
                    check[key] = values.get("safety_domains")
        return {**values, "checks": checks}

    @model_validator(mode="after")
    def policy_is_sound(self) -> "Gate":
        if fault := policy_fault(self.checks, list(self.items)):
            raise ValueError(fault)
        return self


class Probe(Section):
    """Held-out prompts that are probed, and transformations of each family tried on each."""

    prompts: Count
    per_family: Count


class Adversary(Section):
    """The attack's budget, all in texts.

    candidates: of each prompt, that best-of-n draws from
    depth, max_words: of a composition of transformations
    tries: transformations that each greedy step tries
    population, generations: of the evolution
    kl: nats at which the gold is judged
    hack_drop: a winner worth less than the best-ranked response by this is a hack
    gold: a table with the true utilities; the ranks stand in for responses that it does not know
    """

    prompts: Count
    candidates: Annotated[int, Field(ge=2)]
    depth: Count
    max_words: Count
    tries: Count
    population: Count
    generations: Annotated[int, Field(ge=0)]
    kl: Annotated[float, Field(ge=0)]
    hack_drop: Share
    gold: str


class Ensemble(Section):
    """Heads on the candidate's trunk, a check beside the gate.

    train_prompts: of the training split, that the heads are fitted to
    l2: of the logistic regression, on features of standard deviation 1
    quantile: share of held-out responses on which the heads disagree less than is flagged
    """

    heads: Annotated[int, Field(ge=2)] = 8
    train_prompts: Count = 400
    l2: Annotated[float, Field(gt=0)] = 0.1
    quantile: Annotated[float, Field(gt=0, lt=1)] = 0.95


class SimulateSteps(Section):
    """wrong: from how many to how many solutions of a problem have a planted error"""

    problems: Count
    wrong: tuple[Annotated[int, Field(ge=1, le=12)], Annotated[int, Field(ge=1, le=12)]]

    @model_validator(mode="after")
    def from_is_not_above_to(self) -> "SimulateSteps":
        if self.wrong[0] > self.wrong[1]:
            raise ValueError(f"wrong: from {self.wrong[0]} to {self.wrong[1]}; swap the two")
        return self


class Process(Section):
    """The process reward model.

    neutral: what label 0 counts as
    presets: by base what differs from `train.presets`, where batch_pairs counts steps; `other`
        serves every base without its own
    """

    inputs: str
    simulate: SimulateSteps
    neutral: Literal["right", "wrong", "ignored"]
    presets: dict[str, dict[str, Any]]


class Promote(Section):
    """Ed25519 keys as PEM files: what signs a promotion, and what must have signed it.

    signing_key: the private key; the environment variable REWARDGATE_SIGNING_KEY goes before it
    public_key: with it, only a promotion that its other half signed is loaded
    """

    signing_key: str | None = None
    public_key: str | None = None


class Settings(Section):
    seed: Annotated[int, Field(ge=0)]
    preset: str
    simulate: Simulate
    ingest: Ingest
    validation: Validate = Field(alias="validate")
    split: Split
    audit: Audit
    train: Train
    calibrate: Calibrate
    evaluate: Evaluate
    stress: Stress
    probe: Probe
    adversary: Adversary
    rewards: Rewards
    gate: Gate
    process: Process
    ensemble: Ensemble = Ensemble()
    promote: Promote = Promote()

    @property
    def process_train(self) -> Train:
        """Settings of the training on steps: `train` with what `process.presets` changes."""
        changes = self.process.presets
        change = changes.get(self.train.base, changes.get("other", {}))
        preset = {**self.train.preset.model_dump(), **change}
        presets = {"other": TrainPreset.model_validate(preset)}
        return self.train.model_copy(update={"presets": presets})

    @model_validator(mode="after")
    def process_preset_is_sound(self) -> "Settings":
        try:
            _ = self.process_train
        except ValidationError as error:
            first = error.errors()[0]
            raise ValueError(f"process.presets: {first['loc'][0]}: {first['msg']}") from None
        return self

    @model_validator(mode="after")
    def process_model_is_judged(self) -> "Settings":
        weight = self.rewards.process_weight
        needed = PROCESS_REPORT if weight > 0 else NO_PROCESS_REPORT
        if self.gate.process != needed:
            raise ValueError(
                f"gate.process: must be {needed} where rewards.process_weight is {weight:g}; set "
                "both together"
            )
        judging = [one for one in self.gate.checks if one.report == PROCESS]
        if weight > 0 and all(check.severity != "block" for check in judging):
            raise ValueError(
                f"gate.checks: rewards.process_weight is {weight:g}, and no check of severity "
                f"block judges a figure of {PROCESS}:; add one"
            )
        return self

    @model_validator(mode="after")
    def there_can_be_a_start(self) -> "Settings":
        if self.train.start == "champion" and self.gate.champion == "none":
            raise ValueError(
                "train.start: is champion, and gate.champion none; set the first to base, or the "
                "second to current or to the folder of a bundle"
            )
        return self

    @model_validator(mode="after")
    def preset_exists(self) -> "Settings":
        known = sorted(self.simulate.annotators)
        if self.preset not in known:
            raise ValueError(f"preset: {self.preset!r} is none of {', '.join(known)}")
        return self


def load_settings(path: str | Path = "params.yaml") -> Settings:
    """Read and check params.yaml.

    Raises RewardGateError naming the file, the key and the mend.
    """
    try:
        values = yaml.safe_load(Path(path).read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise RewardGateError(f"{path}: no such file; run from the project's folder") from None
    except (yaml.YAMLError, UnicodeDecodeError) as error:
        raise RewardGateError(f"{path}: not YAML: {' '.join(str(error).split())}") from None
    if not isinstance(values, dict):
        raise RewardGateError(f"{path}: must hold the sections of the pipeline, see the README")
    try:
        return Settings.model_validate(values)
    except ValidationError as error:
        first = error.errors()[0]
        key = ".".join(str(part) for part in first["loc"])
        faults = {
            "extra_forbidden": "unknown key; remove it or mend its spelling",
            "missing": "missing key; add it",
        }
        fault = faults.get(first["type"], first["msg"].removeprefix("Value error, "))
        unnamed = first["type"] in faults or not key or isinstance(first["input"], dict | list)
        got = "" if unnamed else f" (got {first['input']!r})"
        more = f"; and {error.error_count() - 1} more" if error.error_count() > 1 else ""
        place = f"{key}: " if key else ""
        raise RewardGateError(f"{path}: {place}{fault}{got}{more}") from None
