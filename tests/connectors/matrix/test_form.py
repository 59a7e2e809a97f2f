"""The page of the form: what most people need first, the rest folded away until it is in use."""

import re

import pytest

from connectors.matrix.connector import MatrixConnector
from connectors.matrix.forms import MatrixCredentialsForm
from tests import factories

FOLDED = ("token", "service_token", "ghosts", "ca_certificate")


@pytest.fixture
def page(client, db):
    client.force_login(factories.user("ann@example.org"))
    client.owner = factories.User.objects.get()
    return client


def fold_of(text):
    """Whether the other ways are unfolded, and the names of the fields in there."""
    [(attributes, inside)] = re.findall(r'<details class="folded"([^>]*)>(.*?)</details>', text, re.DOTALL)
    return "open" in attributes, re.findall(r'name="(\w+)"', inside)


def test_other_ways_are_folded_away_without_a_script(page):
    text = page.get("/accounts/add/matrix/").text

    assert fold_of(text) == (False, list(FOLDED))
    assert "<summary>Another way to log in</summary>" in text
    before = text[: text.index('<details class="folded"')]
    assert [name for name in ("server", "user", "password") if f'name="{name}"' in before] == [
        "server",
        "user",
        "password",
    ]
    for name in ("server", "user", "password", *FOLDED):
        assert text.count(f'name="{name}"') == 1


@pytest.mark.parametrize(
    "data",
    [
        {"token": "with a blank"},
        {"service_token": "as_secret_token"},
        {"ghosts": "UPPER"},
        {"ca_certificate": "no certificate"},
    ],
)
def test_other_ways_are_unfolded_where_one_is_in_use(page, data):
    text = page.post("/accounts/add/matrix/", {"server": "not an address", **data}).text

    assert fold_of(text) == (True, list(FOLDED))


def test_other_ways_stay_folded_where_something_else_is_wrong(page):
    text = page.post("/accounts/add/matrix/", {"server": "not an address", "user": "@ann:x"}).text

    assert fold_of(text)[0] is False


@pytest.mark.parametrize(
    ("credentials", "is_open"),
    [
        ({"token": "syt_secret"}, True),
        ({"token": "syt_secret", "device": "D", "user": "@ann:x"}, False),
        ({"token": "syt_secret", "device": "D", "user": "@ann:x", "ghosts": "sameroom_"}, True),
    ],
)
def test_renewing_shows_the_way_that_was_gone(page, credentials, is_open):
    account = factories.account(
        page.owner, kind="matrix", credentials=credentials, server="https://x.example"
    )

    text = page.get(f"/accounts/{account.code}/renew/").text

    assert fold_of(text)[0] is is_open
    assert "syt_secret" not in text


def test_forms_of_others_fold_nothing(page):
    text = page.get("/accounts/add/hipchat/").text

    assert '<details class="folded"' not in text
    assert text.count('name="ca_certificate"') == 1


def test_error_alone_unfolds():
    form = MatrixCredentialsForm({"server": "not an address"}, connector_class=MatrixConnector)
    assert (form.is_valid(), form.is_unfolded()) == (False, False)

    form.add_error("token", "Copy it once more.")

    assert form.is_unfolded() is True
