"""Short forms of `make soak` across services, and their judge: it must see whatever goes wrong."""

from collections import Counter
from contextlib import ExitStack
from pathlib import Path

import pytest

from chaos import network
from chaos.generator import Said
from chaos.network import Link, Room
from chaos.services import Line
from soak import faults, plan
from soak.across import Across, across, with_irc, with_slack, without_hipchat
from soak.amiss import amiss
from soak.irc import people_on
from soak.matrix import MatrixSide
from soak.matrix_talk import MatrixTalk
from soak.pastes import pastes, shuffled
from soak.reading import Told, told_in, without_told
from soak.slack import workspace
from soak.slack_talk import SlackTalk
from soak.standing import Standing, _told_of
from tests import servers
from tests.homeserver import homeserver
from tests.ircservers import inspircd

EACH = 100
# Seconds; sooner than the real one: what a fault too many keeps from us would come after six minutes.
SLACK_TELLS_AGAIN = (0.0, 20.0, 40.0)
EACH_WITH_SLACK = 50  # a Slack channel takes about a post a second, and two for each of these
HERE, THERE = Room("matrix-1"), Room("acme-1")
PLAN = [Link("ann", HERE, THERE, False)]


@pytest.mark.xdist_group("chaos")
@pytest.mark.usefixtures("postgres", "redis", "synapse")  # so that it is left out where one is missing
def test_hipchat_and_matrix_tell_each_other_everything_once_through_restarts(tmp_path: Path) -> None:
    with servers.postgres(durable=True) as postgres, servers.redis() as redis, homeserver() as synapse:
        result = across(Across(5, EACH, minutes=0.7), tmp_path, postgres, redis, [MatrixSide(synapse)], print)

    assert result.problems == []
    assert Counter(one.room.name for one in result.outcome.generator.said) == dict.fromkeys(
        ("acme-1", "matrix-1", "globex-1", "acme-2", "matrix-2", "matrix-3"), EACH
    )
    assert {one.kind for one in result.outcome.applied} == set(faults.ACROSS)
    assert result.outcome.verdict.copies == 6 * EACH * 2


@pytest.mark.xdist_group("chaos")
@pytest.mark.usefixtures("postgres", "redis", "synapse", "ircd")
def test_hipchat_matrix_and_irc_tell_each_other_everything_once_through_restarts(tmp_path: Path) -> None:
    wanted = with_irc(5, EACH, minutes=2.0)
    with ExitStack() as running:
        postgres = running.enter_context(servers.postgres(durable=True))
        redis = running.enter_context(servers.redis())
        synapse = running.enter_context(homeserver())
        side = running.enter_context(people_on(running.enter_context(inspircd())))
        result = across(wanted, tmp_path, postgres, redis, [MatrixSide(synapse), side], print)

    assert result.problems == []
    assert Counter(one.room.name for one in result.outcome.generator.said) == dict.fromkeys(
        ("acme-1", "matrix-1", "#irc-1", "acme-2", "matrix-2", "#irc-2"), EACH
    )
    assert {one.kind for one in result.outcome.applied} == set(faults.WITH_IRC)
    assert result.outcome.verdict.copies == 6 * EACH * 2
    # Most of what is said at IRC is said while our session is there: else nothing would be tried.
    assert len(result.outcome.generator.missed()) < EACH


@pytest.mark.xdist_group("chaos")
@pytest.mark.usefixtures("postgres", "redis")
def test_hipchat_and_slack_tell_each_other_everything_once_through_restarts(tmp_path: Path) -> None:
    wanted = with_slack(5, EACH_WITH_SLACK, minutes=1.0)
    with (
        servers.postgres(durable=True) as postgres,
        servers.redis() as redis,
        workspace(SLACK_TELLS_AGAIN) as slack,
    ):
        result = across(wanted, tmp_path, postgres, redis, [slack], print)

    assert result.problems == []
    assert Counter(one.room.name for one in result.outcome.generator.said) == dict.fromkeys(
        ("acme-1", "slack-1", "globex-1", "acme-2", "slack-2", "slack-3"), EACH_WITH_SLACK
    )
    assert {one.kind for one in result.outcome.applied} == set(faults.WITH_SLACK)
    assert result.outcome.verdict.copies == 6 * EACH_WITH_SLACK * 2


@pytest.mark.xdist_group("chaos")
@pytest.mark.usefixtures("postgres", "redis", "synapse", "ircd")
def test_slack_matrix_and_irc_tell_each_other_everything_once_through_restarts(tmp_path: Path) -> None:
    wanted = without_hipchat(5, EACH_WITH_SLACK, minutes=1.5)
    with ExitStack() as running:
        postgres = running.enter_context(servers.postgres(durable=True))
        redis = running.enter_context(servers.redis())
        slack = running.enter_context(workspace(SLACK_TELLS_AGAIN))
        matrix = MatrixSide(running.enter_context(homeserver()))
        irc = running.enter_context(people_on(running.enter_context(inspircd())))
        result = across(wanted, tmp_path, postgres, redis, [slack, matrix, irc], print)

    assert result.problems == []
    assert Counter(one.room.name for one in result.outcome.generator.said) == dict.fromkeys(
        ("slack-1", "matrix-1", "#irc-1", "slack-2", "matrix-2", "#irc-2"), EACH_WITH_SLACK
    )
    assert {one.kind for one in result.outcome.applied} == set(faults.WITHOUT_HIPCHAT)
    assert result.outcome.verdict.copies == 6 * EACH_WITH_SLACK * 2


@pytest.mark.xdist_group("chaos")
@pytest.mark.usefixtures("postgres", "redis", "ircd")
def test_pastes_of_two_rooms_reach_irc_line_by_line_as_they_were(tmp_path: Path) -> None:
    with ExitStack() as running:
        postgres = running.enter_context(servers.postgres(durable=True))
        redis = running.enter_context(servers.redis())
        side = running.enter_context(people_on(running.enter_context(inspircd())))
        result = pastes(5, 40, tmp_path, postgres, redis, side, print)

    assert result.problems == []
    assert result.outcome.verdict.copies == 40 * 2  # the channel, and the other room behind it


def test_shuffled_paste_is_seen() -> None:
    said = [Said(1, HERE, "P1", 3, 0.0), Said(2, HERE, "P1", 2, 0.0)]

    def heard(*pieces: str) -> list[Line]:
        return [Line("", True, "relay", f"[P1] #{piece}.0 fox", 1.0) for piece in pieces]

    good = ("000001.00", "000001.01", "000001.02", "000002.00", "000002.01")
    assert shuffled(said, heard(*good)) == []
    assert shuffled(said, heard(*good[1::-1], *good[2:])) == ["shuffled: #000001"]
    assert shuffled(said, heard(*good[:2], good[3], good[2], good[4])) == [
        *("shuffled: #000001", "shuffled: #000002"),
    ]


# ----------------------------------------------------------------- what a post tells of others


def test_quotation_is_no_copy_but_an_answer() -> None:
    text = "[P1, localhost] > P2: #000012.00.1 so far…\n#000013.00.0 yes"

    assert without_told(text) == "\n#000013.00.0 yes"
    assert told_in(text) == Told(answers={13: {12}})


def test_told_reaction_is_no_copy() -> None:
    text = "[P1, localhost] took back 👍 from “#000012.00.0 so far…”"

    assert without_told(text) == ""
    assert told_in(text) == Told(reactions=[(12, "👍", False)])


def test_reactions_told_together_are_each_known() -> None:
    text = "[P1, localhost] reacted 👍, P2 🎉 to “#000012.00.0 so far…”"

    assert told_in(text) == Told(reactions=[(12, "👍", True), (12, "🎉", True)])


def test_words_are_a_copy() -> None:
    text = "[P1, Acme] #000012.00.0 > “reacted”"

    assert (without_told(text), told_in(text)) == (text, Told())


@pytest.mark.parametrize("tubes", [plan.ACROSS, plan.WITH_IRC, plan.WITH_SLACK, plan.WITHOUT_HIPCHAT])
def test_no_two_rooms_of_a_network_react_with_the_same_emoji(tubes: str) -> None:
    links = network.links(tubes)
    emoji = {}
    for room in network.origins(links):
        kind = {"matrix": MatrixTalk, "slack": SlackTalk}.get(room.profile)
        if kind and not room.is_hipchat:
            talk = kind.__new__(kind)
            talk._room = room
            emoji[room] = talk.emoji

    for room, own in emoji.items():
        assert own not in [emoji.get(other) for other in network.reached(links, room)]


# ----------------------------------------------------------------- what stands in a room


def event(
    id: str, sender: str = "@relay", kind: str = "m.room.message", **content: object
) -> dict[str, object]:
    return {"event_id": id, "sender": sender, "type": kind, "origin_server_ts": 1000, "content": content}


def about(id: str, way: str, **more: str) -> dict[str, object]:
    return {"event_id": id, "rel_type": way, **more}


def test_matrix_room_stands_as_its_clients_show_it() -> None:
    edit = {"m.new_content": {"body": "hello"}, "m.relates_to": about("$1", "m.replace")}
    foreign = {"m.new_content": {"body": "mine"}, "m.relates_to": about("$1", "m.replace")}
    posts, reactions = _told_of(
        [
            event("$1", body="helo"),
            event("$2", body="yes", **{"m.relates_to": {"m.in_reply_to": {"event_id": "$1"}}}),
            event("$3", body="* hello", **edit),
            event("$4", "@ann", body="* mine", **foreign),
            event("$5", kind="m.reaction", **{"m.relates_to": about("$1", "m.annotation", key="👍")}),
            event("$6", kind="m.reaction"),
            event("$7"),
        ]
    )

    shown = {id: (post.content.get("body"), post.answered) for id, post in posts.items()}
    assert shown == {"$1": ("hello", None), "$2": ("yes", "$1"), "$7": (None, None)}
    assert [post.at for post in posts.values()] == sorted({post.at for post in posts.values()})
    assert reactions == [("@relay", "$1", "👍")]


def test_only_what_the_relay_brought_is_noted() -> None:
    room = Standing()
    room.add(Line("m1", False, "P1", "#000012.00.0 plan", 1.0), file=12)
    room.add(Line("m2", True, "relay", "[P1, Acme] > P1: #000012.00.0 plan\n#000013.00.0 see", 2.0), file=13)
    room.add(Line("m3", True, "relay", "[P1, Acme] reacted 👍 to “#000012.00.0 plan”", 3.0))

    assert [line.text for line in room.lines] == ["#000012.00.0 plan", "\n#000013.00.0 see", ""]
    assert room.files == {13: 1}
    assert room.reactions == {(12, "👍"): 1}


# ----------------------------------------------------------------- what is amiss


class Voice(MatrixTalk):
    """Somebody who has said all they have to say."""

    def __init__(self) -> None:
        self._room = HERE
        self.files, self.answers, self.reactions = {1}, {3: 2}, {2: True, 4: False}


GOOD = {"files": Counter([1]), "answers": {3: {2}}, "reactions": Counter([(2, "🎉")])}


@pytest.mark.parametrize(
    ("changed", "said"),
    [
        ({}, []),
        ({"files": Counter()}, ["0 files instead of one: #000001"]),
        ({"files": Counter([1, 1])}, ["2 files instead of one: #000001"]),
        ({"answers": {}}, ["no answer to #000002: #000003"]),
        ({"answers": {3: {1}}}, ["no answer to #000002: #000003"]),
        ({"reactions": Counter()}, ["0 reactions 🎉 instead of 1: to #000002"]),
        (
            {"reactions": Counter([(2, "🎉"), (4, "🎉")])},
            ["1 reactions 🎉 instead of 0: to #000004"],
        ),
    ],
)
def test_everything_tied_to_a_message_is_looked_for(changed: dict[str, object], said: list[str]) -> None:
    standing = {THERE: Standing(**(GOOD | changed))}  # type: ignore[arg-type]

    assert amiss({HERE: Voice()}, PLAN, standing) == [f"{one} from matrix-1 in acme-1" for one in said]
