"""Tests that share a costly fixture meet in one process."""

import os
from pathlib import Path

import pytest

TESTS = Path(__file__).parents[1]


@pytest.mark.xdist_group("example")
@pytest.mark.parametrize("number", [1, 2])
def test_id_of_a_test_names_its_group_where_tests_run_in_parallel(
    request: pytest.FixtureRequest, number: int
) -> None:
    is_parallel = "PYTEST_XDIST_WORKER" in os.environ

    assert request.node.nodeid.endswith("]@example" if is_parallel else f"[{number}]")


def test_browsers_are_in_no_group() -> None:
    """They leave their event loop running, and whatever of their group came after them would have it too."""
    grouped = [path.name for path in (TESTS / "browser").glob("*.py") if "xdist_group" in path.read_text()]
    assert grouped == []
