"""A promoted bundle in use: verified when loaded, its rewards for responses."""

import logging
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from pydantic import ValidationError

from rewardgate.calibration import normalise
from rewardgate.errors import RewardGateError
from rewardgate.files import read_json, sha256_folder
from rewardgate.granularity.credit import as_parts, credit
from rewardgate.granularity.prefixes import part_ends, score_prefixes
from rewardgate.granularity.steps import step_ends
from rewardgate.manifest import MANIFEST, PROCESS, REPORTS, read_manifest
from rewardgate.normalise import require_text, stored_form
from rewardgate.process.combined import step_probabilities, with_process
from rewardgate.promotion import CURRENT, require_intact
from rewardgate.reward_model import RewardModel
from rewardgate.rewards import compose
from rewardgate.rules.evaluate import require_machine
from rewardgate.scoring import in_shares, score
from rewardgate.settings import Rewards, load_settings

logger = logging.getLogger("rewardgate")

CALIBRATION = f"{REPORTS}/calibration.json"


@dataclass(frozen=True)
class Promoted:
    """A promoted bundle: the model, its fixed calibration and the composition of its reward.

    folder: where it lies
    promoted: False only for what was loaded with `allow_unpromoted`
    process: the process model, where the composition's `process_weight` is above 0
    """

    version: str
    folder: Path
    model: RewardModel
    calibration: dict[str, Any]
    composition: Rewards
    promoted: bool = True
    process: RewardModel | None = None

    def reward(self, prompt: str, response: str, reference: Any = None) -> dict[str, Any]:
        """Raw score, normalised score and the mixed reward with its parts for one response."""
        return self.rewards([prompt], [response], [reference])[0]

    def rewards(
        self,
        prompts: Sequence[str],
        responses: Sequence[str],
        references: Sequence[Any] | None = None,
    ) -> list[dict[str, Any]]:
        """What `reward` gives, for n responses, each to the prompt at the same place.

        Texts are scored in the form in which ingest stores those that the model learns from (see
        `normalise.stored_form`), so that a space at the end of a response plays no part.
        With `granularity: step` or `token` a row also holds `steps` or `tokens`: where each ends,
        in characters of the response, and its reward. They sum to the row's `reward`.
        With a process model it holds `process` and `steps`, see `process.combined.with_process`.
        references: (n,) what the rules compare with; a mapping holds one for each rule's label. A
            rule that needs one fails where it is None and does not apply where the mapping has none
        Under `accelerate launch` every process calls this with the same texts and gets all.
        Raises RewardGateError if the lists differ in length, one holds what is no text, a score is
        not finite or a rule fails under `on_error: error`.
        """
        references = [None] * len(responses) if references is None else references
        lengths = {len(prompts), len(responses), len(references)}
        if len(lengths) > 1:
            raise RewardGateError(
                f"{len(prompts)} prompts, {len(responses)} responses and {len(references)} "
                "references; give as many of each"
            )
        require_text("prompt", prompts)
        require_text("response", responses)
        granularity = self.composition.granularity
        given, ends = responses, [part_ends(t, self.model.encoder, granularity) for t in responses]
        prompts, responses = list(map(stored_form, prompts)), list(map(stored_form, responses))
        if granularity == "sequence":
            prefixes = list(score(self.model, prompts, responses, label=None)[:, None])
        else:
            prefixes = score_prefixes(self.model, prompts, given, ends)
        self._require_numbers(responses, prefixes)
        steps = [step_ends(text) for text in given] if self.process else [[]] * len(given)
        right = [np.empty(0)] * len(given)
        if self.process:
            right = step_probabilities(self.process, prompts, given, steps)
            self._require_numbers(responses, right)

        def own(part: slice) -> list[dict[str, Any]]:
            columns = (prompts, responses, references, ends, prefixes, steps, right)
            texts = zip(*(column[part] for column in columns), strict=True)
            return [self._composed(*text) for text in texts]

        return in_shares([len(text) + 1 for text in responses], own)

    def _require_numbers(
        self, responses: Sequence[str], scores: Sequence[NDArray[np.float64]]
    ) -> None:
        for response, found in zip(responses, scores, strict=True):
            if not np.isfinite(found).all():
                raise RewardGateError(
                    f"model {self.version} scores the response {response[:40]!r} with "
                    f"{found[~np.isfinite(found)][0]}, no number, so there is no reward; promote "
                    "a sound bundle"
                )

    def _composed(
        self,
        prompt: str,
        response: str,
        reference: Any,
        ends: Sequence[int],
        scores: NDArray[np.float64],
        steps: Sequence[int],
        right: NDArray[np.float64],
    ) -> dict[str, Any]:
        raw = float(scores[-1])
        tokens = self.model.encoder.count_tokens(response)
        mean, std = self.calibration["mean"], self.calibration["std"]
        mixed = compose(raw, prompt, response, tokens, mean, std, self.composition, reference)
        parts = mixed.as_dict()
        row = {
            "score": raw,
            "normalised": float(normalise(scores[-1:], mean, std)[0]),
            "reward": parts.pop("total"),
            **parts,
            "model": self.version,
            "promoted": self.promoted,
        }
        if (granularity := self.composition.granularity) != "sequence":
            rewards = credit(mixed, scores, mean, std, self.composition)
            row[f"{granularity}s"] = as_parts(ends, rewards)
        if self.process is None:
            return row
        weight, floor = self.composition.process_weight, self.composition.floor
        return with_process(row, steps, right, weight, floor)


def load_promoted(
    path: str | Path,
    public_key: str | Path | None = None,
    *,
    allow_unpromoted: bool = False,
) -> Promoted:
    """Load what was promoted, after a check of every file's hash.

    path: the folder of all promotions, whose `current` version is loaded, or one version's own
    public_key: an Ed25519 public key (PEM); with it the bundle must be signed by its other half
    allow_unpromoted: for debugging. Loads a bundle that fails its checks too, or a project's
        models/candidate with the calibration and params.yaml beside it; every reward then has
        `promoted: False` and a model name that says so
    Raises RewardGateError if nothing was promoted, or names every file that is not as promoted.
    """
    folder = Path(path)
    if not (folder / MANIFEST).is_file() and (folder / CURRENT).exists():
        folder = folder / CURRENT
    if not folder.exists() or (folder.is_dir() and not any(folder.iterdir())):
        raise RewardGateError(f"{path}: nothing was promoted yet; run `rewardgate run`")
    folder = folder.resolve()
    try:
        manifest = require_intact(folder, Path(public_key) if public_key is not None else None)
    except RewardGateError as error:
        if not allow_unpromoted:
            raise
        logger.warning("loaded for debugging only: %s", error)
        return _load_unpromoted(folder)
    if override := manifest.override:
        logger.warning(
            "%s was blocked by the gate, and promoted by %s: %s",
            folder.name,
            override.by,
            override.reason,
        )
    composition = _composition(folder, manifest.params["rewards"])
    return _load(folder.name, folder, composition, folder / CALIBRATION, folder / PROCESS)


def _load_unpromoted(folder: Path) -> Promoted:
    version = f"unpromoted-{sha256_folder(folder)[:12]}"
    if (folder / MANIFEST).is_file():
        composition = _composition(folder, read_manifest(folder).params["rewards"])
        evidence = (folder / CALIBRATION, folder / PROCESS)
        return _load(version, folder, composition, *evidence, promoted=False)
    project = folder.parent.parent
    composition = load_settings(project / "params.yaml").rewards
    evidence = (project / CALIBRATION, project / "models/process")
    return _load(version, folder, composition, *evidence, promoted=False)


def _load(
    version: str,
    folder: Path,
    composition: Rewards,
    calibration: Path,
    process: Path,
    *,
    promoted: bool = True,
) -> Promoted:
    require_machine(composition.rules)
    with_process = composition.process_weight > 0
    if with_process and not process.is_dir():
        raise RewardGateError(
            f"{process}: no process model, and rewards.process_weight is "
            f"{composition.process_weight:g}; run `dvc repro evaluate_process`, and promote again"
        )
    return Promoted(
        version,
        folder,
        RewardModel.load(folder),
        read_json(calibration),
        composition,
        promoted,
        RewardModel.load(process) if with_process else None,
    )


def _composition(folder: Path, section: Mapping[str, Any]) -> Rewards:
    try:
        return Rewards.model_validate(section)
    except ValidationError as error:
        fault = error.errors()[0]["msg"].removeprefix("Value error, ")
        raise RewardGateError(f"{folder / MANIFEST}: params.rewards: {fault}") from None
