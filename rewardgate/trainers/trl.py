"""TRL: the promoted reward as a function for `reward_funcs` (GRPOTrainer, RLOOTrainer)."""

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from statistics import fmean
from typing import Any

from accelerate.utils import gather_object

from rewardgate.bundle import Promoted
from rewardgate.end_tokens import END_TOKENS
from rewardgate.errors import RewardGateError
from rewardgate.parts import logged_parts
from rewardgate.processes import processes
from rewardgate.trainers.loaded import ONE_AT_A_TIME, loaded
from rewardgate.trainers.texts import Messages, prompt_text, response_text

NO_COLUMNS = ("completion_ids", "trainer_state", "environments")
"""What TRL hands to a reward function beside the columns of the dataset."""


class PromotedReward:
    """A reward function of TRL, which logs the parts where TRL (1.x) hands over how.

    It holds the path and not the model, so it can be pickled; each process loads the bundle once.
    """

    def __init__(
        self,
        bundle: str | Path,
        public_key: str | Path | None = None,
        *,
        references: str | None = None,
        end_tokens: Sequence[str] = END_TOKENS,
        name: str = "rewardgate",
    ) -> None:
        """Load the bundle.

        bundle, public_key: as `load_promoted` takes them
        references: the dataset's column that the rules compare with; None: there is none
        end_tokens: taken off the end of completions
        name: under which TRL logs
        Raises what `load_promoted` raises.
        """
        self.bundle = Path(bundle).absolute()
        self.public_key = public_key and Path(public_key).absolute()
        self.references = references
        self.end_tokens = tuple(end_tokens)
        self.__name__ = name
        loaded(self.bundle, self.public_key)

    def __call__(
        self,
        prompts: Sequence[str | Messages],
        completions: Sequence[str | Messages],
        log_metric: Callable[[str, float], None] | None = None,
        log_extra: Callable[[str, list[Any]], None] | None = None,
        **columns: Any,
    ) -> list[float]:
        """Rewards (n,) of this process's n completions, each to the prompt at the same place.

        log_metric, log_extra: TRL's; get each part's mean and its n values as `NAME/PART`
        Raises RewardGateError if messages are not what `texts` takes, the column of references is
        missing, and what `Promoted.rewards` raises.
        """
        texts = [
            prompt_text(prompt, f"TRL: prompt {number}")
            for number, prompt in enumerate(prompts, start=1)
        ]
        responses = [
            response_text(completion, self.end_tokens, f"TRL: completion {number}")
            for number, completion in enumerate(completions, start=1)
        ]
        references = self._references(columns, len(responses))
        with ONE_AT_A_TIME:
            bundle = loaded(self.bundle, self.public_key)
            rows = rewards_of_own(bundle, texts, responses, references)
        for part, values in logged_parts(rows).items():
            if log_metric is not None:
                log_metric(f"{self.__name__}/{part}", fmean(values))
            if log_extra is not None:
                log_extra(f"{self.__name__}/{part}", values)
        return [row["reward"] for row in rows]

    def _references(self, columns: Mapping[str, Any], count: int) -> list[Any]:
        if self.references is None:
            return [None] * count
        if self.references not in columns:
            found = ", ".join(sorted(set(columns) - set(NO_COLUMNS))) or "none but the prompt"
            raise RewardGateError(
                f"TRL: the dataset has no column {self.references!r} for the references; found "
                f"{found}; add it or name another"
            )
        return list(columns[self.references])


def rewards_of_own(
    bundle: Promoted, prompts: list[str], responses: list[str], references: list[Any]
) -> list[dict[str, Any]]:
    """`Promoted.rewards` for n responses of this process's own.

    TRL gives each process of a launch other completions, and `Promoted.rewards` asks all for the
    same: everyone's are scored together, and each process keeps its own.
    """
    before = sum(gather_object([len(responses)])[: processes().process_index])
    rows = bundle.rewards(
        gather_object(prompts), gather_object(responses), gather_object(references)
    )
    return rows[before : before + len(responses)]
