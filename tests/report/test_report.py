"""The report says what was measured, in one file that loads nothing and runs its own script."""

import base64
import hashlib
import json
import re
from collections import Counter
from html.parser import HTMLParser
from pathlib import Path

import pytest

from rewardgate.errors import RewardGateError
from rewardgate.files import read_json, read_table, write_json, write_table
from rewardgate.report import render_report
from rewardgate.room import spare

from .examples import SCRIPT, Example

VOID = {"meta", "link", "wbr", "br", "input"}


class Page(HTMLParser):
    """Open elements, ids, link targets and the text outside `style` and `script`."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.open: list[str] = []
        self.ids: Counter[str] = Counter()
        self.targets: set[str] = set()
        self.elements: Counter[str] = Counter()
        self.text = ""
        self.feed(html)
        self.close()

    def handle_starttag(self, tag: str, attributes: list[tuple[str, str | None]]) -> None:
        self.handle_startendtag(tag, attributes)
        if tag not in VOID:
            self.open.append(tag)

    def handle_startendtag(self, tag: str, attributes: list[tuple[str, str | None]]) -> None:
        self.elements[tag] += 1
        for name, value in attributes:
            if name == "id":
                self.ids[str(value)] += 1
            elif name in ("href", "xlink:href", "aria-labelledby"):
                self.targets.add(str(value).removeprefix("#"))

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        if not {"style", "script"} & set(self.open):
            self.text += data


def words(html: str) -> str:
    return " ".join(Page(html).text.split())


def copy_of(example: Example, folder: Path) -> Example:
    for file in example.reports.iterdir():
        (folder / file.name).write_bytes(file.read_bytes())
    return example._replace(reports=folder)


def test_both_verdicts_stand_on_top_in_words(
    pages: dict[str, str], promoted: Example, blocked: Example
) -> None:
    assert (promoted.verdict["verdict"], blocked.verdict["verdict"]) == ("promoted", "blocked")
    items = len(promoted.verdict["items"])
    top = words(pages["promoted"])[:1200]
    assert "PROMOTED It agrees with the annotators in" in top
    assert f"All {items} items of the checklist hold" in top
    assert "BLOCKED" not in top
    top = words(pages["blocked"])[:1600]
    test = read_json(blocked.reports / "evaluation.json")["test"]["figures"]
    accuracy, low, high = (test["accuracy"][key] for key in ("estimate", "low", "high"))
    failed = sum(not item["passed"] for item in blocked.verdict["items"])
    assert "BLOCKED It agrees with the annotators in" in top
    assert f"{failed} of {items} items fail" in top
    assert (
        f"Pairwise accuracy on held-out prompts: accuracy is {accuracy:.3f} ({low:.3f} to "
        f"{high:.3f}), its lower bound {low:.3f} must be above 0.650" in top
    )


def test_every_check_is_shown_with_its_evidence(
    pages: dict[str, str], promoted: Example, blocked: Example
) -> None:
    for name, example in (("promoted", promoted), ("blocked", blocked)):
        checks = [check for item in example.verdict["items"] for check in item["checks"]]
        shown = words(pages[name])
        assert len(checks) > 15
        assert all(check["evidence"] in shown for check in checks)
        rows = re.findall(r'<tr class="check( failed)?( folded)?">', pages[name])
        assert len(rows) == len(checks)
        assert rows.count((" failed", "")) == sum(check["blocks"] for check in checks)
        folded = rows.count(("", " folded"))
        assert folded == len(spare(checks)) > 0
        told = re.findall(r"(\d+) more rows, which pass with more room", pages[name])
        assert sum(map(int, told)) == folded


def test_intervals_bounds_and_warnings_are_shown(pages: dict[str, str], blocked: Example) -> None:
    test = read_json(blocked.reports / "evaluation.json")["test"]["figures"]
    low, high = test["accuracy"]["low"], test["accuracy"]["high"]
    shown = words(pages["blocked"])
    assert f"{low:.3f} to {high:.3f}> 0.650lower {low:.3f}" in shown
    (warning,) = blocked.verdict["warnings"]
    assert f"WARNING {warning}" in shown
    assert "Against the champion 0123456789ab" in shown
    assert "Against the champion" not in words(pages["promoted"])
    assert "there is no champion to compare with" in words(pages["promoted"])


def test_complete_inputs_leave_no_figure_unmeasured(pages: dict[str, str]) -> None:
    for html in pages.values():
        assert "not measured" not in html
        assert not re.search(r"\b(nan|NaN|inf|None|Undefined)\b", words(html))


def test_the_page_is_sound_html_and_its_ids_are_unique(pages: dict[str, str]) -> None:
    for html in pages.values():
        page = Page(html)
        assert page.open == []
        assert page.elements["svg"] == 10
        assert set(page.ids.values()) == {1}
        assert page.targets - {"data:,", "../logs/costs.html"} <= set(page.ids)


def test_nothing_is_loaded_and_only_the_script_that_the_policy_names_runs(
    pages: dict[str, str],
) -> None:
    for html in pages.values():
        without_namespaces = re.sub(r' xmlns(:xlink)?="[^"]*"', "", html)
        assert "http:" not in without_namespaces
        assert "https:" not in without_namespaces
        assert "@import" not in html
        assert set(re.findall(r"url\((.)", html)) == {"#"}
        assert not re.search(r"<[^>]* (src|on\w+)=", html)
        (script,) = re.findall(r"<script>(.*?)</script>", html, re.DOTALL)
        digest = base64.b64encode(hashlib.sha256(script.encode()).digest()).decode()
        (policy,) = re.findall(r'Content-Security-Policy" content="([^"]*)"', html)
        assert f"script-src 'sha256-{digest}'" in policy
        assert policy.startswith("default-src 'none'; ")


def test_a_page_of_long_texts_stays_light(blocked: Example, tmp_path: Path) -> None:
    heavy = copy_of(blocked, tmp_path)
    scores = read_table(tmp_path / "scores.parquet")
    write_table(tmp_path / "scores.parquet", scores.assign(text=scores["text"] + " ü<" * 3_000))
    html = render_report(*heavy)
    assert len(html.encode()) < 1_500_000
    assert "more characters]" in html


def test_probes_adversary_and_annotators_are_shown(pages: dict[str, str], blocked: Example) -> None:
    page, shown = Page(pages["blocked"]), words(pages["blocked"])
    assert {"probes", "adversary", "annotators", "browser"} <= page.targets & set(page.ids)
    padding = read_json(blocked.reports / "probes.json")["preserving"]["length_padding"]
    assert f"length padding20{padding['shift']['estimate']:+,.2f}" in shown
    attacked = read_json(blocked.reports / "adversary.json")
    best = attacked["best_of_n"]
    assert f"(best of {best['n']}) the reward has gained" in shown
    assert f"the true worth {best['gold_gain_at_kl']['estimate']:+.3f} of 1" in shown
    hacked = sum(one["hacked"] for one in attacked["winners"])
    assert shown.count("hack: reward") - shown.count("no hack: reward") == hacked > 0
    (named,) = read_json(blocked.reports / "audit.json")["anomalous"]
    assert f"ANOMALOUS {named['annotator']} {'; '.join(named['reasons'])}." in shown
    assert "<b>cy</b>" not in pages["blocked"]


def test_untrusted_text_is_escaped_and_its_control_characters_are_seen(blocked: Example) -> None:
    texts = json.dumps(read_json(blocked.reports / "samples.json"))
    assert "<script>" in texts, "the example must show a hostile sample"
    html = render_report(*blocked)
    assert html.count("<script") == 1
    assert "<script>alert" not in html
    assert SCRIPT.translate({0x07: "\u2407", 0x202E: "\ufffd"}) in Page(html).text
    assert not {"\x07", "\u202e"} & set(html)


def test_same_inputs_same_bytes_and_no_absolute_path(
    blocked: Example, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    first = render_report(*blocked)
    monkeypatch.setenv("TZ", "Asia/Tokyo")
    monkeypatch.chdir(tmp_path)
    moved = tmp_path / "elsewhere"
    moved.mkdir()
    assert render_report(*copy_of(blocked, moved)) == first
    assert str(blocked.reports.parent) not in first
    assert "tiny-encoder" in first
    assert "/home/" not in first


def test_absent_figures_read_not_measured(promoted: Example, tmp_path: Path) -> None:
    bare = copy_of(promoted, tmp_path)
    evaluation = read_json(tmp_path / "evaluation.json")
    evaluation["test"]["length"]["within_prompt"] = {"pearson": None, "spearman": None}
    del evaluation["test"]["expected_calibration_error"]
    write_json(tmp_path / "evaluation.json", evaluation)
    stress = read_json(tmp_path / "stress.json")
    stress["outcomes"][0] |= {
        "finite": False, "passed": False, "margin_bt_logits": None, "reward": None,
    }  # fmt: skip
    write_json(tmp_path / "stress.json", stress)
    shown = words(render_report(*bare))
    assert "within a prompt Pearson not measured, Spearman not measured" in shown
    assert "Expected calibration error not measured" in shown
    assert "score not finite" in shown


def test_a_run_without_held_out_points_or_misranked_pairs_still_has_its_report(
    promoted: Example, tmp_path: Path
) -> None:
    bare = copy_of(promoted, tmp_path)
    (tmp_path / "training_eval.csv").write_text("\n")
    found = read_json(tmp_path / "samples.json")
    write_json(tmp_path / "samples.json", found | {"misranked": []})
    assert "No pair of the test split is misranked." in render_report(*bare)


def test_a_missing_output_is_named(promoted: Example, tmp_path: Path) -> None:
    for name in ("stress.json", "audit.json", "adversary.csv", "scores.parquet"):
        folder = tmp_path / name.replace(".", "-")
        folder.mkdir()
        bare = copy_of(promoted, folder)
        (folder / name).unlink()
        with pytest.raises(RewardGateError, match=f"{name}: no such file"):
            render_report(*bare)


def test_every_report_shows_the_overrides(promoted: Example) -> None:
    by_ann = {"version": "0123456789ab", "by": "Ann <b>", "reason": "a demo on Friday"}
    html = render_report(*promoted, [by_ann])
    assert "against the gate" in html
    assert "by Ann &lt;b&gt;: a demo on Friday" in html
    assert "OVERRIDE" not in render_report(*promoted)
