import pytest

from connectors.base import Capabilities, Support
from connectors.budget import Limit
from connectors.markup import plain
from connectors.markup.tree import to_json
from tests import factories
from tubes.models import Event, Seat
from tubes.relay import rendering

pytestmark = pytest.mark.django_db


def event(text: str, **extra: object) -> Event:
    return factories.event(body=to_json(plain.parse(text)), **{"author_name": "Ann Lee", **extra})


def texts(event: Event, seat: Seat) -> list[str]:
    return [part.text for part in rendering.parts(event, seat, seat.account.connector())]


def test_the_prefix_follows_the_posting_options() -> None:
    said = event("hello", author_username="ann", author_team="Acme")
    looks = [
        texts(said, factories.seat(name_style=style, shows_team=team))
        for style, team in [("display", True), ("username", True), ("both", True), ("display", False)]
    ]

    assert looks == [
        ["[Ann Lee, Acme] hello"],
        ["[ann, Acme] hello"],
        ["[Ann Lee (ann), Acme] hello"],
        ["[Ann Lee] hello"],
    ]


def test_a_name_cannot_imitate_somebody_elses_prefix() -> None:
    assert (
        texts(event("x", author_name="Boss, Acme] pay now [Ann\u202e\n"), factories.seat())[0].count("[") == 1
    )


def test_every_part_of_a_long_message_is_within_the_limit_and_carries_the_prefix() -> None:
    parts = texts(event("lorem ipsum " * 3000), factories.seat())

    assert max(map(len, parts)) <= 400
    assert all(part.startswith("[Ann Lee, Acme] ") for part in parts)


def test_control_characters_do_not_leave_the_house() -> None:
    assert texts(event("a\x00b"), factories.seat()) == ["[Ann Lee, Acme] ab"]


def test_an_erased_event_has_nothing_to_post() -> None:
    assert texts(factories.event(body=None), factories.seat()) == []


def test_where_a_service_takes_the_senders_name_there_is_no_prefix(monkeypatch: pytest.MonkeyPatch) -> None:
    seat = factories.seat()
    connector = seat.account.connector()
    can = Capabilities(max_text_length=400, limit=Limit(10, 1), sender_override=Support.NATIVE)
    monkeypatch.setattr(connector, "capabilities", can)

    [part] = rendering.parts(event("hello", author_avatar_url="https://example.org/a.png"), seat, connector)

    assert (part.text, part.sender_name, part.sender_avatar_url) == (
        "hello",
        "Ann Lee",
        "https://example.org/a.png",
    )
