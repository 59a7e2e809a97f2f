"""Several messages in one post: how a busy lane catches up when a limit holds it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from connectors.base import Connector, OutgoingMessage
from connectors.markup import plain
from connectors.markup.tree import Document
from tubes.relay.rendering.steps import Send, Step


def joined(renderings: Sequence[Sequence[Step]], connector: Connector) -> tuple[int, Send] | None:
    """How many of these consecutive deliveries, from the first on, fit into one post, and that post.

    Each has to be one Send that answers nothing, all under one sender. None where fewer than two fit:
    nothing is to be gained.
    """
    messages: list[OutgoingMessage] = []
    post: OutgoingMessage | None = None
    for steps in renderings:
        message = _alone(steps)
        if message is None or (post and _sender(message) != _sender(post)):
            break
        longer = _with(post, message)
        if connector.length(longer) > connector.capabilities.max_text_length:
            break
        post = longer
        messages.append(message)
    return (len(messages), Send(post)) if post and len(messages) > 1 else None


def _with(post: OutgoingMessage | None, message: OutgoingMessage) -> OutgoingMessage:
    if post is None:
        return message
    rings = post.rings_everybody or message.rings_everybody
    if post.body is None or message.body is None:
        return replace(post, text=f"{post.text}\n{message.text}", rings_everybody=rings)
    body = Document((*post.body.blocks, *message.body.blocks))
    return replace(post, text=plain.render(body), body=body, rings_everybody=rings)


def _alone(steps: Sequence[Step]) -> OutgoingMessage | None:
    """The message of a rendering that is nothing but one plain post."""
    match steps:
        case [Send(message=message)] if message.reply_to is None:
            return message
    return None


def _sender(message: OutgoingMessage) -> tuple[str, str]:
    return message.sender_name, message.sender_avatar_url
