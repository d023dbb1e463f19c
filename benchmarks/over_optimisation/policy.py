"""The policy: a causal language model of two layers whose tokens are pieces of a response."""

from collections.abc import Sequence

import numpy as np
import torch
from tokenizers import Tokenizer, models, pre_tokenizers
from torch import Tensor
from torch.nn.functional import cross_entropy, log_softmax
from transformers import LlamaConfig, LlamaForCausalLM, PreTrainedTokenizerFast

from benchmarks.over_optimisation.pieces import DRESS, PIECES, TALK
from rewardgate.simulate.simulation import DOMAINS

MOST_PIECES = 16
"""Of a response, its end included."""

PAD, END = "<pad>", "<end>"
TOKENS = (PAD, END, *DOMAINS, *PIECES)
ID = {token: number for number, token in enumerate(TOKENS)}

ANSWER_SHARES = {"right": 3, "right_in_full": 3, "wrong": 4, "off_topic": 3, "refusal": 1}
"""As in `simulate.kinds.KINDS`, where a refusal is rarer still."""

RAMBLING_SHARE = 0.25
MOST_TALK = 4
DRESS_SHARE = 0.2

WARM_UP_STEPS, WARM_UP_BATCH, WARM_UP_RATE = 200, 64, 3e-3


def make_tokenizer() -> PreTrainedTokenizerFast:
    """One token a piece; a prompt is one token, its domain."""
    words = Tokenizer(models.WordLevel(ID, unk_token=PAD))
    words.pre_tokenizer = pre_tokenizers.WhitespaceSplit()
    return PreTrainedTokenizerFast(tokenizer_object=words, pad_token=PAD, eos_token=END)


def draw_response(rng: np.random.Generator) -> list[str]:
    """Pieces as the simulator's answers have them: an answer, at times with talk or dress."""
    names = list(ANSWER_SHARES)
    shares = np.array(list(ANSWER_SHARES.values()), dtype=float)
    pieces = [names[rng.choice(len(names), p=shares / shares.sum())]]
    if rng.random() < RAMBLING_SHARE:
        count = int(rng.integers(1, MOST_TALK + 1))
        pieces = [*(TALK[i] for i in rng.permutation(len(TALK))[:count]), *pieces]
    if rng.random() < DRESS_SHARE:
        pieces.insert(int(rng.choice([0, len(pieces)])), str(rng.choice(list(DRESS))))
    return pieces


def warmed_up(seed: int) -> LlamaForCausalLM:
    """A fresh policy after a short supervised training on `draw_response`: where RL starts."""
    torch.manual_seed(seed)
    config = LlamaConfig(
        vocab_size=len(TOKENS),
        hidden_size=64,
        num_hidden_layers=2,
        num_attention_heads=4,
        intermediate_size=128,
        max_position_embeddings=MOST_PIECES + 1,
        pad_token_id=ID[PAD],
        eos_token_id=ID[END],
        bos_token_id=None,
    )
    policy = LlamaForCausalLM(config)
    optimiser = torch.optim.AdamW(policy.parameters(), lr=WARM_UP_RATE)
    rng = np.random.default_rng(seed)
    domains = list(DOMAINS)
    for _ in range(WARM_UP_STEPS):
        rows = [
            [domains[int(rng.integers(len(domains)))], *draw_response(rng), END]
            for _ in range(WARM_UP_BATCH)
        ]
        longest = max(map(len, rows))
        padded = [[ID[token] for token in row] + [ID[PAD]] * (longest - len(row)) for row in rows]
        ids = torch.tensor(padded)
        logits = policy(input_ids=ids, attention_mask=(ids != ID[PAD]).long()).logits[:, :-1]
        loss = cross_entropy(logits.transpose(1, 2), ids[:, 1:], ignore_index=ID[PAD])
        optimiser.zero_grad()
        loss.backward()
        optimiser.step()
    return policy.eval()


@torch.no_grad()
def sample(policy: LlamaForCausalLM, domains: Sequence[str], seed: int) -> list[list[str]]:
    """One response, as pieces, for each of n prompts."""
    torch.manual_seed(seed)
    prompts = torch.tensor([[ID[domain]] for domain in domains])
    ids = policy.generate(
        input_ids=prompts,
        attention_mask=torch.ones_like(prompts),
        do_sample=True,
        top_k=0,
        max_new_tokens=MOST_PIECES,
    )
    return [pieces_of(row) for row in ids[:, 1:].tolist()]


def pieces_of(ids: Sequence[int]) -> list[str]:
    """The pieces among token ids, up to the end."""
    tokens = [TOKENS[number] for number in ids]
    until = tokens.index(END) if END in tokens else len(tokens)
    return [token for token in tokens[:until] if token in PIECES]


@torch.no_grad()
def kl_divergence(
    policy: LlamaForCausalLM,
    start: LlamaForCausalLM,
    domains: Sequence[str],
    responses: Sequence[Sequence[str]],
) -> float:
    """KL(policy || start) in nats a response, from n responses that the policy drew.

    At every position the divergence of the next token is exact, and these are summed along a
    response: the Rao-Blackwellised estimate of Amini et al. 2025, arXiv 2504.10637.
    """
    rows = [
        [ID[domain], *(ID[piece] for piece in pieces)]
        for domain, pieces in zip(domains, responses, strict=True)
    ]
    longest = min(max(map(len, rows)), MOST_PIECES)
    rows = [row[:longest] for row in rows]
    ids = torch.tensor([row + [ID[PAD]] * (longest - len(row)) for row in rows])
    mask = ids != ID[PAD]
    ours, theirs = (_log_probabilities(model, ids, mask) for model in (policy, start))
    by_position = (ours.exp() * (ours - theirs)).sum(-1) * mask
    return float(by_position.sum(-1).mean())


def _log_probabilities(model: LlamaForCausalLM, ids: Tensor, mask: Tensor) -> Tensor:
    return log_softmax(model(input_ids=ids, attention_mask=mask.long()).logits.float(), dim=-1)
