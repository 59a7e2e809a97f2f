"""Commands are kept in their room, noted once, carried out once, and answered there."""

from dataclasses import replace

import pytest

from connectors.base import Kind
from connectors.echo.connector import EchoConnector
from connectors.markup.tree import Bold, Document, Italic, Paragraph, Text
from connectors.registry import connectors
from tests import factories
from tests.relay.commanding import answers, everyone_may, last_answer, obey, type_in
from tests.relay.conftest import Clock, Pair, Rings, drain_all, take, texts
from tests.relay.stubbed import echo, edit_of
from tubes import tasks
from tubes.models import Command, Delivery, Event, Post, Seat
from tubes.relay import commands
from tubes.services import commanding
from tubes.services.commanding import asking, carrying
from tubes.services.commanding.asked import Answer

pytestmark = pytest.mark.django_db


def test_a_command_and_its_answer_stay_in_the_room_and_in_order(pair: Pair) -> None:
    pair.say("before", "-sameroom who", "after")

    obey()

    assert texts("globex", "garden") == ["[Ann, Acme] before", "[Ann, Acme] after"]
    [answer] = texts("acme", "lobby")
    assert answer.startswith(
        "[Sameroom] In these rooms people hear each other:\n• Lobby (Acme) – this room: Ann"
    )


@pytest.mark.parametrize(
    "typed",
    [
        "-sameroom who",
        "-SAMEROOM  WHO",
        "  -sameroom who",
        "–sameroom who",
        "—sameroom who",
        "--sameroom who",
    ],
)
def test_a_command_is_known_however_it_is_typed(pair: Pair, typed: str) -> None:
    type_in(pair.here, typed)

    assert last_answer().startswith("In these rooms")


@pytest.mark.parametrize(
    "said", ["say -sameroom who", "-sameroomy", "sameroom who", "@sameroom who", "> -sameroom", "^^ no"]
)
def test_what_only_looks_like_a_command_is_relayed(pair: Pair, said: str) -> None:
    type_in(pair.here, said)

    assert texts("globex", "garden") == [f"[Ann, Acme] {said}"]
    assert answers() == []


def test_an_app_is_called_by_its_name(pair: Pair, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(EchoConnector, "capabilities", replace(EchoConnector.capabilities, apps=True))

    type_in(pair.here, "@sameroom who")

    assert last_answer().startswith("In these rooms")


def test_the_prefix_alone_is_answered_with_help(pair: Pair) -> None:
    type_in(pair.here, "-sameroom")

    assert last_answer().startswith("Type “-sameroom” and one of these:\n• help – this list")
    assert "^^^" in last_answer()


def test_an_unknown_command_is_answered_with_one_helpful_line(pair: Pair) -> None:
    type_in(pair.here, "-sameroom dance now")

    assert answers() == ["There is no command “dance”. Type “-sameroom help” for a list."]


def test_a_message_with_three_carets_stays_in_its_room(pair: Pair) -> None:
    pair.say("^^^ not for the others", "^^^", "for them")

    obey()

    assert texts("globex", "garden") == ["[Ann, Acme] for them"]
    assert answers() == []
    assert list(Event.objects.order_by("pk").values_list("body", flat=True))[:2] == [None, None]


def test_what_answers_a_message_that_stays_does_not_quote_it(pair: Pair) -> None:
    kept = factories.said("^^^ the secret plan")

    take(pair.here.room, kept, replace(factories.said("I agree"), reply_to=kept.id))
    drain_all()

    [relayed] = texts("globex", "garden")
    assert "I agree" in relayed
    assert "secret" not in relayed


@pytest.mark.parametrize("changed", ["^^^ not for the others", "-sameroom open", "-sameroom"])
@pytest.mark.parametrize("is_posted", [True, False])
def test_what_a_message_is_changed_into_may_stay_in_its_room_too(
    pair: Pair, changed: str, is_posted: bool
) -> None:
    said = factories.said("for them")
    take(pair.here.room, said)
    if is_posted:
        drain_all()

    take(pair.here.room, edit_of(said.id, changed))
    obey()

    assert texts("globex", "garden") == ["[Ann, Acme] for them"]
    assert answers() == []
    assert Event.objects.get(kind="edit").body is None


@pytest.mark.parametrize("begin", ["-sameroom who", "^^^ secret"])
def test_what_stays_is_known_in_bold_as_well(pair: Pair, begin: str) -> None:
    body = Document((Paragraph((Bold((Italic((Text(begin),)),)),)),))

    take(pair.here.room, replace(factories.said(), body=body))
    obey()

    assert texts("globex", "garden") == []
    assert len(answers()) == (begin == "-sameroom who")


def test_a_redelivered_command_is_carried_out_once(pair: Pair) -> None:
    said = factories.said("-sameroom dance")

    take(pair.here.room, said)
    take(pair.here.room, said)
    obey()
    obey()

    assert len(answers()) == 1


def test_what_nobody_rang_for_is_found_by_the_sweep(pair: Pair, rings: Rings) -> None:
    take(pair.here.room, factories.said("-sameroom dance"))
    [command] = Command.objects.all()
    rings.rung.clear()

    tasks.sweep()

    assert ("tubes.tasks.carry_out", (command.pk,), 0.0) in rings.rung
    tasks.carry_out(command.pk)
    assert len(answers()) == 1


def test_a_command_rings_once_it_is_committed(
    pair: Pair, rings: Rings, django_capture_on_commit_callbacks: object
) -> None:
    with django_capture_on_commit_callbacks(execute=True):  # type: ignore[operator]
        take(pair.here.room, factories.said("-sameroom dance"))

    assert [ring[0] for ring in rings.rung].count("tubes.tasks.carry_out") == 1


def test_whoever_died_over_a_command_is_replaced(
    pair: Pair, time: Clock, monkeypatch: pytest.MonkeyPatch
) -> None:
    take(pair.here.room, factories.said("-sameroom dance"))
    [command] = Command.objects.all()
    assert commands.claim(command.pk) is not None  # and then it died

    obey()
    assert answers() == []
    time.forward(121)
    obey()

    assert len(answers()) == 1


def test_whoever_took_too_long_answers_no_more(pair: Pair, time: Clock) -> None:
    take(pair.here.room, factories.said("-sameroom dance"))
    slow = commands.claim(Command.objects.get().pk)
    assert slow is not None
    time.forward(121)
    obey()

    carrying._end(slow, pair.here, Answer("twice"))

    assert len(answers()) == 1


def test_a_fault_of_ours_is_tried_three_times_and_then_said(
    pair: Pair, time: Clock, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(asking, "network_of", lambda room: 1 / 0)
    take(pair.here.room, factories.said("-sameroom who"))

    for _ in range(4):
        obey()
        time.forward(121)

    assert answers() == ["That did not work, by a fault of ours. Try it again later."]
    assert commands.due() == []


def test_what_we_say_ourselves_is_no_command(pair: Pair) -> None:
    type_in(pair.here, "-sameroom dance")
    [post] = Post.objects.all()
    take(pair.here.room, echo(pair.here, texts("acme", "lobby")[0], post.remote_id))

    obey()

    assert len(answers()) == 1
    assert texts("globex", "garden") == []


def test_what_an_integration_says_is_neither_a_command_nor_relayed(pair: Pair) -> None:
    take(pair.here.room, replace(factories.said("-sameroom who"), kind=Kind.NOTICE))
    nobody = replace(factories.said("-sameroom who"), author=replace(factories.said().author, id=""))
    take(pair.here.room, nobody)

    obey()

    assert (answers(), texts("globex", "garden"), Command.objects.count()) == ([], [], 0)


def test_a_command_from_a_room_without_a_seat_in_use_is_ignored(pair: Pair) -> None:
    pair.tube.status = "closed"
    pair.tube.save()

    type_in(pair.here, "-sameroom who")

    assert (Command.objects.count(), answers()) == (0, [])


def test_a_command_that_could_not_be_read_in_time_is_not_carried_out(pair: Pair, time: Clock) -> None:
    everyone_may(pair.here)
    said = factories.said("-sameroom disable")
    time.forward(11 * 60)

    take(pair.here.room, said)
    obey()

    assert "could only be read now. Type it again" in last_answer()


def test_of_a_flood_ten_are_answered_then_one_line_and_silence(pair: Pair, time: Clock) -> None:
    for _ in range(15):
        take(pair.here.room, factories.said("-sameroom dance"))
    take(pair.here.room, factories.said("-sameroom dance", name="Bob"))
    obey()

    assert len(answers()) == 12
    assert [text for text in answers() if text.startswith("Too many commands")] == [answers()[10]]
    assert texts("globex", "garden") == []
    time.forward(61)
    type_in(pair.here, "-sameroom dance")
    assert len(answers()) == 13


def test_many_people_flood_a_room_together(pair: Pair) -> None:
    for number in range(40):
        take(pair.here.room, factories.said("-sameroom dance", name=f"Bot {number}"))
    obey()

    assert len(answers()) == 31


def test_a_sandbox_room_is_answered_by_its_own_service(sides: object) -> None:
    sides.say("Acme", "-sameroom help")  # type: ignore[attr-defined]
    sides.relay()  # type: ignore[attr-defined]
    obey()

    assert "-sameroom" in sides.texts("Support")[-1]  # type: ignore[attr-defined]
    assert sides.texts("Helpdesk") == []  # type: ignore[attr-defined]
    sides.relay()  # type: ignore[attr-defined]
    assert sides.texts("Helpdesk") == []  # type: ignore[attr-defined]


# ----------------------------------------------------------------- who may


def test_by_default_everybody_asks_and_only_listed_people_change_something(pair: Pair) -> None:
    type_in(pair.here, "-sameroom format")
    assert last_answer().startswith("authors are shown by Display Name")
    type_in(pair.here, "-sameroom format both")
    assert last_answer() == (
        "Only people may do this whom the owner of this connection has listed. "
        "The owner can add “ann” under Options on Manage."
    )

    Seat.objects.filter(pk=pair.here.pk).update(listed_people="bob, @Ann")
    type_in(pair.here, "-sameroom format both")

    assert last_answer().startswith("From now on: authors are shown by Display Name (Username)")


def test_a_shown_name_lists_nobody(pair: Pair) -> None:
    Seat.objects.filter(pk=pair.here.pk).update(listed_people="Boss")
    imposter = factories.said("-sameroom format both", name="Boss")
    take(pair.here.room, replace(imposter, author=replace(imposter.author, username="mallory")))
    obey()

    assert last_answer().startswith("Only people may do this")


def test_whoever_uses_the_linked_account_itself_may_do_everything(pair: Pair) -> None:
    type_in(pair.here, "-sameroom format both", user_id=pair.here.account.remote_user_id)

    assert last_answer().startswith("From now on")


@pytest.mark.parametrize(("who", "asks"), [("everyone", True), ("asking", True), ("listed", False)])
def test_the_owner_says_who_may_ask(pair: Pair, who: str, asks: bool) -> None:
    Seat.objects.filter(pk=pair.here.pk).update(commanders=who)

    type_in(pair.here, "-sameroom who")

    assert last_answer().startswith("In these rooms") is asks


def test_where_nobody_may_command_there_is_silence(pair: Pair) -> None:
    Seat.objects.filter(pk=pair.here.pk).update(commanders="nobody", listed_people="ann")

    type_in(pair.here, "-sameroom who")

    assert (answers(), texts("globex", "garden")) == ([], [])


def test_a_command_is_for_the_reader_unless_it_names_another(pair: Pair) -> None:
    other = factories.account(team="acme", remote_user_name="Second Bot")
    seat = factories.seat(other, pair.here.room, commanders="everyone")
    factories.tube(seat, factories.seat(factories.account(other.owner, team="initech")))

    type_in(pair.here, "-sameroom format both")
    type_in(pair.here, "-sameroom format both for second bot")

    assert answers()[0].startswith("Only people may do this")
    assert answers()[1].startswith("From now on")
    assert Delivery.objects.latest("pk").seat == seat
    drain_all()


def test_carrying_out_what_is_gone_does_nothing(pair: Pair) -> None:
    commanding.carry_out(12345)

    assert answers() == []


def test_where_anybody_can_take_a_name_nobody_is_known_by_it(
    pair: Pair, monkeypatch: pytest.MonkeyPatch
) -> None:
    free = replace(EchoConnector.capabilities, names_are_owned=False)
    monkeypatch.setattr(EchoConnector, "capabilities", free)
    Seat.objects.filter(pk=pair.here.pk).update(listed_people="ann")

    type_in(pair.here, "-sameroom format both", user_id=pair.here.account.remote_user_id)
    assert last_answer().startswith("Anybody can take a name at Echo, so this is for nobody here")
    type_in(pair.here, "-sameroom who")
    assert last_answer().startswith("In these rooms")
    everyone_may(pair.here)
    type_in(pair.here, "-sameroom format both")
    assert last_answer().startswith("From now on")


def test_irc_lets_anybody_take_a_name() -> None:
    owned = {kind: service.capabilities.names_are_owned for kind, service in connectors().items()}

    assert {kind for kind, is_owned in owned.items() if not is_owned} == {"irc"}
