"""What a variable is called stands in settings.py, .env.example and docker-compose.yml: they agree."""

import re
from collections.abc import Callable
from typing import Any

import pytest
from django.core.exceptions import ImproperlyConfigured

from sameroom.env import BROKERS, STORES, Env
from tests.standalone.conftest import ROOT

Read = Callable[[Env, str], Any]

CALL = re.compile(r'(?:\benv(?:\.\w+)?|\brequired|\bone_of)\(\s*"([A-Z][A-Z0-9_]+)"')
LINE = re.compile(r"^#?([A-Z][A-Z0-9_]+)=", re.MULTILINE)


def read(name: str) -> str:
    return (ROOT / name).read_text()


def used_by_settings() -> set[str]:
    return set(CALL.findall(read("sameroom/settings.py") + read("sameroom/env.py")))


def test_example_explains_every_variable_and_no_other() -> None:
    by_compose = set(re.findall(r"\$\{([A-Z_]+)", read("docker-compose.yml"))) - used_by_settings()

    explained = LINE.findall(read(".env.example"))

    assert len(explained) == len(set(explained))
    assert set(explained) == used_by_settings() | by_compose
    assert by_compose == {"POSTGRES_PASSWORD"}


def test_example_copied_as_it_is_changes_nothing() -> None:
    assert [line for line in read(".env.example").splitlines() if line and not line.startswith("#")] == []


def flag(env: Env, name: str) -> bool:
    return env.flag(name, default=True)


def number(env: Env, name: str) -> int:
    return env.int(name, default=7, least=1)


def port(env: Env, name: str) -> int:
    return env.int(name, least=1, most=65_535)


def database(env: Env, name: str) -> str:
    return env.address(name, schemes=STORES)


def networks(env: Env, name: str) -> list[str]:
    return env.networks(name, default=["127.0.0.0/8"])


def mail(env: Env, name: str) -> tuple[str, str, int]:
    found = env.mail(name, default="smtp://127.0.0.1:25")
    return found["EMAIL_HOST"], found["EMAIL_HOST_PASSWORD"], found["EMAIL_PORT"]


def applications(env: Env, name: str) -> list[str]:
    return env.applications(name, default=["echo"])


@pytest.mark.parametrize(
    ("read", "text", "value"),
    [
        (flag, "", True),
        (flag, "0", False),
        (flag, " Off", False),
        (flag, "yes", True),
        (number, "1", 1),
        (database, "", ""),
        (database, "postgresql://me:pw@db/sameroom", "postgresql://me:pw@db/sameroom"),
        (networks, "10.1.0.0/16, 192.168.7.9,", ["10.1.0.0/16", "192.168.7.9"]),
        (Env.pairs, "", {}),
        (
            Env.pairs,
            "https://chat=https://a.example, b=c=d",
            {"https://chat": "https://a.example", "b": "c=d"},
        ),
        (mail, "", ("127.0.0.1", None, 25)),
        (mail, "smtp+tls://me:pw@mail.example:587", ("mail.example", "pw", 587)),
        (applications, "irc, stub.connector", ["connectors.irc", "stub.connector"]),
    ],
)
def test_variable_is_read(monkeypatch: pytest.MonkeyPatch, read: Read, text: str, value: object) -> None:
    monkeypatch.setenv("SOME", text)

    assert read(Env(), "SOME") == value


@pytest.mark.parametrize(
    ("read", "value"),
    [
        *((flag, True), (number, 7), (database, ""), (networks, ["127.0.0.0/8"]), (Env.pairs, {})),
        *((mail, ("127.0.0.1", None, 25)), (applications, ["connectors.echo"])),
    ],
)
def test_variable_that_is_not_set_is_its_default(read: Read, value: object) -> None:
    assert read(Env(), "SET_NOWHERE") == value


MAIL = (
    "SOME cannot be read; write it as smtp+tls://user:password@host:587. Signs such as @ and / in a password "
    "are written as %40 and %2F."
)


@pytest.mark.parametrize(
    ("read", "text", "sentence"),
    [
        (flag, "enabled", "SOME is 'enabled'; it has to be 1 (yes) or 0 (no)."),
        (number, "many", "SOME is 'many'; it has to be a whole number."),
        (number, "0", "SOME is 0; it has to be 1 or more."),
        (number, "-3", "SOME is -3; it has to be 1 or more."),
        (port, "99999", "SOME is 99999; it has to be from 1 to 65535."),
        (database, "nowhere", "SOME has to begin with sqlite://, postgresql:// or postgres://."),
        (database, "mysql://me:pw@db/x", "SOME has to begin with sqlite://, postgresql:// or postgres://."),
        (
            lambda env, name: env.address(name, schemes=BROKERS),
            "redis:6379",
            "SOME has to begin with redis://, rediss://, redis+socket://, amqp://, amqps:// or memory://.",
        ),
        (
            networks,
            "10.1.0.0/16,office",
            "SOME names 'office', which is no network; write one as 10.1.0.0/16 or 192.168.7.9/32.",
        ),
        (Env.pairs, "https://chat", "SOME holds 'https://chat', of which it does not say what it means."),
        (mail, "mail.example", MAIL),
        (mail, "smtp://me:pw@h:x", MAIL),
        (applications, "irc,telex", "SOME names 'telex'; there is no package connectors.telex."),
        (applications, "no.such", "SOME names 'no.such'; there is no package no.such."),
    ],
)
def test_variable_that_cannot_be_read_is_said_in_a_sentence(
    monkeypatch: pytest.MonkeyPatch, read: Read, text: str, sentence: str
) -> None:
    monkeypatch.setenv("SOME", text)

    with pytest.raises(ImproperlyConfigured) as refused:
        read(Env(), "SOME")
    assert str(refused.value) == sentence
