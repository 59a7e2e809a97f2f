"""From nothing to a relayed message, in a browser, against the very process that `make run` starts."""

from playwright.sync_api import expect

from tests.browser.newcomer import Newcomer


def test_from_signing_up_to_talking_through_a_tube(visitor: Newcomer) -> None:
    visitor.sign_up("newcomer@example.com")
    for group in ("Acme", "Globex"):
        visitor.add_account(visitor.create_token(group), group)
        expect(visitor.page.get_by_text(f"@ {group} is linked.")).to_be_visible()
    visitor.open_a_tube("Support", "Helpdesk")

    here, there = visitor.enter_room("Ann Lee", "Support"), visitor.enter_room("Dana Fox", "Helpdesk")
    here.say("Has the parcel left?")
    there.sees("[Ann Lee, Acme] Has the parcel left?")
    there.say("An hour ago.")
    here.sees("[Dana Fox, Globex] An hour ago.")
    for number in range(1, 6):
        here.say(f"line {number}")
    there.sees("[Ann Lee, Acme] line 5")
    arrived = there.page.locator("main").get_by_text("[Ann Lee, Acme] line").all_inner_texts()
    assert sorted(arrived) == [f"[Ann Lee, Acme] line {number}" for number in range(1, 6)]

    manage = visitor.go("/manage/")
    row = manage.get_by_role("listitem").filter(has_text="Support")
    expect(row).to_contain_text("Active")
    row.get_by_role("button", name="Pause").click()
    expect(row).to_contain_text("Paused")
    here.say("nobody hears this")
    manage.wait_for_timeout(2_000)
    row.get_by_role("button", name="Resume").click()
    expect(row).to_contain_text("Active")
    here.say("now they do")
    there.sees("[Ann Lee, Acme] now they do")
    expect(there.page.get_by_text("nobody hears this")).to_have_count(0)

    row.get_by_role("button", name="Close").click()
    expect(manage.get_by_text("is closed")).to_be_visible()
    here.say("after closing")
    manage.wait_for_timeout(2_000)
    expect(there.page.get_by_text("after closing")).to_have_count(0)

    for room in (here, there):
        expect(room.page.get_by_text("[Sameroom Bot")).to_have_count(0)
    assert visitor.console == []


def test_a_mistyped_token_is_explained_beside_its_field(visitor: Newcomer) -> None:
    visitor.sign_up("mistyper@example.com")

    visitor.add_account("0123456789abcdef0123456789abcd", "Acme")

    expect(visitor.page.get_by_text("API v1").first).to_be_visible()
    expect(visitor.page.get_by_label("Team name")).to_have_value("Acme")
    visitor.go("/accounts/")
    expect(visitor.page.get_by_role("heading", name="Remove")).to_have_count(0)


def test_operators_sign_in_by_the_page_of_everybody(visitor: Newcomer) -> None:
    """Django's own login would know no limit of tries, no codes and no second factor."""
    page = visitor.go("/admin/")

    expect(page.get_by_role("button", name="Sign in")).to_be_visible()
    assert visitor.console == []
