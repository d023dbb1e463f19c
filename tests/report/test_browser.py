"""The report in a browser: it fits the screen and the console stays silent."""

import html
import json
import re
import shutil
import subprocess
from pathlib import Path
from typing import Any

import pytest

CHROMIUM = next(
    filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), ""
)
FRAME = """<!doctype html><title>waiting</title>
<iframe style="border:0; width:{width}px; height:800px" srcdoc="{page}"></iframe>
<script>onload = () => {{
  const view = document.querySelector("iframe").contentWindow
  const find = (id) => view.document.getElementById(id)
  const set = (id, value) => {{
    find(id).value = value
    find(id).dispatchEvent(new view.Event(id === "find-text" ? "input" : "change"))
  }}
  const rows = () => [...view.document.querySelectorAll(".browsed")]
  const visible = () => rows().filter((row) => row.offsetHeight)
  const seen = {{}}
  {actions}
  seen.scroll = view.document.documentElement.scrollWidth
  seen.inner = view.innerWidth
  seen.loaded = view.performance.getEntriesByType("resource").map((one) => one.name)
  document.title = JSON.stringify(seen)
}}</script>
"""

pytestmark = pytest.mark.skipif(
    not CHROMIUM, reason="no chromium found; install it (apt-get install chromium) to test layout"
)


def look(
    page: str, width: int, folder: Path, actions: str = ""
) -> tuple[dict[str, Any], list[str]]:
    """What JavaScript saw of a page in a frame of `width` pixels, and the console's messages."""
    frame = folder / "frame.html"
    frame.write_text(
        FRAME.format(width=width, page=html.escape(page), actions=actions), encoding="utf-8"
    )
    run = subprocess.run(
        [
            CHROMIUM, "--headless", "--no-sandbox", "--disable-gpu", "--hide-scrollbars",
            "--enable-logging=stderr", f"--user-data-dir={folder}", "--dump-dom", frame.as_uri(),
        ],
        capture_output=True, text=True, timeout=120, check=True,
    )  # fmt: skip
    seen = re.search(r"<title>({.*?})</title>", run.stdout, re.DOTALL)
    console = [line for line in run.stderr.splitlines() if "CONSOLE" in line]
    assert seen, console or run.stderr
    return json.loads(html.unescape(seen[1])), console


ACTIONS = """
  seen.all = rows().length
  seen.first = visible().length
  find("find-more").click()
  seen.more = visible().length
  set("find-domain", "safety")
  seen.domains = [...new Set(visible().map((row) => row.dataset.domain))]
  set("find-outcome", "wrong")
  seen.outcomes = [...new Set(visible().map((row) => row.dataset.outcome))]
  seen.status = find("find-status").textContent
  set("find-domain", "")
  set("find-outcome", "")
  set("find-order", "lowest")
  seen.lowest = visible().map((row) => Number(row.dataset.margin))
  set("find-text", "  QUESTION   151: ")
  seen.found = visible().map((row) => row.querySelector(".start").textContent)
  set("find-text", "show all")
  seen.labels = visible().length
  set("find-text", "<script>")
  seen.hostile = visible().length
"""


@pytest.mark.parametrize("width", [1280, 390])
def test_the_report_fits_loads_nothing_and_the_console_is_silent(
    pages: dict[str, str], width: int, tmp_path: Path
) -> None:
    page = pages["blocked"].replace("<details", "<details open")
    seen, console = look(page, width, tmp_path)
    assert seen["inner"] == width
    assert seen["scroll"] <= seen["inner"]
    assert seen["loaded"] == []
    assert console == []


@pytest.mark.parametrize("width", [1280, 390])
def test_search_filters_and_order(pages: dict[str, str], width: int, tmp_path: Path) -> None:
    seen, console = look(pages["blocked"], width, tmp_path, ACTIONS)
    assert (seen["all"], seen["first"], seen["more"]) == (200, 25, 50)
    assert seen["domains"] == ["safety"]
    assert seen["outcomes"] == ["wrong"]
    assert re.match(r"\d+ of 200 pairs match", seen["status"])
    assert seen["lowest"] == sorted(seen["lowest"])
    assert seen["lowest"][0] < 0
    assert seen["found"]
    assert all(start.startswith("Question 151:") for start in seen["found"])
    assert seen["labels"] == 0, "the page's own words are not searched"
    assert seen["hostile"] > 0
    assert (seen["scroll"], console) == (width, [])


def test_without_the_script_every_pair_shows(pages: dict[str, str], tmp_path: Path) -> None:
    page = re.sub(r"<script>.*?</script>", "", pages["blocked"], flags=re.DOTALL)
    seen, _ = look(page, 390, tmp_path, "seen.shown = visible().length")
    assert seen["shown"] == 200


def test_a_script_that_the_policy_does_not_name_is_refused(
    pages: dict[str, str], tmp_path: Path
) -> None:
    page = pages["blocked"].replace("const step = 25", "const step = 26")
    seen, console = look(page, 390, tmp_path, "seen.shown = visible().length")
    assert seen["shown"] == 200, "it did not run"
    assert "Content Security Policy" in " ".join(console)


def test_the_look_sees_overflow_messages_and_loading(tmp_path: Path) -> None:
    seen, console = look(
        "<p style='width: 900px'>wide</p><script>console.error('seen')</script>"
        "<img src='http://127.0.0.1:9/x.png'>",
        390,
        tmp_path,
    )
    assert seen["scroll"] > seen["inner"]
    assert seen["loaded"] == ["http://127.0.0.1:9/x.png"]
    assert any("seen" in line for line in console)
