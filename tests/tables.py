"""Small canonical tables for tests, and the words that the tiny tokenizers know."""

import pandas as pd

TEXT = (
    "user assistant what is the capital of france paris london berlin it was two plus four hello "
    "world good bad answer question yes no please thank you very long short"
)
WORDS = [*TEXT.split(), *".,?!:-0123456789abcdefghijklmnopqrstuvwxyz"]


def responses_table(
    rankings: list[tuple[str, list[tuple[str, int]]]], domain: str = "facts"
) -> pd.DataFrame:
    """A canonical table from (prompt, [(text, rank), ...]) rankings."""
    return pd.DataFrame(
        [
            {
                "prompt_id": f"p{number}",
                "prompt": prompt,
                "domain": domain,
                "source": "test",
                "annotator": "ann",
                "ranking_id": f"r{number}",
                "response_id": f"p{number}-{index}",
                "text": text,
                "rank": rank,
            }
            for number, (prompt, responses) in enumerate(rankings)
            for index, (text, rank) in enumerate(responses)
        ]
    ).astype({"rank": "int32"})
