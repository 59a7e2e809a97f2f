import math
import re
from datetime import timedelta

import pytest
from django.urls import reverse
from kombu.exceptions import OperationalError

from accounts import services
from accounts.models import LinkedAccount
from accounts.tasks import refresh_rooms
from connectors.base import RoomId, RoomInfo
from connectors.errors import RetryLater
from sameroom import clock
from tests import factories
from tubes.models import Tube
from tubes.relay.hooking import address_of

LIST = "/accounts/"
FORM = {"team": "acme", "name": "bot", "token": "word"}

pytestmark = pytest.mark.django_db


def said(response) -> list[str]:
    return [str(message) for message in response.context["messages"]]


@pytest.mark.parametrize("rows", [1, 3])
def test_list_asks_as_much_for_three_accounts_as_for_one(page, ann, rows, django_assert_num_queries):
    accounts = [factories.account(ann) for _ in range(rows)]

    with django_assert_num_queries(5):
        response = page.get(LIST)

    assert response.status_code == 200
    assert list(response.context["accounts"]) == accounts[::-1]


def test_empty_list_says_what_to_do_first(page):
    response = page.get(LIST)

    assert "No account yet" in response.text
    assert '<details class="add" open>' in response.text


def test_where_a_service_is_to_push_is_shown_for_accounts_whose_service_does(page, ann):
    account = factories.account(ann, kind="stub")
    factories.account(ann)
    factories.account(factories.user(), kind="stub")

    text = page.get(LIST).text

    assert f'value="{address_of(account)}" readonly' in text
    assert (text.count("/hooks/"), text.count("data-copy=")) == (1, 1)


def test_address_of_a_service_that_has_one_for_everybody_is_not_shown(page, ann):
    factories.account(ann, kind="slack", server="https://slack.example/api")
    factories.account(ann, kind="hipchat", server="https://chat.example.org")

    text = page.get(LIST).text

    assert ("slack.example" in text, "https://chat.example.org" in text) == (False, True)


def test_what_an_account_may_not_do_is_told_with_what_to_do(page, ann):
    factories.account(ann, kind="slack", scopes=["channels:read", "chat:write"])
    factories.account(ann, kind="slack", scopes=["chat:write"], status="needs_login")

    assert page.get(LIST).text.count('<p class="note">The Slack app lacks channels:history, ') == 1


def test_list_names_no_secret(page, ann):
    factories.account(ann, credentials={"team": "acme", "token": "very-secret-word"})

    response = page.get(LIST)

    assert "very-secret-word" not in response.text


@pytest.mark.parametrize(
    ("status", "word", "step"),
    [
        ("connected", "Connected", "Refresh rooms"),
        ("retrying", "Service has a problem", "nothing to do for you"),
        ("needs_login", "Needs login", "Renew"),
        ("disabled", "Disabled", "Renew"),
    ],
)
def test_every_state_has_a_word_and_a_next_step(page, ann, status, word, step):
    factories.account(ann, status=status)

    response = page.get(LIST)

    assert f'<span class="badge {status}">{word}</span>' in response.text
    assert step in response.text


@pytest.mark.parametrize("days", [13.5, 0.5])
def test_login_that_ends_soon_is_told_of_here_and_on_manage(page, ann, days):
    account = factories.account(ann, expires_at=clock.now() + timedelta(days=days))
    factories.account(ann, expires_at=clock.now() + timedelta(days=15))
    factories.account(factories.user(), expires_at=clock.now() + timedelta(days=1))

    texts = [" ".join(page.get(path).text.split()) for path in (LIST, "/manage/")]

    renew = reverse("accounts:account-renew", args=[account.code])
    when = f"{account.expires_at:%-d %B %Y}"
    number = f"{math.ceil(days)}"
    plural = "" if number == "1" else "s"
    assert f"Its login ends on {when}, in {number}&nbsp;day{plural}." in texts[0]
    assert f"takes the login of {account} until {when}, for {number} more day{plural}." in texts[1]
    assert [text.count(f'href="{renew}"') for text in texts] == [1, 1]
    assert [text.count("/renew/") for text in texts] == [1, 1]


def test_login_that_has_ended_or_been_renewed_is_not_told_of(page, ann):
    factories.account(ann, expires_at=clock.now() - timedelta(minutes=1))
    factories.account(ann, expires_at=clock.now() + timedelta(days=365))
    factories.account(ann, expires_at=clock.now() + timedelta(days=1), status="disabled")

    assert "login ends" not in page.get(LIST).text
    assert "takes the login" not in page.get("/manage/").text


@pytest.mark.parametrize("kind", ["hipchat", "echo"])
def test_add_page_shows_the_form_and_the_steps_of_its_service(page, kind):
    response = page.get(f"/accounts/add/{kind}/")

    assert response.status_code == 200
    assert 'name="token"' in response.text
    assert '<ol class="steps">' in response.text


def test_add_page_of_an_unknown_service_is_not_there(page):
    assert page.get("/accounts/add/telegraph/").status_code == 404


def test_valid_form_links_the_account(page, ann):
    response = page.post("/accounts/add/echo/", FORM, follow=True)

    account = LinkedAccount.objects.get()
    assert response.redirect_chain == [(LIST, 302)]
    assert said(response) == ["bot of acme @ acme is linked. Now open a Tube from one of its rooms."]
    assert (account.owner, account.credentials) == (ann, FORM)


def test_refused_login_is_summarised_and_saves_nothing(page):
    response = page.post("/accounts/add/echo/", FORM | {"token": "wrong"})

    assert "That did not work yet" in response.text
    assert "Echo does not know this token. Use any other word." in response.text
    assert not LinkedAccount.objects.exists()


def test_missing_field_is_named_beside_it_and_in_the_summary(page):
    response = page.post("/accounts/add/echo/", FORM | {"token": ""})

    assert '<li><a href="#id_token">Token</a>: This field is required.</li>' in response.text
    assert '<ul class="errorlist" id="id_token_error"><li>This field is required.</li></ul>' in response.text


def test_login_linked_by_somebody_else_is_refused_in_words(page, client):
    page.post("/accounts/add/echo/", FORM)
    client.force_login(factories.user())

    response = client.post("/accounts/add/echo/", FORM)

    assert "is linked by somebody else at Sameroom already" in response.text
    assert LinkedAccount.objects.count() == 1


def test_token_is_never_sent_back(page):
    response = page.post("/accounts/add/echo/", FORM | {"team": "", "token": "very-secret-word"})

    assert "very-secret-word" not in response.text


@pytest.fixture
def expired(ann):
    return factories.account(ann, status="needs_login", remote_user_id="acme/bot", credentials=FORM)


def test_renew_asks_for_the_secret_only(page, expired):
    path = reverse("accounts:account-renew", args=[expired.code])

    form = page.get(path)
    page.post(path, FORM)

    assert '<input type="hidden" name="team" value="acme"' in form.text
    assert [field.name for field in form.context["form"].visible_fields()] == ["token"]
    assert form.context["form"]["token"].value() is None
    expired.refresh_from_db()
    assert (LinkedAccount.objects.count(), expired.status) == (1, "connected")


def test_renew_asks_again_for_what_may_have_changed_besides(page, ann):
    known = {
        "token": "very-secret-word",
        "team_name": "Acme",
        "ca_certificate": "-----BEGIN CERTIFICATE-----",
        "notifications": "on",
    }
    account = factories.account(ann, kind="hipchat", server="https://hipchat.example.com", credentials=known)

    response = page.get(reverse("accounts:account-renew", args=[account.code]))

    form = response.context["form"]
    assert [field.name for field in form.visible_fields()] == ["token", "ca_certificate", "notifications"]
    assert [form[name].value() for name in ("token", "notifications")] == [None, "on"]
    assert form["ca_certificate"].value() == "-----BEGIN CERTIFICATE-----"
    assert "very-secret-word" not in response.text


@pytest.mark.parametrize(
    ("kept", "optional"),
    [
        ({"app_token": "xapp-1"}, ["Signing secret"]),
        ({"signing_secret": "0f"}, ["App-level token"]),
        ({}, ["App-level token", "Signing secret"]),
    ],
)
def test_renew_calls_no_secret_optional_that_the_login_has(kept, optional, page, ann):
    known = {"token": "xoxb-1"} | kept
    account = factories.account(ann, kind="slack", server="https://slack.com/api", credentials=known)

    response = page.get(reverse("accounts:account-renew", args=[account.code]))

    labels = re.findall(r"<label[^>]*>([^<]+) <span class=\"optional\">", response.text)
    assert labels == optional


def test_renew_refuses_another_login(page, expired):
    response = page.post(reverse("accounts:account-renew", args=[expired.code]), FORM | {"name": "other"})

    assert "This logs in as another user than" in response.text
    expired.refresh_from_db()
    assert (LinkedAccount.objects.count(), expired.status) == (1, "needs_login")


def test_link_asks_for_the_rooms_and_stands_without_a_broker(
    page, django_capture_on_commit_callbacks, monkeypatch
):
    asked = []

    def no_broker(account_id):
        asked.append(account_id)
        raise OperationalError("no broker")

    monkeypatch.setattr(refresh_rooms, "delay", no_broker)

    with django_capture_on_commit_callbacks(execute=True):
        response = page.post("/accounts/add/echo/", FORM)

    account = LinkedAccount.objects.get()
    assert response.status_code == 302
    assert asked == [account.pk]
    assert not account.is_listing


@pytest.fixture
def queued(monkeypatch) -> list[int]:
    """The accounts whose rooms a worker was asked to look up."""
    asked: list[int] = []
    monkeypatch.setattr(refresh_rooms, "delay", asked.append)
    return asked


def test_pages_say_that_rooms_are_looked_up_as_soon_as_an_account_is_linked(
    page, queued, django_capture_on_commit_callbacks
):
    with django_capture_on_commit_callbacks(execute=True):
        page.post("/accounts/add/echo/", FORM)

    account = LinkedAccount.objects.get()
    assert queued == [account.pk]
    for path in ("/open-a-tube/", LIST):
        assert "Looking up its rooms" in page.get(path).text


def refresh(account: LinkedAccount) -> str:
    return reverse("accounts:account-refresh", args=[account.code])


def listing(page, account: LinkedAccount):
    return page.get(reverse("accounts:listing-state", args=[account.code]), headers={"HX-Request": "true"})


def words(response) -> str:
    return " ".join(re.sub(r"<[^>]*>", " ", response.text).split())


def test_refresh_has_a_worker_look_and_goes_back_where_it_came_from(page, ann, queued):
    account = factories.account(ann)

    answers = [page.post(refresh(account), {"next": "/open-a-tube/"}) for _ in range(2)]

    assert [answer["Location"] for answer in answers] == ["/open-a-tube/"] * 2
    assert queued == [account.pk]  # once: it is under way
    for path in ("/open-a-tube/", LIST):
        assert "Looking up its rooms" in page.get(path).text

    refresh_rooms(account.pk)

    assert sorted(account.listings.values_list("name", flat=True)) == ["Attic", "Garden", "Lobby"]
    done = listing(page, account)
    assert words(done).startswith("3 rooms, looked up")
    assert done["HX-Trigger-After-Settle"] == "rooms-listed"
    assert "hx-trigger" not in done.text


def test_a_long_lookup_says_how_far_it_is(page, ann, monkeypatch):
    account = factories.account(ann)
    seen = []

    def slowly(self):
        for number in range(5):
            seen.append(words(listing(page, account)))
            yield RoomInfo(id=RoomId(f"r{number}"), name=f"Room {number}")

    monkeypatch.setattr("connectors.echo.connector.EchoConnector.list_rooms", slowly)
    monkeypatch.setattr(services, "TELL_EVERY", 0)
    refresh_rooms(account.pk)

    told = [line.partition(" Load")[0] for line in seen]
    assert told == [
        "Looking up its rooms …",
        "Looking up its rooms …",
        *(f"Looking up its rooms: {number} so far" for number in (1, 2, 3)),
    ]
    assert words(listing(page, account)).startswith("5 rooms, looked up")


def test_a_lookup_that_never_ends_is_not_waited_for(page, ann, queued):
    account = factories.account(ann, listing_since=clock.now() - timedelta(minutes=4))

    page.post(refresh(account))

    assert queued == [account.pk]


def test_a_lookup_that_was_not_to_be_is_over(page, ann):
    account = factories.account(ann, status="needs_login", listing_since=clock.now())
    factories.listing(account)
    LinkedAccount.objects.filter(pk=account.pk).update(sealed=b"unreadable")

    refresh_rooms(account.pk)

    assert words(listing(page, account)) == "Needs login · 1 room"


def test_refresh_says_so_where_nobody_can_be_asked(page, ann, monkeypatch):
    def away(account_id):
        raise OperationalError("Connection refused.")

    monkeypatch.setattr(refresh_rooms, "delay", away)
    account = factories.account(ann)

    response = page.post(refresh(account), follow=True)

    assert said(response) == ["Rooms cannot be looked up at the moment. Try again in a minute."]
    assert "Looking up its rooms" not in response.text


@pytest.mark.parametrize("elsewhere", ["https://evil.example/", "//evil.example/", ""])
def test_refresh_never_leads_to_another_site(page, ann, elsewhere, queued):
    account = factories.account(ann)

    response = page.post(refresh(account), {"next": elsewhere})

    assert response["Location"] == LIST


def test_refresh_shows_what_the_service_said(page, ann, monkeypatch):
    def busy(self):
        raise RetryLater("Echo is busy. Try again in a minute.")

    monkeypatch.setattr("connectors.echo.connector.EchoConnector.list_rooms", busy)
    account = factories.account(ann)

    refresh_rooms(account.pk)

    reason = "Its rooms could not be looked up: Echo is busy. Try again in a minute."
    assert reason in words(page.get(LIST))
    factories.listing(account)
    assert reason in words(page.get("/open-a-tube/"))


@pytest.mark.parametrize("rows", [1, 3])
def test_remove_lists_the_rooms_affected_first(page, ann, rows, django_assert_num_queries):
    account, other = factories.account(ann), factories.account(ann, team="globex")
    for _ in range(rows):
        factories.tube(factories.seat(account), factories.seat(other))
    factories.tube(factories.seat(account), factories.seat(other), status="closed")

    with django_assert_num_queries(6):
        response = page.get(reverse("accounts:account-remove", args=[account.code]))

    assert list(response.context["tubes"]) == list(Tube.objects.not_closed().order_by("-pk"))
    assert response.text.count('<span class="pipe failed">') == rows
    assert LinkedAccount.objects.count() == 2


def test_remove_ends_the_account_and_its_tubes(page, ann):
    account, other = factories.account(ann), factories.account(ann, team="globex")
    factories.tube(factories.seat(account), factories.seat(other))

    response = page.post(reverse("accounts:account-remove", args=[account.code]), follow=True)

    assert said(response) == [f"{account} is removed."]
    assert list(LinkedAccount.objects.all()) == [other]
    assert not Tube.objects.not_closed().exists()


def test_secret_that_no_key_opens_shuts_no_page(page, ann):
    account = factories.account(ann)
    lobby, tube = factories.listing(account), factories.tube(factories.seat(account), factories.seat(account))
    LinkedAccount.objects.update(sealed=b"written with a lost key")

    paths = [
        LIST,
        reverse("accounts:account-renew", args=[account.code]),
        reverse("accounts:account-remove", args=[account.code]),
        "/open-a-tube/",
        reverse("tubes:tube-open-side-b", args=[lobby.code]),
        "/manage/",
        reverse("tubes:tube-detail", args=[tube.code]),
    ]

    assert [page.get(path).status_code for path in paths] == [200] * len(paths)
    page.post(paths[2])
    assert not LinkedAccount.objects.exists()


def test_account_that_needs_a_login_says_what_to_press(page, ann):
    """Also where no token is pasted: by a password, or by the service's own page."""
    account = factories.account(ann, status="needs_login", status_reason="The app was removed.")

    text = page.get(LIST).text

    assert "The app was removed. Press Renew to log in again." in text
    assert f'href="/accounts/{account.code}/renew/"' in text
