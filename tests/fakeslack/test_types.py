"""The fake's events beside Slack's own description of them: the TypeScript of the package @slack/types."""

from __future__ import annotations

import re
from typing import Any

import pytest

from tests import slackservers
from tests.fakeslack.conftest import Office
from tests.fakeslack.receiver import Receiver

pytestmark = pytest.mark.xdist_group("slackservers")

Shape = dict[str, Any]  # of what has to be there: by name, of objects their own shape, of all else its type
Kind = tuple[str, str]  # type and subtype
PROPERTY = re.compile(r"\s*(\w+)(\??): (.*)")
# What Slack's events pages have, and this description has not, or has under no subtype of its own.
NOT_DESCRIBED = {
    *(("emoji_changed", subtype) for subtype in ("add", "remove")),
    *(("message", f"group_{what}") for what in ("join", "leave", "name", "topic", "archive", "unarchive")),
    *(("message", f"channel_convert_to_{what}") for what in ("private", "public")),
}


def described() -> dict[Kind, Shape]:
    """What an event of each kind has at least."""
    found: dict[Kind, Shape] = {}
    for path in (slackservers.slack_types() / "events").glob("*.d.ts"):
        for _, body in re.findall(r"interface (\w+) \{\n(.*?)\n\}", path.read_text(), re.DOTALL):
            shape = _shape(iter(body.splitlines()))
            kind, subtype = (_literal(shape.pop(name, "")) for name in ("type", "subtype"))
            if kind:
                found[kind, subtype] = shape
    return found


def _shape(lines: Any) -> Shape:
    """The properties up to the end of their object, but for optional ones."""
    shape: Shape = {}
    for line in lines:
        if line.strip().startswith("}"):
            break
        if given := PROPERTY.match(line):
            name, optional, kind = given.groups()
            value = _shape(lines) if kind.endswith("{") else kind
            if not optional:
                shape[name] = value
        elif line.endswith("{"):
            _shape(lines)  # of whatever name
    return shape


def _literal(kind: Any) -> str:
    found = re.fullmatch(r"'(\w+)';", kind) if isinstance(kind, str) else None
    return found[1] if found else ""


def lacking(told: Any, shape: Shape, place: str = "") -> list[str]:
    """What a description wants and an event does not have."""
    found = [f"{place}{name}" for name in shape if name not in told]
    for name, inner in shape.items():
        if isinstance(inner, dict) and name in told:
            found += lacking(told[name], inner, f"{place}{name}.")
    return found


def everything_happens(office: Office) -> None:
    """Each thing that an app is told of, once."""
    slack, ann, bob, room = office.slack, office.ann, office.bob, office.room
    private = slack.channel("private", ann, office.bot, is_private=True)
    said = slack.say(room, ann, "hello")
    slack.reply(said, ann, "to all", broadcast=True)
    slack.react(said, bob, "tada")
    slack.unreact(said, bob, "tada")
    slack.edit(said, "changed")
    slack.delete(slack.say(room, ann, "gone"))
    slack.say(room, ann, "waves", subtype="me_message")
    slack.post(room, ann, f"<@{office.bot.user.id}> help")
    slack.delete_file(slack.upload(room, ann, "a.png", b"x", "words").files[0])
    office.client().chat_postMessage(channel=room.id, text="posted", username="Carol")
    carol = slack.person("carol")
    for channel in (room, private):
        slack.join(channel, carol, inviter=ann)
        slack.leave(channel, carol)
        slack.rename(channel, f"{channel.name}-2")
        slack.set_topic(channel, "weather")
        slack.archive(channel)
        slack.unarchive(channel)
    _places_change(office)
    slack.leave(private, office.bot)
    slack.leave(room, office.bot)
    slack.delete_channel(room)
    slack.uninstall(office.bot)
    slack.settle()


def _places_change(office: Office) -> None:
    slack, room = office.slack, office.room
    other = slack.workspace("Other")
    slack.connect(room, other)
    slack.disconnect(room, other)
    slack.change_id(room)
    slack.convert(room)
    slack.convert(room)
    slack.change_person(office.ann, display_name="annie")
    slack.add_emoji("parrot", "https://emoji.example/p.gif")
    slack.remove_emoji("parrot")
    slack.rename_workspace(slack.team, "Acme Ltd")


def test_events_have_what_slack_says_that_they_have(office: Office, receiver: Receiver) -> None:
    everything_happens(office)
    shapes, told = described(), receiver.events()
    kinds = {(event["type"], event.get("subtype", "")) for event in told}

    assert len(kinds) > 45
    assert kinds - shapes.keys() == NOT_DESCRIBED
    found = {}
    for event in told:
        kind = (event["type"], event.get("subtype", ""))
        if what := lacking(event, shapes.get(kind, {})):
            found[kind] = what
    assert found == {}
