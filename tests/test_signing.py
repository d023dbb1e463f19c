"""Ed25519 signatures: who signed, and every way in which a signature or a key can be wrong."""

import shutil
import subprocess
from pathlib import Path

import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from rewardgate.errors import RewardGateError
from rewardgate.files import write_text
from rewardgate.settings import Promote
from rewardgate.signing import (
    load_private_key,
    load_public_key,
    make_keys,
    require_signature,
    sign,
    signing_key,
)


@pytest.fixture
def bundle(tmp_path: Path) -> Path:
    """A folder with a manifest that is signed by the key in `keys`."""
    private, _ = make_keys(tmp_path / "keys")
    write_text(tmp_path / "bundle/manifest.json", "{}\n")
    sign(tmp_path / "bundle", load_private_key(private))
    return tmp_path / "bundle"


@pytest.fixture
def public(bundle: Path) -> Path:
    return bundle.parent / "keys/promotion_key.pub"


def test_a_signature_holds_for_its_key_and_is_the_same_each_time(
    bundle: Path, public: Path
) -> None:
    require_signature(bundle, public)
    before = (bundle / "promotion.sig").read_bytes()
    sign(bundle, load_private_key(public.with_suffix(".pem")))
    assert (bundle / "promotion.sig").read_bytes() == before


def test_the_private_key_is_for_its_owner_alone(bundle: Path, public: Path) -> None:
    assert public.with_suffix(".pem").stat().st_mode & 0o777 == 0o600
    with pytest.raises(RewardGateError, match="exists already; name another folder"):
        make_keys(public.parent)


@pytest.mark.skipif(shutil.which("openssl") is None, reason="openssl is not installed")
def test_openssl_confirms_the_signature_too(bundle: Path, public: Path) -> None:
    command = ["openssl", "pkeyutl", "-verify", "-pubin", "-rawin", "-inkey", str(public)]
    files = ["-in", "manifest.json", "-sigfile", "promotion.sig"]
    finished = subprocess.run([*command, *files], cwd=bundle, capture_output=True, check=False)
    assert finished.returncode == 0, finished.stderr


def test_a_manifest_altered_after_signing_is_refused(bundle: Path, public: Path) -> None:
    write_text(bundle / "manifest.json", "{ }\n")
    with pytest.raises(RewardGateError, match="not a signature of this manifest"):
        require_signature(bundle, public)


def test_another_key_a_missing_and_a_cut_signature_are_refused(bundle: Path, public: Path) -> None:
    _, other = make_keys(bundle.parent / "other")
    with pytest.raises(RewardGateError, match="another key signed it"):
        require_signature(bundle, other)
    signature = bundle / "promotion.sig"
    signature.write_bytes(signature.read_bytes()[:30])
    with pytest.raises(RewardGateError, match="30 bytes, but an Ed25519 signature has 64"):
        require_signature(bundle, public)
    signature.unlink()
    with pytest.raises(RewardGateError, match=r"unsigned, and .* asks for a signature"):
        require_signature(bundle, public)


def test_a_key_of_another_kind_is_named(tmp_path: Path, public: Path) -> None:
    for name, key in {
        "rsa": rsa.generate_private_key(65537, 2048),
        "ec": ec.generate_private_key(ec.SECP256R1()),
    }.items():
        path = tmp_path / name
        path.write_bytes(
            key.private_bytes(
                serialization.Encoding.PEM,
                serialization.PrivateFormat.PKCS8,
                serialization.NoEncryption(),
            )
        )
        with pytest.raises(RewardGateError, match=f"{name}: not an Ed25519 key"):
            load_private_key(path)
        path.write_bytes(
            key.public_key().public_bytes(
                serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo
            )
        )
        with pytest.raises(RewardGateError, match=f"{name}: not an Ed25519 key"):
            load_public_key(path)
    with pytest.raises(RewardGateError, match="a private key; name its public half"):
        load_public_key(public.with_suffix(".pem"))
    with pytest.raises(RewardGateError, match="not a private key in PEM form"):
        load_private_key(public)
    for load in (load_private_key, load_public_key):
        write_text(tmp_path / "text", "ssh-ed25519 AAAA")
        with pytest.raises(RewardGateError, match="in PEM form; `rewardgate key` makes one"):
            load(tmp_path / "text")
        with pytest.raises(RewardGateError, match="no such key"):
            load(tmp_path / "nowhere")


def test_a_key_with_a_passphrase_is_named(tmp_path: Path) -> None:
    path = tmp_path / "locked.pem"
    path.write_bytes(
        Ed25519PrivateKey.generate().private_bytes(
            serialization.Encoding.PEM,
            serialization.PrivateFormat.PKCS8,
            serialization.BestAvailableEncryption(b"secret"),
        )
    )
    with pytest.raises(RewardGateError, match="has a passphrase; give a key without one"):
        load_private_key(path)


def test_the_keys_of_a_project_must_be_halves_of_one_pair(
    bundle: Path, public: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("REWARDGATE_SIGNING_KEY", raising=False)
    private, mine = str(public.with_suffix(".pem")), str(public)
    other, _ = make_keys(bundle.parent / "other")
    assert signing_key(Promote()) is None
    assert signing_key(Promote(signing_key=private, public_key=mine)) is not None
    with pytest.raises(RewardGateError, match=r"asks for signed promotions; name the private key"):
        signing_key(Promote(public_key=mine))
    with pytest.raises(RewardGateError, match=r"not the other half of promote.public_key"):
        signing_key(Promote(signing_key=str(other), public_key=mine))
    monkeypatch.setenv("REWARDGATE_SIGNING_KEY", private)
    assert signing_key(Promote(signing_key=str(other), public_key=mine)) is not None
