"""The rule on a response's language."""

import re
from copy import copy
from functools import lru_cache
from typing import Annotated, Any

from py3langid.langid import MODEL_FILE, LanguageIdentifier
from pydantic import AfterValidator, Field

NOT_PROSE = re.compile(
    r"```.*?(?:```|\Z)|`[^`\n]*`|https?://\S+|\$\$.*?\$\$|\$[^$\n]*\$", re.DOTALL
)
MAX_CHARS = 10_000
"""The classifier reads no more than this."""

LEAST_PROBABILITY = 0.1
"""Below this a text is not in a language; above, the two may be written alike (zh and wuu)."""


@lru_cache(maxsize=64)
def _identifier(languages: tuple[str, ...] | None) -> LanguageIdentifier:
    if languages is None:
        return LanguageIdentifier.from_model_file(MODEL_FILE, norm_probs=True)
    identifier = copy(_identifier(None))
    identifier.set_languages(list(languages))
    return identifier


def _known(language: str) -> str:
    if language not in _identifier(None).labels:
        raise ValueError(f"{language!r} is no known ISO 639-1 code")
    return language


Language = Annotated[str, AfterValidator(_known)]


def in_language(
    prompt: str,
    response: str,
    reference: Any,
    *,
    language: Language | None = None,
    among: Annotated[tuple[Language, ...], Field(min_length=2)] | None = None,
    min_letters: Annotated[int, Field(ge=1)] = 60,
) -> float:
    """1 if the response may be in the language, else 0; 1 where a text is too short to tell.

    language: ISO 639-1 code; by default the prompt's language
    among: the codes to choose from; by default all that py3langid knows. A short list tells close
        languages (Danish and Norwegian, Czech and Slovak) and short texts apart better
    min_letters: below this, after code, formulas and addresses are taken out, a text is too short;
        a letter of a script that writes words with one or two (Chinese, Japanese) counts as four
    """
    if language is not None and among is not None and language not in among:
        raise ValueError(f"among does not hold the language {language}")
    own = _probabilities(response, among, min_letters)
    if language is None:
        asked = _probabilities(prompt, among, min_letters)
        language = max(asked, key=lambda one: asked[one]) if asked else None
    if not own or language is None:
        return 1.0
    return float(own[language] >= LEAST_PROBABILITY)


def _probabilities(text: str, among: tuple[str, ...] | None, min_letters: int) -> dict[str, float]:
    """Of each language; empty if the text is too short to tell."""
    prose = NOT_PROSE.sub(" ", text)[:MAX_CHARS]
    letters = sum((4 if character >= "\u3040" else 1) for character in prose if character.isalpha())
    return dict(_identifier(among).rank(prose)) if letters >= min_letters else {}
