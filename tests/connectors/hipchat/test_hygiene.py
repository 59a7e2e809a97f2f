import re

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from connectors.hipchat import text
from connectors.hipchat.connector import HipChatConnector
from connectors.hipchat.hygiene import BREAK, harmless
from connectors.hipchat.mentions import ids_of
from connectors.markup import plain
from connectors.markup.sanitize import clean_text
from tests.connectors.hipchat.harness import HipChatHarness
from tests.connectors.hipchat.items import ANN, BO, said
from tests.connectors.test_markup_html import growth
from tests.relay.renderings import IMITATED, NATIVE, connector, event, names, steps, texts
from tubes.models import Seat
from tubes.relay.rendering import fingerprint, joined

# As the official web client 4.30.3 has them: JavaScript's `\w` is ASCII's, its `$` the very end.
COMMANDS = [
    r"^(/me\s|/em\s)",
    r"^/quote\s",
    r"^/code\s",
    r"^(/pre\s*|/monospace\s*)",
    r"^s/([^/]+)/([^/]*)/?\Z",
]
NAMES = "all|here|HipChat|Ann|Bo|ジョン"
MENTION = re.compile(rf'(?=[^\w]|^)@({NAMES}|"[^"]+")(?=[^\w]|\Z)', re.IGNORECASE | re.ASCII)
EVERYBODY = re.compile(r"@(all|here)(?=[^\w]|\Z)", re.IGNORECASE | re.ASCII)
MAIL = re.compile(
    r"(?<=\w)@[\w-]{1,63}(\.[\w-]+)+"
)  # the only mentions that may stand: addresses to be copied

commands = st.sampled_from(
    [
        "/me ",
        "/em\n",
        "/code ",
        "/quote\t",
        "/pre",
        "/pre ",
        "/monospace",
        "s/a/b/",
        "s/a/b",
        "s/a//",
        "s/a b/\n/",
    ]
)
pings = st.sampled_from(["@all", "@here", "@Bo", "@ann", "@ジョン", '@"Bo Ray"', "a@bo.example", "@HipChat"])
tricky = st.lists(
    commands
    | pings
    | st.sampled_from(["(heart)", "(Heart)", ":)", " ", "\n", "\u200b", "\ufeff", "/", "@", "s/"])
    | st.text(max_size=5)
).map("".join)


@given(tricky)
@example("s/a/b/\n")
@example("\u00a0/me waves")
@example("s/@all/x")
def test_nothing_that_is_posted_rings_or_runs(typed: str) -> None:
    posted = harmless(typed)

    for stored in (posted, posted.strip(), posted.strip("\ufeff \n")):
        assert [command for command in COMMANDS if re.search(command, stored)] == []
    assert not MENTION.search(MAIL.sub("", posted))
    assert not EVERYBODY.search(posted)


@given(tricky)
def test_the_same_is_seen_and_once_is_enough(typed: str) -> None:
    posted = harmless(typed)

    assert posted.replace("\u200b", "") == clean_text(typed).replace("\u200b", "")
    assert harmless(posted) == posted


@pytest.mark.parametrize(
    "typed",
    [
        "hello",
        "a @ b",
        "@",
        "@!",
        "/mean it",
        "x /me waves",
        "/topic x",
        "/quoted",
        "s//b/",
        "ann@example.com",
        "git@github.com:org/repo.git",
        "https://ann@example.com/",
        "s/a/b/c",
        "this/that/those",
        "(allthethings) :) 8)",
        "https://a.example/x?y=1",
    ],
)
def test_what_is_harmless_is_not_touched(typed: str) -> None:
    assert harmless(typed) == typed


@pytest.mark.parametrize(
    ("typed", "posted"),
    [
        ("@all look", "@\u200ball look"),
        ('hey @"Bo Ray"', 'hey @\u200b"Bo Ray"'),
        ("ann@bo", "ann@\u200bbo"),
        ("ann@All.example", "ann@\u200bAll.example"),
        ('ann@"Bo Ray"', 'ann@\u200b"Bo Ray"'),
        ("https://a.example/@bo", "https://a.example/@\u200bbo"),
        ("/me", "\u200b/me"),
        ("s/a", "\u200bs/a"),
        ("/me waves", "\u200b/me waves"),
        ("/prefix", "\u200b/prefix"),
        ("\x1b/me waves at @\x00all", "\u200b/me waves at @\u200ball"),
        (" \n/code x", " \n\u200b/code x"),
        ("s/a/b/ ", "\u200bs/a/b/ "),
        ("I (heart) it", "I \u200b(heart) it"),
    ],
)
def test_what_is_not_harmless_is_broken_without_being_seen(typed: str, posted: str) -> None:
    assert harmless(typed) == posted


@given(tricky, names, names, st.integers(60, 400), st.sampled_from([IMITATED, NATIVE]))
@example("x" * 40 + "@all /me s/a/b/ (heart)" * 9, "(heart)", "@all", 60, NATIVE)
def test_every_post_reads_back_as_what_was_sent(typed, name, team, limit, override) -> None:
    """What became of a send that was cut off is found out by this."""
    by = connector(HipChatConnector, max_text_length=limit, sender_override=override)
    found = steps(event(author_name=name, author_team=team), typed, by=by, seat=Seat(name_style="both"))
    shared = joined([found[:1], found[:1]], connector(HipChatConnector))

    for post in [*texts(found), *(texts([shared[1]]) if shared else [])]:
        read = text.parse(post, ids_of([ANN, BO]))
        assert plain.render(read) == clean_text(post)
        assert fingerprint(plain.render(read)) == fingerprint(post)
        assert not [command for command in COMMANDS if re.search(command, post)]


@given(tricky)
@example("\x1b/me /me ")
def test_whatever_is_escaped_reads_back_as_it_stands(typed: str) -> None:
    posted = harmless(typed)

    assert fingerprint(plain.render(text.parse(posted, ids_of([ANN, BO])))) == fingerprint(posted)


def test_a_post_of_ours_rings_nobody_in_the_room(
    hipchat: HipChatHarness, connector: HipChatConnector
) -> None:
    name = hipchat.person.mention_name
    texts = [f"@{name} @all", f"/me @{name}", "s/a/@here/", f'@"{hipchat.person.name}" x@{name}']
    for typed in texts:
        hipchat.world.post_message(hipchat.room_record.id, hipchat.ann.id, connector.escape(typed))

    messages = hipchat.world.messages.all(hipchat.room_record.chat)
    assert [message.mentions for message in messages] == [[]] * len(texts)
    assert [plain.render(event.body) for event in connector.recent(hipchat.room).events] == [
        connector.escape(typed) for typed in texts
    ]


def test_everybody_mentioned_in_another_room_is_nobody_here() -> None:
    told = {
        "id": "i",
        "date": "2018-05-02T09:11:40+00:00",
        "from": BO,
        "message": "@all @Ann",
        "mentions": [ANN, BO],
    }

    assert harmless(said(told)) == "@\u200ball @\u200bAnn"


@pytest.mark.parametrize(
    "unit", ["@a", " ", "\n", "s/", "s/a", "/me ", "(heart)", "(", "\u200b(heart)", "/pre"]
)
def test_the_time_grows_with_the_text(unit: str) -> None:
    assert growth(harmless, unit) < 4


@pytest.mark.parametrize(
    ("text", "posted"),
    [
        ("@all lunch", "@all lunch"),
        ("now, @HERE!", "now, @HERE!"),
        ("@allen @all-in x@all.example", f"@{BREAK}allen @{BREAK}all-in x@{BREAK}all.example"),
        ("@Ann @all", f"@{BREAK}Ann @all"),
        ("/me @all", f"{BREAK}/me @all"),
    ],
)
def test_everybody_is_rung_only_where_their_owner_lets_them(text: str, posted: str) -> None:
    assert harmless(text, rings=True) == posted
    assert not re.search("@(all|here)", harmless(text), re.IGNORECASE)
