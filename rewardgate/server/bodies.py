"""The body of a request: read within limits, and checked."""

import asyncio
import hmac
from collections.abc import Sequence
from typing import TypeVar

from fastapi import HTTPException, Request
from pydantic import BaseModel, SecretStr, ValidationError
from starlette.requests import ClientDisconnect

from rewardgate.server.settings import ServerSettings

Model = TypeVar("Model", bound=BaseModel)
JSON = "application/json"


def require_token(request: Request, token: SecretStr | None) -> None:
    """Raises 401 if a token is set and the request does not carry it."""
    scheme, _, given = request.headers.get("authorization", "").partition(" ")
    expected = token.get_secret_value() if token is not None else None
    if expected is None or (
        scheme.lower() == "bearer"
        and hmac.compare_digest(given.strip().encode(), expected.encode())
    ):
        return
    raise HTTPException(
        401,
        "send the server's token in the header Authorization: Bearer <token>",
        {"WWW-Authenticate": "Bearer"},
    )


async def read(request: Request, kind: type[Model], settings: ServerSettings) -> Model:
    """The body as a `kind`.

    Raises 408, 413, 415 or 422 with one line; after 408 the connection is closed.
    """
    found = request.headers.get("content-type", "")
    if found.partition(";")[0].strip().lower() != JSON:
        raise HTTPException(415, f"content type is {found or 'missing'}; send {JSON}")
    body = await _body(request, settings)
    try:
        return kind.model_validate_json(body)
    except ValidationError as error:
        first = error.errors(include_url=False, include_context=False, include_input=False)[0]
        place = "".join(f"[{p}]" if isinstance(p, int) else f".{p}" for p in first["loc"])
        told = first["msg"].removeprefix("Value error, ")
        raise HTTPException(422, f"{place.lstrip('.') or 'body'}: {told}") from None


async def _body(request: Request, settings: ServerSettings) -> bytes:
    most = settings.max_body_bytes
    too_large = HTTPException(413, f"the body has more than {most:,} bytes; send fewer texts")
    length = request.headers.get("content-length", "0")
    if length.isdecimal() and int(length) > most:
        raise too_large
    body = bytearray()
    try:
        async with asyncio.timeout(settings.receive_seconds):
            async for chunk in request.stream():
                body += chunk
                if len(body) > most:
                    raise too_large
    except TimeoutError:
        raise HTTPException(
            408,
            f"the body did not arrive within {settings.receive_seconds:g} s; send it faster",
            {"Connection": "close"},
        ) from None
    except ClientDisconnect:
        raise HTTPException(400, "the client went away") from None
    return bytes(body)


def require_limits(lists: dict[str, Sequence[str]], settings: ServerSettings) -> None:
    """Raises 413 if there are too many texts or one is too long, 422 if the lists are unequal.

    lists: two or more lists of texts by their names
    """
    lengths = {name: len(texts) for name, texts in lists.items()}
    if len(set(lengths.values())) > 1:
        told = " and ".join(f"{name} has {count}" for name, count in lengths.items())
        raise HTTPException(422, f"{told}; they must have the same length")
    for name, texts in lists.items():
        if len(texts) > settings.max_texts:
            raise HTTPException(
                413, f"{name}: {len(texts):,} texts; send at most {settings.max_texts:,} at once"
            )
        for number, text in enumerate(texts):
            if len(text) > settings.max_characters:
                raise HTTPException(
                    413,
                    f"{name}[{number}]: {len(text):,} characters; "
                    f"send at most {settings.max_characters:,} in a text",
                )
