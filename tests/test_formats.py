"""Each accepted form becomes a ranking; a record that breaks its form says why."""

from typing import Any

import pytest

from rewardgate.formats import Ranking, UnknownColumns, Unusable, to_ranking


def user(content: Any) -> dict[str, Any]:
    return {"role": "user", "content": content}


def assistant(content: Any) -> dict[str, Any]:
    return {"role": "assistant", "content": content}


def ranked(ranking: Ranking) -> list[tuple[str, int]]:
    return [(one.text, one.rank) for one in ranking.responses]


def native(*responses: Any, **fields: Any) -> dict[str, Any]:
    return {"prompt": "Why?", "responses": list(responses), **fields}


def test_native() -> None:
    ranking = to_ranking(
        native(
            {"response_id": "a", "text": " So. ", "rank": 2},
            {"response_id": 7, "text": "e\u0301", "rank": 1},
            prompt_id="p1",
            domain="facts",
            source="s",
            annotator=None,
            extra=[1],
        )
    )
    assert ranked(ranking) == [("So.", 2), ("\u00e9", 1)]
    assert [one.response_id for one in ranking.responses] == ["a", "7"]
    assert (ranking.prompt_id, ranking.domain, ranking.source) == ("p1", "facts", "s")
    assert ranking.annotator is None


def test_scores_rank_higher_first_and_skip_after_ties() -> None:
    ranking = to_ranking(
        {"prompt": "Why?", "responses": ["a", {"text": "b"}, "c", "d"], "scores": [1, 2.5, 2.5, -3]}
    )
    assert ranked(ranking) == [("a", 3), ("b", 1), ("c", 1), ("d", 4)]


def test_chosen_rejected_text() -> None:
    ranking = to_ranking({"prompt": "Why?", "chosen": " yes", "rejected": " no"})
    assert ranking.prompt == "Why?"
    assert ranked(ranking) == [("yes", 1), ("no", 2)]


@pytest.mark.parametrize(
    ("dialogue", "prompt"),
    [
        ("\n\nHuman: Hi there", "Hi there"),
        (
            "\n\nHuman: Hi\n\nAssistant: Hello\n\nHuman: And?",
            "Human: Hi\n\nAssistant: Hello\n\nHuman: And?",
        ),
    ],
)
def test_dialogue_text_without_prompt(dialogue: str, prompt: str) -> None:
    ranking = to_ranking(
        {
            "chosen": f"{dialogue}\n\nAssistant: I see a cat.",
            "rejected": f"{dialogue}\n\nAssistant: I see a dog.",
        }
    )
    assert ranking.prompt == prompt
    assert ranked(ranking) == [("I see a cat.", 1), ("I see a dog.", 2)]


@pytest.mark.parametrize("explicit", [True, False])
@pytest.mark.parametrize(
    ("messages", "prompt"),
    [
        ([user("Hi")], "Hi"),
        (
            [{"role": "system", "content": "Be kind."}, user("Hi"), assistant("Yes?"), user("So")],
            "System: Be kind.\n\nHuman: Hi\n\nAssistant: Yes?\n\nHuman: So",
        ),
    ],
)
def test_messages(messages: list[Any], prompt: str, explicit: bool) -> None:
    prefix = [] if explicit else messages
    record = {"chosen": [*prefix, assistant("cat")], "rejected": [*prefix, assistant("car")]}
    ranking = to_ranking(record | ({"prompt": messages} if explicit else {}))
    assert ranking.prompt == prompt
    assert ranked(ranking) == [("cat", 1), ("car", 2)]


GOOD = {"text": "yes", "rank": 1}


@pytest.mark.parametrize(
    ("record", "reason"),
    [
        ({"responses": [GOOD, GOOD]}, "missing key prompt"),
        ({"prompt": None, "responses": [GOOD, GOOD]}, "missing key prompt"),
        (native(), "responses is empty; a ranking needs two or more"),
        (native(GOOD), "one response only; a ranking needs two or more"),
        ({"prompt": "Why?", "responses": "yes"}, "responses is not a list"),
        (native(GOOD, "no"), "response 2: not an object with text and rank"),
        (native(GOOD, {"rank": 2}), "response 2: missing key text"),
        (native(GOOD, {"text": "no"}), "response 2: missing key rank"),
        (native(GOOD, {"text": "no", "rank": 0}), "response 2: rank 0 is not 1 (best), 2, 3, ..."),
        (native(GOOD, {"text": "no", "rank": -1}), "response 2: rank -1 is not 1"),
        (native(GOOD, {"text": "no", "rank": 2**31}), "response 2: rank 2147483648 is not 1"),
        (native(GOOD, {"text": "no", "rank": 1.5}), "response 2: rank 1.5 is not an integer"),
        (native(GOOD, {"text": "no", "rank": "2"}), "response 2: rank '2' is not an integer"),
        (native(GOOD, {"text": "no", "rank": True}), "response 2: rank True is not an integer"),
        (native(GOOD, {"text": float("nan"), "rank": 2}), "response 2: text is not text but NaN"),
        (native(GOOD, {"text": None, "rank": 2}), "response 2: text is not text but None"),
        (native(GOOD, {"text": "\ud800", "rank": 2}), "response 2: text has a lone surrogate"),
        (native(GOOD, {"text": "yes ", "rank": 2}), "response 2: its text also has rank 1"),
        (
            native(*({"response_id": "a", "text": text, "rank": 1} for text in "xy")),
            "response_id 'a' stands for 2 responses",
        ),
        (native(GOOD, {"text": "no", "rank": 2}, prompt_id=" "), "prompt_id is empty"),
        (native(GOOD, {"text": "no", "rank": 2}, domain=1.5), "domain is not text but 1.5"),
        ({"prompt": "Why?", "responses": ["a", "b"], "scores": [1]}, "2 responses but 1 scores"),
        (
            {"prompt": "Why?", "responses": ["a", "b"], "scores": [1, float("nan")]},
            "score 2: nan is not a finite number",
        ),
        ({"prompt": "Why?", "chosen": "a"}, "missing key rejected"),
        ({"prompt": "Why?", "chosen": "a", "rejected": " a"}, "are the same text"),
        ({"prompt": "Why?", "chosen": [user("a")], "rejected": "a"}, "chosen is not text but"),
        ({"chosen": "a", "rejected": "b"}, "no prompt, and chosen and rejected share no text"),
        (
            {
                "chosen": "\n\nHuman: a\n\nAssistant: b\n\nHuman: c\n\nAssistant: d",
                "rejected": "\n\nHuman: a\n\nAssistant: e",
            },
            "differ in more than the last reply",
        ),
        (
            {"chosen": [user("a"), assistant("b")], "rejected": [user("c"), assistant("d")]},
            "share no first message",
        ),
        (
            {
                "chosen": [user("a"), assistant("b"), user("c"), assistant("d")],
                "rejected": [user("a"), assistant("e")],
            },
            "chosen is not one assistant message after the prompt",
        ),
        (
            {"chosen": [user("a"), assistant(["b"])], "rejected": [user("a"), assistant("c")]},
            "chosen message 2: content is not text",
        ),
        ({"chosen": ["a"], "rejected": ["b"]}, "chosen message 1: not an object"),
        ({"chosen": [{"role": "user"}], "rejected": []}, "chosen message 1: missing key content"),
    ],
)
def test_unusable(record: dict[str, Any], reason: str) -> None:
    with pytest.raises(Unusable) as error:
        to_ranking(record)
    assert reason in str(error.value)
    assert not isinstance(error.value, UnknownColumns)


def test_unknown_columns_are_named_with_the_accepted_forms() -> None:
    with pytest.raises(UnknownColumns) as error:
        to_ranking({"question": "Why?", "answer": "So", "chosen": None})
    assert "('answer', 'question')" in str(error.value)
    assert "prompt + responses + scores" in str(error.value)
