import pytest
from django.core import mail
from django.core.management import CommandError, call_command
from django.test import Client
from django.urls import reverse

from accounts.invitations import invitation_create
from accounts.models import Invitation, User
from tests import factories

FORM = {"email": "new@example.com", "password1": factories.PASSWORD, "password2": factories.PASSWORD}

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def no_rate_limits(settings):
    settings.ACCOUNT_RATE_LIMITS = False


def emails() -> list[str]:
    return list(User.objects.order_by("pk").values_list("email", flat=True))


def open_invitation(client: Client, invitation: Invitation) -> str:
    response = client.get(reverse("accounts:invitation-accept", args=[invitation.code]))
    return response["Location"]


def test_open_signup_makes_a_user_who_is_signed_in(client):
    response = client.post("/user/signup/", FORM)

    assert (response.status_code, response["Location"]) == (302, "/accounts/")
    assert emails() == ["new@example.com"]
    assert client.get("/accounts/").status_code == 200


def test_closed_signup_says_so_and_makes_nobody(client, settings):
    settings.SIGNUP = "closed"

    pages = [client.get("/user/signup/"), client.post("/user/signup/", FORM)]

    assert ["Sign-up is closed" in page.text for page in pages] == [True, True]
    assert emails() == []


def test_signup_by_invitation_needs_one(client, settings):
    settings.SIGNUP = "invite"

    pages = [client.get("/user/signup/"), client.post("/user/signup/", FORM)]

    assert ["Sign-up is by invitation" in page.text for page in pages] == [True, True]
    assert emails() == []


def test_invitation_opens_signup_once(client, settings):
    settings.SIGNUP = "invite"
    invitation = invitation_create()

    assert open_invitation(client, invitation) == "/user/signup/"
    client.post("/user/signup/", FORM)

    invitation.refresh_from_db()
    assert invitation.used_by == User.objects.get()
    other = Client()
    gone = other.get(reverse("accounts:invitation-accept", args=[invitation.code]))
    assert gone.status_code == 404
    assert "This invitation does not work" in gone.text


def test_second_person_with_one_link_is_refused(client, settings):
    settings.SIGNUP = "invite"
    invitation, second = invitation_create(), Client()
    open_invitation(client, invitation)
    open_invitation(second, invitation)

    client.post("/user/signup/", FORM)
    response = second.post("/user/signup/", FORM | {"email": "second@example.com"})

    assert "Sign-up is by invitation" in response.text
    assert emails() == ["new@example.com"]


def test_second_person_is_refused_in_the_same_moment_too(client, settings, monkeypatch):
    settings.SIGNUP = "invite"
    invitation = invitation_create()
    open_invitation(client, invitation)
    first = factories.user("first@example.com")
    stale = Invitation.objects.get()
    Invitation.objects.update(used_by=first)
    # Both forms were checked before either was saved.
    monkeypatch.setattr("accounts.forms.invitation_of", lambda request: stale)
    monkeypatch.setattr("accounts.adapter.invitation_of", lambda request: stale)

    response = client.post("/user/signup/", FORM)

    assert (response.status_code, response["Location"]) == (302, "/user/signup/")
    assert emails() == ["first@example.com"]
    assert Invitation.objects.get().used_by == first


def test_invitation_with_an_address_is_only_for_that_address(client, settings):
    settings.SIGNUP = "invite"
    open_invitation(client, invitation_create(email="Guest@Example.com"))

    refused = client.post("/user/signup/", FORM)
    client.post("/user/signup/", FORM | {"email": "guest@example.com"})

    assert "This invitation is for guest@example.com." in refused.text
    assert emails() == ["guest@example.com"]


def test_invitation_is_not_spent_by_a_form_with_errors(client, settings):
    settings.SIGNUP = "invite"
    open_invitation(client, invitation_create())

    client.post("/user/signup/", FORM | {"password2": "something else"})

    assert Invitation.objects.get().used_by is None


def test_unknown_invitation_has_a_page_of_its_own(client, settings):
    settings.SIGNUP = "invite"

    response = client.get("/user/invite/no-such-code/")

    assert response.status_code == 404
    assert "This invitation does not work" in response.text


def test_invitation_does_not_open_a_closed_signup(client, settings):
    settings.SIGNUP = "closed"
    open_invitation(client, invitation_create())

    response = client.post("/user/signup/", FORM)

    assert "Sign-up is closed" in response.text
    assert emails() == []


def test_invite_command_prints_the_link(settings, capsys):
    settings.SIGNUP = "invite"

    call_command("invite", "Guest@example.com")

    invitation = Invitation.objects.get()
    assert invitation.email == "guest@example.com"
    assert capsys.readouterr().out == f"{settings.PUBLIC_URL}/user/invite/{invitation.code}/\n"


def test_invite_command_refuses_what_is_no_address():
    with pytest.raises(CommandError, match="'guest' is no e-mail address"):
        call_command("invite", "guest")


def test_code_by_mail_signs_in_without_a_password(client):
    factories.user("ann@example.com")

    client.post("/user/login/code/", {"email": "ann@example.com"})
    body = mail.outbox[0].body
    code = body.split("\n\n")[1].strip()
    response = client.post("/user/login/code/confirm/", {"code": code})

    assert mail.outbox[0].subject == "Your code for Sameroom"
    assert (response.status_code, response["Location"]) == (302, "/accounts/")


def test_forgotten_password_is_replaced_by_a_mailed_link(client):
    user = factories.user("ann@example.com")

    client.post("/user/password/reset/", {"email": "ann@example.com"})
    link = next(word for word in mail.outbox[0].body.split() if word.startswith("http"))
    form = client.get(link, follow=True)
    client.post(form.request["PATH_INFO"], {"password1": "another long one", "password2": "another long one"})

    user.refresh_from_db()
    assert user.check_password("another long one")


@pytest.mark.parametrize(
    "name",
    [
        "account_login",
        "account_signup",
        "account_reset_password",
        "account_reset_password_done",
        "account_reset_password_from_key_done",
        "account_request_login_code",
        "account_inactive",
        "account_email_verification_sent",
    ],
)
def test_page_before_signing_in_is_ours(client, name):
    response = client.get(reverse(name))

    assert response.status_code == 200
    assert '<body class="entrance">' in response.text


@pytest.mark.parametrize(
    "name", ["account_email", "account_change_password", "account_logout", "account_reauthenticate"]
)
def test_page_of_the_user_menu_is_ours(page, name):
    response = page.get(reverse(name))

    assert response.status_code == 200
    assert '<body class="entrance">' in response.text


def test_links_that_no_longer_work_say_so(client):
    assert "This link no longer works" in client.get("/user/confirm-email/nonsense/").text
    assert "This link no longer works" in client.get("/user/password/reset/key/1-nonsense/").text
