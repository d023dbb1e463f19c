"""Ed25519 signatures of promotions (RFC 8032): who holds the private key vouches for a bundle."""

import os
from pathlib import Path

from cryptography.exceptions import InvalidSignature, UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
    PublicFormat,
    load_pem_private_key,
    load_pem_public_key,
)

from rewardgate.errors import RewardGateError
from rewardgate.files import atomic_path
from rewardgate.manifest import MANIFEST, SIGNATURE
from rewardgate.settings import Promote

PRIVATE_KEY, PUBLIC_KEY = "promotion_key.pem", "promotion_key.pub"
VARIABLE = "REWARDGATE_SIGNING_KEY"
"""Environment variable with the path of the private key; it goes before promote.signing_key."""

LENGTH = 64
"""Bytes of an Ed25519 signature."""


def make_keys(folder: Path) -> tuple[Path, Path]:
    """Write a fresh pair into `folder`: the private key (mode 0600) and the public one, both PEM.

    Raises RewardGateError if one of the files exists.
    """
    private, public = folder / PRIVATE_KEY, folder / PUBLIC_KEY
    for path in (private, public):
        if path.exists():
            raise RewardGateError(f"{path}: exists already; name another folder")
    key = Ed25519PrivateKey.generate()
    pem = key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
    folder.mkdir(parents=True, exist_ok=True)
    with open(os.open(private, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as stream:
        stream.write(pem)
    _write(public, _public_pem(key.public_key()))
    return private, public


def load_private_key(path: Path) -> Ed25519PrivateKey:
    """Raises RewardGateError if there is no readable Ed25519 private key at `path`."""
    pem = _read(path)
    try:
        key = load_pem_private_key(pem, password=None)
    except TypeError:
        raise RewardGateError(f"{path}: has a passphrase; give a key without one") from None
    except (ValueError, UnsupportedAlgorithm):
        raise RewardGateError(
            f"{path}: not a private key in PEM form; `rewardgate key` makes one"
        ) from None
    if not isinstance(key, Ed25519PrivateKey):
        raise RewardGateError(f"{path}: not an Ed25519 key; `rewardgate key` makes one")
    return key


def load_public_key(path: Path) -> Ed25519PublicKey:
    """Raises RewardGateError if there is no readable Ed25519 public key at `path`."""
    pem = _read(path)
    if b"PRIVATE KEY" in pem:
        raise RewardGateError(f"{path}: a private key; name its public half, {PUBLIC_KEY}")
    try:
        key = load_pem_public_key(pem)
    except (ValueError, UnsupportedAlgorithm):
        raise RewardGateError(
            f"{path}: not a public key in PEM form; `rewardgate key` makes one"
        ) from None
    if not isinstance(key, Ed25519PublicKey):
        raise RewardGateError(f"{path}: not an Ed25519 key; `rewardgate key` makes one")
    return key


def signing_key(settings: Promote) -> Ed25519PrivateKey | None:
    """The key that promotions are signed with; None if none is configured.

    Raises RewardGateError if it cannot be read, or if promote.public_key is set and is not its
    other half: then what is promoted could not be loaded.
    """
    path = os.environ.get(VARIABLE) or settings.signing_key
    public = public_key(settings)
    if path is None:
        if public is not None:
            raise RewardGateError(
                "params.yaml: promote.public_key asks for signed promotions; name the private key "
                f"in promote.signing_key or {VARIABLE}"
            )
        return None
    key = load_private_key(Path(path).expanduser())
    if public is not None and _public_pem(key.public_key()) != _public_pem(load_public_key(public)):
        raise RewardGateError(f"{path}: not the other half of promote.public_key ({public})")
    return key


def public_key(settings: Promote) -> Path | None:
    """The file that promote.public_key names."""
    return Path(settings.public_key).expanduser() if settings.public_key else None


def sign(folder: Path, key: Ed25519PrivateKey) -> None:
    """Sign the manifest of a bundle; the same key gives the same bytes."""
    _write(folder / SIGNATURE, key.sign((folder / MANIFEST).read_bytes()))


def require_signature(folder: Path, public: Path) -> None:
    """Raises RewardGateError unless the bundle's manifest is signed with the half of `public`."""
    key = load_public_key(public)
    path = folder / SIGNATURE
    try:
        signature = path.read_bytes()
    except FileNotFoundError:
        raise RewardGateError(
            f"{folder}: unsigned, and {public} asks for a signature; if you trust this bundle, "
            "`rewardgate sign`"
        ) from None
    if len(signature) != LENGTH:
        raise RewardGateError(
            f"{path}: {len(signature)} bytes, but an Ed25519 signature has {LENGTH}; restore it"
        )
    try:
        key.verify(signature, (folder / MANIFEST).read_bytes())
    except InvalidSignature:
        raise RewardGateError(
            f"{path}: not a signature of this {MANIFEST} by {public}: another key signed it, or "
            "one of the two files was altered; restore the bundle"
        ) from None


def _public_pem(key: Ed25519PublicKey) -> bytes:
    return key.public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)


def _read(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except FileNotFoundError:
        raise RewardGateError(f"{path}: no such key; `rewardgate key` makes one") from None


def _write(path: Path, content: bytes) -> None:
    with atomic_path(path) as temporary:
        temporary.write_bytes(content)
