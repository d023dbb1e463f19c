"""Requests and answers as the OpenAPI page shows them."""

from typing import Any

from pydantic import BaseModel, ConfigDict, Field, JsonValue, model_validator

PROMPT = "What is the capital of France?"
RESPONSES: list[JsonValue] = ["The capital of France is Paris.", "I would rather not say."]


def require_as_many(references: list[Any] | None, name: str, responses: list[str]) -> None:
    if references is not None and len(references) != len(responses):
        raise ValueError(
            f"{name} has {len(references)} places and there are {len(responses)} responses; they "
            "must have the same length"
        )


class ScoreRequest(BaseModel):
    """n prompts, n responses: each response is scored as the answer to the prompt at its place.

    references: what the rules compare with, one for each response
    """

    model_config = ConfigDict(
        extra="forbid",
        strict=True,
        json_schema_extra={"examples": [{"prompts": [PROMPT, PROMPT], "responses": RESPONSES}]},
    )

    prompts: list[str] = Field(min_length=1)
    responses: list[str] = Field(min_length=1)
    references: list[Any] | None = None

    @model_validator(mode="after")
    def has_as_many_references(self) -> "ScoreRequest":
        require_as_many(self.references, "references", self.responses)
        return self


class ScoreAnswer(BaseModel):
    """All lists have n places, in the order of the request.

    rewards: what PPO receives; scores: of the reward model, raw; normalised: by the calibration
    set; parts: what each reward is made of, by name
    """

    model: str = Field(description="Version of the bundle that scored all of them")
    rewards: list[float]
    scores: list[float]
    normalised: list[float]
    parts: list[dict[str, Any]]


class OpenRLHFRequest(BaseModel):
    """What OpenRLHF's remote reward client sends; what else it may send is ignored.

    query: prompt and response in one text, as the policy saw them
    labels: what the rules compare with, one for each query
    """

    model_config = ConfigDict(
        extra="ignore",
        strict=True,
        json_schema_extra={
            "examples": [
                {
                    "query": [f"{PROMPT}{response}</s>" for response in RESPONSES],
                    "prompts": [PROMPT, PROMPT],
                    "labels": [None, None],
                }
            ]
        },
    )

    query: list[str] = Field(min_length=1)
    prompts: list[str] = Field(min_length=1)
    labels: list[Any] | None = None

    @model_validator(mode="after")
    def has_as_many_labels(self) -> "OpenRLHFRequest":
        require_as_many(self.labels, "labels", self.query)
        return self


class OpenRLHFAnswer(BaseModel):
    """rewards: for the advantages; scores: the same, for dynamic filtering; extra_logs: lists of
    numbers that the trainer logs by name."""

    rewards: list[float]
    scores: list[float]
    extra_logs: dict[str, list[float]]
    model: str


class State(BaseModel):
    status: str
    model: str


class DriftAnswer(BaseModel):
    """The newest scores beside the calibration set's; the figures are null while there are too few,
    or where the bundle keeps no scores to compare with."""

    model: str
    drifted: bool | None
    scores: int | None
    psi: float | None
    ks: float | None
    mean_shift: float | None


class Fault(BaseModel):
    """One line: what is wrong and the mend."""

    detail: str
