from dataclasses import replace

import pytest
from django.urls import reverse

from accounts.models import LinkedAccount
from connectors.base import Support
from connectors.echo.connector import EchoConnector
from tests import factories
from tests.pages.test_manage import LIST, tube_of
from tubes.codes import code_of
from tubes.models import Seat
from tubes.services.muting import mute_add

pytestmark = pytest.mark.django_db
HTMX = {"HTTP_HX_REQUEST": "true"}


def path(seat: Seat) -> str:
    return reverse("tubes:posting-options", args=[seat.code])


@pytest.fixture
def seat(ann) -> Seat:
    return tube_of(ann).side_a


def chosen(**changes: str) -> dict[str, str]:
    return {"name_style": "display", "direction": "both", "commanders": "asking"} | changes


def test_options_are_shown_as_they_are_and_kept_as_picked(page, seat):
    shown = page.get(path(seat)).content.decode()
    assert "[Ann Lee, Acme] Lunch is served, @all!" in shown
    assert "Nobody is rung" in shown

    answer = page.post(
        path(seat), chosen(name_style="both", direction="in", rings_everybody="on"), follow=True
    )

    assert answer.redirect_chain == [(LIST, 302)]
    assert "From now on messages arrive in" in answer.content.decode()
    seat.refresh_from_db()
    assert (seat.name_style, seat.direction, seat.rings_everybody) == ("both", "in", True)
    assert (seat.shows_team, seat.takes_notices) == (False, False)


@pytest.mark.parametrize(
    ("picked", "shown"),
    [
        ({"name_style": "username"}, "[annlee] Lunch"),
        ({"shows_team": "on", "name_style": "both"}, "[Ann Lee (annlee), Acme] Lunch"),
        ({"rings_everybody": "on"}, "ring everybody in this room"),
        ({"direction": "out"}, "Nothing arrives in this room."),
    ],
)
def test_the_preview_follows_what_is_picked_and_nothing_is_kept(page, seat, picked, shown):
    answer = page.post(path(seat), chosen(**picked), **HTMX).content.decode()

    assert shown in answer
    assert "<form" not in answer
    assert Seat.objects.get(pk=seat.pk).name_style == "display"
    assert Seat.objects.get(pk=seat.pk).direction == "both"


SHOWN_FOR_OWN = "The last one is what you say elsewhere yourself."


def test_what_one_says_oneself_may_stand_without_a_name(page, seat):
    before = page.get(path(seat)).content.decode()
    picked = page.post(path(seat), chosen(posts_as_owner="on"), **HTMX).content.decode()
    assert "Post what I say elsewhere as me, without my name before it" in before
    assert "I am on my way." not in before
    assert f"<strong>{seat.account.remote_user_name}</strong> I am on my way.</p>" in picked
    assert SHOWN_FOR_OWN in picked
    assert not Seat.objects.get(pk=seat.pk).posts_as_owner

    page.post(path(seat), chosen(posts_as_owner="on"))

    assert Seat.objects.get(pk=seat.pk).posts_as_owner
    assert SHOWN_FOR_OWN in page.get(path(seat)).content.decode()
    nothing_in = page.post(path(seat), chosen(posts_as_owner="on", direction="out"), **HTMX)
    assert SHOWN_FOR_OWN not in nothing_in.content.decode()


@pytest.mark.parametrize("why", ["each author posts", "shared", "unreadable"])
def test_it_is_offered_only_where_posts_stand_under_ones_own_name(page, seat, monkeypatch, why):
    if why == "each author posts":
        native = replace(EchoConnector.capabilities, sender_override=Support.NATIVE)
        monkeypatch.setattr(EchoConnector, "capabilities", native)
    else:
        changes = {"is_shared": True} if why == "shared" else {"sealed": b"no secret of ours"}
        LinkedAccount.objects.filter(pk=seat.account_id).update(**changes)

    shown = page.post(path(seat), chosen(posts_as_owner="on"), **HTMX).content.decode()
    whole = page.get(path(seat)).content.decode()
    page.post(path(seat), chosen(posts_as_owner="on"))

    assert "I am on my way." not in shown
    assert "Post what I say elsewhere" not in whole
    assert not Seat.objects.get(pk=seat.pk).posts_as_owner


def test_a_wrong_value_is_refused_with_a_sentence_and_nothing_is_kept(page, seat):
    answer = page.post(path(seat), chosen(name_style="shouting", rings_everybody="on"))

    assert answer.status_code == 200
    assert "That did not work yet" in answer.content.decode()
    assert not Seat.objects.get(pk=seat.pk).rings_everybody


def test_what_does_not_arrive_is_kept_as_picked(page, seat):
    assert (seat.takes_files, seat.takes_presence, seat.filtered_words) == (True, False, "")

    page.post(path(seat), chosen(takes_presence="on", filtered_words=" Pizza \r\n\r\nhot   dog\npizza\n🍕"))

    seat.refresh_from_db()
    assert (seat.takes_files, seat.takes_presence) == (False, True)
    assert seat.filtered_words == "pizza\nhot dog\n🍕"


@pytest.mark.parametrize(
    ("typed", "says"),
    [
        (
            "\n".join(f"word{number}" for number in range(102)),
            "100 words and phrases at the most. Take out 2.",
        ),
        ("x" * 61, "is too long: 60 characters at the most. Put each word or phrase on a line of its own."),
        ("fine\n...", "“...” is no word. Take it out, or add letters to it."),
    ],
)
def test_a_filter_that_cannot_be_kept_is_refused_with_a_sentence(page, seat, typed, says):
    answer = page.post(path(seat), chosen(filtered_words=typed))

    assert says in answer.content.decode()
    assert Seat.objects.get(pk=seat.pk).filtered_words == ""


def test_the_preview_says_where_its_example_is_filtered(page, seat):
    answer = page.post(path(seat), chosen(filtered_words="LUNCH"), **HTMX).content.decode()

    assert "holds a word that is kept out" in answer
    assert "Lunch is served, @all!" not in answer


def test_only_ones_own_room_at_an_open_tube_has_options(page, ann, seat):
    other, closed = tube_of(ann, factories.user()).side_b, tube_of(ann, status="closed").side_a

    assert [page.get(path(one)).status_code for one in (seat, other, closed)] == [200, 404, 404]
    assert page.post(path(other), chosen(direction="in")).status_code == 404
    tubes = {row.tube.side_a_id: row.tube for row in page.get(LIST).context["rows"]}
    both_mine = page.get(reverse("tubes:tube-detail", args=[tubes[seat.pk].code])).text
    listed = page.get(LIST).text
    assert [path(end) in both_mine for end in (tubes[seat.pk].side_a, tubes[seat.pk].side_b)] == [True, True]
    assert f'{reverse("tubes:tube-detail", args=[tubes[seat.pk].code])}#options"' in listed
    assert path(next(tube for tube in tubes.values() if tube.side_b == other).side_a) in listed
    assert path(other) not in listed


def test_the_owner_picks_who_may_command(page, seat):
    assert seat.commanders == "asking"

    page.post(path(seat), chosen(commanders="listed", listed_people="ann, @bob"))

    seat.refresh_from_db()
    assert (seat.commanders, seat.listed_people) == ("listed", "ann, @bob")


def test_mutes_are_listed_and_ended(page, seat):
    assert "Nobody. Type" in page.get(path(seat)).content.decode()
    eve = mute_add(
        seat=seat, author=factories.event(author_name="Eve <b>", author_id="e"), typed_by="Ann in Near"
    )
    assert eve
    shown = page.get(path(seat)).content.decode()
    assert "Eve &lt;b&gt;" in shown
    assert "by Ann in Near" in shown
    assert "Muted here" not in page.post(path(seat), chosen(), **HTMX).content.decode()

    remove = reverse("tubes:mute-remove", args=[seat.code, code_of(seat.mutes.get())])
    answer = page.post(remove, follow=True)

    assert "Eve &lt;b&gt; is heard in" in answer.content.decode()
    assert not seat.mutes.exists()
    assert not Seat.objects.get(pk=seat.pk).has_mutes
    assert page.post(remove).status_code == 404


def test_who_has_no_name_is_listed_by_what_else_is_known(page, seat):
    mute_add(seat=seat, author=factories.event(author_name=" ", author_id="U0EVE"), typed_by="")

    assert "<span>U0EVE</span>" in page.get(path(seat)).content.decode()


def test_nobody_is_listed_where_anybody_can_take_a_name(page, seat, monkeypatch):
    free = replace(EchoConnector.capabilities, names_are_owned=False)
    monkeypatch.setattr(EchoConnector, "capabilities", free)

    shown = page.get(path(seat)).content.decode()
    refused = page.post(path(seat), chosen(commanders="listed"))

    assert "Listed people" not in shown
    assert "Anybody can take a name here" in shown
    assert refused.status_code == 200
    assert page.post(path(seat), chosen(commanders="everyone")).status_code == 302
    assert Seat.objects.get(pk=seat.pk).commanders == "everyone"
