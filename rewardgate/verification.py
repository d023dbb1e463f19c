"""Everything that can be checked of a promoted bundle by itself, one finding a thing."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from rewardgate.entry_points import told
from rewardgate.errors import RewardGateError
from rewardgate.files import read_json
from rewardgate.history import HISTORY, read_history
from rewardgate.manifest import (
    REPORTS,
    SIGNATURE,
    Manifest,
    altered,
    misnamed,
    model_hash,
    process_hash,
    read_manifest,
)
from rewardgate.promotion import VERDICT, misattributed
from rewardgate.settings import Settings
from rewardgate.signing import require_signature
from rewardgate.verdict import difference, judged, make_verdict, read_reports
from rewardgate.wording import counted

RESTORE = "restore the bundle from a copy, or promote again"
MALFORMED = (RewardGateError, LookupError, TypeError, ValueError, AttributeError)
"""What content of another form than ours ends in."""


@dataclass(frozen=True)
class Finding:
    """One thing that was checked; `words` say what was found and, if it failed, what to do."""

    what: str
    passed: bool
    words: str


def verify(folder: Path, public_key: Path | None) -> list[Finding]:
    """Check a bundle's manifest, files and signature, and judge its reports again.

    The last is left out if files are altered: there is nothing then to be judged.
    """
    try:
        manifest = read_manifest(folder)
    except RewardGateError as error:
        return [Finding("manifest", False, f"{error}; {RESTORE}")]
    name = misnamed(folder)
    findings = [
        Finding("manifest", name is None, f"{name}; {RESTORE}" if name else "its hash is the name")
    ]
    faults = altered(folder, manifest)
    findings += [Finding("file", False, f"{fault}; {RESTORE}") for fault in faults]
    if not faults:
        findings.append(Finding("files", True, f"{len(manifest.files)} files as promoted"))
    findings.append(_signature(folder, public_key))
    if not faults:
        findings += [_evidence(folder, manifest), _verdict(folder, manifest)]
    if (folder.parent / HISTORY).is_file():
        findings.append(_history(folder.parent))
    return findings


def signature_words(folder: Path, public_key: Path | None) -> str:
    """Whether a bundle is signed. Raises RewardGateError if a key is given and it is not by it."""
    if public_key is not None:
        require_signature(folder, public_key)
        return f"signed, as {public_key} confirms"
    if (folder / SIGNATURE).exists():
        return "signed, but no public key says by whom"
    return "unsigned"


def _signature(folder: Path, public_key: Path | None) -> Finding:
    try:
        return Finding("signature", True, signature_words(folder, public_key))
    except RewardGateError as error:
        return Finding("signature", False, str(error))


def _history(promoted: Path) -> Finding:
    try:
        entries = read_history(promoted)
    except RewardGateError as error:
        return Finding("history", False, str(error))
    return Finding("history", True, f"{counted(len(entries), 'act')}, each bound to the one before")


def _evidence(folder: Path, manifest: Manifest) -> Finding:
    """Do manifest, verdict and reports speak of one model and one set of data?"""
    try:
        fault = _contradiction(folder, manifest)
    except MALFORMED as error:
        fault = f"the reports cannot be read ({told(error)[:200]})"
    if fault:
        return Finding("evidence", False, f"{fault}; do not use this bundle, promote again")
    return Finding("evidence", True, "verdict and reports are of this model and its data")


def _contradiction(folder: Path, manifest: Manifest) -> str | None:
    verdict = read_json(folder / VERDICT)
    if model_hash(manifest.files) != manifest.model_sha256:
        return "the model is not the one that the manifest names"
    if verdict["model_sha256"] != manifest.model_sha256:
        return f"{VERDICT}: judged another model"
    if verdict.get("process_sha256") != process_hash(manifest.files):
        return f"{VERDICT}: judged another process model"
    if verdict["data"] != manifest.data:
        return f"{VERDICT}: judged other data"
    for path, sha256 in verdict["reports"].items():
        if manifest.files.get(path) != sha256:
            return f"{path}: not the report that was judged"
    reports = {path: read_json(folder / path) for path in verdict["reports"]}
    return misattributed(reports, verdict)


def _verdict(folder: Path, manifest: Manifest) -> Finding:
    """Does the verdict follow from the reports, by the recorded policy?"""
    try:
        settings = Settings.model_validate(manifest.params)
        verdict: dict[str, Any] = read_json(folder / VERDICT)
        reports = read_reports(folder / REPORTS, judged(settings.rewards))
        again = make_verdict(settings, reports)
        found = difference(verdict, again)
    except MALFORMED as error:
        words = f"this version of rewardgate cannot judge it again ({told(error)[:200]})"
        return Finding("verdict", False, f"{words}; verify with the version that promoted it")
    if found is not None:
        words = f"judging {REPORTS}/ again gives another {found}"
    elif again["verdict"] == manifest.verdict and (override := manifest.override):
        words = f"blocked; promoted all the same by {override.by}: {override.reason}"
        return Finding("verdict", True, words)
    elif not again["verdict"] == manifest.verdict == "promoted":
        words = f"{again['verdict']}, and the manifest says {manifest.verdict}"
    else:
        checks = sum(len(item["checks"]) for item in again["items"])
        return Finding("verdict", True, f"{checks} checks judged again give the same, promoted")
    return Finding("verdict", False, f"{words}; do not use this bundle, promote again")
