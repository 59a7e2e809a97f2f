from collections.abc import Iterator

import pytest

from connectors.matrix import memory
from connectors.matrix.connector import MatrixConnector
from tests.connectors.matrix.harness import MatrixHarness, start


@pytest.fixture
def matrix() -> Iterator[MatrixHarness]:
    memory.forget()
    with start() as harness:
        yield harness


@pytest.fixture
def connector(matrix: MatrixHarness) -> MatrixConnector:
    return MatrixConnector(matrix.login)
