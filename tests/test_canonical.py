"""A table is read in pieces of whole rankings, however its rows are grouped in the file."""

from pathlib import Path

import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given
from hypothesis import strategies as st

from rewardgate.canonical import Chunks
from rewardgate.errors import RewardGateError


@given(st.lists(st.integers(1, 5), max_size=8), st.integers(1, 7))
def test_pieces_hold_whole_rankings_and_all_rows(
    tmp_path_factory: pytest.TempPathFactory, sizes: list[int], rows_a_group: int
) -> None:
    ids = [f"k{number}" for number, size in enumerate(sizes) for _ in range(size)]
    table = pa.table({"ranking_id": pa.array(ids, pa.string()), "row": range(len(ids))})
    path = tmp_path_factory.mktemp("rows") / "rows.parquet"
    pq.write_table(table, path, row_group_size=rows_a_group)
    chunks = Chunks(path)
    pieces = list(chunks)
    for read in (pieces, [part.read() for part in chunks.parts()]):
        assert pd.concat(read)["row"].tolist() == list(range(len(ids)))
        seen = [set(piece["ranking_id"]) for piece in read]
        assert sum(map(len, seen)) == len(sizes)
        assert max(map(len, read)) <= rows_a_group + 5
    assert [len(piece) for piece in chunks] == [len(piece) for piece in pieces]
    rows = Chunks(path, ("row",))
    assert sum(map(len, rows)) == sum(len(part.read()) for part in rows.parts()) == len(ids)


def test_missing_or_broken_file(tmp_path: Path) -> None:
    with pytest.raises(RewardGateError, match="no such file; run the stage that writes it"):
        list(Chunks(tmp_path / "none.parquet"))
    with pytest.raises(RewardGateError, match="no such file; run the stage that writes it"):
        Chunks(tmp_path / "none.parquet").parts()
    (tmp_path / "broken.parquet").write_bytes(b"no")
    with pytest.raises(RewardGateError, match="not a readable Parquet file"):
        list(Chunks(tmp_path / "broken.parquet"))
