"""Edits, deletions, reactions and answers find every copy of the message they are about."""

import pytest

from connectors.base import Kind, Login, MessageId, OutgoingMessage, RoomId
from stub.connector.connector import StubConnector
from tests import factories
from tests.relay.conftest import Clock, Pair, drain_all, statuses, take, texts
from tests.relay.stubbed import PLAIN, World, deletion_of, edit_of, ends, kinds_taken_in
from tubes.models import Delivery, Event, Post

pytestmark = pytest.mark.django_db

SHORT_POSTS = "history,ids,edits,deletes,reactions,length=200"


def long(words: int) -> str:
    return " ".join(f"word{number}" for number in range(words))


# ----------------------------------------------------------------- edits


def test_an_edit_changes_every_copy_in_its_place(world: World) -> None:
    world.chain("here", "there", "beyond")
    id_ = world.stub.say("here", "Ann", "helo")
    world.stub.say("here", "Ann", "anybody?")
    world.relay()

    world.stub.edit("here", id_, "hello")
    world.relay()

    for room in ("there", "beyond"):
        assert world.texts(room) == ["[Ann, Stub] hello", "[Ann, Stub] anybody?"]
        assert [item.edits for item in world.items(room)] == [["[Ann, Stub] hello"], []]


def test_an_edit_is_told_where_the_service_cannot_edit(world: World) -> None:
    here = world.seat("here")
    for room in ("there", "beyond"):
        factories.tube(here, world.seat(room, features=PLAIN))
    id_ = world.stub.say("here", "Ann", "helo")
    world.relay()

    world.stub.edit("here", id_, "hello")
    world.relay()

    for room in ("there", "beyond"):
        assert world.texts(room) == ["[Ann, Stub] helo", "[Ann, Stub] ✎ hello"]


def test_an_edit_of_what_is_still_queued_replaces_its_text(world: World) -> None:
    world.chain("here", "there")
    id_ = world.stub.say("here", "Ann", "helo")
    world.read()
    world.stub.edit("here", id_, "hello")
    world.read()

    world.relay()

    assert [(item.text, item.edits) for item in world.items("there")] == [("[Ann, Stub] hello", [])]
    assert (ends(Kind.MESSAGE), ends(Kind.EDIT)) == (["sent"], [])


def test_the_last_of_several_edits_of_what_is_queued_counts(world: World) -> None:
    world.chain("here", "there")
    id_ = world.stub.say("here", "Ann", "h")
    for text in ("he", "hel", "hello"):
        world.read()
        world.stub.edit("here", id_, text)

    world.relay()

    assert [(item.text, item.edits) for item in world.items("there")] == [("[Ann, Stub] hello", [])]


def test_edits_taken_in_together_with_their_message_are_kept(world: World) -> None:
    world.chain("here", "there")
    id_ = world.stub.say("here", "Ann", "helo")
    world.stub.say("here", "Bob", "between")
    world.stub.edit("here", id_, "hell")
    world.stub.edit("here", id_, "hello")

    world.relay()

    assert world.texts("there") == ["[Ann, Stub] hello", "[Bob, Stub] between"]


def test_a_message_deleted_before_it_was_read_never_arrives(world: World) -> None:
    world.chain("here", "there")
    id_ = world.stub.say("here", "Ann", "oops")
    world.stub.say("here", "Bob", "hm?")
    world.stub.delete("here", id_)

    world.relay()

    assert world.texts("there") == ["[Bob, Stub] hm?"]
    assert [item.text for item in world.stub.history("there")] == ["[Bob, Stub] hm?"]
    assert list(Event.objects.filter(remote_id=id_).values_list("body", flat=True)) == [None]


def test_a_reaction_taken_in_together_with_its_message_arrives(world: World) -> None:
    world.chain("here", "there")
    id_ = world.stub.say("here", "Ann", "lunch?")
    world.stub.react("here", id_, "Bob", "👍")

    world.relay()

    assert [item.reactions for item in world.items("there")] == [{"👍": ["u-there-bot"]}]


def test_edits_in_a_row_each_arrive(world: World) -> None:
    world.chain("here", "there")
    id_ = world.stub.say("here", "Ann", "1")
    world.relay()

    for text in ("2", "3"):
        world.stub.edit("here", id_, text)
    world.read()
    drain_all()

    assert [item.edits for item in world.items("there")] == [["[Ann, Stub] 2", "[Ann, Stub] 3"]]


def test_a_longer_text_adds_parts_and_a_shorter_one_takes_them_away(world: World) -> None:
    here, there = world.seat("here"), world.seat("there", features=SHORT_POSTS)
    factories.tube(here, there)
    id_ = world.stub.say("here", "Ann", long(50))
    world.relay()
    assert len(world.items("there")) == 2

    for words, parts in ((100, 4), (10, 1), (60, 3), (1, 1)):
        world.stub.edit("here", id_, long(words))
        world.relay()

        told = world.texts("there")
        assert " ".join(text.removeprefix("[Ann, Stub] ") for text in told) == long(words)
        assert len(told) == parts
    assert set(ends(Kind.EDIT)) == {"sent"}


def test_where_nothing_can_be_deleted_a_shorter_text_leaves_empty_parts(world: World) -> None:
    here, there = world.seat("here"), world.seat("there", features="history,ids,edits,length=200")
    factories.tube(here, there)
    id_ = world.stub.say("here", "Ann", long(50))
    world.relay()

    world.stub.edit("here", id_, "short")
    world.relay()

    assert world.texts("there") == ["[Ann, Stub] short", "[Ann, Stub] …"]


def test_an_edit_of_a_message_under_way_follows_it(pair: Pair) -> None:
    take(pair.here.room, factories.said("helo", id="m-1"))
    delivery = Delivery.objects.get()
    Delivery.objects.update(status="sending", fingerprint="f" * 32)
    take(pair.here.room, edit_of("m-1", "hello"))

    assert [(one.event.kind, one.status, one.carries) for one in Delivery.objects.order_by("pk")] == [
        ("message", "sending", None),
        ("edit", "queued", None),
    ]
    Post.objects.create(delivery=delivery, room=delivery.room, remote_id="r-1", fingerprint="f" * 32)
    drain_all()
    assert (statuses(), texts("globex", "garden")) == (["sent", "sent"], ["[Ann, Acme] ✎ hello"])


@pytest.mark.parametrize(
    ("status", "told"),
    [("failed", []), ("skipped", []), ("removed", []), ("unknown", ["[Ann, Acme] ✎ hello"])],
)
def test_an_edit_goes_only_where_the_message_may_stand(pair: Pair, status: str, told: list[str]) -> None:
    take(pair.here.room, factories.said("helo", id="m-1"))
    Delivery.objects.update(status=status)

    take(pair.here.room, edit_of("m-1", "hello"))
    drain_all()

    assert texts("globex", "garden") == told


def test_an_edit_of_a_message_that_is_not_known_goes_nowhere(pair: Pair) -> None:
    take(pair.here.room, edit_of("m-0", "hello"))
    drain_all()

    assert (statuses(), list(Event.objects.values_list("kind", flat=True))) == ([], ["edit"])
    assert texts("globex", "garden") == []


def test_an_edit_is_dropped_where_a_moderator_took_the_post_away_meanwhile(world: World) -> None:
    world.chain("here", "there", features="history,ids")
    id_ = world.stub.say("here", "Ann", "rude")
    world.relay()
    world.stub.edit("here", id_, "very rude")
    world.read()
    [copy] = world.items("there")
    world.stub.delete("there", copy.id)
    world.read()

    world.relay()

    assert world.texts("there") == []


def test_an_edit_that_came_after_a_refused_first_part_is_what_is_posted(world: World, time: Clock) -> None:
    here, there = world.seat("here"), world.seat("there", features="history,ids,length=200")
    factories.tube(here, there)
    id_ = world.stub.say("here", "Ann", long(50))
    world.stub.fault("throttle", room="there", count=1, retry_after=1)
    world.relay(rounds=1)
    world.stub.edit("here", id_, "short")
    world.read()
    world.stub.fault("reset", room="there", count=1, stored=True)

    for _ in range(4):
        time.forward(2)
        world.relay(rounds=1)

    assert (world.texts("there"), ends()) == (["[Ann, Stub] short"], ["sent"])


# ----------------------------------------------------------------- deletions


def test_a_deletion_takes_every_copy_away(world: World) -> None:
    world.chain("here", "there", "beyond")
    id_ = world.stub.say("here", "Ann", "oops")
    world.relay()

    world.stub.delete("here", id_)
    world.relay()

    assert (world.texts("there"), world.texts("beyond")) == ([], [])
    assert set(Event.objects.filter(kind="message").values_list("body", flat=True)) == {None}


def test_a_deletion_is_told_where_the_service_cannot_delete(world: World) -> None:
    factories.tube(world.seat("here"), world.seat("there", features=PLAIN))
    id_ = world.stub.say("here", "Ann", "oops")
    world.relay()

    world.stub.delete("here", id_)
    world.relay()

    [copy, told] = world.texts("there")
    assert copy == "[Ann, Stub] oops"
    assert told.startswith("[Ann, Stub] deleted a message of ")


def test_what_is_deleted_while_queued_is_dropped_and_its_text_erased(pair: Pair) -> None:
    take(pair.here.room, factories.said("oops", id="m-1"), factories.said("stays", id="m-2"))
    take(pair.here.room, edit_of("m-1", "oops again"), deletion_of("m-1"))

    assert statuses() == ["skipped", "queued"]
    assert list(Event.objects.exclude(remote_id="m-2").values_list("body", flat=True)) == [None] * 3
    drain_all()
    assert texts("globex", "garden") == ["[Ann, Acme] stays"]


def test_a_deletion_that_is_read_days_later_still_takes_the_message_back(world: World, time: Clock) -> None:
    world.chain("here", "there")
    id_ = world.stub.say("here", "Ann", "oops")
    world.relay()
    world.stub.delete("here", id_)
    time.forward(25 * 3600)

    world.relay()

    assert world.texts("there") == []
    assert Event.objects.get(kind="message").body is None


def test_a_post_that_a_moderator_deleted_is_left_alone(world: World) -> None:
    world.chain("here", "there", "beyond")
    id_ = world.stub.say("here", "Ann", "rude")
    world.relay()
    world.stub.delete("there", world.items("there")[0].id)
    world.relay()

    world.stub.edit("here", id_, "very rude")
    world.relay()

    assert world.texts("there") == []
    assert (world.texts("here"), world.texts("beyond")) == (["very rude"], ["[Ann, Stub] very rude"])
    assert ends() == ["removed", "sent"]


def test_a_message_in_parts_is_deleted_whole(world: World) -> None:
    here, there = world.seat("here"), world.seat("there", features=SHORT_POSTS)
    factories.tube(here, there)
    id_ = world.stub.say("here", "Ann", long(100))
    world.relay()

    world.stub.delete("here", id_)
    world.relay()

    assert (world.texts("there"), ends(Kind.DELETE)) == ([], ["sent"])


# ----------------------------------------------------------------- reactions


def test_a_reaction_to_a_copy_reaches_the_original_and_every_other_copy(world: World) -> None:
    world.chain("here", "there", "beyond")
    world.stub.say("here", "Ann", "lunch?")
    world.relay()
    [copy] = world.items("beyond")

    world.stub.react("beyond", copy.id, "Cleo", "👍")
    world.relay()
    assert [world.items(room)[0].reactions for room in ("here", "there", "beyond")] == [
        {"👍": ["u-here-bot"]},
        {"👍": ["u-there-bot"]},
        {"👍": ["u-Cleo"]},
    ]

    world.stub.react("beyond", copy.id, "Cleo", "👍", add=False)
    world.relay()
    assert [world.items(room)[0].reactions for room in ("here", "there", "beyond")] == [{"👍": []}] * 3


def test_a_reaction_is_told_where_the_service_has_none(world: World) -> None:
    factories.tube(world.seat("here"), world.seat("there", features=PLAIN))
    id_ = world.stub.say("here", "Ann", "lunch?")
    world.relay()

    world.stub.react("here", id_, "Bob", "👍")
    world.relay()
    world.stub.react("here", id_, "Bob", "👍", add=False)
    world.relay()

    assert world.texts("there") == [
        "[Ann, Stub] lunch?",
        "[Bob, Stub] reacted 👍 to “lunch?”",
        "[Bob, Stub] took back 👍 from “lunch?”",
    ]


def test_a_reaction_to_a_copy_that_was_held_reaches_the_original(world: World) -> None:
    """As a stream tells our own post, before the lane knows its id."""
    _, there = world.chain("here", "there")
    world.stub.say("here", "Ann", "lunch?")
    world.relay()
    [copy] = world.items("there")
    held = {"remote_id": copy.id, "author_id": "u-there-bot", "body": None, "held": Event.Held.ECHO}
    factories.event(there.room, **held)

    world.stub.react("there", copy.id, "Cleo", "👍")
    world.relay()

    assert world.items("here")[0].reactions == {"👍": ["u-here-bot"]}


# ----------------------------------------------------------------- answers


def test_an_answer_to_a_copy_answers_the_original_and_the_other_copies(world: World) -> None:
    seats = world.chain("here", "there", "beyond")
    factories.tube(seats[2], world.seat("plain", features=PLAIN))
    id_ = world.stub.say("here", "Ann", "lunch?")
    world.relay()
    copies = {room: world.items(room)[0].id for room in ("there", "beyond")}

    answer(world, "there", "Bob", "yes", to=copies["there"])
    world.relay()

    assert [(item.text, item.reply_to) for item in world.items("here")[1:]] == [("[Bob, Stub] yes", id_)]
    assert [(item.text, item.reply_to) for item in world.items("beyond")[1:]] == [
        ("[Bob, Stub] yes", copies["beyond"])
    ]
    assert world.texts("plain")[1:] == ["[Bob, Stub] > Ann: lunch?\nyes"]


def answer(world: World, room: str, name: str, text: str, *, to: str) -> None:
    """A person answers through the service's own API."""
    person = StubConnector(Login(world.stub.url, {"token": f"{name}:own", "features": ""}))
    person.send(RoomId(room), OutgoingMessage(text, reply_to=MessageId(to)))


def test_reactions_that_wait_together_are_told_in_one_line(world: World) -> None:
    here, there = world.seat("here"), world.seat("there", features=PLAIN)
    factories.tube(here, there)
    id_, other = (world.stub.say("here", "Ann", text) for text in ("lunch?", "dinner?"))
    world.relay()

    for name, emoji in (("Bob", "👍"), ("Cyd", "🎉"), ("[Boss]", "👍")):
        world.stub.react("here", id_, name, emoji)
    world.stub.react("here", other, "Bob", "👎")
    world.stub.react("here", id_, "Cyd", "🎉", add=False)
    world.relay()

    assert world.texts("there")[2:] == [
        "[Bob, Stub] reacted 👍, Cyd 🎉, (Boss) 👍 to “lunch?”",
        "[Bob, Stub] reacted 👎 to “dinner?”",
        "[Cyd, Stub] took back 🎉 from “lunch?”",
    ]
    assert ends(Kind.REACTION) == ["sent"] * 4
    posts = Post.objects.filter(delivery__event__kind=Kind.REACTION).values_list("remote_id", flat=True)
    assert len(set(posts)) == 2


def test_one_line_of_reactions_that_was_cut_off_is_looked_up(world: World, time: Clock) -> None:
    here, there = world.seat("here"), world.seat("there", features=PLAIN)
    factories.tube(here, there)
    id_ = world.stub.say("here", "Ann", "lunch?")
    world.relay()
    world.stub.fault("reset", room="there", on="send", count=1, stored=True)
    for name in ("Bob", "Cyd"):
        world.stub.react("here", id_, name, "👍")

    world.relay(rounds=1)
    time.forward(15)
    world.relay()

    assert world.texts("there")[1:] == ["[Bob, Stub] reacted 👍, Cyd 👍 to “lunch?”"]
    assert ends(Kind.REACTION) == ["sent"] * 2


def test_a_reaction_taken_back_by_its_id_alone_is_known_again(world: World) -> None:
    """A service that tells of deletions by id may not know any more what stood there."""
    here, _ = world.chain("here", "there")
    id_ = world.stub.say("here", "Ann", "lunch?")
    world.stub.react("here", id_, "Bob", "👍")
    world.relay()
    assert world.items("there")[0].reactions == {"👍": ["u-there-bot"]}
    reaction = Event.objects.get(kind=Kind.REACTION)

    gone = deletion_of(reaction.remote_id)
    take(here.room, gone)
    take(here.room, gone)
    drain_all()

    assert world.items("there")[0].reactions == {"👍": []}
    assert kinds_taken_in() == ["message", "reaction", "unreaction"]
    taken_back = Event.objects.get(kind=Kind.UNREACTION)
    assert (taken_back.author_id, taken_back.emoji, taken_back.about) == ("u-Bob", "👍", reaction.about)


# ----------------------------------------------------------------- our own doings, as they come back


def test_nothing_that_we_did_ourselves_is_taken_in_as_new(world: World) -> None:
    here, there = world.seat("here"), world.seat("there", features=SHORT_POSTS)
    factories.tube(here, there)
    first = world.stub.say("here", "Ann", long(50))
    second = world.stub.say("here", "Bob", "to be deleted")
    world.relay()
    world.stub.edit("here", first, "short")
    world.stub.react("here", first, "Bob", "👍")
    world.relay()
    world.stub.edit("here", first, long(60))
    world.stub.react("here", first, "Bob", "👍", add=False)
    world.stub.delete("here", second)
    world.relay()

    world.relay(rounds=5)

    assert kinds_taken_in() == [
        *("message", "message", "edit", "reaction"),
        *("edit", "unreaction", "delete"),
    ]
    assert (ends(Kind.MESSAGE), ends(Kind.EDIT)) == (["sent", "sent"], ["sent", "sent"])


def test_a_reaction_of_ours_that_was_cut_off_is_not_taken_in(world: World, time: Clock) -> None:
    world.chain("here", "there")
    id_ = world.stub.say("here", "Ann", "lunch?")
    world.relay()
    world.stub.fault("reset", room="there", count=1, stored=True)
    world.stub.react("here", id_, "Bob", "👍")
    world.relay(rounds=1)
    world.read()
    time.forward(5)

    world.relay()

    assert kinds_taken_in() == ["message", "reaction"]
    assert world.items("here")[0].reactions == {"👍": ["u-Bob"]}


def test_a_reaction_of_ours_that_was_held_does_not_keep_it_there(world: World) -> None:
    """As a stream tells it, which is quicker than the lane's own statement."""
    _, there = world.chain("here", "there")
    id_ = world.stub.say("here", "Ann", "lunch?")
    world.stub.react("here", id_, "Bob", "👍")
    world.relay()
    lunch = Event.objects.get(kind=Kind.MESSAGE)
    ours = {"about": lunch, "emoji": "👍", "author_id": "u-there-bot", "body": None}
    factories.event(there.room, kind=Kind.REACTION.value, held=Event.Held.ECHO, **ours)

    world.stub.react("here", id_, "Bob", "👍", add=False)
    world.relay()

    assert world.items("there")[0].reactions == {"👍": []}


# ----------------------------------------------------------------- pausing


def test_an_edit_made_while_the_tube_is_paused_does_not_cross(world: World) -> None:
    here, there = world.seat("here"), world.seat("there")
    tube = factories.tube(here, there)
    id_ = world.stub.say("here", "Ann", "before")
    world.relay()
    tube.status = "paused"
    tube.save()

    world.stub.edit("here", id_, "while paused")
    world.relay()

    assert world.texts("there") == ["[Ann, Stub] before"]
