from datetime import timedelta

import pytest
from django.urls import reverse
from django.utils.html import strip_tags

from accounts.models import LinkedAccount, User
from sameroom import clock
from tests import factories
from tubes import unchanged
from tubes.models import Delivery, Room, Seat, Tube
from tubes.relay import handover

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

    # Session, user, how many rows, which, the Tubes, their accounts; requests; lanes, what did not arrive;
    # notices; is the relay stopped.
    with django_assert_num_queries(12):
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

    assert f'<span class="pipe active {flow}"><i>{words}</i></span>' in response.text


def test_live_list_answers_nothing_while_nothing_changed(page, ann, django_assert_num_queries):
    tube = tube_of(ann)
    seen = page.get(LIST).context["seen"]

    with django_assert_num_queries(11):
        same = page.get(LIST, {"seen": seen}, headers={"HX-Request": "true"})
    Tube.objects.filter(pk=tube.pk).update(status="paused")
    changed = page.get(LIST, {"seen": seen}, headers={"HX-Request": "true"})

    assert (same.status_code, same.content) == (204, b"")
    assert "Paused" in changed.text
    assert "<html" not in changed.text


def narrowed(page, **query) -> list[Tube]:
    return listed(page.get(LIST, query))


def test_what_the_relay_notes_meanwhile_is_no_change(page, ann):
    tube = tube_of(ann)
    seen = page.get(LIST).context["seen"]
    now = clock.now()

    for side in (tube.side_a, tube.side_b):
        Room.objects.filter(pk=side.room_id).update(read_id="m-9", read_time=now, next_poll_at=now, pushes=3)
        Seat.objects.filter(pk=side.pk).update(lane_fence=7, lane_lease_until=now, checked_at=now)
        LinkedAccount.objects.filter(pk=side.account_id).update(poll_fence=7, poll_lease_until=now)
    User.objects.update(last_login=now)

    assert page.get(LIST, {"seen": seen}, headers={"HX-Request": "true"}).status_code == 204


@pytest.mark.parametrize(
    "change",
    [
        lambda tube: Room.objects.filter(pk=tube.side_b.room_id).update(name="Garden party"),
        lambda tube: Seat.objects.filter(pk=tube.side_a_id).update(failure="Thrown out."),
        lambda tube: Seat.objects.filter(pk=tube.side_a_id).update(direction="in"),
        lambda tube: LinkedAccount.objects.filter(pk=tube.side_a.account_id).update(team_name="Initech"),
        lambda tube: LinkedAccount.objects.filter(pk=tube.side_a.account_id).update(status="needs_login"),
        lambda tube: (
            factories.delivery(factories.event(tube.side_b.room), tube.side_a, status="failed")
            and factories.notice(tube.side_a)
        ),
        lambda tube: tube_of(tube.side_a.owner),
        lambda tube: factories.portal(tube.side_a),
    ],
)
def test_whatever_a_row_shows_is_a_change(page, ann, change):
    tube = tube_of(ann)
    seen = page.get(LIST).context["seen"]

    change(tube)

    assert page.get(LIST, {"seen": seen}, headers={"HX-Request": "true"}).status_code == 200


def test_columns_that_are_no_change_exist():
    for model in (Room, Seat, LinkedAccount, Delivery, User):
        columns = {field.attname for field in model._meta.concrete_fields}
        assert unchanged.UNSHOWN[model.__name__] <= columns
    assert set(unchanged.UNSHOWN) == {"Room", "Seat", "LinkedAccount", "Delivery", "User"}


@pytest.fixture
def in_every_state(ann) -> dict[str, Tube]:
    """A Tube in each state, by what Manage calls it."""
    account = factories.account(ann)

    def one(room=None, seat=None, at=account, **extra):
        return factories.tube(factories.seat(at, factories.room(**room or {}), **seat or {}), **extra)

    waiting = one(seat={"lane_not_before": clock.now() + timedelta(minutes=5)})
    factories.delivery(factories.event(waiting.side_b.room), waiting.side_a)
    return {
        "active": one(),
        "waiting": waiting,
        "retrying": one(at=factories.account(ann, status="retrying")),
        "failed": one(seat={"failure": "Thrown out."}),
        "login": one(at=factories.account(ann, status="needs_login")),
        "archived": one(room={"is_archived": True}, seat={"failure": "Archived."}),
        "paused": one(status="paused"),
        "paused, and worse": one(at=factories.account(ann, status="disabled"), status="paused"),
        "closed": one(status="closed"),
    }


@pytest.mark.both_databases
@pytest.mark.parametrize(
    ("state", "expected"),
    [
        ("active", ["active"]),
        ("waiting", ["waiting", "retrying"]),
        ("failed", ["failed", "login"]),
        ("archived", ["archived"]),
        ("paused", ["paused", "paused, and worse"]),
    ],
)
def test_list_is_narrowed_to_a_state_by_the_word_that_its_rows_show(page, in_every_state, state, expected):
    response = page.get(LIST, {"state": state})

    assert listed(response) == [in_every_state[name] for name in reversed(expected)]
    assert {row.state.name for row in response.context["rows"]} == {state}


@pytest.mark.both_databases
@pytest.mark.parametrize(
    ("query", "expected"),
    [
        ({"q": "gard"}, ["garden"]),
        ({"q": "LOBBY attic"}, ["attic"]),
        ({"q": "lobby", "service": "echo"}, ["attic", "garden"]),
        ({"service": "stub"}, ["elsewhere"]),
        ({"q": "nowhere"}, []),
        ({"state": "gone", "service": "smoke"}, ["elsewhere", "attic", "garden"]),  # as if nothing was said
    ],
)
def test_list_is_narrowed_to_a_service_and_rooms(page, ann, query, expected):
    account = factories.account(ann)
    lobby = factories.seat(account, factories.room("lobby"))
    tubes = {
        name: factories.tube(lobby, factories.seat(account, factories.room(name)))
        for name in ("garden", "attic")
    }
    elsewhere = factories.account(ann, kind="stub", server="http://stub.example")
    tubes["elsewhere"] = factories.tube(factories.seat(account), factories.seat(elsewhere))

    assert narrowed(page, **query) == [tubes[name] for name in expected]


def test_a_narrowed_list_stays_so_on_its_pages_when_it_renews_itself_and_after_an_act(page, ann):
    account = factories.account(ann)
    tubes = [factories.tube(factories.seat(account), factories.seat(account)) for _ in range(51)]
    query = "q=room&amp;state=active"

    text = page.get(LIST, {"q": "room", "state": "active"}).text
    acted = page.post(act("pause", tubes[0]), {"narrowed": "q=room&state=active&next=//evil.example"})

    assert f'href="?{query}&amp;page=2">Show older</a>' in text
    assert f'hx-get="{LIST}?{query}&amp;page=1&amp;seen=' in text
    assert '<input type="hidden" form="act" name="narrowed" value="q=room&amp;state=active">' in text
    assert acted["Location"] == f"{LIST}?q=room&state=active"


@pytest.mark.both_databases
@pytest.mark.parametrize(
    ("query", "tubes", "portals"),
    [
        ({"state": "portal"}, 0, 2),
        ({"state": "active"}, 1, 0),
        ({"q": "garden"}, 1, 1),
        ({"q": "garden", "service": "echo"}, 1, 1),
        ({"service": "stub"}, 0, 0),
    ],
)
def test_portals_are_narrowed_as_well(page, ann, query, tubes, portals):
    account = factories.account(ann)
    garden, lobby = (factories.seat(account, factories.room(name)) for name in ("garden", "lobby"))
    factories.tube(garden, lobby)
    for seat in (garden, lobby):
        factories.portal(seat)

    shown = [type(row).__name__ for row in page.get(LIST, query).context["page"]]

    assert [shown.count("Tube"), shown.count("Portal")] == [tubes, portals]


def test_nothing_found_keeps_the_filter_and_leads_back_to_all(page, ann):
    tube_of(ann)

    text = page.get(LIST, {"q": "zzz"}).text

    assert [words in text for words in ("Nothing is like that", 'value="zzz"', "No Tube yet")] == [
        True,
        True,
        False,
    ]


@pytest.mark.parametrize("count", [1, 3])
@pytest.mark.parametrize(("state", "queries"), [("active", 13), ("waiting", 11)])  # none of them waits
def test_knowing_what_waits_takes_one_more_query_however_many_tubes(
    page, ann, count, state, queries, django_assert_num_queries
):
    for _ in range(count):
        tube_of(ann)

    with django_assert_num_queries(queries):
        assert page.get(LIST, {"state": state}).status_code == 200


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


@pytest.mark.parametrize("verb", ["pause", "resume", "close", "reopen"])
def test_a_look_moves_nothing(page, ann, verb):
    tube = tube_of(ann)

    assert page.get(act(verb, tube)).status_code == 405
    assert Tube.objects.get().status == "active"


def test_close_acts_at_once_and_offers_to_take_it_back(page, ann):
    tube = tube_of(ann)

    response = page.post(act("close", tube), {"narrowed": "q=near"}, follow=True)

    assert Tube.objects.get().status == "closed"
    assert response.redirect_chain == [(f"{LIST}?q=near", 302)]
    assert f"between Near-0 and {tube.side_b.room} is closed." in response.text
    assert f'formaction="{act("reopen", tube)}">Undo</button>' in response.text
    assert page.post(act("close", tube)).status_code == 404


@pytest.mark.parametrize("was", ["active", "paused"])
def test_close_can_be_taken_back_as_the_tube_was(page, ann, was):
    account = factories.account(ann)
    near, far = (factories.seat(account, factories.room(name)) for name in ("lobby", "garden"))
    tube = factories.tube(near, far, status=was)
    page.post(act("close", tube))

    response = page.post(act("reopen", tube), follow=True)

    assert "Lobby and Garden are joined again.</p>" in response.text
    assert [(it.side_a, it.side_b, it.status) for it in listed(response)] == [(near, far, was)]


@pytest.mark.parametrize(
    ("waited", "kept", "words"),
    [
        (1, 1, "joined again. 1 message that waited follows.</p>"),
        (3, 3, "joined again. 3 messages that waited follow.</p>"),
        (3, 2, "2 messages that waited follow. 1 that waited cannot: too old, changed since, or overtaken"),
    ],
)
def test_what_waited_to_cross_it_is_told_of_when_a_close_is_taken_back(page, ann, waited, kept, words):
    account = factories.account(ann)
    near, far = (factories.seat(account, factories.room(name)) for name in ("lobby", "garden"))
    tube = factories.tube(near, far)
    for number in range(waited):
        event = factories.event(near.room, **({} if number < kept else {"body": None}))
        factories.delivery(event, far)
    page.post(act("close", tube))
    for seat in handover.stranded_seats():
        handover.retire(seat)

    response = page.post(act("reopen", tube), follow=True)

    assert words in response.text
    assert Delivery.objects.filter(status="queued").count() == kept


def test_what_cannot_be_taken_back_says_so(page, ann):
    tube = tube_of(ann)  # Echo has no such rooms
    page.post(act("close", tube))

    response = page.post(act("reopen", tube), follow=True)

    assert "The Tube stays closed. Near-0: Echo has no such room." in response.text
    assert listed(response) == []


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


@pytest.mark.parametrize(
    ("more", "words"),
    [
        ({}, "Opened 3 hours ago."),
        ({"typed_by": "Ann"}, "Opened 3 hours ago by a command that Ann typed."),
        ({"status": "paused"}, "Opened 3 hours ago, paused 5 minutes ago."),
    ],
)
def test_tube_page_says_since_when(page, ann, more, words):
    times = {
        "created_at": clock.now() - timedelta(hours=3),
        "status_since": clock.now() - timedelta(minutes=5),
    }
    tube = tube_of(ann, **times, **more)

    text = strip_tags(page.get(reverse("tubes:tube-detail", args=[tube.code])).text)

    assert words in " ".join(text.split())


def test_start_page_tells_a_stranger_what_a_tube_is(client, django_assert_num_queries, db):
    with django_assert_num_queries(0):
        response = client.get("/")

    assert response.status_code == 200
    assert "joins a room" in response.text


def test_start_page_leads_whoever_is_signed_in_to_their_tubes(page):
    response = page.get("/")

    assert (response.status_code, response["Location"]) == (302, LIST)
