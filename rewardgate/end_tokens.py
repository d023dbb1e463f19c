"""The end of a policy's response, which is no part of the text."""

END_TOKENS = (
    "<|im_end|>",
    "<|endoftext|>",
    "<|eot_id|>",
    "<|end_of_text|>",
    "<end_of_turn>",
    "<eos>",
    "</s>",
    "<pad>",
    "[PAD]",
)
"""End and pad tokens of the usual policies, which a decoded response ends in."""


def without_end(response: str, end_tokens: tuple[str, ...]) -> str:
    """A response without the end and pad tokens, if any, that it ends in, and the space there."""
    while (stripped := response.rstrip()).endswith(end_tokens):
        token = next(token for token in end_tokens if stripped.endswith(token))
        response = stripped.removesuffix(token)
    return response
