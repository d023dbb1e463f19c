"""The real ranking files, where they lie beside the repository."""

from pathlib import Path

import pytest

from rewardgate.ingest import find_inputs, ingest
from rewardgate.settings import Shares, Split
from rewardgate.splits import split

DATA = Path(__file__).parents[2] / "shared" / "data"

pytestmark = pytest.mark.skipif(not DATA.is_dir(), reason="no ../shared/data beside the repository")


def test_real_files_ingest_whole_and_split_without_leakage() -> None:
    ingested = ingest(find_inputs(DATA).files, 0)
    counts = ingested.counts
    assert (counts["rankings"], counts["responses"]) == (662 + 1854, 4256 + 3708)
    assert counts["quarantined"] == counts["duplicates"] == 0
    result = split(
        ingested.responses,
        Split(
            key="rewardgate",
            shares=Shares(train=0.7, eval=0.1, calibration=0.1, test=0.1),
            near_duplicate_similarity=0.7,
            shingle_chars=5,
            permutations=128,
        ),
    )
    leakage = result.report["leakage"]
    assert leakage["this_split"]["groups_in_several_splits"] == 0
    assert leakage["this_split"]["response_texts_in_several_splits"] == 0
    assert leakage["pair_level_split"]["held_out_pairs_with_prompt_in_train"] > 0.8
    assert 0 < result.report["excluded"]["prompts"] < 0.05 * counts["prompts"]
