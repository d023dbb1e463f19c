"""Two normal forms of text: the one that is stored, and the one that is compared."""

import hashlib
import re
import unicodedata
from collections.abc import Iterable, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from rewardgate.errors import RewardGateError

_NOT_WORDS = re.compile(r"[\W_]+")


def stored_form(text: str) -> str:
    """Text as it is kept: Unicode NFC, line ends as \\n, no whitespace around it.

    Whitespace inside the text is left alone. Whitespace around it is removed from prompts and
    responses alike, since formats differ in where they cut (HH replies start with a space).
    """
    return unicodedata.normalize("NFC", text.replace("\r\n", "\n").replace("\r", "\n")).strip()


def matching_form(text: str) -> str:
    """Text as it is compared: NFKC, case folded, each run of non-word characters one space.

    Text without any word character (`?!`) keeps its characters, so that it does not match
    everything else of that kind.
    """
    folded = unicodedata.normalize("NFKC", unicodedata.normalize("NFKC", text).casefold())
    return _NOT_WORDS.sub(" ", folded).strip() or " ".join(folded.split())


def text_hash(text: str) -> int:
    """A 64-bit hash, the same on every machine."""
    return int.from_bytes(hashlib.blake2b(text.encode(), digest_size=8).digest(), "little")


def text_hashes(texts: Iterable[str]) -> NDArray[np.uint64]:
    """Hashes (n,) of the matching forms of n texts."""
    return np.fromiter((text_hash(matching_form(text)) for text in texts), np.uint64)


def require_text(name: str, values: Sequence[Any]) -> None:
    """Raises RewardGateError that names the first of n values that is no Unicode text.

    name: of a value, in the error. A surrogate alone is what bytes that are not UTF-8 become under
    `errors="surrogateescape"`; no tokenizer takes it.
    """
    for number, value in enumerate(values, start=1):
        if not isinstance(value, str):
            kind = type(value).__name__
            raise RewardGateError(f"{name} {number}: must be text, and is {kind}; give a string")
        try:
            value.encode()
        except UnicodeEncodeError as error:
            raise RewardGateError(
                f"{name} {number}: character {error.start + 1} is a surrogate, so it is no Unicode "
                "text; decode it from the encoding that it was written in"
            ) from None
