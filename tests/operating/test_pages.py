"""What operators see, and who is let in."""

import re
from collections.abc import Callable, Iterable
from datetime import timedelta
from typing import Any

import pytest
import redis
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.urls import reverse

from connectors.budget import Left
from monitor import counting
from monitor.doctor import running
from operating import finding, following, overview
from operating.tasks import watch
from sameroom import clock
from tests import factories
from tests.operating.conftest import LOOK
from tubes import admin_lists
from tubes.models import Delivery, Installation, Post
from tubes.relay import guard

pytestmark = [pytest.mark.django_db, pytest.mark.both_databases]

HOME = "/admin/operating/watch/"
EVIL = "<script>alert(1)</script>\"'><b>x"


def text_of(answer: Any) -> str:
    assert answer.status_code == 200, answer.status_code
    return str(answer.content.decode())


def lost(count: int = 1, why: str = "The service said no.", **extra: Any) -> list[Delivery]:
    made = {"status": "failed", "error": why, "finished_at": clock.now()} | extra
    return [factories.delivery(**made) for _ in range(count)]


def addresses() -> list[str]:
    """One address of every page, with rows behind them."""
    delivery = lost()[0]
    pages = ["operating_watch_changelist", "operating_deliveries", "operating_events"]
    return [
        *(reverse(f"admin:{page}") for page in pages),
        reverse("admin:operating_event", args=[delivery.event_id]),
        reverse("admin:operating_lane", args=[delivery.seat_id]),
        reverse("admin:operating_account", args=[delivery.seat.account_id]),
        reverse("admin:operating_find", query={"id": str(delivery.pk)}),
        reverse("admin:operating_act", args=["retry", delivery.pk]),
    ]


def test_strangers_and_users_are_sent_to_sign_in(client: Client) -> None:
    pages = addresses()
    strangers = [client.get(page).status_code for page in pages]
    client.force_login(factories.user())
    users = [client.get(page).status_code for page in pages]

    assert strangers == users == [302] * len(pages)


def test_staff_without_the_right_to_look_are_refused(staff: Callable[..., Client]) -> None:
    pages = addresses()
    browser = staff("tubes.change_delivery", "tubes.view_delivery")

    assert [browser.get(page).status_code for page in pages] == [403] * len(pages)
    assert "elay monitor" not in text_of(browser.get("/admin/"))


def test_staff_with_the_right_to_look_find_it_in_the_index_and_see_no_button(
    staff: Callable[..., Client],
) -> None:
    pages = addresses()
    browser = staff(LOOK)

    assert f'href="{HOME}"' in text_of(browser.get("/admin/"))
    assert [browser.get(page).status_code for page in pages] == [200] * 6 + [302, 403]
    assert [page for page in pages[:6] if 'class="act"' in text_of(browser.get(page))] == []


def test_the_first_page_shows_what_waits_what_was_lost_and_who_is_unwell(desk: Client) -> None:
    deep, shallow = factories.seat(), factories.seat()
    for seat, count in ((deep, 3), (shallow, 1)):
        for _ in range(count):
            factories.delivery(seat_=seat, error="Try later.")
    lost(2)
    lost(1, "It is too long.")
    lost(1, "Long ago.", finished_at=clock.now() - timedelta(hours=2))
    factories.account(status="needs_login", status_reason="The token was refused.")

    page = text_of(desk.get(HOME))

    assert re.findall(r'state=open&amp;seat=(\d+)">(\d+)<', page) == [
        (str(deep.pk), "3"),
        (str(shallow.pk), "1"),
    ]
    assert "3 deliveries</a> in this time" in page
    assert page.index("The service said no.") < page.index("It is too long.")
    assert "Long ago." not in page
    assert "Long ago." in text_of(desk.get(HOME, {"span": "6h"}))
    assert "The token was refused." in page


def test_the_first_page_says_first_of_all_whether_anything_relays(
    desk: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(running, "is_shared", lambda: False)
    row = Installation.objects.create(pk=1, public_url="https://one.example", marked_at=clock.now())
    well = text_of(desk.get(HOME))
    Installation.objects.update(marked_at=clock.now() - timedelta(minutes=7))
    silent = text_of(desk.get(HOME))
    Installation.objects.filter(pk=row.pk).update(stopped_because="This may be a copy.")
    stopped = text_of(desk.get(HOME))

    assert "Workers, beat and listeners are at work" in well
    assert "no sign of life for 7 minutes" in silent
    assert "Start worker and beat" in silent
    assert "at work" not in silent
    assert silent.index("no sign of life") < silent.index("Events and deliveries per minute")
    assert '<ul class="alarms stopped"' in stopped
    assert "The relay is stopped. This may be a copy." in stopped


def test_the_first_page_opens_where_redis_does_not_answer(
    desk: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    def away() -> None:
        raise redis.ConnectionError("refused")

    monkeypatch.setattr(overview, "processes", away)

    assert "Redis does not answer." in text_of(desk.get(HOME))


def test_a_lane_shows_what_waits_beginning_with_what_is_next(
    desk: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(following, "NEXT", 2)
    seat = factories.seat()
    made = [factories.delivery(seat_=seat, error="Try later.") for _ in range(3)]

    page = text_of(desk.get(reverse("admin:operating_lane", args=[seat.pk])))
    monkeypatch.setattr(following, "MOST_COUNTED", 2)
    deeper = text_of(desk.get(reverse("admin:operating_lane", args=[seat.pk])))
    empty = text_of(desk.get(reverse("admin:operating_lane", args=[factories.seat().pk])))

    assert re.findall(r"#delivery-(\d+)", page) == [str(one.pk) for one in made[:2]]
    assert "<dd>3, the first <time" in page
    assert "more than 2, the first" in deeper
    assert f'?seat={seat.pk}&amp;state=open">All that waits</a>' in page
    assert "Try later." in page
    assert "Nothing waits." in empty
    assert "Nothing waits." not in page


def test_the_first_page_of_one_service_leaves_others_out(desk: Client) -> None:
    lost(1)
    factories.delivery()
    factories.account(status="needs_login", status_reason="The token was refused.")

    page = text_of(desk.get(HOME, {"service": "hipchat"}))

    assert all(words in page for words in ("all lanes are empty", "Nothing was lost", "All accounts work"))
    assert "The service said no." in text_of(desk.get(HOME, {"service": "echo"}))


def test_charts_show_what_was_counted_and_lead_to_it(desk: Client, monkeypatch: pytest.MonkeyPatch) -> None:
    now = clock.now()
    monkeypatch.setattr(clock, "now", lambda: now)
    watch()
    later = now + timedelta(seconds=60)
    monkeypatch.setattr(clock, "now", lambda: later)
    counting.events_in("message", "echo", 120)
    counting.delivery_ended("echo", "sent", 0.2)
    watch()

    page = text_of(desk.get(HOME))

    assert re.findall(r"<td>([^<]+)</td>", page)[:5] == ["120/min", "1/min", "0/min", "175 ms", "248 ms"]
    paths = re.findall(r'class="line (\w+)" d="([^"]*)"', page)
    assert [name for name, path in paths if path.startswith("M")] == ["events", "sent", "lost", "p50", "p99"]
    [column] = re.findall(r'<a href="([^"]+)" tabindex="-1">', page)[:1]
    assert desk.get(column.replace("&amp;", "&")).status_code == 200


def test_the_first_page_is_not_sent_again_while_nothing_changed(
    desk: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    now = clock.now()
    monkeypatch.setattr(clock, "now", lambda: now)  # with each minute it is another page
    lost()
    [again] = re.findall(r'hx-get="([^"]+)"', text_of(desk.get(HOME)))
    again = again.replace("&amp;", "&")

    unchanged = desk.get(again, headers={"HX-Request": "true"})
    lost()
    changed = desk.get(again, headers={"HX-Request": "true"})

    assert unchanged.status_code == 204
    assert text_of(changed).lstrip().startswith('<div id="monitor"')
    assert "2 deliveries</a>" in text_of(changed)


def test_budgets_are_shown_least_first(desk: Client, monkeypatch: pytest.MonkeyPatch) -> None:
    rich, poor = factories.seat(), factories.seat()
    left = {rich.account_id: Left(60, 40, 100, 12.0, 0.0), poor.account_id: Left(60, 4, 100, 12.0, 9.0)}
    monkeypatch.setattr(overview, "_left", lambda account: left[account.pk])

    page = text_of(desk.get(HOME))

    table = page[page.index("budgets-title") :]
    assert re.findall(r"account[s]?/(\d+)/", table) == [str(poor.account_id), str(rich.account_id)]
    assert "its service wants 9 s of rest" in table


@pytest.mark.parametrize("name", ["operating_deliveries", "operating_events"])
def test_lists_go_on_by_key(desk: Client, monkeypatch: pytest.MonkeyPatch, name: str) -> None:
    monkeypatch.setattr(finding, "ROWS", 2)
    for _ in range(5):
        factories.delivery()
    seen: list[str] = []
    query = "?"

    for _ in range(3):
        page = text_of(desk.get(reverse(f"admin:{name}") + query))
        seen += re.findall(r'<th scope="row"><a href="[^"]+">(\d+)</a>', page)
        query = next(iter(re.findall(r'<a href="(\?[^"]+)">Older', page)), "").replace("&amp;", "&")

    assert seen == sorted(seen, key=int, reverse=True)
    assert (len(seen), query) == (5, "")


def test_what_was_lost_goes_on_by_when_it_ended(desk: Client, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(finding, "ROWS", 2)
    now = clock.now()
    ends = [now - timedelta(minutes=minutes) for minutes in (5, 1, 1, 9)]
    made = [lost(1, finished_at=end)[0].pk for end in ends]
    page = text_of(desk.get(reverse("admin:operating_deliveries"), {"state": "lost"}))
    [older] = re.findall(r'<a href="(\?[^"]+)">Older', page)
    rest = text_of(desk.get(reverse("admin:operating_deliveries") + older.replace("&amp;", "&")))

    found = [re.findall(r"#delivery-(\d+)", one) for one in (page, rest)]

    assert found == [[str(made[2]), str(made[1])], [str(made[0]), str(made[3])]]


def test_a_rare_thing_is_looked_for_in_steps(desk: Client, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(finding, "LOOKED", 3)
    rare = factories.delivery(status="removed")
    for _ in range(4):
        factories.delivery(status="sent")
    address = reverse("admin:operating_deliveries")

    first = text_of(desk.get(address, {"state": "removed"}))
    [older] = re.findall(r'<a href="(\?[^"]+)">Look through older ones', first)
    second = text_of(desk.get(address + older.replace("&amp;", "&")))

    assert re.findall(r"#delivery-(\d+)", first) == []
    assert re.findall(r"#delivery-(\d+)", second) == [str(rare.pk)]


def test_deliveries_are_narrowed(desk: Client) -> None:
    failed = lost(1)[0]
    other = lost(1, "It is too long.")[0]
    sent = factories.delivery(status="sent", seat_=failed.seat)
    old = factories.delivery(status="sent")
    Delivery.objects.filter(pk__in=[failed.pk]).update(created_at=clock.now() - timedelta(hours=3))
    digest = finding.Reason("It is too long.", "echo", 1, clock.now()).digest

    def found(**query: Any) -> set[str]:
        return set(
            re.findall(r"#delivery-(\d+)", text_of(desk.get(reverse("admin:operating_deliveries"), query)))
        )

    hour_ago = int((clock.now() - timedelta(hours=1)).timestamp())
    assert found(state="lost") == {str(failed.pk), str(other.pk)}
    assert found(state="lost", reason=digest) == {str(other.pk)}
    assert found(seat=failed.seat_id) == {str(failed.pk), str(sent.pk)}
    assert found(seat=failed.seat_id, state="sent") == {str(sent.pk)}
    assert found(since=hour_ago) == {str(other.pk), str(sent.pk), str(old.pk)}
    assert found(until=hour_ago) == {str(failed.pk)}
    assert found(service="hipchat") == set()
    assert found(state="nonsense", since="x", before=str(2**70)) == set(
        map(str, [failed.pk, other.pk, sent.pk, old.pk])
    )


def test_one_message_is_shown_with_its_whole_way_but_not_its_text(desk: Client) -> None:
    body = {"v": 1, "blocks": [{"type": "paragraph", "inlines": ["a private sentence"]}]}
    event = factories.event(body=body)
    sent = factories.delivery(event, status="sent", finished_at=clock.now(), parts=[["a private part"]])
    failed = factories.delivery(event, status="failed", error="The service said no.")
    Post.objects.create(delivery=sent, room=sent.room, remote_id="remote-77")
    edit = factories.event(event.room, kind="edit", about=event)

    page = text_of(desk.get(reverse("admin:operating_event", args=[event.pk])))

    assert [f'id="delivery-{one.pk}"' in page for one in (sent, failed)] == [True, True]
    assert all(words in page for words in ("remote-77", "The service said no.", "Ann", f"/events/{edit.pk}/"))
    assert "Kept until 24 h after its last delivery has ended." in page
    assert "private" not in page


@pytest.mark.parametrize("by", ["delivery", "post", "event"])
def test_a_message_is_found_by_any_of_its_ids(desk: Client, by: str) -> None:
    event = factories.event(remote_id="said-1")
    delivery = factories.delivery(event, status="sent")
    Post.objects.create(delivery=delivery, room=delivery.room, remote_id="posted-1")
    id_ = {"delivery": str(delivery.pk), "post": "posted-1", "event": " said-1 "}[by]

    answer = desk.get(reverse("admin:operating_find"), {"id": id_})

    assert answer["Location"] == reverse("admin:operating_event", args=[event.pk])


def test_an_id_that_nobody_knows_says_so(desk: Client) -> None:
    page = text_of(desk.get(reverse("admin:operating_find"), {"id": EVIL}, follow=True))

    assert "Nothing is known under the id" in page
    assert "<script>alert" not in page


def test_names_and_errors_are_shown_as_they_are_and_run_nothing(desk: Client) -> None:
    account = factories.account(
        remote_user_name=EVIL, team_name=EVIL, status="needs_login", status_reason=EVIL
    )
    seat = factories.seat(account, factories.room(name=EVIL), failure=EVIL)
    event = factories.event(factories.room(name=EVIL, last_error=EVIL), author_name=EVIL, remote_id=EVIL)
    factories.tube(seat)
    delivery = lost(1, EVIL, event_=event, seat_=seat)[0]
    factories.delivery(seat_=seat, error=EVIL)
    Post.objects.create(delivery=delivery, room=seat.room, remote_id=EVIL)
    pages = [
        HOME,
        reverse("admin:operating_deliveries"),
        reverse("admin:operating_events"),
        reverse("admin:operating_event", args=[event.pk]),
        reverse("admin:operating_lane", args=[seat.pk]),
        reverse("admin:operating_account", args=[account.pk]),
        reverse("admin:operating_act", args=["disable", account.pk]),
    ]

    shown = [text_of(desk.get(page)) for page in pages]

    assert [
        page for page, text in zip(pages, shown, strict=True) if "<script>alert" in text or "<b>x" in text
    ] == []
    assert ["&lt;script&gt;" in text for text in shown] == [True] * len(pages)


@pytest.mark.parametrize(
    ("page", "queries"),
    [("watch_changelist", 17), ("deliveries", 3), ("events", 3), ("event", 6), ("lane", 7), ("account", 4)],
)
def test_pages_take_as_many_queries_for_three_rows_as_for_one(
    desk: Client, monkeypatch: pytest.MonkeyPatch, page: str, queries: int
) -> None:
    monkeypatch.setattr(guard, "LOOK_AGAIN", 1e9)
    Installation.objects.create(pk=1, public_url="https://one.example", marked_at=clock.now())
    seat, event = factories.seat(factories.account(status="needs_login")), factories.event()
    ids = {"event": event.pk, "lane": seat.pk, "account": seat.account_id}
    address = reverse(f"admin:operating_{page}", args=[ids[page]] if page in ids else [])

    def counted(rows: int) -> int:
        """With so many more of everything that this page shows."""
        for number in range(rows):
            factories.delivery(event)
            factories.delivery(seat_=seat)
            factories.tube(seat)
            factories.seat(seat.account)
            factories.account(status="needs_login")
            lost(1, f"Reason {number}.")
        with CaptureQueriesContext(connection) as captured:
            text_of(desk.get(address))
        return len(captured)

    text_of(desk.get(address))  # whether the relay is stopped is asked now and then only
    assert (counted(1), counted(2)) == (queries, queries)


def test_nothing_is_counted_and_every_question_about_big_tables_has_an_end(desk: Client) -> None:
    lost(3)
    for _ in range(3):
        factories.delivery()
    pages = (HOME, reverse("admin:operating_deliveries"), reverse("admin:operating_events"))
    lists = [reverse(f"admin:tubes_{name}_changelist") for name in ("delivery", "event", "post")]

    def asked(addresses: Iterable[str]) -> list[str]:
        with CaptureQueriesContext(connection) as captured:
            for address in addresses:
                text_of(desk.get(address))
        big = [f'"{name}"' for name in ("tubes_delivery", "tubes_event", "tubes_post")]
        return [query["sql"] for query in captured if any(name in query["sql"] for name in big)]

    known_ones = '."id" IN ('
    assert [sql for sql in asked([*pages, *lists]) if "COUNT(*)" in sql] == []
    assert [sql for sql in asked(pages) if "LIMIT" not in sql and known_ones not in sql] == []


def test_long_lists_of_the_admin_know_the_next_page_and_no_number(
    desk: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(admin_lists.WatchedAdmin, "list_per_page", 2)
    made = [factories.delivery().pk for _ in range(5)]
    address = reverse("admin:tubes_delivery_changelist")

    def look(**query: str) -> list[str]:
        page = text_of(desk.get(address, query))
        return list(dict.fromkeys(re.findall(r"tubes/delivery/(\d+)/change", page)))

    newest = [str(pk) for pk in reversed(made)]
    assert look() == newest[:2]
    assert look(p="2") == newest[2:4]
    assert look(p="3") == newest[4:]
    assert look(o="1") == newest[:2]
    assert "5 deliveries" not in text_of(desk.get(address))
    assert 'href="?p=2"' in text_of(desk.get(address))
    assert 'href="?p=3"' not in text_of(desk.get(address))
    assert desk.get(address, {"p": "9999"}).status_code == 302


def test_big_lists_of_the_admin_find_by_whole_ids(desk: Client) -> None:
    event = factories.event(remote_id="said-1")
    delivery = factories.delivery(event, status="sent")
    Post.objects.create(delivery=delivery, room=delivery.room, remote_id="posted-1")
    factories.delivery()

    def found(model: str, words: str) -> set[str]:
        page = text_of(desk.get(reverse(f"admin:tubes_{model}_changelist"), {"q": words}))
        return set(re.findall(rf"tubes/{model}/(\d+)/change", page))

    assert found("event", "said-1") == {str(event.pk)}
    assert found("delivery", "posted-1") == {str(delivery.pk)}
    assert len(found("post", "posted-1")) == 1
    assert found("event", "said") == found("delivery", "posted") == found("post", "post") == set()


def test_a_delivery_in_the_admin_shows_nothing_of_its_text(desk: Client) -> None:
    delivery = factories.delivery(status="sent", parts=[["a private part"]])

    assert "private" not in text_of(desk.get(reverse("admin:tubes_delivery_change", args=[delivery.pk])))
