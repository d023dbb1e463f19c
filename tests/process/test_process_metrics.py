import numpy as np
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from rewardgate.process.metrics import (
    baselines,
    best_threshold,
    f1,
    figures,
    first_below,
    intervals,
)

SOLUTIONS = st.lists(
    st.lists(
        st.sampled_from([0.0, 0.1, 0.25, 0.4, 0.5, 0.6, 0.75, 0.9, 1.0]), min_size=1, max_size=5
    )
    .map(np.array)
    .flatmap(lambda p: st.tuples(st.just(p), st.one_of(st.none(), st.integers(0, len(p) - 1)))),
    min_size=2,
    max_size=12,
)


def test_figures_by_hand() -> None:
    # of three with an error one is named rightly; of two without, one is left alone
    found = figures([2, 0, None, None, 1], [2, 1, 0, None, None])
    assert found["error_accuracy"] == pytest.approx(1 / 3)
    assert found["correct_accuracy"] == pytest.approx(1 / 2)
    assert found["f1"] == pytest.approx(2 * (1 / 3) * (1 / 2) / (1 / 3 + 1 / 2))
    assert f1(0.0, 0.0) == 0.0


def test_the_first_step_below_is_named() -> None:
    probabilities = np.array([0.9, 0.4, 0.1])
    assert [first_below(probabilities, t) for t in (0.05, 0.2, 0.4, 0.5, 0.95)] == [
        None, 2, 2, 1, 0,
    ]  # fmt: skip


def test_judges_that_read_nothing_have_no_f1() -> None:
    steps, errors = [1, 3, 3, 1], [0, 2, None, None]
    found = baselines(steps, errors)
    assert found["no_error"] == {"error_accuracy": 0.0, "correct_accuracy": 1.0, "f1": 0.0}
    assert found["last_step"] == {"error_accuracy": 1.0, "correct_accuracy": 0.0, "f1": 0.0}
    assert found["first_step"]["error_accuracy"] == 0.5
    assert found["random"] == pytest.approx(
        {
            "error_accuracy": (1 / 2 + 1 / 4) / 2,
            "correct_accuracy": (1 / 4 + 1 / 2) / 2,
            "f1": 3 / 8,
        }
    )


@given(SOLUTIONS)
def test_no_threshold_is_better_than_the_best(
    drawn: list[tuple[np.ndarray, int | None]],
) -> None:
    probabilities, errors = [p for p, _ in drawn], [e for _, e in drawn]
    assume(0 < sum(e is not None for e in errors) < len(errors))

    def f1_at(threshold: float) -> float:
        return figures([first_below(p, threshold) for p in probabilities], errors)["f1"]

    best = best_threshold(probabilities, errors)
    assert 0 <= best <= 1
    assert f1_at(best) == pytest.approx(max(f1_at(t) for t in np.linspace(0.0, 1.0, 201)))


def test_one_kind_of_solution_alone_is_refused() -> None:
    for errors in ([0, 0], [None, None]):
        with pytest.raises(ValueError, match="of 2 solutions have an error"):
            figures([0, None], errors)


def test_intervals_resample_prompts() -> None:
    named, errors = [0, 1, None, 2] * 20, [0, 0, None, None] * 20
    prompts = [f"p{n % 40}" for n in range(80)]
    found = intervals(named, errors, prompts, 500, 0)
    for kind in ("error_accuracy", "correct_accuracy"):
        assert found[kind]["estimate"] == 0.5
        assert found[kind]["low"] < 0.5 < found[kind]["high"]
        assert (found[kind]["prompts"], found[kind]["pairs"]) == (20, 40)
    assert found["f1"]["estimate"] == figures(named, errors)["f1"] == 0.5
    assert (found["f1"]["prompts"], found["f1"]["pairs"]) == (40, 80)
    assert found["f1"]["low"] < 0.5 < found["f1"]["high"]
