"""Requests made from the OpenAPI page, right and wrong ones: never a traceback, always as the page
says."""

from collections.abc import Iterator
from pathlib import Path

import pytest
import schemathesis
from hypothesis import given, settings
from hypothesis import strategies as st
from schemathesis import GenerationMode
from schemathesis.config import SchemathesisConfig
from schemathesis.specs.openapi.schemas import OpenApiSchema
from served import FIRST, PATIENCE, promote, served

UNEQUAL_LISTS = "422"
"""JSON Schema cannot say that two lists have the same length, nor that a query begins with its
prompt, so what it calls right may be refused."""

CHECKS = {"positive_data_acceptance": {"expected-statuses": ["2xx", UNEQUAL_LISTS]}}


@pytest.fixture(scope="module")
def api(tiny_encoder: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[OpenApiSchema]:
    promoted = promote(tiny_encoder, tmp_path_factory.mktemp("fuzzed"), FIRST)
    with served(promoted, wait_seconds=0) as client:
        yield schemathesis.openapi.from_url(
            f"{client.base_url}/openapi.json",
            config=SchemathesisConfig.from_dict({"checks": CHECKS}),
        )


@pytest.mark.parametrize("mode", list(GenerationMode))
@pytest.mark.parametrize("path", ["/score", "/get_reward"])
@given(data=st.data())
@settings(max_examples=50)
def test_what_is_posted_is_answered_as_the_page_says(
    path: str, mode: GenerationMode, data: st.DataObject, api: OpenApiSchema
) -> None:
    data.draw(api[path]["POST"].as_strategy(generation_mode=mode)).call_and_validate(
        timeout=PATIENCE
    )


@pytest.mark.parametrize("path", ["/health", "/ready", "/metrics"])
def test_what_is_asked_for_is_answered_as_the_page_says(path: str, api: OpenApiSchema) -> None:
    api[path]["GET"].Case().call_and_validate(timeout=PATIENCE)
