"""What operators do: to what, with which right, what is logged, and what becomes of it."""

import re
from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from django.contrib.admin.models import LogEntry
from django.test import Client
from django.urls import reverse

from accounts.models import LinkedAccount, User
from operating import acts, finding
from operating.acts import ACTS
from sameroom import clock
from tests import factories
from tests.operating.conftest import LOOK, Rung
from tubes.models import Delivery, Notice, Post, Room

pytestmark = [pytest.mark.django_db, pytest.mark.both_databases]


def lobby(**extra: Any) -> Any:
    """A Seat in a room that there is at the service."""
    known = Room.objects.filter(remote_id="lobby").first()
    return factories.seat(room_=known or factories.room("lobby"), **extra)


def tube_of_real_rooms(**extra: Any) -> Any:
    return factories.tube(lobby(), factories.seat(room_=factories.room("garden")), **extra)


ROWS: dict[str, Callable[[], Any]] = {
    "pause": lambda: factories.tube(),
    "resume": lambda: tube_of_real_rooms(status="paused"),
    "verify-tube": tube_of_real_rooms,
    "verify-seat": lobby,
    "retry": lambda: factories.delivery(next_attempt_at=clock.now() + timedelta(hours=1)),
    "skip": lambda: factories.delivery(),
    "settle": lambda: factories.delivery(status="sending"),
    "arrived": lambda: factories.delivery(status="unknown", fingerprint="f" * 32),
    "verify": lambda: factories.account(),
    "disable": lambda: factories.account(),
}
RIGHTS = {
    "pause": "tubes.change_tube",
    "resume": "tubes.change_tube",
    "verify-tube": "tubes.change_tube",
    "verify-seat": "tubes.change_seat",
    "retry": "tubes.change_delivery",
    "skip": "tubes.change_delivery",
    "settle": "tubes.change_delivery",
    "arrived": "tubes.change_delivery",
    "verify": "accounts.change_linkedaccount",
    "disable": "accounts.change_linkedaccount",
}


def address(name: str, row: Any) -> str:
    return reverse("admin:operating_act", args=[name, row.pk])


def do(browser: Client, name: str, row: Any) -> str:
    """Press the button; what the next page says about it."""
    answer = browser.post(address(name, row), {"next": reverse("admin:operating_events")}, follow=True)
    assert answer.redirect_chain == [(reverse("admin:operating_events"), 302)]
    return str(answer.content.decode())


def logged() -> list[tuple[str, str, str]]:
    entries = LogEntry.objects.order_by("pk").values_list("user__email", "object_id", "change_message")
    return [(email, str(object_id), message) for email, object_id, message in entries]


def test_every_act_has_its_row_and_its_right_here() -> None:
    assert ACTS.keys() == ROWS.keys() == RIGHTS.keys()
    assert {name: act.permission for name, act in ACTS.items()} == RIGHTS


@pytest.mark.parametrize("name", ROWS)
def test_an_act_needs_its_own_right_and_is_logged(staff: Callable[..., Client], name: str) -> None:
    row = ROWS[name]()
    others = sorted({*RIGHTS.values()} - {RIGHTS[name]})

    refused = staff(LOOK, *others)
    before = type(row).objects.values().get(pk=row.pk)
    answers = [refused.get(address(name, row)), refused.post(address(name, row))]
    unchanged = type(row).objects.values().get(pk=row.pk)
    with_nothing = logged()
    let_in = staff(LOOK, RIGHTS[name])
    page = do(let_in, name, row)

    assert [answer.status_code for answer in answers] == [403, 403]
    assert (before, with_nothing) == (unchanged, [])
    assert "messagelist" in page
    assert 'class="error"' not in page
    [entry] = logged()
    assert entry[1:] == (str(row.pk), f"{ACTS[name].done} (relay monitor)")


@pytest.mark.parametrize("name", ROWS)
def test_an_act_needs_the_right_to_look_too(staff: Callable[..., Client], name: str) -> None:
    row = ROWS[name]()

    assert staff(RIGHTS[name]).post(address(name, row)).status_code == 403
    assert logged() == []


def test_users_and_strangers_do_nothing(client: Client) -> None:
    tube = factories.tube()
    client.post(address("pause", tube))
    client.force_login(tube.side_a.owner)
    client.post(address("pause", tube))
    tube.refresh_from_db()

    assert (tube.status, logged()) == ("active", [])


def test_a_form_of_another_site_does_nothing(operator: User) -> None:
    tube = factories.tube()
    browser = Client(enforce_csrf_checks=True)
    browser.force_login(operator)

    assert browser.post(address("pause", tube)).status_code == 403
    tube.refresh_from_db()
    assert tube.status == "active"


@pytest.mark.parametrize("name", [name for name, act in ACTS.items() if act.asks])
def test_what_cannot_be_undone_is_asked_about(desk: Client, name: str) -> None:
    row = ROWS[name]()

    page = desk.get(address(name, row), {"next": "/admin/"}).content.decode()

    assert ACTS[name].asks[:60] in page
    assert 'href="/admin/"' in page
    assert logged() == []


def test_going_back_leads_to_no_other_site(desk: Client) -> None:
    tube = factories.tube()

    for elsewhere in ("https://evil.example/", "//evil.example", "javascript:alert(1)"):
        answer = desk.post(address("pause", tube), {"next": elsewhere})
        assert answer["Location"] == "/admin/operating/watch/"


def test_buttons_are_those_that_fit(desk: Client) -> None:
    event = factories.event()
    for status in ("queued", "sending", "sent", "failed", "unknown", "skipped", "removed"):
        factories.delivery(event, status=status)

    page = desk.get(reverse("admin:operating_event", args=[event.pk])).content.decode()

    found = {}
    for stop in page.split('<article class="stop"')[1:]:
        status = stop.split('class="state ')[1].split('"')[0]
        found[status] = [name for name in ACTS if f"/watch/{name}/" in stop]
    assert found == {
        "queued": ["retry", "skip"],
        "sending": ["settle"],
        "sent": [],
        "failed": ["retry"],
        "unknown": ["retry", "arrived"],
        "skipped": [],
        "removed": [],
    }


def test_pausing_stops_a_tube_and_tells_both_owners(desk: Client, operator: User) -> None:
    tube = factories.tube(side_b=factories.seat())

    do(desk, "pause", tube)

    tube.refresh_from_db()
    assert (tube.status, tube.status_by) == ("paused", operator)
    told = set(Notice.objects.filter(kind="paused").values_list("owner", flat=True))
    assert told == {tube.side_a.owner_id, tube.side_b.owner_id}


def test_resuming_tells_operators_why_a_room_cannot_be_read(desk: Client) -> None:
    tube = factories.tube(status="paused")

    page = do(desk, "resume", tube)

    tube.refresh_from_db()
    assert "Echo has no such room." in page
    assert (tube.status, logged()) == ("paused", [])


def test_what_waits_for_its_next_try_is_tried_now(desk: Client, rung: Rung) -> None:
    delivery = ROWS["retry"]()

    do(desk, "retry", delivery)

    delivery.refresh_from_db()
    assert delivery.next_attempt_at <= clock.now()
    assert delivery.seat_id in rung


def test_what_was_lost_is_queued_once_more_whoever_owns_it(desk: Client, rung: Rung) -> None:
    tube = factories.tube()
    event = factories.event(tube.side_a.room, said_at=clock.now(), accepted_at=clock.now())
    delivery = factories.delivery(
        event, tube.side_b, status="failed", error="No.", finished_at=clock.now(), attempts=9
    )

    do(desk, "retry", delivery)

    delivery.refresh_from_db()
    assert (delivery.status, delivery.error, delivery.attempts) == ("queued", "", 0)
    assert rung == [tube.side_b_id]


def test_what_cannot_be_sent_again_says_why(desk: Client) -> None:
    delivery = factories.delivery(factories.event(body=None), status="failed", finished_at=clock.now())

    page = do(desk, "retry", delivery)

    assert "Its text is not kept any more." in page
    assert logged() == []


def test_leaving_out_ends_a_delivery_tells_its_owner_and_lets_the_next_go(desk: Client, rung: Rung) -> None:
    tube = factories.tube()
    delivery = factories.delivery(factories.event(tube.side_a.room), tube.side_b)

    do(desk, "skip", delivery)

    delivery.refresh_from_db()
    assert (delivery.status, delivery.error) == ("skipped", "An operator has left it out.")
    assert delivery.finished_at is not None
    [notice] = Notice.objects.filter(owner=tube.side_b.owner, kind="loss")
    assert "An operator has left it out." in notice.text
    assert tube.side_b_id in rung


def test_what_is_on_the_wire_is_not_left_out(desk: Client) -> None:
    delivery = factories.delivery(status="sending")

    page = do(desk, "skip", delivery)

    delivery.refresh_from_db()
    assert delivery.status == "sending"
    assert "it is being sent, or has ended" in page
    assert logged() == []


def test_settling_has_the_lane_look_now(desk: Client, rung: Rung) -> None:
    delivery = factories.delivery(status="sending", next_attempt_at=clock.now() + timedelta(hours=1))

    do(desk, "settle", delivery)

    delivery.refresh_from_db()
    assert delivery.next_attempt_at <= clock.now()
    assert rung == [delivery.seat_id]


def test_settling_needs_an_account_that_works(desk: Client, rung: Rung) -> None:
    delivery = factories.delivery(status="sending")
    LinkedAccount.objects.update(status="needs_login")

    assert "Verify them first." in do(desk, "settle", delivery)
    assert (list(rung), logged()) == ([], [])


def test_what_an_operator_has_seen_counts_as_sent_and_is_still_known_as_ours(desk: Client) -> None:
    delivery = ROWS["arrived"]()

    do(desk, "arrived", delivery)

    delivery.refresh_from_db()
    assert (delivery.status, delivery.error) == ("sent", "")
    [post] = Post.objects.all()
    assert (post.room_id, post.fingerprint, post.delivery_id) == (delivery.room_id, "f" * 32, None)


def test_a_disabled_account_is_used_no_more_until_it_is_verified(desk: Client) -> None:
    seat = factories.seat()
    other = factories.tube(factories.seat(room_=seat.room)).side_a
    factories.tube(seat)
    Room.objects.filter(pk=seat.room_id).update(reader=seat)

    do(desk, "disable", seat.account)
    seat.account.refresh_from_db()
    disabled = (seat.account.status, seat.account.status_reason, Room.objects.get(pk=seat.room_id).reader_id)
    do(desk, "verify", seat.account)
    seat.account.refresh_from_db()

    assert disabled[0] == "disabled"
    assert "An operator" in disabled[1]
    assert disabled[2] == other.pk
    assert (seat.account.status, seat.account.status_reason) == ("connected", "")
    assert [message for _, _, message in logged()] == [
        "Disabled. (relay monitor)",
        "The login works. (relay monitor)",
    ]


def test_a_login_that_is_refused_says_so_and_is_asked_for(desk: Client) -> None:
    account = factories.account(credentials={"team": "acme", "name": "x", "token": "wrong"})

    page = do(desk, "verify", account)

    account.refresh_from_db()
    assert account.status == "needs_login"
    assert 'class="error"' in page
    assert logged() == []


def test_verifying_a_room_finds_that_it_works_again(desk: Client) -> None:
    seat = tube_of_real_rooms().side_a
    type(seat).objects.filter(pk=seat.pk).update(failure="It was archived.", failed_since=clock.now())

    do(desk, "verify-seat", seat)

    seat.refresh_from_db()
    assert (seat.failure, seat.failed_since) == ("", None)


def test_what_somebody_else_did_first_is_told_and_not_logged(desk: Client) -> None:
    tube = factories.tube(status="paused")

    assert "somebody else was first" in do(desk, "pause", tube)
    assert logged() == []


def test_an_act_that_there_is_not_is_not_found(desk: Client) -> None:
    assert desk.post("/admin/operating/watch/explode/1/").status_code == 404
    assert desk.post(reverse("admin:operating_act", args=["pause", 0])).status_code == 404


def test_all_lost_deliveries_of_a_page_are_tried_at_once_and_each_is_logged(desk: Client) -> None:
    tube = factories.tube()
    lost = [
        factories.delivery(
            factories.event(tube.side_a.room), tube.side_b, status="failed", finished_at=clock.now()
        )
        for _ in range(2)
    ]
    erased = factories.delivery(
        factories.event(tube.side_a.room, body=None), tube.side_b, status="failed", finished_at=clock.now()
    )
    listed = reverse("admin:operating_deliveries", query={"state": "lost"})
    form = desk.get(listed).content.decode().split("/all/retry/")[1].split("</form>")[0]
    ids = re.findall(r'name="row" value="(\d+)"', form)

    answer = desk.post(
        reverse("admin:operating_act_on_all", args=["retry"]), {"row": ids, "next": listed}, follow=True
    )

    page = answer.content.decode()
    assert "Queued to be tried now. 2 of 3." in page
    assert "Not for 1: Its text is not kept any more." in page
    assert set(Delivery.objects.filter(status="queued").values_list("pk", flat=True)) == {
        one.pk for one in lost
    }
    assert [entry[1] for entry in logged()] == [str(one.pk) for one in lost]
    erased.refresh_from_db()
    assert erased.status == "failed"


def test_leaving_out_a_page_is_asked_about_first(desk: Client) -> None:
    rows = [factories.delivery() for _ in range(2)]
    address = reverse("admin:operating_act_on_all", args=["skip"])
    told = {"row": [row.pk for row in rows]}

    asked = desk.post(address, told).content.decode()
    unchanged = Delivery.objects.filter(status="queued").count()
    desk.post(address, told | {"sure": "yes"})

    assert "This cannot be undone." in asked
    assert re.findall(r'name="row" value="(\d+)"', asked) == [str(row.pk) for row in rows]
    assert (unchanged, Delivery.objects.filter(status="skipped").count(), len(logged())) == (2, 2, 2)


def test_acting_on_a_page_needs_the_same_rights(staff: Callable[..., Client]) -> None:
    row = factories.delivery()
    address = reverse("admin:operating_act_on_all", args=["skip"])

    assert staff(LOOK, "tubes.change_tube").post(address, {"row": row.pk, "sure": "yes"}).status_code == 403
    let_in = staff(LOOK, "tubes.change_delivery")
    assert let_in.get(address).status_code == 405
    assert let_in.post(reverse("admin:operating_act_on_all", args=["pause"]), {"row": 1}).status_code == 404
    assert logged() == []


@pytest.fixture
def three_lost(monkeypatch: pytest.MonkeyPatch) -> list[Delivery]:
    """More than a page shows."""
    monkeypatch.setattr(finding, "ROWS", 2)
    tube = factories.tube()
    lost = {"status": "failed", "error": "It was away.", "finished_at": clock.now()}
    return [
        factories.delivery(factories.event(tube.side_a.room, **body), tube.side_b, **lost)
        for body in ({}, {"body": None}, {})
    ]


def test_all_that_a_list_finds_is_asked_about_and_done(desk: Client, three_lost: list[Delivery]) -> None:
    factories.delivery(status="failed", error="It is too long.", finished_at=clock.now())
    digest = finding.Reason("It was away.", "echo", 3, clock.now()).digest
    listed = reverse("admin:operating_deliveries", query={"state": "lost", "reason": digest})
    page = desk.get(listed).text
    [found] = set(re.findall(r'name="found" value="([^"]+)"', page))
    address = reverse("admin:operating_act_on_all", args=["retry"])

    asked = desk.post(address, {"found": found.replace("&amp;", "&"), "next": listed}).text
    ids = re.findall(r'name="row" value="(\d+)"', asked)
    with_nothing = logged()
    answer = desk.post(address, {"row": ids, "sure": "yes", "next": listed}, follow=True)

    assert "each of these 3" in asked
    assert "It was away. (3)" in asked
    assert 'class="act main"' in asked
    assert set(ids) == {str(one.pk) for one in three_lost}
    assert with_nothing == []
    assert "Queued to be tried now. 2 of 3." in answer.text
    assert "Not for 1: Its text is not kept any more." in answer.text
    assert len(logged()) == 2


def test_all_that_a_list_finds_has_an_end(
    desk: Client, monkeypatch: pytest.MonkeyPatch, three_lost: list[Delivery]
) -> None:
    monkeypatch.setattr(acts, "AT_ONCE", 2)
    address = reverse("admin:operating_act_on_all", args=["retry"])

    asked = desk.post(address, {"found": "state=lost"}).text
    desk.post(address, {"row": [one.pk for one in three_lost], "sure": "yes"})

    assert len(re.findall(r'name="row"', asked)) == 2
    assert "There may be more" in asked
    assert Delivery.objects.filter(status="failed").count() == 2  # the third, and the one without its text


def test_what_takes_too_long_is_left_for_another_time(
    desk: Client, monkeypatch: pytest.MonkeyPatch, three_lost: list[Delivery]
) -> None:
    times = iter([0.0, 1.0, 14.9, 15.1])
    monkeypatch.setattr(acts.clock, "monotonic", lambda: next(times, 16.0))

    done, refused = acts.do_all(ACTS["retry"], [three_lost[0], three_lost[2], three_lost[1]], operator_())

    assert (done, refused) == (2, {acts.LEFT: 1})


def operator_() -> User:
    return User.objects.get(email="operator@example.com")


def test_list_that_finds_nothing_any_more_says_so(desk: Client) -> None:
    asked = desk.post(reverse("admin:operating_act_on_all", args=["skip"]), {"found": "state=open"}).text

    assert "There is nothing to do it to any more." in asked
    assert 'class="act for-good"' not in asked


def test_what_is_asked_says_what_it_is_about(desk: Client) -> None:
    tube = factories.tube()
    delivery = factories.delivery(factories.event(tube.side_a.room), tube.side_b, error="It was away.")

    account = desk.get(address("disable", tube.side_b.account)).text
    left_out = desk.get(address("skip", delivery)).text

    assert tube.side_b.owner.email in account
    assert "<dt>Open Tubes</dt><dd>1</dd>" in account
    for words in (tube.side_a.room.name, tube.side_b.room.name, "It was away."):
        assert words in left_out
