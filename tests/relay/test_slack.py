"""The relay between channels of a Slack of our own: pushed, read for safety, under the authors' names."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any
from urllib.parse import urlsplit

import pytest
from django.core.cache import cache
from django.test import Client

from accounts.models import LinkedAccount
from accounts.services import account_link, account_refresh_quietly
from connectors.slack import files, history
from connectors.slack.connector import SlackConnector
from connectors.slack.forms import SlackCredentialsForm
from sameroom import clock
from tests import factories
from tests.connectors.slack.harness import SlackHarness, start
from tests.fakeslack.receiver import Receiver, receiving
from tests.relay.conftest import Clock, statuses, take
from tests.relay.stubbed import kinds_taken_in
from tests.waiting import until
from tubes.models import Event, Room, RoomListing, Tube
from tubes.relay import guard, hooking, lanes, reading
from tubes.services import tube_open, tube_pause, tube_resume

pytestmark = pytest.mark.django_db
SECRET = "5" * 32


class Channels:
    """A Tube between #here and #there of one workspace. Ann talks in the one, Bob in the other."""

    def __init__(self, harness: SlackHarness, receiver: Receiver) -> None:
        self.slack, self.receiver, self.ann = harness.slack, receiver, harness.person
        self.bob = self.slack.person("bob", display_name="Bob")
        harness.app.signing_secret = SECRET
        self.here = harness.channel
        self.there = self.slack.channel("there", self.bob, harness.bot)
        owner = factories.user()
        data = {"token": harness.token.value, "signing_secret": SECRET}
        form = SlackCredentialsForm(data, connector_class=SlackConnector)
        assert form.is_valid(), form.errors
        self.account: LinkedAccount = account_link(owner=owner, form=form)
        account_refresh_quietly(account=self.account)
        listings = [RoomListing.objects.get(remote_id=one.id) for one in (self.here, self.there)]
        self.tube = tube_open(owner=owner, listing_a=listings[0], listing_b=listings[1])
        for seat_id in hooking.due_seats():
            hooking.settle(seat_id)

    @property
    def room(self) -> Room:
        return Room.objects.select_related("reader__account").get(remote_id=self.here.id)

    def push(self) -> list[int]:
        """Hand on what Slack has pushed meanwhile, in the order in which it happened."""
        self.slack.settle()
        taken, self.receiver.requests[:] = list(self.receiver.requests), []
        taken.sort(key=lambda request: str(request.event.get("event_ts")))
        path = urlsplit(hooking.address_of(self.account)).path
        return [self._post(path, request) for request in taken]

    def _post(self, path: str, request: Any) -> int:
        headers = {name: request.headers[name] for name in request.headers if name.startswith("x-slack")}
        answer = Client().post(path, request.body, content_type="application/json", headers=headers)
        return int(answer.status_code)

    def poll(self) -> None:
        Room.objects.filter(pk=self.room.pk).update(next_poll_at=clock.now())
        reading.poll(self.account.pk)

    def post(self) -> None:
        """Post all that waits."""
        for seat in (self.tube.side_a_id, self.tube.side_b_id):
            lanes.drain(seat)

    def relay(self) -> None:
        for _ in range(3):
            self.push()
            self.post()

    def wait(self) -> float:
        due = self.room.next_poll_at
        assert due is not None
        return (due - clock.now()).total_seconds()


@pytest.fixture
def channels(settings: Any) -> Iterator[Channels]:
    guard.forget()
    cache.clear()
    with start() as harness, receiving() as receiver:
        harness.slack.listen(harness.app, receiver.url)
        receiver.requests.clear()
        settings.SLACK_API_URL = harness.login.server
        made = Channels(harness, receiver)
        made.push()
        made.poll()
        yield made
    guard.forget()
    cache.clear()


def test_both_ways_under_the_authors_names_and_without_loops(channels: Channels) -> None:
    root = channels.slack.say(channels.here, channels.ann, "Has the *parcel* left?")
    channels.relay()
    [copy] = channels.slack.history(channels.there)
    channels.slack.reply(copy, channels.bob, "An hour ago.")
    channels.relay()

    assert (copy.text, copy.username) == ("Has the *parcel* left?", "Ann")
    [*_, answer] = channels.slack.history(channels.here)
    assert (answer.text, answer.username, answer.thread_ts) == ("An hour ago.", "Bob", root.ts)
    assert Event.objects.count() == 2
    assert statuses() == ["sent", "sent"]


def test_edits_deletions_and_reactions_follow(channels: Channels) -> None:
    message = channels.slack.say(channels.here, channels.ann, "helo")
    channels.relay()
    channels.slack.edit(message, "hello")
    channels.slack.react(message, channels.ann, "tada")
    channels.relay()
    [copy] = channels.slack.history(channels.there)
    assert (copy.text, list(copy.reactions)) == ("hello", ["tada"])

    channels.slack.unreact(message, channels.ann, "tada")
    channels.relay()
    assert copy.reactions == {}
    channels.slack.delete(message)
    channels.relay()
    assert channels.slack.history(channels.there) == []


def test_channel_whose_news_are_pushed_is_read_for_safety_only(channels: Channels) -> None:
    assert channels.wait() < 60
    channels.slack.say(channels.here, channels.ann, "hello")
    due = channels.room.next_poll_at

    assert channels.push() == [200]

    assert (Event.objects.count(), channels.room.next_poll_at) == (1, due)
    channels.poll()
    assert (Event.objects.count(), channels.room.is_announced) == (1, True)
    assert 200 < channels.wait() <= 300


def test_what_was_never_pushed_is_found_and_the_channel_read_more_often(channels: Channels) -> None:
    channels.slack.say(channels.here, channels.ann, "pushed")
    channels.push()
    channels.poll()
    channels.slack.fault("event_lost", on="message", count=1)
    channels.slack.say(channels.here, channels.ann, "lost")
    channels.push()

    channels.poll()

    assert Event.objects.count() == 2
    assert not channels.room.is_announced
    assert channels.wait() < 60


def test_repeated_push_is_taken_in_once(channels: Channels) -> None:
    channels.slack.fault("event_twice", on="message", count=1)
    channels.slack.say(channels.here, channels.ann, "once")

    assert channels.push() == [200, 200]
    assert Event.objects.count() == 1


def test_author_who_is_not_known_yet_makes_the_channel_due(channels: Channels) -> None:
    channels.poll()
    cache.clear()
    channels.slack.say(channels.here, channels.ann, "hello")

    assert channels.push() == [200]

    assert Event.objects.count() == 0
    assert channels.wait() <= 1
    channels.poll()
    assert Event.objects.get().author_name == "Ann"


def test_edits_that_are_told_after_the_history_was_read_are_known(channels: Channels) -> None:
    message = channels.slack.say(channels.here, channels.ann, "one")
    for text in ("two", "three"):
        channels.slack.edit(message, text)
    channels.poll()
    channels.post()

    channels.relay()

    [copy] = channels.slack.history(channels.there)
    assert (copy.text, copy.edited) == ("three", None)
    assert kinds_taken_in() == ["message", "edit"]


def test_edit_of_a_post_of_ours_is_not_taken_for_one_that_was_cut_off(
    channels: Channels, time: Clock
) -> None:
    message = channels.slack.say(channels.here, channels.ann, "one")
    channels.relay()
    channels.slack.edit(message, "two")
    channels.relay()
    channels.slack.say(channels.here, channels.ann, "two")
    channels.push()
    channels.slack.fault("reset", on="chat.postMessage", count=1)
    channels.post()

    for _ in range(2):
        time.forward(60)
        channels.post()

    assert channels.slack.texts(channels.there) == ["two", "two"]


@pytest.mark.parametrize("is_copy", [False, True])
def test_reaction_that_is_told_after_it_was_taken_back_does_not_stand(
    channels: Channels, is_copy: bool
) -> None:
    message = channels.slack.say(channels.here, channels.ann, "lunch?")
    channels.relay()
    [copy] = channels.slack.history(channels.there)
    target, other = (copy, message) if is_copy else (message, copy)
    who = channels.bob if is_copy else channels.ann
    channels.slack.react(target, who, "tada")
    channels.slack.settle()
    late, channels.receiver.requests[:] = list(channels.receiver.requests), []
    channels.slack.unreact(target, who, "tada")
    channels.relay()
    assert statuses() == ["sent"]  # nothing was taken back there
    channels.receiver.requests += late
    channels.relay()

    assert other.reactions == {}
    channels.slack.react(target, who, "tada")
    channels.relay()
    assert list(other.reactions) == ["tada"]


@pytest.mark.parametrize("text", ["once", "a ```b``` `c` \\`d *e* _f_ ~g~ <h> & &amp; ˋ"])
def test_send_that_was_cut_off_is_found_in_the_history(channels: Channels, time: Clock, text: str) -> None:
    channels.slack.say(channels.here, channels.ann, "before")
    channels.relay()
    take(channels.room, factories.said(text))
    channels.slack.fault("reset", on="chat.postMessage", count=1, stored=True)
    channels.post()
    assert statuses() == ["sent", "sending"]

    for _ in range(2):
        time.forward(60)
        channels.post()

    assert statuses() == ["sent", "sent"]
    assert len(channels.slack.texts(channels.there)) == 2


def test_quiet_answer_that_was_cut_off_is_found_in_its_old_thread(
    channels: Channels, time: Clock, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(history, "LATEST", 2)
    channels.account.credentials = channels.account.credentials | {"quiet_replies": "on"}
    channels.account.save()
    root = channels.slack.say(channels.here, channels.ann, "root")
    for number in range(3):
        channels.slack.say(channels.here, channels.ann, str(number))
    channels.relay()
    channels.slack.reply(root, channels.ann, "yes")
    channels.push()
    channels.slack.fault("reset", on="chat.postMessage", count=1, stored=True)
    channels.post()
    assert statuses()[-1] == "sending"

    for _ in range(2):
        time.forward(60)
        channels.post()

    assert statuses()[-1] == "sent"
    assert channels.slack.texts(channels.there) == ["root", "0", "1", "2", "yes"]


def test_answer_that_was_given_while_a_tube_was_paused_stays_unsaid(channels: Channels) -> None:
    owner = channels.account.owner
    root = channels.slack.say(channels.here, channels.ann, "root")
    channels.relay()
    tube_pause(tube=channels.tube, by=owner)
    channels.slack.reply(root, channels.ann, "between us")

    tube_resume(tube=Tube.objects.get(), by=owner)
    channels.slack.say(channels.here, channels.ann, "hello again")
    channels.poll()
    channels.relay()

    assert channels.slack.texts(channels.there) == ["root", "hello again"]


def test_file_whose_message_is_told_late_is_known_as_ours(
    channels: Channels, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(files, "_PAUSE", 0.01)
    channels.slack.core.files.sharing = 0.5
    channels.slack.upload(channels.here, channels.ann, "plan.pdf", b"%PDF", "the *plan*")
    channels.relay()
    until(lambda: channels.slack.history(channels.there))
    channels.relay()

    [copy] = channels.slack.history(channels.there)
    assert ([one.content for one in copy.files], copy.text) == ([b"%PDF"], "*[Ann, Acme]* the *plan*")
    assert (Event.objects.count(), statuses()) == (1, ["sent"])
    assert len(channels.slack.history(channels.here)) == 1


def test_file_that_was_cut_off_is_found_in_the_history(channels: Channels, time: Clock) -> None:
    channels.slack.upload(channels.here, channels.ann, "plan.pdf", b"%PDF", "the plan")
    channels.push()
    channels.slack.fault("reset", on="files.completeUploadExternal", count=1, stored=True)
    channels.post()
    assert statuses() == ["sending"]
    channels.slack.settle()

    time.forward(SlackConnector.capabilities.file_deadline + 10)
    channels.post()

    assert statuses() == ["sent"]
    assert channels.slack.texts(channels.there) == ["*[Ann, Acme]* the plan"]


def test_owners_own_secret_is_not_believed_where_others_sit(channels: Channels) -> None:
    seat = factories.seat(factories.account(kind="slack", space=channels.account.space), channels.room)
    factories.tube(seat)
    channels.slack.say(channels.here, channels.ann, "hello")

    assert channels.push() == [200]

    assert Event.objects.count() == 0
    assert channels.wait() <= 1
    channels.poll()
    assert Event.objects.count() == 1
