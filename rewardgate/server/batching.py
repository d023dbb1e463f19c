"""Requests that wait, and the one thread that scores them, as many at once as a budget allows."""

import logging
import math
import threading
import time
from collections import deque
from collections.abc import Sequence
from concurrent.futures import Future
from dataclasses import dataclass, field
from typing import Any

from rewardgate.bundle import Promoted
from rewardgate.errors import RewardGateError
from rewardgate.reward_model import TOKENS_PER_ROW
from rewardgate.server.drifting import DriftWatch
from rewardgate.server.metrics import Metrics
from rewardgate.server.settings import ServerSettings

logger = logging.getLogger("rewardgate.server")

BYTES_PER_TOKEN = 4
TEMPLATE_TOKENS = 8
ROWS_PER_BATCH = 4
LONGEST_RETRY = 60
"""Seconds; no client is told to come back later than that."""

Rows = list[dict[str, Any]]


class FullError(Exception):
    """The queue is full; `retry_after` seconds from now it should not be."""

    def __init__(self, retry_after: int) -> None:
        super().__init__(f"the queue is full; try again in {retry_after} s")
        self.retry_after = retry_after


class StoppedError(Exception):
    """The server takes no more requests."""


def tokens_about(prompts: Sequence[str], responses: Sequence[str]) -> int:
    """Tokens of texts, estimated as a quarter of their bytes and a few for the template.

    Counting them would take as long as a part of the scoring; the memory of a forward pass does
    not hang on it, since `RewardModel.rows` counts exactly.
    """
    texts = (*prompts, *responses)
    size = sum(len(text.encode(errors="replace")) for text in texts)
    return math.ceil(size / BYTES_PER_TOKEN) + TEMPLATE_TOKENS * len(responses)


@dataclass(frozen=True)
class Job:
    """One request: n prompts, responses and references, and the future of their n rewards."""

    prompts: list[str]
    responses: list[str]
    references: list[Any]
    tokens: int
    rows: "Future[Rows]" = field(default_factory=Future)


class Batcher:
    """A bounded queue before one model thread.

    All texts of a request are scored by one bundle, and a failure in one request leaves the others
    of its batch alone.
    """

    def __init__(self, bundle: Promoted, settings: ServerSettings, metrics: Metrics) -> None:
        device = bundle.model.model.device.type
        forward = TOKENS_PER_ROW.get(device, TOKENS_PER_ROW["cuda"])
        self.batch_tokens = settings.batch_tokens or ROWS_PER_BATCH * forward
        self.bundle = bundle
        self.drift = DriftWatch(settings, metrics)
        self.drift.follow(bundle)
        self._settings = settings
        self._metrics = metrics
        self._waiting: deque[Job] = deque()
        self._waiting_tokens = 0
        self._tokens_per_second = float(forward)
        self._stopped = False
        self._changed = threading.Condition()
        self._thread = threading.Thread(target=self._run, name="model")
        metrics.serves(bundle.version)

    def start(self) -> None:
        self._thread.start()

    @property
    def alive(self) -> bool:
        """Whether requests are taken and scored."""
        return self._thread.is_alive() and not self._stopped

    def submit(
        self, prompts: list[str], responses: list[str], references: list[Any] | None = None
    ) -> "Future[Rows]":
        """The rewards to come: a row a response, as `Promoted.rewards` gives them.

        references: None, or one for each response; the future raises what the bundle raises.
        Raises FullError if too much waits, StoppedError after `stop`.
        """
        references = [None] * len(responses) if references is None else references
        job = Job(prompts, responses, references, tokens_about(prompts, responses))
        with self._changed:
            if self._stopped:
                raise StoppedError("the server is stopping")
            if self._waiting and self._waiting_tokens + job.tokens > self._settings.queue_tokens:
                seconds = math.ceil(self._waiting_tokens / self._tokens_per_second)
                raise FullError(min(max(seconds, 1), LONGEST_RETRY))
            self._waiting.append(job)
            self._add_waiting(job.tokens)
            self._changed.notify()
        self._metrics.accepted.inc()
        return job.rows

    def switch(self, bundle: Promoted) -> None:
        """Score every batch from the next on with `bundle`."""
        self.bundle = bundle
        self.drift.follow(bundle)
        self._metrics.serves(bundle.version)

    def stop(self) -> None:
        """Take nothing more, and return when all that was taken is answered."""
        with self._changed:
            self._stopped = True
            self._changed.notify()
        if self._thread.is_alive():
            self._thread.join()

    def _add_waiting(self, tokens: int) -> None:
        self._waiting_tokens += tokens
        self._metrics.waiting.set(self._waiting_tokens)

    def _run(self) -> None:
        while batch := self._take():
            start = time.perf_counter()
            self._score(batch, self.bundle)
            seconds = max(time.perf_counter() - start, 1e-6)
            tokens = sum(job.tokens for job in batch)
            self._tokens_per_second += 0.3 * (tokens / seconds - self._tokens_per_second)
            self._metrics.batch.observe(tokens)
            self._metrics.batch_seconds.observe(seconds)

    def _take(self) -> list[Job]:
        """The next requests within the budget, at least one; empty once all is done."""
        with self._changed:
            self._changed.wait_for(lambda: self._waiting or self._stopped)
            self._changed.wait_for(
                lambda: self._waiting_tokens >= self.batch_tokens or self._stopped,
                timeout=self._settings.wait_seconds,
            )
            batch: list[Job] = []
            tokens = 0
            while self._waiting and (
                not batch or tokens + self._waiting[0].tokens <= self.batch_tokens
            ):
                batch.append(self._waiting.popleft())
                tokens += batch[-1].tokens
            self._add_waiting(-tokens)
            return batch

    def _score(self, batch: list[Job], bundle: Promoted) -> None:
        try:
            parts = _rewards(batch, bundle)
        except Exception as error:
            if len(batch) == 1:
                self._fail(batch[0], error)
            else:
                for job in batch:
                    self._score([job], bundle)
            return
        for job, rows in zip(batch, parts, strict=True):
            self._metrics.finished.inc()
            self._metrics.responses.inc(len(rows))
            self.drift.add([row["score"] for row in rows])
            job.rows.set_result(rows)

    def _fail(self, job: Job, error: Exception) -> None:
        foreseen = isinstance(error, RewardGateError)
        logger.error("a request failed: %s", error, exc_info=None if foreseen else error)
        self._metrics.failed.inc()
        job.rows.set_exception(error)


def _rewards(batch: list[Job], bundle: Promoted) -> list[Rows]:
    """The rows of each job. Responses to one prompt stand together, so that they share it."""
    texts = [
        (prompt, response, reference, number)
        for number, job in enumerate(batch)
        for prompt, response, reference in zip(
            job.prompts, job.responses, job.references, strict=True
        )
    ]
    order = sorted(range(len(texts)), key=lambda i: texts[i][0])
    prompts, responses, references, _ = zip(*(texts[i] for i in order), strict=True)
    rows = bundle.rewards(prompts, responses, references)
    parts: list[Rows] = [[] for _ in batch]
    for place, row in sorted(zip(order, rows, strict=True), key=lambda pair: pair[0]):
        parts[texts[place][3]].append(row)
    return parts
