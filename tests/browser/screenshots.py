"""Pictures of the pages as a newcomer meets them: `python -m tests.browser.screenshots KEPT [FOLDER]`.

On a phone, a tablet and a desk, light and dark. What documents show goes into KEPT: the first screen of a few
pages, in few colours, so that the repository stays small. Into FOLDER go all pages, whole.
"""

import itertools
import sys
from io import BytesIO
from pathlib import Path
from typing import Literal

from PIL import Image
from playwright.sync_api import Browser, ViewportSize

from standalone.throwaway import Sameroom, started
from tests.browser import troubles
from tests.browser.newcomer import Newcomer, browser
from tests.conftest import find_chromium

WIDTHS = (390, 1280)  # of tests; of pictures:
PICTURED = (390, 820, 1440)
HEIGHT = 900
COLOURS = 96  # enough for all but where colours run into each other
Scheme = Literal["light", "dark"]
SCHEMES: tuple[Scheme, ...] = ("light", "dark")
STRANGERS = {
    "home": "/",
    "sign-up": "/user/signup/",
    "sign-in": "/user/login/",
    "help": "/getting-started/en/",
    "help-hipchat": "/getting-started/en/accounts/hipchat",
    "help-matrix": "/getting-started/en/accounts/matrix",
    "help-irc": "/getting-started/en/accounts/irc",
    "help-slack": "/getting-started/en/accounts/slack",
    "help-tubes": "/getting-started/en/tubes-portals/tubes",
    "help-portals": "/getting-started/en/tubes-portals/portals",
    "portal-unknown": "/p/unknown",
    "help-commands": "/getting-started/en/commands",
    "help-first-steps": "/getting-started/en/first-steps",
    "help-options": "/getting-started/en/tubes-portals/posting-options",
    "help-limitations": "/getting-started/en/limitations",
    "help-security": "/getting-started/en/security",
    "help-questions": "/getting-started/en/questions",
    "help-found": "/getting-started/en/?q=renew+token",
    "password-reset": "/user/password/reset/",
    "code": "/user/login/code/",
    "error-400": "/400",
    "error-403": "/403",
    "error-404": "/no-such-page",
    "error-429": "/429",
    "error-500": "/500",
    "sandbox": "/sandbox/",
}
FIRST_VISIT = {
    "accounts-empty": "/accounts/",
    "open-a-tube-empty": "/open-a-tube/",
    "create-a-portal-empty": "/create-a-portal/",
    "manage-empty": "/manage/",
    "add-hipchat": "/accounts/add/hipchat/",
    "add-matrix": "/accounts/add/matrix/",
    "add-irc": "/accounts/add/irc/",
    "add-slack": "/accounts/add/slack/",
    "profile-email": "/user/email/",
    "profile-password": "/user/password/change/",
    "sign-out": "/user/logout/",
}
MONITOR = {
    "monitor": "/admin/operating/watch/",
    "monitor-lost": "/admin/operating/watch/deliveries/?state=lost",
}
AT_WORK = {"accounts": "/accounts/", "open-a-tube": "/open-a-tube/", "manage": "/manage/"}


def shoot(newcomer: Newcomer, folder: Path, pages: dict[str, str], look: str) -> None:
    for name, path in pages.items():
        newcomer.go(path).screenshot(path=folder / f"{name}-{look}.png", full_page=True)


def shoot_current(newcomer: Newcomer, folder: Path, name: str) -> None:
    newcomer.page.screenshot(path=folder / f"{name}.png", full_page=True)


def walk(newcomer: Newcomer, folder: Path, look: str) -> None:
    """The whole way of a newcomer, with a picture at each stop."""
    shoot(newcomer, folder, STRANGERS, look)
    newcomer.sign_up(f"{look}@example.com")
    shoot(newcomer, folder, FIRST_VISIT, look)
    newcomer.add_account("0123456789abcdef0123456789abcd", "Acme")
    shoot_current(newcomer, folder, f"add-hipchat-refused-{look}")
    for group in ("Acme", "Globex"):
        token = newcomer.create_token(group)
        shoot_current(newcomer, folder, f"sandbox-api-access-{look}")
        newcomer.add_account(token, group)
    until_listed(newcomer)
    shoot(newcomer, folder, {f"{name}-linked": path for name, path in AT_WORK.items()}, look)
    newcomer.open_a_tube("Support", "Helpdesk")
    shoot_current(newcomer, folder, f"tube-opened-{look}")
    newcomer.open_a_tube("Watercooler", "Lounge")
    newcomer.go("/create-a-portal/").get_by_role("link", name="Support").click()
    shoot_current(newcomer, folder, f"portal-options-{look}")
    newcomer.page.get_by_role("button", name="Create the Portal").click()
    shoot_current(newcomer, folder, f"portal-created-{look}")
    newcomer.go("/manage/").get_by_role("button", name="Pause").first.click()
    shoot(newcomer, folder, AT_WORK, look)
    newcomer.go("/manage/").get_by_role("link", name="Options").first.click()
    newcomer.page.get_by_role("link", name="Options of").first.click()
    newcomer.page.get_by_label("Authors are shown by").select_option("both")
    newcomer.page.get_by_text("(annlee)").wait_for()
    shoot_current(newcomer, folder, f"options-{look}")
    newcomer.go("/manage/").get_by_role("button", name="Close").first.click()
    shoot_current(newcomer, folder, f"tube-closed-{look}")
    newcomer.page.get_by_role("button", name="Undo").click()
    newcomer.page.get_by_text("are joined again").wait_for()
    newcomer.go("/accounts/").get_by_role("link", name="Remove").first.click()
    shoot_current(newcomer, folder, f"account-remove-{look}")
    room = newcomer.enter_room("Ann Lee", "Support")
    room.say("Hello from Support")
    room.page.screenshot(path=folder / f"sandbox-room-{look}.png", full_page=True)


def walk_through_trouble(newcomer: Newcomer, folder: Path, look: str, sameroom: Sameroom) -> None:
    """What the pages say when things go wrong."""
    email = f"{look}@example.com"
    newcomer.sign_up(email)
    for group in ("Acme", "Globex"):
        newcomer.add_account(newcomer.create_token(group), group)
    until_listed(newcomer)
    for side_a, side_b in troubles.TUBES:
        newcomer.open_a_tube(side_a, side_b)
    troubles.make("lost_and_waiting", email, sameroom)
    shoot(newcomer, folder, {"trouble-manage": "/manage/", "notices": "/manage/notices/"}, look)
    page = newcomer.go("/manage/?state=waiting")
    shoot_current(newcomer, folder, f"manage-narrowed-{look}")
    page = newcomer.go("/manage/?q=lounge")
    page.get_by_role("link", name="Log").first.click()
    shoot_current(newcomer, folder, f"log-{look}")
    page.go_back()
    page.get_by_role("link", name="Map").first.click()
    shoot_current(newcomer, folder, f"map-{look}")
    page = newcomer.go("/manage/")
    page.get_by_role("link", name="See which").click()
    shoot_current(newcomer, folder, f"undelivered-{look}")
    page.get_by_role("link", name="Send again, out of order").click()
    shoot_current(newcomer, folder, f"undelivered-again-{look}")
    page.go_back()
    page.get_by_role("link", name="Send all again").click()
    shoot_current(newcomer, folder, f"undelivered-all-{look}")
    troubles.make("ending", email, sameroom)
    shoot(newcomer, folder, {"ending-accounts": "/accounts/", "ending-manage": "/manage/"}, look)
    newcomer.go("/accounts/").get_by_role("link", name="renew the account").first.click()
    shoot_current(newcomer, folder, f"renew-{look}")
    troubles.make("pushed", email, sameroom)
    shoot(newcomer, folder, {"accounts-pushed": "/accounts/"}, look)
    troubles.make("stopped", email, sameroom)
    newcomer.page.wait_for_timeout(2_500)  # so long the process goes by what it read
    shoot(newcomer, folder, {"stopped-manage": "/manage/"}, look)
    troubles.make("staff", email, sameroom)
    shoot(newcomer, folder, {"stopped-staff": "/manage/", "stopped-admin": "/admin/"}, look)
    troubles.make("watched", email, sameroom)
    shoot(newcomer, folder, MONITOR, look)
    newcomer.page.locator("main tbody th a").first.click()
    shoot_current(newcomer, folder, f"monitor-message-{look}")


def keep(newcomer: Newcomer, kept: Path, name: str) -> None:
    """The first screen of the page as it is, for documents."""
    with Image.open(BytesIO(newcomer.page.screenshot())) as screen:
        few = screen.convert("RGB").quantize(COLOURS, dither=Image.Dither.NONE)
    few.save(kept / f"{name}.png", optimize=True)


def introduce(newcomer: Newcomer, kept: Path, look: str) -> None:
    """The shortest way through, with a picture where there is most to see."""
    newcomer.go("/")
    keep(newcomer, kept, f"home-{look}")
    newcomer.sign_up(f"{look}@example.com")
    newcomer.go("/manage/")
    keep(newcomer, kept, f"first-steps-{look}")
    for group in ("Acme", "Globex"):
        newcomer.add_account(newcomer.create_token(group), group)
    until_listed(newcomer)
    newcomer.go("/open-a-tube/").get_by_role("link", name="Support").click()
    keep(newcomer, kept, f"open-a-tube-{look}")
    for side_a, side_b in (("Support", "Helpdesk"), ("Watercooler", "Lounge")):
        newcomer.open_a_tube(side_a, side_b)
    newcomer.go("/manage/").get_by_role("button", name="Hide these steps").click()
    newcomer.page.get_by_role("button", name="Pause").first.click()
    newcomer.page.get_by_role("button", name="Resume").wait_for()
    keep(newcomer, kept, f"manage-{look}")


def until_listed(newcomer: Newcomer) -> None:
    """Both accounts' rooms are looked up."""
    newcomer.go("/accounts/").get_by_text(", looked up").nth(1).wait_for()


def main(kept: Path, folder: Path | None, chromium: Browser) -> None:
    for width, scheme in itertools.product(PICTURED, SCHEMES):
        look = f"{width}-{scheme}"

        def somebody(sameroom: Sameroom, width: int = width, scheme: Scheme = scheme) -> Newcomer:
            # Pictures of what has come to rest.
            size: ViewportSize = {"width": width, "height": HEIGHT}
            context = chromium.new_context(viewport=size, color_scheme=scheme, reduced_motion="reduce")
            return Newcomer(context, sameroom.address)

        # Each walk gets an installation of its own: a login has one owner.
        with started() as sameroom:
            introduce(somebody(sameroom), kept, look)
        if folder is not None:
            with started() as sameroom:
                walk(somebody(sameroom), folder, look)
            with started(**troubles.WITH_PUSHES) as sameroom:
                walk_through_trouble(somebody(sameroom), folder, look, sameroom)


if __name__ == "__main__":
    places = [Path(argument) for argument in sys.argv[1:]]
    for place in places:
        place.mkdir(parents=True, exist_ok=True)
    path = find_chromium()
    if path is None:
        sys.exit("Pictures need Chromium: apt-get install chromium")
    with browser(path) as chromium:
        main(places[0], places[1] if len(places) > 1 else None, chromium)
