"""One promoted and one blocked example, each built and rendered once."""

import pytest

from rewardgate.report import render_report

from .examples import Example, build, by_length, by_quality, length, true_utility


@pytest.fixture(scope="session")
def promoted(tmp_path_factory: pytest.TempPathFactory) -> Example:
    return build(tmp_path_factory.mktemp("promoted"), true_utility, by_quality, shift=4.0)


@pytest.fixture(scope="session")
def blocked(tmp_path_factory: pytest.TempPathFactory) -> Example:
    return build(
        tmp_path_factory.mktemp("blocked"), length, by_length, shift=0.3, with_champion=True
    )


@pytest.fixture(scope="session")
def pages(promoted: Example, blocked: Example) -> dict[str, str]:
    return {"promoted": render_report(*promoted), "blocked": render_report(*blocked)}
