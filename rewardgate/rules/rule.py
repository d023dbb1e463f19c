"""One rule of the section `rewards`: which function, its weight, and what a failure means."""

from collections.abc import Callable
from functools import cached_property
from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field

RuleFunction = Callable[[str, str, Any], float]
"""From prompt, response and reference to [0, 1]; 1 is compliance."""


class Rule(BaseModel):
    """A rule and its place in the reward.

    name: of a rule in the registry
    label: its key in results and references; the name unless one rule is used twice
    weight: the rule adds weight * value to the reward
    hard: a response whose value is below `least` gets the reward's floor
    on_error: what the value is where the rule itself fails: 0, or the run stops with an error
    options: the function's keyword arguments
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    name: str
    label: str = Field(default_factory=lambda values: values.get("name", ""))
    weight: Annotated[float, Field(ge=0, allow_inf_nan=False)] = 1.0
    hard: bool = False
    least: Annotated[float, Field(gt=0, le=1)] = 1.0
    on_error: Literal["zero", "error"] = "zero"
    options: dict[str, Any] = {}

    @cached_property
    def function(self) -> RuleFunction:
        """The registered function with its options.

        Raises RewardGateError if the name is unknown or an option does not suit.
        """
        from rewardgate.rules.registry import bind_rule  # its libraries take a while to import

        return bind_rule(self.name, self.options)
