import re
from datetime import timedelta

import pytest
from django.urls import reverse

from connectors.markup import plain
from connectors.markup.tree import to_json
from sameroom import clock
from tests import factories
from tubes.codes import code_of, find_place, place_of
from tubes.models import Delivery, Seat, Tube
from tubes.relay import bell

pytestmark = [pytest.mark.django_db, pytest.mark.both_databases]


@pytest.fixture
def bob(db):
    return factories.user("bob@example.com")


@pytest.fixture
def tube(ann, bob) -> Tube:
    """Ann's Support at Acme, and Bob's Helpdesk at Globex."""
    near = factories.seat(factories.account(ann), factories.room("support"))
    far = factories.seat(factories.account(bob, team="globex"), factories.room("helpdesk", team="globex"))
    return factories.tube(near, far, created_at=clock.now() - timedelta(days=1))


def passed(origin: Seat, into: Seat, status: str = "sent", name: str = "Dana Fox", **extra) -> Delivery:
    event = factories.event(origin.room, body=to_json(plain.parse("The secret plan")), author_name=name)
    return factories.delivery(event, into, status=status, **extra)


def log_of(tube: Tube) -> str:
    return reverse("tubes:crossing-list", args=[tube.code])


def shown(response) -> list[Delivery]:
    return [row.delivery for _, _, row in response.context["crossings"]]


@pytest.mark.parametrize("count", [1, 3])
def test_log_asks_as_much_for_three_as_for_one(page, tube, count, django_assert_num_queries):
    found = [passed(tube.side_b, tube.side_a, "failed") for _ in range(count)]
    found += [passed(tube.side_a, tube.side_b) for _ in range(count)]

    page.get(log_of(tube))  # PostgreSQL prepares what it is asked first

    # Session, user, the Tube; what is behind its sides, twice; what went into each; rooms known, what
    # followed, the network; how many notices.
    with django_assert_num_queries(11):
        response = page.get(log_of(tube))

    assert shown(response) == found[::-1]


def test_log_says_who_when_whence_whither_how_and_why_and_never_what(page, tube):
    said_at = clock.now() - timedelta(hours=3, minutes=5)
    lost = passed(tube.side_b, tube.side_a, "failed", error="Acme said no.")
    lost.event.said_at = said_at
    lost.event.save()

    text = " ".join(page.get(log_of(tube)).text.split())

    assert "A message by <strong>Dana Fox</strong>" in text
    assert re.search(r"Helpdesk <span aria-hidden=\"true\">→</span>.* Support</span>", text)
    absolute = f"{said_at.day} {said_at:%B %Y, %H:%M:%S} UTC"
    assert f'title="{absolute}">3 hours ago</time>' in text
    assert '<span class="badge failed">Not delivered</span><p>Acme said no.</p>' in text
    assert "secret plan" not in text


@pytest.mark.parametrize(
    ("status", "word"),
    [
        ("queued", "On its way"),
        ("sending", "On its way"),
        ("sent", "Arrived"),
        ("failed", "Not delivered"),
        ("unknown", "May not have arrived"),
        ("skipped", "Left out"),
        ("removed", "Removed there"),
    ],
)
def test_every_state_has_its_word_and_can_be_asked_for(page, tube, status, word):
    one = passed(tube.side_a, tube.side_b, status)
    passed(tube.side_a, tube.side_b, "sent" if word != "Arrived" else "failed")
    name = word.lower().replace(" ", "-")
    names = {"not-delivered": "failed", "may-not-have-arrived": "unknown", "removed-there": "removed"}

    response = page.get(log_of(tube), {"state": names.get(name, name)})

    assert shown(response) == [one]
    assert f">{word}</span>" in response.text


def test_a_state_there_is_not_shows_all(page, tube):
    one = passed(tube.side_a, tube.side_b)

    assert shown(page.get(log_of(tube), {"state": "lost-in-space"})) == [one]


def test_log_is_paged_by_key_so_that_news_move_nothing(page, tube):
    first = [passed(tube.side_b, tube.side_a) for _ in range(60)]
    top = page.get(log_of(tube))
    [older] = re.findall(r'href="\?(before=[\w-]+)"', top.text)
    for _ in range(5):
        passed(tube.side_b, tube.side_a)

    below = page.get(f"{log_of(tube)}?{older}")

    assert (shown(top), shown(below)) == (first[:9:-1], first[9::-1])
    assert "Show newest" in below.text
    assert "Show older" not in below.text


@pytest.mark.parametrize("place", ["", "17", "gAAAAA", "ä/../", "=" * 300])
def test_a_place_that_was_not_made_here_is_the_beginning(page, tube, place):
    one = passed(tube.side_b, tube.side_a)

    assert shown(page.get(log_of(tube), {"before": place})) == [one]


def test_a_place_is_found_again_by_its_own_kind_of_row_only(tube):
    one = passed(tube.side_b, tube.side_a)

    assert find_place(Delivery, place_of(one)) == one.pk
    assert find_place(Delivery, place_of(tube)) is None
    assert place_of(one) != place_of(one)


def test_what_passed_other_tubes_of_the_same_rooms_is_not_in_it(page, ann, tube):
    """Support is also joined to Garden, by Ann, and Helpdesk to Attic, by Bob."""
    garden = factories.seat(tube.side_a.account, factories.room("garden"))
    attic = factories.seat(tube.side_b.account, factories.room("attic", team="globex"))
    beside = factories.tube(tube.side_a, garden)
    factories.tube(tube.side_b, attic)
    passed(garden, tube.side_a)
    passed(attic, tube.side_b)
    passed(tube.side_b, attic)
    through = [passed(garden, tube.side_b), passed(attic, tube.side_a), passed(tube.side_b, tube.side_a)]

    response = page.get(log_of(tube))

    assert shown(response) == through[::-1]
    # Attic is a room that only Bob knows.
    assert [row.origin for _, _, row in response.context["crossings"]] == [
        "Helpdesk",
        "another room",
        "Garden",
    ]
    assert passed(tube.side_b, garden) in shown(page.get(log_of(beside)))


def test_what_may_have_come_either_way_is_in_no_log_but_of_the_rooms_themselves(page, tube, ann):
    """Garden is joined to both: what is said there did not need this Tube."""
    garden = factories.seat(tube.side_a.account, factories.room("garden"))
    factories.tube(tube.side_a, garden)
    factories.tube(tube.side_b, garden)
    passed(garden, tube.side_b)
    straight = passed(tube.side_a, tube.side_b)

    assert shown(page.get(log_of(tube))) == [straight]


def test_what_was_before_the_tube_or_after_its_end_is_not_in_it(page, tube):
    """Two rooms joined, parted and joined again: each Tube has its own log."""
    now = clock.now()
    ended = now - timedelta(hours=2)
    Tube.objects.filter(pk=tube.pk).update(status="closed", status_since=ended)
    again = factories.tube(tube.side_a, tube.side_b, created_at=now - timedelta(hours=1))
    times = [tube.created_at - timedelta(hours=1), ended - timedelta(hours=1), now]
    rows = [passed(tube.side_b, tube.side_a, "failed", created_at=time) for time in times]

    closed = page.get(log_of(tube))

    assert shown(closed) == [rows[1]]
    assert "Send again" not in closed.text
    assert shown(page.get(log_of(again))) == [rows[2]]


def test_the_other_partys_trouble_is_told_without_its_reason(client, page, bob, tube):
    passed(tube.side_a, tube.side_b, "failed", error="Bob's token was revoked.")

    mine = page.get(log_of(tube)).text
    client.force_login(bob)
    theirs = client.get(log_of(tube)).text

    assert [words in mine for words in ("Bob&#x27;s token", "The other party’s side did not take it.")] == [
        False,
        True,
    ]
    assert "Send again" not in mine
    assert "Bob&#x27;s token was revoked." in theirs


@pytest.mark.parametrize("status", ["failed", "unknown"])
def test_a_lost_one_is_sent_again_and_the_log_comes_back(page, tube, status, monkeypatch):
    monkeypatch.setattr(bell, "ring_lanes", lambda seats: None)
    ended = clock.now() - timedelta(minutes=10)
    lost = passed(tube.side_b, tube.side_a, status, finished_at=ended)
    act = reverse("tubes:undelivered-send", args=[tube.code, code_of(lost)])

    listed = page.get(log_of(tube)).text
    asked = page.get(f"{act}?from=log").text
    sent = page.post(act, {"from": "log"})

    assert act in listed
    assert '<input type="hidden" name="from" value="log">' in asked
    assert sent["Location"] == log_of(tube)
    assert Delivery.objects.get().status == "queued"


def test_empty_logs_say_what_to_do(page, tube):
    nothing = page.get(log_of(tube)).text
    passed(tube.side_a, tube.side_b)
    nothing_such = page.get(log_of(tube), {"state": "failed"}).text

    assert "Nothing has passed yet" in nothing
    assert [words in nothing_such for words in ("Nothing of that kind", "Show all")] == [True, True]


def test_manage_leads_to_each_log(page, tube):
    assert f'href="{log_of(tube)}">Log<' in page.get("/manage/").text


def asked_again(page, tube, seen: str, **query: str):
    return page.get(log_of(tube), {"seen": seen, **query}, headers={"HX-Request": "true"})


def test_log_answers_nothing_while_nothing_changed(page, tube, django_assert_num_queries):
    one = passed(tube.side_b, tube.side_a, "sending")
    first = page.get(log_of(tube))
    seen = first.context["seen"]

    with django_assert_num_queries(8):  # as for the page; without what was lost, and how many notices
        same = asked_again(page, tube, seen)
    Delivery.objects.update(attempts=3, sending_since=clock.now())  # what the page does not show
    no_news = asked_again(page, tube, seen)
    Delivery.objects.update(status="sent")
    changed = asked_again(page, tube, seen)

    assert f"seen={seen}" in first.text
    assert [(it.status_code, it.content) for it in (same, no_news)] == [(204, b""), (204, b"")]
    assert shown(changed) == [one]
    assert [words in changed.text for words in ("Arrived", "<html")] == [True, False]


def test_who_reads_further_down_keeps_their_rows_and_is_told_how_many_are_newer(page, tube):
    rows = [passed(tube.side_b, tube.side_a) for _ in range(60)]
    first = page.get(log_of(tube))
    newest, seen = first.context["newest"], first.context["seen"]
    nothing_new = asked_again(page, tube, seen, newest=newest)
    later = [passed(tube.side_b, tube.side_a) for _ in range(2)]
    Delivery.objects.filter(pk=rows[59].pk).update(status="removed")

    reading = asked_again(page, tube, seen, newest=newest)
    at_the_top = asked_again(page, tube, seen)

    assert nothing_new.status_code == 204
    assert shown(reading) == rows[:9:-1]
    assert [words in reading.text for words in ("Show 2 newer", "Removed there")] == [True, True]
    assert shown(at_the_top) == [*later[::-1], *rows[:11:-1]]
    assert "newer</a>" not in at_the_top.text


def test_more_than_a_page_of_newer_ones_is_not_counted(page, tube):
    passed(tube.side_b, tube.side_a)
    first = page.get(log_of(tube))
    for _ in range(51):
        passed(tube.side_b, tube.side_a)

    reading = asked_again(page, tube, first.context["seen"], newest=first.context["newest"])

    assert "Show more than 50 newer" in reading.text


def test_an_older_page_renews_its_own_rows(page, tube):
    rows = [passed(tube.side_b, tube.side_a) for _ in range(51)]
    [older] = re.findall(r'href="\?(before=[\w-]+)"', page.get(log_of(tube)).text)
    below = page.get(f"{log_of(tube)}?{older}")

    again = page.get(f"{log_of(tube)}?{older}&seen={below.context['seen']}", headers={"HX-Request": "true"})

    assert f"{older}&amp;seen={below.context['seen']}" in below.text
    assert (shown(below), again.status_code) == ([rows[0]], 204)


def test_live_log_turns_to_the_sign_in_page_when_the_session_ends(client, tube):
    response = client.get(log_of(tube), headers={"HX-Request": "true"})

    assert response["HX-Redirect"].startswith("/user/login/?next=")
