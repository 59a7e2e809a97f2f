"""Posts made of trees, for services that have markup."""

from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from connectors.base import OutgoingMessage
from connectors.markup import html, html_render, plain
from connectors.markup.tree import (
    Bold,
    CodeBlock,
    Document,
    LineBreak,
    Link,
    Mention,
    Paragraph,
    Quote,
    Text,
    normal_form,
    to_json,
)
from tests.relay.renderings import (
    FOREIGN_HEAD,
    NATIVE,
    RichConnector,
    connector,
    copy,
    event,
    messages,
    steps,
    steps_of,
    tricky,
)
from tubes.models import Seat
from tubes.relay.rendering import fingerprint, joined, parts_from_json, parts_to_json
from tubes.relay.rendering.steps import Edit, Send, SendFile

RICH = connector(RichConnector)
ANN = Bold((Text("[Ann, Acme]"),))


def said(*inlines: object) -> Document:
    return Document((Paragraph(tuple(inlines)),))  # type: ignore[arg-type]


def shown(document: Document, **how: object) -> list[OutgoingMessage]:
    return messages(steps_of(event(), to_json(document), by=RICH, **how))  # type: ignore[arg-type]


def test_what_was_formatted_stays_so_behind_the_prefix() -> None:
    [post] = shown(said(Text("see "), Link("https://example.org", (Text("this"),)), Text(" now")))

    assert post.body == said(ANN, Text(" see "), Link("https://example.org", (Text("this"),)), Text(" now"))
    assert post.text == "[Ann, Acme] see this (https://example.org) now"


def test_a_block_stands_below_the_prefix() -> None:
    [post] = shown(Document((CodeBlock("x = 1", "python"),)))

    assert post.body == Document((Paragraph((ANN, Text(" "))), CodeBlock("x = 1", "python")))


def test_a_reply_quotes_what_it_answers() -> None:
    [post] = messages(steps(event(), "I am in.", copy("7"), by=RICH))

    quote = Quote((Paragraph((Text("Bob: Lunch at noon?"),)),))
    assert post.body == Document((Paragraph((ANN, Text(" "))), quote, Paragraph((Text("I am in."),))))


def test_a_line_that_looks_like_a_prefix_is_marked_whatever_markup_it_has() -> None:
    [post] = shown(said(Text("done"), LineBreak(), Bold((Text("[Boss] "), LineBreak(), Text("[Boss] x")))))

    assert post.text == "[Ann, Acme] done\n· [Boss] \n· [Boss] x"
    [block] = shown(Document((CodeBlock("[Boss] go"),)))
    assert block.text.endswith("· [Boss] go")


@given(tricky, st.integers(120, 300))
def test_parts_fit_and_every_line_says_who_it_is(typed: str, limit: int) -> None:
    by = connector(RichConnector, max_text_length=limit)
    for post in messages(steps(event(), typed, by=by)):
        assert post.body is not None
        assert by.length(post) <= limit
        assert plain.render(post.body) == post.text
        assert post.text.startswith("[Ann, Acme]")
        assert not any(FOREIGN_HEAD.match(line) for line in post.text.split("\n")[1:])
        read = plain.render(html.parse(html_render.render(post.body)))
        assert fingerprint(read) == fingerprint(post.text)


def test_long_formatted_text_is_cut_and_opened_again() -> None:
    posts = shown(Document((CodeBlock("\n".join(f"line {n}" for n in range(100)), "text"),)))

    assert len(posts) > 2
    lines = [line for post in posts for line in post.text.split("\n") if line.startswith("line ")]
    assert lines == [f"line {n}" for n in range(100)]
    assert all(isinstance(post.body.blocks[1], CodeBlock) for post in posts if post.body)


def test_people_who_are_known_are_mentioned_and_others_named() -> None:
    body = said(Mention("7", "bob"), Text(" and "), Mention("8", "cleo"), Text(" and "), Mention("", "all"))

    [post] = shown(body, people={"7": Mention("@bob:hs", "Bob B")})

    assert post.body == said(
        ANN,
        Text(" "),
        Mention("@bob:hs", "Bob B"),
        Text(" and "),
        Mention("", "cleo"),
        Text(" and "),
        Mention("", "all"),
    )
    assert not post.rings_everybody
    [loud] = shown(body, seat=Seat(rings_everybody=True))
    assert loud.rings_everybody
    assert Mention("7", "bob") not in loud.body.blocks[0].inlines  # type: ignore[union-attr]


def test_an_edit_changes_the_tree_and_rings_nobody() -> None:
    by = connector(RichConnector, edits=NATIVE)
    changed = to_json(said(Bold((Text("no"),))))

    [step] = steps_of(event("edit"), changed, copy("7"), by=by, seat=Seat(rings_everybody=True))

    assert isinstance(step, Edit)
    assert step.message.body == normal_form(said(ANN, Text(" "), Bold((Text("no"),))))
    assert not step.message.rings_everybody


@pytest.mark.parametrize(("ids", "target"), [(("7",), None), (("6", "7"), "6")])
def test_an_edit_leaves_posted_files_alone(ids: tuple[str, ...], target: str | None) -> None:
    """The last post is the file: alone with the text, which is told anew, or after it."""
    by = connector(RichConnector, edits=NATIVE, files=NATIVE, max_file_size=1000)

    [step] = steps_of(event("edit"), to_json(said(Text("new"))), copy(*ids, files=1), by=by)

    if target is None:
        assert isinstance(step, Send)
        assert step.message.text == "[Ann, Acme] ✎ new"
    else:
        assert isinstance(step, Edit)
        assert step.target == target


def test_posts_are_shared_block_by_block() -> None:
    one, two = steps(event(), "one", by=RICH), steps(event(author_name="Bob"), "two", by=RICH)

    found = joined([one, two], RICH)

    assert found is not None
    count, post = found
    assert count == 2
    assert post.message.text == "[Ann, Acme] one\n\n[Bob, Acme] two"
    assert post.message.body is not None
    assert len(post.message.body.blocks) == 2


def test_trees_are_stored_with_the_parts_they_were_cut_into() -> None:
    body = to_json(said(Text("hi "), Mention("", "all")))
    by = connector(RichConnector, files=NATIVE, max_file_size=1000)
    files = [{"name": "a.txt", "size": 3, "reference": "1"}, {"name": "b.txt", "size": 3, "reference": "2"}]
    parts = steps_of(
        event(attachments=files), body, by=by, seat=Seat(rings_everybody=True), late=timedelta(hours=1)
    )

    posts = [part for part in parts if isinstance(part, Send | SendFile)]
    assert len(posts) == len(parts) == 2
    assert parts_from_json(parts_to_json(posts)) == posts
