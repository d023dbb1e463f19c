"""The endpoints."""

import asyncio
import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import asdict, fields
from typing import Any

from fastapi import FastAPI, HTTPException, Request, Response
from fastapi.responses import JSONResponse
from prometheus_client import CONTENT_TYPE_LATEST, generate_latest
from pydantic import BaseModel
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from rewardgate.drift import Drift
from rewardgate.errors import RewardGateError
from rewardgate.server.batching import Batcher, FullError, Rows, StoppedError
from rewardgate.server.bodies import JSON, read, require_limits, require_token
from rewardgate.server.metrics import Metrics
from rewardgate.server.schemas import (
    DriftAnswer,
    Fault,
    OpenRLHFAnswer,
    OpenRLHFRequest,
    ScoreAnswer,
    ScoreRequest,
    State,
)
from rewardgate.server.settings import ServerSettings
from rewardgate.trainers import openrlhf

FAULTS: dict[int, str] = {
    400: "No HTTP, or the client went away",
    401: "The token is missing or wrong",
    408: "The body came too slowly",
    413: "Too many bytes, texts or characters",
    415: "Not application/json",
    422: "Not the request it should be",
    429: "The queue is full; the header Retry-After says when to come back",
    500: "The bundle gave no number, or failed",
    503: "The server is stopping, or has too many connections",
}
PLAIN_TEXT = (400, 503)
"""Those that uvicorn itself may answer, in plain text."""

MEASURED = ("/score", "/get_reward", "/drift", "/health", "/ready", "/metrics")


def make_app(
    batcher: Batcher,
    metrics: Metrics,
    settings: ServerSettings,
    start: Callable[[], Any],
    stop: Callable[[], Any],
) -> FastAPI:
    """start, stop: what runs before the first request and after the last"""

    @asynccontextmanager
    async def lifespan(_: FastAPI) -> AsyncIterator[None]:
        start()
        yield
        await asyncio.to_thread(stop)

    app = FastAPI(
        title="rewardgate",
        summary="The promoted reward",
        description="Every answer names the version of the bundle that gave it.",
        lifespan=lifespan,
    )
    app.add_middleware(Measured, metrics=metrics)

    @app.post("/score", **_described(ScoreRequest, ScoreAnswer, settings))
    async def score(request: Request) -> JSONResponse:
        """Rewards of responses, with their parts."""
        require_token(request, settings.token)
        asked = await read(request, ScoreRequest, settings)
        require_limits({"prompts": asked.prompts, "responses": asked.responses}, settings)
        rows = await scored(asked.prompts, asked.responses, asked.references)
        named = ("reward", "score", "normalised", "model")
        return JSONResponse(
            {
                "model": rows[0]["model"],
                "rewards": [row["reward"] for row in rows],
                "scores": [row["score"] for row in rows],
                "normalised": [row["normalised"] for row in rows],
                "parts": [{k: v for k, v in row.items() if k not in named} for row in rows],
            }
        )

    @app.post("/get_reward", **_described(OpenRLHFRequest, OpenRLHFAnswer, settings))
    async def get_reward(request: Request) -> JSONResponse:
        """OpenRLHF's remote reward server: set `--reward.remote_url http://HOST:PORT/get_reward`."""
        require_token(request, settings.token)
        asked = await read(request, OpenRLHFRequest, settings)
        require_limits({"query": asked.query, "prompts": asked.prompts}, settings)
        try:
            prompts, responses = openrlhf.split_queries(
                asked.query, asked.prompts, settings.prompt_template, settings.end_tokens
            )
        except ValueError as error:
            raise HTTPException(422, str(error)) from None
        return JSONResponse(openrlhf.answer(await scored(prompts, responses, asked.labels)))

    @app.get("/health", response_model=State, responses=_faults(503))
    async def health() -> dict[str, str]:
        """Whether the model's thread is alive."""
        return state("alive")

    @app.get("/ready", response_model=State, responses=_faults(503))
    async def ready() -> dict[str, str]:
        """Whether requests are taken, and which bundle serves."""
        return state("ready")

    @app.get("/drift", response_model=DriftAnswer, responses=_faults(401))
    async def drift(request: Request) -> dict[str, Any]:
        """How far the newest scores are from the calibration set's."""
        require_token(request, settings.token)
        found = batcher.drift.look()
        figures = asdict(found) if found else dict.fromkeys(field.name for field in fields(Drift))
        drifted = batcher.drift.is_beyond(found) if found else None
        return {"model": batcher.bundle.version, "drifted": drifted, **figures}

    @app.get(
        "/metrics",
        response_class=Response,
        responses={200: {"content": {"text/plain": {}}}, **_faults(401)},
    )
    async def expose(request: Request) -> Response:
        """Prometheus metrics."""
        require_token(request, settings.token)
        return Response(generate_latest(metrics.registry), media_type=CONTENT_TYPE_LATEST)

    async def scored(
        prompts: list[str], responses: list[str], references: list[Any] | None
    ) -> Rows:
        try:
            return await asyncio.wrap_future(batcher.submit(prompts, responses, references))
        except FullError as error:
            headers = {"Retry-After": str(error.retry_after)}
            raise HTTPException(429, str(error), headers) from None
        except StoppedError as error:
            raise HTTPException(503, str(error)) from None
        except RewardGateError as error:
            raise HTTPException(500, str(error)) from None
        except Exception as error:
            told = f"the bundle failed with {type(error).__name__}; see the server's log"
            raise HTTPException(500, told) from None

    def state(word: str) -> dict[str, str]:
        if not batcher.alive:
            raise HTTPException(503, "the model's thread has ended; start the server again")
        return {"status": word, "model": batcher.bundle.version}

    return app


def _faults(*statuses: int) -> dict[int | str, dict[str, Any]]:
    plain = {"content": {"text/plain": {"schema": {"type": "string"}}}}
    return {
        status: {
            "model": Fault,
            "description": FAULTS[status],
            **(plain if status in PLAIN_TEXT else {}),
        }
        for status in statuses
    }


def _described(
    asked: type[BaseModel], answered: type[BaseModel], settings: ServerSettings
) -> dict[str, Any]:
    """How an endpoint appears in OpenAPI; the body is read by `bodies.read`, not by FastAPI."""
    body = {"required": True, "content": {JSON: {"schema": asked.model_json_schema()}}}
    statuses = [status for status in FAULTS if status != 401 or settings.token is not None]
    responses = _faults(*statuses)
    responses[429]["headers"] = {"Retry-After": {"schema": {"type": "integer"}}}
    extra: dict[str, Any] = {"requestBody": body}
    if settings.token is not None:
        extra["security"] = [{"bearer": []}]
    return {"response_model": answered, "responses": responses, "openapi_extra": extra}


class Measured:
    """ASGI middleware that counts and times the answers."""

    def __init__(self, app: ASGIApp, metrics: Metrics) -> None:
        self.app = app
        self.metrics = metrics

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        path = scope["path"] if scope["path"] in MEASURED else "other"
        start = time.perf_counter()

        async def counted(message: Message) -> None:
            if message["type"] == "http.response.start":
                self.metrics.requests.labels(path, message["status"]).inc()
                self.metrics.seconds.labels(path).observe(time.perf_counter() - start)
            await send(message)

        await self.app(scope, receive, counted)
