"""What browsers are told, and what other sites can make them do here: nothing."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any
from urllib.parse import urlsplit

import pytest
from allauth.account.models import EmailAddress
from django.core import mail
from django.core.cache import cache
from django.test import Client
from django.urls import NoReverseMatch, URLPattern, URLResolver, get_resolver, reverse

from accounts.models import User
from tests import factories
from tests.accounts.test_second_factor import code_at, set_up
from tubes.services import map_link_make

pytestmark = pytest.mark.django_db

EMAIL = "ann@example.com"


@pytest.fixture(autouse=True)
def fresh(settings: Any) -> None:
    cache.clear()
    settings.ACCOUNT_RATE_LIMITS = False


@pytest.fixture
def ann(db: None) -> User:
    user = factories.user(EMAIL, is_staff=True, is_superuser=True)
    EmailAddress.objects.create(user=user, email=EMAIL, verified=True, primary=True)
    return user


def sign_in(client: Client, **data: str) -> Any:
    return client.post("/user/login/", {"login": EMAIL, "password": factories.PASSWORD, **data})


# ------------------------------------------------------------------ forms of other sites


def addresses(patterns: list[Any], before: tuple[str, ...] = ()) -> Iterator[tuple[str, str]]:
    """Every named address of the site with something in the place of each parameter."""
    for pattern in patterns:
        if isinstance(pattern, URLResolver):
            inner = (*before, pattern.namespace) if pattern.namespace else before
            yield from addresses(pattern.url_patterns, inner)
        elif isinstance(pattern, URLPattern) and pattern.name:
            name = ":".join([*before, pattern.name])
            parameters = [*pattern.pattern.converters, *pattern.pattern.regex.groupindex]
            for value in ("1", "1-1"):
                try:
                    yield name, reverse(name, kwargs=dict.fromkeys(parameters, value))
                    break
                except NoReverseMatch:
                    continue


ADDRESSES = dict(addresses(get_resolver().url_patterns))

# Posts without our mark are taken here, since no browser's session counts: who calls, and what proves it.
FOR_PROGRAMS = {
    "tubes:hook": "chat services, by the secret in the address and their signature",
    "tubes:service-hook": "chat services that know one address for all of us, by their signature",
    "sandbox:control": "tests, which steer the sandbox; it holds nothing but itself",
    "sandbox:download": "HipChat's clients; takes no post",
    "sandbox:avatar": "HipChat's clients; takes no post",
    "sandbox:emoticon-picture": "HipChat's clients; takes no post",
}


def is_for_programs(name: str) -> bool:
    """The sandbox's API (its views have no names of pages) is called with a token, never by a session."""
    return name in FOR_PROGRAMS or ADDRESSES[name].startswith("/sandbox/v2/")


def test_the_table_of_addresses_is_whole() -> None:
    assert {"account_login", "mfa_activate_totp", "admin:accounts_user_change", "tubes:tube-close"} <= set(
        ADDRESSES
    )
    assert len(ADDRESSES) > 150


@pytest.mark.parametrize("method", ["post", "put", "patch", "delete"])
def test_a_form_of_another_site_does_nothing_anywhere(ann: User, method: str) -> None:
    client = Client(enforce_csrf_checks=True)
    client.force_login(ann)

    statuses = {
        name: getattr(client, method)(path).status_code
        for name, path in sorted(ADDRESSES.items())
        if not is_for_programs(name)
    }

    assert {name: status for name, status in statuses.items() if status != 403} == {}


def test_a_form_of_another_site_with_its_own_mark_does_nothing_either(ann: User) -> None:
    client, other = Client(enforce_csrf_checks=True), Client()
    client.force_login(ann)
    stolen = re.findall(r'name="csrfmiddlewaretoken" value="(\w+)"', other.get("/user/login/").text)[0]

    answer = client.post(
        "/user/logout/", {"csrfmiddlewaretoken": stolen}, headers={"Origin": "https://evil.example"}
    )

    assert answer.status_code == 403
    assert client.get("/accounts/").status_code == 200


@pytest.mark.parametrize("path", ["/user/logout/", "/user/delete/", "/user/2fa/totp/deactivate/"])
def test_nothing_is_done_by_a_link(client: Client, ann: User, path: str) -> None:
    client.force_login(ann)

    client.get(path)

    assert User.objects.count() == 1
    assert client.get("/accounts/").status_code == 200


# ------------------------------------------------------------------ where one is sent

ELSEWHERE = [
    "https://evil.example/",
    "http://evil.example/",
    "//evil.example/",
    "///evil.example/",
    "////evil.example",
    "/\\evil.example/",
    "\\\\evil.example/",
    "/\t/evil.example/",
    "\t//evil.example/",
    " //evil.example/",
    "/%09/evil.example/",
    "https:evil.example",
    "https:/evil.example/",
    "http:///evil.example/",
    "https://testserver@evil.example/",
    "https://testserver.evil.example/",
    "https://testserver:x@evil.example/",
    "https://evil.example#testserver",
    "javascript:alert(1)",
    "data:text/html,<script>alert(1)</script>",
    "\x00//evil.example",
    "//evil。example/",
]
OURS = {"", "testserver"}


def leaves(response: Any) -> list[str]:
    """Where the browser would be sent to that is not ours."""
    hops = [
        *(location for location, _ in getattr(response, "redirect_chain", [])),
        response.headers.get("Location", ""),
    ]
    hops.append(response.headers.get("HX-Redirect", ""))
    return [hop for hop in hops if _host(hop) not in OURS]


def _host(address: str) -> str:
    """As browsers read it: a backslash is a slash, blanks at the front and line ends are nothing."""
    read = re.sub(r"[\t\r\n\x00]", "", address).strip().replace("\\", "/")
    parts = urlsplit(read)
    if parts.scheme not in ("", "http", "https"):
        return parts.scheme
    return (
        re.sub(r"^(https?:)?/{2,}", "", read).split("/")[0] if re.match(r"^((https?:)/*|/{2,})", read) else ""
    )


def test_the_judge_of_redirects_knows_other_sites_from_ours() -> None:
    assert [address for address in ELSEWHERE if _host(address) in OURS and "%09" not in address] == []
    assert {_host(path) for path in ("/accounts/", "accounts/", "?next=//evil", "/p/a?x=//b", "")} == {""}


@pytest.mark.parametrize("to", ELSEWHERE)
def test_signing_in_and_out_leads_to_no_other_site(client: Client, ann: User, to: str) -> None:
    for path in ("/user/login/", "/user/signup/", "/user/login/code/", "/admin/login/", "/user/logout/"):
        assert leaves(client.get(path, {"next": to})) == [], path
    signed_in = sign_in(client, next=to)
    assert leaves(signed_in) == []
    assert signed_in.status_code == 302
    for path in (
        "/user/login/",
        "/user/reauthenticate/",
        "/user/2fa/reauthenticate/",
        "/user/password/change/",
    ):
        assert leaves(client.get(path, {"next": to})) == [], path
    assert leaves(client.post("/user/reauthenticate/", {"password": factories.PASSWORD, "next": to})) == []
    assert leaves(client.post("/user/logout/", {"next": to})) == []


@pytest.mark.parametrize("to", ELSEWHERE)
def test_signing_up_and_codes_lead_to_no_other_site(client: Client, ann: User, to: str) -> None:
    client.post("/user/login/code/", {"email": EMAIL, "next": to})
    code = mail.outbox[-1].body.split("\n\n")[1].strip()
    assert leaves(client.post("/user/login/code/confirm/", {"code": code, "next": to})) == []
    new = {"email": "new@example.com", "password1": factories.PASSWORD, "password2": factories.PASSWORD}
    assert leaves(Client().post("/user/signup/", {**new, "next": to})) == []


@pytest.mark.parametrize("to", ELSEWHERE)
def test_a_page_that_lost_its_session_leads_to_no_other_site(client: Client, ann: User, to: str) -> None:
    here = "".join(char for char in to if ord(char) > 31)
    asked = client.get(
        "/manage/", headers={"HX-Request": "true", "HX-Current-URL": f"http://testserver{here}"}
    )
    assert leaves(asked) == []

    signed_in = client.post(asked.headers["HX-Redirect"], {"login": EMAIL, "password": factories.PASSWORD})

    assert leaves(signed_in) == []


# ------------------------------------------------------------------ sessions


def test_signing_in_makes_a_new_session_and_a_new_mark(ann: User) -> None:
    client = Client()
    portal = factories.portal(factories.seat(factories.account(ann)))
    client.get(portal.path)  # a stranger's session, as somebody else could have planted it
    planted, mark = client.cookies["sessionid"].value, client.get("/user/login/").cookies["csrftoken"].value

    signed_in = sign_in(client)

    assert client.cookies["sessionid"].value != planted
    assert signed_in.cookies["csrftoken"].value != mark
    thief = Client()
    thief.cookies["sessionid"] = planted
    assert thief.get("/accounts/").status_code == 302


@pytest.mark.parametrize("way", ["sign-up", "code", "second step"])
def test_every_way_in_makes_a_new_session(ann: User, way: str) -> None:
    client = Client()
    portal = factories.portal(factories.seat(factories.account(ann)))
    if way == "second step":
        secret, _ = enrolled(ann)
    client.get(portal.path)
    planted = client.cookies["sessionid"].value

    if way == "sign-up":
        new = {"email": "new@example.com", "password1": factories.PASSWORD, "password2": factories.PASSWORD}
        client.post("/user/signup/", new)
    elif way == "code":
        client.post("/user/login/code/", {"email": EMAIL})
        code = mail.outbox[-1].body.split("\n\n")[1].strip()
        client.post("/user/login/code/confirm/", {"code": code})
    else:
        sign_in(client)
        client.post("/user/2fa/authenticate/", {"code": code_at(secret, 1)})

    assert client.get("/accounts/").status_code == 200
    assert client.cookies["sessionid"].value != planted
    thief = Client()
    thief.cookies["sessionid"] = planted
    assert thief.get("/accounts/").status_code == 302


def enrolled(user: User) -> tuple[str, list[str]]:
    client = Client()
    sign_in(client)
    return set_up(client)


def test_signing_out_ends_the_session_also_for_whoever_has_copied_it(ann: User) -> None:
    client, thief = Client(), Client()
    sign_in(client)
    thief.cookies["sessionid"] = client.cookies["sessionid"].value
    assert thief.get("/accounts/").status_code == 200

    client.post("/user/logout/")

    assert thief.get("/accounts/").status_code == 302


def test_a_new_password_ends_every_other_session(ann: User) -> None:
    client, thief = Client(), Client()
    sign_in(client)
    sign_in(thief)
    new = {
        "oldpassword": factories.PASSWORD,
        "password1": "quite another phrase",
        "password2": "quite another phrase",
    }

    client.post("/user/password/change/", new)

    assert (client.get("/accounts/").status_code, thief.get("/accounts/").status_code) == (200, 302)


# ------------------------------------------------------------------ headers


def pages_of(client: Client, user: User) -> dict[str, Any]:
    """A page of every kind, also those for when something went wrong."""
    seat = factories.seat(factories.account(user))
    portal, link = factories.portal(seat), map_link_make(seat=factories.tube(seat).side_a)
    paths = {
        *("/", "/user/login/", "/user/signup/", "/accounts/", "/manage/", "/admin/", "/user/2fa/"),
        *("/getting-started/en/", "/no/such/page", "/429", "/500", "/robots.txt", "/healthz", "/user/data/"),
        *(portal.path, reverse("tubes:network-map", args=[link.key]), "/accounts/add/hipchat/", "/sandbox/"),
    }
    found = {path: client.get(path) for path in paths}
    found["no mark"] = Client(enforce_csrf_checks=True).post("/user/login/")
    for number in range(7):
        found["too many"] = sign_in(Client(), password=f"guess {number}")
    assert found["too many"].status_code == 429
    return found


def directives(policy: str) -> dict[str, list[str]]:
    return {name: sources for name, *sources in (part.split() for part in policy.split(";") if part.strip())}


@pytest.mark.parametrize("is_signed_in", [True, False])
def test_every_page_says_what_browsers_may_do_with_it(client: Client, ann: User, is_signed_in: bool) -> None:
    if is_signed_in:
        client.force_login(ann)

    for path, page in pages_of(client, ann).items():
        policy = directives(page["Content-Security-Policy"])
        assert policy["default-src"] == ["'none'"], path
        assert policy["frame-ancestors"] == ["'none'"], path
        assert policy["base-uri"] == ["'none'"], path
        assert policy["form-action"] == ["'self'"], path
        assert {*policy["script-src"], *policy["style-src"]} == {"'self'"}, path
        assert "unsafe" not in page["Content-Security-Policy"], path
        assert page["X-Frame-Options"] == "DENY", path
        assert page["X-Content-Type-Options"] == "nosniff", path
        assert page["Referrer-Policy"] in ("same-origin", "no-referrer"), path
        assert page["Cross-Origin-Opener-Policy"] == "same-origin", path
        assert "camera=()" in page["Permissions-Policy"], path


def test_no_cache_keeps_what_a_session_shows(client: Client, ann: User) -> None:
    client.force_login(ann)

    for path, page in pages_of(client, ann).items():
        if path not in ("no mark", "too many"):
            assert {"no-store", "private"} <= set(page["Cache-Control"].split(", ")), path


def test_cookies_are_for_this_site_and_no_script(ann: User) -> None:
    client = Client()
    sign_in(client)

    assert set(client.cookies) == {"sessionid", "csrftoken", "known_device"}
    for cookie in client.cookies.values():
        assert (cookie["httponly"], cookie["samesite"], cookie["path"], cookie["domain"]) == (
            True,
            "Lax",
            "/",
            "",
        )
