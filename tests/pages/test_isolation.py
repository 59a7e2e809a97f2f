"""Nobody sees another user's objects: generated from the table of addresses, so that a new one is in it."""

from collections.abc import Callable, Iterator
from typing import Any

import pytest
from django.urls import URLPattern, URLResolver, get_resolver, reverse

from tests import factories
from tubes.codes import code_of
from tubes.models import Mute, Tube

NAMESPACES = ("accounts", "tubes")

# Whose code a parameter is: an object of the given user's.
OWNED: dict[str, Callable[[Any], str]] = {
    "account_code": lambda owner: factories.account(owner).code,
    "listing_code": lambda owner: factories.listing(factories.account(owner)).code,
    "tube_code": lambda owner: factories.tube(factories.seat(factories.account(owner))).code,
    "seat_code": lambda owner: factories.tube(factories.seat(factories.account(owner))).side_a.code,
    "notice_code": lambda owner: code_of(factories.notice(factories.seat(factories.account(owner)))),
    "portal_key": lambda owner: factories.portal(factories.seat(factories.account(owner))).key,
    "asked_code": lambda owner: (
        factories.portal_request(factories.portal(factories.seat(factories.account(owner)))).code
    ),
    "request_code": lambda owner: factories.portal_request(None, factories.account(owner)).code,
    "mute_code": lambda owner: code_of(muted_at(Tube.objects.owned_by(owner).latest("pk"))),
    "delivery_code": lambda owner: code_of(lost_at(Tube.objects.owned_by(owner).latest("pk"))),
}


def lost_at(tube: Tube) -> Any:
    """What did not arrive at Side A of the Tube that the same address names."""
    return factories.delivery(factories.event(tube.side_b.room), tube.side_a, status="failed")


def muted_at(tube: Tube) -> Any:
    """An author who is muted at Side A of the Tube that the same address names."""
    return Mute.objects.create(seat=tube.side_a, kind="echo", space="echo#acme", author_id="eve")


def portal_of_a_third() -> str:
    return factories.portal().key


# Parameters that name nobody's object, or one that is open to everybody: a value, and why it needs no owner.
OPEN: dict[str, tuple[str | Callable[[], str], str]] = {
    "visited_key": (portal_of_a_third, "whoever holds a Portal's address may follow it"),
    "kind": ("echo", "a service, the same for everybody"),
    "secret": ("wrong", "part of an address that only a service knows"),
    "key": ("wrong", "whoever holds the address of a file or of a map may open it, for a day"),
    "name": ("plan.pdf", "what such a file is called"),
    "shared_code": ("no-such-code", "an account that anybody may invite; what it shows is the viewer's own"),
    "invitation_code": ("no-such-code", "whoever holds the link may use it"),
}
# Services call these: whoever knows the secret, in the address and in the signature.
FOR_SERVICES = {"tubes:hook", "tubes:service-hook"}
OPEN_TO_STRANGERS = {
    "accounts:invitation-accept",
    "tubes:linked-file",
    "tubes:network-map",
    "tubes:portal-visit",
    "tubes:portal-slash",
} | FOR_SERVICES


def addresses() -> Iterator[tuple[str, tuple[str, ...]]]:
    """The name and the parameters of every address of our own apps."""
    for resolver in get_resolver().url_patterns:
        if isinstance(resolver, URLResolver) and resolver.namespace in NAMESPACES:
            for pattern in resolver.url_patterns:
                assert isinstance(pattern, URLPattern)
                yield f"{resolver.namespace}:{pattern.name}", tuple(pattern.pattern.converters)


ADDRESSES = dict(addresses())
WITH_OBJECT = sorted(name for name, parameters in ADDRESSES.items() if set(parameters) - set(OPEN))


def path_of(name: str, owner: Any) -> str:
    values = {}
    for parameter in ADDRESSES[name]:
        if parameter not in OWNED and parameter not in OPEN:
            pytest.fail(
                f"{name} has the new parameter {parameter!r}: add a factory for it to OWNED in {__file__}, "
                "or to OPEN with the reason why it belongs to nobody."
            )
        if parameter in OWNED:
            values[parameter] = OWNED[parameter](owner)
        else:
            values[parameter] = open_value(parameter)
    return reverse(name, kwargs=values)


def open_value(parameter: str) -> str:
    value = OPEN[parameter][0]
    return value() if callable(value) else value


def test_addresses_are_found():
    assert {"accounts:account-remove", "tubes:tube-close", "tubes:tube-open-side-b"} <= set(WITH_OBJECT)


@pytest.mark.parametrize("name", WITH_OBJECT)
def test_object_of_another_user_is_not_there(page, name):
    path = path_of(name, factories.user())

    answers = [page.get(path).status_code, page.post(path).status_code]

    # 405: a method that this address takes from nobody.
    assert 404 in answers
    assert set(answers) <= {404, 405}


WITH_SEVERAL = sorted(name for name in WITH_OBJECT if len(set(ADDRESSES[name]) & set(OWNED)) > 1)


@pytest.mark.parametrize("name", WITH_SEVERAL)
def test_object_of_another_user_is_not_reached_by_way_of_ones_own(page, ann, name):
    """As `/my-tube/their-message/`: each part of the address alone is of another user."""
    other = factories.user()
    for owner in (ann, other):
        factories.tube(factories.seat(factories.account(owner)))

    for theirs in set(ADDRESSES[name]) & set(OWNED):
        values = {
            part: OWNED[part](other if part == theirs else ann) if part in OWNED else open_value(part)
            for part in ADDRESSES[name]
        }
        path = reverse(name, kwargs=values)

        answers = {page.get(path).status_code, page.post(path).status_code}

        assert 404 in answers, (theirs, answers)
        assert answers <= {404, 405}, (theirs, answers)


@pytest.mark.parametrize("name", sorted(set(WITH_OBJECT) - FOR_SERVICES))
def test_own_object_is_there(page, ann, name):
    path = path_of(name, ann)

    statuses = {page.get(path).status_code, page.post(path).status_code}

    assert statuses <= {200, 302, 405}


ACTS = {
    "accounts:account-refresh": "accounts:account-list",
    "tubes:room-enter": "tubes:tube-open",
    "tubes:room-enter-side-b": "tubes:tube-open",
    "tubes:portal-enter": "tubes:portal-create",
    "tubes:portal-approve": "tubes:tube-list",
    "tubes:portal-decline": "tubes:tube-list",
    "tubes:portal-withdraw": "tubes:tube-list",
    "tubes:map-make": "tubes:tube-list",
    "tubes:mute-remove": "tubes:tube-list",
    "tubes:tube-pause": "tubes:tube-list",
    "tubes:tube-resume": "tubes:tube-list",
    "tubes:tube-retry": "tubes:tube-list",
    "tubes:tube-close": "tubes:tube-list",
    "tubes:tube-reopen": "tubes:tube-list",
    "tubes:portal-restore": "tubes:tube-list",
    "tubes:notice-restore": "tubes:tube-list",
    "tubes:first-steps-end": "tubes:tube-list",
    "tubes:first-steps-again": "tubes:tube-list",
    "tubes:notice-dismiss": "tubes:tube-list",
    "tubes:notices-dismiss": "tubes:tube-list",
}


@pytest.mark.parametrize("name", sorted(set(ADDRESSES) - OPEN_TO_STRANGERS))
@pytest.mark.parametrize("method", ["get", "post"])
def test_stranger_is_sent_to_sign_in(client, db, name, method):
    path = path_of(name, factories.user())

    response = getattr(client, method)(path)

    # After signing in: the page itself, or for an address that only acts, the list it leads to.
    back = reverse(ACTS[name]) if name in ACTS else path
    if name == "tubes:portal-visit-enter":
        back = path.partition("/enter/")[0]
    assert (response.status_code, response["Location"]) == (302, f"{reverse('account_login')}?next={back}")
