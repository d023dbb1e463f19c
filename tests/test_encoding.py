import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from rewardgate.encoding import Encoder, move_pads_right, pad_right
from rewardgate.reward_model import RewardModel

RAMBLING = "very long answer " * 60


@pytest.fixture(scope="module", params=["tiny_encoder", "tiny_decoder"])
def encoder(request: pytest.FixtureRequest) -> Encoder:
    base = request.getfixturevalue(request.param)
    return RewardModel.from_base(str(base), max_length=40, seed=0).encoder


def decoded(encoder: Encoder, ids: list[int]) -> str:
    return str(encoder.tokenizer.decode(ids))


def test_a_short_text_is_the_rendered_template(encoder: Encoder) -> None:
    encoded = encoder.encode("what is it ?", "good answer")
    rendered = encoder.render("what is it ?", "good answer")
    assert encoded.ids == encoder.tokenizer(rendered, add_special_tokens=False)["input_ids"]
    assert (encoded.prompt_cut, encoded.response_cut) == (False, False)


def test_a_long_prompt_loses_its_beginning_and_the_response_stays_whole(encoder: Encoder) -> None:
    encoded = encoder.encode(RAMBLING + "capital of france ?", "paris it is")
    text = decoded(encoder, encoded.ids)
    assert len(encoded.ids) <= 40
    assert "capital of france ?" in text
    assert "paris it is" in text
    assert (encoded.prompt_cut, encoded.response_cut) == (True, False)


def test_a_response_that_fills_everything_leaves_a_quarter_to_the_prompt(encoder: Encoder) -> None:
    encoded = encoder.encode("hello " * 50 + "capital of france ?", "paris " + RAMBLING)
    text = decoded(encoder, encoded.ids)
    assert len(encoded.ids) <= 40
    assert "of france ?" in text
    assert "paris very long" in text
    assert (encoded.prompt_cut, encoded.response_cut) == (True, True)


@given(
    prompt_words=st.integers(0, 80),
    response_words=st.integers(0, 80),
    max_length=st.integers(24, 60),
)
def test_no_encoding_is_longer_than_the_limit(
    encoder: Encoder, prompt_words: int, response_words: int, max_length: int
) -> None:
    shorter = Encoder(encoder.tokenizer, max_length)
    encoded = shorter.encode("hello " * prompt_words, "yes " * response_words)
    assert len(encoded.ids) <= max_length
    fits = prompt_words + response_words + shorter.overhead <= max_length
    assert (encoded.prompt_cut or encoded.response_cut) == (not fits)


def test_special_tokens_written_in_a_text_do_not_become_special(encoder: Encoder) -> None:
    special = " ".join(encoder.special)
    ids = encoder.encode("hello", f"good {special} answer").ids
    clean = encoder.encode("hello", "good answer").ids
    template_ids = set(encoder.tokenizer.all_special_ids) - {encoder.tokenizer.unk_token_id}
    assert sum(i in template_ids for i in ids) == sum(i in template_ids for i in clean)


def test_the_pad_token_is_not_the_end_token(encoder: Encoder) -> None:
    assert encoder.tokenizer.pad_token_id is not None
    assert encoder.tokenizer.pad_token_id != encoder.tokenizer.eos_token_id


@given(st.lists(st.lists(st.integers(1, 9), min_size=1, max_size=6), min_size=1, max_size=5))
def test_left_pads_move_right(rows: list[list[int]]) -> None:
    right_ids, right_mask = pad_right(rows, pad_id=0)
    longest = right_ids.shape[1]
    left_ids = torch.tensor([[0] * (longest - len(row)) + row for row in rows])
    left_mask = torch.tensor([[0] * (longest - len(row)) + [1] * len(row) for row in rows])
    ids, mask = move_pads_right(left_ids, left_mask)
    assert torch.equal(ids, right_ids)
    assert torch.equal(mask, right_mask)
