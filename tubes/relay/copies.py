"""Where a message stands in a destination room: what an edit, a deletion, a reaction or a reply acts on."""

from __future__ import annotations

from connectors.base import Attachment, Kind, MessageId
from connectors.markup import plain
from connectors.markup.tree import from_json
from tubes.models import Delivery, Event, Post
from tubes.relay.moves import Lane
from tubes.relay.rendering import Copy
from tubes.relay.rendering.files import is_posted

Status = Delivery.Status
NOT_THERE = (Status.FAILED, Status.SKIPPED, Status.REMOVED)


class NotYet(Exception):
    """The message is still on its way to this room, through another lane."""


class Removed(Exception):
    """A moderator took the copy away: what its author makes of it since is not for this room."""


def copy_for(lane: Lane, delivery: Delivery) -> Copy | None:
    """What stands in the delivery's room of the message its event is about; None where nothing does.

    Three queries, four for what changes it; may be repeated. Raises NotYet where that is still open, Removed
    for an edit of what was taken away.
    """
    about = delivery.event.about
    if about is None:
        return None
    if about.room_id == delivery.room_id:
        return _copy(about, [MessageId(about.remote_id)] if about.remote_id else [], is_ours=False)
    original = Delivery.objects.filter(event=about, room=delivery.room_id).select_related("seat").first()
    if original is None or original.status in NOT_THERE:
        if original and original.status == Status.REMOVED and delivery.event.kind == Kind.EDIT:
            raise Removed
        return None
    if original.status in Delivery.OPEN and original.pk < delivery.pk:
        raise NotYet
    posts = _posts(about, delivery)
    ids = [MessageId(post.remote_id) for post in posts if post.remote_id]
    mine = original.seat.account_id == lane.seat.account_id
    return _copy(
        about,
        ids,
        is_ours=mine and len(ids) == len(posts) and bool(ids),
        is_shared=original.lead_id is not None and _is_shared(original.lead_id),
        posts=posts,
        files=_files(lane, about),
    )


def _files(lane: Lane, about: Event) -> int:
    """How many of a message's posts are files."""
    if not lane.seat.takes_files:
        return 0
    files = map(Attachment.from_json, about.attachments)
    return sum(is_posted(lane.connector.capabilities, file) for file in files)


def _posts(about: Event, delivery: Delivery) -> list[Post]:
    """The posts of the message; for what changes it, then those that earlier edits have added."""
    posts = Post.objects.filter(room=delivery.room_id).order_by("delivery", "part")
    found = list(posts.filter(delivery__event=about))
    if delivery.event.kind not in (Kind.EDIT, Kind.DELETE):
        return found
    by_edits = posts.filter(delivery__event__about=about, delivery__event__kind=Kind.EDIT)
    return found + list(by_edits.filter(delivery__lt=delivery.pk))


def _is_shared(lead: int) -> bool:
    return Delivery.objects.filter(lead=lead).count() > 1


def _copy(
    about: Event,
    ids: list[MessageId],
    *,
    is_ours: bool,
    is_shared: bool = False,
    posts: list[Post] | None = None,
    files: int = 0,
) -> Copy:
    return Copy(
        ids=ids,
        is_ours=is_ours,
        is_shared=is_shared,
        posted_at=posts[0].posted_at if posts else about.said_at,
        author_name=about.author_name,
        text=plain.render(from_json(about.body)) if about.body else "",
        said_at=about.said_at,
        files=files,
    )


def reacted_by_others(event: Event) -> bool:
    """Whether somebody else's reaction of this kind to the same message still stands. One query.

    Those that we set ourselves, and were then told of, are nobody's.
    """
    said = Event.objects.filter(about=event.about_id, emoji=event.emoji, pk__lt=event.pk, held=Event.Held.NO)
    stands: dict[str, bool] = {}
    kinds = (Kind.REACTION.value, Kind.UNREACTION.value)
    for author, kind in said.filter(kind__in=kinds).order_by("pk").values_list("author_id", "kind"):
        stands[author] = kind == Kind.REACTION
    return any(still for author, still in stands.items() if author != event.author_id)
