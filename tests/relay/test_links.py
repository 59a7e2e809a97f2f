"""Files that a room does not take: behind a link of ours, for a day, to be saved and not run."""

import os
import re
import time as wall
from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any
from unittest.mock import patch

import pytest
from django.test import Client

from connectors.base import Attachment
from connectors.hipchat.connector import HipChatConnector
from tests.relay.conftest import Clock
from tests.relay.sandboxed import Sides
from tubes.links import link_to
from tubes.models import Event
from tubes.relay import retention, shelf

pytestmark = pytest.mark.django_db

HTML = b"<html><script>alert(1)</script>" + b"x" * 5000
FETCHES = "/file/"


@pytest.fixture(autouse=True)
def disk(settings: object, tmp_path: Path) -> Path:
    settings.VAR_DIR = tmp_path  # type: ignore[attr-defined]
    return tmp_path


@pytest.fixture
def small() -> Iterator[None]:
    """HipChat takes files of a thousand bytes, and gives its own to who is logged in."""
    can = replace(HipChatConnector.capabilities, max_file_size=1000)
    with patch.object(HipChatConnector, "capabilities", can):
        yield


@pytest.fixture
def link(sides: Sides, small: None) -> str:
    """The path of a link that was posted."""
    sides.server.world.set_switches(authenticated_files=True)
    sides.share("Acme", "page über.html", HTML, "look")
    sides.relay()
    [text] = sides.texts("Helpdesk")
    told = r"\[Ann Lee, Acme\] look\npage über\.html \(5\.03 KB\): http://[^/]+"
    found = re.fullmatch(told + r"(/files/\S+/page%20%C3%BCber\.html)", text)
    assert found, text
    return found[1]


def stored(disk: Path) -> list[Path]:
    return [place for place in disk.glob("files/*/*") if place.is_file()]


def content(answer: Any) -> bytes:
    """What was sent. Closing the answer would close the test's connection to the database as well."""
    return b"".join(answer.streaming_content)


def test_a_file_too_large_for_a_room_is_had_by_whoever_holds_its_link(
    link: str, sides: Sides, client: Client, disk: Path
) -> None:
    answers = [client.get(link) for _ in range(2)]

    for answer in answers:
        assert content(answer) == HTML
        assert answer["Content-Disposition"].startswith("attachment; filename*=utf-8''page%20%C3%BCber.html")
        assert answer["Content-Type"] == "text/html"
        assert answer["Content-Security-Policy"] == "default-src 'none'; sandbox"
        assert answer["X-Content-Type-Options"] == "nosniff"
        assert "no-store" in answer["Cache-Control"]
    assert len(stored(disk)) == 1


def test_it_is_fetched_once(link: str, sides: Sides, client: Client) -> None:
    content(client.get(link))
    sides.server.world.add_fault(path=FETCHES, status=500, count=-1)

    assert content(client.get(link)) == HTML


def test_a_link_is_over_after_a_day(link: str, client: Client, time: Clock, disk: Path) -> None:
    content(client.get(link))
    time.forward(24 * 3600 - 60)
    assert content(client.get(link)) == HTML

    time.forward(120)

    answer = client.get(link)
    assert (answer.status_code, "24 hours" in answer.content.decode()) == (404, True)


def test_what_its_author_takes_back_is_gone_at_once(link: str, client: Client, disk: Path) -> None:
    content(client.get(link))
    assert stored(disk)

    with patch("django.db.transaction.on_commit", lambda do, **_: do()):
        retention.erase_event(Event.objects.values_list("pk", flat=True))

    assert (client.get(link).status_code, stored(disk)) == (404, [])


def test_a_service_that_does_not_answer_is_asked_again_later(
    link: str, sides: Sides, client: Client, disk: Path
) -> None:
    sides.server.world.add_fault(path=FETCHES, status=503, count=1)

    late = client.get(link)

    assert (late.status_code, late["Retry-After"], stored(disk)) == (503, "30", [])
    assert content(client.get(link)) == HTML


def test_a_file_that_is_gone_there_is_gone_here(link: str, sides: Sides, client: Client) -> None:
    sides.server.world.add_fault(path=FETCHES, status=404, count=-1)

    assert client.get(link).status_code == 404


def test_nobody_makes_a_link_but_us(link: str, client: Client) -> None:
    event = Event.objects.get()
    key = link.split("/")[2]
    forged = [f"{key[:-1]}{'a' if key[-1] != 'a' else 'b'}", key.split("~")[0], "x", f"{event.pk}-0~"]
    others = [link_to(event.pk, 7, "x"), link_to(event.pk + 1, 0, "x")]

    answers = [client.get(f"/files/{one}/x") for one in forged]
    answers += [client.get(f"/files/{one.split('/')[4]}/x") for one in others]

    assert [answer.status_code for answer in answers] == [404] * len(answers)


def test_a_shelf_has_a_limit_and_what_came_first_goes_first(
    disk: Path, settings: object, sides: Sides
) -> None:
    settings.FILE_QUOTA_MB = 1  # type: ignore[attr-defined]
    sides.server.world.set_switches(authenticated_files=True)
    for number in range(3):
        sides.share("Acme", f"{number}.bin", bytes([number]) * 600_000)
    sides.relay()
    events = list(Event.objects.order_by("pk"))
    origin = sides.tube.side_a.account.connector()
    for number, event in enumerate(events):
        file = Attachment.from_json(event.attachments[0])
        with shelf.open_file(1, event.pk, 0, file, origin) as content:
            assert content.read() == bytes([number]) * 600_000

    assert [place.name for place in stored(disk)] == [f"{events[-1].pk}-0"]


def test_the_purge_takes_old_files_away(disk: Path) -> None:
    old, young = (disk / "files" / "1" / name for name in ("1-0", "2-0"))
    old.parent.mkdir(parents=True)
    for place in (old, young):
        place.write_bytes(b"x")
    long_ago = wall.time() - timedelta(hours=25).total_seconds()
    os.utime(old, (long_ago, long_ago))

    assert retention.purge()["linked files removed"] == 1
    assert stored(disk) == [young]
