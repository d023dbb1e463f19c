"""What waits is scored together up to the budget, and the queue has an end."""

from pathlib import Path

import pytest
from served import FIRST, promote

from rewardgate.bundle import Promoted, load_promoted
from rewardgate.server.batching import Batcher, FullError, StoppedError, tokens_about
from rewardgate.server.metrics import Metrics
from rewardgate.server.settings import ServerSettings

PROMPT, RESPONSE = "what is it ?", "paris"
SIZE = 13
"""12 and 5 bytes are 17 / 4 tokens, 5 rounded up, and 8 of the template."""


@pytest.fixture(scope="module")
def bundle(tiny_encoder: Path, tmp_path_factory: pytest.TempPathFactory) -> Promoted:
    return load_promoted(promote(tiny_encoder, tmp_path_factory.mktemp("batching"), FIRST))


def batches(metrics: Metrics) -> dict[str, float | None]:
    value = metrics.registry.get_sample_value
    return {name: value(f"rewardgate_batch_tokens_{name}") for name in ("count", "sum")}


def test_tokens_are_a_quarter_of_the_bytes_and_the_template() -> None:
    assert tokens_about([PROMPT], [RESPONSE]) == SIZE
    assert tokens_about(["é" * 4] * 2, ["a" * 8] * 2) == 2 * (2 + 2 + 8)


@pytest.mark.parametrize(("budget", "expected"), [(10 * SIZE, 1), (4 * SIZE, 3), (1, 10)])
def test_a_batch_takes_what_waits_within_its_budget(
    budget: int, expected: int, bundle: Promoted
) -> None:
    metrics = Metrics()
    batcher = Batcher(bundle, ServerSettings(batch_tokens=budget), metrics)
    futures = [batcher.submit([PROMPT], [RESPONSE]) for _ in range(10)]
    batcher.start()
    rewards = [future.result()[0]["reward"] for future in futures]
    batcher.stop()
    assert batches(metrics) == {"count": expected, "sum": 10 * SIZE}
    assert rewards == pytest.approx([bundle.reward(PROMPT, RESPONSE)["reward"]] * 10, abs=1e-5)


def test_the_queue_is_bounded_and_one_request_always_fits(bundle: Promoted) -> None:
    batcher = Batcher(bundle, ServerSettings(queue_tokens=3 * SIZE), Metrics())
    large = batcher.submit([PROMPT] * 100, [RESPONSE] * 100)
    with pytest.raises(FullError) as full:
        batcher.submit([PROMPT], [RESPONSE])
    assert 1 <= full.value.retry_after <= 60
    batcher.start()
    assert len(large.result()) == 100
    assert len(batcher.submit([PROMPT], [RESPONSE]).result()) == 1
    batcher.stop()


def test_a_stop_finishes_what_was_taken_and_takes_no_more(bundle: Promoted) -> None:
    batcher = Batcher(bundle, ServerSettings(batch_tokens=1), Metrics())
    futures = [batcher.submit([PROMPT], [RESPONSE]) for _ in range(20)]
    batcher.start()
    batcher.stop()
    assert all(future.done() for future in futures)
    assert not batcher.alive
    with pytest.raises(StoppedError):
        batcher.submit([PROMPT], [RESPONSE])


def test_what_fails_alone_fails_alone(bundle: Promoted) -> None:
    """A text that is no Unicode raises in the model's thread, which lives on."""
    metrics = Metrics()
    batcher = Batcher(bundle, ServerSettings(), metrics)
    good = batcher.submit([PROMPT], [RESPONSE])
    bad = batcher.submit([PROMPT], ["\ud800"])
    last = batcher.submit([PROMPT], [RESPONSE])
    batcher.start()
    assert good.result()[0]["reward"] == pytest.approx(last.result()[0]["reward"], abs=1e-6)
    with pytest.raises(Exception, match="is a surrogate"):
        bad.result()
    assert batcher.alive
    batcher.stop()
    assert metrics.registry.get_sample_value("rewardgate_failed_total") == 1
