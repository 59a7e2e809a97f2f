"""What a Seat keeps out of its room: words, files, and who comes and goes elsewhere."""

from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import pytest
from django.core.cache import cache

from connectors.base import Attachment, IncomingEvent, Kind, MessageId
from connectors.markup import plain
from connectors.markup.tree import from_json
from tests import factories
from tests.relay.conftest import Pair, drain_all, statuses, take, texts
from tests.relay.stubbed import PLAIN, World, deletion_of, edit_of
from tubes.models import Delivery, Event, Seat
from tubes.relay import screening

pytestmark = pytest.mark.django_db


@pytest.fixture
def _one_a_day(settings: Any) -> Iterator[None]:
    settings.DAILY_MESSAGES = 1
    cache.clear()
    yield
    cache.clear()


def choose(seat: Seat, **options: object) -> None:
    Seat.objects.filter(pk=seat.pk).update(**options)


def presence(name: str = "Ann", words: str = "has joined", **more: str) -> IncomingEvent:
    """Somebody has come, gone, or set the topic."""
    said = factories.said(words, name=name, **more)
    return replace(said, kind=Kind.NOTICE, id=MessageId(""), is_presence=True)


# ----------------------------------------------------------------- words


def test_a_filtered_message_stays_out_of_one_room_and_goes_on_behind_it(world: World) -> None:
    a, b, _ = world.chain("a", "b", "c")
    choose(b, filtered_words="pizza\nhot dog")

    take(a.room, factories.said("Pizza?"), factories.said("A HOT  dog!"), factories.said("pizzas"))
    drain_all()

    assert world.texts("b") == ["[Ann, Stub] pizzas"]
    assert world.texts("c") == ["[Ann, Stub] Pizza?", "[Ann, Stub] A HOT  dog!", "[Ann, Stub] pizzas"]
    assert statuses() == ["sent"] * 4


def test_a_file_is_filtered_by_its_name(pair: Pair) -> None:
    choose(pair.there, filtered_words="pizza")
    file = Attachment("pizza.png", 10, "https://files.example/pizza.png")

    take(pair.here.room, replace(factories.said("look"), attachments=[file]))

    assert statuses() == []


@pytest.mark.parametrize("features", ["history,ids,edits,deletes", PLAIN])
def test_an_edit_that_brings_a_word_in_is_not_posted(world: World, features: str) -> None:
    a, b = world.chain("a", "b", features=features)
    choose(b, filtered_words="pizza")
    said = factories.said("lunch?")
    take(a.room, said)
    drain_all()

    take(a.room, edit_of(said.id, "pizza?"))
    drain_all()

    assert world.texts("b") == ["[Ann, Stub] lunch?"]


def test_an_edit_that_brings_a_word_in_leaves_a_copy_that_still_waits(world: World) -> None:
    a, b, _ = world.chain("a", "b", "c")
    choose(b, filtered_words="pizza")
    said = factories.said("lunch?")
    take(a.room, said)

    take(a.room, edit_of(said.id, "pizza?"))
    drain_all()

    assert world.texts("b") == ["[Ann, Stub] lunch?"]
    assert world.texts("c") == ["[Ann, Stub] pizza?"]


def test_a_deletion_takes_back_what_waits_in_a_room_that_filters(world: World) -> None:
    a, b = world.chain("a", "b")
    said = factories.said("lunch?")
    take(a.room, said)
    choose(b, filtered_words="lunch")

    take(a.room, deletion_of(said.id))
    drain_all()

    assert world.texts("b") == []


def test_an_edit_that_takes_the_word_out_comes_too_late(pair: Pair) -> None:
    choose(pair.there, filtered_words="pizza")
    said = factories.said("pizza?")
    take(pair.here.room, said)

    take(pair.here.room, edit_of(said.id, "lunch?"))
    drain_all()

    assert texts("globex", "garden") == []


def test_nothing_is_looked_at_where_nothing_is_filtered(pair: Pair, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(screening, "_said", lambda event: 1 / 0)

    pair.say("hello")

    assert statuses() == ["queued"]


@pytest.mark.usefixtures("_one_a_day")
def test_what_is_filtered_does_not_count(pair: Pair) -> None:
    choose(pair.there, filtered_words="pizza")

    pair.say("pizza")
    pair.say("hello")
    drain_all()

    assert texts("globex", "garden") == ["[Ann, Acme] hello"]


# ----------------------------------------------------------------- files


def test_files_are_only_told_of_where_they_are_off(pair: Pair) -> None:
    choose(pair.there, takes_files=False)
    linked = Attachment("menu.pdf", 12_300, "https://files.example/menu.pdf")
    behind = Attachment("plan.pdf", None, "", "reference")

    take(pair.here.room, replace(factories.said("see"), attachments=[linked, behind]))
    drain_all()

    assert texts("globex", "garden") == ["[Ann, Acme] see\nmenu.pdf (12.3 KB)\nplan.pdf"]


# ----------------------------------------------------------------- who comes and goes


def test_presence_is_told_where_it_is_wanted_and_walks_on(world: World) -> None:
    a, _, c = world.chain("a", "b", "c")
    choose(c, takes_presence=True)

    take(a.room, presence(), presence(words="has left (bye)"))
    drain_all()

    assert world.texts("b") == []
    assert world.texts("c") == ["[Ann, Stub] has joined", "[Ann, Stub] has left (bye)"]


def test_presence_that_nobody_wants_leaves_no_row(pair: Pair) -> None:
    take(pair.here.room, presence(), factories.said("hello"))

    assert [plain_text(event) for event in Event.objects.all()] == ["hello"]


def test_presence_is_not_kept_for_the_room_where_it_happens(pair: Pair) -> None:
    choose(pair.here, takes_presence=True)

    take(pair.here.room, presence())

    assert not Event.objects.exists()


def test_our_own_accounts_come_and_go_unnoticed(pair: Pair) -> None:
    choose(pair.there, takes_presence=True)

    take(pair.here.room, presence(user_id=pair.here.account.remote_user_id))

    assert not Event.objects.exists()


@pytest.mark.usefixtures("_one_a_day")
def test_presence_is_no_talk(pair: Pair) -> None:
    choose(pair.there, takes_presence=True)

    take(pair.here.room, *[presence() for _ in range(12)])
    pair.say("hello")
    drain_all(20)

    assert texts("globex", "garden") == ["[Ann, Acme] has joined"] * 12 + ["[Ann, Acme] hello"]
    assert set(statuses()) == {"sent"}
    assert set(Event.objects.filter(is_presence=True).values_list("fingerprint", flat=True)) == {""}


def test_presence_of_the_muted_and_with_filtered_words_is_not_told(pair: Pair) -> None:
    choose(pair.there, takes_presence=True, filtered_words="pizza")

    take(pair.here.room, presence(words="has set the topic to: Pizza"), presence())
    drain_all()

    assert texts("globex", "garden") == ["[Ann, Acme] has joined"]
    assert Delivery.objects.count() == 1


def plain_text(event: Event) -> str:
    return plain.render(from_json(event.body))
