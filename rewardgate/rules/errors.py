"""Errors of rules that are not the response's doing."""

from rewardgate.errors import RewardGateError


class RuleUnavailableError(RewardGateError):
    """What a rule needs does not exist on this machine; no policy turns this into a reward."""


class MissingReferenceError(ValueError):
    """The rule compares with a reference, and the prompt has none."""
