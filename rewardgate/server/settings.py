"""What the server takes, how long it waits, and where it listens."""

from typing import Annotated, Any

from pydantic import Field, SecretStr, ValidationError, field_validator

from rewardgate.drift import KS_LIMIT, PSI_LIMIT
from rewardgate.end_tokens import END_TOKENS
from rewardgate.errors import RewardGateError
from rewardgate.settings import Count, Positive, Section


class ServerSettings(Section):
    """Limits of a request and of the queue.

    token: with it, scoring and metrics need the header `Authorization: Bearer <token>`
    batch_tokens: one batch takes waiting requests up to this; None: 4 forward passes' worth
    wait_seconds: an idle model waits this long for more requests to come
    queue_tokens: requests are refused (429) while more than this would wait; one always may
    max_texts, max_characters: responses in a request, characters in a text
    receive_seconds: a client may take this long to send the head of a request, and again its body
    max_connections: at once; more get 503
    poll_seconds: how often `current` is looked at
    drift_window, drift_least: the newest scores that are compared with the calibration set's, and
        how many it takes
    drift_psi, drift_ks: beyond either, the log warns; see rewardgate/drift.py
    prompt_template: what OpenRLHF's policy wraps a prompt in, with {} for the prompt
    end_tokens: taken off the end of OpenRLHF's queries

    Tokens of waiting texts are estimated, see `batching.tokens_about`.
    """

    host: str = "127.0.0.1"
    port: Annotated[int, Field(ge=0, le=65535)] = 5000
    token: SecretStr | None = None
    batch_tokens: Count | None = None
    wait_seconds: Annotated[float, Field(ge=0)] = 0.002
    queue_tokens: Count = 1_000_000
    max_texts: Count = 4096
    max_characters: Count = 1_000_000
    max_body_bytes: Count = 16 * 2**20
    receive_seconds: Positive = 10.0
    max_connections: Count = 512
    poll_seconds: Positive = 1.0
    drift_window: Count = 2000
    drift_least: Count = 200
    drift_psi: Positive = PSI_LIMIT
    drift_ks: Positive = KS_LIMIT
    prompt_template: str = "{}"
    end_tokens: tuple[str, ...] = END_TOKENS

    @field_validator("prompt_template")
    @classmethod
    def template_holds_one_prompt(cls, value: str) -> str:
        if value.count("{}") != 1:
            raise ValueError("must hold {} once, where the prompt stands")
        return value

    @field_validator("token")
    @classmethod
    def token_can_be_sent(cls, value: SecretStr | None) -> SecretStr | None:
        text = value.get_secret_value() if value is not None else "none"
        if not (text and text.isascii() and text.isprintable() and text.strip() == text):
            raise ValueError("must be ASCII without spaces around it, and not empty")
        return value


def server_settings(**values: Any) -> ServerSettings:
    """The settings with these values. Raises RewardGateError naming the first that is wrong."""
    try:
        return ServerSettings.model_validate(values)
    except ValidationError as error:
        first = error.errors()[0]
        name = "-".join(str(part) for part in first["loc"]).replace("_", "-")
        raise RewardGateError(
            f"serve: {name}: {first['msg'].removeprefix('Value error, ')}"
        ) from None
