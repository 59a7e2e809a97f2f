import re
from datetime import timedelta

import pytest
from django.contrib.messages import get_messages
from django.urls import reverse

from connectors.markup import plain
from connectors.markup.tree import to_json
from sameroom import clock
from tests import factories
from tubes.codes import code_of
from tubes.models import Delivery, Tube
from tubes.relay import bell

MANAGE = "/manage/"
AGAIN = "Send again, out of order"

pytestmark = pytest.mark.django_db


@pytest.fixture
def rings(monkeypatch) -> list[int]:
    rung: list[int] = []
    monkeypatch.setattr(bell, "ring_lanes", rung.extend)
    return rung


@pytest.fixture
def bob(db):
    return factories.user("bob@example.com")


@pytest.fixture
def tube(ann, bob) -> Tube:
    """Ann's Support at Acme, and Bob's Helpdesk at Globex."""
    near = factories.seat(factories.account(ann), factories.room("support"))
    far = factories.seat(factories.account(bob, team="globex"), factories.room("helpdesk", team="globex"))
    return factories.tube(near, far)


def lost(tube: Tube, text: str = "Where is it?", status: str = "failed", **extra) -> Delivery:
    """Something said in Helpdesk that did not arrive in Support."""
    body = to_json(plain.parse(text)) if text else None
    event = factories.event(tube.side_b.room, body=body, author_name="Dana Fox")
    ended = clock.now() - timedelta(minutes=10)
    values = {"status": status, "error": "Acme said no.", "finished_at": ended}
    return factories.delivery(event, tube.side_a, **(values | extra))


def listing(tube: Tube) -> str:
    return reverse("tubes:undelivered-list", args=[tube.code])


def again(tube: Tube, delivery: Delivery) -> str:
    return reverse("tubes:undelivered-send", args=[tube.code, code_of(delivery)])


def all_again(tube: Tube) -> str:
    return reverse("tubes:undelivered-send-all", args=[tube.code])


def said(response) -> list[str]:
    return [str(message) for message in get_messages(response.wsgi_request)]


def statuses() -> list[str]:
    return list(Delivery.objects.order_by("pk").values_list("status", flat=True))


def missing(response) -> list[str]:
    return [row.strip() for row in re.findall(r'<p class="missing">\s*(.*?)\s*<a', response.text, re.DOTALL)]


# ----------------------------------------------------------------- the line in a row of Manage


@pytest.mark.parametrize(
    ("failed", "unknown", "words"),
    [
        (1, 0, ["1 message was not delivered."]),
        (3, 1, ["3 messages were not delivered, 1 may not have arrived."]),
        (0, 1, ["1 message may not have arrived."]),
        (0, 2, ["2 messages may not have arrived."]),
        (0, 0, []),
    ],
)
def test_a_row_says_how_much_did_not_arrive(page, tube, failed, unknown, words):
    for status in ["failed"] * failed + ["unknown"] * unknown + ["sent", "skipped", "queued"]:
        lost(tube, status=status)
    factories.notice(tube.side_a)

    assert missing(page.get(MANAGE)) == words


def test_a_row_is_silent_once_the_notice_of_it_is_dismissed_and_the_tubes_page_is_not(page, tube):
    lost(tube)
    notice = factories.notice(tube.side_a)
    before = missing(page.get(MANAGE))
    page.post(reverse("tubes:notice-dismiss", args=[code_of(notice)]))

    assert (before, missing(page.get(MANAGE))) == (["1 message was not delivered."], [])
    assert missing(page.get(reverse("tubes:tube-detail", args=[tube.code]))) == [
        "1 message was not delivered."
    ]


def test_the_other_party_hears_nothing_of_it(client, bob, tube):
    lost(tube)
    factories.notice(tube.side_a)
    client.force_login(bob)

    assert missing(client.get(MANAGE)) == []
    assert "Nothing is missing" in client.get(listing(tube)).text


# ----------------------------------------------------------------- the list


@pytest.mark.parametrize("count", [1, 3])
def test_list_asks_as_much_for_three_as_for_one(page, tube, count, django_assert_num_queries):
    deliveries = [lost(tube) for _ in range(count)]

    # Session, user, the Tube; how many, which; rooms known, what followed, the network; how many notices.
    with django_assert_num_queries(9):
        response = page.get(listing(tube))

    assert [row.delivery for _, row in response.context["lost"]] == deliveries[::-1]


def test_list_says_who_what_whence_and_why(page, tube):
    lost(tube, "Where is\nmy parcel?")
    lost(tube, status="unknown", error="The answer was cut off.")

    text = " ".join(page.get(listing(tube)).text.split())

    assert (
        "A message by <strong>Dana Fox</strong> from <strong>Helpdesk</strong> to <strong>Support</strong>"
        in text
    )
    assert [word in text for word in ("Where is my parcel?", "Acme said no.", "The answer was cut off.")] == [
        True
    ] * 3
    assert [word in text for word in (">Not delivered</span>", ">May not have arrived</span>")] == [True] * 2


def test_list_shows_how_a_text_begins(page, tube):
    lost(tube, "word " * 100)

    [(_, row)] = page.get(listing(tube)).context["lost"]

    assert row.text == "word " * 23 + "word…"


@pytest.mark.parametrize("what", ["erased", "lost room", "needs login"])
def test_a_text_is_shown_only_while_it_is_kept_and_the_owner_could_read_it_there(page, tube, what):
    lost(tube, "" if what == "erased" else "A secret plan")
    if what == "lost room":
        tube.side_a.failure = "Kicked."
        tube.side_a.save()
    if what == "needs login":
        tube.side_a.account.status = "needs_login"
        tube.side_a.account.save()

    [(_, row)] = page.get(listing(tube)).context["lost"]

    assert row.text == ""


def test_a_room_further_away_is_not_named(page, ann, tube):
    secret = factories.room("secret-project", team="globex")
    beyond = factories.tube(tube.side_b, factories.seat(tube.side_b.account, secret))
    event = factories.event(beyond.side_b.room)
    factories.delivery(event, tube.side_a, status="failed")

    text = page.get(listing(tube)).text

    assert ("another room" in text, "Secret-project" in text) == (True, False)


def test_our_own_notices_are_not_listed(page, tube):
    event = factories.event(tube.side_a.room, kind="notice")
    event.room = None
    event.save()
    factories.delivery(event, tube.side_a, status="failed")
    factories.notice(tube.side_a)

    assert "Nothing is missing" in page.get(listing(tube)).text
    assert missing(page.get(MANAGE)) == []


def test_list_has_fifty_a_page(page, tube):
    deliveries = [lost(tube) for _ in range(51)]

    response = page.get(listing(tube), {"page": 2})

    assert [row.delivery for _, row in response.context["lost"]] == deliveries[:1]


def test_no_page_names_the_id_of_a_delivery(page, tube):
    delivery = lost(tube, pk=987654321)

    assert "987654321" not in page.get(listing(tube)).text + page.get(again(tube, delivery)).text


# ----------------------------------------------------------------- sending again


def test_send_again_queues_it_and_rings(page, tube, rings, django_capture_on_commit_callbacks):
    delivery = lost(tube)

    shown = page.get(listing(tube)).text
    with django_capture_on_commit_callbacks(execute=True):
        response = page.post(again(tube, delivery))

    assert AGAIN in shown
    assert (response.status_code, response["Location"]) == (302, listing(tube))
    assert said(response) == ["It is on its way again."]
    assert (statuses(), rings) == (["queued"], [tube.side_a.pk])


def test_pressing_twice_sends_it_once(page, tube, rings):
    delivery = lost(tube)

    answers = [page.post(again(tube, delivery)) for _ in range(2)]

    assert [answer.status_code for answer in answers] == [302, 302]
    assert said(answers[1])[-1] == "Not sent again: It is on its way already, or has arrived."
    assert statuses() == ["queued"]


def test_what_may_have_arrived_is_asked_about_first(page, tube, rings):
    delivery = lost(tube, status="unknown")

    link = page.get(listing(tube)).text
    question = page.get(again(tube, delivery)).text
    before = statuses()
    page.post(again(tube, delivery))

    assert f'href="{again(tube, delivery)}"' in link
    assert "stands there twice afterwards" in " ".join(question.split())
    assert (before, statuses()) == (["unknown"], ["queued"])


@pytest.mark.parametrize("seat", ["side_a", "side_b"])
def test_only_the_owner_of_the_destination_sends_again(client, ann, bob, tube, rings, seat):
    delivery = lost(tube)
    client.force_login(ann if seat == "side_a" else bob)

    answer = client.post(again(tube, delivery)).status_code

    assert (answer, statuses()) == ((302, ["queued"]) if seat == "side_a" else (404, ["failed"]))


def test_a_delivery_of_another_tube_is_not_there(page, ann, tube):
    other = factories.tube(factories.seat(factories.account(ann)))

    assert page.post(again(other, lost(tube))).status_code == 404


def test_without_its_text_sending_again_is_not_offered(page, tube):
    delivery = lost(tube, "")

    shown = page.get(listing(tube)).text
    response = page.post(again(tube, delivery))

    assert (AGAIN in shown, "Its text is not kept any more." in shown) == (False, True)
    assert said(response) == ["Not sent again: Its text is not kept any more."]
    assert statuses() == ["failed"]


def test_a_closed_tube_lists_and_sends_nothing(page, tube):
    delivery = lost(tube)
    Tube.objects.update(status="closed")

    shown = page.get(listing(tube))
    acts = [page.post(path).status_code for path in (again(tube, delivery), all_again(tube))]

    assert ("Dana Fox" in shown.text, AGAIN in shown.text) == (True, False)
    assert (acts, statuses()) == ([404, 404], ["failed"])


@pytest.mark.parametrize(
    ("which", "after"),
    [
        ("failed", ["queued", "queued", "unknown", "failed"]),
        ("all", ["queued", "queued", "queued", "failed"]),
    ],
)
def test_send_all_again_asks_about_what_may_have_arrived(page, tube, rings, which, after):
    for text, status in (("one", "failed"), ("two", "failed"), ("three", "unknown"), ("", "failed")):
        lost(tube, text, status)

    shown = page.get(listing(tube)).text
    question = page.get(all_again(tube)).text
    before = statuses()
    response = page.post(all_again(tube), {"which": which})

    assert "Send all again, out of order" in shown
    assert ("Send 2 again, out of order" in question, "Send all 3 again, perhaps twice" in question) == (
        True,
        True,
    )
    assert (before, statuses()) == (["failed", "failed", "unknown", "failed"], after)
    assert said(response) == [f"{after.count('queued')} messages are on the way again."]


def test_send_all_again_of_nothing_says_so(page, tube):
    assert "There is nothing that could be sent again." in page.get(all_again(tube)).text
    assert said(page.post(all_again(tube))) == ["There was nothing to send again."]
