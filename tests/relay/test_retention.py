from datetime import timedelta
from typing import Any

import pytest
from django.core.management import call_command
from django.db import connection
from django.test.utils import CaptureQueriesContext

from accounts.models import LinkedAccount
from sameroom import clock
from tests import factories
from tests.relay.conftest import Clock, Pair, drain_all, take, texts
from tubes import tasks
from tubes.models import Command, Delivery, Event, JoinCode, MapLink, Notice, PortalRequest, Post, RoomClaim
from tubes.relay import retention
from tubes.relay.retention import erase_bodies, erase_event, purge, purge_ids, purge_notices

pytestmark = pytest.mark.django_db

DAY = timedelta(days=1)
NOTHING = {
    "deliveries expired": 0,
    "texts erased": 0,
    "posts deleted": 0,
    "events deleted": 0,
    "notices deleted": 0,
    "requests deleted": 0,
    "commands deleted": 0,
    "left rooms deleted": 0,
    "linked files removed": 0,
}


def event(pair: Pair, *, age: timedelta = 2 * DAY, **extra: Any) -> Event:
    values = {"accepted_at": clock.now() - age, "attachments": [{"url": "https://example.com/file"}]}
    return factories.event(pair.here.room, **(values | extra))


def delivery(pair: Pair, of: Event, *, ended: timedelta | None = 2 * DAY, **extra: Any) -> Delivery:
    finished_at = None if ended is None else clock.now() - ended
    values = {
        "status": "queued" if ended is None else "sent",
        "finished_at": finished_at,
        "parts": ["one", "two"],
    }
    return factories.delivery(of, pair.there, origin=of.room, **(values | extra))


def kept() -> list[int]:
    """Events whose text is still there."""
    return list(Event.objects.filter(body__isnull=False).order_by("pk").values_list("pk", flat=True))


def test_a_text_is_erased_a_day_after_its_last_delivery_ended(pair: Pair) -> None:
    old = event(pair)
    delivery(pair, old)

    assert erase_bodies() == 1

    old.refresh_from_db()
    assert (old.body, old.attachments, old.remote_id != "") == (None, [], True)
    assert Delivery.objects.get().parts is None
    assert erase_bodies() == 0


@pytest.mark.parametrize("status", ["failed", "unknown", "skipped", "removed"])
def test_however_the_delivery_ended(pair: Pair, status: str) -> None:
    delivery(pair, event(pair), status=status)

    assert erase_bodies() == 1


def test_a_text_stays_while_a_delivery_is_open_or_has_ended_lately(pair: Pair) -> None:
    waiting, sending, fresh, other = (event(pair) for _ in range(4))
    delivery(pair, waiting, ended=None)
    delivery(pair, sending, ended=None, status="sending")
    delivery(pair, fresh, ended=timedelta(hours=23))
    delivery(pair, other)
    attic = factories.seat(pair.there.account, factories.room("attic", team="globex"))
    factories.delivery(other, attic, finished_at=clock.now(), status="sent")

    assert erase_bodies() == 0
    assert kept() == [waiting.pk, sending.pk, fresh.pk, other.pk]
    assert Delivery.objects.filter(parts__isnull=True).count() == 1  # the one that had none


def test_a_young_text_stays_however_its_delivery_ended(pair: Pair) -> None:
    delivery(pair, event(pair, age=timedelta(hours=1)))

    assert erase_bodies() == 0


def test_the_text_of_an_edit_stays_while_the_message_that_carries_it_is_on_its_way(pair: Pair) -> None:
    message = event(pair)
    edit = event(pair, kind="edit", about=message)
    carrying = delivery(pair, message, ended=None, carries=edit)
    assert erase_bodies() == 0

    Delivery.objects.filter(pk=carrying.pk).update(status="sent", finished_at=clock.now() - 2 * DAY)

    assert erase_bodies() == 2


def test_an_event_that_is_held_keeps_its_text(pair: Pair) -> None:
    held = event(pair, held="waiting")

    assert erase_bodies() == 0
    assert kept() == [held.pk]


def test_texts_that_still_wait_do_not_keep_others_from_being_erased(pair: Pair) -> None:
    for _ in range(5):
        delivery(pair, event(pair), ended=None)
    for _ in range(3):
        delivery(pair, event(pair))

    assert [erase_bodies(batch=2) for _ in range(4)] == [1, 1, 1, 0]


def test_events_of_one_moment_are_all_walked_over(pair: Pair) -> None:
    same = clock.now() - 2 * DAY
    for _ in range(5):
        delivery(pair, event(pair, accepted_at=same))

    assert sum(retention._erasures(2)) == 5


def plan_of(statement: str) -> str:
    """How the database finds rows, where it has too few to prefer reading them all."""
    with connection.cursor() as cursor:
        if connection.vendor == "postgresql":
            cursor.execute("SET LOCAL enable_seqscan = off")
        cursor.execute(f"{connection.ops.explain_query_prefix()} {statement}")
        return "\n".join(str(line) for line in cursor.fetchall())


def test_the_texts_are_found_by_their_index(pair: Pair) -> None:
    with CaptureQueriesContext(connection) as captured:
        erase_bodies()

    assert " bodies" in plan_of(captured[0]["sql"])


@pytest.mark.parametrize(
    ("table", "column", "index"),
    [
        ("tubes_event", "about_id", "follow_ups"),
        ("tubes_delivery", "event_id", "delivered_once_per_room"),
        ("tubes_delivery", "carries_id", "carried"),
        ("tubes_delivery", "lead_id", "led"),
        ("tubes_post", "delivery_id", "one_post_per_part"),
    ],
)
def test_who_refers_to_a_deleted_row_is_found_by_an_index(
    pair: Pair, table: str, column: str, index: str
) -> None:
    """The question that a database asks for each row it deletes: without an index it reads a whole table."""
    plan = plan_of(f"SELECT 1 FROM {table} WHERE {column} = 1")

    assert f" {index}" in plan or "sqlite_autoindex" in plan


def test_what_its_author_deleted_is_erased_at_once_with_its_edits(pair: Pair) -> None:
    message, other = event(pair, age=timedelta(0)), event(pair, age=timedelta(0))
    edit = event(pair, age=timedelta(0), kind="edit", about=message)
    answer = event(pair, age=timedelta(0), about=message)
    for one in (message, other, edit, answer):
        delivery(pair, one, ended=timedelta(0))

    erase_event([message.pk])
    erase_event([message.pk])

    assert kept() == [other.pk, answer.pk]
    cut = Delivery.objects.filter(parts__isnull=False)
    assert list(cut.values_list("event", flat=True)) == [other.pk]  # an answer's parts quote the message


def test_parts_that_are_on_their_way_stay(pair: Pair) -> None:
    message = event(pair)
    sending = delivery(pair, message, ended=None, status="sending")

    erase_event([message.pk])

    sending.refresh_from_db()
    assert (sending.parts, Event.objects.get().body) == (["one", "two"], None)


def test_ids_are_kept_for_a_month_and_then_deleted(pair: Pair, time: Clock) -> None:
    pair.say("one")
    drain_all()
    pair.here.room.refresh_from_db()
    read = (pair.here.room.read_id, pair.here.room.read_time)
    time.forward(29 * 86_400)
    assert purge_ids() == 0

    time.forward(2 * 86_400)
    purge_ids()

    assert (Event.objects.count(), Delivery.objects.count(), Post.objects.count()) == (0, 0, 0)
    pair.here.room.refresh_from_db()
    assert (pair.here.room.read_id, pair.here.room.read_time) == read
    pair.say("two")
    drain_all()
    assert texts("globex", "garden") == ["[Ann, Acme] one", "[Ann, Acme] two"]


def test_an_event_with_an_open_delivery_is_kept_and_those_around_it_go(pair: Pair) -> None:
    old = [event(pair, age=31 * DAY) for _ in range(5)]
    for number, one in enumerate(old):
        delivery(pair, one, ended=None if number < 2 else 30 * DAY)
    young = event(pair)

    while purge_ids(batch=2):
        pass

    assert list(Event.objects.order_by("pk")) == [*old[:2], young]
    assert Delivery.objects.count() == 2


def test_what_refers_to_a_deleted_event_stays_without_it(pair: Pair) -> None:
    old = event(pair, age=31 * DAY)
    edit = event(pair, kind="edit", about=old)
    gone = delivery(pair, old)
    post = Post.objects.create(delivery=gone, room=pair.there.room, remote_id="r-1")
    mine = delivery(pair, edit, lead=gone, carries=old)

    assert purge_ids() == 1

    for row in (edit, mine, post):
        row.refresh_from_db()
    assert (edit.about, mine.lead, mine.carries, post.delivery, post.remote_id) == (
        None,
        None,
        None,
        None,
        "r-1",
    )


def test_notices_go_with_the_month_or_days_after_they_were_dismissed(pair: Pair) -> None:
    now = clock.now()

    def notice(text: str, **extra: Any) -> None:
        Notice.objects.create(owner=pair.here.owner, seat=pair.here, kind="loss", text=text, **extra)

    notice("old", created_at=now - 31 * DAY)
    notice("dismissed", dismissed_at=now - 3 * DAY)
    notice("just dismissed", dismissed_at=now - DAY)
    notice("new")

    assert (purge_notices(), purge_notices()) == (2, 0)
    assert list(Notice.objects.order_by("pk").values_list("text", flat=True)) == ["just dismissed", "new"]


def test_a_purge_does_it_all_and_a_second_one_nothing(pair: Pair, capsys: pytest.CaptureFixture[str]) -> None:
    for _ in range(3):
        delivery(pair, event(pair))
    Post.objects.create(room=pair.there.room, remote_id="r-1", posted_at=clock.now() - 31 * DAY)
    delivery(pair, event(pair, age=31 * DAY), ended=30 * DAY)
    Notice.objects.create(owner=pair.here.owner, kind="loss", text="old", created_at=clock.now() - 31 * DAY)
    LinkedAccount.objects.filter(pk=pair.there.account_id).update(status="needs_login")
    delivery(pair, event(pair, said_at=clock.now() - 2 * DAY), ended=None)

    call_command("purge")

    assert capsys.readouterr().out.splitlines() == [
        "1 deliveries expired",
        "4 texts erased",
        "1 posts deleted",
        "1 events deleted",
        "1 notices deleted",
        "0 requests deleted",
        "0 commands deleted",
        "0 left rooms deleted",
        "0 linked files removed",
    ]
    assert purge() == NOTHING


def test_a_purge_ends_in_time_and_the_next_one_goes_on(pair: Pair) -> None:
    for _ in range(5):
        delivery(pair, event(pair))

    assert purge(seconds=0, batch=2)["texts erased"] == 2
    tasks.purge()

    assert kept() == []


def test_a_purge_ends_when_the_worker_does(pair: Pair, monkeypatch: pytest.MonkeyPatch) -> None:
    for _ in range(5):
        delivery(pair, event(pair))
    monkeypatch.setattr(retention, "stopping", lambda: True)

    assert purge(batch=2)["texts erased"] == 2


def test_what_was_said_after_a_purge_is_relayed(pair: Pair) -> None:
    take(pair.here.room, factories.said("one"))
    purge()
    drain_all()

    assert texts("globex", "garden") == ["[Ann, Acme] one"]


def test_requests_that_are_over_are_forgotten_after_a_month(db: None) -> None:
    ended = clock.now() - 31 * DAY
    factories.portal_request(status="declined", status_since=ended)
    kept = [
        factories.portal_request(status="declined"),
        factories.portal_request(status="waiting", status_since=ended),
    ]

    assert purge()["requests deleted"] == 1
    assert list(PortalRequest.objects.order_by("pk")) == kept


def test_commands_codes_and_map_links_go_once_they_are_of_no_use(pair: Pair) -> None:
    def command(**values: Any) -> Command:
        row = {"room": pair.here.room, "author_id": "ann", "due_at": None, "status": "done"}
        return Command.objects.create(event=event(pair), **(row | values))

    old, young = command(created_at=clock.now() - 2 * DAY), command()
    waiting = command(created_at=clock.now() - 2 * DAY, status="waiting", due_at=clock.now())
    for number, used_by, age in ((1, old, 2 * DAY), (2, young, DAY / 2)):
        JoinCode.objects.create(
            digest=str(number), seat=pair.here, used_by=used_by, expires_at=clock.now() - age
        )
        MapLink.objects.create(key=str(number), seat=pair.here, expires_at=clock.now() + DAY - age)

    claims = [
        RoomClaim.objects.create(
            owner=pair.here.owner, account=pair.here.account, room_name="Lobby", expires_at=clock.now() - age
        )
        for age in (2 * DAY, DAY / 2)
    ]

    assert retention.purge_commands(batch=1) == 4
    assert retention.purge_commands() == 0

    assert set(Command.objects.all()) == {young, waiting}
    assert list(JoinCode.objects.values_list("digest", flat=True)) == ["2"]
    assert list(MapLink.objects.values_list("key", flat=True)) == ["2"]
    assert list(RoomClaim.objects.all()) == claims[1:]
