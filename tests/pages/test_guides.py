"""Help pages: open to everybody, with no link that leads nowhere."""

import html
import re
from collections.abc import Iterator
from html.parser import HTMLParser
from urllib.parse import urldefrag

import pytest
from django.urls import reverse

from connectors.limitations import limitations
from connectors.registry import connectors
from guides import book
from tests.standalone.conftest import ROOT
from tubes.forms import RoomOptionsForm
from tubes.services.commanding.table import WORDS

HELP, HIPCHAT = "/getting-started/en/", "/getting-started/en/accounts/hipchat"
MATRIX = "/getting-started/en/accounts/matrix"
IRC = "/getting-started/en/accounts/irc"
SLACK = "/getting-started/en/accounts/slack"
TUBES = "/getting-started/en/tubes-portals/tubes"
PORTALS = "/getting-started/en/tubes-portals/portals"
COMMANDS = "/getting-started/en/commands"
LIMITATIONS = "/getting-started/en/limitations"
SECURITY = "/getting-started/en/security"
OPTIONS = "/getting-started/en/tubes-portals/posting-options"
PAGES = [HELP, *(page.url for page in book.pages("en"))]
# What docs/retention-and-limits.md says is kept, and by what words the help page tells of it.
KEPT = {
    "a message's text and file links": "A message’s text and the addresses of its files",
    "ids: events, deliveries, our posts": "Who said something, when, in which room, and where it went",
    "a file behind a link": "A file behind a link",
    "a room in which nobody has a Seat any more, with what was said there": "A room that nobody",
    "a mail that waits for the mail server": "A mail that cannot be sent",
    "notices on Manage": "Notices on Manage",
    "what the relay monitor's charts are drawn of: numbers by minute and service, of nobody": (
        "How many messages passed at each service, minute by minute"
    ),
    "commands typed in rooms": "Commands typed in rooms",
    "a code of `-sameroom open`, as a hash": 'A code of <code class="whole">-sameroom open</code>',
    "the address of a map": "The address of a map",
    "requests to come through a Portal": "Requests to come through a Portal",
    "a deleted Portal": "A deleted Portal",
}

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

    assert list(dict.fromkeys(link for link in links if link.startswith(f"{HELP}accounts/"))) == [
        HIPCHAT,
        MATRIX,
        IRC,
        SLACK,
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
    monkeypatch.setattr("guides.book.connectors", dict)

    assert "The form of each service says how" in client.get(HELP).text


def test_help_tells_of_every_command(client):
    text = client.get(COMMANDS).text

    assert [word for word in WORDS if f"-sameroom {word}" not in text and f">{word}" not in text] == []
    assert client.get(f"{COMMANDS}/").status_code == 200


def test_every_page_that_is_written_is_in_the_book():
    written = {
        str(path.relative_to(ROOT / "templates" / "guides" / "en"))
        for path in (ROOT / "templates" / "guides" / "en").rglob("*.html")
    }
    listed = {page.template.removeprefix("guides/en/") for page in book.pages("en") if not page.kind}

    assert listed == written - {"index.html"}


def test_index_and_every_page_lead_to_every_page(client):
    addresses = {page.url for page in book.pages("en")}

    for path in PAGES:
        assert addresses <= set(Anchors(client.get(path).text).links), path


def test_pages_can_be_read_one_after_the_other(client):
    path, read = PAGES[1], []
    while path:
        read.append(path)
        following = re.search(r'<a class="after" href="([^"]+)" rel="next">', client.get(path).text)
        path = following[1] if following else ""

    assert read == PAGES[1:]


def test_page_that_is_shown_is_marked_in_the_navigation(client):
    text = client.get(SECURITY).text

    assert text.count(f'<a href="{SECURITY}" aria-current="page">Security</a>') == 2  # narrow and wide


def test_footer_leads_to_limitations_and_security(client):
    footer = client.get("/").text.split("<footer", 1)[1].split("</footer>")[0]

    assert [link for link in Anchors(footer).links if link.startswith(HELP)] == [HELP, LIMITATIONS, SECURITY]


def test_limitations_are_those_that_the_connectors_claim(client):
    text = html.unescape(client.get(LIMITATIONS).text)
    sections = {part.split('"')[0]: part for part in text.split('<section aria-labelledby="at-')[1:]}

    assert list(sections) == list(connectors())
    for kind, cls in connectors().items():
        told = re.findall(r"<dt>(.*?)</dt><dd>(.*?)</dd>", sections[kind].split("</section>")[0])
        assert told == [(one.subject, one.text) for one in limitations(cls.capabilities)]


def test_limits_of_the_installation_are_told(client, settings):
    settings.CATCH_UP_HOURS, settings.ID_DAYS, settings.BODY_HOURS, settings.DAILY_MESSAGES = 7, 1, 5, 432

    text = " ".join(client.get(LIMITATIONS).text.split())

    assert "up to 7 hours" in text
    assert "finds its message for 1 day." in text
    assert "behind a link, for 5 hours." in text
    assert "432 into your rooms" in text


def test_security_tells_how_long_everything_is_kept(client, settings):
    settings.BODY_HOURS, settings.ID_DAYS, settings.FILE_QUOTA_MB = 5, 12, 77
    table = (ROOT / "docs" / "retention-and-limits.md").read_text().split("## When somebody leaves")[0]
    rows = re.findall(r"^\| ([^|]+?) \| [^|]+ \|$", table, re.MULTILINE)

    text = client.get(SECURITY).text

    assert [row for row in rows if row not in ("what", "---")] == list(KEPT)
    assert [words for words in KEPT.values() if f"<dt>{words}" not in text] == []
    assert "5 hours after its last delivery ended" in text
    assert "12 days, without the text" in text
    assert "5 hours, up to 77 MB for one user" in text


def test_help_tells_where_we_are_called_by_name(client):
    called = [cls.label for cls in connectors().values() if cls.capabilities.apps]

    assert (
        f'At {", ".join(called)} <code class="whole">@sameroom</code> does as well.'
        in client.get(COMMANDS).text
    )


def test_help_tells_of_every_posting_option(client):
    text = html.unescape(client.get(OPTIONS).text)

    assert [label for label in RoomOptionsForm.Meta.labels.values() if f"<dt>{label}</dt>" not in text] == []
