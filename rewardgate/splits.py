"""Prompts to train, eval, calibration and test, such that nothing is in two of them.

Each prompt has a home: a keyed hash of its matching form, mapped onto the shares. The home
depends on nothing else, so a prompt keeps it whatever data is added, removed or reordered.
What would stand in two splits is excluded from the less protected one, never moved:

1. Where near-duplicate prompts have different homes, the most protected home stays.
2. Where a response text stands in several splits, the rows in the most protected one stay.
3. A ranking left with fewer than two distinct ranks is excluded.

Where training starts from a model that was trained before, what that one has seen comes first: a
ranking leaves the held-out splits if its prompt or a near-duplicate was trained on, and a response
if its text was. What was held out and chose the best weights (eval) stays out of calibration and
test in the same way. Rankings with the home train stay there.

The rows are gone through twice: to number prompts, groups and texts, and to write what stays. What
is decided in between (see `rewardgate.exclusions`) is decided on numbers, so no text is held.
"""

import hashlib
import hmac
import tempfile
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from functools import partial
from itertools import chain
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
from numpy.typing import NDArray

from rewardgate.canonical import SCHEMA
from rewardgate.engine import Row, in_order
from rewardgate.errors import RewardGateError
from rewardgate.exclusions import NEAR_DUPLICATE as NEAR_DUPLICATE
from rewardgate.exclusions import REASONS, Exclusions
from rewardgate.exclusions import SEEN_PROMPT as SEEN_PROMPT
from rewardgate.exclusions import SEEN_TEXT as SEEN_TEXT
from rewardgate.exclusions import SHARED_TEXT as SHARED_TEXT
from rewardgate.exclusions import TOO_FEW_RANKS as TOO_FEW_RANKS
from rewardgate.files import read_table, table_writer
from rewardgate.leakage import Leakage, composition
from rewardgate.near_duplicates import Codes, Sketch, code_sketches, group_prompts, sketch
from rewardgate.normalise import matching_form, text_hashes
from rewardgate.out_of_core import database
from rewardgate.pairs import pairs_of
from rewardgate.settings import Split

SPLITS = ("train", "eval", "calibration", "test")
PROTECTION = ("test", "calibration", "eval", "train")
"""Most protected first; a level is a position in this tuple."""

CODES = np.array([SPLITS.index(name) for name in PROTECTION])
"""Of each level: a position in SPLITS."""

EXCLUDED = "excluded"
EXCLUDED_COLUMNS = ("split", "reason", "collides_with", "collides_with_split")
EXCLUDED_SCHEMA = pa.schema([*SCHEMA, *((name, pa.large_string()) for name in EXCLUDED_COLUMNS)])


@dataclass(frozen=True)
class SplitResult:
    """`splits` holds the canonical table of each split.

    `excluded` adds to its columns: split (the home), reason, collides_with (a prompt_id, empty
    if none) and collides_with_split. `report` is JSON-able.
    """

    splits: dict[str, pd.DataFrame]
    excluded: pd.DataFrame
    report: dict[str, Any]


def home_of(prompt: str, settings: Split) -> str:
    """The split that a prompt belongs to, by HMAC-SHA256 of its matching form under the key."""
    digest = hmac.digest(settings.key.encode(), matching_form(prompt).encode(), "sha256")
    position = int.from_bytes(digest[:8], "big") / 2**64
    for split in PROTECTION[:-1]:
        position -= getattr(settings.shares, split)
        if position < 0:
            return split
    return PROTECTION[-1]


def homes_of(prompts: Sequence[str], settings: Split) -> list[str | None]:
    """The split of each prompt; None where a near-duplicate has a more protected one."""
    group = group_prompts(
        prompts,
        settings.near_duplicate_similarity,
        settings.shingle_chars,
        settings.permutations,
    )
    level = [PROTECTION.index(home_of(prompt, settings)) for prompt in prompts]
    lowest = pd.Series(level).groupby(group).transform("min").to_numpy()
    return [
        PROTECTION[own] if own == kept else None for own, kept in zip(level, lowest, strict=True)
    ]


def split(
    responses: pd.DataFrame, settings: Split, seen: pd.DataFrame | None = None
) -> SplitResult:
    """The same as `split_files`, in memory, for a table that fits there."""
    with tempfile.TemporaryDirectory(prefix="rewardgate-") as temporary:
        folder = Path(temporary)
        report = split_files([responses], settings, folder, seen)
        tables = {name: read_table(folder / f"{name}.parquet") for name in (*SPLITS, EXCLUDED)}
    return SplitResult({name: tables[name] for name in SPLITS}, tables[EXCLUDED], report)


def split_files(
    chunks: Iterable[pd.DataFrame],
    settings: Split,
    folder: Path,
    seen: pd.DataFrame | None = None,
) -> dict[str, Any]:
    """Split the canonical table into Parquet files in `folder`, by the rules above.

    chunks: the table in pieces of whole rankings, gone through twice
    seen: the record (see `trained_on`) of the model that training starts from; None for a base
    Returns the report. Raises RewardGateError if a split comes out empty.
    """
    with database() as connection:
        exclusions = Exclusions(connection)
        levels: list[int] = []
        known, trained_at = _known(seen, exclusions)
        codes = code_sketches(
            chain(_sketched(chunks, exclusions, levels, settings), [_sketch(known, settings)]),
            settings.near_duplicate_similarity,
            settings.permutations,
        )
        level = np.array(levels, np.int64)
        exclusions.know("seen_groups", "near", codes.group[len(level) :], trained_at)
        codes = Codes(codes.form[: len(level)], codes.group[: len(level)])
        exclusions.decide(codes.group, level)
        _refuse_empty(exclusions.levels_left(), prompts=int(codes.form.max(initial=-1)) + 1)
        groups = np.zeros(codes.form.max(initial=-1) + 1, np.int64)
        groups[codes.form] = codes.group
        ours, by_pair = (
            Leakage(connection, name, groups, len(SPLITS)) for name in ("ours", "by_pair")
        )
        wanted = {name: float(getattr(settings.shares, name)) for name in SPLITS}
        draw = _Drawn(wanted, settings.key)
        with ExitStack() as stack:
            writers = {
                name: stack.enter_context(table_writer(folder / f"{name}.parquet", schema))
                for name, schema in (
                    *((name, SCHEMA) for name in SPLITS),
                    (EXCLUDED, EXCLUDED_SCHEMA),
                )
            }
            for one in _placed(chunks, exclusions, codes.form, level):
                for name, rows in one.tables().items():
                    writers[name](rows)
                one.count(ours, by_pair, draw)
        sizes = exclusions.kept_sizes()
        return {
            "wanted_shares": wanted,
            **composition(
                {
                    name: {
                        "rankings": sizes[PROTECTION.index(name)][0],
                        "responses": sizes[PROTECTION.index(name)][1],
                        "pairs": int(ours.pairs[at]),
                    }
                    for at, name in enumerate(SPLITS)
                },
                _prompts_left(exclusions),
            ),
            "near_duplicates": _group_sizes(groups),
            "excluded": exclusions.counts(),
            "leakage": {"this_split": ours.figures(), "pair_level_split": by_pair.figures()},
        }


def _sketch(prompts: Sequence[str], settings: Split) -> Sketch:
    return sketch(
        prompts,
        settings.near_duplicate_similarity,
        settings.shingle_chars,
        settings.permutations,
    )


def _known(
    seen: pd.DataFrame | None, exclusions: Exclusions
) -> tuple[list[str], NDArray[np.int64]]:
    """Prompts that were trained on, and at which level; the texts go to `exclusions`."""
    if seen is None:
        return [], np.empty(0, np.int64)
    level = np.array([PROTECTION.index(split) for split in seen["split"]], np.int64)
    exclusions.know("seen_texts", "text", seen["text"].to_numpy(np.uint64), level)
    of_prompt = pd.Series(level).groupby(seen["prompt"].to_numpy()).max()
    return of_prompt.index.tolist(), of_prompt.to_numpy(np.int64)


def _sketched(
    chunks: Iterable[pd.DataFrame], exclusions: Exclusions, levels: list[int], settings: Split
) -> Iterator[Sketch]:
    """Sketches of the rankings' prompts; levels go to `levels` and rows to `exclusions`."""
    row = 0
    for one in in_order(partial(_numbers, settings=settings), chunks):
        text = one["text"]
        exclusions.add(
            np.arange(row, row + len(text)),
            one["ranking"] + len(levels),
            one["rank"],
            text,
            pd.DataFrame(
                {
                    "prompt_id": one["prompt_id"],
                    "domain": one["domain"],
                    "ranking": np.arange(len(one["level"])) + len(levels),
                }
            ),
        )
        row += len(text)
        levels.extend(one["level"].tolist())
        yield Sketch(*(one[name] for name in Sketch._fields))


def _numbers(responses: pd.DataFrame, settings: Split) -> Row:
    """What is to be known of the texts of whole rankings, each by itself: of the rows `ranking`
    (from 0), `rank` and `text`, a hash; of the rankings `prompt_id`, `domain`, `level` and the
    sketch of the prompts."""
    ranking, first = _rankings(responses)
    first_rows = responses.iloc[first]
    prompts = first_rows["prompt"].tolist()
    level_of = {
        prompt: PROTECTION.index(home_of(prompt, settings)) for prompt in dict.fromkeys(prompts)
    }
    return {
        "ranking": ranking,
        "rank": responses["rank"].to_numpy(np.int32),
        "text": text_hashes(responses["text"]),
        "prompt_id": first_rows["prompt_id"].tolist(),
        "domain": first_rows["domain"].tolist(),
        "level": np.array([level_of[prompt] for prompt in prompts], np.int64),
        **_sketch(prompts, settings)._asdict(),
    }


def _rankings(responses: pd.DataFrame) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Number of each row's ranking (rows,), in order of appearance, and their first rows."""
    ranking = pd.factorize(responses["ranking_id"])[0].astype(np.int64)
    return ranking, np.unique(ranking, return_index=True)[1]


@dataclass(frozen=True)
class _Placed:
    """Rows with their numbers (rows,): form of the prompt, code of the home, hash of the text;
    `lost` names the excluded among them by their place."""

    responses: pd.DataFrame
    form: NDArray[np.int64]
    code: NDArray[np.int64]
    text: NDArray[np.uint64]
    lost: pd.DataFrame

    @property
    def kept(self) -> NDArray[np.bool_]:
        kept = np.ones(len(self.responses), bool)
        kept[self.lost["row"]] = False
        return kept

    def tables(self) -> dict[str, pa.Table]:
        """What goes to each file."""
        table = pa.Table.from_pandas(self.responses, SCHEMA, preserve_index=False)
        kept = self.kept
        tables = {name: table.filter(kept & (self.code == at)) for at, name in enumerate(SPLITS)}
        lost = table.take(self.lost["row"].to_numpy())
        splits = np.array([*PROTECTION, ""], object)
        for name, values in zip(
            EXCLUDED_COLUMNS,
            (
                np.array(SPLITS, object)[self.code[self.lost["row"]]],
                np.array(REASONS, object)[self.lost["reason"]],
                self.lost["keeper"],
                splits[self.lost["least"]],
            ),
            strict=True,
        ):
            lost = lost.append_column(name, pa.array(values, pa.large_string()))
        return tables | {EXCLUDED: lost}

    def count(self, ours: Leakage, by_pair: Leakage, drawn: "_Drawn") -> None:
        """Count the pairs of this split, and of one that assigns each pair by itself."""
        kept = self.kept
        for counted, rows, by_itself in ((ours, kept, False), (by_pair, np.ones_like(kept), True)):
            pairs = pairs_of(self.responses[rows])
            chosen, rejected = (pairs[side].to_numpy() for side in ("chosen", "rejected"))
            split = drawn(len(pairs)) if by_itself else self.code[rows][chosen]
            counted.add(self.form[rows][chosen], chosen, rejected, split, self.text[rows])


def _placed(
    chunks: Iterable[pd.DataFrame],
    exclusions: Exclusions,
    form: NDArray[np.int64],
    level: NDArray[np.int64],
) -> Iterator[_Placed]:
    """The rows again, with what has been decided. form, level: of each ranking."""
    row = rankings = 0
    for responses in chunks:
        ranking, first = _rankings(responses)
        ranking += rankings
        lost = exclusions.between(row, row + len(responses))
        lost["row"] -= row
        text = exclusions.texts(row, row + len(responses))
        yield _Placed(responses, form[ranking], CODES[level[ranking]], text, lost)
        row += len(responses)
        rankings += len(first)


class _Drawn:
    """Splits of pairs drawn at random by the shares, the same for the same key."""

    def __init__(self, shares: Mapping[str, float], key: str) -> None:
        seed = int.from_bytes(hashlib.sha256(key.encode()).digest()[:8], "big")
        self._random = np.random.default_rng(seed)
        chance = np.array(list(shares.values()))
        self._chance = chance / chance.sum()

    def __call__(self, pairs: int) -> NDArray[np.int64]:
        return self._random.choice(len(self._chance), size=pairs, p=self._chance)


def _refuse_empty(levels: set[int], prompts: int) -> None:
    empty = [name for name in SPLITS if PROTECTION.index(name) not in levels]
    if empty:
        raise RewardGateError(
            f"split: no ranking for {', '.join(empty)} from {prompts} prompts; add rankings, "
            f"raise split.shares there, or check split.near_duplicate_similarity"
        )


def _prompts_left(exclusions: Exclusions) -> pd.DataFrame:
    """How many prompts are left by domain (row) and split (column)."""
    counts = exclusions.kept_prompts()
    counts["split"] = np.array(PROTECTION, object)[counts["level"]]
    table = counts.pivot(index="domain", columns="split", values="prompts")
    return table.reindex(columns=list(SPLITS)).fillna(0).astype(np.int64)


def _group_sizes(groups: NDArray[np.int64]) -> dict[str, Any]:
    members = np.bincount(groups)
    sizes, count = np.unique(members[members > 1], return_counts=True)
    return {
        "groups": int(count.sum()),
        "prompts_in_groups": int((sizes * count).sum()),
        "sizes": {str(size): int(n) for size, n in zip(sizes, count, strict=True)},
    }
