"""An edit that is told again, or late, does not bring an older text back."""

from dataclasses import replace
from datetime import timedelta

import pytest

from tests import factories
from tests.relay.conftest import Pair, take, texts
from tests.relay.stubbed import deletion_of, edit_of
from tubes.models import Event
from tubes.relay import lanes

pytestmark = pytest.mark.django_db

A_WHILE = timedelta(seconds=5)


def earlier(text: str):
    edit = edit_of("m-1", text)
    return replace(edit, said_at=edit.said_at - A_WHILE)


def kinds() -> list[str]:
    return list(Event.objects.order_by("pk").values_list("kind", flat=True))


def test_an_older_edit_that_comes_later_changes_nothing(pair: Pair) -> None:
    older = earlier("one, nearly")
    take(pair.here.room, factories.said("one", id="m-1"))
    lanes.drain(pair.there.pk)
    take(pair.here.room, edit_of("m-1", "ONE"))
    lanes.drain(pair.there.pk)

    take(pair.here.room, older)
    lanes.drain(pair.there.pk)

    assert texts("globex", "garden") == ["[Ann, Acme] one", "[Ann, Acme] ✎ ONE"]
    assert kinds() == ["message", "edit"]


def test_of_edits_that_come_together_in_the_wrong_order_the_newest_stays(pair: Pair) -> None:
    newest = edit_of("m-1", "ONE")
    take(pair.here.room, factories.said("one", id="m-1"))
    lanes.drain(pair.there.pk)

    take(pair.here.room, newest, replace(edit_of("m-1", "nearly"), said_at=newest.said_at - A_WHILE))
    lanes.drain(pair.there.pk)

    assert texts("globex", "garden") == ["[Ann, Acme] one", "[Ann, Acme] ✎ ONE"]


def test_edits_of_one_moment_and_of_other_messages_are_taken_as_they_come(pair: Pair) -> None:
    first = edit_of("m-1", "ONE")
    take(pair.here.room, factories.said("one", id="m-1"), factories.said("two", id="m-2"))

    take(pair.here.room, first, replace(edit_of("m-1", "One"), said_at=first.said_at))
    take(pair.here.room, replace(edit_of("m-2", "TWO"), said_at=first.said_at - A_WHILE))
    lanes.drain(pair.there.pk)

    assert texts("globex", "garden") == ["[Ann, Acme] One", "[Ann, Acme] TWO"]


def test_an_edit_told_again_after_the_message_was_taken_back_brings_nothing_back(pair: Pair) -> None:
    late = edit_of("m-1", "a secret")
    take(pair.here.room, factories.said("one", id="m-1"))
    lanes.drain(pair.there.pk)
    take(pair.here.room, deletion_of("m-1"))
    lanes.drain(pair.there.pk)

    take(pair.here.room, late, edit_of("m-1", "another"))
    lanes.drain(pair.there.pk)

    assert not any("secret" in text or "another" in text for text in texts("globex", "garden"))
    assert kinds() == ["message", "delete"]


def test_an_edit_that_comes_behind_its_deletion_brings_nothing_back(pair: Pair) -> None:
    take(pair.here.room, factories.said("one", id="m-1"))
    lanes.drain(pair.there.pk)

    take(pair.here.room, deletion_of("m-1"), edit_of("m-1", "a secret"))
    lanes.drain(pair.there.pk)

    assert not any("secret" in text for text in texts("globex", "garden"))
    assert kinds() == ["message", "delete"]


def test_an_edit_with_the_text_that_is_known_is_not_told(pair: Pair) -> None:
    older = earlier("nearly one")
    take(pair.here.room, factories.said("one", id="m-1"))
    lanes.drain(pair.there.pk)

    for edit in (edit_of("m-1", "one"), older):
        take(pair.here.room, edit)
        lanes.drain(pair.there.pk)

    assert texts("globex", "garden") == ["[Ann, Acme] one"]
    assert kinds() == ["message", "edit"]


def test_it_is_the_last_text_that_an_edit_is_compared_with(pair: Pair) -> None:
    take(pair.here.room, factories.said("one", id="m-1"))
    lanes.drain(pair.there.pk)

    for text in ("ONE", "ONE", "one", "one"):
        take(pair.here.room, edit_of("m-1", text))
        lanes.drain(pair.there.pk)

    assert texts("globex", "garden") == ["[Ann, Acme] one", "[Ann, Acme] ✎ ONE", "[Ann, Acme] ✎ one"]


def test_a_message_that_comes_with_its_last_edit_is_posted_once(pair: Pair) -> None:
    older = earlier("nearly one")

    take(pair.here.room, factories.said("one", id="m-1"), edit_of("m-1", "one"))
    take(pair.here.room, older)
    lanes.drain(pair.there.pk)

    assert texts("globex", "garden") == ["[Ann, Acme] one"]
