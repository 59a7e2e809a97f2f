"""Files through the relay: HipChat at both ends, over real sockets."""

import pytest

from connectors.base import OutgoingFile
from connectors.hipchat.connector import HipChatConnector
from tests.relay.conftest import Clock, statuses
from tests.relay.sandboxed import Sides
from tubes.models import Delivery, Event, Post

pytestmark = pytest.mark.django_db

PNG = b"\x89PNG\r\n\x1a\n" + bytes(range(256)) * 40


def test_a_file_arrives_with_its_description_once(sides: Sides) -> None:
    sides.share("Acme", "Bild über alles.png", PNG, "see this")
    sides.say("Acme", "and this")
    sides.relay()

    assert sides.texts("Helpdesk") == ["[Ann Lee, Acme] see this", "[Ann Lee, Acme] and this"]
    assert sides.files("Helpdesk") == [("Bild über alles.png", PNG)]
    assert sides.texts("Support") == ["see this", "and this"]  # nothing came back
    assert set(statuses()) == {"sent"}


def test_a_file_without_a_word_is_under_its_authors_name(sides: Sides) -> None:
    sides.share("Acme", "notes.json", b'{"a": 1}')
    sides.relay()

    assert sides.texts("Helpdesk") == ["[Ann Lee, Acme]"]
    assert sides.files("Helpdesk") == [("notes.json", b'{"a": 1}')]


def test_a_file_behind_a_login_is_fetched_with_it(sides: Sides) -> None:
    sides.server.world.set_switches(authenticated_files=True)
    sides.share("Acme", "plan.pdf", b"%PDF-1.7 ...")
    sides.relay()

    assert sides.files("Helpdesk") == [("plan.pdf", b"%PDF-1.7 ...")]


def test_a_file_post_is_known_by_its_id_once_it_was_seen(sides: Sides) -> None:
    sides.share("Acme", "plan.pdf", b"%PDF")
    sides.relay()

    post = Post.objects.get()
    world = sides.server.world
    [copy] = world.messages.all(world.room_named("Helpdesk").chat)
    assert (post.remote_id, post.is_seen) == (copy.id, True)
    assert Event.objects.count() == 1


def test_a_file_that_is_gone_is_told_of(sides: Sides) -> None:
    sides.share("Acme", "plan.pdf", b"%PDF-1.7", "the plan")
    sides.server.world.add_fault(path="/files/", status=404, count=-1)
    sides.relay()

    [text] = sides.texts("Helpdesk")
    assert text.startswith("[Ann Lee, Acme] the plan\nplan.pdf: http://127.0.0.1:")
    assert text.endswith("/plan.pdf (not given out)")


def test_the_line_in_place_of_a_file_rings_nobody_and_fits(sides: Sides) -> None:
    sides.server.world.set_switches(authenticated_files=True)
    sides.share("Acme", "@all.pdf", b"%PDF-1.7", "the plan")
    sides.share("Acme", "long.pdf", b"%PDF-1.7", "x" * 950)
    sides.server.world.add_fault(path="/file", status=404, count=-1)
    sides.relay()

    first, *more = sides.texts("Helpdesk")
    assert first == "[Ann Lee, Acme] the plan\n@\u200ball.pdf (8 bytes, not given out)"
    assert more == [f"[Ann Lee, Acme] {'x' * 950}", "[Ann Lee, Acme]\nlong.pdf (8 bytes, not given out)"]


def test_a_file_that_is_slow_to_come_holds_up_its_own_room_and_is_told_of_in_the_end(
    sides: Sides, time: Clock
) -> None:
    sides.share("Acme", "plan.pdf", b"%PDF-1.7")
    sides.say("Acme", "after it")
    sides.server.world.add_fault(path="/files/", status=503, count=-1)
    sides.relay(1)

    waiting = Delivery.objects.order_by("pk").first()
    assert waiting is not None
    assert (waiting.status, waiting.attempts, sides.texts("Helpdesk")) == ("queued", 1, [])

    for _ in range(5):
        time.forward(20)
        sides.relay(1)
    told, after = sides.texts("Helpdesk")
    assert told.startswith("[Ann Lee, Acme]\nplan.pdf: http://")
    assert (told.endswith(" (cannot be fetched now)"), after) == (True, "[Ann Lee, Acme] after it")


@pytest.mark.parametrize("cut", ["before", "inside"])
def test_a_cut_off_upload_that_arrived_is_found_by_its_size_and_description(sides: Sides, cut: str) -> None:
    sides.share("Acme", "plan.pdf", b"%PDF-1.7", "the plan")
    sides.server.world.add_fault(path="/share/file", cut=cut, count=1)
    sides.relay()

    assert sides.files("Helpdesk") == [("plan.pdf", b"%PDF-1.7")]
    assert sides.texts("Support") == ["the plan"]
    assert statuses() == ["sent"]


def test_a_cut_off_upload_that_did_not_arrive_is_sent_again_after_its_deadline(
    sides: Sides, time: Clock
) -> None:
    sides.share("Acme", "plan.pdf", b"%PDF-1.7", "the plan")
    sides.server.world.add_fault(path="/share/file", status=502, count=1)
    sides.relay(1)
    time.forward(HipChatConnector.capabilities.file_deadline - 5)
    sides.relay(1)
    assert (statuses(), sides.files("Helpdesk")) == (["sending"], [])

    time.forward(10)
    sides.relay(2)

    assert sides.files("Helpdesk") == [("plan.pdf", b"%PDF-1.7")]
    assert statuses() == ["sent"]


def test_an_upload_is_counted_as_on_the_wire_for_its_own_deadline(
    sides: Sides, monkeypatch: pytest.MonkeyPatch
) -> None:
    seen: list[float] = []

    def send_file(self: HipChatConnector, room: str, file: OutgoingFile) -> str:
        delivery = Delivery.objects.get()
        assert delivery.sending_since is not None
        seen.append((delivery.sending_since - delivery.created_at).total_seconds())
        return ""

    monkeypatch.setattr(HipChatConnector, "send_file", send_file)
    sides.share("Acme", "plan.pdf", b"%PDF-1.7")
    sides.relay(1)

    can = HipChatConnector.capabilities
    assert seen[0] >= can.file_deadline - can.send_deadline
