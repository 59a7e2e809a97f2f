import pytest
from django.urls import reverse

from tests import factories
from tubes.models import Tube

LIST = "/manage/"

pytestmark = pytest.mark.django_db


def tube_of(owner, other=None, **extra) -> Tube:
    near = factories.seat(factories.account(owner), factories.room(f"near-{Tube.objects.count()}"))
    far = factories.seat(factories.account(other or owner, team="globex"))
    return factories.tube(near, far, **extra)


def rows(response) -> list[Tube]:
    return [row.tube for row in response.context["rows"]]


def listed(response) -> list[Tube]:
    return list(response.context["page"])


def act(verb: str, tube: Tube) -> str:
    return reverse(f"tubes:tube-{verb}", args=[tube.code])


@pytest.mark.parametrize("count", [1, 3])
def test_list_asks_as_much_for_three_tubes_as_for_one(page, ann, count, django_assert_num_queries):
    tubes = [tube_of(ann) for _ in range(count)]

    # Session, user, how many rows, which, the Tubes; requests; lanes, what did not arrive; notices; is the
    # relay stopped.
    with django_assert_num_queries(11):
        response = page.get(LIST)

    assert response.status_code == 200
    assert listed(response) == tubes[::-1]


def test_list_has_my_open_tubes_whichever_side_is_mine(page, ann):
    bob = factories.user()
    mine, theirs = tube_of(ann, bob), tube_of(bob, ann)
    tube_of(bob)
    tube_of(ann, status="closed")

    response = page.get(LIST)

    assert listed(response) == [theirs, mine]
    assert response.text.count('<span class="tag">theirs</span>') == 2


def test_empty_list_says_what_to_do_first(page, ann):
    without_account = page.get(LIST).text
    factories.account(ann)
    with_account = page.get(LIST).text

    assert "Begin by linking the chat account" in without_account
    assert "Now pick two rooms" in with_account


def test_list_has_fifty_tubes_a_page(page, ann):
    first = tube_of(ann)
    near, far = first.side_a.account, first.side_b.account
    tubes = [first, *(factories.tube(factories.seat(near), factories.seat(far)) for _ in range(51))]

    pages = [listed(page.get(LIST, {"page": number})) for number in (1, 2)]

    assert pages == [tubes[:1:-1], tubes[1::-1]]


@pytest.mark.parametrize(
    ("tube", "room", "account", "word", "step"),
    [
        ({}, {}, {}, "Active", "What is said in one room is heard in the other."),
        ({"status": "paused"}, {}, {}, "Paused", "Press Resume to go on."),
        ({"status": "paused", "status_by": None}, {}, {}, "Paused", "Remove that bridge, then press Resume."),
        ({}, {"is_archived": True}, {}, "Archived room", "Bring it back there, then press Try again."),
        ({}, {}, {"status": "needs_login"}, "Failed", "Press Fix; what is said meanwhile follows then."),
    ],
)
def test_every_state_has_a_word_and_a_next_step(page, ann, tube, room, account, word, step):
    near = factories.seat(factories.account(ann, **account), factories.room(**room))
    factories.tube(near, **tube)

    response = page.get(LIST)

    assert f">{word}</span>" in response.text
    assert step in response.text


def test_failure_at_the_other_party_offers_no_fix(page, ann):
    tube = tube_of(ann, factories.user())
    tube.side_b.account.status = "needs_login"
    tube.side_b.account.status_reason = "Their private trouble."
    tube.side_b.account.save()

    response = page.get(LIST)

    assert "The next step is the other side’s" in response.text
    assert ">Fix</a>" not in response.text
    assert "Their private trouble." not in response.text


@pytest.mark.parametrize(
    ("near", "far", "flow", "words"),
    [
        ("both", "both", "both", "both ways to"),
        ("in", "both", "back", "only from"),
        ("both", "in", "forward", "only towards"),
        ("out", "out", "none", "nothing passes to"),
    ],
)
def test_direction_is_drawn_and_said(page, ann, near, far, flow, words):
    account = factories.account(ann)
    factories.tube(factories.seat(account, direction=near), factories.seat(account, direction=far))

    response = page.get(LIST)

    assert (
        f'<span class="pipe active {flow}"><span class="visually-hidden">{words}</span></span>'
        in response.text
    )


def test_live_list_answers_nothing_while_nothing_changed(page, ann, django_assert_num_queries):
    tube = tube_of(ann)
    seen = page.get(LIST).context["seen"]

    with django_assert_num_queries(10):
        same = page.get(LIST, {"seen": seen}, headers={"HX-Request": "true"})
    Tube.objects.filter(pk=tube.pk).update(status="paused")
    changed = page.get(LIST, {"seen": seen}, headers={"HX-Request": "true"})

    assert (same.status_code, same.content) == (204, b"")
    assert "Paused" in changed.text
    assert "<html" not in changed.text


def test_live_list_turns_to_the_sign_in_page_when_the_session_ends(client, db):
    response = client.get(LIST, headers={"HX-Request": "true"})

    assert response["HX-Redirect"].startswith("/user/login/?next=")


def test_pause_and_resume_move_the_tube(page, ann):
    account = factories.account(ann)
    seats = [factories.seat(account, factories.room(name)) for name in ("lobby", "garden")]
    tube = factories.tube(*seats)

    paused = page.post(act("pause", tube))
    after_pause = Tube.objects.get().status
    resumed = page.post(act("resume", tube))

    assert [(it.status_code, it["Location"]) for it in (paused, resumed)] == [(302, LIST), (302, LIST)]
    assert [after_pause, Tube.objects.get().status] == ["paused", "active"]


def test_refused_resume_says_why_and_stays_paused(page, ann):
    tube = tube_of(ann, status="paused")  # Echo has no such rooms

    response = page.post(act("resume", tube), follow=True)

    assert [str(message) for message in response.context["messages"]] == [
        f"{tube.side_a.room.name}: Echo has no such room."
    ]
    assert Tube.objects.get().status == "paused"


@pytest.mark.parametrize("verb", ["pause", "resume"])
def test_a_look_moves_nothing(page, ann, verb):
    tube = tube_of(ann)

    assert page.get(act(verb, tube)).status_code == 405
    assert Tube.objects.get().status == "active"


def test_close_asks_first_and_closes_then(page, ann):
    tube = tube_of(ann)

    question = page.get(act("close", tube))
    before = Tube.objects.get().status
    page.post(act("close", tube))

    assert "Close this Tube?" in question.text
    assert [before, Tube.objects.get().status] == ["active", "closed"]
    assert page.post(act("close", tube)).status_code == 404


def test_other_party_may_close_too(page, ann):
    tube = tube_of(factories.user(), ann)

    page.post(act("close", tube))

    assert Tube.objects.get().status == "closed"


@pytest.mark.parametrize(("status", "heading"), [("active", "The Tube is open"), ("closed", "Near-0 and")])
def test_tube_page_names_both_rooms(page, ann, status, heading, django_assert_num_queries):
    tube = tube_of(ann, status=status)

    # Session, user, the Tube; lanes, what did not arrive; how many notices.
    with django_assert_num_queries(6):
        response = page.get(reverse("tubes:tube-detail", args=[tube.code]))

    assert f"<h1>{heading}" in response.text
    assert [name in response.text for name in ("Near-0", tube.side_b.room.name)] == [True, True]


def test_start_page_tells_a_stranger_what_a_tube_is(client, django_assert_num_queries, db):
    with django_assert_num_queries(0):
        response = client.get("/")

    assert response.status_code == 200
    assert "joins a room" in response.text


def test_start_page_leads_whoever_is_signed_in_to_their_tubes(page):
    response = page.get("/")

    assert (response.status_code, response["Location"]) == (302, LIST)
