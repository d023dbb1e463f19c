"""Small real models and tables that the tests share."""

import os
from pathlib import Path

import pytest
from hypothesis import HealthCheck, settings
from tables import WORDS

import stages  # noqa: F401  (quiet and offline, as in the commands)

os.environ["HF_HUB_OFFLINE"] = "1"
os.environ["OMP_NUM_THREADS"] = "1"  # the models are tiny; threads would only wait for each other

# The same examples in every run, so that a commit passes for all or for none; how fast they are
# drawn says more of the machine's load than of the code.
settings.register_profile(
    "shared", derandomize=True, deadline=None, suppress_health_check=[HealthCheck.too_slow]
)
settings.load_profile("shared")


@pytest.fixture(scope="session", autouse=True)
def prefect_home(tmp_path_factory: pytest.TempPathFactory) -> None:
    """One fresh Prefect home for all tests: its database takes 20 seconds to create."""
    os.environ["PREFECT_HOME"] = str(tmp_path_factory.mktemp("prefect"))


def word_tokenizer(special: list[str]):
    from tokenizers import Tokenizer, models, normalizers, pre_tokenizers

    vocab = {token: index for index, token in enumerate([*special, *dict.fromkeys(WORDS)])}
    tokenizer = Tokenizer(models.WordLevel(vocab, unk_token=special[0]))
    tokenizer.normalizer = normalizers.Lowercase()
    tokenizer.pre_tokenizer = pre_tokenizers.BertPreTokenizer()
    return tokenizer, len(vocab)


@pytest.fixture(scope="session")
def tiny_encoder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A random BERT of two layers, saved as a Hugging Face directory."""
    import torch
    from transformers import BertConfig, BertModel, PreTrainedTokenizerFast

    tokenizer, size = word_tokenizer(["[UNK]", "[PAD]", "[CLS]", "[SEP]"])
    fast = PreTrainedTokenizerFast(
        tokenizer_object=tokenizer,
        unk_token="[UNK]",
        pad_token="[PAD]",
        cls_token="[CLS]",
        sep_token="[SEP]",
    )
    torch.manual_seed(0)
    config = BertConfig(
        vocab_size=size,
        hidden_size=32,
        num_hidden_layers=2,
        num_attention_heads=4,
        intermediate_size=64,
        max_position_embeddings=128,
        pad_token_id=1,
    )
    path = tmp_path_factory.mktemp("tiny-encoder")
    BertModel(config).save_pretrained(path)
    fast.save_pretrained(path)
    return path


@pytest.fixture(scope="session")
def tiny_decoder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A random Llama of two layers whose pad token is its end token, the trap of many bases."""
    import torch
    from transformers import LlamaConfig, LlamaModel, PreTrainedTokenizerFast

    tokenizer, size = word_tokenizer(["<unk>", "</s>"])
    fast = PreTrainedTokenizerFast(
        tokenizer_object=tokenizer, unk_token="<unk>", eos_token="</s>", pad_token="</s>"
    )
    torch.manual_seed(0)
    config = LlamaConfig(
        vocab_size=size,
        hidden_size=32,
        num_hidden_layers=2,
        num_attention_heads=4,
        num_key_value_heads=2,
        intermediate_size=64,
        max_position_embeddings=128,
        pad_token_id=1,
        eos_token_id=1,
        bos_token_id=None,
    )
    path = tmp_path_factory.mktemp("tiny-decoder")
    LlamaModel(config).save_pretrained(path)
    fast.save_pretrained(path)
    return path


@pytest.fixture(scope="session")
def tiny_padded(tiny_encoder: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A random DistilBERT of two layers, whose head cannot be told from its trunk: no packing."""
    import torch
    from transformers import AutoTokenizer, DistilBertConfig, DistilBertModel

    tokenizer = AutoTokenizer.from_pretrained(tiny_encoder)
    torch.manual_seed(0)
    config = DistilBertConfig(
        vocab_size=len(tokenizer),
        dim=32,
        n_layers=2,
        n_heads=4,
        hidden_dim=64,
        max_position_embeddings=128,
        pad_token_id=1,
    )
    path = tmp_path_factory.mktemp("tiny-padded")
    DistilBertModel(config).save_pretrained(path)
    tokenizer.save_pretrained(path)
    return path
