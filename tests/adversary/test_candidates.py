from planted import planted_prompts

from rewardgate.adversary.candidates import (
    COMPOSABLE,
    Candidate,
    Moves,
    draw_pool,
    held_out,
)

MOVES = Moves(depth=3, max_words=80, seed=1)
PROMPTS = planted_prompts(6)


def test_a_composition_applies_its_steps_in_order_and_keeps_the_product() -> None:
    (start, *_) = held_out(PROMPTS[0])
    made = MOVES.follow(PROMPTS[0], start, ["truncated", "bold", "repeated"])
    assert made is not None
    assert made.text == " ".join(["**The harbour is in the town**"] * 4)
    assert made.keeps == COMPOSABLE["truncated"].keeps * COMPOSABLE["repeated"].keeps
    assert (made.source, made.path) == (start.source, ("truncated", "bold", "repeated"))


def test_a_step_that_does_not_apply_or_makes_the_text_too_long_ends_it() -> None:
    (start, *_) = held_out(PROMPTS[0])
    assert MOVES.follow(PROMPTS[0], start, ["one_token", "truncated"]) is None
    assert MOVES.follow(PROMPTS[0], start, ["repeated", "repeated"]) is None


def test_what_changes_the_prompt_is_no_move() -> None:
    assert not any(name.startswith("agrees_with") for name in COMPOSABLE)


def test_a_pool_holds_distinct_texts_with_all_held_out_ones() -> None:
    pool = draw_pool(PROMPTS[0], PROMPTS, 64, MOVES)
    texts = [one.text for one in pool]
    assert len(set(texts)) == len(texts) == 64
    assert texts[:4] == [response.text for response in PROMPTS[0].responses]
    assert sum(one.borrowed for one in pool) == 3
    assert {len(one.path) for one in pool} == {0, 1, 2, 3}
    assert max(len(text.split()) for text in texts) <= 80
    assert pool == draw_pool(PROMPTS[0], PROMPTS, 64, MOVES)
    assert pool != draw_pool(PROMPTS[0], PROMPTS, 64, Moves(depth=3, max_words=80, seed=2))


def test_a_pool_is_smaller_where_no_more_can_be_made() -> None:
    one = next(iter(COMPOSABLE.values()))
    moves = Moves(depth=1, max_words=200, seed=1, transformations=(COMPOSABLE["bold"],))
    pool = draw_pool(PROMPTS[0], [], 64, moves)
    assert len(pool) == 8
    assert one.name not in {step for candidate in pool for step in candidate.path}


def test_candidates_with_one_text_but_other_paths_differ() -> None:
    (start, *_) = held_out(PROMPTS[0])
    assert Candidate("a", start.source) != Candidate("a", start.source, ("bold",))
