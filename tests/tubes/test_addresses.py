import pytest
from django.urls import reverse

from tubes.addresses import NAMES, TubeAddresses

CODE = "a-b_C9-defgh0123"


@pytest.mark.parametrize("name", NAMES)
def test_an_address_is_that_of_the_table_of_addresses(name: str) -> None:
    assert TubeAddresses(CODE)[name] == reverse(f"tubes:{NAMES[name]}", args=[CODE])
