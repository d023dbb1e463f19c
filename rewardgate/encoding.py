"""From a prompt and a response to token ids: one rendering, used in training and everywhere."""

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor
from transformers import PreTrainedTokenizerBase

MIN_PROMPT_SHARE = 0.25
"""Share of the token budget that a prompt keeps when its response alone would fill it."""


@dataclass(frozen=True)
class Encoded:
    """Token ids of one rendered prompt and response, and whether either text was cut."""

    ids: list[int]
    prompt_cut: bool = False
    response_cut: bool = False


class Encoder:
    """Renders with the tokenizer's chat template, cuts to `max_length` tokens and tokenises.

    The prompt loses its beginning and the response is kept whole where it can; a response that
    would leave the prompt less than MIN_PROMPT_SHARE of the room loses its end.
    """

    def __init__(self, tokenizer: PreTrainedTokenizerBase, max_length: int) -> None:
        self.tokenizer = tokenizer
        self.max_length = max_length
        self.special = sorted(set(tokenizer.get_added_vocab()) | set(tokenizer.all_special_tokens))
        self.overhead = len(self._tokenise(self.render("", "")))

    def render(self, prompt: str, response: str) -> str:
        """The text that is scored: one user and one assistant message in the chat template."""
        messages = [
            {"role": "user", "content": self.defuse(prompt)},
            {"role": "assistant", "content": self.defuse(response)},
        ]
        return str(self.tokenizer.apply_chat_template(messages, tokenize=False))

    def defuse(self, text: str) -> str:
        """Break special tokens written out in a text, so that no text can pose as the template.

        '<|im_end|>' becomes '< |im_end|>': the characters stay, the special token does not.
        """
        for token in self.special:
            text = text.replace(token, f"{token[0]} {token[1:]}")
        return text

    def encode(self, prompt: str, response: str) -> Encoded:
        """Token ids, at most `max_length` of them."""
        ids, kept_prompt, kept_response = self._fit(prompt, response)
        return Encoded(ids, kept_prompt != prompt, kept_response != response)

    def fit(self, prompt: str, response: str) -> tuple[str, str]:
        """The end of the prompt and the beginning of the response that `encode` keeps."""
        _, kept_prompt, kept_response = self._fit(prompt, response)
        return kept_prompt, kept_response

    def count_tokens(self, text: str) -> int:
        """Length of a text in tokens, template aside."""
        return len(self._tokenise(self.defuse(text)))

    def token_ends(self, text: str) -> list[int]:
        """Where each token of a text ends, as a count of its characters: (tokens,), ascending."""
        return [end for _, end in self._spans(text)]

    def _fit(self, prompt: str, response: str) -> tuple[list[int], str, str]:
        ids = self._tokenise(self.render(prompt, response))
        if len(ids) <= self.max_length:
            return ids, prompt, response
        room = self.max_length - self.overhead
        while True:
            kept = self._cut(prompt, response, room)
            ids = self._tokenise(self.render(*kept))
            if len(ids) <= self.max_length:
                return ids, *kept
            room -= len(ids) - self.max_length

    def _cut(self, prompt: str, response: str, room: int) -> tuple[str, str]:
        prompt_spans, response_spans = self._spans(prompt), self._spans(response)
        for_prompt = max(room - len(response_spans), int(room * MIN_PROMPT_SHARE))
        for_prompt = min(for_prompt, len(prompt_spans))
        for_response = room - for_prompt
        if for_prompt < len(prompt_spans):
            prompt = prompt[prompt_spans[-for_prompt][0] :] if for_prompt > 0 else ""
        if for_response < len(response_spans):
            response = response[: response_spans[for_response - 1][1]] if for_response > 0 else ""
        return prompt, response

    def _tokenise(self, text: str) -> list[int]:
        return self.tokenizer(text, add_special_tokens=False, verbose=False)["input_ids"]

    def _spans(self, text: str) -> list[tuple[int, int]]:
        """Character span of each token of a text."""
        return self.tokenizer(
            text, add_special_tokens=False, return_offsets_mapping=True, verbose=False
        )["offset_mapping"]


def pad_right(rows: Sequence[Sequence[int]], pad_id: int) -> tuple[Tensor, Tensor]:
    """Stack token ids of unequal length, pads on the right.

    Returns input_ids (b, longest) and attention_mask (b, longest), 1 on real tokens.
    """
    longest = max(len(row) for row in rows)
    ids = torch.full((len(rows), longest), pad_id, dtype=torch.long)
    mask = torch.zeros((len(rows), longest), dtype=torch.long)
    for index, row in enumerate(rows):
        ids[index, : len(row)] = torch.tensor(row, dtype=torch.long)
        mask[index, : len(row)] = 1
    return ids, mask


def move_pads_right(input_ids: Tensor, attention_mask: Tensor) -> tuple[Tensor, Tensor]:
    """Move the real tokens of each row to its left, whichever side its pads are on.

    Both are (b, length). Position-dependent encoders and causal decoders alike then see each
    row as if it were alone.
    """
    order = torch.argsort(attention_mask, dim=1, descending=True, stable=True)
    return input_ids.gather(1, order), attention_mask.gather(1, order)
