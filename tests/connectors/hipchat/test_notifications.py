import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from connectors.hipchat.cards import with_card
from connectors.hipchat.connector import HipChatConnector
from connectors.markup import plain
from connectors.markup.tree import normal_form
from tests.connectors.hipchat.harness import HipChatHarness
from tests.connectors.hipchat.items import ANN, event, notification, rendered, said
from tests.connectors.test_markup_html import growth

CI = "https://ci.example/42"
json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text() | st.sampled_from(["html", CI]),
    lambda inner: (
        st.lists(inner) | st.dictionaries(st.sampled_from(["label", "value", "url", "html", "format"]), inner)
    ),
    max_leaves=5,
)
cards = st.dictionaries(
    st.sampled_from(["title", "url", "description", "attributes", "activity", "thumbnail"]), json_values
)


def with_the(card: object, **changes: object) -> str:
    return said(notification(**({"message": "", "card": json.dumps(card)} | changes)))


# ------------------------------------------------------------------ the message


def test_html_is_read_as_html() -> None:
    html = f'<b>Build</b> <a href="{CI}">#42</a> &amp; co<br>passed<script>x()</script>'

    assert said(notification(message=html)) == f"Build #42 ({CI}) & co\npassed"


@pytest.mark.parametrize("message_format", ["text", None, "markdown"])
def test_any_other_format_is_read_as_what_a_user_types(message_format: str | None) -> None:
    told = notification(message_format=message_format, message="/code <b>@Ann</b> &amp;", mentions=[ANN])

    assert said(told) == "<b>@Ann</b> &amp;"
    assert said(told | {"message": "@ann (heart)"}) == "@ann ❤️"


def test_names_and_emoticons_in_html_are_text() -> None:
    found = event(notification(message="@all /me (heart)"))

    assert found is not None
    assert found.body == plain.parse("@all /me (heart)")


def test_its_author_has_a_name_and_no_id() -> None:
    found = event(notification(message="x", color="red"))

    assert found is not None
    assert (found.author.id, found.author.name) == ("", "Jenkins")


@pytest.mark.parametrize(
    "changes",
    [
        {"message": None},
        {"message": " <b> </b><br> "},
        {"message": None, "card": json.dumps({"title": "deleted with its message"})},
        {"attach_to": "i-0", "notification_sender": {"type": "addon", "id": "hipchat-clinky"}},
    ],
)
def test_what_is_not_relayed(changes: dict[str, object]) -> None:
    assert event(notification(**changes)) is None


@pytest.mark.parametrize(
    "changes",
    [
        {"notification_sender": {"type": "addon", "id": "hipchat-clinky"}},
        {"attach_to": "i-0"},
        {"attach_to": "i-0", "notification_sender": "hipchat-clinky"},
    ],
)
def test_only_the_unfurlers_answers_to_a_link_are_noise(changes: dict[str, object]) -> None:
    assert said(notification(message="kept", **changes)) == "kept"


# ------------------------------------------------------------------ cards


def test_a_card_adds_what_the_message_does_not_say() -> None:
    card = {
        "style": "application",
        "id": "c42",
        "title": "Build #42",
        "url": CI,
        "description": {"format": "html", "value": "took <b>3</b> min &amp; a bit"},
        "attributes": [
            {"label": "State", "value": {"label": "ok", "style": "lozenge-success"}},
            {"label": "Branch", "value": {"label": "main", "url": "https://git.example/main"}},
            {"value": {"label": "nightly"}},
            {"label": "Retries", "value": 0},
        ],
        "activity": {"html": "<b>Jenkins</b> built it", "icon": "https://ci.example/icon.png"},
        "thumbnail": {"url": "https://ci.example/thumb.png"},
        "icon": {"url": "https://ci.example/icon.png"},
    }

    assert with_the(card, message="Done") == "\n".join(
        [
            "Done\n\nJenkins built it",
            f"Build #42 ({CI})",
            "took 3 min & a bit",
            "State: ok",
            "Branch: main (https://git.example/main)",
            "nightly",
            "Retries: 0",
        ]
    )


@pytest.mark.parametrize(
    ("description", "text"),
    [
        ("<b>literal</b> &amp;", "<b>literal</b> &amp;"),
        ({"format": "text", "value": "<b>literal</b>"}, "<b>literal</b>"),
        ({"value": "<i>literal</i>"}, "<i>literal</i>"),
        ({"format": "html", "value": "a<ul><li>b</ul>"}, "a\n\n- b"),
        (7, "7"),
        (True, ""),
        ({"value": None}, ""),
    ],
)
def test_a_description_is_text_or_html(description: object, text: str) -> None:
    assert with_the({"description": description}) == text


@pytest.mark.parametrize(
    ("message", "card", "text"),
    [
        (
            f'Build <a href="{CI}">#42</a> passed',
            {"title": "Build #42", "url": CI},
            f"Build #42 ({CI}) passed",
        ),
        ("Build #42 passed", {"title": "Build #42", "url": CI}, f"Build #42 passed\n\nBuild #42 ({CI})"),
        ("Build #42 passed", {"title": "Build #4"}, "Build #42 passed\n\nBuild #4"),
        ("build 42", {"title": "Build #42", "url": CI}, f"Build #42 ({CI})"),
        ("State: OK!", {"attributes": [{"label": "State", "value": "ok"}]}, "State: OK!"),
        ("✅", {"title": "✅"}, "✅"),
        ("✅", {"title": "❌"}, "✅\n\n❌"),
    ],
)
def test_nothing_is_said_twice(message: str, card: object, text: str) -> None:
    assert with_the(card, message=message) == text


@pytest.mark.parametrize(
    "card",
    [
        "{broken",
        "",
        "7",
        "null",
        '"words"',
        "[]",
        "[" * 100_000,
        7,
        None,
        [],
        '{"title": ["x"], "url": {}, "description": [], "attributes": {}, "activity": "x"}',
        '{"attributes": ["x", null, {}], "activity": {"html": null}}',
    ],
)
def test_a_card_that_cannot_be_read_leaves_the_message_alone(card: object) -> None:
    assert said(notification(message="Build <b>passed</b>", card=card)) == "Build passed"


def test_a_card_that_is_an_object_is_read_too() -> None:
    assert said(notification(message="", card={"title": "T"})) == "T"


def test_a_title_is_cleaned() -> None:
    assert with_the({"title": "a\u2028b\x00\ud800", "description": "x\r\n"}) == "a\nb\ufffd\nx"


def test_an_address_that_is_no_page_is_left_out() -> None:
    assert with_the({"title": "T", "url": "javascript:alert(1)"}) == "T"


@given(cards, st.text())
def test_any_card_becomes_a_document(card: object, message: str) -> None:
    document = with_card(plain.parse(message), json.dumps(card))

    assert document == normal_form(document)


@pytest.mark.parametrize("piece", [{"label": "a", "value": "b"}, {"value": {"label": "x", "url": CI}}])
def test_the_time_grows_with_the_card(piece: object) -> None:
    def work(text: str) -> object:
        card = json.dumps({"attributes": [piece] * (len(text) // 32)})
        return with_card(plain.parse("word " * 2000), card)

    assert growth(work, "x") < 4


# ------------------------------------------------------------------ by the real server


def test_notifications_arrive_with_their_cards(hipchat: HipChatHarness, connector: HipChatConnector) -> None:
    """Quirks 1, 6, 7: `from` is a string, a card is a string of JSON, each link is answered twice."""
    post, room = hipchat.world.post_notification, hipchat.room_record.id
    said = hipchat.say("see https://a.example")
    post(room, "Link", "<b>A page</b>", sender_id="hipchat-clinky", attach_to=said)
    card = {"style": "application", "id": "c", "title": "Build #42", "url": CI}
    post(room, "Jenkins", "Build <b>passed</b>", card=card, label="nightly")

    events = connector.recent(hipchat.room).events

    assert rendered(events) == ["see https://a.example", f"Build passed\n\nBuild #42 ({CI})"]
    assert [event.author.name for event in events][1] == "Jenkins · nightly"


def test_a_malformed_card_takes_nothing_away(hipchat: HipChatHarness, connector: HipChatConnector) -> None:
    """Quirk 6."""
    hipchat.world.post_notification(
        hipchat.room_record.id, "Jenkins", "passed", card={"id": "c", "title": "T"}
    )
    hipchat.fault(path="/history/latest", malformed_card=True)

    assert rendered(connector.read_after(hipchat.room, None).events) == ["passed"]
