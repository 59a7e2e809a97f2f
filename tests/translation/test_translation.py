"""docs/translation.md says what arrives."""

import os

import pytest

from tests.connectors.matrix.harness import MARKS
from tests.ircservers import Ircd
from tests.translation.table import PAGE, page

pytestmark = [pytest.mark.django_db, *MARKS]


def test_everything_arrives_as_documented(rings: object, ircd: Ircd) -> None:
    found = page(ircd)
    if os.environ.get("WRITE_TRANSLATION"):
        PAGE.write_text(found)

    assert found == PAGE.read_text()
