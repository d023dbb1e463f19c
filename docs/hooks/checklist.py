"""A hook of MkDocs: the checklist's page, written from the policy in params.yaml."""

import re
from pathlib import Path
from typing import Any

import yaml

PAGE, PLACE = "checklist.md", "<!-- the checks of params.yaml -->"
BOUNDS = {"lower95": "the lower end of the 95 % interval", "upper95": "its upper end"}


def on_page_markdown(markdown: str, page: Any, config: Any, **_: Any) -> str:
    """Put the checks in their place on the page `PAGE`."""
    if page.file.src_uri != PAGE:
        return markdown
    assert PLACE in markdown, f"docs/{PAGE} has lost its line {PLACE}"
    policy = Path(config["config_file_path"]).parent / "params.yaml"
    return markdown.replace(PLACE, checks(yaml.safe_load(policy.read_text(encoding="utf-8"))))


def checks(params: dict[str, Any]) -> str:
    """A heading for each item of the checklist and, below it, a table of its checks."""
    gate, lines = params["gate"], []
    for number, (item, title) in enumerate(gate["items"].items(), start=1):
        lines += [f"## {number}. {title}", ""]
        lines += ["| check | what | figure | must be | why |", "|---|---|---|---|---|"]
        lines += [row(check) for check in gate["checks"] if check["item"] == item]
        lines += [""]
    return "\n".join(lines)


def row(check: dict[str, Any]) -> str:
    """A check as a row: its name, what it measures, where, the threshold, and the rationale."""
    cells = [
        code(check["name"]),
        check.get("title", check["item"].replace("_", " ")),
        code(check["figure"]),
        "; ".join([f"{check['comparison']} {check['threshold']}", *conditions(check)]),
        check["rationale"],
    ]
    return "| " + " | ".join(cell.replace("|", "\\|") for cell in cells) + " |"


def code(key: str) -> str:
    """A key that a narrow column may break after its separators."""
    return "<code>" + re.sub(r"([:._])", r"\1<wbr>", key).replace("*", "&#42;") + "</code>"


def conditions(check: dict[str, Any]) -> list[str]:
    """What else decides whether it passes, in words."""
    found = []
    if bound := check.get("bound"):
        found.append(BOUNDS[bound])
    if check.get("holm"):
        found.append("fails only if shown to miss (Holm)")
    for key, word in (("only", "only"), ("except", "all but")):
        if names := check.get(key):
            names = names if isinstance(names, list) else [names]
            found.append(f"{word} {', '.join(name.replace('_', ' ') for name in names)}")
    if least := check.get("min_prompts"):
        found.append(f"needs {least}")
    if check.get("severity") == "warn":
        found.append("warns")
    return found
