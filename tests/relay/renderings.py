"""Rows and connectors for tests of rendering: it reads attributes only, so nothing is stored."""

from __future__ import annotations

import html
import re
from collections.abc import Collection, Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

from hypothesis import strategies as st

from connectors.base import Capabilities, Connector, Login, MessageId, OutgoingMessage, Support
from connectors.markup import html_render, plain
from connectors.markup.tree import to_json
from tubes.models import Event, Seat
from tubes.relay import rendering
from tubes.relay.rendering.people import People
from tubes.relay.rendering.steps import Copy, Edit, Send, Step

NATIVE, IMITATED, NONE = Support.NATIVE, Support.IMITATED, Support.NONE
MEGABYTE = 1_000_000
NOON = datetime(2030, 11, 22, 12, 0, tzinfo=UTC)
LATE = timedelta(hours=2)


class PlainConnector(Connector):
    """A service that shows every text as it stands."""

    kind, label = "plain", "Plain"
    capabilities = Capabilities(max_text_length=400, limit=None)
    secret_fields = ()


class GrowingConnector(PlainConnector):
    """A service whose signs have to be escaped, whereby they grow to six times their length."""

    def escape(self, text: str, *, rings: bool = False, people: Collection[str] = ()) -> str:
        return html.escape(text)


class RichConnector(PlainConnector):
    """A service that posts HTML."""

    capabilities = Capabilities(max_text_length=400, limit=None, rich=True)

    def length(self, message: OutgoingMessage) -> int:
        return len(html_render.render(message.body)) if message.body else 0


def connector(cls: type[Connector] = PlainConnector, **can: Any) -> Connector:
    made = cls(Login(server="", credentials=dict.fromkeys(cls.secret_fields, "secret")))
    made.capabilities = replace(made.capabilities, **can)
    return made


def event(kind: str = "message", **extra: Any) -> Event:
    values = {"room_id": 1, "author_name": "Ann", "author_team": "Acme", "said_at": NOON}
    return Event(kind=kind, **(values | extra))


def stored(text: str | None) -> Any:
    return None if text is None else to_json(plain.parse(text))


def copy(*ids: str, **extra: Any) -> Copy:
    """What stands of a message that Bob wrote an hour ago."""
    values: dict[str, Any] = {
        "ids": [MessageId(one) for one in ids],
        "is_ours": True,
        "is_shared": False,
        "posted_at": NOON - timedelta(hours=1),
        "author_name": "Bob",
        "text": "Lunch at noon?",
        "said_at": NOON - timedelta(hours=1),
    }
    return Copy(**(values | extra))


def steps(
    event_: Event,
    text: str | None = None,
    copy_: Copy | None = None,
    *,
    late: timedelta = timedelta(0),
    by: Connector | None = None,
    seat: Seat | None = None,
    is_own: bool = False,
) -> list[Step]:
    return steps_of(event_, stored(text), copy_, late=late, by=by, seat=seat, is_own=is_own)


def steps_of(
    event_: Event,
    body: Any,
    copy_: Copy | None = None,
    *,
    late: timedelta = timedelta(0),
    by: Connector | None = None,
    seat: Seat | None = None,
    people: People | None = None,
    is_own: bool = False,
) -> list[Step]:
    """As `steps`, of a stored tree."""
    seat, by = seat or Seat(), by or connector()
    return rendering.steps(event_, seat, by, body=body, copy=copy_, late=late, people=people, is_own=is_own)


def messages(found: Sequence[Step]) -> list[OutgoingMessage]:
    return [step.message for step in found if isinstance(step, Send | Edit)]


def texts(found: Sequence[Step]) -> list[str]:
    """What a row of nothing but sends says."""
    assert all(type(step) is Send for step in found)
    return [message.text for message in messages(found)]


# What people write to trick a bridge, beside anything at all.
_TRICKS = st.sampled_from(
    [
        "[Boss, Acme] ",
        "\n[Boss] ",
        "\n \u200b[Boss] ",
        "［Boss］ ",
        "(09:00 UTC) ",
        " · ",
        "11:11 UTC",
        "> ",
        "@all ",
        "a@bob",
        "/kick ",
        "-sameroom disable",
        "\n—sameroom help",
        "^^^ ",
        "<b> &",
        "<&>" * 20,
        "“",
        "”",
        "\u202e",
        "\u2066",
        "\n",
        "\r",
        "\u2028",
        "x" * 50,
    ]
)
tricky = st.lists(_TRICKS | st.text(max_size=8), max_size=30).map("".join)
names = st.lists(_TRICKS | st.text(max_size=4), max_size=4).map("".join) | st.sampled_from(
    ["Ann Lee", "Ann · 14:03 UTC", "Ann] [Boss", "Sameroom", "", "@all", "Gal·la"]
)

# How a reader takes a line, found out apart from the code under test.
FOREIGN_HEAD = re.compile(r"[\s\u200b]*[\[［⁅⟦〚【〔].*[\]］⁆⟧〛】〕]")
STAMP = re.compile(r"\s*\((?:\d{1,2} \w{3} )?\d{1,2}:\d\d UTC\)")
