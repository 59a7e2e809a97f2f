"""Accounts of Sameroom's own, and leaving, in a browser: two people, one of whom has no account of theirs."""

import json
import os
import subprocess
import sys
from pathlib import Path

from playwright.sync_api import Browser, expect

from sameroom.env import BASE_DIR
from standalone.throwaway import Sameroom
from tests.browser.newcomer import PASSWORD, Newcomer


def share(sameroom: Sameroom, owner: str, token: str) -> None:
    """What an operator does at a terminal, the token from standard input."""
    environment = {"PATH": os.environ["PATH"], "LOCAL": "1", "VAR_DIR": str(sameroom.log.parent)}
    environment |= {"PUBLIC_URL": sameroom.address}
    command = [sys.executable, "manage.py", "bot_account", "add", "hipchat", "--owner", owner]
    subprocess.run(
        [*command, "--set", f"server={sameroom.address}/sandbox", "--set", "team_name=Acme"],
        cwd=BASE_DIR,
        env=environment,
        input=token.encode(),
        check=True,
        capture_output=True,
    )


def test_a_room_is_joined_through_an_account_of_sameroom_s_own(chromium: Browser, sameroom: Sameroom) -> None:
    operator = Newcomer(chromium.new_context(), sameroom.address)
    operator.sign_up("operator@example.com")
    share(sameroom, "operator@example.com", operator.create_token("Acme"))
    visitor = Newcomer(chromium.new_context(), sameroom.address)
    visitor.sign_up("karl@example.com")

    page = visitor.go("/accounts/")
    page.get_by_role("link", name="Sameroom Bot").click()
    page.get_by_label("The room’s name").fill("support")
    page.get_by_role("button", name="Get a code").click()
    code = page.get_by_label("Code").input_value()
    expect(page.get_by_text("Good until")).to_be_visible()
    visitor.enter_room("Ann Lee", "Support").say(f"our code: {code}")
    expect(page.get_by_role("link", name="Open a Tube from it")).to_be_visible()
    page.get_by_role("link", name="Open a Tube from it").click()
    expect(page.get_by_role("heading", name="Open a Tube")).to_be_visible()

    operator.go("/open-a-tube/")
    expect(operator.page.get_by_text("Support")).to_have_count(0)
    assert [line for line in visitor.console if line.startswith("error")] == []
    visitor.context.close()
    operator.context.close()


def test_somebody_takes_their_data_along_and_leaves(chromium: Browser, sameroom: Sameroom) -> None:
    visitor = Newcomer(chromium.new_context(), sameroom.address)
    visitor.sign_up("leaver@example.com")
    page = visitor.go("/accounts/")
    page.locator(".menu-wide summary").click()
    page.get_by_role("link", name="Your data").click()
    with page.expect_download() as download:
        page.get_by_role("link", name="Download your data").click()
    document = json.loads(Path(download.value.path()).read_text())
    assert document["profile"]["email"] == "leaver@example.com"

    page.get_by_role("link", name="Delete your user").click()
    page.get_by_label("Password").fill(PASSWORD)
    page.get_by_role("button", name="Go on").click()
    page.get_by_label("Your e-mail address").fill("leaver@example.com")
    page.get_by_role("button", name="Delete everything").click()
    expect(page.get_by_text("Your user and everything of yours is deleted.")).to_be_visible()

    page.goto(f"{sameroom.address}/accounts/")
    expect(page.get_by_role("button", name="Sign in")).to_be_visible()
    assert [line for line in visitor.console if line.startswith("error")] == []
    visitor.context.close()
