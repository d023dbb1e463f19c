"""Manifests of bundles: every file is bound, and what is altered is named."""

import os
from pathlib import Path

import pytest

from rewardgate.errors import RewardGateError
from rewardgate.files import sha256_folder, write_text
from rewardgate.manifest import (
    Git,
    Manifest,
    altered,
    bundle_files,
    hashes,
    misnamed,
    model_hash,
    read_manifest,
)

FILES = {"model.safetensors": "weights", "config.json": "{}", "reports/verdict.json": "[1]"}


def manifest(files: dict[str, str]) -> Manifest:
    return Manifest(
        verdict="promoted",
        model_sha256="m",
        files=files,
        data={"data/split/test.parquet": "d"},
        params={"seed": 1, "gate": {"threshold": 0.65}},
        dvc_lock={},
        git=Git(commit=None, changed_files=[]),
        environment={"python": "3.11"},
    )


@pytest.fixture
def bundle(tmp_path: Path) -> Path:
    for name, text in FILES.items():
        write_text(tmp_path / "new" / name, text)
    made = manifest(hashes(bundle_files(tmp_path / "new")))
    write_text(tmp_path / "new/manifest.json", made.text())
    return (tmp_path / "new").rename(tmp_path / made.version())


def test_a_manifest_read_again_has_the_same_bytes_and_no_fault(bundle: Path) -> None:
    found = read_manifest(bundle)
    assert found.text() == (bundle / "manifest.json").read_text()
    assert set(found.files) == set(FILES)
    assert altered(bundle, found) == []
    assert misnamed(bundle) is None


def test_every_altered_missing_and_added_file_is_named(bundle: Path) -> None:
    found = read_manifest(bundle)
    write_text(bundle / "model.safetensors", "weightt")
    (bundle / "config.json").unlink()
    write_text(bundle / "reports/more.json", "1")
    assert altered(bundle, found) == [
        "config.json: missing",
        "model.safetensors: altered",
        "reports/more.json: not in the manifest",
    ]


def test_a_link_in_the_place_of_a_file_is_an_alteration(bundle: Path, tmp_path: Path) -> None:
    found = read_manifest(bundle)
    os.replace(bundle / "config.json", tmp_path / "elsewhere.json")
    (bundle / "config.json").symlink_to(tmp_path / "elsewhere.json")
    (bundle / "folder").symlink_to(tmp_path)
    assert altered(bundle, found) == ["config.json: altered", "folder: not in the manifest"]


def test_a_manifest_rewritten_by_hand_no_longer_fits_its_folder(bundle: Path) -> None:
    path = bundle / "manifest.json"
    write_text(path, path.read_text().replace("0.65", "0.05"))
    assert "manifest.json: altered" in (misnamed(bundle) or "")
    write_text(path, read_manifest(bundle).text().replace("\n", "\n "))
    assert "manifest.json: altered" in (misnamed(bundle) or "")


@pytest.mark.parametrize("text", ["", "{", "[]", "{}", '{"verdict": "promoted"}', "\x00"])
def test_what_is_no_manifest_is_one_clear_line(bundle: Path, text: str) -> None:
    write_text(bundle / "manifest.json", text)
    with pytest.raises(
        RewardGateError, match=r"manifest.json: altered, it is no manifest"
    ) as found:
        read_manifest(bundle)
    assert "\n" not in str(found.value)


def test_a_folder_without_a_manifest_is_no_bundle(tmp_path: Path) -> None:
    with pytest.raises(RewardGateError, match=r"no promoted bundle \(manifest.json is missing\)"):
        read_manifest(tmp_path)


def test_the_version_depends_on_what_is_in_the_bundle() -> None:
    assert manifest({"a": "1"}).version() == manifest({"a": "1"}).version()
    assert manifest({"a": "1"}).version() != manifest({"a": "2"}).version()


def test_the_model_hash_is_that_of_the_candidate_s_folder(tmp_path: Path) -> None:
    write_text(tmp_path / "config.json", "{}")
    write_text(tmp_path / "sub/tokens.txt", "a b")
    files = hashes(bundle_files(tmp_path))
    assert model_hash({**files, "reports/verdict.json": "v"}) == sha256_folder(tmp_path)
