import torch
from hypothesis import given
from hypothesis import strategies as st
from torch import Tensor, nn

from rewardgate.packed_attention import FILL, Segment, attend, attention_pattern

HEADS, KEY_HEADS, WIDTH = 4, 2, 8


@st.composite
def rows(draw: st.DrawFn) -> list[Segment]:
    """Runs of tokens: prefixes, what follows them, and trees."""
    segments: list[Segment] = []
    for _ in range(draw(st.integers(1, 5))):
        kind = draw(st.sampled_from(["alone", "shared", "tree"]))
        length = draw(st.integers(1, 9))
        if kind == "tree":
            flips = st.lists(st.booleans(), min_size=length**2, max_size=length**2)
            drawn = torch.tensor(draw(flips)).view(length, length).tril()
            segments.append(Segment(length, mask=drawn | torch.eye(length, dtype=torch.bool)))
            continue
        segments.append(Segment(length))
        if kind == "shared":
            prefix = len(segments) - 1
            tails = draw(st.lists(st.integers(1, 6), min_size=1, max_size=4))
            segments.extend(Segment(tail, prefix) for tail in tails)
    return segments


def whole_mask(segments: list[Segment], causal: bool) -> Tensor:
    """(length, length) what attends to what, written down token by token."""
    owner = [n for n, segment in enumerate(segments) for _ in range(segment.length)]
    starts = [owner.index(n) for n in range(len(segments))]
    mask = torch.zeros(len(owner), len(owner), dtype=torch.bool)
    for a, mine in enumerate(owner):
        for b, other in enumerate(owner):
            segment = segments[mine]
            if other == mine and segment.mask is not None:
                mask[a, b] = segment.mask[a - starts[mine], b - starts[mine]]
            elif other in (mine, segment.prefix):
                mask[a, b] = b <= a or not causal
    return mask


@given(rows(), st.booleans(), st.sampled_from([0.0, 0.5, 10.0]), st.data())
def test_attention_and_its_gradient_are_those_of_one_mask_for_the_row(
    segments: list[Segment], causal: bool, fill: float, data: st.DataObject
) -> None:
    length = sum(segment.length for segment in segments)
    at = None
    if data.draw(st.booleans()):
        asked = data.draw(st.sets(st.integers(0, length - 1), min_size=1))
        at = torch.tensor(sorted(asked))
    generator = torch.Generator().manual_seed(length)
    states = [
        torch.randn(1, heads, length, WIDTH, dtype=torch.float64, generator=generator)
        for heads in (HEADS, KEY_HEADS, KEY_HEADS)
    ]
    query, key, value = (s.requires_grad_() for s in states)
    pattern = attention_pattern(segments, causal, fill, at)
    found, _ = attend(nn.Module(), query, key, value, None, scaling=0.3, pattern=pattern)
    gradients = torch.autograd.grad(found.square().sum(), states)

    keys, values = (s.repeat_interleave(HEADS // KEY_HEADS, dim=1) for s in (key, value))
    logits = 0.3 * query @ keys.transpose(2, 3)
    seen = whole_mask(segments, causal)
    expected = (logits.masked_fill(~seen, -torch.inf).softmax(-1) @ values).transpose(1, 2)
    if at is not None:
        kept = torch.zeros(length, 1, 1, dtype=torch.float64)
        kept[at] = 1
        expected = expected * kept
    assert torch.allclose(found, expected)
    for ours, theirs in zip(
        gradients, torch.autograd.grad(expected.square().sum(), states), strict=True
    ):
        assert torch.allclose(ours, theirs, atol=1e-10)


@given(
    st.lists(st.tuples(st.integers(1, 300), st.booleans()), min_size=1, max_size=60),
    st.sampled_from([0.0, 0.2, 0.5]),
    st.booleans(),
)
def test_filling_up_stays_within_its_share(
    runs: list[tuple[int, bool]], fill: float, causal: bool
) -> None:
    segments = [Segment(20), *(Segment(n, 0 if shares else None) for n, shares in runs)]
    pattern = attention_pattern(segments, causal, fill)
    computed = sum(call.runs * call.queries * call.keys for call in pattern.calls)
    needed = 400 + sum(n * (n + 20 * shares) for n, shares in runs)
    assert needed <= computed <= (1 + fill) * needed
    if fill == 0:
        assert computed == needed


def test_a_gpu_is_given_few_calls() -> None:
    """Eight rankings of nine responses of very different lengths, the prompt of each shared."""
    lengths = torch.randn(72, generator=torch.Generator().manual_seed(0)).mul(0.8).add(4).exp()
    segments = []
    for ranking in lengths.long().add(1).view(8, 9).tolist():
        segments.append(Segment(60 + len(segments)))
        prefix = len(segments) - 1
        segments.extend(Segment(length, prefix) for length in ranking)
    assert len(attention_pattern(segments, True, FILL["cuda"]).calls) < len(segments) / 5
