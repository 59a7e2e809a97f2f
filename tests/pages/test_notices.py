import re
from datetime import timedelta

import pytest
from django.urls import reverse

from sameroom import clock
from tests import factories
from tubes.codes import code_of
from tubes.models import Installation, Notice, Seat

MANAGE, NOTICES, ALL = "/manage/", "/manage/notices/", "/manage/notices/dismiss/"
LIVE = {"HX-Request": "true"}

pytestmark = pytest.mark.django_db


@pytest.fixture
def seat(ann) -> Seat:
    return factories.tube(factories.seat(factories.account(ann))).side_a


def told(seat: Seat, count: int) -> list[Notice]:
    """Notices, the oldest first."""
    start = clock.now() - timedelta(hours=1)
    return [
        factories.notice(seat, f"Thing {number}.", created_at=start + timedelta(seconds=number))
        for number in range(count)
    ]


def shown(response) -> list[Notice]:
    return [notice for _, notice in response.context["notices"]]


def counted(response) -> set[str]:
    """What the navigation says, wide and narrow; hidden where it is nothing."""
    spans = re.findall(r'<span class="count notice-count"( hidden)?[^>]*>([\d+]+)<', response.text)
    return {"hidden" if hidden else number for hidden, number in spans}


def dismiss(page, notice: Notice, **values):
    return page.post(reverse("tubes:notice-dismiss", args=[code_of(notice)]), values)


def standing() -> list[str]:
    return sorted(Notice.objects.standing().values_list("text", flat=True))


@pytest.mark.parametrize(("count", "queries"), [(0, 12), (1, 12), (3, 12), (4, 13), (30, 13)])
def test_manage_shows_the_newest_three_and_how_many_there_are(
    page, seat, count, queries, django_assert_num_queries
):
    notices = told(seat, count)

    with django_assert_num_queries(queries):
        response = page.get(MANAGE)

    assert shown(response) == notices[::-1][:3]
    assert counted(response) == {str(count) if count else "hidden"}
    assert ("Show all 30" in response.text, 'id="notices-title"' in response.text) == (count == 30, count > 0)


def test_notices_stay_where_no_tube_is_left(page, ann):
    factories.notice(factories.seat(factories.account(ann)), "Something was lost.")

    response = page.get(MANAGE)

    assert ("Something was lost." in response.text, "No Tube yet" in response.text) == (True, True)


@pytest.mark.parametrize(("kind", "times"), [("loss", True), ("catch_up", False)])
def test_a_notice_says_how_often_unless_its_words_do(page, seat, kind, times):
    factories.notice(seat, "12 messages were left out.", kind=kind, count=12)

    assert ("12 times" in page.get(MANAGE).text) is times


@pytest.mark.parametrize(("number", "first", "last"), [(1, 44, 25), (2, 24, 5), (3, 4, 0)])
def test_all_notices_have_twenty_a_page(page, seat, number, first, last):
    notices = told(seat, 45)

    response = page.get(NOTICES, {"page": number})

    assert shown(response) == notices[last : first + 1][::-1]
    assert ("Show older" in response.text, "Show newer" in response.text) == (number < 3, number > 1)


def test_no_notices_says_what_would_be_told(page):
    assert "No notices" in page.get(NOTICES).text


@pytest.mark.parametrize(("sent", "back"), [({}, MANAGE), ({"from": "notices"}, NOTICES)])
def test_dismissing_puts_one_away_and_goes_back(page, seat, sent, back):
    told(seat, 3)

    response = dismiss(page, Notice.objects.get(text="Thing 1."), **sent)

    assert (response.status_code, response["Location"]) == (302, back)
    assert standing() == ["Thing 0.", "Thing 2."]


def test_dismissing_twice_is_dismissing_once(page, seat):
    [notice] = told(seat, 1)

    answers = [dismiss(page, notice).status_code for _ in range(2)]

    assert (answers, standing()) == ([302, 302], [])


def test_dismissing_all_leaves_what_came_since_the_page_was_shown(page, seat):
    told(seat, 2)
    newest = page.get(MANAGE).context["notices"][0][0]
    factories.notice(seat, "Came meanwhile.")

    page.post(ALL, {"up_to": newest})

    assert standing() == ["Came meanwhile."]


@pytest.mark.parametrize("up_to", ["", "made-up"])
def test_dismissing_all_up_to_nothing_dismisses_nothing(page, seat, up_to):
    told(seat, 2)

    assert page.post(ALL, {"up_to": up_to}).status_code == 404
    assert standing() == ["Thing 0.", "Thing 1."]


def test_putting_away_can_be_taken_back_with_all_that_went_together(page, seat):
    told(seat, 3)
    dismiss(page, Notice.objects.get(text="Thing 0."))
    newest = page.get(MANAGE).context["notices"][0][0]

    away = page.post(ALL, {"up_to": newest, "from": "notices"}, follow=True)
    between = standing()
    page.post(reverse("tubes:notice-restore", args=[newest]))

    assert "2 notices put away." in away.text
    assert f'formaction="{reverse("tubes:notice-restore", args=[newest])}">Undo</button>' in away.text
    assert [between, standing()] == [[], ["Thing 1.", "Thing 2."]]


def test_a_notice_that_stands_is_restored_by_leaving_it(page, seat):
    told(seat, 2)
    newest = page.get(MANAGE).context["notices"][0][0]

    assert page.post(reverse("tubes:notice-restore", args=[newest])).status_code == 302
    assert standing() == ["Thing 0.", "Thing 1."]


def test_each_owner_of_a_tube_has_their_own_notices(page, ann):
    tube = factories.tube(factories.seat(factories.account(ann)), factories.seat())
    mine = factories.notice(tube.side_a, "Mine.")
    theirs = factories.notice(tube.side_b, "Theirs.")

    response = page.get(MANAGE)
    page.post(ALL, {"up_to": code_of(mine)})

    assert shown(response) == [mine]
    assert counted(response) == {"1"}
    assert page.post(ALL, {"up_to": code_of(theirs)}).status_code == 404
    assert dismiss(page, theirs).status_code == 404
    assert standing() == ["Theirs."]


def test_live_list_tells_of_a_new_notice_and_counts_it_in_the_navigation(page, seat):
    seen = page.get(MANAGE).context["seen"]

    same = page.get(MANAGE, {"seen": seen}, headers=LIVE)
    factories.notice(seat, "Just now.")
    changed = page.get(MANAGE, {"seen": seen}, headers=LIVE)

    assert (same.status_code, same.content) == (204, b"")
    assert "Just now." in changed.text
    assert 'hx-swap-oob="outerHTML:.notice-count">1<' in changed.text


def test_no_page_names_the_id_of_a_notice(page, seat):
    factories.notice(seat, "Something.", pk=987654321)

    assert "987654321" not in page.get(MANAGE).text + page.get(NOTICES).text


# ----------------------------------------------------------------- the relay is stopped

WHY = "This <database> is a copy. Run: manage.py relay_resume --from now. Or not."
SHOWN = "This &lt;database&gt; is a copy. Run: <code>manage.py relay_resume --from now</code>. Or not."


@pytest.fixture
def stopped(db):
    Installation.objects.create(pk=1, public_url="https://one.example", stopped_because=WHY)


def test_manage_says_to_everybody_that_nothing_is_relayed(page, seat, stopped):
    manage, elsewhere = page.get(MANAGE).text, page.get("/accounts/").text

    assert "Sameroom is not relaying at the moment; nothing is lost" in manage
    assert ["relay_resume" in text for text in (manage, elsewhere)] == [False, False]
    assert "not relaying" not in elsewhere


@pytest.mark.parametrize("path", [MANAGE, "/accounts/", "/open-a-tube/", "/user/email/"])
def test_staff_see_on_every_page_why_and_the_command(page, ann, stopped, path):
    ann.is_staff = True
    ann.save()

    assert SHOWN in page.get(path).text


def test_a_relay_that_runs_is_not_worth_a_word(page, ann, seat):
    Installation.objects.create(pk=1, public_url="https://one.example")
    ann.is_staff = True
    ann.save()

    response = page.get(MANAGE)

    assert ("not relaying" in response.text, "is stopped" in response.text) == (False, False)


def test_live_list_says_so_once_the_relay_stops(page, seat, monkeypatch):
    seen = page.get(MANAGE).context["seen"]
    monkeypatch.setattr("tubes.relay.guard.is_stopped", lambda: True)

    assert "not relaying at the moment" in page.get(MANAGE, {"seen": seen}, headers=LIVE).text
