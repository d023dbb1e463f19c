"""The documentation as a site: it builds without a warning, and loads nothing from elsewhere."""

import re
import subprocess
import sys
from pathlib import Path

import pytest
import yaml
from project import ROOT

from rewardgate.settings import load_settings


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Path:
    target = tmp_path_factory.mktemp("site")
    command = [sys.executable, "-m", "mkdocs", "build", "--strict", "--site-dir", str(target)]
    finished = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    assert finished.returncode == 0, finished.stdout + finished.stderr
    return target


def test_the_checklist_shows_every_check_of_the_policy(site: Path) -> None:
    page = (site / "checklist.html").read_text(encoding="utf-8")
    gate = load_settings(ROOT / "params.yaml").gate
    rows = re.findall(r"<tr>\s*<td><code>(.*?)</code></td>", page.replace("<wbr>", ""))
    assert sorted(rows) == sorted(check.name for check in gate.checks)
    titles = re.findall(r'<h2 id="[^"]*">(\d+)\. (.*?)<a', page)
    assert titles == [(str(n), title) for n, title in enumerate(gate.items.values(), start=1)]
    policy = yaml.safe_load((ROOT / "params.yaml").read_text(encoding="utf-8"))["gate"]["checks"]
    for check in policy:
        assert check["rationale"].split(",")[0] in page.replace("&amp;", "&")


def test_nothing_is_loaded_from_elsewhere(site: Path) -> None:
    loaded = r'<(?:script|img|iframe|link)\b[^>]*?\b(?:src|href)="((?:https?:)?//[^"]*)"'
    for page in site.rglob("*.html"):
        text = page.read_text(encoding="utf-8")
        found = [url for url in re.findall(loaded, text) if 'rel="canonical"' not in url]
        assert found == [], page
        assert "fonts.googleapis.com" not in text
    for style in site.rglob("*.css"):
        assert not re.search(r"url\(['\"]?https?:", style.read_text(encoding="utf-8")), style


def test_every_page_is_in_the_navigation_and_the_reference_has_signatures(site: Path) -> None:
    pages = {path.name for path in site.glob("*.html")} - {"404.html"}
    assert pages == {f"{path.stem}.html" for path in (ROOT / "docs").glob("*.md")}
    start = (site / "index.html").read_text(encoding="utf-8")
    for page in pages:
        assert f'href="{page}"' in start
    reference = (site / "reference.html").read_text(encoding="utf-8")
    assert 'id="rewardgate.bundle.load_promoted"' in reference
    assert 'id="rewardgate.costs.RunCost"' in reference
    assert re.search(r"<li>\s*(<p>)?<code>public_key</code>: an Ed25519 public key", reference)
