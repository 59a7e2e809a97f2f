import pytest
from hypothesis import given
from hypothesis import strategies as st

from connectors.base import Attachment, MessageId, OutgoingMessage
from tests.relay.renderings import FOREIGN_HEAD, connector, event, names, steps, tricky
from tubes.relay.rendering import joined, parts_from_json, parts_to_json
from tubes.relay.rendering.steps import Delete, Edit, Send, SendFile


def send(text, **extra):
    return [Send(OutgoingMessage(text, **extra))]


def allowing(length):
    return connector(max_text_length=length)


def test_plain_messages_share_a_post_line_by_line():
    assert joined([send("[Ann] one"), send("[Bob] two"), send("[Ann] three")], allowing(400)) == (
        3,
        Send(OutgoingMessage("[Ann] one\n[Bob] two\n[Ann] three")),
    )


def test_as_many_share_a_post_as_its_limit_allows():
    lines = [send("1234"), send("1234"), send("1234")]

    assert [joined(lines, allowing(limit)) for limit in (8, 9, 13, 14)] == [
        None,
        (2, Send(OutgoingMessage("1234\n1234"))),
        (2, Send(OutgoingMessage("1234\n1234"))),
        (3, Send(OutgoingMessage("1234\n1234\n1234"))),
    ]


@pytest.mark.parametrize(
    "other",
    [
        [],
        send("x") * 2,
        send("x", sender_name="Ann", reply_to=MessageId("7")),
        send("x", sender_name="Bob"),
        send("x", sender_name="Ann", sender_avatar_url="https://example.org/b.png"),
        [Edit(MessageId("7"), OutgoingMessage("x"))],
        [Delete(MessageId("7"))],
    ],
)
def test_what_is_no_plain_message_of_the_same_sender_ends_a_shared_post(other):
    mine = send("x", sender_name="Ann")
    both = (2, Send(OutgoingMessage("x\nx", sender_name="Ann")))

    assert [
        joined(row, allowing(400)) for row in ([mine, mine, other, mine], [mine, other], [other, mine])
    ] == [
        both,
        None,
        None,
    ]


@pytest.mark.parametrize("renderings", [[], [send("x")]])
def test_one_message_alone_is_not_shared(renderings):
    assert joined(renderings, allowing(400)) is None


@given(st.lists(st.tuples(names, tricky), min_size=2, max_size=5))
def test_a_shared_post_has_as_many_prefixes_as_messages(said):
    found = [steps(event(author_name=name), text, by=connector(max_text_length=4000)) for name, text in said]

    shared = joined(found, allowing(20_000))

    if shared:
        lines = shared[1].message.text.split("\n")
        assert sum(FOREIGN_HEAD.match(line) is not None for line in lines) == shared[0]


texts = st.text(min_size=1)
messages = st.builds(
    OutgoingMessage,
    st.text(),
    sender_name=st.text(),
    sender_avatar_url=st.text(),
    reply_to=st.none() | texts,
)
files = st.builds(
    Attachment, texts, size=st.none() | st.integers(0, 2**40), url=st.text(), reference=st.text()
)
parts = st.lists(st.builds(Send, messages) | st.builds(SendFile, messages, files, text=st.text()))


@given(parts)
def test_parts_are_stored_as_they_were_cut(cut):
    assert parts_from_json(parts_to_json(cut)) == cut


def test_stored_parts_hold_nothing_that_is_made_anew():
    assert parts_to_json([Send(OutgoingMessage("x", not_after=7.0, idempotency_key="k"))]) == [{"text": "x"}]


@pytest.mark.parametrize(
    "stored",
    [
        None,
        {},
        [None],
        [{}],
        [{"sender_name": "x"}],
        [{"text": 1}],
        [{"text": "x", "not_after": "7"}],
        [{"text": "x", "file": "x"}],
    ],
)
def test_anything_else_is_no_stored_part(stored):
    with pytest.raises(ValueError):
        parts_from_json(stored)
