"""Rows in which texts that begin alike share all that they have in common.

The prefixes of a response, each closed as the chat template closes a response, are the paths of a
tree: the response is its trunk, and the closing of each prefix (with the few tokens that come out
differently where a text ends) a branch. One pass over the tree gives every prefix the score that it
has alone, since a token attends to its ancestors and to nothing else (the tree attention of Miao et
al. 2023, "SpecInfer", section 4.2) and stands at its depth.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from rewardgate.packed_attention import Segment
from rewardgate.packing import Row


@dataclass(frozen=True)
class Tree:
    """Texts as one tree of n tokens, each token after its parent.

    tokens, parents, depths: (n,); the parent of a first token is -1
    starts, ends: where each text begins and ends, as positions among the n
    """

    tokens: list[int]
    parents: list[int]
    depths: list[int]
    starts: list[int]
    ends: list[int]

    @classmethod
    def of(cls, texts: Sequence[Sequence[int]]) -> "Tree":
        """The tree of texts, given as token ids."""
        tree = cls([], [], [], [], [])
        places: dict[tuple[int, int], int] = {}
        for ids in texts:
            at = -1
            for depth, token in enumerate(ids):
                place = places.setdefault((at, token), len(places))
                if place == len(tree.tokens):
                    tree.tokens.append(token)
                    tree.parents.append(at)
                    tree.depths.append(depth)
                at = place
            tree.starts.append(places[-1, ids[0]])
            tree.ends.append(at)
        return tree

    def mask(self) -> Tensor:
        """(n, n) True where the second token is the first one or one of its ancestors."""
        mask = torch.eye(len(self.tokens), dtype=torch.bool)
        for at, parent in enumerate(self.parents):
            if parent >= 0:
                mask[at] |= mask[parent]
        return mask


def tree_rows(groups: Sequence[Sequence[Sequence[int]]], budget: int) -> list[Row]:
    """Rows of about `budget` tokens, for causal decoders; each group of texts is one tree.

    The rows' `texts` count through the groups. A tree is never cut.
    """
    rows: list[Row] = []
    pending: list[Tree] = []
    held = done = 0
    for tree in map(Tree.of, groups):
        if pending and held + len(tree.tokens) > budget:
            rows.append(_row(pending, done))
            done += len(rows[-1].texts)
            pending, held = [], 0
        pending.append(tree)
        held += len(tree.tokens)
    return [*rows, _row(pending, done)] if pending else rows


def _row(trees: Sequence[Tree], done: int) -> Row:
    first: list[int] = []
    last: list[int] = []
    start = 0
    for tree in trees:
        first.extend(start + at for at in tree.starts)
        last.extend(start + at for at in tree.ends)
        start += len(tree.tokens)
    return Row(
        torch.tensor([[token for tree in trees for token in tree.tokens]]),
        torch.tensor([[depth for tree in trees for depth in tree.depths]]),
        None,
        [Segment(len(tree.tokens), mask=tree.mask()) for tree in trees],
        torch.tensor(first),
        torch.tensor(last),
        list(range(done, done + len(last))),
    )
