"""How Slack keeps text: what it escapes, what it links, whom it calls, and the blocks it makes of it.

docs.slack.dev, "Formatting message text" and the rich text block.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

Json = dict[str, Any]

# What stands between angle brackets and means something: people, channels, commands, links.
CONTROL = re.compile(r"<((?:[@#!]|https?://|mailto:|tel:)[^<>\s][^<>]*|(?:[@#!])[^<>]+)>")
_BARE_AMPERSAND = re.compile(r"&(?!(?:amp|lt|gt);)")
_BARE_URL = re.compile(r"(?<![\w<|])(https?://[^\s<>|&`]+(?:&amp;[^\s<>|&`]+)*)")
_CALLS = re.compile(r"<(!(?:channel|here|everyone)\b[^>]*|!subteam\^[^>]*|@[UW][A-Z0-9]+[^>]*)>")
_EVERYBODY = re.compile(r"(?<![\w@])@(channel|here|everyone)\b")
_INLINE = re.compile(
    r"<(?P<control>[^<>]+)>|(?<!\w):(?P<emoji>[a-z0-9_+'-]+(?:::skin-tone-[2-6])?):"
    # A blank inside of a sign has it be none, also one that nobody sees.
    r"|(?<!\w)(?P<mark>[*_~`])(?P<marked>(?![\s\u200b])[^*_~`\n<>]+(?<![\s\u200b]))(?P=mark)(?!\w)"
)
_STYLES = {"*": "bold", "_": "italic", "~": "strike", "`": "code"}


def escape(typed: str) -> str:
    """What a person types, as it is kept: three characters escaped, addresses linked."""
    kept = typed.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")
    return _BARE_URL.sub(r"<\1>", kept)


def kept(posted: str, parse: str = "none") -> str:
    """What an app posts, as it is kept: what means something stays, the rest is escaped and linked."""
    if parse == "full":
        posted = _EVERYBODY.sub(r"<!\1>", posted)
    parts = (part if is_control else _BARE_URL.sub(r"<\1>", part) for part, is_control in _escaped(posted))
    return "".join(parts)


def size(posted: str) -> int:
    """How many bytes it takes once it is escaped, as chat.update counts them."""
    return sum(len(part.encode()) for part, _ in _escaped(posted))


def _escaped(posted: str) -> Iterator[tuple[str, bool]]:
    """Its parts, and whether each means something to Slack; the others are escaped."""
    done = 0
    for found in CONTROL.finditer(posted):
        yield _plain(posted[done : found.start()]), False
        yield found[0], True
        done = found.end()
    yield _plain(posted[done:]), False


def _plain(text: str) -> str:
    return _BARE_AMPERSAND.sub("&amp;", text).replace("<", "&lt;").replace(">", "&gt;")


def calls(text: str) -> list[str]:
    """Whom a text pings: `@U123`, `!channel`, `!here`, `!subteam^S1`."""
    return [found.partition("|")[0] for found in _CALLS.findall(text)]


def calls_in(blocks: Any) -> list[str]:
    """Whom blocks ping: by elements of rich text, and by words in mrkdwn."""
    if isinstance(blocks, list):
        return [called for one in blocks for called in calls_in(one)]
    if not isinstance(blocks, dict):
        return []
    match blocks:
        case {"type": "user", "user_id": str(user)}:
            return [f"@{user}"]
        case {"type": "broadcast", "range": str(who)}:
            return [f"!{who}"]
        case {"type": "usergroup", "usergroup_id": str(group)}:
            return [f"!subteam^{group}"]
        case {"type": "mrkdwn", "text": str(words)}:
            return calls(words)
    return [called for value in blocks.values() for called in calls_in(value)]


def unescape(text: str) -> str:
    return text.replace("&lt;", "<").replace("&gt;", ">").replace("&amp;", "&")


def rich_text(text: str, block_id: str) -> list[Json]:
    """The block that Slack makes of one paragraph; none for code blocks, quotes and lists."""
    if not text or "```" in text or re.search(r"^(&gt;|• |\d+\. )", text, re.MULTILINE):
        return []
    elements: list[Json] = []
    done = 0
    for found in _INLINE.finditer(text):
        if found.start() > done:
            elements.append({"type": "text", "text": unescape(text[done : found.start()])})
        elements.append(_element(found))
        done = found.end()
    if done < len(text):
        elements.append({"type": "text", "text": unescape(text[done:])})
    section = {"type": "rich_text_section", "elements": elements}
    return [{"type": "rich_text", "block_id": block_id, "elements": [section]}]


def _element(found: re.Match[str]) -> Json:
    if found["emoji"]:
        name, _, tone = found["emoji"].partition("::skin-tone-")
        return {"type": "emoji", "name": name, **({"skin_tone": int(tone)} if tone else {})}
    if found["mark"]:
        style = {_STYLES[found["mark"]]: True}
        return {"type": "text", "text": unescape(found["marked"]), "style": style}
    target, _, label = found["control"].partition("|")
    match target[0]:
        case "@":
            return {"type": "user", "user_id": target[1:]}
        case "#":
            return {"type": "channel", "channel_id": target[1:]}
        case "!" if target.startswith("!subteam^"):
            return {"type": "usergroup", "usergroup_id": target.removeprefix("!subteam^")}
        case "!":
            return {"type": "broadcast", "range": target[1:]}
    link = {"type": "link", "url": unescape(target)}
    return link | ({"text": unescape(label)} if label else {})
