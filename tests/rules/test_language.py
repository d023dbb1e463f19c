# ruff: noqa: RUF001

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rewardgate.errors import RewardGateError
from rewardgate.rules.language import in_language
from rewardgate.rules.registry import bind_rule

TEXTS = {
    "en": "The river rises in the mountains and flows through three countries before the sea.",
    "de": "Der Fluss entspringt in den Bergen und fließt durch drei Länder, bevor er mündet.",
    "fr": "La rivière prend sa source dans les montagnes et traverse trois pays avant la mer.",
    "es": "El río nace en las montañas y atraviesa tres países antes de llegar hasta el mar.",
    "ru": "Река берёт начало в горах и протекает через три страны, прежде чем впасть в море.",
    "zh": "这条河发源于山区，流经三个国家，最后注入大海。",
    "ja": "この川は山に源を発し、三つの国を流れて海に注いでいます。",
}


@pytest.mark.parametrize("language", TEXTS)
def test_language_of_the_prompt_and_given(language: str) -> None:
    for other, text in TEXTS.items():
        same = float(other == language)
        assert in_language(TEXTS[language], text, None) == same
        assert in_language("", text, None, language=language) == same


def test_short_texts_are_neutral() -> None:
    assert in_language("", "Bonjour à tous", None, language="en") == 1
    assert in_language("Hi", TEXTS["fr"], None) == 1
    assert in_language("", "", None, language="en") == 1


def test_code_formulas_and_addresses_are_no_prose() -> None:
    code = "```python\nfor number in range(10): print(number, 'is a number of the list')\n```"
    german = f"Hier ist es: {code} https://example.org/the/way/of/the/world $with x and y$"
    assert in_language(TEXTS["de"], german, None) == 1
    assert in_language("", f"{TEXTS['de']}\n{code * 20}", None, language="de") == 1


def test_a_short_list_decides_between_close_languages() -> None:
    danish = "Jeg ved ikke hvad klokken er, men jeg tror at toget kører om ti minutter fra byen."
    assert in_language("", danish, None, language="da", among=("da", "en")) == 1
    assert in_language("", danish, None, language="en", among=("da", "en")) == 0


def test_bad_codes() -> None:
    with pytest.raises(RewardGateError, match="'english' is no known ISO 639-1 code"):
        bind_rule("language", {"language": "english"})
    with pytest.raises(RewardGateError, match="option among"):
        bind_rule("language", {"among": ["en"]})
    with pytest.raises(ValueError, match="among does not hold the language fr"):
        in_language("", "", None, language="fr", among=("da", "en"))


@given(st.text(max_size=200), st.text(max_size=200))
def test_is_0_or_1_and_the_same_each_time(prompt: str, response: str) -> None:
    value = in_language(prompt, response, None)
    assert value in (0, 1)
    assert in_language(prompt, response, None) == value
