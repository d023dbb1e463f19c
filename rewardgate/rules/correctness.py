"""Rules on a verifiable answer that is text; see maths.py and code.py for the others."""

import re
import string
import unicodedata
from typing import Annotated, Any

from pydantic import Field

from rewardgate.rules.errors import MissingReferenceError
from rewardgate.rules.patterns import Pattern, full_match, last_group

EDGE = string.whitespace + string.punctuation.translate(str.maketrans("", "", "+-%$()[]{}")) + "¿¡"

MAX_CHARS = 10_000

Letters = Annotated[str, Field(pattern=r"^[A-Z]{2,26}$")]


def required_reference(reference: Any) -> str:
    """The reference as text; numbers are written as Python writes them.

    Raises MissingReferenceError if it is None or empty, ValueError if it is not text or a number.
    """
    if reference is None or reference == "":
        raise MissingReferenceError("the prompt has no reference")
    if not isinstance(reference, str | int | float) or isinstance(reference, bool):
        raise ValueError(f"the reference must be text, not {type(reference).__name__}")
    return str(reference)


def normalised(text: str) -> str:
    """NFKC, case folded, spaces joined, without punctuation at the ends."""
    return " ".join(unicodedata.normalize("NFKC", text).casefold().split()).strip(EDGE)


def exact(prompt: str, response: str, reference: Any, *, answer: Pattern | None = None) -> float:
    """1 if the answer equals the reference after normalisation (see `normalised`), else 0.

    answer: what the answer is in the response, group 1 of its last match; by default all of it
    """
    wanted = normalised(required_reference(reference))
    given = response if answer is None else last_group(answer, response)
    return float(given is not None and normalised(given) == wanted)


def reference_regex(
    prompt: str, response: str, reference: Any, *, answer: Pattern | None = None
) -> float:
    """1 if the reference, a regular expression, matches the whole answer without the spaces around
    it, else 0.

    answer: as in `exact`
    Raises TimeoutError if the search takes more than a second.
    """
    pattern = required_reference(reference)
    given = response if answer is None else last_group(answer, response)
    return float(given is not None and full_match(pattern, given.strip()))


def choice(prompt: str, response: str, reference: Any, *, letters: Letters = "ABCD") -> float:
    r"""1 if the last letter that the response declares is the reference's, else 0.

    Declared: "answer: B", "the answer is (B)", "<answer>B", "\boxed{B}", or a line that is a letter
    alone ("B", "(B)", "**B.**"), or a response that starts with one ("B) because"). Capitals only,
    since "a" is a word. The last MAX_CHARS characters are read.
    """
    wanted = required_reference(reference).strip().strip("().").upper()
    if len(wanted) != 1 or wanted not in letters:
        raise ValueError(f"the reference {reference!r} is no letter of {letters}")
    one = f"[{letters}]"
    declared = re.compile(
        rf"(?i:answer)(?i:\s+is|\s*[:=>])+[\s*(]*(?P<a>{one})(?![\w'])"
        rf"|\\boxed\{{(?:\\text\{{)?\s*\(?(?P<b>{one})\)?\s*\}}"
        rf"|^[ \t*(]*(?P<c>{one})[ \t*).]*$"
        rf"|\A\s*\(?(?P<d>{one})[).:]",
        re.MULTILINE,
    )
    given = [match[match.lastgroup or 0] for match in declared.finditer(response[-MAX_CHARS:])]
    return float(bool(given) and given[-1] == wanted)
