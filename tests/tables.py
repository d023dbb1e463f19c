"""Small canonical tables for tests."""

import pandas as pd


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
