"""Great Expectations' Data Docs as one page that needs no network.

The sections are rendered by Great Expectations. The page around them is ours, since its own
loads styles and scripts from seven hosts and holds the time and random ids.
"""

import re
from collections.abc import Mapping
from copy import deepcopy
from html import escape
from pathlib import Path
from typing import Any

from great_expectations.core import ExpectationSuiteValidationResult
from great_expectations.render.renderer import ValidationResultsPageRenderer
from great_expectations.render.view import DefaultJinjaSectionView

from rewardgate.files import write_text

RUN_INFO = "Run Info"
RANDOM_ID = re.compile(r"[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}")
LINK = re.compile(r'<a href="[./]*expectations/[^"]*"\s*>(.*?)</a>')
HEAD = """<!doctype html>
<html lang="en">
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>Data Docs</title>
<style>
body { font: 16px/1.5 system-ui, sans-serif; margin: 0 auto; padding: 1rem; max-width: 70rem; }
h5, h6 { font-size: 1rem; margin: 1rem 0 .25rem; }
.table-responsive { overflow-x: auto; }
table { border-collapse: collapse; }
th, td { border: 1px solid #bbb; padding: .25rem .5rem; text-align: left; vertical-align: top; }
.fa-check-circle::before { content: "\\2714 pass"; color: #060; }
.fa-times::before { content: "\\2718 fail"; color: #a00; }
.fa-exclamation-triangle::before { content: "\\26a0 warning"; color: #850; }
i { font-style: normal; }
[data-toggle="collapse"], .collapse { display: none; }
</style>
<h1>Data Docs</h1>
"""


def write_data_docs(
    folder: str | Path, suites: Mapping[str, ExpectationSuiteValidationResult]
) -> None:
    """Write `index.html` with a section a suite; equal results give equal bytes."""
    pages = [f"<h2>{escape(name)}</h2>\n{_sections(result)}" for name, result in suites.items()]
    write_text(Path(folder) / "index.html", HEAD + "\n".join(pages) + "\n</html>\n")


def _sections(result: ExpectationSuiteValidationResult) -> str:
    page = ValidationResultsPageRenderer(run_info_at_end=True).render(_escaped(result))
    view = DefaultJinjaSectionView()
    html = "".join(
        view.render({"section": section.to_json_dict(), "section_loop": {"index": index}})
        for index, section in enumerate(page.sections, start=1)
        if section.section_name != RUN_INFO
    )
    ids: dict[str, str] = {}
    html = RANDOM_ID.sub(lambda match: ids.setdefault(match.group(), f"id-{len(ids)}"), html)
    return "\n".join(line.rstrip() for line in LINK.sub(r"\1", html).splitlines() if line.strip())


def _escaped(result: ExpectationSuiteValidationResult) -> ExpectationSuiteValidationResult:
    """A copy whose texts are safe in HTML; Great Expectations does not escape data."""
    result = deepcopy(result)
    for one in result.results:
        one.result = _escape(one.result)
        if one.expectation_config is not None:
            one.expectation_config.description = escape(one.expectation_config.description or "")
    return result


def _escape(value: Any) -> Any:
    if isinstance(value, str):
        return escape(value)
    if isinstance(value, dict):
        return {key: _escape(item) for key, item in value.items()}
    return [_escape(item) for item in value] if isinstance(value, list | tuple) else value
