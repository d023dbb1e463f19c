"""The report in a browser: it fits the screen and the console stays silent."""

import html
import re
import shutil
import subprocess
from pathlib import Path

import pytest

from rewardgate.report import render_report

from .examples import Example

CHROMIUM = next(
    filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), ""
)
FRAME = """<!doctype html><title>waiting</title>
<iframe style="border:0; width:{width}px; height:800px" srcdoc="{page}"></iframe>
<script>onload = () => {{
  const view = document.querySelector("iframe").contentWindow
  document.title = `${{view.document.documentElement.scrollWidth}} of ${{view.innerWidth}}`
}}</script>
"""

pytestmark = pytest.mark.skipif(
    not CHROMIUM, reason="no chromium found; install it (apt-get install chromium) to test layout"
)


def look(page: str, width: int, folder: Path) -> tuple[int, int, list[str]]:
    """Scroll width, inner width and console messages of a page in a frame of `width` pixels."""
    frame = folder / "frame.html"
    frame.write_text(FRAME.format(width=width, page=html.escape(page)), encoding="utf-8")
    run = subprocess.run(
        [
            CHROMIUM, "--headless", "--no-sandbox", "--disable-gpu", "--hide-scrollbars",
            "--enable-logging=stderr", f"--user-data-dir={folder}", "--dump-dom", frame.as_uri(),
        ],
        capture_output=True, text=True, timeout=120, check=True,
    )  # fmt: skip
    measured = re.search(r"<title>(\d+) of (\d+)</title>", run.stdout)
    assert measured, run.stderr
    console = [line for line in run.stderr.splitlines() if "CONSOLE" in line]
    return int(measured[1]), int(measured[2]), console


@pytest.mark.parametrize("width", [1280, 390])
def test_the_report_fits_and_the_console_is_silent(
    blocked: Example, width: int, tmp_path: Path
) -> None:
    page = render_report(*blocked).replace("<details", "<details open")
    scroll, inner, console = look(page, width, tmp_path)
    assert inner == width
    assert scroll <= inner
    assert console == []


def test_the_look_sees_overflow_and_messages(tmp_path: Path) -> None:
    scroll, inner, console = look(
        "<p style='width: 900px'>wide</p><script>console.error('seen')</script>", 390, tmp_path
    )
    assert scroll > inner
    assert len(console) == 1
