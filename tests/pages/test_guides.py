"""Help pages: open to everybody, with no link that leads nowhere."""

from collections.abc import Iterator
from html.parser import HTMLParser
from urllib.parse import urldefrag

import pytest
from django.urls import reverse

from tubes.services.commanding.table import WORDS

HELP, HIPCHAT = "/getting-started/en/", "/getting-started/en/accounts/hipchat"
MATRIX = "/getting-started/en/accounts/matrix"
IRC = "/getting-started/en/accounts/irc"
TUBES = "/getting-started/en/tubes-portals/tubes"
PORTALS = "/getting-started/en/tubes-portals/portals"
COMMANDS = "/getting-started/en/commands"
YOUR_ACCOUNTS = "/getting-started/en/your-accounts"
PAGES = [HELP, HIPCHAT, MATRIX, TUBES, PORTALS, COMMANDS, YOUR_ACCOUNTS]

pytestmark = pytest.mark.django_db


class Anchors(HTMLParser):
    """The links and the ids of a page."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.links: list[str] = []
        self.ids: list[str] = []
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        values = dict(attrs)
        if tag == "a" and (href := values.get("href")):
            self.links.append(href)
        if element_id := values.get("id"):
            self.ids.append(element_id)


def leading_nowhere(page, start: str) -> Iterator[str]:
    """The links of a page whose target, or whose place on it, does not exist."""
    for link in sorted(set(Anchors(page.get(start).text).links)):
        path, place = urldefrag(link)
        answer = page.get(path or start, follow=True)
        if answer.status_code != 200 or (place and place not in Anchors(answer.text).ids):
            yield link


@pytest.mark.parametrize("path", PAGES)
def test_help_is_open_to_everybody_and_told_of_in_the_navigation(client, path):
    response = client.get(path)

    assert response.status_code == 200
    assert f'<a href="{HELP}" aria-current="page">Help</a>' in response.text


@pytest.mark.parametrize("path", PAGES)
def test_every_link_leads_somewhere(page, path):
    assert list(leading_nowhere(page, path)) == []


@pytest.mark.parametrize("path", PAGES)
def test_no_two_elements_have_one_id(client, path):
    ids = Anchors(client.get(path).text).ids

    assert sorted(ids) == sorted(set(ids))


def test_help_lists_the_services_whose_connector_brings_a_page(client):
    links = Anchors(client.get(HELP).text).links

    assert [link for link in links if "/accounts/" in link and link.startswith(HELP)] == [
        HIPCHAT,
        MATRIX,
        IRC,
    ]


@pytest.mark.parametrize(
    "path",
    [
        "/getting-started/xx/",
        "/getting-started/xx/accounts/hipchat",
        "/getting-started/en/accounts/echo",  # a service without a page
        "/getting-started/en/accounts/nobody",
        "/getting-started/en/nothing/tubes",
        "/getting-started/en/tubes-portals/nothing",
        "/getting-started/en/../en/index",
        "/getting-started/en/index",
        "/getting-started/en/nothing",
        "/getting-started/en/accounts/",
    ],
)
def test_unknown_page_is_not_there(client, path):
    assert client.get(path).status_code == 404


def test_shorter_and_longer_addresses_lead_to_the_page(client):
    assert client.get("/getting-started/").headers["Location"] == HELP
    assert client.get(f"{HIPCHAT}/").status_code == 200


def test_help_takes_nothing(client):
    assert client.post(HIPCHAT).status_code == 405


@pytest.mark.parametrize("name", ["guides:guide-list", "guides:guide"])
def test_addresses_are_written_without_a_slash_behind_the_name(name):
    arguments = {"guides:guide-list": ["en"], "guides:guide": ["en", "accounts", "hipchat"]}

    assert reverse(name, args=arguments[name]) in PAGES


def test_form_of_a_service_leads_to_its_page(page):
    links = Anchors(page.get("/accounts/add/hipchat/").text).links

    assert {HIPCHAT, f"{HIPCHAT}#messages"} <= set(links)


def test_numbers_on_the_page_are_those_of_the_connector(client, settings):
    settings.CATCH_UP_HOURS = 7

    text = client.get(HIPCHAT).text

    assert "100 requests in 5 minutes" in text
    assert "HipChat takes 1,000 characters" in text
    assert "up to 50.0\xa0MB" in text
    assert "catches up on 7&nbsp;hours" in text


def test_where_no_service_has_a_page_help_leads_to_its_form(client, monkeypatch):
    monkeypatch.setattr("guides.views.connectors", dict)

    assert "The form of each service says how" in client.get(HELP).text


def test_help_tells_of_every_command(client):
    text = client.get(COMMANDS).text

    assert [word for word in WORDS if f"-sameroom {word}" not in text and f">{word}" not in text] == []
    assert client.get(f"{COMMANDS}/").status_code == 200
