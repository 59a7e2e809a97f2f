"""Nothing of a user outlives them; what they take along holds no secret and nobody else's data."""

import json
from collections.abc import Iterator
from datetime import timedelta
from typing import Any

import pytest
from allauth.account.models import EmailAddress
from allauth.mfa.models import Authenticator
from django.apps import apps
from django.contrib.admin.models import CHANGE, LogEntry
from django.contrib.auth import SESSION_KEY
from django.contrib.contenttypes.models import ContentType
from django.contrib.sessions.backends.db import SessionStore
from django.db.models import ForeignKey, OneToOneField
from django.test import Client

from accounts import letters, outbox
from accounts.exporting import pieces
from accounts.invitations import invitation_create
from accounts.leaving import LeaveRefused, user_remove
from accounts.models import Letter, LinkedAccount, User
from sameroom import clock
from tests import factories
from tubes.models import Event, MapLink, Mute, Notice, Room, Seat, Tube
from tubes.relay import retention
from tubes.services import claim_begin, claim_code, map_link_make

pytestmark = pytest.mark.django_db

SECRET = "not-for-anybody-else-7421"


@pytest.fixture
def ann() -> User:
    """Somebody with everything that a user can have."""
    ann = factories.user("ann@example.com", first_name="Annabel")
    EmailAddress.objects.create(user=ann, email="ann@example.com", verified=True, primary=True)
    account = factories.account(
        ann,
        remote_user_name="Ann's bot",
        credentials={"team": "acme", "name": "bot", "token": SECRET},
        stream_token=f"since-{SECRET}",
    )
    factories.listing(account, "Annex")
    here = factories.seat(account, factories.room("annex-room"), hook_id="hook-7")
    there = factories.seat(factories.account(ann, team="globex"), factories.room("far-room", team="globex"))
    tube = factories.tube(here, there)
    said = factories.event(here.room, author_name="Cara", body={"v": 1, "blocks": ["what Cara said"]})
    factories.delivery(said, there, status="sent")
    factories.notice(here, "Annex lost a message.")
    invitation_create(email="friend@example.com", invited_by=ann)
    invitation_create(email="ann@example.com")
    Tube.objects.filter(pk=tube.pk).update(status_by=ann)
    return ann


def everything() -> Iterator[tuple[str, dict[str, Any]]]:
    """Every row of every table, with sessions opened."""
    for model in apps.get_models(include_auto_created=True):
        for row in model._default_manager.values():
            if model.__name__ == "Session":
                row["session_data"] = SessionStore().decode(row["session_data"])
            yield model.__name__, row


def traces(user_id: int, *words: str) -> list[str]:
    """What the database still says of a user: rows that name them, or hold one of these words."""
    found = [name for name, row in everything() if any(word in str(row) for word in words)]
    found += [name for name, row in everything() if _is_session_of(row, user_id)]
    for model in apps.get_models(include_auto_created=True):
        for field in model._meta.get_fields():
            if isinstance(field, ForeignKey | OneToOneField) and field.related_model is User:
                found += [model.__name__] * model._default_manager.filter(**{field.name: user_id}).count()
    return found


def _is_session_of(row: dict[str, Any], user_id: int) -> bool:
    data = row.get("session_data")
    return isinstance(data, dict) and data.get(SESSION_KEY) == str(user_id)


def test_nothing_of_a_user_remains(ann: User, client: Client) -> None:
    client.force_login(ann)
    operator = factories.user("operator@example.com", is_staff=True)
    users = ContentType.objects.get_for_model(User)
    LogEntry.objects.create(
        user=operator, content_type=users, object_id=ann.pk, object_repr="ann@example.com", action_flag=CHANGE
    )
    for row in (Tube.objects.owned_by(ann).first(), ann.seats.first(), ann.linked_accounts.first()):
        LogEntry.objects.log_actions(operator.pk, [row], CHANGE, "Done.", single_object=True)
    Room.objects.update(created_at=clock.now() - timedelta(hours=2))
    pk, words = ann.pk, ("ann@example.com", "Annabel", "annex", "Annex", "Ann's", SECRET, "Cara")
    assert len(traces(pk, *words)) > 10

    user_remove(user=ann)
    for letter_id in outbox.due():
        outbox.post(letter_id)
    retention.purge()

    assert traces(pk, *words) == []
    assert client.get("/accounts/").status_code == 302


def test_a_room_where_somebody_else_sits_stays_with_all_that_was_said(ann: User) -> None:
    room = Room.objects.get(remote_id="annex-room")
    other = factories.seat(factories.account(), room)
    Room.objects.update(created_at=clock.now() - timedelta(hours=2))

    user_remove(user=ann)
    retention.purge()

    assert list(Room.objects.all()) == [room]
    assert (Event.objects.count(), list(room.seats.all())) == (1, [other])


def test_rooms_of_nobody_go_in_batches_once_nothing_is_on_its_way(ann: User) -> None:
    room = Room.objects.get(remote_id="annex-room")
    others = [factories.event(room) for _ in range(4)]
    waiting = factories.delivery(others[0], factories.seat())
    Room.objects.update(created_at=clock.now() - timedelta(hours=2))
    user_remove(user=ann)
    assert retention.purge_rooms(batch=2) == 1  # far-room, where nothing was said
    assert retention.purge_rooms(batch=2) == 0

    waiting.delete()
    assert [retention.purge_rooms(batch=2) for _ in range(4)] == [3, 3, 2, 0]

    assert not Room.objects.filter(seats=None).exists()


def test_who_left_is_written_to_once(ann: User) -> None:
    user_remove(user=ann, address="203.0.113.7")

    [letter] = Letter.objects.all()
    assert (letter.to, letter.subject) == ("ann@example.com", "You are deleted at Sameroom")
    assert "from 203.0.113.7" in letter.text
    assert SECRET not in letter.text


def test_who_holds_accounts_that_others_use_cannot_be_deleted(ann: User) -> None:
    factories.account(ann, is_shared=True)

    with pytest.raises(LeaveRefused, match="Remove those first"):
        user_remove(user=ann)

    assert User.objects.filter(pk=ann.pk).exists()


# ------------------------------------------------------------------ taking one's data along


def exported(user: User) -> dict[str, Any]:
    document: dict[str, Any] = json.loads("".join(pieces(user)))
    return document


def test_an_export_holds_what_is_ones_own(ann: User) -> None:
    document = exported(ann)

    assert document["profile"]["email"] == "ann@example.com"
    assert document["profile"]["deliveries_of_the_last_days"] == {"sent": 1}
    assert [row["email"] for row in document["email_addresses"]] == ["ann@example.com"]
    assert [row["email"] for row in document["invitations"]] == ["friend@example.com"]
    assert document["accounts"][0]["remote_user_name"] == "Ann's bot"
    assert [row["room"] for row in document["rooms"]] == ["Annex-room", "Far-room"]
    assert document["rooms"][0]["options"]["name_style"] == "display"
    assert document["rooms"][0]["options"]["commanders"] == "asking"
    assert document["rooms"][0]["muted"] == []
    assert document["tubes"][0]["rooms"] == ["Annex-room", "Far-room"]
    assert (document["tubes"][0]["yours"], document["tubes"][0]["opened_by_you"]) == ([True, True], True)
    assert [row["text"] for row in document["notices"]] == ["Annex lost a message."]
    assert [row["name"] for row in document["rooms_your_accounts_may_enter"]] == ["Annex"]


def test_an_export_holds_portals_and_requests_of_either_side(ann: User) -> None:
    portal = factories.portal(Seat.objects.owned_by(ann).earliest("pk"), most_tubes=3)
    theirs = factories.account(factories.user("bob@example.com"), remote_user_name="Bobs bot")
    factories.portal_request(portal, theirs, room_name="Bobs garden")
    factories.portal_request(
        None, ann.linked_accounts.earliest("pk"), room_name="My attic", status="declined"
    )
    factories.portal_request()

    document = exported(ann)

    [row] = document["portals"]
    assert (row["room"], row["most_tubes"], row["open_tubes"]) == ("Annex-room", 3, 0)
    assert row["address"].endswith(portal.path)
    assert [(it["yours"], it["room"], it["status"]) for it in document["portal_requests"]] == [
        (True, "My attic", "declined"),
        (False, "Bobs garden", "waiting"),
    ]
    assert not {"bob@example.com", "Bobs bot"} & set(json.dumps(document).split('"'))


def test_an_export_holds_second_steps_map_links_and_codes_without_their_secrets(ann: User) -> None:
    Authenticator.objects.create(user=ann, type=Authenticator.Type.TOTP, data={"secret": SECRET})
    link = map_link_make(seat=ann.seats.earliest("pk"))
    MapLink.objects.create(key="over", seat=link.seat, expires_at=clock.now() - timedelta(hours=1))
    bot = factories.account(factories.user("operator@example.com"), is_shared=True)
    claim = claim_begin(owner=ann, account=bot, room_name="Bicycles")
    claim_begin(owner=bot.owner, account=bot, room_name="Not hers")
    Mute.objects.create(seat=link.seat, kind="echo", space="echo#globex", author_id="u-77")

    document = exported(ann)

    assert [(row["kind"], row["last_used_at"]) for row in document["second_steps"]] == [
        ("TOTP Authenticator", None)
    ]
    assert [row["room"] for row in document["map_links"]] == ["Annex-room"]
    assert [(row["service"], row["room"]) for row in document["rooms_asked_for_by_code"]] == [
        ("Echo", "Bicycles")
    ]
    assert document["rooms"][0]["muted"] == ["u-77"]
    assert document["profile"]["first_steps_done_at"] is not None
    text = json.dumps(document)
    for word in (SECRET, link.key, claim_code(claim), "operator@example.com", "Not hers"):
        assert word not in text


def test_every_table_about_a_user_is_exported_or_left_out_for_a_reason() -> None:
    told = {"Authenticator", "EmailAddress", "Invitation", "LinkedAccount", "MapLink", "Mute", "Notice"}
    told |= {"Portal", "PortalRequest", "RoomClaim", "RoomListing", "Seat", "Tube"}
    left_out = {
        "Delivery",  # counted: what was said is other people's
        "JoinCode",  # a secret, for two minutes
        "LogEntry",  # what operators did
        "Room",  # as its Seats
        "User_groups",  # what operators may do
        "User_user_permissions",
    }

    about = {
        model.__name__
        for model in apps.get_models(include_auto_created=True)
        for field in model._meta.get_fields()
        if isinstance(field, ForeignKey | OneToOneField)
        and field.related_model in (User, LinkedAccount, Seat)
    }

    assert about == told | left_out


def test_an_export_holds_no_secret_and_no_message(ann: User) -> None:
    text = "".join(pieces(ann))

    for word in (SECRET, "hook-7", ann.password, "what Cara said", "Cara"):
        assert word not in text


def test_an_export_holds_nothing_of_others_but_a_rooms_name(ann: User) -> None:
    bob = factories.user("bob@example.com")
    theirs = factories.seat(
        factories.account(bob, team="initech", remote_user_name="Bobs bot"),
        factories.room("shared-attic", team="initech"),
    )
    factories.tube(ann.seats.first(), theirs)
    factories.tube(factories.seat(theirs.account, factories.room("bobs-cellar", team="initech")))
    factories.notice(theirs, "Only for Bob.")
    factories.listing(theirs.account, "Bobs den")

    text = "".join(pieces(ann))

    assert "Shared-attic" in text
    for word in ("bob@example.com", "Bobs", "Initech", "Bobs-cellar", "Only for Bob", theirs.account.code):
        assert word not in text


def test_an_export_is_made_piece_by_piece(ann: User) -> None:
    account = ann.linked_accounts.first()
    for number in range(1200):
        factories.listing(account, f"Room {number}", f"r{number}")

    parts = list(pieces(ann))

    assert max(map(len, parts)) < 2000
    assert len(exported(ann)["rooms_your_accounts_may_enter"]) == 1201


def test_linking_and_removing_an_account_are_told_without_its_secret(ann: User) -> None:
    account = ann.linked_accounts.get(remote_user_name="Ann's bot")

    letters.linked(account, address="203.0.113.7")
    letters.removed(account, address="")

    first, second = Letter.objects.order_by("pk")
    assert (first.to, first.subject, second.subject) == (
        "ann@example.com",
        "Ann's bot @ Acme was linked",
        "Ann's bot @ Acme was removed",
    )
    assert "UTC from 203.0.113.7. " in first.text
    assert SECRET not in first.text + second.text
    assert Notice.objects.count() == 1
