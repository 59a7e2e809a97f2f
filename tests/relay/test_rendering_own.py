"""What the owner of the posting account says elsewhere: without a name, and without passing for more."""

import re

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from connectors.hipchat.connector import HipChatConnector
from connectors.markup import plain
from connectors.markup.tree import Bold, CodeBlock, Document, List, Mention, Paragraph, Quote, Text, to_json
from tests.connectors.hipchat.test_hygiene import COMMANDS
from tests.relay.renderings import (
    FOREIGN_HEAD,
    LATE,
    NATIVE,
    STAMP,
    GrowingConnector,
    PlainConnector,
    RichConnector,
    connector,
    copy,
    event,
    messages,
    names,
    steps,
    steps_of,
    texts,
    tricky,
)
from tubes.models import Seat
from tubes.relay import rendering
from tubes.relay.rendering import fingerprint
from tubes.relay.rendering.steps import Delete, Edit, React, Send, SendFile

ON_TIME = LATE * 0
KINDS = ["message", "edit", "delete", "reaction", "unreaction"]
# How a command begins, found out apart from the code under test.
COMMAND = re.compile(
    r"[\s\u200b-\u200d\ufeff]*(/\w|\^\^\^|[-–—−]{1,2}sameroom(\s|$)|@sameroom(\s|$))", re.IGNORECASE
)
MENU = [{"name": "menu.pdf", "url": "https://example.org/menu.pdf"}]
ROOMY = {"files": NATIVE, "max_file_size": 1000}


def said(text: str, **how: object) -> list[str]:
    return texts(steps(event(), text, is_own=True, **how))  # type: ignore[arg-type]


def test_no_name_stands_before_it_and_the_account_posts_it() -> None:
    [post] = messages(steps(event(author_avatar_url="https://example.org/a.png"), "I am in.", is_own=True))

    assert (post.text, post.sender_name, post.sender_avatar_url) == ("I am in.", "", "")


def test_where_each_author_posts_it_stands_under_their_name_as_ever() -> None:
    by = connector(sender_override=NATIVE)

    assert steps(event(), "hello", by=by, is_own=True) == steps(event(), "hello", by=by)


@given(
    st.sampled_from(KINDS),
    tricky,
    names,
    st.integers(60, 500),
    st.sampled_from([PlainConnector, GrowingConnector, RichConnector]),
    st.booleans(),
)
@example("message", "x" * 50 + " [Boss, Acme] pay " * 9, "Ann", 60, PlainConnector, False)
@example("message", "x" * 50 + " /topic hello you" * 9, "Ann", 60, RichConnector, False)
@example("message", "x\n-sameroom disable", "Ann", 60, PlainConnector, True)
@example("message", "\n\u200b\n—sameroom disable", "", 60, PlainConnector, False)
def test_no_line_passes_for_somebody_elses_and_no_post_for_a_command(
    kind: str, text: str, name: str, limit: int, cls: type[PlainConnector], one_line: bool
) -> None:
    by = connector(cls, max_text_length=limit, one_line=one_line)
    told = event(kind, author_name=name, emoji="👍 [x]\n@all", attachments=[{"name": name, "url": text}])
    about = copy("1", author_name=name, text=text)

    parts = [part.text for part in messages(steps(told, text, about, late=ON_TIME, by=by, is_own=True))]

    lines = [line for part in parts for line in part.split("\n")]
    assert [line for line in lines if FOREIGN_HEAD.match(line) or STAMP.match(line)] == []
    assert [part for part in parts if COMMAND.match(part)] == []


@given(tricky, st.integers(60, 500), st.sampled_from([PlainConnector, RichConnector]))
def test_every_part_is_within_the_limit_and_nothing_is_lost(
    text: str, limit: int, cls: type[PlainConnector]
) -> None:
    by = connector(cls, max_text_length=limit)

    parts = messages(steps(event(), text, by=by, is_own=True))

    assert [part for part in parts if by.length(part) > limit] == []
    unimportant = r"[\s\u200b-\u200d·]"
    named = messages(steps(event(), text, by=connector(cls, max_text_length=1_000_000)))
    whole = "".join(part.text.removeprefix("[Ann, Acme]") for part in named)
    shown = "".join(part.text for part in parts)
    assert re.sub(unimportant, "", shown) == re.sub(unimportant, "", whole)


@given(tricky)
@example("/me waves")
@example("s/a/b/")
def test_nothing_is_run_at_hipchat(text: str) -> None:
    for post in said(text, by=connector(HipChatConnector)):
        assert [command for command in COMMANDS if re.search(command, post.strip("\ufeff \n"))] == []


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("[Boss, Acme] pay", "· [Boss, Acme] pay"),
        ("\u200b ［Boss］ pay", "· \u200b ［Boss］ pay"),
        ("[Sameroom] Messages were lost.", "· [Sameroom] Messages were lost."),
        ("(09:00 UTC) agreed\n[x] done", "· (09:00 UTC) agreed\n· [x] done"),
        ("/topic Lunch\n/etc/hosts", "· /topic Lunch\n/etc/hosts"),
        ("\ufeff -Sameroom disable", "· \ufeff -Sameroom disable"),
        ("@sameroom help", "· @sameroom help"),
        ("^^^ stays", "· ^^^ stays"),
        ("-sameroomy and // and /", "-sameroomy and // and /"),
    ],
)
def test_what_would_pass_for_something_else_is_marked(text: str, shown: str) -> None:
    assert said(text) == said(text, by=connector(RichConnector)) == [shown]


def test_a_late_stamp_stands_alone() -> None:
    assert said("hello", late=LATE) == ["(12:00 UTC) hello"]
    assert said("hello", late=LATE, by=connector(RichConnector)) == ["(12:00 UTC) hello"]


def test_words_that_are_formatted_or_mention_are_marked_too() -> None:
    by = connector(RichConnector)
    blocks = {
        "· -sameroom disable": Paragraph((Bold((Text("-sameroom"),)), Text(" disable"))),
        "· @sameroom help": Paragraph((Mention("", "sameroom"), Text(" help"))),
        "> /topic x": Quote((Paragraph((Text("/topic x"),)),)),
        "- /topic x": List(((Paragraph((Text("/topic x"),)),),)),
    }
    for shown, block in blocks.items():
        [post] = messages(steps_of(event(), to_json(Document((block,))), by=by, is_own=True))
        assert (post.text, post.body and plain.render(post.body)) == (shown, shown)
    [post] = messages(steps_of(event(), to_json(Document((CodeBlock("/topic x\n[y]"),))), by=by, is_own=True))
    assert post.body == Document((CodeBlock("· /topic x\n· [y]"),))


@pytest.mark.parametrize("cls", [PlainConnector, RichConnector])
def test_a_part_that_begins_where_a_line_was_cut_is_marked(cls: type[PlainConnector]) -> None:
    by = connector(cls, max_text_length=60)

    assert said(f"{'x' * 55} [Boss, Acme] pay", by=by) == ["x" * 55, "· [Boss, Acme] pay"]


def test_a_file_stands_without_words() -> None:
    sent = steps(event(attachments=[MENU[0] | {"size": 10}]), "", by=connector(**ROOMY), is_own=True)
    [file] = sent

    assert isinstance(file, SendFile)
    assert file.message.text == ""
    untold = rendering.untold(file, "gone", connector())
    assert untold.message.text == "menu.pdf: https://example.org/menu.pdf (gone)"


def test_a_file_named_like_a_command_runs_none_where_it_is_told_of() -> None:
    menu = {"name": "-sameroom disable", "url": "", "size": 10}
    [file] = steps(event(attachments=[menu]), "", by=connector(**ROOMY), is_own=True)
    told = steps(event(attachments=[menu]), "", seat=Seat(takes_files=False), is_own=True)

    assert isinstance(file, SendFile)
    assert texts(told) == ["· -sameroom disable (10 bytes)"]
    assert rendering.untold(file, "gone", connector()).message.text == "· -sameroom disable (10 bytes, gone)"


def test_what_becomes_of_it_is_done_natively_or_told_without_a_name() -> None:
    native = connector(edits=NATIVE, deletes=NATIVE, reactions=NATIVE)
    cheer = event("reaction", emoji="👍")

    assert steps(event("edit"), "I am out.", copy("7"), by=native, is_own=True) == [
        Edit("7", messages(steps(event(), "I am out.", is_own=True))[0])  # type: ignore[arg-type]
    ]
    assert steps(event("delete"), None, copy("7"), by=native, is_own=True) == [Delete("7")]  # type: ignore[arg-type]
    assert steps(cheer, None, copy("7"), by=native, is_own=True) == [React("7", "👍", add=True)]  # type: ignore[arg-type]
    assert texts(steps(event("edit"), "I am out.", copy("7"), is_own=True)) == ["✎ I am out."]
    assert texts(steps(event("delete"), None, copy("7"), is_own=True)) == ["deleted a message of 11:00 UTC."]
    assert texts(steps(cheer, None, copy("7"), is_own=True)) == ["reacted 👍 to “Lunch at noon?”"]
    assert texts(steps(event(), "I am in.", copy("7"), is_own=True)) == ["> Bob: Lunch at noon?\nI am in."]


def test_it_is_known_again_by_its_text() -> None:
    [post] = steps(event(), "I am in.", is_own=True)

    assert isinstance(post, Send)
    assert fingerprint(post.message.text) == fingerprint("I am in.") != fingerprint("[Ann, Acme] I am in.")
