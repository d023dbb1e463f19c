"""Near-duplicate grouping by itself: python -m benchmarks.grouping, in a project after ingest."""

from rewardgate.canonical import Chunks
from rewardgate.near_duplicates import code_prompts
from rewardgate.settings import load_settings


def main() -> None:
    settings = load_settings().split
    chunks = Chunks("data/ingested/responses.parquet", ("prompt", "ranking_id"))
    codes = code_prompts(
        (prompt for rows in chunks for prompt in rows.drop_duplicates("ranking_id")["prompt"]),
        settings.near_duplicate_similarity,
        settings.shingle_chars,
        settings.permutations,
    )
    groups = codes.group.max() + 1
    print(f"grouping: {len(codes.form)} rankings, {codes.form.max() + 1} prompts, {groups} groups")


if __name__ == "__main__":
    main()
