from contextlib import suppress

import pytest

from connectors.base import OutgoingMessage
from connectors.errors import DeliveryUnknown, LoginRejected, MessageRejected, RetryLater, RoomGone
from connectors.hipchat.connector import HipChatConnector
from tests.connectors.hipchat.harness import SCOPES, HipChatHarness

HELLO = OutgoingMessage(text="[Ann, Acme] hello")


@pytest.mark.parametrize(
    "fault",
    [
        {"cut": "before"},
        {"cut": "inside"},
        {"cut": "garbage"},
        {"status": 502, "body": "<html>Bad gateway</html>", "after": True},
        {"status": 201, "body": {"timestamp": "now"}, "after": True},
        {"status": 200, "body": "<html>maintenance</html>"},
    ],
)
def test_an_unreadable_end_of_a_send_is_unknown(
    fault: dict[str, object], hipchat: HipChatHarness, connector: HipChatConnector
) -> None:
    hipchat.fault(path="/message", method="POST", **fault)

    with pytest.raises(DeliveryUnknown):
        connector.send(hipchat.room, HELLO)


def test_a_refused_connection_is_surely_not_sent(
    hipchat: HipChatHarness, connector: HipChatConnector
) -> None:
    hipchat.server.stop()

    with pytest.raises((RetryLater, DeliveryUnknown)) as caught:
        connector.send(hipchat.room, HELLO)
    assert isinstance(caught.value, RetryLater)


def test_flood_control_binds_the_send_and_not_the_polls(hipchat: HipChatHarness) -> None:
    hipchat.world.set_limits(sends=2)
    connector = HipChatConnector(hipchat.login)
    for _ in range(2):
        connector.send(hipchat.room, HELLO)

    with pytest.raises(RetryLater) as caught:
        connector.send(hipchat.room, HELLO)

    assert caught.value.seconds is not None
    assert 0 < caught.value.seconds <= 62
    assert len(connector.recent(hipchat.room).events) == 2


def test_a_used_up_limit_names_the_time(hipchat: HipChatHarness, connector: HipChatConnector) -> None:
    hipchat.world.exhaust_limit(hipchat.token)

    with pytest.raises(RetryLater) as caught:
        connector.send(hipchat.room, HELLO)

    assert caught.value.seconds is not None
    assert 0 < caught.value.seconds <= 302


def test_a_reset_given_as_seconds_is_understood(hipchat: HipChatHarness, connector: HipChatConnector) -> None:
    hipchat.world.set_switches(reset_as_delta=True)
    hipchat.world.exhaust_limit(hipchat.token)

    with pytest.raises(RetryLater) as caught:
        connector.send(hipchat.room, HELLO)

    assert caught.value.seconds is not None
    assert 50 < caught.value.seconds <= 62


def test_our_own_budget_stops_us_before_the_service_does(hipchat: HipChatHarness) -> None:
    hipchat.world.set_limits(requests=100)
    connector = HipChatConnector(hipchat.login)
    connector.newest(hipchat.room)  # learns the limit
    sent = 0
    with suppress(RetryLater):
        while sent < 200:
            connector.send(hipchat.room, HELLO)
            sent += 1

    [counts] = hipchat.world.request_counts().values()
    assert 50 < sent < counts["total"] < 100
    connector.recent(hipchat.room)  # what is kept for settling is still there


def test_a_text_that_is_too_long_is_rejected_for_good(
    hipchat: HipChatHarness, connector: HipChatConnector
) -> None:
    with pytest.raises(MessageRejected):
        connector.send(hipchat.room, OutgoingMessage(text="x" * 1001))


def test_a_room_we_were_removed_from_is_gone(hipchat: HipChatHarness, connector: HipChatConnector) -> None:
    private = hipchat.world.create_room(
        hipchat.person.id, "Private", privacy="private", members=[hipchat.ann.id]
    )
    room = str(private.id)
    connector.send(room, HELLO)  # type: ignore[arg-type]
    hipchat.world.remove_member(private.id, hipchat.ann.id)

    with pytest.raises(RoomGone):
        connector.send(room, HELLO)  # type: ignore[arg-type]


def test_a_token_that_may_not_send_is_a_refused_login(hipchat: HipChatHarness) -> None:
    token = hipchat.world.create_token(hipchat.ann.id, SCOPES[1:]).token

    with pytest.raises(LoginRejected, match="send_message"):
        HipChatConnector(hipchat.login_with(token)).send(hipchat.room, HELLO)


@pytest.mark.parametrize("text", ["@all look", "ping @here", '@"Bo Ray"', "(@Bo)", "@Bo @Bo"])
def test_foreign_text_pings_nobody(text: str, hipchat: HipChatHarness, connector: HipChatConnector) -> None:
    connector.send(hipchat.room, OutgoingMessage(text=connector.escape(text)))

    [message] = hipchat.world.messages.all(hipchat.room_record.chat)
    assert message.mentions == []


def test_an_address_stays_as_it_is(connector: HipChatConnector) -> None:
    assert connector.escape("write to ann@example.com") == "write to ann@example.com"


@pytest.mark.parametrize("status", [301, 302, 307, 402, 409, 423, 425])
def test_a_passing_refusal_is_a_reason_to_try_later(
    status: int, hipchat: HipChatHarness, connector: HipChatConnector
) -> None:
    hipchat.fault(path="/message", method="POST", status=status, body="<html>maintenance</html>")

    with pytest.raises(RetryLater):
        connector.send(hipchat.room, HELLO)


@pytest.mark.parametrize("status", [403, 404])
def test_a_proxys_page_does_not_take_the_room_away(
    status: int, hipchat: HipChatHarness, connector: HipChatConnector
) -> None:
    hipchat.fault(path="/message", method="POST", status=status, body="<html>nginx</html>")

    with pytest.raises(RetryLater):
        connector.send(hipchat.room, HELLO)
