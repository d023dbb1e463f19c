"""A base model with a fresh reward head on top, or with the weights of a reward model."""

from pathlib import Path

import torch
from transformers import (
    AutoConfig,
    AutoModelForSequenceClassification,
    AutoTokenizer,
    PreTrainedModel,
    PreTrainedTokenizerBase,
)

from rewardgate.base_files import Base, find_base
from rewardgate.errors import RewardGateError


def load_base(name: str, seed: int) -> tuple[PreTrainedModel, PreTrainedTokenizerBase]:
    """Load a base as a one-label sequence classifier in float32 with a seeded, fresh head.

    Dropout is off: one epoch does not overfit by repetition, and a margin is then free of noise.
    The tokenizer always has a chat template and a pad token that no text can contain.
    Raises RewardGateError if the base cannot be loaded.
    """
    base = find_base(name)
    torch.manual_seed(seed)
    try:
        tokenizer = AutoTokenizer.from_pretrained(base.location, gguf_file=base.gguf_file)
        model = _load_classifier(base)
    except (OSError, ValueError, ImportError) as error:
        reason = " ".join(str(error).split())[:300]
        raise RewardGateError(f"train.base: {name}: cannot be loaded: {reason}") from None
    tokenizer.chat_template = base.chat_template or tokenizer.chat_template or _template(tokenizer)
    _set_pad_token(model, tokenizer)
    tokenizer.padding_side = "right"
    return model, tokenizer


def take_weights(model: PreTrainedModel, tokenizer: PreTrainedTokenizerBase, folder: Path) -> None:
    """Give a base the weights of a saved reward model on the same base, head included.

    Raises RewardGateError if architecture, configuration or tokenizer are not the base's.
    """
    try:
        other = AutoModelForSequenceClassification.from_pretrained(
            folder, dtype=torch.float32, use_safetensors=True, local_files_only=True
        )
        theirs = AutoTokenizer.from_pretrained(folder, local_files_only=True)
    except (OSError, ValueError) as error:
        reason = " ".join(str(error).split())[:300]
        raise RewardGateError(f"{folder}: cannot be loaded: {reason}") from None
    if fault := _difference(model, other) or _tokenizer_difference(tokenizer, theirs):
        raise RewardGateError(
            f"{folder}: training cannot start from it: {fault} than in train.base; set train.base "
            "to the base that it was trained on, or train.start to base"
        )
    model.load_state_dict(other.state_dict())


IDENTITY = ("_name_or_path", "transformers_version", "dtype", "architectures")
"""What a configuration says that says nothing of the network."""


def _difference(model: PreTrainedModel, other: PreTrainedModel) -> str | None:
    if type(model) is not type(other):
        return f"another architecture ({type(other).__name__}, not {type(model).__name__})"
    own, theirs = (one.config.to_dict() for one in (model, other))
    for key in sorted({*own, *theirs} - {*IDENTITY}):
        if own.get(key) != theirs.get(key):
            return f"another configuration ({key} {theirs.get(key)}, not {own.get(key)})"
    shapes, found = (
        {name: tuple(value.shape) for name, value in one.state_dict().items()}
        for one in (model, other)
    )
    return None if shapes == found else "other weights"


def _tokenizer_difference(
    tokenizer: PreTrainedTokenizerBase, other: PreTrainedTokenizerBase
) -> str | None:
    if tokenizer.get_vocab() != other.get_vocab():
        return "another vocabulary"
    if tokenizer.special_tokens_map != other.special_tokens_map:
        return "other special tokens"
    return None if tokenizer.chat_template == other.chat_template else "another chat template"


def _load_classifier(base: Base) -> PreTrainedModel:
    config = AutoConfig.from_pretrained(base.location, gguf_file=base.gguf_file)
    for key in vars(config):
        if key.endswith(("dropout", "dropout_prob", "pdrop")) and getattr(config, key):
            setattr(config, key, 0.0)
    config.num_labels = 1
    model = AutoModelForSequenceClassification.from_pretrained(
        base.location,
        config=config,
        gguf_file=base.gguf_file,
        dtype=torch.float32,
        use_safetensors=None if base.gguf_file else True,
    )
    if base.gguf_file is None:
        return model
    if hasattr(config, "quantization_config"):
        del config.quantization_config
    plain = AutoModelForSequenceClassification.from_config(config, dtype=torch.float32)
    plain.load_state_dict(model.state_dict())
    return plain


def _template(tokenizer: PreTrainedTokenizerBase) -> str:
    """A template for tokenizers without one: special tokens as literals, one text a message."""
    if tokenizer.cls_token and tokenizer.sep_token:
        start, end = tokenizer.cls_token, tokenizer.sep_token
        return (
            "{{ '" + start + "' }}{% for message in messages %}"
            "{{ message['content'] + '" + end + "' }}{% endfor %}"
        )
    return (
        "{% for message in messages %}{{ message['role'] + ': ' + message['content'] }}"
        "{% if not loop.last %}{{ '\\n\\n' }}{% endif %}{% endfor %}"
        "{{ '" + (tokenizer.eos_token or "") + "' }}"
    )


def _set_pad_token(model: PreTrainedModel, tokenizer: PreTrainedTokenizerBase) -> None:
    """Give model and tokenizer a pad token that is neither the end token nor in the template.

    transformers reads a decoder's score at the last token that is not the pad token, so a text
    that ends in its own pad token would be read too early.
    """
    template = str(tokenizer.chat_template)
    if tokenizer.pad_token is None or tokenizer.pad_token == tokenizer.eos_token:
        spare = [
            token
            for token in tokenizer.all_special_tokens
            if token not in (tokenizer.eos_token, tokenizer.bos_token) and token not in template
        ]
        if spare:
            tokenizer.pad_token = spare[0]
        else:
            tokenizer.add_special_tokens({"pad_token": "<|pad|>"})
            if len(tokenizer) > model.config.get_text_config().vocab_size:
                model.resize_token_embeddings(len(tokenizer))
    model.config.pad_token_id = tokenizer.pad_token_id
