"""Two normal forms of text: the one that is stored, and the one that is compared."""

import re
import unicodedata

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
