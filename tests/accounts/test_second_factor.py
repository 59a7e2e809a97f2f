"""The second step of signing in: set up, asked for, got around by nobody, needed for the administration."""

import base64
import hashlib
import hmac
import re
import struct
import time
from typing import Any

import pytest
from allauth.account.models import EmailAddress
from allauth.mfa.models import Authenticator
from cryptography.fernet import Fernet
from django.core import mail
from django.core.cache import cache
from django.core.exceptions import ImproperlyConfigured
from django.core.management import CommandError, call_command
from django.test import Client

from accounts.models import User
from accounts.operators import STEP_LASTS
from accounts.second_factor import SecondFactorAdapter
from tests import factories

pytestmark = pytest.mark.django_db

EMAIL = "ann@example.com"
ADMIN = "/admin/tubes/room/"


def code_at(secret: str, ahead: int = 0) -> str:
    """What an app shows, `ahead` codes from now: RFC 6238, by somebody else than who checks it."""
    counter = int(time.time()) // 30 + ahead
    key = base64.b32decode(secret)
    digest = hmac.new(key, struct.pack(">Q", counter), hashlib.sha1).digest()
    at = digest[-1] & 15
    return f"{(int.from_bytes(digest[at : at + 4], 'big') & 0x7FFFFFFF) % 1_000_000:06}"


@pytest.fixture(autouse=True)
def fresh(settings: Any) -> None:
    cache.clear()
    settings.ADMIN_SECOND_STEP = True


@pytest.fixture
def ann(db: None) -> User:
    user = factories.user(EMAIL, is_staff=True, is_superuser=True)
    EmailAddress.objects.create(user=user, email=EMAIL, verified=True, primary=True)
    return user


def sign_in(client: Client) -> Any:
    return client.post("/user/login/", {"login": EMAIL, "password": factories.PASSWORD})


def set_up(client: Client) -> tuple[str, list[str]]:
    """As somebody who is signed in does it: the app's key, and the recovery codes."""
    assert client.get("/user/2fa/totp/activate/")["Location"].startswith("/user/reauthenticate/")
    client.post("/user/reauthenticate/", {"password": factories.PASSWORD})
    page = client.get("/user/2fa/totp/activate/")
    [secret] = re.findall(r'id="totp-secret" value="([A-Z2-7]+)"', page.text)
    done = client.post("/user/2fa/totp/activate/", {"code": code_at(secret)}, follow=True)
    return secret, re.findall(r"<code>(\d{8})</code>", done.text)


@pytest.fixture
def enrolled(ann: User) -> tuple[str, list[str]]:
    client = Client()
    sign_in(client)
    return set_up(client)


# ------------------------------------------------------------------ setting up


@pytest.mark.django_db(transaction=True)  # the mail goes once all of it is stored
def test_an_app_is_set_up_and_its_owner_told(client: Client, ann: User) -> None:
    sign_in(client)
    secret, recovery = set_up(client)

    assert (len(secret), len(set(recovery))) == (32, 10)
    assert [message.subject for message in mail.outbox] == ["The second step is on"]
    assert secret not in mail.outbox[0].body


def test_an_app_that_shows_something_else_is_not_set_up(client: Client, ann: User) -> None:
    sign_in(client)
    client.get("/user/2fa/totp/activate/")
    client.post("/user/reauthenticate/", {"password": factories.PASSWORD})
    client.get("/user/2fa/totp/activate/")

    refused = client.post("/user/2fa/totp/activate/", {"code": "000000"})

    assert "This is not the code the app shows now" in refused.text
    assert Authenticator.objects.count() == 0


def test_nothing_of_it_can_be_read_in_the_database(enrolled: tuple[str, list[str]]) -> None:
    secret, recovery = enrolled

    stored = str(list(Authenticator.objects.values("data")))

    assert Authenticator.objects.count() == 2
    assert [one for one in (secret, *recovery) if one in stored] == []


def test_the_page_offers_what_is_next(client: Client, ann: User) -> None:
    sign_in(client)
    before = client.get("/user/2fa/").text
    set_up(client)
    after = client.get("/user/2fa/").text

    assert ("Set it up" in before, "The administration asks for it" in before) == (True, True)
    assert ("10 codes are left" in after, "Turn it off" in after) == (True, True)


# ------------------------------------------------------------------ signing in


def test_the_password_alone_opens_nothing(enrolled: tuple[str, list[str]]) -> None:
    client = Client()

    first = sign_in(client)

    assert first["Location"] == "/user/2fa/authenticate/"
    assert client.get("/accounts/").status_code == 302
    assert client.get("/user/email/").status_code == 302


def test_the_mailbox_alone_opens_nothing(enrolled: tuple[str, list[str]]) -> None:
    client = Client()
    client.post("/user/login/code/", {"email": EMAIL})
    code = mail.outbox[-1].body.split("\n\n")[1].strip()

    second = client.post("/user/login/code/confirm/", {"code": code})

    assert second["Location"] == "/user/2fa/authenticate/"
    assert client.get("/accounts/").status_code == 302


def test_the_apps_code_lets_in_and_is_good_once(enrolled: tuple[str, list[str]]) -> None:
    secret, _ = enrolled
    client, onlooker = Client(), Client()
    sign_in(client)
    sign_in(onlooker)
    code = code_at(secret, 1)  # the one before was used to set it up

    inside = client.post("/user/2fa/authenticate/", {"code": code})
    again = onlooker.post("/user/2fa/authenticate/", {"code": code})

    assert (inside.status_code, inside["Location"]) == (302, "/accounts/")
    assert "This is not the code the app shows now" in again.text
    assert onlooker.get("/accounts/").status_code == 302


def test_a_code_is_not_good_again_where_each_process_has_its_own_cache(
    enrolled: tuple[str, list[str]],
) -> None:
    secret, _ = enrolled
    client, onlooker, code = Client(), Client(), code_at(secret, 1)
    sign_in(client)
    client.post("/user/2fa/authenticate/", {"code": code})
    cache.clear()
    sign_in(onlooker)

    assert onlooker.post("/user/2fa/authenticate/", {"code": code}).status_code == 429


def test_a_recovery_code_lets_in_once(enrolled: tuple[str, list[str]]) -> None:
    _, recovery = enrolled
    statuses = []
    for _ in range(2):
        client = Client()
        sign_in(client)
        statuses.append(client.post("/user/2fa/authenticate/", {"code": recovery[0]}).status_code)

    assert statuses == [302, 200]


def test_codes_are_guessed_five_times(enrolled: tuple[str, list[str]]) -> None:
    secret, _ = enrolled
    client = Client()
    sign_in(client)

    statuses = [client.post("/user/2fa/authenticate/", {"code": f"00000{n}"}).status_code for n in range(5)]
    cache.clear()  # counted in the database: another process, or another browser, changes nothing
    other = Client()
    sign_in(other)
    right = other.post("/user/2fa/authenticate/", {"code": code_at(secret, 1)})

    assert statuses == [200] * 5
    assert right.status_code == 429
    assert "Retry-After" in right.headers


def test_turning_it_off_asks_who_it_is_first(enrolled: tuple[str, list[str]]) -> None:
    secret, codes = enrolled
    client = Client()
    sign_in(client)
    client.post("/user/2fa/authenticate/", {"code": code_at(secret, 1)})

    asked = client.post("/user/2fa/totp/deactivate/")
    client.post("/user/reauthenticate/", {"password": factories.PASSWORD})  # whoever has stolen only that
    client.post("/user/2fa/totp/deactivate/")
    still = Authenticator.objects.count()
    client.post("/user/2fa/reauthenticate/", {"code": codes[0]})
    client.post("/user/2fa/totp/deactivate/")

    assert asked["Location"].startswith("/user/2fa/reauthenticate/")
    assert (still, Authenticator.objects.count()) == (2, 0)
    assert mail.outbox[-1].subject == "The second step is off"
    assert "If that was not you, change your password now." in mail.outbox[-1].body


def test_recovery_codes_are_not_shown_to_whoever_finds_the_browser_open(
    client: Client, enrolled: tuple[str, list[str]], ann: User
) -> None:
    client.force_login(ann)

    for path in ("/user/2fa/recovery-codes/", "/user/2fa/recovery-codes/download/"):
        assert client.get(path)["Location"].startswith("/user/2fa/reauthenticate/")
    assert client.get("/user/2fa/").status_code == 200


# ------------------------------------------------------------------ the administration


def test_staff_without_a_second_step_are_led_to_set_one_up(client: Client, ann: User) -> None:
    sign_in(client)

    led = client.get(ADMIN, follow=True)

    assert [path for path, _ in led.redirect_chain][1].startswith("/user/2fa/totp/activate/")
    assert "The administration asks for a second step" in led.text
    set_up(client)
    assert client.get(ADMIN).status_code == 200


def test_staff_get_in_by_both_steps_and_by_none_less(enrolled: tuple[str, list[str]]) -> None:
    secret, _ = enrolled
    client = Client()
    sign_in(client)
    assert client.get(ADMIN).status_code == 302

    client.post("/user/2fa/authenticate/", {"code": code_at(secret, 1)})

    assert client.get(ADMIN).status_code == 200


def test_a_session_from_before_the_second_step_is_asked_for_its_code(
    client: Client, enrolled: tuple[str, list[str]], ann: User
) -> None:
    secret, _ = enrolled
    client.force_login(ann)
    asked = client.get(ADMIN, follow=True)
    assert asked.redirect_chain[-1][0] == f"/user/2fa/reauthenticate/?next={ADMIN}"

    back = client.post("/user/2fa/reauthenticate/", {"code": code_at(secret, 1), "next": ADMIN})

    assert (back["Location"], client.get(ADMIN).status_code) == (ADMIN, 200)


def test_the_step_is_asked_for_again_after_half_a_day(client: Client, ann: User) -> None:
    sign_in(client)
    set_up(client)
    session = client.session
    for record in session["account_authentication_methods"]:
        record["at"] -= STEP_LASTS.total_seconds() + 1
    session.save()

    assert client.get(ADMIN).status_code == 302


def test_taking_the_step_off_closes_the_administration(client: Client, ann: User) -> None:
    sign_in(client)
    set_up(client)
    Authenticator.objects.all().delete()

    assert client.get(ADMIN).status_code == 302


def test_whoever_is_no_staff_is_led_nowhere(client: Client, ann: User) -> None:
    client.force_login(factories.user("bob@example.com"))

    assert client.get(ADMIN, follow=True).status_code == 403


def test_the_way_into_the_administration_leads_to_no_other_site(client: Client, ann: User) -> None:
    sign_in(client)
    set_up(client)
    session = client.session
    session["account_authentication_methods"] = []
    session.save()

    led = client.get("/admin/login/?next=https://evil.example/", follow=True)

    assert [path for path, _ in led.redirect_chain if path.startswith(("https://evil", "//"))] == []


def test_a_try_out_asks_for_no_second_step(client: Client, ann: User, settings: Any) -> None:
    settings.ADMIN_SECOND_STEP = False
    sign_in(client)

    assert client.get(ADMIN).status_code == 200


def test_the_first_operator_gets_in_where_addresses_have_to_be_confirmed(
    client: Client, settings: Any
) -> None:
    settings.ACCOUNT_EMAIL_VERIFICATION = "mandatory"
    User.objects.create_superuser("root@example.com", factories.PASSWORD)

    client.post("/user/login/", {"login": "root@example.com", "password": factories.PASSWORD})
    led = client.get("/admin/", follow=True)

    assert led.redirect_chain[-1][0].startswith("/user/reauthenticate/")
    assert mail.outbox == []
    set_up(client)
    assert client.get("/admin/").status_code == 200


def test_the_administration_shows_who_has_a_second_step_and_nothing_of_it(client: Client, ann: User) -> None:
    sign_in(client)
    secret, recovery = set_up(client)
    row = Authenticator.objects.get(type="totp")

    pages = [
        client.get("/admin/mfa/authenticator/"),
        client.get(f"/admin/mfa/authenticator/{row.pk}/change/"),
    ]

    assert [page.status_code for page in pages] == [200, 200]
    shown = "".join(page.text for page in pages)
    assert [one for one in (secret, *recovery, row.data["secret"]) if one in shown] == []
    assert client.post(f"/admin/mfa/authenticator/{row.pk}/delete/", {"post": "yes"}).status_code == 403


# ------------------------------------------------------------------ keys, and losing them


def test_secrets_follow_the_rotation_of_keys(enrolled: tuple[str, list[str]], settings: Any) -> None:
    old, new = settings.ENCRYPTION_KEYS[0], Fernet.generate_key().decode()
    settings.ENCRYPTION_KEYS = [new, old]
    call_command("rotate_keys")
    settings.ENCRYPTION_KEYS = [new]
    secret, recovery = enrolled

    totp, codes = (Authenticator.objects.get(type=type_) for type_ in ("totp", "recovery_codes"))

    assert SecondFactorAdapter().decrypt(totp.data["secret"]) == secret
    assert codes.wrap().get_unused_codes() == recovery


def test_a_lost_key_says_what_to_do(enrolled: tuple[str, list[str]], settings: Any) -> None:
    settings.ENCRYPTION_KEYS = [Fernet.generate_key().decode()]
    row = Authenticator.objects.get(type="totp")

    with pytest.raises(ImproperlyConfigured, match="Put the key back") as raised:
        SecondFactorAdapter().decrypt(row.data["secret"])
    assert raised.value.__cause__ is None


def test_whoever_has_lost_everything_is_let_in_by_the_operator(
    enrolled: tuple[str, list[str]], capsys: pytest.CaptureFixture[str]
) -> None:
    call_command("second_factor_reset", " Ann@example.com ")

    assert "signs in by password alone" in capsys.readouterr().out
    assert sign_in(Client())["Location"] == "/accounts/"
    with pytest.raises(CommandError, match="has no second step"):
        call_command("second_factor_reset", EMAIL)
    with pytest.raises(CommandError, match="Nobody signs in with bob"):
        call_command("second_factor_reset", "bob@example.com")


def test_who_has_taken_both_steps_is_let_in_by_the_address_for_signing_in(
    client: Client, enrolled: tuple[str, list[str]], ann: User
) -> None:
    secret, _ = enrolled
    sign_in(client)
    client.post("/user/2fa/authenticate/", {"code": code_at(secret, 1)})

    assert client.get("/admin/login/")["Location"] == "/admin/"
