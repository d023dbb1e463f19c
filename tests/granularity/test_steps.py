import pytest
from hypothesis import given
from hypothesis import strategies as st

from rewardgate.granularity.steps import split_steps, step_ends

FENCE = "```python\na = 1\n\n1. not a step\nStep 2: nor this\n```"
PIECES = st.sampled_from(
    [
        "\n",
        "\n\n",
        " ",
        "\r\n",
        "1. ",
        "2) ",
        "Step 3: ",
        "**Step 4**",
        "a b",
        "```",
        "~~~",
        "é",
        "```py",
    ]
)
WORD = st.text("abc xyz", min_size=1).map(str.strip).filter(bool)


@pytest.mark.parametrize(
    ("text", "steps"),
    [
        ("", [""]),
        (" \n ", [" \n "]),
        ("Just one.", ["Just one."]),
        ("1. Add.\n2. Halve.", ["1. Add.", "\n2. Halve."]),
        ("1) Add.\n   so 3\n\n2) Halve.\n", ["1) Add.\n   so 3", "\n\n2) Halve.\n"]),
        (
            "We add.\n\nStep 1: 1 + 1 = 2\nthat is two\nStep 2: 2 + 1 = 3\n\nThe answer is 3.",
            [
                "We add.",
                "\n\nStep 1: 1 + 1 = 2\nthat is two",
                "\nStep 2: 2 + 1 = 3",
                "\n\nThe answer is 3.",
            ],
        ),
        ("**Step 1:** a\n### step 2\nb", ["**Step 1:** a", "\n### step 2\nb"]),
        ("Step 1: a\n1. b\n2. c\nStep 2: d", ["Step 1: a\n1. b\n2. c", "\nStep 2: d"]),
        ("one\ntwo\n\n \nthree", ["one\ntwo", "\n\n \nthree"]),
        ("one\r\n\r\ntwo", ["one", "\r\n\r\ntwo"]),
        ("\n\none\ntwo  \n", ["\n\none", "\ntwo  \n"]),
        ("1. alone\nand more", ["1. alone", "\nand more"]),
        ("3.5 apples\n4.5 pears\n\nend", ["3.5 apples\n4.5 pears", "\n\nend"]),
        (f"Code:\n{FENCE}\nDone.", ["Code:", f"\n{FENCE}", "\nDone."]),
        (f"1. Code:\n{FENCE}\n2. Done.", [f"1. Code:\n{FENCE}", "\n2. Done."]),
        ("a\n~~~\nb\n\nc\n```\n", ["a", "\n~~~\nb\n\nc\n```\n"]),
        ("a\n``` not ` a fence\nb", ["a", "\n``` not ` a fence", "\nb"]),
    ],
)
def test_steps_by_hand(text: str, steps: list[str]) -> None:
    assert split_steps(text) == steps


@given(st.one_of(st.text(), st.lists(PIECES).map("".join)))
def test_steps_joined_are_the_response_and_none_is_blank(text: str) -> None:
    steps = split_steps(text)
    assert "".join(steps) == text
    assert step_ends(text) == [len("".join(steps[: k + 1])) for k in range(len(steps))]
    if text.strip():
        assert all(step.strip() for step in steps)
        assert all(step == step.rstrip() for step in steps[:-1])
    else:
        assert len(steps) == 1


@given(st.lists(WORD, min_size=2, max_size=20), st.sampled_from(["{}. ", "{}) ", "Step {}: "]))
def test_as_many_steps_as_markers(words: list[str], marker: str) -> None:
    text = "\n".join(marker.format(number + 1) + word for number, word in enumerate(words))
    assert [step.strip() for step in split_steps(text)] == [
        marker.format(number + 1) + word for number, word in enumerate(words)
    ]


@given(st.lists(WORD, min_size=1, max_size=6), st.lists(PIECES).map("".join), st.data())
def test_a_fence_is_never_cut(words: list[str], inside: str, data: st.DataObject) -> None:
    mark = "~" * (3 + inside.count("~"))
    fence = f"{mark}\n{inside}\n{mark}"
    at = data.draw(st.integers(0, len(words)))
    text = "\n\n".join([*words[:at], fence, *words[at:]])
    assert any(fence in step for step in split_steps(text))
