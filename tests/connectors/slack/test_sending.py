"""What we post: as whom, where, and what a refusal of it means."""

import io

import pytest
import responses

from connectors.base import Attachment, Login, MessageId, OutgoingFile, OutgoingMessage
from connectors.errors import (
    DeliveryUnknown,
    FileGone,
    LoginRejected,
    MessageRejected,
    RetryLater,
    RoomGone,
    UnsupportedAction,
)
from connectors.markup import plain
from connectors.markup.tree import CodeBlock, Document, Italic, List, Mention, Paragraph, Quote, Text
from connectors.slack import posting
from connectors.slack.connector import SlackConnector
from sameroom import clock
from tests.waiting import PATIENCE
from tubes.relay.rendering import fingerprint


def last(harness):
    return harness.slack.history(harness.channel)[-1]


def message(text, **more):
    return OutgoingMessage(text, plain.parse(text), **more)


def test_post_stands_under_its_authors_name_and_picture(connector, harness):
    picture = "https://example.org/ann.png"

    sent = connector.send(harness.room, message("hello", sender_name="Ann, Acme", sender_avatar_url=picture))

    posted = last(harness)
    assert (posted.ts, posted.text, posted.username) == (sent, "hello", "Ann, Acme")
    assert picture in str(posted.icons)


def test_edited_post_stays_under_its_authors_name_and_picture(connector, harness):
    author = {"sender_name": "Ann, Acme", "sender_avatar_url": "https://example.org/ann.png"}
    sent = connector.send(harness.room, message("helo", **author))

    connector.edit(harness.room, sent, message("hello", **author))

    posted = last(harness)
    assert (posted.ts, posted.text, posted.username) == (sent, "hello", "Ann, Acme")
    assert author["sender_avatar_url"] in str(posted.icons)


def test_what_somebody_has_deleted_is_not_changed_any_more(connector, harness):
    sent = connector.send(harness.room, message("hello"))
    harness.slack.delete(last(harness))

    with pytest.raises(UnsupportedAction, match="deleted the message at Slack"):
        connector.edit(harness.room, sent, message("hullo"))
    connector.react(harness.room, sent, "👍", add=True)
    connector.react(harness.room, sent, "👍", add=False)
    connector.delete(harness.room, sent)

    assert harness.texts() == []


LISTED = List(((Paragraph((Text("one"),)),), (Paragraph((Text("two"),)),)))


@pytest.mark.parametrize(
    "body",
    [
        Document((Paragraph((Text("for lunch"),)), LISTED)),
        Document((Quote((CodeBlock("a = 1\n\nb", "py"), LISTED)),)),
        Document((Paragraph((Italic((Text("about ~5 of *them"),)), Text("_"))),)),
        Document((Paragraph((Mention("U1", "Bo"), Text(" "), Mention("", "here"), Text(" :wave: `"))),)),
        None,
    ],
)
def test_post_is_known_again_by_the_words_it_was_given(connector, harness, body):
    """Whatever blocks Slack makes of them."""
    words = plain.render(body) if body else "- *one*\n> `two` https://example.org/?a&b"
    posted = OutgoingMessage(words, body)
    blocks = [{"type": "rich_text", "elements": []}]

    connector.send(harness.room, posted)
    last(harness).blocks = blocks

    [event] = connector.read_after(harness.room, None).events
    assert event.author.id == connector.login.user_id
    assert fingerprint(plain.render(event.body)) == fingerprint(connector.as_read(posted))


def test_pasted_code_keeps_its_indentation(connector, harness):
    pasted = "    if a:\n\tb()\n    c()"

    connector.send(harness.room, message(pasted))

    kept = "\u00a0" * 4
    assert last(harness).text == f"{kept}if a:\n{kept}b()\n{kept}c()"
    [event] = connector.read_after(harness.room, None).events
    assert plain.render(event.body) == pasted.replace("\t", "    ")


@pytest.mark.parametrize("letter", ["a", "ä", "&", "😀"])
def test_longest_post_can_still_be_edited(connector, harness, letter):
    longest = letter
    while connector.length(message(longest + letter)) <= connector.capabilities.max_text_length:
        longest += letter
    sent = connector.send(harness.room, message("short"))

    connector.edit(harness.room, sent, message(longest))

    assert harness.texts() == [longest]
    with pytest.raises(MessageRejected, match="more than 4 000 bytes"):
        connector.edit(harness.room, sent, message(longest + letter))


def test_without_the_scope_it_stands_under_the_apps_name(harness):
    few = harness.slack.install(
        harness.slack.app("Less"), scopes=[one for one in harness.app.scopes if one != "chat:write.customize"]
    )
    harness.slack.join(harness.channel, few.bot)

    SlackConnector(harness.login_of(few)).send(harness.room, message("hello", sender_name="Ann"))

    assert (last(harness).username, last(harness).user) == ("", few.bot.user)


CALLS = ["<!channel> <!here|x> <!everyone>", "<@{person}> come", "@channel @here", "&lt;!channel&gt;"]


@pytest.mark.parametrize("text", CALLS)
def test_text_from_elsewhere_calls_nobody(text, connector, harness):
    text = text.format(person=harness.person.id)

    connector.send(harness.room, message(text))
    connector.send(harness.room, OutgoingMessage(text))

    assert harness.slack.calls(harness.channel) == []
    assert harness.texts() == [text, text]


@pytest.mark.parametrize("text", CALLS)
def test_words_from_elsewhere_call_nobody_wherever_they_stand(text, connector, harness):
    text = text.format(person=harness.person.id)

    sent = connector.send(harness.room, message("hello", sender_name=text))
    connector.edit(harness.room, sent, message(text, sender_name=text))
    connector.send_file(harness.room, file_of(b"x", f"{text}.txt", message=message(text)))
    connector.send_file(harness.room, file_of(b"x", f"{text}.txt"))

    assert harness.slack.calls(harness.channel) == []
    assert harness.texts() == [text, text, ""]
    edited, *shown = harness.slack.history(harness.channel)
    assert edited.username == text  # as it stands: Slack reads nothing into names
    assert {file.title for one in shown for file in one.files} == {f"{text}.txt"}


def test_answer_stands_in_its_thread_and_in_the_channel(connector, harness):
    root = harness.slack.say(harness.channel, harness.person, "root")
    answer = harness.slack.reply(root, harness.person, "answer")

    first = connector.send(harness.room, message("to the root", reply_to=MessageId(root.ts)))
    connector.send(harness.room, message("to an answer", reply_to=MessageId(answer.ts)))
    connector.send(harness.room, message("to our own", reply_to=first))

    posted = harness.slack.history(harness.channel)[2:]
    assert {(one.thread_ts, one.subtype) for one in posted} == {(root.ts, "thread_broadcast")}


def test_answer_stands_in_its_thread_alone_where_that_is_wished(harness):
    connector = SlackConnector(harness.login_of(harness.token, quiet_replies="on"))
    root = harness.slack.say(harness.channel, harness.person, "root")

    connector.send(harness.room, message("quiet", reply_to=MessageId(root.ts)))

    assert (last(harness).thread_ts, last(harness).subtype) == (root.ts, "")


def test_answer_to_what_is_gone_is_posted_all_the_same(connector, harness):
    root = harness.slack.say(harness.channel, harness.person, "root")
    harness.slack.delete(root)

    connector.send(harness.room, message("late", reply_to=MessageId(root.ts)))

    assert (last(harness).text, last(harness).thread_ts) == ("late", "")


def test_links_are_not_unfolded(connector, harness):
    seen = []
    wire = connector.client

    def post(channel, posted, *, deadline):
        seen.append(posted)
        return type(wire).post(wire, channel, posted, deadline=deadline)

    wire.post = post
    connector.send(harness.room, message("https://example.org/"))

    assert (seen[0]["unfurl_links"], seen[0]["unfurl_media"], seen[0]["link_names"]) == (False, False, False)


def test_post_is_edited_and_deleted_once_and_again(connector, harness):
    sent = connector.send(harness.room, message("helo", sender_name="Ann"))

    for _ in range(2):
        connector.edit(harness.room, sent, message("hello", sender_name="Ann"))
    assert (last(harness).text, last(harness).username) == ("hello", "Ann")
    for _ in range(2):
        connector.delete(harness.room, sent)
    assert harness.texts() == []


def test_what_others_said_can_be_neither_edited_nor_deleted(connector, harness):
    said = harness.say("mine")

    with pytest.raises(MessageRejected, match="cant_update_message"):
        connector.edit(harness.room, said, message("ours"))
    with pytest.raises(MessageRejected, match="cant_delete_message"):
        connector.delete(harness.room, said)


@pytest.mark.parametrize(
    ("emoji", "name"), [("👍", "thumbsup"), ("👋🏼", "wave::skin-tone-3"), (":shipit:", "shipit")]
)
def test_reaction_is_set_once_and_taken_away(emoji, name, connector, harness):
    harness.slack.add_emoji("shipit", "https://emoji.example.org/shipit.gif")
    said = harness.say("x")
    for _ in range(2):
        connector.react(harness.room, said, emoji, add=True)
    assert {one.split("::")[0] for one in last(harness).reactions} <= {name.split("::")[0], "+1"}
    for _ in range(2):
        connector.react(harness.room, said, emoji, add=False)
    assert last(harness).reactions == {}


@pytest.mark.parametrize(
    ("emoji", "name"),
    [
        ("🤔", "thinking_face"),
        ("🤣", "rolling_on_the_floor_laughing"),
        ("🙄", "face_with_rolling_eyes"),
        ("🤦", "face_palm"),
        ("🤷🏽‍♂️", "man-shrugging::skin-tone-4"),
        ("👨‍💻", "male-technologist"),
        ("🥰", "smiling_face_with_3_hearts"),
        ("🇩🇪", "flag-de"),
        ("❤️", "heart"),
    ],
)
def test_reaction_is_found_by_slacks_name(emoji, name, connector, harness):
    said = harness.say("x")

    connector.react(harness.room, said, emoji, add=True)

    assert list(last(harness).reactions) == [name]
    reader = connector.reader
    assert reader.emoji(name).replace("\ufe0f", "") == emoji.replace("\ufe0f", "")
    connector.react(harness.room, said, emoji, add=False)
    assert last(harness).reactions == {}


def test_emoji_that_is_not_there_is_left_out(connector, harness):
    said = harness.say("x")

    for emoji in (":nothing_like_it:", "abc"):
        with pytest.raises(UnsupportedAction):
            connector.react(harness.room, said, emoji, add=True)
    connector.react(harness.room, said, ":nothing_like_it:", add=False)  # it does not stand


@pytest.mark.parametrize(
    ("word", "error"),
    [
        ("is_archived", RoomGone),
        ("channel_not_found", RoomGone),
        ("not_in_channel", RoomGone),
        ("restricted_action_read_only_channel", RoomGone),
        ("access_denied", RoomGone),
        ("no_permission", RoomGone),
        ("token_revoked", LoginRejected),
        ("token_expired", LoginRejected),
        ("missing_scope", LoginRejected),
        ("ekm_access_denied", LoginRejected),
        ("msg_too_long", MessageRejected),
        ("something_new", MessageRejected),
        ("message_limit_exceeded", RetryLater),
        ("team_added_to_org", RetryLater),
        ("ratelimited", RetryLater),
        ("request_timeout", RetryLater),
        ("internal_error", DeliveryUnknown),
        ("fatal_error", DeliveryUnknown),
        ("service_unavailable", DeliveryUnknown),
    ],
)
def test_refusal_names_the_next_step(word, error, connector, harness):
    harness.slack.fault("error", on="chat.postMessage", error=word)

    with pytest.raises(error, match=r"^[A-Z].*\.$") as caught:
        connector.send(harness.room, message("x"))
    assert type(caught.value) is error


def test_edit_in_an_archived_channel_is_no_fault_of_the_login(connector, harness):
    sent = connector.send(harness.room, message("x"))
    harness.slack.archive(harness.channel)

    with pytest.raises(RoomGone, match="archived"):
        connector.edit(harness.room, sent, message("y"))


@pytest.mark.parametrize("word", posting.NO_ANSWERS)
def test_answer_whose_thread_takes_none_stands_in_the_channel(word, connector, harness):
    root = MessageId(harness.slack.say(harness.channel, harness.person, "root").ts)
    harness.slack.fault("error", on="chat.postMessage", error=word, count=1)

    sent = connector.send(harness.room, message("answer", reply_to=root))

    posted = last(harness)
    assert (posted.ts, posted.text, posted.thread_ts) == (sent, "answer", "")
    connector.send(harness.room, message("to that", reply_to=sent))
    assert last(harness).thread_ts == sent


def test_answer_to_what_was_deleted_meanwhile_stands_in_the_channel(connector, harness):
    root = harness.slack.say(harness.channel, harness.person, "root")
    assert posting.Threads(connector.client).root_of(harness.room, MessageId(root.ts)) == root.ts
    harness.slack.delete(root)

    connector.send(harness.room, message("answer", reply_to=MessageId(root.ts)))

    assert harness.texts() == ["answer"]


def test_limit_that_slack_names_is_kept_by_the_next_send(connector, harness):
    harness.slack.limit(posting=60)
    connector.send(harness.room, message("one"))

    with pytest.raises(RetryLater) as caught:
        connector.send(harness.room, message("two"))
    calls = len(harness.slack.core.called)
    with pytest.raises(RetryLater):
        connector.send(harness.room, message("two"))

    assert caught.value.seconds == pytest.approx(60, abs=20)
    assert len(harness.slack.core.called) == calls  # not asked again before that


def test_a_burst_into_one_channel_waits_by_itself(connector, harness, monkeypatch):
    moment = clock.now()
    monkeypatch.setattr(clock, "now", lambda: moment)  # a slow one is no burst
    other = harness.another()
    with pytest.raises(RetryLater, match="used up"):
        any(connector.send(harness.room, message("x")) == "" for _ in range(30))

    connector.send(other.id, message("elsewhere"))
    assert 10 <= len(harness.texts()) <= 20


def test_answer_that_drips_ends_in_time(connector, harness):
    harness.slack.fault("drip", on="chat.postMessage", pause=0.3)
    connector.capabilities = type(connector.capabilities)(max_text_length=4000, limit=None, send_deadline=3.0)

    with pytest.raises(DeliveryUnknown):
        connector.send(harness.room, message("x"))


# ----------------------------------------------------------------- files


def file_of(content, name="report.txt", **more):
    return OutgoingFile(name, "text/plain", len(content), io.BytesIO(content), **more)


def test_file_is_shown_with_its_words_and_told_by_the_id_of_their_message(connector, harness):
    sent = connector.send_file(harness.room, file_of(b"abc" * 1000, message=message("the report")))

    posted = last(harness)
    assert (sent, [one.content for one in posted.files]) == (posted.ts, [b"abc" * 1000])
    assert posted.text == "the report"


def test_file_answers_in_a_thread(connector, harness):
    root = harness.slack.say(harness.channel, harness.person, "root")

    connector.send_file(harness.room, file_of(b"x", message=OutgoingMessage("", reply_to=MessageId(root.ts))))

    assert (last(harness).thread_ts, last(harness).text) == (root.ts, "")


def test_file_whose_upload_broke_off_is_shown_nowhere(connector, harness):
    harness.slack.fault("reset", on="upload", count=1)

    with pytest.raises(RetryLater):
        connector.send_file(harness.room, file_of(b"x"))
    assert harness.texts() == []


def test_file_that_was_shown_unheard_may_have_arrived(connector, harness):
    harness.slack.fault("reset", on="files.completeUploadExternal", count=1, stored=True)

    with pytest.raises(DeliveryUnknown):
        connector.send_file(harness.room, file_of(b"x"))


def test_file_of_somebody_is_read_and_fetched_with_the_login(connector, harness):
    connector.send_file(harness.room, file_of(b"abc", "a b.txt"))

    [event] = connector.read_after(harness.room, None).events
    [attachment] = event.attachments
    into = io.BytesIO()
    connector.fetch(attachment, into, most=10, deadline=PATIENCE)

    assert (attachment.name, attachment.size, attachment.url) == ("a b.txt", 3, "")
    assert into.getvalue() == b"abc"


def test_file_that_is_too_large_deleted_or_elsewhere_is_gone(connector, harness):
    connector.send_file(harness.room, file_of(b"abc"))
    [event] = connector.read_after(harness.room, None).events
    [attachment] = event.attachments

    with pytest.raises(FileGone, match="larger"):
        connector.fetch(attachment, io.BytesIO(), most=2, deadline=PATIENCE)
    with pytest.raises(FileGone):
        connector.fetch(Attachment("x", reference="F0NOTHING"), io.BytesIO(), most=2, deadline=PATIENCE)
    harness.slack.core.world.files[attachment.reference].url = "https://files.example.org/x"
    with pytest.raises(FileGone, match="not Slack's"):
        connector.fetch(attachment, io.BytesIO(), most=10, deadline=PATIENCE)


@responses.activate
def test_page_for_signing_in_is_no_file():
    home = "https://slack.com/api"
    told = {"id": "F1", "name": "a.txt", "url_private": "https://files.slack.com/F1"}
    responses.post(f"{home}/files.info", json={"ok": True, "file": told})
    responses.get("https://files.slack.com/F1", body="<html>Sign in", content_type="text/html; charset=utf-8")
    connector = SlackConnector(Login(home, {"token": "xoxb-1"}))

    with pytest.raises(FileGone, match="files:read"):
        connector.fetch(Attachment("a.txt", reference="F1"), io.BytesIO(), most=100, deadline=PATIENCE)


def test_only_who_is_known_in_the_workspace_is_called(connector, harness):
    stranger = harness.slack.person("eve", team=harness.slack.workspace("Globex"))
    people = (
        Mention(harness.person.id, "Ann"),
        Text(" "),
        Mention(stranger.id, "Eve"),
        Text(" "),
        Mention("", "all"),
    )
    body = Document((Paragraph(people),))

    sent = connector.send(harness.room, OutgoingMessage("@Ann @Eve @all", body))

    assert last(harness).text.replace("\u200b", "") == f"<@{harness.person.id}> @Eve @all"
    connector.edit(harness.room, sent, OutgoingMessage("@Ann @Eve @all", body))
    assert last(harness).edited
    assert last(harness).text.replace("\u200b", "") == f"<@{harness.person.id}> @Eve @all"
    connector.send(harness.room, OutgoingMessage("@Ann @Eve @all", body, rings_everybody=True))
    assert harness.slack.calls(harness.channel)[-2:] == [f"@{harness.person.id}", "!channel"]
