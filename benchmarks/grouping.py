"""Near-duplicate grouping by itself: python -m benchmarks.grouping, in a project after ingest."""

from rewardgate.canonical import Chunks
from rewardgate.near_duplicates import group_prompts
from rewardgate.settings import load_settings


def main() -> None:
    settings = load_settings().split
    chunks = Chunks("data/ingested/responses.parquet", ("prompt", "ranking_id"))
    group = group_prompts(
        (prompt for rows in chunks for prompt in rows.drop_duplicates("ranking_id")["prompt"]),
        settings.near_duplicate_similarity,
        settings.shingle_chars,
        settings.permutations,
    )
    print(f"grouping: {len(group)} rankings, {group.max() + 1} groups")


if __name__ == "__main__":
    main()
