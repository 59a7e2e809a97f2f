"""Names in mails are words: none begins a header of its own, and a mail goes out whatever it is about."""

import re
from collections.abc import Callable
from email import message_from_bytes
from email.message import Message
from typing import Any
from urllib.parse import urlsplit

import pytest
from celery import current_app
from django.core import mail
from django.test import Client

from accounts import letters, outbox
from accounts.models import Letter, LinkedAccount
from tests import factories
from tubes.models import Room, Tube
from tubes.relay import breaker
from tubes.services import portal_letters

pytestmark = pytest.mark.django_db

INJECTION = "Lobby\r\nBcc: everybody@example.com\n\n<b>Hello</b>\x0b\x85\u2028X-Own: header"


def hostile_account(**extra: Any) -> LinkedAccount:
    values = {"remote_user_name": INJECTION, "team_name": INJECTION, "status_reason": INJECTION}
    return factories.account(factories.user("ann@example.com"), **(values | extra))


def hostile_tube() -> Tube:
    tube = factories.tube(factories.seat(hostile_account()), factories.seat())
    Room.objects.update(name=INJECTION)
    return Tube.objects.with_sides().get(pk=tube.pk)


def hostile_request() -> Any:
    tube = hostile_tube()
    portal = factories.portal(tube.side_b)
    return factories.portal_request(portal, tube.side_a.account, room_name=INJECTION)


def paused() -> None:
    tube = hostile_tube()
    Tube.objects.filter(pk=tube.pk).update(status="paused", status_by=None)
    breaker.mail_owners(tube.pk)


# Each kind of mail of ours, about things with such names.
MAILS: dict[str, Callable[[], object]] = {
    "linked": lambda: letters.linked(hostile_account(), address="203.0.113.7\r\nBcc: x@example.com"),
    "removed": lambda: letters.removed(hostile_account(), address="203.0.113.7"),
    "left": lambda: letters.left(factories.user("ann@example.com"), address="203.0.113.7"),
    "refused": lambda: letters.write(hostile_account(status="needs_login").pk),
    "joined": lambda: portal_letters.joined(hostile_tube()),
    "asked": lambda: portal_letters.asked(hostile_request()),
    "approved": lambda: portal_letters.approved(hostile_request(), hostile_tube_of_others()),
    "declined": lambda: portal_letters.declined(hostile_request()),
    "paused": paused,
}


def hostile_tube_of_others() -> Tube:
    return factories.tube()


def sent() -> list[Message]:
    """Every mail that went out, read as its reader's mail server reads it."""
    for letter in Letter.objects.all():
        outbox.post(letter.pk)
    return [message_from_bytes(message.message().as_bytes()) for message in mail.outbox]


@pytest.fixture(autouse=True)
def no_broker(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(current_app, "send_task", lambda *_, **__: None)


@pytest.mark.parametrize("kind", MAILS)
def test_names_in_a_mail_begin_no_header(kind: str) -> None:
    MAILS[kind]()

    messages = sent()

    assert messages != []
    for message in messages:
        assert set(message.keys()) == {
            *("Content-Type", "MIME-Version", "Content-Transfer-Encoding"),
            *("Subject", "From", "To", "Date", "Message-ID"),
        }
        assert "everybody@example.com" not in (message["To"] or "")
        assert not message.is_multipart()
        assert message.get_content_type() == "text/plain"
    assert Letter.objects.count() == 0


def test_subject_keeps_the_words_and_is_cut_where_it_is_too_long() -> None:
    outbox.put(to="ann@example.com", subject=f"{INJECTION} {'x' * 300}", text="Hello.")

    [message] = sent()

    assert mail.outbox[0].subject.startswith("Lobby Bcc: everybody@example.com <b>Hello</b>")
    assert len(mail.outbox[0].subject) == 255
    assert message.get_payload(decode=True) == b"Hello."


@pytest.mark.parametrize(
    "address",
    [
        "ann@example.com\nBcc: everybody@example.com",
        "ann@example.com%0aBcc:everybody@example.com\r\n",
        "ann@example.com, everybody@example.com",
        "ann@example.com;everybody@example.com",
        "<everybody@example.com> ann@example.com",
    ],
)
@pytest.mark.parametrize("path", ["/user/login/code/", "/user/password/reset/", "/user/signup/"])
def test_addresses_that_are_typed_name_one_reader(
    client: Any, settings: Any, path: str, address: str
) -> None:
    settings.ACCOUNT_RATE_LIMITS = False

    client.post(path, {"email": address, "password1": factories.PASSWORD, "password2": factories.PASSWORD})

    for message in mail.outbox:
        assert len(message.to) == 1
        assert "everybody" not in message.recipients()[0]
        assert set("\r\n,;<> ") & set(message.recipients()[0]) == set()


@pytest.mark.parametrize("host", ["localhost", "127.0.0.1", "localhost:666", "evil.example"])
def test_links_in_mails_lead_home_whatever_host_they_were_asked_for_by(settings: Any, host: str) -> None:
    settings.ALLOWED_HOSTS, settings.ACCOUNT_RATE_LIMITS = ["*"], False
    settings.PUBLIC_URL, settings.ACCOUNT_EMAIL_VERIFICATION = "https://sameroom.example.org", "mandatory"
    factories.user("ann@example.com")
    asker = Client(headers={"Host": host})
    new = {"password1": factories.PASSWORD, "password2": factories.PASSWORD}

    asker.post("/user/password/reset/", {"email": "ann@example.com"})
    asker.post("/user/password/reset/", {"email": "nobody@example.com"})
    asker.post("/user/signup/", {"email": "new@example.com", **new})
    Client(headers={"Host": host}).post("/user/signup/", {"email": "ann@example.com", **new})

    links = [link for message in mail.outbox for link in re.findall(r"\w+://\S+", message.body)]
    assert len(mail.outbox) == 4
    assert {urlsplit(link)[:2] for link in links} == {("https", "sameroom.example.org")}
    assert "/user/password/reset/key/" in mail.outbox[0].body
    assert all(host not in message.body for message in mail.outbox)
