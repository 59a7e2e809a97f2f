import pytest
from django.db import OperationalError
from django.test import Client

from tests import factories

HEADINGS = {
    "400": "We could not read that request",
    "403": "This page is not open to you",
    "403_csrf": "That form had grown too old",
    "404": "Nothing is connected here",
    "429": "Too many tries",
    "500": "Something broke on our side",
}


@pytest.mark.parametrize("page", HEADINGS)
def test_error_page_can_be_looked_at_without_a_database(client, page):
    response = client.get(f"/{page}")

    assert response.status_code == 200
    assert f"<h1>{HEADINGS[page]}</h1>" in response.text


def test_unknown_address_is_a_404_without_a_database(client):
    response = client.get("/no/such/page/")

    assert response.status_code == 404
    assert f"<h1>{HEADINGS['404']}</h1>" in response.text


def test_crash_shows_the_500_page_when_the_database_is_gone(monkeypatch):
    def gone(*args, **kwargs):
        raise OperationalError("no database")

    monkeypatch.setattr("django.contrib.sessions.backends.db.SessionStore.load", gone)
    client = Client(raise_request_exception=False)
    client.cookies["sessionid"] = "anything"

    response = client.get("/manage/")

    assert response.status_code == 500
    assert f"<h1>{HEADINGS['500']}</h1>" in response.text


def test_form_without_its_mark_is_refused_in_words():
    response = Client(enforce_csrf_checks=True).post("/user/login/", {})

    assert response.status_code == 403
    assert f"<h1>{HEADINGS['403_csrf']}</h1>" in response.text


def test_robots_txt_keeps_crawlers_out_of_the_app(client):
    response = client.get("/robots.txt")

    assert response["Content-Type"] == "text/plain"
    assert "Disallow: /manage/" in response.text.splitlines()


@pytest.mark.django_db
def test_pages_forbid_inline_script_and_style(client):
    policy = client.get("/")["Content-Security-Policy"]

    assert {"script-src 'self'", "style-src 'self'"} <= set(policy.split("; "))


@pytest.mark.both_databases
@pytest.mark.parametrize(
    "path", ["/p/%00", "/maps/a%00b", "/open-a-tube/%00/", "/accounts/%00/remove/", "/tubes/%00/"]
)
def test_address_that_can_name_no_row_is_not_there(page, path):
    assert page.get(path).status_code == 404


@pytest.mark.both_databases
def test_code_that_can_name_no_row_is_none(page, ann):
    lobby = factories.listing(factories.account(ann), "Lobby")
    bot = factories.account(is_shared=True)

    assert page.post(f"/open-a-tube/{lobby.code}/", {"side_b": "a\0b"}).status_code == 200
    assert page.get("/open-a-tube/", {"q": "a\0b"}).status_code == 200
    assert page.post(f"/accounts/shared/{bot.code}/", {"forget": "a\0b"}).status_code == 302
