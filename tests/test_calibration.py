import numpy as np
import pytest
from sklearn.linear_model import LogisticRegression
from tables import responses_table

from rewardgate.calibration import calibrate, fit_temperature, normalise, stability
from rewardgate.metrics import Scored, summary
from rewardgate.settings import Calibrate

SETTINGS = Calibrate(bootstrap_halves=50)


def scored(scale: float = 1.0, prompts: int = 80) -> Scored:
    random = np.random.default_rng(0)
    rankings = [
        (f"prompt {i}", [(f"text {i} {j}", j + 1) for j in range(4)]) for i in range(prompts)
    ]
    table = responses_table(rankings)
    return Scored.of(table.assign(score=scale * (random.normal(size=len(table)) - table["rank"])))


def test_temperature_agrees_with_logistic_regression() -> None:
    random = np.random.default_rng(1)
    margins = random.normal(1.0, 3.0, size=400)
    signs = np.where(random.random(400) < 0.5, 1, -1)
    regression = LogisticRegression(C=1e12, fit_intercept=False, tol=1e-10)
    regression.fit((margins * signs)[:, None], signs)
    assert fit_temperature(margins) == pytest.approx(1 / regression.coef_[0, 0], rel=1e-3)


@pytest.mark.parametrize("scale", [100.0, 0.001])
def test_scaling_all_scores_leaves_the_judged_margin(scale: float) -> None:
    def judged(s: Scored) -> dict[str, float]:
        figures = calibrate(s, SETTINGS, seed=0)
        return summary(s, figures["temperature"], figures["std"], bins=10)

    plain, scaled = judged(scored()), judged(scored(scale))
    assert scaled["margin"]["mean_bt_logits"] == pytest.approx(
        plain["margin"]["mean_bt_logits"], rel=1e-3
    )
    assert scaled["margin"]["mean_raw"] == pytest.approx(scale * plain["margin"]["mean_raw"])
    assert scaled["expected_calibration_error"] == pytest.approx(
        plain["expected_calibration_error"], abs=1e-2
    )


def test_mean_and_std_are_those_of_the_set_and_normalise_it() -> None:
    s = scored()
    scores = s.responses["score"].to_numpy()
    figures = calibrate(s, SETTINGS, seed=0)
    assert figures["mean"] == pytest.approx(scores.mean())
    assert figures["std"] == pytest.approx(scores.std())
    normalised = normalise(scores, figures["mean"], figures["std"])
    assert (normalised.mean(), normalised.std()) == pytest.approx((0, 1), abs=1e-6)


def test_halves_of_a_uniform_set_agree_and_of_a_mixed_one_do_not() -> None:
    s = scored()
    calm = stability(s.responses, SETTINGS, seed=0)
    assert calm["mean_shift_p95"] < 0.25
    assert calm["std_ratio_p95"] < 1.25
    outlier = s.responses.copy()
    outlier.loc[outlier["prompt_id"] == "p0", "score"] += 300
    assert stability(outlier, SETTINGS, seed=0)["std_ratio_p95"] > 1.25


def test_a_constant_model_is_judged_not_divided_by_zero() -> None:
    s = scored(scale=0.0)
    figures = calibrate(s, SETTINGS, seed=0)
    margin = summary(s, figures["temperature"], figures["std"], bins=10)["margin"]
    assert margin["mean_bt_logits"] == 0
    assert np.isfinite(list(figures["stability"].values())).all()
