"""The forms in which people keep preferences, recognised by their columns.

Each becomes a `Ranking`: one prompt and its ranked responses. See `ACCEPTED` for the forms.

Dialogues become text turn by turn, `Human: ...\\n\\nAssistant: ...\\n\\nHuman: ...` (other roles
under their own name); a prompt of one user message is that message's content.
"""

import hashlib
import math
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, replace
from itertools import pairwise
from typing import Any

from rewardgate.normalise import stored_form

ACCEPTED = (
    "prompt + responses [{text, rank}]",
    "prompt + responses + scores",
    "[prompt +] chosen + rejected, as text or as messages",
)

HUMAN, ASSISTANT = "\n\nHuman:", "\n\nAssistant:"
ROLES = {"user": "Human", "assistant": "Assistant", "system": "System"}


class Unusable(Exception):
    """A record that is no ranking; the message says why."""


class UnknownColumns(Unusable):
    """A record whose columns are none of the accepted forms."""


@dataclass(frozen=True)
class Response:
    """`strength` is how good the annotator said it is, on a scale of their own: higher is better,
    and only differences within a ranking have a meaning."""

    response_id: str | None
    text: str
    rank: int
    strength: float | None = None


@dataclass(frozen=True)
class Ranking:
    """One annotator's ordering of the responses to one prompt; absent fields are None."""

    form: str
    prompt: str
    responses: tuple[Response, ...]
    prompt_id: str | None = None
    domain: str | None = None
    source: str | None = None
    annotator: str | None = None


def to_ranking(record: dict[str, Any]) -> Ranking:
    """Recognise the form of a record by its columns and convert it.

    Texts and ids come out in their stored form (see `rewardgate.normalise`). Columns that no
    form knows are ignored; null counts as absent.

    Raises UnknownColumns if no form fits, Unusable if one fits and the record breaks its rules.
    """
    record = {key: value for key, value in record.items() if value is not None}
    if "responses" in record:
        form, prompt, responses = _listed(record)
    elif "chosen" in record or "rejected" in record:
        form, prompt, responses = _paired(record)
    else:
        seen = ", ".join(map(repr, sorted(record))) or "none"
        raise UnknownColumns(f"unknown columns ({seen}); accepted: {'; '.join(ACCEPTED)}")
    ranking = Ranking(
        form=form,
        prompt=stored_form(prompt),
        responses=tuple(replace(one, text=stored_form(one.text)) for one in responses),
        prompt_id=_label(record, "prompt_id"),
        domain=_label(record, "domain"),
        source=_label(record, "source"),
        annotator=_label(record, "annotator"),
    )
    _check(ranking)
    return ranking


def derived_id(prefix: str, text: str) -> str:
    """`prefix` and the first 16 hex digits of the text's SHA-256."""
    return f"{prefix}-{hashlib.sha256(text.encode()).hexdigest()[:16]}"


def _check(ranking: Ranking) -> None:
    responses = ranking.responses
    if len(responses) < 2:
        raise Unusable("one response only; a ranking needs two or more")
    ids = Counter(one.response_id for one in responses if one.response_id is not None)
    for response_id, count in ids.items():
        if count > 1:
            raise Unusable(f"response_id {response_id!r} stands for {count} responses")
    first: dict[str, Response] = {}
    for number, one in enumerate(responses, start=1):
        if first.setdefault(one.text, one).rank != one.rank:
            raise Unusable(f"response {number}: its text also has rank {first[one.text].rank}")
    best_first = sorted(
        (one.rank, -one.strength, number)
        for number, one in enumerate(responses, start=1)
        if one.strength is not None
    )
    for (_, better, number), (_, worse, other) in pairwise(best_first):
        if better > worse:
            raise Unusable(
                f"response {number}: ranks above response {other}, yet its strength {-better} is "
                f"below {-worse}; rank 1 is best, and a higher strength is better"
            )


def _listed(record: dict[str, Any]) -> tuple[str, str, list[Response]]:
    prompt = prompt_as_text(_required(record, "prompt"))
    items = record["responses"]
    if not isinstance(items, list):
        raise Unusable("responses is not a list")
    if not items:
        raise Unusable("responses is empty; a ranking needs two or more")
    if "scores" in record:
        strengths: Sequence[float | None] = _scores(record["scores"], len(items))
        ranks = _ranks(record["scores"])
        answers = [
            _answer(item if isinstance(item, dict) else {"text": item}, number)
            for number, item in enumerate(items, start=1)
        ]
    else:
        for number, item in enumerate(items, start=1):
            if not isinstance(item, dict):
                raise Unusable(f"response {number}: not an object with text and rank")
        answers = [_answer(item, number) for number, item in enumerate(items, start=1)]
        ranks = [_rank(item, number) for number, item in enumerate(items, start=1)]
        strengths = [_strength(item, number) for number, item in enumerate(items, start=1)]
    form = "scores" if "scores" in record else "rankings"
    return form, prompt, [
        Response(response_id, text, rank, strength)
        for (response_id, text), rank, strength in zip(answers, ranks, strengths, strict=True)
    ]  # fmt: skip


def _answer(item: dict[str, Any], number: int) -> tuple[str | None, str]:
    place = f"response {number}: "
    if "text" not in item:
        raise Unusable(f"{place}missing key text")
    return _label(item, "response_id", place), _text(item["text"], f"{place}text")


def _rank(item: dict[str, Any], number: int) -> int:
    if "rank" not in item:
        raise Unusable(f"response {number}: missing key rank")
    rank = item["rank"]
    if isinstance(rank, bool) or not isinstance(rank, int):
        raise Unusable(f"response {number}: rank {rank!r} is not an integer")
    if not 1 <= rank < 2**31:
        raise Unusable(f"response {number}: rank {rank} is not 1 (best), 2, 3, ...")
    return rank


def _strength(item: dict[str, Any], number: int) -> float | None:
    strength = item.get("strength")
    return None if strength is None else _finite(strength, f"response {number}: strength")


def _scores(scores: Any, responses: int) -> list[float]:
    if not isinstance(scores, list) or len(scores) != responses:
        count = len(scores) if isinstance(scores, list) else "no list of"
        raise Unusable(f"{responses} responses but {count} scores")
    return [_finite(score, f"score {number}:") for number, score in enumerate(scores, start=1)]


def _ranks(scores: Sequence[float]) -> list[int]:
    """Ranks of scores where higher is better: 1 plus the number of higher scores."""
    return [1 + sum(other > score for other in scores) for score in scores]


def _paired(record: dict[str, Any]) -> tuple[str, str, list[Response]]:
    chosen, rejected = _required(record, "chosen"), _required(record, "rejected")
    if isinstance(chosen, list) and isinstance(rejected, list):
        form = "chosen/rejected messages"
        prompt, better, worse = _paired_messages(record.get("prompt"), chosen, rejected)
    else:
        form = "chosen/rejected text"
        better, worse = _text(chosen, "chosen"), _text(rejected, "rejected")
        if "prompt" in record:
            prompt = prompt_as_text(record["prompt"])
        else:
            prompt, better, worse = _paired_dialogues(better, worse)
    if stored_form(better) == stored_form(worse):
        raise Unusable("chosen and rejected are the same text")
    strengths = _margin(record)
    return form, prompt, [
        Response(None, text, rank, strength)
        for rank, (text, strength) in enumerate(zip((better, worse), strengths, strict=True), 1)
    ]  # fmt: skip


def _margin(record: dict[str, Any]) -> tuple[float, float] | tuple[None, None]:
    """Strengths of chosen and rejected from TRL's optional column `margin`, their difference."""
    if "margin" not in record:
        return None, None
    margin = _finite(record["margin"], "margin")
    if margin < 0:
        raise Unusable(f"margin {margin} is below 0; exchange chosen and rejected, or mend it")
    return margin, 0.0


def _paired_messages(prompt: Any, chosen: list[Any], rejected: list[Any]) -> tuple[str, str, str]:
    """TRL's conversational form; without a prompt it is what both dialogues begin with.

    https://huggingface.co/docs/trl/dataset_formats
    """
    better, worse = _turns(chosen, "chosen"), _turns(rejected, "rejected")
    if prompt is None:
        shared = _shared(better, worse)
        text = _flatten(better[:shared])
        better, worse = better[shared:], worse[shared:]
    else:
        text = prompt_as_text(prompt)
    if not text:
        raise Unusable("chosen and rejected share no first message, and there is no prompt")
    if better == worse:
        raise Unusable("chosen and rejected are the same text")
    for name, turns in (("chosen", better), ("rejected", worse)):
        if [role for role, _ in turns] != ["assistant"]:
            raise Unusable(f"{name} is not one assistant message after the prompt")
    return text, better[0][1], worse[0][1]


def _paired_dialogues(chosen: str, rejected: str) -> tuple[str, str, str]:
    """HH-RLHF's form: two dialogues as text that differ in the last reply."""
    cut = chosen.rfind(ASSISTANT, 0, _shared(chosen, rejected))
    if cut < 0:
        raise Unusable("no prompt, and chosen and rejected share no text before an Assistant turn")
    start = cut + len(ASSISTANT)
    better, worse = chosen[start:], rejected[start:]
    if HUMAN in better or HUMAN in worse:
        raise Unusable("chosen and rejected differ in more than the last reply")
    prompt = chosen[:cut].strip()
    one_turn = prompt.startswith("Human:") and HUMAN not in prompt and ASSISTANT not in prompt
    return prompt.removeprefix("Human:") if one_turn else prompt, better, worse


def _shared(left: Sequence[Any], right: Sequence[Any]) -> int:
    """Length of the common prefix."""
    pairs = enumerate(zip(left, right, strict=False))
    return next((at for at, (a, b) in pairs if a != b), min(len(left), len(right)))


def prompt_as_text(prompt: Any) -> str:
    """A prompt that is text or messages as one text. Raises Unusable if it is neither."""
    if isinstance(prompt, list):
        return _flatten(_turns(prompt, "prompt"))
    return _text(prompt, "prompt")


def _turns(messages: list[Any], name: str) -> list[tuple[str, str]]:
    turns = []
    for number, message in enumerate(messages, start=1):
        place = f"{name} message {number}: "
        if not isinstance(message, dict):
            raise Unusable(f"{place}not an object with role and content")
        for key in ("role", "content"):
            if key not in message:
                raise Unusable(f"{place}missing key {key}")
        role = _text(message["role"], f"{place}role")
        turns.append((role, _text(message["content"], f"{place}content")))
    return turns


def _flatten(turns: list[tuple[str, str]]) -> str:
    if [role for role, _ in turns] == ["user"]:
        return turns[0][1]
    return "\n\n".join(f"{ROLES.get(role, role)}: {content.strip()}" for role, content in turns)


def _required(record: dict[str, Any], key: str) -> Any:
    if key not in record:
        raise Unusable(f"missing key {key}")
    return record[key]


def _label(record: dict[str, Any], key: str, place: str = "") -> str | None:
    """An optional id or name, None where absent; whole numbers are taken as text."""
    value = record.get(key)
    if isinstance(value, int) and not isinstance(value, bool):
        value = str(value)
    label = None if value is None else stored_form(_text(value, f"{place}{key}"))
    if label == "":
        raise Unusable(f"{place}{key} is empty; give it a value or leave it out")
    return label


def _finite(value: Any, name: str) -> float:
    try:
        if not isinstance(value, bool) and isinstance(value, int | float) and math.isfinite(value):
            return float(value)
    except OverflowError:  # an integer that no float holds
        raise Unusable(f"{name} is too large a number") from None
    raise Unusable(f"{name} {value!r} is not a finite number")


def _text(value: Any, name: str) -> str:
    if not isinstance(value, str):
        kind = "NaN" if isinstance(value, float) and math.isnan(value) else repr(value)
        raise Unusable(f"{name} is not text but {kind if len(kind) < 40 else kind[:37] + '...'}")
    try:
        value.encode()
    except UnicodeEncodeError as error:
        raise Unusable(f"{name} has a lone surrogate (character {error.start + 1})") from None
    return value
