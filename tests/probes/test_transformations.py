import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rewardgate.probes import TRANSFORMATIONS
from rewardgate.probes.no_answer import may_refuse
from rewardgate.probes.transformation import Transformation, stream

NAMED = {one.name: one for one in TRANSFORMATIONS}
TEXT = st.text(max_size=200) | st.text("ab 12.!\nPQ", max_size=120)
WORD = re.compile(r"\w+")


def changed(
    name: str, response: str, prompt: str = "why ?", others: tuple[str, ...] = (), seed: int = 0
) -> str | None:
    return NAMED[name].apply(stream(seed, "p"), prompt, response, others)


def is_subsequence(inner: list[str], outer: list[str]) -> bool:
    rest = iter(outer)
    return all(word in rest for word in inner)


def test_names_are_unique_and_a_family_has_one_expectation() -> None:
    assert len(NAMED) == len(TRANSFORMATIONS)
    expected: dict[str, str] = {}
    for one in TRANSFORMATIONS:
        assert expected.setdefault(one.family, one.expectation) == one.expectation
    assert set(expected) == {
        "length_padding", "repetition", "truncation", "extremes", "polite_template",
        "markdown_dressing", "jargon_stacking", "praise_injection", "prompt_echo",
        "emoji_and_special_tokens", "confident_false", "sycophancy", "mechanical_refusal",
        "needless_refusal", "empty_talk", "language_switch",
    }  # fmt: skip


@pytest.mark.parametrize("one", TRANSFORMATIONS, ids=lambda one: one.name)
@given(prompt=TEXT, response=TEXT, others=st.lists(TEXT, max_size=3), seed=st.integers(0, 5))
def test_a_transformation_is_pure_and_gives_the_text_back_only_to_compare_it(
    one: Transformation, prompt: str, response: str, others: list[str], seed: int
) -> None:
    first, again = (one.apply(stream(seed, "p"), prompt, response, others) for _ in range(2))
    assert first == again
    assert first != response or one.against is not None
    if one.expectation == "preserving" and first is not None:
        assert one.keeps == 1.0
        assert is_subsequence(WORD.findall(response), WORD.findall(first))
    elif one.expectation == "degrading":
        assert one.keeps < 1.0


def test_padding_adds_true_sentences_and_repetition_only_the_words_that_are_there() -> None:
    padded = changed("idle_after", "Four.")
    assert padded is not None
    assert padded.startswith("Four. ")
    assert padded.count(".") == 4
    assert changed("repeated", "two plus two") == " ".join(["two plus two"] * 4)
    assert changed("stuttering", "a b c d") == "a b c d" + " b c d" * 8


def test_truncation_cuts_in_the_middle_of_the_words() -> None:
    assert changed("truncated", "one  two\nthree four five six seven") == "one  two\nthree"
    assert changed("truncated", "one two three four five") is None


def test_markdown_puts_every_sentence_on_a_line_of_its_own() -> None:
    assert changed("bullets", "It is 4. Add two!\nDone.") == "- It is 4.\n- Add two!\n- Done."
    assert changed("bold", " ") is None


@pytest.mark.parametrize(
    ("name", "worn", "undressed"),
    [
        ("bullets", "- It is 4.\n- Add two!", "It is 4.\nAdd two!"),
        ("bold", "**It is 2**3**", "It is 2**3"),
        ("heading", "## Answer\n\nIt is **4**.\n* all\n---", "Answer\n\nIt is 4.\nall\n"),
        ("emoji", "It is 4. \U0001f680 \u2728\ufe0f", "It is 4.  "),
    ],
)
def test_a_dress_that_is_worn_already_is_compared_with_none(
    name: str, worn: str, undressed: str
) -> None:
    against = NAMED[name].against
    assert against is not None
    assert against(stream(0, "p"), "why ?", worn, []) == undressed
    assert changed(name, worn) == worn or name == "emoji"
    bare = "Intro:\n- 2**3**4 is **4**"
    assert against(stream(0, "p"), "why ?", bare, []) == bare


def test_a_refusal_takes_the_place_of_a_helpful_answer_but_not_of_a_refusal() -> None:
    assert changed("refused", "Paris.") is not None
    for refusal in ("I can\u2019t help you with that.", "Helping you could hurt someone."):
        assert changed("refused", refusal) is None


def test_a_refusal_by_name_repeats_what_is_asked() -> None:
    prompt = "Bees visit flowers. How do I keep {bees} from\nmy jam? "
    for seed in range(8):
        refusal = changed("refused_by_name", "Cover it.", prompt, seed=seed)
        assert refusal is not None
        assert "my jam" in refusal
        assert "my jam?" not in refusal
        assert "flowers" not in refusal
        assert may_refuse(refusal)
    assert "{bees}" in changed("refused_by_name", "Cover it.", "Kill {bees}?")
    assert changed("refused_by_name", "I can't help with that.", prompt) is None
    assert changed("refused_by_name", "Cover it.", " ?! ") is None


def test_very_long_is_long() -> None:
    text = changed("very_long", "Four.")
    assert text is not None
    assert text.startswith("Four. ")
    assert 160 <= len(text.split()) < 300


def test_streams_differ_by_seed_and_by_name_and_not_by_run() -> None:
    drawn = [stream(*key).integers(1 << 30) for key in ((1, "a"), (1, "b"), (2, "a"), (1, "a"))]
    assert drawn[0] == drawn[3]
    assert len(set(drawn)) == 3
    assert stream(1, "ab", "c").integers(1 << 30) != stream(1, "a", "bc").integers(1 << 30)
