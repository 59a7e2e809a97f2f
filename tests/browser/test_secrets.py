"""Nothing that was to be kept secret is to be found anywhere: a whole day of Sameroom, and then a search.

Searched are what all its processes log at DEBUG, every command that goes to Redis (tasks and their arguments,
rings, budgets, counters), the database's file, and every page that a user or operator can get to.
"""

from __future__ import annotations

import base64
import re
import socket
import sqlite3
import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import quote, urljoin, urlsplit

import pytest
import redis as redis_client
import requests
from playwright.sync_api import Browser, expect

from tests.accounts.test_second_factor import code_at
from tests.browser.newcomer import PASSWORD, Newcomer
from tests.servers import Server
from tests.starting import started
from tests.waiting import until

EMAIL = "ann@example.com"
WRONG_PASSWORD = "planted wrong password"
REFUSED_TOKEN = "PlantedRefusedToken0123456789abcdefghij1"
MATRIX_PASSWORD, MATRIX_TOKEN = "planted matrix password", "syt_planted_matrix_token"
IRC_PASSWORD = "plantedircpassword"
SENTENCE = "A planted sentence that nobody but the two rooms is to read"
NOWHERE = "127.0.0.1:9"
MOST_PAGES = 150
NOT_OURS = (
    "/sandbox",
    "/user/logout",
    "/static",
    "/user/2fa",
    "/admin/logout",
    "/admin/jsi18n",
    "/admin/password",
)


@dataclass
class Ears:
    """Every command that anybody sends to Redis (MONITOR), and the bodies of tasks as before Base64."""

    server: Server
    heard: bytearray = field(default_factory=bytearray)

    def __enter__(self) -> Ears:
        address = urlsplit(self.server.url)
        self.connection = socket.create_connection((address.hostname or "", address.port or 0), timeout=10)
        self.connection.sendall(b"MONITOR\r\n")
        self.connection.settimeout(None)
        self.thread = threading.Thread(target=self._listen, daemon=True)
        self.thread.start()
        return self

    def _listen(self) -> None:
        while piece := self.connection.recv(65536):
            self.heard += piece

    def __exit__(self, *_: object) -> None:
        self.connection.shutdown(socket.SHUT_RDWR)
        self.thread.join(10)
        self.connection.close()

    def text(self) -> str:
        said = self.heard.decode("utf-8", "replace")
        bodies = re.findall(r'body\\*": *\\*"([A-Za-z0-9+/=]{8,})', said)
        return said + "\n".join(base64.b64decode(body).decode("utf-8", "replace") for body in bodies)


@dataclass
class Day:
    """What happened, and where it may have left something."""

    secrets: dict[str, str]
    places: dict[str, str]
    tasks: int


def mails(folder: Path) -> str:
    return "".join(path.read_text() for path in sorted(folder.glob("mail/*")))


def sign_in(newcomer: Newcomer, password: str) -> None:
    page = newcomer.go("/user/login/")
    page.get_by_label("E-mail address").fill(EMAIL)
    page.get_by_label("Password").fill(password)
    page.get_by_role("main").get_by_role("button", name="Sign in").click()


def link_nowhere(newcomer: Newcomer) -> None:
    """Services that do not answer, and one that refuses."""
    newcomer.add_account(REFUSED_TOKEN, "Acme")
    expect(newcomer.page.get_by_text("refused this token").first).to_be_visible()
    for kind, values in {
        "matrix": {"server": f"http://{NOWHERE}", "user": "@ann:example.org", "password": MATRIX_PASSWORD},
        "matrix/": {"server": f"http://{NOWHERE}", "token": MATRIX_TOKEN},
        "irc": {"server": NOWHERE, "nick": "ann", "password": IRC_PASSWORD},
    }.items():
        page = newcomer.go(f"/accounts/add/{kind.strip('/')}/")
        for summary in page.locator("details.folded > summary").all():
            summary.click()
        if kind == "irc":
            page.locator("[name=network]").select_option("own")
        for name, value in values.items():
            page.locator(f"[name={name}]").fill(value)
        page.get_by_role("button", name="Submit").click()
        expect(page.get_by_role("alert").first).to_be_visible()


def set_second_step_up(newcomer: Newcomer) -> dict[str, str]:
    page = newcomer.go("/user/2fa/totp/activate/")
    page.get_by_label("Password").fill(PASSWORD)
    page.get_by_role("button", name="Go on").click()
    secret = page.locator("#totp-secret").input_value()
    page.get_by_label("Code", exact=True).fill(code_at(secret))
    page.get_by_role("button", name="Turn it on").click()
    expect(page.get_by_role("heading", name="Recovery codes")).to_be_visible()
    page.wait_for_load_state()  # a list is taken as far as it has come
    codes = page.locator(".recovery-codes code").all_text_contents()
    return {"key of the app": secret, "recovery code": codes[0], "another recovery code": codes[-1]}


def ask_for_mails(newcomer: Newcomer, folder: Path) -> dict[str, str]:
    """By somebody who is not signed in: a code, and a link to a new password."""
    page = newcomer.go("/user/login/code/")
    page.get_by_label("E-mail address").fill(EMAIL)
    page.get_by_role("main").get_by_role("button").first.click()
    code = until(lambda: re.findall(r"^([A-Z0-9]{4}-[A-Z0-9]{4})$", mails(folder), re.MULTILINE))[-1]
    page = newcomer.go("/user/password/reset/")
    page.get_by_label("E-mail address").fill(EMAIL)
    page.get_by_role("main").get_by_role("button").first.click()
    key = until(lambda: re.findall(r"/password/reset/key/([\w-]+)/", mails(folder)))[-1]
    return {"mailed code": code, "key of the mailed link": key}


def crawl(newcomer: Newcomer) -> str:
    """Everything that links lead to, from Manage, the accounts and the administration."""
    waiting, seen, found = (
        ["/manage/", "/accounts/", "/admin/", "/user/data/", "/user/data/export/"],
        set(),
        [],
    )
    while waiting and len(seen) < MOST_PAGES:
        path = waiting.pop(0)
        if path in seen or path.startswith(NOT_OURS):
            continue
        seen.add(path)
        answer = newcomer.context.request.get(newcomer.address + path)
        text = answer.text()
        found.append(f"{answer.status} {path}\n{text}")
        for link in re.findall(r'href="([^"#]+)', text):
            there = urlsplit(urljoin(newcomer.address + path, link.replace("&amp;", "&")))
            if there.netloc == urlsplit(newcomer.address).netloc:
                waiting.append(there.path + (f"?{there.query}" if there.query else ""))
    assert len(seen) > 60
    return "\n".join(found)


@pytest.fixture(scope="module")
def day(chromium: Browser, redis: Server, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Day]:
    """Signing up, failing to sign in, linking, failing to link, relaying, and a login that ends."""
    folder = tmp_path_factory.mktemp("day")
    with redis_client.Redis.from_url(redis.url) as client:
        client.flushall()
    variables = {
        "REDIS_URL": redis.url,
        "LOG_LEVEL": "DEBUG",
        "LOG_FORMAT": "json",
        "EMAIL_URL": f"filemail:///{folder}/mail",
        "ADMIN_SECOND_STEP": "1",
        "WEB_PROCESSES": "1",
    }
    (folder / "mail").mkdir()
    with Ears(redis) as ears, started(**variables) as sameroom:
        context = chromium.new_context()
        ann = Newcomer(context, sameroom.address)
        ann.sign_up(EMAIL)
        secrets = {
            "password": PASSWORD,
            "wrong password": WRONG_PASSWORD,
            "refused token": REFUSED_TOKEN,
            "Matrix password": MATRIX_PASSWORD,
            "Matrix token": MATRIX_TOKEN,
            "IRC password": IRC_PASSWORD,
            "message": SENTENCE,
        }
        for group in ("Acme", "Globex"):
            secrets[f"token of {group}"] = token = ann.create_token(group)
            ann.add_account(token, group)
        link_nowhere(ann)
        ann.open_a_tube("Support", "Helpdesk")
        here, there = ann.enter_room("Ann Lee", "Support"), ann.enter_room("Dana Fox", "Helpdesk")
        here.say(SENTENCE)
        there.page.get_by_text(SENTENCE).first.wait_for(timeout=40_000)
        secrets |= ask_for_mails(Newcomer(chromium.new_context(), sameroom.address), folder)
        for _ in range(2):
            sign_in(Newcomer(chromium.new_context(), sameroom.address), WRONG_PASSWORD)
        end_login(sameroom.address, secrets["token of Globex"])
        here.say("And one more, for whoever needs a login by now")
        file = sameroom.log.parent / "sameroom.sqlite3"
        until(lambda: ask(file, "SELECT 1 FROM accounts_linkedaccount WHERE status = 'needs_login'"))
        with sqlite3.connect(file, timeout=20) as database:
            database.execute("UPDATE accounts_user SET is_staff = 1, is_superuser = 1")
        secrets |= set_second_step_up(ann)
        secrets |= {
            f"cookie {one['name']}": one["value"] for one in context.cookies() if "known" not in one["name"]
        }
        keys = (sameroom.log.parent / "local-keys.env").read_text()
        secrets |= dict(re.findall(r"^(\w+)=['\"]?([^'\"\n]+)", keys, re.MULTILINE))
        pages = crawl(ann)
        time.sleep(2)
        database_files = sorted(sameroom.log.parent.glob("sameroom.sqlite3*"))
        places = {
            "the logs": sameroom.log.read_text(),
            "Redis": ears.text(),
            "pages": pages,
            "the database": "".join(path.read_bytes().decode("latin-1") for path in database_files),
        }
        tasks = len(re.findall(r"tubes\.tasks|accounts\.tasks", places["Redis"]))
        yield Day(secrets, places, tasks)
        context.close()


def end_login(address: str, token: str) -> None:
    """HipChat takes a token back."""
    done = requests.post(f"{address}/sandbox/_sandbox/expire_token", json={"token": token}, timeout=30)
    assert done.ok, done.text


def ask(file: Path, statement: str) -> list[Any]:
    with sqlite3.connect(f"file:{file}?mode=ro", uri=True, timeout=20) as database:
        return database.execute(statement).fetchall()


def forms(secret: str) -> set[str]:
    """As it may be written: as it is, in an address, in JSON, in Base64."""
    plain = secret.encode()
    return {secret, quote(secret), quote(secret, safe=""), base64.b64encode(plain).decode().rstrip("=")[:-1]}


# A session's cookie is the key of its row; what people said is kept for a while, to be relayed.
ALLOWED = {("the database", "cookie sessionid"), ("the database", "message"), ("pages", "cookie csrftoken")}


@pytest.mark.parametrize("place", ["the logs", "Redis", "pages", "the database"])
def test_no_secret_is_to_be_found(day: Day, place: str) -> None:
    text = day.places[place]

    found = [
        name
        for name, secret in day.secrets.items()
        if (place, name) not in ALLOWED and any(form in text for form in forms(secret))
    ]

    assert found == []


def test_the_search_would_find_something(day: Day) -> None:
    """Where there was nothing to be found in there would be no secrets either."""
    assert len(day.secrets) >= 16
    assert min(len(secret) for secret in day.secrets.values()) >= 8
    assert day.tasks > 10
    assert day.places["the logs"].count('"level": "DEBUG"') > 3
    assert EMAIL in day.places["pages"]
    assert "Helpdesk" in day.places["the database"]
    assert all(len(text) > 2_000 for text in day.places.values())
