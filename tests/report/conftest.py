"""One promoted and one blocked example, each built once."""

import pytest

from .examples import Example, build, length, true_utility


@pytest.fixture(scope="session")
def promoted(tmp_path_factory: pytest.TempPathFactory) -> Example:
    return build(tmp_path_factory.mktemp("promoted"), true_utility, shift=4.0)


@pytest.fixture(scope="session")
def blocked(tmp_path_factory: pytest.TempPathFactory) -> Example:
    return build(tmp_path_factory.mktemp("blocked"), length, shift=0.3, with_champion=True)
