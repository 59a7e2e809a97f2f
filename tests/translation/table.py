"""All cases between all services, as a page: `python -m tests.translation`."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path

from tests.ircservers import Ircd
from tests.translation.cases import CASES
from tests.translation.services import Post, Service, all_services, without_ids
from tests.translation.trying import Trial

CODES = {"\x02": "^B", "\x1d": "^]", "\x1e": "^^", "\x11": "^Q", "\x0f": "^O"}  # IRC's formatting
MOST, SHOWN = 300, 60  # characters: what is longer is shown by its beginning
PAGE = Path(__file__).parents[2] / "docs" / "translation.md"
HEAD = """# What arrives

What people do at one service, and what stands in the room at the other afterwards, as that service itself
tells it. Made by doing it: `python -m tests.translation` links rooms of the HipChat sandbox, of a real Matrix
homeserver, of a real IRC server, of a Slack of our own and of two scripted services, and a test compares this
page with what it finds.

At IRC each line is a message of its own, heard by somebody in the channel. Its formatting codes are written
here as `^B` (bold), `^]` (italics), `^Q` (monospace) and `^O` (all off). "Rings" says whose client calls
them: at IRC that of those whose nick is a word of the line.

At Slack a message stands in mrkdwn, without the blanks of no width that keep foreign words from being markup.

"""


def page(ircd: Ircd) -> str:
    """The whole page. Needs a database and the servers; takes a minute."""
    with all_services(ircd) as services:
        return HEAD + "\n".join(_sections(services))


def _sections(services: Sequence[Service]) -> Iterator[str]:
    trial = Trial()
    for here in services:
        yield f"## From {here.title}\n"
        yield f"| what is done | {' | '.join(f'at {there.title}' for there in services)} |"
        yield f"|---|{'---|' * len(services)}"
        for case in CASES:
            if case.can_be_done_at(here):
                cells = map(shown, trial.of(case, here, [_other(there, here) for there in services]))
                yield f"| {case.title} | {' | '.join(cells)} |"
        yield ""


def _other(there: Service, here: Service) -> Service:
    """A second one of its kind, where a service talks to itself."""
    return there.another() if there is here else there


def shown(posts: Sequence[Post]) -> str:
    """A cell."""
    return "<br>".join(_post(post, posts) for post in posts) or "nothing"


def _post(post: Post, posts: Sequence[Post]) -> str:
    text = without_ids(post.text).replace("\u200b", "").replace("|", "\\|").replace("\n", "`<br>`")
    text = "".join(CODES.get(sign, sign) for sign in text)
    told = [
        f"`{text[:SHOWN]}…` ({len(post.text)} characters)"
        if len(text) > MOST
        else f"`{text}`"
        if text
        else ""
    ]
    told += [f"by {post.by}"] if post.by else []
    told += [f"with the file {name}" for name in post.files]
    told += [f"with the reaction {emoji}" for emoji in post.reactions]
    told += [f"answering `{posts[post.answers].text}`"] if post.answers is not None else []
    told += [f"rings {', '.join(post.rings)}"] if post.rings else []
    return " ".join(filter(None, told)).replace("``", "")
