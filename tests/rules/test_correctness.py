import threading
from contextlib import suppress

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rewardgate.rules import maths
from rewardgate.rules.correctness import choice, exact, reference_regex
from rewardgate.rules.errors import MissingReferenceError

TAG = r"<answer>(.*?)</answer>"


def test_exact() -> None:
    assert exact("", " The  Hague. ", "the hague") == 1
    assert exact("", "The Hague, I think", "the hague") == 0
    assert exact("", "so <answer>Paris</answer> or <answer>Rome</answer>", "Rome", answer=TAG) == 1
    assert exact("", "so <answer>Paris</answer> or <answer>Rome</answer>", "Paris", answer=TAG) == 0
    assert exact("", "Rome", "Rome", answer=TAG) == 0
    assert exact("", "42", 42) == 1
    assert exact("", "-5", "5") == 0
    assert exact("", "\N{FULLWIDTH DIGIT FOUR}", "4") == 1


@given(st.text(min_size=1))
def test_a_text_is_exactly_itself(text: str) -> None:
    assert exact("", text, text) == 1
    assert exact("", f" {text.strip()}\n", text) == 1


def test_reference_regex() -> None:
    assert reference_regex("", " 1815\n", r"18\d\d") == 1
    assert reference_regex("", "in 1815", r"18\d\d") == 0
    assert reference_regex("", "<answer>1815</answer>", r"18\d\d", answer=TAG) == 1


@pytest.mark.parametrize(
    ("response", "letter"),
    [
        ("B", "B"),
        ("(B)", "B"),
        ("**B.**", "B"),
        ("B) since it is heavier", "B"),
        ("The answer is B", "B"),
        ("The answer is (B).", "B"),
        ("A is wrong. Final answer: **B**", "B"),
        ("Answer: A. No, the answer is B.", "B"),
        (r"so \boxed{B}", "B"),
        (r"so \boxed{\text{B}}", "B"),
        ("<answer>B</answer>", "B"),
    ],
)
def test_choice(response: str, letter: str) -> None:
    assert [one for one in "ABCD" if choice("", response, one) == 1] == [letter]


@pytest.mark.parametrize(
    "response", ["A dog is heavier", "The answer is a dog", "The answer is Dog", "", "A, B, C or D"]
)
def test_no_choice_declared(response: str) -> None:
    assert [choice("", response, one) for one in "ABCD"] == [0] * 4


def test_choice_of_other_letters() -> None:
    assert choice("", "The answer is E", "e", letters="ABCDE") == 1
    with pytest.raises(ValueError, match="'E' is no letter of ABCD"):
        choice("", "The answer is E", "E")


def test_references_are_required() -> None:
    for rule in (exact, reference_regex, choice, maths.equal):
        for missing in (None, ""):
            with pytest.raises(MissingReferenceError):
                rule("", "B", missing)
        with pytest.raises(ValueError, match="must be text"):
            rule("", "B", ["B"])


@pytest.mark.parametrize(
    ("reference", "response", "expected"),
    [
        ("1/2", "The answer is 0.5", 1),
        (r"\frac{1}{2}", r"so \boxed{\frac{2}{4}}", 1),
        ("x^2 - 1", "$(x-1)(x+1)$", 1),
        (r"2\sqrt{2}", r"$\sqrt{8}$", 1),
        ("x^2 - 1", "<answer>(x - 1)(x + 1)</answer>", 1),
        ("1", "<answer>x^2 - 1</answer>", 0),
        ("5", "<answer>The answer is 5 apples</answer>", 1),
        ("1,000", "It is 1000.", 1),
        ("42", "I think 41", 0),
        ("42", "no numbers at all", 0),
        ("42", r"\boxed{41} or \boxed{42}", 0),
        ("42", "<answer>41</answer> 42", 0),
        ("42", "41 <answer>42</answer> 43", 1),
        (42, "It is 42.", 1),
    ],
)
def test_maths(reference: object, response: str, expected: float) -> None:
    assert maths.equal("", response, reference) == expected


def test_maths_answer_by_a_pattern() -> None:
    assert maths.equal("", "Result: 7; not 8", "7", answer=r"Result: ([^;]*)") == 1
    assert maths.equal("", "7", "7", answer=r"Result: ([^;]*)") == 0


def test_maths_outside_the_main_thread() -> None:
    found: list[float] = []
    threads = [
        threading.Thread(target=lambda n=n: found.append(maths.equal("", f"{n}/2", str(n / 2))))
        for n in range(4)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert found == [1.0] * 4


def test_monstrous_maths_ends_and_the_next_answer_counts() -> None:
    with suppress(TimeoutError):  # math-verify may see it coming
        assert maths.equal("", "$10^{10^{10}} + 1$", "3", seconds=1) == 0
    assert maths.equal("", "$3$", "3") == 1


def test_a_worker_that_is_killed_is_replaced() -> None:
    assert maths.equal("", "$3$", "3") == 1
    process = maths._worker._process
    assert process is not None
    process.kill()
    process.wait()
    assert maths.equal("", "$3$", "3") == 1


def test_maths_with_a_bad_reference() -> None:
    with pytest.raises(ValueError, match="is no mathematics"):
        maths.equal("", "3", "???")
