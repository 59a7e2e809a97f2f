"""Several messages in one post: how a busy lane catches up when a limit holds it."""

from __future__ import annotations

from collections.abc import Sequence

from connectors.base import OutgoingMessage
from tubes.relay.rendering.steps import Send, Step


def joined(renderings: Sequence[Sequence[Step]], limit: int) -> tuple[int, Send] | None:
    """How many of these consecutive deliveries, from the first on, fit into one post, and that post.

    Each has to be one Send that answers nothing, all under one sender. `limit` counts code points.
    None where fewer than two fit: nothing is to be gained.
    """
    messages: list[OutgoingMessage] = []
    length = -1  # before the first there is no newline
    for steps in renderings:
        message = _alone(steps)
        if message is None or (messages and _sender(message) != _sender(messages[0])):
            break
        length += 1 + len(message.text)
        if length > limit:
            break
        messages.append(message)
    if len(messages) < 2:
        return None
    text = "\n".join(message.text for message in messages)
    name, avatar = _sender(messages[0])
    return len(messages), Send(OutgoingMessage(text, sender_name=name, sender_avatar_url=avatar))


def _alone(steps: Sequence[Step]) -> OutgoingMessage | None:
    """The message of a rendering that is nothing but one plain post."""
    match steps:
        case [Send(message=message)] if message.reply_to is None:
            return message
    return None


def _sender(message: OutgoingMessage) -> tuple[str, str]:
    return message.sender_name, message.sender_avatar_url
