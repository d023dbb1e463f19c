import pandas as pd

from rewardgate.report.adversary_plot import over_optimisation, probe_effects

CURVE = pd.DataFrame(
    {
        "n": [1, 2, 64],
        "kl": [0.0, 0.19, 3.17],
        **{
            f"{of}_gain{end}": [0.0, 1.0 + shift, 3.0 + shift]
            for of in ("proxy", "gold")
            for end, shift in (("", 0.0), ("_low", -0.5), ("_high", 0.5))
        },
    }
)


def figure(estimate: float, low: float | None) -> dict:
    return {"estimate": estimate, "low": low, "high": None if low is None else -low}


def test_the_curve_states_where_it_ends() -> None:
    svg = over_optimisation(CURVE, 3.0)
    assert "up to best of 64: there the reward has gained 3.00 BT logits" in svg
    assert "the worth +3.000" in svg
    assert svg == over_optimisation(CURVE, 3.0)
    assert "95 % interval" in svg


def test_a_curve_of_one_prompt_has_no_band() -> None:
    bare = CURVE.assign(**{name: None for name in CURVE if name.endswith(("_low", "_high"))})
    assert "95 % interval" not in over_optimisation(bare, 3.0)


def test_probe_effects_are_listed_by_family() -> None:
    probes = {
        "preserving": {"length_padding": {"shift_bt_logits": figure(0.25, -1.0)}},
        "degrading": {"truncation": {"shift_bt_logits": figure(-1.5, None)}},
    }
    assert "by probe: length padding +0.25; truncation -1.50." in probe_effects(probes)
