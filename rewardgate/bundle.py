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
from rewardgate.manifest import MANIFEST, REPORTS, read_manifest
from rewardgate.normalise import stored_form
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

    promoted: False only for what was loaded with `allow_unpromoted`
    """

    version: str
    model: RewardModel
    calibration: dict[str, Any]
    composition: Rewards
    promoted: bool = True

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
        references: (n,) what the rules compare with; a mapping holds one for each rule's label. A
            rule that needs one fails where it is None and does not apply where the mapping has none
        Under `accelerate launch` every process calls this with the same texts and gets all.
        Raises RewardGateError if the lists differ in length, a score is not finite or a rule fails
        under `on_error: error`.
        """
        references = [None] * len(responses) if references is None else references
        lengths = {len(prompts), len(responses), len(references)}
        if len(lengths) > 1:
            raise RewardGateError(
                f"{len(prompts)} prompts, {len(responses)} responses and {len(references)} "
                "references; give as many of each"
            )
        granularity = self.composition.granularity
        given, ends = responses, [part_ends(t, self.model.encoder, granularity) for t in responses]
        prompts, responses = list(map(stored_form, prompts)), list(map(stored_form, responses))
        if granularity == "sequence":
            prefixes = list(score(self.model, prompts, responses, label=None)[:, None])
        else:
            prefixes = score_prefixes(self.model, prompts, given, ends)
        for response, scores in zip(responses, prefixes, strict=True):
            if not np.isfinite(scores).all():
                raise RewardGateError(
                    f"model {self.version} scores the response {response[:40]!r} with "
                    f"{scores[~np.isfinite(scores)][0]}, no number, so there is no reward; promote "
                    "a sound bundle"
                )

        def own(part: slice) -> list[dict[str, Any]]:
            columns = (prompts, responses, references, ends, prefixes)
            texts = zip(*(column[part] for column in columns), strict=True)
            return [self._composed(*text) for text in texts]

        return in_shares([len(text) + 1 for text in responses], own)

    def _composed(
        self,
        prompt: str,
        response: str,
        reference: Any,
        ends: Sequence[int],
        scores: NDArray[np.float64],
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
        return row


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
    return _load(folder.name, folder, folder / CALIBRATION, composition, promoted=True)


def _load_unpromoted(folder: Path) -> Promoted:
    version = f"unpromoted-{sha256_folder(folder)[:12]}"
    if (folder / MANIFEST).is_file():
        composition = _composition(folder, read_manifest(folder).params["rewards"])
        return _load(version, folder, folder / CALIBRATION, composition, promoted=False)
    project = folder.parent.parent
    composition = load_settings(project / "params.yaml").rewards
    return _load(version, folder, project / CALIBRATION, composition, promoted=False)


def _load(
    version: str, folder: Path, calibration: Path, composition: Rewards, *, promoted: bool
) -> Promoted:
    require_machine(composition.rules)
    return Promoted(
        version, RewardModel.load(folder), read_json(calibration), composition, promoted
    )


def _composition(folder: Path, section: Mapping[str, Any]) -> Rewards:
    try:
        return Rewards.model_validate(section)
    except ValidationError as error:
        fault = error.errors()[0]["msg"].removeprefix("Value error, ")
        raise RewardGateError(f"{folder / MANIFEST}: params.rewards: {fault}") from None
