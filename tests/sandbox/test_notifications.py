"""Notifications and their cards, as the API takes them."""

import json

import pytest

CARD = {"style": "application", "id": "1", "title": "T"}


@pytest.fixture
def notify(api):
    """Send one and read it back."""
    sender = api.with_scopes("send_notification")

    def notify(**body):
        answer = sender.post(f"room/{api.room.id}/notification", {"message": "hi"} | body)
        assert answer.status_code == 204, answer.text
        return api.latest()[-1]

    return notify


@pytest.fixture
def refused(api):
    sender = api.with_scopes("send_notification")

    def refused(**body):
        return sender.post(f"room/{api.room.id}/notification", {"message": "hi"} | body).status_code

    yield refused
    assert api.latest() == []


def test_plain_one_is_yellow_html(notify):
    item = notify()
    assert (item["color"], item["message_format"], item["type"]) == ("yellow", "html", "notification")
    assert {"attach_to", "card"}.isdisjoint(item)


def test_null_is_as_good_as_nothing(notify):
    item = notify(color=None, message_format=None, attach_to=None, card=None, notify=None, **{"from": None})
    assert (item["from"], item["color"]) == ("Ann Lee", "yellow")


def test_random_colour_is_one_of_them(notify):
    assert notify(color="random")["color"] in ("yellow", "green", "red", "purple", "gray")


@pytest.mark.parametrize("value", [True, False, "true", "False"])
def test_notify_may_be_a_string(notify, value):
    assert notify(notify=value)["message"] == "hi"


@pytest.mark.parametrize(
    ("given", "kept"),
    [
        ('<a href="http://x/" onclick="y">z</a>', '<a href="http://x/">z</a>'),
        ("<script>alert(1)</script>ok<h1>big</h1>", "okbig"),
        ('<span style="color:red;position:fixed">x</span>', '<span style="color:red">x</span>'),
        ('<a href="javascript:x">x</a>', "<a>x</a>"),
        ("<b>bold</b><br><em>em</em>", "<b>bold</b><br><em>em</em>"),
        ('<img src="http://x/y.png" alt="a" onload="b">', '<img src="http://x/y.png" alt="a">'),
    ],
)
def test_html_is_reduced_to_what_hipchat_allowed(notify, given, kept):
    assert notify(message=given)["message"] == kept


def test_text_is_not_touched_and_mentions(notify):
    item = notify(message="<b> @bo &amp;", message_format="text")
    assert item["message"] == "<b> @bo &amp;"
    assert [user["name"] for user in item["mentions"]] == ["Bo Ray"]
    assert notify(message="@bo")["mentions"] == []


def test_attachment_names_a_message(notify, api):
    (message,) = api.say("A")
    assert notify(attach_to=message.id)["attach_to"] == message.id


def test_card_arrives_as_a_string_with_its_html_reduced(notify):
    card = CARD | {
        "description": {"value": "<b>x</b><br>y<script>z</script>", "format": "html"},
        "activity": {"html": '<i onclick="x">went</i><img src="y">'},
        "attributes": [{"label": "Priority", "value": {"label": "High", "style": "lozenge-error"}}],
    }
    told = json.loads(notify(card=card)["card"])
    assert told["description"]["value"] == "<b>x</b>y"
    assert told["activity"]["html"] == "<i>went</i>"
    assert told["attributes"] == card["attributes"]
    text = CARD | {"description": "a < b"}
    assert json.loads(notify(card=text)["card"]) == text


@pytest.mark.parametrize(
    "wrong",
    [
        {"message": ""},
        {"message": "x" * 10_001},
        {"message": None},
        {"message_format": "rtf"},
        {"color": "blue"},
        {"notify": "perhaps"},
        {"from": "x" * 65},
        {"attach_to": "x" * 36},
        {"card": "text"},
        {"card": CARD | {"style": "poster"}},
        {"card": {"style": "file", "title": "T"}},
        {"card": CARD | {"title": 5}},
        {"card": CARD | {"format": "huge"}},
    ],
)
def test_what_makes_no_sense_is_refused(refused, wrong):
    assert refused(**wrong) == 400
